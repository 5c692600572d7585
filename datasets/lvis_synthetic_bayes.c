/* SPDX-License-Identifier: MIT
 *
 * The posterior of a synthetic proposal, P(category or background | feature): the ceiling of every
 * head that sees one proposal at a time. All densities share the variance scale^2 but the broad
 * background's, so that all of them follow from the products of the feature with the centres:
 *
 *   |x - m|^2 = |x|^2 - 2 x.m + |m|^2,     m = b + nearness (m_c - b) for hard background
 *
 * In double, so that no near tie is decided by rounding of the sums.
 */
#include <math.h>
#include <stdlib.h>

#include "datasets/lvis_synthetic.h"

enum { TILE_ROWS = 8 };
/* Of the proposals placed on an object, those whose IoU is 0.5 or more; of those placed near one.
 * Integrals of the noise in lvis_synthetic_rois.c over the sizes of objects, found by counting;
 * tests/test_lvis_synthetic.c holds them to what is generated. */
static const double matched_on = 0.956;
static const double matched_near = 0.093;

struct posterior {
    int64_t dim;
    double scale, nearness, variance; /* of the broad background */
    double *centres;                  /* [LVIS_K + 1][dim], background last */
    double *log_category, *log_hard;  /* [LVIS_K] log weight - |m|^2 / 2 */
    double log_broad, square_broad;   /* log weight - dim/2 log variance, |b|^2 */
};

static void posterior_release(struct posterior *p) {
    free(p->centres);
    free(p->log_category);
    free(p->log_hard);
}

/* Share of each category among the proposals on objects: all images have as many, dealt evenly. */
static void shares(const struct lvis_layout *layout, double *share) {
    double sum = 0;
    for (int32_t c = 0; c < LVIS_K; c++)
        share[c] = 1e-12; /* a category that val does not have is not impossible */
    for (int64_t i = 0; i < layout->images; i++) {
        double objects = (double)(layout->first[i + 1] - layout->first[i]);
        for (int64_t p = layout->start[i]; p < layout->start[i + 1]; p++)
            share[layout->category[p]] += layout->instances[p] / objects;
    }
    for (int32_t c = 0; c < LVIS_K; c++)
        sum += share[c];
    for (int32_t c = 0; c < LVIS_K; c++)
        share[c] /= sum;
}

static void weigh(const struct balact_lvis_synthetic_options *o, enum balact_lvis_prior prior,
                  const double *share, struct posterior *p) {
    const double *b = p->centres + LVIS_K * p->dim;
    double spreads = o->spread_super * o->spread_super + o->spread_sub * o->spread_sub +
                     o->spread_category * o->spread_category;
    double foreground = o->foreground * matched_on + o->hard * matched_near;
    double hard = o->foreground + o->hard - foreground;
    p->scale = o->scale;
    p->nearness = o->nearness;
    p->variance = 1 + o->width * o->width * spreads;
    for (int32_t c = 0; c < LVIS_K; c++) {
        double square = 0, square_hard = 0;
        for (int64_t j = 0; j < p->dim; j++) {
            double m = p->centres[c * p->dim + j], h = b[j] + o->nearness * (m - b[j]);
            square += m * m;
            square_hard += h * h;
        }
        double of = prior == BALACT_LVIS_PRIOR_BALANCED ? 1.0 / LVIS_K : share[c];
        p->log_category[c] = log(foreground * of) - square / 2;
        p->log_hard[c] = log(hard * share[c]) - square_hard / 2;
    }
    p->square_broad = 0;
    for (int64_t j = 0; j < p->dim; j++)
        p->square_broad += b[j] * b[j];
    p->log_broad =
        log(fmax(1 - o->foreground - o->hard, 1e-12)) - 0.5 * (double)p->dim * log(p->variance);
}

/* products[TILE_ROWS][LVIS_K + 1] of up to TILE_ROWS features, in units of the deviation, with all
 * centres; square[TILE_ROWS] are |x|^2. */
static void multiply(const struct posterior *p, const float *features, int64_t rows,
                     double *products, double *square) {
    for (int64_t r = 0; r < rows; r++) {
        square[r] = 0;
        for (int64_t j = 0; j < p->dim; j++) {
            double x = (double)features[r * p->dim + j] / p->scale;
            square[r] += x * x;
        }
    }
    for (int64_t c = 0; c <= LVIS_K; c++) {
        const double *restrict m = p->centres + c * p->dim;
        for (int64_t r = 0; r < rows; r++) {
            const float *restrict x = features + r * p->dim;
            double sum[4] = {0, 0, 0, 0};
            int64_t j = 0;
            for (; j + 4 <= p->dim; j += 4)
                for (int k = 0; k < 4; k++)
                    sum[k] += (double)x[j + k] * m[j + k];
            for (; j < p->dim; j++)
                sum[0] += (double)x[j] * m[j];
            products[r * (LVIS_K + 1) + c] = ((sum[0] + sum[1]) + (sum[2] + sum[3])) / p->scale;
        }
    }
}

/* One row: log densities (less what they share), then their shares. */
static void normalise(const struct posterior *p, const double *product, double square, float *out) {
    double values[LVIS_K + 1], top = -INFINITY, sum = 0, background = 0;
    double with_background = product[LVIS_K], near = p->nearness;
    double broad = p->log_broad + square / 2 -
                   (square - 2 * with_background + p->square_broad) / (2 * p->variance);
    for (int32_t c = 0; c < LVIS_K; c++) {
        values[c] = p->log_category[c] + product[c];
        top = fmax(top, values[c]);
        top = fmax(top, p->log_hard[c] + near * product[c] + (1 - near) * with_background);
    }
    top = fmax(top, broad);
    for (int32_t c = 0; c < LVIS_K; c++) {
        background += exp(p->log_hard[c] + near * product[c] + (1 - near) * with_background - top);
        values[c] = exp(values[c] - top);
        sum += values[c];
    }
    background += exp(broad - top);
    sum += background;
    for (int32_t c = 0; c < LVIS_K; c++)
        out[c] = (float)(values[c] / sum);
    out[LVIS_K] = (float)(background / sum);
}

static bool all_rows(const struct posterior *p, const float *features, int64_t rows, float *out) {
    int failed = 0;
#pragma omp parallel reduction(| : failed)
    {
        double *products = malloc((size_t)TILE_ROWS * (LVIS_K + 1) * sizeof *products);
        failed = products == NULL;
#pragma omp for schedule(static)
        for (int64_t begin = 0; begin < rows; begin += TILE_ROWS) {
            double square[TILE_ROWS];
            int64_t count = rows - begin < TILE_ROWS ? rows - begin : TILE_ROWS;
            if (!products)
                continue;
            multiply(p, features + begin * p->dim, count, products, square);
            for (int64_t r = 0; r < count; r++)
                normalise(p, products + r * (LVIS_K + 1), square[r],
                          out + (begin + r) * (LVIS_K + 1));
        }
        free(products);
    }
    return !failed;
}

balact_status balact_lvis_synthetic_scores(const struct balact_lvis_synthetic_options *options,
                                           enum balact_lvis_prior prior, const float *features,
                                           int64_t rows, float *out, struct balact_error *error) {
    struct balact_lvis_synthetic_options o = *options;
    struct lvis_layout layout;
    double share[LVIS_K];
    balact_status status = balact_lvis_synthetic_resolve(&o, error);
    if (status == BALACT_OK)
        status = balact_synth_layout_make(&o, BALACT_LVIS_VAL, &layout, error);
    if (status != BALACT_OK)
        return status;
    shares(&layout, share);
    balact_synth_layout_release(&layout);
    struct posterior p = {.dim = o.dim,
                          .centres = balact_synth_centres(&o),
                          .log_category = malloc(LVIS_K * sizeof(double)),
                          .log_hard = malloc(LVIS_K * sizeof(double))};
    bool fine = p.centres && p.log_category && p.log_hard;
    if (fine) {
        weigh(&o, prior, share, &p);
        fine = all_rows(&p, features, rows, out);
    }
    posterior_release(&p);
    return fine ? BALACT_OK
                : balact_fail(error, BALACT_ERROR_MEMORY, "synthetic LVIS: out of memory");
}
