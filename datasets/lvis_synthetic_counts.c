/* SPDX-License-Identifier: MIT
 *
 * Counts of the synthetic LVIS: images per category and instances per image by closed formulas
 * fitted to the real ones, and what becomes of them in smaller sets. docs/FORMATS.md shows the
 * formulas with their errors.
 */
#include <math.h>

#include "balact/random.h"
#include "datasets/lvis_synthetic.h"

/* The tail falls like a Pareto distribution; the head is cut softly at 1,977 images, for the real
 * set was thinned so that no category has many more. The constants were searched for a small error
 * of the logarithm among those that give exactly 337 rare, 461 common and 405 frequent categories
 * and 360,952 images in all. */
enum { COUNT_MAX = 1977, GROUP_EDGE = 100 };
static const double tail_size = 11.126;
static const double tail_shift = 0.012284;
static const double tail_power = 1.9647;
static const double tail_lift = 1.1322;
static const double cut_power = 5.1009;

/* Instances in an image that holds the category: 1 + size * (-log(1 - u))^power at quantile u. */
static const double ratio_size = 1.812;
static const double ratio_power = 1.548;

/* The order of the categories is part of the data set and no option. */
enum { ORDER_SEED = 2020, ORDER_COUNTS = 2, ORDER_RATIOS = 3, ORDER_VAL = 4 };

static void shuffle(double *values, uint64_t stream) {
    for (int32_t c = LVIS_K - 1; c > 0; c--) { /* Fisher-Yates */
        int64_t other =
            (int64_t)balact_random_below(ORDER_SEED, stream, (uint64_t)c, (uint64_t)c + 1);
        double kept = values[c];
        values[c] = values[other];
        values[other] = kept;
    }
}

static double count_at(double q) {
    double fall = pow(q + tail_shift, -tail_power) - pow(1 + tail_shift, -tail_power);
    double tail = 1 + tail_size * pow(fall > 0 ? fall : 0, tail_lift);
    return floor(pow(pow(tail, -cut_power) + pow(COUNT_MAX, -cut_power), -1 / cut_power) + 0.5);
}

int64_t balact_lvis_synthetic_counts(int64_t counts[BALACT_LVIS_CATEGORIES]) {
    double values[LVIS_K];
    int64_t total = 0;
    for (int32_t c = 0; c < LVIS_K; c++)
        values[c] = count_at((double)c / (LVIS_K - 1));
    shuffle(values, ORDER_COUNTS);
    for (int32_t c = 0; c < LVIS_K; c++)
        total += counts[c] = (int64_t)values[c];
    return total;
}

void balact_synth_instance_ratios(double *ratios) {
    for (int32_t c = 0; c < LVIS_K; c++)
        ratios[c] = 1 + ratio_size * pow(-log(1 - (c + 0.5) / LVIS_K), ratio_power);
    shuffle(ratios, ORDER_RATIOS);
}

int64_t balact_lvis_synthetic_split_counts(const struct balact_lvis_synthetic_options *options,
                                           enum balact_lvis_split split,
                                           int64_t counts[BALACT_LVIS_CATEGORIES]) {
    int64_t total = 0, images = options->images[split];
    double share = (double)images / BALACT_LVIS_FULL_TRAIN;
    balact_lvis_synthetic_counts(counts);
    for (int32_t c = 0; c < LVIS_K; c++) {
        double full = (double)counts[c], count = full;
        if (split == BALACT_LVIS_VAL) {
            /* rounded up or down by chance, so that small shares add up to what they should */
            count = floor(share * full + balact_random_uniform(ORDER_SEED, ORDER_VAL, (uint64_t)c));
            if (count < (double)options->val_min_images)
                count = (double)options->val_min_images;
        } else if (full > GROUP_EDGE && share < 1) {
            count = GROUP_EDGE + ceil((full - GROUP_EDGE) * share);
        } else if (share > 1) {
            count = floor(full * share);
        }
        counts[c] = count < (double)images ? (int64_t)count : images;
        total += counts[c];
    }
    return total;
}
