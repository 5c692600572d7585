/* SPDX-License-Identifier: MIT
 *
 * The vector vocabulary of the kernel templates, in 256 bits: AVX2 and FMA. vector_avx512.h has the
 * same words in 512 bits. Everything is static inline, so that no AVX2 code is shared with files
 * that are compiled without it.
 */
#ifndef BALACT_OPTIMIZED_CPU_VECTOR_AVX2_H
#define BALACT_OPTIMIZED_CPU_VECTOR_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define V_WIDTH 8

typedef __m256 vf;    /* V_WIDTH floats */
typedef __m256 vmask; /* all bits of a lane, or none */

static inline vf v_set(float value) {
    return _mm256_set1_ps(value);
}

static inline vf v_zero(void) {
    return _mm256_setzero_ps();
}

static inline vf v_load(const float *from) {
    return _mm256_loadu_ps(from);
}

static inline void v_store(float *to, vf v) {
    _mm256_storeu_ps(to, v);
}

/* Lanes 0 .. count - 1; count may exceed the width. */
static inline vmask v_first(int64_t count) {
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int limit = count < V_WIDTH ? (int)count : V_WIDTH;
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(limit), lane));
}

/* Reads the lanes of the mask and no other memory; 0 elsewhere. */
static inline vf v_load_masked(const float *from, vmask mask) {
    return _mm256_maskload_ps(from, _mm256_castps_si256(mask));
}

static inline void v_store_masked(float *to, vmask mask, vf v) {
    _mm256_maskstore_ps(to, _mm256_castps_si256(mask), v);
}

/* Asks for the line at `from`, which need not exist. */
static inline void v_prefetch(const void *from) {
    _mm_prefetch((const char *)from, _MM_HINT_T0);
}

static inline vf v_add(vf a, vf b) {
    return _mm256_add_ps(a, b);
}

static inline vf v_sub(vf a, vf b) {
    return _mm256_sub_ps(a, b);
}

static inline vf v_mul(vf a, vf b) {
    return _mm256_mul_ps(a, b);
}

static inline vf v_div(vf a, vf b) {
    return _mm256_div_ps(a, b);
}

/* a * b + c, rounded once */
static inline vf v_fma(vf a, vf b, vf c) {
    return _mm256_fmadd_ps(a, b, c);
}

/* c - a * b, rounded once */
static inline vf v_fnma(vf a, vf b, vf c) {
    return _mm256_fnmadd_ps(a, b, c);
}

/* The larger; b if either is NaN. */
static inline vf v_max(vf a, vf b) {
    return _mm256_max_ps(a, b);
}

/* The smaller; b if either is NaN. */
static inline vf v_min(vf a, vf b) {
    return _mm256_min_ps(a, b);
}

/* The largest lane; no lane may be NaN. */
static inline float v_largest(vf a) {
    __m128 m = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    m = _mm_max_ps(m, _mm_movehl_ps(m, m));
    return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
}

/* The larger by their bits as signed integers: of positive numbers and NaN, NaN wins, so that no
 * large one hides behind it; below them all are the negative ones, in any order. */
static inline vf v_max_bits(vf a, vf b) {
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}

/* Whether, in that order, a lane is above limit >= 0. */
static inline int v_any_bits_above(vf a, float limit) {
    __m256i bits = _mm256_castps_si256(v_set(limit));
    return _mm256_movemask_epi8(_mm256_cmpgt_epi32(_mm256_castps_si256(a), bits));
}

static inline vf v_abs(vf a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}

/* -a where a's sign bit is clear, a where it is set: -|a|. */
static inline vf v_minus_abs(vf a) {
    return _mm256_or_ps(_mm256_set1_ps(-0.0f), a);
}

/* -b where a's sign bit is clear, b where it is set. */
static inline vf v_minus_unless_negative(vf b, vf a) {
    return _mm256_xor_ps(b, _mm256_andnot_ps(a, _mm256_set1_ps(-0.0f)));
}

/* a * 2^n for whole n; bits: any number that holds n in the low nine bits of its integer. Here the
 * result must be normal, and the exponent is added by bits; where V_SCALE_SATURATES it may leave
 * the range of normal numbers at both ends, as a multiplication would, and n alone is looked at. */
#define V_SCALE_SATURATES 0
static inline vf v_scale(vf a, vf n, vf bits) {
    (void)n;
    __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(bits), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), exponent));
}

/* !(a < b): also where either is NaN. */
static inline vmask v_not_less(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_NLT_UQ);
}

static inline vmask v_and(vmask a, vmask b) {
    return _mm256_and_ps(a, b);
}

static inline vmask v_less(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}

/* Bit l for lane l. */
static inline unsigned v_lanes(vmask mask) {
    return (unsigned)_mm256_movemask_ps(mask);
}

static inline vmask v_equal(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}

/* a != 0, also where a is NaN. */
static inline vmask v_nonzero(vf a) {
    return _mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_NEQ_UQ);
}

/* The lanes whose sign bit is set. */
static inline vmask v_negative(vf a) {
    return a; /* v_select looks at the sign bit alone; no other use is made of this mask */
}

static inline vf v_select(vmask mask, vf yes, vf no) {
    return _mm256_blendv_ps(no, yes, mask);
}

/* v in the lanes of the mask, 0 elsewhere. The mask must not come from v_negative(). */
static inline vf v_keep(vmask mask, vf v) {
    return _mm256_and_ps(mask, v);
}

static inline vf v_without_lane(vf v, int64_t lane) {
    __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int wanted = lane >= 0 && lane < V_WIDTH ? (int)lane : -1;
    __m256i hit = _mm256_cmpeq_epi32(index, _mm256_set1_epi32(wanted));
    return _mm256_andnot_ps(_mm256_castsi256_ps(hit), v);
}

/* v with `value`'s lane in that place; v itself where lane is not one. */
static inline vf v_with_lane(vf v, int64_t lane, vf value) {
    __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    int wanted = lane >= 0 && lane < V_WIDTH ? (int)lane : -1;
    __m256i hit = _mm256_cmpeq_epi32(index, _mm256_set1_epi32(wanted));
    return _mm256_blendv_ps(v, value, _mm256_castsi256_ps(hit));
}

/* The lowest lane of the mask, or -1. */
static inline int v_first_lane(vmask mask) {
    int bits = _mm256_movemask_ps(mask);
    return bits ? __builtin_ctz((unsigned)bits) : -1;
}

/* A store past the caches; `to` must be aligned to a vector. */
static inline void v_stream(float *to, vf v) {
    _mm256_stream_ps(to, v);
}

/* The 64 bytes of a line, which `to` must be aligned to. */
static inline void v_stream_line(void *to, const void *from) {
    const __m256i *source = from;
    __m256i *line = to;
    _mm256_stream_si256(line, _mm256_loadu_si256(source));
    _mm256_stream_si256(line + 1, _mm256_loadu_si256(source + 1));
}

/* Makes what was streamed visible to other threads. */
static inline void v_fence(void) {
    _mm_sfence();
}

/* The first `count` (more: all) of V_WIDTH 16-bit elements, 0 behind; no other memory is touched.
 */
static inline __m128i v_load_first_16(const uint16_t *from, int64_t count) {
    uint16_t part[V_WIDTH] = {0};
    int64_t at = count & 4;
    if (count >= V_WIDTH)
        return _mm_loadu_si128((const __m128i *)from);
    if (count & 4)
        memcpy(part, from, 8);
    if (count & 2)
        memcpy(part + at, from + at, 4);
    at += count & 2;
    if (count & 1)
        part[at] = from[at];
    return _mm_loadu_si128((const __m128i *)part);
}

static inline void v_store_first_16(uint16_t *to, int64_t count, __m128i v) {
    uint16_t part[V_WIDTH];
    int64_t at = count & 4;
    if (count >= V_WIDTH) {
        _mm_storeu_si128((__m128i *)to, v);
        return;
    }
    _mm_storeu_si128((__m128i *)part, v);
    if (count & 4)
        memcpy(to, part, 8);
    if (count & 2)
        memcpy(to + at, part + at, 4);
    at += count & 2;
    if (count & 1)
        to[at] = part[at];
}

static inline void v_store_16(uint16_t *to, __m128i v) {
    _mm_storeu_si128((__m128i *)to, v);
}

static inline void v_stream_16(uint16_t *to, __m128i v) {
    _mm_stream_si128((__m128i *)to, v);
}

/* IEEE half precision */
static inline vf v_load_f16(const uint16_t *from) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
}

static inline vf v_load_first_f16(const uint16_t *from, int64_t count) {
    return _mm256_cvtph_ps(v_load_first_16(from, count));
}

static inline __m128i v_to_f16(vf v) {
    return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* bfloat16: the upper half of a float, rounded to nearest even; a NaN stays one. */
static inline vf v_from_bf16(__m128i v) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16));
}

static inline vf v_load_bf16(const uint16_t *from) {
    return v_from_bf16(_mm_loadu_si128((const __m128i *)from));
}

static inline vf v_load_first_bf16(const uint16_t *from, int64_t count) {
    return v_from_bf16(v_load_first_16(from, count));
}

static inline __m128i v_to_bf16(vf v) {
    __m256i bits = _mm256_castps_si256(v);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    __m256 nan = _mm256_cmp_ps(v, v, _CMP_UNORD_Q);
    rounded = _mm256_castps_si256(
        _mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet), nan));
    rounded = _mm256_srli_epi32(rounded, 16);
    return _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
}

/* ---- Halves of a vector of doubles; vector_double.h makes whole ones of them ---- */

typedef __m256d vh;

/* The lower and the upper lanes of v, and back, to the nearest float. */
static inline vh h_low(vf v) {
    return _mm256_cvtps_pd(_mm256_castps256_ps128(v));
}

static inline vh h_high(vf v) {
    return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}

static inline vf h_join(vh low, vh high) {
    return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}

static inline vh h_set(double value) {
    return _mm256_set1_pd(value);
}

static inline vh h_add(vh a, vh b) {
    return _mm256_add_pd(a, b);
}

static inline vh h_fma(vh a, vh b, vh c) {
    return _mm256_fmadd_pd(a, b, c);
}

/* Not 0 if a > b in any lane. */
static inline int h_any_above(vh a, vh b) {
    return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GT_OQ));
}

/* a * 2^n, n being the low bits of the integer that `bits` holds; all of it normal. */
static inline vh h_scale_by_bits(vh a, vh bits) {
    __m256i exponent = _mm256_slli_epi64(_mm256_castpd_si256(bits), 52);
    return _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), exponent));
}

/* 1 + *above_one = m 2^k, m in [1, 2): returns k and leaves m - 1. For values from 0 to the largest
 * finite one, or NaN, which stays NaN. */
static inline vh h_split(vh *above_one) {
    const __m256d one = _mm256_set1_pd(1.0);
    __m256d whole = _mm256_add_pd(*above_one, one);
    __m256i bits = _mm256_castpd_si256(whole), exponent = _mm256_srli_epi64(bits, 52);
    /* the integer as a double: put into the low bits of 2^52 */
    __m256i magic = _mm256_castpd_si256(_mm256_set1_pd(0x1p52));
    __m256d k = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(exponent, magic)),
                              _mm256_set1_pd(0x1p52 + 1023.0));
    __m256i fraction = _mm256_and_si256(bits, _mm256_set1_epi64x(0x000fffffffffffff));
    __m256d mantissa = _mm256_or_pd(_mm256_castsi256_pd(fraction), one);
    __m256d nan = _mm256_cmp_pd(whole, whole, _CMP_UNORD_Q);
    *above_one = _mm256_blendv_pd(_mm256_sub_pd(mantissa, one), whole, nan);
    return k;
}

/* The lanes added: halves onto each other down to one, an order that depends on nothing. */
static inline double h_total(vh a) {
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/* (1 + lane) (1 + lane) ... - 1 in the same order */
static inline double h_product_above_one(vh v) {
    __m128d a = _mm256_castpd256_pd128(v), b = _mm256_extractf128_pd(v, 1);
    __m128d two = _mm_fmadd_pd(a, b, _mm_add_pd(a, b)), upper = _mm_unpackhi_pd(two, two);
    return _mm_cvtsd_f64(_mm_fmadd_sd(two, upper, _mm_add_sd(two, upper)));
}

/* ---- For ranking (topk_template.h) ---- */

/* Lane l gets lane l + 1, the last one lane 0. */
static inline vf v_turned(vf v) {
    return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0));
}

#include "optimized/cpu/vector_double.h"

#endif
