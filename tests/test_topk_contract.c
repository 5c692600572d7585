/* SPDX-License-Identifier: MIT
 *
 * The contract of the ranking: broken ones are refused by name, and no memory beside the problem's
 * own is touched.
 */
#include "tests/topk_problems.h"

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
    return TEST_SUITE("topk_contract", test_guard_pages, test_bad_arguments, test_unsupported);
}
