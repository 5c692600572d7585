/* SPDX-License-Identifier: MIT
 *
 * See cases.h.
 */
#include "bench/measure/cases.h"

#include <stdlib.h>
#include <string.h>

#include "balact/random.h"

/* Columns lie below, at and above the vector widths (8 and 16), their unrolled multiples and the
 * block sizes; 1000, 1203, 1204 and 21841 are ImageNet-LT, LVIS-1.0, LVIS-1.0 with background, and
 * ImageNet-21k. */
static const struct kernel_case cases[] = {
    {"1x1", 1, 1, 0, LOGITS_NORMAL},
    {"3x1", 3, 1, 2, LOGITS_NORMAL},
    {"5x2", 5, 2, 0, LOGITS_NORMAL},
    {"4x3", 4, 3, 1, LOGITS_NORMAL},
    {"7x5", 7, 5, 0, LOGITS_WIDE},
    {"3x7", 3, 7, 0, LOGITS_NORMAL},
    {"3x8", 3, 8, 0, LOGITS_NORMAL},
    {"3x9", 3, 9, 7, LOGITS_NORMAL},
    {"6x10", 6, 10, 0, LOGITS_CONFIDENT},
    {"3x15", 3, 15, 0, LOGITS_WIDE},
    {"3x16", 3, 16, 0, LOGITS_NORMAL},
    {"3x17", 3, 17, 0, LOGITS_NORMAL},
    {"3x31", 3, 31, 1, LOGITS_WIDE},
    {"3x32", 3, 32, 0, LOGITS_NORMAL},
    {"3x33", 3, 33, 0, LOGITS_NORMAL},
    {"4x63", 4, 63, 0, LOGITS_CONFIDENT},
    {"4x64", 4, 64, 0, LOGITS_NORMAL},
    {"4x65", 4, 65, 0, LOGITS_WIDE},
    {"12x100", 12, 100, 0, LOGITS_CONFIDENT},
    {"4x127", 4, 127, 1, LOGITS_NORMAL},
    {"4x128", 4, 128, 0, LOGITS_NORMAL},
    {"4x129", 4, 129, 0, LOGITS_WIDE},
    {"3x511", 3, 511, 0, LOGITS_NORMAL},
    {"3x512", 3, 512, 0, LOGITS_WIDE},
    {"3x513", 3, 513, 0, LOGITS_NORMAL},
    {"16x1000", 16, 1000, 0, LOGITS_NORMAL},
    {"16x1000-wide", 16, 1000, 8, LOGITS_WIDE},
    {"16x1000-confident", 16, 1000, 0, LOGITS_CONFIDENT},
    {"4x1023", 4, 1023, 1, LOGITS_NORMAL},
    {"4x1025", 4, 1025, 0, LOGITS_WIDE},
    {"16x1203", 16, 1203, 0, LOGITS_WIDE},
    {"16x1204", 16, 1204, 0, LOGITS_NORMAL},
    {"4x4097", 4, 4097, 0, LOGITS_WIDE},
    {"2x21841", 2, 21841, 0, LOGITS_NORMAL},
    {"2x21841-wide", 2, 21841, 7, LOGITS_WIDE},
    {"1x200000", 1, 200000, 0, LOGITS_WIDE},
    {"4x37-equal", 4, 37, 0, LOGITS_EQUAL},
    {"2x1204-equal", 2, 1204, 0, LOGITS_EQUAL},
    {"4x70-tiny", 4, 70, 0, LOGITS_TINY},
    {"8x100-huge", 8, 100, 0, LOGITS_HUGE},
    {"8x1203-huge", 8, 1203, 0, LOGITS_HUGE},
    {"8x21-masked", 8, 21, 0, LOGITS_MASKED},
    {"4x1203-masked", 4, 1203, 3, LOGITS_MASKED},
    {"10x19-special", 10, 19, 0, LOGITS_SPECIAL},
    {"10x1000-special", 10, 1000, 0, LOGITS_SPECIAL},
};

static const struct option_set sets[] = {
    {.name = "default"},
    {.name = "ignore", .ignore = true},
    {.name = "all_ignored", .all_ignored = true},
    {.name = "class_weight", .class_weight = true},
    {.name = "row_weight", .row_weight = true},
    {.name = "grad_scale", .grad_scale = 1.0f / 512.0f},
    {.name = "smoothing", .smoothing = 0.1f},
    {.name = "smoothing_one", .smoothing = 1.0f},
    {.name = "weights_smoothing_ignore",
     .ignore = true,
     .class_weight = true,
     .row_weight = true,
     .smoothing = 0.2f,
     .grad_scale = 0.03125f},
    {.name = "soft_targets", .soft_targets = true},
    {.name = "soft_targets_weights_ignore",
     .soft_targets = true,
     .ignore = true,
     .class_weight = true,
     .row_weight = true,
     .grad_scale = 0.25f},
    {.name = "background_last", .background = BALACT_BACKGROUND_LAST},
    {.name = "background_implicit",
     .only = OPTION_SIGMOID_ONLY,
     .background = BALACT_BACKGROUND_IMPLICIT},
    {.name = "background_implicit_smoothing_weights",
     .only = OPTION_SIGMOID_ONLY,
     .background = BALACT_BACKGROUND_IMPLICIT,
     .smoothing = 0.1f,
     .class_weight = true},
    {.name = "tau_quarter", .only = OPTION_BALANCED_ONLY, .tau = 0.25},
    {.name = "tau_two", .only = OPTION_BALANCED_ONLY, .tau = 2.0},
    {.name = "odds_constant",
     .only = OPTION_BALANCED_ONLY | OPTION_SIGMOID_ONLY,
     .odds_constant = true},
    {.name = "foreground_only_last",
     .only = OPTION_BALANCED_ONLY,
     .background = BALACT_BACKGROUND_LAST,
     .foreground_only = true},
    {.name = "foreground_only_last_smoothing_weights_ignore",
     .only = OPTION_BALANCED_ONLY,
     .background = BALACT_BACKGROUND_LAST,
     .foreground_only = true,
     .ignore = true,
     .class_weight = true,
     .smoothing = 0.1f},
    {.name = "foreground_only_implicit",
     .only = OPTION_BALANCED_ONLY | OPTION_SIGMOID_ONLY,
     .background = BALACT_BACKGROUND_IMPLICIT,
     .foreground_only = true},
    {.name = "foreground_only_soft_targets",
     .only = OPTION_BALANCED_ONLY,
     .background = BALACT_BACKGROUND_LAST,
     .foreground_only = true,
     .soft_targets = true,
     .ignore = true},
    {.name = "zero_mask", .only = OPTION_BALANCED_ONLY, .zero_count = BALACT_ZERO_MASK},
    {.name = "zero_mask_smoothing",
     .only = OPTION_BALANCED_ONLY,
     .zero_count = BALACT_ZERO_MASK,
     .smoothing = 0.1f},
    {.name = "zero_mask_soft_targets",
     .only = OPTION_BALANCED_ONLY,
     .zero_count = BALACT_ZERO_MASK,
     .soft_targets = true},
    {.name = "zero_floor", .only = OPTION_BALANCED_ONLY, .zero_count = BALACT_ZERO_FLOOR},
};

const struct kernel_case *kernel_cases(size_t *count) {
    *count = sizeof cases / sizeof *cases;
    return cases;
}

const struct option_set *option_sets(size_t *count) {
    *count = sizeof sets / sizeof *sets;
    return sets;
}

bool option_set_applies(const struct option_set *set, enum balact_activation activation,
                        int64_t cols) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    int64_t classes = cols - (set->background == BALACT_BACKGROUND_LAST);
    if ((set->only & OPTION_BALANCED_ONLY) && !info->balanced)
        return false;
    if ((set->only & OPTION_SIGMOID_ONLY) && info->family != BALACT_FAMILY_SIGMOID)
        return false;
    /* The odds of a lone class do not exist, nor does log(K - 1) for two help: 0 is fine. */
    if (info->balanced && info->family == BALACT_FAMILY_SIGMOID)
        return classes >= (set->zero_count == BALACT_ZERO_MASK ? 3 : 2);
    return classes >= (set->zero_count == BALACT_ZERO_ERROR ? 1 : 2);
}

/* Random streams of an instance. */
enum { STREAM_LOGITS, STREAM_LABELS, STREAM_IGNORE, STREAM_TARGETS, STREAM_WEIGHTS, STREAM_COUNTS };

static float logit_at(const struct kernel_case *c, uint64_t seed, int64_t i, int64_t j,
                      int32_t label) {
    uint64_t index = (uint64_t)(i * c->cols + j);
    double normal = balact_random_normal(seed, STREAM_LOGITS, index);
    uint64_t bits = balact_random_u64(seed, STREAM_LOGITS + 100, index);
    switch (c->logits) {
    case LOGITS_NORMAL: return (float)normal;
    case LOGITS_WIDE: return (float)(8.0 * normal);
    case LOGITS_CONFIDENT: return (float)(3.0 * normal + (j != label ? 0.0 : i % 2 ? -30.0 : 30.0));
    case LOGITS_EQUAL: return 0.75f;
    case LOGITS_TINY: return (float)(1e-6 * normal);
    case LOGITS_HUGE: return (float)(normal * pow(10.0, (double)(bits % 6) - 1.0));
    case LOGITS_MASKED:
        return bits % 3 == 0 && j != i % c->cols ? -INFINITY : (float)(4.0 * normal);
    case LOGITS_SPECIAL: break;
    }
    bool here = (int64_t)(bits % (uint64_t)c->cols) == j || j == (7 * i + 3) % c->cols;
    switch (i % 5) {
    case 0: return here ? NAN : (float)normal;
    case 1: return here ? INFINITY : (float)normal;
    case 2: return -INFINITY;
    case 3: return here ? (bits & 4096 ? INFINITY : -INFINITY) : (float)normal;
    default: return (float)normal;
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

static void fill_pattern(float *values, int64_t count) {
    uint32_t pattern = INSTANCE_PATTERN;
    for (int64_t i = 0; i < count; i++)
        memcpy(&values[i], &pattern, sizeof pattern);
}

static balact_status allocate(struct instance *in, struct balact_error *error) {
    const struct balact_problem *p = &in->problem;
    size_t rows = (size_t)p->rows, cols = (size_t)p->cols;
    in->logits_size = p->rows * p->ld;
    in->out_size = p->rows * p->ld_out;
    in->logits = malloc((size_t)in->logits_size * sizeof(float));
    in->pristine = malloc((size_t)in->logits_size * sizeof(float));
    in->out = malloc((size_t)in->out_size * sizeof(float));
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

balact_status instance_make(struct instance *in, const struct kernel_case *c,
                            const struct option_set *set, enum balact_activation activation,
                            uint64_t seed, struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    memset(in, 0, sizeof *in);
    in->problem = (struct balact_problem)BALACT_PROBLEM_INIT;
    struct balact_problem *p = &in->problem;
    p->rows = c->rows;
    p->cols = c->cols;
    p->ld = c->cols + c->pad;
    p->ld_out = c->pad ? p->ld + 3 : p->ld;
    p->background = set->background;
    p->label_smoothing = set->smoothing;
    p->grad_scale = set->grad_scale != 0.0f ? set->grad_scale : 1.0f;
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
    fill_pattern(in->pristine, in->logits_size);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            in->pristine[i * p->ld + j] = logit_at(c, seed, i, j, in->labels[i]);
    p->logits = in->logits;
    p->out = in->out;
    p->loss = in->loss;
    p->lse = in->lse;
    p->weight = in->weight;
    instance_reset(in);
    return BALACT_OK;
}

void instance_reset(struct instance *in) {
    memcpy(in->logits, in->pristine, (size_t)in->logits_size * sizeof(float));
    fill_pattern(in->out, in->out_size);
    fill_pattern(in->loss, in->problem.rows);
    fill_pattern(in->lse, in->problem.rows);
    fill_pattern(in->weight, in->problem.rows);
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
