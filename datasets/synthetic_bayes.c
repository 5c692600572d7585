/* SPDX-License-Identifier: MIT
 *
 * The ceiling of every method on the synthetic ImageNet-LT. With equal priors and equal identity
 * covariances the Bayes-optimal class is the one of the nearest mean, the largest
 * x . m_c - |m_c|^2 / 2. All in double, so that no near tie is decided by rounding of the sums.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/synthetic.h"

/* Classes and rows of a tile: TILE_CLASSES scores of TILE_ROWS rows stay in the first-level cache
 * and the innermost loop, over classes, has a fixed length that compilers vectorise. */
enum { TILE_CLASSES = 64, TILE_ROWS = 16 };

/* Means by tiles: tile[classes / TILE_CLASSES][dim][TILE_CLASSES], and bias = -|m|^2 / 2, both
 * padded with classes that never win (bias -inf). */
struct tiles {
    int32_t classes, count;
    int64_t dim;
    double *means, *bias;
};

static void tiles_fill(struct tiles *t, const double *means) {
    for (int32_t k = 0; k < t->count; k++)
        for (int32_t b = 0; b < TILE_CLASSES; b++) {
            int32_t c = k * TILE_CLASSES + b;
            double square = 0;
            for (int64_t j = 0; j < t->dim; j++) {
                double m = c < t->classes ? means[c * t->dim + j] : 0;
                t->means[((int64_t)k * t->dim + j) * TILE_CLASSES + b] = m;
                square += m * m;
            }
            t->bias[c] = c < t->classes ? -0.5 * square : -1e300;
        }
}

/* scores[TILE_CLASSES] of one row against one tile. */
static void score(const float *restrict x, const double *restrict means,
                  const double *restrict bias, int64_t dim, double *restrict scores) {
    double sum[TILE_CLASSES];
    memcpy(sum, bias, sizeof sum);
    int64_t j = 0;
    for (; j + 4 <= dim; j += 4) {
        const double *restrict m = means + j * TILE_CLASSES;
        double x0 = x[j], x1 = x[j + 1], x2 = x[j + 2], x3 = x[j + 3];
        for (int b = 0; b < TILE_CLASSES; b++)
            sum[b] += (x0 * m[b] + x1 * m[TILE_CLASSES + b]) +
                      (x2 * m[2 * TILE_CLASSES + b] + x3 * m[3 * TILE_CLASSES + b]);
    }
    for (; j < dim; j++)
        for (int b = 0; b < TILE_CLASSES; b++)
            sum[b] += (double)x[j] * means[j * TILE_CLASSES + b];
    memcpy(scores, sum, sizeof sum);
}

/* best[rows] = nearest class of each of up to TILE_ROWS rows; the first of equals. */
static void nearest(const struct tiles *t, const float *x, int64_t rows, int32_t *best) {
    double best_score[TILE_ROWS], scores[TILE_CLASSES];
    for (int64_t i = 0; i < rows; i++) {
        best_score[i] = -1e308;
        best[i] = 0;
    }
    for (int32_t k = 0; k < t->count; k++)
        for (int64_t i = 0; i < rows; i++) {
            score(x + i * t->dim, t->means + (int64_t)k * t->dim * TILE_CLASSES,
                  t->bias + (int64_t)k * TILE_CLASSES, t->dim, scores);
            for (int b = 0; b < TILE_CLASSES; b++)
                if (scores[b] > best_score[i]) {
                    best_score[i] = scores[b];
                    best[i] = k * TILE_CLASSES + b;
                }
        }
}

static int64_t count_correct(const struct tiles *t, const struct balact_dataset *dataset,
                             int32_t *prediction, int *out_of_memory) {
    int64_t blocks = (dataset->rows + TILE_ROWS - 1) / TILE_ROWS, correct = 0;
    int failed = 0;
#pragma omp parallel reduction(+ : correct) reduction(| : failed)
    {
        float *x = malloc((size_t)(TILE_ROWS * t->dim) * sizeof *x);
        failed = x == NULL;
#pragma omp for schedule(static)
        for (int64_t block = 0; block < blocks; block++) {
            int64_t index[TILE_ROWS], begin = block * TILE_ROWS, rows = dataset->rows - begin;
            int32_t best[TILE_ROWS];
            if (!x)
                continue;
            if (rows > TILE_ROWS)
                rows = TILE_ROWS;
            for (int64_t i = 0; i < rows; i++)
                index[i] = begin + i;
            balact_dataset_gather(dataset, index, rows, x);
            nearest(t, x, rows, best);
            for (int64_t i = 0; i < rows; i++)
                correct += best[i] == dataset->labels[begin + i];
            if (prediction)
                memcpy(prediction + begin, best, (size_t)rows * sizeof *best);
        }
        free(x);
    }
    *out_of_memory = failed;
    return correct;
}

balact_status balact_synthetic_bayes(const struct balact_synthetic_options *options,
                                     const struct balact_dataset *dataset, double *accuracy,
                                     int32_t *prediction, struct balact_error *error) {
    struct balact_synthetic_options o = *options;
    balact_status status = balact_synthetic_resolve(&o, error);
    if (status != BALACT_OK)
        return status;
    if (dataset->rows < 1)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "Bayes optimum: the data set has no rows");
    if (dataset->dim != o.dim || dataset->classes != o.classes)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "Bayes optimum: the data set has %lld classes of %lld features, the "
                           "synthetic options have %lld of %lld",
                           (long long)dataset->classes, (long long)dataset->dim,
                           (long long)o.classes, (long long)o.dim);
    struct tiles t = {.classes = o.classes, .dim = o.dim};
    t.count = (o.classes - 1) / TILE_CLASSES + 1;
    int64_t padded = (int64_t)t.count * TILE_CLASSES;
    double *means = balact_synthetic_means(&o);
    t.means = balact_synthetic_allocate(padded * t.dim, sizeof *t.means);
    t.bias = balact_synthetic_allocate(padded, sizeof *t.bias);
    int failed = !means || !t.means || !t.bias;
    if (!failed) {
        tiles_fill(&t, means);
        int64_t correct = count_correct(&t, dataset, prediction, &failed);
        *accuracy = (double)correct / (double)dataset->rows;
    }
    free(means);
    free(t.means);
    free(t.bias);
    if (failed)
        return balact_fail(error, BALACT_ERROR_MEMORY, "Bayes optimum: out of memory");
    return BALACT_OK;
}
