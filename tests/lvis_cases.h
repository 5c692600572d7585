/* SPDX-License-Identifier: MIT
 *
 * Small LVIS cases made in memory, for tests of the evaluator: images of 100 x 100 pixels, boxes,
 * federated lists, detections. Ids are indices + 1.
 */
#ifndef BALACT_TESTS_LVIS_CASES_H
#define BALACT_TESTS_LVIS_CASES_H

#include <string.h>

#include "balact/lvis_evaluate.h"
#include "balact/mask.h"
#include "tests/harness.h"

enum { CASE_IMAGES = 4, CASE_CATEGORIES = 4, CASE_LIST = 4, CASE_MOST = 4096, CASE_TEXT = 1 << 16 };

struct lvis_test_case {
    struct balact_lvis lvis;
    struct balact_lvis_detections detections;
    struct balact_lvis_category category[CASE_CATEGORIES];
    struct balact_lvis_image image[CASE_IMAGES];
    struct balact_lvis_annotation annotation[CASE_MOST];
    int64_t negative_start[CASE_IMAGES + 1], not_exhaustive_start[CASE_IMAGES + 1];
    int32_t negative[CASE_IMAGES * CASE_LIST], not_exhaustive[CASE_IMAGES * CASE_LIST];
    struct balact_lvis_detection detection[CASE_MOST];
    struct balact_lvis_region region[CASE_MOST];
    uint32_t counts[CASE_MOST];
    char text[CASE_TEXT];
    int64_t counts_used;
    struct balact_lvis_evaluate_options options;
    struct balact_lvis_evaluation result;
};

static const char case_frequency[CASE_CATEGORIES] = {2, 2, 1, 0}; /* f f c r */

/* The one case in use, empty. */
static inline struct lvis_test_case *case_begin(void) {
    static struct lvis_test_case c;
    balact_lvis_evaluation_release(&c.result); /* the last test's */
    memset(&c, 0, sizeof c);
    for (int k = 0; k < CASE_CATEGORIES; k++)
        c.category[k] = (struct balact_lvis_category){
            .id = k + 1, .frequency = (enum balact_lvis_frequency)case_frequency[k]};
    for (int i = 0; i < CASE_IMAGES; i++)
        c.image[i] = (struct balact_lvis_image){.id = i + 1, .width = 100, .height = 100};
    c.lvis = (struct balact_lvis){.categories = CASE_CATEGORIES,
                                  .category = c.category,
                                  .images = CASE_IMAGES,
                                  .image = c.image,
                                  .negative_start = c.negative_start,
                                  .not_exhaustive_start = c.not_exhaustive_start,
                                  .negative = c.negative,
                                  .not_exhaustive = c.not_exhaustive,
                                  .annotation = c.annotation,
                                  .counts = c.counts};
    c.detections.detection = c.detection;
    c.detections.region = c.region;
    c.detections.text = c.text;
    c.detections.first_has_box = true;
    return &c;
}

/* Adds a category to a federated list of an image; categories in rising order. */
static inline void case_list(int64_t *start, int32_t *list, int image, int category) {
    int64_t at = start[image + 1];
    memmove(list + at + 1, list + at,
            (size_t)(start[CASE_IMAGES] - at) * sizeof *list); /* later images move up */
    list[at] = category;
    for (int i = image + 1; i <= CASE_IMAGES; i++)
        start[i]++;
}
#define case_negative(c, image, category)                                                          \
    case_list((c)->negative_start, (c)->negative, image, category)
#define case_not_exhaustive(c, image, category)                                                    \
    case_list((c)->not_exhaustive_start, (c)->not_exhaustive, image, category)

static inline struct balact_lvis_annotation *case_truth(struct lvis_test_case *c, int image,
                                                        int category, double x, double y, double w,
                                                        double h) {
    struct balact_lvis_annotation *a = &c->annotation[c->lvis.annotations++];
    ck_assert_int_lt(c->lvis.annotations, CASE_MOST);
    *a = (struct balact_lvis_annotation){.id = c->lvis.annotations,
                                         .box = {x, y, w, h},
                                         .area = w * h,
                                         .image = image,
                                         .category = category};
    return a;
}

static inline struct balact_lvis_region *case_found(struct lvis_test_case *c, int image,
                                                    int category, double score, double x, double y,
                                                    double w, double h) {
    struct balact_lvis_region *region = &c->region[c->detections.regions];
    ck_assert_int_lt(c->detections.count, CASE_MOST);
    c->detection[c->detections.count++] =
        (struct balact_lvis_detection){score, image, category, c->detections.regions++};
    *region = (struct balact_lvis_region){.box = {x, y, w, h}, .flags = BALACT_LVIS_HAS_BOX};
    return region;
}

/* The box of whole pixels as mask of a truth, of a detection. */
static inline void case_truth_mask(struct lvis_test_case *c, struct balact_lvis_annotation *a) {
    uint32_t x = (uint32_t)a->box[0], y = (uint32_t)a->box[1], w = (uint32_t)a->box[2],
             h = (uint32_t)a->box[3];
    a->kind = BALACT_LVIS_RLE;
    a->first = c->counts_used;
    for (uint32_t column = 0; column < w; column++) {
        c->counts[c->counts_used++] = column ? 100 - h : 100 * x + y;
        c->counts[c->counts_used++] = h;
    }
    c->counts[c->counts_used++] = 10000 - (100 * (x + w - 1) + y + h);
    a->count = (int32_t)(c->counts_used - a->first);
}

static inline void case_found_mask(struct lvis_test_case *c, struct balact_lvis_region *region,
                                   double x, double y, double w, double h) {
    const double square[] = {x, y, x, y + h, x + w, y + h, x + w, y};
    struct balact_mask mask = {0};
    size_t length;
    ck_assert_int_eq(balact_mask_from_polygon(&mask, square, 4, 100, 100, NULL), BALACT_OK);
    ck_assert(c->detections.text_bytes + BALACT_MASK_TEXT_MAX(mask.runs) < CASE_TEXT);
    balact_mask_to_text(&mask, c->text + c->detections.text_bytes, &length);
    region->text = c->detections.text_bytes;
    region->text_length = (int32_t)length;
    region->mask_area = balact_mask_area(&mask);
    region->flags |= BALACT_LVIS_HAS_MASK;
    c->detections.text_bytes += length;
    c->detections.masks = true;
    balact_mask_release(&mask);
}

/* Evaluates into c->result, whatever was there before. */
static inline void case_evaluate(struct lvis_test_case *c) {
    struct balact_error error;
    balact_lvis_evaluation_release(&c->result);
    ck_assert_msg(balact_lvis_evaluate(&c->lvis, &c->detections, &c->options, &c->result, &error) ==
                      BALACT_OK,
                  "%s", error.message);
}

static inline void ck_metric(const struct lvis_test_case *c, enum balact_lvis_metric metric,
                             double wanted) {
    ck_assert_msg(c->result.metric[metric] - wanted <= 1e-15 &&
                      wanted - c->result.metric[metric] <= 1e-15,
                  "%s: %.17g, wanted %.17g", balact_lvis_metric_name(metric),
                  c->result.metric[metric], wanted);
}

#endif
