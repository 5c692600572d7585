/* SPDX-License-Identifier: MIT
 *
 * The backend "reference": plain loops over rows that apply equations.h in double. It is the judge
 * of every other backend and is never made faster: no SIMD, no threads, nothing clever.
 */
#include <stdlib.h>

#include "balact/backend.h"
#include "reference/equations.h"
#include "reference/reference.h"
#include "reference/storage.h"

/* What holds for the whole of one row. */
struct row {
    const struct balact_problem *problem;
    int64_t index;
    int64_t label;    /* -1 where there is none to compare columns with */
    int ignored;
    int with_offset;  /* this row's logits are shifted */
    int64_t unmasked; /* columns whose offset is not -inf */
    double row_weight;
};

static int64_t count_unmasked(const struct balact_problem *p) {
    int64_t unmasked = 0;
    for (int64_t j = 0; j < p->cols; j++)
        unmasked += !(p->offset && p->offset[j] == -INFINITY);
    return unmasked;
}

/* The background label is K: the last column, or one past the last where background is implicit. */
static int is_background(const struct balact_problem *p, int32_t label) {
    return (p->background == BALACT_BACKGROUND_LAST && label == p->cols - 1) ||
           (p->background == BALACT_BACKGROUND_IMPLICIT && label == p->cols);
}

static struct row row_of(const struct balact_problem *p, int64_t i, int64_t unmasked) {
    struct row row = {.problem = p, .index = i, .label = -1, .unmasked = unmasked};
    int background = 0;
    if (p->labels) {
        row.ignored = p->labels[i] == p->ignore_index;
        background = !row.ignored && is_background(p, p->labels[i]);
        if (!p->targets && !row.ignored)
            row.label = p->labels[i];
    }
    row.with_offset = p->offset && !(p->offset_foreground_only && background);
    row.row_weight = p->row_weight ? p->row_weight[i] : 1.0;
    return row;
}

static void shifted_row(const struct row *row, double *u) {
    const struct balact_problem *p = row->problem;
    for (int64_t j = 0; j < p->cols; j++)
        u[j] = shifted_logit(load_element(p->logits, p->dtype, row->index * p->ld + j),
                             row->with_offset ? p->offset[j] : 0.0);
}

static double class_weight(const struct balact_problem *p, int64_t j) {
    return p->class_weight ? p->class_weight[j] : 1.0;
}

static double target(const struct row *row, enum balact_family family, int64_t j) {
    const struct balact_problem *p = row->problem;
    if (p->targets)
        return p->targets[row->index * p->ld_targets + j];
    if (family == BALACT_FAMILY_SIGMOID)
        return sigmoid_target(j, row->label, p->label_smoothing);
    return softmax_target(j, row->label, p->label_smoothing, row->unmasked,
                          p->offset && p->offset[j] == -INFINITY);
}

static void store_out(const struct row *row, int64_t j, double value) {
    const struct balact_problem *p = row->problem;
    store_element(p->out, p->dtype, row->index * p->ld_out + j, value);
}

/* What row i adds to the denominator of the mean. */
static double denominator(const struct row *row, enum balact_family family) {
    const struct balact_problem *p = row->problem;
    if (row->ignored)
        return 0.0;
    if (family == BALACT_FAMILY_SOFTMAX && !p->targets)
        return row->row_weight * class_weight(p, row->label);
    return row->row_weight;
}

static void store_row(const struct row *row, enum balact_family family, double loss) {
    const struct balact_problem *p = row->problem;
    if (p->loss)
        p->loss[row->index] = row->ignored ? 0.0f : (float)loss;
    if (p->weight)
        p->weight[row->index] = (float)denominator(row, family);
}

static void softmax_row(const struct row *row, const double *u, int want_loss, int want_gradient) {
    const struct balact_problem *p = row->problem;
    int64_t argmax;
    double m = row_maximum(u, p->cols, &argmax);
    double L = log_sum_above_maximum(u, p->cols, m, argmax);
    if (p->lse)
        p->lse[row->index] = (float)(m + L);
    if (!want_loss) {
        for (int64_t j = 0; j < p->cols; j++)
            store_out(row, j, softmax(u[j], m, L));
        return;
    }
    double W = 0.0, loss = 0.0;
    for (int64_t j = 0; j < p->cols && !row->ignored; j++) {
        double c_j = class_weight(p, j) * target(row, BALACT_FAMILY_SOFTMAX, j);
        W += c_j;
        loss += softmax_loss_term(c_j, u[j], m, L);
    }
    store_row(row, BALACT_FAMILY_SOFTMAX, row->row_weight * loss);
    for (int64_t j = 0; j < p->cols && want_gradient; j++) {
        double scale = row->row_weight * p->grad_scale, gradient = 0.0;
        if (!row->ignored) {
            double c_j = class_weight(p, j) * target(row, BALACT_FAMILY_SOFTMAX, j);
            gradient = scale * softmax_loss_gradient(W, c_j, u[j], m, L);
        }
        store_out(row, j, gradient);
    }
}

static void sigmoid_row(const struct row *row, const double *u, int want_loss, int want_gradient) {
    const struct balact_problem *p = row->problem;
    if (!want_loss) {
        for (int64_t j = 0; j < p->cols; j++)
            store_out(row, j, sigmoid(u[j]));
        return;
    }
    double loss = 0.0;
    for (int64_t j = 0; j < p->cols && !row->ignored; j++)
        loss += sigmoid_loss_term(class_weight(p, j), target(row, BALACT_FAMILY_SIGMOID, j), u[j]);
    store_row(row, BALACT_FAMILY_SIGMOID, row->row_weight * loss);
    for (int64_t j = 0; j < p->cols && want_gradient; j++) {
        double t = target(row, BALACT_FAMILY_SIGMOID, j);
        double scale = row->row_weight * p->grad_scale;
        store_out(row, j,
                  row->ignored ? 0.0
                               : scale * sigmoid_loss_gradient(class_weight(p, j), t, u[j]));
    }
}

static balact_status run(enum balact_family family, const struct balact_problem *p, int want_loss,
                         int want_gradient) {
    double *u = malloc((size_t)p->cols * sizeof *u);
    if (!u)
        return BALACT_ERROR_MEMORY;
    int64_t unmasked = count_unmasked(p);
    for (int64_t i = 0; i < p->rows; i++) {
        struct row row = row_of(p, i, unmasked);
        shifted_row(&row, u); /* a copy, so that out may be the logits */
        if (family == BALACT_FAMILY_SOFTMAX)
            softmax_row(&row, u, want_loss, want_gradient);
        else
            sigmoid_row(&row, u, want_loss, want_gradient);
    }
    free(u);
    return BALACT_OK;
}

/* A plain activation and its balanced form differ in the offset alone. */
#define KERNELS(family)                                                                            \
    static balact_status family##_forward(const struct balact_problem *p) {                        \
        return run(BALACT_FAMILY_##family, p, 0, 0);                                               \
    }                                                                                              \
    static balact_status family##_loss(const struct balact_problem *p) {                           \
        return run(BALACT_FAMILY_##family, p, 1, 0);                                               \
    }                                                                                              \
    static balact_status family##_loss_grad(const struct balact_problem *p) {                      \
        return run(BALACT_FAMILY_##family, p, 1, 1);                                               \
    }
KERNELS(SOFTMAX)
KERNELS(SIGMOID)

static bool usable(char *why, size_t size) {
    (void)why;
    (void)size;
    return true;
}

const struct balact_backend balact_backend_reference = {
    .name = "reference",
    .description = "naive scalar loops in double; the judge of all others",
    .usable = usable,
    BALACT_PLAIN_MEMORY,
    .kernels =
        {
#define ROW(ID, name, title, family, ...)                                                          \
    [BALACT_##ID] = {[BALACT_FORWARD] = family##_forward,                                          \
                     [BALACT_FORWARD_IN_PLACE] = family##_forward,                                 \
                     [BALACT_LOSS] = family##_loss,                                                \
                     [BALACT_LOSS_GRAD] = family##_loss_grad,                                      \
                     [BALACT_LOSS_GRAD_IN_PLACE] = family##_loss_grad},
            BALACT_ACTIVATION_LIST(ROW)
#undef ROW
        },
    .linear = {.library = "naive",
               .forward = balact_reference_linear_forward,
               .grad_weight = balact_reference_linear_grad_weight,
               .grad_input = balact_reference_linear_grad_input,
               .sgd_step = balact_reference_sgd_step},
    .topk = balact_reference_topk,
    .head = {.workspace = balact_reference_head_workspace, .run = balact_reference_head_run},
};
