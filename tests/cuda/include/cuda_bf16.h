/* SPDX-License-Identifier: MIT
 *
 * CUDA's bfloat16 for the host compiler: storage and conversions, which is all that kernels use.
 */
#ifndef BALACT_TESTS_CUDA_BF16_H
#define BALACT_TESTS_CUDA_BF16_H

#include "cuda_runtime.h"

namespace emulated_cuda {

struct __nv_bfloat16 {
    unsigned short bits;
};
struct alignas(4) __nv_bfloat162 {
    __nv_bfloat16 x, y;
};
typedef __nv_bfloat16 nv_bfloat16;
typedef __nv_bfloat162 nv_bfloat162;

static inline float __bfloat162float(__nv_bfloat16 x) {
    return __uint_as_float((unsigned)x.bits << 16);
}

/* To nearest, ties to even; every NaN becomes the device's one. */
static inline __nv_bfloat16 __float2bfloat16_rn(float x) {
    unsigned word = __float_as_uint(x);
    if (x != x)
        return {0x7fff};
    return {(unsigned short)((word + 0x7fffu + (word >> 16 & 1u)) >> 16)};
}

static inline __nv_bfloat16 __float2bfloat16(float x) {
    return __float2bfloat16_rn(x);
}
static inline __nv_bfloat162 __floats2bfloat162_rn(float low, float high) {
    return {__float2bfloat16_rn(low), __float2bfloat16_rn(high)};
}
static inline float2 __bfloat1622float2(__nv_bfloat162 x) {
    return {__bfloat162float(x.x), __bfloat162float(x.y)};
}
static inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x) {
    return x.bits;
}
static inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short x) {
    return {x};
}

} // namespace emulated_cuda

#endif
