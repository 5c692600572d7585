/* SPDX-License-Identifier: MIT
 *
 * Bars judged by a small folder of measurements, and what malformed measurements or bars are
 * answered with; figures and tables made of the same folder.
 *
 * tests/data/ok_bench is made up, not measured: AVX-512 takes 0.30 ns an element, PyTorch 0.9 to
 * 7.5, XNNPACK was skipped, the limit is 0.16.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/program.h"
#include "plots/bars.h"
#include "plots/timing_figures.h"
#include "tests/files.h"

#define BENCH "tests/data/ok_bench"
#define BAR_HEADER                                                                                 \
    "bar,source,activation,op,dtype,rows,cols,dim,threads,in_place,cache,grad_input,numerator,"    \
    "denominator,comparison,bound\n"
#define KERNEL_HEADER                                                                              \
    "activation,op,backend,dtype,rows,cols,threads,in_place,cache,seconds_p10,seconds_p50,"        \
    "seconds_p90,samples,bytes_min,limit_seconds,fraction_of_limit,max_error,verified\n"
#define HEAD_HEADER                                                                                \
    "implementation,activation,rows,dim,classes,threads,grad_input,seconds_p10,seconds_p50,"       \
    "seconds_p90,samples,samples_per_second,flops_per_second,gemm_flops_per_second,"               \
    "share_of_gemm,peak_bytes,max_error,verified\n"

/* A row of kernels.csv: softmax forward 8x10 on one thread, and its balanced form. */
#define ROW(activation, backend, times, limit, verified)                                           \
    activation ",forward," backend ",f32,8,10,1,0,warm," times ",3,640," limit ",,1e-7," verified  \
               "\n"

/* What stands beside kernels.csv: the plain forms of both backends, in turns with the balanced one. */
#define LIMITS_HEADER                                                                              \
    "what,activation,op,dtype,rows,cols,threads,in_place,cache,bytes,seconds_p10,seconds_p50,"     \
    "seconds_p90,samples,bytes_per_second,seconds_per_element\n"
#define PLAIN(backend, seconds)                                                                    \
    "plain_" backend ",balanced_softmax,forward,f32,8,10,1,0,warm,640," seconds ",3,1e9,\n"
static const char limits[] = LIMITS_HEADER PLAIN("avx2", "1e-6,2.5e-6,3e-6")
    PLAIN("avx512", "1e-6,2e-6,3e-6");

static struct timings timings;
static struct bars bars;
static struct balact_error error;
static struct arena arena;

static void write_text(const char *folder, const char *name, const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* A folder of this test with those two files, NULL leaves one out, and limits.csv. */
static const char *folder_of(const char *kernels, const char *head) {
    static char folder[512];
    static int number;
    snprintf(folder, sizeof folder, "%s/bench%d", test_folder(), number++);
    ck_assert_int_eq(mkdir(folder, 0777), 0);
    write_text(folder, "limits.csv", limits);
    if (kernels)
        write_text(folder, "kernels.csv", kernels);
    if (head)
        write_text(folder, "head.csv", head);
    return folder;
}

static balact_status load_bars(const char *rows) {
    char text[4096];
    snprintf(text, sizeof text, BAR_HEADER "%s", rows);
    return bars_load(&arena, test_write("bars.csv", text, strlen(text)), &bars, &error);
}

static void judge(const char *folder, const char *rows) {
    ck_assert_msg(timings_load(&timings, folder, &error) == BALACT_OK, "%s", error.message);
    ck_assert_msg(load_bars(rows) == BALACT_OK, "%s", error.message);
    bars_judge(&arena, &bars, &timings);
}

static void bar_is(size_t i, enum verdict verdict, double ratio, const char *detail) {
    ck_assert_msg(bars.list[i].verdict == verdict, "bar %zu: verdict %d (%s)", i,
                  bars.list[i].verdict, bars.list[i].detail);
    ck_assert_str_eq(bars.list[i].detail, detail);
    if (isnan(ratio))
        ck_assert(isnan(bars.list[i].ratio));
    else
        ck_assert_double_eq_tol(bars.list[i].ratio, ratio, 1e-12);
}

static void teardown(void) {
    bars_release(&bars);
    timings_release(&timings);
    arena_release(&arena);
}

#define SOFTMAX_BAR  "b,kernels,softmax,forward,f32,8,10,,1,0,warm,,"
#define BALANCED_BAR "b,kernels,balanced_softmax,forward,f32,8,10,,1,0,warm,,"

/* clang-format off */
static const char kernels[] = KERNEL_HEADER
    ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "2e-6", "yes")
    ROW("softmax", "avx512", "1e-6,2e-6,3e-6", "1e-6", "yes")
    ROW("softmax", "torch", "7e-6,8e-6,9e-6", "", "yes")
    ROW("softmax", "torch_lean", "5e-6,6e-6,7e-6", "", "yes")
    ROW("softmax", "onednn", ",,", "", "SKIP")
    ROW("softmax", "xnnpack", ",,", "", "no")
    ROW("balanced_softmax", "avx2", "2e-6,3e-6,4e-6", "2e-6", "yes")
    ROW("balanced_softmax", "reference", "9e-6,9e-6,9e-6", "2e-6", "yes");
/* clang-format on */

START_TEST(passes_and_fails_at_the_bound) {
    judge(folder_of(kernels, NULL),
          SOFTMAX_BAR "best,limit,<=,2\n" SOFTMAX_BAR "avx2,limit,<=,1.99\n" SOFTMAX_BAR
                      "torch,best,>=,4\n" SOFTMAX_BAR "torch,avx2,>=,2.01\n" SOFTMAX_BAR
                      "torch|torch_lean,best,>=,3\n" BALANCED_BAR "best,plain,<=,1.5\n");
    bar_is(0, VERDICT_PASS, 2, "avx512 / limit");
    bar_is(1, VERDICT_FAIL, 2, "avx2 / limit");
    bar_is(2, VERDICT_PASS, 4, "torch / avx512");
    bar_is(3, VERDICT_FAIL, 2, "torch / avx2");
    bar_is(4, VERDICT_PASS, 3, "torch_lean / avx512"); /* the fastest of those named */
    bar_is(5, VERDICT_PASS, 1.2, "avx2 / plain_avx2"); /* of the same backend */
    ck_assert_uint_eq(bars_count(&bars, VERDICT_PASS), 4);
    ck_assert_uint_eq(bars_count(&bars, VERDICT_FAIL), 2);
}
END_TEST

START_TEST(skips_what_was_not_measured_with_the_reason) {
    judge(folder_of(kernels, NULL),
          SOFTMAX_BAR "onednn,best,>=,1\n" SOFTMAX_BAR "torch_compile,best,>=,1\n" SOFTMAX_BAR
                      "xnnpack,best,>=,1\n" SOFTMAX_BAR "torch,limit,<=,9\n"
                      "h,head,softmax,,,8,10,4,1,,,0,torch,balact,>=,1\n"
                      "b,kernels,softmax,forward,f32,8,10,,2,0,warm,,best,limit,<=,2\n" BALANCED_BAR
                      "reference,plain,<=,1.5\n");
    bar_is(0, VERDICT_SKIP, NAN, "onednn was skipped in the run");
    bar_is(1, VERDICT_SKIP, NAN, "kernels.csv has no row of 'torch_compile' for it");
    bar_is(2, VERDICT_SKIP, NAN, "the result of xnnpack was not verified");
    bar_is(3, VERDICT_SKIP, NAN, "the row of torch has no limit_seconds");
    bar_is(4, VERDICT_SKIP, NAN, "head.csv is not there");
    bar_is(5, VERDICT_SKIP, NAN, "kernels.csv has no row of 'best' for it");
    bar_is(6, VERDICT_SKIP, NAN, "limits.csv has no row of 'plain_reference' for it");
}
END_TEST

START_TEST(fails_where_an_own_result_was_not_verified) {
    judge(folder_of(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "2e-6", "yes")
                        ROW("softmax", "avx512", ",,", "1e-6", "no")
                            ROW("softmax", "torch", "7e-6,8e-6,9e-6", "", "yes"),
                    NULL),
          SOFTMAX_BAR "best,limit,<=,99\n" SOFTMAX_BAR "torch,best,>=,0.1\n");
    bar_is(0, VERDICT_FAIL, NAN, "the result of avx512 was not verified");
    bar_is(1, VERDICT_FAIL, NAN, "the result of avx512 was not verified");
}
END_TEST

START_TEST(judges_heads) {
    judge(folder_of(NULL, HEAD_HEADER "balact,softmax,8,4,10,1,0,1,2,3,5,4,,,0.9,,,yes\n"
                                      "torch,softmax,8,4,10,1,0,2,3,4,5,2.7,,,,,,yes\n"
                                      "torch,softmax,8,4,10,1,1,20,30,40,5,2.7,,,,,,yes\n"
                                      "gemm,softmax,8,4,10,1,0,1,1.5,2,5,4,,,,,,yes\n"),
          "s,head,softmax,,,8,10,4,1,,,0,torch,balact,>=,1.5\n"
          "s,head,softmax,,,8,10,4,1,,,0,balact,gemm,>=,0.91\n"
          "s,head,softmax,,,8,10,4,1,,,1,torch,balact,>=,1.5\n" SOFTMAX_BAR "best,limit,<=,2\n");
    bar_is(0, VERDICT_PASS, 1.5, "torch / balact");
    bar_is(1, VERDICT_FAIL, 0.9, "balact / gemm");
    bar_is(2, VERDICT_SKIP, NAN, "head.csv has no row of 'balact' for it");
    bar_is(3, VERDICT_SKIP, NAN, "kernels.csv is not there");
}
END_TEST

static void timings_fail(const char *text, balact_status status, const char *wanted, int64_t line) {
    ck_assert_int_eq(timings_load(&timings, folder_of(text, NULL), &error), status);
    ck_failed_at_line(error, status, wanted, line);
    ck_assert_msg(strstr(error.message, "/kernels.csv: line "), "%s", error.message);
    timings_release(&timings);
}

START_TEST(malformed_measurements_are_errors_with_a_line) {
    timings_fail("activation,op\nsoftmax,forward\n", BALACT_ERROR_FORMAT, "backend", 1);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "2e-6", "yes")
                     ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "2e-6", "yes"),
                 BALACT_ERROR_RANGE, "the same case and backend as line 2", 3);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "2e-6", "no"),
                 BALACT_ERROR_FORMAT, "a row that is not verified has a time", 2);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,,5e-6", "2e-6", "yes"),
                 BALACT_ERROR_FORMAT, "(seconds_p50): the cell is empty", 2);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,1e-6,5e-6", "2e-6", "yes"),
                 BALACT_ERROR_FORMAT, "do not rise", 2);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,4e-6,inf", "2e-6", "yes"),
                 BALACT_ERROR_FORMAT, "'inf' is not a positive number", 2);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "-1", "yes"),
                 BALACT_ERROR_FORMAT, "'-1' is not a positive number", 2);
    timings_fail(KERNEL_HEADER ROW("softmax", "avx2", "2e-6,4e-6,5e-6", "", "maybe"),
                 BALACT_ERROR_FORMAT, "'maybe' is not one of yes, no, SKIP", 2);
    timings_fail(KERNEL_HEADER ROW("softmux", "avx2", "2e-6,4e-6,5e-6", "", "yes"),
                 BALACT_ERROR_FORMAT, "'softmux' is not one of", 2);
    ck_assert_int_eq(timings_load(&timings, folder_of(NULL, NULL), &error), BALACT_ERROR_IO);
    ck_failed(error, BALACT_ERROR_IO, "neither kernels.csv nor head.csv");
}
END_TEST

static void bars_fail(const char *rows, const char *wanted, int64_t line) {
    ck_assert_int_eq(load_bars(rows), BALACT_ERROR_FORMAT);
    ck_failed_at_line(error, BALACT_ERROR_FORMAT, wanted, line);
    ck_assert_msg(strstr(error.message, "/bars.csv: line "), "%s", error.message);
}

START_TEST(malformed_bars_are_errors_with_a_line) {
    bars_fail(SOFTMAX_BAR "best,limit,<=,0\n", "'0' is no bound", 2);
    bars_fail(SOFTMAX_BAR "best,limit,<=,two\n", "(bound)", 2);
    bars_fail(SOFTMAX_BAR "best,limit,<=,inf\n", "(bound)", 2);
    bars_fail(SOFTMAX_BAR "best,limit,<,2\n", "'<' is not one of <=, >=", 2);
    bars_fail(SOFTMAX_BAR "best,limit,<=,2\n" SOFTMAX_BAR "best,limit,<=,3\n",
              "the same bar as line 2", 3);
    bars_fail(SOFTMAX_BAR "best,plain,<=,2\n", "only a balanced activation has a plain one", 2);
    bars_fail(SOFTMAX_BAR "best,gemm,<=,2\n", "a kernel has no 'gemm'", 2);
    bars_fail("b,head,softmax,,,8,10,4,1,,,0,balact,limit,<=,2\n", "a head has no 'limit'", 2);
    bars_fail("b,head,softmax,,,8,10,,1,,,0,balact,gemm,<=,2\n", "(dim): the cell is empty", 2);
    bars_fail("b,head,softmax,loss,,8,10,4,1,,,0,balact,gemm,<=,2\n", "no such cell", 2);
    bars_fail("b,tail,softmax,,,8,10,4,1,,,0,balact,gemm,<=,2\n", "not one of kernels, head", 2);
    bars_fail("b,kernels,softmax,forward,f32,0,10,,1,0,warm,,best,limit,<=,2\n",
              "0 is not positive", 2);
}
END_TEST

/* balact bench SUBJECT FOLDER; its output goes to the file `words`, the exit status comes back. */
static int bench(const char *subject, const char *folder) {
    char words[600], command[] = "bench", what[16], where[600];
    char *arguments[] = {command, what, where, NULL};
    int status;
    snprintf(what, sizeof what, "%s", subject);
    snprintf(where, sizeof where, "%s", folder);
    snprintf(words, sizeof words, "%s/words", test_folder());
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen(words, "w", stdout) || !freopen(words, "a", stderr))
            _exit(99);
        exit(balact_command_bench(3, arguments));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void holds(const char *folder, const char *name, const char *text) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct buffer file = buffer_load(path);
    ck_assert_msg(strstr((char *)file.bytes, text) != NULL, "%s: no '%s' in:\n%.2000s", path, text,
                  file.bytes);
    buffer_free(&file);
}

/* A folder with what ok_bench holds. */
static const char *copy_bench(bool with_head) {
    struct buffer kernel_file = buffer_load(BENCH "/kernels.csv");
    struct buffer head_file = buffer_load(BENCH "/head.csv");
    struct buffer limits_file = buffer_load(BENCH "/limits.csv");
    const char *folder =
        folder_of((char *)kernel_file.bytes, with_head ? (char *)head_file.bytes : NULL);
    write_text(folder, "limits.csv", (char *)limits_file.bytes);
    buffer_free(&kernel_file);
    buffer_free(&head_file);
    buffer_free(&limits_file);
    return folder;
}

START_TEST(the_command_prints_and_writes_the_table) {
    const char *folder = copy_bench(true);
    ck_assert_int_eq(bench("bars", folder), EXIT_CHECK_FAILED);
    holds(test_folder(), "words", "56 bars: 51 PASS, 3 FAIL, 2 SKIP\n");
    holds(test_folder(), "words", "xnnpack was skipped in the run\n");
    holds(folder, "bars.csv", "bar,case,threads,ratio,comparison,bound,verdict,detail\n");
    holds(folder, "bars.csv", "sigmoid forward against XNNPACK,8192x1203,1,,>=,0.95,SKIP,");
    holds(folder, "bars.md", "| 2048x21841 | 1 | 2.212 | &lt;= | 2.20 | FAIL |");
    ck_assert_int_eq(bench("bars", copy_bench(false)), EXIT_CHECK_FAILED);
    holds(test_folder(), "words", "56 bars: 47 PASS, 3 FAIL, 6 SKIP\n");
    ck_assert_int_eq(bench("bars", "no/such/folder"), EXIT_BAD_INPUT);
}
END_TEST

static bool figure_there(const struct report_figures *figures, const char *id) {
    for (size_t i = 0; i < figures->count; i++)
        if (!strcmp(figures->list[i].id, id))
            return true;
    return false;
}

START_TEST(makes_the_figures_that_there_is_data_for) {
    struct report_figures figures;
    ck_assert_int_eq(timings_load(&timings, BENCH, &error), BALACT_OK);
    timing_make_figures(&timings, &figures);
    ck_assert(figure_there(&figures, "ns_per_element_softmax_forward_1"));
    ck_assert(figure_there(&figures, "ns_per_element_balanced_sigmoid_loss_grad_2"));
    ck_assert(!figure_there(&figures, "ns_per_element_softmax_loss_1")); /* has no rows */
    ck_assert(figure_there(&figures, "fraction_of_limit_forward_2"));
    ck_assert(figure_there(&figures, "roofline_1"));
    ck_assert(figure_there(&figures, "head_throughput_balanced_softmax_2"));
    for (size_t i = 0; i < figures.count; i++)
        if (!strcmp(figures.list[i].id, "ns_per_element_sigmoid_forward_1")) {
            ck_assert_ptr_null(strstr(figures.list[i].data, "XNNPACK")); /* was skipped */
            ck_assert_ptr_nonnull(strstr(figures.list[i].data, ",oneDNN,"));
            ck_assert_ptr_nonnull(strstr(figures.list[i].data, ",limit,"));
        }
}
END_TEST

START_TEST(draws_every_figure_without_a_warning) {
    if (!gnuplot_found())
        TEST_SKIP("gnuplot is not installed");
    char path[600];
    const char *folder = copy_bench(true);
    int code = bench("figures", folder);
    struct buffer words;
    snprintf(path, sizeof path, "%s/words", test_folder());
    words = buffer_load(path);
    ck_assert_msg(code == EXIT_FINE, "%s", words.bytes);
    buffer_free(&words);
    holds(folder, "figures/ns_per_element_softmax_forward_1.svg", "</svg>");
    holds(folder, "kernels.md", "Balanced Sigmoid, loss with gradient");
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("bars");
    TCase *tcase = tcase_create("bars");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, passes_and_fails_at_the_bound);
    tcase_add_test(tcase, skips_what_was_not_measured_with_the_reason);
    tcase_add_test(tcase, fails_where_an_own_result_was_not_verified);
    tcase_add_test(tcase, judges_heads);
    tcase_add_test(tcase, malformed_measurements_are_errors_with_a_line);
    tcase_add_test(tcase, malformed_bars_are_errors_with_a_line);
    tcase_add_test(tcase, the_command_prints_and_writes_the_table);
    tcase_add_test(tcase, makes_the_figures_that_there_is_data_for);
    tcase_add_test(tcase, draws_every_figure_without_a_warning);
    suite_add_tcase(suite, tcase);
    return suite;
}
