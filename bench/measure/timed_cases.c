/* SPDX-License-Identifier: MIT
 *
 * See timed_cases.h. 1000, 1203, 1204 and 21841 are ImageNet-LT, LVIS-1.0, LVIS-1.0 with background
 * and ImageNet-21k; 200,000 classes are a row longer than an L2 cache of 512 KiB. 256 x 1000 lies
 * in L2, 8192 x 1204 beyond most L3s.
 */
#include "bench/measure/timed_cases.h"

static const struct timed_case cases[] = {
    {"256x1000", 256, 1000, 0, true},
    {"4096x1000", 4096, 1000, 0, true},
    {"8192x1204", 8192, 1204, 0, false},
    {"8192x1203", 8192, 1203, 0, false},
    {"2048x1203", 2048, 1203, 0, true},
    {"2048x21841", 2048, 21841, 0, false},
    {"256x200000", 256, 200000, 0, false},
    {"8192x10", 8192, 10, 0, false},
    {"4096x100", 4096, 100, 0, false},
    {"1000x1203-padded", 1000, 1203, 13, false}, /* rows begin anywhere */
    {"64x65537", 64, 65537, 0, false},
};

const struct timed_case *timed_cases(size_t *count) {
    *count = sizeof cases / sizeof *cases;
    return cases;
}
