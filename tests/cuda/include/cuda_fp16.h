/* SPDX-License-Identifier: MIT
 *
 * CUDA's half precision for the host compiler: storage and conversions, which is all that kernels
 * use.
 */
#ifndef BALACT_TESTS_CUDA_FP16_H
#define BALACT_TESTS_CUDA_FP16_H

#include "cuda_runtime.h"

namespace emulated_cuda {

struct __half {
    unsigned short bits;
};
struct alignas(4) __half2 {
    __half x, y;
};
typedef __half half;
typedef __half2 half2;

static inline float __half2float(__half h) {
    unsigned exponent = h.bits >> 10 & 31, fraction = h.bits & 1023;
    unsigned sign = (unsigned)(h.bits & 0x8000) << 16;
    if (exponent == 31)
        return __uint_as_float(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) {
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    return __uint_as_float(sign | (exponent + 112) << 23 | fraction << 13);
}

/* To nearest, ties to even; every NaN becomes the device's one. */
static inline __half __float2half_rn(float x) {
    unsigned word = __float_as_uint(x), sign = word >> 16 & 0x8000u, magnitude = word & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return {0x7fff};
    if (magnitude >= 0x477ff000u) /* 65520 */
        return {(unsigned short)(sign | 0x7c00)};
    if (magnitude < 0x38800000u) { /* 2^-14: multiples of 2^-24; adding rounds to them */
        float shifted = __uint_as_float(magnitude) + 0.5f;
        return {(unsigned short)(sign | (__float_as_uint(shifted) - 0x3f000000u))};
    }
    magnitude += 0xfffu + (magnitude >> 13 & 1u);
    return {(unsigned short)(sign | (magnitude - 0x38000000u) >> 13)};
}

static inline __half __float2half(float x) {
    return __float2half_rn(x);
}
static inline __half2 __floats2half2_rn(float low, float high) {
    return {__float2half_rn(low), __float2half_rn(high)};
}
static inline float2 __half22float2(__half2 x) {
    return {__half2float(x.x), __half2float(x.y)};
}
static inline unsigned short __half_as_ushort(__half x) {
    return x.bits;
}
static inline __half __ushort_as_half(unsigned short x) {
    return {x};
}

} // namespace emulated_cuda

#endif
