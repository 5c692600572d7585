/* SPDX-License-Identifier: MIT
 *
 * Verification proves something only if it catches bad kernels: each defect here is planted in a
 * backend of its own, and must be found. Then every real backend is walked.
 */
#include "tests/harness.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/verify.h"
#include "reference/storage.h"

static int64_t comparisons, breaches, unsupported[DTYPE_COUNT];
static char first_breach[256];

static void count(const struct verify_row *row, void *context) {
    (void)context;
    if (row->verdict == VERDICT_SKIP) {
        unsupported[row->dtype]++;
        return;
    }
    comparisons++;
    if (row->verdict == VERDICT_PASS || breaches++)
        return;
    snprintf(first_breach, sizeof first_breach,
             "%s %s of %s in %s, case %s, options %s, %s: %.9g for %.9g %s", row->backend->name,
             balact_operation_name(row->operation), balact_activation_info(row->activation)->name,
             dtype_name(row->dtype), row->kernel_case->name, row->set->name,
             quantity_name(row->quantity), row->worst.value, row->worst.expected,
             row->damage ? row->damage : "");
}

/* dtype: -1 for all types. */
static void walk(const struct balact_backend *backend, int dtype) {
    struct balact_error error;
    struct verify_request request = {
        .backends = &backend, .count = 1, .seed = 5, .small = true, .report = count};
    comparisons = breaches = 0;
    memset(unsupported, 0, sizeof unsupported);
    for (int d = 0; d < DTYPE_COUNT; d++)
        request.leave[d] = dtype >= 0 && d != dtype;
    balact_status status = verify_backends(&request, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
    ck_assert_int_gt(comparisons, 0);
}

/* Defects, planted in the softmax loss_grad of an otherwise right backend. */
static balact_kernel *right;

static float *out_at(const struct balact_problem *p, int64_t i, int64_t j) {
    return (float *)p->out + i * p->ld_out + j;
}

static balact_status off_by_ten_ulp(const struct balact_problem *p) {
    balact_status status = right(p);
    if (p->cols == 1000)
        *out_at(p, 3, 999) *= 1.0f + 10 * 0x1p-23f;
    return status;
}

static balact_status nan_for_number(const struct balact_problem *p) {
    balact_status status = right(p);
    if (p->cols == 17)
        *out_at(p, 2, 16) = NAN;
    return status;
}

static balact_status zero_for_nan(const struct balact_problem *p) {
    balact_status status = right(p);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            if (isnan(*out_at(p, i, j)))
                *out_at(p, i, j) = 0.0f;
    return status;
}

static balact_status writes_padding(const struct balact_problem *p) {
    balact_status status = right(p);
    if (p->ld_out > p->cols)
        *out_at(p, p->rows - 1, p->cols) = 0.0f;
    return status;
}

static balact_status writes_logits(const struct balact_problem *p) {
    balact_status status = right(p);
    ((float *)(uintptr_t)p->logits)[p->cols / 2] += 1.0f;
    return status;
}

static balact_status writes_labels(const struct balact_problem *p) {
    balact_status status = right(p);
    ((int32_t *)(uintptr_t)p->labels)[0] ^= 1;
    return status;
}

static balact_status writes_targets(const struct balact_problem *p) {
    balact_status status = right(p);
    if (p->targets)
        ((float *)(uintptr_t)p->targets)[p->cols - 1] += 1.0f;
    return status;
}

static balact_status writes_weights(const struct balact_problem *p) {
    balact_status status = right(p);
    if (p->row_weight)
        ((float *)(uintptr_t)p->row_weight)[p->rows - 1] *= 2.0f;
    return status;
}

static balact_status wrong_loss(const struct balact_problem *p) {
    balact_status status = right(p);
    p->loss[p->rows - 1] *= 1.00001f;
    return status;
}

static balact_status forgets_ignored(const struct balact_problem *p) {
    struct balact_problem copy = *p;
    balact_status status = right(p);
    for (int64_t i = 0; p->labels && i < p->rows; i++)
        if (p->labels[i] == p->ignore_index)
            copy.weight[i] = 1.0f;
    return status;
}

static balact_status target_cancels(const struct balact_problem *p) {
    /* p_y - 1 from a rounded p_y: right for random logits, wrong as p_y -> 1. */
    balact_status status = right(p);
    for (int64_t i = 0; p->labels && !p->targets && i < p->rows; i++) {
        int32_t y = p->labels[i];
        if (y != p->ignore_index && y >= 0 && y < p->cols && p->label_smoothing == 0.0f) {
            volatile float probability = 1.0f + *out_at(p, i, y);
            *out_at(p, i, y) = probability - 1.0f;
        }
    }
    return status;
}

/* ---- Defects of 16-bit storage ---- */

static uint16_t *element(const struct balact_problem *p, int64_t i, int64_t j) {
    return (uint16_t *)p->out + i * p->ld_out + j;
}

/* Runs the right kernel once more in fp32 and gives what it stores: rows x cols floats. */
static float *wide_gradient(const struct balact_problem *p) {
    struct balact_problem copy = *p;
    int64_t count = p->rows * p->cols;
    float *logits = malloc((size_t)count * sizeof *logits);
    float *out = malloc((size_t)count * sizeof *out);
    ck_assert(logits && out);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            logits[i * p->cols + j] = (float)load_element(p->logits, p->dtype, i * p->ld + j);
    copy.dtype = BALACT_F32;
    copy.logits = logits;
    copy.out = out;
    copy.ld = copy.ld_out = p->cols;
    ck_assert_int_eq(right(&copy), BALACT_OK);
    free(logits);
    return out;
}

/* Drops the lower half of fp32 instead of rounding to bf16. */
static balact_status truncates(const struct balact_problem *p) {
    balact_status status = right(p);
    if (p->dtype != BALACT_BF16)
        return status;
    float *wide = wide_gradient(p);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++) {
            uint32_t bits;
            memcpy(&bits, &wide[i * p->cols + j], sizeof bits);
            *element(p, i, j) = (uint16_t)(bits >> 16);
        }
    free(wide);
    return status;
}

static balact_status flushes_subnormals(const struct balact_problem *p) {
    balact_status status = right(p);
    for (int64_t i = 0; p->dtype == BALACT_F16 && i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            if ((*element(p, i, j) & 0x7c00) == 0)
                *element(p, i, j) = 0;
    return status;
}

static balact_status saturates(const struct balact_problem *p) {
    balact_status status = right(p);
    for (int64_t i = 0; p->dtype == BALACT_F16 && i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++)
            if ((*element(p, i, j) & 0x7fff) == 0x7c00)
                *element(p, i, j) -= 1; /* 65504 for infinity */
    return status;
}

/* Takes the pitch of the output for one in bytes: the second row lands in the first one. */
static balact_status halves_the_pitch(const struct balact_problem *p) {
    struct balact_problem copy = *p;
    if (p->dtype != BALACT_F32 && p->out != p->logits)
        copy.ld_out = p->ld_out / 2;
    return right(&copy);
}

START_TEST(planted_storage_defects_are_found) {
    static balact_kernel *const defects[] = {truncates, flushes_subnormals, saturates,
                                             halves_the_pitch};
    struct balact_backend bad = *balact_backend_find("reference");
    right = bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD];
    memset(bad.kernels, 0, sizeof bad.kernels);
    bad.name = "defective";
    for (size_t i = 0; i < sizeof defects / sizeof *defects; i++) {
        bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD] = defects[i];
        walk(&bad, defects[i] == truncates ? BALACT_BF16 : BALACT_F16);
        ck_assert_msg(breaches > 0, "defect %zu went unseen in %lld comparisons", i,
                      (long long)comparisons);
        walk(&bad, BALACT_F32);
        ck_assert_msg(breaches == 0, "%s", first_breach);
    }
}
END_TEST

static balact_status only_fp32(const struct balact_problem *p) {
    return p->dtype == BALACT_F32 ? right(p) : BALACT_ERROR_UNSUPPORTED;
}

START_TEST(missing_types_are_counted) {
    struct balact_backend partial = *balact_backend_find("reference");
    right = partial.kernels[BALACT_SOFTMAX][BALACT_FORWARD];
    memset(partial.kernels, 0, sizeof partial.kernels);
    partial.kernels[BALACT_SOFTMAX][BALACT_FORWARD] = only_fp32;
    walk(&partial, -1);
    ck_assert_int_eq(breaches, 0);
    ck_assert_int_eq(unsupported[BALACT_F32], 0);
    ck_assert_int_gt(unsupported[BALACT_F16], 0);
    ck_assert_int_eq(unsupported[BALACT_F16], unsupported[BALACT_BF16]);
}
END_TEST

enum { DEFECTS = 11 };

START_TEST(planted_defects_are_found) {
    static balact_kernel *const defects[] = {
        off_by_ten_ulp, nan_for_number, zero_for_nan, writes_padding,  writes_logits, writes_labels,
        writes_targets, writes_weights, wrong_loss,   forgets_ignored, target_cancels};
    ck_assert_uint_eq(sizeof defects / sizeof *defects, DEFECTS);
    struct balact_backend bad = *balact_backend_find("reference");
    right = bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD];
    memset(bad.kernels, 0, sizeof bad.kernels);
    bad.name = "defective";
    bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD] = right;
    walk(&bad, -1);
    ck_assert_msg(breaches == 0, "%s", first_breach);
    bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD] = defects[_i];
    walk(&bad, BALACT_F32);
    ck_assert_msg(breaches > 0, "defect %d went unseen in %lld comparisons", _i,
                  (long long)comparisons);
}
END_TEST

static balact_status writes_loss(const struct balact_problem *p) {
    balact_status status = right(p);
    p->loss[0] = 0.0f;
    return status;
}

static balact_status writes_lse(const struct balact_problem *p) {
    balact_status status = right(p);
    p->lse[0] = 0.0f;
    return status;
}

/* forward has no loss, and the sigmoid family no lse: both are to be left alone. */
START_TEST(stray_results_are_found) {
    struct balact_backend bad = *balact_backend_find("reference");
    balact_kernel *kernel = bad.kernels[BALACT_SIGMOID][BALACT_FORWARD];
    memset(bad.kernels, 0, sizeof bad.kernels);
    bad.name = "defective";
    right = kernel;
    balact_kernel *const kernels[] = {kernel, writes_loss, writes_lse};
    for (int i = 0; i < 3; i++) {
        bad.kernels[BALACT_SIGMOID][BALACT_FORWARD] = kernels[i];
        walk(&bad, BALACT_F32);
        ck_assert_msg((breaches > 0) == (i > 0), "defect %d: %lld breaches", i,
                      (long long)breaches);
    }
}
END_TEST

START_TEST(distances) {
    ck_assert(ulp_distance(1.0f, 1.0f, 0) == 0.0);
    ck_assert(ulp_distance(1.0f + 0x1p-23f, 1.0f, 0) == 1.0);
    ck_assert(ulp_distance(0x1p-149f, 0.0f, 0) == 1.0); /* one subnormal */
    ck_assert(ulp_distance(-0.0f, 0.0f, 0) == 0.0);
    ck_assert(ulp_distance(0x1p-24f, 0.0f, 1.0) == 0.5); /* measured against an operand of size 1 */
    ck_assert(ulp_distance(NAN, 1.0f, 0) == INFINITY);
    ck_assert(ulp_distance(1.0f, NAN, 0) == INFINITY);
    ck_assert(ulp_distance(NAN, NAN, 0) == 0.0);
    ck_assert(ulp_distance(INFINITY, INFINITY, 0) == 0.0);
    ck_assert(ulp_distance(INFINITY, -INFINITY, 0) == INFINITY);
    ck_assert(ulp_distance(3e38f, INFINITY, 0) == INFINITY);
    ck_assert(relative_distance(1.5f, 1.0f, 0) == 0.5);
    ck_assert(relative_distance(0.5f, 0.0f, 1.0) == 0.5);
    ck_assert(relative_distance(NAN, 0.0f, 1.0) == INFINITY);
    ck_assert(relative_distance(0x1p-149f, 0.0f, 0) == 0.0);
}
END_TEST

/* What 16-bit storage makes of a number is at distance 0 from it; what it would not make, is not.
 */
START_TEST(distances_before_rounding) {
    static const struct {
        enum balact_dtype dtype;
        uint16_t stored;
        double wanted, nearest;
    } rows[] = {
        {BALACT_F16, 0x3c00, 1.0 + 0x1p-11, 1.0 + 0x1p-11}, /* the tie */
        {BALACT_F16, 0x3c00, 1.0 + 0x1p-10, 1.0 + 0x1p-11}, /* the next one */
        {BALACT_F16, 0xbc00, -1.0 - 0x1p-10, -1.0 - 0x1p-11},
        {BALACT_F16, 0x3c00, 1.0 - 0x1p-11, 1.0 - 0x1p-12}, /* below a power of two */
        {BALACT_F16, 0x0000, 0x1p-26, 0x1p-26},
        {BALACT_F16, 0x0000, -0x1p-24, -0x1p-25},
        {BALACT_F16, 0x8000, 0x1p-24, 0x1p-25},
        {BALACT_F16, 0x0001, 0.0, 0x1p-25},
        {BALACT_F16, 0x7bff, 65519.0, 65519.0},
        {BALACT_F16, 0x7bff, 65536.0, 65520.0},
        {BALACT_F16, 0x7c00, 65504.0, 65520.0},
        {BALACT_F16, 0x7c00, 1e9, 1e9},
        {BALACT_F16, 0xfc00, -65521.0, -65521.0},
        {BALACT_BF16, 0x3f80, 1.0 + 0x1p-7, 1.0 + 0x1p-8},
        {BALACT_BF16, 0x0001, 0.0, 0x1p-134},
        {BALACT_BF16, 0x7f80, 0x1p127, 0x1.ffp127},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double nearest = nearest_before_rounding(&rows[i].stored, rows[i].dtype, 0, rows[i].wanted);
        ck_assert_msg(nearest == rows[i].nearest, "row %zu: %.17g, not %.17g", i, nearest,
                      rows[i].nearest);
    }
    uint16_t nan = 0x7e00, number = 0x3c00;
    ck_assert(isnan(nearest_before_rounding(&nan, BALACT_F16, 0, 1.0)));
    ck_assert(nearest_before_rounding(&number, BALACT_F16, 0, (double)INFINITY) == 1.0);
    ck_assert(nearest_before_rounding(&number, BALACT_F16, 0, (double)NAN) == 1.0);
}
END_TEST

START_TEST(case_list) {
    size_t case_count, set_count;
    const struct kernel_case *cases = kernel_cases(&case_count);
    const struct option_set *sets = option_sets(&set_count);
    for (size_t a = 0; a < case_count; a++)
        for (size_t b = 0; b < a; b++)
            if (!strcmp(cases[a].name, cases[b].name))
                ck_abort_msg("two cases named %s", cases[a].name);
    for (size_t a = 0; a < set_count; a++)
        for (size_t b = 0; b < a; b++)
            if (!strcmp(sets[a].name, sets[b].name))
                ck_abort_msg("two option sets named %s", sets[a].name);
}
END_TEST

START_TEST(real_backends) {
    size_t backend_count;
    const struct balact_backend *const *backends = balact_backends(&backend_count);
    char why[256] = "";
    if (!backends[_i]->usable(why, sizeof why)) {
        static char reason[320];
        snprintf(reason, sizeof reason, "%s: %s", backends[_i]->name, why);
        TEST_SKIP(reason);
    }
    walk(backends[_i], -1);
    ck_assert_int_eq(unsupported[BALACT_F32], 0);
    for (int d = 0; d < DTYPE_COUNT; d++)
        if (unsupported[d])
            printf("%s: %lld runs in %s not supported\n", backends[_i]->name,
                   (long long)unsupported[d], dtype_name((enum balact_dtype)d));
    ck_assert_msg(breaches == 0, "%lld breaches, first: %s", (long long)breaches, first_breach);
}
END_TEST

Suite *balact_suite(void) {
    size_t backend_count;
    balact_backends(&backend_count);
    Suite *suite = suite_create("verify");
    TCase *tests = tcase_create("verify");
    tcase_add_test(tests, distances);
    tcase_add_test(tests, distances_before_rounding);
    tcase_add_test(tests, case_list);
    tcase_add_test(tests, planted_storage_defects_are_found);
    tcase_add_test(tests, missing_types_are_counted);
    tcase_add_loop_test(tests, planted_defects_are_found, 0, DEFECTS);
    tcase_add_test(tests, stray_results_are_found);
    tcase_add_loop_test(tests, real_backends, 0, (int)backend_count);
    suite_add_tcase(suite, tests);
    return suite;
}
