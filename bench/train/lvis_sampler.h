/* SPDX-License-Identifier: MIT
 *
 * Which images an epoch shows and which of an image's RoIs a step takes: repeat-factor sampling
 * (LVIS paper) and the foreground share of detectors. Pure functions of (seed, stage, epoch, ...)
 * from Philox, so that a resumed run and any number of threads see the same batches.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_SAMPLER_H
#define BALACT_BENCH_TRAIN_LVIS_SAMPLER_H

#include <stdint.h>

/* One run of draws; stages of one head differ in `stage`, which lies in [0, 255]. */
struct lvis_draws {
    uint64_t seed, stage;
};

/* Times that `image` (its index) comes in `epoch`: floor(factor), and one more with the probability
 * of the rest. factor >= 0. */
int64_t lvis_repeats(const struct lvis_draws *draws, int64_t epoch, int64_t image, double factor);

/* Shuffles the visits of one shard in one epoch. */
void lvis_shuffle(const struct lvis_draws *draws, int64_t epoch, int64_t shard, int32_t *visits,
                  int64_t n);

/* Takes up to `wanted` rows of an image into rows[wanted]: at most floor(share * wanted) foreground
 * ones, then background until there are enough; all where there are no more. labels[n], 0 is
 * background. visit: a number that no other visit of the run has. Returns how many; scratch[n]. */
int64_t lvis_choose_rows(const struct lvis_draws *draws, int64_t visit, const int32_t *labels,
                         int64_t n, int64_t wanted, double share, int32_t *rows, int32_t *scratch);

#endif
