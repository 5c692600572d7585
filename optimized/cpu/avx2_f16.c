/* SPDX-License-Identifier: MIT
 *
 * The kernels of the backend "avx2" for IEEE half storage; avx2.c has the backend.
 */
#include "optimized/cpu/vector_avx2.h"

#define ELEMENT_IS_F16
#include "optimized/cpu/activations_template.h"

#include "optimized/cpu/kernels.h"

CPU_FAMILIES(avx2, f16)
