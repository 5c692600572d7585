/* SPDX-License-Identifier: MIT
 *
 * Precision and recall along a ranking, sampled as the official evaluator samples them.
 */
#include <float.h>
#include <string.h>

#include "bench/evaluate/lvis_parts.h"

/* As numpy's linspace has them: the step first, then index times step; the last value is exact. */
double balact_lvis_threshold(int index) {
    const double first = 0.5, last = 0.95, step = (last - first) / (BALACT_LVIS_THRESHOLDS - 1);
    return index == BALACT_LVIS_THRESHOLDS - 1 ? last : index * step + first;
}

double balact_lvis_recall(int index) {
    const double step = 1.0 / (BALACT_LVIS_RECALLS - 1);
    return index == BALACT_LVIS_RECALLS - 1 ? 1.0 : index * step;
}

void lvis_rank(struct lvis_outcome *outcome, int64_t count, struct lvis_outcome *scratch) {
    struct lvis_outcome *from = outcome, *to = scratch;
    for (int64_t width = 1; width < count; width *= 2) {
        for (int64_t begin = 0; begin < count; begin += 2 * width) {
            int64_t a = begin, middle = begin + width < count ? begin + width : count;
            int64_t b = middle, end = middle + width < count ? middle + width : count;
            for (int64_t k = begin; k < end; k++)
                to[k] = b >= end || (a < middle && from[a].score >= from[b].score) ? from[a++]
                                                                                   : from[b++];
        }
        struct lvis_outcome *swap = from;
        from = to;
        to = swap;
    }
    if (from != outcome)
        memcpy(outcome, from, (size_t)count * sizeof *outcome);
}

/* precision[] made non-increasing, then read where recall (hits / truths) first reaches each
 * point; recall_of[k] are hits so far. */
static void sample(double *precision, const int64_t *hits, int64_t count, int64_t truths,
                   double *to, int64_t step) {
    int64_t k = 0;
    for (int64_t i = count - 1; i > 0; i--)
        if (precision[i] > precision[i - 1])
            precision[i - 1] = precision[i];
    for (int r = 0; r < BALACT_LVIS_RECALLS; r++) {
        while (k < count && (double)hits[k] / (double)truths < balact_lvis_recall(r))
            k++;
        to[r * step] = k < count ? precision[k] : 0.0;
    }
}

void lvis_curve(const struct lvis_outcome *outcome, int64_t count, int size, int64_t truths,
                struct lvis_curve curve, double *scratch) {
    int64_t *hits = (int64_t *)(scratch + count);
    if (truths == 0)
        return;
    for (int t = 0; t < BALACT_LVIS_THRESHOLDS; t++) {
        int64_t right = 0, wrong = 0;
        for (int64_t k = 0; k < count; k++) {
            unsigned hit = outcome[k].hit[size] >> t & 1,
                     ignored = outcome[k].ignored[size] >> t & 1;
            right += hit && !ignored;
            wrong += !hit && !ignored;
            scratch[k] = (double)right / ((double)wrong + (double)right + DBL_EPSILON);
            hits[k] = right;
        }
        curve.recall[t * curve.recall_step] = (double)right / (double)truths;
        sample(scratch, hits, count, truths, curve.precision + t * curve.precision_step[0],
               curve.precision_step[1]);
    }
}
