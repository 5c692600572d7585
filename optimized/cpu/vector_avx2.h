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
typedef struct {
    __m256d low, high;
} vd; /* V_WIDTH doubles */

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

/* a * 2^k, k being the low nine bits of the integer that `bits` holds; the result must be normal.
 */
static inline vf v_scale_by_bits(vf a, vf bits) {
    __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(bits), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), exponent));
}

/* !(a < b): also where either is NaN. */
static inline vmask v_not_less(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_NLT_UQ);
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

/* The lowest lane of the mask, or -1. */
static inline int v_first_lane(vmask mask) {
    int bits = _mm256_movemask_ps(mask);
    return bits ? __builtin_ctz((unsigned)bits) : -1;
}

static inline vd v_double_zero(void) {
    return (vd){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

static inline vd v_double_add(vd sum, vf v) {
    sum.low = _mm256_add_pd(sum.low, _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
    sum.high = _mm256_add_pd(sum.high, _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
    return sum;
}

static inline void v_double_store(double *to, vd v) {
    _mm256_storeu_pd(to, v.low);
    _mm256_storeu_pd(to + 4, v.high);
}

/* ---- For ranking (topk_template.h) ---- */

/* a > b; not where either is NaN. */
static inline vmask v_above(vf a, vf b) {
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}

/* Bit l for lane l. */
static inline unsigned v_lanes(vmask mask) {
    return (unsigned)_mm256_movemask_ps(mask);
}

/* Lane l gets lane l + 1, the last one lane 0. */
static inline vf v_turned(vf v) {
    return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0));
}

/* The largest lane; none may be NaN. */
static inline float v_largest(vf v) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

/* The first `count` of V_WIDTH 16-bit words, 0 for the others; no other memory is read. AVX2 has no
 * masked load of them. */
static inline __m128i v_words(const uint16_t *from, int64_t count) {
    if (count >= V_WIDTH)
        return _mm_loadu_si128((const __m128i *)from);
    uint16_t words[V_WIDTH] = {0};
    memcpy(words, from, (size_t)count * sizeof *words);
    return _mm_loadu_si128((const __m128i *)words);
}

static inline vf v_widen_half(const uint16_t *from, int64_t count) {
    return _mm256_cvtph_ps(v_words(from, count));
}

static inline vf v_widen_bfloat(const uint16_t *from, int64_t count) {
    __m256i wide = _mm256_cvtepu16_epi32(v_words(from, count));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

#endif
