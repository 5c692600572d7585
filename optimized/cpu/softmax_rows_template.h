/* SPDX-License-Identifier: MIT
 *
 * Rows of the softmax family: probabilities, and loss and gradient for plain labels. Part of
 * activations_template.h.
 */

static inline struct pending softmax_forward_row(const struct call *call, int64_t i, float *kept,
                                                 struct pending *before) {
    const struct balact_problem *p = call->problem;
    struct row_facts facts = row_facts(p, i);
    struct softmax_row row = softmax_row_of(call, i, &facts, kept);
    element *out = (element *)p->out + i * p->ld_out;
    double sum = NAN;
    bool exists = plain_pass(call, &row, before, &sum);
    if (!exists && (exists = softmax_begin(&row)))
        sum = softmax_sum(&row);
    if (p->lse)
        p->lse[i] = exists ? (float)(log_sum_exp(&row, sum)) : NAN;
    if (exists)
        return (struct pending){kept, out, (float)(1.0 / sum), -1};
    fill_row(out, row.cols, NAN);
    return nothing_pending;
}

/* The share of column y, by the plain pass where that can be trusted. False: no distribution. */
static inline bool softmax_label_share(const struct call *call, struct softmax_row *row, int64_t y,
                                       double u_y, struct pending *before,
                                       struct column_share *share, double *rest) {
    double sum, e_y;
    if (row->kept && plain_pass(call, row, before, &sum)) {
        *rest = plain_rest(row, sum, y, &e_y);
        *share = column_share(kept_exponent(row, u_y), e_y, *rest);
        return true;
    }
    row->pivot = y;
    if (!softmax_begin(row))
        return false;
    *rest = softmax_sum(row);
    double d = kept_exponent(row, u_y);
    *share = column_share(d, exp(d), *rest);
    return true;
}

/* Loss, and gradient where out is given, of a row with a plain label. */
static inline struct pending softmax_label_row(const struct call *call, int64_t i,
                                               const struct row_facts *facts,
                                               struct softmax_row *row, element *out,
                                               struct pending *before) {
    const struct balact_problem *p = call->problem;
    int64_t y = facts->label;
    double weight = class_weight_of(p, y);
    double u_y = exact_logit(row->x, row->offset, y); /* before out may overwrite x */
    double loss = NAN, lse = NAN, rest;
    struct column_share share;
    struct pending pending = nothing_pending;
    if (softmax_label_share(call, row, y, u_y, before, &share, &rest)) {
        double nll = share.negative_log_probability, scale = facts->scale * weight;
        loss = weight == 0.0 && !isnan(nll) ? 0.0 : weight * nll;
        lse = p->lse ? log_sum_exp(row, share.sum) : 0.0;
        if (out) {
            row->kept[y] = (float)-rest; /* the gradient there is -scale (1 - p) */
            double factor = normal_factor(row->kept, row->cols, scale, share.sum);
            pending = (struct pending){row->kept, out, (float)factor, -1};
        }
    } else if (out) {
        fill_row(out, row->cols, NAN);
    }
    store_loss(p, i, facts, loss, weight);
    if (p->lse)
        p->lse[i] = (float)lse;
    return pending;
}
