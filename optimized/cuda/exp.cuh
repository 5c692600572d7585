/* SPDX-License-Identifier: MIT
 *
 * Sums of two floats, and the careful exponential, for any input.
 *
 * Exponentials are kept multiplied by 2^44, for nothing: every one that can still matter to a
 * result in fp32 is then a normal number, and the last multiplication rounds it once, down into the
 * denormals where it belongs there.
 */
#ifndef BALACT_OPTIMIZED_CUDA_EXP_CUH
#define BALACT_OPTIMIZED_CUDA_EXP_CUH

#include <math.h>

#include "optimized/cuda/device.cuh"

namespace balact_cuda {

constexpr float BIAS_FACTOR = 0x1p44f, UNBIAS_FACTOR = 0x1p-44f;
/* Below this an exponential times 2^44 is taken for 0. */
constexpr float LOWEST_EXPONENT = -117.0f;
/* 1.5 * 2^23: adding it leaves the nearest integer in the low bits. */
constexpr float ROUNDER = 12582912.0f;
constexpr float LOG2_E = 0x1.715476p+0f;
/* LN2_HIGH has so few bits that n * LN2_HIGH, and x minus it, are exact inside an FMA. */
constexpr float LN2_HIGH = 0x1.62e43p-1f, LN2_LOW = -0x1.05c61p-29f;

/* A number as a sum of two: high is the rounded value, low what rounding lost. */
struct two_floats {
    float high, low;
};

/* The sum of a and b without loss (Knuth). Infinities give a NaN in low. */
DEVICE two_floats exact_sum(float a, float b) {
    float high = a + b;
    float b_part = high - a;
    float a_part = high - b_part;
    return {high, (a - a_part) + (b - b_part)};
}

/* Commutes, bit by bit. */
DEVICE two_floats sum_of(two_floats a, two_floats b) {
    two_floats s = exact_sum(a.high, b.high);
    return {s.high, s.low + (a.low + b.low)};
}

DEVICE void add_to(two_floats &sum, float value) {
    two_floats s = exact_sum(sum.high, value);
    sum = {s.high, s.low + sum.low};
}

DEVICE float rounded(two_floats sum) {
    return sum.high + sum.low;
}

/* exp(r), |r| <= ln 2 / 2: the minimax polynomial of degree 6 for the relative error with the first
 * two coefficients held at 1 (3e-9). */
DEVICE float exponential_of_rest(float r) {
    float q = fmaf(0x1.6a21acp-10f, r, 0x1.123b6ap-7f);
    q = fmaf(q, r, 0x1.5558fap-5f);
    q = fmaf(q, r, 0x1.55549p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    q = fmaf(q, r, 1.0f);
    return fmaf(q, r, 1.0f);
}

/* exp(x) * 2^44 for x <= 50: 0 far below, and where x is not a number. */
DEVICE float biased_exponential(two_floats x) {
    if (!(x.high >= LOWEST_EXPONENT))
        return 0.0f;
    float shifted = fmaf(x.high, LOG2_E, ROUNDER);
    float n = shifted - ROUNDER;
    float r = fmaf(-n, LN2_HIGH, x.high) + fmaf(-n, LN2_LOW, x.low);
    float scale = __uint_as_float((__float_as_uint(shifted) + 44u + 127u) << 23);
    return exponential_of_rest(r) * scale;
}

} // namespace balact_cuda

#endif
