/* SPDX-License-Identifier: MIT
 *
 * balact report: reads the results of a run and writes tables, figures, report.html and claims.csv
 * beside them. Exit status 1 if a claim does not hold or a figure cannot be drawn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"
#include "datasets/output.h"
#include "plots/report.h"

struct report {
    const char *run, *expected;
    bool no_figures;
    struct arena arena;
    struct run_results results;
    struct claims claims;
    struct report_tables tables;
    struct report_figures figures;
    size_t failed_figures;
    bool drawn;
};

/* The folder of the figure scripts, absolute, in the arena. */
static const char *find_scripts(struct arena *arena) {
    char *found = share_path("plots/style.gp");
    if (!found)
        die(EXIT_BAD_INPUT,
            "report: plots/style.gp is nowhere; set BALACT_SHARE to the folder that holds plots/ "
            "(the source tree, or share/balact where balact is installed)");
    char *folder = arena_copy(arena, found);
    free(found);
    *strrchr(folder, '/') = '\0';
    return folder;
}

static void draw_figures(struct report *report, const char *folder) {
    struct balact_error error;
    if (report->no_figures)
        return;
    if (!gnuplot_found()) {
        printf("figures are left out: gnuplot is not installed (Debian package gnuplot-nox)\n\n");
        return;
    }
    const char *scripts = find_scripts(&report->arena);
    die_unless_ok(balact_make_folder(folder, &error), &error);
    for (size_t i = 0; i < report->figures.count; i++)
        if (figure_draw(&report->arena, &report->figures.list[i], scripts, folder, &error) !=
            BALACT_OK) {
            fflush(stdout);
            fprintf(stderr, "balact: %s\n", error.message);
            report->failed_figures++;
        }
    report->drawn = true;
}

static void save_tables(struct report *report, const char *folder) {
    struct balact_error error;
    die_unless_ok(balact_make_folder(folder, &error), &error);
    for (size_t i = 0; i < report->tables.count; i++) {
        die_unless_ok(table_save(report->tables.list[i].table, folder, &error), &error);
        if (report->tables.list[i].secondary)
            continue;
        table_write_text(report->tables.list[i].table, stdout);
        putchar('\n');
    }
}

static void print_claims(struct report *report) {
    struct claims *claims = &report->claims;
    printf("Claims\n\n");
    for (size_t i = 0; i < claims->count; i++) {
        const struct claim *claim = &claims->list[i];
        printf("  %s  %s\n", verdict_name(claim->verdict), claim->text);
        if (claim->verdict != VERDICT_SKIP)
            printf("        found %s; wanted %s\n", claim_found_text(&report->arena, claim),
                   claim_wanted_text(&report->arena, claim));
        if (claim->detail[0])
            printf("        %s\n", claim->detail);
    }
    printf("\n%zu claims: %zu PASS, %zu FAIL, %zu SKIP\n", claims->count,
           claims_count(claims, VERDICT_PASS), claims_count(claims, VERDICT_FAIL),
           claims_count(claims, VERDICT_SKIP));
}

static void load(struct report *report) {
    struct balact_error error;
    char *found = NULL;
    if (!report->expected) {
        report->expected = found = share_path("bench/expected.csv");
        if (!found)
            die(EXIT_BAD_INPUT, "report: bench/expected.csv is nowhere; give it by --expected, or "
                                "set BALACT_SHARE to the folder that holds bench/");
    }
    die_unless_ok(claims_load(&report->arena, report->expected, &report->claims, &error), &error);
    free(found);
    report->expected = NULL;
    die_unless_ok(run_results_load(&report->results, report->run, &error), &error);
    claims_order(&report->claims, &report->results);
}

static int make_report(struct report *report) {
    struct arena *arena = &report->arena;
    struct balact_error error;
    load(report);
    report_make_tables(arena, &report->results, &report->tables);
    report_make_figures(arena, &report->results, &report->figures);
    claims_judge(arena, &report->claims, &report->results);
    save_tables(report, arena_format(arena, "%s/tables", report->run));
    const char *figures = arena_format(arena, "%s/figures", report->run);
    draw_figures(report, figures);
    const char *claims_path = arena_format(arena, "%s/claims.csv", report->run);
    die_unless_ok(claims_save(&report->claims, claims_path, &error), &error);
    const char *page = arena_format(arena, "%s/report.html", report->run);
    die_unless_ok(report_write_html(arena, &report->results, &report->tables, &report->figures,
                                    figures, &report->claims, page, &error),
                  &error);
    print_claims(report);
    printf("written: %s, with tables/%s beside it\n", page, report->drawn ? " and figures/" : "");
    bool failed = claims_count(&report->claims, VERDICT_FAIL) > 0 || report->failed_figures > 0;
    return failed ? EXIT_CHECK_FAILED : EXIT_FINE;
}

int balact_command_report(int argc, char **argv) {
    struct report report = {0};
    const struct option_row rows[] = {
        {"expected", OPTION_STRING, &report.expected, "FILE",
         "the claims to judge (default: bench/expected.csv of this program)"},
        {"no-figures", OPTION_FLAG, &report.no_figures, NULL, "leave the figures out"},
    };
    int given = options_parse(argc, argv, "report RUN [options]",
                              "Reads the results of a run (results/NAME) and writes tables/, "
                              "figures/, report.html and\nclaims.csv into it. Exit status 1 if a "
                              "claim does not hold or a figure cannot be drawn.",
                              rows, sizeof rows / sizeof *rows);
    if (given != 1)
        die(EXIT_BAD_INPUT, "report: one folder of results is wanted, such as results/quick; "
                            "balact train writes them");
    report.run = argv[1];
    int code = make_report(&report);
    claims_release(&report.claims);
    run_results_release(&report.results);
    arena_release(&report.arena);
    return code;
}
