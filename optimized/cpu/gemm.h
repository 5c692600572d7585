/* SPDX-License-Identifier: MIT
 *
 * Matrix products by a library, in blocks of the output whose bits do not depend on the number of
 * threads: what the linear layer and the fused head are made of.
 */
#ifndef BALACT_OPTIMIZED_CPU_GEMM_H
#define BALACT_OPTIMIZED_CPU_GEMM_H

#include <stdbool.h>
#include <stdint.h>

#include "balact/status.h"

/* Row-major C[m][n] = op(A) op(B), or C += op(A) op(B) where `accumulate`, op(A) being [m][k] and
 * op(B) [k][n]; *_transposed says that the matrix is stored the other way round. On as many threads
 * as the library takes, see balact_gemm_thread_begin(). Results of a single thread depend on the
 * arguments alone. All sizes >= 1. ERROR_UNSUPPORTED if a size is too large for the library. */
typedef balact_status balact_gemm(bool a_transposed, bool b_transposed, bool accumulate, int64_t m,
                                  int64_t n, int64_t k, const float *a, int64_t ld_a,
                                  const float *b, int64_t ld_b, float *c, int64_t ld_c);

struct balact_gemm_library {
    const char *name;
    balact_gemm *gemm;
};

/* The libraries of this build, the one in use first; ends with a NULL name. */
extern const struct balact_gemm_library balact_gemm_libraries[];

/* Makes the library single-threaded: the first once before a parallel region, the second by every
 * thread in it. */
void balact_gemm_process_begin(void);
void balact_gemm_thread_begin(void);

struct balact_product {
    balact_gemm *gemm;
    bool a_transposed, b_transposed, accumulate;
    int64_t m, n, k;
    const float *a, *b;
    int64_t ld_a, ld_b;
    float *c;
    int64_t ld_c;
    const float *bias; /* [n], added to every row of C; or NULL */
};

/* Below this many multiplications waking the threads takes longer than the work. */
#define BALACT_PARALLEL_PRODUCT 1048576.0

/* The cutting of an output; by its shape alone. */
struct balact_blocks {
    int64_t rows, cols;    /* of one block */
    int64_t across, count; /* in a row of blocks, and in all */
};

/* One block, on the calling thread. */
balact_status balact_product_block(const struct balact_product *product,
                                   const struct balact_blocks *blocks, int64_t block);

#endif
