/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as an archive of features. The first byte is the number of classes.
 */
#include <stdlib.h>

#include "datasets/features.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_archive *archive;
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    struct balact_error error;
    if (size == 0 || balact_archive_open_memory(&archive, "fuzz", bytes + 1, size - 1, &error) !=
                         BALACT_OK)
        return 0;
    balact_features_read(archive, bytes[0], splits, &error);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        for (int64_t row = 0; row < splits[i].rows; row++)
            if (splits[i].labels[row] < 0 || splits[i].labels[row] >= splits[i].classes)
                abort();
        balact_dataset_release(&splits[i]);
    }
    balact_archive_close(archive);
    return 0;
}
