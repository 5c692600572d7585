/* SPDX-License-Identifier: MIT
 *
 * What every test program shares: a main around a Check suite, skipping with a reason, and the
 * place of the real data. Tests run without fork (OpenMP and CUDA do not survive it); the runner
 * counts a crash as a failure.
 */
#ifndef BALACT_TESTS_HARNESS_H
#define BALACT_TESTS_HARNESS_H

#include <check.h>

/* Each test file defines this and nothing else that is global. */
Suite *balact_suite(void);

/* A suite of these tests, in one case of its name. */
Suite *test_suite(const char *name, const TTest *const *tests, size_t count);
#define TEST_SUITE(name, ...)                                                                      \
    test_suite(name, (const TTest *const[]){__VA_ARGS__},                                          \
               sizeof((const TTest *const[]){__VA_ARGS__}) / sizeof(const TTest *))

/* Leaves the running test, counted as skipped with the reason printed. */
void test_skip_record(const char *test, const char *reason);
#define TEST_SKIP(reason)                                                                          \
    do {                                                                                           \
        test_skip_record(__func__, reason);                                                        \
        return;                                                                                    \
    } while (0)

/* Path of a file of the real data ($BALACT_DATA or ../shared/data), or NULL if it is not at hand.
 * The string lives until the next call. */
const char *test_data(const char *name);

/* A fresh empty folder for this test program's output, removed at exit. */
const char *test_folder(void);

/* Writes bytes to a file in test_folder() and returns its path (valid until the next call). */
const char *test_write(const char *name, const void *bytes, size_t size);

#endif
