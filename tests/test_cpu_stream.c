/* SPDX-License-Identifier: MIT
 *
 * Stores that bypass the caches: with BALACT_STREAM_BYTES=0 every separate output is stored so, and
 * must have the bits of the in-place results. The backends read the variable once, so that this is
 * a program of its own.
 */
#include "tests/cpu_problems.h"

START_TEST(test_same_bits_as_in_place) {
    static const int64_t widths[] = {1, 15, 16, 17, 64, 129, 1000, 1203, 21841};
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                for (int lead = 0; lead < 3; lead++)
                    for (int grad = 0; grad < 2; grad++) {
                        int64_t rows = 3, cols = widths[w];
                        size_t size = (size_t)balact_dtype_size(d);
                        struct arrays a = arrays_new(rows, cols, cols + 1, 5.0, d);
                        size_t bytes = (size_t)(rows * a.ld) * size;
                        char *out = plain(bytes + 2 * size);
                        struct balact_problem p = problem_of(&a, activation, 0);
                        p.out = out + (size_t)lead * size;
                        run(cpu_backends[b], activation, grad ? BALACT_LOSS_GRAD : BALACT_FORWARD,
                            &p);
                        p.out = a.logits;
                        run(cpu_backends[b], activation,
                            grad ? BALACT_LOSS_GRAD_IN_PLACE : BALACT_FORWARD_IN_PLACE, &p);
                        for (int64_t i = 0; i < rows; i++)
                            ck_assert_msg(
                                !memcmp(out + (size_t)lead * size + (size_t)(i * a.ld) * size,
                                        element_at(&a, a.logits, i, 0), (size_t)cols * size),
                                "%s %s activation %d, %lld columns, row %lld: other bits",
                                cpu_backends[b]->name, dtype_name(d), activation, (long long)cols,
                                (long long)i);
                        free(out);
                        arrays_free(&a);
                    }
    }
}
END_TEST

Suite *balact_suite(void) {
    if (setenv("BALACT_STREAM_BYTES", "0", 1) != 0)
        abort(); /* before the first kernel */
    return TEST_SUITE("cpu_stream", test_same_bits_as_in_place);
}
