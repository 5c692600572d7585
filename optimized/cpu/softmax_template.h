/* SPDX-License-Identifier: MIT
 *
 * The softmax family: probabilities, and loss and gradient for plain labels. Targets that are
 * spread over the row (smoothing, soft targets) are in softmax_spread_template.h. Part of
 * activations_template.h.
 *
 * A row is read from memory once: its exponentials are kept in fp32 in the thread's own buffer,
 * which stays in the nearest cache that can hold it, and are scaled from there into `out`.
 *
 * The plain pass asks for no maximum: exp(x_j) 2^BIAS times the class prior w_j = exp(a_j - max a),
 * as long as the sum S of these lies where no term that matters over- or underflowed. That holds
 * for rows whose largest logit is between about -12 and 40. Other rows, and priors of a wide range,
 * take the careful pass: it finds the maximum of u = x + a first, and takes it out of the exact u
 * as a power of two N (see exp_template.h), not as the maximum itself: u - max in fp32 would lose
 * up to 5 bits of the result, u - N ln 2 loses none.
 */

/* Rows whose largest |u| is beyond this take out the maximum after all, in two steps; there a
 * difference of two fp32 numbers is exact wherever its exponential is not 0. */
#define WIDE_MAGNITUDE 16384.0f

/* Where the sum of the plain pass must lie. Below, a term that is lost (under 2^-126) could be seen
 * in a result (over 2^-150); above, four terms could add up to infinity. */
#define PLAIN_SUM_LOWEST  0x1p26
#define PLAIN_SUM_HIGHEST 0x1p112

struct softmax_row {
    const element *x;
    const float *offset;       /* NULL for none */
    const struct prior *prior; /* the offset as a factor; NULL: the row needs the careful pass */
    float *kept;               /* exponentials, [cols up to a multiple of GROUP]; NULL for none */
    int64_t cols;
    int64_t pivot; /* column left out of sums by the careful pass, -1 for none */
    bool wide;
    float maximum;   /* of u rounded to fp32 */
    float wide_rest; /* wide rows: the largest exact u is maximum + wide_rest, about */
    double base;     /* exponentials are exp(u - base) * 2^BIAS */
    struct exponent_shift shift;
};

ALWAYS_INLINE struct pair shifted_logit(vf x, vf offset, const bool with_offset) {
    return with_offset ? exact_sum(x, offset) : (struct pair){x, v_zero()};
}

static inline double exact_logit(const element *x, const float *offset, int64_t j) {
    return (double)element_value(x[j]) + (offset ? (double)offset[j] : 0.0);
}

static inline struct softmax_row softmax_row_of(const struct call *call, int64_t i,
                                                const struct row_facts *facts, float *kept) {
    const struct balact_problem *p = call->problem;
    bool plain = !facts->with_offset || call->prior.usable;
    return (struct softmax_row){.x = (const element *)p->logits + i * p->ld,
                                .offset = facts->with_offset ? p->offset : NULL,
                                .prior = plain ? &call->prior : NULL,
                                .kept = kept,
                                .cols = p->cols,
                                .pivot = -1};
}

/* What is left of a wide row's u once maximum and wide_rest are taken away. */
ALWAYS_INLINE struct pair wide_difference(struct pair u, float maximum, float wide_rest) {
    vf low = v_keep(v_not_less(u.high, v_set(-FLT_MAX)), u.low);
    struct pair d = exact_sum(v_sub(u.high, v_set(maximum)), low);
    struct pair rest = exact_sum(d.high, v_set(-wide_rest));
    rest.low = v_add(rest.low, d.low);
    return rest;
}

/* The largest u, or wide difference, of a row. NaN is skipped here; it comes back by the sum. */
ALWAYS_INLINE float row_maximum(const struct softmax_row *row, const bool with_offset,
                                const bool wide) {
    const vf none = v_set(-INFINITY);
    vf best[2] = {none, none};
    int64_t j = 0;
#define MAXIMUM_STEP(best, x, a)                                                                   \
    do {                                                                                           \
        vf u_ = (x);                                                                               \
        if (wide) {                                                                                \
            struct pair d_ =                                                                       \
                wide_difference(shifted_logit(u_, (a), with_offset), row->maximum, 0);             \
            u_ = d_.high;                                                                          \
        } else if (with_offset) {                                                                  \
            u_ = v_add(u_, (a));                                                                   \
        }                                                                                          \
        best = v_max(u_, best);                                                                    \
    } while (0)
#define OFFSET_AT(j) (with_offset ? v_load(row->offset + (j)) : v_zero())
    for (; j + 4 * V_WIDTH <= row->cols; j += 4 * V_WIDTH) {
        MAXIMUM_STEP(best[0], ELEMENT_LOAD(row->x + j), OFFSET_AT(j));
        MAXIMUM_STEP(best[1], ELEMENT_LOAD(row->x + j + V_WIDTH), OFFSET_AT(j + V_WIDTH));
        MAXIMUM_STEP(best[0], ELEMENT_LOAD(row->x + j + 2 * V_WIDTH), OFFSET_AT(j + 2 * V_WIDTH));
        MAXIMUM_STEP(best[1], ELEMENT_LOAD(row->x + j + 3 * V_WIDTH), OFFSET_AT(j + 3 * V_WIDTH));
    }
    for (; j < row->cols; j += V_WIDTH) {
        vmask inside = v_first(row->cols - j);
        vf x = v_select(inside, ELEMENT_LOAD_FIRST(row->x + j, row->cols - j), none);
        MAXIMUM_STEP(best[0], x, with_offset ? v_load_masked(row->offset + j, inside) : v_zero());
    }
#undef MAXIMUM_STEP
#undef OFFSET_AT
    float lane[V_WIDTH];
    v_store(lane, v_max(best[0], best[1]));
    float maximum = lane[0];
    for (int k = 1; k < V_WIDTH; k++)
        maximum = lane[k] > maximum ? lane[k] : maximum;
    return maximum;
}

NOINLINE float wide_maximum(const struct softmax_row *row) {
    return row->offset ? row_maximum(row, true, true) : row_maximum(row, false, true);
}

/* Finds the row's maximum and from it how exponentials are taken. False: no distribution (+inf, all
 * -inf, or all NaN). */
static inline bool softmax_begin(struct softmax_row *row) {
    row->maximum = row->offset ? row_maximum(row, true, false) : row_maximum(row, false, false);
    row->wide = !(fabsf(row->maximum) < WIDE_MAGNITUDE);
    row->wide_rest = 0.0f;
    if (!row->wide) {
        float n = rintf(row->maximum * LOG2_E);
        row->shift = exponent_shift(n);
        row->base = (double)n * LN2;
        return true;
    }
    if (!isfinite(row->maximum))
        return false;
    row->wide_rest = wide_maximum(row);
    row->shift = exponent_shift(0.0f);
    row->base = (double)row->maximum + (double)row->wide_rest;
    return true;
}

/* u - base + ln 2^BIAS: the exponent of what is kept. In this order, because base may be so large
 * that nothing can be added to it. */
static inline double kept_exponent(const struct softmax_row *row, double u) {
    return u - row->base + BIAS * LN2;
}

/* log sum exp(u) from the sum of what is kept. */
static inline double log_sum_exp(const struct softmax_row *row, double sum) {
    return row->base + (log(sum) - BIAS * LN2);
}

ALWAYS_INLINE vf softmax_exponential(const struct softmax_row *row, vf x, vf offset,
                                     const bool with_offset, const bool wide) {
    struct pair u = shifted_logit(x, offset, with_offset);
    if (!wide)
        return exponential(u, row->shift, with_offset);
    return exponential(wide_difference(u, row->maximum, row->wide_rest), row->shift, true);
}

/* Sum over all columns but the pivot of exp(u - base) * 2^BIAS, which are also kept where `store`.
 * Four vectors are added as a tree in fp32, everything above in double: no chain of roundings grows
 * with the row. */
ALWAYS_INLINE double softmax_exponentials(const struct softmax_row *const from,
                                          const bool with_offset, const bool wide,
                                          const bool store) {
    const struct softmax_row row = *from; /* a copy that no store can alias stays in registers */
    vd sum = v_double_zero();
    int64_t j = 0;
#define EXPONENTIAL(at)                                                                            \
    softmax_exponential(&row, ELEMENT_LOAD(row.x + (at)),                                          \
                        with_offset ? v_load(row.offset + (at)) : v_zero(), with_offset, wide)
    for (; j + 4 * V_WIDTH <= row.cols; j += 4 * V_WIDTH) {
        vf e0 = EXPONENTIAL(j), e1 = EXPONENTIAL(j + V_WIDTH);
        vf e2 = EXPONENTIAL(j + 2 * V_WIDTH), e3 = EXPONENTIAL(j + 3 * V_WIDTH);
        if (store) {
            v_store(row.kept + j, e0);
            v_store(row.kept + j + V_WIDTH, e1);
            v_store(row.kept + j + 2 * V_WIDTH, e2);
            v_store(row.kept + j + 3 * V_WIDTH, e3);
        }
        if ((uint64_t)(row.pivot - j) < 4 * V_WIDTH) {
            e0 = v_without_lane(e0, row.pivot - j);
            e1 = v_without_lane(e1, row.pivot - j - V_WIDTH);
            e2 = v_without_lane(e2, row.pivot - j - 2 * V_WIDTH);
            e3 = v_without_lane(e3, row.pivot - j - 3 * V_WIDTH);
        }
        sum = v_double_add(sum, v_add(v_add(e0, e1), v_add(e2, e3)));
    }
#undef EXPONENTIAL
    vf rest = v_zero();
    for (; j < row.cols; j += V_WIDTH) {
        vmask inside = v_first(row.cols - j);
        vf offset = with_offset ? v_load_masked(row.offset + j, inside) : v_zero();
        vf e = softmax_exponential(&row, ELEMENT_LOAD_FIRST(row.x + j, row.cols - j), offset,
                                   with_offset, wide);
        if (store)
            v_store(row.kept + j, v_keep(inside, e));
        rest = v_add(rest, v_without_lane(v_keep(inside, e), row.pivot - j));
    }
    return v_double_total(v_double_add(sum, rest));
}

#define SOFTMAX_VARIANT(name, with_offset, wide, store)                                            \
    NOINLINE double name(const struct softmax_row *row) {                                          \
        return softmax_exponentials(row, with_offset, wide, store);                                \
    }
SOFTMAX_VARIANT(exponentials_sum, false, false, false)
SOFTMAX_VARIANT(exponentials_store, false, false, true)
SOFTMAX_VARIANT(exponentials_wide_sum, false, true, false)
SOFTMAX_VARIANT(exponentials_wide_store, false, true, true)
SOFTMAX_VARIANT(exponentials_offset_sum, true, false, false)
SOFTMAX_VARIANT(exponentials_offset_store, true, false, true)
SOFTMAX_VARIANT(exponentials_offset_wide_sum, true, true, false)
SOFTMAX_VARIANT(exponentials_offset_wide_store, true, true, true)
#undef SOFTMAX_VARIANT

static inline double softmax_sum(const struct softmax_row *row) {
    if (row->wide)
        return row->offset ? row->kept ? exponentials_offset_wide_store(row)
                                       : exponentials_offset_wide_sum(row)
               : row->kept ? exponentials_wide_store(row)
                           : exponentials_wide_sum(row);
    return row->offset ? row->kept ? exponentials_offset_store(row) : exponentials_offset_sum(row)
           : row->kept ? exponentials_store(row)
                       : exponentials_sum(row);
}

/* ---- From the kept exponentials to the output ---- */

/* out = kept * factor, still to be done from column `done` on. A row's factor comes out of a chain
 * of additions and divisions that nothing of the row can overlap, and writing rows out takes what
 * computing exponentials leaves idle; so a row is scaled while the next one's exponentials are
 * computed. */
struct pending {
    const float *kept; /* NULL: nothing is to be done */
    element *out;
    float factor;
    int64_t done; /* -1: not even begun */
};

ALWAYS_INLINE void scale_group(const float *kept, element *out, vf factor, const bool stream) {
    vf p0 = v_mul(factor, v_load(kept)), p1 = v_mul(factor, v_load(kept + V_WIDTH));
    vf p2 = v_mul(factor, v_load(kept + 2 * V_WIDTH)),
       p3 = v_mul(factor, v_load(kept + 3 * V_WIDTH));
    if (stream) {
        ELEMENT_STREAM(out, p0);
        ELEMENT_STREAM(out + V_WIDTH, p1);
        ELEMENT_STREAM(out + 2 * V_WIDTH, p2);
        ELEMENT_STREAM(out + 3 * V_WIDTH, p3);
    } else {
        ELEMENT_STORE(out, p0);
        ELEMENT_STORE(out + V_WIDTH, p1);
        ELEMENT_STORE(out + 2 * V_WIDTH, p2);
        ELEMENT_STORE(out + 3 * V_WIDTH, p3);
    }
}

/* Up to the first whole line of the output: from there on no store crosses lines, which costs
 * twice. */
static inline void scale_begin(struct pending *pending, int64_t cols) {
    const vf f = v_set(pending->factor);
    int64_t first = elements_to_line(pending->out, cols);
    for (int64_t k = 0; k < first; k += V_WIDTH)
        ELEMENT_STORE_FIRST(pending->out + k, first - k, v_mul(f, v_load(pending->kept + k)));
    pending->done = first;
}

/* The rest of the row. */
static inline void scale_end(const struct call *call, struct pending *pending) {
    const float *kept = pending->kept;
    element *out = pending->out;
    const int64_t cols = call->problem->cols;
    const vf f = v_set(pending->factor);
    if (pending->done < 0)
        scale_begin(pending, cols);
    int64_t j = pending->done;
    if (call->stream)
        for (; j + GROUP <= cols; j += GROUP)
            scale_group(kept + j, out + j, f, true);
    for (; j + GROUP <= cols; j += GROUP)
        scale_group(kept + j, out + j, f, false);
    for (; j + V_WIDTH <= cols; j += V_WIDTH)
        ELEMENT_STORE(out + j, v_mul(f, v_load(kept + j)));
    if (j < cols)
        ELEMENT_STORE_FIRST(out + j, cols - j,
                            v_mul(f, v_load_masked(kept + j, v_first(cols - j))));
}

static const struct pending nothing_pending = {NULL, NULL, 0.0f, 0};

/* ---- The plain pass ---- */

/* exp(x) w 2^BIAS of one vector. */
ALWAYS_INLINE vf plain_term(vf x, const float *weight, int64_t j, const bool with_prior) {
    return with_prior ? weighted_exponential(x, v_load(weight + j), false) : plain_exponential(x);
}

/* The lane sums of all columns in double: of GROUP columns as a tree in fp32, so that no chain of
 * roundings grows with the row, everything above in double. weight: [cols up to a multiple of
 * V_WIDTH]. *largest: the largest x, where that tells whether the terms can be trusted. before: a
 * row to be scaled meanwhile. */
ALWAYS_INLINE double plain_sum(const struct softmax_row *const from, const bool with_prior,
                               const bool store, float *largest, struct pending *before,
                               const bool scale, const bool stream) {
    const element *const x = from->x;
    const float *const weight = with_prior ? from->prior->weight : NULL;
    float *const kept = from->kept;
    const int64_t cols = from->cols;
    vd sum = v_double_zero();
    vf top = v_set(-INFINITY), rest = v_zero();
    const float *const scaled = scale ? before->kept : NULL;
    element *const out = scale ? before->out : NULL;
    const vf factor = v_set(scale ? before->factor : 0.0f);
    int64_t j = 0, done = scale ? before->done : 0;
#define LOAD_TERM(k, u)                                                                            \
    vf x##k = ELEMENT_LOAD(x + j + (k)*V_WIDTH);                                                   \
    vf u = plain_term(x##k, weight, j + (k)*V_WIDTH, with_prior)
    for (; j + GROUP <= cols; j += GROUP) {
        LOAD_TERM(0, e0);
        LOAD_TERM(1, e1);
        LOAD_TERM(2, e2);
        LOAD_TERM(3, e3);
        if (!V_SCALE_SATURATES)
            top = v_max(v_max(v_max(x0, x1), v_max(x2, x3)), top);
        if (store) {
            v_store(kept + j, e0);
            v_store(kept + j + V_WIDTH, e1);
            v_store(kept + j + 2 * V_WIDTH, e2);
            v_store(kept + j + 3 * V_WIDTH, e3);
        }
        sum = v_double_add(sum, v_add(v_add(e0, e1), v_add(e2, e3)));
        if (scale && done + GROUP <= cols) {
            scale_group(scaled + done, out + done, factor, stream);
            done += GROUP;
        }
    }
    if (scale)
        before->done = done;
#undef LOAD_TERM
    for (; j < cols; j += V_WIDTH) {
        vmask inside = v_first(cols - j);
        vf last = ELEMENT_LOAD_FIRST(x + j, cols - j);
        vf e = v_keep(inside, plain_term(last, weight, j, with_prior));
        if (!V_SCALE_SATURATES)
            top = v_max(v_select(inside, last, v_set(-INFINITY)), top);
        if (store)
            v_store(kept + j, e);
        rest = v_add(rest, e);
    }
    *largest = V_SCALE_SATURATES ? 0.0f : v_largest(top);
    return v_double_total(v_double_add(sum, rest));
}

#define PLAIN_VARIANT(name, with_prior, store, scale, stream)                                      \
    NOINLINE double name(const struct softmax_row *row, float *largest, struct pending *before) {  \
        return plain_sum(row, with_prior, store, largest, before, scale, stream);                  \
    }
PLAIN_VARIANT(plain_sum_only, false, false, false, false)
PLAIN_VARIANT(plain_sum_kept, false, true, false, false)
PLAIN_VARIANT(plain_sum_scale, false, true, true, false)
PLAIN_VARIANT(plain_sum_stream, false, true, true, true)
PLAIN_VARIANT(prior_sum_only, true, false, false, false)
PLAIN_VARIANT(prior_sum_kept, true, true, false, false)
PLAIN_VARIANT(prior_sum_scale, true, true, true, false)
PLAIN_VARIANT(prior_sum_stream, true, true, true, true)
#undef PLAIN_VARIANT

/* The plain pass; false where its sum cannot be trusted, and nothing but row->kept was changed. */
static inline bool plain_pass(const struct call *call, struct softmax_row *row,
                              struct pending *before, double *sum) {
    static double (*const variants[2][4])(const struct softmax_row *, float *, struct pending *) = {
        {plain_sum_only, plain_sum_kept, plain_sum_scale, plain_sum_stream},
        {prior_sum_only, prior_sum_kept, prior_sum_scale, prior_sum_stream}};
    bool with_prior = row->offset != NULL;
    float largest;
    if (!row->prior)
        return false;
    if (row->kept && before->kept)
        scale_begin(before, row->cols);
    int variant = !row->kept ? 0 : !before->kept ? 1 : call->stream ? 3 : 2;
    *sum = variants[with_prior][variant](row, &largest, before);
    if (!(largest <= HIGHEST_PLAIN && *sum >= PLAIN_SUM_LOWEST && *sum <= PLAIN_SUM_HIGHEST))
        return false;
    row->base = with_prior ? row->prior->largest : 0.0;
    return true;
}

/* What the plain pass added in the lane of column y: the tree of its GROUP, or the chain of the
 * columns behind the last whole one. out[0]: as it was added; out[1]: without column y. Returns the
 * term of y itself. */
static inline float plain_lane(const struct softmax_row *row, int64_t y, float out[2]) {
    int64_t begin = y / GROUP * GROUP, lane = begin + (y - begin) % V_WIDTH;
    bool whole = begin + GROUP <= row->cols;
    float term[GROUP / V_WIDTH], without[GROUP / V_WIDTH];
    for (int k = 0; k < GROUP / V_WIDTH; k++) {
        int64_t j = lane + k * V_WIDTH;
        term[k] = j < row->cols ? row->kept[j] : 0.0f;
        without[k] = j == y ? 0.0f : term[k];
    }
    out[0] = whole ? (term[0] + term[1]) + (term[2] + term[3])
                   : ((term[0] + term[1]) + term[2]) + term[3];
    out[1] = whole ? (without[0] + without[1]) + (without[2] + without[3])
                   : ((without[0] + without[1]) + without[2]) + without[3];
    return row->kept[y];
}

NOINLINE double kept_sum(const float *kept, int64_t cols) {
    vd sum = v_double_zero();
    for (int64_t j = 0; j < cols; j += V_WIDTH) /* the buffer holds 0 behind the last column */
        sum = v_double_add(sum, v_load(kept + j));
    return v_double_total(sum);
}

/* From the sum with column y to the one without it, which must keep its digits however near to 1
 * the probability of y is. Sets kept[y] to 0. Returns the term of y in *e_y. */
static inline double plain_rest(const struct softmax_row *row, double sum, int64_t y, double *e_y) {
    float lane[2];
    *e_y = plain_lane(row, y, lane);
    row->kept[y] = 0.0f;
    double rest = sum - (double)lane[0] + (double)lane[1];
    return rest >= 0x1p-24 * sum ? rest : kept_sum(row->kept, row->cols);
}

/* What is kept awaits the factor scale / sum. Where that would be denormal, and have lost digits,
 * takes a power of two out of what is kept first; returns the factor that remains. */
static inline double normal_factor(float *kept, int64_t cols, double scale, double sum) {
    double factor = scale / sum;
    if (fabs(factor) >= FLT_MIN || factor == 0.0 || isnan(factor))
        return factor;
    int power = ilogb(sum);
    vf f = v_set((float)ldexp(1.0, -power));
    for (int64_t j = 0; j < cols; j += V_WIDTH)
        v_store(kept + j, v_mul(f, v_load(kept + j)));
    return ldexp(scale, power) / sum;
}

static inline void fill_row(element *out, int64_t cols, float value) {
    for (int64_t j = 0; j < cols; j++)
        out[j] = element_of(value);
}

/* What the sum without column y says about that column. */
struct column_share {
    double sum;                      /* with column y */
    double p, one_minus_p;           /* both with all their digits */
    double negative_log_probability; /* lse - u_y */
};

/* d: kept_exponent() of u_y; e_y: exp(d), about. */
static inline struct column_share column_share(double d, double e_y, double rest) {
    double sum = rest + e_y;
    double nll = e_y >= rest ? log1p(rest / e_y) : log(sum) - d;
    return (struct column_share){sum, e_y / sum, rest / sum, nll};
}

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
