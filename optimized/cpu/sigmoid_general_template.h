/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family with targets or weights on all columns (soft targets, smoothing, class
 * weights), and with gradients of an extreme scale: one logarithm an element. Part of
 * activations_template.h; the notation is that of sigmoid_template.h.
 */

/* Targets and weights of the general case. */
struct sigmoid_targets {
    const float *targets;      /* of this row, or NULL: then `share` everywhere */
    const float *class_weight; /* or NULL */
    float share;
    float unit; /* of gradients before the row's factor: 2^BIAS where that is large, or a small
                 * exp(-|u|) would have lost digits among the denormals before it; else 1 */
};

/* The losses of the columns from j on, 0 at the pivot and outside; gradients go to out. */
ALWAYS_INLINE vf sigmoid_general_step(const struct sigmoid_row *row,
                                      const struct sigmoid_targets *targets, int64_t j,
                                      const bool with_offset, const bool full) {
    const vf one = v_set(1.0f);
    vmask inside = v_first(row->cols - j);
    vf a = with_offset ? load_part(row->offset + j, inside, full) : v_zero();
    struct folded_logit u =
        folded_logit(load_element_part(row->x + j, row->cols - j, full), a, with_offset);
    vf kept = folded_exponential(u, with_offset), e = v_mul(kept, v_set(UNBIAS_FACTOR));
    vf t = targets->targets ? load_part(targets->targets + j, inside, full) : v_set(targets->share);
    vf w = targets->class_weight ? load_part(targets->class_weight + j, inside, full) : one;
    vf h = v_select(v_negative(u.u), t, v_sub(one, t));
    if (row->out) {
        const vf unit = v_set(targets->unit);
        vf q = v_div(v_mul(kept, v_set(targets->unit * UNBIAS_FACTOR)), v_add(e, one));
        vf gradient = v_mul(w, v_sub(q, v_mul(h, unit)));
        gradient =
            v_mul(v_set(row->factor / targets->unit), v_minus_unless_negative(gradient, u.u));
        store_element_part(row->out + j, row->cols - j, gradient, full);
    }
    vf coefficient = v_mul(w, h);
    vf loss = v_keep(v_nonzero(coefficient), v_mul(coefficient, v_abs(u.u)));
    loss = v_fma(w, log_one_plus(e), loss);
    if (!full)
        loss = v_keep(inside, loss);
    return (uint64_t)(row->pivot - j) < V_WIDTH ? v_without_lane(loss, row->pivot - j) : loss;
}

/* The sum of all losses but the pivot's, and out = factor * dloss/du. */
ALWAYS_INLINE double sigmoid_general(const struct sigmoid_row *const from,
                                     const struct sigmoid_targets targets, const bool with_offset) {
    const struct sigmoid_row row = *from;
    vd sum = v_double_zero();
    int64_t j = 0;
    for (; j + 2 * V_WIDTH <= row.cols; j += 2 * V_WIDTH) {
        vf first = sigmoid_general_step(&row, &targets, j, with_offset, true);
        vf second = sigmoid_general_step(&row, &targets, j + V_WIDTH, with_offset, true);
        sum = v_double_add(sum, v_add(first, second));
    }
    for (; j < row.cols; j += V_WIDTH)
        sum = v_double_add(sum, sigmoid_general_step(&row, &targets, j, with_offset, false));
    return v_double_total(sum);
}

NOINLINE double sigmoid_general_plain(const struct sigmoid_row *row,
                                      struct sigmoid_targets targets) {
    return sigmoid_general(row, targets, false);
}

NOINLINE double sigmoid_general_offset(const struct sigmoid_row *row,
                                       struct sigmoid_targets targets) {
    return sigmoid_general(row, targets, true);
}

/* Loss of one column in double, and *gradient. A factor of 0 gives 0 against any logit. */
static inline double sigmoid_column(double u, double w, double t, double *gradient) {
    double e = exp(-fabs(u)), q = e / (1.0 + e), larger = 1.0 / (1.0 + e);
    double h = u > 0.0 ? 1.0 - t : t;
    double p = u > 0.0 ? larger : q, one_minus_p = u > 0.0 ? q : larger;
    *gradient = w * ((1.0 - t) * p - t * one_minus_p);
    return (w * h == 0.0 && !isnan(u) ? 0.0 : w * h * fabs(u)) + w * log1p(e);
}

/* Loss of a row, and its gradient where row->out is given. */
static inline double sigmoid_general_row(const struct balact_problem *p, int64_t i,
                                         const struct row_facts *facts,
                                         const struct sigmoid_row *row) {
    int64_t y = row->pivot;
    double s = p->label_smoothing, gradient = 0.0, loss = 0.0;
    struct sigmoid_targets targets = {p->targets ? p->targets + i * p->ld_targets : NULL,
                                      p->class_weight, (float)(s / 2.0),
                                      fabsf(row->factor) >= 1.0f ? BIAS_FACTOR : 1.0f};
    if (y >= 0)
        loss = sigmoid_column(exact_logit(row->x, row->offset, y), class_weight_of(p, y),
                              (1.0 - s) + s / 2.0, &gradient);
    loss += (row->offset ? sigmoid_general_offset : sigmoid_general_plain)(row, targets);
    if (row->out && y >= 0)
        row->out[y] = element_of((float)(facts->scale * gradient));
    return loss;
}
