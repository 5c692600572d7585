/* SPDX-License-Identifier: MIT
 *
 * The emulated CUDA backend's fused head and SGD step against the naive ones. Products are those of
 * the emulation, so what is tested is how they are asked for, and everything around them.
 */
#include "tests/head_problems.h"

#include "bench/measure/device_copy.h"
#include "tests/cuda_backend.h"

#ifndef BALACT_HAVE_EMULATION

START_TEST(cuda_is_emulated) {
    TEST_SKIP("no C++ compiler to emulate CUDA with");
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cuda_head", cuda_is_emulated);
}

#else

static const struct balact_backend *const cuda = &balact_backend_cuda_emulated;

static void compare(const struct place *at, const struct head *want, const struct head *got) {
    const struct balact_head_problem *p = &got->p;
    double logit = 1e-6 * (double)(p->dim + 1), rows = 1e-6 * (double)(p->rows + 1);
    expect_near(at, "loss", want->loss, got->loss, 1, p->rows, p->rows,
                logit * (at->option == SOFT_TARGETS ? (double)p->classes : 4));
    expect_near(at, "lse", want->lse, got->lse, 1, p->rows, p->rows, logit);
    expect_near(at, "loss_weight", want->loss_weight, got->loss_weight, 1, p->rows, p->rows, 2e-7);
    expect_near(at, "dweight", want->dweight, got->dweight, p->classes, p->dim, p->ld_weight,
                rows + logit);
    expect_near(at, "dbias", want->dbias, got->dbias, 1, p->classes, p->classes, rows + logit);
    expect_near(at, "dx", want->dx, got->dx, p->rows, p->dim, p->ld_x,
                1e-6 * (double)(p->classes + 1) + logit);
}

static const int64_t shapes[][4] = {/* rows, dim, classes, chunk_rows */
                                    {1, 1, 1, 0},    {5, 3, 100, 0}, {37, 7, 203, 16},
                                    {20, 16, 65, 7}, {0, 4, 3, 0},   {300, 3, 40, 0}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

START_TEST(agrees_with_the_naive_head) {
    for (int s = 0; s < SHAPES; s++)
        for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
            for (int option = 0; option < OPTIONS; option++) {
                if (!applies(option, a, shapes[s][2]))
                    continue;
                struct head want = head_new(shapes[s][0], shapes[s][1], shapes[s][2], a, option);
                struct head got = head_new(shapes[s][0], shapes[s][1], shapes[s][2], a, option);
                struct place at = {cuda->name,   balact_activation_info(a)->name,
                                   shapes[s][0], shapes[s][1],
                                   shapes[s][2], option};
                struct balact_error error = {.message = ""};
                want.p.bias = got.p.bias = option == WEIGHTS ? NULL : got.bias;
                got.p.chunk_rows = shapes[s][3];
                head_run(balact_backend_find("reference"), a, &want);
                ck_assert_msg(head_copied(cuda, a, &got.p, &error) == BALACT_OK, "%s",
                              error.message);
                compare(&at, &want, &got);
                head_free(&want);
                head_free(&got);
            }
}
END_TEST

enum { MOST = 1030 };

/* From the same state, on memory that begins `shift` floats behind an aligned place. */
static void check_step(int64_t n, int64_t shift, bool nesterov) {
    const struct balact_backend *reference = balact_backend_find("reference");
    float *parameter = filled(1, n, n, 1, 1), *velocity = filled(1, n, n, 1, 2);
    float *gradient = filled(1, n, n, 1, 3), got[2][MOST];
    float *memory[3];
    const float *from[] = {parameter, velocity, gradient};
    for (int i = 0; i < 3; i++) {
        void *at;
        ck_assert_int_eq(cuda->alloc((size_t)(n + shift) * sizeof(float), &at), BALACT_OK);
        memory[i] = at;
        ck_assert_int_eq(cuda->upload(memory[i] + shift, from[i], (size_t)n * sizeof(float)),
                         BALACT_OK);
    }
    struct balact_sgd_step step = {.n = n,
                                   .parameter = memory[0] + shift,
                                   .velocity = memory[1] + shift,
                                   .gradient = memory[2] + shift,
                                   .lr = 0.1f,
                                   .momentum = 0.9f,
                                   .weight_decay = 5e-4f,
                                   .nesterov = nesterov};
    ck_assert_int_eq(cuda->linear.sgd_step(&step), BALACT_OK);
    step.parameter = parameter, step.velocity = velocity, step.gradient = gradient;
    ck_assert_int_eq(reference->linear.sgd_step(&step), BALACT_OK);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(cuda->download(got[i], memory[i] + shift, (size_t)n * sizeof(float)),
                         BALACT_OK);
    for (int64_t i = 0; i < n; i++) {
        ck_assert_double_le(fabs((double)got[0][i] - parameter[i]), 1e-6);
        ck_assert_double_le(fabs((double)got[1][i] - velocity[i]), 1e-6);
    }
    for (int i = 0; i < 3; i++)
        cuda->release(memory[i]);
    free(parameter);
    free(velocity);
    free(gradient);
}

START_TEST(steps_as_the_reference_does) {
    static const int64_t sizes[] = {1, 3, 4, 5, 1000, 1027};
    for (int s = 0; s < 6; s++)
        for (int64_t shift = 0; shift < 3; shift++)
            check_step(sizes[s], shift, s % 2 == 0);
}
END_TEST

Suite *balact_suite(void) {
    find_backends(); /* of the header, which other tests need */
    return TEST_SUITE("cuda_head", agrees_with_the_naive_head, steps_as_the_reference_does);
}

#endif
