/* SPDX-License-Identifier: MIT
 *
 * reference/storage.h: fp16 and bf16 as the reference reads and rounds them.
 */
#include "reference/storage.h"

#include "balact/backend.h"
#include "tests/harness.h"

/* For inner loops: Check's own assertions write a record each time they pass. */
#define require(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

START_TEST(storage_round_trips) {
    for (uint32_t bits = 0; bits < 65536; bits++) {
        double half = half_to_double((uint16_t)bits), bfloat = bfloat_to_double((uint16_t)bits);
        if (!isnan(half))
            require(double_to_half(half) == bits, "half %04x", bits);
        else
            require(isnan(half_to_double(double_to_half(half))), "half %04x", bits);
        if (!isnan(bfloat))
            require(double_to_bfloat(bfloat) == bits, "bfloat %04x", bits);
        else
            require(isnan(bfloat_to_double(double_to_bfloat(bfloat))), "bfloat %04x", bits);
    }
    ck_assert_uint_eq(double_to_half(65519.0), 0x7bff); /* below the midpoint to infinity */
    ck_assert_uint_eq(double_to_half(65520.0), 0x7c00);
    ck_assert_uint_eq(double_to_half(0x1p-25), 0x0000); /* ties to even */
    ck_assert_uint_eq(double_to_half(0x1.8p-24), 0x0002);
    ck_assert_uint_eq(double_to_half(1.0 + 0x1p-11), 0x3c00);
    ck_assert_uint_eq(double_to_half(1.0 + 0x1.8p-10), 0x3c02);
    ck_assert_uint_eq(double_to_bfloat(1.0 + 0x1p-8), 0x3f80);
    ck_assert_uint_eq(double_to_bfloat(1203.0), 0x4496); /* 1200: counts do not fit bf16 */
}
END_TEST

START_TEST(half_storage) {
    /* fp16 and bf16 logits give what the same values in fp32 give, rounded to the type. */
    const uint16_t half[3] = {0x3c00, 0x3800, 0xb400}; /* 1, 0.5, -0.25 */
    const float wide[3] = {1.0f, 0.5f, -0.25f};
    const struct balact_backend *reference = balact_backend_find("reference");
    uint16_t out[3];
    float single[3];
    struct balact_error error;
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = 1;
    p.cols = p.ld = p.ld_out = 3;
    p.logits = half;
    p.dtype = BALACT_F16;
    p.out = out;
    ck_assert_int_eq(balact_forward(reference, BALACT_SOFTMAX, &p, &error), BALACT_OK);
    p.dtype = BALACT_F32;
    p.logits = wide;
    p.out = single;
    ck_assert_int_eq(balact_forward(reference, BALACT_SOFTMAX, &p, &error), BALACT_OK);
    for (int j = 0; j < 3; j++)
        ck_assert_uint_eq(out[j], double_to_half(single[j]));
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("storage", storage_round_trips, half_storage);
}
