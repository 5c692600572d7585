/* SPDX-License-Identifier: MIT
 *
 * balact_list_*(): the list files of ImageNet-LT and Places-LT.
 */
#include "datasets/list.h"

#include <sys/stat.h>

#include "datasets/source.h"
#include "tests/files.h"

static struct balact_error error;

static balact_status parse(const char *string, size_t size, struct balact_list *list) {
    char *copy = malloc(size + 1);
    memcpy(copy, string, size);
    copy[size] = 0;
    memset(&error, 0, sizeof error);
    return balact_list_parse("x.txt", copy, (int64_t)size, list, &error);
}

static void refuse(const char *string, balact_status status, const char *message, int64_t line) {
    struct balact_list list;
    ck_assert_msg(parse(string, strlen(string), &list) != BALACT_OK, "accepted: %s", string);
    ck_failed_at_line(error, status, message, line);
    ck_assert_msg(!strncmp(error.message, "x.txt: line ", 12), "%s", error.message);
    ck_assert_ptr_null(list.text);
}

START_TEST(reads_list) {
    struct balact_list list;
    ck_assert_msg(balact_list_load("tests/data/ok_list.txt", &list, &error) == BALACT_OK, "%s",
                  error.message);
    ck_assert_int_eq(list.rows, 3);
    ck_assert_int_eq(list.classes, 3);
    ck_assert_str_eq(list.paths[0], "train/a/1.JPEG");
    ck_assert_str_eq(list.paths[2], "train/with space/3.JPEG");
    ck_assert_int_eq(list.labels[0], 0);
    ck_assert_int_eq(list.labels[1], 2);
    ck_assert_int_eq(list.labels[2], 1);
    balact_list_release(&list);
    ck_assert_ptr_null(list.paths);
    balact_list_release(&list);
    balact_list_release(NULL);
}
END_TEST

START_TEST(tolerates_line_ends) {
    struct balact_list list;
    ck_assert_msg(balact_list_load("tests/data/ok_list_crlf.txt", &list, &error) == BALACT_OK, "%s",
                  error.message);
    ck_assert_int_eq(list.rows, 2);
    ck_assert_str_eq(list.paths[1], "b.jpg");
    balact_list_release(&list);
    ck_assert_int_eq(parse("a\t 7", 4, &list), BALACT_OK);
    ck_assert_int_eq(list.rows, 1);
    ck_assert_int_eq(list.classes, 8);
    ck_assert_str_eq(list.paths[0], "a");
    balact_list_release(&list);
}
END_TEST

START_TEST(refuses_bad_lines) {
    refuse("", BALACT_ERROR_FORMAT, "the list is empty", 1);
    refuse("\n\r\n \n", BALACT_ERROR_FORMAT, "the list is empty", 1);
    refuse("a 0\nb x\n", BALACT_ERROR_FORMAT, "label 'x' is not an integer", 2);
    refuse("a 0\nb 1.0\n", BALACT_ERROR_FORMAT, "label '1.0' is not an integer", 2);
    refuse("a 0\nb +1\n", BALACT_ERROR_FORMAT, "label '+1' is not an integer", 2);
    refuse("a 0\nb -\n", BALACT_ERROR_FORMAT, "label '-' is not an integer", 2);
    refuse("a 0\nb -1\nc 0", BALACT_ERROR_RANGE, "label -1 is outside [0, 16777216)", 2);
    refuse("a 16777216", BALACT_ERROR_RANGE, "label 16777216 is outside", 1);
    refuse("a 99999999999999999999999999999", BALACT_ERROR_RANGE, "label 9999999999", 1);
    refuse("a 0\n\nb 1\n", BALACT_ERROR_FORMAT, "empty, but other lines follow", 2);
    refuse("a 0\n  \nb 1\n", BALACT_ERROR_FORMAT, "empty, but other lines follow", 2);
    refuse("a 0\n17\n", BALACT_ERROR_FORMAT, "'17' is one word; wants 'path label'", 2);
    refuse("a 0\n 17\n", BALACT_ERROR_FORMAT, "'17' is one word", 2);
    struct balact_list list;
    ck_assert_int_ne(parse("a 0\nb\0c 1\n", 10, &list), BALACT_OK);
    ck_failed_at_line(error, BALACT_ERROR_FORMAT, "a zero byte", 2);
}
END_TEST

START_TEST(refuses_bad_files) {
    static const struct {
        const char *name, *message;
        int64_t line;
        balact_status status;
    } cases[] = {{"bad_list_label.txt", "label 'one'", 2, BALACT_ERROR_FORMAT},
                 {"bad_list_negative.txt", "label -1", 2, BALACT_ERROR_RANGE},
                 {"bad_list_gap.txt", "empty, but", 3, BALACT_ERROR_FORMAT},
                 {"bad_list_one_word.txt", "'b.jpg' is one word", 2, BALACT_ERROR_FORMAT},
                 {"bad_list_absent.txt", "cannot open: No such file", 0, BALACT_ERROR_IO}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct balact_list list;
        char path[128];
        snprintf(path, sizeof path, "tests/data/%s", cases[i].name);
        ck_assert_int_ne(balact_list_load(path, &list, &error), BALACT_OK);
        ck_failed_at_line(error, cases[i].status, cases[i].message, cases[i].line);
        ck_assert_msg(!strncmp(error.message, path, strlen(path)), "%s", error.message);
    }
}
END_TEST

START_TEST(finds_doubled_paths) {
    struct balact_list lists[2];
    struct balact_list_place *places;
    int64_t count;
    ck_assert_int_eq(parse("b 0\na 1\nb 0\n", 12, &lists[0]), BALACT_OK);
    ck_assert_int_eq(parse("c 0\na 1\n", 8, &lists[1]), BALACT_OK);
    ck_assert_int_eq(balact_list_sort(lists, 2, &places, &count, &error), BALACT_OK);
    ck_assert_int_eq(count, 5);
    static const struct {
        const char *path;
        int list, row;
    } wanted[] = {{"a", 0, 1}, {"a", 1, 1}, {"b", 0, 0}, {"b", 0, 2}, {"c", 1, 0}};
    for (int i = 0; i < 5; i++) {
        ck_assert_str_eq(places[i].path, wanted[i].path);
        ck_assert_int_eq(places[i].list, wanted[i].list);
        ck_assert_int_eq(places[i].row, wanted[i].row);
    }
    free(places);
    balact_list_release(&lists[0]);
    balact_list_release(&lists[1]);
}
END_TEST

START_TEST(finds_missing_images) {
    struct balact_list list;
    struct balact_list_place *places;
    struct balact_archive *archive;
    unsigned char found[5];
    int64_t count;
    char path[700];
    const char *root = test_folder();
    snprintf(path, sizeof path, "%s/images", root);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/images/train", root);
    mkdir(path, 0777);
    test_write("images/train/1.jpg", "x", 1);
    test_write("images/2.jpg", "x", 1);
    test_write("images/x3.jpg", "x", 1);
    const char *text = "train/1.jpg 0\n1.jpg 0\n2.jpg 0\n3.jpg 0\ntrain/2.jpg 0\n";
    ck_assert_int_eq(parse(text, strlen(text), &list), BALACT_OK);
    ck_assert_int_eq(balact_list_sort(&list, 1, &places, &count, &error), BALACT_OK);
    snprintf(path, sizeof path, "%s/images", root);
    ck_assert_int_eq(balact_archive_open(&archive, path, &error), BALACT_OK);
    ck_assert_int_eq(balact_list_find(archive, places, count, found, &error), BALACT_OK);
    balact_archive_close(archive);
    for (int i = 0; i < 5; i++) {
        bool there = !strcmp(places[i].path, "train/1.jpg") || !strcmp(places[i].path, "1.jpg") ||
                     !strcmp(places[i].path, "2.jpg");
        ck_assert_msg(found[i] == there, "%s", places[i].path);
    }
    free(places);
    balact_list_release(&list);
}
END_TEST

static void check_real(const char *name, int64_t rows, int32_t classes, int64_t per_class) {
    const char *path = test_data(name);
    if (!path)
        TEST_SKIP("no real data");
    struct balact_list list;
    ck_assert_msg(balact_list_load(path, &list, &error) == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(list.rows, rows);
    ck_assert_int_eq(list.classes, classes);
    int64_t *counts = calloc((size_t)classes, sizeof *counts);
    for (int64_t i = 0; i < rows; i++)
        counts[list.labels[i]]++;
    for (int32_t c = 0; c < classes && per_class; c++)
        ck_assert_int_eq(counts[c], per_class);
    free(counts);
    balact_list_release(&list);
}

START_TEST(real_val) {
    check_real("imagenet_lt/ImageNet_LT_val.txt", 20000, 1000, 20);
}
END_TEST

START_TEST(real_test) {
    check_real("imagenet_lt/ImageNet_LT_test.txt", 50000, 1000, 50);
}
END_TEST

START_TEST(real_places) {
    check_real("places_lt/Places_LT_train.txt", 62500, 365, 0);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("lists");
    TCase *tests = tcase_create("lists");
    tcase_add_test(tests, reads_list);
    tcase_add_test(tests, tolerates_line_ends);
    tcase_add_test(tests, refuses_bad_lines);
    tcase_add_test(tests, refuses_bad_files);
    tcase_add_test(tests, finds_doubled_paths);
    tcase_add_test(tests, finds_missing_images);
    tcase_add_test(tests, real_val);
    tcase_add_test(tests, real_test);
    tcase_add_test(tests, real_places);
    suite_add_tcase(suite, tests);
    return suite;
}
