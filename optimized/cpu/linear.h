/* SPDX-License-Identifier: MIT
 *
 * The linear layer of the CPU backends: matrix products by a library, compiled for any processor.
 */
#ifndef BALACT_OPTIMIZED_CPU_LINEAR_H
#define BALACT_OPTIMIZED_CPU_LINEAR_H

#include "balact/backend.h"

/* Row-major C[m][n] = op(A) op(B), op(A) being [m][k] and op(B) [k][n], single-threaded;
 * *_transposed says that the matrix is stored the other way round. Results depend on the arguments
 * alone. All sizes >= 1. ERROR_UNSUPPORTED if a size is too large for the library. */
typedef balact_status balact_gemm(bool a_transposed, bool b_transposed, int64_t m, int64_t n,
                                  int64_t k, const float *a, int64_t ld_a, const float *b,
                                  int64_t ld_b, float *c, int64_t ld_c);

struct balact_gemm_library {
    const char *name;
    balact_gemm *gemm;
};

/* The libraries of this build, the one in use first; ends with a NULL name. */
extern const struct balact_gemm_library balact_gemm_libraries[];

/* The three products of a layer with a given library, in blocks over threads (see linear.c). */
balact_status balact_linear_forward_with(balact_gemm *gemm, const struct balact_linear_problem *);
balact_status balact_linear_grad_weight_with(balact_gemm *gemm,
                                             const struct balact_linear_problem *);
balact_status balact_linear_grad_input_with(balact_gemm *gemm,
                                            const struct balact_linear_problem *);

balact_status balact_cpu_linear_forward(const struct balact_linear_problem *problem);
balact_status balact_cpu_linear_grad_weight(const struct balact_linear_problem *problem);
balact_status balact_cpu_linear_grad_input(const struct balact_linear_problem *problem);
balact_status balact_cpu_sgd_step(const struct balact_sgd_step *step);

/* Member linear of a CPU backend. */
#if defined(BALACT_HAVE_DNNL)
#define BALACT_CPU_GEMM_NAME "oneDNN"
#elif defined(BALACT_HAVE_OPENBLAS)
#define BALACT_CPU_GEMM_NAME "OpenBLAS"
#endif

#ifdef BALACT_CPU_GEMM_NAME
#define BALACT_CPU_LINEAR                                                                          \
    {                                                                                              \
        .library = BALACT_CPU_GEMM_NAME, .forward = balact_cpu_linear_forward,                     \
        .grad_weight = balact_cpu_linear_grad_weight, .grad_input = balact_cpu_linear_grad_input,  \
        .sgd_step = balact_cpu_sgd_step                                                            \
    }
#else
#define BALACT_CPU_LINEAR                                                                          \
    {                                                                                              \
        .library = "none: built without oneDNN (libdnnl-dev) and OpenBLAS (libopenblas-dev)",      \
        .sgd_step = balact_cpu_sgd_step                                                            \
    }
#endif

#endif
