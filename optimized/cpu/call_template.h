/* SPDX-License-Identifier: MIT
 *
 * What holds for all rows of one call: the class prior as factors, the threads' buffers, and
 * whether results are streamed past the caches. Part of activations_template.h.
 */

/* The offset a_j as a factor. exp(x + a) = exp(x) exp(a), which costs one multiplication where the
 * exact sum x + a costs six additions. */
struct prior {
    const float *weight; /* [columns up to a multiple of GROUP] times WEIGHT_FACTOR, 0 behind the
                          * last column */
    double largest;      /* softmax: what was taken out, exp(a_j - largest); sigmoid: the largest
                          * a_j */
    bool usable;
};

/* Beyond this range of finite offsets, or beyond this size in the sigmoid family, a factor could
 * over- or underflow where the sum would not. */
#define PRIOR_RANGE 38.0f
#define PRIOR_SIZE  20.0f

struct call {
    const struct balact_problem *problem;
    struct prior prior;
    int64_t unmasked; /* columns whose offset is not -inf */
    bool stream;
    float *memory;  /* the weights of the prior, then a buffer for each thread */
    int64_t stride; /* floats of a buffer */
    float *buffers;
};

static inline int64_t round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

/* The range of the finite offsets and how many are -inf; false if one is NaN or +inf, or none is
 * finite. */
static bool offset_range(const struct balact_problem *p, float *lowest, float *highest,
                         int64_t *masked) {
    vf least = v_set(INFINITY), most = v_set(-INFINITY);
    int64_t finite = 0, minus = 0;
    for (int64_t j = 0; j < p->cols; j += V_WIDTH) {
        vmask inside = v_first(p->cols - j);
        vf a = v_select(inside, v_load_masked(p->offset + j, inside), v_set(-INFINITY));
        vf size = v_abs(a);
        least = v_min(v_select(v_not_less(size, v_set(INFINITY)), least, a), least);
        most = v_max(a, most);
        finite += __builtin_popcount(v_lanes(v_less(size, v_set(INFINITY))));
        minus += __builtin_popcount(v_lanes(v_equal(a, v_set(-INFINITY))));
    }
    minus -= round_up(p->cols, V_WIDTH) - p->cols;
    *lowest = -v_largest(v_sub(v_zero(), least)), *highest = v_largest(most), *masked = minus;
    return finite > 0 && finite + minus == p->cols;
}

/* exp(a) for |a| <= 600 with a relative error of 1e-10: far below what rounding to fp32 does. */
static inline vd exponential_in_double(vd a) {
    static const double inverse_factorials[] = {1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24,
                                                1.0 / 6,    1.0 / 2,   1.0,       1.0};
    const vd rounder = v_double_set(0x1.8p52), minus_one = v_double_set(-1.0);
    vd rounded = v_double_fma(a, v_double_set(1.0 / LN2), rounder);
    vd r = v_double_fma(v_double_fma(rounder, minus_one, rounded), v_double_set(-LN2), a);
    vd p = v_double_set(1.0 / 40320);
    for (int k = 0; k < 8; k++)
        p = v_double_fma(p, r, v_double_set(inverse_factorials[k]));
    return v_double_scale_by_bits(p, rounded);
}

/* weight_j = exp(a_j - taken_out) * WEIGHT_FACTOR, rounded once; 0 for -inf. */
static void prior_weights(const struct balact_problem *p, double taken_out, float *weight) {
    const vd minus = v_double_set(-taken_out), one = v_double_set(1.0);
    for (int64_t j = 0; j < p->cols; j += V_WIDTH) {
        vf offset = v_load_masked(p->offset + j, v_first(p->cols - j));
        vmask finite = v_and(v_first(p->cols - j), v_less(v_abs(offset), v_set(INFINITY)));
        vd e = exponential_in_double(v_double_fma(v_widen(v_keep(finite, offset)), one, minus));
        v_store(weight + j, v_keep(finite, v_mul(v_narrow(e), v_set(WEIGHT_FACTOR))));
    }
}

typedef void make_prior(struct call *call, float *weight);

/* A class masked by -inf has factor 0. */
static void softmax_prior(struct call *call, float *weight) {
    float lowest, highest;
    int64_t masked;
    if (!offset_range(call->problem, &lowest, &highest, &masked))
        return;
    call->unmasked = call->problem->cols - masked;
    if (!(highest - lowest <= PRIOR_RANGE))
        return;
    prior_weights(call->problem, highest, weight);
    call->prior = (struct prior){weight, highest, true};
}

/* A masked class is left to the careful way: 0 times exp(+inf) must be NaN, and logits are cut off
 * there before the exponential. */
static void sigmoid_prior(struct call *call, float *weight) {
    float lowest, highest;
    int64_t masked;
    if (!offset_range(call->problem, &lowest, &highest, &masked) || masked ||
        !(highest - lowest <= PRIOR_RANGE && lowest >= -PRIOR_SIZE && highest <= PRIOR_SIZE))
        return;
    prior_weights(call->problem, 0.0f, weight);
    call->prior = (struct prior){weight, highest, true};
}

/* buffer_size: floats that a thread needs; writes: whether rows of the shape of logits come out. */
static balact_status call_begin(struct call *call, const struct balact_problem *p, bool writes,
                                int64_t buffer_size, make_prior *make) {
    *call = (struct call){.problem = p, .unmasked = p->cols};
    if (p->dtype != ELEMENT_DTYPE)
        return BALACT_ERROR_UNSUPPORTED;
    int64_t weights = p->offset ? round_up(p->cols, GROUP) : 0;
    int64_t threads = worth_threads(p) ? balact_threads() : 1;
    call->stride = round_up(buffer_size, 16) + 16; /* no line is shared by two threads */
    size_t bytes = (size_t)(weights + threads * call->stride) * sizeof(float);
    if (posix_memalign((void **)&call->memory, 64, bytes))
        return BALACT_ERROR_MEMORY;
    call->buffers = call->memory + weights;
    if (p->offset) {
        memset(call->memory, 0, (size_t)weights * sizeof(float));
        make(call, call->memory);
    }
    call->stream = writes && p->out != p->logits &&
                   p->rows * p->cols * (int64_t)sizeof(element) >= balact_stream_bytes();
    return BALACT_OK;
}

static inline float *call_buffer(const struct call *call) {
    return call->buffers + call->stride * balact_thread();
}

static void call_end(struct call *call) {
    free(call->memory);
}
