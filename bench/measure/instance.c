/* SPDX-License-Identifier: MIT
 *
 * Problems made of a case and an option set. See cases.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "bench/measure/cases.h"
#include "reference/storage.h"

/* Random streams of an instance. */
enum { STREAM_LOGITS, STREAM_LABELS, STREAM_IGNORE, STREAM_TARGETS, STREAM_WEIGHTS, STREAM_COUNTS };

static float logit_at(const struct kernel_case *c, uint64_t seed, int64_t i, int64_t j,
                      int32_t label) {
    uint64_t index = (uint64_t)(i * c->cols + j);
    double normal = balact_random_normal(seed, STREAM_LOGITS, index);
    uint64_t bits = balact_random_u64(seed, STREAM_LOGITS + 100, index);
    switch (c->logits) {
    case LOGITS_NORMAL:
        return (float)normal;
    case LOGITS_WIDE:
        return (float)(8.0 * normal);
    case LOGITS_CONFIDENT:
        return (float)(3.0 * normal + (j != label ? 0.0 : i % 2 ? -30.0 : 30.0));
    case LOGITS_EQUAL:
        return 0.75f;
    case LOGITS_TINY:
        return (float)(1e-6 * normal);
    case LOGITS_HUGE:
        return (float)(normal * pow(10.0, (double)(bits % 6) - 1.0));
    case LOGITS_SHIFTED_UP:
        return (float)(normal + (i % 2 ? 1e3 : 100.0));
    case LOGITS_SHIFTED_DOWN:
        return (float)(normal - (i % 2 ? 1e3 : 100.0));
    case LOGITS_MASKED:
        return bits % 3 == 0 && j != i % c->cols ? -INFINITY : (float)(4.0 * normal);
    case LOGITS_SPECIAL:
        break;
    }
    bool here = (int64_t)(bits % (uint64_t)c->cols) == j || j == (7 * i + 3) % c->cols;
    switch (i % 5) {
    case 0:
        return here ? NAN : (float)normal;
    case 1:
        return here ? INFINITY : (float)normal;
    case 2:
        return -INFINITY;
    case 3:
        return here ? (bits & 4096 ? INFINITY : -INFINITY) : (float)normal;
    default:
        return (float)normal;
    }
}

/* A long tail: counts from 2000 down to 2, in a scrambled order; with a zero-count policy every
 * seventh class has none. */
static double count_at(const struct option_set *set, int64_t j, uint64_t seed) {
    if (set->zero_count != BALACT_ZERO_ERROR && j % 7 == 1)
        return 0.0;
    double u = balact_random_uniform(seed, STREAM_COUNTS, (uint64_t)j);
    return floor(2.0 * pow(1000.0, u));
}

static balact_status make_offset(struct instance *in, const struct option_set *set,
                                 enum balact_activation activation, uint64_t seed,
                                 struct balact_error *error) {
    struct balact_problem *p = &in->problem;
    int64_t classes = p->cols - (set->background == BALACT_BACKGROUND_LAST);
    double *counts = malloc((size_t)p->cols * sizeof *counts);
    if (!counts)
        return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory");
    for (int64_t j = 0; j < classes; j++)
        counts[j] = count_at(set, j, seed);
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = counts;
    prior.classes = classes;
    prior.tau = set->tau != 0.0 ? set->tau : 1.0;
    prior.zero_count = set->zero_count;
    prior.keep_odds_constant = set->odds_constant;
    prior.background = set->background;
    balact_status status = balact_offset(activation, &prior, in->offset, error);
    free(counts);
    p->offset = in->offset;
    p->offset_foreground_only = set->foreground_only;
    return status;
}

static void make_labels(struct instance *in, const struct option_set *set, uint64_t seed) {
    struct balact_problem *p = &in->problem;
    int64_t limit = p->cols + (set->background == BALACT_BACKGROUND_IMPLICIT);
    for (int64_t i = 0; i < p->rows; i++) {
        in->labels[i] =
            (int32_t)balact_random_below(seed, STREAM_LABELS, (uint64_t)i, (uint64_t)limit);
        if (set->background != BALACT_BACKGROUND_NONE && i % 2 == 1)
            in->labels[i] = (int32_t)limit - 1;
        if (set->all_ignored ||
            (set->ignore && balact_random_below(seed, STREAM_IGNORE, (uint64_t)i, 3) == 0))
            in->labels[i] = BALACT_IGNORE_INDEX;
    }
    p->labels = in->labels;
}

/* Rows of positive numbers, a third of them 0, that need not sum to 1; half the rows do. */
static void make_targets(struct instance *in, enum balact_family family, uint64_t seed) {
    struct balact_problem *p = &in->problem;
    p->ld_targets = p->cols + 1;
    for (int64_t i = 0; i < p->rows; i++) {
        float *row = in->targets + i * p->ld_targets;
        double sum = 0.0;
        for (int64_t j = 0; j < p->cols; j++) {
            double u = balact_random_uniform(seed, STREAM_TARGETS, (uint64_t)(i * p->cols + j));
            row[j] = u < 1.0 / 3.0 ? 0.0f : (float)(1.5 * u - 0.5);
            sum += row[j];
        }
        bool normalise = family == BALACT_FAMILY_SOFTMAX && i % 2 && sum > 0.0;
        for (int64_t j = 0; j < p->cols && normalise; j++)
            row[j] = (float)(row[j] / sum);
    }
    p->targets = in->targets;
}

static void make_weights(struct instance *in, const struct option_set *set, uint64_t seed) {
    struct balact_problem *p = &in->problem;
    for (int64_t j = 0; j < p->cols; j++)
        in->class_weight[j] =
            0.1f + (float)(2.0 * balact_random_uniform(seed, STREAM_WEIGHTS, (uint64_t)j));
    for (int64_t i = 0; i < p->rows; i++)
        in->row_weight[i] =
            (float)(3.0 * balact_random_uniform(seed, STREAM_WEIGHTS + 100, (uint64_t)i));
    if (set->class_weight)
        p->class_weight = in->class_weight;
    if (set->row_weight)
        p->row_weight = in->row_weight;
}

/* Elements of 2 bytes hold the same halves of the pattern: another NaN. */
static void fill_pattern(void *values, int64_t count, enum balact_dtype dtype) {
    static const uint16_t half = INSTANCE_PATTERN & 0xffff;
    static const uint32_t whole = INSTANCE_PATTERN;
    for (int64_t i = 0; i < count; i++)
        if (balact_dtype_size(dtype) == sizeof half)
            memcpy((uint16_t *)values + i, &half, sizeof half);
        else
            memcpy((uint32_t *)values + i, &whole, sizeof whole);
}

static balact_status allocate(struct instance *in, struct balact_error *error) {
    const struct balact_problem *p = &in->problem;
    size_t rows = (size_t)p->rows, cols = (size_t)p->cols;
    size_t size = (size_t)balact_dtype_size(p->dtype);
    in->logits_size = p->rows * p->ld;
    in->out_size = p->rows * p->ld_out;
    in->logits = malloc((size_t)in->logits_size * size);
    in->pristine = malloc((size_t)in->logits_size * size);
    in->out = malloc((size_t)in->out_size * size);
    in->loss = malloc(rows * sizeof(float));
    in->lse = malloc(rows * sizeof(float));
    in->weight = malloc(rows * sizeof(float));
    in->labels = malloc(rows * sizeof(int32_t));
    in->targets = malloc(rows * (cols + 1) * sizeof(float));
    in->offset = malloc(cols * sizeof(float));
    in->class_weight = malloc(cols * sizeof(float));
    in->row_weight = malloc(rows * sizeof(float));
    if (in->logits && in->pristine && in->out && in->loss && in->lse && in->weight && in->labels &&
        in->targets && in->offset && in->class_weight && in->row_weight)
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory for a case of %lld x %lld",
                       (long long)p->rows, (long long)p->cols);
}

/* What of the problem is known before there is memory. */
static struct balact_problem shape_of(const struct kernel_case *c, const struct option_set *set,
                                      enum balact_dtype dtype) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = c->rows;
    p.cols = c->cols;
    p.dtype = dtype;
    p.ld = c->cols + c->pad;
    p.ld_out = c->pad ? p.ld + 3 : p.ld;
    p.background = set->background;
    p.label_smoothing = set->smoothing;
    p.grad_scale = set->grad_scale != 0.0f ? set->grad_scale : 1.0f;
    return p;
}

static void attach(struct instance *in) {
    in->problem.logits = in->logits;
    in->problem.out = in->out;
    in->problem.loss = in->loss;
    in->problem.lse = in->lse;
    in->problem.weight = in->weight;
    instance_reset(in);
}

balact_status instance_make(struct instance *in, const struct kernel_case *c,
                            const struct option_set *set, enum balact_activation activation,
                            enum balact_dtype dtype, uint64_t seed, struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    memset(in, 0, sizeof *in);
    in->problem = shape_of(c, set, dtype);
    struct balact_problem *p = &in->problem;
    balact_status status = allocate(in, error);
    if (status == BALACT_OK && info->balanced)
        status = make_offset(in, set, activation, seed, error);
    if (status != BALACT_OK) {
        instance_release(in);
        return status;
    }
    make_labels(in, set, seed);
    make_weights(in, set, seed);
    if (set->soft_targets)
        make_targets(in, info->family, seed);
    fill_pattern(in->pristine, in->logits_size, dtype);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            store_element(in->pristine, dtype, i * p->ld + j,
                          logit_at(c, seed, i, j, in->labels[i]));
    attach(in);
    return BALACT_OK;
}

balact_status instance_widen(struct instance *in, struct balact_error *error) {
    struct balact_problem *p = &in->problem;
    size_t logits = (size_t)in->logits_size * sizeof(float);
    void *wide[] = {malloc(logits), malloc(logits), malloc((size_t)in->out_size * sizeof(float))};
    if (!wide[0] || !wide[1] || !wide[2]) {
        for (int i = 0; i < 3; i++)
            free(wide[i]);
        return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory for a case of %lld x %lld",
                           (long long)p->rows, (long long)p->cols);
    }
    fill_pattern(wide[0], in->logits_size, BALACT_F32);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            store_element(wide[0], BALACT_F32, i * p->ld + j,
                          load_element(in->pristine, p->dtype, i * p->ld + j));
    free(in->pristine);
    free(in->logits);
    free(in->out);
    in->pristine = wide[0];
    in->logits = wide[1];
    in->out = wide[2];
    p->dtype = BALACT_F32;
    attach(in);
    return BALACT_OK;
}

void instance_reset(struct instance *in) {
    const struct balact_problem *p = &in->problem;
    memcpy(in->logits, in->pristine, (size_t)(in->logits_size * balact_dtype_size(p->dtype)));
    fill_pattern(in->out, in->out_size, p->dtype);
    fill_pattern(in->loss, p->rows, BALACT_F32);
    fill_pattern(in->lse, p->rows, BALACT_F32);
    fill_pattern(in->weight, p->rows, BALACT_F32);
}

void instance_release(struct instance *in) {
    free(in->logits);
    free(in->pristine);
    free(in->out);
    free(in->loss);
    free(in->lse);
    free(in->weight);
    free(in->labels);
    free(in->targets);
    free(in->offset);
    free(in->class_weight);
    free(in->row_weight);
    memset(in, 0, sizeof *in);
}
