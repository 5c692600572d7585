/* SPDX-License-Identifier: MIT
 *
 * How fast a head trains: full steps of the fused head against the GEMM library's own rate.
 */
#ifndef BALACT_BENCH_MEASURE_HEAD_H
#define BALACT_BENCH_MEASURE_HEAD_H

#include "bench/measure/head_step.h"
#include "bench/measure/peer_process.h"

struct head_options {
    const struct balact_backend *backend;
    int64_t threads; /* 0: one, and all of them */
    bool quick;      /* fewer cases and repeats: well under a minute */
    const char *out; /* folder for head.csv, or NULL */
    const struct peer_program *peer;
    double patience;               /* seconds that the peer may take for an answer */
    const struct head_case *cases; /* these instead of its own; NULL: its own */
    size_t case_count;
};

/* Measures, prints a table, and writes head.csv. Every case is verified in this process before it
 * is timed. False if a case was wrong or the peer broke down; its rows say so and have no times. A
 * peer that is not there is skipped. */
bool balact_measure_head(const struct head_options *options);

/* One step of case `number` by way `way` in this process, and the most memory the process has had
 * by then, in bytes: what the measurement starts itself for. */
int64_t balact_head_peak(const struct balact_backend *backend, int64_t number, int64_t way,
                         int64_t threads);

#endif
