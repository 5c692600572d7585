/* SPDX-License-Identifier: MIT
 *
 * How the CPU backends round to 16-bit storage: gradients that are exact in fp32, ties among them.
 */
#include "tests/cpu_problems.h"

/* sigmoid(0) = 1/2, so with targets of 0 the gradient is half the class weight: any fp32 number can
 * be made. With targets of 1 it is the negative one. */
static void store_through(const struct balact_backend *backend, enum balact_dtype dtype,
                          const float *values, bool negative, int64_t count, void *out) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    float *weight = plain((size_t)count * sizeof *weight);
    float *targets = plain((size_t)count * sizeof *targets);
    void *logits = calloc((size_t)count, sizeof(float));
    ck_assert_ptr_nonnull(logits);
    for (int64_t j = 0; j < count; j++) {
        weight[j] = 2.0f * values[j];
        targets[j] = negative ? 1.0f : 0.0f;
    }
    p.rows = 1, p.cols = p.ld = p.ld_out = p.ld_targets = count, p.dtype = dtype;
    p.logits = logits, p.targets = targets, p.class_weight = weight, p.out = out;
    run(backend, BALACT_SIGMOID, BALACT_LOSS_GRAD, &p);
    free(weight);
    free(targets);
    free(logits);
}

/* For every number of the type: itself, the tie above it and the fp32 numbers beside both. */
static int64_t numbers_of(enum balact_dtype dtype, float *values) {
    int64_t count = 0;
    uint16_t infinity = dtype == BALACT_F16 ? 0x7c00 : 0x7f80;
    for (uint16_t bits = 0; bits < infinity; bits += 1 + (bits > 64 && bits < infinity - 64) * 6) {
        uint16_t next = (uint16_t)(bits + 1);
        double low = load_element(&bits, dtype, 0);
        double high = next == infinity ? ldexp(1.0, dtype == BALACT_F16 ? 16 : 128)
                                       : load_element(&next, dtype, 0);
        float tie = (float)((low + high) / 2);
        float wanted[] = {(float)low, nextafterf(tie, 0.0f), tie, nextafterf(tie, INFINITY)};
        for (int k = 0; k < 4; k++)
            if (wanted[k] <= FLT_MAX / 2) /* the weight is twice that */
                values[count++] = wanted[k];
    }
    return count;
}

START_TEST(test_rounding) {
    bool any = false;
    FOR_BACKENDS_AND_TYPES(b, d) {
        if (d == BALACT_F32)
            continue;
        float *values = plain(4 * 65536 * sizeof *values);
        int64_t count = numbers_of(d, values), compared = 0;
        float *single = plain((size_t)count * sizeof *single);
        uint16_t *out = plain((size_t)count * sizeof *out);
        for (int negative = 0; negative < 2; negative++) {
            store_through(cpu_backends[b], BALACT_F32, values, negative, count, single);
            store_through(cpu_backends[b], d, values, negative, count, out);
            for (int64_t j = 0; j < count; j++) {
                uint16_t right;
                store_element(&right, d, 0, single[j]);
                if (fabsf(single[j]) != values[j])
                    continue; /* fp32 was not exact: nothing is known of ties */
                compared++;
                ck_assert_msg(out[j] == right || (out[j] | right) == 0x8000,
                              "%s %s: %a became %04x, not %04x", cpu_backends[b]->name,
                              dtype_name(d), single[j], out[j], right);
            }
        }
        ck_assert_int_gt(compared, count); /* most are exact */
        any = true;
        free(values);
        free(single);
        free(out);
    }
    if (!any)
        TEST_SKIP("no CPU backend has a 16-bit type");
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("cpu_storage", test_rounding);
}
