/* SPDX-License-Identifier: MIT
 *
 * Problems of any shape, option mix and storage type for the tests of the CPU backends.
 */
#ifndef BALACT_TESTS_CPU_PROBLEMS_H
#define BALACT_TESTS_CPU_PROBLEMS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "bench/measure/compare.h"
#include "optimized/backends.h"
#include "reference/storage.h"
#include "tests/cpu_backends.h"
#include "tests/guarded.h"

enum { SEED = 20081103 };

struct arrays {
    int64_t rows, cols, ld;
    enum balact_dtype dtype; /* of logits and out */
    void *logits, *out;
    float *targets, *offset, *class_weight, *row_weight;
    int32_t *labels;
    float *loss, *lse, *weight;
};

static inline float normal(uint64_t stream, int64_t i) {
    return (float)balact_random_normal(SEED, stream, (uint64_t)i);
}

/* value as the type stores it */
static inline double rounded(enum balact_dtype dtype, double value) {
    float element;
    store_element(&element, dtype, 0, value);
    return load_element(&element, dtype, 0);
}

/* Logits are rounded to `values` and stored in the arrays' own type, which holds them. */
static inline void fill(struct arrays *a, double spread, enum balact_dtype values) {
    for (int64_t i = 0; i < a->rows * a->ld; i++) {
        store_element(a->logits, a->dtype, i, rounded(values, (float)(spread * normal(1, i))));
        a->targets[i] = (float)balact_random_uniform(SEED, 2, (uint64_t)i);
    }
    for (int64_t j = 0; j < a->cols; j++) {
        a->offset[j] = -fabsf(3.0f * normal(3, j));
        a->class_weight[j] = 0.5f + (float)balact_random_uniform(SEED, 4, (uint64_t)j);
    }
    for (int64_t i = 0; i < a->rows; i++) {
        a->row_weight[i] = 0.25f + (float)balact_random_uniform(SEED, 5, (uint64_t)i);
        a->labels[i] = (int32_t)balact_random_below(SEED, 6, (uint64_t)i, (uint64_t)a->cols);
    }
}

static inline struct arrays arrays_stored(int64_t rows, int64_t cols, int64_t ld, double spread,
                                          enum balact_dtype values, enum balact_dtype dtype) {
    struct arrays a = {.rows = rows, .cols = cols, .ld = ld, .dtype = dtype};
    size_t row = (size_t)rows * sizeof(float), col = (size_t)cols * sizeof(float);
    size_t all = (size_t)(rows * ld) * sizeof(float);
    a.logits = plain(all), a.targets = plain(all), a.out = plain(all);
    a.offset = plain(col), a.class_weight = plain(col);
    a.row_weight = plain(row), a.labels = plain(row);
    a.loss = plain(row), a.lse = plain(row), a.weight = plain(row);
    fill(&a, spread, values);
    return a;
}

static inline struct arrays arrays_new(int64_t rows, int64_t cols, int64_t ld, double spread,
                                       enum balact_dtype dtype) {
    return arrays_stored(rows, cols, ld, spread, dtype, dtype);
}

/* What arrays_new() makes, stored in fp32: for the reference. */
static inline struct arrays arrays_wide(int64_t rows, int64_t cols, int64_t ld, double spread,
                                        enum balact_dtype dtype) {
    return arrays_stored(rows, cols, ld, spread, dtype, BALACT_F32);
}

static inline void arrays_free(struct arrays *a) {
    void *all[] = {a->logits,     a->targets, a->out,  a->offset, a->class_weight,
                   a->row_weight, a->labels,  a->loss, a->lse,    a->weight};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* Element j of row i of logits or out. */
static inline void *element_at(const struct arrays *a, const void *base, int64_t i, int64_t j) {
    return (char *)(uintptr_t)base + (i * a->ld + j) * balact_dtype_size(a->dtype);
}

enum option {
    OPTION_CLASS_WEIGHT = 1,
    OPTION_ROW_WEIGHT = 2,
    OPTION_SMOOTHING = 4,
    OPTION_TARGETS = 8,
    OPTION_ALL = 16
};

static inline struct balact_problem problem_of(const struct arrays *a,
                                               enum balact_activation activation, int options) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = a->rows, p.cols = a->cols, p.ld = p.ld_out = p.ld_targets = a->ld;
    p.dtype = a->dtype;
    p.logits = a->logits, p.labels = a->labels, p.out = a->out;
    p.loss = a->loss, p.lse = a->lse, p.weight = a->weight;
    p.grad_scale = 0.125f;
    if (balact_activation_info(activation)->balanced)
        p.offset = a->offset;
    if (options & OPTION_CLASS_WEIGHT)
        p.class_weight = a->class_weight;
    if (options & OPTION_ROW_WEIGHT)
        p.row_weight = a->row_weight;
    if (options & OPTION_TARGETS)
        p.targets = a->targets;
    else if (options & OPTION_SMOOTHING)
        p.label_smoothing = 0.1f;
    return p;
}

static inline void run(const struct balact_backend *backend, enum balact_activation activation,
                       enum balact_operation operation, const struct balact_problem *p) {
    struct balact_error error;
    balact_status status = balact_run(backend, activation, operation, p, &error);
    ck_assert_msg(status == BALACT_OK, "%s in %s", error.message, dtype_name(p->dtype));
}

/* Whether the backend has the type at all; one that has it for some operations alone fails in
 * run(). */
static inline bool has_type(const struct balact_backend *backend, enum balact_dtype dtype) {
    struct arrays a = arrays_new(1, 2, 2, 1.0, dtype);
    struct balact_problem p = problem_of(&a, BALACT_SOFTMAX, 0);
    struct balact_error error;
    balact_status status = balact_run(backend, BALACT_SOFTMAX, BALACT_LOSS_GRAD, &p, &error);
    arrays_free(&a);
    if (status == BALACT_ERROR_UNSUPPORTED)
        printf("%s has no %s: left out\n", backend->name, dtype_name(dtype));
    else
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
    return status == BALACT_OK;
}

/* Every type of every backend that can run here: int b, int d. */
#define FOR_BACKENDS_AND_TYPES(b, d)                                                               \
    FOR_BACKENDS(b)                                                                                \
    for (int d = 0; d < DTYPE_COUNT; d++)                                                          \
        if (has_type(cpu_backends[b], (enum balact_dtype)(d)))

/* Whether element (i, j) is within `bound` fp32 ULP of the reference, or `slack`, before its
 * rounding to the type. */
static inline bool element_near(const struct arrays *want, const struct arrays *got, int64_t i,
                                int64_t j, double bound, double slack) {
    double w = ((const float *)want->out)[i * want->ld + j];
    double g = nearest_before_rounding(got->out, got->dtype, i * got->ld + j, w);
    return fabs(w - g) <= slack || ulp_distance(g, w, 0.0) <= bound;
}

#endif
