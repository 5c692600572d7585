/* SPDX-License-Identifier: MIT
 *
 * What the files of the LVIS evaluator share: annotations and detections grouped by category and
 * image, and what matching found out about each detection.
 */
#ifndef BALACT_EVALUATE_LVIS_CASE_H
#define BALACT_EVALUATE_LVIS_CASE_H

#include "balact/lvis_evaluate.h"

struct balact_archive;
struct balact_json_options;

/* balact_lvis_detections_load() of the current member of an archive, without a hash. cut may be
 * NULL. */
balact_status balact_lvis_detections_read(struct balact_archive *archive,
                                          const struct balact_lvis *lvis,
                                          const struct balact_lvis_detections_options *options,
                                          const struct balact_json_options *cut,
                                          struct balact_lvis_detections *detections,
                                          struct balact_error *error);

enum { LVIS_MAX_DETECTIONS = 300, LVIS_FIXED_DETECTIONS = 10000 };

/* Bits s * BALACT_LVIS_THRESHOLDS + t: at size s and threshold t the detection was matched, is
 * ignored. True positive: matched and not ignored; false positive: neither. */
struct lvis_outcome {
    uint64_t matched, ignored;
};
#define LVIS_ALL_BITS ((UINT64_C(1) << (BALACT_LVIS_SIZES * BALACT_LVIS_THRESHOLDS)) - 1)

static inline uint64_t lvis_bit(int size, int threshold) {
    return UINT64_C(1) << (size * BALACT_LVIS_THRESHOLDS + threshold);
}

struct lvis_case {
    const struct balact_lvis *lvis;
    const struct balact_lvis_detections *detections;
    struct balact_lvis_evaluate_options options; /* with defaults filled in */
    /* Of category c at [start[c], start[c + 1]). truth: annotations by image, then in the file's
     * order; found: detections by image, then by falling score, then in the file's order. */
    int64_t *truth_start, *found_start; /* [categories + 1] */
    int64_t *truth, *found;
    int64_t kept;
    struct lvis_outcome *outcome; /* of found[] */
    int64_t *truths;              /* [categories][sizes] to be found */
};

/* Fills truth and found. */
balact_status balact_lvis_case_group(struct lvis_case *c, struct balact_error *error);
void balact_lvis_case_release(struct lvis_case *c);

/* Fills outcome and truths. */
balact_status balact_lvis_case_match(struct lvis_case *c, struct balact_error *error);

/* Fills precision, recall, category and metric, and pooled if asked for. */
balact_status balact_lvis_case_accumulate(const struct lvis_case *c,
                                          struct balact_lvis_evaluation *evaluation,
                                          struct balact_error *error);

/* The 13 numbers from precision[T][R][categories][sizes] and recall[T][categories][sizes]; those of
 * groups from the categories of that frequency. */
balact_status balact_lvis_summarize(const double *precision, const double *recall,
                                    int32_t categories, const struct balact_lvis_category *category,
                                    double metric[BALACT_LVIS_METRIC_COUNT],
                                    struct balact_error *error);

/* The sum in the order in which numpy takes it. */
double balact_lvis_pairwise_sum(const double *x, int64_t n);

/* A detection by score, best first; ties by place. */
struct lvis_ranked {
    double score;
    int64_t place;
};
void balact_lvis_rank(struct lvis_ranked *ranked, int64_t n);

/* The area that decides on a detection's size. */
double balact_lvis_detection_area(const struct lvis_case *c,
                                  const struct balact_lvis_region *region);

#endif
