/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as a class-count file, CSV or JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/counts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_error error;
    int64_t *counts;
    int32_t classes;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, bytes, size);
    text[size] = '\0';
    if (balact_counts_parse("fuzz", text, (int64_t)size, NULL, &counts, &classes, &error) ==
        BALACT_OK) {
        for (int32_t c = 0; c < classes; c++)
            if (counts[c] < 0)
                abort();
    } else if (counts || classes) {
        abort();
    }
    free(counts);
    free(text);
    return 0;
}
