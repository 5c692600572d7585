/* SPDX-License-Identifier: MIT
 *
 * The backend "avx512": the kernel templates in 512 bits. Compiled with the -mavx512* flags;
 * nothing here runs before usable() has said yes.
 */
#include "optimized/cpu/vector_avx512.h"

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

CPU_PROBES(avx512)

CPU_BY_DTYPE(avx512)

const struct balact_backend balact_backend_avx512 = {
    .name = "avx512",
    .description = "512-bit vectors (AVX-512 F, BW, DQ, VL), rows over threads",
    .usable = balact_avx512_usable,
    BALACT_PLAIN_MEMORY,
    .kernels = {BALACT_ACTIVATION_LIST(CPU_KERNELS_AVX512)},
    .linear = BALACT_CPU_LINEAR,
    .topk = topk,
    .head = BALACT_CPU_HEAD,
};
