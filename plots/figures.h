/* SPDX-License-Identifier: MIT
 *
 * What the files that make figure data share. See report.h.
 */
#ifndef BALACT_PLOTS_FIGURES_H
#define BALACT_PLOTS_FIGURES_H

#include <stdio.h>

#include "plots/report.h"

/* CSV text written as to a file, then kept in the arena. */
struct text_file {
    FILE *file;
    char *bytes;
    size_t size;
};

void text_open(struct text_file *text);
const char *text_close(struct arena *arena, struct text_file *text);

/* Adds a figure; its fields are then filled by the caller. */
struct report_figure *figure_add(struct arena *arena, struct report_figures *figures,
                                 const struct experiment *experiment, const char *script,
                                 const char *id);

/* "<kind>_<experiment>", with the data set where the experiment has several, with the split where
 * it is given; characters that do not belong into a file name become '_'. */
const char *figure_id(struct arena *arena, const char *kind, const struct experiment *experiment,
                      const char *dataset, const char *split);

/* The methods that have rows for a data set and split (group all, top1), "bayes" last. */
struct name_list figure_methods(struct arena *arena, const struct experiment *experiment,
                                const char *dataset, const char *split);

/* Their line styles as the scripts want them: "1 3 12". */
const char *figure_styles(struct arena *arena, const struct experiment *experiment,
                          const struct name_list *methods);

/* Such a list with one more; "" is the empty one. */
const char *add_style(struct arena *arena, const char *styles, int style);

/* The least multiple of step that is not below value. */
double round_up(double value, double step);

void make_rank_figure(struct arena *arena, const struct experiment *experiment, const char *dataset,
                      const char *split, struct report_figures *figures);
void make_group_figure(struct arena *arena, const struct experiment *experiment,
                       const char *dataset, const char *split, struct report_figures *figures);
void make_size_figure(struct arena *arena, const struct experiment *experiment, const char *split,
                      struct report_figures *figures);
void make_lvis_figures(struct arena *arena, const struct experiment *experiment,
                       struct report_figures *figures);
void make_count_figure(struct arena *arena, const struct experiment *experiment,
                       struct report_figures *figures);
void make_loss_figure(struct arena *arena, const struct experiment *experiment, const char *dataset,
                      struct report_figures *figures);
void make_error_figure(struct arena *arena, const struct run_results *results,
                       struct report_figures *figures);

#endif
