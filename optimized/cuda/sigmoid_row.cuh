/* SPDX-License-Identifier: MIT
 *
 * What a problem of the sigmoid family says about one row, which threads work on it, and the
 * general way to compute it: every option, every extreme value, an element at a time. For the hot
 * kernels this is where rows end that they cannot do.
 */
#ifndef BALACT_OPTIMIZED_CUDA_SIGMOID_ROW_CUH
#define BALACT_OPTIMIZED_CUDA_SIGMOID_ROW_CUH

#include "balact/activations.h"
#include "optimized/cuda/element.cuh"
#include "optimized/cuda/sigmoid_math.cuh"

namespace balact_cuda {

/* What is wanted of a row. */
enum sigmoid_want { SIGMOID_PROBABILITIES, SIGMOID_LOSS, SIGMOID_GRADIENT };

enum { SIGMOID_THREADS = 256 };

/* The threads of one row: a warp, or a whole block of SIGMOID_THREADS. */
struct row_team {
    int rank, size;
    int64_t first, step; /* rows: first, first + step, ... */
};

/* Of a block whose teams have `size` threads each. */
DEVICE row_team row_team_of(int size) {
    int teams = SIGMOID_THREADS / size;
    row_team team;
    team.rank = (int)threadIdx.x % size;
    team.size = size;
    team.first = (int64_t)blockIdx.x * teams + (int)threadIdx.x / size;
    team.step = (int64_t)gridDim.x * teams;
    return team;
}

/* Floats that total_of_team() needs in shared memory. */
enum { TEAM_EXCHANGE = 2 * (SIGMOID_THREADS / WARP) };

/* The sum over the team's threads in a fixed order, in all of them. `exchange` is the block's. */
DEVICE float total_of_team(const row_team &team, two_floats sum, float *exchange) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        two_floats other = {__shfl_xor_sync(ALL_LANES, sum.high, distance),
                            __shfl_xor_sync(ALL_LANES, sum.low, distance)};
        bool lower = (team.rank & distance) == 0; /* the same order in both */
        two_floats first = lower ? sum : other;
        add_to(first, lower ? other : sum);
        sum = first;
    }
    if (team.size > WARP) {
        int warps = team.size / WARP;
        if (team.rank % WARP == 0) {
            exchange[2 * (team.rank / WARP)] = sum.high;
            exchange[2 * (team.rank / WARP) + 1] = sum.low;
        }
        __syncthreads();
        sum = {exchange[0], exchange[1]};
        for (int w = 1; w < warps; w++)
            add_to(sum, two_floats{exchange[2 * w], exchange[2 * w + 1]});
        __syncthreads(); /* the next row writes there */
    }
    return sum.high + sum.low;
}

/* What the labels say of row i. */
struct sigmoid_facts {
    int64_t label; /* the column whose target is 1, or -1 */
    bool ignored, broken, with_offset;
    float row_weight, scale; /* of the gradient: row_weight * grad_scale */
};

DEVICE sigmoid_facts sigmoid_facts_of(const balact_problem &p, int64_t i, bool forward) {
    sigmoid_facts facts = {-1, false, false, p.offset != NULL, 1.0f, p.grad_scale};
    if (p.row_weight && !forward) {
        facts.row_weight = load_one(p.row_weight + i);
        facts.scale = facts.row_weight * p.grad_scale;
    }
    if (!p.labels)
        return facts;
    int64_t label = load_one(p.labels + i), last = p.cols - 1;
    bool implicit = p.background == BALACT_BACKGROUND_IMPLICIT;
    bool background =
        implicit ? label == last + 1 : p.background == BALACT_BACKGROUND_LAST && label == last;
    facts.ignored = label == p.ignore_index;
    facts.broken = !facts.ignored && (label < 0 || label > last + implicit);
    facts.with_offset = p.offset && !(p.offset_foreground_only && background && !facts.ignored);
    if (!facts.ignored && !p.targets && label >= 0 && label <= last)
        facts.label = label;
    return facts;
}

/* What is to be stored beside the logits' shape. loss: before the row's weight. */
DEVICE void store_sigmoid_row(const balact_problem &p, int64_t i, const sigmoid_facts &facts,
                              float loss) {
    float none = facts.broken ? NAN : 0.0f;
    bool counts = !facts.ignored && !facts.broken;
    if (p.loss)
        store_one(p.loss + i, counts ? facts.row_weight * loss : none);
    if (p.weight)
        store_one(p.weight + i, counts ? facts.row_weight : none);
}

template <typename T>
DEVICE void fill_row(const row_team &team, typename elements<T>::stored *out, int64_t cols,
                     float value) {
    for (int64_t j = team.rank; j < cols; j += team.size)
        store_one(out + j, elements<T>::narrow(value));
}

/* The target of column j. */
DEVICE sigmoid_target sigmoid_target_of(const balact_problem &p, int64_t i, int64_t j,
                                        int64_t label) {
    sigmoid_target target = {0.0f, 1.0f, 1.0f};
    float half = 0.5f * p.label_smoothing;
    if (p.targets) {
        target.t = load_one(p.targets + i * p.ld_targets + j);
        target.one_minus_t = 1.0f - target.t;
    } else if (j == label) {
        target.t = (1.0f - p.label_smoothing) + half;
        target.one_minus_t = half;
    } else {
        target.t = half;
        target.one_minus_t = 1.0f - half;
    }
    if (p.class_weight)
        target.class_weight = load_one(p.class_weight + j);
    return target;
}

/* All of row i but what store_sigmoid_row() stores; returns this thread's share of the loss. */
template <typename T>
static __device__ __noinline__ two_floats sigmoid_row_generally(const balact_problem &p,
                                                                const row_team team, int64_t i,
                                                                const sigmoid_facts facts,
                                                                enum sigmoid_want want) {
    typedef typename elements<T>::stored stored;
    const stored *x = (const stored *)p.logits + i * p.ld;
    stored *out = (stored *)p.out + i * p.ld_out;
    two_floats sum = {0.0f, 0.0f};
    sigmoid_factor factor = sigmoid_factor_of(facts.scale);
    for (int64_t j = team.rank; j < p.cols; j += team.size) {
        float offset = facts.with_offset ? load_one(p.offset + j) : 0.0f;
        folded f = fold(elements<T>::widen(load_one_written(x + j)), offset, facts.with_offset);
        if (want == SIGMOID_PROBABILITIES) {
            store_one(out + j, elements<T>::narrow(sigmoid_of(f)));
            continue;
        }
        sigmoid_target target = sigmoid_target_of(p, i, j, facts.label);
        add_to(sum, sigmoid_loss(f, target));
        if (want == SIGMOID_GRADIENT)
            store_one(out + j, elements<T>::narrow(sigmoid_gradient(f, target, factor)));
    }
    return sum;
}

/* Row i, by the general way throughout. */
template <typename T>
DEVICE void sigmoid_general_row(const balact_problem &p, const row_team &team, int64_t i,
                                const sigmoid_facts &facts, enum sigmoid_want want,
                                float *exchange) {
    typedef typename elements<T>::stored stored;
    float loss = 0.0f;
    bool skipped = want != SIGMOID_PROBABILITIES && (facts.ignored || facts.broken);
    if (!skipped)
        loss = total_of_team(team, sigmoid_row_generally<T>(p, team, i, facts, want), exchange);
    else if (want == SIGMOID_GRADIENT)
        fill_row<T>(team, (stored *)p.out + i * p.ld_out, p.cols, facts.broken ? NAN : 0.0f);
    if (want != SIGMOID_PROBABILITIES && team.rank == 0)
        store_sigmoid_row(p, i, facts, loss);
}

} // namespace balact_cuda

#endif
