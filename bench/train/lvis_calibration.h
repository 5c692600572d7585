/* SPDX-License-Identifier: MIT
 *
 * How far the scores of detections can be believed: does a detection of score s find an object with
 * probability s? By group of category frequency.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_CALIBRATION_H
#define BALACT_BENCH_TRAIN_LVIS_CALIBRATION_H

#include "balact/lvis.h"
#include "bench/train/lvis_detect.h"

enum { LVIS_CALIBRATION_BINS = 15, LVIS_GROUP_ALL = BALACT_LVIS_FREQUENCY_COUNT };

struct lvis_calibration {
    const struct balact_lvis *lvis;
    int64_t *start;   /* [images + 1] into of_image; owned */
    int32_t *of_image; /* annotations by image; owned */
    bool *taken;       /* [annotations]; owned */
    struct {
        int64_t count[LVIS_CALIBRATION_BINS];
        double scores[LVIS_CALIBRATION_BINS], hits[LVIS_CALIBRATION_BINS];
        double squares; /* sum of (score - hit)^2 */
        int64_t judged;
    } group[BALACT_LVIS_FREQUENCY_COUNT + 1];
};

balact_status lvis_calibration_open(struct lvis_calibration *calibration,
                                    const struct balact_lvis *lvis, struct balact_error *error);

/* Judges the detections of one image, best first: one hits if an object of its category that none
 * before it has taken overlaps it with an IoU of at least 0.5 (the largest one is taken). Not judged
 * are categories that the image says nothing of, and misses in its not-exhaustive ones. */
void lvis_calibration_add(struct lvis_calibration *calibration, int64_t image,
                          const struct lvis_detection *detections, int64_t count,
                          const float *boxes);

/* Expected calibration error over 15 equal-width bins of the score, and mean (score - hit)^2; NaN
 * where nothing was judged. group: enum balact_lvis_frequency or LVIS_GROUP_ALL. */
double lvis_calibration_ece(const struct lvis_calibration *calibration, int group);
double lvis_calibration_brier(const struct lvis_calibration *calibration, int group);
void lvis_calibration_release(struct lvis_calibration *calibration);

#endif
