/* SPDX-License-Identifier: MIT
 *
 * The vector vocabulary of the kernel templates, in 512 bits: AVX-512 F, BW, DQ and VL. The words
 * and their meaning are those of vector_avx2.h.
 */
#ifndef BALACT_OPTIMIZED_CPU_VECTOR_AVX512_H
#define BALACT_OPTIMIZED_CPU_VECTOR_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define V_WIDTH 16

typedef __m512 vf;
typedef __mmask16 vmask;
typedef struct {
    __m512d low, high;
} vd;

static inline vf v_set(float value) {
    return _mm512_set1_ps(value);
}

static inline vf v_zero(void) {
    return _mm512_setzero_ps();
}

static inline vf v_load(const float *from) {
    return _mm512_loadu_ps(from);
}

static inline void v_store(float *to, vf v) {
    _mm512_storeu_ps(to, v);
}

static inline vmask v_first(int64_t count) {
    return count < V_WIDTH ? (vmask)((1u << count) - 1) : (vmask)0xffff;
}

static inline vf v_load_masked(const float *from, vmask mask) {
    return _mm512_maskz_loadu_ps(mask, from);
}

static inline void v_store_masked(float *to, vmask mask, vf v) {
    _mm512_mask_storeu_ps(to, mask, v);
}

static inline vf v_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}

static inline vf v_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}

static inline vf v_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}

static inline vf v_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}

static inline vf v_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf v_fnma(vf a, vf b, vf c) {
    return _mm512_fnmadd_ps(a, b, c);
}

static inline vf v_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}

static inline vf v_abs(vf a) {
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}

static inline vf v_minus_abs(vf a) {
    return _mm512_or_ps(_mm512_set1_ps(-0.0f), a);
}

static inline vf v_minus_unless_negative(vf b, vf a) {
    return _mm512_xor_ps(b, _mm512_andnot_ps(a, _mm512_set1_ps(-0.0f)));
}

static inline vf v_scale_by_bits(vf a, vf bits) {
    __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(bits), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), exponent));
}

static inline vmask v_not_less(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ);
}

static inline vmask v_equal(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

static inline vmask v_nonzero(vf a) {
    return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}

static inline vmask v_negative(vf a) {
    return _mm512_movepi32_mask(_mm512_castps_si512(a));
}

static inline vf v_select(vmask mask, vf yes, vf no) {
    return _mm512_mask_blend_ps(mask, no, yes);
}

static inline vf v_keep(vmask mask, vf v) {
    return _mm512_maskz_mov_ps(mask, v);
}

static inline vf v_without_lane(vf v, int64_t lane) {
    unsigned hit = lane >= 0 && lane < V_WIDTH ? 1u << lane : 0;
    return _mm512_maskz_mov_ps((vmask)~hit, v);
}

static inline int v_first_lane(vmask mask) {
    return mask ? __builtin_ctz(mask) : -1;
}

static inline vd v_double_zero(void) {
    return (vd){_mm512_setzero_pd(), _mm512_setzero_pd()};
}

static inline vd v_double_add(vd sum, vf v) {
    sum.low = _mm512_add_pd(sum.low, _mm512_cvtps_pd(_mm512_castps512_ps256(v)));
    sum.high = _mm512_add_pd(sum.high, _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
    return sum;
}

static inline void v_double_store(double *to, vd v) {
    _mm512_storeu_pd(to, v.low);
    _mm512_storeu_pd(to + 8, v.high);
}

/* ---- For ranking (topk_template.h) ---- */

static inline vmask v_above(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}

static inline unsigned v_lanes(vmask mask) {
    return mask;
}

static inline vf v_turned(vf v) {
    __m512i i = _mm512_castps_si512(v);
    return _mm512_castsi512_ps(_mm512_alignr_epi32(i, i, 1));
}

static inline float v_largest(vf v) {
    __m256 half = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 rest = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    rest = _mm_max_ps(rest, _mm_movehl_ps(rest, rest));
    return _mm_cvtss_f32(_mm_max_ss(rest, _mm_movehdup_ps(rest)));
}

static inline __m256i v_words(const uint16_t *from, int64_t count) {
    if (count >= V_WIDTH)
        return _mm256_loadu_si256((const __m256i *)from);
    return _mm256_maskz_loadu_epi16(v_first(count), from);
}

static inline vf v_widen_half(const uint16_t *from, int64_t count) {
    return _mm512_cvtph_ps(v_words(from, count));
}

static inline vf v_widen_bfloat(const uint16_t *from, int64_t count) {
    __m512i wide = _mm512_cvtepu16_epi32(v_words(from, count));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

#endif
