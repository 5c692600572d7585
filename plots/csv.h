/* SPDX-License-Identifier: MIT
 *
 * A strict reader of the project's CSV files: one header line, commas, every row as wide as the
 * header, a newline at the end of the last line. Cells may be quoted ("a, ""b"""), but not over
 * several lines. Whatever is not so is an error that names file, line and column.
 */
#ifndef BALACT_PLOTS_CSV_H
#define BALACT_PLOTS_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"

struct csv_table {
    char *path;         /* for messages; owned */
    size_t rows, cols;  /* rows without the header */
    const char **names; /* [cols]; owned, the strings lie in text */
    const char **cells; /* [rows][cols]; the same */
    char *text;         /* owned */
};

/* Reads a file. ERROR_IO if it cannot be read, ERROR_FORMAT with line and column if it is
 * malformed, ERROR_MEMORY. On error nothing is left allocated; else release with csv_release(). */
balact_status csv_load(const char *path, struct csv_table *table, struct balact_error *error);

/* The same from memory; bytes are copied. path is used in messages only. */
balact_status csv_parse(const char *path, const char *bytes, size_t size, struct csv_table *table,
                        struct balact_error *error);

/* Frees what the table owns and zeroes it. Fine on a zeroed one. */
void csv_release(struct csv_table *table);

/* Finds columns by name: index[i] is the column called names[i]. ERROR_FORMAT names the first one
 * that is missing and those that there are. Columns beyond the wanted ones are fine. */
balact_status csv_columns(const struct csv_table *table, const char *const *names, size_t count,
                          size_t *index, struct balact_error *error);

/* The text of a cell; row counts from 0 after the header. The string lives as long as the table. */
const char *csv_cell(const struct csv_table *table, size_t row, size_t col);

/* The line of the file on which a row stands. */
int64_t csv_line(const struct csv_table *table, size_t row);

/* Fails with ERROR_FORMAT at a cell: "path: line 3: column 2 (seed): text". */
balact_status csv_fail(const struct csv_table *table, size_t row, size_t col,
                       struct balact_error *error, const char *format, ...) BALACT_PRINTF(5, 6);

/* The number in a cell: plain decimal, "inf", "-inf" or "nan". An empty cell or anything else is
 * ERROR_FORMAT with its place. */
balact_status csv_real(const struct csv_table *table, size_t row, size_t col, double *value,
                       struct balact_error *error);

/* The same, but finite. */
balact_status csv_finite(const struct csv_table *table, size_t row, size_t col, double *value,
                         struct balact_error *error);

/* The same for a number that may be left out: *present says whether the cell holds one. */
balact_status csv_optional(const struct csv_table *table, size_t row, size_t col, double *value,
                           bool *present, struct balact_error *error);

/* A decimal integer. */
balact_status csv_integer(const struct csv_table *table, size_t row, size_t col, int64_t *value,
                          struct balact_error *error);

#endif
