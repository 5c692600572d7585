/* SPDX-License-Identifier: MIT
 *
 * How fast annotations of LVIS come into memory, and how much memory that takes, against only
 * reading the file.
 */
#ifndef BALACT_BENCH_MEASURE_JSON_H
#define BALACT_BENCH_MEASURE_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json_options {
    const char *path; /* annotations, not compressed */
    const char *out;  /* folder for json.csv, or NULL */
    int64_t rounds;   /* each way once a round */
};

/* Measures, prints a table and the bars, and writes json.csv. What is timed is verified in this
 * process before. Must be called before OpenMP has made threads: it forks. False if what was read
 * is wrong; nothing is timed then. */
bool balact_measure_json(const struct json_options *options);

#endif
