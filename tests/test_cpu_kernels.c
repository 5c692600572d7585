/* SPDX-License-Identifier: MIT
 *
 * The CPU backends against the reference for what `balact verify` does not hold: every mix of
 * options at many widths, in every storage type.
 */
#include "tests/cpu_problems.h"

static void expect_near(const struct balact_backend *backend, enum balact_activation activation,
                        int options, const struct arrays *want, const struct arrays *got) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    for (int64_t i = 0; i < want->rows; i++) {
        double loss = fabs((double)got->loss[i] - want->loss[i]);
        ck_assert_msg(loss <= info->loss_relative * fabs(want->loss[i]),
                      "%s %s options %d cols %lld row %lld: loss %.9g, reference %.9g",
                      backend->name, info->name, options, (long long)want->cols, (long long)i,
                      got->loss[i], want->loss[i]);
        ck_assert_msg(got->weight[i] == want->weight[i], "%s %s: weight %g, reference %g",
                      backend->name, info->name, got->weight[i], want->weight[i]);
        for (int64_t j = 0; j < want->cols; j++) {
            /* Spread targets may cancel: then a ulp is one of the two terms. */
            double slack = options & (OPTION_TARGETS | OPTION_SMOOTHING)
                               ? 4e-7 * (want->cols + 1.0) * 0.125
                               : 0.0;
            ck_assert_msg(element_near(want, got, i, j, info->gradient_ulp, slack),
                          "%s %s %s options %d cols %lld (%lld, %lld) label %d: %.9g, reference "
                          "%.9g",
                          backend->name, dtype_name(got->dtype), info->name, options,
                          (long long)want->cols, (long long)i, (long long)j, want->labels[i],
                          load_element(got->out, got->dtype, i * got->ld + j),
                          ((const float *)want->out)[i * want->ld + j]);
        }
    }
}

START_TEST(test_loss_grad_options) {
    static const int64_t widths[] = {1,  2,  3,  7,  8,  9,   15,  16, 17,
                                     31, 33, 63, 64, 65, 127, 130, 900};
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                for (int options = 0; options < OPTION_ALL; options++) {
                    struct arrays want = arrays_wide(5, widths[w], widths[w] + 3, 8.0, d);
                    struct arrays got = arrays_new(5, widths[w], widths[w] + 3, 8.0, d);
                    struct balact_problem p = problem_of(&want, activation, options);
                    run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
                    p = problem_of(&got, activation, options);
                    run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                    expect_near(cpu_backends[b], activation, options, &want, &got);
                    arrays_free(&want);
                    arrays_free(&got);
                }
    }
}
END_TEST

/* Gradients of a scale so small that most of them are denormal, in the type too. */
START_TEST(test_tiny_scale) {
    static const float scales[DTYPE_COUNT] = {1e-33f, 1e-5f, 1e-33f};
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
            for (int options = 0; options < OPTION_ALL; options++) {
                struct arrays want = arrays_wide(3, 50, 50, 2.0, d);
                struct arrays got = arrays_new(3, 50, 50, 2.0, d);
                struct balact_problem p = problem_of(&want, activation, options);
                p.grad_scale = scales[d];
                run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
                p = problem_of(&got, activation, options);
                p.grad_scale = scales[d];
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (int64_t i = 0; i < 3 * 50; i++) {
                    double w = ((const float *)want.out)[i];
                    double g = nearest_before_rounding(got.out, got.dtype, i, w);
                    ck_assert_msg(fabs(w - g) <= 1e-6 * fabs(w) + 2e-7 * scales[d],
                                  "%s %s activation %d options %d: %g, reference %g",
                                  cpu_backends[b]->name, dtype_name(got.dtype), activation, options,
                                  load_element(got.out, got.dtype, i), w);
                }
                arrays_free(&want);
                arrays_free(&got);
            }
    }
}
END_TEST

START_TEST(test_forward_error) {
    static const int64_t widths[] = {1, 2, 5, 16, 33, 100, 1203, 21841};
    static const double spreads[] = {0.0, 0.3, 5.0, 20.0, 60.0};
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++)
                for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++) {
                    const struct balact_activation_info *info = balact_activation_info(activation);
                    struct arrays want = arrays_wide(2, widths[w], widths[w], spreads[s], d);
                    struct arrays got = arrays_new(2, widths[w], widths[w], spreads[s], d);
                    struct balact_problem p = problem_of(&want, activation, 0);
                    run(&balact_backend_reference, activation, BALACT_FORWARD, &p);
                    p = problem_of(&got, activation, 0);
                    run(cpu_backends[b], activation, BALACT_FORWARD, &p);
                    for (int64_t j = 0; j < 2 * widths[w]; j++)
                        if (!element_near(&want, &got, 0, j, info->probability_ulp, 0.0))
                            ck_abort_msg("%s %s %s cols %lld spread %g element %lld: %g, "
                                         "reference %g",
                                         cpu_backends[b]->name, dtype_name(got.dtype), info->name,
                                         (long long)widths[w], spreads[s], (long long)j,
                                         load_element(got.out, got.dtype, j),
                                         ((const float *)want.out)[j]);
                    arrays_free(&want);
                    arrays_free(&got);
                }
    }
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cpu_kernels", test_loss_grad_options, test_tiny_scale, test_forward_error);
}
