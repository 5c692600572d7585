/* SPDX-License-Identifier: MIT
 *
 * Ranking for k <= 32: a warp keeps the best so far as a sorted list, one in each lane, and passes
 * over what is below the k-th of them. Long rows are shared out to the warps of a block, whose
 * lists are merged.
 */
#ifndef BALACT_OPTIMIZED_CUDA_TOPK_LIST_CUH
#define BALACT_OPTIMIZED_CUDA_TOPK_LIST_CUH

#include "optimized/cuda/topk.cuh"

namespace balact_cuda {

enum { TOPK_LISTED = WARP };

/* The list of a warp; every member but best is the same in all lanes. */
struct warp_list {
    topk_key best; /* of this lane: the lane-th best */
    topk_key last; /* the k-th best, 0 while there are fewer */
    float limit;   /* no smaller number can enter */
    int k, lane;
};

DEVICE void list_insert(warp_list &list, topk_key key) {
    int place = __popc(__ballot_sync(ALL_LANES, list.best > key));
    topk_key before = __shfl_sync(ALL_LANES, list.best, list.lane > 0 ? list.lane - 1 : 0);
    if (list.lane >= place)
        list.best = list.lane == place ? key : before;
    list.last = __shfl_sync(ALL_LANES, list.best, list.k - 1);
    list.limit = topk_value((uint32_t)(list.last >> 32));
}

/* Takes one key of each lane, 0 for none. */
DEVICE void list_take(warp_list &list, topk_key key) {
    unsigned entering = __ballot_sync(ALL_LANES, key > list.last);
    while (entering) {
        int from = __ffs((int)entering) - 1;
        list_insert(list, __shfl_sync(ALL_LANES, key, from));
        if (list.lane == from)
            key = 0;
        entering = __ballot_sync(ALL_LANES, key > list.last);
    }
}

/* The slots `first`, first + step, ... of this lane, as many turns in all lanes of the warp. */
template <typename T>
DEVICE void list_row(warp_list &list, const ranked_row<T> &row, int rank, int size) {
    row_slots s = slots_of(row);
    for (int64_t base = 0; base < s.slots; base += size) {
        ranked_slot<T> r = load_slot(row, s, base + rank);
        bool above = false;
#pragma unroll
        for (int k = 0; k < elements<T>::A_PIECE; k++)
            above |= !(r.u[k] < list.limit);
        if (!__any_sync(ALL_LANES, above))
            continue;
#pragma unroll
        for (int k = 0; k < elements<T>::A_PIECE; k++)
            list_take(list, k < r.count ? topk_key_of(r.u[k], r.first + k) : 0);
    }
}

/* The best class of a row in *key, in all lanes; false if there is no number above -inf. */
template <typename T>
DEVICE bool best_of_row(topk_key *key, const ranked_row<T> &row, int rank, int size) {
    row_slots s = slots_of(row);
    float best = -INFINITY;
    int64_t at = -1;
    for (int64_t slot = rank; slot < s.slots; slot += size) {
        ranked_slot<T> r = load_slot(row, s, slot);
#pragma unroll
        for (int k = 0; k < elements<T>::A_PIECE; k++)
            if (r.u[k] > best) /* the first of equals stays: slots are in class order */
                best = r.u[k], at = r.first + k;
    }
    *key = at >= 0 ? topk_key_of(best, at) : 0;
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        topk_key other = __shfl_xor_sync(ALL_LANES, *key, distance);
        *key = other > *key ? other : *key;
    }
    return *key != 0;
}

/* Merges the lists of the block's warps into that of warp 0. exchange: TOPK_THREADS keys. */
DEVICE void merge_lists(warp_list &list, topk_key *exchange) {
    exchange[threadIdx.x] = list.best;
    __syncthreads();
    if (threadIdx.x < WARP)
        for (int w = 1; w < TOPK_WARPS; w++)
            list_take(list, list.lane < list.k ? exchange[w * WARP + list.lane] : 0);
    __syncthreads(); /* the next row writes there */
}

/* A row by a team of a warp or of the whole block. */
template <typename T>
DEVICE void rank_by_list(const ranked_row<T> &row, int k, int rank, int size, topk_key *exchange) {
    warp_list list = {0, 0, -INFINITY, k, rank % WARP};
    topk_key key;
    bool found = k == 1 && best_of_row(&key, row, rank, size);
    if (found)
        list.best = list.lane == 0 ? key : 0;
    else
        list_row(list, row, rank, size);
    if (size > WARP)
        merge_lists(list, exchange);
    if (rank < k)
        store_ranked(row, rank, topk_class(list.best));
}

/* team_size: WARP or TOPK_THREADS. */
template <typename T>
static __global__ void __launch_bounds__(TOPK_THREADS)
    topk_list(const balact_topk_problem p, int team_size) {
    int teams = TOPK_THREADS / team_size, rank = (int)threadIdx.x % team_size;
    int64_t first = (int64_t)blockIdx.x * teams + (int)threadIdx.x / team_size;
    for (int64_t i = first; i < p.rows; i += (int64_t)gridDim.x * teams)
        rank_by_list(ranked_row_of<T>(p, i), (int)p.k, rank, team_size,
                     (topk_key *)shared_memory());
}

} // namespace balact_cuda

#endif
