/* SPDX-License-Identifier: MIT
 *
 * Extreme logits on the CPU backends, against the reference.
 */
#include "tests/cpu_problems.h"

static void set_logit(struct arrays *a, enum balact_dtype values, int64_t index, double value) {
    store_element(a->logits, a->dtype, index, rounded(values, value));
}

/* Rows that mix ordinary logits with the extremes, against the reference. */
START_TEST(test_extremes) {
    static const float specials[] = {NAN,  INFINITY, -INFINITY, 1e4f, -1e4f,
                                     3e4f, 1e8f,     -1e30f,    1e30f};
    enum { COLS = 40, KINDS = sizeof specials / sizeof *specials };
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
            for (int options = 0; options < OPTION_ALL; options++) {
                bool balanced = balact_activation_info(activation)->balanced;
                struct arrays want = arrays_wide(KINDS * 3, COLS, COLS, 3.0, d);
                struct arrays got = arrays_new(KINDS * 3, COLS, COLS, 3.0, d);
                struct arrays *both[] = {&want, &got};
                for (int k = 0; k < 2; k++) {
                    both[k]->offset[7] = -INFINITY;
                    both[k]->targets[3] = 0.0f;
                    for (int i = 0; i < KINDS; i++) {
                        float special = specials[i];
                        /* beyond this the reference's double cannot hold logit and offset */
                        if (balanced && isfinite(special) && fabsf(special) > 1e10f)
                            special = copysignf(1e10f, special);
                        set_logit(both[k], d, i * COLS + 11, special);
                        for (int j = 0; j < COLS; j++)
                            set_logit(both[k], d, (KINDS + i) * COLS + j, special);
                        both[k]->labels[2 * KINDS + i] = 20;
                        set_logit(both[k], d, (2 * KINDS + i) * COLS + 20, special);
                        for (int r = 0; r < 3; r++)
                            both[k]->targets[(r * KINDS + i) * COLS + 7] = 0.0f;
                    }
                }
                struct balact_problem p = problem_of(&want, activation, options);
                run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
                p = problem_of(&got, activation, options);
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (int64_t i = 0; i < 3 * KINDS; i++) {
                    double slack = 1e-5 * fabs(want.loss[i]);
                    ck_assert_msg(
                        ulps(want.loss[i], got.loss[i]) == 0.0 ||
                            fabs((double)want.loss[i] - got.loss[i]) <= slack,
                        "%s activation %d options %d row %lld (%g): loss %g, reference %g",
                        cpu_backends[b]->name, activation, options, (long long)i,
                        specials[i % KINDS], got.loss[i], want.loss[i]);
                    for (int64_t j = 0; j < COLS; j++) {
                        ck_assert_msg(element_near(&want, &got, i, j, 8.0, 9.9e-6),
                                      "%s %s activation %d options %d (%lld, %lld; %g): %g, "
                                      "reference %g",
                                      cpu_backends[b]->name, dtype_name(d), activation, options,
                                      (long long)i, (long long)j, specials[i % KINDS],
                                      load_element(got.out, got.dtype, i * COLS + j),
                                      ((const float *)want.out)[i * COLS + j]);
                    }
                }
                arrays_free(&want);
                arrays_free(&got);
            }
    }
}
END_TEST

/* A large logit beside a NaN that meets it in a lane, whichever the width and the order: nothing of
 * the row but the NaN's own place may be touched by it. */
START_TEST(test_large_beside_nan) {
    static const float large[] = {20.8f, 25.0f, 60.0f, 200.0f, 60000.0f, INFINITY};
    enum { COLS = 200, ROWS = 2 * 16 * 6 * 8 };
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++) {
            struct arrays want = arrays_wide(ROWS, COLS, COLS, 3.0, d);
            struct arrays got = arrays_new(ROWS, COLS, COLS, 3.0, d);
            struct arrays *both[] = {&want, &got};
            for (int k = 0; k < 2; k++)
                for (int i = 0; i < ROWS; i++) {
                    int distance = 8 * (i % 16 - 8) + (i % 16 >= 8 ? 8 : 0); /* -64 .. 64, not 0 */
                    int place = 70 + 8 * (i / 96 % 8);
                    both[k]->labels[i] = i % COLS;
                    set_logit(both[k], d, i * COLS + place + distance, large[i / 16 % 6]);
                    if (i < ROWS / 2)
                        set_logit(both[k], d, i * COLS + place, NAN);
                }
            struct balact_problem p = problem_of(&want, activation, 0);
            run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
            p = problem_of(&got, activation, 0);
            run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
            for (int64_t i = 0; i < ROWS; i++) {
                ck_assert_msg(isnan(want.loss[i]) == isnan(got.loss[i]), "%s row %lld: loss %g",
                              cpu_backends[b]->name, (long long)i, got.loss[i]);
                for (int64_t j = 0; j < COLS; j++)
                    ck_assert_msg(element_near(&want, &got, i, j, 8.0, 0.0),
                                  "%s %s activation %d (%lld, %lld): %g, reference %g",
                                  cpu_backends[b]->name, dtype_name(d), activation, (long long)i,
                                  (long long)j, load_element(got.out, got.dtype, i * COLS + j),
                                  ((const float *)want.out)[i * COLS + j]);
            }
            arrays_free(&want);
            arrays_free(&got);
        }
    }
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cpu_extremes", test_extremes, test_large_beside_nan);
}
