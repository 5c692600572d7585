/* SPDX-License-Identifier: MIT
 *
 * balact report on a small run worked out by hand (see test_claims.c): the cells of its tables in
 * every notation, escapes, exit statuses, and that two reports on one run are the same bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/program.h"
#include "plots/report.h"
#include "tests/harness.h"

/* A file's text, malloc'ed; the test fails if there is none. */
static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    char *text = calloc(1, 1 << 20);
    ck_assert_ptr_nonnull(text);
    size_t size = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    ck_assert_uint_lt(size, (1 << 20) - 1);
    return text;
}

/* A fresh copy of the small run as <test folder>/name; the path lives until the next call. */
static const char *copy_run(const char *name) {
    static char path[600];
    char command[1400];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    snprintf(command, sizeof command, "rm -rf '%s' && cp -r tests/data/ok_run '%s'", path, path);
    ck_assert_int_eq(system(command), 0);
    return path;
}

static const char *in_folder(const char *folder, const char *name) {
    static char path[1400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Runs the command in a child, whose words go to <test folder>/words; returns its exit status. */
static int report(const char *run, const char *expected, bool figures) {
    char *arguments[] = {(char[]){"report"},     (char *)(uintptr_t)run,
                         (char[]){"--expected"}, (char *)(uintptr_t)expected,
                         (char[]){"--no-figures"}};
    char words[600];
    int status = 0;
    snprintf(words, sizeof words, "%s/words", test_folder());
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int file = open(words, O_CREAT | O_TRUNC | O_WRONLY, 0666);
        if (file < 0 || dup2(file, 1) < 0 || dup2(file, 2) < 0)
            _exit(99);
        exit(balact_command_report(figures ? 4 : 5, arguments));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void words_hold(const char *text) {
    char *words = read_file(in_folder(test_folder(), "words"));
    ck_assert_msg(strstr(words, text) != NULL, "'%s' is not in:\n%s", text, words);
    free(words);
}

static void file_is(const char *path, const char *text) {
    char *found = read_file(path);
    ck_assert_str_eq(found, text);
    free(found);
}

static void file_holds(const char *path, const char *text) {
    char *found = read_file(path);
    ck_assert_msg(strstr(found, text) != NULL, "%s: '%s' is not in:\n%s", path, text, found);
    free(found);
}

START_TEST(writes_the_accuracy_table_from_the_same_cells) {
    const char *run = copy_run("tables");
    ck_assert_int_eq(report(run, "tests/data/ok_expected.csv", false), EXIT_FINE);
    file_is(in_folder(run, "tables/accuracy_tiny_test.csv"),
            "experiment,dataset,split,method,seeds,many_mean,many_std,medium_mean,medium_std,"
            "few_mean,few_std,all_mean,all_std\n"
            "tiny,\"toy_50%&<b>, small\",test,softmax,3,0.8,0,,,0.04,0.02,0.42,0.02\n"
            "tiny,\"toy_50%&<b>, small\",test,balanced_softmax,3,0.72,0.02,,,0.22,0.02,0.52,"
            "0.0264575131\n"
            "tiny,\"toy_50%&<b>, small\",test,bayes,1,,,,,,,0.6,\n");
    file_holds(in_folder(run, "tables/accuracy_tiny_test.md"),
               "| Method | Many | Medium | Few | All |\n"
               "|---|---:|---:|---:|---:|\n"
               "| Softmax | **80.0 ± 0.0** | – | 4.0 ± 2.0 | 42.0 ± 2.0 |\n"
               "| Balanced Softmax | 72.0 ± 2.0 | – | **22.0 ± 2.0** | **52.0 ± 2.6** |\n"
               "| Bayes optimum | – | – | – | 60.0 |\n");
    file_holds(in_folder(run, "tables/accuracy_tiny_test.tex"),
               "\\label{tab:accuracy_tiny_test}\n"
               "\\begin{tabular}{@{}lrrrr@{}}\n"
               "\\toprule\n"
               "Method & Many & Medium & Few & All \\\\\n"
               "\\midrule\n"
               "Softmax & \\textbf{80.0 $\\pm$ 0.0} & -- & 4.0 $\\pm$ 2.0 & 42.0 $\\pm$ 2.0 \\\\\n"
               "Balanced Softmax & 72.0 $\\pm$ 2.0 & -- & \\textbf{22.0 $\\pm$ 2.0} & "
               "\\textbf{52.0 $\\pm$ 2.6} \\\\\n"
               "\\midrule\n"
               "Bayes optimum & -- & -- & -- & 60.0 \\\\\n"
               "\\bottomrule\n");
    words_hold("  Softmax           80.0 ± 0.0*       –   4.0 ± 2.0   42.0 ± 2.0\n"
               "  Balanced Softmax  72.0 ± 2.0        –  22.0 ± 2.0*  52.0 ± 2.6*\n");
}
END_TEST

START_TEST(writes_gains_seed_by_seed) {
    const char *run = copy_run("gains");
    ck_assert_int_eq(report(run, "tests/data/ok_expected.csv", false), EXIT_FINE);
    file_holds(in_folder(run, "tables/gain_tiny_test.md"),
               "| Balanced Softmax | Softmax | −8.0 ± 2.0 | – | +18.0 ± 0.0 | +10.0 ± 3.0 |\n");
    file_holds(in_folder(run, "tables/verification.csv"),
               "softmax,forward,avx2,f32,2,3,4,,,PASS\n"
               "softmax,loss_grad,avx2,f32,2,5,8,1.5e-07,2e-06,PASS\n"
               "softmax,forward,avx512,f32,0,,,,,SKIP\n");
    file_holds(in_folder(run, "tables/throughput_tiny.csv"),
               "softmax,3,reference,1,0.42,0.02,181,0,80,0,2,0.5,1048576\n");
}
END_TEST

START_TEST(escapes_what_means_something_in_a_notation) {
    const char *run = copy_run("escapes");
    ck_assert_int_eq(report(run, "tests/data/ok_expected.csv", false), EXIT_FINE);
    file_holds(in_folder(run, "tables/accuracy_tiny_test.tex"),
               "test split of toy\\_50\\%\\&\\textless{}b\\textgreater{}, small:");
    file_holds(in_folder(run, "tables/accuracy_tiny_test.md"),
               "test split of toy\\_50%&amp;&lt;b&gt;, small:");
    file_holds(in_folder(run, "report.html"), "test split of toy_50%&amp;&lt;b&gt;, small:");
    char *page = read_file(in_folder(run, "report.html"));
    ck_assert_ptr_null(strstr(page, "<b>, small"));
    ck_assert_ptr_null(strstr(page, "http:"));
    ck_assert_ptr_null(strstr(page, "https:")); /* nothing is loaded from elsewhere */
    ck_assert_ptr_nonnull(strstr(page, "name=\"viewport\""));
    ck_assert_ptr_nonnull(strstr(page, "balact train &lt;tiny&gt;")); /* from run.json */
    free(page);
}
END_TEST

START_TEST(escapes_every_special_character) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(file);
    write_latex_text(file, "\\{}$&#%_^~<>\xe2\x80\x93\xe2\x88\x92");
    fputc('\n', file);
    write_html_text(file, "&<>\"'");
    fputc('\n', file);
    write_markdown_text(file, "a|b*c_d`e[f]<\\");
    fputc('\n', file);
    write_csv_text(file, "plain");
    fputc('\n', file);
    write_csv_text(file, "a,\"b\"");
    fclose(file);
    ck_assert_str_eq(text, "\\textbackslash{}\\{\\}\\$\\&\\#\\%\\_\\textasciicircum{}"
                           "\\textasciitilde{}\\textless{}\\textgreater{}--$-$\n"
                           "&amp;&lt;&gt;&quot;&#39;\n"
                           "a\\|b\\*c\\_d\\`e\\[f\\]&lt;\\\\\n"
                           "plain\n"
                           "\"a,\"\"b\"\"\"");
    free(text);
}
END_TEST

START_TEST(exits_1_where_a_claim_fails_and_not_where_one_is_skipped) {
    static const char claim[] =
        "id,source,text,kind,experiment,dataset,split,method,baseline,group,metric,minimum,maximum,"
        "tolerance,run\n"
        "too-much,ours,A bold claim,value,tiny,*,test,softmax,,all,top1,0.9,,,\n"
        "absent,ours,Another,value,elsewhere,*,test,softmax,,all,top1,0.9,,,balact train x\n";
    const char *run = copy_run("exits");
    ck_assert_int_eq(report(run, "tests/data/ok_expected.csv", false), EXIT_FINE);
    words_hold("6 claims: 5 PASS, 0 FAIL, 1 SKIP\n");
    words_hold(
        "  SKIP  Needs what this run has not\n"
        "        experiment elsewhere is not in this run; to run it: balact train elsewhere\n");
    ck_assert_int_eq(report(run, test_write("bold.csv", claim, sizeof claim - 1), false),
                     EXIT_CHECK_FAILED);
    words_hold("  FAIL  A bold claim\n        found 42.00 ± 2.00 points, 3 seeds; wanted at least "
               "90.00 points\n");
    words_hold("2 claims: 0 PASS, 1 FAIL, 1 SKIP\n");
    file_holds(in_folder(run, "claims.csv"),
               "too-much,FAIL,0.42,0.02,3,0.9,,0,value,tiny,*,test,softmax,,all,top1,ours,"
               "A bold claim,\n"
               "absent,SKIP,,,0,0.9,,0,value,elsewhere,*,test,softmax,,all,top1,ours,Another,"
               "experiment elsewhere is not in this run; to run it: balact train x\n");
}
END_TEST

START_TEST(exits_2_with_the_place_of_a_malformed_file) {
    const char *run = copy_run("malformed");
    FILE *file = fopen(in_folder(run, "tiny/counts.csv"), "wb");
    ck_assert_ptr_nonnull(file);
    fputs("dataset,class,train_count\nd,0,7\nd,1,many\n", file);
    fclose(file);
    ck_assert_int_eq(report(run, "tests/data/ok_expected.csv", false), EXIT_BAD_INPUT);
    words_hold("tiny/counts.csv: line 3: column 3 (train_count): 'many' is not an integer\n");
    struct stat status;
    ck_assert_int_ne(stat(in_folder(run, "tables"), &status), 0); /* nothing is written */
    ck_assert_int_eq(report("tests/data/no_such_run", "tests/data/ok_expected.csv", false),
                     EXIT_BAD_INPUT);
    words_hold("balact: tests/data/no_such_run: cannot open the folder of a run: No such file");
    ck_assert_int_eq(report(run, "tests/data/no_such.csv", false), EXIT_BAD_INPUT);
    words_hold("balact: tests/data/no_such.csv: cannot open: No such file or directory\n");
}
END_TEST

/* Compares all files of two reports, but pictures that hold a date. */
static void same_files(const char *left, const char *right) {
    char command[2600];
    snprintf(command, sizeof command, "diff -r -x '*.pdf' '%s' '%s' > '%s/words'", left, right,
             test_folder());
    int status = system(command);
    if (status != 0)
        words_hold("(nothing differs)");
}

START_TEST(two_reports_are_the_same_bytes) {
    char first[700];
    bool figures = gnuplot_found();
    snprintf(first, sizeof first, "%s", copy_run("first"));
    ck_assert_int_eq(report(first, "tests/data/ok_expected.csv", figures), EXIT_FINE);
    const char *second = copy_run("second");
    ck_assert_int_eq(report(second, "tests/data/ok_expected.csv", figures), EXIT_FINE);
    char folder[700];
    snprintf(folder, sizeof folder, "%s", second);
    char *page = read_file(in_folder(first, "report.html"));
    ck_assert_ptr_null(strstr(page, first)); /* no path of the machine in it */
    free(page);
    same_files(first, folder);
}
END_TEST

/* Rows in another order are the same results. */
START_TEST(the_order_of_rows_means_nothing) {
    char first[700], command[3000];
    snprintf(first, sizeof first, "%s", copy_run("ordered"));
    ck_assert_int_eq(report(first, "tests/data/ok_expected.csv", false), EXIT_FINE);
    const char *second = copy_run("turned");
    snprintf(command, sizeof command,
             "for f in metrics per_class counts curve throughput; do "
             "{ head -n 1 '%s/tiny/'$f.csv; tail -n +2 '%s/tiny/'$f.csv | tac; } > '%s/new' && "
             "mv '%s/new' '%s/tiny/'$f.csv; done",
             second, second, test_folder(), test_folder(), second);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(report(second, "tests/data/ok_expected.csv", false), EXIT_FINE);
    snprintf(command, sizeof command, "rm -r '%s/tiny' '%s/tiny'", first, second);
    ck_assert_int_eq(system(command), 0);
    same_files(first, second);
}
END_TEST

START_TEST(draws_every_figure_in_three_formats) {
    static const char *const names[] = {"accuracy_by_group_tiny_test", "accuracy_by_rank_tiny_test",
                                        "class_counts_tiny", "training_loss_tiny"};
    static const char *const suffixes[] = {"csv", "svg", "png", "pdf"};
    if (!gnuplot_found())
        TEST_SKIP("gnuplot is not installed");
    const char *run = copy_run("figures run"); /* a blank in the path */
    ck_assert_int_eq(report(run, "tests/data/ok_expected.csv", true), EXIT_FINE);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t j = 0; j < 4; j++) {
            char name[200];
            struct stat status;
            snprintf(name, sizeof name, "figures/%s.%s", names[i], suffixes[j]);
            ck_assert_msg(stat(in_folder(run, name), &status) == 0, "no %s", name);
            ck_assert_int_gt(status.st_size, 20);
        }
    char *page = read_file(in_folder(run, "report.html"));
    ck_assert_ptr_nonnull(strstr(page, "<svg"));
    ck_assert_ptr_nonnull(strstr(page, "id='f1-gpPt0'")); /* ids of each figure are its own */
    ck_assert_ptr_null(strstr(page, "id='gpPt0'"));
    free(page);
    file_is(in_folder(run, "figures/accuracy_by_rank_tiny_test.csv"),
            "rank,Softmax,Balanced Softmax,Bayes optimum\n"
            "1,90,75,60\n2,70,69,60\n3,6,30,60\n4,2,14,60\n");
}
END_TEST

START_TEST(a_warning_of_gnuplot_is_a_failure) {
    if (!gnuplot_found())
        TEST_SKIP("gnuplot is not installed");
    struct arena arena = {NULL};
    struct balact_error error;
    char scripts[700], wanted[900];
    snprintf(scripts, sizeof scripts, "%s", test_folder());
    static const char script[] =
        "set terminal svg\nset output ARG3\n"
        "plot ARG4 using 'a':'b' title 'b', '' using 'a':'none' title 'n'\n";
    test_write("style.gp", "", 0);
    test_write("warns.gp", script, sizeof script - 1);
    struct report_figure figure = {.id = "warns",
                                   .script = "warns.gp",
                                   .data = "a b\n1 2\n3 4\n",
                                   .title = "",
                                   .styles = "",
                                   .numbers = ""};
    ck_assert_int_eq(figure_draw(&arena, &figure, scripts, scripts, &error), BALACT_ERROR_IO);
    snprintf(wanted, sizeof wanted, "%s/warns.svg: gnuplot ", scripts);
    ck_assert_msg(!strncmp(error.message, wanted, strlen(wanted)), "%s", error.message);
    ck_assert_ptr_nonnull(strstr(error.message, "none"));
    ck_assert(!figure.drawn);
    struct stat status;
    ck_assert_int_ne(stat(in_folder(scripts, "warns.svg"), &status), 0);
    ck_assert_int_ne(stat(in_folder(scripts, "warns.svg.part"), &status), 0);
    arena_release(&arena);
}
END_TEST

START_TEST(does_without_gnuplot) {
    const char *run = copy_run("without");
    char *path = getenv("PATH"), *kept = path ? strdup(path) : NULL;
    setenv("PATH", "/nonexistent", 1);
    int code = report(run, "tests/data/ok_expected.csv", true);
    if (kept)
        setenv("PATH", kept, 1);
    free(kept);
    ck_assert_int_eq(code, EXIT_FINE);
    words_hold("figures are left out: gnuplot is not installed (Debian package gnuplot-nox)\n");
    file_holds(in_folder(run, "report.html"), "<h2 id=\"tiny\">");
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    tcase_add_test(tests, writes_the_accuracy_table_from_the_same_cells);
    tcase_add_test(tests, writes_gains_seed_by_seed);
    tcase_add_test(tests, escapes_what_means_something_in_a_notation);
    tcase_add_test(tests, escapes_every_special_character);
    tcase_add_test(tests, exits_1_where_a_claim_fails_and_not_where_one_is_skipped);
    tcase_add_test(tests, exits_2_with_the_place_of_a_malformed_file);
    tcase_add_test(tests, two_reports_are_the_same_bytes);
    tcase_add_test(tests, the_order_of_rows_means_nothing);
    tcase_add_test(tests, draws_every_figure_in_three_formats);
    tcase_add_test(tests, a_warning_of_gnuplot_is_a_failure);
    tcase_add_test(tests, does_without_gnuplot);
    suite_add_tcase(suite, tests);
    return suite;
}
