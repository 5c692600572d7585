/* SPDX-License-Identifier: MIT
 *
 * balact_features_load(), datasets in memory, and balact_source_*().
 */
#include <sys/stat.h>
#include <unistd.h>

#include "balact/dataset.h"
#include "datasets/features.h"
#include "datasets/source.h"
#include "tests/files.h"

static struct balact_error error;
static struct balact_dataset splits[BALACT_SPLIT_COUNT];

/* 4 training rows of 3 columns, classes 2 0 1 2; 2 test rows, classes 1 0. */
static const float train_values[12] = {0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32};
static const float test_values[6] = {-1, -2, -3, -4, -5, -6};
static const int32_t train_labels[4] = {2, 0, 1, 2};
static const int64_t test_labels[2] = {1, 0};
static const char train_list[] = "a/1.jpg 2\na/2.jpg 0\na/3.jpg 1\na/4.jpg 2\n";

struct member {
    char name[64];
    struct buffer bytes;
};

/* The members of the set that each test begins with and spoils. */
static struct member members[8];
static int member_count;

static struct buffer *put(const char *name, struct buffer bytes) {
    for (int i = 0; i < member_count; i++)
        if (!strcmp(members[i].name, name)) {
            buffer_free(&members[i].bytes);
            members[i].bytes = bytes;
            return &members[i].bytes;
        }
    snprintf(members[member_count].name, sizeof members->name, "%s", name);
    members[member_count].bytes = bytes;
    return &members[member_count++].bytes;
}

static struct buffer text(const char *string) {
    struct buffer buffer = {0};
    buffer_add(&buffer, string, strlen(string));
    return buffer;
}

static void release(void) {
    memset(&error, 0, sizeof error);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        balact_dataset_release(&splits[i]);
}

static void begin(void) {
    while (member_count > 0)
        buffer_free(&members[--member_count].bytes);
    put("train_features.npy", npy_make("<f4", "(4, 3)", train_values, sizeof train_values));
    put("Some_LT_train.txt", text(train_list));
    put("test_features.npy", npy_make("<f4", "(2, 3)", test_values, sizeof test_values));
    put("test_labels.npy", npy_make("<i8", "(2,)", test_labels, sizeof test_labels));
}

static void end(void) {
    while (member_count > 0)
        buffer_free(&members[--member_count].bytes);
    release();
}

static void drop(const char *name) {
    for (int i = 0; i < member_count; i++)
        if (!strcmp(members[i].name, name)) {
            buffer_free(&members[i].bytes);
            members[i] = members[--member_count];
            return;
        }
    ck_abort_msg("no member %s", name);
}

/* Loads the members from a folder of their own. */
static balact_status load_folder(int32_t classes) {
    static int number;
    static char folder[600];
    char path[1300];
    snprintf(folder, sizeof folder, "%s/set%d", test_folder(), number++);
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/sub", folder);
    mkdir(path, 0777);
    for (int i = 0; i < member_count; i++) {
        snprintf(path, sizeof path, "%s/sub/%s", folder, members[i].name);
        FILE *file = fopen(path, "wb");
        ck_assert_ptr_nonnull(file);
        fwrite(members[i].bytes.bytes, 1, members[i].bytes.size, file);
        fclose(file);
    }
    release();
    return balact_features_load(folder, classes, splits, &error);
}

#ifdef BALACT_HAVE_ARCHIVE

/* From a .tar, members in reverse order, or a .zip. */
static balact_status load_archive(bool zipped, int32_t classes) {
    struct buffer file = {0};
    struct zip zip = {0};
    char name[100];
    for (int i = member_count - 1; i >= 0; i--) {
        snprintf(name, sizeof name, "./some/where/%s", members[i].name);
        if (zipped)
            zip_add(&zip, name + 2, members[i].bytes.bytes, members[i].bytes.size);
        else
            tar_add(&file, name, members[i].bytes.bytes, members[i].bytes.size);
    }
    if (zipped)
        file = zip_end(&zip);
    else
        tar_end(&file);
    const char *path = test_write(zipped ? "set.zip" : "set.tar", file.bytes, file.size);
    buffer_free(&file);
    release();
    return balact_features_load(path, classes, splits, &error);
}

#endif

static void check_set(void) {
    const struct balact_dataset *train = &splits[BALACT_SPLIT_TRAIN];
    const struct balact_dataset *test = &splits[BALACT_SPLIT_TEST];
    ck_assert_int_eq(train->rows, 4);
    ck_assert_int_eq(train->dim, 3);
    ck_assert_int_eq(train->classes, 3);
    ck_assert_int_eq(train->dtype, BALACT_F32);
    ck_assert_mem_eq(train->features, train_values, sizeof train_values);
    ck_assert_mem_eq(train->labels, train_labels, sizeof train_labels);
    ck_assert_int_eq(test->rows, 2);
    ck_assert_int_eq(test->classes, 3);
    ck_assert_mem_eq(test->features, test_values, sizeof test_values);
    ck_assert_int_eq(test->labels[0], 1);
    ck_assert_int_eq(test->labels[1], 0);
    ck_assert_ptr_null(splits[BALACT_SPLIT_VAL].features);
    ck_assert_int_eq(splits[BALACT_SPLIT_VAL].rows, 0);
}

#define load_fails(status, message)                                                                \
    do {                                                                                           \
        ck_assert_int_ne(load_folder(0), BALACT_OK);                                               \
        ck_failed(error, status, message);                                                         \
        for (int split_ = 0; split_ < BALACT_SPLIT_COUNT; split_++)                                \
            ck_assert_ptr_null(splits[split_].features);                                           \
    } while (0)

START_TEST(loads_folder) {
    begin();
    ck_assert_msg(load_folder(0) == BALACT_OK, "%s", error.message);
    check_set();
    const struct balact_dataset *train = &splits[BALACT_SPLIT_TRAIN];
    ck_assert_msg(!strncmp(train->name, "set", 3) && strstr(train->name, " train"), "%s",
                  train->name);
    ck_assert_int_eq(train->source_count, 2);
    ck_assert_ptr_nonnull(strstr(train->sources[0].path, "/sub/Some_LT_train.txt"));
    ck_assert_int_eq(train->sources[0].bytes, sizeof train_list - 1);
#ifdef BALACT_HAVE_CRYPTO
    ck_assert_uint_eq(strlen(train->sources[0].sha256), 64);
#else
    ck_assert_str_eq(train->sources[0].sha256, "");
#endif
    end();
}
END_TEST

START_TEST(loads_archives) {
#ifdef BALACT_HAVE_ARCHIVE
    for (int zipped = 0; zipped < 2; zipped++) {
        begin();
        ck_assert_msg(load_archive(zipped, 0) == BALACT_OK, "%s", error.message);
        check_set();
        ck_assert_str_eq(splits[0].name, "set train");
        for (int i = 0; i < 3; i += 2) {
            ck_assert_int_eq(splits[i].source_count, 1);
            ck_assert_ptr_nonnull(
                strstr(splits[i].sources[0].path, zipped ? "set.zip" : "set.tar"));
        }
        ck_assert_str_eq(splits[0].sources[0].sha256, splits[2].sources[0].sha256);
        end();
    }
#else
    TEST_SKIP("built without libarchive");
#endif
}
END_TEST

START_TEST(loads_shards) {
    begin();
    drop("train_features.npy");
    put("train_features-00002-of-00003.npy", npy_make("<f4", "(1, 3)", train_values + 9, 12));
    put("train_features-00000-of-00003.npy", npy_make("<f4", "(3, 3)", train_values, 36));
    put("train_features-00001-of-00003.npy", npy_make("<f4", "(0, 3)", train_values, 0));
    ck_assert_msg(load_folder(0) == BALACT_OK, "%s", error.message);
    check_set();
#ifdef BALACT_HAVE_ARCHIVE
    ck_assert_msg(load_archive(false, 0) == BALACT_OK, "%s", error.message);
    check_set();
#endif
    end();
}
END_TEST

START_TEST(loads_npz) {
#ifdef BALACT_HAVE_ARCHIVE
    struct zip zip = {0};
    struct buffer labels = npy_make("<i4", "(4,)", train_labels, sizeof train_labels);
    struct buffer values = npy_make("<f4", "(4, 3)", train_values, sizeof train_values);
    begin();
    drop("train_features.npy");
    zip_add(&zip, "labels.npy", labels.bytes, labels.size);
    zip_add(&zip, "features.npy", values.bytes, values.size);
    zip_add(&zip, "ids.npy", "whatever", 8);
    put("train.npz", zip_end(&zip));
    ck_assert_msg(load_folder(0) == BALACT_OK, "%s", error.message);
    check_set();
    for (int zipped = 0; zipped < 2; zipped++) {
        ck_assert_msg(load_archive(zipped, 0) == BALACT_OK, "%s", error.message);
        check_set();
    }
    /* damage within is told with the whole place */
    zip_add(&zip, "features.npy", "rubbish", 7);
    put("train.npz", zip_end(&zip));
    load_fails(BALACT_ERROR_FORMAT, "/sub/train.npz:features.npy: byte 0: not an npy file");
    ck_assert_int_ne(load_archive(false, 0), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT,
                      "set.tar:some/where/train.npz:features.npy: byte 0: not an npy file", 0);
    put("train.npz", text("PK\3\4 and no more"));
    load_fails(BALACT_ERROR_FORMAT, "train.npz: byte 0: ");
    ck_assert_int_ne(load_archive(false, 0), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "set.tar:some/where/train.npz: byte ");
    buffer_free(&labels);
    buffer_free(&values);
    end();
#else
    TEST_SKIP("built without libarchive");
#endif
}
END_TEST

START_TEST(loads_halves_and_gathers) {
    static const uint16_t halves[6] = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0x8000, 0x3555};
    static const int64_t index[3] = {1, 0, 1};
    float out[9];
    begin();
    drop("test_features.npy");
    drop("test_labels.npy");
    put("train_features.npy", npy_make("<f2", "(2, 3)", halves, sizeof halves));
    put("Some_LT_train.txt", text("x 0\ny 1\n"));
    ck_assert_msg(load_folder(5) == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(splits[0].dtype, BALACT_F16);
    ck_assert_int_eq(splits[0].classes, 5);
    balact_dataset_gather(&splits[0], index, 3, out);
    ck_assert(out[0] == 65504.0f && out[1] == 0 && out[2] == 0.333251953125f);
    ck_assert(out[3] == 1 && out[4] == -2 && out[5] == 0x1p-24f);
    ck_assert_mem_eq(out, out + 6, 3 * sizeof *out);
    balact_dataset_gather(&splits[0], NULL, 2, out);
    ck_assert(out[0] == 1 && out[5] == 0.333251953125f);
    int64_t counts[5];
    balact_dataset_counts(&splits[0], counts);
    ck_assert(counts[0] == 1 && counts[1] == 1 && counts[2] == 0 && counts[4] == 0);
    end();
}
END_TEST

START_TEST(refuses_rows_that_do_not_match) {
    begin();
    put("Some_LT_train.txt", text("a 2\nb 0\nc 1\n"));
    load_fails(BALACT_ERROR_FORMAT, "4 rows in all, but the list ");
    ck_assert_ptr_nonnull(strstr(error.message, "Some_LT_train.txt has 3 lines"));
    begin();
    put("test_labels.npy", npy_make("<i8", "(1,)", test_labels, 8));
    load_fails(BALACT_ERROR_FORMAT, "2 rows in all, but there are 1 labels in ");
    begin();
    put("test_features.npy", npy_make("<f4", "(3, 2)", test_values, sizeof test_values));
    load_fails(BALACT_ERROR_FORMAT, "test_features.npy: 3 rows");
    put("test_labels.npy", npy_make("<i8", "(3,)", (int64_t[]){0, 1, 2}, 24));
    load_fails(BALACT_ERROR_FORMAT, "test_features.npy: 2 columns, but train has 3");
    end();
}
END_TEST

START_TEST(refuses_labels_that_disagree) {
    begin();
    put("train_labels.npy", npy_make("<i4", "(4,)", (int32_t[]){2, 0, 2, 2}, 16));
    load_fails(BALACT_ERROR_FORMAT, "Some_LT_train.txt: line 3: label 1, but row 2 of ");
    ck_assert_int_eq(error.line, 3);
    put("train_labels.npy", npy_make("<i4", "(4,)", train_labels, 16));
    ck_assert_msg(load_folder(0) == BALACT_OK, "%s", error.message);
    check_set();
    end();
}
END_TEST

START_TEST(refuses_labels_out_of_range) {
    begin();
    put("test_labels.npy", npy_make("<i8", "(2,)", (int64_t[]){0, 3}, 16));
    load_fails(BALACT_ERROR_RANGE, "test_labels.npy: label 3 of row 1 is outside [0, 3)");
    put("test_labels.npy", npy_make("<i8", "(2,)", (int64_t[]){0, -1}, 16));
    load_fails(BALACT_ERROR_RANGE, "label -1 of row 1");
    ck_assert_int_eq(error.byte, 10 + 58 + 8);
    put("test_labels.npy", npy_make("<i8", "(2,)", (int64_t[]){0, (int64_t)1 << 32}, 16));
    load_fails(BALACT_ERROR_RANGE, "label 4294967296 of row 1");
    begin();
    ck_assert_int_ne(load_folder(2), BALACT_OK);
    ck_failed_at_line(error, BALACT_ERROR_RANGE, "label 2 of row 0 is outside [0, 2)", 1);
    ck_assert_int_eq(balact_features_load("x", -1, splits, &error), BALACT_ERROR_ARGUMENT);
    end();
}
END_TEST

START_TEST(refuses_wrong_types_and_shapes) {
    begin();
    put("test_labels.npy", npy_make("<f4", "(2,)", test_values, 8));
    load_fails(BALACT_ERROR_FORMAT,
               "labels want int32 or int64 of one dimension, not float32 of 1");
    put("test_labels.npy", npy_make("<i4", "(2, 1)", train_labels, 8));
    load_fails(BALACT_ERROR_FORMAT, "not int32 of 2");
    begin();
    put("train_features.npy", npy_make("<i4", "(4, 3)", train_values, 48));
    load_fails(BALACT_ERROR_FORMAT, "features want float32 or float16 of shape [n, d], not int32");
    put("train_features.npy", npy_make("<f4", "(12,)", train_values, 48));
    load_fails(BALACT_ERROR_FORMAT, "not float32 of 1 dimensions");
    put("train_features.npy", npy_make("<f4", "(4, 0)", train_values, 0));
    load_fails(BALACT_ERROR_FORMAT, "with d = 0");
    put("train_features.npy", npy_make("<f4", "(0, 3)", train_values, 0));
    load_fails(BALACT_ERROR_FORMAT, "train_features.npy: no rows");
    put("train_features.npy", npy_make(">f4", "(4, 3)", train_values, 48));
    load_fails(BALACT_ERROR_FORMAT, "wants little endian");
    struct buffer *file =
        put("train_features.npy", npy_make("<f4", "(4, 3)", train_values, 48));
    file->size -= 7;
    load_fails(BALACT_ERROR_FORMAT, "truncated");
    end();
}
END_TEST

START_TEST(refuses_bad_shards) {
    begin();
    put("train_features-00000-of-00002.npy", npy_make("<f4", "(2, 3)", train_values, 24));
    load_fails(BALACT_ERROR_FORMAT, "train_features.npy: does not go with");
    drop("train_features.npy");
    load_fails(BALACT_ERROR_FORMAT, "train_features-00001-of-00002.npy is missing");
    put("train_features-00001-of-00002.npy", npy_make("<f4", "(3, 2)", train_values, 24));
    load_fails(BALACT_ERROR_FORMAT,
               "train_features-00001-of-00002.npy: float32 [n, 2], but shard 0 is float32 [n, 3]");
    put("train_features-00001-of-00002.npy", npy_make("<f2", "(4, 3)", train_values, 24));
    load_fails(BALACT_ERROR_FORMAT, "float16 [n, 3], but shard 0 is float32 [n, 3]");
    put("train_features-00001-of-00002.npy", npy_make("<f4", "(1, 3)", train_values, 12));
    load_fails(BALACT_ERROR_FORMAT, "3 rows in all, but the list");
    put("train_features-00002-of-00002.npy", npy_make("<f4", "(1, 3)", train_values, 12));
    load_fails(BALACT_ERROR_FORMAT, "shard 2 of 2: wants 0 to total - 1");
    drop("train_features-00002-of-00002.npy");
    put("train_features-00002-of-00003.npy", npy_make("<f4", "(1, 3)", train_values, 12));
    load_fails(BALACT_ERROR_FORMAT, "of another sharding");
    drop("train_features-00002-of-00003.npy");
    put("train_features-1-of-2.npy", npy_make("<f4", "(1, 3)", train_values, 12));
    load_fails(BALACT_ERROR_FORMAT, "doubled");
    end();
}
END_TEST

START_TEST(refuses_missing_parts) {
    begin();
    drop("Some_LT_train.txt");
    load_fails(BALACT_ERROR_FORMAT, "no labels of train: wants train_labels.npy or a list");
    begin();
    drop("train_features.npy");
    load_fails(BALACT_ERROR_FORMAT, "train_features.npy is missing, but ");
    drop("Some_LT_train.txt");
    load_fails(BALACT_ERROR_FORMAT, "no training features");
    begin();
    put("Other_LT_train.txt", text(train_list));
    load_fails(BALACT_ERROR_FORMAT, "Some_LT_train.txt: a second file of the list; ");
    begin();
    put("Some_LT_train.txt", text("a 2\nb 0\nc x\nd 2\n"));
    load_fails(BALACT_ERROR_FORMAT, "Some_LT_train.txt: line 3: label 'x' is not an integer");
    begin();
    /* what other systems leave behind is not a part */
    put("._Some_LT_train.txt", text("\5\26\7"));
    put("train_features.txt", text("notes"));
    ck_assert_msg(load_folder(0) == BALACT_OK, "%s", error.message);
    end();
}
END_TEST

START_TEST(refuses_paths) {
    ck_assert_int_eq(balact_features_load("/nonexistent/set", 0, splits, &error),
                     BALACT_ERROR_IO);
    ck_failed(error, BALACT_ERROR_IO, "/nonexistent/set: cannot open: No such file or directory");
    ck_assert_int_eq(balact_features_load("/dev/null", 0, splits, &error), BALACT_ERROR_IO);
    ck_failed(error, BALACT_ERROR_IO, "neither a file nor a folder");
}
END_TEST

START_TEST(names_follow_files) {
    static const char *const cases[][2] = {{"a/b/set.tar.gz", "set train"},
                                           {"set.v2.npz", "set.v2 train"},
                                           {"a/folder//", "folder train"},
                                           {".tar", ".tar train"},
                                           {"/", "data train"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = balact_source_name(cases[i][0], "train");
        ck_assert_str_eq(name, cases[i][1]);
        free(name);
    }
}
END_TEST

START_TEST(hashes_files) {
    char hex[65];
    int64_t bytes;
    const char *path = test_write("abc", "abc", 3);
    balact_status status = balact_sha256_file(path, hex, &bytes, &error);
#ifdef BALACT_HAVE_CRYPTO
    ck_assert_int_eq(status, BALACT_OK);
    ck_assert_int_eq(bytes, 3);
    /* FIPS 180-2, appendix B.1 */
    ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_int_ne(balact_sha256_file("/nonexistent", hex, &bytes, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/nonexistent: cannot open");
    ck_assert_int_ne(balact_sha256_file("/", hex, &bytes, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/: byte 0: cannot read: Is a directory");
#else
    ck_assert_int_ne(status, BALACT_OK);
    ck_failed(error, BALACT_ERROR_UNSUPPORTED, "libssl-dev");
#endif
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("features");
    TCase *tests = tcase_create("features");
    tcase_add_test(tests, loads_folder);
    tcase_add_test(tests, loads_archives);
    tcase_add_test(tests, loads_shards);
    tcase_add_test(tests, loads_npz);
    tcase_add_test(tests, loads_halves_and_gathers);
    tcase_add_test(tests, refuses_rows_that_do_not_match);
    tcase_add_test(tests, refuses_labels_that_disagree);
    tcase_add_test(tests, refuses_labels_out_of_range);
    tcase_add_test(tests, refuses_wrong_types_and_shapes);
    tcase_add_test(tests, refuses_bad_shards);
    tcase_add_test(tests, refuses_missing_parts);
    tcase_add_test(tests, refuses_paths);
    tcase_add_test(tests, names_follow_files);
    tcase_add_test(tests, hashes_files);
    suite_add_tcase(suite, tests);
    return suite;
}
