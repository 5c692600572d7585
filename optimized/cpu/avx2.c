/* SPDX-License-Identifier: MIT
 *
 * The backend "avx2": the kernel templates in 256 bits. Compiled with -mavx2 -mfma -mf16c; nothing
 * here runs before usable() has said yes.
 */
#include "optimized/cpu/vector_avx2.h"

#include "optimized/cpu/activations_template.h"

#include "optimized/backends.h"
#include "optimized/cpu/head_template.h"
#include "optimized/cpu/linear.h"
#include "optimized/cpu/kernels.h"
#include "optimized/cpu/probes.h"
#include "optimized/cpu/topk_template.h"
#include "optimized/cpu/sgd_template.h"
#include "optimized/cpu/usable.h"
#include "reference/reference.h"

CPU_PROBES(avx2)

CPU_BY_DTYPE(avx2)

const struct balact_backend balact_backend_avx2 = {
    .name = "avx2",
    .description = "256-bit vectors (AVX2, FMA), rows over threads",
    .usable = balact_avx2_usable,
    BALACT_PLAIN_MEMORY,
    .kernels = {BALACT_ACTIVATION_LIST(CPU_KERNELS_AVX2)},
    .linear = BALACT_CPU_LINEAR,
    .topk = topk,
    .head = BALACT_CPU_HEAD,
};
