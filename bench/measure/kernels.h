/* SPDX-License-Identifier: MIT
 *
 * balact bench kernels: every activation, operation, type and thread count on every case, verified
 * and then timed in turns with the peers (docs/METHOD.md, "Benchmarks").
 */
#ifndef BALACT_BENCH_MEASURE_KERNELS_H
#define BALACT_BENCH_MEASURE_KERNELS_H

#include <stdio.h>

#include "bench/measure/contest.h"

enum { KERNELS_MOST = 16 };

/* What is to be timed. */
struct kernels_plan {
    const struct timed_case *cases[KERNELS_MOST];
    size_t case_count;
    bool activations[BALACT_ACTIVATION_COUNT], operations[BALACT_OPERATION_COUNT];
    enum balact_dtype dtypes[3];
    size_t dtype_count;
    int threads[KERNELS_MOST];
    size_t thread_count;
    const struct balact_backend *backends[KERNELS_MOST];
    size_t backend_count;
    const struct peer_program *peers[KERNELS_MOST];
    size_t peer_count;
    bool cold; /* cold caches as well as warm ones */
    struct contest_pace pace;
    double patience;    /* seconds that a peer may take for an answer */
    uint64_t seed;      /* of the data */
    const char *memory; /* folder for files that peers map, best in memory */
};

/* The files of the results, headers written by kernels_run(); see docs/FORMATS.md. */
struct kernels_files {
    FILE *kernels, *samples, *limits, *skipped;
};

/* What came of it. */
struct kernels_tally {
    int64_t timed, wrong, skipped; /* rows of kernels.csv; wrong ones include broken peers */
};

/* Runs the plan, prints a table as it goes and writes the rows. */
balact_status kernels_run(const struct kernels_plan *plan, const struct kernels_files *files,
                          struct kernels_tally *tally, struct balact_error *error);

/* Of kernels_write.c: the header lines; rows, and lines of the table, of a contest that has run. */
void kernels_write_headers(const struct kernels_files *files);
void kernels_write_contest(const struct contest *contest, const struct kernels_files *files,
                           struct kernels_tally *tally);
void kernels_print_contest(const struct contest *contest);
void kernels_write_skip(const struct kernels_files *files, const char *contestant,
                        const char *activation, const char *op, const char *dtype,
                        const char *reason);

#endif
