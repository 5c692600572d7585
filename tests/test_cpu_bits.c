/* SPDX-License-Identifier: MIT
 *
 * Results of the CPU backends have the same bits on any number of threads, for a row alone or among
 * others, separate and in place.
 */
#include "tests/cpu_problems.h"

static void expect_same_row(const char *what, const struct balact_backend *backend,
                            const struct arrays *a, int64_t i, const void *out, float loss) {
    size_t size = (size_t)balact_dtype_size(a->dtype);
    ck_assert_msg(!memcmp(element_at(a, a->out, i, 0), out, (size_t)a->cols * size) &&
                      !memcmp(&a->loss[i], &loss, sizeof loss),
                  "%s %s: row %lld of %lld columns differs by %s", backend->name,
                  dtype_name(a->dtype), (long long)i, (long long)a->cols, what);
}

START_TEST(test_same_bits) {
    static const int64_t widths[] = {33, 1000, 1203};
    int threads = balact_threads();
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                for (int options = 0; options < OPTION_ALL; options++) {
                    int64_t cols = widths[w], rows = 37;
                    struct arrays a = arrays_new(rows, cols, cols + 5, 6.0, d);
                    struct arrays other = arrays_new(rows, cols, cols + 5, 6.0, d);
                    struct balact_problem p = problem_of(&a, activation, options);
                    balact_set_threads(1);
                    run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                    for (int t = 2; t <= 4; t++) {
                        balact_set_threads(t);
                        p = problem_of(&other, activation, options);
                        run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                        for (int64_t i = 0; i < rows; i++)
                            expect_same_row("threads", cpu_backends[b], &a, i,
                                            element_at(&other, other.out, i, 0), other.loss[i]);
                    }
                    balact_set_threads(2);
                    /* one row alone, elsewhere in memory and in place */
                    int64_t i = 5;
                    size_t size = (size_t)balact_dtype_size(d);
                    char *row = plain((size_t)(cols + 1) * size);
                    float loss;
                    memcpy(row + size, element_at(&a, a.logits, i, 0), (size_t)cols * size);
                    p = problem_of(&a, activation, options);
                    p.rows = 1, p.logits = p.out = row + size, p.labels += i, p.loss = &loss;
                    p.row_weight = p.row_weight ? p.row_weight + i : NULL;
                    p.targets = p.targets ? p.targets + i * a.ld : NULL;
                    p.lse = p.weight = NULL;
                    run(cpu_backends[b], activation, BALACT_LOSS_GRAD_IN_PLACE, &p);
                    expect_same_row("place", cpu_backends[b], &a, i, row + size, loss);
                    free(row);
                    arrays_free(&a);
                    arrays_free(&other);
                }
    }
    balact_set_threads(threads);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cpu_bits", test_same_bits);
}
