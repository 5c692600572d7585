/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family with plain labels: losses and gradients of all columns as negatives but the
 * label's, whose place the rows' scalar code fills. Part of activations_template.h; the notation is
 * that of sigmoid_template.h.
 */

/* Columns of a block: 32 vectors. With 1 + t <= 2^30 its product is below 2^960 in every lane, and
 * below 2^1020 behind what SPLIT_ABOVE lets stand from the blocks before. */
#define BLOCK       (32 * V_WIDTH)
#define SPLIT_ABOVE 0x1p60
/* Columns that are looked at for their largest logit at a time; they stay in L1. */
#define SEGMENT (4 * BLOCK)
/* log(2^30 - 1), and the same for four such factors stays below fp32's infinity */
#define PLAIN_LOGIT 20.79f

/* What the losses of a row add up to. */
struct sigmoid_sums {
    vd above_one; /* product of all 1 + t since the last split, minus 1 */
    vd exponents; /* powers of two split off, if `split` */
    bool split;
    double factor_above_one; /* one more factor, minus 1: the label's */
    double others;           /* losses that are no part of the product */
};

/* Takes powers of two out of a product that has become large. */
ALWAYS_INLINE vd split_product(struct sigmoid_sums *sums, vd above_one) {
    if (v_double_any_above(above_one, SPLIT_ABOVE)) {
        sums->exponents = v_double_sum(sums->exponents, v_double_split(&above_one));
        sums->split = true;
    }
    return above_one;
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
        above_one = split_product(sums, above_one);
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
    sums->above_one = split_product(sums, above_one);
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

/* The plain way multiplies by factor * 2^-BIAS, which must not be denormal, and loses what is below
 * 2^-150 / factor. */
static inline bool factor_is_plain(double factor) {
    return factor == 0.0 || (fabs(factor) >= 0x1p-80 && fabs(factor) <= 8.0);
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
        struct sigmoid_sums sums = {.above_one = v_double_zero(), .exponents = v_double_zero()};
        if (row->pivot >= 0) {
            double gradient = sigmoid_label(exact_logit(row->x, row->offset, row->pivot), &sums);
            row->pivot_value = (float)(facts->scale * gradient);
        }
        sigmoid_segments(call, row, &sums, buffer);
        loss = sigmoid_total(&sums);
    }
    store_loss(p, i, facts, loss, 1.0);
}
