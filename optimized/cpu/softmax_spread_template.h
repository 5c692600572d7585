/* SPDX-License-Identifier: MIT
 *
 * The softmax family with a target on many columns: label smoothing and soft targets, with or
 * without class weights. Part of activations_template.h. Slower than plain labels by the target
 * that it reads and the two more sums.
 *
 * With coefficients c_j = w_j t_j, W = sum c_j and the pivot at the largest u_j,
 *   loss = W (lse - u_pivot) + sum_j c_j (u_pivot - u_j),
 * a sum of terms of which none is negative, so that nothing cancels.
 */

struct spread {
    const float *targets;      /* of this row, or NULL: then `share` in every unmasked column */
    const float *class_weight; /* or NULL */
    const float *mask;         /* the problem's offset, where share is withheld at -inf; or NULL */
    float share;
    double u_pivot;
    /* results, all without the pivot */
    double coefficients; /* sum of c_j */
    double distances;    /* sum of c_j (u_pivot - u_j) */
    double exponentials; /* sum of exp(u_j - base) * 2^BIAS */
};

ALWAYS_INLINE vf spread_coefficient(const struct spread *spread, int64_t j, vmask inside,
                                    const bool full) {
    vf t = spread->targets ? load_part(spread->targets + j, inside, full)
           : full          ? v_set(spread->share)
                           : v_keep(inside, v_set(spread->share));
    if (spread->mask && !spread->targets)
        t = v_keep(v_not_less(load_part(spread->mask + j, inside, full), v_set(-FLT_MAX)), t);
    return spread->class_weight ? v_mul(t, load_part(spread->class_weight + j, inside, full)) : t;
}

/* c_j of one column in double, as the vectors have it. */
static inline double spread_coefficient_at(const struct spread *spread, int64_t j) {
    bool masked = spread->mask && spread->mask[j] == -INFINITY;
    double t = spread->targets ? spread->targets[j] : masked ? 0.0 : spread->share;
    return t * (spread->class_weight ? spread->class_weight[j] : 1.0);
}

struct spread_terms {
    vf exponential, coefficient, distance;
};

/* The terms of the columns from j on, 0 at the pivot and outside; exponentials are kept. */
ALWAYS_INLINE struct spread_terms spread_step(const struct softmax_row *row,
                                              const struct spread *spread, int64_t j,
                                              const bool with_offset, const bool wide,
                                              const bool full) {
    const float pivot_high = (float)spread->u_pivot;
    vmask inside = v_first(row->cols - j);
    vf x = load_element_part(row->x + j, row->cols - j, full);
    vf a = with_offset ? load_part(row->offset + j, inside, full) : v_zero();
    vf e = softmax_exponential(row, x, a, with_offset, wide);
    if (row->kept)
        v_store(row->kept + j, e);
    struct pair u = shifted_logit(x, a, with_offset);
    vf distance = v_sub(v_set(pivot_high), u.high);
    if (with_offset) {
        vf low = v_sub(v_set((float)(spread->u_pivot - pivot_high)), u.low);
        distance = v_add(distance, v_keep(v_not_less(u.high, v_set(-FLT_MAX)), low));
    }
    vf c = spread_coefficient(spread, j, inside, full);
    if (!full)
        e = v_keep(inside, e);
    if ((uint64_t)(row->pivot - j) < V_WIDTH) {
        c = v_without_lane(c, row->pivot - j);
        e = v_without_lane(e, row->pivot - j);
    }
    return (struct spread_terms){e, c, v_keep(v_nonzero(c), v_mul(c, distance))};
}

/* Four vectors are added in fp32, all above in double. */
ALWAYS_INLINE void spread_sums(const struct softmax_row *const from, struct spread *to,
                               const bool with_offset, const bool wide) {
    const struct softmax_row row = *from;
    const struct spread spread = *to;
    vd exponentials = v_double_zero(), coefficients = v_double_zero(), distances = v_double_zero();
    for (int64_t begin = 0; begin < row.cols; begin += 4 * V_WIDTH) {
        struct spread_terms sum = {v_zero(), v_zero(), v_zero()};
        for (int64_t j = begin; j < row.cols && j < begin + 4 * V_WIDTH; j += V_WIDTH) {
            struct spread_terms terms =
                j + V_WIDTH <= row.cols ? spread_step(&row, &spread, j, with_offset, wide, true)
                                        : spread_step(&row, &spread, j, with_offset, wide, false);
            sum.exponential = v_add(sum.exponential, terms.exponential);
            sum.coefficient = v_add(sum.coefficient, terms.coefficient);
            sum.distance = v_add(sum.distance, terms.distance);
        }
        exponentials = v_double_add(exponentials, sum.exponential);
        coefficients = v_double_add(coefficients, sum.coefficient);
        distances = v_double_add(distances, sum.distance);
    }
    to->exponentials = v_double_total(exponentials);
    to->coefficients = v_double_total(coefficients);
    to->distances = v_double_total(distances);
}

#define SPREAD_VARIANT(name, with_offset, wide)                                                    \
    NOINLINE void name(const struct softmax_row *row, struct spread *spread) {                     \
        spread_sums(row, spread, with_offset, wide);                                               \
    }
SPREAD_VARIANT(spread_sums_plain, false, false)
SPREAD_VARIANT(spread_sums_wide, false, true)
SPREAD_VARIANT(spread_sums_offset, true, false)
SPREAD_VARIANT(spread_sums_offset_wide, true, true)
#undef SPREAD_VARIANT

static inline void spread_sums_of(const struct softmax_row *row, struct spread *spread) {
    if (row->offset)
        (row->wide ? spread_sums_offset_wide : spread_sums_offset)(row, spread);
    else
        (row->wide ? spread_sums_wide : spread_sums_plain)(row, spread);
}

/* The first column whose u, rounded to fp32, is the row's maximum. */
static inline int64_t find_maximum(const struct softmax_row *row) {
    const vf maximum = v_set(row->maximum);
    for (int64_t j = 0; j < row->cols; j += V_WIDTH) {
        vmask inside = v_first(row->cols - j);
        vf u = v_select(inside, ELEMENT_LOAD_FIRST(row->x + j, row->cols - j), v_set(-INFINITY));
        if (row->offset)
            u = v_add(u, v_load_masked(row->offset + j, inside));
        int lane = v_first_lane(v_equal(u, maximum));
        if (lane >= 0)
            return j + lane;
    }
    return 0; /* not reached: the maximum is finite */
}

ALWAYS_INLINE void spread_gradient_step(const float *kept, element *out,
                                        const struct spread *spread, int64_t j, int64_t cols,
                                        vf factor, vf scale, const bool full) {
    vmask inside = v_first(cols - j);
    vf c = v_mul(scale, spread_coefficient(spread, j, inside, full));
    vf e = load_part(kept + j, inside, full);
    store_element_part(out + j, cols - j, v_sub(v_mul(factor, e), c), full);
}

/* out = kept * factor - c * scale */
NOINLINE void spread_gradient(const float *kept, element *out, int64_t cols,
                              const struct spread *const from, float factor, float scale) {
    const struct spread spread = *from;
    int64_t j = 0;
    for (; j + V_WIDTH <= cols; j += V_WIDTH)
        spread_gradient_step(kept, out, &spread, j, cols, v_set(factor), v_set(scale), true);
    if (j < cols)
        spread_gradient_step(kept, out, &spread, j, cols, v_set(factor), v_set(scale), false);
}

/* W p_j - c_j, written (W - c_j) p_j - c_j (1 - p_j). */
static inline double spread_gradient_at(double W, double c, double p, double one_minus_p) {
    return (W - c) * p - c * one_minus_p;
}

static inline void softmax_spread_row(const struct call *call, int64_t i,
                                      const struct row_facts *facts, struct softmax_row *row,
                                      element *out) {
    const struct balact_problem *p = call->problem;
    struct spread spread = {.targets = p->targets ? p->targets + i * p->ld_targets : NULL,
                            .class_weight = p->class_weight,
                            .mask = p->offset,
                            .share =
                                call->unmasked ? p->label_smoothing / (float)call->unmasked : 0.0f};
    int64_t y = facts->label;
    double u_y = y >= 0 ? exact_logit(row->x, row->offset, y) : 0.0;
    double loss = NAN, lse = NAN;
    double denominator = y >= 0 ? class_weight_of(p, y) : 1.0;
    if (softmax_begin(row)) {
        row->pivot = find_maximum(row);
        spread.u_pivot = exact_logit(row->x, row->offset, row->pivot);
        spread_sums_of(row, &spread);
        double label_extra = y >= 0 ? (1.0 - (double)p->label_smoothing) * denominator : 0.0;
        double c_pivot = spread_coefficient_at(&spread, row->pivot);
        double W = spread.coefficients + c_pivot + label_extra;
        double d = kept_exponent(row, spread.u_pivot);
        struct column_share pivot = column_share(d, exp(d), spread.exponentials);
        loss = W * pivot.negative_log_probability + spread.distances;
        if (label_extra != 0.0)
            loss += label_extra * (spread.u_pivot - u_y);
        lse = log_sum_exp(row, pivot.sum);
        if (out) {
            double factor = normal_factor(row->kept, row->cols, facts->scale * W, pivot.sum);
            spread_gradient(row->kept, out, row->cols, &spread, (float)factor, (float)facts->scale);
            if (y >= 0) {
                double c_y = spread_coefficient_at(&spread, y) + label_extra;
                double p_y = exp(kept_exponent(row, u_y)) / pivot.sum;
                double g = spread_gradient_at(W, c_y, p_y, 1.0 - p_y);
                out[y] = element_of((float)(facts->scale * g));
            }
            if (y == row->pivot)
                c_pivot += label_extra;
            double g = spread_gradient_at(W, c_pivot, pivot.p, pivot.one_minus_p);
            out[row->pivot] = element_of((float)(facts->scale * g));
        }
    } else if (out) {
        fill_row(out, row->cols, NAN);
    }
    store_loss(p, i, facts, loss, denominator);
    if (p->lse)
        p->lse[i] = (float)lse;
}
