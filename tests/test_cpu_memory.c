/* SPDX-License-Identifier: MIT
 *
 * Memory that the CPU backends must not touch: guard pages, padding, any alignment.
 */
#include "tests/cpu_problems.h"

START_TEST(test_guard_pages) {
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (int64_t cols = 1; cols <= 70; cols++)
            for (int lead = 0; lead < 2; lead++) {
                size_t bytes = (size_t)cols * sizeof(float);
                struct arrays a = {.rows = 1, .cols = cols, .ld = cols, .dtype = d};
                size_t stored = (size_t)(cols * balact_dtype_size(d));
                float row_weight, loss, lse, weight;
                int32_t label;
                a.row_weight = &row_weight, a.labels = &label;
                a.loss = &loss, a.lse = &lse, a.weight = &weight;
                a.logits = guarded(stored, lead), a.targets = guarded(bytes, lead);
                a.offset = guarded(bytes, lead), a.class_weight = guarded(bytes, lead);
                a.out = guarded(stored, lead);
                fill(&a, 4.0, d);
                for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                    for (int options = 0; options < OPTION_ALL; options++) {
                        struct balact_problem p = problem_of(&a, activation, options);
                        run(cpu_backends[b], activation, BALACT_FORWARD, &p);
                        run(cpu_backends[b], activation, BALACT_LOSS, &p);
                        run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                    }
                unguard(a.logits, stored), unguard(a.targets, bytes), unguard(a.offset, bytes);
                unguard(a.class_weight, bytes), unguard(a.out, stored);
            }
    }
}
END_TEST

/* Padding between rows stays as it was, at pitches that put rows at any alignment. */
START_TEST(test_padding) {
    enum { ROWS = 4, COLS = 21, LD = 29, BYTE = 0x7b };
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
            for (int options = 0; options < OPTION_ALL; options++) {
                struct arrays a = arrays_new(ROWS, COLS, LD, 4.0, d);
                size_t size = (size_t)balact_dtype_size(d);
                memset(a.out, BYTE, ROWS * LD * size);
                struct balact_problem p = problem_of(&a, activation, options);
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (int64_t i = 0; i < ROWS; i++)
                    for (size_t k = 0; k < (LD - COLS) * size; k++)
                        ck_assert_msg(((char *)element_at(&a, a.out, i, COLS))[k] == BYTE,
                                      "%s %s: padding was written", cpu_backends[b]->name,
                                      dtype_name(d));
                arrays_free(&a);
            }
    }
}
END_TEST

/* Logits and output at every element offset from a multiple of 64 bytes, rows at an odd pitch: the
 * same bits, and the elements around stay. */
START_TEST(test_alignment) {
    enum { ROWS = 3, COLS = 75, LD = 79, LEAD = 16, BYTE = 0x7b };
    FOR_BACKENDS_AND_TYPES(b, d) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++) {
            struct arrays a = arrays_new(ROWS, COLS, LD, 5.0, d);
            size_t size = (size_t)balact_dtype_size(d), bytes = ROWS * LD * size;
            struct balact_problem p = problem_of(&a, activation, 0);
            run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
            char *logits = aligned_alloc(64, 2048), *out = aligned_alloc(64, 2048);
            ck_assert(logits && out && bytes + 2 * LEAD * size <= 2048);
            for (size_t lead = 0; lead < LEAD; lead++) {
                size_t other = (5 * lead + 3) % LEAD; /* the two differ in alignment */
                memset(out, BYTE, 2048);
                memcpy(logits + lead * size, a.logits, bytes);
                p.logits = logits + lead * size;
                p.out = out + other * size;
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (size_t k = 0; k < other * size; k++)
                    ck_assert_msg(out[k] == BYTE, "%s: written before", cpu_backends[b]->name);
                for (size_t k = other * size + bytes - (LD - COLS) * size; k < 2048; k++)
                    ck_assert_msg(out[k] == BYTE, "%s: written behind", cpu_backends[b]->name);
                for (int64_t i = 0; i < ROWS; i++)
                    ck_assert_msg(!memcmp(out + (other + (size_t)(i * LD)) * size,
                                          element_at(&a, a.out, i, 0), COLS * size),
                                  "%s %s activation %d: other bits %zu and %zu elements from 64 "
                                  "bytes, row %lld",
                                  cpu_backends[b]->name, dtype_name(d), activation, lead, other,
                                  (long long)i);
            }
            free(logits);
            free(out);
            arrays_free(&a);
        }
    }
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cpu_memory", test_guard_pages, test_padding, test_alignment);
}
