/* SPDX-License-Identifier: MIT
 *
 * Claims: sentences about the results with the numbers that would make them true, kept as rows of
 * bench/expected.csv and judged by the CSV files of a run. docs/FORMATS.md describes the columns.
 */
#ifndef BALACT_PLOTS_CLAIMS_H
#define BALACT_PLOTS_CLAIMS_H

#include "plots/results.h"
#include "plots/verdict.h"

struct claim {
    const char *id, *source, *text, *kind, *experiment, *dataset, *split, *method, *baseline,
        *group, *metric, *run;
    double minimum, maximum; /* -inf and +inf where the cell is empty */
    double tolerance;        /* widens both; 0 where empty */
    int64_t line;

    /* The judgement. */
    enum verdict verdict;
    struct summary found; /* what was measured; count 0 with SKIP */
    const char *detail;   /* where the worst was, or why it is skipped and what to run */
};

struct claims {
    struct csv_table table; /* keeps the strings alive */
    struct claim *list;     /* in the arena given to claims_load */
    size_t count;
};

/* Reads expected.csv. Errors name file, line and column: a doubled id, an unknown kind, no bounds.
 * Release with claims_release() if it succeeds. */
balact_status claims_load(struct arena *arena, const char *path, struct claims *claims,
                          struct balact_error *error);
void claims_release(struct claims *claims);

/* The experiment that a claim speaks of, or NULL if the run does not have it: the one of that name
 * ('-' and '_' are alike), or for "*" the first that holds the claim's data set. */
const struct experiment *claim_experiment(const struct claim *claim,
                                          const struct run_results *results);

/* Sorts the experiments of a run as the claims first speak of them; those that no claim speaks of
 * stand behind, by name. Call before pointers to experiments are kept. */
void claims_order(const struct claims *claims, struct run_results *results);

/* Judges all of them. */
void claims_judge(struct arena *arena, struct claims *claims, const struct run_results *results);

size_t claims_count(const struct claims *claims, enum verdict verdict);

/* "+0.083 +- 0.002 over 3 seeds (wanted: at least 0.08)" in the arena; for people. */
const char *claim_found_text(struct arena *arena, const struct claim *claim);
const char *claim_wanted_text(struct arena *arena, const struct claim *claim);

/* Writes claims.csv, whole or not at all. */
balact_status claims_save(const struct claims *claims, const char *path,
                          struct balact_error *error);

#endif
