/* SPDX-License-Identifier: MIT
 *
 * Classification metrics of long-tailed recognition: accuracy by shot group, average precision,
 * balanced error, NLL, Brier score and calibration. docs/METHOD.md states each protocol as numbers.
 */
#ifndef BALACT_EVALUATE_H
#define BALACT_EVALUATE_H

#include "balact/dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Index BALACT_GROUP_COUNT of per-group arrays is "all". */
#define BALACT_GROUP_ALL BALACT_GROUP_COUNT

struct balact_group_metrics {
    int64_t classes, rows; /* classes of the group that the test set holds, and their rows */
    bool present;          /* false: the group is empty, and nothing below means anything */
    double top1;           /* mean of per-class accuracies; for "all" the mean over rows */
    double top5;           /* the same of the label among the five best; NaN if classes <= 5 */
    double balanced_error; /* 1 - mean per-class recall */
    double map;            /* mean over classes of one-vs-rest average precision of the scores */
    double nll;            /* mean over rows of -log p_y */
    double brier;          /* mean over rows of sum_j (p_j - [j = y])^2 */
    double ece;            /* expected calibration error of the top-1 confidence, ece_bins bins */
};

struct balact_classification {
    struct balact_group_metrics group[BALACT_GROUP_COUNT + 1];
    int32_t classes;
    int32_t ece_bins;          /* equal-width bins (b/n, (b+1)/n], 15 */
    double *class_top1;        /* [classes], NaN for a class without test rows; owned */
    double *class_ap;          /* [classes], the same; owned */
    int64_t *class_rows;       /* [classes] test rows; owned */
};

/* Evaluates scores[rows][ld] (logits at test time: higher is likelier) of `classes` columns.
 *
 * Prediction: the largest score, ties to the lower class. Probabilities for NLL, Brier and ECE are
 * the family's at test time, made in double here so that no metric depends on a backend: softmax as
 * they are; sigmoid scores are one-vs-rest probabilities, which are normalised to sum 1 per row
 * first, so that the numbers compare (stated in docs/METHOD.md). NLL is taken from the scores, not
 * from p, and stays finite where p underflows. Average precision of class c ranks all rows by
 * probability of c, rounded to fp32 (raw sigmoid for that family), ties counted as one threshold,
 * area as sum of precision x recall step.
 *
 * train_counts[classes] decide the groups. No result depends on the number of threads. Memory: 4
 * bytes a score and 68 a row. Errors: ERROR_ARGUMENT; ERROR_RANGE for a label outside;
 * ERROR_NUMERIC for a NaN score (row and class named) and for a row without a distribution (all
 * scores -inf, or +inf among softmax scores); ERROR_MEMORY. On error nothing is left allocated.
 * Release with balact_classification_release(). */
balact_status balact_evaluate_classification(enum balact_family family, const float *scores,
                                             int64_t ld, const int32_t *labels, int64_t rows,
                                             int32_t classes, const int64_t *train_counts,
                                             struct balact_classification *result,
                                             struct balact_error *error);
void balact_classification_release(struct balact_classification *result);

#ifdef __cplusplus
}
#endif
#endif
