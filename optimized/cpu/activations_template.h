/* SPDX-License-Identifier: MIT
 *
 * The CPU kernels of all four activations, for one vector width and one storage type. Each of
 * avx2.c, avx2_f16.c ... includes this after its vector vocabulary and gets from it the
 * functions that kernels.h makes tables of. Rows are shared out to threads; within a row the order
 * of all sums depends on the number of columns (and the label) alone.
 *
 * The storage type is fp32 unless ELEMENT_IS_F16 or ELEMENT_IS_BF16 is defined.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/backend.h"
#include "optimized/cpu/rows.h"
#include "optimized/cpu/stream.h"

#include "optimized/cpu/element_template.h"

#include "optimized/cpu/exp_template.h"

#include "optimized/cpu/call_template.h"

#include "optimized/cpu/softmax_template.h"

#include "optimized/cpu/softmax_plain_template.h"

#include "optimized/cpu/softmax_rows_template.h"
#include "optimized/cpu/softmax_spread_template.h"

#include "optimized/cpu/sigmoid_template.h"

#include "optimized/cpu/sigmoid_general_template.h"

#include "optimized/cpu/sigmoid_loss_template.h"

enum want { WANT_PROBABILITIES, WANT_LOSS, WANT_GRADIENT };

static struct pending softmax_loss_row(const struct call *call, int64_t i, enum want want,
                                       float *kept, struct pending *before) {
    const struct balact_problem *p = call->problem;
    struct row_facts facts = row_facts(p, i);
    struct softmax_row row = softmax_row_of(call, i, &facts, kept);
    element *out = want == WANT_GRADIENT ? (element *)p->out + i * p->ld_out : NULL;
    if (!facts.ignored) {
        if (!p->targets && p->label_smoothing == 0.0f)
            return softmax_label_row(call, i, &facts, &row, out, before);
        softmax_spread_row(call, i, &facts, &row, out);
        return nothing_pending;
    }
    store_loss(p, i, &facts, 0.0, 0.0);
    row.kept = NULL; /* of an ignored row only the lse is wanted */
    if (p->lse) {
        double sum;
        bool exists = plain_pass(call, &row, before, &sum);
        if (!exists && (exists = softmax_begin(&row)))
            sum = softmax_sum(&row);
        p->lse[i] = exists ? (float)log_sum_exp(&row, sum) : NAN;
    }
    if (out)
        fill_row(out, row.cols, 0.0f);
    return nothing_pending;
}

static void sigmoid_loss_or_ignored_row(const struct call *call, int64_t i, enum want want,
                                        element *buffer) {
    const struct balact_problem *p = call->problem;
    struct row_facts facts = row_facts(p, i);
    struct sigmoid_row row = sigmoid_row_of(call, i, &facts);
    if (want == WANT_GRADIENT)
        row.out = (element *)p->out + i * p->ld_out;
    if (!facts.ignored) {
        sigmoid_loss_row(call, i, &facts, &row, buffer);
        return;
    }
    store_loss(p, i, &facts, 0.0, 0.0);
    if (row.out)
        fill_row(row.out, row.cols, 0.0f);
}

/* Up to so many columns two rows are kept at a time, in half of a second-level cache at most. */
#define TWO_ROWS 32768

/* Floats of a thread's buffer: rows of exponentials, or a segment on its way past the caches. */
static inline int64_t softmax_buffer(int64_t cols) {
    return round_up(cols, GROUP) * (cols <= TWO_ROWS ? 2 : 1);
}

static inline int64_t sigmoid_buffer(int64_t cols) {
    (void)cols;
    return SEGMENT + LINE + V_WIDTH;
}

/* A streamed row shares its first and its last line with its neighbours, and those are written by
 * ordinary stores, which wait until the line has come from memory; every store behind them waits
 * too. So the lines are asked for a row ahead. */
static inline void prefetch_row(const struct balact_problem *p, int64_t i) {
    const element *row = (const element *)p->out + i * p->ld_out;
    v_prefetch(row);
    v_prefetch(row + p->cols - 1);
}

/* Rows [begin, end): each is scaled behind the exponentials of the next. */
static void softmax_range(const struct call *call, int64_t begin, int64_t end, enum want want,
                          float *buffer) {
    const int64_t cols = call->problem->cols, other = cols <= TWO_ROWS ? round_up(cols, GROUP) : 0;
    struct pending before = nothing_pending;
    for (int64_t i = begin; i < end; i++) {
        float *kept = buffer + (i & 1) * other;
        if (before.kept == kept) {
            scale_end(call, &before);
            before = nothing_pending;
        }
        if (call->stream)
            prefetch_row(call->problem, i);
        struct pending now = want == WANT_PROBABILITIES
                                 ? softmax_forward_row(call, i, kept, &before)
                                 : softmax_loss_row(call, i, want, kept, &before);
        if (before.kept)
            scale_end(call, &before);
        before = now;
    }
    if (before.kept)
        scale_end(call, &before);
}

static void sigmoid_range(const struct call *call, int64_t begin, int64_t end, enum want want,
                          float *buffer) {
    for (int64_t i = begin; i < end; i++) {
        if (call->stream && i + 1 < end)
            prefetch_row(call->problem, i + 1);
        if (want == WANT_PROBABILITIES)
            sigmoid_forward_row(call, i);
        else
            sigmoid_loss_or_ignored_row(call, i, want, (element *)buffer);
    }
}

#define CPU_ROWS(family)                                                                           \
    static balact_status family##_rows(const struct balact_problem *p, enum want want) {           \
        struct call call;                                                                          \
        balact_status status =                                                                     \
            call_begin(&call, p, want != WANT_LOSS, family##_buffer(p->cols), family##_prior);     \
        if (status != BALACT_OK)                                                                   \
            return status;                                                                         \
        PARALLEL_PROBLEM {                                                                         \
            struct row_range rows = rows_of_thread(p->rows);                                       \
            family##_range(&call, rows.begin, rows.end, want, call_buffer(&call));                 \
            if (call.stream)                                                                       \
                v_fence();                                                                         \
        }                                                                                          \
        call_end(&call);                                                                           \
        return BALACT_OK;                                                                          \
    }
CPU_ROWS(softmax)
CPU_ROWS(sigmoid)

#define CPU_FAMILY(FAMILY, family)                                                                 \
    static balact_status FAMILY##_forward(const struct balact_problem *p) {                        \
        return family##_rows(p, WANT_PROBABILITIES);                                               \
    }                                                                                              \
    static balact_status FAMILY##_loss(const struct balact_problem *p) {                           \
        return family##_rows(p, WANT_LOSS);                                                        \
    }                                                                                              \
    static balact_status FAMILY##_loss_grad(const struct balact_problem *p) {                      \
        return family##_rows(p, WANT_GRADIENT);                                                    \
    }
CPU_FAMILY(SOFTMAX, softmax)
CPU_FAMILY(SIGMOID, sigmoid)

/* The building blocks alone, for tests and for the limit in benchmarks (probes.h). */
#define CPU_PROBES(isa)                                                                            \
    void balact_##isa##_exponentials(const float *x, float *y, int64_t n) {                        \
        for (int64_t i = 0; i < n; i += V_WIDTH) {                                                 \
            vmask inside = v_first(n - i);                                                         \
            struct pair pair = {v_load_masked(x + i, inside), v_zero()};                           \
            vf e = exponential(pair, exponent_shift(0.0f), false);                                 \
            v_store_masked(y + i, inside, v_mul(e, v_set(UNBIAS_FACTOR)));                         \
        }                                                                                          \
    }                                                                                              \
    void balact_##isa##_biased_exponentials(const float *x, float *y, int64_t n) {                 \
        int64_t i = 0;                                                                             \
        for (; i + GROUP <= n; i += GROUP) {                                                       \
            vf e0 = plain_exponential(v_load(x + i));                                              \
            vf e1 = plain_exponential(v_load(x + i + V_WIDTH));                                    \
            vf e2 = plain_exponential(v_load(x + i + 2 * V_WIDTH));                                \
            vf e3 = plain_exponential(v_load(x + i + 3 * V_WIDTH));                                \
            v_store(y + i, e0), v_store(y + i + V_WIDTH, e1);                                      \
            v_store(y + i + 2 * V_WIDTH, e2), v_store(y + i + 3 * V_WIDTH, e3);                    \
        }                                                                                          \
        for (; i < n; i += V_WIDTH) {                                                              \
            vmask inside = v_first(n - i);                                                         \
            v_store_masked(y + i, inside, plain_exponential(v_load_masked(x + i, inside)));        \
        }                                                                                          \
    }                                                                                              \
    void balact_##isa##_logarithms(const float *x, float *y, int64_t n) {                          \
        for (int64_t i = 0; i < n; i += V_WIDTH) {                                                 \
            vmask inside = v_first(n - i);                                                         \
            v_store_masked(y + i, inside, log_one_plus(v_load_masked(x + i, inside)));             \
        }                                                                                          \
    }
