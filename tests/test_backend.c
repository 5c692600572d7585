/* SPDX-License-Identifier: MIT
 *
 * The seam: what balact_run() refuses and how it says so, the list of backends, forcing one, and
 * the random generator's known answers.
 */
#include "tests/harness.h"

#include <stdlib.h>
#include <string.h>

#include "balact/backend.h"
#include "balact/random.h"

static const float logits[6] = {1, 2, 3, 4, 5, 6};
static const float offsets[4] = {0, -1, -2, -3};
static const int32_t labels[2] = {0, 2};

static struct balact_problem good(float *out, float *loss) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = 2;
    p.cols = p.ld = p.ld_out = 3;
    p.logits = logits;
    p.labels = labels;
    p.out = out;
    p.loss = loss;
    return p;
}

#define refuses(activation, operation, expected, text)                                             \
    do {                                                                                           \
        struct balact_error error = {0};                                                           \
        for (int k = 0; k < 6; k++)                                                                \
            out[k] = 42.0f;                                                                        \
        ck_assert_int_eq(balact_run(NULL, activation, operation, &p, &error), expected);           \
        ck_assert_msg(strstr(error.message, text) != NULL, "'%s' lacks '%s'", error.message, text); \
        ck_assert_int_eq(error.status, expected);                                                  \
        ck_assert(out[0] == 42.0f && out[5] == 42.0f);                                             \
    } while (0)

START_TEST(refused_arguments) {
    float out[6], loss[2], targets[6] = {0};
    struct balact_problem p = good(out, loss);
    p.ld = 2;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "ld = 2 is below cols = 3");
    p = good(out, loss);
    p.cols = 0;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "cols >= 1");
    p = good(out, loss);
    p.logits = NULL;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "logits is NULL");
    p = good(NULL, loss);
    refuses(BALACT_SOFTMAX, BALACT_FORWARD, BALACT_ERROR_ARGUMENT, "out is NULL");
    p = good(out, loss);
    p.labels = NULL;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "needs labels or soft targets");
    p = good(out, loss);
    p.label_smoothing = 1.5f;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "outside [0, 1]");
    p = good(out, loss);
    p.targets = targets;
    p.ld_targets = 3;
    p.label_smoothing = 0.1f;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "not to soft targets");
    p = good(out, loss);
    refuses(BALACT_BALANCED_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "needs the class prior");
    p.offset = offsets;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "takes no offset");
    p.offset_foreground_only = true;
    refuses(BALACT_BALANCED_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "needs a background");
    p.background = BALACT_BACKGROUND_IMPLICIT;
    refuses(BALACT_BALANCED_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "no implicit background");
    p = good(out, loss);
    p.rows = INT64_MAX / 4;
    refuses(BALACT_SOFTMAX, BALACT_LOSS, BALACT_ERROR_ARGUMENT, "overflows");
    p = good(out, loss);
    ck_assert_int_eq(balact_run(NULL, (enum balact_activation)99, BALACT_LOSS, &p, NULL),
                     BALACT_ERROR_ARGUMENT);
}
END_TEST

START_TEST(refused_labels) {
    float out[6], loss[2];
    int32_t bad[2] = {0, 3};
    struct balact_problem p = good(out, loss);
    p.labels = bad;
    refuses(BALACT_SOFTMAX, BALACT_LOSS_GRAD, BALACT_ERROR_RANGE, "row 1: label 3");
    bad[1] = -1;
    refuses(BALACT_SIGMOID, BALACT_LOSS_GRAD, BALACT_ERROR_RANGE, "row 1: label -1");
    /* One past the last column is the implicit background, two past it is nothing. */
    p.background = BALACT_BACKGROUND_IMPLICIT;
    bad[1] = 3;
    ck_assert_int_eq(balact_loss_grad(NULL, BALACT_SIGMOID, &p, NULL), BALACT_OK);
    bad[1] = 4;
    refuses(BALACT_SIGMOID, BALACT_LOSS_GRAD, BALACT_ERROR_RANGE, "row 1: label 4");
    /* ignore_index beats everything, whatever its value. */
    p.ignore_index = 4;
    ck_assert_int_eq(balact_loss_grad(NULL, BALACT_SIGMOID, &p, NULL), BALACT_OK);
    ck_assert(loss[1] == 0.0f);
}
END_TEST

START_TEST(in_place_is_its_own_operation) {
    float out[6], loss[2], own[6];
    memcpy(own, logits, sizeof own);
    struct balact_problem p = good(out, loss);
    refuses(BALACT_SOFTMAX, BALACT_LOSS_GRAD_IN_PLACE, BALACT_ERROR_ARGUMENT, "must be logits");
    p.logits = own;
    p.out = own;
    refuses(BALACT_SOFTMAX, BALACT_LOSS_GRAD, BALACT_ERROR_ARGUMENT, "overlaps");
    p.out = own + 2;
    refuses(BALACT_SOFTMAX, BALACT_FORWARD, BALACT_ERROR_ARGUMENT, "overlaps");
    p.out = own;
    ck_assert_int_eq(balact_loss_grad_in_place(NULL, BALACT_SOFTMAX, &p, NULL), BALACT_OK);
    ck_assert(own[0] < 0.0f); /* the label's gradient */
}
END_TEST

START_TEST(no_rows) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    int32_t none;
    p.cols = p.ld = p.ld_out = 5;
    p.labels = &none;
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++) {
        p.offset = balact_activation_info(a)->balanced ? offsets : NULL;
        for (int o = 0; o < BALACT_OPERATION_COUNT; o++)
            ck_assert_int_eq(balact_run(NULL, a, o, &p, NULL), BALACT_OK);
    }
}
END_TEST

START_TEST(list_of_backends) {
    size_t count;
    struct balact_error error;
    const struct balact_backend *const *all = balact_backends(&count);
    ck_assert_uint_ge(count, 1);
    ck_assert_str_eq(all[count - 1]->name, "reference");
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_eq(balact_backend_find(all[i]->name), all[i]);
        if (!all[i]->usable(NULL, 0))
            continue;
        setenv("BALACT_BACKEND", all[i]->name, 1);
        ck_assert_ptr_eq(balact_backend_default(&error), all[i]);
    }
    setenv("BALACT_BACKEND", "avx3", 1);
    ck_assert_ptr_null(balact_backend_default(&error));
    ck_assert_int_eq(error.status, BALACT_ERROR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "no backend 'avx3'"));
    ck_assert_ptr_nonnull(strstr(error.message, "reference"));
    unsetenv("BALACT_BACKEND");
    ck_assert_ptr_nonnull(balact_backend_default(&error));
    ck_assert_ptr_null(balact_backend_find("nothing"));
}
END_TEST

START_TEST(names) {
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        ck_assert_int_eq(balact_activation_find(balact_activation_info(a)->name), a);
    ck_assert_int_eq(balact_activation_find("hardmax"), -1);
    ck_assert_ptr_null(balact_activation_info((enum balact_activation)99));
    ck_assert_str_eq(balact_status_name(BALACT_ERROR_FORMAT), "malformed data");
    ck_assert_str_eq(balact_status_name((balact_status)99), "unknown status");
}
END_TEST

START_TEST(error_places) {
    struct balact_error error;
    char path[2000];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    balact_fail_at(&error, BALACT_ERROR_FORMAT, "a.txt", 7, -1, "no label");
    ck_assert_str_eq(error.message, "a.txt: line 7: no label");
    ck_assert_int_eq(error.line, 7);
    ck_assert_int_eq(error.byte, -1);
    balact_fail_at(&error, BALACT_ERROR_FORMAT, "a.npy", 0, 128, "truncated");
    ck_assert_str_eq(error.message, "a.npy: byte 128: truncated");
    ck_assert_int_eq(error.byte, 128);
    balact_fail_at(&error, BALACT_ERROR_IO, path, 0, -1, "the reason survives");
    ck_assert_ptr_nonnull(strstr(error.message, "the reason survives"));
    ck_assert_int_eq(balact_fail(NULL, BALACT_ERROR_IO, "nobody listens"), BALACT_ERROR_IO);
}
END_TEST

/* Known answers of Philox4x32-10 as published with the paper's code (Random123, kat_vectors). */
START_TEST(philox_known_answers) {
    struct balact_random_block b = balact_philox(0, 0, 0);
    ck_assert(b.word[0] == 0x6627e8d5 && b.word[1] == 0xe169c58d && b.word[2] == 0xbc57ac4c &&
              b.word[3] == 0x9b00dbd8);
    b = balact_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX);
    ck_assert(b.word[0] == 0x408f276d && b.word[1] == 0x41c83b0e && b.word[2] == 0xa20bc7c6 &&
              b.word[3] == 0x6d5451fd);
    b = balact_philox(0x299f31d0a4093822u, 0x85a308d3243f6a88u, 0x0370734413198a2eu);
    ck_assert(b.word[0] == 0xd16cfe09 && b.word[1] == 0x94fdcceb && b.word[2] == 0x5001e420 &&
              b.word[3] == 0x24126ea1);
}
END_TEST

START_TEST(random_numbers) {
    double sum = 0, square = 0;
    int64_t histogram[7] = {0};
    for (uint64_t i = 0; i < 70000; i++) {
        double x = balact_random_normal(3, 1, i), u = balact_random_uniform(3, 2, i);
        sum += x;
        square += x * x;
        histogram[balact_random_below(3, 4, i, 7)]++;
        if (!(u >= 0.0 && u < 1.0))
            ck_abort_msg("uniform %g", u);
    }
    ck_assert(fabs(sum / 70000) < 0.015);
    ck_assert(fabs(square / 70000 - 1.0) < 0.025);
    for (int k = 0; k < 7; k++)
        ck_assert(histogram[k] > 9600 && histogram[k] < 10400);
    ck_assert(balact_random_below(1, 1, 1, 1) == 0);
    ck_assert(balact_random_u64(3, 1, 0) != balact_random_u64(3, 2, 0));
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("backend");
    TCase *tests = tcase_create("backend");
    tcase_add_test(tests, refused_arguments);
    tcase_add_test(tests, refused_labels);
    tcase_add_test(tests, in_place_is_its_own_operation);
    tcase_add_test(tests, no_rows);
    tcase_add_test(tests, list_of_backends);
    tcase_add_test(tests, names);
    tcase_add_test(tests, error_places);
    tcase_add_test(tests, philox_known_answers);
    tcase_add_test(tests, random_numbers);
    suite_add_tcase(suite, tests);
    return suite;
}
