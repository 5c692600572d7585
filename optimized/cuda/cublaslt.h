/* SPDX-License-Identifier: MIT
 *
 * cuBLASLt, found when it is first needed: it is large, and a machine that only computes on CPUs
 * has none. A program linked with balact starts without it.
 */
#ifndef BALACT_OPTIMIZED_CUDA_CUBLASLT_H
#define BALACT_OPTIMIZED_CUDA_CUBLASLT_H

#include <stddef.h>

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>
#define BALACT_HAVE_CUBLASLT 1

/* X(member, function): what is used of it. */
#define BALACT_CUBLASLT_LIST(X)                                                                    \
    X(create, cublasLtCreate)                                                                      \
    X(version, cublasLtGetVersion)                                                                 \
    X(matmul, cublasLtMatmul)                                                                      \
    X(heuristic, cublasLtMatmulAlgoGetHeuristic)                                                   \
    X(desc_create, cublasLtMatmulDescCreate)                                                       \
    X(desc_set, cublasLtMatmulDescSetAttribute)                                                    \
    X(desc_destroy, cublasLtMatmulDescDestroy)                                                     \
    X(layout_create, cublasLtMatrixLayoutCreate)                                                   \
    X(layout_destroy, cublasLtMatrixLayoutDestroy)                                                 \
    X(preference_create, cublasLtMatmulPreferenceCreate)                                           \
    X(preference_set, cublasLtMatmulPreferenceSetAttribute)                                        \
    X(preference_destroy, cublasLtMatmulPreferenceDestroy)
#endif

namespace balact_cuda {

#ifdef BALACT_HAVE_CUBLASLT
struct cublaslt {
    cublasLtHandle_t handle;
#define BALACT_CUBLASLT_MEMBER(member, function) decltype(&function) member;
    BALACT_CUBLASLT_LIST(BALACT_CUBLASLT_MEMBER)
#undef BALACT_CUBLASLT_MEMBER
};

/* NULL where there is none; why is in last_message(). Safe from any thread. */
const cublaslt *cublaslt_find();
#endif

/* "cuBLASLt 13.1.0", or why there is none. */
void products_describe(char *text, size_t size);

} // namespace balact_cuda

#endif
