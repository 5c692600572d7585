/* SPDX-License-Identifier: MIT
 *
 * Heads of any shape, activation and option for the tests of the fused head, and what is near
 * enough to the naive one.
 */
#ifndef BALACT_TESTS_HEAD_PROBLEMS_H
#define BALACT_TESTS_HEAD_PROBLEMS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/head.h"
#include "balact/random.h"
#include "tests/cpu_backends.h"

#define PAD_VALUE (-77.25f)
enum { PADDING = 3, GUARD = 16 };

static inline float *filled(int64_t rows, int64_t cols, int64_t ld, double deviation,
                            uint64_t stream) {
    float *values = malloc((size_t)(rows * ld + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++)
            values[i * ld + j] =
                j < cols
                    ? (float)(deviation * balact_random_normal(7, stream, (uint64_t)(i * cols + j)))
                    : PAD_VALUE;
    return values;
}

/* ---- A head with its memory ---- */

enum option {
    PLAIN,
    IGNORE,
    ALL_IGNORED,
    WEIGHTS,
    SMOOTHING,
    SOFT_TARGETS,
    BACKGROUND_LAST,
    BACKGROUND_IMPLICIT,
    FOREGROUND_ONLY,
    OPTIONS
};

struct head {
    struct balact_head_problem p;
    float *x, *weight, *bias, *targets, *offset, *class_weight, *row_weight;
    int32_t *labels;
    float *dweight, *dbias, *dx, *loss, *lse, *loss_weight;
    char *memory; /* of the workspace, a guard behind it */
    size_t workspace_bytes;
};

static inline bool applies(enum option option, enum balact_activation activation, int64_t classes) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    switch (option) {
    case BACKGROUND_LAST:
        return classes > 1;
    case BACKGROUND_IMPLICIT:
        return info->family == BALACT_FAMILY_SIGMOID;
    case FOREGROUND_ONLY:
        return info->balanced && classes > 1;
    default:
        return true;
    }
}

static inline void set_option(struct head *h, enum option option) {
    struct balact_head_problem *p = &h->p;
    if (option == BACKGROUND_LAST || option == FOREGROUND_ONLY)
        p->background = BALACT_BACKGROUND_LAST;
    if (option == BACKGROUND_IMPLICIT)
        p->background = BALACT_BACKGROUND_IMPLICIT;
    p->offset_foreground_only = option == FOREGROUND_ONLY;
    for (int64_t i = 0; i < p->rows; i++) {
        if (option == ALL_IGNORED || (option == IGNORE && i % 3 == 1))
            h->labels[i] = p->ignore_index;
        if (i % 4 == 0 && p->background == BALACT_BACKGROUND_LAST)
            h->labels[i] = (int32_t)p->classes - 1;
        if (i % 4 == 0 && p->background == BALACT_BACKGROUND_IMPLICIT)
            h->labels[i] = (int32_t)p->classes;
    }
    if (option == WEIGHTS) {
        p->class_weight = h->class_weight;
        p->row_weight = h->row_weight;
    }
    if (option == SMOOTHING)
        p->label_smoothing = 0.1f;
    if (option == SOFT_TARGETS) {
        p->targets = h->targets;
        p->ld_targets = p->classes + PADDING;
    }
}

static inline void fill_positive(float *values, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (values[i] != PAD_VALUE)
            values[i] = fabsf(values[i]);
}

static inline struct head head_new(int64_t rows, int64_t dim, int64_t classes,
                                   enum balact_activation activation, enum option option) {
    int64_t ld = dim + PADDING;
    struct head h = {
        .x = filled(rows, dim, ld, 1, 1),
        .weight = filled(classes, dim, ld, 1 / sqrt((double)dim), 2),
        .bias = filled(1, classes, classes, 1, 3),
        .targets = filled(rows, classes, classes + PADDING, 0.5, 4),
        .offset = filled(1, classes, classes, 2, 5),
        .class_weight = filled(1, classes, classes, 1, 6),
        .row_weight = filled(1, rows, rows, 1, 7),
        .labels = malloc((size_t)(rows + 1) * sizeof(int32_t)),
        .dweight = filled(classes, 0, ld, 0, 0),
        .dbias = filled(1, 0, classes, 0, 0),
        .dx = filled(rows, 0, ld, 0, 0),
        .loss = filled(1, 0, rows, 0, 0),
        .lse = filled(1, 0, rows, 0, 0),
        .loss_weight = filled(1, 0, rows, 0, 0),
    };
    fill_positive(h.targets, rows * (classes + PADDING));
    fill_positive(h.class_weight, classes);
    for (int64_t i = 0; i < rows; i++)
        h.labels[i] = (int32_t)balact_random_below(7, 8, (uint64_t)i, (uint64_t)classes);
    struct balact_head_problem p = BALACT_HEAD_INIT;
    p.rows = rows, p.dim = dim, p.classes = classes;
    p.x = h.x, p.ld_x = p.ld_weight = ld, p.weight = h.weight, p.bias = h.bias;
    p.labels = h.labels;
    p.offset = balact_activation_info(activation)->balanced ? h.offset : NULL;
    p.grad_scale = 0.5f;
    p.dweight = h.dweight, p.dbias = h.dbias, p.dx = h.dx;
    p.loss = h.loss, p.lse = h.lse, p.loss_weight = h.loss_weight;
    h.p = p;
    set_option(&h, option);
    return h;
}

static inline void head_free(struct head *h) {
    void *all[] = {h->x,       h->weight,       h->bias,       h->targets,
                   h->offset,  h->class_weight, h->row_weight, h->labels,
                   h->dweight, h->dbias,        h->dx,         h->loss,
                   h->lse,     h->loss_weight,  h->memory};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* Lends a workspace of exactly the size asked for, with guards behind it. */
static inline void lend_workspace(const struct balact_backend *backend, struct head *h) {
    struct balact_error error;
    ck_assert_msg(balact_head_workspace(backend, &h->p, &h->workspace_bytes, &error) == BALACT_OK,
                  "%s", error.message);
    size_t rounded = (h->workspace_bytes + GUARD + 63) / 64 * 64;
    h->memory = aligned_alloc(64, rounded);
    ck_assert_ptr_nonnull(h->memory);
    memset(h->memory, 0x5a, rounded);
    h->p.workspace = h->memory;
    h->p.workspace_bytes = h->workspace_bytes;
}

static inline void head_run(const struct balact_backend *backend, enum balact_activation activation,
                            struct head *h) {
    struct balact_error error = {.message = ""};
    balact_status status = balact_head_loss_grad(backend, activation, &h->p, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
    for (int i = 0; h->memory && i < GUARD; i++)
        ck_assert_msg(h->memory[h->workspace_bytes + (size_t)i] == 0x5a,
                      "written behind the workspace");
}

/* ---- Comparing ---- */

struct place {
    const char *backend, *activation;
    int64_t rows, dim, classes;
    int option;
};

/* Sums of `terms` products of normal numbers, of which fp32 keeps all but a few units. */
static inline void expect_near(const struct place *at, const char *what, const float *want,
                               const float *got, int64_t rows, int64_t cols, int64_t ld,
                               double bound) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++) {
            float w = want[i * ld + j], g = got[i * ld + j];
            double allowed = bound * fmax(1, fabs((double)w));
            if (j >= cols)
                ck_assert_msg(g == PAD_VALUE, "%s: padding of %s was written", at->backend, what);
            else
                ck_assert_msg(w == g || fabs((double)w - g) <= allowed,
                              "%s, %s, %lld x %lld x %lld, option %d: %s (%lld, %lld) is %.9g, "
                              "naive %.9g",
                              at->backend, at->activation, (long long)at->rows, (long long)at->dim,
                              (long long)at->classes, at->option, what, (long long)i, (long long)j,
                              g, w);
        }
}

#define NEED_HEAD(backend)                                                                         \
    if (!(backend)->head.run)                                                                      \
    TEST_SKIP("built without oneDNN and OpenBLAS")

#endif
