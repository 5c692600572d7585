/* SPDX-License-Identifier: MIT
 *
 * The walks in 512 bits. Compiled with -mavx512f; see walk.h.
 */
#include "bench/measure/walk.h"

#include <immintrin.h>

#define WALK_PIECE              walk_piece_avx512
#define WALK_VECTOR             __m512i
#define WALK_LOAD(p)            _mm512_load_si512(p)
#define WALK_STORE(p, v)        _mm512_store_si512(p, v)
#define WALK_STREAM_STORE(p, v) _mm512_stream_si512((__m512i *)(p), v)
#define WALK_ADD(a, b)          _mm512_add_epi32(a, b)
#define WALK_XOR(a, b)          _mm512_xor_si512(a, b)
#define WALK_ZERO               _mm512_setzero_si512()
#define WALK_SET(value)         _mm512_set1_epi32(value)

#include "bench/measure/walk_template.h"
