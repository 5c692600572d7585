/* SPDX-License-Identifier: MIT
 *
 * See lvis_score.h.
 */
#include "bench/train/lvis_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/lvis_evaluate.h"

void lvis_scores_release(struct lvis_scores *scores) {
    free(scores->category_ap);
    memset(scores, 0, sizeof *scores);
}

_Static_assert((int)LVIS_NUMBER_COUNT == (int)BALACT_LVIS_METRIC_COUNT &&
                   (int)LVIS_APR == (int)BALACT_LVIS_APR && (int)LVIS_AR == (int)BALACT_LVIS_AR,
               "the 13 numbers stand in the official order in both lists");

/* The evaluator says -1 where nothing is to be found. */
static double number_or_nan(double value) {
    return value < 0 ? NAN : value;
}

static balact_status take(const struct balact_lvis_evaluation *evaluation,
                          struct lvis_scores *scores, struct balact_error *error) {
    scores->category_ap = malloc(((size_t)evaluation->categories + 1) * sizeof(double));
    if (!scores->category_ap)
        return balact_fail(error, BALACT_ERROR_MEMORY, "scores: out of memory");
    for (int i = 0; i < LVIS_NUMBER_COUNT; i++)
        scores->number[i] = number_or_nan(evaluation->metric[i]);
    for (int32_t c = 0; c < evaluation->categories; c++)
        scores->category_ap[c] = number_or_nan(evaluation->category[c].ap);
    return BALACT_OK;
}

balact_status lvis_score(const char *path, const struct balact_lvis *lvis, bool masks,
                         struct lvis_scores *scores, struct balact_error *error) {
    const struct balact_lvis_detections_options read = {.masks = masks};
    const struct balact_lvis_evaluate_options options = {
        .iou = masks ? BALACT_LVIS_IOU_MASK : BALACT_LVIS_IOU_BOX};
    struct balact_lvis_detections detections;
    struct balact_lvis_evaluation evaluation;
    memset(scores, 0, sizeof *scores);
    balact_status status = balact_lvis_detections_load(path, lvis, &read, &detections, error);
    if (status != BALACT_OK)
        return status;
    status = balact_lvis_evaluate(lvis, &detections, &options, &evaluation, error);
    if (status == BALACT_OK) {
        status = take(&evaluation, scores, error);
        balact_lvis_evaluation_release(&evaluation);
    }
    balact_lvis_detections_release(&detections);
    return status;
}
