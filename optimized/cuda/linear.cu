/* SPDX-License-Identifier: MIT
 *
 * The linear layer and the SGD step as single calls (struct balact_linear). The fused head
 * (head.cu) is the faster way to the same gradients.
 */
#include "optimized/cuda/linear.h"

#include "optimized/cuda/backend_parts.h"
#include "optimized/cuda/columns.cuh"
#include "optimized/cuda/gemm.h"
#include "optimized/cuda/runtime.h"
#include "optimized/cuda/sgd.cuh"

namespace balact_cuda {

/* ---- Adding a bias ---- */

static __global__ void add_bias_kernel(float *logits, int64_t ld, int64_t rows, int64_t cols,
                                       const float *bias) {
    int64_t col = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (col >= cols)
        return;
    float b = load_one(bias + col);
    for (int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
        float *place = logits + row * ld + col;
        store_one(place, load_one_written(place) + b);
    }
}

static balact_status add_bias(float *logits, int64_t ld, int64_t rows, int64_t cols,
                              const float *bias, cudaStream_t stream) {
    enum { THREADS = 128, MOST_ROWS = 1024 };
    launch_shape shape = {dim3((unsigned)((cols + THREADS - 1) / THREADS),
                               (unsigned)(rows < MOST_ROWS ? rows : (int64_t)MOST_ROWS)),
                          dim3(THREADS), 0, 1, stream};
    return cuda_status(launch(add_bias_kernel, shape, logits, ld, rows, cols, bias));
}

/* cuBLASLt says nothing of the alignment that its epilogue needs of a bias: 16 bytes are enough. */
static bool bias_fits_epilogue(const float *bias) {
    return bias && (uintptr_t)bias % 16 == 0;
}

balact_status logits_run(const balact_linear_problem *p, void *scratch, size_t scratch_bytes,
                         cudaStream_t stream) {
    product logits = {};
    logits.b_transposed = true;
    logits.m = p->rows, logits.n = p->classes, logits.k = p->dim;
    logits.a = p->x, logits.ld_a = p->ld_x;
    logits.b = p->weight, logits.ld_b = p->ld_weight;
    logits.c = p->logits, logits.ld_c = p->ld_logits;
    logits.bias = bias_fits_epilogue(p->bias) ? p->bias : NULL;
    balact_status status = product_run(&logits, scratch, scratch_bytes, stream);
    if (status == BALACT_OK && p->bias && !logits.bias)
        status = add_bias(p->logits, p->ld_logits, p->rows, p->classes, p->bias, stream);
    return status;
}

balact_status weight_gradient_run(const balact_linear_problem *p, bool accumulate, void *scratch,
                                  size_t scratch_bytes, cudaStream_t stream) {
    product gradient = {};
    gradient.a_transposed = true;
    gradient.m = p->classes, gradient.n = p->dim, gradient.k = p->rows;
    gradient.a = p->dlogits, gradient.ld_a = p->ld_logits;
    gradient.b = p->x, gradient.ld_b = p->ld_x;
    gradient.c = p->dweight, gradient.ld_c = p->ld_weight;
    gradient.beta = accumulate ? 1.0f : 0.0f;
    return product_run(&gradient, scratch, scratch_bytes, stream);
}

balact_status input_gradient_run(const balact_linear_problem *p, void *scratch,
                                 size_t scratch_bytes, cudaStream_t stream) {
    product gradient = {};
    gradient.m = p->rows, gradient.n = p->dim, gradient.k = p->classes;
    gradient.a = p->dlogits, gradient.ld_a = p->ld_logits;
    gradient.b = p->weight, gradient.ld_b = p->ld_weight;
    gradient.c = p->dx, gradient.ld_c = p->ld_x;
    return product_run(&gradient, scratch, scratch_bytes, stream);
}

/* ---- The bias gradient ---- */

size_t bias_gradient_bytes(int64_t rows, int64_t classes) {
    return (size_t)classes * sizeof(kept_sum) + (size_t)(slabs_of(rows) * classes) * sizeof(float);
}

balact_status bias_gradient_run(const balact_linear_problem *p, bool first, bool last, void *memory,
                                cudaStream_t stream) {
    kept_sum *sums = (kept_sum *)memory;
    float *partial = (float *)(sums + p->classes);
    bool whole = (uintptr_t)p->dlogits % 16 == 0 && p->ld_logits % 4 == 0;
    cudaError_t error = whole ? start_slabs<float, true>(p->dlogits, p->ld_logits, p->rows,
                                                         p->classes, partial, stream)
                              : start_slabs<float, false>(p->dlogits, p->ld_logits, p->rows,
                                                          p->classes, partial, stream);
    if (error == cudaSuccess)
        error = start_totals(partial, slabs_of(p->rows), p->classes, sums, first, last, p->dbias,
                             stream);
    return cuda_status(error);
}

balact_status zero_gradients(const balact_linear_problem *p, cudaStream_t stream) {
    cudaError_t error = cudaSuccess;
    if (p->dweight)
        error = cudaMemset2DAsync(p->dweight, (size_t)p->ld_weight * sizeof(float), 0,
                                  (size_t)p->dim * sizeof(float), (size_t)p->classes, stream);
    if (error == cudaSuccess && p->dbias)
        error = cudaMemsetAsync(p->dbias, 0, (size_t)p->classes * sizeof(float), stream);
    return cuda_status(error);
}

/* ---- The members ---- */

balact_status linear_forward(const balact_linear_problem *p) {
    cudaStream_t stream;
    void *scratch = NULL;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK || p->rows == 0)
        return status;
    status = scratch_take(&scratch, BALACT_PRODUCT_SCRATCH, stream);
    if (status == BALACT_OK)
        status = logits_run(p, scratch, BALACT_PRODUCT_SCRATCH, stream);
    return scratch_give(scratch, stream, status);
}

balact_status linear_grad_weight(const balact_linear_problem *p) {
    cudaStream_t stream;
    void *scratch = NULL;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK)
        return status;
    if (p->rows == 0)
        return zero_gradients(p, stream);
    size_t sums = p->dbias ? bias_gradient_bytes(p->rows, p->classes) : 0;
    status = scratch_take(&scratch, BALACT_PRODUCT_SCRATCH + sums, stream);
    if (status == BALACT_OK && p->dbias)
        status = bias_gradient_run(p, true, true, (char *)scratch + BALACT_PRODUCT_SCRATCH, stream);
    if (status == BALACT_OK)
        status = weight_gradient_run(p, false, scratch, BALACT_PRODUCT_SCRATCH, stream);
    return scratch_give(scratch, stream, status);
}

balact_status linear_grad_input(const balact_linear_problem *p) {
    cudaStream_t stream;
    void *scratch = NULL;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK || p->rows == 0)
        return status;
    status = scratch_take(&scratch, BALACT_PRODUCT_SCRATCH, stream);
    if (status == BALACT_OK)
        status = input_gradient_run(p, scratch, BALACT_PRODUCT_SCRATCH, stream);
    return scratch_give(scratch, stream, status);
}

balact_status linear_sgd_step(const balact_sgd_step *s) {
    enum { THREADS = 256, BLOCKS_A_MULTIPROCESSOR = 8 };
    cudaStream_t stream;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK || s->n == 0)
        return status;
    bool whole =
        ((uintptr_t)s->parameter | (uintptr_t)s->velocity | (uintptr_t)s->gradient) % 16 == 0;
    int64_t pieces = whole ? s->n / 4 : 0, work = whole ? pieces + 3 : s->n;
    int64_t blocks = (work + THREADS - 1) / THREADS;
    int64_t most = (int64_t)facts().multiprocessors * BLOCKS_A_MULTIPROCESSOR;
    sgd_rates rates = {s->lr, s->momentum, s->weight_decay, s->nesterov};
    launch_shape shape = {dim3((unsigned)(blocks < most ? blocks : most)), dim3(THREADS), 0, 1,
                          stream};
    return cuda_status(
        launch(sgd_kernel, shape, rates, s->n, pieces, s->parameter, s->velocity, s->gradient));
}

} // namespace balact_cuda
