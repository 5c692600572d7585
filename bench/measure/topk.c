/* SPDX-License-Identifier: MIT
 *
 * See topk.h. docs/METHOD.md, "Ranking", says what is timed and what it favours.
 */
#include "bench/measure/topk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/backend.h"
#include "balact/random.h"
#include "bench/measure/samples.h"
#include "bench/program.h"

enum { SEED = 20081106, ROUNDS = 21, MAX_SUBJECTS = 8 };

static const struct {
    int64_t rows, cols, k;
} cases[] = {{8192, 1000, 1},   {8192, 1000, 5},  {8192, 1203, 1},
             {8192, 1203, 300}, {2048, 21841, 1}, {2048, 21841, 5}};

static void *allocated(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory)
        die(EXIT_BAD_INPUT, "out of memory for the arrays of the measurement");
    memset(memory, 0, bytes); /* touched: no page fault is timed */
    return memory;
}

/* Reads all, a cache line a step and each word of it; the sum keeps compilers from leaving it out.
 */
static uint64_t walk_row(const uint64_t *from, int64_t words) {
    uint64_t a = 0, b = 0, c = 0, d = 0;
    int64_t j = 0;
    for (; j + 8 <= words; j += 8) {
        a += from[j] ^ from[j + 4];
        b += from[j + 1] ^ from[j + 5];
        c += from[j + 2] ^ from[j + 6];
        d += from[j + 3] ^ from[j + 7];
    }
    for (; j < words; j++)
        a += from[j];
    return a + b + c + d;
}

static volatile uint64_t walked;

static double time_walk(const uint64_t *from, int64_t words) {
    enum { PIECE = 8192 };
    uint64_t sum = 0;
    int64_t pieces = (words + PIECE - 1) / PIECE;
    double began = seconds_now();
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (int64_t i = 0; i < pieces; i++) {
        int64_t first = i * PIECE, count = words - first < PIECE ? words - first : PIECE;
        sum += walk_row(from + first, count);
    }
    walked = sum;
    return seconds_now() - began;
}

static void rank(const struct balact_backend *backend, const struct balact_topk_problem *problem) {
    struct balact_error error;
    die_unless_ok(balact_topk(backend, problem, &error), &error);
}

/* The backends that can rank what lies in plain memory, the reference excepted. */
static size_t find_subjects(const struct balact_backend **subjects) {
    size_t count, found = 0;
    const struct balact_backend *const *all = balact_backends(&count);
    for (size_t b = 0; b < count && found < MAX_SUBJECTS; b++)
        if (all[b]->usable(NULL, 0) && all[b]->plain_memory && all[b]->topk &&
            strcmp(all[b]->name, "reference") != 0)
            subjects[found++] = all[b];
    return found;
}

/* Dies unless every class and every value is the reference's. */
static void verify(const struct balact_backend *backend, const struct balact_topk_problem *p,
                   const int32_t *index, const float *value) {
    size_t bytes = (size_t)(p->rows * p->k) * sizeof(float);
    memset(p->index, 0xff, bytes);
    memset(p->value, 0xff, bytes);
    rank(backend, p);
    if (memcmp(p->index, index, bytes) != 0 || memcmp(p->value, value, bytes) != 0)
        die(EXIT_CHECK_FAILED, "topk of backend %s differs from the reference, nothing is timed",
            backend->name);
}

/* Backends and the walk take turns, so that a change of the machine's speed meets all of them. */
static void measure(const struct balact_backend *const *subjects, size_t count,
                    const struct balact_topk_problem *p) {
    struct samples seconds[MAX_SUBJECTS] = {{0}}, walk = {0};
    int64_t words = p->rows * p->cols / 2;
    for (int r = -1; r < ROUNDS; r++) { /* the first round warms up */
        double taken = time_walk(p->logits, words);
        if (r >= 0)
            samples_add(&walk, taken);
        for (size_t b = 0; b < count; b++) {
            double began = seconds_now();
            rank(subjects[b], p);
            if (r >= 0)
                samples_add(&seconds[b], seconds_now() - began);
        }
    }
    double limit = samples_quantile(&walk, 0.5);
    for (size_t b = 0; b < count; b++) {
        double median = samples_quantile(&seconds[b], 0.5);
        printf("%s,f32,%lld,%lld,%lld,%d,%.4g,%.4g,%.4g,%.4g,%.2f,yes\n", subjects[b]->name,
               (long long)p->rows, (long long)p->cols, (long long)p->k, balact_threads(),
               samples_quantile(&seconds[b], 0.1), median, samples_quantile(&seconds[b], 0.9),
               limit, median / limit);
        fflush(stdout);
    }
}

static void measure_case(const struct balact_backend *const *subjects, size_t count,
                         struct balact_topk_problem *p, int threads) {
    size_t bytes = (size_t)(p->rows * p->k) * sizeof(float);
    int32_t *index = allocated(bytes), *wanted_index = allocated(bytes);
    float *value = allocated(bytes), *wanted_value = allocated(bytes);
    p->index = wanted_index, p->value = wanted_value;
    rank(balact_backend_find("reference"), p);
    p->index = index, p->value = value;
    for (int all = 0; all < (threads > 1 ? 2 : 1); all++) {
        balact_set_threads(all ? threads : 1);
        for (size_t b = 0; b < count; b++)
            verify(subjects[b], p, wanted_index, wanted_value);
        measure(subjects, count, p);
    }
    balact_set_threads(threads);
    free(index), free(wanted_index), free(value), free(wanted_value);
}

void balact_measure_topk(void) {
    const struct balact_backend *subjects[MAX_SUBJECTS];
    size_t count = find_subjects(subjects);
    float *logits = NULL;
    int64_t filled = 0;
    if (!count)
        die(EXIT_BAD_INPUT, "bench topk: no backend but the reference can run here");
    printf("backend,dtype,rows,cols,k,threads,seconds_p10,seconds_p50,seconds_p90,walk_seconds_p50,"
           "ratio,verified\n");
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        int64_t elements = cases[c].rows * cases[c].cols;
        if (elements != filled) {
            free(logits);
            logits = allocated((size_t)elements * sizeof *logits);
#pragma omp parallel for schedule(static)
            for (int64_t i = 0; i < elements; i++)
                logits[i] = (float)balact_random_normal(SEED, 1, (uint64_t)i);
            filled = elements;
        }
        struct balact_topk_problem p = {.rows = cases[c].rows,
                                        .cols = cases[c].cols,
                                        .logits = logits,
                                        .ld = cases[c].cols,
                                        .k = cases[c].k,
                                        .ld_out = cases[c].k};
        measure_case(subjects, count, &p, balact_threads());
    }
    free(logits);
}
