/* SPDX-License-Identifier: MIT
 *
 * The synthetic ImageNet-LT: its counts against the real ones, its rows against the model they are
 * said to follow, its Bayes optimum against a closed form and a naive search.
 * test_synthetic_files.c has the written form.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "balact/random.h"
#include "datasets/half.h"
#include "datasets/synthetic.h"
#include "tests/harness.h"

static struct balact_error error;

static void generate(const struct balact_synthetic_options *options,
                     struct balact_dataset splits[BALACT_SPLIT_COUNT]) {
    balact_status status = balact_synthetic_generate(options, splits, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
}

static void release(struct balact_dataset splits[BALACT_SPLIT_COUNT]) {
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        balact_dataset_release(&splits[i]);
}

/* ---- counts ---- */

static int descending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

START_TEST(counts_have_the_real_shape) {
    int64_t counts[1000], groups[BALACT_GROUP_COUNT] = {0}, sum = 0, most = 0, least = INT64_MAX;
    ck_assert_int_eq(balact_synthetic_counts(1000, counts), 115846);
    for (int c = 0; c < 1000; c++) {
        groups[balact_group_of(counts[c])]++;
        sum += counts[c];
        most = counts[c] > most ? counts[c] : most;
        least = counts[c] < least ? counts[c] : least;
    }
    ck_assert_int_eq(sum, 115846);
    ck_assert_int_eq(most, 1280);
    ck_assert_int_eq(least, 5);
    ck_assert_int_eq(groups[BALACT_GROUP_MANY], 385);
    ck_assert_int_eq(groups[BALACT_GROUP_MEDIUM], 479);
    ck_assert_int_eq(groups[BALACT_GROUP_FEW], 136);
}
END_TEST

START_TEST(counts_fit_the_real_ones) {
    const char *path = test_data("imagenet_lt_train_class_counts.csv");
    int64_t counts[1000], *real;
    int32_t classes;
    double worst = 0, squares = 0;
    if (!path)
        TEST_SKIP("imagenet_lt_train_class_counts.csv is not at hand");
    ck_assert_int_eq(balact_counts_load(path, NULL, &real, &classes, &error), BALACT_OK);
    ck_assert_int_eq(classes, 1000);
    balact_synthetic_counts(1000, counts);
    qsort(counts, 1000, sizeof *counts, descending);
    qsort(real, 1000, sizeof *real, descending);
    for (int i = 0; i < 1000; i++) {
        double ratio = (double)counts[i] / (double)real[i];
        worst = fmax(worst, fabs(ratio - 1));
        squares += log(ratio) * log(ratio);
    }
    free(real);
    ck_assert_msg(worst < 0.2156, "largest relative error %g", worst);
    ck_assert_msg(sqrt(squares / 1000) < 0.03123, "error of the logarithm %g",
                  sqrt(squares / 1000));
}
END_TEST

START_TEST(counts_are_shuffled_and_fixed) {
    int64_t counts[1000];
    double correlation = 0;
    balact_synthetic_counts(1000, counts);
    for (int c = 0; c < 1000; c++)
        correlation += (c - 499.5) * (log((double)counts[c]) - 4.2);
    /* Standard deviations: 288.7 of the label, about 1.02 of the logarithm. */
    ck_assert_double_lt(fabs(correlation) / (1000 * 288.7 * 1.02), 0.1);
    /* The order is part of the data set: what was published must not change. */
    static const int64_t begin[] = {223, 6, 131, 64, 72, 56, 17, 94};
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        ck_assert_int_eq(counts[i], begin[i]);
}
END_TEST

START_TEST(counts_keep_their_imbalance_at_other_sizes) {
    static const int32_t sizes[] = {2, 3, 10, 50, 100, 365, 5000};
    int64_t *counts = malloc(5000 * sizeof *counts);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t sum = 0, total = balact_synthetic_counts(sizes[i], counts);
        for (int32_t c = 0; c < sizes[i]; c++)
            sum += counts[c];
        ck_assert_int_eq(sum, total);
        qsort(counts, (size_t)sizes[i], sizeof *counts, descending);
        ck_assert_int_eq(counts[0], 1280);
        ck_assert_int_eq(counts[sizes[i] - 1], 5);
        if (sizes[i] % 2) /* the middle of the profile, q = 1/2 */
            ck_assert_int_eq(counts[sizes[i] / 2], 73);
    }
    ck_assert_int_eq(balact_synthetic_counts(1, counts), 1280);
    ck_assert_int_eq(balact_synthetic_counts(0, counts), 0);
    free(counts);
}
END_TEST

/* ---- rows ---- */

START_TEST(splits_have_their_shape) {
    struct balact_synthetic_options options = {.classes = 30, .dim = 7, .train_factor = 0.1};
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    int64_t profile[30], counts[30];
    generate(&options, splits);
    balact_synthetic_counts(30, profile);
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++) {
        int64_t rows = 0;
        ck_assert_int_eq(splits[s].dim, 7);
        ck_assert_int_eq(splits[s].classes, 30);
        ck_assert_int_eq(splits[s].dtype, BALACT_F32);
        balact_dataset_counts(&splits[s], counts);
        for (int c = 0; c < 30; c++) {
            int64_t scaled = (int64_t)floor(0.1 * (double)profile[c] + 0.5);
            int64_t train = scaled < 1 ? 1 : scaled;
            ck_assert_int_eq(counts[c], s == BALACT_SPLIT_TRAIN ? train
                                        : s == BALACT_SPLIT_VAL ? 20
                                                                : 50);
            rows += counts[c];
        }
        ck_assert_int_eq(splits[s].rows, rows);
        for (int64_t i = 1; i < rows; i++)
            ck_assert_int_le(splits[s].labels[i - 1], splits[s].labels[i]);
    }
    ck_assert_str_eq(splits[BALACT_SPLIT_VAL].name, "synthetic ImageNet-LT val");
    release(splits);
}
END_TEST

START_TEST(rows_do_not_depend_on_threads) {
#ifdef _OPENMP
    struct balact_synthetic_options options = {.classes = 40, .dim = 9, .seed = 3};
    struct balact_dataset one[BALACT_SPLIT_COUNT], many[BALACT_SPLIT_COUNT];
    int threads = omp_get_max_threads();
    int32_t *prediction[2];
    double accuracy[2];
    omp_set_num_threads(1);
    generate(&options, one);
    prediction[0] = malloc((size_t)one[0].rows * sizeof **prediction);
    ck_assert_int_eq(balact_synthetic_bayes(&options, &one[0], &accuracy[0], prediction[0], NULL),
                     BALACT_OK);
    omp_set_num_threads(5);
    generate(&options, many);
    prediction[1] = malloc((size_t)many[0].rows * sizeof **prediction);
    ck_assert_int_eq(balact_synthetic_bayes(&options, &many[0], &accuracy[1], prediction[1], NULL),
                     BALACT_OK);
    omp_set_num_threads(threads);
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++) {
        ck_assert_int_eq(one[s].rows, many[s].rows);
        ck_assert_mem_eq(one[s].features, many[s].features,
                         (size_t)(one[s].rows * one[s].dim) * sizeof(float));
    }
    ck_assert_mem_eq(prediction[0], prediction[1], (size_t)one[0].rows * sizeof **prediction);
    ck_assert_double_eq(accuracy[0], accuracy[1]);
    free(prediction[0]);
    free(prediction[1]);
    release(one);
    release(many);
#else
    TEST_SKIP("built without OpenMP");
#endif
}
END_TEST

START_TEST(larger_sets_hold_the_smaller_ones) {
    struct balact_synthetic_options options = {.classes = 12, .dim = 5, .seed = 8};
    struct balact_dataset small[BALACT_SPLIT_COUNT], large[BALACT_SPLIT_COUNT];
    int64_t small_counts[12], large_counts[12], i = 0, k = 0;
    generate(&options, small);
    options.train_factor = 3;
    generate(&options, large);
    balact_dataset_counts(&small[0], small_counts);
    balact_dataset_counts(&large[0], large_counts);
    for (int c = 0; c < 12; c++) {
        ck_assert_int_eq(large_counts[c], 3 * small_counts[c]);
        ck_assert_mem_eq((float *)small[0].features + i * 5, (float *)large[0].features + k * 5,
                         (size_t)small_counts[c] * 5 * sizeof(float));
        i += small_counts[c];
        k += large_counts[c];
    }
    ck_assert_mem_eq(small[2].features, large[2].features, 12 * 50 * 5 * sizeof(float));
    release(small);
    release(large);
}
END_TEST

START_TEST(seeds_and_splits_differ) {
    struct balact_synthetic_options options = {.classes = 4, .dim = 3, .seed = 1};
    struct balact_dataset first[BALACT_SPLIT_COUNT], second[BALACT_SPLIT_COUNT];
    generate(&options, first);
    options.seed = 2;
    generate(&options, second);
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++)
        ck_assert_mem_ne(first[s].features, second[s].features, 3 * sizeof(float));
    for (int s = 1; s < BALACT_SPLIT_COUNT; s++)
        ck_assert_mem_ne(first[0].features, first[s].features, 3 * sizeof(float));
    release(first);
    release(second);
}
END_TEST

/* Mean and covariance of one class from many rows: mean as given, scale^2 times the identity. */
START_TEST(rows_follow_the_model) {
    enum { N = 40000, D = 3 };
    struct balact_synthetic_options options = {
        .classes = 2, .dim = D, .seed = 5, .test_per_class = N, .scale = 1.5};
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    generate(&options, splits);
    ck_assert_int_eq(balact_synthetic_resolve(&options, NULL), BALACT_OK);
    double *means = balact_synthetic_means(&options);
    for (int c = 0; c < 2; c++) {
        double sum[D] = {0}, product[D][D] = {{0}};
        const float *x = (const float *)splits[BALACT_SPLIT_TEST].features + c * N * D;
        for (int64_t i = 0; i < N; i++, x += D)
            for (int a = 0; a < D; a++) {
                sum[a] += (x[a] - means[c * D + a]) / N;
                for (int b = 0; b < D; b++)
                    product[a][b] += (x[a] - means[c * D + a]) * (x[b] - means[c * D + b]) / N;
            }
        for (int a = 0; a < D; a++) { /* five standard errors */
            ck_assert_double_lt(fabs(sum[a]), 5 * 1.5 / sqrt(N));
            for (int b = 0; b < D; b++)
                ck_assert_double_lt(fabs(product[a][b] - (a == b ? 2.25 : 0)),
                                    5 * 2.25 * sqrt(a == b ? 2.0 : 1.0) / sqrt(N));
        }
    }
    free(means);
    release(splits);
}
END_TEST

/* The spread of means: within a sub-class only spread_class, within a super-class also spread_sub,
 * beyond also spread_super. */
START_TEST(means_form_a_hierarchy) {
    struct balact_synthetic_options options = {.classes = 60,
                                               .dim = 4000,
                                               .seed = 2,
                                               .super_classes = 3,
                                               .sub_classes = 12,
                                               .spread_super = 0.5,
                                               .spread_sub = 0.3,
                                               .spread_class = 0.2,
                                               .scale = 2};
    ck_assert_int_eq(balact_synthetic_resolve(&options, NULL), BALACT_OK);
    double *means = balact_synthetic_means(&options);
    for (int a = 0; a < 60; a++)
        for (int b = 0; b < a; b++) {
            double square = 0, expected = 0.04;
            for (int j = 0; j < 4000; j++) {
                double d = means[a * 4000 + j] - means[b * 4000 + j];
                square += d * d / 4000;
            }
            expected += a / 5 != b / 5 ? 0.09 : 0;
            expected += a / 20 != b / 20 ? 0.25 : 0;
            /* relative standard error sqrt(2 / 4000); 1770 pairs */
            ck_assert_msg(fabs(square / (2 * 4 * expected) - 1) < 5 * sqrt(2.0 / 4000),
                          "classes %d and %d: %g, not %g", a, b, square, 8 * expected);
        }
    free(means);
}
END_TEST

/* ---- the optimum ---- */

START_TEST(bayes_of_two_classes_is_the_closed_form) {
    enum { N = 200000 };
    struct balact_synthetic_options options = {
        .classes = 2, .dim = 2, .seed = 11, .test_per_class = N, .spread_class = 0.8, .scale = 3};
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    double accuracy;
    generate(&options, splits);
    ck_assert_int_eq(balact_synthetic_resolve(&options, NULL), BALACT_OK);
    double *means = balact_synthetic_means(&options);
    double distance = hypot(means[0] - means[2], means[1] - means[3]) / 3;
    double expected = 0.5 * erfc(-distance / 2 / sqrt(2));
    ck_assert_double_gt(expected, 0.55); /* a seed that tells something */
    ck_assert_double_lt(expected, 0.95);
    ck_assert_int_eq(
        balact_synthetic_bayes(&options, &splits[BALACT_SPLIT_TEST], &accuracy, NULL, &error),
        BALACT_OK);
    ck_assert_double_lt(fabs(accuracy - expected), 5 * 0.5 / sqrt(2.0 * N));
    free(means);
    release(splits);
}
END_TEST

static int32_t naive_nearest(const double *means, int classes, int dim, const float *x) {
    double least = INFINITY;
    int32_t best = 0;
    for (int32_t c = 0; c < classes; c++) {
        double square = 0;
        for (int j = 0; j < dim; j++)
            square += (x[j] - means[c * dim + j]) * (x[j] - means[c * dim + j]);
        if (square < least) {
            least = square;
            best = c;
        }
    }
    return best;
}

/* Sizes below, at and above the tile, in both types. */
START_TEST(bayes_is_the_nearest_mean) {
    static const int32_t sizes[][2] = {{1, 1}, {3, 3}, {63, 4}, {64, 5}, {65, 8}, {130, 11}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int classes = sizes[k][0], dim = sizes[k][1];
        struct balact_synthetic_options options = {
            .classes = classes, .dim = dim, .seed = k, .test_per_class = 7};
        struct balact_dataset splits[BALACT_SPLIT_COUNT], *test = &splits[BALACT_SPLIT_TEST];
        generate(&options, splits);
        ck_assert_int_eq(balact_synthetic_resolve(&options, NULL), BALACT_OK);
        double accuracy, *means = balact_synthetic_means(&options);
        int32_t *prediction = malloc((size_t)test->rows * sizeof *prediction);
        for (int half = 0; half < 2; half++) {
            int64_t correct = 0;
            if (half) {
                float *values = test->features;
                uint16_t *halves = malloc((size_t)(test->rows * dim) * sizeof *halves);
                for (int64_t i = 0; i < test->rows * dim; i++)
                    halves[i] = float_to_half(values[i]);
                free(values);
                test->features = halves;
                test->dtype = BALACT_F16;
            }
            ck_assert_int_eq(balact_synthetic_bayes(&options, test, &accuracy, prediction, NULL),
                             BALACT_OK);
            for (int64_t i = 0; i < test->rows; i++) {
                float x[16];
                balact_dataset_gather(test, &i, 1, x);
                ck_assert_int_eq(prediction[i], naive_nearest(means, classes, dim, x));
                correct += prediction[i] == test->labels[i];
            }
            ck_assert_double_eq(accuracy, (double)correct / (double)test->rows);
        }
        free(prediction);
        free(means);
        release(splits);
    }
}
END_TEST

/* The default set is as hard as it is said to be. */
START_TEST(default_ceiling) {
    struct balact_synthetic_options options = BALACT_SYNTHETIC_OPTIONS_INIT;
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    double accuracy;
    generate(&options, splits);
    ck_assert_int_eq(splits[0].rows, 115846);
    ck_assert_int_eq(splits[1].rows, 20000);
    ck_assert_int_eq(splits[2].rows, 50000);
    ck_assert_int_eq(balact_synthetic_bayes(&options, &splits[2], &accuracy, NULL, NULL),
                     BALACT_OK);
    ck_assert_double_gt(accuracy, 0.60);
    ck_assert_double_lt(accuracy, 0.66);
    release(splits);
}
END_TEST

/* ---- bad options ---- */

START_TEST(bad_options_are_named) {
    static const struct {
        struct balact_synthetic_options options;
        const char *name;
    } cases[] = {
        {{.classes = -1}, "classes is -1"},
        {{.classes = INT32_MAX}, "classes is"},
        {{.dim = -4}, "dim is -4"},
        {{.spread_super = -1}, "spread_super is -1"},
        {{.spread_sub = (double)INFINITY}, "spread_sub is inf"},
        {{.spread_class = (double)NAN}, "spread_class is"},
        {{.scale = -2}, "scale is -2"},
        {{.classes = 10, .sub_classes = 11}, "sub_classes is 11"},
        {{.super_classes = -1}, "super_classes is -1"},
        {{.classes = 10, .super_classes = 4, .sub_classes = 3}, "super_classes is 4"},
        {{.val_per_class = -1}, "val_per_class is -1"},
        {{.test_per_class = INT64_MAX}, "test_per_class is"},
        {{.train_factor = -0.5}, "train_factor is -0.5"},
        {{.train_factor = (double)NAN}, "train_factor is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct balact_dataset splits[BALACT_SPLIT_COUNT];
        memset(splits, 0xA5, sizeof splits);
        ck_assert_int_eq(balact_synthetic_generate(&cases[i].options, splits, &error),
                         BALACT_ERROR_RANGE);
        ck_assert_msg(strstr(error.message, cases[i].name) != NULL, "'%s' does not say '%s'",
                      error.message, cases[i].name);
        ck_assert_ptr_null(splits[0].features);
    }
}
END_TEST

/* 2^32 rows of 2^20 features are 2^54 bytes, more than an address space. */
START_TEST(too_much_memory_is_an_error) {
#ifdef __SANITIZE_ADDRESS__
    TEST_SKIP("AddressSanitizer ends the program at a malloc of this size");
#else
    struct balact_synthetic_options options = {.classes = 2,
                                               .dim = 1 << 20,
                                               .train_factor = 1e-4,
                                               .val_per_class = 1,
                                               .test_per_class = INT32_MAX};
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    ck_assert_int_eq(balact_synthetic_generate(&options, splits, &error), BALACT_ERROR_MEMORY);
    ck_assert_ptr_nonnull(strstr(error.message, "4294967294 rows of 1048576 features"));
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++)
        ck_assert_ptr_null(splits[s].features);
#endif
}
END_TEST

START_TEST(bayes_wants_rows_of_this_set) {
    struct balact_synthetic_options options = {.classes = 5, .dim = 3};
    struct balact_dataset splits[BALACT_SPLIT_COUNT], empty = {.classes = 5, .dim = 3};
    double accuracy;
    generate(&options, splits);
    options.dim = 4;
    ck_assert_int_eq(balact_synthetic_bayes(&options, &splits[0], &accuracy, NULL, &error),
                     BALACT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.message, "5 classes of 3 features"));
    options.dim = 3;
    ck_assert_int_eq(balact_synthetic_bayes(&options, &empty, &accuracy, NULL, &error),
                     BALACT_ERROR_ARGUMENT);
    options.train_factor = -1;
    ck_assert_int_eq(balact_synthetic_bayes(&options, &splits[0], &accuracy, NULL, &error),
                     BALACT_ERROR_RANGE);
    release(splits);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("synthetic");
    TCase *counts = tcase_create("counts"), *rows = tcase_create("rows"),
          *bayes = tcase_create("bayes"), *bad = tcase_create("bad options");
    tcase_add_test(counts, counts_have_the_real_shape);
    tcase_add_test(counts, counts_fit_the_real_ones);
    tcase_add_test(counts, counts_are_shuffled_and_fixed);
    tcase_add_test(counts, counts_keep_their_imbalance_at_other_sizes);
    tcase_add_test(rows, splits_have_their_shape);
    tcase_add_test(rows, rows_do_not_depend_on_threads);
    tcase_add_test(rows, larger_sets_hold_the_smaller_ones);
    tcase_add_test(rows, seeds_and_splits_differ);
    tcase_add_test(rows, rows_follow_the_model);
    tcase_add_test(rows, means_form_a_hierarchy);
    tcase_add_test(bayes, bayes_of_two_classes_is_the_closed_form);
    tcase_add_test(bayes, bayes_is_the_nearest_mean);
    tcase_add_test(bayes, default_ceiling);
    tcase_add_test(bad, bad_options_are_named);
    tcase_add_test(bad, too_much_memory_is_an_error);
    tcase_add_test(bad, bayes_wants_rows_of_this_set);
    suite_add_tcase(suite, counts);
    suite_add_tcase(suite, rows);
    suite_add_tcase(suite, bayes);
    suite_add_tcase(suite, bad);
    return suite;
}
