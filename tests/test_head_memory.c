/* SPDX-License-Identifier: MIT
 *
 * Memory of the fused head: outputs that are not wanted, the workspace and who allocates it.
 */
#include "tests/head_problems.h"

/* What is not wanted changes no bit of the rest and is not written. */
START_TEST(outputs_are_independent) {
    enum { ROWS = 70, DIMS = 12, COLS = 300, OUTPUTS = 6 };
    FOR_BACKENDS(b) {
        const struct balact_backend *backend = cpu_backends[b];
        NEED_HEAD(backend);
        for (unsigned wanted = 0; wanted < 1u << OUTPUTS; wanted++) {
            enum balact_activation a = wanted % BALACT_ACTIVATION_COUNT;
            struct head all = head_new(ROWS, DIMS, COLS, a, IGNORE);
            struct head some = head_new(ROWS, DIMS, COLS, a, IGNORE);
            struct head none = head_new(ROWS, DIMS, COLS, a, IGNORE);
            float **pointer[OUTPUTS] = {&some.p.dweight, &some.p.dbias, &some.p.dx,
                                        &some.p.loss,    &some.p.lse,   &some.p.loss_weight};
            float *mine[OUTPUTS] = {some.dweight, some.dbias, some.dx,
                                    some.loss,    some.lse,   some.loss_weight};
            float *theirs[OUTPUTS] = {all.dweight, all.dbias, all.dx,
                                      all.loss,    all.lse,   all.loss_weight};
            float *untouched[OUTPUTS] = {none.dweight, none.dbias, none.dx,
                                         none.loss,    none.lse,   none.loss_weight};
            const int64_t size[OUTPUTS] = {
                COLS * (DIMS + PADDING), COLS, ROWS * (DIMS + PADDING), ROWS, ROWS, ROWS};
            all.p.chunk_rows = some.p.chunk_rows = 24;
            for (int k = 0; k < OUTPUTS; k++)
                if (!(wanted >> k & 1))
                    *pointer[k] = NULL;
            head_run(backend, a, &all);
            head_run(backend, a, &some);
            for (int k = 0; k < OUTPUTS; k++)
                ck_assert_msg(!memcmp(mine[k], wanted >> k & 1 ? theirs[k] : untouched[k],
                                      (size_t)size[k] * sizeof(float)),
                              "%s: output %d of the set %x", backend->name, k, wanted);
            head_free(&all);
            head_free(&some);
            head_free(&none);
        }
    }
}
END_TEST

/* The workspace holds one chunk, whatever the number of rows and classes. */
START_TEST(workspace_is_one_chunk) {
    FOR_BACKENDS(b) {
        NEED_HEAD(cpu_backends[b]);
        static const struct {
            int64_t rows, classes;
            double most; /* MiB: the chunk, and 8 bytes a class for dbias */
        } cases[] = {{4096, 1000, 9},      {1000000, 1000, 9}, {1000000, 4, 1},
                     {1000000, 21841, 33}, {256, 200000, 100}, {1000000, 200000, 100},
                     {1, 1000, 1}};
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            struct balact_head_problem p = BALACT_HEAD_INIT;
            struct balact_error error = {.message = ""};
            size_t bytes = 0, fewer = 0;
            p.rows = cases[c].rows, p.dim = 512, p.classes = cases[c].classes;
            ck_assert_int_eq(balact_head_workspace(cpu_backends[b], &p, &bytes, &error), BALACT_OK);
            ck_assert_msg((double)bytes <= cases[c].most * 1048576, "%lld classes: %zu bytes",
                          (long long)p.classes, bytes);
            p.rows = (p.rows + 1) / 2;
            ck_assert_int_eq(balact_head_workspace(cpu_backends[b], &p, &fewer, &error), BALACT_OK);
            ck_assert(fewer <= bytes && fewer > 0);
            p.chunk_rows = 8;
            ck_assert_int_eq(balact_head_workspace(cpu_backends[b], &p, &fewer, &error), BALACT_OK);
            ck_assert(fewer <= 8 * 4 * (size_t)(p.classes + 32) + 8 * (size_t)p.classes + 64);
        }
    }
}
END_TEST

static const struct balact_backend *counted;
static int allocated, released;
static balact_status allocation;

static balact_status count_alloc(size_t bytes, void **memory) {
    allocated++;
    return allocation == BALACT_OK ? counted->alloc(bytes, memory) : allocation;
}

static void count_release(void *memory) {
    released++;
    counted->release(memory);
}

/* A call allocates nothing if it is lent a workspace, else once; without memory it says so and
 * writes nothing. */
START_TEST(allocates_only_what_is_not_lent) {
    FOR_BACKENDS(b) {
        NEED_HEAD(cpu_backends[b]);
        struct balact_backend backend = *cpu_backends[b];
        struct balact_error error = {.message = ""};
        struct head h = head_new(70, 12, 300, BALACT_SOFTMAX, PLAIN);
        struct head untouched = head_new(70, 12, 300, BALACT_SOFTMAX, PLAIN);
        counted = cpu_backends[b];
        backend.alloc = count_alloc;
        backend.release = count_release;
        allocated = released = 0;
        allocation = BALACT_ERROR_MEMORY;
        ck_assert_int_eq(balact_head_loss_grad(&backend, BALACT_SOFTMAX, &h.p, &error), allocation);
        ck_assert_msg(strstr(error.message, "workspace") != NULL, "%s", error.message);
        ck_assert(allocated == 1 && released == 0);
        ck_assert(!memcmp(h.dweight, untouched.dweight, 300 * 15 * sizeof(float)));
        ck_assert(!memcmp(h.loss, untouched.loss, 70 * sizeof(float)));
        allocation = BALACT_OK;
        head_run(&backend, BALACT_SOFTMAX, &h);
        ck_assert(allocated == 2 && released == 1);
        lend_workspace(&backend, &h);
        head_run(&backend, BALACT_SOFTMAX, &h);
        ck_assert(allocated == 2 && released == 1);
        head_free(&h);
        head_free(&untouched);
    }
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("head_memory", outputs_are_independent, workspace_is_one_chunk,
                      allocates_only_what_is_not_lent);
}
