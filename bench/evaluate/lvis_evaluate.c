/* SPDX-License-Identifier: MIT
 *
 * The federated average precision of LVIS: categories one by one, then the means. See
 * balact/lvis_evaluate.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/evaluate/lvis_parts.h"

static const char *const metric_names[BALACT_LVIS_METRIC_COUNT] = {
#define METRIC_NAME(id, name) name,
    BALACT_LVIS_METRIC_LIST(METRIC_NAME)
#undef METRIC_NAME
};

const char *balact_lvis_metric_name(enum balact_lvis_metric metric) {
    return (unsigned)metric < BALACT_LVIS_METRIC_COUNT ? metric_names[metric] : "unknown";
}

static double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What one evaluation holds beside its result. */
struct run {
    const struct balact_lvis *lvis;
    const struct balact_lvis_detections *detections;
    struct balact_lvis_evaluate_options options;
    struct lvis_groups groups;
    struct lvis_outcome *outcome;         /* [counted], by category */
    int64_t (*truths)[BALACT_LVIS_SIZES]; /* [categories] */
    struct balact_lvis_evaluation *evaluation;
};

/* ---- Means ---- */

/* A mean of values above -1 in a fixed order; -1 of none. */
struct mean {
    long double sum;
    int64_t count;
};

static void mean_add(struct mean *mean, double value) {
    if (value > -1.0) {
        mean->sum += value;
        mean->count++;
    }
}

static double mean_value(struct mean mean) {
    return mean.count ? (double)(mean.sum / (long double)mean.count) : -1.0;
}

static const double *precision_at(const struct balact_lvis_evaluation *e, int threshold, int recall,
                                  int32_t category, int size) {
    int64_t at = ((int64_t)threshold * BALACT_LVIS_RECALLS + recall) * e->categories + category;
    return e->precision + at * BALACT_LVIS_SIZES + size;
}

static const double *recall_at(const struct balact_lvis_evaluation *e, int threshold,
                               int32_t category, int size) {
    return e->recall + ((int64_t)threshold * e->categories + category) * BALACT_LVIS_SIZES + size;
}

/* Which numbers a mean is of. Negative: all of them. */
struct choice {
    int threshold, frequency, size; /* size is never negative */
    int32_t category;
    bool recall;
};

static double mean_of(const struct balact_lvis *lvis, const struct balact_lvis_evaluation *e,
                      struct choice choice) {
    struct mean mean = {0};
    for (int t = 0; t < BALACT_LVIS_THRESHOLDS; t++) {
        if (choice.threshold >= 0 && t != choice.threshold)
            continue;
        for (int r = 0; r < (choice.recall ? 1 : BALACT_LVIS_RECALLS); r++)
            for (int32_t c = 0; c < e->categories; c++) {
                if ((choice.category >= 0 && c != choice.category) ||
                    (choice.frequency >= 0 && (int)lvis->category[c].frequency != choice.frequency))
                    continue;
                mean_add(&mean, choice.recall ? *recall_at(e, t, c, choice.size)
                                              : *precision_at(e, t, r, c, choice.size));
            }
    }
    return mean_value(mean);
}

enum { AT_50 = 0, AT_75 = 5 };

/* The choice behind each of the official numbers. */
static struct choice choice_of(int metric) {
    struct choice choice = {.threshold = -1, .frequency = -1, .size = 0, .category = -1};
    switch (metric) {
    case BALACT_LVIS_AP50:
        choice.threshold = AT_50;
        break;
    case BALACT_LVIS_AP75:
        choice.threshold = AT_75;
        break;
    case BALACT_LVIS_APS:
    case BALACT_LVIS_APM:
    case BALACT_LVIS_APL:
        choice.size = 1 + metric - BALACT_LVIS_APS;
        break;
    case BALACT_LVIS_APR:
    case BALACT_LVIS_APC:
    case BALACT_LVIS_APF:
        choice.frequency = metric - BALACT_LVIS_APR;
        break;
    case BALACT_LVIS_AR:
    case BALACT_LVIS_ARS:
    case BALACT_LVIS_ARM:
    case BALACT_LVIS_ARL:
        choice.recall = true;
        choice.size = metric - BALACT_LVIS_AR;
        break;
    default:
        break;
    }
    return choice;
}

static void summarise(const struct run *run) {
    struct balact_lvis_evaluation *e = run->evaluation;
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++) {
        e->metric[m] = mean_of(run->lvis, e, choice_of(m));
        e->pooled[m] = NAN;
    }
#pragma omp parallel for schedule(dynamic, 16)
    for (int32_t c = 0; c < e->categories; c++) {
        struct balact_lvis_category_result *result = &e->category[c];
        double *to[BALACT_LVIS_METRIC_COUNT] = {
            [BALACT_LVIS_AP] = &result->ap,          [BALACT_LVIS_AP50] = &result->ap50,
            [BALACT_LVIS_AP75] = &result->ap75,      [BALACT_LVIS_APS] = &result->ap_size[0],
            [BALACT_LVIS_APM] = &result->ap_size[1], [BALACT_LVIS_APL] = &result->ap_size[2],
            [BALACT_LVIS_AR] = &result->ar,          [BALACT_LVIS_ARS] = &result->ar_size[0],
            [BALACT_LVIS_ARM] = &result->ar_size[1], [BALACT_LVIS_ARL] = &result->ar_size[2]};
        for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++) {
            struct choice choice = choice_of(m);
            choice.category = c;
            if (to[m])
                *to[m] = mean_of(run->lvis, e, choice);
        }
        result->truths = run->truths[c][0];
        result->detections = run->groups.detection_start[c + 1] - run->groups.detection_start[c];
    }
}

double balact_lvis_mean_precision(const struct balact_lvis *lvis,
                                  const struct balact_lvis_evaluation *evaluation, int threshold,
                                  int recall, int frequency) {
    struct mean mean = {0};
    for (int32_t c = 0; c < evaluation->categories; c++)
        if (frequency < 0 || (int)lvis->category[c].frequency == frequency)
            mean_add(&mean, *precision_at(evaluation, threshold, recall, c, 0));
    return mean_value(mean);
}

/* ---- Categories ---- */

static balact_status no_memory(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "no memory for the evaluation");
}

/* All matching. Of several failures the one of the first category is told. */
static balact_status match_all(struct run *run, struct balact_error *error) {
    balact_status status = BALACT_OK;
    int32_t first = INT32_MAX;
#pragma omp parallel for schedule(dynamic, 4)
    for (int32_t c = 0; c < run->lvis->categories; c++) {
        struct balact_error own;
        balact_status s = lvis_match_category(
            run->lvis, run->detections, &run->options, &run->groups, c,
            run->outcome + run->groups.detection_start[c], run->truths[c], &own);
        if (s != BALACT_OK) {
#pragma omp critical(balact_lvis_match)
            if (c < first) {
                first = c;
                status = s;
                if (error)
                    *error = own;
            }
        }
    }
    return status;
}

static bool curves_of_category(struct run *run, int32_t c) {
    struct balact_lvis_evaluation *e = run->evaluation;
    int64_t begin = run->groups.detection_start[c];
    int64_t count = run->groups.detection_start[c + 1] - begin;
    struct lvis_outcome *other = malloc((size_t)(count + 1) * sizeof *other);
    double *scratch = malloc((size_t)(count + 1) * 2 * sizeof *scratch);
    if (other && scratch) {
        lvis_rank(run->outcome + begin, count, other);
        for (int size = 0; size < BALACT_LVIS_SIZES; size++) {
            int64_t step = (int64_t)e->categories * BALACT_LVIS_SIZES;
            struct lvis_curve curve = {.precision = e->precision + c * BALACT_LVIS_SIZES + size,
                                       .recall = e->recall + c * BALACT_LVIS_SIZES + size,
                                       .precision_step = {step * BALACT_LVIS_RECALLS, step},
                                       .recall_step = step};
            lvis_curve(run->outcome + begin, count, size, run->truths[c][size], curve, scratch);
        }
    }
    bool fine = other && scratch;
    free(other);
    free(scratch);
    return fine;
}

static balact_status curves_of_all(struct run *run, struct balact_error *error) {
    struct balact_lvis_evaluation *e = run->evaluation;
    int64_t recalls = (int64_t)BALACT_LVIS_THRESHOLDS * e->categories * BALACT_LVIS_SIZES;
    for (int64_t k = 0; k < recalls * BALACT_LVIS_RECALLS; k++)
        e->precision[k] = -1.0;
    for (int64_t k = 0; k < recalls; k++)
        e->recall[k] = -1.0;
    bool failed = false;
#pragma omp parallel for schedule(dynamic, 4) reduction(|| : failed)
    for (int32_t c = 0; c < e->categories; c++)
        failed = failed || !curves_of_category(run, c);
    return failed ? no_memory(error) : BALACT_OK;
}

/* ---- All categories in one ranking (AP-pool) ---- */

/* One ranking of the categories of a frequency (-1: all): its curves of all sizes. */
static bool pooled_curves(const struct run *run, int frequency, double *precision, double *recall) {
    struct lvis_outcome *pool = malloc((size_t)(2 * run->evaluation->counted + 1) * sizeof *pool);
    double *scratch = malloc((size_t)(2 * run->evaluation->counted + 1) * sizeof *scratch);
    int64_t count = 0, truths[BALACT_LVIS_SIZES] = {0};
    bool fine = pool && scratch;
    for (int32_t c = 0; fine && c < run->lvis->categories; c++) {
        int64_t begin = run->groups.detection_start[c];
        int64_t n = run->groups.detection_start[c + 1] - begin;
        if (frequency >= 0 && (int)run->lvis->category[c].frequency != frequency)
            continue;
        memcpy(pool + count, run->outcome + begin, (size_t)n * sizeof *pool);
        count += n;
        for (int size = 0; size < BALACT_LVIS_SIZES; size++)
            truths[size] += run->truths[c][size];
    }
    if (fine)
        lvis_rank(pool, count, pool + run->evaluation->counted);
    for (int size = 0; fine && size < BALACT_LVIS_SIZES; size++) {
        struct lvis_curve curve = {
            .precision = precision + size,
            .recall = recall + size,
            .precision_step = {(int64_t)BALACT_LVIS_RECALLS * BALACT_LVIS_SIZES, BALACT_LVIS_SIZES},
            .recall_step = BALACT_LVIS_SIZES};
        lvis_curve(pool, count, size, truths[size], curve, scratch);
    }
    free(pool);
    free(scratch);
    return fine;
}

static balact_status pool_all(struct run *run, struct balact_error *error) {
    enum { RECALL_COUNT = BALACT_LVIS_THRESHOLDS * BALACT_LVIS_SIZES };
    double precision[RECALL_COUNT * BALACT_LVIS_RECALLS], recall[RECALL_COUNT];
    struct balact_lvis_evaluation one = {.categories = 1, .precision = precision, .recall = recall};
    for (int frequency = -1; frequency < BALACT_LVIS_FREQUENCY_COUNT; frequency++) {
        for (int k = 0; k < RECALL_COUNT * BALACT_LVIS_RECALLS; k++)
            precision[k] = -1.0;
        for (int k = 0; k < RECALL_COUNT; k++)
            recall[k] = -1.0;
        if (!pooled_curves(run, frequency, precision, recall))
            return no_memory(error);
        for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++) {
            struct choice choice = choice_of(m);
            if (choice.frequency != frequency)
                continue;
            choice.frequency = -1;
            run->evaluation->pooled[m] = mean_of(run->lvis, &one, choice);
        }
    }
    return BALACT_OK;
}

/* ---- The whole ---- */

static balact_status check(const struct balact_lvis *lvis,
                           const struct balact_lvis_detections *detections,
                           const struct balact_lvis_evaluate_options *options,
                           struct balact_error *error) {
    bool masks = options->iou == BALACT_LVIS_IOU_MASK;
    if ((unsigned)options->iou > BALACT_LVIS_IOU_MASK ||
        (unsigned)options->area > BALACT_LVIS_AREA_BOX || options->max_detections < -1 ||
        options->fixed_detections < 0)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "evaluation: an option is out of range");
    if ((masks || options->area == BALACT_LVIS_AREA_MASK) && !detections->masks)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "%s: masks are to be evaluated but were not read", detections->name);
    for (int64_t a = 0; a < lvis->annotations; a++) {
        const struct balact_lvis_annotation *annotation = &lvis->annotation[a];
        if (annotation->id <= 0)
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "%s: annotation %lld: ids must be above 0; the official evaluator "
                               "takes a match with 0 for a miss",
                               lvis->name, (long long)annotation->id);
        if (masks && annotation->kind == BALACT_LVIS_NO_SEGMENT)
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "%s: annotation %lld has no mask (or masks were not read)",
                               lvis->name, (long long)annotation->id);
    }
    return BALACT_OK;
}

static balact_status allocate(struct run *run, struct balact_error *error) {
    struct balact_lvis_evaluation *e = run->evaluation;
    size_t categories = (size_t)e->categories, counted = (size_t)e->counted;
    size_t recalls = BALACT_LVIS_THRESHOLDS * categories * BALACT_LVIS_SIZES;
    run->outcome = malloc((counted + 1) * sizeof *run->outcome);
    run->truths = calloc(categories + 1, sizeof *run->truths);
    e->category = calloc(categories + 1, sizeof *e->category);
    e->precision = malloc((recalls * BALACT_LVIS_RECALLS + 1) * sizeof *e->precision);
    e->recall = malloc((recalls + 1) * sizeof *e->recall);
    return run->outcome && run->truths && e->category && e->precision && e->recall
               ? BALACT_OK
               : no_memory(error);
}

static balact_status evaluate(struct run *run, struct balact_error *error) {
    struct balact_lvis_evaluation *e = run->evaluation;
    double begin = seconds_now();
    balact_status status =
        lvis_groups_make(&run->groups, run->lvis, run->detections, &run->options, error);
    if (status != BALACT_OK)
        return status;
    e->categories = run->lvis->categories;
    e->detections = run->detections->count;
    e->kept = run->groups.kept;
    e->counted = run->groups.detection_start[e->categories];
    if ((status = allocate(run, error)) != BALACT_OK ||
        (status = match_all(run, error)) != BALACT_OK)
        return status;
    double matched = seconds_now();
    e->seconds_match = matched - begin;
    if ((status = curves_of_all(run, error)) != BALACT_OK)
        return status;
    summarise(run);
    if (run->options.pooled)
        status = pool_all(run, error);
    e->seconds_accumulate = seconds_now() - matched;
    return status;
}

balact_status balact_lvis_evaluate(const struct balact_lvis *lvis,
                                   const struct balact_lvis_detections *detections,
                                   const struct balact_lvis_evaluate_options *options,
                                   struct balact_lvis_evaluation *evaluation,
                                   struct balact_error *error) {
    struct run run = {.lvis = lvis, .detections = detections, .evaluation = evaluation};
    *evaluation = (struct balact_lvis_evaluation){0};
    if (options)
        run.options = *options;
    balact_status status = check(lvis, detections, &run.options, error);
    if (status != BALACT_OK)
        return status;
    if (run.options.max_detections == 0)
        run.options.max_detections = 300;
    if (run.options.fixed_detections == 0)
        run.options.fixed_detections = 10000;
    status = evaluate(&run, error);
    lvis_groups_release(&run.groups);
    free(run.outcome);
    free(run.truths);
    if (status != BALACT_OK)
        balact_lvis_evaluation_release(evaluation);
    return status;
}

void balact_lvis_evaluation_release(struct balact_lvis_evaluation *evaluation) {
    free(evaluation->category);
    free(evaluation->precision);
    free(evaluation->recall);
    *evaluation = (struct balact_lvis_evaluation){0};
}
