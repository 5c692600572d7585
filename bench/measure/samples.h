/* SPDX-License-Identifier: MIT
 *
 * Samples of a duration and their percentiles.
 */
#ifndef BALACT_BENCH_MEASURE_SAMPLES_H
#define BALACT_BENCH_MEASURE_SAMPLES_H

#include <stddef.h>

enum { SAMPLES_MOST = 255 };

/* Seconds of one run each, in the order in which they were taken. */
struct samples {
    size_t count;
    double seconds[SAMPLES_MOST];
};

/* Takes a sample, unless SAMPLES_MOST are there. */
void samples_add(struct samples *samples, double seconds);

/* The q-quantile, q in [0, 1], by linear interpolation between the two nearest of the sorted
 * samples (position q (count - 1)); NAN without samples. */
double samples_quantile(const struct samples *samples, double q);

#endif
