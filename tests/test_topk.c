/* SPDX-License-Identifier: MIT
 *
 * Ranking of classes: the reference against cases worked by hand and against a sort, every other
 * backend against the reference, bit for bit, on any number of threads.
 */
#include "tests/topk_problems.h"

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

Suite *balact_suite(void) {
    return TEST_SUITE("topk", test_by_hand, test_reference_against_sort, test_small_widths,
                      test_usual_widths, test_large_width, test_large_width_sorted,
                      test_every_place, test_threads, test_argmax);
}
