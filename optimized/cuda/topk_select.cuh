/* SPDX-License-Identifier: MIT
 *
 * Ranking for larger k, a block a row: the rank of the k-th best by its digits from the top, each
 * from a count of all digits; then the betters in class order with as many equals as there is room
 * for; then a sort of these, in shared memory where they fit and else where they stand in the
 * output. The row is read eight times and more: this is for few rows or long lists.
 */
#ifndef BALACT_OPTIMIZED_CUDA_TOPK_SELECT_CUH
#define BALACT_OPTIMIZED_CUDA_TOPK_SELECT_CUH

#include "optimized/cuda/topk.cuh"

namespace balact_cuda {

enum { DIGIT_BITS = 4, DIGITS = 1 << DIGIT_BITS };
/* Keys that are sorted in shared memory. */
enum { TOPK_SORTED_IN_SHARED = 2048 };

/* What the block has in shared memory. */
struct selection_memory {
    uint32_t count[DIGITS][TOPK_THREADS]; /* of each thread: no two write one place */
    uint32_t total[DIGITS];
    uint32_t above[TOPK_WARPS], equal[TOPK_WARPS];
    topk_key key[TOPK_SORTED_IN_SHARED];
};

DEVICE uint32_t total_of_warp(uint32_t count) {
    for (int distance = WARP / 2; distance > 0; distance /= 2)
        count += __shfl_xor_sync(ALL_LANES, count, distance);
    return count;
}

/* Fills m->total: of the elements whose rank begins like `prefix` above `shift` + DIGIT_BITS, how
 * many have each digit there. */
template <typename T>
DEVICE void count_digits(selection_memory *m, const ranked_row<T> &row, uint32_t prefix,
                         int shift) {
    int t = (int)threadIdx.x;
    for (int d = 0; d < DIGITS; d++)
        m->count[d][t] = 0;
    for (int64_t j = t; j < row.cols; j += TOPK_THREADS) {
        uint32_t rank = topk_rank(ranked_value(row, j));
        if ((uint64_t)(rank ^ prefix) >> (shift + DIGIT_BITS) == 0)
            m->count[rank >> shift & (DIGITS - 1)][t]++;
    }
    __syncthreads();
    for (int d = t / WARP; d < DIGITS; d += TOPK_WARPS) {
        uint32_t sum = 0;
        for (int from = t % WARP; from < TOPK_THREADS; from += WARP)
            sum += m->count[d][from];
        sum = total_of_warp(sum);
        if (t % WARP == 0)
            m->total[d] = sum;
    }
    __syncthreads();
}

/* The rank of the k-th best, and in *room how many of that rank belong to the k best. */
template <typename T>
DEVICE uint32_t kth_rank(selection_memory *m, const ranked_row<T> &row, uint32_t k,
                         uint32_t *room) {
    uint32_t prefix = 0, wanted = k;
    for (int shift = 32 - DIGIT_BITS; shift >= 0; shift -= DIGIT_BITS) {
        count_digits(m, row, prefix, shift);
        uint32_t digit = DIGITS - 1;
        for (; digit > 0 && m->total[digit] < wanted; digit--)
            wanted -= m->total[digit];
        prefix |= digit << shift;
    }
    *room = wanted;
    return prefix;
}

/* Counts of the flags in the warps before this thread's; the block's total in *total. */
DEVICE uint32_t warps_before(const uint32_t *counts, uint32_t *total) {
    uint32_t before = 0, all = 0;
    for (int w = 0; w < TOPK_WARPS; w++) {
        before += w < (int)threadIdx.x / WARP ? counts[w] : 0;
        all += counts[w];
    }
    *total = all;
    return before;
}

/* Puts the k best, in class order, into m->key or, if they do not fit there, into the output. */
template <typename T>
DEVICE void collect(selection_memory *m, const ranked_row<T> &row, uint32_t limit, uint32_t room,
                    bool in_shared) {
    int t = (int)threadIdx.x;
    unsigned lanes_before = (1u << t % WARP) - 1;
    uint32_t above_so_far = 0, equal_so_far = 0;
    for (int64_t base = 0; base < row.cols; base += TOPK_THREADS) {
        int64_t j = base + t;
        float u = j < row.cols ? ranked_value(row, j) : 0.0f;
        uint32_t rank = topk_rank(u);
        bool is_above = j < row.cols && rank > limit, is_equal = j < row.cols && rank == limit;
        unsigned above = __ballot_sync(ALL_LANES, is_above);
        unsigned equal = __ballot_sync(ALL_LANES, is_equal);
        if (t % WARP == 0)
            m->above[t / WARP] = __popc(above), m->equal[t / WARP] = __popc(equal);
        __syncthreads();
        uint32_t above_here, equal_here;
        uint32_t above_before =
            above_so_far + warps_before(m->above, &above_here) + __popc(above & lanes_before);
        uint32_t equal_before =
            equal_so_far + warps_before(m->equal, &equal_here) + __popc(equal & lanes_before);
        if (is_above || (is_equal && equal_before < room)) {
            uint32_t place = above_before + (equal_before < room ? equal_before : room);
            if (in_shared)
                m->key[place] = topk_key_of(u, j);
            else
                store_one(row.index + place, (int32_t)j);
        }
        above_so_far += above_here, equal_so_far += equal_here;
        __syncthreads();
    }
}

/* Where the keys are that are sorted. */
template <typename T> struct sorted_places {
    topk_key *key; /* shared memory, or NULL: the classes in row->index */
    const ranked_row<T> *row;
};

/* Exchanges two places, a < b, if the second comes first. */
template <typename T>
DEVICE void order_two(const sorted_places<T> &places, uint32_t a, uint32_t b) {
    if (places.key) {
        topk_key first = places.key[a], second = places.key[b];
        if (second > first)
            places.key[a] = second, places.key[b] = first;
        return;
    }
    int32_t *index = places.row->index;
    int32_t first = load_one_written(index + a), second = load_one_written(index + b);
    if (topk_key_of(ranked_value(*places.row, second), second) >
        topk_key_of(ranked_value(*places.row, first), first)) {
        store_one(index + a, second);
        store_one(index + b, first);
    }
}

/* A bitonic sort of any number of places: each merge begins with mirrored partners, so that all
 * comparisons point the same way and places behind the last count as the largest. */
template <typename T> DEVICE void sort_places(const sorted_places<T> &places, uint32_t n) {
    for (uint64_t size = 2; size < 2 * (uint64_t)n; size *= 2)
        for (uint64_t half = size / 2; half > 0; half /= 2) {
            bool mirrored = half == size / 2;
            for (uint64_t pair = threadIdx.x; pair < n; pair += TOPK_THREADS) {
                uint64_t a = pair / half * (2 * half) + pair % half;
                uint64_t b = mirrored ? (a ^ (size - 1)) : a + half;
                if (b < n)
                    order_two(places, (uint32_t)a, (uint32_t)b);
                if (a >= n)
                    break;
            }
            __syncthreads();
        }
}

template <typename T>
static __global__ void __launch_bounds__(TOPK_THREADS) topk_select(const balact_topk_problem p) {
    selection_memory *m = (selection_memory *)shared_memory();
    uint32_t k = (uint32_t)p.k;
    bool in_shared = k <= TOPK_SORTED_IN_SHARED;
    for (int64_t i = blockIdx.x; i < p.rows; i += gridDim.x) {
        ranked_row<T> row = ranked_row_of<T>(p, i);
        uint32_t room;
        uint32_t limit = kth_rank(m, row, k, &room);
        collect(m, row, limit, room, in_shared);
        sort_places(sorted_places<T>{in_shared ? m->key : NULL, &row}, k);
        for (uint32_t r = threadIdx.x; r < k; r += TOPK_THREADS)
            store_ranked(row, r,
                         in_shared ? topk_class(m->key[r]) : load_one_written(row.index + r));
        __syncthreads(); /* the next row writes there */
    }
}

} // namespace balact_cuda

#endif
