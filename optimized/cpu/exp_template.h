/* SPDX-License-Identifier: MIT
 *
 * Exponential, logarithm, reciprocal and sums for the kernel templates. Needs a vector vocabulary
 * (vector_avx2.h or vector_avx512.h); part of activations_template.h.
 *
 * Exponentials are kept multiplied by 2^BIAS, for nothing: the polynomial's coefficients are. So
 * every term that can still matter to a result in fp32 is a normal number, and a last
 * multiplication by a factor that holds 2^-BIAS rounds it once, down into the denormals, where the
 * result belongs there.
 */
#include <stdbool.h>

#define BIAS          44
#define BIAS_FACTOR   0x1p44f
#define UNBIAS_FACTOR 0x1p-44f
/* Of a kept exponential; above the exponent of the smallest normal number. */
#define SMALLEST_EXPONENT (-122)
/* 1.5 * 2^23: adding it leaves the nearest integer in the low bits. */
#define ROUNDER 12582912.0f
#define LOG2_E  0x1.715476p+0f
#define LN2     0x1.62e42fefa39efp-1
/* LN2_HIGH has so few bits that n * LN2_HIGH, and x minus it, are exact inside an FMA. */
#define LN2_HIGH 0x1.62e43p-1f
#define LN2_LOW  (-0x1.05c61p-29f)

/* A whole vector, or the lanes inside. */
ALWAYS_INLINE vf load_part(const float *from, vmask inside, const bool full) {
    return full ? v_load(from) : v_load_masked(from, inside);
}

/* A whole vector of elements, or the first `count` of them and 0 behind. */
ALWAYS_INLINE vf load_element_part(const element *from, int64_t count, const bool full) {
    return full ? ELEMENT_LOAD(from) : ELEMENT_LOAD_FIRST(from, count);
}

ALWAYS_INLINE void store_element_part(element *to, int64_t count, vf v, const bool full) {
    if (full)
        ELEMENT_STORE(to, v);
    else
        ELEMENT_STORE_FIRST(to, count, v);
}

/* A number as a sum of two: high is the rounded value, low what rounding lost. */
struct pair {
    vf high, low;
};

/* The sum of a and b without loss (Knuth). Infinities give a NaN in low; exponential() drops it. */
static inline struct pair exact_sum(vf a, vf b) {
    vf high = v_add(a, b);
    vf b_part = v_sub(high, a);
    vf a_part = v_sub(high, b_part);
    return (struct pair){high, v_add(v_sub(a, a_part), v_sub(b, b_part))};
}

/* Which power of two is taken out of all lanes of one row. */
struct exponent_shift {
    vf n;      /* N */
    vf lowest; /* below this the result is 0 */
};

static inline struct exponent_shift exponent_shift(float n) {
    return (struct exponent_shift){v_set(n), v_set((float)((n - BIAS + SMALLEST_EXPONENT) * LN2))};
}

/* x = n ln 2 + r, |r| <= ln 2 / 2. */
struct reduced {
    vf rounded; /* ROUNDER + n: n is in its low bits */
    vf n, r;
};

ALWAYS_INLINE struct reduced reduce(struct pair x, const bool has_low) {
    struct reduced a;
    a.rounded = v_fma(x.high, v_set(LOG2_E), v_set(ROUNDER));
    a.n = v_sub(a.rounded, v_set(ROUNDER));
    a.r = v_fnma(a.n, v_set(LN2_HIGH), x.high);
    if (has_low)
        a.r = v_add(a.r, v_fnma(a.n, v_set(LN2_LOW), x.low));
    else
        a.r = v_fnma(a.n, v_set(LN2_LOW), a.r);
    return a;
}

/* (exp(r) - 1) / r * unit, unit being a power of two that costs nothing. The coefficients are those
 * of the minimax polynomial of exp(r) of degree 6 for the relative error with the first two held at
 * 1 (3e-9). */
ALWAYS_INLINE vf exponential_slope(vf r, const float unit) {
    vf q = v_fma(v_set(0x1.6a21acp-10f * unit), r, v_set(0x1.123b6ap-7f * unit));
    q = v_fma(q, r, v_set(0x1.5558fap-5f * unit));
    q = v_fma(q, r, v_set(0x1.55549p-3f * unit));
    q = v_fma(q, r, v_set(0x1.fffffcp-2f * unit));
    return v_fma(q, r, v_set(unit));
}

/* exp(r) * 2^BIAS */
ALWAYS_INLINE vf exponential_of_rest(vf r) {
    return v_fma(exponential_slope(r, BIAS_FACTOR), r, v_set(BIAS_FACTOR));
}

/* exp(x.high + x.low - N ln 2) * 2^BIAS with a relative error below 1 ulp, for x.high up to about
 * N ln 2; |N| <= 2^15. 0 where x.high < lowest (whatever x.low is), NaN where it is NaN. */
ALWAYS_INLINE vf exponential(struct pair x, struct exponent_shift shift, const bool has_low) {
    struct reduced a = reduce(x, has_low);
    vf p = v_scale(exponential_of_rest(a.r), v_sub(a.n, shift.n), v_sub(a.rounded, shift.n));
    return v_keep(v_not_less(x.high, shift.lowest), p);
}

/* Up to here exp(x) * 2^BIAS is far from infinity. */
#define HIGHEST_PLAIN 56.0f

/* exp(x) * 2^BIAS without a shift, for x <= HIGHEST_PLAIN; beyond, it is undefined unless
 * V_SCALE_SATURATES, where it goes to infinity as exp does. Far below it is 0, but where
 * V_SCALE_SATURATES -inf gives NaN. */
ALWAYS_INLINE vf plain_exponential(vf x) {
    struct reduced a = reduce((struct pair){x, v_zero()}, false);
    vf p = v_scale(exponential_of_rest(a.r), a.n, a.rounded);
    return V_SCALE_SATURATES ? p : v_keep(v_not_less(x, exponent_shift(0.0f).lowest), p);
}

/* The same with 0 for -inf too. */
ALWAYS_INLINE vf plain_exponential_or_zero(vf x) {
    vf p = plain_exponential(x);
    return V_SCALE_SATURATES ? v_keep(v_not_less(x, exponent_shift(0.0f).lowest), p) : p;
}

/* exp(x) * weight, weight being some w * WEIGHT_FACTOR: plain_exponential(x) * w, with one rounding
 * less, because the weight goes in with the last step. */
#define WEIGHT_FACTOR (V_SCALE_SATURATES ? BIAS_FACTOR : 1.0f)
ALWAYS_INLINE vf weighted_exponential(vf x, vf weight, const bool or_zero) {
    struct reduced a = reduce((struct pair){x, v_zero()}, false);
    vf less_one = v_mul(exponential_slope(a.r, 1.0f), a.r);
    if (!V_SCALE_SATURATES) /* a small weight must not meet the exponent as bits */
        weight = v_mul(weight, v_scale(v_set(BIAS_FACTOR), a.n, a.rounded));
    vf e = v_fma(less_one, weight, weight);
    if (V_SCALE_SATURATES)
        e = v_scale(e, a.n, a.rounded);
    if (V_SCALE_SATURATES && !or_zero)
        return e;
    return v_keep(v_not_less(x, exponent_shift(0.0f).lowest), e);
}

/* log(1 + e) for e in [0, 1], relative error below 3 ulp: 2 artanh(s), s = e / (2 + e), the odd
 * series as a minimax polynomial in s^2 of degree 4 with the first coefficient held at 1 (5e-9). */
static inline vf log_one_plus(vf e) {
    vf s = v_div(e, v_add(e, v_set(2.0f)));
    vf z = v_mul(s, s);
    vf p = v_fma(v_set(0x1.1ed7bep-3f), z, v_set(0x1.1ebd0ep-3f));
    p = v_fma(p, z, v_set(0x1.99d208p-3f));
    p = v_fma(p, z, v_set(0x1.555502p-2f));
    vf twice = v_add(s, s);
    return v_fma(v_mul(p, z), twice, twice);
}

/* (1 + a)(1 + b) - 1, which keeps the digits of tiny a and b. */
static inline vf product_above_one(vf a, vf b) {
    return v_fma(a, b, v_add(a, b));
}

/* log(1 + a), by the faster of the two functions where both have all digits */
static inline double log_above_one(double a) {
    return a >= 1.0 ? log(1.0 + a) : log1p(a);
}
