/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as an .npy file. What is read must be as long as its header says.
 */
#include <stdlib.h>

#include "datasets/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_archive *archive;
    struct balact_npy npy;
    struct balact_error error;
    void *data = NULL;
    bool found;
    if (balact_archive_open_bytes(&archive, "fuzz.npy", bytes, size, &error) != BALACT_OK)
        return 0;
    if (balact_archive_next(archive, &found, &error) == BALACT_OK &&
        balact_npy_read_header(archive, &npy, &error) == BALACT_OK &&
        balact_npy_read_data(archive, &npy, &data, &error) == BALACT_OK &&
        (npy.header + npy.bytes != (int64_t)size ||
         npy.bytes != npy.count * balact_npy_type_size(npy.type)))
        abort();
    free(data);
    balact_archive_close(archive);
    return 0;
}
