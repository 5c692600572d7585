/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as a list file, then sorted.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_list list;
    struct balact_list_place *places;
    struct balact_error error;
    int64_t count;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, bytes, size);
    text[size] = '\0';
    if (balact_list_parse("fuzz.txt", text, (int64_t)size, &list, &error) != BALACT_OK) {
        if (error.line < 1)
            abort(); /* every error has its line */
        return 0;
    }
    for (int64_t i = 0; i < list.rows; i++)
        if (list.labels[i] < 0 || list.labels[i] >= list.classes || !list.paths[i][0])
            abort();
    if (balact_list_sort(&list, 1, &places, &count, &error) == BALACT_OK)
        free(places);
    balact_list_release(&list);
    return 0;
}
