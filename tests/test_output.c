/* SPDX-License-Identifier: MIT
 *
 * datasets/output.h: files appear whole or not at all.
 */
#include "datasets/output.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/files.h"

static struct balact_error error;

static void path_of(char path[700], const char *name) {
    snprintf(path, 700, "%s/%s", test_folder(), name);
}

START_TEST(appears_at_commit) {
    struct balact_output output;
    char path[700];
    path_of(path, "file.csv");
    ck_assert_int_eq(balact_output_open(&output, path, &error), BALACT_OK);
    fputs("new", output.file);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(balact_output_commit(&output, &error), BALACT_OK);
    struct buffer bytes = buffer_load(path);
    ck_assert_str_eq((char *)bytes.bytes, "new");
    buffer_free(&bytes);
    balact_output_abandon(&output);
}
END_TEST

START_TEST(abandoned_leaves_the_old) {
    struct balact_output output;
    char path[700], temporary[800];
    snprintf(path, sizeof path, "%s", test_write("old.csv", "old", 3));
    ck_assert_int_eq(balact_output_open(&output, path, &error), BALACT_OK);
    snprintf(temporary, sizeof temporary, "%s", output.temporary);
    fputs("new", output.file);
    balact_output_abandon(&output);
    ck_assert_int_ne(access(temporary, F_OK), 0);
    struct buffer bytes = buffer_load(path);
    ck_assert_str_eq((char *)bytes.bytes, "old");
    buffer_free(&bytes);
}
END_TEST

/* A limit on the size of files stands for a full disk: the write fails half way. */
START_TEST(full_disk_leaves_the_old) {
    struct balact_output output;
    char path[700], temporary[800];
    struct rlimit old, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){1000, old.rlim_max};
    snprintf(path, sizeof path, "%s", test_write("full.csv", "old", 3));
    ck_assert_int_eq(balact_output_open(&output, path, &error), BALACT_OK);
    snprintf(temporary, sizeof temporary, "%s", output.temporary);
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (int i = 0; i < 10000; i++)
        fputs("much to write\n", output.file);
    balact_status status = balact_output_commit(&output, &error);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_ne(status, BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/full.csv: cannot write: File too large");
    ck_assert_int_ne(access(temporary, F_OK), 0);
    ck_assert_ptr_null(output.file);
    struct buffer bytes = buffer_load(path);
    ck_assert_str_eq((char *)bytes.bytes, "old");
    buffer_free(&bytes);
}
END_TEST

START_TEST(places_that_cannot_be) {
    struct balact_output output;
    char path[700];
    path_of(path, "no/such/folder/file.csv");
    ck_assert_int_ne(balact_output_open(&output, path, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/no/such/folder/file.csv: cannot write: No such file");
    ck_assert_ptr_null(output.file);
    path_of(path, "folder");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_ne(balact_output_open(&output, path, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/folder: cannot write: Is a directory");
    ck_assert_ptr_null(output.file);
    /* one that becomes a folder meanwhile: the rename fails, and nothing is left */
    char temporary[800];
    path_of(path, "late");
    ck_assert_int_eq(balact_output_open(&output, path, &error), BALACT_OK);
    snprintf(temporary, sizeof temporary, "%s", output.temporary);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_ne(balact_output_commit(&output, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/late: cannot write: Is a directory");
    ck_assert_int_ne(access(temporary, F_OK), 0);
}
END_TEST

/* Root may rename a file over /dev/null; nobody would want it. */
START_TEST(replaces_no_device) {
    struct balact_output output;
    struct stat what;
    char path[700];
    path_of(path, "pipe");
    ck_assert_int_eq(mkfifo(path, 0666), 0);
    ck_assert_int_ne(balact_output_open(&output, path, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/pipe: cannot write: not a regular file");
    ck_assert_ptr_null(output.file);
    ck_assert_int_ne(balact_output_open(&output, "/dev/null", &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/dev/null: cannot write: not a regular file");
    ck_assert(stat("/dev/null", &what) == 0 && S_ISCHR(what.st_mode));
}
END_TEST

START_TEST(follows_links) {
    struct balact_output output;
    struct stat what;
    char path[700], target[700];
    snprintf(target, sizeof target, "%s", test_write("target.csv", "old", 3));
    path_of(path, "link");
    ck_assert_int_eq(symlink("target.csv", path), 0);
    ck_assert_int_eq(balact_output_open(&output, path, &error), BALACT_OK);
    fputs("new", output.file);
    ck_assert_int_eq(balact_output_commit(&output, &error), BALACT_OK);
    ck_assert(lstat(path, &what) == 0 && S_ISLNK(what.st_mode));
    struct buffer bytes = buffer_load(target);
    ck_assert_str_eq((char *)bytes.bytes, "new");
    buffer_free(&bytes);
    path_of(path, "astray");
    ck_assert_int_eq(symlink("no/such/file", path), 0);
    ck_assert_int_ne(balact_output_open(&output, path, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "/astray: cannot write where this link leads: No such file");
}
END_TEST

START_TEST(makes_folders) {
    char path[700];
    struct stat what;
    path_of(path, "a/b/c");
    for (int again = 0; again < 2; again++)
        ck_assert_int_eq(balact_make_folder(path, &error), BALACT_OK);
    ck_assert(stat(path, &what) == 0 && S_ISDIR(what.st_mode));
    snprintf(path, sizeof path, "%s", test_write("plain", "x", 1));
    strcat(path, "/d");
    ck_assert_int_ne(balact_make_folder(path, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_IO, "cannot make folder");
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("output");
    TCase *tests = tcase_create("output");
    tcase_add_test(tests, appears_at_commit);
    tcase_add_test(tests, abandoned_leaves_the_old);
    tcase_add_test(tests, full_disk_leaves_the_old);
    tcase_add_test(tests, places_that_cannot_be);
    tcase_add_test(tests, replaces_no_device);
    tcase_add_test(tests, follows_links);
    tcase_add_test(tests, makes_folders);
    suite_add_tcase(suite, tests);
    return suite;
}
