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

static inline vf spread_coefficient(const struct spread *spread, int64_t j, vmask inside) {
    vf t = spread->targets ? v_load_masked(spread->targets + j, inside)
                           : v_keep(inside, v_set(spread->share));
    if (spread->mask && !spread->targets) {
        vf a = v_load_masked(spread->mask + j, inside);
        t = v_keep(v_not_less(a, v_set(-FLT_MAX)), t);
    }
    return spread->class_weight ? v_mul(t, v_load_masked(spread->class_weight + j, inside)) : t;
}

/* c_j of one column in double, as the vectors have it. */
static inline double spread_coefficient_at(const struct spread *spread, int64_t j) {
    bool masked = spread->mask && spread->mask[j] == -INFINITY;
    double t = spread->targets ? spread->targets[j] : masked ? 0.0 : spread->share;
    return t * (spread->class_weight ? spread->class_weight[j] : 1.0);
}

ALWAYS_INLINE void spread_sums(const struct softmax_row *const from, struct spread *spread,
                               const bool with_offset, const bool wide) {
    const struct softmax_row row = *from;
    const float pivot_high = (float)spread->u_pivot;
    const vf high = v_set(pivot_high);
    const vf low = v_set((float)(spread->u_pivot - pivot_high));
    vd sum = v_double_zero(), coefficients = v_double_zero(), distances = v_double_zero();
    for (int64_t j = 0; j < row.cols; j += V_WIDTH) {
        vmask inside = v_first(row.cols - j);
        vf x = ELEMENT_LOAD_MASKED(row.x + j, inside);
        vf a = with_offset ? v_load_masked(row.offset + j, inside) : v_zero();
        vf e = softmax_exponential(&row, x, a, with_offset, wide);
        if (row.out)
            ELEMENT_STORE_MASKED(row.out + j, inside, e);
        struct pair u = shifted_logit(x, a, with_offset);
        vf distance = v_sub(high, u.high);
        if (with_offset)
            distance =
                v_add(distance, v_keep(v_not_less(u.high, v_set(-FLT_MAX)), v_sub(low, u.low)));
        vf c = v_without_lane(spread_coefficient(spread, j, inside), row.pivot - j);
        sum = v_double_add(sum, v_without_lane(v_keep(inside, e), row.pivot - j));
        coefficients = v_double_add(coefficients, c);
        distances = v_double_add(distances, v_keep(v_nonzero(c), v_mul(c, distance)));
    }
    spread->exponentials = lanes_total(sum);
    spread->coefficients = lanes_total(coefficients);
    spread->distances = lanes_total(distances);
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
        vf u = v_select(inside, ELEMENT_LOAD_MASKED(row->x + j, inside), v_set(-INFINITY));
        if (row->offset)
            u = v_add(u, v_load_masked(row->offset + j, inside));
        int lane = v_first_lane(v_equal(u, maximum));
        if (lane >= 0)
            return j + lane;
    }
    return 0; /* not reached: the maximum is finite */
}

/* out = out * factor - c * scale */
NOINLINE void spread_gradient(const struct softmax_row *row, const struct spread *spread,
                              float factor, float scale) {
    vf f = v_set(factor), s = v_set(scale);
    for (int64_t j = 0; j < row->cols; j += V_WIDTH) {
        vmask inside = v_first(row->cols - j);
        vf c = v_mul(s, spread_coefficient(spread, j, inside));
        vf e = ELEMENT_LOAD_MASKED(row->out + j, inside);
        ELEMENT_STORE_MASKED(row->out + j, inside, v_sub(v_mul(f, e), c));
    }
}

/* W p_j - c_j, written (W - c_j) p_j - c_j (1 - p_j). */
static inline double spread_gradient_at(double W, double c, double p, double one_minus_p) {
    return (W - c) * p - c * one_minus_p;
}

static inline void softmax_spread_row(const struct balact_problem *p, int64_t i,
                                      const struct row_facts *facts, struct softmax_row *row,
                                      int64_t unmasked) {
    struct spread spread = {.targets = p->targets ? p->targets + i * p->ld_targets : NULL,
                            .class_weight = p->class_weight,
                            .mask = p->offset,
                            .share = unmasked ? p->label_smoothing / (float)unmasked : 0.0f};
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
        struct column_share pivot = column_share(row, spread.u_pivot, spread.exponentials);
        loss = W * pivot.negative_log_probability + spread.distances;
        if (label_extra != 0.0)
            loss += label_extra * (spread.u_pivot - u_y);
        lse = log_sum_exp(row, pivot.sum);
        if (row->out) {
            spread_gradient(row, &spread, (float)(facts->scale * W / pivot.sum),
                            (float)facts->scale);
            if (y >= 0) {
                double c_y = spread_coefficient_at(&spread, y) + label_extra;
                double p_y = exp(kept_exponent(row, u_y)) / pivot.sum;
                double g = spread_gradient_at(W, c_y, p_y, 1.0 - p_y);
                row->out[y] = ELEMENT_OF((float)(facts->scale * g));
            }
            if (y == row->pivot)
                c_pivot += label_extra;
            double g = spread_gradient_at(W, c_pivot, pivot.p, pivot.one_minus_p);
            row->out[row->pivot] = ELEMENT_OF((float)(facts->scale * g));
        }
    } else if (row->out) {
        fill_row(row->out, row->cols, NAN);
    }
    store_loss(p, i, facts, loss, denominator);
    if (p->lse)
        p->lse[i] = (float)lse;
}
