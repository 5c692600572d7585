/* SPDX-License-Identifier: MIT
 *
 * The linear layer of the CPU backends: matrix products by a library, compiled for any processor.
 */
#ifndef BALACT_OPTIMIZED_CPU_LINEAR_H
#define BALACT_OPTIMIZED_CPU_LINEAR_H

#include "balact/backend.h"
#include "optimized/cpu/gemm.h"

/* The three products of a layer with a given library, in blocks over threads (see linear.c). */
balact_status balact_linear_forward_with(balact_gemm *gemm, const struct balact_linear_problem *);
balact_status balact_linear_grad_weight_with(balact_gemm *gemm,
                                             const struct balact_linear_problem *);
balact_status balact_linear_grad_input_with(balact_gemm *gemm,
                                            const struct balact_linear_problem *);

balact_status balact_cpu_linear_forward(const struct balact_linear_problem *problem);
balact_status balact_cpu_linear_grad_weight(const struct balact_linear_problem *problem);
balact_status balact_cpu_linear_grad_input(const struct balact_linear_problem *problem);

/* Member linear of a CPU backend, with the step of its own width (sgd_template.h). */
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
        .sgd_step = sgd_step                                                                       \
    }
#else
#define BALACT_CPU_LINEAR                                                                          \
    {                                                                                              \
        .library = "none: built without oneDNN (libdnnl-dev) and OpenBLAS (libopenblas-dev)",      \
        .sgd_step = sgd_step                                                                       \
    }
#endif

#endif
