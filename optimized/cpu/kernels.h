/* SPDX-License-Identifier: MIT
 *
 * How the kernels of one vector width meet: those for the 16-bit types are compiled in files of
 * their own (the templates know one storage type at a time) and the backend chooses by the
 * problem's type.
 */
#ifndef BALACT_OPTIMIZED_CPU_KERNELS_H
#define BALACT_OPTIMIZED_CPU_KERNELS_H

#include "balact/backend.h"

/* [family][operation]; in-place entries are those of the separate form. */
typedef balact_kernel *const balact_family_kernels[2][BALACT_OPERATION_COUNT];

extern balact_family_kernels balact_avx2_f16_kernels, balact_avx2_bf16_kernels;
extern balact_family_kernels balact_avx512_f16_kernels, balact_avx512_bf16_kernels;

/* The table of the including file's storage type. In place is the same code: every element is read
 * before its place is written, and the label's logit is read first. */
#define CPU_FAMILY_ROW(FAMILY)                                                                     \
    [BALACT_FAMILY_##FAMILY] = {[BALACT_FORWARD] = FAMILY##_forward,                               \
                                [BALACT_FORWARD_IN_PLACE] = FAMILY##_forward,                      \
                                [BALACT_LOSS] = FAMILY##_loss,                                     \
                                [BALACT_LOSS_GRAD] = FAMILY##_loss_grad,                           \
                                [BALACT_LOSS_GRAD_IN_PLACE] = FAMILY##_loss_grad}
#define CPU_FAMILIES(isa, dtype)                                                                   \
    balact_family_kernels balact_##isa##_##dtype##_kernels = {CPU_FAMILY_ROW(SOFTMAX),             \
                                                              CPU_FAMILY_ROW(SIGMOID)};

/* For each family and operation a kernel that looks at the type. */
#define CPU_DISPATCH(isa, FAMILY, OPERATION, operation)                                            \
    static balact_status isa##_##FAMILY##_##operation(const struct balact_problem *p) {            \
        const int family = BALACT_FAMILY_##FAMILY;                                                 \
        return p->dtype == BALACT_F16    ? balact_##isa##_f16_kernels[family][OPERATION](p)        \
               : p->dtype == BALACT_BF16 ? balact_##isa##_bf16_kernels[family][OPERATION](p)       \
                                         : FAMILY##_##operation(p);                                \
    }
#define CPU_BY_DTYPE(isa)                                                                          \
    CPU_DISPATCH(isa, SOFTMAX, BALACT_FORWARD, forward)                                            \
    CPU_DISPATCH(isa, SOFTMAX, BALACT_LOSS, loss)                                                  \
    CPU_DISPATCH(isa, SOFTMAX, BALACT_LOSS_GRAD, loss_grad)                                        \
    CPU_DISPATCH(isa, SIGMOID, BALACT_FORWARD, forward)                                            \
    CPU_DISPATCH(isa, SIGMOID, BALACT_LOSS, loss)                                                  \
    CPU_DISPATCH(isa, SIGMOID, BALACT_LOSS_GRAD, loss_grad)

/* Rows of the backend's kernel table. */
#define CPU_KERNELS(isa, ID, FAMILY)                                                               \
    [BALACT_##ID] = {[BALACT_FORWARD] = isa##_##FAMILY##_forward,                                  \
                     [BALACT_FORWARD_IN_PLACE] = isa##_##FAMILY##_forward,                         \
                     [BALACT_LOSS] = isa##_##FAMILY##_loss,                                        \
                     [BALACT_LOSS_GRAD] = isa##_##FAMILY##_loss_grad,                              \
                     [BALACT_LOSS_GRAD_IN_PLACE] = isa##_##FAMILY##_loss_grad},
#define CPU_KERNELS_AVX2(ID, name, title, FAMILY, ...)   CPU_KERNELS(avx2, ID, FAMILY)
#define CPU_KERNELS_AVX512(ID, name, title, FAMILY, ...) CPU_KERNELS(avx512, ID, FAMILY)

#endif
