/* SPDX-License-Identifier: MIT
 *
 * Figures and tables made of the measurements of a folder.
 */
#ifndef BALACT_PLOTS_TIMING_FIGURES_H
#define BALACT_PLOTS_TIMING_FIGURES_H

#include "plots/report.h"
#include "plots/timings.h"

/* What is to be drawn, with the data, in the arena of the timings. Nothing is run or written. */
void timing_make_figures(struct timings *timings, struct report_figures *figures);

/* Its parts. Each adds nothing where there are no rows for it. */
void make_time_figures(struct timings *timings, struct report_figures *figures);
void make_fraction_figures(struct timings *timings, struct report_figures *figures);
void make_roofline_figures(struct timings *timings, struct report_figures *figures);
void make_evaluator_figures(struct timings *timings, struct report_figures *figures);
void make_head_figures(struct timings *timings, struct report_figures *figures);

/* The numbers of threads that a list of rows has, rising; *count of them. */
int64_t *kernel_threads(struct timings *timings, size_t *count);

/* "1 thread", "2 threads". */
const char *threads_text(struct arena *arena, int64_t threads);

/* Whether the row is drawn: verified, fp32, warm, separate. */
bool row_is_drawn(const struct kernel_timing *row);

/* The shapes (rows and classes) of the drawn rows, by classes, then rows; *count of them. */
struct shape {
    int64_t rows, cols;
};
struct shape *kernel_shapes(struct timings *timings, int64_t threads, size_t *count);

/* Writes kernels.md: every case of this library's backends, whole or not at all. Nothing without
 * kernels.csv. */
balact_status timing_write_tables(struct timings *timings, struct balact_error *error);

#endif
