/* SPDX-License-Identifier: MIT
 *
 * The walks in 256 bits. Compiled with -mavx2; see walk.h.
 */
#include "bench/measure/walk.h"

#include <immintrin.h>

#define WALK_PIECE              walk_piece_avx2
#define WALK_VECTOR             __m256i
#define WALK_LOAD(p)            _mm256_load_si256((const __m256i *)(p))
#define WALK_STORE(p, v)        _mm256_store_si256((__m256i *)(p), v)
#define WALK_STREAM_STORE(p, v) _mm256_stream_si256((__m256i *)(p), v)
#define WALK_ADD(a, b)          _mm256_add_epi32(a, b)
#define WALK_XOR(a, b)          _mm256_xor_si256(a, b)
#define WALK_ZERO               _mm256_setzero_si256()
#define WALK_SET(value)         _mm256_set1_epi32(value)

#include "bench/measure/walk_template.h"
