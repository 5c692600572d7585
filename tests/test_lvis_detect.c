/* SPDX-License-Identifier: MIT
 *
 * Detections of one image, worked by hand; the sampler of images and RoIs; calibration.
 */
#include <math.h>
#include <string.h>

#include "balact/activations.h"
#include "balact/random.h"
#include "bench/train/lvis_calibration.h"
#include "bench/train/lvis_detect.h"
#include "bench/train/lvis_sampler.h"
#include "tests/harness.h"

static int64_t detect(const struct lvis_detect_rules *rules, const float *scores, int64_t rows,
                      int32_t categories, const float *boxes, struct lvis_detection *out) {
    struct lvis_detector detector = {0};
    int64_t count;
    ck_assert(lvis_detect(&detector, rules, scores, categories, boxes, rows, categories, out,
                          &count, NULL) == BALACT_OK);
    lvis_detector_release(&detector);
    return count;
}

START_TEST(iou_by_hand) {
    const float a[4] = {0, 0, 10, 10}, b[4] = {5, 0, 10, 10}, c[4] = {10, 0, 5, 5};
    const float empty[4] = {2, 2, 0, 0};
    ck_assert_double_eq_tol(lvis_box_iou(a, b), 50.0 / 150.0, 1e-15);
    ck_assert_double_eq_tol(lvis_box_iou(a, a), 1, 1e-15);
    ck_assert(lvis_box_iou(a, c) == 0); /* they touch */
    ck_assert(lvis_box_iou(a, empty) == 0);
    ck_assert(lvis_box_iou(empty, empty) == 0);
}
END_TEST

/* Three boxes in a chain: the first overlaps the second by 0.6, the second the third, the first not
 * the third. What suppressed nothing itself must not suppress. */
START_TEST(suppression_goes_by_score_within_a_category) {
    const float boxes[] = {0, 0, 10, 10, 2.5f, 0, 10, 10, 5, 0, 10, 10};
    const struct lvis_detect_rules rules = {1e-4, 0.5, 300};
    struct lvis_detection out[300];
    const float falling[] = {0.9f, 0.8f, 0.7f}; /* the second goes, the third stays */
    ck_assert_int_eq(detect(&rules, falling, 3, 1, boxes, out), 2);
    ck_assert(out[0].row == 0 && out[1].row == 2);
    const float middle[] = {0.8f, 0.9f, 0.7f}; /* the second takes both */
    ck_assert_int_eq(detect(&rules, middle, 3, 1, boxes, out), 1);
    ck_assert(out[0].row == 1);
    const float two[] = {0.9f, 0.1f, 0.2f, 0.8f, 0.3f, 0.85f}; /* two categories do not meet */
    ck_assert_int_eq(detect(&rules, two, 3, 2, boxes, out), 4);
    ck_assert(out[0].row == 0 && out[0].category == 0);
    ck_assert(out[1].row == 2 && out[1].category == 1);
    ck_assert(out[2].row == 2 && out[2].category == 0);
    ck_assert(out[3].row == 0 && out[3].category == 1);
    const struct lvis_detect_rules lax = {1e-4, 0.6, 300}; /* an IoU of just 0.6 is not above */
    ck_assert_int_eq(detect(&lax, falling, 3, 1, boxes, out), 3);
}
END_TEST

START_TEST(threshold_cap_and_ties) {
    const float boxes[] = {0, 0, 1, 1, 10, 0, 1, 1, 20, 0, 1, 1};
    struct lvis_detection out[300];
    const struct lvis_detect_rules rules = {0.25, 0.5, 300}, capped = {0.25, 0.5, 2};
    const float scores[] = {0.25f, 0.5f, 0.5f, NAN, 0.5f, 0.75f}; /* 0.25 is not above */
    ck_assert_int_eq(detect(&rules, scores, 3, 2, boxes, out), 4);
    ck_assert(out[0].score == 0.75f && out[0].row == 2 && out[0].category == 1);
    ck_assert(out[1].category == 0 && out[1].row == 1); /* ties: category, then row */
    ck_assert(out[2].category == 0 && out[2].row == 2);
    ck_assert(out[3].category == 1 && out[3].row == 0);
    ck_assert_int_eq(detect(&capped, scores, 3, 2, boxes, out), 2);
    ck_assert(out[1].category == 0 && out[1].row == 1);
    ck_assert_int_eq(detect(&rules, scores, 0, 2, boxes, out), 0);
}
END_TEST

/* The lazy walk against the plain definition: suppress each category alone, then sort, then cap. */
START_TEST(lazy_walk_equals_the_definition) {
    enum { ROWS = 60, CATEGORIES = 7, CAP = 40 };
    static float boxes[4 * ROWS], scores[ROWS * CATEGORIES];
    struct lvis_detection out[CAP], want[ROWS * CATEGORIES];
    const struct lvis_detect_rules rules = {0.1, 0.5, CAP};
    for (int i = 0; i < 4 * ROWS; i++)
        boxes[i] = (float)(balact_random_uniform(1, 1, (uint64_t)i) * 30 + (i % 4 > 1 ? 10 : 0));
    for (int i = 0; i < ROWS * CATEGORIES; i++) /* coarse, so that there are ties */
        scores[i] = (float)balact_random_below(1, 2, (uint64_t)i, 32) / 32;
    int kept = 0;
    for (int c = 0; c < CATEGORIES; c++) {
        bool gone[ROWS] = {false};
        for (;;) {
            int best = -1;
            for (int i = 0; i < ROWS; i++)
                if (!gone[i] && scores[i * CATEGORIES + c] > 0.1f &&
                    (best < 0 || scores[i * CATEGORIES + c] > scores[best * CATEGORIES + c]))
                    best = i;
            if (best < 0)
                break;
            want[kept++] = (struct lvis_detection){best, c, scores[best * CATEGORIES + c]};
            for (int i = 0; i < ROWS; i++)
                gone[i] |= i == best || lvis_box_iou(boxes + 4 * i, boxes + 4 * best) > 0.5;
        }
    }
    for (int i = 0; i < kept; i++) /* stable, by score; want is in order of category and score */
        for (int k = kept - 1; k > i; k--)
            if (want[k].score > want[k - 1].score) {
                struct lvis_detection swap = want[k];
                want[k] = want[k - 1];
                want[k - 1] = swap;
            }
    ck_assert_int_gt(kept, CAP);
    ck_assert_int_eq(detect(&rules, scores, ROWS, CATEGORIES, boxes, out), CAP);
    for (int i = 0; i < CAP; i++)
        ck_assert(out[i].row == want[i].row && out[i].category == want[i].category &&
                  out[i].score == want[i].score);
}
END_TEST

/* ---- Samplers ---- */

START_TEST(repeats_have_the_factor_as_mean) {
    const double factors[] = {1, 1.4142135623730951, 2.25, 10};
    const struct lvis_draws draws = {7, 0}, other = {7, 1};
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++) {
        int64_t sum = 0, differ = 0, n = 20000;
        for (int64_t i = 0; i < n; i++) {
            int64_t repeats = lvis_repeats(&draws, i / 100, i % 100, factors[f]);
            ck_assert(repeats == (int64_t)floor(factors[f]) ||
                      repeats == (int64_t)floor(factors[f]) + 1);
            sum += repeats;
            differ += repeats != lvis_repeats(&other, i / 100, i % 100, factors[f]);
        }
        double rest = factors[f] - floor(factors[f]);
        double bound = 5 * sqrt(rest * (1 - rest) / (double)n); /* 5 standard errors */
        ck_assert_double_eq_tol((double)sum / (double)n, factors[f], bound + 1e-12);
        ck_assert(rest > 0 ? differ > 0 : differ == 0); /* stages draw apart */
    }
}
END_TEST

START_TEST(shuffles_are_permutations_without_favorites) {
    enum { N = 6, ROUNDS = 6000 };
    const struct lvis_draws draws = {3, 0};
    int64_t at[N][N] = {{0}};
    for (int64_t epoch = 0; epoch < ROUNDS; epoch++) {
        int32_t visits[N], seen = 0;
        for (int32_t i = 0; i < N; i++)
            visits[i] = i;
        lvis_shuffle(&draws, epoch, 2, visits, N);
        for (int i = 0; i < N; i++) {
            seen |= 1 << visits[i];
            at[visits[i]][i]++;
        }
        ck_assert_int_eq(seen, (1 << N) - 1);
    }
    double expected = (double)ROUNDS / N, deviation = sqrt(expected * (1 - 1.0 / N));
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            ck_assert_double_eq_tol((double)at[i][k], expected, 5 * deviation);
}
END_TEST

START_TEST(rows_keep_their_share) {
    enum { N = 40, WANTED = 16 };
    const struct lvis_draws draws = {5, 0};
    int32_t labels[N], rows[WANTED], scratch[N];
    int64_t times[N] = {0};
    for (int i = 0; i < N; i++)
        labels[i] = i < 10 ? i + 1 : 0; /* 10 foreground rows */
    for (int64_t visit = 0; visit < 3000; visit++) {
        int foreground = 0;
        ck_assert_int_eq(lvis_choose_rows(&draws, visit, labels, N, WANTED, 0.25, rows, scratch),
                         WANTED);
        for (int i = 0; i < WANTED; i++) {
            foreground += labels[rows[i]] != 0;
            times[rows[i]]++;
            for (int k = 0; k < i; k++)
                ck_assert_int_ne(rows[i], rows[k]);
        }
        ck_assert_int_eq(foreground, 4);
    }
    for (int i = 0; i < N; i++) {
        double share = i < 10 ? 4.0 / 10 : 12.0 / 30;
        ck_assert_double_eq_tol((double)times[i], 3000 * share,
                                5 * sqrt(3000 * share * (1 - share)));
    }
    /* Too few background rows: fewer in all. Too few foreground ones: background fills up. */
    ck_assert_int_eq(lvis_choose_rows(&draws, 0, labels, 14, WANTED, 0.25, rows, scratch), 8);
    ck_assert_int_eq(lvis_choose_rows(&draws, 0, labels + 9, 31, WANTED, 0.25, rows, scratch),
                     WANTED);
    ck_assert_int_eq(rows[0], 0);
    ck_assert_int_eq(lvis_choose_rows(&draws, 0, labels, 0, WANTED, 0.25, rows, scratch), 0);
}
END_TEST

/* ---- The losses of a head on RoIs ---- */

/* A foreground and a background RoI of a Balanced Sigmoid by hand: the background row keeps plain
 * logits. Logits (1, 0.5, -0.25), f = (0.5, 0.01, 0.0001). */
START_TEST(prior_shifts_foreground_rows_only) {
    const double frequencies[] = {0.5, 0.01, 0.0001};
    const float logits[] = {1, 0.5f, -0.25f, 1, 0.5f, -0.25f};
    const int32_t labels[] = {2, 3};
    const double want[] = {0.731059, 0.016381, -0.999922, 0.731059, 0.622459, 0.437823};
    float offset[3], gradient[6], loss[2];
    struct balact_prior prior = BALACT_PRIOR_INIT;
    struct balact_problem problem = BALACT_PROBLEM_INIT;
    prior.values = frequencies;
    prior.classes = 3;
    prior.kind = BALACT_PRIOR_FREQUENCIES;
    prior.background = BALACT_BACKGROUND_IMPLICIT;
    ck_assert(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, NULL) == BALACT_OK);
    problem.rows = 2;
    problem.cols = problem.ld = problem.ld_out = 3;
    problem.logits = logits;
    problem.labels = labels;
    problem.offset = offset;
    problem.offset_foreground_only = true;
    problem.background = BALACT_BACKGROUND_IMPLICIT;
    problem.out = gradient;
    problem.loss = loss;
    ck_assert(balact_loss_grad(NULL, BALACT_BALANCED_SIGMOID, &problem, NULL) == BALACT_OK);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq_tol(gradient[i], want[i], 1e-6);
    ck_assert_double_eq_tol(loss[0], 10.790097, 2e-6 * 11);
    ck_assert_double_eq_tol(loss[1], 2.863278, 2e-6 * 3);
}
END_TEST

/* ---- Calibration ---- */

START_TEST(calibration_by_hand) {
    struct balact_lvis_category categories[3] = {{.id = 1, .frequency = BALACT_LVIS_RARE},
                                                 {.id = 2, .frequency = BALACT_LVIS_FREQUENT},
                                                 {.id = 3, .frequency = BALACT_LVIS_FREQUENT}};
    struct balact_lvis_image image = {.id = 9, .width = 100, .height = 100};
    struct balact_lvis_annotation annotations[2] = {
        {.id = 1, .box = {0, 0, 10, 10}, .image = 0, .category = 0},
        {.id = 2, .box = {50, 50, 10, 10}, .image = 0, .category = 1}};
    int64_t negative_start[] = {0, 0}, not_exhaustive_start[] = {0, 1};
    int32_t none[1] = {0}, not_exhaustive[] = {1};
    const struct balact_lvis lvis = {.categories = 3,
                                     .category = categories,
                                     .images = 1,
                                     .image = &image,
                                     .negative_start = negative_start,
                                     .negative = none,
                                     .not_exhaustive_start = not_exhaustive_start,
                                     .not_exhaustive = not_exhaustive,
                                     .annotations = 2,
                                     .annotation = annotations};
    const float boxes[] = {0, 0, 10, 10, 1, 0, 10, 10, 50, 50, 10, 10, 80, 80, 5, 5};
    const struct lvis_detection detections[] = {
        {0, 0, 0.9f}, /* hits */
        {1, 0, 0.7f}, /* the object is taken: a miss */
        {2, 1, 0.6f}, /* hits */
        {3, 1, 0.5f}, /* a miss where the image is not exhaustive: not judged */
        {3, 2, 0.4f}, /* the image says nothing of the category: not judged */
    };
    struct lvis_calibration c;
    ck_assert(lvis_calibration_open(&c, &lvis, NULL) == BALACT_OK);
    lvis_calibration_add(&c, 0, detections, 5, boxes);
    ck_assert_int_eq(c.group[LVIS_GROUP_ALL].judged, 3);
    ck_assert_double_eq_tol(lvis_calibration_ece(&c, BALACT_LVIS_RARE), (0.1 + 0.7) / 2, 1e-6);
    ck_assert_double_eq_tol(lvis_calibration_brier(&c, BALACT_LVIS_RARE), (0.01 + 0.49) / 2, 1e-6);
    ck_assert_double_eq_tol(lvis_calibration_ece(&c, LVIS_GROUP_ALL), (0.1 + 0.7 + 0.4) / 3, 1e-6);
    ck_assert(isnan(lvis_calibration_ece(&c, BALACT_LVIS_COMMON)));
    lvis_calibration_release(&c);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("lvis_detect", iou_by_hand, suppression_goes_by_score_within_a_category,
                      threshold_cap_and_ties, lazy_walk_equals_the_definition,
                      repeats_have_the_factor_as_mean, shuffles_are_permutations_without_favorites,
                      rows_keep_their_share, prior_shifts_foreground_rows_only,
                      calibration_by_hand);
}
