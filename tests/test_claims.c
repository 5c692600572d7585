/* SPDX-License-Identifier: MIT
 *
 * Statistics over seeds, claims of every kind judged by a small run whose numbers are worked out by
 * hand, and what a malformed claims file or result is answered with.
 *
 * tests/data/ok_run: softmax reaches 0.40, 0.44, 0.42 overall over three seeds (mean 0.42,
 * deviation 0.02), Balanced Softmax 0.50, 0.51, 0.55 (0.52, sqrt(0.0014 / 2)), so the differences
 * seed by seed are 0.10, 0.07, 0.13 (0.10, 0.03); the optimum is 0.60.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plots/claims.h"
#include "tests/harness.h"

#define RUN     "tests/data/ok_run"
#define DATASET "toy_50%&<b>, small"
#define HEADER                                                                                     \
    "id,source,text,kind,experiment,dataset,split,method,baseline,group,metric,minimum,maximum,"   \
    "tolerance,run\n"

static struct run_results results;
static struct arena arena;
static struct claims claims;

static void load_run(const char *folder) {
    struct balact_error error;
    balact_status status = run_results_load(&results, folder, &error);
    ck_assert_msg(status == BALACT_OK, "%s", status == BALACT_OK ? "" : error.message);
}

/* Judges the claims of a file's text by the loaded run. */
static void judge(const char *rows) {
    char text[4096];
    struct balact_error error;
    snprintf(text, sizeof text, HEADER "%s", rows);
    const char *path = test_write("expected.csv", text, strlen(text));
    balact_status status = claims_load(&arena, path, &claims, &error);
    ck_assert_msg(status == BALACT_OK, "%s", status == BALACT_OK ? "" : error.message);
    claims_judge(&arena, &claims, &results);
}

static void setup(void) {
    load_run(RUN);
}

static void teardown(void) {
    claims_release(&claims);
    arena_release(&arena);
    run_results_release(&results);
}

START_TEST(summarizes_seeds_with_the_sample_deviation) {
    const struct experiment *tiny = results_experiment(&results, "tiny");
    ck_assert_ptr_nonnull(tiny);
    struct summary s = results_summary(tiny, DATASET, "test", "balanced_softmax", "all", "top1");
    ck_assert_int_eq(s.count, 3);
    ck_assert_double_eq_tol(s.mean, 0.52, 1e-12);
    ck_assert_double_eq_tol(summary_deviation(&s), sqrt(0.0014 / 2), 1e-12);
    s = results_difference(tiny, DATASET, "test", "balanced_softmax", "softmax", "all", "top1");
    ck_assert_int_eq(s.count, 3);
    ck_assert_double_eq_tol(s.mean, 0.10, 1e-12);
    ck_assert_double_eq_tol(summary_deviation(&s), 0.03, 1e-12);
    s = results_difference(tiny, DATASET, "test", "softmax", "bayes", "all", "top1");
    ck_assert_int_eq(s.count, 3); /* the one optimum is taken from every seed */
    ck_assert_double_eq_tol(s.mean, -0.18, 1e-12);
    s = results_summary(tiny, DATASET, "test", "softmax", "medium", "top1");
    ck_assert_int_eq(s.count, 0); /* an empty group is absent, not 0 */
    s = results_summary(tiny, DATASET, "test", "bayes", "all", "top1");
    ck_assert_int_eq(s.count, 1);
    ck_assert_double_eq(summary_deviation(&s), 0);
}
END_TEST

START_TEST(judges_values_and_differences) {
    judge("a,,t,value,tiny,*,test,softmax,,all,top1,0.41,0.43,,\n"
          "b,,t,value,tiny,*,test,softmax,,all,top1,0.43,,,\n"
          "c,,t,difference,tiny,*,test,balanced_softmax,softmax,all,top1,0.09,,,\n"
          "d,,t,difference,tiny,*,test,balanced_softmax,softmax,all,top1,0.11,,,\n"
          "e,,t,difference,tiny,*,test,balanced_softmax,softmax,all,top1,0.11,,0.02,\n"
          "f,,t,difference,tiny,*,test,*,bayes,all,top1,,0,,\n"
          "g,,t,difference,tiny,*,test,*,bayes,all,top1,,-0.1,,\n");
    static const enum verdict wanted[] = {VERDICT_PASS, VERDICT_FAIL, VERDICT_PASS, VERDICT_FAIL,
                                          VERDICT_PASS, VERDICT_PASS, VERDICT_FAIL};
    for (size_t i = 0; i < 7; i++)
        ck_assert_msg(claims.list[i].verdict == wanted[i], "claim %s", claims.list[i].id);
    ck_assert_double_eq_tol(claims.list[1].found.mean, 0.42, 1e-12);
    ck_assert_double_eq_tol(claims.list[3].found.mean, 0.10, 1e-12);
    /* of several methods the one that is nearest to failing is shown */
    ck_assert_double_eq_tol(claims.list[6].found.mean, -0.08, 1e-12);
    ck_assert_str_eq(claims.list[6].detail, "nearest to its bound: Balanced Softmax");
    ck_assert_str_eq(claim_found_text(&arena, &claims.list[3]),
                     "+10.00 \xc2\xb1 3.00 points, 3 seeds");
    ck_assert_str_eq(claim_wanted_text(&arena, &claims.list[3]), "at least 11.00 points");
    ck_assert_str_eq(claim_wanted_text(&arena, &claims.list[0]), "41.00 to 43.00 points");
    ck_assert_uint_eq(claims_count(&claims, VERDICT_FAIL), 3);
}
END_TEST

START_TEST(judges_ratios_of_times) {
    judge(
        "a,,t,ratio,tiny,*,test,balanced_softmax,softmax,all,train_samples_per_second,0.97,1.03,,\n"
        "b,,t,value,tiny,*,test,softmax,,all,inference_seconds,,0.4,,\n");
    ck_assert_int_eq(claims.list[0].verdict, VERDICT_PASS);
    ck_assert_double_eq_tol(claims.list[0].found.mean, 1, 1e-12);
    ck_assert_int_eq(claims.list[1].verdict, VERDICT_FAIL);
    ck_assert_double_eq_tol(claims.list[1].found.mean, 0.5, 1e-12);
}
END_TEST

START_TEST(judges_verification) {
    judge("a,,t,verify,verify,*,,*,avx2,probability,max_ulp,,4,,\n"
          "b,,t,verify,verify,*,,*,avx2,probability,max_ulp,,2,,\n"
          "c,,t,verify,verify,*,,softmax,avx2,loss,max_relative,,2e-6,,\n"
          "d,,t,verify,verify,*,,*,*,*,breaches,,0,,\n"
          "e,,t,verify,verify,*,,*,avx512,*,breaches,,0,,run it elsewhere\n"
          "f,,t,verify,verify,loss forward,,*,avx2,*,max_ulp,,2.5,,\n");
    ck_assert_int_eq(claims.list[0].verdict, VERDICT_PASS);
    ck_assert_double_eq(claims.list[0].found.mean, 3);
    ck_assert_str_eq(claims.list[0].detail, "worst: softmax forward of avx2, case 4x9");
    ck_assert_int_eq(claims.list[1].verdict, VERDICT_FAIL);
    ck_assert_int_eq(claims.list[2].verdict, VERDICT_PASS);
    ck_assert_double_eq(claims.list[2].found.mean, 1.5e-7);
    ck_assert_int_eq(claims.list[3].verdict, VERDICT_PASS);
    ck_assert_str_eq(claims.list[3].detail, "4 comparisons"); /* the skipped one is not one */
    ck_assert_int_eq(claims.list[4].verdict, VERDICT_SKIP);
    ck_assert_str_eq(claims.list[4].detail,
                     "verify.csv has no row of * on backend avx512; to run it: run it elsewhere");
    ck_assert_int_eq(claims.list[5].verdict, VERDICT_FAIL); /* 3 ULP in forward; no gradient's 5 */
    ck_assert_double_eq(claims.list[5].found.mean, 3);
}
END_TEST

START_TEST(skips_what_the_run_does_not_have) {
    judge("a,,t,value,other,*,test,softmax,,all,top1,0.1,,,balact train other\n"
          "b,,t,value,tiny,*,test,sigmoid,,all,top1,0.1,,,\n"
          "c,,t,value,tiny,*,test,softmax,,medium,top1,0.1,,,\n"
          "d,,t,value,tiny,*,val,softmax,,all,top1,0.1,,,\n"
          "e,,t,difference,tiny,*,test,softmax,sigmoid,all,top1,0.1,,,\n"
          "f,,t,value,tiny,another,test,softmax,,all,top1,0.1,,,\n"
          "f2,,t,value,*,another,test,softmax,,all,top1,0.1,,,\n"
          "g,,t,monotone,tiny,*,test,softmax,,all,top1,0,,,\n");
    for (size_t i = 0; i < claims.count; i++) {
        ck_assert_msg(claims.list[i].verdict == VERDICT_SKIP, "claim %s", claims.list[i].id);
        ck_assert_int_eq(claims.list[i].found.count, 0);
    }
    ck_assert_str_eq(claims.list[0].detail,
                     "experiment other is not in this run; to run it: balact train other");
    ck_assert_str_eq(claims.list[1].detail, "experiment tiny has no top1 of sigmoid (group all, "
                                            "split test); its methods: softmax, balanced_softmax");
}
END_TEST

START_TEST(finds_an_experiment_by_its_data_set_or_a_like_name) {
    judge("a,,t,value,*,\"" DATASET "\",test,softmax,,all,top1,0.41,0.43,,\n"
          "b,,t,value,*,elsewhere,test,softmax,,all,top1,0.41,0.43,,\n");
    ck_assert_int_eq(claims.list[0].verdict, VERDICT_PASS);
    ck_assert_str_eq(claims.list[1].detail, "no experiment of this run has the data set elsewhere");
    claims_release(&claims);
    results.experiments[0].name = "tiny-one";
    judge("a,,t,value,tiny_one,*,test,softmax,,all,top1,0.41,0.43,,\n"
          "b,,t,value,tiny_on,*,test,softmax,,all,top1,0.41,0.43,,\n");
    ck_assert_int_eq(claims.list[0].verdict, VERDICT_PASS);
    ck_assert_int_eq(claims.list[1].verdict, VERDICT_SKIP);
}
END_TEST

/* A run over sample size: softmax 0.5, 0.6, 0.59; the optimum 0.7 throughout. */
static const char *make_size_run(void) {
    static char folder[512];
    char text[2048], path[600];
    size_t used = 0;
    static const struct {
        const char *dataset, *value;
    } points[] = {{"g_x10", "0.59"}, {"g_x2", "0.6"}, {"g_x0.5", "0.5"}};
    snprintf(folder, sizeof folder, "%s/sizes", test_folder());
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/grow", folder);
    mkdir(path, 0777);
    used += (size_t)snprintf(text, sizeof text,
                             "experiment,dataset,split,method,seed,group,metric,value\n");
    for (size_t i = 0; i < 3; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "grow,%s,test,softmax,0,all,top1,%s\n"
                                 "grow,%s,test,bayes,0,all,top1,0.7\n",
                                 points[i].dataset, points[i].value, points[i].dataset);
    test_write("sizes/grow/metrics.csv", text, used);
    return folder;
}

START_TEST(judges_by_sample_size) {
    run_results_release(&results);
    load_run(make_size_run());
    ck_assert(results.experiments[0].by_size);
    ck_assert_str_eq(results.experiments[0].datasets.names[2], "g_x10"); /* a number, not a word */
    judge("a,,t,monotone,grow,*,test,softmax,,all,top1,0,,,\n"
          "b,,t,monotone,grow,*,test,softmax,,all,top1,0,,0.02,\n"
          "c,,t,value,grow,@largest,test,softmax,,all,top1,0.585,0.595,,\n"
          "d,,t,value,grow,@smallest,test,softmax,,all,top1,0.495,0.505,,\n"
          "e,,t,difference,grow,@largest,test,softmax,bayes,all,top1,-0.12,-0.1,,\n"
          "f,,t,value,grow,*,test,softmax,,all,top1,0.55,,,\n");
    ck_assert_int_eq(claims.list[0].verdict, VERDICT_FAIL);
    ck_assert_double_eq_tol(claims.list[0].found.mean, -0.01, 1e-12);
    ck_assert_str_eq(claims.list[0].detail, "smallest step: to g_x10");
    for (size_t i = 1; i <= 4; i++)
        ck_assert_msg(claims.list[i].verdict == VERDICT_PASS, "claim %s", claims.list[i].id);
    ck_assert_int_eq(claims.list[5].verdict, VERDICT_FAIL); /* every data set must hold it */
    ck_assert_str_eq(claims.list[5].detail, "g_x0.5");
}
END_TEST

/* Rows of expected.csv that cannot stand, and what is said after the file's name. */
static const struct {
    const char *rows, *message;
} bad[] = {
    {"a,,t,valeu,tiny,*,test,softmax,,all,top1,0,,,\n",
     "line 2: column 4 (kind): no kind 'valeu'; there are: value, difference, ratio, monotone, "
     "verify"},
    {"a,,t,value,tiny,*,test,softmax,,all,top1,0,,,\na,,t,value,tiny,*,test,softmax,,all,top1,0,,,"
     "\n",
     "line 3: column 1 (id): 'a' is also the claim of line 2"},
    {"a,,t,value,tiny,*,test,softmax,,all,top1,,,,\n",
     "line 2: column 12 (minimum): neither minimum nor maximum: nothing could make the claim "
     "false"},
    {"a,,t,value,tiny,*,test,softmax,,all,top1,1,0,,\n",
     "line 2: column 12 (minimum): minimum above maximum, a negative tolerance, or not a number"},
    {"a,,t,value,tiny,*,test,softmax,,all,top1,nan,0,,\n",
     "line 2: column 12 (minimum): minimum above maximum, a negative tolerance, or not a number"},
    {"a,,t,value,tiny,*,test,softmax,,all,top1,much,,,\n",
     "line 2: column 12 (minimum): 'much' is not a number"},
    {"a,,t,difference,tiny,*,test,softmax,,all,top1,0,,,\n",
     "line 2: column 9 (baseline): a claim of kind 'difference' needs a baseline"},
    {"a,,,value,tiny,*,test,softmax,,all,top1,0,,,\n",
     "line 2: column 3 (text): the cell is empty"},
};

START_TEST(names_the_place_of_a_claim_that_cannot_stand) {
    char text[1024], wanted[1200];
    struct balact_error error;
    snprintf(text, sizeof text, HEADER "%s", bad[_i].rows);
    const char *path = test_write("expected.csv", text, strlen(text));
    ck_assert_int_eq(claims_load(&arena, path, &claims, &error), BALACT_ERROR_FORMAT);
    snprintf(wanted, sizeof wanted, "%s: %s", path, bad[_i].message);
    ck_assert_str_eq(error.message, wanted);
}
END_TEST

START_TEST(the_projects_own_claims_can_be_read) {
    struct balact_error error;
    balact_status status = claims_load(&arena, "bench/expected.csv", &claims, &error);
    ck_assert_msg(status == BALACT_OK, "%s", status == BALACT_OK ? "" : error.message);
    ck_assert_uint_ge(claims.count, 10);
}
END_TEST

/* Results that cannot stand: the text of metrics.csv and what is said after the file's name. */
static const struct {
    const char *rows, *message;
    balact_status status;
} bad_metrics[] = {
    {"e,d,test,softmax,0,all,top1,0.5\ne,d,test,softmax,0,all,top1,0.6\n",
     "line 3: the row stands for the same thing as line 2; was one run appended to another?",
     BALACT_ERROR_RANGE},
    {"e,d,test,softmax,0,all,top1,nan\n", "line 2: column 8 (value): 'nan' is not a finite number",
     BALACT_ERROR_FORMAT},
    {"e,d,test,softmax,zero,all,top1,0.5\n", "line 2: column 5 (seed): 'zero' is not an integer",
     BALACT_ERROR_FORMAT},
    {"other,d,test,softmax,0,all,top1,0.5\n",
     "line 2: column 1 (experiment): 'other' in the folder of experiment 'e'", BALACT_ERROR_FORMAT},
};

START_TEST(names_the_place_of_a_result_that_cannot_stand) {
    char text[1024], folder[600], wanted[1200];
    struct balact_error error;
    struct run_results bad_results;
    snprintf(folder, sizeof folder, "%s/bad", test_folder());
    mkdir(folder, 0777);
    snprintf(folder, sizeof folder, "%s/bad/e", test_folder());
    mkdir(folder, 0777);
    snprintf(text, sizeof text, "experiment,dataset,split,method,seed,group,metric,value\n%s",
             bad_metrics[_i].rows);
    const char *path = test_write("bad/e/metrics.csv", text, strlen(text));
    snprintf(folder, sizeof folder, "%s/bad", test_folder());
    ck_assert_int_eq(run_results_load(&bad_results, folder, &error), bad_metrics[_i].status);
    snprintf(wanted, sizeof wanted, "%s: %s", path, bad_metrics[_i].message);
    ck_assert_str_eq(error.message, wanted);
    run_results_release(&bad_results);
}
END_TEST

START_TEST(refuses_a_run_without_anything) {
    char folder[600], wanted[1200];
    struct balact_error error;
    struct run_results empty;
    snprintf(folder, sizeof folder, "%s/empty", test_folder());
    mkdir(folder, 0777);
    ck_assert_int_eq(run_results_load(&empty, folder, &error), BALACT_ERROR_RANGE);
    snprintf(wanted, sizeof wanted,
             "%s: nothing to report: there is no verify.csv and no experiment (a folder with "
             "metrics.csv) in it",
             folder);
    ck_assert_str_eq(error.message, wanted);
    run_results_release(&empty);
    snprintf(folder, sizeof folder, "%s/nowhere", test_folder());
    ck_assert_int_eq(run_results_load(&empty, folder, &error), BALACT_ERROR_IO);
    run_results_release(&empty);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("claims");
    TCase *tests = tcase_create("claims");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, summarizes_seeds_with_the_sample_deviation);
    tcase_add_test(tests, judges_values_and_differences);
    tcase_add_test(tests, judges_ratios_of_times);
    tcase_add_test(tests, judges_verification);
    tcase_add_test(tests, skips_what_the_run_does_not_have);
    tcase_add_test(tests, finds_an_experiment_by_its_data_set_or_a_like_name);
    tcase_add_test(tests, judges_by_sample_size);
    tcase_add_loop_test(tests, names_the_place_of_a_claim_that_cannot_stand, 0,
                        (int)(sizeof bad / sizeof *bad));
    tcase_add_test(tests, the_projects_own_claims_can_be_read);
    tcase_add_loop_test(tests, names_the_place_of_a_result_that_cannot_stand, 0,
                        (int)(sizeof bad_metrics / sizeof *bad_metrics));
    tcase_add_test(tests, refuses_a_run_without_anything);
    suite_add_tcase(suite, tests);
    return suite;
}
