/* SPDX-License-Identifier: MIT
 *
 * From matched detections to precision at recall, and to the 13 numbers.
 *
 * The official code walks over all detections in the order of score; only those that are right can
 * be where precision is read, for each wrong one behind lowers it. So precision is kept per true
 * positive, and ignored detections leave no trace.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/evaluate/lvis_case.h"

enum { T = BALACT_LVIS_THRESHOLDS, R = BALACT_LVIS_RECALLS, S = BALACT_LVIS_SIZES };

/* ---- Precision at recall of one ranking ---- */

/* One ranking with its curves: those of a category, or of many categories pooled. */
struct curve {
    const struct lvis_outcome *outcome;
    const struct lvis_ranked *ranked; /* place: index of outcome */
    int64_t n;
    double *at_hit; /* [n + 1] scratch: precision where the k-th true positive stands */
    /* where the results go: precision[(t * R + r) * stride], recall[t * stride] */
    double *precision, *recall;
    int64_t stride;
};

static int64_t walk(const struct curve *curve, uint64_t bit) {
    int64_t hits = 0, misses = 0;
    for (int64_t i = 0; i < curve->n; i++) {
        const struct lvis_outcome *o = &curve->outcome[curve->ranked[i].place];
        if (o->ignored & bit)
            continue;
        if (!(o->matched & bit)) {
            misses++;
            continue;
        }
        hits++;
        curve->at_hit[hits - 1] = (double)hits / ((double)misses + (double)hits + DBL_EPSILON);
    }
    return hits;
}

/* At one size and threshold; truths > 0. */
static void fill_curve(const struct curve *curve, int size, int threshold, int64_t truths) {
    int64_t hits = walk(curve, lvis_bit(size, threshold)), k = 0;
    for (int64_t i = hits - 1; i > 0; i--)
        if (curve->at_hit[i] > curve->at_hit[i - 1])
            curve->at_hit[i - 1] = curve->at_hit[i];
    curve->recall[threshold * curve->stride] = (double)hits / (double)truths;
    for (int r = 0; r < R; r++) {
        while (k < hits && (double)(k + 1) / (double)truths < balact_lvis_recall(r))
            k++;
        curve->precision[(threshold * R + r) * curve->stride] = k < hits ? curve->at_hit[k] : 0;
    }
}

/* ---- Categories ---- */

struct scratch {
    struct lvis_ranked *ranked;
    double *at_hit;
    int64_t capacity;
};

static bool scratch_reserve(struct scratch *scratch, int64_t n) {
    if (n < scratch->capacity)
        return true;
    free(scratch->ranked);
    free(scratch->at_hit);
    scratch->capacity = n + n / 2 + 64;
    scratch->ranked = malloc((size_t)scratch->capacity * sizeof *scratch->ranked);
    scratch->at_hit = malloc((size_t)scratch->capacity * sizeof *scratch->at_hit);
    if (scratch->ranked && scratch->at_hit)
        return true;
    scratch->capacity = 0;
    return false;
}

static void scratch_release(struct scratch *scratch) {
    free(scratch->ranked);
    free(scratch->at_hit);
}

static bool accumulate_category(const struct lvis_case *c, int32_t category,
                                struct scratch *scratch, struct balact_lvis_evaluation *e) {
    int64_t first = c->found_start[category], n = c->found_start[category + 1] - first;
    const int64_t *truths = c->truths + (int64_t)category * S;
    if (!scratch_reserve(scratch, n))
        return false;
    for (int64_t i = 0; i < n; i++) {
        double score = c->detections->detection[c->found[first + i]].score;
        scratch->ranked[i] = (struct lvis_ranked){score, first + i};
        e->category[category].detections += c->outcome[first + i].ignored != LVIS_ALL_BITS;
    }
    balact_lvis_rank(scratch->ranked, n);
    e->category[category].truths = truths[0];
    for (int s = 0; s < S; s++) {
        struct curve curve = {c->outcome,
                              scratch->ranked,
                              n,
                              scratch->at_hit,
                              .precision = e->precision + (int64_t)category * S + s,
                              .recall = e->recall + (int64_t)category * S + s,
                              .stride = (int64_t)c->lvis->categories * S};
        for (int t = 0; t < T && truths[s] > 0; t++)
            fill_curve(&curve, s, t, truths[s]);
    }
    return true;
}

/* ---- Means ---- */

/* Blocks of 128 in eight lanes, halves above. */
double balact_lvis_pairwise_sum(const double *x, int64_t n) {
    double lane[8], sum = 0;
    if (n < 8) {
        for (int64_t i = 0; i < n; i++)
            sum += x[i];
        return sum;
    }
    if (n > 128) {
        int64_t half = n / 2 - n / 2 % 8;
        return balact_lvis_pairwise_sum(x, half) + balact_lvis_pairwise_sum(x + half, n - half);
    }
    int64_t i = 8;
    memcpy(lane, x, sizeof lane);
    for (; i < n - n % 8; i += 8)
        for (int j = 0; j < 8; j++)
            lane[j] += x[i + j];
    sum = ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    for (; i < n; i++)
        sum += x[i];
    return sum;
}

/* What a mean goes over. */
struct span {
    int first_threshold, end_threshold, size, frequency; /* -1: every one */
};

struct summary {
    const double *precision, *recall;
    int32_t categories;
    const struct balact_lvis_category *category;
    double *values; /* scratch [T * R * categories] */
};

static double mean_of(const struct summary *s, const struct span *span, bool recall) {
    const double *from = recall ? s->recall : s->precision;
    int64_t n = 0, points = recall ? 1 : R;
    for (int64_t p = span->first_threshold * points; p < span->end_threshold * points; p++)
        for (int32_t k = 0; k < s->categories; k++) {
            double value = from[(p * s->categories + k) * S + span->size];
            if (value > -1 &&
                (span->frequency < 0 || (int)s->category[k].frequency == span->frequency))
                s->values[n++] = value;
        }
    return n ? balact_lvis_pairwise_sum(s->values, n) / (double)n : -1;
}

balact_status balact_lvis_summarize(const double *precision, const double *recall,
                                    int32_t categories, const struct balact_lvis_category *category,
                                    double metric[BALACT_LVIS_METRIC_COUNT],
                                    struct balact_error *error) {
    static const struct span span[BALACT_LVIS_METRIC_COUNT] = {
        [BALACT_LVIS_AP] = {0, T, 0, -1},
        [BALACT_LVIS_AP50] = {0, 1, 0, -1},
        [BALACT_LVIS_AP75] = {5, 6, 0, -1},
        [BALACT_LVIS_APS] = {0, T, 1, -1},
        [BALACT_LVIS_APM] = {0, T, 2, -1},
        [BALACT_LVIS_APL] = {0, T, 3, -1},
        [BALACT_LVIS_APR] = {0, T, 0, BALACT_LVIS_RARE},
        [BALACT_LVIS_APC] = {0, T, 0, BALACT_LVIS_COMMON},
        [BALACT_LVIS_APF] = {0, T, 0, BALACT_LVIS_FREQUENT},
        [BALACT_LVIS_AR] = {0, T, 0, -1},
        [BALACT_LVIS_ARS] = {0, T, 1, -1},
        [BALACT_LVIS_ARM] = {0, T, 2, -1},
        [BALACT_LVIS_ARL] = {0, T, 3, -1}};
    struct summary s = {precision, recall, categories, category,
                        malloc(((size_t)T * R * (size_t)categories + 1) * sizeof *s.values)};
    if (!s.values)
        return balact_fail(error, BALACT_ERROR_MEMORY, "evaluation: out of memory");
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++)
        metric[m] = mean_of(&s, &span[m], m >= BALACT_LVIS_AR);
    free(s.values);
    return BALACT_OK;
}

/* The mean over thresholds [t0, t1) of one category; -1 if it has nothing to be found. */
static double category_mean(const struct balact_lvis_evaluation *e, int32_t category, int t0,
                            int t1, int size, bool recall) {
    const double *from = recall ? e->recall : e->precision;
    int64_t points = recall ? 1 : R;
    double values[T * R];
    int64_t n = 0;
    for (int64_t p = t0 * points; p < t1 * points; p++)
        values[n++] = from[(p * e->categories + category) * S + size];
    return values[0] > -1 ? balact_lvis_pairwise_sum(values, n) / (double)n : -1;
}

static void summarize_category(struct balact_lvis_evaluation *e, int32_t k) {
    struct balact_lvis_category_result *r = &e->category[k];
    r->ap = category_mean(e, k, 0, T, 0, false);
    r->ap50 = category_mean(e, k, 0, 1, 0, false);
    r->ap75 = category_mean(e, k, 5, 6, 0, false);
    r->ar = category_mean(e, k, 0, T, 0, true);
    for (int s = 1; s < S; s++) {
        r->ap_size[s - 1] = category_mean(e, k, 0, T, s, false);
        r->ar_size[s - 1] = category_mean(e, k, 0, T, s, true);
    }
}

double balact_lvis_mean_precision(const struct balact_lvis *lvis,
                                  const struct balact_lvis_evaluation *evaluation, int threshold,
                                  int recall, int frequency) {
    double sum = 0;
    int64_t n = 0, point = (int64_t)threshold * R + recall;
    for (int32_t k = 0; k < evaluation->categories; k++) {
        double value = evaluation->precision[(point * evaluation->categories + k) * S];
        if (value > -1 && (frequency < 0 || (int)lvis->category[k].frequency == frequency)) {
            sum += value;
            n++;
        }
    }
    return n ? sum / (double)n : -1;
}

/* ---- All categories in one ranking ---- */

/* The categories of a group (-1: all) as if they were one, in curves of a set of one "category". */
static bool pool_group(const struct lvis_case *c, int frequency, struct scratch *scratch,
                       double *precision, double *recall) {
    int64_t n = 0, truths[S] = {0};
    if (!scratch_reserve(scratch, c->found_start[c->lvis->categories]))
        return false;
    for (int32_t k = 0; k < c->lvis->categories; k++) {
        if (frequency >= 0 && (int)c->lvis->category[k].frequency != frequency)
            continue;
        for (int s = 0; s < S; s++)
            truths[s] += c->truths[(int64_t)k * S + s];
        for (int64_t i = c->found_start[k]; i < c->found_start[k + 1]; i++)
            scratch->ranked[n++] =
                (struct lvis_ranked){c->detections->detection[c->found[i]].score, i};
    }
    balact_lvis_rank(scratch->ranked, n);
    for (int s = 0; s < S; s++) {
        struct curve curve = {c->outcome,    scratch->ranked, n, scratch->at_hit,
                              precision + s, recall + s,      S};
        for (int t = 0; t < T; t++) {
            for (int r = 0; r < R; r++)
                precision[((int64_t)t * R + r) * S + s] = -1;
            recall[t * S + s] = -1;
            if (truths[s] > 0)
                fill_curve(&curve, s, t, truths[s]);
        }
    }
    return true;
}

static balact_status pool(const struct lvis_case *c, struct balact_lvis_evaluation *e,
                          struct balact_error *error) {
    struct scratch scratch = {0};
    double *precision = malloc((size_t)T * R * S * sizeof *precision), recall[T * S];
    balact_status status = BALACT_OK;
    bool fine = precision != NULL;
    for (int f = -1; f < BALACT_LVIS_FREQUENCY_COUNT && fine && status == BALACT_OK; f++) {
        struct balact_lvis_category one = {.frequency = BALACT_LVIS_RARE};
        double metric[BALACT_LVIS_METRIC_COUNT];
        fine = pool_group(c, f, &scratch, precision, recall);
        if (!fine)
            break;
        status = balact_lvis_summarize(precision, recall, 1, &one, metric, error);
        if (f < 0)
            memcpy(e->pooled, metric, sizeof metric);
        else
            e->pooled[BALACT_LVIS_APR + f] = metric[BALACT_LVIS_AP];
    }
    scratch_release(&scratch);
    free(precision);
    if (!fine)
        return balact_fail(error, BALACT_ERROR_MEMORY, "pooled precision: out of memory");
    return status;
}

/* ---- All of it ---- */

static bool accumulate_all(const struct lvis_case *c, struct balact_lvis_evaluation *e) {
    bool fine = true;
#pragma omp parallel
    {
        struct scratch scratch = {0};
        bool own = true;
#pragma omp for schedule(dynamic, 1)
        for (int32_t k = 0; k < e->categories; k++) {
            if (!own)
                continue;
            own = accumulate_category(c, k, &scratch, e);
            if (own)
                summarize_category(e, k);
        }
#pragma omp critical
        fine &= own;
        scratch_release(&scratch);
    }
    return fine;
}

balact_status balact_lvis_case_accumulate(const struct lvis_case *c,
                                          struct balact_lvis_evaluation *e,
                                          struct balact_error *error) {
    size_t points = (size_t)T * S * (size_t)c->lvis->categories;
    e->categories = c->lvis->categories;
    e->category = calloc((size_t)e->categories + 1, sizeof *e->category);
    e->precision = malloc((points * R + 1) * sizeof *e->precision);
    e->recall = malloc((points + 1) * sizeof *e->recall);
    if (!e->category || !e->precision || !e->recall)
        return balact_fail(error, BALACT_ERROR_MEMORY, "evaluation: out of memory");
    for (size_t i = 0; i < points * R; i++)
        e->precision[i] = -1;
    for (size_t i = 0; i < points; i++)
        e->recall[i] = -1;
    if (!accumulate_all(c, e))
        return balact_fail(error, BALACT_ERROR_MEMORY, "evaluation: out of memory");
    for (int32_t k = 0; k < e->categories; k++)
        e->counted += e->category[k].detections;
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++)
        e->pooled[m] = NAN;
    balact_status status = balact_lvis_summarize(e->precision, e->recall, e->categories,
                                                 c->lvis->category, e->metric, error);
    return status == BALACT_OK && c->options.pooled ? pool(c, e, error) : status;
}
