/* SPDX-License-Identifier: MIT
 *
 * The synthetic ImageNet-LT as files: written and read back in every form, the same bytes every
 * time, whole or not at all; and synthetic.json, good and bad.
 */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datasets/half.h"
#include "datasets/pack.h"
#include "datasets/synthetic.h"
#include "tests/files.h"

static struct balact_error error;

static const struct balact_synthetic_options small = {.classes = 20,
                                                      .dim = 6,
                                                      .seed = UINT64_MAX - 2,
                                                      .train_factor = 0.1,
                                                      .val_per_class = 3,
                                                      .test_per_class = 4,
                                                      .spread_sub = 0.1};

static const char *place(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return path;
}

static void generate(struct balact_dataset splits[BALACT_SPLIT_COUNT]) {
    balact_status status = balact_synthetic_generate(&small, splits, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
}

static void release(struct balact_dataset splits[BALACT_SPLIT_COUNT]) {
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        balact_dataset_release(&splits[i]);
}

static void write_to(const char *path, const struct balact_dataset *splits,
                     enum balact_dtype dtype) {
    balact_status status = balact_synthetic_write(path, &small, splits, dtype, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
}

/* Files in a folder, without . and .. */
static int entries(const char *path) {
    int count = 0;
    DIR *folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(folder);
    return count;
}

/* ---- there and back ---- */

static const char *const forms[] = {"form", "form.tar", "form.tar.gz", "form.tgz", "form.zip"};
enum { FORM_COUNT = sizeof forms / sizeof *forms };

static bool can_write(const char *form) {
#ifdef BALACT_HAVE_ARCHIVE
    (void)form;
    return true;
#else
    return !strchr(form, '.');
#endif
}

/* The same rows, labels and counts; features bit for bit, or as the nearest half. */
static void expect_same(const struct balact_dataset *read, const struct balact_dataset *made,
                        enum balact_dtype dtype) {
    ck_assert_int_eq(read->rows, made->rows);
    ck_assert_int_eq(read->dim, made->dim);
    ck_assert_int_eq(read->classes, made->classes);
    ck_assert_int_eq(read->dtype, dtype);
    ck_assert_mem_eq(read->labels, made->labels, (size_t)made->rows * sizeof(int32_t));
    for (int64_t i = 0; i < made->rows * made->dim; i++) {
        float value = ((const float *)made->features)[i];
        if (dtype == BALACT_F16)
            ck_assert_int_eq(((const uint16_t *)read->features)[i], float_to_half(value));
        else
            ck_assert_mem_eq((const float *)read->features + i, &value, sizeof value);
    }
}

START_TEST(every_form_reads_back) {
    enum balact_dtype dtype = _i ? BALACT_F16 : BALACT_F32;
    struct balact_dataset made[BALACT_SPLIT_COUNT], read[BALACT_SPLIT_COUNT];
    generate(made);
    for (int k = 0; k < FORM_COUNT; k++) {
        char name[64];
        snprintf(name, sizeof name, "%d-%s", _i, forms[k]);
        const char *path = place(name);
        if (!can_write(forms[k])) {
            ck_assert_int_eq(balact_synthetic_write(path, &small, made, dtype, &error),
                             BALACT_ERROR_UNSUPPORTED);
            ck_failed(error, BALACT_ERROR_UNSUPPORTED, "libarchive-dev");
            continue;
        }
        write_to(path, made, dtype);
        balact_status status = balact_features_load(path, 0, read, &error);
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        for (int s = 0; s < BALACT_SPLIT_COUNT; s++)
            expect_same(&read[s], &made[s], dtype);
        release(read);
    }
    release(made);
}
END_TEST

START_TEST(lists_and_counts_are_as_the_real_ones) {
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    struct balact_list list;
    int64_t *counts, expected[20];
    int32_t classes;
    char path[1200];
    generate(made);
    write_to(place("lists"), made, BALACT_F32);
    snprintf(path, sizeof path, "%s/class_counts.csv", place("lists"));
    ck_assert_int_eq(balact_counts_load(path, NULL, &counts, &classes, &error), BALACT_OK);
    ck_assert_int_eq(classes, 20);
    balact_dataset_counts(&made[0], expected);
    ck_assert_mem_eq(counts, expected, sizeof expected);
    free(counts);
    char **seen = NULL;
    size_t total = 0;
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++) {
        snprintf(path, sizeof path, "%s/ImageNet_LT_%s.txt", place("lists"),
                 balact_split_name((enum balact_split)s));
        ck_assert_int_eq(balact_list_load(path, &list, &error), BALACT_OK);
        ck_assert_int_eq(list.rows, made[s].rows);
        ck_assert_mem_eq(list.labels, made[s].labels, (size_t)list.rows * sizeof(int32_t));
        const char *begin = s == BALACT_SPLIT_TEST ? "val/n9" : "train/n9";
        seen = realloc(seen, (total + (size_t)list.rows) * sizeof *seen);
        for (int64_t i = 0; i < list.rows; i++) {
            ck_assert_int_eq(strncmp(list.paths[i], begin, strlen(begin)), 0);
            seen[total++] = strdup(list.paths[i]);
        }
        balact_list_release(&list);
    }
    for (size_t a = 0; a < total; a++) { /* no image twice, in one split or two */
        for (size_t b = 0; b < a; b++)
            ck_assert_str_ne(seen[a], seen[b]);
    }
    for (size_t a = 0; a < total; a++)
        free(seen[a]);
    free(seen);
    release(made);
}
END_TEST

START_TEST(the_same_bytes_every_time) {
#ifdef BALACT_HAVE_ARCHIVE
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    static const char *const zones[] = {"UTC0", "XYZ-11"};
    generate(made);
    for (int k = 1; k < FORM_COUNT; k++) {
        struct buffer written[2];
        for (int n = 0; n < 2; n++) { /* the second time elsewhere on Earth, and later */
            char name[64];
            setenv("TZ", zones[n], 1);
            tzset();
            snprintf(name, sizeof name, "same%d-%s", n, forms[k]);
            write_to(place(name), made, BALACT_F32);
            written[n] = buffer_load(place(name));
            if (n == 0 && k == 1) {
                struct timespec second = {1, 100000000};
                nanosleep(&second, NULL);
            }
        }
        ck_assert_uint_eq(written[0].size, written[1].size);
        ck_assert_msg(!memcmp(written[0].bytes, written[1].bytes, written[0].size), "%s differs",
                      forms[k]);
        buffer_free(&written[0]);
        buffer_free(&written[1]);
    }
    unsetenv("TZ");
    tzset();
    release(made);
#else
    TEST_SKIP("built without libarchive");
#endif
}
END_TEST

START_TEST(absent_splits_are_left_out) {
    struct balact_dataset made[BALACT_SPLIT_COUNT], read[BALACT_SPLIT_COUNT];
    generate(made);
    balact_dataset_release(&made[BALACT_SPLIT_VAL]);
    write_to(place("no-val"), made, BALACT_F32);
    ck_assert_int_eq(entries(place("no-val")), 6);
    ck_assert_int_eq(balact_features_load(place("no-val"), 0, read, &error), BALACT_OK);
    ck_assert_int_eq(read[BALACT_SPLIT_VAL].rows, 0);
    ck_assert_int_eq(read[BALACT_SPLIT_TEST].rows, made[BALACT_SPLIT_TEST].rows);
    release(read);
    release(made);
}
END_TEST

/* ---- whole or not at all ---- */

START_TEST(bad_places_leave_nothing) {
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    generate(made);
    mkdir(place("places"), 0777);
    static const struct {
        const char *path, *text;
        balact_status status;
    } cases[] = {
        {"places/none/set", "No such file", BALACT_ERROR_IO},
        {"places/set.tar.xz", ".tar, .tar.gz, .tgz or .zip", BALACT_ERROR_ARGUMENT},
        {"places/set.npz", ".tar, .tar.gz, .tgz or .zip", BALACT_ERROR_ARGUMENT},
#ifdef BALACT_HAVE_ARCHIVE
        {"places/none/set.tar", "No such file", BALACT_ERROR_IO},
#endif
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        balact_synthetic_write(place(cases[i].path), &small, made, BALACT_F32, &error);
        ck_failed(error, cases[i].status, cases[i].text);
        ck_assert_ptr_nonnull(strstr(error.message, cases[i].path));
    }
    ck_assert_int_eq(entries(place("places")), 0);
    release(made);
}
END_TEST

START_TEST(full_folders_are_kept) {
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    generate(made);
    mkdir(place("kept"), 0777);
    test_write("kept/precious", "x", 1);
    balact_synthetic_write(place("kept"), &small, made, BALACT_F32, &error);
    ck_failed(error, BALACT_ERROR_IO, "not empty");
    ck_assert_int_eq(entries(place("kept")), 1);
    test_write("plain", "x", 1);
    balact_synthetic_write(place("plain"), &small, made, BALACT_F32, &error);
    ck_failed(error, BALACT_ERROR_IO, "plain: cannot write");
    mkdir(place("empty"), 0777); /* an empty folder is as good as none */
    write_to(place("empty/"), made, BALACT_F32);
    ck_assert_int_eq(entries(place("empty")), 8);
    release(made);
}
END_TEST

/* A limit on the size of files stands for a full disk: the write in the middle fails. */
START_TEST(a_full_disk_leaves_nothing) {
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    struct rlimit before, limit;
    generate(made);
    mkdir(place("full"), 0777);
#ifdef BALACT_HAVE_ARCHIVE
    test_write("full/set.tar", "old", 3);
#endif
    int old = entries(place("full"));
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    limit = before;
    limit.rlim_cur = 3000;
    for (int k = 0; k < FORM_COUNT; k++) {
        char name[64];
        if (!can_write(forms[k]))
            continue;
        snprintf(name, sizeof name, "full/set%s", forms[k] + strlen("form"));
        setrlimit(RLIMIT_FSIZE, &limit);
        balact_status status =
            balact_synthetic_write(place(name), &small, made, BALACT_F32, &error);
        setrlimit(RLIMIT_FSIZE, &before);
        ck_assert_int_eq(status, BALACT_ERROR_IO);
        ck_failed(error, BALACT_ERROR_IO, strerror(EFBIG));
        ck_assert_ptr_nonnull(strstr(error.message, "full/set"));
    }
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(entries(place("full")), old);
#ifdef BALACT_HAVE_ARCHIVE
    struct buffer kept = buffer_load(place("full/set.tar"));
    ck_assert_uint_eq(kept.size, 3);
    buffer_free(&kept);
#endif
    release(made);
}
END_TEST

START_TEST(what_does_not_fit_is_refused) {
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    struct balact_synthetic_options other = small;
    generate(made);
    ((float *)made[BALACT_SPLIT_TEST].features)[13] = 70000;
    balact_synthetic_write(place("half"), &small, made, BALACT_F16, &error);
    ck_failed(error, BALACT_ERROR_RANGE, "test_features.npy: 70000 in row 2");
    balact_synthetic_write(place("half"), &small, made, BALACT_BF16, &error);
    ck_failed(error, BALACT_ERROR_ARGUMENT, "float32 or float16");
    other.dim = 7;
    balact_synthetic_write(place("half"), &other, made, BALACT_F32, &error);
    ck_failed(error, BALACT_ERROR_ARGUMENT, "train has 20 classes of 6 features");
    other.dim = -7;
    balact_synthetic_write(place("half"), &other, made, BALACT_F32, &error);
    ck_failed(error, BALACT_ERROR_RANGE, "dim is -7");
    balact_dataset_release(&made[BALACT_SPLIT_TRAIN]);
    balact_synthetic_write(place("half"), &small, made, BALACT_F32, &error);
    ck_failed(error, BALACT_ERROR_ARGUMENT, "no training rows");
    ck_assert_int_ne(access(place("half"), F_OK), 0);
    release(made);
}
END_TEST

/* ---- synthetic.json ---- */

START_TEST(options_read_back) {
#ifdef BALACT_HAVE_JANSSON
    struct balact_dataset made[BALACT_SPLIT_COUNT];
    struct balact_synthetic_options read, wanted = small;
    ck_assert_int_eq(balact_synthetic_resolve(&wanted, NULL), BALACT_OK);
    generate(made);
    for (int k = 0; k < FORM_COUNT; k++) {
        char name[64];
        if (!can_write(forms[k]))
            continue;
        snprintf(name, sizeof name, "options-%s", forms[k]);
        write_to(place(name), made, BALACT_F32);
        balact_status status = balact_synthetic_options_load(place(name), &read, &error);
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        ck_assert_int_eq(read.classes, wanted.classes);
        ck_assert_int_eq(read.dim, wanted.dim);
        ck_assert(read.seed == wanted.seed);
        ck_assert(read.spread_super == wanted.spread_super);
        ck_assert(read.spread_sub == wanted.spread_sub);
        ck_assert(read.spread_class == wanted.spread_class);
        ck_assert(read.scale == wanted.scale);
        ck_assert_int_eq(read.super_classes, wanted.super_classes);
        ck_assert_int_eq(read.sub_classes, wanted.sub_classes);
        ck_assert_int_eq(read.val_per_class, 3);
        ck_assert_int_eq(read.test_per_class, 4);
        ck_assert(read.train_factor == 0.1);
    }
    release(made);
#else
    struct balact_synthetic_options read;
    balact_synthetic_options_load(place("x"), &read, &error);
    ck_failed(error, BALACT_ERROR_UNSUPPORTED, "libjansson-dev");
    TEST_SKIP("built without jansson");
#endif
}
END_TEST

/* Each value differs from every neighbour in its last bit; the text must keep it. */
START_TEST(reals_survive_as_text) {
#ifdef BALACT_HAVE_JANSSON
    static const double values[] = {0.1, 1.0 / 3, 1e-300, 123456.789, 0.30000000000000004, 1e6};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct balact_synthetic_options read, options = {.spread_class = values[i]};
        char *bytes;
        size_t size;
        ck_assert_int_eq(balact_synthetic_resolve(&options, NULL), BALACT_OK);
        FILE *file = open_memstream(&bytes, &size);
        balact_synthetic_options_print(&options, file);
        fclose(file);
        mkdir(place("reals"), 0777);
        test_write("reals/synthetic.json", bytes, size);
        free(bytes);
        ck_assert_int_eq(balact_synthetic_options_load(place("reals"), &read, &error), BALACT_OK);
        ck_assert(read.spread_class == values[i]);
    }
#else
    TEST_SKIP("built without jansson");
#endif
}
END_TEST

#ifdef BALACT_HAVE_JANSSON
#define GOOD                                                                                       \
    "{\"format\": \"balact synthetic imagenet-lt\",\n\"version\": 1,\n\"classes\": 10,\n"          \
    "\"dim\": 4,\n\"seed\": \"7\",\n\"spread_super\": 0.5,\n\"spread_sub\": 0.25,\n"               \
    "\"spread_class\": 1,\n\"scale\": 2,\n\"super_classes\": 1,\n\"sub_classes\": 2,\n"            \
    "\"val_per_class\": 20,\n\"test_per_class\": 50,\n\"train_factor\": 1\n}\n"

/* GOOD with one piece replaced. */
static const char *changed(const char *from, const char *to) {
    static char text[2048];
    const char *at = strstr(GOOD, from);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - GOOD), GOOD, to, at + strlen(from));
    return text;
}
#endif

START_TEST(bad_options_are_told) {
#ifdef BALACT_HAVE_JANSSON
    static const struct {
        const char *from, *to, *text;
        balact_status status;
    } cases[] = {
        {"{\"format\"", "[\"format\"", "synthetic.json: line 1", BALACT_ERROR_FORMAT},
        {"balact synthetic", "balance", "\"format\" is not", BALACT_ERROR_FORMAT},
        {"\"version\": 1", "\"version\": 2", "version 2", BALACT_ERROR_FORMAT},
        {"\"dim\": 4,\n", "", "\"dim\" is missing", BALACT_ERROR_FORMAT},
        {"\"dim\": 4", "\"dim\": 4.5", "\"dim\" is not a whole", BALACT_ERROR_FORMAT},
        {"\"dim\": 4", "\"dim\": 4294967300", "\"dim\" is not a whole", BALACT_ERROR_FORMAT},
        {"\"dim\": 4", "\"dim\": 0", "\"dim\" is not a whole", BALACT_ERROR_FORMAT},
        {"\"dim\": 4", "\"dim\": \"4\"", "\"dim\" is not a whole", BALACT_ERROR_FORMAT},
        {"\"dim\": 4", "\"dim\": 2000000", "dim is 2e+06", BALACT_ERROR_RANGE},
        {"\"dim\": 4", "\"dim\": 4,\n\"dim\": 5", "duplicate", BALACT_ERROR_FORMAT},
        {"\"7\"", "7", "\"seed\" is not a string of digits", BALACT_ERROR_FORMAT},
        {"\"7\"", "\"-7\"", "\"seed\" is not", BALACT_ERROR_FORMAT},
        {"\"7\"", "\"\"", "\"seed\" is not", BALACT_ERROR_FORMAT},
        {"\"7\"", "\"18446744073709551616\"", "\"seed\" is not", BALACT_ERROR_FORMAT},
        {"0.25", "-0.25", "\"spread_sub\" is not a number above 0", BALACT_ERROR_FORMAT},
        {"0.25", "1e7", "spread_sub is 1e+07", BALACT_ERROR_RANGE},
        {"0.25", "null", "\"spread_sub\" is not a number", BALACT_ERROR_FORMAT},
        {"\"sub_classes\": 2", "\"sub_classes\": 11", "sub_classes is 11", BALACT_ERROR_RANGE},
        {"\"train_factor\": 1", "\"train_factor\": 1e-999", "\"train_factor\" is not",
         BALACT_ERROR_FORMAT},
        {"\n}\n", "", "synthetic.json: line", BALACT_ERROR_FORMAT},
    };
    struct balact_synthetic_options read;
    mkdir(place("bad"), 0777);
    test_write("bad/synthetic.json", GOOD, strlen(GOOD));
    ck_assert_int_eq(balact_synthetic_options_load(place("bad"), &read, &error), BALACT_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = changed(cases[i].from, cases[i].to);
        test_write("bad/synthetic.json", text, strlen(text));
        balact_status status = balact_synthetic_options_load(place("bad"), &read, &error);
        ck_assert_msg(status != BALACT_OK, "'%s' was taken", cases[i].to);
        ck_failed(error, cases[i].status, cases[i].text);
        ck_assert_ptr_nonnull(strstr(error.message, "bad/synthetic.json"));
        ck_assert_int_eq(read.classes, 0);
    }
    ck_assert_int_eq(unlink(place("bad/synthetic.json")), 0);
    balact_synthetic_options_load(place("bad"), &read, &error);
    ck_failed(error, BALACT_ERROR_FORMAT, "no synthetic.json");
    balact_synthetic_options_load(place("nowhere"), &read, &error);
    ck_failed(error, BALACT_ERROR_IO, "nowhere");
#else
    TEST_SKIP("built without jansson");
#endif
}
END_TEST

/* A prefix of the file is never taken for the whole. */
START_TEST(cut_options_are_told) {
#ifdef BALACT_HAVE_JANSSON
    struct balact_synthetic_options read;
    mkdir(place("cut"), 0777);
    for (size_t size = 0; size + 3 < strlen(GOOD); size++) {
        test_write("cut/synthetic.json", GOOD, size);
        ck_assert_int_eq(balact_synthetic_options_load(place("cut"), &read, &error),
                         BALACT_ERROR_FORMAT);
    }
#else
    TEST_SKIP("built without jansson");
#endif
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("synthetic_files");
    TCase *files = tcase_create("files"), *whole = tcase_create("whole or not at all"),
          *options = tcase_create("options");
    tcase_add_loop_test(files, every_form_reads_back, 0, 2);
    tcase_add_test(files, lists_and_counts_are_as_the_real_ones);
    tcase_add_test(files, the_same_bytes_every_time);
    tcase_add_test(files, absent_splits_are_left_out);
    tcase_add_test(whole, bad_places_leave_nothing);
    tcase_add_test(whole, full_folders_are_kept);
    tcase_add_test(whole, a_full_disk_leaves_nothing);
    tcase_add_test(whole, what_does_not_fit_is_refused);
    tcase_add_test(options, options_read_back);
    tcase_add_test(options, reals_survive_as_text);
    tcase_add_test(options, bad_options_are_told);
    tcase_add_test(options, cut_options_are_told);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, whole);
    suite_add_tcase(suite, options);
    return suite;
}
