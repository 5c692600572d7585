/* SPDX-License-Identifier: MIT
 *
 * balact bench head: what is wrong is never timed, and a peer that is missing, lies or breaks down
 * is named and leaves the others their times. No duration is judged.
 */
#include "tests/harness.h"

#include <stdio.h>
#include <string.h>

#include "bench/measure/head.h"
#include "optimized/cpu/linear.h"

static const struct head_case tiny[] = {{BALACT_BALANCED_SOFTMAX, 12, 16, 5, true, true},
                                        {BALACT_BALANCED_SIGMOID, 9, 8, 7, false, true}};
static bool fine;

/* Runs the tiny cases and returns head.csv. */
static char *run(const struct balact_backend *backend, const struct peer_program *peer,
                 double patience) {
    static char folder[1024], table[1 << 16];
    snprintf(folder, sizeof folder, "%s/head", test_folder());
    struct head_options options = {.backend = backend,
                                   .threads = 1,
                                   .quick = true,
                                   .out = folder,
                                   .peer = peer,
                                   .patience = patience,
                                   .cases = tiny,
                                   .case_count = 2};
    balact_set_threads(1);
    fine = balact_measure_head(&options);
    size_t length = strlen(folder);
    snprintf(folder + length, sizeof folder - length, "/head.csv");
    FILE *file = fopen(folder, "r");
    ck_assert_ptr_nonnull(file);
    table[fread(table, 1, sizeof table - 1, file)] = '\0';
    fclose(file);
    return table;
}

static const struct balact_backend *best(void) {
    struct balact_error error;
    const struct balact_backend *backend = balact_backend_default(&error);
    return backend && backend->head.run && balact_gemm_libraries[0].name ? backend : NULL;
}

/* Whether the row that begins so ends so, and has seconds or none. */
static void row_is(const char *table, const char *begin, bool timed, const char *end) {
    const char *row = strstr(table, begin);
    ck_assert_msg(row, "no row '%s' in:\n%s", begin, table);
    const char *next = strchr(row, '\n');
    ck_assert_msg(!strncmp(next - strlen(end), end, strlen(end)), "not '%s':\n%s", end, table);
    ck_assert_msg((row[strlen(begin)] != ',') == timed, "'%s' has seconds or not:\n%s", begin,
                  table);
}

/* Peers made of shell, and what their rows end in. */
static const struct {
    const char *program, *script, *end;
    bool fine;
} peers[] = {
    {"/nowhere/python3", "", ",SKIP", true},
    {"sh", "read -r a; echo skip there is no such library", ",SKIP", true},
    {"sh",
     "while read -r a b; do case $a in hello) echo hello 1 torch 1;; run) echo seconds 1e-3;; "
     "quit) exit;; *) echo ok;; esac; done",
     ",no", false},
    {"sh", "read -r a; echo hello 1 torch 1; read -r a; exit 3", ",no", false},
    {"sh", "read -r a; echo hello 1 torch 1; read -r a; sleep 60", ",no", false},
};
enum { PEERS = sizeof peers / sizeof *peers };

START_TEST(peers_that_fail_have_no_times) {
    struct peer_program fake = {.name = "torch",
                                .arguments = {peers[_i].program, "-c", peers[_i].script}};
    if (!best())
        TEST_SKIP("this build has no fused head");
    const char *table = run(best(), &fake, 1);
    row_is(table, "torch,balanced_softmax,12,16,5,1,1,", false, peers[_i].end);
    row_is(table, "torch,balanced_sigmoid,9,8,7,1,0,", false, peers[_i].end);
    row_is(table, "balact,balanced_softmax,12,16,5,1,1,", true, ",yes");
    row_is(table, "gemm,balanced_sigmoid,9,8,7,1,0,", true, ",yes");
    ck_assert_int_eq(fine, peers[_i].fine);
}
END_TEST

START_TEST(torch_makes_the_same_step) {
    if (!best())
        TEST_SKIP("this build has no fused head");
    const char *table = run(best(), peer_of_heads(), 300);
    if (strstr(table, ",SKIP\n"))
        TEST_SKIP("PyTorch is not here");
    row_is(table, "torch,balanced_softmax,12,16,5,1,1,", true, ",yes");
    row_is(table, "torch,balanced_sigmoid,9,8,7,1,0,", true, ",yes");
}
END_TEST

static balact_status (*right_products)(const struct balact_linear_problem *);

static balact_status one_wrong(const struct balact_linear_problem *p) {
    balact_status status = right_products(p);
    p->dweight[p->classes * p->dim - 1] += 0.01f;
    return status;
}

START_TEST(what_is_wrong_is_not_timed) {
    struct peer_program none = {.name = "torch", .missing = "left out"};
    if (!best())
        TEST_SKIP("this build has no fused head");
    struct balact_backend bad = *best();
    right_products = bad.linear.grad_weight;
    bad.linear.grad_weight = one_wrong;
    const char *table = run(&bad, &none, 1);
    row_is(table, "balact,balanced_softmax,12,16,5,1,1,", false, ",no");
    row_is(table, "unfused,balanced_softmax,12,16,5,1,1,", false, ",no");
    ck_assert(!strstr(table, ",yes\n") && !fine);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("bench_head");
    TCase *tests = tcase_create("bench_head");
    tcase_add_loop_test(tests, peers_that_fail_have_no_times, 0, PEERS);
    tcase_add_test(tests, torch_makes_the_same_step);
    tcase_add_test(tests, what_is_wrong_is_not_timed);
    tcase_set_timeout(tests, 120);
    suite_add_tcase(suite, tests);
    return suite;
}
