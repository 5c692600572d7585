/* SPDX-License-Identifier: MIT
 *
 * The parts of `balact report`: tables and figures made from the results of a run, claims judged by
 * them, and the page that shows it all.
 */
#ifndef BALACT_PLOTS_REPORT_H
#define BALACT_PLOTS_REPORT_H

#include "plots/claims.h"
#include "plots/results.h"
#include "plots/table.h"

/* ---- Verification, worst over the cases ---- */

/* One activation x operation x backend x storage type; where cases have different bounds there are
 * several. The worst error is taken over the values that the bound beside it holds for: ULP for
 * probabilities and gradients, relative for losses and other sums. NaN: nothing is measured in that
 * way. */
struct verify_summary {
    const char *activation, *operation, *backend, *dtype, *verdict;
    double comparisons; /* those skipped not counted */
    double max_ulp, bound_ulp;
    double max_relative, bound_relative;
};

/* In the order of the file; *count of them, in the arena. */
struct verify_summary *verify_summaries(struct arena *arena, const struct run_results *results,
                                        size_t *count);

/* The title of an activation's name ("Balanced Softmax"), or the name. */
const char *activation_title(const char *name);

/* ---- Tables ---- */

struct report_table {
    struct table *table;
    const struct experiment *experiment; /* NULL: of the whole run */
    bool
        secondary; /* of another split than the first; or detail: not printed, folded on the page */
};

struct report_tables {
    struct report_table *list;
    size_t count, capacity;
};

/* Adds a table that has rows. */
void report_add_table(struct arena *arena, struct report_tables *tables, struct table *table,
                      const struct experiment *experiment, bool secondary);

/* All tables of a run, in the arena. Those whose id begins with "throughput" hold times; the others
 * are the same in any two runs with one seed. */
void report_make_tables(struct arena *arena, const struct run_results *results,
                        struct report_tables *tables);

/* Those of an LVIS run, none for another experiment. */
void add_lvis_tables(struct arena *arena, const struct experiment *experiment,
                     struct report_tables *tables);

/* ---- Figures ---- */

struct report_figure {
    const char *id;      /* file name without suffix */
    const char *caption; /* a sentence for a reader */
    const struct experiment *experiment; /* NULL: of the whole run */
    const char *script;                  /* "accuracy_by_rank.gp" */
    const char *data;                    /* CSV, one column a series */
    const char *title;                   /* ARG5 of the script */
    const char *styles;                  /* ARG6: line style of each series, "1 3 12" */
    const char *numbers;                 /* ARG7: what else the script asks for, see there */
    bool drawn;                          /* set by figure_draw() */
};

struct report_figures {
    struct report_figure *list;
    size_t count, capacity;
};

/* What is to be drawn, with the data, in the arena. Nothing is run or written. */
void report_make_figures(struct arena *arena, const struct run_results *results,
                         struct report_figures *figures);

/* Whether gnuplot can be started. */
bool gnuplot_found(void);

/* Writes <folder>/<id>.csv and draws <id>.svg, .png and .pdf beside it, each whole or not at all.
 * scripts: the folder of the .gp files. A warning of gnuplot is a failure, since it exits 0 when a
 * column is missing: ERROR_IO with gnuplot's words, and no picture of this name stays. */
balact_status figure_draw(struct arena *arena, struct report_figure *figure,
                          const char *scripts, const char *folder, struct balact_error *error);

/* ---- The page ---- */

/* Writes report.html, self-contained, with the figures that were drawn. */
balact_status report_write_html(struct arena *arena, const struct run_results *results,
                                const struct report_tables *tables,
                                const struct report_figures *figures, const char *figures_folder,
                                const struct claims *claims, const char *path,
                                struct balact_error *error);

#endif
