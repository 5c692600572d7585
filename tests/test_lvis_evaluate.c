/* SPDX-License-Identifier: MIT
 *
 * Federated average precision, rule by rule, in cases small enough to be worked by hand.
 */
#include <math.h>

#include "balact/backend.h"
#include "balact/random.h"
#include "tests/files.h"
#include "tests/lvis_cases.h"

/* ---- What counts ---- */

START_TEST(one_found) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.5, 10, 10, 20, 20);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    ck_metric(c, BALACT_LVIS_APS, 1);
    ck_metric(c, BALACT_LVIS_APM, -1); /* nothing of that size, nothing of those groups */
    ck_metric(c, BALACT_LVIS_APR, -1);
    ck_metric(c, BALACT_LVIS_APF, 1);
    ck_metric(c, BALACT_LVIS_AR, 1);
    ck_metric(c, BALACT_LVIS_ARL, -1);
    ck_assert(isnan(c->result.pooled[BALACT_LVIS_AP]));
    ck_assert_double_eq_tol(c->result.category[0].ap, 1, 1e-15); /* 1 / (1 + eps), officially */
    ck_assert_double_eq(c->result.category[1].ap, -1);
    ck_assert_int_eq(c->result.category[0].truths, 1);
    ck_assert_int_eq(c->result.category[0].detections, 1);
}
END_TEST

START_TEST(nothing_detected) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 10, 10, 20, 20);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0);
    ck_metric(c, BALACT_LVIS_AR, 0);
    ck_metric(c, BALACT_LVIS_APC, -1);
    c = case_begin(); /* and nothing to be found */
    case_found(c, 0, 0, 0.5, 10, 10, 20, 20);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, -1);
}
END_TEST

START_TEST(only_annotated_categories_count) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 1, 0, 10, 10, 20, 20);
    case_found(c, 1, 0, 0.5, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.9, 10, 10, 20, 20); /* image 0 was not looked through for it */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    case_negative(c, 0, 0); /* now it was: wrong */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
    case_not_exhaustive(c, 0, 0); /* not entirely: it may be right */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
}
END_TEST

START_TEST(matches_count_where_not_exhaustive) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 10, 10, 20, 20);
    case_not_exhaustive(c, 0, 0);
    case_found(c, 0, 0, 0.5, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.9, 50, 50, 20, 20);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
}
END_TEST

/* What the image was not annotated for takes up places all the same. */
START_TEST(cap_by_image_over_all_categories) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.5, 10, 10, 20, 20);
    for (int i = 0; i < 300; i++) {
        case_found(c, 0, 2, 0.9, 0, 0, 5, 5);
        c->detection[c->detections.count - 1].region = -1;
    }
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0);
    ck_assert_int_eq(c->result.detections, 301);
    ck_assert_int_eq(c->result.kept, 300);
    ck_assert_int_eq(c->result.counted, 0);
    c->options.max_detections = 301;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    c->options.max_detections = -1;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    ck_assert_int_eq(c->result.counted, 1);
}
END_TEST

START_TEST(cap_keeps_the_first_of_equals) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.5, 50, 50, 20, 20);
    case_found(c, 0, 0, 0.5, 10, 10, 20, 20);
    c->options.max_detections = 1;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0);
    c->detection[1].score = 0.6;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
}
END_TEST

START_TEST(without_area_means_not_there) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.5, 10, 10, 20, 20);
    case_found(c, 0, 0, 0.9, 50, 50, 0, 20); /* wrong, but of no area */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    case_truth(c, 1, 0, 10, 10, 20, 20)->area = 0; /* so image 1 is not annotated either */
    case_found(c, 1, 0, 0.9, 50, 50, 20, 20);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    ck_assert_int_eq(c->result.category[0].truths, 1);
    ck_assert_int_eq(c->result.category[0].detections, 1);
}
END_TEST

/* ---- Matching ---- */

/* Both overlap the first detection by 90 / 110; the second reaches only the later truth. */
START_TEST(ties_go_to_the_later_truth) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 10, 10);
    case_truth(c, 0, 0, 2, 0, 10, 10);
    case_found(c, 0, 0, 0.9, 1, 0, 10, 10);
    case_found(c, 0, 0, 0.8, 4, 0, 10, 10);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP50, 51.0 / 101);
    c->annotation[0].box[0] = 2;
    c->annotation[1].box[0] = 0;
    case_evaluate(c); /* the other way round both are found */
    ck_metric(c, BALACT_LVIS_AP50, 1);
}
END_TEST

START_TEST(each_truth_is_found_once) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 10, 10);
    case_truth(c, 0, 0, 50, 50, 10, 10);
    case_found(c, 0, 0, 0.9, 0, 0, 10, 10);
    case_found(c, 0, 0, 0.8, 0, 0, 10, 10);
    case_found(c, 0, 0, 0.7, 50, 50, 10, 10);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, (51 + 50 * 2.0 / 3) / 101);
    ck_metric(c, BALACT_LVIS_AR, 1);
}
END_TEST

/* IoU .62 with one that counts, 1 with one to be ignored: right up to .60, ignored above. */
START_TEST(ignored_truths_come_last) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 100, 100)->ignore = true;
    case_truth(c, 0, 0, 0, 0, 62, 100);
    case_found(c, 0, 0, 0.9, 0, 0, 100, 100);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.3);
    ck_metric(c, BALACT_LVIS_AP50, 1);
    ck_metric(c, BALACT_LVIS_AP75, 0);
    ck_assert_int_eq(c->result.category[0].truths, 1);
}
END_TEST

START_TEST(sizes) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 40, 40);      /* medium */
    case_found(c, 0, 0, 0.9, 60, 60, 9, 9); /* small and wrong: nothing to medium */
    case_found(c, 0, 0, 0.8, 0, 0, 40, 40);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
    ck_metric(c, BALACT_LVIS_APM, 1);
    ck_metric(c, BALACT_LVIS_APS, -1);
    c->annotation[0].area = 1024; /* edges belong to both sides */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_APS, 0.5);
    ck_metric(c, BALACT_LVIS_APM, 1);
    c->annotation[0].area = 9216;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_APM, 1);
    ck_metric(c, BALACT_LVIS_APL, 1);
    ck_metric(c, BALACT_LVIS_APS, -1);
}
END_TEST

START_TEST(thresholds_are_reached_by_equality) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 100, 100);
    case_found(c, 0, 0, 0.9, 0, 0, 75, 100);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP75, 1);
    ck_metric(c, BALACT_LVIS_AP, 0.6);
    ck_assert(balact_lvis_threshold(0) == 0.5 && balact_lvis_threshold(5) == 0.75 &&
              balact_lvis_threshold(9) == 0.95);
    ck_assert(balact_lvis_recall(0) == 0 && balact_lvis_recall(100) == 1);
}
END_TEST

/* ---- Ranking and means ---- */

START_TEST(equal_scores_rank_by_image) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 1, 0, 0, 0, 10, 10);
    case_negative(c, 0, 0);
    case_negative(c, 2, 0);
    case_found(c, 1, 0, 0.5, 0, 0, 10, 10);
    case_found(c, 2, 0, 0.5, 0, 0, 10, 10); /* behind, wherever it stands in the file */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
    case_found(c, 0, 0, 0.5, 0, 0, 10, 10); /* before */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
}
END_TEST

/* Categories without truth are left out; each counts once, however many images it has. */
START_TEST(means_over_categories) {
    struct lvis_test_case *c = case_begin();
    for (int i = 0; i < 3; i++) {
        case_truth(c, i, 0, 0, 0, 10, 10);
        case_found(c, i, 0, 0.5, 0, 0, 10, 10);
    }
    case_truth(c, 0, 3, 0, 0, 10, 10);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
    ck_metric(c, BALACT_LVIS_APF, 1);
    ck_metric(c, BALACT_LVIS_APR, 0);
    ck_metric(c, BALACT_LVIS_APC, -1);
    ck_assert(balact_lvis_mean_precision(&c->lvis, &c->result, 0, 100, -1) == 0.5);
    ck_assert(balact_lvis_mean_precision(&c->lvis, &c->result, 9, 0, BALACT_LVIS_FREQUENT) == 1);
    ck_assert(balact_lvis_mean_precision(&c->lvis, &c->result, 0, 0, BALACT_LVIS_COMMON) == -1);
}
END_TEST

START_TEST(fixed_keeps_the_best_of_each_category) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 10, 10);
    case_truth(c, 1, 1, 0, 0, 10, 10);
    case_found(c, 0, 0, 0.5, 0, 0, 10, 10);
    case_found(c, 2, 0, 0.9, 0, 0, 10, 10); /* not annotated there, but the best of its category */
    case_found(c, 1, 1, 0.1, 0, 0, 10, 10);
    c->options.fixed = true;
    c->options.fixed_detections = 1;
    c->options.max_detections = 1;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
    ck_assert_int_eq(c->result.kept, 2);
    c->options.fixed_detections = 0; /* 10,000 */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 1);
}
END_TEST

/* Category 1's only detection is wrong and scores highest: by itself it spoils half of AP, in one
 * ranking it lowers the precision of the other's. */
START_TEST(pooled_ranks_all_together) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 10, 10);
    case_truth(c, 0, 1, 50, 50, 10, 10);
    case_found(c, 0, 0, 0.5, 0, 0, 10, 10);
    case_found(c, 0, 1, 0.9, 0, 0, 10, 10);
    c->options.pooled = true;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
    ck_assert_double_eq_tol(c->result.pooled[BALACT_LVIS_AP], 51 * 0.5 / 101, 1e-15);
    ck_assert_double_eq_tol(c->result.pooled[BALACT_LVIS_APF], 51 * 0.5 / 101, 1e-15);
    ck_assert(c->result.pooled[BALACT_LVIS_APR] == -1);
    ck_assert(c->result.pooled[BALACT_LVIS_AR] == 0.5);
}
END_TEST

/* ---- Masks ---- */

/* A detection whose box is right and whose mask is half of it, and one that is small by its mask
 * alone. */
START_TEST(masks_and_areas) {
    struct lvis_test_case *c = case_begin();
    case_truth_mask(c, case_truth(c, 0, 0, 0, 0, 40, 40));
    case_found_mask(c, case_found(c, 0, 0, 0.8, 0, 0, 40, 40), 0, 0, 40, 30); /* IoU .75 */
    case_found_mask(c, case_found(c, 0, 0, 0.9, 50, 50, 40, 40), 50, 50, 20, 20);
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5);
    c->options.iou = BALACT_LVIS_IOU_MASK;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_AP, 0.5 * 0.6);
    ck_metric(c, BALACT_LVIS_APM, 0.5 * 0.6); /* officially the box says medium */
    c->options.area = BALACT_LVIS_AREA_MASK;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_APM, 0.6);
    c->options.area = BALACT_LVIS_AREA_BOX;
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_APM, 0.5 * 0.6);
    c->options.area = BALACT_LVIS_AREA_OFFICIAL;
    c->detections.first_has_box = false; /* no boxes in the results: the mask's area, officially */
    case_evaluate(c);
    ck_metric(c, BALACT_LVIS_APM, 0.6);
}
END_TEST

/* ---- Refusals ---- */

static void refuse(struct lvis_test_case *c, balact_status status, const char *why) {
    struct balact_error error = {0};
    ck_assert_int_ne(
        balact_lvis_evaluate(&c->lvis, &c->detections, &c->options, &c->result, &error), BALACT_OK);
    ck_failed(error, status, why);
    ck_assert_ptr_null(c->result.precision);
}

START_TEST(refusals) {
    struct lvis_test_case *c = case_begin();
    case_truth(c, 0, 0, 0, 0, 10, 10)->id = 0;
    refuse(c, BALACT_ERROR_RANGE, "id 0");
    c = case_begin();
    case_truth(c, 0, 0, 0, 0, 10, 10)->id = 77;
    case_found(c, 0, 0, 0.5, 0, 0, 10, 10);
    c->options.iou = BALACT_LVIS_IOU_MASK;
    refuse(c, BALACT_ERROR_ARGUMENT, "read without");
    c->detections.masks = true;
    refuse(c, BALACT_ERROR_RANGE, "annotation 77 has no mask");
    c->options.max_detections = -2;
    refuse(c, BALACT_ERROR_ARGUMENT, "a cap of -2");
}
END_TEST

/* ---- Any number of threads ---- */

static double drawn(uint64_t i, uint64_t what) {
    return balact_random_uniform(11, what, i);
}

static void random_case(struct lvis_test_case *c) {
    for (uint64_t i = 0; i < 200; i++) {
        double x = 50 * drawn(i, 0), y = 50 * drawn(i, 1);
        int image = (int)(4 * drawn(i, 2)), category = (int)(4 * drawn(i, 3));
        case_truth(c, image, category, x, y, 20, 30);
        for (uint64_t j = 4 * i; j < 4 * i + 4; j++)
            case_found(c, image, category, 0.1 * floor(10 * drawn(j, 4)), x + 10 * drawn(j, 5), y,
                       20, 30);
    }
}

START_TEST(threads_change_nothing) {
    struct lvis_test_case *c = case_begin();
    double first[BALACT_LVIS_METRIC_COUNT], pooled[BALACT_LVIS_METRIC_COUNT];
    int before = balact_threads();
    random_case(c);
    c->options.pooled = true;
    c->options.max_detections = 120;
    for (int threads = 1; threads <= 5; threads += 2) {
        balact_set_threads(threads);
        case_evaluate(c);
        if (threads == 1) {
            memcpy(first, c->result.metric, sizeof first);
            memcpy(pooled, c->result.pooled, sizeof pooled);
        }
        ck_assert_mem_eq(first, c->result.metric, sizeof first);
        ck_assert_mem_eq(pooled, c->result.pooled, sizeof pooled);
    }
    balact_set_threads(before);
    ck_assert(first[BALACT_LVIS_AP] > 0 && first[BALACT_LVIS_AP] < 1);
    balact_lvis_evaluation_release(&c->result);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("lvis_evaluate", one_found, nothing_detected, only_annotated_categories_count,
                      matches_count_where_not_exhaustive, cap_by_image_over_all_categories,
                      cap_keeps_the_first_of_equals, without_area_means_not_there,
                      ties_go_to_the_later_truth, each_truth_is_found_once,
                      ignored_truths_come_last, sizes, thresholds_are_reached_by_equality,
                      equal_scores_rank_by_image, means_over_categories,
                      fixed_keeps_the_best_of_each_category, pooled_ranks_all_together,
                      masks_and_areas, refusals, threads_change_nothing);
}
