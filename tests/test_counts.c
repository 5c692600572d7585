/* SPDX-License-Identifier: MIT
 *
 * Class-count files, shot groups and the long-tail rule.
 */
#include "datasets/counts.h"

#include "tests/files.h"

static struct balact_error error;

static balact_status parse(const char *string, const char *column, int64_t **counts,
                           int32_t *classes) {
    size_t size = strlen(string);
    char *copy = malloc(size + 1);
    memcpy(copy, string, size + 1);
    memset(&error, 0, sizeof error);
    balact_status status =
        balact_counts_parse("x.csv", copy, (int64_t)size, column, counts, classes, &error);
    free(copy);
    return status;
}

static void refuse(const char *string, balact_status status, const char *message, int64_t line) {
    int64_t *counts;
    int32_t classes;
    ck_assert_msg(parse(string, NULL, &counts, &classes) != BALACT_OK, "accepted: %s", string);
    ck_failed_at_line(error, status, message, line);
    ck_assert_msg(!strncmp(error.message, "x.csv: ", 7), "%s", error.message);
    ck_assert_ptr_null(counts);
}

static void load(const char *path, const char *column, int32_t wanted, int64_t first,
                 int64_t second, int64_t third) {
    int64_t *counts;
    int32_t classes;
    ck_assert_msg(balact_counts_load(path, column, &counts, &classes, &error) == BALACT_OK, "%s",
                  error.message);
    ck_assert_int_eq(classes, wanted);
    ck_assert_int_eq(counts[0], first);
    ck_assert_int_eq(counts[1], second);
    ck_assert_int_eq(counts[2], third);
    free(counts);
}

START_TEST(reads_csv) {
    load("tests/data/ok_counts.csv", NULL, 3, 5, 3, 0);
    load("tests/data/ok_counts_lvis.csv", NULL, 3, 9, 7, 8);
}
END_TEST

START_TEST(reads_other_columns) {
    int64_t *counts;
    int32_t classes;
    ck_assert_int_eq(parse("instance_count,class,image_count\n4,1,2\n5,0,3", "instance_count",
                           &counts, &classes), BALACT_OK);
    ck_assert_int_eq(classes, 2);
    ck_assert(counts[0] == 5 && counts[1] == 4);
    free(counts);
    ck_assert_int_ne(parse("class,image_count\n0,1\n", "instances", &counts, &classes), BALACT_OK);
    ck_failed_at_line(error, BALACT_ERROR_FORMAT, "no column 'instances'", 1);
}
END_TEST

START_TEST(reads_json) {
#ifdef BALACT_HAVE_JANSSON
    int64_t *counts;
    int32_t classes;
    load("tests/data/ok_counts.json", NULL, 3, 5, 3, 0);
    ck_assert_int_ne(balact_counts_load("tests/data/bad_counts_fraction.json", NULL, &counts,
                                        &classes, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "element 2 is not an integer");
    ck_assert_int_ne(balact_counts_load("tests/data/bad_counts_syntax.json", NULL, &counts,
                                        &classes, &error), BALACT_OK);
    ck_failed_at_line(error, BALACT_ERROR_FORMAT, "bad_counts_syntax.json: line 2: column 4: ", 2);
    refuse("[]", BALACT_ERROR_FORMAT, "wants an array of 1 to 16777216 counts", 0);
    refuse("[1, -2]", BALACT_ERROR_RANGE, "element 1 is -2", 0);
    refuse("[1, 9999999999999]", BALACT_ERROR_RANGE, "element 1 is 9999999999999", 0);
    refuse("[1, 2", BALACT_ERROR_FORMAT, "column 5", 1);
    refuse("[1] 2", BALACT_ERROR_FORMAT, "end of file expected", 1);
    refuse("[1, \"2\"]", BALACT_ERROR_FORMAT, "element 1 is not an integer", 0);
#else
    refuse("[1]", BALACT_ERROR_UNSUPPORTED, "Debian package libjansson-dev", 0);
#endif
    refuse("{\"a\": 1}", BALACT_ERROR_FORMAT, "a JSON object; wants an array", 1);
}
END_TEST

START_TEST(refuses_bad_tables) {
    refuse("", BALACT_ERROR_FORMAT, "no column 'class_id'", 1);
    refuse("class_id\n0\n", BALACT_ERROR_FORMAT, "no column 'image_count'", 1);
    refuse("0,5\n1,3\n", BALACT_ERROR_FORMAT, "no column 'class_id'", 1);
    refuse("class_id,image_count\n", BALACT_ERROR_FORMAT, "no rows", 2);
    refuse("class_id,image_count\n0,5\n2,3\n", BALACT_ERROR_FORMAT, "class 1 is missing", 0);
    refuse("class_id,image_count\n2,5\n3,3\n", BALACT_ERROR_FORMAT, "class 0 is missing", 0);
    refuse("class_id,image_count\n0,5\n1,3\n0,4\n", BALACT_ERROR_FORMAT,
           "class 0 again; line 2 has it already", 4);
    refuse("class_id,image_count\n0,5\n1,-3\n", BALACT_ERROR_FORMAT, "count '-3'", 3);
    refuse("class_id,image_count\n0,5\n1,\n", BALACT_ERROR_FORMAT, "count '' is not", 3);
    refuse("class_id,image_count\n0,5\n1,3.0\n", BALACT_ERROR_FORMAT, "count '3.0'", 3);
    refuse("class_id,image_count\n0,99999999999999999999\n", BALACT_ERROR_RANGE,
           "count 99999999999999999999 is larger", 2);
    refuse("class_id,image_count\nx,5\n", BALACT_ERROR_FORMAT, "class 'x' is not", 2);
    refuse("class_id,image_count\n0,5\n1\n", BALACT_ERROR_FORMAT, "1 columns, but the header", 3);
    refuse("class_id,image_count\n0,5\n\n1,3\n", BALACT_ERROR_FORMAT, "1 columns", 3);
    refuse("class_id,image_count\n0,\"5\n", BALACT_ERROR_FORMAT, "a quote that is not closed", 2);
    refuse("class_id,image_count\n0,\"5\"6\n", BALACT_ERROR_FORMAT, "text behind one", 2);
}
END_TEST

START_TEST(refuses_bad_files) {
    int64_t *counts;
    int32_t classes;
    static const struct {
        const char *name, *message;
        int64_t line;
    } cases[] = {{"bad_counts_gap.csv", "class 1 is missing", 0},
                 {"bad_counts_double.csv", "class 0 again", 4},
                 {"bad_counts_negative.csv", "count '-3'", 3},
                 {"bad_counts_columns.csv", "1 columns", 3},
                 {"bad_counts_object.json", "a JSON object", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/data/%s", cases[i].name);
        ck_assert_int_ne(balact_counts_load(path, NULL, &counts, &classes, &error), BALACT_OK);
        ck_failed_at_line(error, BALACT_ERROR_FORMAT, cases[i].message, cases[i].line);
        ck_assert_msg(!strncmp(error.message, path, strlen(path)), "%s", error.message);
    }
    ck_assert_int_ne(balact_counts_load("/nonexistent", NULL, &counts, &classes, &error),
                     BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/nonexistent: cannot open: No such file");
    const char *path = test_write("zero.csv", "class_id,image_count\n0,\0\n", 25);
    ck_assert_int_ne(balact_counts_load(path, NULL, &counts, &classes, &error), BALACT_OK);
    ck_failed_at_byte(error, BALACT_ERROR_FORMAT, "a zero byte", 23);
}
END_TEST

START_TEST(groups_have_strict_bounds) {
    static const struct {
        int64_t count;
        enum balact_group group;
    } cases[] = {{0, BALACT_GROUP_FEW},      {19, BALACT_GROUP_FEW},   {20, BALACT_GROUP_MEDIUM},
                 {100, BALACT_GROUP_MEDIUM}, {101, BALACT_GROUP_MANY}, {1280, BALACT_GROUP_MANY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(balact_group_of(cases[i].count), cases[i].group);
    ck_assert_str_eq(balact_group_name(BALACT_GROUP_MANY), "many");
    ck_assert_str_eq(balact_group_name(BALACT_GROUP_FEW), "few");
    ck_assert_str_eq(balact_group_name(BALACT_GROUP_COUNT), "unknown group");
    ck_assert_str_eq(balact_split_name(BALACT_SPLIT_VAL), "val");
    ck_assert_str_eq(balact_split_name(BALACT_SPLIT_COUNT), "unknown split");
}
END_TEST

/* Totals as BALMS (table 6) and the field's code have them. */
START_TEST(longtail_rule) {
    int64_t counts[100];
    ck_assert_int_eq(balact_longtail_counts(5000, 200, 10, counts), 11203);
    ck_assert_int_eq(balact_longtail_counts(5000, 50, 10, counts), 13996);
    ck_assert_int_eq(balact_longtail_counts(5000, 10, 10, counts), 20431);
    ck_assert_int_eq(balact_longtail_counts(5000, 100, 10, counts), 12406);
    static const int64_t hundred[] = {5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50};
    for (int c = 0; c < 10; c++)
        ck_assert_int_eq(counts[c], hundred[c]);
    ck_assert_int_eq(balact_longtail_counts(500, 200, 100, counts), 9502);
    ck_assert_int_eq(balact_longtail_counts(500, 100, 100, counts), 10847);
    ck_assert_int_eq(balact_longtail_counts(500, 50, 100, counts), 12608);
    ck_assert_int_eq(balact_longtail_counts(500, 10, 100, counts), 19573);
    ck_assert_int_eq(balact_longtail_counts(500, 1, 100, counts), 50000);
    /* powers that come out whole: 1000^(3/9) = 10 */
    balact_longtail_counts(5000, 1000, 10, counts);
    ck_assert(counts[0] == 5000 && counts[3] == 500 && counts[6] == 50 && counts[9] == 5);
    ck_assert_int_eq(balact_longtail_counts(7, 100, 1, counts), 7);
}
END_TEST

static void check_real(const char *name, const char *column, int32_t classes, int64_t total,
                       int many, int medium, int few) {
    const char *path = test_data(name);
    if (!path)
        TEST_SKIP("no real data");
    int64_t *counts, sum = 0;
    int32_t found;
    int groups[BALACT_GROUP_COUNT] = {0};
    ck_assert_msg(balact_counts_load(path, column, &counts, &found, &error) == BALACT_OK, "%s",
                  error.message);
    ck_assert_int_eq(found, classes);
    for (int32_t c = 0; c < classes; c++) {
        sum += counts[c];
        groups[balact_group_of(counts[c])]++;
    }
    ck_assert_int_eq(sum, total);
    if (many >= 0)
        ck_assert(groups[0] == many && groups[1] == medium && groups[2] == few);
    free(counts);
}

START_TEST(real_imagenet_lt) {
    check_real("imagenet_lt_train_class_counts.csv", NULL, 1000, 115846, 385, 479, 136);
}
END_TEST

START_TEST(real_places_lt) {
    check_real("places_lt_train_class_counts.csv", NULL, 365, 62500, 131, 163, 71);
}
END_TEST

START_TEST(real_lvis) {
    check_real("lvis_v1_category_counts.csv", "instance_count", 1203, 1270141, -1, 0, 0);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("counts");
    TCase *tests = tcase_create("counts");
    tcase_add_test(tests, reads_csv);
    tcase_add_test(tests, reads_other_columns);
    tcase_add_test(tests, reads_json);
    tcase_add_test(tests, refuses_bad_tables);
    tcase_add_test(tests, refuses_bad_files);
    tcase_add_test(tests, groups_have_strict_bounds);
    tcase_add_test(tests, longtail_rule);
    tcase_add_test(tests, real_imagenet_lt);
    tcase_add_test(tests, real_places_lt);
    tcase_add_test(tests, real_lvis);
    suite_add_tcase(suite, tests);
    return suite;
}
