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

#ifdef BALACT_HAVE_DNNL
#include <dnnl.h>
#endif
#ifdef BALACT_HAVE_OPENBLAS
#include <cblas-openblas.h>
#include <limits.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

/* Rows and columns of an output block: the largest that leaves MANY_BLOCKS to share out. Larger
 * ones pack their operands less often; docs/METHOD.md has the price. */
static const int64_t block_sizes[][2] = {{512, 1024}, {512, 512}, {256, 512}};
enum { BLOCK_SIZES = sizeof block_sizes / sizeof *block_sizes, MANY_BLOCKS = 8 };

#ifdef BALACT_HAVE_DNNL
static balact_status onednn_gemm(bool a_transposed, bool b_transposed, int64_t m, int64_t n,
                                 int64_t k, const float *a, int64_t ld_a, const float *b,
                                 int64_t ld_b, float *c, int64_t ld_c) {
    dnnl_status_t status = dnnl_sgemm(a_transposed ? 'T' : 'N', b_transposed ? 'T' : 'N', m, n, k,
                                      1.0f, a, ld_a, b, ld_b, 0.0f, c, ld_c);
    return status == dnnl_success         ? BALACT_OK
           : status == dnnl_out_of_memory ? BALACT_ERROR_MEMORY
                                          : BALACT_ERROR_UNSUPPORTED;
}
#endif

#ifdef BALACT_HAVE_OPENBLAS
static balact_status openblas_gemm(bool a_transposed, bool b_transposed, int64_t m, int64_t n,
                                   int64_t k, const float *a, int64_t ld_a, const float *b,
                                   int64_t ld_b, float *c, int64_t ld_c) {
    const int64_t sizes[] = {m, n, k, ld_a, ld_b, ld_c};
    for (int i = 0; i < 6; i++)
        if (sizes[i] > INT_MAX) /* its integers are int, also where int64_t would be at hand */
            return BALACT_ERROR_UNSUPPORTED;
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a,
                (int)ld_a, b, (int)ld_b, 0.0f, c, (int)ld_c);
    return BALACT_OK;
}
#endif

const struct balact_gemm_library balact_gemm_libraries[] = {
#ifdef BALACT_HAVE_DNNL
    {"oneDNN", onednn_gemm},
#endif
#ifdef BALACT_HAVE_OPENBLAS
    {"OpenBLAS", openblas_gemm},
#endif
    {NULL, NULL},
};

/* Makes the library run on the calling thread alone. omp_set_num_threads() inside a parallel region
 * holds for this thread's part of the region and leaves the program's setting alone; both oneDNN
 * and the OpenMP build of OpenBLAS obey it, also where the region itself has one thread only. */
static void library_single_threaded(void) {
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
}

/* Builds of OpenBLAS with threads of their own have a setting for the whole process only, which is
 * also the only one in reach where this file is compiled without OpenMP. (oneDNN has none: without
 * OpenMP it uses as many threads as OMP_NUM_THREADS says.) */
static void openblas_single_threaded(void) {
#ifdef BALACT_HAVE_OPENBLAS
#ifdef _OPENMP
    if (openblas_get_parallel() != OPENBLAS_THREAD)
        return;
#endif
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
#endif
}

struct product {
    balact_gemm *gemm;
    bool a_transposed, b_transposed;
    int64_t m, n, k;
    const float *a, *b;
    int64_t ld_a, ld_b;
    float *c;
    int64_t ld_c;
    const float *bias; /* [n], added to every row of C; or NULL */
};

/* The cutting of an output; by its shape alone. */
struct blocks {
    int64_t rows, cols;    /* of one block */
    int64_t across, count; /* in a row of blocks, and in all */
};

static struct blocks blocks_of(int64_t m, int64_t n) {
    struct blocks blocks = {0};
    for (int i = 0; i < BLOCK_SIZES && blocks.count < MANY_BLOCKS; i++) {
        blocks.rows = block_sizes[i][0];
        blocks.cols = block_sizes[i][1];
        blocks.across = (n + blocks.cols - 1) / blocks.cols;
        blocks.count = (m + blocks.rows - 1) / blocks.rows * blocks.across;
    }
    return blocks;
}

static void add_row(float *restrict to, const float *restrict row, int64_t n) {
#ifdef _OPENMP
#pragma omp simd
#endif
    for (int64_t j = 0; j < n; j++)
        to[j] += row[j];
}

static balact_status product_block(const struct product *p, const struct blocks *blocks,
                                   int64_t block) {
    int64_t row = block / blocks->across * blocks->rows;
    int64_t col = block % blocks->across * blocks->cols;
    int64_t rows = p->m - row < blocks->rows ? p->m - row : blocks->rows;
    int64_t cols = p->n - col < blocks->cols ? p->n - col : blocks->cols;
    float *c = p->c + row * p->ld_c + col;
    balact_status status = BALACT_OK;
    if (p->k > 0) {
        const float *a = p->a + (p->a_transposed ? row : row * p->ld_a);
        const float *b = p->b + (p->b_transposed ? col * p->ld_b : col);
        status = p->gemm(p->a_transposed, p->b_transposed, rows, cols, p->k, a, p->ld_a, b, p->ld_b,
                         c, p->ld_c);
    } else {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                c[i * p->ld_c + j] = 0.0f;
    }
    for (int64_t i = 0; p->bias && i < rows; i++)
        add_row(c + i * p->ld_c, p->bias + col, cols);
    return status;
}

/* Below this many multiplications waking the threads takes longer than the work. */
#define PARALLEL_PRODUCT 1048576.0

static balact_status product_run(const struct product *p) {
    struct blocks blocks = blocks_of(p->m, p->n);
    int failure = BALACT_OK;
    openblas_single_threaded();
#ifdef _OPENMP
#pragma omp parallel if ((double)p->m * (double)p->n * (double)p->k >= PARALLEL_PRODUCT)
#endif
    {
        library_single_threaded();
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
        for (int64_t block = 0; block < blocks.count; block++) {
            balact_status status = product_block(p, &blocks, block);
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
    struct product product = {.gemm = gemm,
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
    struct product product = {.gemm = gemm,
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
    struct product product = {.gemm = gemm,
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

/* Each parameter by itself, so that neither vectors nor threads change a bit. The Nesterov form is
 * g + momentum * velocity, the plain one velocity. */
balact_status balact_cpu_sgd_step(const struct balact_sgd_step *s) {
    float *restrict parameter = s->parameter, *restrict velocity = s->velocity;
    const float *restrict gradient = s->gradient;
    const float lr = s->lr, momentum = s->momentum, decay = s->weight_decay;
    const float g_share = s->nesterov ? 1.0f : 0.0f, v_share = s->nesterov ? momentum : 1.0f;
#ifdef _OPENMP
#pragma omp parallel for simd schedule(static) if (s->n >= 65536)
#endif
    for (int64_t i = 0; i < s->n; i++) {
        float g = gradient[i] + decay * parameter[i];
        float v = momentum * velocity[i] + g;
        velocity[i] = v;
        parameter[i] -= lr * (g_share * g + v_share * v);
    }
    return BALACT_OK;
}
