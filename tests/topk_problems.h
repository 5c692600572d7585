/* SPDX-License-Identifier: MIT
 *
 * Rankings for tests: outputs with padding, logits of every kind.
 */
#ifndef BALACT_TESTS_TOPK_PROBLEMS_H
#define BALACT_TESTS_TOPK_PROBLEMS_H

#include <math.h>
#include <string.h>

#include "balact/random.h"
#include "balact/topk.h"
#include "optimized/backends.h"
#include "reference/storage.h"
#include "tests/cpu_backends.h"
#include "tests/guarded.h"

enum { SEED = 20081105, INDEX_PAD = -77, PADDING = 3 };
#define VALUE_PAD 777.25f

struct outputs {
    int32_t *index;
    float *value;
    size_t count;
};

static inline struct outputs outputs_new(const struct balact_topk_problem *p) {
    struct outputs o = {.count = (size_t)(p->rows * p->ld_out)};
    o.index = plain(o.count * sizeof *o.index);
    o.value = plain(o.count * sizeof *o.value);
    for (size_t i = 0; i < o.count; i++) {
        o.index[i] = INDEX_PAD;
        o.value[i] = VALUE_PAD;
    }
    return o;
}

static inline void outputs_free(struct outputs *o) {
    free(o->index);
    free(o->value);
}

static inline void run(const struct balact_backend *backend,
                       const struct balact_topk_problem *problem, struct outputs *o,
                       bool with_value) {
    struct balact_topk_problem p = *problem;
    struct balact_error error = {.message = ""};
    p.index = o->index;
    p.value = with_value ? o->value : NULL;
    balact_status status = balact_topk(backend, &p, &error);
    ck_assert_msg(status == BALACT_OK, "%s: %s", backend->name, error.message);
}

/* Equal bits, which zero it is included; any NaN is as good as another. */
static inline bool same_value(float a, float b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static inline void expect_same(const char *name, const char *what,
                               const struct balact_topk_problem *p, const struct outputs *want,
                               const struct outputs *got) {
    for (size_t i = 0; i < want->count; i++)
        ck_assert_msg(
            got->index[i] == want->index[i] && same_value(got->value[i], want->value[i]),
            "%s, %s, dtype %d, %lld columns, k %lld: row %zu, place %zu is class %d (%g), "
            "reference %d (%g)",
            name, what, (int)p->dtype, (long long)p->cols, (long long)p->k, i / (size_t)p->ld_out,
            i % (size_t)p->ld_out, got->index[i], (double)got->value[i], want->index[i],
            (double)want->value[i]);
}

/* ---- Logits of every kind ---- */

enum kind {
    NORMAL,
    EQUAL,
    COARSE, /* few distinct values */
    ZEROS,  /* of both signs */
    DESCENDING,
    ASCENDING,
    ALL_MINUS_INFINITY,
    ALL_NAN,
    MOSTLY_NAN, /* fewer numbers than most k want, some of them infinite */
    INFINITIES, /* of both signs, NaN between */
    LAST_WINS,
    KINDS
};

static const char *const kind_names[KINDS] = {"normal",     "equal",      "coarse",   "zeros",
                                              "descending", "ascending",  "all -inf", "all NaN",
                                              "mostly NaN", "infinities", "last wins"};

static inline double draw(enum kind kind, int64_t i, int64_t j, int64_t cols) {
    uint64_t at = (uint64_t)(i * cols + j);
    uint64_t die = balact_random_below(SEED, 2, at, 12);
    double normal = balact_random_normal(SEED, 1, at);
    switch (kind) {
    case EQUAL:
        return -1.5;
    case COARSE:
        return (double)balact_random_below(SEED, 3, at, 5) - 2;
    case ZEROS:
        return die < 5 ? 0.0 : die < 10 ? -0.0 : -1.0;
    case DESCENDING:
        return -0.25 * (double)j;
    case ASCENDING:
        return 0.25 * (double)(j - cols);
    case ALL_MINUS_INFINITY:
        return -INFINITY;
    case ALL_NAN:
        return NAN;
    case MOSTLY_NAN:
        return die < 9 ? NAN : die < 11 ? -INFINITY : normal;
    case INFINITIES:
        return die < 2 ? INFINITY : die < 5 ? -INFINITY : die < 7 ? NAN : normal;
    case LAST_WINS:
        return j == cols - 1 ? 9.0 : -fabs(normal);
    default:
        return normal;
    }
}

static inline void fill(void *logits, enum balact_dtype dtype, enum kind kind, int64_t rows,
                        int64_t cols, int64_t ld) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++) /* padding would win every place */
            store_element(logits, dtype, i * ld + j, j < cols ? draw(kind, i, j, cols) : 60000.0);
}

static inline float *offsets(int64_t cols) {
    float *offset = plain((size_t)cols * sizeof *offset);
    for (int64_t j = 0; j < cols; j++)
        offset[j] = balact_random_below(SEED, 4, (uint64_t)j, 7) == 0
                        ? -INFINITY
                        : (float)balact_random_normal(SEED, 5, (uint64_t)j);
    return offset;
}

#define NEED_BACKENDS()                                                                            \
    find_backends();                                                                               \
    if (cpu_count == 0)                                                                            \
    TEST_SKIP("no CPU backend but the reference")

#endif
