/* SPDX-License-Identifier: MIT
 *
 * The kernels of the backend "avx512" for bfloat16 storage; avx512.c has the backend.
 */
#include "optimized/cpu/vector_avx512.h"

#define ELEMENT_IS_BF16
#include "optimized/cpu/activations_template.h"

#include "optimized/cpu/kernels.h"

CPU_FAMILIES(avx512, bf16)
