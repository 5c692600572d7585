/* SPDX-License-Identifier: MIT
 *
 * balact bench bars, balact bench figures: what is made of the measurements in a folder.
 */
#include "bench/commands/bench_results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"
#include "datasets/output.h"
#include "plots/bars.h"
#include "plots/report.h"
#include "plots/timing_figures.h"

/* The folder given to a subject, by its only positional argument. */
static const char *parse_folder(int argc, char **argv, const char *usage, const char *summary,
                                const struct option_row *rows, size_t row_count) {
    if (options_parse(argc, argv, usage, summary, rows, row_count) != 1)
        die(EXIT_BAD_INPUT,
            "bench %s: one folder of measurements is wanted; balact bench kernels "
            "and balact bench head write them",
            argv[0]);
    return argv[1];
}

static void save(struct arena *arena, const struct table *table, const char *folder,
                 const char *suffix, void (*write)(const struct table *table, FILE *file)) {
    struct balact_output output;
    struct balact_error error;
    char *path = arena_format(arena, "%s/%s.%s", folder, table->id, suffix);
    die_unless_ok(balact_output_open(&output, path, &error), &error);
    write(table, output.file);
    die_unless_ok(balact_output_commit(&output, &error), &error);
}

int bench_bars(int argc, char **argv) {
    const char *given = NULL;
    const struct option_row rows[] = {{"bars", OPTION_STRING, &given, "FILE",
                                       "the bars to judge (default: bench/bars.csv of this "
                                       "program)"}};
    const char *folder =
        parse_folder(argc, argv, "bench bars DIR [options]",
                     "Judges the measurements in a folder by the bars, prints them and writes "
                     "bars.csv and bars.md\nthere. Exit status 1 if a bar fails.",
                     rows, sizeof rows / sizeof *rows);
    struct balact_error error;
    struct timings timings;
    struct bars bars;
    char *found = given ? NULL : share_path("bench/bars.csv");
    if (!given && !found)
        die(EXIT_BAD_INPUT, "bench bars: bench/bars.csv is nowhere; give it by --bars, or set "
                            "BALACT_SHARE to the folder that holds bench/");
    die_unless_ok(timings_load(&timings, folder, &error), &error);
    die_unless_ok(bars_load(&timings.arena, given ? given : found, &bars, &error), &error);
    free(found);
    bars_judge(&timings.arena, &bars, &timings);
    struct table *table = bars_table(&timings.arena, &bars);
    table_write_text(table, stdout);
    printf("\n%zu bars: %zu PASS, %zu FAIL, %zu SKIP\n", bars.count,
           bars_count(&bars, VERDICT_PASS), bars_count(&bars, VERDICT_FAIL),
           bars_count(&bars, VERDICT_SKIP));
    save(&timings.arena, table, folder, "csv", table_write_csv);
    save(&timings.arena, table, folder, "md", table_write_markdown);
    int code = bars_count(&bars, VERDICT_FAIL) ? EXIT_CHECK_FAILED : EXIT_FINE;
    bars_release(&bars);
    timings_release(&timings);
    return code;
}

/* How many could not be drawn. */
static size_t draw(struct timings *timings, const char *folder) {
    struct report_figures figures = {NULL, 0, 0};
    struct balact_error error;
    size_t failed = 0;
    if (!gnuplot_found()) {
        printf("figures are left out: gnuplot is not installed (Debian package gnuplot-nox)\n");
        return 0;
    }
    char *scripts = share_path("plots/style.gp");
    if (!scripts)
        die(EXIT_BAD_INPUT, "bench figures: plots/style.gp is nowhere; set BALACT_SHARE to the "
                            "folder that holds plots/");
    *strrchr(scripts, '/') = '\0';
    timing_make_figures(timings, &figures);
    die_unless_ok(balact_make_folder(folder, &error), &error);
    for (size_t i = 0; i < figures.count; i++)
        if (figure_draw(&timings->arena, &figures.list[i], scripts, folder, &error) != BALACT_OK) {
            fprintf(stderr, "balact: %s\n", error.message);
            failed++;
        }
    free(scripts);
    printf("written: %zu figures in %s\n", figures.count - failed, folder);
    return failed;
}

int bench_figures(int argc, char **argv) {
    const char *folder =
        parse_folder(argc, argv, "bench figures DIR",
                     "Draws the measurements in a folder into DIR/figures and writes kernels.md "
                     "beside them.\nExit status 1 if a figure cannot be drawn.",
                     NULL, 0);
    struct balact_error error;
    struct timings timings;
    die_unless_ok(timings_load(&timings, folder, &error), &error);
    die_unless_ok(timing_write_tables(&timings, &error), &error);
    size_t failed = draw(&timings, arena_format(&timings.arena, "%s/figures", folder));
    timings_release(&timings);
    return failed ? EXIT_CHECK_FAILED : EXIT_FINE;
}
