/* SPDX-License-Identifier: MIT
 *
 * Row-major matrix products by cuBLASLt, with plans that are made once and kept.
 */
#ifndef BALACT_OPTIMIZED_CUDA_GEMM_H
#define BALACT_OPTIMIZED_CUDA_GEMM_H

#include "optimized/cuda/cuda.h"

namespace balact_cuda {

/* Row-major C[m][n] = op(A) op(B) + beta C, op(A) being [m][k] and op(B) [k][n]; *_transposed says
 * that the matrix is stored the other way round. Inputs in fp32 or bf16, sums in fp32. */
struct product {
    bool a_transposed, b_transposed;
    int64_t m, n, k; /* >= 1 */
    const void *a, *b;
    int64_t ld_a, ld_b;
    balact_dtype in; /* of A and B: BALACT_F32 or BALACT_BF16 */
    void *c;
    int64_t ld_c;
    balact_dtype out;   /* of C: BALACT_F32, or BALACT_BF16 where the inputs are */
    float beta;         /* with 0 C is not read */
    const float *bias;  /* [n], added to every row of C (out is BALACT_F32); or NULL */
    float *column_sums; /* [m], sums of op(A) along k (out is BALACT_F32); or NULL */
};

/* Scratch memory that a product may want; more rarely helps. */
#define BALACT_PRODUCT_SCRATCH ((size_t)32 << 20)

/* Starts the product on the stream. The way it is computed, split sums along k included, depends on
 * the shape, the pitches and the alignment of the matrices and on the size of the scratch memory
 * (aligned to 256 bytes; may be NULL), and on the version of cuBLASLt and the device: the same call
 * gives the same bits. Sums are never made by atomics. ERROR_UNSUPPORTED without cuBLASLt, or if it
 * has no way. */
balact_status product_run(const product *p, void *scratch, size_t scratch_bytes,
                          cudaStream_t stream);

/* The same with scratch memory that is taken for the time of the product. */
balact_status product_run(const product *p, cudaStream_t stream);

/* Times the ways that cuBLASLt offers for the product, on its own matrices (whose C is
 * overwritten), and keeps the best for all later calls of this shape, pitch and alignment in this
 * process. Waits. seconds gets its time; may be NULL. */
balact_status product_tune(const product *p, void *scratch, size_t scratch_bytes,
                           cudaStream_t stream, double *seconds);

} // namespace balact_cuda

#endif
