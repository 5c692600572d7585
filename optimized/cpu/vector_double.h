/* SPDX-License-Identifier: MIT
 *
 * Vectors of V_WIDTH doubles, as two halves, for sums that must not lose what fp32 would. The same
 * for both widths; vector_avx2.h and vector_avx512.h include it behind their words for halves.
 */
#ifndef BALACT_OPTIMIZED_CPU_VECTOR_DOUBLE_H
#define BALACT_OPTIMIZED_CPU_VECTOR_DOUBLE_H

typedef struct {
    vh low, high;
} vd;

static inline vd v_double_set(double value) {
    return (vd){h_set(value), h_set(value)};
}

static inline vd v_double_zero(void) {
    return v_double_set(0.0);
}

/* Lanes as double, and back to the nearest float. */
static inline vd v_widen(vf v) {
    return (vd){h_low(v), h_high(v)};
}

static inline vf v_narrow(vd v) {
    return h_join(v.low, v.high);
}

static inline vd v_double_sum(vd a, vd b) {
    return (vd){h_add(a.low, b.low), h_add(a.high, b.high)};
}

static inline vd v_double_add(vd sum, vf v) {
    return v_double_sum(sum, v_widen(v));
}

static inline vd v_double_fma(vd a, vd b, vd c) {
    return (vd){h_fma(a.low, b.low, c.low), h_fma(a.high, b.high, c.high)};
}

/* (1 + lane)(1 + v) - 1 in every lane */
static inline vd v_double_times_above_one(vd product, vf v) {
    vd factor = v_widen(v);
    return v_double_fma(product, factor, v_double_sum(product, factor));
}

static inline int v_double_any_above(vd v, double limit) {
    return h_any_above(v.low, h_set(limit)) | h_any_above(v.high, h_set(limit));
}

/* a * 2^n, n being the low bits of the integer that `bits` holds; all of it normal. */
static inline vd v_double_scale_by_bits(vd a, vd bits) {
    return (vd){h_scale_by_bits(a.low, bits.low), h_scale_by_bits(a.high, bits.high)};
}

/* 1 + lane = m 2^k, m in [1, 2), in every lane: leaves m - 1 and returns k. For values from 0 to
 * the largest finite one, or NaN, which stays NaN. */
static inline vd v_double_split(vd *above_one) {
    vd exponents;
    exponents.low = h_split(&above_one->low);
    exponents.high = h_split(&above_one->high);
    return exponents;
}

/* All lanes added: halves onto each other down to one, an order that depends on nothing. */
static inline double v_double_total(vd v) {
    return h_total(h_add(v.low, v.high));
}

/* (1 + lane) (1 + lane) ... - 1 over all lanes, in the same order. */
static inline double v_double_product_above_one(vd v) {
    return h_product_above_one(h_fma(v.low, v.high, h_add(v.low, v.high)));
}

#endif
