/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family. Part of activations_template.h.
 *
 * The plain way, for plain labels: with t = exp(u) = exp(x) w, w = exp(a) the class's prior odds,
 *   p = t / (1 + t),   softplus(u) = log(1 + t),
 * one exponential, no branch on the sign of u, and the sum of all log(1 + t) is the logarithm of a
 * product, kept as (product - 1) so that tiny t keep their digits. A block of columns whose largest
 * logit would let the product overflow, and priors of a wide range, go the careful way: with
 * e = exp(-|u|) and q = e / (1 + e), the smaller of the two probabilities, and h the target's
 * distance from the larger one (1 - t where u > 0, else t),
 *   loss = |u| h + log1p(e),   dloss/du = h - q where u > 0, else q - h,
 * neither of which cancels. For plain labels h is 0 or 1 in all columns but the label's, which is
 * left out and computed alone in double.
 */

/* Columns of a block: 32 vectors. With 1 + t <= 2^30 its product is below 2^960 in every lane, and
 * below 2^1020 behind what SPLIT_ABOVE lets stand from the blocks before. */
#define BLOCK (32 * V_WIDTH)
/* Columns that are looked at for their largest logit at a time; they stay in L1. */
#define SEGMENT     (4 * BLOCK)
#define SPLIT_ABOVE 0x1p60
/* log(2^30 - 1), and the same for four such factors stays below fp32's infinity */
#define PLAIN_LOGIT 20.79f

struct sigmoid_row {
    const element *x;
    const float *offset;       /* NULL for none */
    const struct prior *prior; /* NULL: the row is computed the careful way */
    element *out;              /* NULL where nothing is stored */
    int64_t cols;
    int64_t pivot;     /* column left to the scalar code, -1 for none */
    float factor;      /* of what is stored */
    float pivot_value; /* what is stored there */
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
    return v_div(v_select(v_negative(u), kept, v_set(BIAS_FACTOR)), one_plus);
}

/* ---- Blocks of columns [begin, end): `to` is the place of column begin in the output ---- */

/* t 2^BIAS of one vector. */
ALWAYS_INLINE vf plain_odds(vf x, const float *weight, int64_t j, const bool with_prior) {
    return with_prior ? weighted_exponential(x, v_load(weight + j), true)
                      : plain_exponential_or_zero(x);
}

/* p 2^BIAS from t 2^BIAS; p = t y (1 + rest), y being nearly 1 / (1 + t). */
ALWAYS_INLINE vf probability_of_odds(vf kept) {
    vf rest, y = v_reciprocal(v_fma(kept, v_set(UNBIAS_FACTOR), v_set(1.0f)), &rest);
    vf p = v_mul(kept, y);
    return v_fma(p, rest, p);
}

/* factor * sigma(u), the plain way. Logits beyond `highest` have p = 1 in fp32 as that one has. */
ALWAYS_INLINE void plain_probabilities(const struct sigmoid_row *const from, element *to,
                                       int64_t begin, int64_t end, const bool with_prior,
                                       const bool stream) {
    const struct sigmoid_row row = *from;
    const float *const weight = with_prior ? row.prior->weight : NULL;
    const vf factor = v_set(row.factor * UNBIAS_FACTOR);
    const vf highest = v_set(HIGHEST_PLAIN - (with_prior ? fmaxf(row.prior->largest, 0.0f) : 0.0f));
    int64_t j = begin;
#define PLAIN_PROBABILITY(x, at)                                                                   \
    v_mul(factor, probability_of_odds(plain_odds(v_min(highest, (x)), weight, (at), with_prior)))
    for (; j + 2 * V_WIDTH <= end; j += 2 * V_WIDTH) {
        vf p0 = PLAIN_PROBABILITY(ELEMENT_LOAD(row.x + j), j);
        vf p1 = PLAIN_PROBABILITY(ELEMENT_LOAD(row.x + j + V_WIDTH), j + V_WIDTH);
        if (stream) {
            ELEMENT_STREAM(to + (j - begin), p0);
            ELEMENT_STREAM(to + (j - begin) + V_WIDTH, p1);
        } else {
            ELEMENT_STORE(to + (j - begin), p0);
            ELEMENT_STORE(to + (j - begin) + V_WIDTH, p1);
        }
    }
    for (; j + V_WIDTH <= end; j += V_WIDTH)
        ELEMENT_STORE(to + (j - begin), PLAIN_PROBABILITY(ELEMENT_LOAD(row.x + j), j));
    if (j < end)
        ELEMENT_STORE_FIRST(to + (j - begin), end - j,
                            PLAIN_PROBABILITY(ELEMENT_LOAD_FIRST(row.x + j, end - j), j));
#undef PLAIN_PROBABILITY
}

/* factor * sigma(u), the careful way. */
ALWAYS_INLINE void careful_probabilities(const struct sigmoid_row *const from, element *to,
                                         int64_t begin, int64_t end, const bool with_offset) {
    const struct sigmoid_row row = *from;
    const vf factor = v_set(row.factor * UNBIAS_FACTOR);
    for (int64_t j = begin; j < end; j += V_WIDTH) {
        bool full = j + V_WIDTH <= end;
        vmask inside = v_first(end - j);
        vf a = with_offset ? v_load_masked(row.offset + j, inside) : v_zero();
        struct folded_logit u =
            folded_logit(load_element_part(row.x + j, end - j, full), a, with_offset);
        vf kept = folded_exponential(u, with_offset);
        vf one_plus = v_fma(kept, v_set(UNBIAS_FACTOR), v_set(1.0f));
        vf p = v_mul(factor, sigmoid_of(u.u, kept, one_plus));
        store_element_part(to + (j - begin), end - j, p, full);
    }
}

#define SIGMOID_BLOCK(name, ...)                                                                   \
    NOINLINE void name(const struct sigmoid_row *row, element *to, int64_t begin, int64_t end) {   \
        __VA_ARGS__;                                                                               \
    }
SIGMOID_BLOCK(probabilities_plain, plain_probabilities(row, to, begin, end, false, false))
SIGMOID_BLOCK(probabilities_prior, plain_probabilities(row, to, begin, end, true, false))
SIGMOID_BLOCK(probabilities_plain_stream, plain_probabilities(row, to, begin, end, false, true))
SIGMOID_BLOCK(probabilities_prior_stream, plain_probabilities(row, to, begin, end, true, true))
SIGMOID_BLOCK(probabilities_careful, careful_probabilities(row, to, begin, end, true))
#undef SIGMOID_BLOCK

/* All probabilities of a row, from the first whole line of the output on: stores that cross lines
 * cost twice. */
static inline void sigmoid_probabilities(const struct call *call, const struct sigmoid_row *row) {
    element *out = row->out;
    int64_t first = elements_to_line(out, row->cols), cols = row->cols;
    if (row->offset && !row->prior) {
        probabilities_careful(row, out, 0, cols);
    } else if (row->offset) {
        probabilities_prior(row, out, 0, first);
        (call->stream ? probabilities_prior_stream : probabilities_prior)(row, out + first, first,
                                                                          cols);
    } else {
        probabilities_plain(row, out, 0, first);
        (call->stream ? probabilities_plain_stream : probabilities_plain)(row, out + first, first,
                                                                          cols);
    }
}

/* What the losses of a row add up to. */
struct sigmoid_sums {
    vd above_one; /* product of all 1 + t since the last split, minus 1 */
    vd exponents; /* powers of two split off */
    bool split;
    double factor_above_one; /* one more factor, minus 1: the label's */
    double others;           /* losses that are no part of the product */
};

static inline void split_product(struct sigmoid_sums *sums) {
    if (!v_double_any_above(sums->above_one, SPLIT_ABOVE))
        return;
    vd exponents = v_double_split(&sums->above_one);
    sums->exponents = sums->split ? v_double_sum(sums->exponents, exponents) : exponents;
    sums->split = true;
}

static inline double sigmoid_total(const struct sigmoid_sums *sums) {
    double a = v_double_product_above_one(sums->above_one), b = sums->factor_above_one;
    double total = log_above_one(a + b + a * b) + sums->others;
    return sums->split ? total + LN2 * v_double_total(sums->exponents) : total;
}

/* The largest logit of a segment, NaN left out. */
static inline float segment_maximum(const element *x, int64_t begin, int64_t end) {
    const vf none = v_set(-INFINITY);
    vf top0 = none, top1 = none;
    int64_t j = begin;
    for (; j + 2 * V_WIDTH <= end; j += 2 * V_WIDTH) {
        top0 = v_max(ELEMENT_LOAD(x + j), top0);
        top1 = v_max(ELEMENT_LOAD(x + j + V_WIDTH), top1);
    }
    for (; j < end; j += V_WIDTH)
        top0 = v_max(v_select(v_first(end - j), ELEMENT_LOAD_FIRST(x + j, end - j), none), top0);
    return v_largest(v_max(top0, top1));
}

/* All columns of a segment as negatives, the plain way, but for the pivot. */
ALWAYS_INLINE void plain_negatives(const struct sigmoid_row *const from, element *to, int64_t begin,
                                   int64_t end, struct sigmoid_sums *sums, const bool with_prior,
                                   const bool store) {
    const struct sigmoid_row row = *from;
    const float *const weight = with_prior ? row.prior->weight : NULL;
    const vf factor = v_set(row.factor * UNBIAS_FACTOR), unbias = v_set(UNBIAS_FACTOR);
    vd above_one = sums->above_one;
    int64_t j = begin;
    while (end - j >= GROUP) {
        const int64_t stop = j + (end - j < BLOCK ? (end - j) / GROUP * GROUP : BLOCK);
#define NEGATIVE(k, x, at, g, t)                                                                   \
    vf kept##k = plain_odds((x), weight, (at), with_prior);                                        \
    vf t = v_mul(kept##k, unbias);                                                                 \
    vf g = store ? v_mul(factor, probability_of_odds(kept##k)) : v_zero()
        for (; j < stop; j += GROUP) {
            NEGATIVE(0, ELEMENT_LOAD(row.x + j), j, g0, t0);
            NEGATIVE(1, ELEMENT_LOAD(row.x + j + V_WIDTH), j + V_WIDTH, g1, t1);
            NEGATIVE(2, ELEMENT_LOAD(row.x + j + 2 * V_WIDTH), j + 2 * V_WIDTH, g2, t2);
            NEGATIVE(3, ELEMENT_LOAD(row.x + j + 3 * V_WIDTH), j + 3 * V_WIDTH, g3, t3);
            int64_t lane = row.pivot - j;
            if ((uint64_t)lane < GROUP) {
                const vf value = v_set(row.pivot_value);
                t0 = v_without_lane(t0, lane), t1 = v_without_lane(t1, lane - V_WIDTH);
                t2 = v_without_lane(t2, lane - 2 * V_WIDTH),
                t3 = v_without_lane(t3, lane - 3 * V_WIDTH);
                g0 = v_with_lane(g0, lane, value), g1 = v_with_lane(g1, lane - V_WIDTH, value);
                g2 = v_with_lane(g2, lane - 2 * V_WIDTH, value);
                g3 = v_with_lane(g3, lane - 3 * V_WIDTH, value);
            }
            if (store) {
                ELEMENT_STORE(to + (j - begin), g0);
                ELEMENT_STORE(to + (j - begin) + V_WIDTH, g1);
                ELEMENT_STORE(to + (j - begin) + 2 * V_WIDTH, g2);
                ELEMENT_STORE(to + (j - begin) + 3 * V_WIDTH, g3);
            }
            above_one = v_double_times_above_one(
                above_one, product_above_one(product_above_one(t0, t1), product_above_one(t2, t3)));
        }
        sums->above_one = above_one;
        if (v_double_any_above(above_one, SPLIT_ABOVE)) {
            split_product(sums);
            above_one = sums->above_one;
        }
    }
    for (; j < end; j += V_WIDTH) {
        bool full = j + V_WIDTH <= end;
        NEGATIVE(0, load_element_part(row.x + j, end - j, full), j, g, t);
        g = v_with_lane(g, row.pivot - j, v_set(row.pivot_value));
        if (store)
            store_element_part(to + (j - begin), end - j, g, full);
        above_one = v_double_times_above_one(
            above_one, v_keep(v_first(end - j), v_without_lane(t, row.pivot - j)));
    }
#undef NEGATIVE
    sums->above_one = above_one;
    split_product(sums);
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
    vf e = v_mul(kept, v_set(UNBIAS_FACTOR));
    *gradient = v_mul(factor, sigmoid_of(u.u, kept, v_add(e, v_set(1.0f))));
    return (struct negatives){e, v_max(u.u, v_zero())};
}

static inline struct negatives negatives_without(struct negatives n, int64_t lane) {
    return (struct negatives){v_without_lane(n.e, lane), v_without_lane(n.positive, lane)};
}

/* The same, the careful way. */
ALWAYS_INLINE void careful_negatives(const struct sigmoid_row *const from, element *to,
                                     int64_t begin, int64_t end, struct sigmoid_sums *sums,
                                     const bool with_offset, const bool store) {
    const struct sigmoid_row row = *from;
    const vf factor = v_set(row.factor * UNBIAS_FACTOR);
    vf product = v_zero(), gradient;
    vd positive = v_double_zero();
    for (int64_t j = begin; j < end; j += V_WIDTH) {
        bool full = j + V_WIDTH <= end;
        vmask inside = v_first(end - j);
        vf a = with_offset ? v_load_masked(row.offset + j, inside) : v_zero();
        struct negatives n = negatives(load_element_part(row.x + j, end - j, full), a, factor,
                                       &gradient, with_offset);
        if (store)
            store_element_part(to + (j - begin), end - j,
                               v_with_lane(gradient, row.pivot - j, v_set(row.pivot_value)), full);
        n = negatives_without(n, row.pivot - j);
        product = product_above_one(product, v_keep(inside, n.e));
        positive = v_double_add(positive, v_keep(inside, n.positive));
    }
    sums->others +=
        v_double_total(positive) +
        log_above_one(v_double_product_above_one(v_double_add(v_double_zero(), product)));
}

#define SIGMOID_VARIANT(name, function, flag, store)                                               \
    NOINLINE void name(const struct sigmoid_row *row, element *to, int64_t begin, int64_t end,     \
                       struct sigmoid_sums *sums) {                                                \
        function(row, to, begin, end, sums, flag, store);                                          \
    }
SIGMOID_VARIANT(negatives_plain, plain_negatives, false, false)
SIGMOID_VARIANT(negatives_plain_store, plain_negatives, false, true)
SIGMOID_VARIANT(negatives_prior, plain_negatives, true, false)
SIGMOID_VARIANT(negatives_prior_store, plain_negatives, true, true)
SIGMOID_VARIANT(negatives_careful, careful_negatives, false, false)
SIGMOID_VARIANT(negatives_careful_store, careful_negatives, false, true)
SIGMOID_VARIANT(negatives_offset, careful_negatives, true, false)
SIGMOID_VARIANT(negatives_offset_store, careful_negatives, true, true)
#undef SIGMOID_VARIANT

/* to: NULL where nothing is stored. */
static inline void negatives_segment(const struct sigmoid_row *row, element *to, int64_t begin,
                                     int64_t end, struct sigmoid_sums *sums) {
    bool with_offset = row->offset != NULL;
    if (row->prior) {
        float above = with_offset ? (float)row->prior->largest : 0.0f;
        if (segment_maximum(row->x, begin, end) + above <= PLAIN_LOGIT) {
            if (with_offset)
                (to ? negatives_prior_store : negatives_prior)(row, to, begin, end, sums);
            else
                (to ? negatives_plain_store : negatives_plain)(row, to, begin, end, sums);
            return;
        }
    }
    for (int64_t from = begin; from < end; from += BLOCK) {
        int64_t stop = end - from < BLOCK ? end : from + BLOCK;
        element *place = to ? to + (from - begin) : NULL;
        if (with_offset)
            (to ? negatives_offset_store : negatives_offset)(row, place, from, stop, sums);
        else
            (to ? negatives_careful_store : negatives_careful)(row, place, from, stop, sums);
    }
}

/* ---- Rows ---- */

/* Where blocks of a streamed row go: a buffer whose whole lines are then written past the caches.
 */
struct lines {
    element *out;    /* of the first element in the buffer */
    element *buffer; /* [SEGMENT + LINE] and room for a vector */
    int64_t held;
};

/* Takes `count` more elements, which stand behind those held; leaves less than a line, or at the
 * row's end nothing. */
static inline void lines_write(struct lines *lines, int64_t count, bool last) {
    int64_t have = lines->held + count, at = elements_to_line(lines->out, have);
    const element *from = lines->buffer;
    if (at > 0)
        memcpy(lines->out, from, (size_t)at * sizeof(element));
    for (; at + LINE <= have; at += LINE)
        v_stream_line(lines->out + at, from + at);
    if (last && at < have) {
        memcpy(lines->out + at, from + at, (size_t)(have - at) * sizeof(element));
        at = have;
    }
    lines->held = have - at;
    memmove(lines->buffer, from + at, (size_t)lines->held * sizeof(element));
    lines->out += at;
}

/* All segments of a row: the losses of negatives and their gradients. */
static inline void sigmoid_segments(const struct call *call, const struct sigmoid_row *row,
                                    struct sigmoid_sums *sums, element *buffer) {
    bool stream = call->stream && row->out;
    struct lines lines = {.out = row->out, .buffer = buffer};
    for (int64_t begin = 0; begin < row->cols; begin += SEGMENT) {
        int64_t end = row->cols - begin < SEGMENT ? row->cols : begin + SEGMENT;
        element *to = stream ? buffer + lines.held : row->out ? row->out + begin : NULL;
        negatives_segment(row, to, begin, end, sums);
        if (stream)
            lines_write(&lines, end - begin, end == row->cols);
    }
}

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

/* The same for w = t = 1, with the logarithm left to sigmoid_total() where its factor is small
 * enough (NaN: is not). */
static inline double sigmoid_label(double u, struct sigmoid_sums *sums) {
    double e = exp(-u), gradient;
    if (e <= 0x1p40) {
        sums->factor_above_one = e;
        return -e / (1.0 + e);
    }
    sums->others += sigmoid_column(u, 1.0, 1.0, &gradient);
    return gradient;
}

static inline struct sigmoid_row sigmoid_row_of(const struct call *call, int64_t i,
                                                const struct row_facts *facts) {
    const struct balact_problem *p = call->problem;
    bool plain = !facts->with_offset || call->prior.usable;
    return (struct sigmoid_row){.x = (const element *)p->logits + i * p->ld,
                                .offset = facts->with_offset ? p->offset : NULL,
                                .prior = plain ? &call->prior : NULL,
                                .cols = p->cols,
                                .pivot = -1,
                                .factor = 1.0f};
}

static inline void sigmoid_forward_row(const struct call *call, int64_t i) {
    const struct balact_problem *p = call->problem;
    struct row_facts facts = row_facts(p, i);
    struct sigmoid_row row = sigmoid_row_of(call, i, &facts);
    row.out = (element *)p->out + i * p->ld_out;
    sigmoid_probabilities(call, &row);
}

/* The plain way multiplies by factor * 2^-BIAS, which must not be denormal, and loses what is below
 * 2^-150 / factor. */
static inline bool factor_is_plain(double factor) {
    return factor == 0.0 || (fabs(factor) >= 0x1p-80 && fabs(factor) <= 8.0);
}

/* Targets and weights on all columns: one logarithm an element. */
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

static inline void sigmoid_loss_row(const struct call *call, int64_t i,
                                    const struct row_facts *facts, struct sigmoid_row *row,
                                    element *buffer) {
    const struct balact_problem *p = call->problem;
    double loss;
    row->pivot = facts->label < p->cols ? facts->label : -1; /* implicit background: none */
    row->factor = (float)facts->scale;
    if (p->targets || p->class_weight || p->label_smoothing != 0.0f ||
        (row->out && !factor_is_plain(facts->scale))) {
        loss = sigmoid_general_row(p, i, facts, row);
    } else {
        struct sigmoid_sums sums = {.above_one = v_double_zero()};
        if (row->pivot >= 0) {
            double gradient = sigmoid_label(exact_logit(row->x, row->offset, row->pivot), &sums);
            row->pivot_value = (float)(facts->scale * gradient);
        }
        sigmoid_segments(call, row, &sums, buffer);
        loss = sigmoid_total(&sums);
    }
    store_loss(p, i, facts, loss, 1.0);
}
