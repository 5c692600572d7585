/* SPDX-License-Identifier: MIT
 *
 * The CUDA backend on the host: the same sources, compiled for the emulation of tests/cuda, walk
 * the cases of balact verify against the reference. Ends of rows, alignment, races, divergent
 * barriers and what nobody wrote are crimes there, which end the program.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure/verify.h"
#include "tests/harness.h"

#ifndef BALACT_HAVE_EMULATION

START_TEST(cuda_is_emulated) {
    TEST_SKIP("no C++ compiler to emulate CUDA with");
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cuda_emulated", cuda_is_emulated);
}

#else

#include "tests/cuda/emulation.h"
#include "tests/cuda_backend.h"

struct walk {
    int64_t compared, refused;
    char first[512]; /* breach */
    int64_t breaches;
};

static void take(const struct verify_row *row, void *context) {
    struct walk *walk = context;
    if (row->verdict == VERDICT_SKIP) {
        walk->refused++;
        return;
    }
    walk->compared++;
    if (row->verdict == VERDICT_PASS || walk->breaches++)
        return;
    snprintf(walk->first, sizeof walk->first,
             "%s of %s in %s, case %s, options %s: row %" PRId64 " column %" PRId64
             ": %.9g, reference %.9g (%.3g ULP, %.3g relative) %s",
             balact_operation_name(row->operation), balact_activation_info(row->activation)->name,
             dtype_name(row->dtype), row->kernel_case->name, row->set->name, row->worst.row,
             row->worst.col, row->worst.value, row->worst.expected, row->worst.ulp,
             row->worst.relative, row->damage ? row->damage : "");
}

static void walk_type(enum balact_dtype dtype) {
    static const struct balact_backend *const backend = &balact_backend_cuda_emulated;
    struct walk walk = {0};
    struct balact_error error = {.message = ""};
    struct verify_request request = {.backends = &backend,
                                     .count = 1,
                                     .seed = 20200718,
                                     .small = true,
                                     .every = 3, /* balact verify walks all on a device */
                                     .report = take,
                                     .context = &walk};
    for (int d = 0; d < DTYPE_COUNT; d++)
        request.leave[d] = d != (int)dtype;
    struct emulation_counts before = emulation_counts();
    ck_assert_msg(verify_backends(&request, &error) == BALACT_OK, "%s", error.message);
    struct emulation_counts after = emulation_counts();
    printf("emulated CUDA, %s: %" PRId64 " comparisons, %" PRId64 " launches, %" PRId64 " blocks\n",
           dtype_name(dtype), walk.compared, after.launches - before.launches,
           after.blocks - before.blocks);
    ck_assert_msg(walk.breaches == 0, "%" PRId64 " out of bound, the first: %s", walk.breaches,
                  walk.first);
    ck_assert_int_gt(walk.compared, 1000);
    ck_assert_int_eq(walk.refused, 0);
    ck_assert_int_eq(after.allocated_now, before.allocated_now);
}

START_TEST(kernels_agree_with_the_reference_in_fp32) {
    emulation_set_order(EMULATION_ASCENDING, 1);
    walk_type(BALACT_F32);
}
END_TEST

START_TEST(kernels_agree_with_the_reference_in_fp16) {
    emulation_set_order(EMULATION_DESCENDING, 1);
    walk_type(BALACT_F16);
}
END_TEST

START_TEST(kernels_agree_with_the_reference_in_bf16) {
    emulation_set_order(EMULATION_RANDOM, 20200718);
    walk_type(BALACT_BF16);
    emulation_set_order(EMULATION_ASCENDING, 1);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cuda_emulated", kernels_agree_with_the_reference_in_fp32,
                      kernels_agree_with_the_reference_in_fp16,
                      kernels_agree_with_the_reference_in_bf16);
}

#endif
