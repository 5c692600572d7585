/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as the synthetic.json of a synthetic data set.
 */
#include <stdlib.h>

#include "datasets/synthetic.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_error error;
    struct balact_synthetic_options options = {0};
    if (balact_synthetic_options_parse("fuzz", (const char *)bytes, (int64_t)size, &options,
                                       &error) == BALACT_OK &&
        (options.classes < 1 || options.dim < 1 || options.sub_classes > options.classes ||
         options.super_classes > options.sub_classes || !(options.train_factor > 0)))
        abort();
    return 0;
}
