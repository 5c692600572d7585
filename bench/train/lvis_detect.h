/* SPDX-License-Identifier: MIT
 *
 * From scores to detections: threshold, class-wise non-maximum suppression and the best few of an
 * image over all categories.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_DETECT_H
#define BALACT_BENCH_TRAIN_LVIS_DETECT_H

#include <stdint.h>

#include "balact/status.h"

struct lvis_detect_rules {
    double score_threshold;       /* kept are scores above it */
    double nms_iou;               /* of one category, a box that overlaps a better one more goes */
    int64_t detections_per_image; /* over all categories */
};

struct lvis_detection {
    int32_t row, category; /* of the image's rows; index of the category */
    float score;
};

/* Memory of one thread, grown as needed; start zeroed. */
struct lvis_detector {
    struct lvis_detection *candidate; /* a heap */
    int64_t candidate_limit;
    int32_t *last; /* [categories] the last kept detection of the category, -1 if none */
    int32_t *before; /* [detections_per_image] the kept one of the category before this */
    int64_t category_limit, kept_limit;
};

/* Intersection over union of two boxes x, y, width, height; 0 where both are empty. */
double lvis_box_iou(const float a[4], const float b[4]);

/* The detections of one image, best first (ties: lower category, then lower row), into
 * out[rules->detections_per_image]; *count is their number. scores[rows][ld] of `categories`
 * columns, NaN never detected; boxes[rows][4]. Suppression goes by falling score within a category:
 * a box goes if its IoU with a kept one is above nms_iou. */
balact_status lvis_detect(struct lvis_detector *detector, const struct lvis_detect_rules *rules,
                          const float *scores, int64_t ld, const float *boxes, int64_t rows,
                          int32_t categories, struct lvis_detection *out, int64_t *count,
                          struct balact_error *error);
void lvis_detector_release(struct lvis_detector *detector);

#endif
