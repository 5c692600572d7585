/* SPDX-License-Identifier: MIT
 *
 * What the files of balact/lvis_evaluate.h share: who is compared with whom (lvis_groups.c), what
 * matches (lvis_match.c), and the curves of a ranking (lvis_curve.c).
 */
#ifndef BALACT_EVALUATE_LVIS_PARTS_H
#define BALACT_EVALUATE_LVIS_PARTS_H

#include "balact/lvis_evaluate.h"

/* ---- Groups ---- */

/* Detections and annotations by category. Within a category by image; then detections by falling
 * score, equals in the file's order, annotations in the file's order. */
struct lvis_groups {
    int64_t *detection_start, *truth_start; /* [categories + 1] */
    int64_t *detection, *truth;             /* indices of detection[] and annotation[] */
    int64_t kept;                           /* detections under the cap, of whatever category */
};
balact_status lvis_groups_make(struct lvis_groups *groups, const struct balact_lvis *lvis,
                               const struct balact_lvis_detections *detections,
                               const struct balact_lvis_evaluate_options *options,
                               struct balact_error *error);
void lvis_groups_release(struct lvis_groups *groups);

/* ---- Matching ---- */

/* What became of a detection, for each size: bit t for threshold t. Neither: a false positive. */
struct lvis_outcome {
    double score;
    uint16_t hit[BALACT_LVIS_SIZES], ignored[BALACT_LVIS_SIZES];
};

/* Matches all detections of a category. outcome[] has a place for each of its detections, in the
 * order of groups; truths[s] becomes the number of annotations to be found. ERROR_MEMORY, or what
 * makes a mask unreadable. */
balact_status lvis_match_category(const struct balact_lvis *lvis,
                                  const struct balact_lvis_detections *detections,
                                  const struct balact_lvis_evaluate_options *options,
                                  const struct lvis_groups *groups, int32_t category,
                                  struct lvis_outcome *outcome, int64_t truths[BALACT_LVIS_SIZES],
                                  struct balact_error *error);

/* ---- Curves ---- */

/* Where a curve's numbers go: precision[t * precision_step[0] + r * precision_step[1]] and
 * recall[t * recall_step]. */
struct lvis_curve {
    double *precision, *recall;
    int64_t precision_step[2], recall_step;
};

/* Sorts outcome[count] by falling score, equals as they stand. */
void lvis_rank(struct lvis_outcome *outcome, int64_t count, struct lvis_outcome *scratch);

/* The curves of one size over ranked outcomes; scratch[2 * count]. Nothing is written where truths
 * is 0. */
void lvis_curve(const struct lvis_outcome *outcome, int64_t count, int size, int64_t truths,
                struct lvis_curve curve, double *scratch);

#endif
