/* SPDX-License-Identifier: MIT
 *
 * What `balact data` says about a data set, whatever its kind: counts, groups, sources and checks,
 * on the terminal and as CSV.
 */
#ifndef BALACT_BENCH_DATA_PRINT_H
#define BALACT_BENCH_DATA_PRINT_H

#include <stdbool.h>
#include <stdio.h>

#include "balact/dataset.h"

struct data_report {
    const char *dataset;  /* the first column of the CSV */
    const char *csv_path; /* NULL: none */
    FILE *csv;            /* in memory until the end, so that a failure leaves no file */
    char *csv_text;
    size_t csv_size;
    int passed, failed, skipped;
};

/* csv_path may be NULL. */
void data_begin(struct data_report *report, const char *dataset, const char *csv_path);

/* One row of the CSV: dataset,split,group,quantity,value. */
void data_row(struct data_report *report, const char *split, const char *group,
              const char *quantity, double value);

/* Prints rows, classes, largest and smallest class, imbalance and empty classes, and with `groups`
 * the shot groups (for training counts). */
void data_counts(struct data_report *report, const char *split, const int64_t *counts,
                 int32_t classes, bool groups);

/* Prints size and SHA-256; a folder only by name. */
void data_source(const char *path, int64_t bytes, const char *sha256);
void data_source_file(const char *path);

/* Prints PASS or FAIL and the sentence, and counts it. */
void data_check(struct data_report *report, bool pass, const char *format, ...)
    BALACT_PRINTF(3, 4);
void data_skip(struct data_report *report, const char *format, ...) BALACT_PRINTF(2, 3);

/* Writes class_id,image_count; dies on failure. path may be NULL. */
void data_write_counts(const char *path, const int64_t *counts, int32_t classes);

/* Writes the CSV, prints how many checks failed; the exit status of the program. */
int data_end(struct data_report *report);

/* malloc that dies. */
void *data_memory(size_t bytes);

#endif
