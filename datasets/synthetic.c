/* SPDX-License-Identifier: MIT
 *
 * Synthetic ImageNet-LT: classes are Gaussians of identity covariance whose means lie in a
 * three-level hierarchy of look-alikes,
 *
 *   mean_c = scale * (spread_super * a_super(c) + spread_sub * b_sub(c) + spread_class * g_c)
 *   row i of class c in split s:  x = mean_c + scale * z_sci,      a, b, g, z standard normal,
 *
 * so that the Bayes-optimal classifier of a balanced test is the nearest mean. Every number is the
 * value of a counter-based generator at its own (stream, index): rows can be made in any order, and
 * a set with a larger train_factor holds the smaller one's rows.
 */
#include "datasets/synthetic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"

/* The difficulty of the default set; docs/FORMATS.md says how it was chosen. */
enum { DEFAULT_CLASSES = 1000, DEFAULT_DIM = 64, DEFAULT_VAL = 20, DEFAULT_TEST = 50 };
static const double default_spread_super = 0.4;
static const double default_spread_sub = 0.3;
static const double default_spread_class = 0.25;
static const double default_scale = 2;
enum { CLASSES_PER_SUPER = 50, CLASSES_PER_SUB = 5 };

enum { CLASSES_MAX = 1 << 24, DIM_MAX = 1 << 20 };

/* Streams of the generator: the purpose in the high word, the class in the low one. */
enum { STREAM_SUPER = 1, STREAM_SUB, STREAM_CLASS, STREAM_ROWS = 16 };

static uint64_t stream_of(int purpose, int32_t index) {
    return (uint64_t)purpose << 32 | (uint32_t)index;
}

static balact_status out_of_range(struct balact_error *error, const char *field, double value,
                                  const char *wanted) {
    return balact_fail(error, BALACT_ERROR_RANGE, "synthetic data: %s is %g and must be %s", field,
                       value, wanted);
}

static void fill_defaults(struct balact_synthetic_options *o) {
    if (!o->classes)
        o->classes = DEFAULT_CLASSES;
    if (!o->dim)
        o->dim = DEFAULT_DIM;
    if (o->spread_super == 0)
        o->spread_super = default_spread_super;
    if (o->spread_sub == 0)
        o->spread_sub = default_spread_sub;
    if (o->spread_class == 0)
        o->spread_class = default_spread_class;
    if (o->scale == 0)
        o->scale = default_scale;
    if (!o->sub_classes) {
        o->sub_classes = (o->classes - 1) / CLASSES_PER_SUB + 1;
        if (o->sub_classes < o->super_classes)
            o->sub_classes = o->super_classes;
    }
    if (!o->super_classes) {
        o->super_classes = (o->classes - 1) / CLASSES_PER_SUPER + 1;
        if (o->super_classes > o->sub_classes)
            o->super_classes = o->sub_classes;
    }
    if (!o->val_per_class)
        o->val_per_class = DEFAULT_VAL;
    if (!o->test_per_class)
        o->test_per_class = DEFAULT_TEST;
    if (o->train_factor == 0)
        o->train_factor = 1.0;
}

balact_status balact_synthetic_resolve(struct balact_synthetic_options *options,
                                       struct balact_error *error) {
    if (options->classes < 0 || options->classes > CLASSES_MAX)
        return out_of_range(error, "classes", options->classes, "in 1..16777216");
    fill_defaults(options);
    const struct {
        const char *name;
        double value;
    } positive[] = {{"spread_super", options->spread_super},
                    {"spread_sub", options->spread_sub},
                    {"spread_class", options->spread_class},
                    {"scale", options->scale}};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (!(positive[i].value > 0 && positive[i].value <= 1e6))
            return out_of_range(error, positive[i].name, positive[i].value, "in (0, 1e6]");
    if (options->dim < 1 || options->dim > DIM_MAX)
        return out_of_range(error, "dim", options->dim, "in 1..1048576");
    if (options->sub_classes < 1 || options->sub_classes > options->classes)
        return out_of_range(error, "sub_classes", options->sub_classes, "in 1..classes");
    if (options->super_classes < 1 || options->super_classes > options->sub_classes)
        return out_of_range(error, "super_classes", options->super_classes, "in 1..sub_classes");
    if (options->val_per_class < 1 || options->val_per_class > INT32_MAX)
        return out_of_range(error, "val_per_class", (double)options->val_per_class, "in 1..2^31-1");
    if (options->test_per_class < 1 || options->test_per_class > INT32_MAX)
        return out_of_range(error, "test_per_class", (double)options->test_per_class,
                            "in 1..2^31-1");
    if (!(options->train_factor > 0 && options->train_factor <= 1e6))
        return out_of_range(error, "train_factor", options->train_factor, "in (0, 1e6]");
    return BALACT_OK;
}

/* means[classes][dim]; which group a class is in follows from its number, as neighbouring classes
 * of ImageNet are often relatives. */
static void class_means(const struct balact_synthetic_options *o, double *means) {
#pragma omp parallel for schedule(static)
    for (int32_t c = 0; c < o->classes; c++) {
        int32_t sub = (int32_t)((int64_t)c * o->sub_classes / o->classes);
        int32_t super = (int32_t)((int64_t)sub * o->super_classes / o->sub_classes);
        double *mean = means + (size_t)c * (size_t)o->dim;
        for (int32_t j = 0; j < o->dim; j++) {
            uint64_t at = (uint64_t)j;
            double super_part = balact_random_normal(o->seed, stream_of(STREAM_SUPER, super), at);
            double sub_part = balact_random_normal(o->seed, stream_of(STREAM_SUB, sub), at);
            double class_part = balact_random_normal(o->seed, stream_of(STREAM_CLASS, c), at);
            mean[j] = o->scale * (o->spread_super * super_part + o->spread_sub * sub_part +
                                  o->spread_class * class_part);
        }
    }
}

void *balact_synthetic_allocate(int64_t count, size_t size) {
    if (count < 0 || (uint64_t)count > PTRDIFF_MAX / size)
        return NULL;
    return malloc(count ? (size_t)count * size : 1);
}

double *balact_synthetic_means(const struct balact_synthetic_options *o) {
    double *means = balact_synthetic_allocate((int64_t)o->classes * o->dim, sizeof *means);
    if (means)
        class_means(o, means);
    return means;
}

/* Labels in class order; first[c] is the first row of class c. */
static void fill_labels(const struct balact_synthetic_options *o, enum balact_split split,
                        const int64_t *counts, int32_t *labels, int64_t *first) {
    int64_t row = 0;
    for (int32_t c = 0; c < o->classes; c++) {
        first[c] = row;
        for (int64_t n = balact_synthetic_class_rows(o, split, counts, c); n > 0; n--)
            labels[row++] = c;
    }
}

static void fill_features(const struct balact_synthetic_options *o, enum balact_split split,
                          const double *means, const int64_t *first, struct balact_dataset *out) {
    const int32_t *labels = out->labels;
    float *features = out->features;
    int64_t dim = o->dim;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < out->rows; i++) {
        int32_t c = labels[i];
        const double *mean = means + c * dim;
        uint64_t stream = stream_of(STREAM_ROWS + (int)split, c);
        uint64_t at = (uint64_t)(i - first[c]) * (uint64_t)dim;
        for (int64_t j = 0; j < dim; j++)
            features[i * dim + j] =
                (float)(mean[j] +
                        o->scale * balact_random_normal(o->seed, stream, at + (uint64_t)j));
    }
}

static balact_status generate_split(const struct balact_synthetic_options *o,
                                    enum balact_split split, const int64_t *counts,
                                    const double *means, struct balact_dataset *out,
                                    struct balact_error *error) {
    int64_t rows = 0;
    for (int32_t c = 0; c < o->classes; c++)
        rows += balact_synthetic_class_rows(o, split, counts, c); /* below 2^24 * 2^31 */
    char name[64];
    snprintf(name, sizeof name, "synthetic ImageNet-LT %s", balact_split_name(split));
    *out = (struct balact_dataset){
        .rows = rows, .dim = o->dim, .classes = o->classes, .dtype = BALACT_F32};
    out->name = strdup(name);
    if (rows <= INT64_MAX / o->dim) /* the largest first: where it fails nothing else is tried */
        out->features = balact_synthetic_allocate(rows * o->dim, sizeof(float));
    if (out->features)
        out->labels = balact_synthetic_allocate(rows, sizeof *out->labels);
    int64_t *first = balact_synthetic_allocate(o->classes, sizeof *first);
    if (!out->name || !out->labels || !out->features || !first) {
        free(first);
        return balact_fail(error, BALACT_ERROR_MEMORY,
                           "synthetic data: no memory for %lld rows of %lld features",
                           (long long)rows, (long long)o->dim);
    }
    fill_labels(o, split, counts, out->labels, first);
    fill_features(o, split, means, first, out);
    free(first);
    return BALACT_OK;
}

balact_status balact_synthetic_generate(const struct balact_synthetic_options *options,
                                        struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                        struct balact_error *error) {
    struct balact_synthetic_options o = *options;
    memset(splits, 0, BALACT_SPLIT_COUNT * sizeof *splits);
    balact_status status = balact_synthetic_resolve(&o, error);
    if (status != BALACT_OK)
        return status;
    int64_t *counts = balact_synthetic_allocate(o.classes, sizeof *counts);
    double *means = balact_synthetic_means(&o);
    if (!counts || !means) {
        free(counts);
        free(means);
        return balact_fail(error, BALACT_ERROR_MEMORY,
                           "synthetic data: no memory for %lld classes of %lld features",
                           (long long)o.classes, (long long)o.dim);
    }
    balact_synthetic_counts(o.classes, counts);
    for (int split = 0; split < BALACT_SPLIT_COUNT && status == BALACT_OK; split++)
        status = generate_split(&o, (enum balact_split)split, counts, means, &splits[split], error);
    if (status != BALACT_OK)
        for (int split = 0; split < BALACT_SPLIT_COUNT; split++)
            balact_dataset_release(&splits[split]);
    free(counts);
    free(means);
    return status;
}
