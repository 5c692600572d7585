/* SPDX-License-Identifier: MIT
 *
 * See walk.h. The plain walk, and which of the walks is taken.
 */
#include "bench/measure/walk.h"

#include <string.h>

#include "balact/backend.h"
#include "optimized/cpu/usable.h"

const char *walk_name(enum walk walk) {
    static const char *const names[] = {"read", "copy", "stream_copy", "in_place"};
    return names[walk];
}

double walk_moved(enum walk walk, double bytes) {
    return walk == WALK_READ ? bytes : 2.0 * bytes;
}

/* Where sums go that must not be optimised away. */
static volatile uint64_t kept;

static void walk_piece_plain(enum walk walk, char *from, char *to, int64_t bytes) {
    uint64_t sums[4] = {0}, words[4], change = kept & 0;
    if (walk == WALK_COPY || walk == WALK_STREAM) {
        memcpy(to, from, (size_t)bytes);
        return;
    }
    for (int64_t i = 0; i + 32 <= bytes; i += 32) {
        memcpy(words, from + i, sizeof words);
        for (int k = 0; k < 4; k++)
            sums[k] += words[k] ^= change;
        if (walk == WALK_IN_PLACE)
            memcpy(from + i, words, sizeof words);
    }
    if (walk == WALK_READ)
        kept = sums[0] + sums[1] + sums[2] + sums[3];
}

static walk_piece *best_walk(void) {
#ifdef BALACT_HAVE_AVX512
    if (balact_avx512_usable(NULL, 0))
        return walk_piece_avx512;
#endif
#ifdef BALACT_HAVE_AVX2
    if (balact_avx2_usable(NULL, 0))
        return walk_piece_avx2;
#endif
    return walk_piece_plain;
}

void walk_memory(enum walk walk, void *from, void *to, int64_t bytes) {
    static walk_piece *best;
    if (!best)
        best = best_walk();
    int threads = balact_threads();
    int64_t piece = (bytes / threads + 4095) / 4096 * 4096; /* no page has two writers */
#pragma omp parallel for schedule(static, 1) num_threads(threads) if (threads > 1)
    for (int t = 0; t < threads; t++) {
        int64_t begin = t * piece, end = begin + piece < bytes ? begin + piece : bytes;
        if (begin < end)
            best(walk, (char *)from + begin, (char *)to + begin, end - begin);
    }
}
