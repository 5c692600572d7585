/* SPDX-License-Identifier: MIT
 *
 * Bars: ratios of times within one run that the project sets itself, kept as rows of bench/bars.csv
 * and judged by the measurements of a folder. docs/FORMATS.md describes the columns.
 */
#ifndef BALACT_PLOTS_BARS_H
#define BALACT_PLOTS_BARS_H

#include "plots/table.h"
#include "plots/timings.h"
#include "plots/verdict.h"

struct bar {
    const char *name;
    bool head;               /* of head.csv, not kernels.csv */
    const char *activation;  /* of the balanced form where it is compared with the plain one */
    const char *op, *dtype;  /* kernels */
    int64_t rows, cols, dim; /* cols: the classes; dim: of a head */
    int64_t threads;
    bool in_place, grad_input; /* of kernels; of heads */
    const char *cache;         /* kernels */
    const char *numerator, *denominator;
    bool at_most; /* else at least */
    double bound;
    int64_t line;

    /* The judgement. */
    enum verdict verdict;
    double ratio;       /* NaN with SKIP */
    const char *detail; /* which rows were compared, or why there is nothing to compare */
};

struct bars {
    struct csv_table table; /* keeps the strings alive */
    struct bar *list;       /* in the arena given to bars_load */
    size_t count;
};

/* Reads bars.csv. Errors name file, line and column: a doubled bar, an unknown word, a cell that
 * the other kind of bar has, a bound that is not a positive number. Release with bars_release() if
 * it succeeds. */
balact_status bars_load(struct arena *arena, const char *path, struct bars *bars,
                        struct balact_error *error);
void bars_release(struct bars *bars);

/* Judges all of them. A ratio is one of medians of verified rows. What this library computed
 * wrongly is a FAIL, never a SKIP. */
void bars_judge(struct arena *arena, struct bars *bars, const struct timings *timings);

size_t bars_count(const struct bars *bars, enum verdict verdict);

/* The table of all bars with their verdicts. */
struct table *bars_table(struct arena *arena, const struct bars *bars);

#endif
