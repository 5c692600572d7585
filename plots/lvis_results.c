/* SPDX-License-Identifier: MIT
 *
 * Reads what only an LVIS run writes: average precision by category. See results.h.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/results.h"

enum { EXPERIMENT, DATASET, SPLIT, METHOD, SEED, IOU_TYPE, CATEGORY, FREQUENCY, IMAGES, AP, COLUMNS };

static int compare(const void *left, const void *right) {
    const struct category_row *a = left, *b = right;
    int order = strcmp(a->dataset, b->dataset);
    order = order ? order : strcmp(a->split, b->split);
    order = order ? order : strcmp(a->method, b->method);
    order = order ? order : strcmp(a->iou_type, b->iou_type);
    order = order ? order : (a->category_id > b->category_id) - (a->category_id < b->category_id);
    return order ? order : (a->seed > b->seed) - (a->seed < b->seed);
}

static balact_status read_row(const struct csv_table *table, size_t i, const size_t *at,
                              const struct experiment *experiment, struct category_row *row,
                              struct balact_error *error) {
    const char *ap = csv_cell(table, i, at[AP]);
    *row = (struct category_row){.line = csv_line(table, i),
                                 .dataset = csv_cell(table, i, at[DATASET]),
                                 .split = csv_cell(table, i, at[SPLIT]),
                                 .method = csv_cell(table, i, at[METHOD]),
                                 .iou_type = csv_cell(table, i, at[IOU_TYPE]),
                                 .frequency = csv_cell(table, i, at[FREQUENCY]),
                                 .average_precision = NAN};
    if (strcmp(csv_cell(table, i, at[EXPERIMENT]), experiment->name))
        return csv_fail(table, i, at[EXPERIMENT], error, "'%s' in the folder of experiment '%s'",
                        csv_cell(table, i, at[EXPERIMENT]), experiment->name);
    balact_status status = csv_integer(table, i, at[SEED], &row->seed, error);
    if (status == BALACT_OK)
        status = csv_integer(table, i, at[CATEGORY], &row->category_id, error);
    if (status == BALACT_OK)
        status = csv_integer(table, i, at[IMAGES], &row->image_count, error);
    if (status == BALACT_OK && *ap && strcmp(ap, "nan") != 0)
        status = csv_real(table, i, at[AP], &row->average_precision, error);
    return status;
}

balact_status lvis_results_read(struct run_results *results, struct experiment *experiment,
                                struct balact_error *error) {
    static const char *const names[COLUMNS] = {
        "experiment", "dataset",     "split",     "method",      "seed",
        "iou_type",   "category_id", "frequency", "image_count", "average_precision"};
    size_t at[COLUMNS];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/per_category.csv", experiment->folder);
    balact_status status = results_load_table(results, path, names, COLUMNS, at, &table, error);
    if (status != BALACT_OK || !table)
        return status;
    struct category_row *rows = arena_array(&results->arena, table->rows, sizeof *rows);
    for (size_t i = 0; i < table->rows && status == BALACT_OK; i++)
        status = read_row(table, i, at, experiment, &rows[i], error);
    if (status != BALACT_OK)
        return status;
    if (table->rows)
        qsort(rows, table->rows, sizeof *rows, compare);
    for (size_t i = 1; i < table->rows; i++)
        if (compare(&rows[i - 1], &rows[i]) == 0)
            return balact_fail_at(error, BALACT_ERROR_RANGE, table->path, rows[i].line, -1,
                                  "the row stands for the same thing as line %lld; was one run "
                                  "appended to another?",
                                  (long long)rows[i - 1].line);
    experiment->categories = rows;
    experiment->category_count = table->rows;
    return BALACT_OK;
}
