/* SPDX-License-Identifier: MIT
 *
 * The strict CSV reader: what it takes, and that each error names its place.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plots/csv.h"
#include "tests/harness.h"

static balact_status parse(const char *text, struct csv_table *table, struct balact_error *error) {
    return csv_parse("t.csv", text, strlen(text), table, error);
}

START_TEST(reads_cells_by_row_and_name) {
    struct csv_table table;
    struct balact_error error;
    size_t at[2];
    const char *names[] = {"value", "name"};
    ck_assert_int_eq(parse("name,value\na,1\nb,-2.5e3\n", &table, &error), BALACT_OK);
    ck_assert_uint_eq(table.rows, 2);
    ck_assert_uint_eq(table.cols, 2);
    ck_assert_int_eq(csv_columns(&table, names, 2, at, &error), BALACT_OK);
    double value;
    ck_assert_int_eq(csv_real(&table, 1, at[0], &value, &error), BALACT_OK);
    ck_assert_double_eq(value, -2500);
    ck_assert_str_eq(csv_cell(&table, 0, at[1]), "a");
    ck_assert_int_eq(csv_line(&table, 1), 3);
    csv_release(&table);
    csv_release(&table); /* fine on a zeroed one */
}
END_TEST

START_TEST(reads_quotes_empty_cells_and_crlf) {
    struct csv_table table;
    struct balact_error error;
    ck_assert_int_eq(parse("a,b,\"c,d\"\r\n\"x,\"\"y\"\"\",,\r\n\"\",z,\"w\"\r\n", &table, &error),
                     BALACT_OK);
    ck_assert_str_eq(table.names[2], "c,d");
    ck_assert_str_eq(csv_cell(&table, 0, 0), "x,\"y\"");
    ck_assert_str_eq(csv_cell(&table, 0, 1), "");
    ck_assert_str_eq(csv_cell(&table, 0, 2), "");
    ck_assert_str_eq(csv_cell(&table, 1, 0), "");
    ck_assert_str_eq(csv_cell(&table, 1, 2), "w");
    csv_release(&table);
}
END_TEST

START_TEST(reads_a_header_alone_and_a_single_column) {
    struct csv_table table;
    struct balact_error error;
    ck_assert_int_eq(parse("a,b\n", &table, &error), BALACT_OK);
    ck_assert_uint_eq(table.rows, 0);
    csv_release(&table);
    ck_assert_int_eq(parse("a\n\n1\n", &table, &error), BALACT_OK);
    ck_assert_uint_eq(table.rows, 2);
    ck_assert_str_eq(csv_cell(&table, 0, 0), "");
    csv_release(&table);
}
END_TEST

/* Malformed texts, and the message that each must give. */
static const struct {
    const char *text, *message;
    int line;
} bad[] = {
    {"", "t.csv: line 1: column 1: the file is empty; a header line is wanted", 1},
    {"a,b", "t.csv: line 1: column 2: the file ends inside a line; is it cut short?", 1},
    {"a,b\n1,2", "t.csv: line 2: column 2: the file ends inside a line; is it cut short?", 2},
    {"a,b\n1,2\n3", "t.csv: line 3: column 1: the file ends inside a line; is it cut short?", 3},
    {"a,b\n1\n", "t.csv: line 2: column 2 (b): the row has 1 cells, the header 2", 2},
    {"a,b\n1,2\n\n", "t.csv: line 3: column 2 (b): the row has 1 cells, the header 2", 3},
    {"a,b\n1,2,3\n", "t.csv: line 2: column 3: the row has more cells than the header's 2", 2},
    {"a,a\n", "t.csv: line 1: column 2: a second column of the same name", 1},
    {"a,,b\n", "t.csv: line 1: column 2: a column without a name", 1},
    {"\xef\xbb\xbf"
     "a,b\n",
     "t.csv: line 1: column 1: the file begins with a byte order mark; save it as plain UTF-8", 1},
    {"a,b\n1,\"2\n", "t.csv: line 2: column 2: a quote is opened and not closed on the same line",
     2},
    {"a,b\n\"1\"x,2\n", "t.csv: line 2: column 1: text after a closing quote", 2},
    {"a,b\n\"1\"\rx,2\n", "t.csv: line 2: column 1: text after a closing quote", 2},
    {"a,b\n1,2\"3\n", "t.csv: line 2: column 2: a quote inside a cell that does not begin with one",
     2},
    {"a,b\n1,2\001\n", "t.csv: line 2: column 2: a control character", 2},
    {"a,b\n1,2\r3\n", "t.csv: line 2: column 2: a control character", 2},
};

START_TEST(names_the_place_of_what_is_malformed) {
    struct csv_table table;
    struct balact_error error;
    ck_assert_int_eq(parse(bad[_i].text, &table, &error), BALACT_ERROR_FORMAT);
    ck_assert_str_eq(error.message, bad[_i].message);
    ck_assert_int_eq(error.line, bad[_i].line);
    ck_assert_ptr_null(table.text);
    ck_assert_ptr_null(table.cells);
}
END_TEST

START_TEST(refuses_every_cut_of_a_file) {
    static const char whole[] = "a,\"b\"\n1,\"x,\"\"y\"\n3,4\n";
    for (size_t size = 0; size + 1 < sizeof whole; size++) {
        struct csv_table table;
        char *exact = malloc(size + 1); /* a block of its own: a sanitizer sees a byte too far */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, whole, size);
        balact_status status = csv_parse("t.csv", exact, size, &table, NULL);
        bool complete_lines = size > 0 && whole[size - 1] == '\n';
        ck_assert_int_eq(status, complete_lines ? BALACT_OK : BALACT_ERROR_FORMAT);
        csv_release(&table);
        free(exact);
    }
}
END_TEST

START_TEST(refuses_a_zero_byte) {
    struct csv_table table;
    struct balact_error error;
    ck_assert_int_eq(csv_parse("t.csv", "a\n\0\n", 4, &table, &error), BALACT_ERROR_FORMAT);
    ck_assert_str_eq(error.message, "t.csv: line 2: column 1: a control character");
}
END_TEST

START_TEST(names_a_missing_column_and_those_there_are) {
    struct csv_table table;
    struct balact_error error;
    const char *names[] = {"b", "seed"};
    size_t at[2];
    ck_assert_int_eq(parse("a,b\n1,2\n", &table, &error), BALACT_OK);
    ck_assert_int_eq(csv_columns(&table, names, 2, at, &error), BALACT_ERROR_FORMAT);
    ck_assert_str_eq(error.message, "t.csv: line 1: no column 'seed'; there are: a, b");
    csv_release(&table);
}
END_TEST

START_TEST(takes_plain_numbers_only) {
    static const char *const refused[] = {"",    " 1",  "1 ",   "0x10",   "1,5e", "one", "1e",
                                          "--1", "1_0", "1.2.3", "nan(1)", "1f",   "+-1"};
    struct csv_table table;
    struct balact_error error;
    double value;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char text[64];
        snprintf(text, sizeof text, "a,v\nx,\"%s\"\n", refused[i]);
        ck_assert_int_eq(parse(text, &table, &error), BALACT_OK);
        ck_assert_int_eq(csv_real(&table, 0, 1, &value, &error), BALACT_ERROR_FORMAT);
        char wanted[96];
        snprintf(wanted, sizeof wanted, "t.csv: line 2: column 2 (v): '%s' is not a number",
                 refused[i]);
        ck_assert_str_eq(error.message, wanted);
        csv_release(&table);
    }
    ck_assert_int_eq(parse("v\n1e-7\ninf\nnan\n", &table, &error), BALACT_OK);
    ck_assert_int_eq(csv_finite(&table, 0, 0, &value, &error), BALACT_OK);
    ck_assert_double_eq(value, 1e-7);
    ck_assert_int_eq(csv_real(&table, 1, 0, &value, &error), BALACT_OK);
    ck_assert(isinf(value));
    ck_assert_int_eq(csv_real(&table, 2, 0, &value, &error), BALACT_OK);
    ck_assert(isnan(value));
    ck_assert_int_eq(csv_finite(&table, 2, 0, &value, &error), BALACT_ERROR_FORMAT);
    ck_assert_str_eq(error.message, "t.csv: line 4: column 1 (v): 'nan' is not a finite number");
    csv_release(&table);
}
END_TEST

START_TEST(takes_integers_and_optional_numbers) {
    struct csv_table table;
    struct balact_error error;
    int64_t integer;
    double value;
    bool present;
    ck_assert_int_eq(parse("v\n-12\n1.5\n\n9223372036854775808\n", &table, &error), BALACT_OK);
    ck_assert_int_eq(csv_integer(&table, 0, 0, &integer, &error), BALACT_OK);
    ck_assert_int_eq(integer, -12);
    ck_assert_int_eq(csv_integer(&table, 1, 0, &integer, &error), BALACT_ERROR_FORMAT);
    ck_assert_str_eq(error.message, "t.csv: line 3: column 1 (v): '1.5' is not an integer");
    ck_assert_int_eq(csv_integer(&table, 2, 0, &integer, &error), BALACT_ERROR_FORMAT);
    ck_assert_int_eq(csv_integer(&table, 3, 0, &integer, &error), BALACT_ERROR_FORMAT);
    ck_assert_int_eq(csv_optional(&table, 2, 0, &value, &present, &error), BALACT_OK);
    ck_assert(!present);
    ck_assert_int_eq(csv_optional(&table, 1, 0, &value, &present, &error), BALACT_OK);
    ck_assert(present);
    csv_release(&table);
}
END_TEST

START_TEST(loads_files_and_says_which_is_missing) {
    struct csv_table table;
    struct balact_error error;
    char missing[1024], wanted[1200];
    ck_assert_int_eq(csv_load(test_write("t.csv", "a\n1\n", 4), &table, &error), BALACT_OK);
    ck_assert_uint_eq(table.rows, 1);
    csv_release(&table);
    snprintf(missing, sizeof missing, "%s/none.csv", test_folder());
    ck_assert_int_eq(csv_load(missing, &table, &error), BALACT_ERROR_IO);
    snprintf(wanted, sizeof wanted, "%s: cannot open: No such file or directory", missing);
    ck_assert_str_eq(error.message, wanted);
    ck_assert_int_eq(csv_load(test_folder(), &table, &error), BALACT_ERROR_IO);
}
END_TEST

START_TEST(loads_a_file_larger_than_its_buffer) {
    enum { ROWS = 30000 };
    char *text = malloc(ROWS * 8 + 8), *at = text;
    ck_assert_ptr_nonnull(text);
    at += sprintf(at, "a,b\n");
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "%d,%d\n", i, i % 7);
    struct csv_table table;
    struct balact_error error;
    const char *path = test_write("large.csv", text, (size_t)(at - text));
    ck_assert_int_eq(csv_load(path, &table, &error), BALACT_OK);
    ck_assert_uint_eq(table.rows, ROWS);
    ck_assert_str_eq(csv_cell(&table, ROWS - 1, 0), "29999");
    csv_release(&table);
    free(text);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("csv");
    TCase *tests = tcase_create("csv");
    tcase_add_test(tests, reads_cells_by_row_and_name);
    tcase_add_test(tests, reads_quotes_empty_cells_and_crlf);
    tcase_add_test(tests, reads_a_header_alone_and_a_single_column);
    tcase_add_loop_test(tests, names_the_place_of_what_is_malformed, 0,
                        (int)(sizeof bad / sizeof *bad));
    tcase_add_test(tests, refuses_every_cut_of_a_file);
    tcase_add_test(tests, refuses_a_zero_byte);
    tcase_add_test(tests, names_a_missing_column_and_those_there_are);
    tcase_add_test(tests, takes_plain_numbers_only);
    tcase_add_test(tests, takes_integers_and_optional_numbers);
    tcase_add_test(tests, loads_files_and_says_which_is_missing);
    tcase_add_test(tests, loads_a_file_larger_than_its_buffer);
    suite_add_tcase(suite, tests);
    return suite;
}
