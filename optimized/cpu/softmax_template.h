/* SPDX-License-Identifier: MIT
 *
 * The softmax family: probabilities, and loss and gradient for plain labels. Targets that are
 * spread over the row (smoothing, soft targets) are in softmax_spread_template.h. Part of
 * activations_template.h.
 *
 * A row is read twice from memory at most: for its maximum, then for its exponentials, which go to
 * `out` once and are scaled there. The exponent of the largest term is taken out as a power of two
 * N (see exp_template.h), not as the maximum itself: x - max in fp32 would lose up to 5 bits of the
 * result, x - N ln 2 loses none.
 */

/* Rows whose largest |u| is beyond this take out the maximum after all, in two steps; there a
 * difference of two fp32 numbers is exact wherever its exponential is not 0. */
#define WIDE_MAGNITUDE 16384.0f

struct softmax_row {
    const element *x;
    const float *offset; /* NULL for none */
    element *out;        /* NULL where nothing is stored */
    int64_t cols;
    int64_t pivot; /* column left out of sums, -1 for none */
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
    return (double)ELEMENT_VALUE(x[j]) + (offset ? (double)offset[j] : 0.0);
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
        vf x = v_select(inside, ELEMENT_LOAD_MASKED(row->x + j, inside), none);
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

/* Sum over all columns but the pivot of exp(u - base) * 2^BIAS, which also go to out where `store`.
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
            ELEMENT_STORE(row.out + j, e0);
            ELEMENT_STORE(row.out + j + V_WIDTH, e1);
            ELEMENT_STORE(row.out + j + 2 * V_WIDTH, e2);
            ELEMENT_STORE(row.out + j + 3 * V_WIDTH, e3);
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
        vf e = softmax_exponential(&row, ELEMENT_LOAD_MASKED(row.x + j, inside), offset,
                                   with_offset, wide);
        if (store)
            ELEMENT_STORE_MASKED(row.out + j, inside, e);
        rest = v_add(rest, v_without_lane(v_keep(inside, e), row.pivot - j));
    }
    return lanes_total(v_double_add(sum, rest));
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
        return row->offset ? row->out ? exponentials_offset_wide_store(row)
                                      : exponentials_offset_wide_sum(row)
               : row->out ? exponentials_wide_store(row)
                           : exponentials_wide_sum(row);
    return row->offset ? row->out ? exponentials_offset_store(row) : exponentials_offset_sum(row)
           : row->out ? exponentials_store(row)
                       : exponentials_sum(row);
}

/* out = out * factor */
static inline void scale_row(element *out, int64_t cols, float factor) {
    vf f = v_set(factor);
    int64_t j = 0;
    for (; j + 4 * V_WIDTH <= cols; j += 4 * V_WIDTH) {
        ELEMENT_STORE(out + j, v_mul(f, ELEMENT_LOAD(out + j)));
        ELEMENT_STORE(out + j + V_WIDTH, v_mul(f, ELEMENT_LOAD(out + j + V_WIDTH)));
        ELEMENT_STORE(out + j + 2 * V_WIDTH, v_mul(f, ELEMENT_LOAD(out + j + 2 * V_WIDTH)));
        ELEMENT_STORE(out + j + 3 * V_WIDTH, v_mul(f, ELEMENT_LOAD(out + j + 3 * V_WIDTH)));
    }
    for (; j < cols; j += V_WIDTH) {
        vmask inside = v_first(cols - j);
        ELEMENT_STORE_MASKED(out + j, inside, v_mul(f, ELEMENT_LOAD_MASKED(out + j, inside)));
    }
}

/* What is kept in out awaits a factor that holds 2^-BIAS. Where that would be denormal, and have
 * lost digits, takes the bias out of both; returns the factor that remains. */
static inline double without_bias(element *out, int64_t cols, double factor) {
    if (fabs(factor) >= FLT_MIN || factor == 0.0 || isnan(factor))
        return factor;
    scale_row(out, cols, (float)ldexp(1.0, -BIAS));
    return ldexp(factor, BIAS);
}

static inline void fill_row(element *out, int64_t cols, float value) {
    for (int64_t j = 0; j < cols; j++)
        out[j] = ELEMENT_OF(value);
}

/* What the sum without column y says about that column. */
struct column_share {
    double sum;                      /* with column y */
    double p, one_minus_p;           /* both with all their digits */
    double negative_log_probability; /* lse - u_y */
};

static inline struct column_share column_share(const struct softmax_row *row, double u_y,
                                               double rest) {
    double d = kept_exponent(row, u_y), e_y = exp(d), sum = rest + e_y;
    double nll = e_y >= rest ? log1p(rest / e_y) : log(sum) - d;
    return (struct column_share){sum, e_y / sum, rest / sum, nll};
}

static inline void softmax_forward_row(const struct balact_problem *p, int64_t i) {
    struct row_facts facts = row_facts(p, i);
    struct softmax_row row = {.x = (const element *)p->logits + i * p->ld,
                              .offset = facts.with_offset ? p->offset : NULL,
                              .out = (element *)p->out + i * p->ld_out,
                              .cols = p->cols,
                              .pivot = -1};
    bool exists = softmax_begin(&row);
    double sum = exists ? softmax_sum(&row) : NAN;
    if (p->lse)
        p->lse[i] = exists ? (float)(log_sum_exp(&row, sum)) : NAN;
    if (exists)
        scale_row(row.out, row.cols, (float)(1.0 / sum));
    else
        fill_row(row.out, row.cols, NAN);
}

/* Loss, and gradient where row->out is given, of a row with a plain label. */
static inline void softmax_label_row(const struct balact_problem *p, int64_t i,
                                     const struct row_facts *facts, struct softmax_row *row) {
    double weight = class_weight_of(p, facts->label);
    double u_y = exact_logit(row->x, row->offset, facts->label); /* before out may overwrite x */
    double loss = NAN, lse = NAN;
    row->pivot = facts->label;
    if (softmax_begin(row)) {
        struct column_share y = column_share(row, u_y, softmax_sum(row));
        double nll = y.negative_log_probability, scale = facts->scale * weight;
        loss = weight == 0.0 && !isnan(nll) ? 0.0 : weight * nll;
        lse = p->lse ? log_sum_exp(row, y.sum) : 0.0;
        if (row->out) {
            double factor = without_bias(row->out, row->cols, scale / y.sum);
            scale_row(row->out, row->cols, (float)factor);
            row->out[facts->label] = ELEMENT_OF((float)-(scale * y.one_minus_p));
        }
    } else if (row->out) {
        fill_row(row->out, row->cols, NAN);
    }
    store_loss(p, i, facts, loss, weight);
    if (p->lse)
        p->lse[i] = (float)lse;
}
