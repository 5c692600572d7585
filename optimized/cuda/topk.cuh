/* SPDX-License-Identifier: MIT
 *
 * The order of balact/topk.h as integers, and rows of logits as they are walked for ranking. Keys
 * of one row are all different and the larger one comes first, so no result depends on the order in
 * which elements are looked at.
 */
#ifndef BALACT_OPTIMIZED_CUDA_TOPK_CUH
#define BALACT_OPTIMIZED_CUDA_TOPK_CUH

#include <math.h>

#include "balact/topk.h"
#include "optimized/cuda/element.cuh"

namespace balact_cuda {

enum { TOPK_THREADS = 256, TOPK_WARPS = TOPK_THREADS / WARP };

/* Value above, class below; 0 stands for nothing at all. */
typedef unsigned long long topk_key;

/* Larger for the larger value, equal for both zeros, 0 for NaN and for it alone. */
DEVICE uint32_t topk_rank(float u) {
    int bits = __float_as_int(u);
    bits = bits >= 0 ? bits : (int)(0x80000000u - (uint32_t)bits);
    return u == u ? (uint32_t)bits ^ 0x80000000u : 0u;
}

/* A number of that rank; -inf for NaN and for nothing. */
DEVICE float topk_value(uint32_t rank) {
    int bits = (int)(rank ^ 0x80000000u);
    float u = __int_as_float(bits >= 0 ? bits : (int)(0x80000000u - (uint32_t)bits));
    return rank ? u : -INFINITY;
}

DEVICE topk_key topk_key_of(float u, int64_t j) {
    return (topk_key)topk_rank(u) << 32 | (uint32_t) ~(uint32_t)j;
}

DEVICE int32_t topk_class(topk_key key) {
    return (int32_t) ~(uint32_t)key;
}

template <typename T> struct ranked_row {
    const typename elements<T>::stored *x;
    const float *offset;
    int64_t cols;
    int32_t *index;
    float *value; /* or NULL */
};

template <typename T> DEVICE ranked_row<T> ranked_row_of(const balact_topk_problem &p, int64_t i) {
    ranked_row<T> row;
    row.x = (const typename elements<T>::stored *)p.logits + i * p.ld;
    row.offset = p.offset;
    row.cols = p.cols;
    row.index = p.index + i * p.ld_out;
    row.value = p.value ? p.value + i * p.ld_out : NULL;
    return row;
}

/* u of class j */
template <typename T> DEVICE float ranked_value(const ranked_row<T> &row, int64_t j) {
    float u = elements<T>::widen(load_one(row.x + j));
    return row.offset ? u + load_one(row.offset + j) : u;
}

template <typename T>
DEVICE void store_ranked(const ranked_row<T> &row, int64_t place, int32_t index) {
    store_one(row.index + place, index);
    if (row.value)
        store_one(row.value + place, ranked_value(row, index));
}

/* ---- A row in slots of 16 bytes ---- */

/* Slot 0 holds what stands before the first multiple of 16 bytes, the last slot what is left
 * behind the last whole piece; either may be empty. */
struct row_slots {
    int64_t head, pieces, slots;
};

template <typename T> DEVICE row_slots slots_of(const ranked_row<T> &row) {
    const int a_piece = elements<T>::A_PIECE;
    row_slots s;
    s.head = (int64_t)((0 - (uintptr_t)row.x) % PIECE_BYTES / sizeof *row.x);
    s.head = s.head < row.cols ? s.head : row.cols;
    s.pieces = (row.cols - s.head) / a_piece;
    s.slots = s.pieces + 2;
    return s;
}

/* Classes first .. first + count - 1; the values behind are -inf. */
template <typename T> struct ranked_slot {
    float u[elements<T>::A_PIECE];
    int64_t first;
    int count;
};

template <typename T>
DEVICE ranked_slot<T> load_slot(const ranked_row<T> &row, const row_slots &s, int64_t slot) {
    const int a_piece = elements<T>::A_PIECE;
    ranked_slot<T> r;
    if (slot > 0 && slot <= s.pieces) {
        r.first = s.head + (slot - 1) * a_piece, r.count = a_piece;
        elements<T>::widen_piece(load16(row.x + r.first), r.u);
    } else {
        r.first = slot == 0 ? 0 : s.head + s.pieces * a_piece;
        r.count = slot == 0 ? (int)s.head : slot < s.slots ? (int)(row.cols - r.first) : 0;
#pragma unroll
        for (int k = 0; k < a_piece; k++)
            r.u[k] = k < r.count ? elements<T>::widen(load_one(row.x + r.first + k)) : -INFINITY;
    }
    if (row.offset) {
#pragma unroll
        for (int k = 0; k < a_piece; k++)
            if (k < r.count)
                r.u[k] += load_one(row.offset + r.first + k);
    }
    return r;
}

} // namespace balact_cuda

#endif
