/* SPDX-License-Identifier: MIT
 *
 * Classification metrics against cases worked by hand.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/backend.h"
#include "balact/evaluate.h"
#include "balact/random.h"
#include "tests/harness.h"

/* Absolute, and strict so that NaN fails. */
static int near(double a, double b) {
    return fabs(a - b) < 1e-12;
}
#define ck_near(a, b)                                                                              \
    do {                                                                                           \
        double a_ = (a), b_ = (b);                                                                 \
        ck_assert_msg(near(a_, b_), #a " is %.17g, not " #b " = %.17g", a_, b_);                   \
    } while (0)

static void evaluate(enum balact_family family, const float *scores, int64_t ld,
                     const int32_t *labels, int64_t rows, int32_t classes, const int64_t *counts,
                     struct balact_classification *result) {
    struct balact_error error = {.message = ""};
    balact_status status = balact_evaluate_classification(family, scores, ld, labels, rows, classes,
                                                          counts, result, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
}

/* ---- Accuracy and groups ---- */

/* Scores that make row i predict wanted[i]. */
static void predict(const int32_t *wanted, int64_t rows, int32_t classes, float *scores) {
    memset(scores, 0, (size_t)(rows * classes) * sizeof *scores);
    for (int64_t i = 0; i < rows; i++)
        scores[i * classes + wanted[i]] = 1;
}

START_TEST(accuracy_by_group) {
    /* Class 0 has 101 training images (many), 1 has 100 and 2 has 20 (both medium), 3 has 19 (few):
     * the bounds are strict on both sides. */
    const int64_t counts[] = {101, 100, 20, 19};
    const int32_t labels[] = {0, 0, 0, 0, 1, 1, 2, 3, 3, 3};
    const int32_t predicted[] = {0, 0, 0, 1, 1, 0, 2, 3, 0, 0};
    float scores[40];
    struct balact_classification r;
    predict(predicted, 10, 4, scores);
    evaluate(BALACT_FAMILY_SOFTMAX, scores, 4, labels, 10, 4, counts, &r);
    const struct balact_group_metrics *g = r.group;
    ck_assert(g[BALACT_GROUP_MANY].present && g[BALACT_GROUP_MEDIUM].present);
    ck_assert(g[BALACT_GROUP_FEW].present && g[BALACT_GROUP_ALL].present);
    ck_assert_int_eq(g[BALACT_GROUP_MANY].classes, 1);
    ck_assert_int_eq(g[BALACT_GROUP_MEDIUM].classes, 2);
    ck_assert_int_eq(g[BALACT_GROUP_FEW].classes, 1);
    ck_assert_int_eq(g[BALACT_GROUP_ALL].classes, 4);
    ck_assert_int_eq(g[BALACT_GROUP_MEDIUM].rows, 3);
    ck_assert_int_eq(g[BALACT_GROUP_ALL].rows, 10);
    ck_near(r.class_top1[0], 0.75);
    ck_near(r.class_top1[1], 0.5);
    ck_near(r.class_top1[2], 1);
    ck_near(r.class_top1[3], 1.0 / 3);
    ck_near(g[BALACT_GROUP_MANY].top1, 0.75);
    ck_near(g[BALACT_GROUP_MEDIUM].top1, 0.75); /* mean of classes, not 2 of 3 rows */
    ck_near(g[BALACT_GROUP_FEW].top1, 1.0 / 3);
    ck_near(g[BALACT_GROUP_ALL].top1, 0.6); /* mean of rows */
    ck_near(g[BALACT_GROUP_ALL].balanced_error, 1 - (0.75 + 0.5 + 1 + 1.0 / 3) / 4);
    ck_assert_int_eq(r.ece_bins, 15);
    ck_assert_int_eq(r.class_rows[3], 3);
    balact_classification_release(&r);
    ck_assert_ptr_null(r.class_top1);
}
END_TEST

START_TEST(absent_groups_and_classes) {
    /* No few-shot class at all; class 2 (medium) has no test rows. */
    const int64_t counts[] = {500, 300, 50};
    const int32_t labels[] = {0, 1, 1};
    const int32_t predicted[] = {0, 1, 2};
    float scores[9];
    struct balact_classification r;
    predict(predicted, 3, 3, scores);
    evaluate(BALACT_FAMILY_SOFTMAX, scores, 3, labels, 3, 3, counts, &r);
    ck_assert(!r.group[BALACT_GROUP_FEW].present);
    ck_assert(!r.group[BALACT_GROUP_MEDIUM].present);
    ck_assert(r.group[BALACT_GROUP_MANY].present);
    ck_near(r.group[BALACT_GROUP_MANY].top1, 0.75);
    ck_near(r.group[BALACT_GROUP_ALL].balanced_error, 0.25);
    ck_assert(isnan(r.class_top1[2]) && isnan(r.class_ap[2]));
    ck_assert_int_eq(r.class_rows[2], 0);
    balact_classification_release(&r);
    /* No rows: nothing is present, and that is no error. */
    evaluate(BALACT_FAMILY_SOFTMAX, NULL, 3, NULL, 0, 3, counts, &r);
    ck_assert(!r.group[BALACT_GROUP_ALL].present);
    balact_classification_release(&r);
}
END_TEST

START_TEST(ties_go_to_the_lower_class) {
    const int64_t counts[] = {5, 5, 5};
    const int32_t labels[] = {0, 1, 2};
    const float scores[] = {2, 2, 2, 1, 2, 2, 0, 2, 2};
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SOFTMAX, scores, 3, labels, 3, 3, counts, &r);
    ck_near(r.class_top1[0], 1);
    ck_near(r.class_top1[1], 1);
    ck_near(r.class_top1[2], 0);
    balact_classification_release(&r);
}
END_TEST

/* Row i scores class j by 10 - j, and its label by what the label's place asks for. */
START_TEST(top5_by_hand) {
    enum { CLASSES = 7 };
    const int64_t counts[CLASSES] = {500, 500, 50, 50, 5, 5, 5};
    const int32_t labels[] = {0, 4, 5, 5, 6, 6};
    const double wanted_class[CLASSES] = {1, NAN, NAN, NAN, 1, 0.5, 0.5};
    float scores[6 * CLASSES];
    struct balact_classification r;
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < CLASSES; j++)
            scores[i * CLASSES + j] = (float)(10 - j);
    scores[2 * CLASSES + 5] = 6.5f; /* fifth: after 10, 9, 8 and 7 */
    scores[3 * CLASSES + 5] = 6;    /* ties with class 4, which is lower and takes the place */
    scores[4 * CLASSES + 6] = 11;
    evaluate(BALACT_FAMILY_SOFTMAX, scores, CLASSES, labels, 6, CLASSES, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].top5, 4.0 / 6); /* rows 0, 1, 2 and 4 */
    ck_near(r.group[BALACT_GROUP_MANY].top5, wanted_class[0]);
    ck_near(r.group[BALACT_GROUP_FEW].top5,
            (wanted_class[4] + wanted_class[5] + wanted_class[6]) / 3);
    ck_assert(!r.group[BALACT_GROUP_MEDIUM].present);
    ck_near(r.group[BALACT_GROUP_ALL].top1, 2.0 / 6);
    balact_classification_release(&r);
}
END_TEST

/* With five classes every label is among them: there is nothing to tell. With six there is. */
START_TEST(top5_needs_more_than_five_classes) {
    const int64_t counts[] = {500, 500, 500, 500, 500, 500};
    const int32_t labels[] = {4};
    const float scores[] = {6, 5, 4, 3, 2, 1};
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SIGMOID, scores, 6, labels, 1, 5, counts, &r);
    ck_assert(isnan(r.group[BALACT_GROUP_ALL].top5));
    ck_near(r.group[BALACT_GROUP_ALL].top1, 0);
    balact_classification_release(&r);
    evaluate(BALACT_FAMILY_SIGMOID, scores, 6, labels, 1, 6, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].top5, 1);
    balact_classification_release(&r);
}
END_TEST

/* ---- Average precision ---- */

/* Average precision straight from the definition: every distinct score is a threshold, in falling
 * order; area += (recall - previous recall) * precision. */
static double naive_precision(const double *p, const int32_t *labels, int64_t rows, int32_t c) {
    int64_t positives = 0, counted = 0;
    double area = 0, threshold = INFINITY;
    for (int64_t i = 0; i < rows; i++)
        positives += labels[i] == c;
    double previous_recall = 0;
    while (counted < rows) {
        double next = -INFINITY;
        for (int64_t i = 0; i < rows; i++)
            if (p[i] < threshold && p[i] > next)
                next = p[i];
        threshold = next;
        int64_t true_positives = 0;
        counted = 0;
        for (int64_t i = 0; i < rows; i++)
            if (p[i] >= threshold) {
                counted++;
                true_positives += labels[i] == c;
            }
        double recall = (double)true_positives / (double)positives;
        area += (recall - previous_recall) * (double)true_positives / (double)counted;
        previous_recall = recall;
    }
    return area;
}

START_TEST(average_precision_by_hand) {
    /* Sigmoid scores of class 0 rank the rows 3 2 1 0 (last first); positives are rows 3 and 1:
     * precision 1/1 at recall 1/2 and 2/3 at recall 1. */
    const int64_t counts[] = {5, 5};
    const int32_t labels[] = {1, 0, 1, 0};
    const float scores[] = {-2, 0, -1, 0, 0.5f, 0, 1.5f, 0};
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SIGMOID, scores, 2, labels, 4, 2, counts, &r);
    ck_near(r.class_ap[0], 0.5 * 1 + 0.5 * 2.0 / 3);
    /* Class 1 scores every row alike: one threshold with precision 2/4. */
    ck_near(r.class_ap[1], 0.5);
    ck_near(r.group[BALACT_GROUP_ALL].map, 0.5 * (r.class_ap[0] + r.class_ap[1]));
    balact_classification_release(&r);
}
END_TEST

START_TEST(average_precision_with_ties) {
    /* Class 0: scores 3 | 2 2 2 | 1, positives 3 and one of the 2s: the tie is one threshold, so
     * the second positive has precision 2/4 wherever it stands among its equals. */
    const int64_t counts[] = {5, 5};
    struct balact_classification r;
    for (int where = 1; where <= 3; where++) {
        int32_t labels[] = {0, 1, 1, 1, 1};
        labels[where] = 0;
        const float scores[] = {3, 0, 2, 0, 2, 0, 2, 0, 1, 0};
        evaluate(BALACT_FAMILY_SIGMOID, scores, 2, labels, 5, 2, counts, &r);
        ck_near(r.class_ap[0], 0.5 * 1 + 0.5 * 2.0 / 4);
        balact_classification_release(&r);
    }
}
END_TEST

START_TEST(average_precision_against_the_definition) {
    enum { ROWS = 150, CLASSES = 37 }; /* neither a multiple of the tile */
    static float scores[ROWS * CLASSES];
    static double p[ROWS];
    int32_t labels[ROWS];
    int64_t counts[CLASSES];
    struct balact_classification r;
    for (int32_t c = 0; c < CLASSES; c++)
        counts[c] = 7 * c;
    for (int64_t i = 0; i < ROWS; i++)
        labels[i] = (int32_t)balact_random_below(1, 1, (uint64_t)i, CLASSES - 1); /* last: empty */
    for (uint64_t k = 0; k < ROWS * CLASSES; k++) /* coarse, so that many scores are tied */
        scores[k] = (float)balact_random_below(1, 2, k, 9) - 4;
    for (int family = 0; family < 2; family++) {
        evaluate((enum balact_family)family, scores, CLASSES, labels, ROWS, CLASSES, counts, &r);
        for (int32_t c = 0; c < CLASSES; c++) {
            if (!r.class_rows[c]) {
                ck_assert(isnan(r.class_ap[c]));
                continue;
            }
            for (int64_t i = 0; i < ROWS; i++) {
                double sum = 0;
                for (int32_t j = 0; j < CLASSES; j++)
                    sum += exp((double)scores[i * CLASSES + j] - 4);
                p[i] = family == BALACT_FAMILY_SOFTMAX
                           ? (float)(exp((double)scores[i * CLASSES + c] - 4) / sum)
                           : scores[i * CLASSES + c];
            }
            ck_near(r.class_ap[c], naive_precision(p, labels, ROWS, c));
        }
        balact_classification_release(&r);
    }
}
END_TEST

/* ---- Probabilities ---- */

START_TEST(softmax_probability_metrics) {
    /* Two rows of log 3, log 1 (p = 0.75, 0.25), labels 0 and 1. */
    const int64_t counts[] = {500, 5};
    const int32_t labels[] = {0, 1};
    const float l3 = (float)log(3);
    const float scores[] = {l3, 0, 99, l3, 0, 99}; /* pitch 3: the third is padding */
    const double p = 1 / (1 + exp(-(double)l3));   /* log 3 as a float */
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SOFTMAX, scores, 3, labels, 2, 2, counts, &r);
    const struct balact_group_metrics *g = r.group;
    ck_near(g[BALACT_GROUP_MANY].nll, -log(p));
    ck_near(g[BALACT_GROUP_FEW].nll, -log(1 - p));
    ck_near(g[BALACT_GROUP_ALL].nll, -0.5 * (log(p) + log(1 - p)));
    ck_near(g[BALACT_GROUP_MANY].brier, 2 * (1 - p) * (1 - p));
    ck_near(g[BALACT_GROUP_FEW].brier, 2 * p * p);
    /* Both rows predict class 0 with confidence 0.75: right once, wrong once. */
    ck_near(g[BALACT_GROUP_ALL].ece, p - 0.5);
    ck_near(g[BALACT_GROUP_MANY].ece, 1 - p);
    ck_near(g[BALACT_GROUP_FEW].ece, p);
    balact_classification_release(&r);
}
END_TEST

START_TEST(sigmoid_probabilities_are_normalised) {
    const int64_t counts[] = {500, 500, 500};
    const int32_t labels[] = {1};
    const float scores[] = {0, 1, -1};
    const double s[] = {0.5, 1 / (1 + exp(-1)), 1 / (1 + exp(1))}, sum = s[0] + s[1] + s[2];
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SIGMOID, scores, 3, labels, 1, 3, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].nll, -log(s[1] / sum));
    ck_near(r.group[BALACT_GROUP_ALL].brier,
            (s[0] * s[0] + s[2] * s[2]) / sum / sum + (1 - s[1] / sum) * (1 - s[1] / sum));
    ck_near(r.group[BALACT_GROUP_ALL].ece, 1 - s[1] / sum);
    balact_classification_release(&r);
    /* Logits so low that every sigmoid underflows: the ratios are still those of exp. */
    const float low[] = {-2000, -2001, -2003};
    const double all = 1 + exp(-1) + exp(-3);
    evaluate(BALACT_FAMILY_SIGMOID, low, 3, labels, 1, 3, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].nll, 1 + log(all));
    balact_classification_release(&r);
}
END_TEST

START_TEST(confident_wrong_rows_have_a_finite_loss) {
    /* p of the label underflows even in double; lse - score does not. */
    const int64_t counts[] = {500, 500};
    const int32_t labels[] = {1};
    const float scores[] = {3000, -3000};
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SOFTMAX, scores, 2, labels, 1, 2, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].nll, 6000);
    ck_near(r.group[BALACT_GROUP_ALL].brier, 2);
    balact_classification_release(&r);
    evaluate(BALACT_FAMILY_SIGMOID, scores, 2, labels, 1, 2, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].nll, 3000);
    balact_classification_release(&r);
}
END_TEST

START_TEST(masked_classes_have_no_mass) {
    const int64_t counts[] = {500, 500, 500};
    const int32_t labels[] = {0};
    const float scores[] = {0, -INFINITY, 0};
    struct balact_classification r;
    evaluate(BALACT_FAMILY_SOFTMAX, scores, 3, labels, 1, 3, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].nll, log(2));
    ck_near(r.group[BALACT_GROUP_ALL].brier, 0.5);
    balact_classification_release(&r);
}
END_TEST

START_TEST(calibration_bins_are_closed_above) {
    /* Uniform over 15 classes: confidence exactly 1/15 belongs to the first bin, (0, 1/15]; with
     * one more row of confidence just above, in the second bin, the errors add and do not cancel.
     */
    enum { CLASSES = 15 };
    int64_t counts[CLASSES];
    float scores[2 * CLASSES] = {0};
    const int32_t labels[] = {0, 1};
    struct balact_classification r;
    for (int c = 0; c < CLASSES; c++)
        counts[c] = 500;
    scores[CLASSES] = 0.5f; /* row 1 predicts class 0 and is wrong */
    const double uniform = 1.0 / 15, above = exp(0.5) / (exp(0.5) + 14);
    evaluate(BALACT_FAMILY_SOFTMAX, scores, CLASSES, labels, 2, CLASSES, counts, &r);
    ck_near(r.group[BALACT_GROUP_ALL].ece, ((1 - uniform) + above) / 2);
    balact_classification_release(&r);
}
END_TEST

/* ---- Errors ---- */

static void expect_error(enum balact_family family, const float *scores, const int32_t *labels,
                         balact_status wanted, const char *part) {
    const int64_t counts[] = {5, 5, 5};
    struct balact_classification r;
    struct balact_error error = {.message = ""};
    balact_status status =
        balact_evaluate_classification(family, scores, 3, labels, 2, 3, counts, &r, &error);
    ck_assert_msg(status == wanted, "status %s: %s", balact_status_name(status), error.message);
    ck_assert_msg(strstr(error.message, part) != NULL, "'%s' lacks '%s'", error.message, part);
    ck_assert_ptr_null(r.class_top1);
}

START_TEST(errors_name_row_and_class) {
    const int32_t labels[] = {0, 2}, high[] = {0, 3}, low[] = {-100, 0};
    const float fine[] = {0, 0, 0, 0, 0, 0};
    const float nan_score[] = {0, 0, 0, 0, NAN, 0};
    const float infinite[] = {0, 0, 0, INFINITY, 0, 0};
    const float empty[] = {-INFINITY, -INFINITY, -INFINITY, 0, 0, 0};
    expect_error(BALACT_FAMILY_SOFTMAX, fine, high, BALACT_ERROR_RANGE, "label 3 of row 1");
    expect_error(BALACT_FAMILY_SOFTMAX, fine, low, BALACT_ERROR_RANGE, "label -100 of row 0");
    expect_error(BALACT_FAMILY_SOFTMAX, nan_score, labels, BALACT_ERROR_NUMERIC, "row 1, class 1");
    expect_error(BALACT_FAMILY_SIGMOID, nan_score, labels, BALACT_ERROR_NUMERIC, "row 1, class 1");
    expect_error(BALACT_FAMILY_SOFTMAX, infinite, labels, BALACT_ERROR_NUMERIC, "row 1");
    expect_error(BALACT_FAMILY_SOFTMAX, empty, labels, BALACT_ERROR_NUMERIC, "all are -infinity");
    expect_error(BALACT_FAMILY_SIGMOID, empty, labels, BALACT_ERROR_NUMERIC, "row 0");
    struct balact_classification r;
    struct balact_error error;
    const int64_t counts[] = {5, 5, 5};
    ck_assert_int_eq(balact_evaluate_classification(BALACT_FAMILY_SOFTMAX, fine, 2, labels, 2, 3,
                                                    counts, &r, &error),
                     BALACT_ERROR_ARGUMENT);
    ck_assert_int_eq(balact_evaluate_classification(BALACT_FAMILY_SOFTMAX, fine, 3, labels, 2, 3,
                                                    NULL, &r, &error),
                     BALACT_ERROR_ARGUMENT);
}
END_TEST

/* ---- Threads ---- */

START_TEST(threads_change_nothing) {
    enum { ROWS = 1000, CLASSES = 50 };
    static float scores[ROWS * CLASSES];
    int32_t labels[ROWS];
    int64_t counts[CLASSES];
    struct balact_classification r[2];
    for (int32_t c = 0; c < CLASSES; c++)
        counts[c] = 4 * c;
    for (int64_t i = 0; i < ROWS; i++)
        labels[i] = (int32_t)(i % CLASSES);
    for (uint64_t k = 0; k < ROWS * CLASSES; k++)
        scores[k] = (float)balact_random_normal(3, 4, k);
    int before = balact_threads();
    for (int t = 0; t < 2; t++) {
        balact_set_threads(t + 1);
        evaluate(BALACT_FAMILY_SOFTMAX, scores, CLASSES, labels, ROWS, CLASSES, counts, &r[t]);
    }
    balact_set_threads(before);
    for (int g = 0; g <= BALACT_GROUP_COUNT; g++)
        ck_assert(!memcmp(&r[0].group[g].top1, &r[1].group[g].top1,
                          sizeof r[0].group[g] - offsetof(struct balact_group_metrics, top1)));
    ck_assert(!memcmp(r[0].class_ap, r[1].class_ap, CLASSES * sizeof(double)));
    ck_assert(!memcmp(r[0].class_top1, r[1].class_top1, CLASSES * sizeof(double)));
    balact_classification_release(&r[0]);
    balact_classification_release(&r[1]);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("evaluate");
    TCase *accuracy = tcase_create("accuracy");
    tcase_add_test(accuracy, accuracy_by_group);
    tcase_add_test(accuracy, absent_groups_and_classes);
    tcase_add_test(accuracy, ties_go_to_the_lower_class);
    tcase_add_test(accuracy, top5_by_hand);
    tcase_add_test(accuracy, top5_needs_more_than_five_classes);
    TCase *precision = tcase_create("average precision");
    tcase_add_test(precision, average_precision_by_hand);
    tcase_add_test(precision, average_precision_with_ties);
    tcase_add_test(precision, average_precision_against_the_definition);
    TCase *probability = tcase_create("probabilities");
    tcase_add_test(probability, softmax_probability_metrics);
    tcase_add_test(probability, sigmoid_probabilities_are_normalised);
    tcase_add_test(probability, confident_wrong_rows_have_a_finite_loss);
    tcase_add_test(probability, masked_classes_have_no_mass);
    tcase_add_test(probability, calibration_bins_are_closed_above);
    TCase *rest = tcase_create("errors and threads");
    tcase_add_test(rest, errors_name_row_and_class);
    tcase_add_test(rest, threads_change_nothing);
    suite_add_tcase(suite, accuracy);
    suite_add_tcase(suite, precision);
    suite_add_tcase(suite, probability);
    suite_add_tcase(suite, rest);
    return suite;
}
