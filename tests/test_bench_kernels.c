/* SPDX-License-Identifier: MIT
 *
 * balact bench kernels: what is wrong is never timed, whoever breaks down is named, the files have
 * their columns. No duration is judged.
 */
#include "tests/harness.h"

#include <math.h>
#include <string.h>

#include "bench/measure/kernels.h"

static const struct timed_case tiny = {"7x33", 7, 33, 3, true}, flat = {"7x33", 7, 33, 0, true};
static char table[1 << 16];
static struct kernels_tally tally;

static struct kernels_plan plan_of(const struct timed_case *shape,
                                   const struct balact_backend *backend) {
    struct kernels_plan plan = {.cases = {shape},
                                .case_count = 1,
                                .dtypes = {BALACT_F32},
                                .dtype_count = 1,
                                .threads = {1},
                                .thread_count = 1,
                                .backends = {backend},
                                .backend_count = 1,
                                .pace = {.rounds = 2, .sample_seconds = 1e-6},
                                .patience = 1.0,
                                .seed = 5,
                                .memory = test_folder()};
    plan.activations[BALACT_SOFTMAX] = plan.operations[BALACT_FORWARD] = true;
    return plan;
}

/* Runs a plan; kernels.csv is left in `table`, skipped.csv after it. */
static void run(const struct kernels_plan *plan) {
    struct balact_error error;
    FILE *other = tmpfile(), *files_of[2] = {tmpfile(), tmpfile()};
    struct kernels_files files = {files_of[0], other, other, files_of[1]};
    tally = (struct kernels_tally){0};
    ck_assert_msg(kernels_run(plan, &files, &tally, &error) == BALACT_OK, "%s", error.message);
    size_t used = 0;
    for (int i = 0; i < 2; i++) {
        rewind(files_of[i]);
        used += fread(table + used, 1, sizeof table - 1 - used, files_of[i]);
        fclose(files_of[i]);
    }
    table[used] = '\0';
    fclose(other);
}

START_TEST(quantiles) {
    struct samples samples = {0};
    ck_assert(isnan(samples_quantile(&samples, 0.5)));
    samples_add(&samples, 3.0);
    ck_assert(samples_quantile(&samples, 0.1) == 3.0);
    for (int i = 0; i < 4; i++)
        samples_add(&samples, (double[]){1.0, 5.0, 2.0, 4.0}[i]);
    ck_assert(samples_quantile(&samples, 0.0) == 1.0);
    ck_assert(samples_quantile(&samples, 0.5) == 3.0);
    ck_assert(samples_quantile(&samples, 1.0) == 5.0);
    ck_assert(fabs(samples_quantile(&samples, 0.1) - 1.4) < 1e-12);
    ck_assert(fabs(samples_quantile(&samples, 0.9) - 4.6) < 1e-12);
}
END_TEST

START_TEST(all_that_is_right_is_timed) {
    struct kernels_plan plan = plan_of(&tiny, balact_backend_find("reference"));
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        plan.activations[a] = true;
    for (int o = 0; o < BALACT_OPERATION_COUNT; o++)
        plan.operations[o] = true;
    run(&plan);
    static const char header[] =
        "activation,op,backend,dtype,rows,cols,threads,in_place,cache,seconds_p10,seconds_p50,"
        "seconds_p90,samples,bytes_min,limit_seconds,fraction_of_limit,max_error,verified\n";
    ck_assert(!strncmp(table, header, strlen(header)));
    ck_assert_int_eq(tally.timed, BALACT_ACTIVATION_COUNT * BALACT_OPERATION_COUNT);
    ck_assert_int_eq(tally.wrong, 0);
    ck_assert(strstr(table, "balanced_sigmoid,loss_grad,reference,f32,7,33,1,1,warm,"));
    ck_assert(strstr(table, ",yes\n") && !strstr(table, ",no\n"));
}
END_TEST

static balact_kernel *right;

static balact_status one_wrong(const struct balact_problem *p) {
    balact_status status = right(p);
    ((float *)p->out)[(p->rows - 1) * p->ld_out + p->cols - 1] *= 1.0001f;
    return status;
}

static balact_status writes_padding(const struct balact_problem *p) {
    balact_status status = right(p);
    ((float *)p->out)[p->cols] = 0.0f;
    return status;
}

START_TEST(what_is_wrong_is_not_timed) {
    static balact_kernel *const defects[] = {one_wrong, writes_padding};
    struct balact_backend bad = *balact_backend_find("reference");
    bad.name = "defective";
    right = bad.kernels[BALACT_SOFTMAX][BALACT_FORWARD];
    bad.kernels[BALACT_SOFTMAX][BALACT_FORWARD] = defects[_i];
    struct kernels_plan plan = plan_of(&tiny, &bad);
    run(&plan);
    ck_assert_int_eq(tally.timed, 0);
    ck_assert_int_eq(tally.wrong, 1);
    ck_assert(strstr(table, "softmax,forward,defective,f32,7,33,1,0,warm,,,,0,"));
    ck_assert(strstr(table, ",no\n"));
}
END_TEST

/* Peers made of shell: one that lies, one that dies, one that hangs, one that babbles, one that is
 * not here. What is to be found in the files, and how many rows or peers are wrong. */
static const struct {
    const char *script, *found;
    int wrong;
} peers[] = {
    {"while read -r a b; do case $a in hello) echo hello 1 fake 1;; run) echo seconds 1e-3;; "
     "quit) exit;; *) echo ok;; esac; done",
     "softmax,forward,fake,f32,7,33,1,0,warm,,,,0,", 1},
    {"read -r a; echo hello 1 fake 1; read -r a; echo the end >&2; exit 3", "died: the end", 1},
    {"read -r a; echo hello 1 fake 1; sleep 60", "gave no answer in 1 s", 1},
    {"read -r a; echo hello 9", "greets with 'hello 9'", 1},
    {"read -r a; echo skip there is no such library", "fake,,,,\"there is no such library\"", 0},
};
enum { PEERS = sizeof peers / sizeof *peers };

START_TEST(peers_that_fail_are_named) {
    struct peer_program fake = {.name = "fake", .arguments = {"sh", "-c", peers[_i].script}};
    struct kernels_plan plan = plan_of(&flat, balact_backend_find("reference"));
    plan.peers[plan.peer_count++] = &fake;
    run(&plan);
    ck_assert_msg(strstr(table, peers[_i].found), "no '%s' in:\n%s", peers[_i].found, table);
    ck_assert_int_eq(tally.wrong, peers[_i].wrong);
    ck_assert_int_eq(tally.timed, 1); /* the backend all the same */
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("bench_kernels");
    TCase *tests = tcase_create("bench_kernels");
    tcase_add_test(tests, quantiles);
    tcase_add_test(tests, all_that_is_right_is_timed);
    tcase_add_loop_test(tests, what_is_wrong_is_not_timed, 0, 2);
    tcase_add_loop_test(tests, peers_that_fail_are_named, 0, PEERS);
    suite_add_tcase(suite, tests);
    return suite;
}
