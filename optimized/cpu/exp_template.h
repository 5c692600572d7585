/* SPDX-License-Identifier: MIT
 *
 * Exponential, logarithm and sums for the kernel templates. Needs a vector vocabulary
 * (vector_avx2.h or vector_avx512.h); part of activations_template.h.
 *
 * Exponentials are kept multiplied by 2^BIAS. So every term that can still matter to a result in
 * fp32 is a normal number, and a last multiplication by a factor that holds 2^-BIAS rounds it once,
 * down into the denormals, where the result belongs there.
 */
#include <stdbool.h>

#define BIAS 48
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

ALWAYS_INLINE vf load_element_part(const element *from, vmask inside, const bool full) {
    return full ? ELEMENT_LOAD(from) : ELEMENT_LOAD_MASKED(from, inside);
}

ALWAYS_INLINE void store_element_part(element *to, vmask inside, vf v, const bool full) {
    if (full)
        ELEMENT_STORE(to, v);
    else
        ELEMENT_STORE_MASKED(to, inside, v);
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

/* exp(x - N ln 2) * 2^BIAS for all lanes of one row: N is folded into the rounding constant, so
 * that shifting the exponent costs nothing and loses nothing. */
struct exponent_shift {
    vf rounder; /* ROUNDER + BIAS - N */
    vf lowest;  /* below this the result is 0 */
};

static inline struct exponent_shift exponent_shift(float n) {
    return (struct exponent_shift){v_set(ROUNDER + (float)BIAS - n),
                                   v_set((float)((n - BIAS + SMALLEST_EXPONENT) * LN2))};
}

/* exp(x.high + x.low - N ln 2) * 2^BIAS with a relative error below 1 ulp, for x.high up to about
 * N ln 2; |N| <= 2^15. 0 where x.high < lowest (whatever x.low is), NaN where it is NaN.
 *
 * x = n ln 2 + r, |r| <= ln 2 / 2; the coefficients are the minimax ones of degree 6 for the
 * relative error with the first two held at 1 (3e-9). */
static inline vf exponential(struct pair x, struct exponent_shift shift, const bool has_low) {
    vf rounded = v_fma(x.high, v_set(LOG2_E), shift.rounder);
    vf n = v_sub(rounded, shift.rounder);
    vf r = v_fnma(n, v_set(LN2_HIGH), x.high);
    if (has_low)
        r = v_add(r, v_fnma(n, v_set(LN2_LOW), x.low));
    else
        r = v_fnma(n, v_set(LN2_LOW), r);
    vf p = v_fma(v_set(0x1.6a21acp-10f), r, v_set(0x1.123b6ap-7f));
    p = v_fma(p, r, v_set(0x1.5558fap-5f));
    p = v_fma(p, r, v_set(0x1.55549p-3f));
    p = v_fma(p, r, v_set(0x1.fffffcp-2f));
    p = v_fma(p, r, v_set(1.0f));
    p = v_fma(p, r, v_set(1.0f));
    return v_keep(v_not_less(x.high, shift.lowest), v_scale_by_bits(p, rounded));
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

/* The lanes of a sum in double, added in an order that depends on nothing. */
static inline double lanes_total(vd sum) {
    double lane[V_WIDTH];
    v_double_store(lane, sum);
    for (int half = V_WIDTH / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            lane[k] += lane[k + half];
    return lane[0];
}

/* (1 + a)(1 + b) - 1, which keeps the digits of tiny a and b. */
static inline vf product_above_one(vf a, vf b) {
    return v_fma(a, b, v_add(a, b));
}

/* sum over lanes of log(1 + lane), by one logarithm. The product of all 1 + lane must stay below
 * 2^1023. */
static inline double lanes_log_total(vf above_one) {
    double lane[V_WIDTH];
    v_double_store(lane, v_double_add(v_double_zero(), above_one));
    for (int half = V_WIDTH / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            lane[k] = lane[k] + lane[k + half] + lane[k] * lane[k + half];
    return log1p(lane[0]);
}
