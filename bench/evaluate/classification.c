/* SPDX-License-Identifier: MIT
 *
 * Classification metrics (balact/evaluate.h). Everything per row or per class is computed in
 * parallel and in double; sums are then taken in row or class order, so no result depends on the
 * number of threads or on the backend that made the scores.
 */
#include "balact/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/backend.h"

enum { ECE_BINS = 15, TOP = 5 };

/* Below this a logistic sigmoid equals exp to the last bit of a double (exp(-40) < 2^-57). */
static const double SIGMOID_IS_EXP = -40.0;

/* What one row contributes. */
struct row_result {
    double nll, brier, confidence;
    int32_t prediction;
};

struct evaluation {
    enum balact_family family;
    const float *scores;
    int64_t ld;
    const int32_t *labels;
    int64_t rows;
    int32_t classes;
    const int64_t *train_counts;
    int64_t ranks;           /* how many of the best classes of a row are known: TOP at most */
    int32_t *ranking;        /* [rows][ranks], best first */
    struct row_result *row;  /* [rows] */
    float *probability;      /* [rows][classes], what average precision ranks by */
    int64_t *positive_start; /* [classes + 1], rows of class c are order[start[c]..start[c+1]) */
    int64_t *positive_row;   /* [rows] */
};

static double sigmoid(double x) {
    if (x >= 0)
        return 1.0 / (1.0 + exp(-x));
    double e = exp(x);
    return e / (1.0 + e);
}

/* ---- Ranking ---- */

/* The backend in use if it can rank what is in plain memory, else the reference: the order of
 * classes is the same on all of them. */
static const struct balact_backend *ranking_backend(void) {
    const struct balact_backend *backend = balact_backend_default(NULL);
    if (backend && backend->plain_memory && backend->topk)
        return backend;
    return balact_backend_find("reference");
}

static balact_status rank_rows(struct evaluation *e, struct balact_error *error) {
    const struct balact_topk_problem problem = {.rows = e->rows,
                                                .cols = e->classes,
                                                .logits = e->scores,
                                                .ld = e->ld,
                                                .k = e->ranks,
                                                .index = e->ranking,
                                                .ld_out = e->ranks};
    return balact_topk(ranking_backend(), &problem, error);
}

static bool among_best(const struct evaluation *e, int64_t i, int32_t c) {
    for (int64_t r = 0; r < e->ranks; r++)
        if (e->ranking[i * e->ranks + r] == c)
            return true;
    return false;
}

/* ---- One row ---- */

/* Softmax over one row of scores: fills p and returns false if there is no distribution. */
static bool softmax_row(const float *x, int32_t classes, int32_t largest, double *p, double *lse) {
    double top = x[largest], sum = 0;
    if (isinf(top))
        return false;
    for (int32_t j = 0; j < classes; j++) {
        p[j] = exp((double)x[j] - top);
        sum += p[j];
    }
    for (int32_t j = 0; j < classes; j++)
        p[j] /= sum;
    *lse = top + log(sum);
    return true;
}

/* Evaluates row i; p is scratch of [classes]. Returns false if the row has no distribution. */
static bool evaluate_row(const struct evaluation *e, int64_t i, double *p) {
    const float *x = e->scores + i * e->ld;
    float *ranked = e->probability + i * e->classes;
    int32_t y = e->labels[i], best = e->ranking[i * e->ranks];
    double lse = 0, brier = 0;
    struct row_result *out = &e->row[i];
    out->prediction = best;
    if (e->family == BALACT_FAMILY_SOFTMAX) {
        if (!softmax_row(x, e->classes, best, p, &lse))
            return false;
        for (int32_t j = 0; j < e->classes; j++)
            ranked[j] = (float)p[j];
        out->nll = lse - (double)x[y];
    } else {
        double sum = 0;
        for (int32_t j = 0; j < e->classes; j++) {
            p[j] = sigmoid(x[j]);
            ranked[j] = (float)p[j];
            sum += p[j];
        }
        if ((double)x[best] < SIGMOID_IS_EXP) { /* the sum may underflow; the ratio does not */
            if (!softmax_row(x, e->classes, best, p, &lse))
                return false;
            out->nll = lse - (double)x[y];
        } else {
            for (int32_t j = 0; j < e->classes; j++)
                p[j] /= sum;
            double log_sigmoid =
                x[y] >= 0 ? -log1p(exp(-(double)x[y])) : (double)x[y] - log1p(exp((double)x[y]));
            out->nll = log(sum) - log_sigmoid;
        }
    }
    for (int32_t j = 0; j < e->classes; j++) {
        double d = p[j] - (j == y);
        brier += d * d;
    }
    out->brier = brier;
    out->confidence = p[best];
    return true;
}

/* Finds why row i has no distribution, for the message. */
static balact_status explain_row(const struct evaluation *e, int64_t i,
                                 struct balact_error *error) {
    const float *x = e->scores + i * e->ld;
    for (int32_t j = 0; j < e->classes; j++)
        if (isnan(x[j]))
            return balact_fail(error, BALACT_ERROR_NUMERIC,
                               "score of row %lld, class %d is not a number", (long long)i, (int)j);
    return balact_fail(error, BALACT_ERROR_NUMERIC, "scores of row %lld have no distribution: %s",
                       (long long)i,
                       x[e->row[i].prediction] > 0 ? "one is +infinity" : "all are -infinity");
}

static balact_status evaluate_rows(struct evaluation *e, struct balact_error *error) {
    int64_t bad = e->rows; /* first row without a distribution */
    bool out_of_memory = false;
#pragma omp parallel
    {
        double *p = malloc((size_t)e->classes * sizeof *p);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < e->rows; i++) {
            const float *x = e->scores + i * e->ld;
            bool fine = p != NULL;
            for (int32_t j = 0; fine && j < e->classes; j++)
                fine = !isnan(x[j]);
            if (fine && evaluate_row(e, i, p))
                continue;
#pragma omp critical
            {
                out_of_memory |= p == NULL;
                bad = i < bad ? i : bad;
            }
        }
        free(p);
    }
    if (out_of_memory)
        return balact_fail(error, BALACT_ERROR_MEMORY, "evaluation: out of memory");
    return bad < e->rows ? explain_row(e, bad, error) : BALACT_OK;
}

/* ---- Average precision ----
 *
 * AP_c = (1 / P) sum over thresholds of (positives at the threshold) * TP / N, where TP and N count
 * the positives and all rows that score at least the threshold. Only the scores of the P positives
 * can be thresholds that add recall, so instead of sorting all rows, each row is put into one of P
 * + 1 slots by binary search among the sorted scores of the positives, and N is a sum over slots.
 */

static int compare_floats(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How many of sorted[n] are <= value; no branch depends on the data. */
static int64_t count_at_most(const float *sorted, int64_t n, float value) {
    const float *base = sorted;
    while (n > 1) {
        int64_t half = n / 2;
        base += -(int64_t)(base[half - 1] <= value) & half;
        n -= half;
    }
    return base - sorted + (n == 1 && *base <= value);
}

/* sorted[positives] ascending; slot[k]: rows whose score is at least exactly k of the positives'.
 */
static double average_precision(const float *sorted, const int64_t *slot, int64_t positives) {
    double area = 0;
    int64_t retrieved = 0;
    for (int64_t k = positives; k >= 1;) {
        int64_t first = k; /* positives first..k (1-based) are tied: one threshold */
        while (first > 1 && sorted[first - 2] == sorted[k - 1])
            first--;
        for (int64_t s = first; s <= k; s++)
            retrieved += slot[s];
        int64_t tied = k - first + 1, true_positives = positives - first + 1;
        area += (double)tied * (double)true_positives / (double)retrieved;
        k = first - 1;
    }
    return area / (double)positives;
}

/* Rows and classes of a tile: its probabilities stay in the second-level cache while each block of
 * columns, a cache line wide, is walked down. */
enum { TILE_ROWS = 64, TILE_CLASSES = 16 };

/* The slots of class c begin at positive_start[c] + c: one more than it has positives. */
static void count_tile(const struct evaluation *e, const float *sorted, int64_t first, int64_t end,
                       int64_t *slot) {
    for (int32_t block = 0; block < e->classes; block += TILE_CLASSES) {
        int32_t stop = e->classes - block < TILE_CLASSES ? e->classes : block + TILE_CLASSES;
        for (int64_t i = first; i < end; i++)
            for (int32_t c = block; c < stop; c++) {
                int64_t start = e->positive_start[c];
                int64_t k = count_at_most(sorted + start, e->positive_start[c + 1] - start,
                                          e->probability[i * e->classes + c]);
                slot[start + c + k]++;
            }
    }
}

/* Adds every row to its slots; false if memory ran out. Sums of integers: any order will do. */
static bool count_all(const struct evaluation *e, const float *sorted, int64_t *slot) {
    int64_t slots = e->rows + e->classes, tiles = (e->rows + TILE_ROWS - 1) / TILE_ROWS;
    bool fine = true;
#pragma omp parallel
    {
        int64_t *own = calloc((size_t)slots, sizeof *own);
#pragma omp for schedule(static)
        for (int64_t t = 0; t < tiles; t++) {
            int64_t first = t * TILE_ROWS;
            int64_t end = e->rows - first < TILE_ROWS ? e->rows : first + TILE_ROWS;
            if (own)
                count_tile(e, sorted, first, end, own);
        }
#pragma omp critical
        {
            fine &= own != NULL;
            for (int64_t s = 0; own && s < slots; s++)
                slot[s] += own[s];
        }
        free(own);
    }
    return fine;
}

static balact_status evaluate_precision(const struct evaluation *e, double *ap,
                                        struct balact_error *error) {
    float *sorted = malloc((size_t)(e->rows + 1) * sizeof *sorted);
    int64_t *slot = calloc((size_t)(e->rows + e->classes), sizeof *slot);
    bool fine = sorted && slot;
    if (fine) {
#pragma omp parallel for schedule(static)
        for (int32_t c = 0; c < e->classes; c++) {
            int64_t start = e->positive_start[c], end = e->positive_start[c + 1];
            for (int64_t k = start; k < end; k++)
                sorted[k] = e->probability[e->positive_row[k] * e->classes + c];
            qsort(sorted + start, (size_t)(end - start), sizeof *sorted, compare_floats);
        }
        fine = count_all(e, sorted, slot);
    }
    for (int32_t c = 0; fine && c < e->classes; c++) {
        int64_t start = e->positive_start[c], positives = e->positive_start[c + 1] - start;
        ap[c] = positives ? average_precision(sorted + start, slot + start + c, positives) : NAN;
    }
    free(sorted);
    free(slot);
    if (!fine)
        return balact_fail(error, BALACT_ERROR_MEMORY, "average precision: out of memory");
    return BALACT_OK;
}

/* ---- Sums over groups ---- */

static bool in_group(const struct evaluation *e, int group, int32_t c) {
    return group == BALACT_GROUP_ALL || (int)balact_group_of(e->train_counts[c]) == group;
}

/* Top-5 accuracy of a group, taken as top-1 is: the mean over its classes, for all over rows. NaN
 * where every class is among the five. */
static double top5_accuracy(const struct evaluation *e, int group) {
    double sum = 0;
    int64_t classes = 0, correct = 0;
    if (e->classes <= TOP)
        return NAN;
    for (int32_t c = 0; c < e->classes; c++) {
        int64_t start = e->positive_start[c], held = e->positive_start[c + 1] - start, hits = 0;
        if (!held || !in_group(e, group, c))
            continue;
        for (int64_t k = start; k < start + held; k++)
            hits += among_best(e, e->positive_row[k], c);
        classes++;
        correct += hits;
        sum += (double)hits / (double)held;
    }
    return group == BALACT_GROUP_ALL ? (double)correct / (double)e->rows : sum / (double)classes;
}

/* Expected calibration error of the rows of `group` (BALACT_GROUP_ALL: of all). */
static double calibration_error(const struct evaluation *e, int group) {
    double confidence[ECE_BINS] = {0}, sum = 0;
    int64_t correct[ECE_BINS] = {0}, rows = 0;
    for (int64_t i = 0; i < e->rows; i++) {
        int32_t y = e->labels[i];
        if (!in_group(e, group, y))
            continue;
        int bin = (int)ceil(e->row[i].confidence * ECE_BINS) - 1; /* (b/n, (b+1)/n] */
        bin = bin < 0 ? 0 : bin >= ECE_BINS ? ECE_BINS - 1 : bin;
        confidence[bin] += e->row[i].confidence;
        correct[bin] += e->row[i].prediction == y;
        rows++;
    }
    for (int b = 0; b < ECE_BINS; b++)
        sum += fabs((double)correct[b] - confidence[b]);
    return rows ? sum / (double)rows : 0;
}

static void group_metrics(const struct evaluation *e, const struct balact_classification *result,
                          int group, struct balact_group_metrics *out) {
    double accuracy = 0, precision = 0, nll = 0, brier = 0;
    int64_t correct = 0;
    memset(out, 0, sizeof *out);
    for (int32_t c = 0; c < e->classes; c++) {
        if (!result->class_rows[c] || !in_group(e, group, c))
            continue;
        out->classes++;
        accuracy += result->class_top1[c];
        precision += result->class_ap[c];
    }
    for (int64_t i = 0; i < e->rows; i++) {
        int32_t y = e->labels[i];
        if (!in_group(e, group, y))
            continue;
        out->rows++;
        correct += e->row[i].prediction == y;
        nll += e->row[i].nll;
        brier += e->row[i].brier;
    }
    out->present = out->classes > 0;
    if (!out->present)
        return;
    double mean_recall = accuracy / (double)out->classes;
    out->top1 = group == BALACT_GROUP_ALL ? (double)correct / (double)out->rows : mean_recall;
    out->top5 = top5_accuracy(e, group);
    out->balanced_error = 1 - mean_recall;
    out->map = precision / (double)out->classes;
    out->nll = nll / (double)out->rows;
    out->brier = brier / (double)out->rows;
    out->ece = calibration_error(e, group);
}

static void class_accuracy(const struct evaluation *e, struct balact_classification *result) {
    for (int32_t c = 0; c < e->classes; c++) {
        int64_t correct = 0, held = e->positive_start[c + 1] - e->positive_start[c];
        for (int64_t k = e->positive_start[c]; k < e->positive_start[c + 1]; k++)
            correct += e->row[e->positive_row[k]].prediction == c;
        result->class_rows[c] = held;
        result->class_top1[c] = held ? (double)correct / (double)held : NAN;
    }
}

/* ---- The whole ---- */

static balact_status check_input(const struct evaluation *e, struct balact_error *error) {
    if (e->classes < 1 || e->rows < 0 || e->ld < e->classes)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "evaluation wants classes >= 1, rows >= 0 and ld >= classes");
    if (!e->train_counts || (e->rows && (!e->scores || !e->labels)))
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "evaluation wants scores, labels and train_counts");
    if (e->rows > INT64_MAX / 16 / e->classes)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "evaluation: too many scores");
    for (int64_t i = 0; i < e->rows; i++)
        if (e->labels[i] < 0 || e->labels[i] >= e->classes)
            return balact_fail(error, BALACT_ERROR_RANGE, "label %d of row %lld is outside [0, %d)",
                               (int)e->labels[i], (long long)i, (int)e->classes);
    return BALACT_OK;
}

/* Rows by class, in order, by counting. */
static void sort_by_class(struct evaluation *e) {
    for (int64_t i = 0; i < e->rows; i++)
        e->positive_start[e->labels[i] + 1]++;
    for (int32_t c = 0; c < e->classes; c++)
        e->positive_start[c + 1] += e->positive_start[c];
    for (int64_t i = 0; i < e->rows; i++) /* uses start as a cursor ... */
        e->positive_row[e->positive_start[e->labels[i]]++] = i;
    for (int32_t c = e->classes; c > 0; c--) /* ... and puts it back */
        e->positive_start[c] = e->positive_start[c - 1];
    e->positive_start[0] = 0;
}

static void release_evaluation(struct evaluation *e) {
    free(e->ranking);
    free(e->row);
    free(e->probability);
    free(e->positive_start);
    free(e->positive_row);
}

static balact_status allocate(struct evaluation *e, struct balact_classification *result,
                              struct balact_error *error) {
    size_t rows = (size_t)e->rows + 1, classes = (size_t)e->classes;
    e->ranks = e->classes < TOP ? e->classes : TOP;
    e->ranking = malloc(rows * (size_t)e->ranks * sizeof *e->ranking);
    e->row = malloc(rows * sizeof *e->row);
    e->probability = malloc(rows * classes * sizeof *e->probability);
    e->positive_start = calloc(classes + 2, sizeof *e->positive_start);
    e->positive_row = malloc(rows * sizeof *e->positive_row);
    result->class_top1 = malloc(classes * sizeof *result->class_top1);
    result->class_ap = malloc(classes * sizeof *result->class_ap);
    result->class_rows = malloc(classes * sizeof *result->class_rows);
    if (e->ranking && e->row && e->probability && e->positive_start && e->positive_row &&
        result->class_top1 && result->class_ap && result->class_rows)
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_MEMORY,
                       "evaluation of %lld rows and %d classes: out of memory", (long long)e->rows,
                       (int)e->classes);
}

balact_status balact_evaluate_classification(enum balact_family family, const float *scores,
                                             int64_t ld, const int32_t *labels, int64_t rows,
                                             int32_t classes, const int64_t *train_counts,
                                             struct balact_classification *result,
                                             struct balact_error *error) {
    struct evaluation e = {.family = family,
                           .scores = scores,
                           .ld = ld,
                           .labels = labels,
                           .rows = rows,
                           .classes = classes,
                           .train_counts = train_counts};
    memset(result, 0, sizeof *result);
    balact_status status = check_input(&e, error);
    if (status == BALACT_OK)
        status = allocate(&e, result, error);
    if (status == BALACT_OK) {
        sort_by_class(&e);
        status = rank_rows(&e, error);
    }
    if (status == BALACT_OK)
        status = evaluate_rows(&e, error);
    if (status == BALACT_OK)
        status = evaluate_precision(&e, result->class_ap, error);
    if (status == BALACT_OK) {
        result->classes = classes;
        result->ece_bins = ECE_BINS;
        class_accuracy(&e, result);
        for (int g = 0; g <= BALACT_GROUP_COUNT; g++)
            group_metrics(&e, result, g, &result->group[g]);
    } else {
        balact_classification_release(result);
    }
    release_evaluation(&e);
    return status;
}

void balact_classification_release(struct balact_classification *result) {
    free(result->class_top1);
    free(result->class_ap);
    free(result->class_rows);
    memset(result, 0, sizeof *result);
}
