/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family one element at a time, for any input: with e = exp(-|u|) and q = e / (1 + e),
 * the smaller of the two probabilities, and h the target's distance from the larger one (1 - t
 * where u > 0, else t),
 *   loss = w (|u| h + log1p(e)),   dloss/du = w (h - q) where u > 0, else w (q - h),
 * neither of which cancels. Sums are kept in two floats.
 *
 * Exponentials are kept multiplied by 2^44, so that every one that can still matter to a result in
 * fp32 is a normal number, and the last multiplication rounds it once, down into the denormals
 * where it belongs there.
 */
#ifndef BALACT_OPTIMIZED_CUDA_SIGMOID_MATH_CUH
#define BALACT_OPTIMIZED_CUDA_SIGMOID_MATH_CUH

#include <math.h>

#include "optimized/cuda/device.cuh"

namespace balact_cuda {

constexpr float SIGMOID_BIAS = 0x1p44f, SIGMOID_UNBIAS = 0x1p-44f;
/* Below this an exponential times 2^44 is taken for 0. */
constexpr float SIGMOID_LOWEST = -115.06f; /* (-122 - 44) ln 2 */
/* 1.5 * 2^23: adding it leaves the nearest integer in the low bits. */
constexpr float SIGMOID_ROUNDER = 12582912.0f;
constexpr float SIGMOID_LOG2_E = 0x1.715476p+0f;
/* LN2_HIGH has so few bits that n * LN2_HIGH, and x minus it, are exact inside an FMA. */
constexpr float SIGMOID_LN2_HIGH = 0x1.62e43p-1f, SIGMOID_LN2_LOW = -0x1.05c61p-29f;

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

/* sum += value, losing nothing that matters. A sum that is no longer finite has low = 0. */
DEVICE void add_to(two_floats &sum, float value) {
    two_floats s = exact_sum(sum.high, value);
    sum.low = fabsf(s.high) < INFINITY ? sum.low + s.low : 0.0f;
    sum.high = s.high;
}

DEVICE void add_to(two_floats &sum, two_floats other) {
    add_to(sum, other.high);
    sum.low += other.low;
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

/* exp(x) * 2^44 for x <= 50: 0 far below (whatever x.low is), NaN where x.high is NaN. */
DEVICE float biased_exponential(two_floats x) {
    float rounded = fmaf(x.high, SIGMOID_LOG2_E, SIGMOID_ROUNDER);
    float n = rounded - SIGMOID_ROUNDER;
    float r = fmaf(-n, SIGMOID_LN2_HIGH, x.high) + fmaf(-n, SIGMOID_LN2_LOW, x.low);
    float scale = __uint_as_float((__float_as_uint(rounded) + 44u + 127u) << 23);
    float e = exponential_of_rest(r) * scale;
    return x.high < SIGMOID_LOWEST ? 0.0f : e;
}

/* u, and e = exp(-|u|) times 2^44. */
struct folded {
    float u, kept;
};

DEVICE folded fold(float x, float offset, bool with_offset) {
    two_floats u = {x, 0.0f};
    if (with_offset)
        u = exact_sum(x, offset);
    two_floats minus = {-fabsf(u.high), u.high < 0.0f ? u.low : -u.low};
    return {u.high, biased_exponential(minus)};
}

/* sigma(u) */
DEVICE float sigmoid_of(folded f) {
    float one_plus = fmaf(f.kept, SIGMOID_UNBIAS, 1.0f);
    return (f.u < 0.0f ? f.kept : SIGMOID_BIAS) / one_plus * SIGMOID_UNBIAS;
}

/* Target and weights of one element. */
struct sigmoid_target {
    float t, one_minus_t;
    float class_weight;
};

/* What gradients of a row are multiplied by. A factor that is not tiny is applied to 2^44 times the
 * gradient, or a small exp(-|u|) would have lost digits among the denormals before it. */
struct sigmoid_factor {
    float unit, factor;
};

DEVICE sigmoid_factor sigmoid_factor_of(float scale) {
    bool large = fabsf(scale) >= 0x1p-60f;
    return {large ? SIGMOID_BIAS : 1.0f, large ? scale * SIGMOID_UNBIAS : scale};
}

/* scale * dloss/du; scale contains the row's weight. */
DEVICE float sigmoid_gradient(folded f, sigmoid_target t, sigmoid_factor scale) {
    float e = f.kept * SIGMOID_UNBIAS;
    float h = f.u < 0.0f ? t.t : t.one_minus_t;
    float q = f.kept * (scale.unit * SIGMOID_UNBIAS) / (1.0f + e);
    float difference = t.class_weight * fmaf(-h, scale.unit, q);
    return (f.u < 0.0f ? difference : -difference) * scale.factor;
}

/* The element's loss before the row's weight. A coefficient of 0 counts nothing against any logit
 * but NaN. */
DEVICE float sigmoid_loss(folded f, sigmoid_target t) {
    float coefficient = t.class_weight * (f.u < 0.0f ? t.t : t.one_minus_t);
    float far = coefficient != 0.0f ? coefficient * fabsf(f.u) : 0.0f;
    return fmaf(t.class_weight, log1pf(f.kept * SIGMOID_UNBIAS), far);
}

} // namespace balact_cuda

#endif
