/* SPDX-License-Identifier: MIT
 *
 * Walks over memory that do no arithmetic worth the name: what any kernel that reads its input once
 * and writes its output once must take at least. They give `limit_seconds` of balact bench kernels.
 */
#ifndef BALACT_BENCH_MEASURE_WALK_H
#define BALACT_BENCH_MEASURE_WALK_H

#include <stdint.h>

/* What a walk does with its memory. */
enum walk {
    WALK_READ,     /* reads */
    WALK_COPY,     /* copies by ordinary stores */
    WALK_STREAM,   /* copies by stores that go past the caches */
    WALK_IN_PLACE, /* reads and writes back the same bits */
    WALK_COUNT
};

/* "read", "copy", "stream_copy", "in_place" */
const char *walk_name(enum walk walk);

/* Bytes that a walk over `bytes` moves: once for WALK_READ, twice for the others. */
double walk_moved(enum walk walk, double bytes);

/* Walks over bytes, shared out in one piece a thread to balact_threads() threads, by the widest
 * vectors that this build and machine have. from and to are aligned to 64 bytes; to is used by the
 * copies alone. */
void walk_memory(enum walk walk, void *from, void *to, int64_t bytes);

/* One thread's piece. The file of that name is compiled for its instruction set: only to be called
 * where the backend of that name is usable. */
typedef void walk_piece(enum walk walk, char *from, char *to, int64_t bytes);
walk_piece walk_piece_avx2, walk_piece_avx512;

#endif
