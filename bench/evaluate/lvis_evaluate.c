/* SPDX-License-Identifier: MIT
 *
 * The LVIS evaluator's entry (balact/lvis_evaluate.h): options, then grouping, matching and
 * accumulating, each in a file of its own.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/evaluate/lvis_case.h"

const char *balact_lvis_metric_name(enum balact_lvis_metric metric) {
    static const char *const names[BALACT_LVIS_METRIC_COUNT] = {
#define METRIC_NAME(id, name) [BALACT_LVIS_##id] = name,
        BALACT_LVIS_METRIC_LIST(METRIC_NAME)
#undef METRIC_NAME
    };
    return (unsigned)metric < BALACT_LVIS_METRIC_COUNT ? names[metric] : "?";
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static balact_status check_options(const struct balact_lvis_detections *detections,
                                   struct balact_lvis_evaluate_options *options,
                                   struct balact_error *error) {
    if (options->max_detections < -1 || options->fixed_detections < 0)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "evaluation: a cap of %lld detections",
                           (long long)(options->fixed_detections < 0 ? options->fixed_detections
                                                                     : options->max_detections));
    if (options->max_detections == 0)
        options->max_detections = LVIS_MAX_DETECTIONS;
    if (options->fixed_detections == 0)
        options->fixed_detections = LVIS_FIXED_DETECTIONS;
    if (!detections->masks &&
        (options->iou == BALACT_LVIS_IOU_MASK || options->area == BALACT_LVIS_AREA_MASK))
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "evaluation: masks are asked for, but detections were read without");
    return BALACT_OK;
}

balact_status balact_lvis_evaluate(const struct balact_lvis *lvis,
                                   const struct balact_lvis_detections *detections,
                                   const struct balact_lvis_evaluate_options *options,
                                   struct balact_lvis_evaluation *evaluation,
                                   struct balact_error *error) {
    struct lvis_case c = {.lvis = lvis, .detections = detections};
    struct balact_error own = {0}; /* matching reads it back */
    memset(evaluation, 0, sizeof *evaluation);
    if (options)
        c.options = *options;
    balact_status status = check_options(detections, &c.options, error);
    if (status != BALACT_OK)
        return status;
    double start = now();
    status = balact_lvis_case_group(&c, &own);
    if (status == BALACT_OK)
        status = balact_lvis_case_match(&c, &own);
    double matched = now();
    if (status == BALACT_OK)
        status = balact_lvis_case_accumulate(&c, evaluation, &own);
    evaluation->detections = detections->count;
    evaluation->kept = c.kept;
    evaluation->seconds_match = matched - start;
    evaluation->seconds_accumulate = now() - matched;
    balact_lvis_case_release(&c);
    if (status == BALACT_OK)
        return BALACT_OK;
    balact_lvis_evaluation_release(evaluation);
    return balact_fail(error, status, "%s", own.message);
}

void balact_lvis_evaluation_release(struct balact_lvis_evaluation *evaluation) {
    free(evaluation->category);
    free(evaluation->precision);
    free(evaluation->recall);
    memset(evaluation, 0, sizeof *evaluation);
}
