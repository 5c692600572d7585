/* SPDX-License-Identifier: MIT
 *
 * See samples.h.
 */
#include "bench/measure/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void samples_add(struct samples *samples, double seconds) {
    if (samples->count < SAMPLES_MOST)
        samples->seconds[samples->count++] = seconds;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double samples_quantile(const struct samples *samples, double q) {
    double sorted[SAMPLES_MOST];
    if (samples->count == 0)
        return NAN;
    memcpy(sorted, samples->seconds, samples->count * sizeof *sorted);
    qsort(sorted, samples->count, sizeof *sorted, compare);
    double position = q * (double)(samples->count - 1);
    size_t below = (size_t)position;
    double above = sorted[below + 1 < samples->count ? below + 1 : below];
    return sorted[below] + (position - (double)below) * (above - sorted[below]);
}
