/* SPDX-License-Identifier: MIT
 *
 * Broken contracts of the fused head: refused by name, and nothing is written.
 */
#include "tests/head_problems.h"

static void expect_refusal(const struct balact_backend *backend, enum balact_activation activation,
                           const struct balact_head_problem *p, balact_status status,
                           const char *text) {
    struct balact_error error = {.message = ""};
    ck_assert_int_eq(balact_head_loss_grad(backend, activation, p, &error), status);
    ck_assert_msg(strstr(error.message, text) != NULL, "no '%s' in '%s'", text, error.message);
}

START_TEST(broken_contracts_are_named) {
    size_t count;
    const struct balact_backend *const *backends = balact_backends(&count);
    for (size_t b = 0; b < count; b++) {
        const struct balact_backend *backend = backends[b];
        if (!backend->usable(NULL, 0) || !backend->plain_memory || !backend->head.run)
            continue;
        struct head h = head_new(8, 4, 5, BALACT_SOFTMAX, PLAIN);
        struct head untouched = head_new(8, 4, 5, BALACT_SOFTMAX, PLAIN);
        lend_workspace(backend, &h);
#define REFUSE(text, status, change)                                                               \
    do {                                                                                           \
        struct balact_head_problem p = h.p;                                                        \
        change;                                                                                    \
        expect_refusal(backend, BALACT_SOFTMAX, &p, BALACT_##status, text);                        \
    } while (0)
        REFUSE("workspace_bytes", ERROR_ARGUMENT, p.workspace_bytes--);
        REFUSE("aligned", ERROR_ARGUMENT, p.workspace = h.memory + 4);
        REFUSE("rows = -1", ERROR_ARGUMENT, p.rows = -1);
        REFUSE("dim = 0", ERROR_ARGUMENT, p.dim = 0);
        REFUSE("classes = 0", ERROR_ARGUMENT, p.classes = 0);
        REFUSE("chunk_rows", ERROR_ARGUMENT, p.chunk_rows = -1);
        REFUSE("ld_x", ERROR_ARGUMENT, p.ld_x = 3);
        REFUSE("ld_weight", ERROR_ARGUMENT, p.ld_weight = 3);
        REFUSE("x is NULL", ERROR_ARGUMENT, p.x = NULL);
        REFUSE("weight is NULL", ERROR_ARGUMENT, p.weight = NULL);
        REFUSE("labels or soft targets", ERROR_ARGUMENT, p.labels = NULL);
        REFUSE("takes no offset", ERROR_ARGUMENT, p.offset = h.offset);
        REFUSE("ld_targets = 4", ERROR_ARGUMENT, (p.targets = h.targets, p.ld_targets = 4));
        REFUSE("ld_targets overflows", ERROR_ARGUMENT,
               (p.targets = h.targets, p.ld_targets = INT64_MAX / 4));
        REFUSE("label_smoothing", ERROR_ARGUMENT, p.label_smoothing = 2);
        REFUSE("grad_scale", ERROR_ARGUMENT, p.grad_scale = NAN);
        REFUSE("dx overlaps x", ERROR_ARGUMENT, p.dx = h.x);
        REFUSE("dweight overlaps weight", ERROR_ARGUMENT, p.dweight = h.weight);
        REFUSE("dbias overlaps workspace", ERROR_ARGUMENT, p.dbias = p.workspace);
        REFUSE("implicit background", ERROR_ARGUMENT, p.background = BALACT_BACKGROUND_IMPLICIT);
        h.labels[3] = 5;
        REFUSE("row 3: label 5", ERROR_RANGE, (void)p);
#undef REFUSE
        expect_refusal(backend, BALACT_BALANCED_SOFTMAX, &h.p, BALACT_ERROR_ARGUMENT, "prior");
        expect_refusal(backend, (enum balact_activation)99, &h.p, BALACT_ERROR_ARGUMENT, "99");
        ck_assert(!memcmp(h.dweight, untouched.dweight, 5 * 7 * sizeof(float)));
        ck_assert(!memcmp(h.dx, untouched.dx, 8 * 7 * sizeof(float)));
        ck_assert(!memcmp(h.loss, untouched.loss, 8 * sizeof(float)));
        head_free(&h);
        head_free(&untouched);
    }
}
END_TEST

/* A backend without a head says so, and no other one's is used under its name. */
START_TEST(no_head_is_said) {
    struct balact_backend headless = *balact_backend_find("reference");
    struct head h = head_new(8, 4, 5, BALACT_SOFTMAX, PLAIN);
    headless.head = (struct balact_head){NULL, NULL};
    headless.name = "headless";
    expect_refusal(&headless, BALACT_SOFTMAX, &h.p, BALACT_ERROR_UNSUPPORTED,
                   "headless has no fused head");
    head_free(&h);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("head_contract", broken_contracts_are_named, no_head_is_said);
}
