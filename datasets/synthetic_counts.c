/* SPDX-License-Identifier: MIT
 *
 * Class counts of the synthetic ImageNet-LT: a closed formula of three constants fitted to the real
 * counts, and the order of the classes. docs/FORMATS.md shows the formula with its fit error, which
 * `balact synth imagenet-lt --describe --against COUNTS.csv` prints.
 */
#include "balact/random.h"
#include "datasets/synthetic.h"

#include <math.h>

/* The real set was drawn from a Pareto distribution, whose counts by rank q in [0, 1] fall like
 * q^-g - 1; the shift e ends the head at a finite count and the exponent d lifts the tail a little.
 * The three constants were searched for a small error of the logarithm among those that give
 * exactly 385 many, 479 medium and 136 few classes and 115,846 images at 1000 classes. */
static const double count_shift = 0.00112;
static const double count_power = 0.2235;
static const double count_lift = 0.9564;

/* The order of the classes is part of the data set and no option. */
enum { ORDER_SEED = 2020, ORDER_STREAM = 1 };

static double shape(double q) {
    return pow(pow((q + count_shift) / (1.0 + count_shift), -count_power) - 1.0, count_lift);
}

static int64_t count_at_rank(int32_t rank, int32_t classes) {
    if (rank <= 0)
        return SYNTHETIC_COUNT_MAX;
    if (rank >= classes - 1)
        return SYNTHETIC_COUNT_MIN;
    double part = shape((double)rank / (double)(classes - 1)) / shape(0.0);
    return (int64_t)floor(SYNTHETIC_COUNT_MIN + (SYNTHETIC_COUNT_MAX - SYNTHETIC_COUNT_MIN) * part +
                          0.5);
}

int64_t balact_synthetic_counts(int32_t classes, int64_t *counts) {
    int64_t total = 0;
    if (classes < 1)
        return 0;
    for (int32_t c = 0; c < classes; c++)
        total += counts[c] = count_at_rank(c, classes);
    for (int32_t c = classes - 1; c > 0; c--) { /* Fisher-Yates */
        int64_t other =
            (int64_t)balact_random_below(ORDER_SEED, ORDER_STREAM, (uint64_t)c, (uint64_t)c + 1);
        int64_t kept = counts[c];
        counts[c] = counts[other];
        counts[other] = kept;
    }
    return total;
}

int64_t balact_synthetic_class_rows(const struct balact_synthetic_options *options,
                                    enum balact_split split, const int64_t *counts, int32_t class) {
    if (split == BALACT_SPLIT_VAL)
        return options->val_per_class;
    if (split == BALACT_SPLIT_TEST)
        return options->test_per_class;
    double rows = floor(options->train_factor * (double)counts[class] + 0.5);
    return rows < 1.0 ? 1 : (int64_t)rows;
}
