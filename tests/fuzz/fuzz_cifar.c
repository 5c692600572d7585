/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as an archive of CIFAR. The first byte chooses the options, the rest
 * is the archive.
 */
#include <stdlib.h>

#include "datasets/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const int classes[] = {0, 10, 100, 7};
    static const double imbalance[] = {0, 1, 100, 2.5};
    struct balact_archive *archive;
    struct balact_dataset train, test;
    struct balact_error error;
    if (size == 0)
        return 0;
    struct balact_cifar_options options = {
        .classes = classes[bytes[0] & 3],
        .imbalance = imbalance[bytes[0] >> 2 & 3],
        .order = bytes[0] & 16 ? BALACT_SUBSET_SHUFFLED : BALACT_SUBSET_FILE_ORDER};
    if (balact_archive_open_memory(&archive, "fuzz", bytes + 1, size - 1, &error) != BALACT_OK)
        return 0;
    if (balact_cifar_read(archive, &options, &train, &test, &error) == BALACT_OK)
        for (int64_t i = 0; i < train.rows; i++)
            if (train.labels[i] < 0 || train.labels[i] >= train.classes)
                abort();
    balact_dataset_release(&train);
    balact_dataset_release(&test);
    balact_archive_close(archive);
    return 0;
}
