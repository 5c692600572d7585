/* SPDX-License-Identifier: MIT
 *
 * datasets/npy.c and half.h.
 */
#include "datasets/npy.h"

#include <math.h>

#include "datasets/half.h"
#include "tests/files.h"

static struct balact_error error;

/* Reads bytes as x.npy; *data is the caller's on success. */
static balact_status load(const void *bytes, size_t size, struct balact_npy *npy, void **data) {
    struct balact_archive *archive;
    bool found;
    memset(&error, 0, sizeof error);
    balact_status status = balact_archive_open_bytes(&archive, "x.npy", bytes, size, &error);
    if (status == BALACT_OK)
        status = balact_archive_next(archive, &found, &error);
    if (status == BALACT_OK)
        status = balact_npy_read_header(archive, npy, &error);
    if (status == BALACT_OK)
        status = balact_npy_read_data(archive, npy, data, &error);
    balact_archive_close(archive);
    return status;
}

/* An array whose header is text must be refused with this message at this byte. */
static void refuse(const char *header, const char *message, int64_t byte) {
    struct balact_npy npy;
    void *data;
    struct buffer file = npy_raw(header, "0123456789abcdef", 16);
    ck_assert_msg(load(file.bytes, file.size, &npy, &data) != BALACT_OK, "accepted: %s", header);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, message, byte);
    ck_assert_msg(!strncmp(error.message, "x.npy: byte ", 12), "%s", error.message);
    buffer_free(&file);
}

START_TEST(reads_each_type) {
    static const struct {
        const char *descr;
        enum balact_npy_type type;
        int64_t size;
    } cases[] = {{"<f4", BALACT_NPY_F32, 4}, {"<f2", BALACT_NPY_F16, 2}, {"<i4", BALACT_NPY_I32, 4},
                 {"<i8", BALACT_NPY_I64, 8}, {"|u1", BALACT_NPY_U8, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char bytes[48];
        struct balact_npy npy;
        void *data;
        for (int j = 0; j < 48; j++)
            bytes[j] = (unsigned char)(j + 1);
        struct buffer file = npy_make(cases[i].descr, "(2, 3)", bytes, (size_t)cases[i].size * 6);
        ck_assert_msg(load(file.bytes, file.size, &npy, &data) == BALACT_OK, "%s", error.message);
        ck_assert_int_eq(npy.type, cases[i].type);
        ck_assert_int_eq(npy.dims, 2);
        ck_assert_int_eq(npy.shape[0], 2);
        ck_assert_int_eq(npy.shape[1], 3);
        ck_assert_int_eq(npy.bytes, 6 * cases[i].size);
        ck_assert_int_eq(balact_npy_type_size(npy.type), cases[i].size);
        if (npy.type == BALACT_NPY_I32)
            ck_assert_int_eq(((int32_t *)data)[1], 0x08070605);
        if (npy.type == BALACT_NPY_U8)
            ck_assert_int_eq(((uint8_t *)data)[5], 6);
        free(data);
        buffer_free(&file);
    }
}
END_TEST

START_TEST(reads_versions_and_spellings) {
    static const char *const headers[] = {
        "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }",
        "{\"shape\":(1,),\"fortran_order\":False,\"descr\":\"<i4\"}   ",
        "  { 'fortran_order' : False , 'shape' : ( 1 , ) , 'descr' : '<i4' , } ",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1, 1), }",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        for (int version = 1; version <= 3; version++) {
            struct buffer file = {0};
            struct balact_npy npy;
            void *data;
            buffer_add(&file, "\x93NUMPY", 6);
            buffer_little(&file, (uint64_t)version, 2);
            buffer_little(&file, strlen(headers[i]) + 1, version == 1 ? 2 : 4);
            buffer_add(&file, headers[i], strlen(headers[i]));
            buffer_add(&file, "\n\7\0\0\0", 5);
            ck_assert_msg(load(file.bytes, file.size, &npy, &data) == BALACT_OK, "%s",
                          error.message);
            ck_assert_int_eq(npy.count, 1);
            ck_assert_int_eq(*(int32_t *)data, 7);
            free(data);
            buffer_free(&file);
        }
}
END_TEST

START_TEST(reads_no_rows) {
    struct balact_npy npy;
    void *data;
    struct buffer file = npy_make("<f4", "(0, 9223372036854775807)", NULL, 0);
    ck_assert_msg(load(file.bytes, file.size, &npy, &data) == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(npy.count, 0);
    free(data);
    buffer_free(&file);
}
END_TEST

START_TEST(refuses_bad_headers) {
#define DESCR "{'descr': '<f4', "
#define ORDER DESCR "'fortran_order': False, "
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
           "dtype '<f8'; wants float32, float16, int32 or int64", 20);
    refuse("{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }",
           "dtype '>f4'; wants little endian", 20);
    refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }",
           "a structured dtype", 20);
    refuse("{'descr': 4, 'fortran_order': False, 'shape': (4,), }", "wants a quoted dtype", 20);
    refuse(DESCR "'fortran_order': True, 'shape': (2, 2), }", "Fortran order", 44);
    refuse(DESCR "'fortran_order': 0, 'shape': (2, 2), }", "wants True or False", 44);
    refuse(ORDER "'shape': 4, }", "'shape' wants a tuple", 60);
    refuse(ORDER "'shape': (4), }", "not a tuple", 63);
    refuse(ORDER "'shape': (-4,), }", "wants integers >= 0", 61);
    refuse(ORDER "'shape': (4.0,), }", "lacks a comma", 62);
    refuse(ORDER "'shape': (99999999999999999999,), }", "beyond 64 bits", 79);
    refuse(ORDER "'shape': (4294967296, 4294967296), }", "overflows 64 bits", 10);
    refuse(ORDER "'shape': (9223372036854775807,), }", "overflows 64 bits", 10);
    refuse(ORDER "'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }", "more than 8 dimensions", 85);
    refuse(ORDER "}", "lacks one of", 52);
    refuse(ORDER "'descr': '<f4', }", "a key twice", 58);
    refuse(ORDER "'colour': 1, }", "a key that is none of", 59);
    refuse(ORDER "'shape': (4,), ", "wants a quoted key", 66);
    refuse(ORDER "'shape': (4,) } x", "wants spaces and one newline", 67);
    refuse(ORDER "'shape' (4,), }", "wants ':'", 59);
    refuse("", "wants a dict", 10);
    refuse("[1]", "wants a dict", 10);
#undef ORDER
#undef DESCR
}
END_TEST

START_TEST(refuses_wrong_magic_and_version) {
    struct balact_npy npy;
    void *data;
    struct buffer file = npy_make("<f4", "(4,)", "0123456789abcdef", 16);
    file.bytes[0] = 'N';
    ck_assert_int_ne(load(file.bytes, file.size, &npy, &data), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "not an npy file", 0);
    file.bytes[0] = 0x93;
    file.bytes[6] = 4;
    ck_assert_int_ne(load(file.bytes, file.size, &npy, &data), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "npy version 4.0", 6);
    buffer_free(&file);
    file = npy_raw("x", NULL, 0);
    memcpy(file.bytes + 6, "\2\0\xff\xff\xff\x7f", 6); /* a header of 2 GiB */
    ck_assert_int_ne(load(file.bytes, file.size, &npy, &data), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "longer than 65535 bytes", 8);
    buffer_free(&file);
}
END_TEST

/* Cut anywhere, or with anything behind it, a file is refused. */
START_TEST(refuses_every_cut) {
    struct balact_npy npy;
    void *data;
    struct buffer file = npy_make("<f4", "(2, 2)", "0123456789abcdef", 16);
    for (size_t size = 0; size < file.size; size++) {
        ck_assert_int_ne(load(file.bytes, size, &npy, &data), BALACT_OK);
        ck_failed(error, BALACT_ERROR_FORMAT, "x.npy: byte ");
        if (size >= file.size - 16)
            ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "truncated", (int64_t)size);
    }
    int64_t end = (int64_t)file.size;
    buffer_add(&file, "x", 1);
    ck_assert_int_ne(load(file.bytes, file.size, &npy, &data), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "bytes follow", end);
    buffer_free(&file);
}
END_TEST

/* A terabyte promised, 16 bytes there: refused before anything is allocated for it. */
START_TEST(refuses_hostile_shape) {
    refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (274877906944,), }",
           "promises 1099511627776 bytes", 95);
}
END_TEST

START_TEST(writes_what_it_reads) {
    static const float values[6] = {0, -1.5f, 3e-40f, 1e30f, INFINITY, 7};
    static const int64_t shape[2] = {2, 3};
    struct balact_npy npy;
    void *data;
    char path[600];
    snprintf(path, sizeof path, "%s/out.npy", test_folder());
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(balact_npy_write(file, path, BALACT_NPY_F32, 2, shape, values, &error),
                     BALACT_OK);
    fclose(file);
    struct buffer bytes = buffer_load(path);
    ck_assert_int_eq((int)(bytes.size - sizeof values) % 64, 0);
    /* byte for byte what numpy 1.24 writes */
    static const char header[] = "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, "
                                 "'shape': (2, 3), }";
    ck_assert_mem_eq(bytes.bytes, header, sizeof header - 1);
    ck_assert_int_eq(bytes.bytes[127], '\n');
    ck_assert_int_eq(load(bytes.bytes, bytes.size, &npy, &data), BALACT_OK);
    ck_assert_mem_eq(data, values, sizeof values);
    free(data);
    buffer_free(&bytes);
}
END_TEST

START_TEST(writes_shapes) {
    static const int64_t shape[8] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX,
                                     INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
    unsigned char header[BALACT_NPY_HEADER_MAX];
    ck_assert_uint_eq(balact_npy_header(header, BALACT_NPY_F32, 0, shape), 64 * 2);
    ck_assert_ptr_nonnull(strstr((char *)header + 10, "'shape': (), }"));
    ck_assert_uint_gt(balact_npy_header(header, BALACT_NPY_I64, 1, shape), 0);
    ck_assert_ptr_nonnull(strstr((char *)header + 10, "(9223372036854775807,), }"));
    ck_assert_uint_le(balact_npy_header(header, BALACT_NPY_F32, 8, shape), sizeof header);
    ck_assert_uint_eq(balact_npy_header(header, BALACT_NPY_F32, 9, shape), 0);
}
END_TEST

START_TEST(reports_full_disk) {
    static const float values[4096];
    static const int64_t shape[1] = {4096};
    FILE *file = fopen("/dev/full", "wb");
    if (!file)
        TEST_SKIP("no /dev/full");
    balact_status status =
        balact_npy_write(file, "big.npy", BALACT_NPY_F32, 1, shape, values, &error);
    fclose(file);
    ck_assert_int_ne(status, BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "big.npy: cannot write: No space left on device");
}
END_TEST

/* Every half against its value by the definition, and back. */
START_TEST(halves_are_exact) {
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        int exponent = bits >> 10 & 31, fraction = bits & 1023;
        double sign = bits & 0x8000 ? -1 : 1, value;
        if (exponent == 31)
            value = fraction ? NAN : INFINITY;
        else
            value = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        float got = half_to_float((uint16_t)bits);
        if (isnan(value)) {
            ck_assert(isnan(got));
            ck_assert(isnan(half_to_float(float_to_half(got))));
            continue;
        }
        ck_assert_msg((double)got == sign * value && !!signbit(got) == (sign < 0), "%#x", bits);
        ck_assert_msg(float_to_half(got) == bits, "%#x", bits);
    }
}
END_TEST

/* Halfway between two halves: to the even one; a hair beside: to the nearer. */
START_TEST(halves_round_to_even) {
    for (uint32_t bits = 0; bits < 0x7BFF; bits++) {
        float low = half_to_float((uint16_t)bits), high = half_to_float((uint16_t)(bits + 1));
        float middle = (low + high) / 2;
        ck_assert_uint_eq(float_to_half(middle), bits + (bits & 1));
        ck_assert_uint_eq(float_to_half(nextafterf(middle, 0)), bits);
        ck_assert_uint_eq(float_to_half(nextafterf(middle, 1e30f)), bits + 1);
        ck_assert_uint_eq(float_to_half(-middle), 0x8000 | (bits + (bits & 1)));
    }
    ck_assert_uint_eq(float_to_half(65519.99f), 0x7BFF);
    ck_assert_uint_eq(float_to_half(65520.0f), 0x7C00);
    ck_assert_uint_eq(float_to_half(-1e30f), 0xFC00);
    ck_assert_uint_eq(float_to_half(1e-45f), 0);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("npy");
    TCase *tests = tcase_create("npy");
    tcase_add_test(tests, reads_each_type);
    tcase_add_test(tests, reads_versions_and_spellings);
    tcase_add_test(tests, reads_no_rows);
    tcase_add_test(tests, refuses_bad_headers);
    tcase_add_test(tests, refuses_wrong_magic_and_version);
    tcase_add_test(tests, refuses_every_cut);
    tcase_add_test(tests, refuses_hostile_shape);
    tcase_add_test(tests, writes_what_it_reads);
    tcase_add_test(tests, writes_shapes);
    tcase_add_test(tests, reports_full_disk);
    tcase_add_test(tests, halves_are_exact);
    tcase_add_test(tests, halves_round_to_even);
    suite_add_tcase(suite, tests);
    return suite;
}
