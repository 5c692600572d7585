/* SPDX-License-Identifier: MIT
 *
 * One table, many notations: CSV in base units, and Markdown, LaTeX (booktabs), HTML and plain text
 * in the units of a reader, all from the same cells, so that no two of them can disagree.
 */
#ifndef BALACT_PLOTS_TABLE_H
#define BALACT_PLOTS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "balact/status.h"
#include "plots/arena.h"
#include "plots/results.h"

enum column_kind {
    COLUMN_TEXT,
    COLUMN_NUMBER, /* a mean alone: one CSV column */
    COLUMN_SPREAD  /* mean +- deviation: CSV columns <name>_mean and <name>_std */
};

enum column_better { BETTER_NONE, BETTER_HIGH, BETTER_LOW };

struct table_column {
    const char *name;  /* of the CSV column; NULL keeps the column out of the CSV */
    const char *title; /* in all other notations; NULL keeps the column in the CSV alone */
    enum column_kind kind;
    enum column_better better; /* which end table_mark_best() marks */
    double scale;              /* readers see value * scale; CSV has the value itself */
    int digits;                /* after the point; negative: -digits significant ones */
    bool sign;                 /* readers see a plus before what is positive */
};

struct table_cell {
    const char *text; /* COLUMN_TEXT */
    struct summary value; /* count 0: absent, an en dash for readers and an empty CSV cell */
    bool best;
};

struct table_row {
    bool rule; /* a thin rule above: a new block begins */
    struct table_cell *cells;
};

struct table {
    struct arena *arena;
    const char *id;      /* file name and LaTeX label, plain characters */
    const char *caption; /* what, on which data and split, how spread is meant */
    const struct table_column *columns;
    struct table_row *rows;
    size_t column_count, row_count, capacity;
};

/* An empty table in the arena; columns must live as long. */
struct table *table_new(struct arena *arena, const char *id, const char *caption,
                        const struct table_column *columns, size_t column_count);

/* Adds a row of absent cells and returns its cells [column_count]. */
struct table_cell *table_add(struct table *table, bool rule);

/* Marks the best of a column's cells in rows [first, end), and those that print the same. Rows
 * whose `skip` cell is true are not candidates; skip may be NULL. */
void table_mark_best(struct table *table, size_t column, size_t first, size_t end,
                     const bool *skip);

void table_write_csv(const struct table *table, FILE *file);
void table_write_markdown(const struct table *table, FILE *file);
void table_write_latex(const struct table *table, FILE *file);
void table_write_html(const struct table *table, FILE *file);
void table_write_text(const struct table *table, FILE *file);

/* Writes <folder>/<id>.csv, .md and .tex, each whole or not at all. */
balact_status table_save(const struct table *table, const char *folder,
                         struct balact_error *error);

/* Text with the characters escaped that mean something in a notation. */
void write_csv_text(FILE *file, const char *text);
void write_html_text(FILE *file, const char *text);
void write_latex_text(FILE *file, const char *text);
void write_markdown_text(FILE *file, const char *text);

#endif
