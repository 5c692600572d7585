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

static inline void v_prefetch(const void *from) {
    _mm_prefetch((const char *)from, _MM_HINT_T0);
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

static inline vf v_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}

static inline float v_largest(vf a) {
    return _mm512_reduce_max_ps(a);
}

static inline vf v_max_bits(vf a, vf b) {
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}

static inline int v_any_bits_above(vf a, float limit) {
    return _mm512_cmpgt_epi32_mask(_mm512_castps_si512(a), _mm512_castps_si512(v_set(limit)));
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

#define V_SCALE_SATURATES 1
static inline vf v_scale(vf a, vf n, vf bits) {
    (void)bits;
    return _mm512_scalef_ps(a, n);
}

static inline vmask v_not_less(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ);
}

static inline vmask v_and(vmask a, vmask b) {
    return (vmask)(a & b);
}

static inline vmask v_less(vf a, vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

static inline unsigned v_lanes(vmask mask) {
    return mask;
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

static inline vf v_with_lane(vf v, int64_t lane, vf value) {
    unsigned hit = lane >= 0 && lane < V_WIDTH ? 1u << lane : 0;
    return _mm512_mask_mov_ps(v, (vmask)hit, value);
}

static inline int v_first_lane(vmask mask) {
    return mask ? __builtin_ctz(mask) : -1;
}

static inline void v_stream(float *to, vf v) {
    _mm512_stream_ps(to, v);
}

static inline void v_stream_line(void *to, const void *from) {
    _mm512_stream_si512(to, _mm512_loadu_si512(from));
}

static inline void v_fence(void) {
    _mm_sfence();
}

static inline vf v_load_f16(const uint16_t *from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

static inline vf v_load_first_f16(const uint16_t *from, int64_t count) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v_first(count), from));
}

static inline __m256i v_to_f16(vf v) {
    return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vf v_from_bf16(__m256i v) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16));
}

static inline vf v_load_bf16(const uint16_t *from) {
    return v_from_bf16(_mm256_loadu_si256((const __m256i *)from));
}

static inline vf v_load_first_bf16(const uint16_t *from, int64_t count) {
    return v_from_bf16(_mm256_maskz_loadu_epi16(v_first(count), from));
}

static inline __m256i v_to_bf16(vf v) {
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

static inline void v_store_16(uint16_t *to, __m256i v) {
    _mm256_storeu_si256((__m256i *)to, v);
}

static inline void v_store_first_16(uint16_t *to, int64_t count, __m256i v) {
    _mm256_mask_storeu_epi16(to, v_first(count), v);
}

static inline void v_stream_16(uint16_t *to, __m256i v) {
    _mm256_stream_si256((__m256i *)to, v);
}

/* ---- Halves of a vector of doubles; vector_double.h makes whole ones of them ---- */

typedef __m512d vh;

static inline vh h_low(vf v) {
    return _mm512_cvtps_pd(_mm512_castps512_ps256(v));
}

static inline vh h_high(vf v) {
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
}

static inline vf h_join(vh low, vh high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high),
                              1);
}

static inline vh h_set(double value) {
    return _mm512_set1_pd(value);
}

static inline vh h_add(vh a, vh b) {
    return _mm512_add_pd(a, b);
}

static inline vh h_fma(vh a, vh b, vh c) {
    return _mm512_fmadd_pd(a, b, c);
}

static inline int h_any_above(vh a, vh b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ);
}

static inline vh h_scale_by_bits(vh a, vh bits) {
    __m512i exponent = _mm512_slli_epi64(_mm512_castpd_si512(bits), 52);
    return _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), exponent));
}

static inline vh h_split(vh *above_one) {
    __m512d one = _mm512_set1_pd(1.0), whole = _mm512_add_pd(*above_one, one);
    *above_one = _mm512_sub_pd(_mm512_getmant_pd(whole, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src), one);
    return _mm512_getexp_pd(whole);
}

static inline double h_total(vh a) {
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

static inline double h_product_above_one(vh v) {
    __m256d low = _mm512_castpd512_pd256(v), high = _mm512_extractf64x4_pd(v, 1);
    __m256d four = _mm256_fmadd_pd(low, high, _mm256_add_pd(low, high));
    __m128d a = _mm256_castpd256_pd128(four), b = _mm256_extractf128_pd(four, 1);
    __m128d two = _mm_fmadd_pd(a, b, _mm_add_pd(a, b)), upper = _mm_unpackhi_pd(two, two);
    return _mm_cvtsd_f64(_mm_fmadd_sd(two, upper, _mm_add_sd(two, upper)));
}

/* ---- For ranking (topk_template.h) ---- */

static inline vf v_turned(vf v) {
    __m512i i = _mm512_castps_si512(v);
    return _mm512_castsi512_ps(_mm512_alignr_epi32(i, i, 1));
}

#include "optimized/cpu/vector_double.h"

#endif
