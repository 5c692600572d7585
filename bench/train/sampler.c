/* SPDX-License-Identifier: MIT
 *
 * See sampler.h.
 */
#include "bench/train/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"

/* Streams of this file: the kind of draw in the top byte, so that none meets another or the streams
 * of weights and data. */
#define STREAM_EPOCH  (UINT64_C(0x51) << 56)
#define STREAM_CLASS  (UINT64_C(0x52) << 56)
#define STREAM_WITHIN (UINT64_C(0x53) << 56)

const char *sampler_name(enum sampler_kind kind) {
    static const char *const names[SAMPLER_COUNT] = {"instance", "class_balanced"};
    return (unsigned)kind < SAMPLER_COUNT ? names[kind] : "unknown sampler";
}

/* A Feistel network on Z_a x Z_b with a * b just above n, whose round function is Philox, is a
 * permutation of 0..a*b-1; walking along its cycle until the value falls below n restricts it to a
 * permutation of 0..n-1 (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). The
 * walk is short, since a * b - n < a. Halves of a few values mix slowly: with 4 double rounds 5 and
 * 10 elements are visibly unfair, from 30 on nothing shows; 12 leave a margin where it is needed.
 */
int64_t random_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t place) {
    const uint64_t rounds = n < 256 ? 12 : 4;
    uint64_t a = (uint64_t)sqrt((double)n);
    while (a * a < (uint64_t)n)
        a++;
    a += a == 0;
    uint64_t b = ((uint64_t)n + a - 1) / a, value = (uint64_t)place;
    do {
        uint64_t left = value / b, right = value % b; /* left in Z_a, right in Z_b */
        for (uint64_t round = 0; round < rounds; round++) {
            left = (left + balact_random_u64(seed, stream, right << 5 | round << 1) % a) % a;
            right = (right + balact_random_u64(seed, stream, left << 5 | round << 1 | 1) % b) % b;
        }
        value = left * b + right;
    } while (value >= (uint64_t)n);
    return (int64_t)value;
}

balact_status sampler_open(struct sampler *sampler, enum sampler_kind kind, uint64_t seed,
                           const int32_t *labels, int64_t rows, int32_t classes,
                           struct balact_error *error) {
    *sampler = (struct sampler){.kind = kind, .seed = seed, .rows = rows};
    if (rows < 1)
        return balact_fail(error, BALACT_ERROR_RANGE, "the training set has no rows");
    if (kind == SAMPLER_INSTANCE)
        return BALACT_OK;
    int64_t *start = calloc((size_t)classes + 1, sizeof *start);
    int64_t *row = malloc((size_t)rows * sizeof *row);
    if (!start || !row) {
        free(start);
        free(row);
        return balact_fail(error, BALACT_ERROR_MEMORY, "sampler: out of memory");
    }
    for (int64_t i = 0; i < rows; i++)
        start[labels[i] + 1]++;
    for (int32_t c = 0; c < classes; c++)
        start[c + 1] += start[c];
    for (int64_t i = 0; i < rows; i++) /* start serves as the cursor ... */
        row[start[labels[i]]++] = i;
    memmove(start + 1, start, (size_t)classes * sizeof *start); /* ... and is put back */
    start[0] = 0;
    int64_t kept = 0; /* drop the empty classes */
    for (int32_t c = 0; c < classes; c++)
        if (start[c + 1] > start[c])
            start[kept++] = start[c];
    start[kept] = rows;
    sampler->classes = kept;
    sampler->class_start = start;
    sampler->class_row = row;
    return BALACT_OK;
}

void sampler_release(struct sampler *sampler) {
    free(sampler->class_start);
    free(sampler->class_row);
    memset(sampler, 0, sizeof *sampler);
}

/* Epochs follow one another without a gap: place p of epoch e is draw e * rows + p. */
static int64_t class_balanced_row(const struct sampler *s, int64_t epoch, int64_t place) {
    uint64_t draw = (uint64_t)epoch * (uint64_t)s->rows + (uint64_t)place;
    uint64_t round = draw / (uint64_t)s->classes; /* each round visits each class once */
    int64_t c = random_permutation(s->seed, STREAM_CLASS | round, s->classes,
                                   (int64_t)(draw % (uint64_t)s->classes));
    uint64_t held = (uint64_t)(s->class_start[c + 1] - s->class_start[c]);
    uint64_t cycle = round / held;
    int64_t within = random_permutation(s->seed, STREAM_WITHIN | (uint64_t)c << 32 | cycle,
                                        (int64_t)held, (int64_t)(round % held));
    return s->class_row[s->class_start[c] + within];
}

int64_t sampler_row(const struct sampler *sampler, int64_t epoch, int64_t place) {
    if (sampler->kind == SAMPLER_CLASS_BALANCED)
        return class_balanced_row(sampler, epoch, place);
    return random_permutation(sampler->seed, STREAM_EPOCH | (uint64_t)epoch, sampler->rows, place);
}
