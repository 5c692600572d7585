/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as an archive, each member read whole, and .npz within it opened.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_members(struct balact_archive *archive, int depth) {
    struct balact_error error;
    bool found;
    /* Tiny inputs can name endless members or zeros; a bound keeps each input quick. */
    for (int member = 0; member < 100; member++) {
        char *content;
        int64_t length;
        if (balact_archive_next(archive, &found, &error) != BALACT_OK || !found)
            return;
        const char *name = balact_archive_basename(archive);
        size_t end = strlen(name);
        struct balact_archive *inner;
        if (depth == 0 && end > 4 && !strcmp(name + end - 4, ".npz")) {
            if (balact_archive_open_nested(&inner, archive, &error) == BALACT_OK)
                read_members(inner, depth + 1);
            balact_archive_close(inner);
        } else if (balact_archive_read_all(archive, 1 << 22, &content, &length, &error) ==
                   BALACT_OK) {
            free(content);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_archive *archive;
    struct balact_error error;
    if (balact_archive_open_memory(&archive, "fuzz", bytes, size, &error) == BALACT_OK)
        read_members(archive, 0);
    balact_archive_close(archive);
    return 0;
}
