/* SPDX-License-Identifier: MIT
 *
 * A row of the softmax family by the general way: every option, every extreme value, any number of
 * columns, an element at a time. It reads the row three times; the hot kernels leave rows to it
 * that they cannot do.
 *
 * The largest u = x + a is found first, at the column called pivot; exponentials are those of
 *   d_j = u_j - u_pivot = (x_j - x_pivot) + (a_j - a_pivot),
 * kept as a sum of two floats, which loses nothing. One column is left out of the sums, so that
 * nothing cancels where its probability is nearly 1: the label's if the target is that alone, else
 * the pivot's, and then with c_j = w_j t_j and W = sum c_j
 *   loss = W (lse - u_pivot) + sum_j c_j (u_pivot - u_j)
 * has no negative term.
 */
#ifndef BALACT_OPTIMIZED_CUDA_SOFTMAX_GENERAL_CUH
#define BALACT_OPTIMIZED_CUDA_SOFTMAX_GENERAL_CUH

#include "optimized/cuda/exp.cuh"
#include "optimized/cuda/options.cuh"
#include "optimized/cuda/team.cuh"

namespace balact_cuda {

/* From here on u rounded to fp32 is too coarse to tell which column is the largest. */
constexpr float WIDE_MAGNITUDE = 16384.0f;

/* The largest value and its column, the lowest of equal ones. */
struct largest {
    float value;
    uint32_t not_a_number; /* of any */
    int64_t column;
    static DEVICE_MEMBER largest of(const largest &a, const largest &b) {
        bool first = a.value > b.value || (a.value == b.value && a.column < b.column);
        largest result = first ? a : b;
        result.not_a_number = a.not_a_number | b.not_a_number;
        return result;
    }
};

struct column_sums {
    two_floats exponentials; /* exp(d_j) * 2^44 */
    two_floats coefficients; /* c_j */
    two_floats distances;    /* -c_j d_j, where finite */
    uint32_t infinite;       /* whether one was not */
    uint32_t unmasked;
    static DEVICE_MEMBER column_sums of(const column_sums &a, const column_sums &b) {
        return {sum_of(a.exponentials, b.exponentials), sum_of(a.coefficients, b.coefficients),
                sum_of(a.distances, b.distances), a.infinite | b.infinite, a.unmasked + b.unmasked};
    }
};

template <typename T> struct general_row {
    typedef typename elements<T>::stored stored;
    const stored *x;
    stored *out;
    const float *offset;       /* as this row has it, NULL for none */
    const float *mask;         /* the problem's, where smoothing is withheld at -inf; or NULL */
    const float *targets;      /* of this row, or NULL: then `share` in every unmasked column */
    const float *class_weight; /* or NULL */
    int64_t cols;
    float share;
    int64_t pivot;
    float x_pivot, a_pivot;

    DEVICE_MEMBER float logit(int64_t j) const {
        return elements<T>::widen(load_one_written(x + j));
    }
    DEVICE_MEMBER float shift(int64_t j) const {
        return offset ? load_one(offset + j) : 0.0f;
    }
    DEVICE_MEMBER float weight(int64_t j) const {
        return class_weight ? load_one(class_weight + j) : 1.0f;
    }
    DEVICE_MEMBER bool masked(int64_t j) const {
        return mask && load_one(mask + j) == -INFINITY;
    }
    /* c_j, but for what a label adds */
    DEVICE_MEMBER float coefficient(int64_t j) const {
        float t = targets ? load_one(targets + j) : masked(j) ? 0.0f : share;
        return t * weight(j);
    }
    /* u_j - u_pivot; an infinity has no low. */
    DEVICE_MEMBER two_floats distance(int64_t j) const {
        two_floats x_part = exact_sum(logit(j), -x_pivot);
        two_floats a_part = exact_sum(shift(j), -a_pivot);
        two_floats d = exact_sum(x_part.high, a_part.high);
        float low = d.low + (x_part.low + a_part.low);
        return {d.high, fabsf(d.high) < INFINITY ? low : 0.0f};
    }
    DEVICE_MEMBER void set_pivot(int64_t j) {
        pivot = j, x_pivot = logit(j), a_pivot = shift(j);
    }
};

template <typename T, typename Team>
DEVICE largest largest_of(const general_row<T> &row, const Team &team, bool of_distance) {
    largest best = {-INFINITY, 0, row.cols};
    for (int64_t j = team.rank(); j < row.cols; j += Team::SIZE) {
        float u = of_distance ? row.distance(j).high : row.logit(j) + row.shift(j);
        best.not_a_number |= isnan(u);
        if (u > best.value)
            best.value = u, best.column = j;
    }
    return team.template across<largest>(best);
}

/* Finds the pivot. False: no distribution (NaN, +inf, all -inf). */
template <typename T, typename Team> DEVICE bool find_pivot(general_row<T> &row, const Team &team) {
    largest best = largest_of(row, team, false);
    if (best.not_a_number || !(fabsf(best.value) < INFINITY))
        return false;
    row.set_pivot(best.column);
    if (fabsf(best.value) >= WIDE_MAGNITUDE) {
        best = largest_of(row, team, true);
        row.set_pivot(best.column);
    }
    return true;
}

/* Over all columns but one; with coefficients and distances where `spread`. */
template <typename T, typename Team>
DEVICE column_sums sums_of(const general_row<T> &row, const Team &team, int64_t without,
                           bool spread) {
    column_sums sums = {};
    for (int64_t j = team.rank(); j < row.cols; j += Team::SIZE) {
        if (j == without)
            continue;
        two_floats d = row.distance(j);
        add_to(sums.exponentials, biased_exponential(d));
        float c = spread ? row.coefficient(j) : 0.0f;
        if (c == 0.0f)
            continue;
        add_to(sums.coefficients, c);
        if (d.high == -INFINITY)
            sums.infinite = 1;
        else
            add_to(sums.distances, -c * d.high - c * d.low);
    }
    return team.template across<column_sums>(sums);
}

/* ---- What is written ---- */

template <typename T, typename Team>
DEVICE void fill_row(const general_row<T> &row, const Team &team, float value) {
    for (int64_t j = team.rank(); j < row.cols; j += Team::SIZE)
        store_one(row.out + j, elements<T>::narrow(value));
}

/* e * scale / sum, e and sum times 2^44. */
struct general_factor {
    float inverse, scale, factor;
    bool at_once;
};

DEVICE general_factor general_factor_of(float scale, float sum) {
    general_factor f = {1.0f / sum, scale, scale / sum, false};
    f.at_once = fabsf(f.factor) >= 0x1p-126f;
    return f;
}

DEVICE float times(float e, const general_factor &f) {
    return f.at_once ? e * f.factor : e * f.inverse * f.scale;
}

/* A column whose result is computed apart; -1 for none. */
struct special_column {
    int64_t column;
    float value;
};

template <typename T, typename Team>
DEVICE void write_row(const general_row<T> &row, const Team &team, const general_factor &factor,
                      bool spread, float scale, special_column first, special_column second) {
    for (int64_t j = team.rank(); j < row.cols; j += Team::SIZE) {
        float g = times(biased_exponential(row.distance(j)), factor);
        if (spread)
            g -= scale * row.coefficient(j);
        if (j == first.column)
            g = first.value;
        if (j == second.column)
            g = second.value;
        store_one(row.out + j, elements<T>::narrow(g));
    }
}

/* ---- Rows ---- */

/* What the sum without a column says about that column, whose exponential is e. */
struct column_share {
    float sum; /* with it */
    float p, one_minus_p;
    float negative_log_probability;
};

DEVICE column_share column_share_of(two_floats d, float e, float rest) {
    column_share share;
    share.sum = rest + e;
    share.p = e / share.sum;
    share.one_minus_p = rest / share.sum;
    share.negative_log_probability =
        e >= rest ? log1pf(rest / e) : (logf(share.sum * UNBIAS_FACTOR) - d.low) - d.high;
    return share;
}

template <typename T> DEVICE float log_sum_exp(const general_row<T> &row, float sum) {
    two_floats base = exact_sum(row.x_pivot, row.a_pivot);
    return base.high + (base.low + logf(sum * UNBIAS_FACTOR));
}

/* What a row comes to beside its matrix. */
struct row_results {
    float loss, denominator, lse;
};

template <typename T, typename Team>
DEVICE row_results general_label_row(const general_row<T> &row, const Team &team,
                                     const row_facts &facts, bool write) {
    int64_t y = facts.label;
    float weight = row.weight(y);
    two_floats d = row.distance(y);
    float e = biased_exponential(d);
    float rest = rounded(sums_of(row, team, y, false).exponentials);
    column_share share = column_share_of(d, e, rest);
    float nll = share.negative_log_probability;
    if (write) {
        float scale = facts.scale * weight;
        general_factor factor = general_factor_of(scale, share.sum);
        write_row(row, team, factor, false, 0.0f, {y, times(-rest, factor)}, {-1, 0.0f});
    }
    return {weight == 0.0f && !isnan(nll) ? 0.0f : weight * nll, weight,
            log_sum_exp(row, share.sum)};
}

/* Targets on many columns: smoothing and soft targets. */
template <typename T, typename Team>
DEVICE row_results general_spread_row(general_row<T> &row, const Team &team, const row_facts &facts,
                                      float smoothing, bool write) {
    int64_t y = facts.label;
    two_floats d_y = {0.0f, 0.0f};
    float w_y = 1.0f, extra = 0.0f;
    if (y >= 0) {
        w_y = row.weight(y);
        extra = (1.0f - smoothing) * w_y;
        d_y = row.distance(y);
    }
    float c_pivot = row.coefficient(row.pivot), c_y = y >= 0 ? row.coefficient(y) + extra : 0.0f;
    column_sums sums = sums_of(row, team, row.pivot, true);
    float rest = rounded(sums.exponentials), others = rounded(sums.coefficients);
    column_share pivot = column_share_of({0.0f, 0.0f}, BIAS_FACTOR, rest);
    if (y == row.pivot)
        c_pivot += extra;
    else
        others += extra;
    float W = others + c_pivot;
    float loss = W * pivot.negative_log_probability + rounded(sums.distances);
    if (extra != 0.0f)
        loss += extra * -rounded(d_y);
    if (sums.infinite)
        loss = INFINITY;
    if (write) {
        special_column at_y = {-1, 0.0f}, at_pivot = {row.pivot, 0.0f};
        at_pivot.value = facts.scale * (others * pivot.p - c_pivot * pivot.one_minus_p);
        if (y >= 0 && y != row.pivot) {
            float p = biased_exponential(d_y) / pivot.sum;
            at_y = {y, facts.scale * ((W - c_y) * p - c_y * (1.0f - p))};
        }
        write_row(row, team, general_factor_of(facts.scale * W, pivot.sum), true, facts.scale, at_y,
                  at_pivot);
    }
    return {loss, w_y, log_sum_exp(row, pivot.sum)};
}

template <typename T, typename Team>
DEVICE general_row<T> general_row_of(const balact_problem &p, int64_t i, const row_facts &facts,
                                     const Team &team) {
    typedef typename elements<T>::stored stored;
    general_row<T> row = {};
    row.x = (const stored *)p.logits + i * p.ld;
    row.out = (stored *)p.out + i * p.ld_out;
    row.offset = facts.with_offset ? p.offset : NULL;
    row.mask = p.offset;
    row.targets = p.targets ? p.targets + i * p.ld_targets : NULL;
    row.class_weight = p.class_weight;
    row.cols = p.cols;
    if (p.label_smoothing == 0.0f || p.targets)
        return row;
    column_sums count = {};
    for (int64_t j = team.rank(); j < p.cols; j += Team::SIZE)
        count.unmasked += !row.masked(j);
    count = team.template across<column_sums>(count);
    row.share = count.unmasked ? p.label_smoothing / (float)count.unmasked : 0.0f;
    return row;
}

/* Row i, whatever it holds. */
template <typename T, typename Team>
DEVICE void softmax_general_row(const balact_problem &p, enum want want, int64_t i,
                                const Team &team) {
    row_facts facts = row_facts_of(p, i);
    general_row<T> row = general_row_of<T>(p, i, facts, team);
    bool spread = p.targets || p.label_smoothing != 0.0f;
    bool counts = want != WANT_PROBABILITIES && !facts.ignored && !facts.invalid;
    bool exists = find_pivot(row, team), write = exists && counts && want == WANT_GRADIENT;
    row_results results = {NAN, 1.0f, NAN};
    if (exists && counts) {
        results = spread ? general_spread_row(row, team, facts, p.label_smoothing, write)
                         : general_label_row(row, team, facts, write);
    } else if (exists) {
        float sum = rounded(sums_of(row, team, -1, false).exponentials);
        results.lse = log_sum_exp(row, sum);
        if (want == WANT_PROBABILITIES)
            write_row(row, team, general_factor_of(1.0f, sum), false, 0.0f, {-1, 0.0f}, {-1, 0.0f});
    } else if (facts.label >= 0) {
        results.denominator = row.weight(facts.label);
    }
    if (want == WANT_PROBABILITIES ? !exists : want == WANT_GRADIENT && !write)
        fill_row(row, team, facts.ignored && want == WANT_GRADIENT ? 0.0f : NAN);
    if (team.rank() != 0)
        return;
    if (want != WANT_PROBABILITIES)
        store_loss(p, i, facts, results.loss, results.denominator);
    if (p.lse)
        store_one(p.lse + i, results.lse);
}

} // namespace balact_cuda

#endif
