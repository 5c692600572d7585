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
/* log(2^30 - 1); the product of four such factors stays below fp32's infinity. */
#define PLAIN_LOGIT 20.79f
/* Columns of a row that are streamed at a time. */
#define SEGMENT (4 * BLOCK)

/* What the losses of a row add up to. */
struct sigmoid_sums {
    vd above_one; /* product of all 1 + t, or 1 + e, since the last split, minus 1 */
    vd exponents; /* powers of two split off, if `split` */
    bool split;
    double factor_above_one; /* one more factor, minus 1: the label's */
    double others;           /* losses that are no part of the product: positive u, mostly */
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

/* The columns [begin, end), a block at most, as negatives but for the pivot, the careful way. `to`
 * is the place of column begin in the output. */
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
    sums->others += v_double_total(positive);
    sums->above_one = split_product(sums, v_double_times_above_one(sums->above_one, product));
}

#define CAREFUL_VARIANT(name, with_offset, store)                                                  \
    NOINLINE void name(const struct sigmoid_row *row, element *to, int64_t begin, int64_t end,     \
                       struct sigmoid_sums *sums) {                                                \
        careful_negatives(row, to, begin, end, sums, with_offset, store);                          \
    }
CAREFUL_VARIANT(careful_sum, false, false)
CAREFUL_VARIANT(careful_store, false, true)
CAREFUL_VARIANT(careful_offset_sum, true, false)
CAREFUL_VARIANT(careful_offset_store, true, true)
#undef CAREFUL_VARIANT

/* to: NULL where nothing is stored. */
static inline void careful_block(const struct sigmoid_row *row, element *to, int64_t begin,
                                 int64_t end, struct sigmoid_sums *sums) {
    if (row->offset)
        (to ? careful_offset_store : careful_offset_sum)(row, to, begin, end, sums);
    else
        (to ? careful_store : careful_sum)(row, to, begin, end, sums);
}

/* Whole lines on their way past the caches. Writing them takes what computing leaves idle, so they
 * go out a few at a time between the groups of the next columns. */
struct drain {
    const element *from;
    element *to;   /* the beginning of a line */
    int64_t count; /* elements, whole lines */
};

ALWAYS_INLINE void drain_group(struct drain *drain) {
    for (int64_t k = 0; k < GROUP; k += LINE)
        v_stream_line(drain->to + k, drain->from + k);
    drain->from += GROUP, drain->to += GROUP, drain->count -= GROUP;
}

static inline void drain_rest(struct drain *drain) {
    for (int64_t k = 0; k < drain->count; k += LINE)
        v_stream_line(drain->to + k, drain->from + k);
    drain->count = 0;
}

/* t 2^BIAS of GROUP columns. */
struct odds {
    vf k0, k1, k2, k3;
};

ALWAYS_INLINE struct odds odds_of_group(vf x0, vf x1, vf x2, vf x3, const float *weight, int64_t j,
                                        const bool with_prior) {
    return (struct odds){plain_odds(x0, weight, j, with_prior),
                         plain_odds(x1, weight, j + V_WIDTH, with_prior),
                         plain_odds(x2, weight, j + 2 * V_WIDTH, with_prior),
                         plain_odds(x3, weight, j + 3 * V_WIDTH, with_prior)};
}

/* Stores the gradients of a group whose odds are known and takes its factors into the product. */
ALWAYS_INLINE vd finish_group(struct odds odds, element *to, vf factor, vd above_one,
                              const bool store) {
    const vf unbias = v_set(UNBIAS_FACTOR);
    vf t0 = v_mul(odds.k0, unbias), t1 = v_mul(odds.k1, unbias);
    vf t2 = v_mul(odds.k2, unbias), t3 = v_mul(odds.k3, unbias);
    if (store) {
        ELEMENT_STORE(to, v_mul(factor, probability_of_odds(odds.k0)));
        ELEMENT_STORE(to + V_WIDTH, v_mul(factor, probability_of_odds(odds.k1)));
        ELEMENT_STORE(to + 2 * V_WIDTH, v_mul(factor, probability_of_odds(odds.k2)));
        ELEMENT_STORE(to + 3 * V_WIDTH, v_mul(factor, probability_of_odds(odds.k3)));
    }
    return v_double_times_above_one(
        above_one, product_above_one(product_above_one(t0, t1), product_above_one(t2, t3)));
}

/* The columns [begin, end) as negatives but for the pivot: the plain way, but for groups that hold
 * a logit too large for it. A group's divisions and products wait for the next group's
 * exponentials: together they are chains enough to fill the processor. `meanwhile` goes out between
 * groups if `stream`. */
ALWAYS_INLINE void plain_negatives(const struct sigmoid_row *const from, element *to, int64_t begin,
                                   int64_t end, struct sigmoid_sums *sums, struct drain *meanwhile,
                                   const bool with_prior, const bool store, const bool stream) {
    const struct sigmoid_row row = *from;
    const float *const weight = with_prior ? row.prior->weight : NULL;
    const float limit = PLAIN_LOGIT - (with_prior ? fmaxf((float)row.prior->largest, 0.0f) : 0.0f);
    const vf factor = v_set(row.factor * UNBIAS_FACTOR), unbias = v_set(UNBIAS_FACTOR);
    const vf none = v_set(-INFINITY); /* in the pivot's lane: its odds are 0 and its factor 1 */
    vd above_one = sums->above_one;
    struct drain drain = stream ? *meanwhile : (struct drain){NULL, NULL, 0};
    int64_t j = begin;
#define CAREFULLY(count)                                                                           \
    do {                                                                                           \
        sums->above_one = above_one;                                                               \
        careful_block(from, store ? to + (j - begin) : NULL, j, j + (count), sums);                \
        above_one = sums->above_one;                                                               \
    } while (0)
    struct odds odds = {v_zero(), v_zero(), v_zero(), v_zero()};
    int waiting = 0, finished = 0; /* groups: with odds, and since powers were last taken out */
    for (; end - j >= GROUP; j += GROUP) {
        vf x0 = ELEMENT_LOAD(row.x + j), x1 = ELEMENT_LOAD(row.x + j + V_WIDTH);
        vf x2 = ELEMENT_LOAD(row.x + j + 2 * V_WIDTH), x3 = ELEMENT_LOAD(row.x + j + 3 * V_WIDTH);
        int64_t lane = row.pivot - j;
        if (v_any_bits_above(v_max_bits(v_max_bits(x0, x1), v_max_bits(x2, x3)), limit)) {
            if (waiting)
                above_one = finish_group(odds, to + (j - GROUP - begin), factor, above_one, store);
            above_one = split_product(sums, above_one);
            waiting = finished = 0;
            CAREFULLY(GROUP);
            continue;
        }
        if ((uint64_t)lane < GROUP) {
            x0 = v_with_lane(x0, lane, none);
            x1 = v_with_lane(x1, lane - V_WIDTH, none);
            x2 = v_with_lane(x2, lane - 2 * V_WIDTH, none);
            x3 = v_with_lane(x3, lane - 3 * V_WIDTH, none);
        }
        if (waiting) {
            struct odds next = odds_of_group(x0, x1, x2, x3, weight, j, with_prior);
            above_one = finish_group(odds, to + (j - GROUP - begin), factor, above_one, store);
            odds = next;
            if (++finished == BLOCK / GROUP - 1) {
                above_one = split_product(sums, above_one);
                finished = 0;
            }
        } else {
            odds = odds_of_group(x0, x1, x2, x3, weight, j, with_prior);
            waiting = 1;
        }
        if (stream && drain.count >= GROUP)
            drain_group(&drain);
    }
    if (waiting)
        above_one = finish_group(odds, to + (j - GROUP - begin), factor, above_one, store);
    above_one = split_product(sums, above_one);
    for (; j < end; j += V_WIDTH) {
        bool full = j + V_WIDTH <= end;
        vf x = load_element_part(row.x + j, end - j, full);
        if (v_any_bits_above(x, limit)) {
            CAREFULLY(full ? V_WIDTH : end - j);
            continue;
        }
        vf kept = plain_odds(v_with_lane(x, row.pivot - j, none), weight, j, with_prior);
        if (store)
            store_element_part(to + (j - begin), end - j, v_mul(factor, probability_of_odds(kept)),
                               full);
        above_one =
            v_double_times_above_one(above_one, v_keep(v_first(end - j), v_mul(kept, unbias)));
    }
#undef CAREFULLY
    if (store && row.pivot >= begin && row.pivot < end)
        to[row.pivot - begin] = element_of(row.pivot_value);
    if (stream)
        *meanwhile = drain;
    sums->above_one = split_product(sums, above_one);
}

#define PLAIN_VARIANT(name, with_prior, store, stream)                                             \
    NOINLINE void name(const struct sigmoid_row *row, element *to, int64_t begin, int64_t end,     \
                       struct sigmoid_sums *sums, struct drain *drain) {                           \
        plain_negatives(row, to, begin, end, sums, drain, with_prior, store, stream);              \
    }
PLAIN_VARIANT(negatives_sum, false, false, false)
PLAIN_VARIANT(negatives_store, false, true, false)
PLAIN_VARIANT(negatives_stream, false, true, true)
PLAIN_VARIANT(negatives_prior_sum, true, false, false)
PLAIN_VARIANT(negatives_prior_store, true, true, false)
PLAIN_VARIANT(negatives_prior_stream, true, true, true)
#undef PLAIN_VARIANT

/* to: NULL where nothing is stored. drain: NULL, or what goes out meanwhile. */
static inline void negatives_segment(const struct sigmoid_row *row, element *to, int64_t begin,
                                     int64_t end, struct sigmoid_sums *sums, struct drain *drain) {
    static void (*const variants[2][3])(const struct sigmoid_row *, element *, int64_t, int64_t,
                                        struct sigmoid_sums *, struct drain *) = {
        {negatives_sum, negatives_store, negatives_stream},
        {negatives_prior_sum, negatives_prior_store, negatives_prior_stream}};
    if (row->prior)
        variants[row->offset != NULL][!to ? 0 : !drain ? 1 : 2](row, to, begin, end, sums, drain);
    else
        for (int64_t j = begin; j < end; j += BLOCK)
            careful_block(row, to ? to + (j - begin) : NULL, j, end - j < BLOCK ? end : j + BLOCK,
                          sums);
}

/* ---- Rows ---- */

/* Floats of one of a thread's two buffers. */
#define SEGMENT_BUFFER (SEGMENT + LINE + V_WIDTH)

/* Where segments of streamed rows go: while one is computed into a buffer, the whole lines of the
 * one before leave the other. */
struct lines {
    element *buffer[2]; /* [SEGMENT_BUFFER] */
    int current;
    element *out; /* of the first element in the current buffer */
    int64_t held; /* there, less than a line */
    struct drain drain;
};

static inline struct lines lines_begin(float *buffers) {
    element *first = (element *)buffers;
    return (struct lines){.buffer = {first, first + SEGMENT_BUFFER}};
}

/* Takes `count` more elements, which stand behind those held; less than a line stays behind, or at
 * the row's end nothing. */
static inline void lines_write(struct lines *lines, int64_t count, bool last) {
    const element *from = lines->buffer[lines->current];
    int64_t have = lines->held + count, at = elements_to_line(lines->out, have);
    int64_t end = at + (have - at) / LINE * LINE;
    drain_rest(&lines->drain);
    lines->current ^= 1;
    memcpy(lines->out, from, (size_t)at * sizeof(element));
    memcpy(last ? lines->out + end : lines->buffer[lines->current], from + end,
           (size_t)(have - end) * sizeof(element));
    lines->drain = (struct drain){from + at, lines->out + at, end - at};
    lines->held = last ? 0 : have - end;
    lines->out += end;
}

/* The losses of a row's negatives and their gradients. */
static inline void sigmoid_negatives(const struct call *call, const struct sigmoid_row *row,
                                     struct sigmoid_sums *sums, struct lines *lines) {
    if (!call->stream || !row->out) {
        negatives_segment(row, row->out, 0, row->cols, sums, NULL);
        return;
    }
    lines->out = row->out;
    for (int64_t begin = 0; begin < row->cols; begin += SEGMENT) {
        int64_t end = row->cols - begin < SEGMENT ? row->cols : begin + SEGMENT;
        negatives_segment(row, lines->buffer[lines->current] + lines->held, begin, end, sums,
                          &lines->drain);
        lines_write(lines, end - begin, end == row->cols);
    }
}

/* sigmoid_column() for w = t = 1, with the logarithm left to sigmoid_total() where its factor is
 * small enough (NaN: is not). */
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
                                    struct lines *lines) {
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
        sigmoid_negatives(call, row, &sums, lines);
        loss = sigmoid_total(&sums);
    }
    store_loss(p, i, facts, loss, 1.0);
}
