/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family. Part of activations_template.h.
 *
 * With e = exp(-|u|) and q = e / (1 + e), the smaller of the two probabilities, and h the target's
 * distance from the larger one (1 - t where u > 0, else t),
 *   loss = |u| h + log1p(e),   dloss/du = h - q where u > 0, else q - h,
 * neither of which cancels. For plain labels h is 0 or 1 in all columns but the label's, which is
 * left out and computed alone in double.
 */

/* Columns whose factors 1 + e, each at most 2, go into one logarithm: their product stays below
 * 2^1008 and that of one lane below 2^126, in reach of double and of float. */
#define LOG_BLOCK 1008

struct sigmoid_row {
    const element *x;
    const float *offset; /* NULL for none */
    element *out;        /* NULL where nothing is stored */
    int64_t cols;
    int64_t pivot; /* column left to the scalar code, -1 for none */
    float factor;  /* of what is stored */
};

/* -|u|, exact where there is an offset, and u rounded. */
struct folded_logit {
    struct pair minus_abs;
    vf u;
};

ALWAYS_INLINE struct folded_logit folded_logit(vf x, vf offset, const bool with_offset) {
    struct pair u = shifted_logit(x, offset, with_offset);
    struct folded_logit folded = {{v_minus_abs(u.high), u.low}, u.high};
    if (with_offset)
        folded.minus_abs.low = v_minus_unless_negative(u.low, u.high);
    return folded;
}

/* exp(-|u|) * 2^BIAS */
ALWAYS_INLINE vf folded_exponential(struct folded_logit folded, const bool with_offset) {
    return exponential(folded.minus_abs, exponent_shift(0.0f), with_offset);
}

/* sigma(u) * 2^BIAS from e * 2^BIAS and 1 + e */
static inline vf sigmoid_of(vf u, vf kept, vf one_plus) {
    return v_div(v_select(v_negative(u), kept, v_set(0x1p48f)), one_plus);
}

/* out = factor * sigma(u) */
ALWAYS_INLINE void sigmoid_probabilities(const struct sigmoid_row *const from,
                                         const bool with_offset) {
    const struct sigmoid_row row = *from;
    const vf factor = v_set(row.factor * 0x1p-48f);
    int64_t j = 0;
#define PROBABILITY(p, x, a)                                                                       \
    do {                                                                                           \
        struct folded_logit u_ = folded_logit((x), (a), with_offset);                              \
        vf kept_ = folded_exponential(u_, with_offset);                                            \
        vf one_plus_ = v_fma(kept_, v_set(0x1p-48f), v_set(1.0f));                                 \
        p = v_mul(factor, sigmoid_of(u_.u, kept_, one_plus_));                                     \
    } while (0)
#define OFFSET_AT(j) (with_offset ? v_load(row.offset + (j)) : v_zero())
    for (; j + 2 * V_WIDTH <= row.cols; j += 2 * V_WIDTH) {
        vf p0, p1;
        PROBABILITY(p0, ELEMENT_LOAD(row.x + j), OFFSET_AT(j));
        PROBABILITY(p1, ELEMENT_LOAD(row.x + j + V_WIDTH), OFFSET_AT(j + V_WIDTH));
        ELEMENT_STORE(row.out + j, p0);
        ELEMENT_STORE(row.out + j + V_WIDTH, p1);
    }
    for (; j < row.cols; j += V_WIDTH) {
        vmask inside = v_first(row.cols - j);
        vf p, a = with_offset ? v_load_masked(row.offset + j, inside) : v_zero();
        PROBABILITY(p, ELEMENT_LOAD_MASKED(row.x + j, inside), a);
        ELEMENT_STORE_MASKED(row.out + j, inside, p);
    }
#undef PROBABILITY
#undef OFFSET_AT
}

NOINLINE void sigmoid_probabilities_plain(const struct sigmoid_row *row) {
    sigmoid_probabilities(row, false);
}

NOINLINE void sigmoid_probabilities_offset(const struct sigmoid_row *row) {
    sigmoid_probabilities(row, true);
}

/* One vector of negatives: e = exp(-|u|), the positive part of u, and where `store` the gradient.
 */
struct negatives {
    vf e, positive;
};

ALWAYS_INLINE struct negatives negatives(vf x, vf offset, vf factor, vf *gradient,
                                         const bool with_offset) {
    struct folded_logit u = folded_logit(x, offset, with_offset);
    vf kept = folded_exponential(u, with_offset);
    vf e = v_mul(kept, v_set(0x1p-48f));
    *gradient = v_mul(factor, sigmoid_of(u.u, kept, v_add(e, v_set(1.0f))));
    return (struct negatives){e, v_max(u.u, v_zero())};
}

static inline struct negatives negatives_without(struct negatives n, int64_t lane) {
    return (struct negatives){v_without_lane(n.e, lane), v_without_lane(n.positive, lane)};
}

/* Columns [begin, end) of a row without its pivot, all of target 0 and weight 1: adds the positive
 * parts of u to *positive and returns the sum of log1p(e). */
ALWAYS_INLINE double sigmoid_negative_block(const struct sigmoid_row row, int64_t begin,
                                            int64_t end, vd *positive, const bool with_offset,
                                            const bool store) {
    const vf factor = v_set(row.factor * 0x1p-48f);
    vf product = v_zero(), gradient;
    int64_t j = begin;
#define NEGATIVES(n, at)                                                                           \
    do {                                                                                           \
        n = negatives(ELEMENT_LOAD(row.x + (at)),                                                  \
                      with_offset ? v_load(row.offset + (at)) : v_zero(), factor, &gradient,       \
                      with_offset);                                                                \
        if (store)                                                                                 \
            ELEMENT_STORE(row.out + (at), gradient);                                               \
    } while (0)
    for (; j + 4 * V_WIDTH <= end; j += 4 * V_WIDTH) {
        struct negatives n0, n1, n2, n3;
        NEGATIVES(n0, j);
        NEGATIVES(n1, j + V_WIDTH);
        NEGATIVES(n2, j + 2 * V_WIDTH);
        NEGATIVES(n3, j + 3 * V_WIDTH);
        if ((uint64_t)(row.pivot - j) < 4 * V_WIDTH) {
            n0 = negatives_without(n0, row.pivot - j);
            n1 = negatives_without(n1, row.pivot - j - V_WIDTH);
            n2 = negatives_without(n2, row.pivot - j - 2 * V_WIDTH);
            n3 = negatives_without(n3, row.pivot - j - 3 * V_WIDTH);
        }
        vf four = product_above_one(product_above_one(n0.e, n1.e), product_above_one(n2.e, n3.e));
        product = product_above_one(product, four);
        *positive = v_double_add(
            *positive, v_add(v_add(n0.positive, n1.positive), v_add(n2.positive, n3.positive)));
    }
#undef NEGATIVES
    for (; j < end; j += V_WIDTH) {
        vmask inside = v_first(end - j);
        vf a = with_offset ? v_load_masked(row.offset + j, inside) : v_zero();
        struct negatives n =
            negatives(ELEMENT_LOAD_MASKED(row.x + j, inside), a, factor, &gradient, with_offset);
        if (store)
            ELEMENT_STORE_MASKED(row.out + j, inside, gradient);
        n = negatives_without(n, row.pivot - j);
        product = product_above_one(product, v_keep(inside, n.e));
        *positive = v_double_add(*positive, v_keep(inside, n.positive));
    }
    return lanes_log_total(product);
}

/* The sum of softplus(u) over all columns but the pivot, and out = factor * sigma(u). */
ALWAYS_INLINE double sigmoid_negatives(const struct sigmoid_row *const from, const bool with_offset,
                                       const bool store) {
    const struct sigmoid_row row = *from;
    vd positive = v_double_zero();
    double logarithms = 0.0;
    for (int64_t begin = 0; begin < row.cols; begin += LOG_BLOCK) {
        int64_t end = row.cols - begin < LOG_BLOCK ? row.cols : begin + LOG_BLOCK;
        logarithms += sigmoid_negative_block(row, begin, end, &positive, with_offset, store);
    }
    return logarithms + lanes_total(positive);
}

#define SIGMOID_VARIANT(name, with_offset, store)                                                  \
    NOINLINE double name(const struct sigmoid_row *row) {                                          \
        return sigmoid_negatives(row, with_offset, store);                                         \
    }
SIGMOID_VARIANT(negatives_sum, false, false)
SIGMOID_VARIANT(negatives_store, false, true)
SIGMOID_VARIANT(negatives_offset_sum, true, false)
SIGMOID_VARIANT(negatives_offset_store, true, true)
#undef SIGMOID_VARIANT

/* Targets and weights of the general case. */
struct sigmoid_targets {
    const float *targets;      /* of this row, or NULL: then `share` everywhere */
    const float *class_weight; /* or NULL */
    float share;
};

/* The losses of the columns from j on, 0 at the pivot and outside; gradients go to out. */
ALWAYS_INLINE vf sigmoid_general_step(const struct sigmoid_row *row,
                                      const struct sigmoid_targets *targets, int64_t j,
                                      const bool with_offset, const bool full) {
    const vf one = v_set(1.0f);
    vmask inside = v_first(row->cols - j);
    vf a = with_offset ? load_part(row->offset + j, inside, full) : v_zero();
    struct folded_logit u =
        folded_logit(load_element_part(row->x + j, inside, full), a, with_offset);
    vf e = v_mul(folded_exponential(u, with_offset), v_set(0x1p-48f));
    vf t = targets->targets ? load_part(targets->targets + j, inside, full) : v_set(targets->share);
    vf w = targets->class_weight ? load_part(targets->class_weight + j, inside, full) : one;
    vf h = v_select(v_negative(u.u), t, v_sub(one, t));
    if (row->out) {
        vf gradient = v_mul(w, v_sub(v_div(e, v_add(e, one)), h));
        gradient = v_mul(v_set(row->factor), v_minus_unless_negative(gradient, u.u));
        store_element_part(row->out + j, inside, gradient, full);
    }
    vf coefficient = v_mul(w, h);
    vf loss = v_keep(v_nonzero(coefficient), v_mul(coefficient, v_abs(u.u)));
    loss = v_fma(w, log_one_plus(e), loss);
    if (!full)
        loss = v_keep(inside, loss);
    return (uint64_t)(row->pivot - j) < V_WIDTH ? v_without_lane(loss, row->pivot - j) : loss;
}

/* The same sum with targets and weights, and out = factor * dloss/du. One logarithm an element. */
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
    return lanes_total(sum);
}

NOINLINE double sigmoid_general_plain(const struct sigmoid_row *row,
                                      struct sigmoid_targets targets) {
    return sigmoid_general(row, targets, false);
}

NOINLINE double sigmoid_general_offset(const struct sigmoid_row *row,
                                       struct sigmoid_targets targets) {
    return sigmoid_general(row, targets, true);
}

static inline double sigmoid_sum(const struct sigmoid_row *row) {
    if (row->offset)
        return row->out ? negatives_offset_store(row) : negatives_offset_sum(row);
    return row->out ? negatives_store(row) : negatives_sum(row);
}

/* Loss of one column in double, and *gradient. A factor of 0 gives 0 against any logit. */
static inline double sigmoid_column(double u, double w, double t, double *gradient) {
    double e = exp(-fabs(u)), q = e / (1.0 + e), larger = 1.0 / (1.0 + e);
    double h = u > 0.0 ? 1.0 - t : t;
    double p = u > 0.0 ? larger : q, one_minus_p = u > 0.0 ? q : larger;
    *gradient = w * ((1.0 - t) * p - t * one_minus_p);
    return (w * h == 0.0 && !isnan(u) ? 0.0 : w * h * fabs(u)) + w * log1p(e);
}

static inline void sigmoid_forward_row(const struct balact_problem *p, int64_t i) {
    struct row_facts facts = row_facts(p, i);
    struct sigmoid_row row = {.x = (const element *)p->logits + i * p->ld,
                              .offset = facts.with_offset ? p->offset : NULL,
                              .out = (element *)p->out + i * p->ld_out,
                              .cols = p->cols,
                              .factor = 1.0f};
    (row.offset ? sigmoid_probabilities_offset : sigmoid_probabilities_plain)(&row);
}

static inline void sigmoid_loss_row(const struct balact_problem *p, int64_t i,
                                    const struct row_facts *facts, struct sigmoid_row *row) {
    int64_t y = facts->label < p->cols ? facts->label : -1; /* implicit background: none */
    double s = p->label_smoothing, loss, gradient = 0.0, label_loss = 0.0;
    row->pivot = y;
    row->factor = (float)facts->scale;
    if (y >= 0)
        label_loss = sigmoid_column(exact_logit(row->x, row->offset, y), class_weight_of(p, y),
                                    (1.0 - s) + s / 2.0, &gradient);
    /* the plain code multiplies by scale * 2^-BIAS, which must not be denormal */
    bool tiny = row->out && fabs(facts->scale) < 0x1p-70 && facts->scale != 0.0;
    if (p->targets || p->class_weight || s != 0.0 || tiny) {
        struct sigmoid_targets targets = {p->targets ? p->targets + i * p->ld_targets : NULL,
                                          p->class_weight, (float)(s / 2.0)};
        loss = (row->offset ? sigmoid_general_offset : sigmoid_general_plain)(row, targets);
    } else {
        loss = sigmoid_sum(row);
    }
    if (row->out && y >= 0)
        row->out[y] = ELEMENT_OF((float)(facts->scale * gradient));
    store_loss(p, i, facts, loss + label_loss, 1.0);
}
