/* SPDX-License-Identifier: MIT
 *
 * balact_cifar_load(): a small data set in the official layout, and the real one where it is at
 * hand.
 */
#include <math.h>
#include <sys/stat.h>

#include "datasets/cifar.h"
#include "tests/files.h"

static struct balact_error error;
static struct balact_dataset train, test;

/* Record n of class c: pixels that tell the record and the place, deterministic. */
static void record_add(struct buffer *buffer, int classes, int c, int n) {
    unsigned char record[3074] = {0};
    int skip = classes == 100 ? 2 : 1;
    record[0] = (unsigned char)(c / 5);
    record[skip - 1] = (unsigned char)c;
    for (int p = 0; p < 3072; p++)
        record[skip + p] = (unsigned char)(p == 7 ? 42 : n * 31 + p * 7 + c * 101 + (n * p) % 13);
    buffer_add(buffer, record, (size_t)skip + 3072);
}

/* Classes 0..9 in turn, `per_class` times, beginning with record number `from`. */
static struct buffer batch(int per_class, int from) {
    struct buffer buffer = {0};
    for (int n = 0; n < per_class; n++)
        for (int c = 0; c < 10; c++)
            record_add(&buffer, 10, c, from + n);
    return buffer;
}

static char folder[600];

static void put(const char *name, struct buffer bytes) {
    char path[700];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    if (bytes.size)
        fwrite(bytes.bytes, 1, bytes.size, file);
    fclose(file);
    buffer_free(&bytes);
}

/* A new folder with 2 * 20 records a class for training, 3 for testing. */
static void begin(void) {
    static int number;
    snprintf(folder, sizeof folder, "%s/cifar%d", test_folder(), number++);
    mkdir(folder, 0777);
    put("data_batch_10.bin", batch(20, 20));
    put("data_batch_2.bin", batch(20, 0));
    put("test_batch.bin", batch(3, 40));
    put("batches.meta.txt", (struct buffer){0});
}

static void end(void) {
    balact_dataset_release(&train);
    balact_dataset_release(&test);
}

static balact_status load(int classes, double imbalance, enum balact_subset_order order,
                          uint64_t seed) {
    struct balact_cifar_options options = {classes, imbalance, order, seed};
    end();
    memset(&error, 0, sizeof error);
    return balact_cifar_load(folder, &options, &train, &test, &error);
}

#define load_fails(classes, imbalance, status, message)                                            \
    do {                                                                                           \
        ck_assert_int_ne(load(classes, imbalance, BALACT_SUBSET_FILE_ORDER, 0), BALACT_OK);        \
        ck_failed(error, status, message);                                                         \
        ck_assert_ptr_null(train.features);                                                        \
        ck_assert_ptr_null(test.features);                                                         \
    } while (0)

START_TEST(subset_in_file_order) {
    int64_t counts[10], wanted[10];
    begin();
    ck_assert_msg(load(10, 40, BALACT_SUBSET_FILE_ORDER, 0) == BALACT_OK, "%s", error.message);
    int64_t total = balact_longtail_counts(40, 40, 10, wanted);
    ck_assert_int_eq(train.rows, total);
    ck_assert_int_eq(train.dim, 3072);
    ck_assert_int_eq(train.classes, 10);
    ck_assert_int_eq(train.dtype, BALACT_F32);
    ck_assert_str_eq(train.name, "cifar-10-lt train");
    ck_assert_str_eq(test.name, "cifar-10-lt test");
    ck_assert_int_eq(test.rows, 30);
    balact_dataset_counts(&train, counts);
    for (int c = 0; c < 10; c++)
        ck_assert_int_eq(counts[c], wanted[c]);
    ck_assert_int_eq(wanted[9], 1);
    ck_assert_int_eq(train.source_count, 3);
    ck_assert_ptr_nonnull(strstr(train.sources[0].path, "/data_batch_10.bin"));
#ifdef BALACT_HAVE_CRYPTO
    ck_assert_uint_eq(strlen(test.sources[2].sha256), 64);
#endif
    /* The numbers of the batches decide, not their names' order: class 9's only record is number 0,
     * of data_batch_2, and stands in row 9. */
    ck_assert_int_eq(train.labels[9], 9);
    for (int p = 0; p < 3072; p += 101) {
        double mean = 0, square = 0;
        struct buffer record = {0};
        for (int c = 0; c < 10; c++)
            for (int n = 0; n < wanted[c]; n++) {
                record_add(&record, 10, c, n);
                mean += record.bytes[1 + p] / (double)total;
                square += record.bytes[1 + p] * (double)record.bytes[1 + p] / (double)total;
                buffer_free(&record);
            }
        record_add(&record, 10, 9, 0);
        double value = (record.bytes[1 + p] - mean) / sqrt(square - mean * mean);
        double got = ((const float *)train.features)[9 * 3072 + p];
        ck_assert_msg(fabs(got - value) < 1e-5, "place %d: %g, wanted %g", p, got, value);
        buffer_free(&record);
    }
    end();
}
END_TEST

/* By mean and deviation of each place over the subset; a constant place becomes 0. */
START_TEST(standardisation) {
    begin();
    ck_assert_msg(load(0, 0, BALACT_SUBSET_FILE_ORDER, 0) == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(train.rows, 400);
    const float *x = train.features, *y = test.features;
    for (int p = 0; p < 3072; p += 17) {
        double sum = 0, squares = 0, mean = 0, square = 0;
        for (int n = 0; n < 40; n++)
            for (int c = 0; c < 10; c++) {
                struct buffer record = {0};
                record_add(&record, 10, c, n);
                mean += record.bytes[1 + p] / 400.0;
                square += record.bytes[1 + p] * (double)record.bytes[1 + p] / 400.0;
                buffer_free(&record);
            }
        double deviation = sqrt(square - mean * mean);
        for (int i = 0; i < 400; i++) {
            sum += x[i * 3072 + p];
            squares += (double)x[i * 3072 + p] * x[i * 3072 + p];
        }
        ck_assert_msg(fabs(sum) < 1e-3, "place %d: sum %g", p, sum);
        ck_assert_msg(fabs(squares / 400 - 1) < 1e-5, "place %d: variance %g", p, squares / 400);
        struct buffer record = {0};
        record_add(&record, 10, 4, 41); /* test row 14 */
        double wanted = (record.bytes[1 + p] - mean) / deviation;
        ck_assert_msg(fabs(y[14 * 3072 + p] - wanted) < 1e-5, "place %d: %g, wanted %g", p,
                      y[14 * 3072 + p], wanted);
        buffer_free(&record);
    }
    ck_assert(x[7] == 0 && x[3072 + 7] == 0 && y[7] == 0);
    end();
}
END_TEST

START_TEST(shuffled_subset_follows_seed) {
    begin();
    ck_assert_int_eq(load(10, 10, BALACT_SUBSET_SHUFFLED, 1), BALACT_OK);
    struct balact_dataset first = train;
    memset(&train, 0, sizeof train);
    ck_assert_int_eq(load(10, 10, BALACT_SUBSET_SHUFFLED, 1), BALACT_OK);
    size_t bytes = (size_t)(train.rows * train.dim) * sizeof(float);
    ck_assert_int_eq(train.rows, first.rows);
    ck_assert_mem_eq(train.features, first.features, bytes);
    ck_assert_int_eq(load(10, 10, BALACT_SUBSET_SHUFFLED, 2), BALACT_OK);
    ck_assert_int_eq(train.rows, first.rows);
    ck_assert_int_ne(memcmp(train.features, first.features, bytes), 0);
    int64_t counts[10], wanted[10];
    balact_longtail_counts(40, 10, 10, wanted);
    balact_dataset_counts(&train, counts);
    ck_assert_mem_eq(counts, wanted, sizeof counts);
    balact_dataset_release(&first);
    end();
}
END_TEST

START_TEST(hundred_classes_use_fine_labels) {
    struct buffer fine = {0}, few = {0};
    begin();
    for (int c = 99; c >= 0; c--)
        record_add(&fine, 100, c, 0);
    record_add(&few, 100, 77, 1);
    put("train.bin", fine);
    put("test.bin", few);
    ck_assert_msg(load(100, 1, BALACT_SUBSET_FILE_ORDER, 0) == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(train.rows, 100);
    ck_assert_int_eq(train.labels[0], 99);
    ck_assert_int_eq(train.labels[99], 0);
    ck_assert_int_eq(test.labels[0], 77);
    ck_assert_str_eq(train.name, "cifar-100-lt train");
    /* both lie in the folder: without a choice the first file decides */
    ck_assert_int_eq(load(0, 0, BALACT_SUBSET_FILE_ORDER, 0), BALACT_OK);
    ck_assert_int_eq(train.classes, 10);
    end();
}
END_TEST

START_TEST(refuses_too_few_images) {
    struct buffer tail = {0};
    begin();
    for (int c = 0; c < 10; c++)
        for (int n = 0; n < 10 - c; n++)
            record_add(&tail, 10, c, n);
    remove(strcat(strcpy((char[700]){0}, folder), "/data_batch_10.bin"));
    put("data_batch_2.bin", tail);
    load_fails(10, 2, BALACT_ERROR_RANGE, "imbalance 2 wants 7 images of class 4, but there are 6");
    ck_assert_ptr_nonnull(strstr(error.message, "a long-tailed subset already"));
    ck_assert_int_eq(load(10, 10, BALACT_SUBSET_FILE_ORDER, 0), BALACT_OK);
    ck_assert_int_eq(load(10, 0, BALACT_SUBSET_FILE_ORDER, 0), BALACT_OK);
    ck_assert_int_eq(train.rows, 55);
    end();
}
END_TEST

START_TEST(refuses_damaged_batches) {
    begin();
    struct buffer bytes = batch(2, 0);
    bytes.size -= 1000;
    put("data_batch_2.bin", bytes);
    load_fails(10, 0, BALACT_ERROR_FORMAT,
               "/data_batch_2.bin: byte 58387: 60460 bytes are no whole records of 3073");
    bytes = batch(2, 0);
    bytes.bytes[3073 * 4] = 10;
    put("data_batch_2.bin", bytes);
    load_fails(10, 0, BALACT_ERROR_RANGE,
               "/data_batch_2.bin: byte 12292: label 10 of record 4 is outside [0, 10)");
    put("data_batch_2.bin", (struct buffer){0});
    load_fails(10, 0, BALACT_ERROR_FORMAT, "/data_batch_2.bin: byte 0: 0 bytes");
    end();
}
END_TEST

START_TEST(refuses_other_layouts) {
    begin();
    load_fails(100, 0, BALACT_ERROR_FORMAT, "no CIFAR-100: ");
    load_fails(11, 0, BALACT_ERROR_ARGUMENT, "classes: 11 is neither 10 nor 100");
    load_fails(10, 0.5, BALACT_ERROR_ARGUMENT, "imbalance: 0.5 is neither 0 nor in");
    load_fails(10, NAN, BALACT_ERROR_ARGUMENT, "imbalance: nan");
    char path[700];
    snprintf(path, sizeof path, "%s/test_batch.bin", folder);
    remove(path);
    load_fails(10, 0, BALACT_ERROR_FORMAT, "no test_batch.bin");
    snprintf(folder, sizeof folder, "%s", "tests/data");
    load_fails(0, 0, BALACT_ERROR_FORMAT, "tests/data: no data_batch_*.bin");
    snprintf(folder, sizeof folder, "%s", "/nonexistent");
    load_fails(0, 0, BALACT_ERROR_IO, "/nonexistent: cannot open");
    end();
}
END_TEST

START_TEST(refuses_doubled_batches) {
    char path[700];
    begin();
    snprintf(path, sizeof path, "%s/copy", folder);
    mkdir(path, 0777);
    put("copy/data_batch_2.bin", batch(1, 0));
    load_fails(10, 0, BALACT_ERROR_FORMAT, "/data_batch_2.bin: a second file of this name");
    end();
}
END_TEST

static void check_real(const char *name, int classes, int64_t n_max, int64_t total) {
    const char *path = test_data(name);
    if (!path)
        TEST_SKIP("no real data");
#ifdef BALACT_HAVE_ARCHIVE
    struct balact_cifar_options options = BALACT_CIFAR_OPTIONS_INIT;
    options.classes = 0;
    ck_assert_msg(balact_cifar_load(path, &options, &train, &test, &error) == BALACT_OK, "%s",
                  error.message);
    int64_t counts[100], wanted[100];
    ck_assert_int_eq(train.classes, classes);
    ck_assert_int_eq(train.rows, total);
    ck_assert_int_eq(test.rows, 10000);
    balact_longtail_counts(n_max, 100, classes, wanted);
    balact_dataset_counts(&train, counts);
    for (int c = 0; c < classes; c++)
        ck_assert_int_eq(counts[c], wanted[c]);
    balact_dataset_counts(&test, counts);
    for (int c = 0; c < classes; c++)
        ck_assert_int_eq(counts[c], 10000 / classes);
    ck_assert_int_eq(train.source_count, 1);
    ck_assert_str_eq(train.sources[0].sha256, test.sources[0].sha256);
    end();
#else
    (void)classes, (void)n_max, (void)total;
    TEST_SKIP("built without libarchive");
#endif
}

START_TEST(real_cifar_10) {
    check_real("cifar-10-lt-if10.tar.xz", 10, 5000, 12406);
}
END_TEST

START_TEST(real_cifar_100) {
    check_real("cifar-100-lt-if10.tar.xz", 100, 500, 10847);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("cifar");
    TCase *tests = tcase_create("cifar");
    tcase_add_test(tests, subset_in_file_order);
    tcase_add_test(tests, standardisation);
    tcase_add_test(tests, shuffled_subset_follows_seed);
    tcase_add_test(tests, hundred_classes_use_fine_labels);
    tcase_add_test(tests, refuses_too_few_images);
    tcase_add_test(tests, refuses_damaged_batches);
    tcase_add_test(tests, refuses_other_layouts);
    tcase_add_test(tests, refuses_doubled_batches);
    tcase_add_test(tests, real_cifar_10);
    tcase_add_test(tests, real_cifar_100);
    suite_add_tcase(suite, tests);
    return suite;
}
