/* SPDX-License-Identifier: MIT
 *
 * What the fused head (head.c) needs compiled for one vector width: avx2.c and avx512.c include it.
 * The compiler makes the vectors; the order of the sums is that of the rows at every width.
 */
#include "optimized/cpu/head.h"

#ifdef BALACT_CPU_GEMM_NAME
/* sum[j] += sum_i d[i * ld + j], j < cols. */
static void column_sums(const float *d, int64_t ld, int64_t rows, int64_t cols,
                        double *restrict sum) {
    for (int64_t i = 0; i < rows; i++) {
        const float *restrict row = d + i * ld;
#ifdef _OPENMP
#pragma omp simd
#endif
        for (int64_t j = 0; j < cols; j++)
            sum[j] += row[j];
    }
}

static balact_status head_run(const struct balact_backend *backend,
                              enum balact_activation activation,
                              const struct balact_head_problem *problem) {
    return balact_cpu_head_run(backend->kernels[activation], column_sums, problem);
}

/* Member head of a CPU backend. */
#define BALACT_CPU_HEAD                                                                            \
    { .workspace = balact_cpu_head_workspace, .run = head_run }
#else
#define BALACT_CPU_HEAD                                                                            \
    { NULL, NULL }
#endif
