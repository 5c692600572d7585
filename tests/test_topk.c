/* SPDX-License-Identifier: MIT
 *
 * Ranking of classes: the reference against cases worked by hand and against a sort, every other
 * backend against the reference, bit for bit; memory that must not be touched; threads.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "balact/random.h"
#include "balact/topk.h"
#include "optimized/backends.h"
#include "reference/storage.h"
#include "tests/cpu_backends.h"

enum { SEED = 20081105, INDEX_PAD = -77, PADDING = 3 };
#define VALUE_PAD 777.25f

/* ---- Problems ---- */

static void *plain(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

struct outputs {
    int32_t *index;
    float *value;
    size_t count;
};

static struct outputs outputs_new(const struct balact_topk_problem *p) {
    struct outputs o = {.count = (size_t)(p->rows * p->ld_out)};
    o.index = plain(o.count * sizeof *o.index);
    o.value = plain(o.count * sizeof *o.value);
    for (size_t i = 0; i < o.count; i++) {
        o.index[i] = INDEX_PAD;
        o.value[i] = VALUE_PAD;
    }
    return o;
}

static void outputs_free(struct outputs *o) {
    free(o->index);
    free(o->value);
}

static void run(const struct balact_backend *backend, const struct balact_topk_problem *problem,
                struct outputs *o, bool with_value) {
    struct balact_topk_problem p = *problem;
    struct balact_error error = {.message = ""};
    p.index = o->index;
    p.value = with_value ? o->value : NULL;
    balact_status status = balact_topk(backend, &p, &error);
    ck_assert_msg(status == BALACT_OK, "%s: %s", backend->name, error.message);
}

/* Equal bits, which zero it is included; any NaN is as good as another. */
static bool same_value(float a, float b) {
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static void expect_same(const char *name, const char *what, const struct balact_topk_problem *p,
                        const struct outputs *want, const struct outputs *got) {
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

static double draw(enum kind kind, int64_t i, int64_t j, int64_t cols) {
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

static void fill(void *logits, enum balact_dtype dtype, enum kind kind, int64_t rows, int64_t cols,
                 int64_t ld) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++) /* padding would win every place */
            store_element(logits, dtype, i * ld + j, j < cols ? draw(kind, i, j, cols) : 60000.0);
}

static float *offsets(int64_t cols) {
    float *offset = plain((size_t)cols * sizeof *offset);
    for (int64_t j = 0; j < cols; j++)
        offset[j] = balact_random_below(SEED, 4, (uint64_t)j, 7) == 0
                        ? -INFINITY
                        : (float)balact_random_normal(SEED, 5, (uint64_t)j);
    return offset;
}

/* ---- The reference ---- */

static void expect_order(const struct balact_backend *backend, const float *x, int64_t cols,
                         const float *offset, const int32_t *order) {
    int32_t index[16];
    float value[16];
    for (int64_t k = 1; k <= cols; k++) {
        struct balact_topk_problem p = {.rows = 1,
                                        .cols = cols,
                                        .logits = x,
                                        .ld = cols,
                                        .offset = offset,
                                        .k = k,
                                        .index = index,
                                        .value = value,
                                        .ld_out = k};
        ck_assert_int_eq(balact_topk(backend, &p, NULL), BALACT_OK);
        for (int64_t r = 0; r < k; r++) {
            float u = offset ? x[order[r]] + offset[order[r]] : x[order[r]];
            ck_assert_msg(index[r] == order[r] && same_value(value[r], u),
                          "%s, k %lld, place %lld: class %d (%g), by hand %d (%g)", backend->name,
                          (long long)k, (long long)r, index[r], (double)value[r], order[r],
                          (double)u);
        }
    }
}

/* The defined order, worked by hand, of every backend. */
START_TEST(test_by_hand) {
    static const float numbers[] = {1, 3, -2, 3, 0.5f};
    static const float zeros[] = {-0.0f, 0.0f, -1, -0.0f};
    static const float ill[] = {NAN, -INFINITY, NAN, 2, INFINITY, -INFINITY};
    static const float prior[] = {0, 0, 5, -INFINITY, -INFINITY, 0};
    size_t count;
    const struct balact_backend *const *backends = balact_backends(&count);
    for (size_t b = 0; b < count; b++) {
        char why[128];
        if (!backends[b]->usable(why, sizeof why) || !backends[b]->plain_memory)
            continue;
        expect_order(backends[b], numbers, 5, NULL, (const int32_t[]){1, 3, 0, 4, 2});
        expect_order(backends[b], numbers, 5, prior, (const int32_t[]){1, 2, 0, 3, 4});
        expect_order(backends[b], zeros, 4, NULL, (const int32_t[]){0, 1, 3, 2});
        expect_order(backends[b], ill, 6, NULL, (const int32_t[]){4, 3, 1, 5, 0, 2});
        /* +inf - inf is NaN, and NaN comes after -inf */
        expect_order(backends[b], ill, 6, prior, (const int32_t[]){1, 3, 5, 0, 2, 4});
    }
}
END_TEST

static const float *sorted_values;

static int compare_places(const void *a, const void *b) {
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    double x = sorted_values[i], y = sorted_values[j];
    if (isnan(x) != isnan(y))
        return isnan(x) ? 1 : -1;
    if (x > y || x < y)
        return x > y ? -1 : 1;
    return i < j ? -1 : 1;
}

START_TEST(test_reference_against_sort) {
    enum { COLS = 203 };
    float x[COLS];
    int32_t index[COLS], order[COLS];
    for (int kind = 0; kind < KINDS; kind++) {
        struct balact_topk_problem p = {.rows = 1,
                                        .cols = COLS,
                                        .logits = x,
                                        .ld = COLS,
                                        .k = COLS,
                                        .index = index,
                                        .ld_out = COLS};
        fill(x, BALACT_F32, (enum kind)kind, 1, COLS, COLS);
        for (int32_t j = 0; j < COLS; j++)
            order[j] = j;
        sorted_values = x;
        qsort(order, COLS, sizeof *order, compare_places);
        ck_assert_int_eq(balact_topk(&balact_backend_reference, &p, NULL), BALACT_OK);
        ck_assert_msg(!memcmp(order, index, sizeof order), "%s", kind_names[kind]);
    }
}
END_TEST

/* ---- The others against the reference ---- */

static void compare_backends(const char *what, const struct balact_topk_problem *p) {
    struct outputs want = outputs_new(p);
    run(&balact_backend_reference, p, &want, true);
    for (size_t b = 0; b < cpu_count; b++) {
        struct outputs got = outputs_new(p);
        run(cpu_backends[b], p, &got, true);
        expect_same(cpu_backends[b]->name, what, p, &want, &got);
        outputs_free(&got);
        got = outputs_new(p);
        run(cpu_backends[b], p, &got, false); /* and without values, which then stay untouched */
        for (size_t i = 0; i < got.count; i++)
            ck_assert(got.index[i] == want.index[i] && got.value[i] == VALUE_PAD);
        outputs_free(&got);
    }
    outputs_free(&want);
}

/* All types and kinds, with and without offset, of one shape and the k of a list that fit it. */
static void compare_shape(int64_t rows, int64_t cols, const int64_t *ks, size_t k_count) {
    int64_t ld = cols + PADDING;
    float *offset = offsets(cols);
    void *logits = plain((size_t)(rows * ld) * sizeof(float));
    for (int dtype = BALACT_F32; dtype <= BALACT_BF16; dtype++)
        for (int kind = 0; kind < KINDS; kind++) {
            fill(logits, (enum balact_dtype)dtype, (enum kind)kind, rows, cols, ld);
            for (size_t k = 0; k < k_count; k++)
                for (int shifted = 0; shifted < 2; shifted++) {
                    struct balact_topk_problem p = {.rows = rows,
                                                    .cols = cols,
                                                    .dtype = (enum balact_dtype)dtype,
                                                    .logits = logits,
                                                    .ld = ld,
                                                    .offset = shifted ? offset : NULL,
                                                    .k = ks[k],
                                                    .ld_out = ks[k] + PADDING};
                    if (ks[k] <= cols)
                        compare_backends(kind_names[kind], &p);
                }
        }
    free(logits);
    free(offset);
}

#define NEED_BACKENDS()                                                                            \
    find_backends();                                                                               \
    if (cpu_count == 0)                                                                            \
    TEST_SKIP("no CPU backend but the reference")

START_TEST(test_small_widths) {
    NEED_BACKENDS();
    for (int64_t cols = 1; cols <= 70; cols++) {
        const int64_t ks[] = {1, 2, 5, 10, cols == 64 ? 63 : 64, cols};
        compare_shape(2, cols, ks, sizeof ks / sizeof *ks);
    }
}
END_TEST

START_TEST(test_usual_widths) {
    static const int64_t ks[] = {1, 2, 3, 5, 8, 10, 16, 33, 64, 65, 100, 999, 1000};
    NEED_BACKENDS();
    compare_shape(2, 1000, ks, sizeof ks / sizeof *ks);
    compare_shape(1, 1203, ks, sizeof ks / sizeof *ks);
    compare_shape(1, 2049, ks, 3); /* one column into the second block */
}
END_TEST

START_TEST(test_large_width) {
    static const int64_t ks[] = {1, 2, 5, 10, 64, 100};
    NEED_BACKENDS();
    compare_shape(1, 21841, ks, sizeof ks / sizeof *ks);
}
END_TEST

/* Every class in order; the reference would take a while for more of this size. */
START_TEST(test_large_width_sorted) {
    enum { COLS = 21841 };
    NEED_BACKENDS();
    float *x = plain(COLS * sizeof *x);
    fill(x, BALACT_F32, NORMAL, 1, COLS, COLS);
    x[100] = x[20000];
    struct balact_topk_problem p = {
        .rows = 1, .cols = COLS, .logits = x, .ld = COLS, .k = COLS, .ld_out = COLS};
    compare_backends("sorted", &p);
    free(x);
}
END_TEST

/* The best class in every lane of every vector of two blocks, alone and with an equal behind it. */
START_TEST(test_every_place) {
    enum { COLS = 4096 + 70 };
    NEED_BACKENDS();
    float *x = plain(COLS * sizeof *x);
    int32_t index[2];
    for (int j = 0; j < COLS; j++)
        x[j] = -1;
    for (size_t b = 0; b < cpu_count; b++)
        for (int32_t j = 0; j < COLS; j++) {
            int32_t other = (j + 1 + 7 * j % 2100) % COLS;
            x[j] = x[other] = 1;
            struct balact_topk_problem p = {.rows = 1,
                                            .cols = COLS,
                                            .logits = x,
                                            .ld = COLS,
                                            .k = 2,
                                            .index = index,
                                            .ld_out = 2};
            ck_assert_int_eq(balact_topk(cpu_backends[b], &p, NULL), BALACT_OK);
            int32_t low = j < other ? j : other, high = j < other ? other : j;
            ck_assert_msg(index[0] == low && index[1] == high, "%d, %d: %d, %d", low, high,
                          index[0], index[1]);
            ck_assert_int_eq(balact_argmax(cpu_backends[b], &p, NULL), BALACT_OK);
            ck_assert_int_eq(index[0], low);
            x[j] = x[other] = -1;
        }
    free(x);
}
END_TEST

/* ---- Memory ---- */

/* `bytes` between two pages that may not be touched, against the first or the second of them. */
static void *guarded(size_t bytes, bool at_first) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    char *base =
        mmap(NULL, inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_int_eq(mprotect(base, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(base + page + inner, page, PROT_NONE), 0);
    return at_first ? base + page : base + page + inner - bytes;
}

static void unguard(void *memory, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    char *start = (char *)((uintptr_t)memory / page * page);
    ck_assert_int_eq(munmap(start - page, inner + 2 * page), 0);
}

static void guarded_case(const struct balact_backend *backend, enum balact_dtype dtype,
                         int64_t cols, int64_t k, bool at_first, bool shifted) {
    size_t in = (size_t)(cols * balact_dtype_size(dtype)), out = (size_t)k * sizeof(float);
    size_t prior = (size_t)cols * sizeof(float);
    struct balact_topk_problem p = {
        .rows = 1, .cols = cols, .dtype = dtype, .ld = cols, .k = k, .ld_out = k};
    void *logits = guarded(in, at_first);
    float *offset = guarded(prior, at_first);
    fill(logits, dtype, MOSTLY_NAN, 1, cols, cols); /* the way that looks at most of the row */
    memset(offset, 0, prior);
    p.logits = logits;
    p.offset = shifted ? offset : NULL;
    p.index = guarded(out, at_first);
    p.value = guarded(out, at_first);
    ck_assert_int_eq(balact_topk(backend, &p, NULL), BALACT_OK);
    unguard(logits, in), unguard(offset, prior), unguard(p.index, out), unguard(p.value, out);
}

START_TEST(test_guard_pages) {
    static const int64_t widths[] = {1,  2,  3,  5,  7,   8,   9,    15,   16,   17,  31,
                                     33, 63, 64, 65, 127, 128, 1000, 1203, 2047, 2049};
    static const int64_t ks[] = {1, 2, 5, 64, 65, 1000};
    FOR_BACKENDS(b)
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
            for (int mix = 0; mix < 12 && ks[k] <= widths[w]; mix++)
                guarded_case(cpu_backends[b], (enum balact_dtype)(mix / 4), widths[w], ks[k],
                             mix & 1, mix & 2);
}
END_TEST

/* ---- Threads, no rows, argmax ---- */

START_TEST(test_threads) {
    enum { ROWS = 301, COLS = 1203 };
    static const int64_t ks[] = {1, 5, 300};
    NEED_BACKENDS();
    int threads = balact_threads();
    float *x = plain((size_t)ROWS * COLS * sizeof *x);
    fill(x, BALACT_F32, NORMAL, ROWS, COLS, COLS);
    for (size_t k = 0; k < sizeof ks / sizeof *ks; k++) {
        struct balact_topk_problem p = {
            .rows = ROWS, .cols = COLS, .logits = x, .ld = COLS, .k = ks[k], .ld_out = ks[k]};
        struct outputs want = outputs_new(&p);
        run(&balact_backend_reference, &p, &want, true);
        for (size_t b = 0; b < cpu_count; b++)
            for (int t = 1; t <= 4; t++) {
                struct outputs got = outputs_new(&p);
                balact_set_threads(t);
                run(cpu_backends[b], &p, &got, true);
                expect_same(cpu_backends[b]->name, "threads", &p, &want, &got);
                outputs_free(&got);
            }
        outputs_free(&want);
    }
    balact_set_threads(threads);
    free(x);
}
END_TEST

START_TEST(test_argmax) {
    static const float x[] = {1, 4, 4, 9, 0, -1, -2, 9, -5, -4, -4, 9};
    int32_t index[3];
    float value[3];
    struct balact_topk_problem p = {
        .rows = 3, .cols = 3, .logits = x, .ld = 4, .index = index, .value = value};
    FOR_BACKENDS(b) {
        ck_assert_int_eq(balact_argmax(cpu_backends[b], &p, NULL), BALACT_OK);
        ck_assert(index[0] == 1 && index[1] == 0 && index[2] == 1);
        ck_assert(value[0] == 4 && value[1] == 0 && value[2] == -4);
    }
}
END_TEST

/* ---- Bad arguments ---- */

static void expect_refused(const struct balact_topk_problem *p, const char *part) {
    struct balact_error error = {.message = ""};
    ck_assert_int_eq(balact_topk(&balact_backend_reference, p, &error), BALACT_ERROR_ARGUMENT);
    ck_assert_msg(strstr(error.message, part) != NULL, "'%s' lacks '%s'", error.message, part);
}

#define EXPECT_REFUSED(part, ...)                                                                  \
    do {                                                                                           \
        struct balact_topk_problem p = fine;                                                       \
        __VA_ARGS__;                                                                               \
        expect_refused(&p, part);                                                                  \
    } while (0)

START_TEST(test_bad_arguments) {
    float x[2 * 8] = {0}, offset[4] = {0}, value[2 * 3];
    int32_t index[2 * 3];
    const struct balact_topk_problem fine = {.rows = 2,
                                             .cols = 4,
                                             .logits = x,
                                             .ld = 8,
                                             .offset = offset,
                                             .k = 3,
                                             .index = index,
                                             .value = value,
                                             .ld_out = 3};
    ck_assert_int_eq(balact_topk(&balact_backend_reference, &fine, NULL), BALACT_OK);
    EXPECT_REFUSED("rows = -1", p.rows = -1);
    EXPECT_REFUSED("cols = 0", p.cols = 0);
    EXPECT_REFUSED("cols = 2147483648", p.cols = p.ld = INT64_C(1) << 31);
    EXPECT_REFUSED("dtype", p.dtype = (enum balact_dtype)3);
    EXPECT_REFUSED("ld = 3 ", p.ld = 3);
    EXPECT_REFUSED("k = 0 ", p.k = 0);
    EXPECT_REFUSED("k = 5 ", p.k = p.ld_out = 5);
    EXPECT_REFUSED("ld_out = 2 ", p.ld_out = 2);
    EXPECT_REFUSED("logits is NULL", p.logits = NULL);
    EXPECT_REFUSED("index is NULL", p.index = NULL);
    EXPECT_REFUSED("rows * ld overflows", p.ld = INT64_MAX / 4);
    EXPECT_REFUSED("rows * ld_out overflows", p.ld_out = INT64_MAX / 4);
    EXPECT_REFUSED("value overlaps logits", p.value = x + 8);
    EXPECT_REFUSED("value overlaps offset", p.value = offset + 3);
    EXPECT_REFUSED("value overlaps index", p.value = (float *)index + 1);
    EXPECT_REFUSED("index overlaps logits", p.index = (int32_t *)x + 11);
    EXPECT_REFUSED("index overlaps offset", p.index = (int32_t *)offset);
    struct balact_error error;
    ck_assert_int_eq(balact_topk(NULL, NULL, &error), BALACT_ERROR_ARGUMENT);
    ck_assert_int_eq(balact_argmax(NULL, NULL, &error), BALACT_ERROR_ARGUMENT);
    /* No rows: fine, and no pointer is needed; but k must still fit. */
    struct balact_topk_problem none = {.cols = 4, .ld = 4, .k = 4, .ld_out = 4};
    ck_assert_int_eq(balact_topk(&balact_backend_reference, &none, NULL), BALACT_OK);
    none.k = 5;
    expect_refused(&none, "k = 5 ");
}
END_TEST

START_TEST(test_unsupported) {
    struct balact_backend without = balact_backend_reference;
    float x[1] = {0};
    int32_t index[1];
    struct balact_topk_problem p = {
        .rows = 1, .cols = 1, .logits = x, .ld = 1, .k = 1, .index = index, .ld_out = 1};
    struct balact_error error = {.message = ""};
    without.topk = NULL;
    ck_assert_int_eq(balact_topk(&without, &p, &error), BALACT_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "reference has no topk"));
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("topk");
    TCase *group = tcase_create("topk");
    tcase_add_test(group, test_by_hand);
    tcase_add_test(group, test_reference_against_sort);
    tcase_add_test(group, test_small_widths);
    tcase_add_test(group, test_usual_widths);
    tcase_add_test(group, test_large_width);
    tcase_add_test(group, test_large_width_sorted);
    tcase_add_test(group, test_every_place);
    tcase_add_test(group, test_guard_pages);
    tcase_add_test(group, test_threads);
    tcase_add_test(group, test_argmax);
    tcase_add_test(group, test_bad_arguments);
    tcase_add_test(group, test_unsupported);
    suite_add_tcase(suite, group);
    return suite;
}
