/* SPDX-License-Identifier: MIT
 *
 * See harness.h. The last line printed is "NAME: a passed, b failed, c skipped", which tests/run.sh
 * adds up.
 */
#include "tests/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int skipped;
static char folder[512];
static pid_t folder_owner; /* a test's child that exits must not take the folder away */

Suite *test_suite(const char *name, const TTest *const *tests, size_t count) {
    Suite *suite = suite_create(name);
    TCase *group = tcase_create(name);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    return suite;
}

void test_skip_record(const char *test, const char *reason) {
    skipped++;
    printf("SKIP %s: %s\n", test, reason);
}

const char *test_data(const char *name) {
    static char path[1024];
    struct stat status;
    const char *root = getenv("BALACT_DATA");
    snprintf(path, sizeof path, "%s/%s", root && *root ? root : "../shared/data", name);
    return stat(path, &status) == 0 ? path : NULL;
}

static void remove_folder(void) {
    char command[600];
    if (!folder[0] || getpid() != folder_owner)
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0)
        fprintf(stderr, "could not remove %s\n", folder);
}

const char *test_folder(void) {
    if (!folder[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(folder, sizeof folder, "%s/balact-test-XXXXXX", base && *base ? base : "/tmp");
        if (!mkdtemp(folder)) {
            perror(folder);
            exit(2);
        }
        folder_owner = getpid();
        atexit(remove_folder);
    }
    return folder;
}

const char *test_write(const char *name, const void *bytes, size_t size) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(2);
    }
    return path;
}

int main(int argc, char **argv) {
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    SRunner *runner = srunner_create(balact_suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    int passed = srunner_ntests_run(runner) - failed - skipped;
    srunner_free(runner);
    const char *slash = strrchr(argv[0], '/');
    printf("%s: %d passed, %d failed, %d skipped\n", slash ? slash + 1 : argv[0], passed, failed,
           skipped);
    return failed ? 1 : 0;
}
