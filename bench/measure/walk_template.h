/* SPDX-License-Identifier: MIT
 *
 * One thread's walk for one vector width. walk_avx2.c and walk_avx512.c include this after naming
 *   WALK_PIECE, WALK_VECTOR, WALK_LOAD(p), WALK_STORE(p, v), WALK_STREAM_STORE(p, v),
 *   WALK_ADD(a, b), WALK_XOR(a, b), WALK_ZERO, WALK_SET(int)
 * Eight vectors a turn, so that neither the loop nor a chain of additions is what is measured.
 */
#include <string.h>

enum { WALK_UNROLL = 8, WALK_STEP = WALK_UNROLL * (int)sizeof(WALK_VECTOR) };

/* Never known to the compiler, so that what is read must be read and written back. */
static volatile int walk_kept;

static void walk_read(const char *from, int64_t bytes) {
    WALK_VECTOR sums[WALK_UNROLL];
    for (int k = 0; k < WALK_UNROLL; k++)
        sums[k] = WALK_ZERO;
    for (int64_t i = 0; i + WALK_STEP <= bytes; i += WALK_STEP) {
#pragma GCC unroll 8
        for (int k = 0; k < WALK_UNROLL; k++)
            sums[k] = WALK_ADD(sums[k], WALK_LOAD(from + i + k * (int)sizeof(WALK_VECTOR)));
    }
    for (int k = 1; k < WALK_UNROLL; k++)
        sums[0] = WALK_ADD(sums[0], sums[k]);
    int first;
    memcpy(&first, &sums[0], sizeof first);
    walk_kept = first;
}

static void walk_in_place(char *from, int64_t bytes) {
    WALK_VECTOR change = WALK_SET(walk_kept & 0);
    for (int64_t i = 0; i + WALK_STEP <= bytes; i += WALK_STEP) {
#pragma GCC unroll 8
        for (int k = 0; k < WALK_UNROLL; k++) {
            char *at = from + i + k * (int)sizeof(WALK_VECTOR);
            WALK_STORE(at, WALK_XOR(WALK_LOAD(at), change));
        }
    }
}

static void walk_copy(const char *from, char *to, int64_t bytes) {
    for (int64_t i = 0; i + WALK_STEP <= bytes; i += WALK_STEP) {
#pragma GCC unroll 8
        for (int k = 0; k < WALK_UNROLL; k++) {
            int64_t at = i + k * (int)sizeof(WALK_VECTOR);
            WALK_STORE(to + at, WALK_LOAD(from + at));
        }
    }
}

static void walk_stream(const char *from, char *to, int64_t bytes) {
    for (int64_t i = 0; i + WALK_STEP <= bytes; i += WALK_STEP) {
#pragma GCC unroll 8
        for (int k = 0; k < WALK_UNROLL; k++) {
            int64_t at = i + k * (int)sizeof(WALK_VECTOR);
            WALK_STREAM_STORE(to + at, WALK_LOAD(from + at));
        }
    }
    _mm_sfence();
}

/* What is left after the last whole step, less than WALK_STEP bytes, counts for nothing but must be
 * copied all the same. */
void WALK_PIECE(enum walk walk, char *from, char *to, int64_t bytes) {
    int64_t rest = bytes % WALK_STEP;
    switch (walk) {
    case WALK_READ:
        walk_read(from, bytes);
        return;
    case WALK_IN_PLACE:
        walk_in_place(from, bytes);
        return;
    case WALK_COPY:
        walk_copy(from, to, bytes);
        break;
    case WALK_STREAM:
        walk_stream(from, to, bytes);
        break;
    case WALK_COUNT:
        return;
    }
    memcpy(to + bytes - rest, from + bytes - rest, (size_t)rest);
}
