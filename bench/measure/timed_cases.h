/* SPDX-License-Identifier: MIT
 *
 * The list of problems that balact bench kernels times.
 */
#ifndef BALACT_BENCH_MEASURE_TIMED_CASES_H
#define BALACT_BENCH_MEASURE_TIMED_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timed_case {
    const char *name; /* unique */
    int64_t rows, cols;
    int64_t pad; /* columns between rows, in logits and out */
    bool quick;  /* timed by --quick */
};

const struct timed_case *timed_cases(size_t *count);

#endif
