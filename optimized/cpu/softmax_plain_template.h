/* SPDX-License-Identifier: MIT
 *
 * The softmax family's plain pass, which takes no maximum out, and the scaling of a row that goes
 * on beside it. Part of activations_template.h; softmax_template.h says when the plain pass may be
 * used.
 */

/* Where the sum of the plain pass must lie. Below, a term that is lost (under 2^-126) could be seen
 * in a result (over 2^-150); above, four terms could add up to infinity. */
#define PLAIN_SUM_LOWEST  0x1p26
#define PLAIN_SUM_HIGHEST 0x1p112

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
    if (call->stream)
        for (; j + LINE <= cols; j += LINE)
            for (int64_t k = j; k < j + LINE; k += V_WIDTH)
                ELEMENT_STREAM(out + k, v_mul(f, v_load(kept + k)));
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
