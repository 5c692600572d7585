/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family. Part of activations_template.h.
 *
 * The plain way, for plain labels: with t = exp(u) = exp(x) w, w = exp(a) the class's prior odds,
 *   p = t / (1 + t),   softplus(u) = log(1 + t),
 * one exponential, no branch on the sign of u, and the sum of all log(1 + t) is the logarithm of a
 * product, kept as (product - 1) so that tiny t keep their digits. Groups of columns
 * with a logit that could let the product overflow, and priors of a wide range, go the careful way:
 * with
 * e = exp(-|u|) and q = e / (1 + e), the smaller of the two probabilities, and h the target's
 * distance from the larger one (1 - t where u > 0, else t),
 *   loss = |u| h + log1p(e),   dloss/du = h - q where u > 0, else q - h,
 * neither of which cancels. For plain labels h is 0 or 1 in all columns but the label's, which is
 * left out and computed alone in double.
 */

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

/* t 2^BIAS of one vector. */
ALWAYS_INLINE vf plain_odds(vf x, const float *weight, int64_t j, const bool with_prior) {
    return with_prior ? weighted_exponential(x, v_load(weight + j), true)
                      : plain_exponential_or_zero(x);
}

/* p 2^BIAS = t 2^BIAS / (1 + t) from t 2^BIAS. A division: estimating the reciprocal and correcting
 * it takes more of the units that the exponential needs. */
ALWAYS_INLINE vf probability_of_odds(vf kept) {
    return v_div(kept, v_fma(kept, v_set(UNBIAS_FACTOR), v_set(1.0f)));
}

/* factor * sigma(u) of the columns [begin, end), the plain way; `to` is the place of column begin.
 * Logits beyond `highest` have p = 1 in fp32 as that one has. */
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
    for (; j + V_WIDTH <= end; j += V_WIDTH) {
        vf p0 = PLAIN_PROBABILITY(ELEMENT_LOAD(row.x + j), j);
        if (stream && LINE == V_WIDTH)
            ELEMENT_STREAM(to + (j - begin), p0);
        else
            ELEMENT_STORE(to + (j - begin), p0);
    }
    if (j < end)
        ELEMENT_STORE_FIRST(to + (j - begin), end - j,
                            PLAIN_PROBABILITY(ELEMENT_LOAD_FIRST(row.x + j, end - j), j));
#undef PLAIN_PROBABILITY
}

/* All probabilities of a row with an offset, the careful way. */
NOINLINE void careful_probabilities(const struct sigmoid_row *const from) {
    const struct sigmoid_row row = *from;
    const vf factor = v_set(row.factor * UNBIAS_FACTOR);
    for (int64_t j = 0; j < row.cols; j += V_WIDTH) {
        bool full = j + V_WIDTH <= row.cols;
        vf a = v_load_masked(row.offset + j, v_first(row.cols - j));
        struct folded_logit u =
            folded_logit(load_element_part(row.x + j, row.cols - j, full), a, true);
        vf kept = folded_exponential(u, true);
        vf one_plus = v_fma(kept, v_set(UNBIAS_FACTOR), v_set(1.0f));
        vf p = v_mul(factor, sigmoid_of(u.u, kept, one_plus));
        store_element_part(row.out + j, row.cols - j, p, full);
    }
}

#define SIGMOID_VARIANT(name, with_prior, stream)                                                  \
    NOINLINE void name(const struct sigmoid_row *row, element *to, int64_t begin, int64_t end) {   \
        plain_probabilities(row, to, begin, end, with_prior, stream);                              \
    }
SIGMOID_VARIANT(probabilities, false, false)
SIGMOID_VARIANT(probabilities_stream, false, true)
SIGMOID_VARIANT(probabilities_prior, true, false)
SIGMOID_VARIANT(probabilities_prior_stream, true, true)
#undef SIGMOID_VARIANT

/* All probabilities of a row, from the first whole line of the output on: stores that cross lines
 * cost twice. */
static inline void sigmoid_probabilities(const struct call *call, const struct sigmoid_row *row) {
    static void (*const variants[2][2])(const struct sigmoid_row *, element *, int64_t, int64_t) = {
        {probabilities, probabilities_stream}, {probabilities_prior, probabilities_prior_stream}};
    bool with_prior = row->offset != NULL;
    int64_t first = elements_to_line(row->out, row->cols);
    if (!row->prior) {
        careful_probabilities(row);
        return;
    }
    variants[with_prior][false](row, row->out, 0, first);
    variants[with_prior][call->stream](row, row->out + first, first, row->cols);
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
