/* SPDX-License-Identifier: MIT
 *
 * The linear layer and the SGD step of the CPU backends: against the naive loops in double, with
 * every library of this build, and bit for bit the same on any number of threads.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "optimized/backends.h"
#include "optimized/cpu/linear.h"
#include "tests/cpu_backends.h"

enum { SEED = 20081104, PADDING = 3 };

#define PAD_VALUE 777.25f

static float *filled(int64_t rows, int64_t cols, int64_t ld, uint64_t stream) {
    float *values = malloc((size_t)(rows * ld + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < rows * ld; i++)
        values[i] =
            i % ld < cols ? (float)balact_random_normal(SEED, stream, (uint64_t)i) : PAD_VALUE;
    return values;
}

struct layer {
    struct balact_linear_problem problem;
    float *x, *weight, *bias, *logits, *dlogits, *dweight, *dbias, *dx;
};

static struct layer layer_new(int64_t rows, int64_t dim, int64_t classes, int64_t padding) {
    struct layer l = {.x = filled(rows, dim, dim + padding, 1),
                      .weight = filled(classes, dim, dim + padding, 2),
                      .bias = filled(1, classes, classes, 3),
                      .logits = filled(rows, classes, classes + padding, 4),
                      .dlogits = filled(rows, classes, classes + padding, 5),
                      .dweight = filled(classes, dim, dim + padding, 6),
                      .dbias = filled(1, classes, classes, 7),
                      .dx = filled(rows, dim, dim + padding, 8)};
    l.problem = (struct balact_linear_problem){.rows = rows,
                                               .dim = dim,
                                               .classes = classes,
                                               .x = l.x,
                                               .ld_x = dim + padding,
                                               .weight = l.weight,
                                               .ld_weight = dim + padding,
                                               .bias = l.bias,
                                               .logits = l.logits,
                                               .ld_logits = classes + padding,
                                               .dlogits = l.dlogits,
                                               .dweight = l.dweight,
                                               .dbias = l.dbias,
                                               .dx = l.dx};
    return l;
}

static void layer_free(struct layer *l) {
    float *all[] = {l->x, l->weight, l->bias, l->logits, l->dlogits, l->dweight, l->dbias, l->dx};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void layer_run(const struct balact_gemm_library *library, struct layer *l) {
    balact_status status;
    if (!library) {
        const struct balact_linear *naive = &balact_backend_reference.linear;
        naive->forward(&l->problem);
        naive->grad_weight(&l->problem);
        naive->grad_input(&l->problem);
        return;
    }
    status = balact_linear_forward_with(library->gemm, &l->problem);
    ck_assert_msg(status == BALACT_OK, "%s forward: %s", library->name, balact_status_name(status));
    status = balact_linear_grad_weight_with(library->gemm, &l->problem);
    ck_assert_msg(status == BALACT_OK, "%s grad_weight: %s", library->name,
                  balact_status_name(status));
    status = balact_linear_grad_input_with(library->gemm, &l->problem);
    ck_assert_msg(status == BALACT_OK, "%s grad_input: %s", library->name,
                  balact_status_name(status));
}

/* Sums of `terms` products of normal numbers, of which fp32 keeps all but a few units. */
static void expect_near(const char *library, const char *what, const float *want, const float *got,
                        int64_t rows, int64_t cols, int64_t ld, int64_t terms) {
    double bound = 1e-6 * (double)(terms + 1);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++) {
            float w = want[i * ld + j], g = got[i * ld + j];
            if (j >= cols)
                ck_assert_msg(g == PAD_VALUE, "%s %s: padding was written", library, what);
            else
                ck_assert_msg(fabs((double)w - g) <= bound, "%s %s (%lld, %lld): %g, naive %g",
                              library, what, (long long)i, (long long)j, g, w);
        }
}

static const int64_t shapes[][3] = {{1, 1, 1},     {3, 5, 7},   {64, 64, 64},
                                    {65, 33, 129}, {5, 300, 2}, {300, 20, 600},
                                    {0, 4, 3},     {4, 0, 3},   {600, 3, 1100}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

#define NEED_LIBRARY()                                                                             \
    if (!balact_gemm_libraries[0].name)                                                            \
    TEST_SKIP("built without oneDNN and OpenBLAS")

START_TEST(test_products) {
    NEED_LIBRARY();
    for (const struct balact_gemm_library *library = balact_gemm_libraries; library->name;
         library++)
        for (int s = 0; s < SHAPES; s++) {
            int64_t rows = shapes[s][0], dim = shapes[s][1], classes = shapes[s][2];
            struct layer want = layer_new(rows, dim, classes, PADDING);
            struct layer got = layer_new(rows, dim, classes, PADDING);
            if (s % 2) /* both forms of a layer without bias */
                want.problem.bias = got.problem.bias = want.problem.dbias = got.problem.dbias =
                    NULL;
            layer_run(NULL, &want);
            layer_run(library, &got);
            expect_near(library->name, "logits", want.logits, got.logits, rows, classes,
                        classes + PADDING, dim);
            expect_near(library->name, "dweight", want.dweight, got.dweight, classes, dim,
                        dim + PADDING, rows);
            expect_near(library->name, "dbias", want.dbias, got.dbias, 1, classes, classes, rows);
            expect_near(library->name, "dx", want.dx, got.dx, rows, dim, dim + PADDING, classes);
            layer_free(&want);
            layer_free(&got);
        }
}
END_TEST

START_TEST(test_products_same_bits) {
    NEED_LIBRARY();
    int threads = balact_threads();
    for (const struct balact_gemm_library *library = balact_gemm_libraries; library->name;
         library++)
        for (int s = 0; s < 2; s++) {
            int64_t rows = s ? 520 : 1100, dim = s ? 300 : 700, classes = s ? 1000 : 300;
            struct layer one = layer_new(rows, dim, classes, 0);
            balact_set_threads(1);
            layer_run(library, &one);
            for (int t = 2; t <= 4; t++) {
                struct layer many = layer_new(rows, dim, classes, 0);
                balact_set_threads(t);
                int before = balact_threads(); /* 1 without OpenMP */
                layer_run(library, &many);
                ck_assert_int_eq(balact_threads(), before); /* the setting is the caller's */
                size_t bytes = sizeof(float);
                ck_assert_msg(
                    !memcmp(one.logits, many.logits, (size_t)(rows * classes) * bytes) &&
                        !memcmp(one.dweight, many.dweight, (size_t)(classes * dim) * bytes) &&
                        !memcmp(one.dbias, many.dbias, (size_t)classes * bytes) &&
                        !memcmp(one.dx, many.dx, (size_t)(rows * dim) * bytes),
                    "%s: %d threads change the bits", library->name, t);
                layer_free(&many);
            }
            layer_free(&one);
        }
    balact_set_threads(threads);
}
END_TEST

/* The backends name the library that they use, and have no product without one. */
START_TEST(test_library_named) {
    static const char *const names[] = {"avx2", "avx512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct balact_backend *backend = balact_backend_find(names[i]);
        if (!backend)
            continue;
        const char *library = balact_gemm_libraries[0].name;
        if (library) {
            ck_assert_str_eq(backend->linear.library, library);
            ck_assert(backend->linear.forward && backend->linear.grad_weight &&
                      backend->linear.grad_input);
        } else {
            ck_assert_ptr_nonnull(strstr(backend->linear.library, "libdnnl-dev"));
            ck_assert(!backend->linear.forward);
        }
    }
}
END_TEST

/* The reference, then every CPU backend on one thread and on three, which all give the same bits.
 */
START_TEST(test_sgd_step) {
    enum { N = 100003, FIRST = 1, WAYS = 2 * MAX_BACKENDS + FIRST };
    int threads = balact_threads();
    find_backends();
    if (cpu_count == 0)
        TEST_SKIP("no CPU backend but the reference");
    for (int nesterov = 0; nesterov < 2; nesterov++) {
        float *gradient = filled(1, N, N, 11), *parameter[WAYS] = {NULL}, *velocity[WAYS];
        struct balact_sgd_step step = {.n = N,
                                       .gradient = gradient,
                                       .lr = 0.1f,
                                       .momentum = 0.9f,
                                       .weight_decay = 5e-4f,
                                       .nesterov = nesterov};
        int ways = FIRST + 2 * (int)cpu_count;
        for (int k = 0; k < ways; k++) {
            const struct balact_backend *backend =
                k ? cpu_backends[(k - FIRST) / 2] : &balact_backend_reference;
            step.parameter = parameter[k] = filled(1, N, N, 12);
            step.velocity = velocity[k] = filled(1, N, N, 13);
            balact_set_threads(k % 2 ? 1 : 3);
            for (int repeat = 0; repeat < 2; repeat++)
                ck_assert_int_eq(backend->linear.sgd_step(&step), BALACT_OK);
        }
        balact_set_threads(threads);
        for (int k = 2; k < ways; k++)
            ck_assert_msg(!memcmp(parameter[1], parameter[k], N * sizeof(float)) &&
                              !memcmp(velocity[1], velocity[k], N * sizeof(float)),
                          "threads or width change the bits of the SGD step (way %d)", k);
        for (int i = 0; i < N; i++)
            ck_assert_msg(fabsf(parameter[0][i] - parameter[1][i]) <= 2e-6f &&
                              fabsf(velocity[0][i] - velocity[1][i]) <= 2e-6f,
                          "SGD step, nesterov %d, %d: %g, naive %g", nesterov, i, parameter[1][i],
                          parameter[0][i]);
        for (int k = 0; k < ways; k++)
            free(parameter[k]), free(velocity[k]);
        free(gradient);
    }
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("linear");
    TCase *group = tcase_create("linear");
    tcase_add_test(group, test_products);
    tcase_add_test(group, test_products_same_bits);
    tcase_add_test(group, test_library_named);
    tcase_add_test(group, test_sgd_step);
    suite_add_tcase(suite, group);
    return suite;
}
