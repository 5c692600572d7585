/* SPDX-License-Identifier: MIT
 *
 * The CPU kernels of all four activations, for one vector width. avx2.c and avx512.c include this
 * after their vector vocabulary and get the rows of the kernel table by CPU_KERNELS. Rows are
 * shared out to threads; within a row the order of all sums depends on the number of columns (and
 * the label) alone.
 *
 * The element type is named by the macros below, so that another storage type needs only other
 * ones.
 */
#include <float.h>
#include <math.h>

#include "balact/backend.h"
#include "optimized/cpu/rows.h"

typedef float element;
#define ELEMENT_DTYPE                     BALACT_F32
#define ELEMENT_LOAD(from)                v_load(from)
#define ELEMENT_STORE(to, v)              v_store(to, v)
#define ELEMENT_LOAD_MASKED(from, mask)   v_load_masked(from, mask)
#define ELEMENT_STORE_MASKED(to, mask, v) v_store_masked(to, mask, v)
#define ELEMENT_VALUE(e)                  (e)
#define ELEMENT_OF(value)                 (value)

#include "optimized/cpu/exp_template.h"

#include "optimized/cpu/softmax_template.h"
#include "optimized/cpu/softmax_spread_template.h"

#include "optimized/cpu/sigmoid_template.h"

static void softmax_loss_row(const struct balact_problem *p, int64_t i, bool want_gradient,
                             int64_t unmasked) {
    struct row_facts facts = row_facts(p, i);
    struct softmax_row row = {.x = (const element *)p->logits + i * p->ld,
                              .offset = facts.with_offset ? p->offset : NULL,
                              .out = want_gradient ? (element *)p->out + i * p->ld_out : NULL,
                              .cols = p->cols,
                              .pivot = -1};
    if (!facts.ignored) {
        if (p->targets || p->label_smoothing != 0.0f)
            softmax_spread_row(p, i, &facts, &row, unmasked);
        else
            softmax_label_row(p, i, &facts, &row);
        return;
    }
    store_loss(p, i, &facts, 0.0, 0.0);
    element *out = row.out;
    row.out = NULL; /* of an ignored row only the lse is wanted */
    if (p->lse)
        p->lse[i] = softmax_begin(&row) ? (float)log_sum_exp(&row, softmax_sum(&row)) : NAN;
    if (out)
        fill_row(out, row.cols, 0.0f);
}

static void sigmoid_loss_or_ignored_row(const struct balact_problem *p, int64_t i,
                                        bool want_gradient) {
    struct row_facts facts = row_facts(p, i);
    struct sigmoid_row row = {.x = (const element *)p->logits + i * p->ld,
                              .offset = facts.with_offset ? p->offset : NULL,
                              .out = want_gradient ? (element *)p->out + i * p->ld_out : NULL,
                              .cols = p->cols};
    if (!facts.ignored) {
        sigmoid_loss_row(p, i, &facts, &row);
        return;
    }
    store_loss(p, i, &facts, 0.0, 0.0);
    if (row.out)
        fill_row(row.out, row.cols, 0.0f);
}

static balact_status softmax_loss_rows(const struct balact_problem *p, bool want_gradient) {
    int64_t unmasked = 0;
    if (p->dtype != ELEMENT_DTYPE)
        return BALACT_ERROR_UNSUPPORTED;
    for (int64_t j = 0; j < p->cols; j++)
        unmasked += !(p->offset && p->offset[j] == -INFINITY);
    PARALLEL_ROWS
    for (int64_t i = 0; i < p->rows; i++)
        softmax_loss_row(p, i, want_gradient, unmasked);
    return BALACT_OK;
}

static balact_status sigmoid_loss_rows(const struct balact_problem *p, bool want_gradient) {
    if (p->dtype != ELEMENT_DTYPE)
        return BALACT_ERROR_UNSUPPORTED;
    PARALLEL_ROWS
    for (int64_t i = 0; i < p->rows; i++)
        sigmoid_loss_or_ignored_row(p, i, want_gradient);
    return BALACT_OK;
}

#define CPU_FAMILY(FAMILY, family)                                                                 \
    static balact_status FAMILY##_forward(const struct balact_problem *p) {                        \
        if (p->dtype != ELEMENT_DTYPE)                                                             \
            return BALACT_ERROR_UNSUPPORTED;                                                       \
        PARALLEL_ROWS                                                                              \
        for (int64_t i = 0; i < p->rows; i++)                                                      \
            family##_forward_row(p, i);                                                            \
        return BALACT_OK;                                                                          \
    }                                                                                              \
    static balact_status FAMILY##_loss(const struct balact_problem *p) {                           \
        return family##_loss_rows(p, false);                                                       \
    }                                                                                              \
    static balact_status FAMILY##_loss_grad(const struct balact_problem *p) {                      \
        return family##_loss_rows(p, true);                                                        \
    }
CPU_FAMILY(SOFTMAX, softmax)
CPU_FAMILY(SIGMOID, sigmoid)

/* Rows of the kernel table. In place is the same code: every element is read before its place is
 * written, and the label's logit is read first. */
#define CPU_KERNELS(ID, name, title, FAMILY, ...)                                                  \
    [BALACT_##ID] = {[BALACT_FORWARD] = FAMILY##_forward,                                          \
                     [BALACT_FORWARD_IN_PLACE] = FAMILY##_forward,                                 \
                     [BALACT_LOSS] = FAMILY##_loss,                                                \
                     [BALACT_LOSS_GRAD] = FAMILY##_loss_grad,                                      \
                     [BALACT_LOSS_GRAD_IN_PLACE] = FAMILY##_loss_grad},

/* The building blocks alone, for tests (probes.h). */
#define CPU_PROBES(isa)                                                                            \
    void balact_##isa##_exponentials(const float *x, float *y, int64_t n) {                        \
        for (int64_t i = 0; i < n; i += V_WIDTH) {                                                 \
            vmask inside = v_first(n - i);                                                         \
            struct pair pair = {v_load_masked(x + i, inside), v_zero()};                           \
            vf e = exponential(pair, exponent_shift(0.0f), false);                                 \
            v_store_masked(y + i, inside, v_mul(e, v_set(0x1p-48f)));                              \
        }                                                                                          \
    }                                                                                              \
    void balact_##isa##_logarithms(const float *x, float *y, int64_t n) {                          \
        for (int64_t i = 0; i < n; i += V_WIDTH) {                                                 \
            vmask inside = v_first(n - i);                                                         \
            v_store_masked(y + i, inside, log_one_plus(v_load_masked(x + i, inside)));             \
        }                                                                                          \
    }
