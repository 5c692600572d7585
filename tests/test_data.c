/* SPDX-License-Identifier: MIT
 *
 * balact data, as a person runs it: what it prints, what it writes, and its exit status.
 */
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/program.h"
#include "tests/files.h"

static struct buffer said; /* what the last run printed, on either stream */

/* Leaves without the parent's handlers, whatever calls exit(). */
static void leave(int code, void *nothing) {
    (void)nothing;
    fflush(NULL);
    _exit(code);
}

/* Runs `balact data` with these words in a child; returns its exit status. */
static int run(const char *const *words) {
    char path[700], *argv[20] = {0};
    int argc = 1, status = 0;
    snprintf(path, sizeof path, "%s/said", test_folder());
    argv[0] = strdup("data");
    for (; words[argc - 1]; argc++)
        argv[argc] = strdup(words[argc - 1]);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        on_exit(leave, NULL);
        if (!freopen(path, "wb", stdout) || dup2(fileno(stdout), 2) < 0)
            _exit(99);
        exit(balact_command_data(argc, argv));
    }
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    buffer_free(&said);
    said = buffer_load(path);
    buffer_add(&said, "", 0);
    ck_assert_msg(WIFEXITED(status), "died by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
#define ck_said(text)                                                                              \
    ck_assert_msg(strstr((char *)said.bytes, text) != NULL, "no '%s' in:\n%s", text,               \
                  (char *)said.bytes)

static char list_path[700], csv_path[700];

static void paths(void) {
    snprintf(csv_path, sizeof csv_path, "%s/out.csv", test_folder());
    remove(csv_path);
}

START_TEST(explains_itself) {
    ck_assert_int_eq(RUN("--help"), EXIT_FINE);
    ck_said("imagenet-lt  ");
    ck_said("cifar-lt  ");
    ck_assert_int_eq(run((const char *const[]){NULL}), EXIT_BAD_INPUT);
    ck_said("of what kind?");
    ck_assert_int_eq(RUN("lits"), EXIT_BAD_INPUT);
    ck_said("no kind 'lits'; did you mean list?");
    static const char *const kinds[] = {"imagenet-lt", "places-lt", "list", "counts",
                                        "cifar-lt",    "features",  "lvis"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        ck_assert_int_eq(RUN(kinds[i], "--help"), EXIT_FINE);
        ck_said("usage: balact data ");
        ck_assert_int_eq(RUN(kinds[i]), EXIT_BAD_INPUT);
        ck_said(": wants ");
        ck_assert_int_eq(RUN(kinds[i], "/nonexistent"), EXIT_BAD_INPUT);
        ck_said("balact: /nonexistent: cannot open: No such file or directory");
        ck_assert_int_eq(RUN(kinds[i], "x", "--csw", "y"), EXIT_BAD_INPUT);
        ck_said("did you mean --csv?");
    }
}
END_TEST

START_TEST(lists_are_counted) {
    paths();
    ck_assert_int_eq(RUN("list", "tests/data/ok_list.txt", "--csv", csv_path), EXIT_FINE);
    ck_said("tests/data/ok_list.txt  60 bytes");
    ck_said("3 images, 3 classes, 1..1 a class");
    ck_said("PASS    0 of 3 paths doubled");
    struct buffer csv = buffer_load(csv_path);
    ck_assert_msg(!strncmp((char *)csv.bytes,
                           "dataset,split,group,quantity,value\n"
                           "list,tests/data/ok_list.txt,all,images,3\n",
                           70),
                  "%s", (char *)csv.bytes);
    buffer_free(&csv);
    ck_assert_int_eq(RUN("list", "tests/data/ok_list.txt", "--counts", csv_path), EXIT_FINE);
    csv = buffer_load(csv_path);
    ck_assert_str_eq((char *)csv.bytes, "class_id,image_count\n0,1\n1,1\n2,1\n");
    buffer_free(&csv);
}
END_TEST

START_TEST(doubled_and_missing_files_are_told) {
    paths();
    snprintf(list_path, sizeof list_path, "%s", test_write("twice.txt", "a/1 0\nb 1\na/1 1\n", 16));
    ck_assert_int_eq(RUN("list", list_path), EXIT_CHECK_FAILED);
    ck_said("doubled a/1: ");
    ck_said("twice.txt line 1 and ");
    ck_said("twice.txt line 3\n");
    ck_said("FAIL    1 of 3 paths doubled");
    char images[700];
    snprintf(images, sizeof images, "%s/images", test_folder());
    mkdir(images, 0777);
    test_write("images/b", "x", 1);
    ck_assert_int_eq(RUN("list", list_path, "--images", images), EXIT_CHECK_FAILED);
    ck_said("missing a/1: ");
    ck_said("FAIL    2 of 3 images missing from ");
    snprintf(list_path, sizeof list_path, "%s", test_write("one.txt", "any/b 0\n", 8));
    ck_assert_int_eq(RUN("list", list_path, "--images", images), EXIT_CHECK_FAILED);
    snprintf(list_path, sizeof list_path, "%s", test_write("one.txt", "b 0\n", 4));
    ck_assert_int_eq(RUN("list", list_path, "--images", images), EXIT_FINE);
    ck_said("PASS    0 of 1 images missing");
    ck_assert_int_eq(RUN("list", list_path, "--images", "/nonexistent", "--csv", csv_path),
                     EXIT_BAD_INPUT);
    ck_assert_int_ne(access(csv_path, F_OK), 0);
}
END_TEST

static void check_priors(const char *path) {
    /* two images with an annotation, five annotations; t / f = 0.5 / (1 / 3) */
    static const char *const lines[] = {
        "category_id,name,frequency,image_count,instance_count,stated_image_count,"
        "stated_instance_count,image_prior,instance_prior,repeat_factor\n",
        "\n2,\"acorn\",rare,1,1,3,5,0.5,0.20000000000000001,1.2247448713915889\n",
        "\n5,\"caf\xC3\xA9\",common,1,1,40,41,0.5,0.20000000000000001,1.2247448713915889\n",
        "\n7,\"drum\",rare,0,0,,,0,0,1\n",
        "\n9,\"zebra\",frequent,2,3,150,400,1,0.59999999999999998,1\n"};
    struct buffer csv = buffer_load(path);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        ck_assert_msg(strstr((char *)csv.bytes, lines[i]) != NULL, "no '%s' in:\n%s", lines[i],
                      (char *)csv.bytes);
    buffer_free(&csv);
}

START_TEST(lvis_is_counted) {
    paths();
#ifndef BALACT_HAVE_SIMDJSON
    TEST_SKIP("built without simdjson");
#endif
    static const char small[] = "tests/data/ok_lvis_small.json";
    char priors[700], train[700];
    snprintf(priors, sizeof priors, "%s/priors.csv", test_folder());
    ck_assert_int_eq(
        RUN("lvis", small, "--repeat-threshold", "0.5", "--priors", priors, "--csv", csv_path),
        EXIT_FINE);
    ck_said("3 images, 4 categories, 5 annotations\n");
    ck_said("1 images without an annotation, 2 with; 0..2 images a category, 1 categories without");
    ck_said("rare          2 categories         1 image-category pairs         1 instances");
    ck_said("1 categories an image looked for in vain (3), 1 not marked everywhere (3)");
    ck_said("masks: 2 of polygons (3 polygons, 10 vertices), 2 of runs, 1 none");
    ck_said("image    counts over 2 images with an annotation: 0.5..1, log odds 0.000..inf");
    ck_said("instance counts over 5 annotations: 0.2..0.6, log odds -1.386..0.405, sum 1\n");
    ck_said("2 of 4 categories above 1, the largest 1.225; an epoch is 3 images");
    ck_said("SKIP    tests/data/ok_lvis_small.json: 3 of 4 categories whose image_count");
    ck_said("PASS    tests/data/ok_lvis_small.json: 0 of 4 categories whose frequency");
    ck_said("note    2 of 3 entries of not_exhaustive_category_ids");
    check_priors(priors);
    struct buffer csv = buffer_load(csv_path), json = buffer_load(small);
    ck_assert_msg(strstr((char *)csv.bytes,
                         "\nlvis,tests/data/ok_lvis_small.json,all,images_annotated,2\n") != NULL,
                  "%s", (char *)csv.bytes);
    buffer_free(&csv);
    /* A train set must hold what its categories state. */
    snprintf(train, sizeof train, "%s", test_write("lvis_train.json", json.bytes, json.size));
    buffer_free(&json);
    ck_assert_int_eq(RUN("lvis", train), EXIT_CHECK_FAILED);
    ck_said("category 2 (acorn): 1 images, 1 instances; stated are 3, 5\n");
    ck_said(": 3 of 4 categories whose instance_count is not that of the annotations");
    ck_assert_int_eq(RUN("lvis", small, "tests/data/ok_lvis_v0_5.json"), EXIT_CHECK_FAILED);
    ck_said("PASS    tests/data/ok_lvis_v0_5.json: 0 categories of another id, name or frequency");
    ck_said("FAIL    tests/data/ok_lvis_v0_5.json: 3 of 3 images are in ");
    ck_assert_int_eq(RUN("lvis", small, "--published", "v1-val"), EXIT_CHECK_FAILED);
    ck_said("FAIL    v1-val: 3 images, published are 19809");
    ck_assert_int_eq(RUN("lvis", small, "--published", "v2"), EXIT_BAD_INPUT);
    ck_said("--published wants v1-train, v1-val or v0.5-train, not 'v2'");
    ck_assert_int_eq(RUN("lvis", small, "--repeat-threshold", "0"), EXIT_BAD_INPUT);
    remove(csv_path);
    ck_assert_int_eq(RUN("lvis", "tests/data/bad_lvis_coco.json", "--csv", csv_path),
                     EXIT_BAD_INPUT);
    ck_said("no neg_category_ids; is it a COCO file?");
    ck_assert_int_ne(access(csv_path, F_OK), 0);
}
END_TEST

START_TEST(bad_input_leaves_no_output) {
    paths();
    ck_assert_int_eq(RUN("list", "tests/data/bad_list_label.txt", "--csv", csv_path),
                     EXIT_BAD_INPUT);
    ck_said("balact: tests/data/bad_list_label.txt: line 2: label 'one' is not an integer");
    ck_assert_int_eq(RUN("counts", "tests/data/bad_counts_gap.csv", "--csv", csv_path),
                     EXIT_BAD_INPUT);
    ck_said("class 1 is missing");
    ck_assert_int_eq(RUN("features", "tests/data", "--csv", csv_path), EXIT_BAD_INPUT);
    ck_said("balact: tests/data: no training features");
    ck_assert_int_eq(RUN("cifar-lt", "tests/data", "--csv", csv_path), EXIT_BAD_INPUT);
    ck_said("balact: tests/data: no data_batch_*.bin");
    ck_assert_int_eq(RUN("cifar-lt", "tests/data", "--classes", "11"), EXIT_BAD_INPUT);
    ck_said("--classes wants 10, 100 or 0, not 11");
    ck_assert_int_eq(RUN("imagenet-lt", "include", "--csv", csv_path), EXIT_BAD_INPUT);
    ck_said("balact: include: no list *_train.txt");
    ck_assert_int_eq(RUN("imagenet-lt", "include", "--train-counts", "tests/data/ok_counts.csv",
                         "--images", "tests"),
                     EXIT_BAD_INPUT);
    ck_said("no list in include, so --images has nothing to look for");
    ck_assert_int_ne(access(csv_path, F_OK), 0);
    ck_assert_int_eq(RUN("counts", "tests/data/ok_counts.csv", "--csv", "/nonexistent/x.csv"),
                     EXIT_BAD_INPUT);
    ck_said("balact: /nonexistent/x.csv: cannot write: No such file or directory");
}
END_TEST

START_TEST(counts_are_summed_up) {
    ck_assert_int_eq(RUN("counts", "tests/data/ok_counts.csv"), EXIT_FINE);
    ck_said("8 images, 3 classes, 5..0 a class, 1 classes without an image");
    ck_said("few     < 20          3 classes          8 images");
    ck_assert_int_eq(RUN("counts", "tests/data/ok_counts_lvis.csv", "--column", "frequency"),
                     EXIT_BAD_INPUT);
    ck_said("line 2: count 'f' is not an integer");
}
END_TEST

START_TEST(features_are_summed_up) {
    char folder[700];
    float values[4] = {1, 2, 3, 4};
    snprintf(folder, sizeof folder, "%s/set", test_folder());
    mkdir(folder, 0777);
    test_write("set/x_train.txt", "a 0\nb 1\n", 8);
    struct buffer npy = npy_make("<f4", "(2, 2)", values, sizeof values);
    test_write("set/train_features.npy", npy.bytes, npy.size);
    buffer_free(&npy);
    ck_assert_int_eq(RUN("features", folder), EXIT_FINE);
    ck_said("2 float32 values a row");
    ck_said("train_features.npy");
    ck_said("PASS    train: 0 values are not finite");
    memset(&values[2], 0xFF, sizeof *values); /* a NaN */
    npy = npy_make("<f4", "(2, 2)", values, sizeof values);
    test_write("set/train_features.npy", npy.bytes, npy.size);
    buffer_free(&npy);
    ck_assert_int_eq(RUN("features", folder), EXIT_CHECK_FAILED);
    ck_said("FAIL    train: 1 values are not finite");
}
END_TEST

START_TEST(real_imagenet_lt) {
    char lists[1024];
    const char *path = test_data("imagenet_lt");
    if (!path)
        TEST_SKIP("no real data");
    snprintf(lists, sizeof lists, "%s", path);
    const char *counts = test_data("imagenet_lt_train_class_counts.csv");
    if (!counts)
        TEST_SKIP("no real data");
    ck_assert_int_eq(RUN("imagenet-lt", lists, "--train-counts", counts), EXIT_FINE);
    ck_said("PASS    val: imagenet-lt has 1000 classes of 20");
    ck_said("PASS    test: imagenet-lt has 1000 classes of 50");
    ck_said("PASS    train: many/medium/few are 385/479/136");
    ck_said("PASS    0 of 70000 paths doubled");
    ck_assert_int_eq(RUN("places-lt", lists, "--train-counts", counts), EXIT_CHECK_FAILED);
    ck_said("FAIL    train: places-lt has 62500 images");
}
END_TEST

START_TEST(real_places_lt) {
    char lists[1024];
    const char *path = test_data("places_lt");
    if (!path)
        TEST_SKIP("no real data");
    snprintf(lists, sizeof lists, "%s", path);
    const char *counts = test_data("places_lt_train_class_counts.csv");
    if (!counts)
        TEST_SKIP("no real data");
    ck_assert_int_eq(RUN("places-lt", lists, "--train-counts", counts), EXIT_FINE);
    ck_said("PASS    train: the list has the counts of ");
    ck_said("SKIP    val: no list *_val.txt");
    ck_said("4 passed, 0 failed, 2 skipped");
}
END_TEST

static void clean(void) {
    buffer_free(&said);
}

Suite *balact_suite(void) {
    Suite *suite = suite_create("data");
    TCase *tests = tcase_create("data");
    tcase_add_unchecked_fixture(tests, NULL, clean);
    tcase_add_test(tests, explains_itself);
    tcase_add_test(tests, lists_are_counted);
    tcase_add_test(tests, lvis_is_counted);
    tcase_add_test(tests, doubled_and_missing_files_are_told);
    tcase_add_test(tests, bad_input_leaves_no_output);
    tcase_add_test(tests, counts_are_summed_up);
    tcase_add_test(tests, features_are_summed_up);
    tcase_add_test(tests, real_imagenet_lt);
    tcase_add_test(tests, real_places_lt);
    suite_add_tcase(suite, tests);
    return suite;
}
