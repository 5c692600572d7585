/* SPDX-License-Identifier: MIT
 *
 * The softmax family: its careful pass, and what all its parts share. The plain pass is in
 * softmax_plain_template.h, rows with plain labels in softmax_rows_template.h, targets that are
 * spread over the row (smoothing, soft targets) in softmax_spread_template.h. Part of
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
    return v_largest(v_max(best[0], best[1]));
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
