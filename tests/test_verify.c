/* SPDX-License-Identifier: MIT
 *
 * Verification proves something only if it catches bad kernels: each defect here is planted in a
 * backend of its own, and must be found. Then every real backend is walked.
 */
#include "tests/harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/measure/verify.h"

static int64_t comparisons, breaches;
static char first_breach[256];

static void count(const struct verify_row *row, void *context) {
    (void)context;
    comparisons++;
    if (row->passed || breaches++)
        return;
    snprintf(first_breach, sizeof first_breach,
             "%s %s of %s, case %s, options %s, %s: %.9g for %.9g %s", row->backend->name,
             balact_operation_name(row->operation),
             balact_activation_info(row->activation)->name, row->kernel_case->name, row->set->name,
             quantity_name(row->quantity), row->worst.value, row->worst.expected,
             row->damage ? row->damage : "");
}

static void walk(const struct balact_backend *backend) {
    struct balact_error error;
    comparisons = breaches = 0;
    balact_status status = verify_backends(&backend, 1, 5, true, count, NULL, &error);
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

enum { DEFECTS = 11 };

START_TEST(planted_defects_are_found) {
    static balact_kernel *const defects[] = {
        off_by_ten_ulp, nan_for_number, zero_for_nan,   writes_padding, writes_logits,   writes_labels,
        writes_targets, writes_weights, wrong_loss,     forgets_ignored, target_cancels};
    ck_assert_uint_eq(sizeof defects / sizeof *defects, DEFECTS);
    struct balact_backend bad = *balact_backend_find("reference");
    right = bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD];
    memset(bad.kernels, 0, sizeof bad.kernels);
    bad.name = "defective";
    bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD] = right;
    walk(&bad);
    ck_assert_msg(breaches == 0, "%s", first_breach);
    bad.kernels[BALACT_SOFTMAX][BALACT_LOSS_GRAD] = defects[_i];
    walk(&bad);
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
        walk(&bad);
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
    size_t count_of_backends;
    const struct balact_backend *const *backends = balact_backends(&count_of_backends);
    if ((size_t)_i >= count_of_backends)
        return;
    char why[256] = "";
    if (!backends[_i]->usable(why, sizeof why)) {
        static char reason[320];
        snprintf(reason, sizeof reason, "%s: %s", backends[_i]->name, why);
        TEST_SKIP(reason);
    }
    walk(backends[_i]);
    ck_assert_msg(breaches == 0, "%lld breaches, first: %s", (long long)breaches, first_breach);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("verify");
    TCase *tests = tcase_create("verify");
    tcase_add_test(tests, distances);
    tcase_add_test(tests, case_list);
    tcase_add_loop_test(tests, planted_defects_are_found, 0, DEFECTS);
    tcase_add_test(tests, stray_results_are_found);
    tcase_add_loop_test(tests, real_backends, 0, 4);
    suite_add_tcase(suite, tests);
    return suite;
}
