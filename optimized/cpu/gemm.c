/* SPDX-License-Identifier: MIT
 *
 * The libraries of the build behind one call, and blocks of a product. Which library, and with what
 * numbers: "Which GEMM" in docs/METHOD.md.
 */
#include "optimized/cpu/gemm.h"

#include <stddef.h>

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

#ifdef BALACT_HAVE_DNNL
static balact_status onednn_gemm(bool a_transposed, bool b_transposed, bool accumulate, int64_t m,
                                 int64_t n, int64_t k, const float *a, int64_t ld_a, const float *b,
                                 int64_t ld_b, float *c, int64_t ld_c) {
    dnnl_status_t status = dnnl_sgemm(a_transposed ? 'T' : 'N', b_transposed ? 'T' : 'N', m, n, k,
                                      1.0f, a, ld_a, b, ld_b, accumulate ? 1.0f : 0.0f, c, ld_c);
    return status == dnnl_success         ? BALACT_OK
           : status == dnnl_out_of_memory ? BALACT_ERROR_MEMORY
                                          : BALACT_ERROR_UNSUPPORTED;
}
#endif

#ifdef BALACT_HAVE_OPENBLAS
static balact_status openblas_gemm(bool a_transposed, bool b_transposed, bool accumulate, int64_t m,
                                   int64_t n, int64_t k, const float *a, int64_t ld_a,
                                   const float *b, int64_t ld_b, float *c, int64_t ld_c) {
    const int64_t sizes[] = {m, n, k, ld_a, ld_b, ld_c};
    for (int i = 0; i < 6; i++)
        if (sizes[i] > INT_MAX) /* its integers are int, also where int64_t would be at hand */
            return BALACT_ERROR_UNSUPPORTED;
    cblas_sgemm(CblasRowMajor, a_transposed ? CblasTrans : CblasNoTrans,
                b_transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1.0f, a,
                (int)ld_a, b, (int)ld_b, accumulate ? 1.0f : 0.0f, c, (int)ld_c);
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
void balact_gemm_thread_begin(void) {
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
}

/* Builds of OpenBLAS with threads of their own have a setting for the whole process only, which is
 * also the only one in reach where this file is compiled without OpenMP. (oneDNN has none: without
 * OpenMP it uses as many threads as OMP_NUM_THREADS says.) */
void balact_gemm_process_begin(void) {
#ifdef BALACT_HAVE_OPENBLAS
#ifdef _OPENMP
    if (openblas_get_parallel() != OPENBLAS_THREAD)
        return;
#endif
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
#endif
}

static void add_row(float *restrict to, const float *restrict row, int64_t n) {
#ifdef _OPENMP
#pragma omp simd
#endif
    for (int64_t j = 0; j < n; j++)
        to[j] += row[j];
}

balact_status balact_product_block(const struct balact_product *p,
                                   const struct balact_blocks *blocks, int64_t block) {
    int64_t row = block / blocks->across * blocks->rows;
    int64_t col = block % blocks->across * blocks->cols;
    int64_t rows = p->m - row < blocks->rows ? p->m - row : blocks->rows;
    int64_t cols = p->n - col < blocks->cols ? p->n - col : blocks->cols;
    float *c = p->c + row * p->ld_c + col;
    balact_status status = BALACT_OK;
    if (p->k > 0) {
        const float *a = p->a + (p->a_transposed ? row : row * p->ld_a);
        const float *b = p->b + (p->b_transposed ? col * p->ld_b : col);
        status = p->gemm(p->a_transposed, p->b_transposed, p->accumulate, rows, cols, p->k, a,
                         p->ld_a, b, p->ld_b, c, p->ld_c);
    } else if (!p->accumulate) {
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < cols; j++)
                c[i * p->ld_c + j] = 0.0f;
    }
    for (int64_t i = 0; p->bias && i < rows; i++)
        add_row(c + i * p->ld_c, p->bias + col, cols);
    return status;
}
