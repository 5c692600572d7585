/* SPDX-License-Identifier: MIT
 *
 * The linear layer over a library's matrix product. Which library, and with what numbers: "Which
 * GEMM" in docs/METHOD.md.
 *
 * The product is cut into blocks of the OUTPUT whose sizes depend on the shape alone. Each block is
 * one single-threaded call of the library, and threads take whole blocks. So the order of every
 * sum, and with it every bit, is the same for any number of threads, which the libraries' own
 * threading does not promise.
 */
#include "optimized/cpu/linear.h"

/* Rows and columns of an output block: the largest that leaves MANY_BLOCKS to share out. Larger
 * ones pack their operands less often; docs/METHOD.md has the price. */
static const int64_t block_sizes[][2] = {{512, 1024}, {512, 512}, {256, 512}};
enum { BLOCK_SIZES = sizeof block_sizes / sizeof *block_sizes, MANY_BLOCKS = 8 };

static struct balact_blocks blocks_of(int64_t m, int64_t n) {
    struct balact_blocks blocks = {0};
    for (int i = 0; i < BLOCK_SIZES && blocks.count < MANY_BLOCKS; i++) {
        blocks.rows = block_sizes[i][0];
        blocks.cols = block_sizes[i][1];
        blocks.across = (n + blocks.cols - 1) / blocks.cols;
        blocks.count = (m + blocks.rows - 1) / blocks.rows * blocks.across;
    }
    return blocks;
}

static balact_status product_run(const struct balact_product *p) {
    struct balact_blocks blocks = blocks_of(p->m, p->n);
    int failure = BALACT_OK;
    balact_gemm_process_begin();
#ifdef _OPENMP
#pragma omp parallel if ((double)p->m * (double)p->n * (double)p->k >= BALACT_PARALLEL_PRODUCT)
#endif
    {
        balact_gemm_thread_begin();
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
        for (int64_t block = 0; block < blocks.count; block++) {
            balact_status status = balact_product_block(p, &blocks, block);
            if (status != BALACT_OK) {
#ifdef _OPENMP
#pragma omp atomic write
#endif
                failure = (int)status;
            }
        }
    }
    return (balact_status)failure;
}

balact_status balact_linear_forward_with(balact_gemm *gemm, const struct balact_linear_problem *p) {
    struct balact_product product = {.gemm = gemm,
                                     .b_transposed = true,
                                     .m = p->rows,
                                     .n = p->classes,
                                     .k = p->dim,
                                     .a = p->x,
                                     .ld_a = p->ld_x,
                                     .b = p->weight,
                                     .ld_b = p->ld_weight,
                                     .c = p->logits,
                                     .ld_c = p->ld_logits,
                                     .bias = p->bias};
    return product_run(&product);
}

static void add_row_double(double *restrict to, const float *restrict row, int64_t n) {
#ifdef _OPENMP
#pragma omp simd
#endif
    for (int64_t j = 0; j < n; j++)
        to[j] += row[j];
}

/* Column sums of dlogits, in double and in the order of the rows. */
static void bias_gradient(const struct balact_linear_problem *p) {
    enum { STRIP = 64 };
#ifdef _OPENMP
#pragma omp parallel for schedule(static) if (p->rows * p->classes >= 65536)
#endif
    for (int64_t begin = 0; begin < p->classes; begin += STRIP) {
        int64_t width = p->classes - begin < STRIP ? p->classes - begin : STRIP;
        double sum[STRIP] = {0};
        for (int64_t i = 0; i < p->rows; i++)
            add_row_double(sum, p->dlogits + i * p->ld_logits + begin, width);
        for (int64_t j = 0; j < width; j++)
            p->dbias[begin + j] = (float)sum[j];
    }
}

balact_status balact_linear_grad_weight_with(balact_gemm *gemm,
                                             const struct balact_linear_problem *p) {
    struct balact_product product = {.gemm = gemm,
                                     .a_transposed = true,
                                     .m = p->classes,
                                     .n = p->dim,
                                     .k = p->rows,
                                     .a = p->dlogits,
                                     .ld_a = p->ld_logits,
                                     .b = p->x,
                                     .ld_b = p->ld_x,
                                     .c = p->dweight,
                                     .ld_c = p->ld_weight};
    if (p->dbias)
        bias_gradient(p);
    return product_run(&product);
}

balact_status balact_linear_grad_input_with(balact_gemm *gemm,
                                            const struct balact_linear_problem *p) {
    struct balact_product product = {.gemm = gemm,
                                     .m = p->rows,
                                     .n = p->dim,
                                     .k = p->classes,
                                     .a = p->dlogits,
                                     .ld_a = p->ld_logits,
                                     .b = p->weight,
                                     .ld_b = p->ld_weight,
                                     .c = p->dx,
                                     .ld_c = p->ld_x};
    return product_run(&product);
}

balact_status balact_cpu_linear_forward(const struct balact_linear_problem *problem) {
    return balact_linear_forward_with(balact_gemm_libraries[0].gemm, problem);
}

balact_status balact_cpu_linear_grad_weight(const struct balact_linear_problem *problem) {
    return balact_linear_grad_weight_with(balact_gemm_libraries[0].gemm, problem);
}

balact_status balact_cpu_linear_grad_input(const struct balact_linear_problem *problem) {
    return balact_linear_grad_input_with(balact_gemm_libraries[0].gemm, problem);
}
