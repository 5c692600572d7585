/* SPDX-License-Identifier: MIT
 *
 * Ranking by the emulated CUDA backend against the reference, bit for bit.
 */
#include "tests/topk_problems.h"

#include "bench/measure/device_copy.h"
#include "tests/cuda_backend.h"

#ifndef BALACT_HAVE_EMULATION

START_TEST(cuda_is_emulated) {
    TEST_SKIP("no C++ compiler to emulate CUDA with");
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cuda_topk", cuda_is_emulated);
}

#else

static const int64_t shapes[][3] = {/* rows, cols, k */
                                    {3, 1, 1},      {2, 2, 2},    {3, 5, 3},      {2, 31, 31},
                                    {2, 33, 5},     {4, 100, 1},  {2, 257, 100},  {2, 1000, 5},
                                    {2, 1203, 300}, {1, 4100, 7}, {1, 1025, 1025}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check(const int64_t *shape, enum balact_dtype dtype, enum kind kind, bool prior) {
    int64_t ld = shape[1] + (kind % 3);
    void *logits = plain((size_t)(shape[0] * ld) * sizeof(float));
    float *offset = prior ? offsets(shape[1]) : NULL;
    fill(logits, dtype, kind, shape[0], shape[1], ld);
    struct balact_topk_problem p = {.rows = shape[0],
                                    .cols = shape[1],
                                    .dtype = dtype,
                                    .logits = logits,
                                    .ld = ld,
                                    .offset = offset,
                                    .k = shape[2],
                                    .ld_out = shape[2] + PADDING};
    struct outputs want = outputs_new(&p), got = outputs_new(&p);
    struct balact_error error = {.message = ""};
    run(balact_backend_find("reference"), &p, &want, true);
    p.index = got.index;
    p.value = got.value;
    ck_assert_msg(topk_copied(&balact_backend_cuda_emulated, &p, &error) == BALACT_OK, "%s",
                  error.message);
    expect_same("cuda", kind_names[kind], &p, &want, &got);
    outputs_free(&want);
    outputs_free(&got);
    free(logits);
    free(offset);
}

START_TEST(ranks_as_the_reference_does) {
    for (int s = 0; s < SHAPES; s++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int prior = 0; prior < 2; prior++)
                check(shapes[s], (enum balact_dtype)((s + kind) % 3), (enum kind)kind, prior);
}
END_TEST

Suite *balact_suite(void) {
    find_backends(); /* of the header, which other tests need */
    return TEST_SUITE("cuda_topk", ranks_as_the_reference_does);
}

#endif
