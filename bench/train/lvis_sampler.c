/* SPDX-License-Identifier: MIT
 *
 * See lvis_sampler.h.
 */
#include "bench/train/lvis_sampler.h"

#include <math.h>
#include <stdbool.h>

#include "balact/random.h"

/* Streams of this file: the kind of draw in the top byte (sampler.c has 0x51 to 0x53), the stage in
 * the next. */
#define STREAM_REPEAT  (UINT64_C(0x54) << 56)
#define STREAM_SHUFFLE (UINT64_C(0x55) << 56)
#define STREAM_ROWS    (UINT64_C(0x56) << 56)

static uint64_t stream_of(uint64_t kind, const struct lvis_draws *draws, int64_t number) {
    return kind | draws->stage << 48 | (uint64_t)number;
}

int64_t lvis_repeats(const struct lvis_draws *draws, int64_t epoch, int64_t image, double factor) {
    double whole = floor(factor);
    double uniform = balact_random_uniform(draws->seed, stream_of(STREAM_REPEAT, draws, epoch),
                                           (uint64_t)image);
    return (int64_t)whole + (uniform < factor - whole);
}

void lvis_shuffle(const struct lvis_draws *draws, int64_t epoch, int64_t shard, int32_t *visits,
                  int64_t n) {
    uint64_t stream = stream_of(STREAM_SHUFFLE, draws, epoch);
    for (int64_t i = n - 1; i > 0; i--) {
        uint64_t index = (uint64_t)shard << 32 | (uint64_t)i;
        int64_t other =
            (int64_t)balact_random_below(draws->seed, stream, index, (uint64_t)i + 1);
        int32_t kept = visits[i];
        visits[i] = visits[other];
        visits[other] = kept;
    }
}

/* The first `wanted` of a shuffle of from[n], in place. */
static void choose(const struct lvis_draws *draws, int64_t visit, uint64_t first, int32_t *from,
                   int64_t n, int64_t wanted) {
    if (wanted >= n)
        return;
    uint64_t stream = stream_of(STREAM_ROWS, draws, visit);
    for (int64_t i = 0; i < wanted; i++) {
        int64_t other = i + (int64_t)balact_random_below(draws->seed, stream, first + (uint64_t)i,
                                                         (uint64_t)(n - i));
        int32_t kept = from[i];
        from[i] = from[other];
        from[other] = kept;
    }
}

static int64_t gather(const int32_t *labels, int64_t n, bool foreground, int32_t *out) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if ((labels[i] != 0) == foreground)
            out[count++] = (int32_t)i;
    return count;
}

int64_t lvis_choose_rows(const struct lvis_draws *draws, int64_t visit, const int32_t *labels,
                         int64_t n, int64_t wanted, double share, int32_t *rows,
                         int32_t *scratch) {
    int64_t limit = (int64_t)floor(share * (double)wanted), taken = 0;
    for (int foreground = 1; foreground >= 0; foreground--) {
        int64_t there = gather(labels, n, foreground, scratch);
        int64_t most = foreground ? limit : wanted - taken;
        int64_t count = there < most ? there : most;
        choose(draws, visit, (uint64_t)foreground << 32, scratch, there, count);
        for (int64_t i = 0; i < count; i++)
            rows[taken++] = scratch[i];
    }
    return taken;
}
