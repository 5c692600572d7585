/* SPDX-License-Identifier: MIT
 *
 * See results.h. This file finds the files of a run and reads them; statistics.c works on the rows.
 */
#include "plots/results.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

balact_status results_load_table(struct run_results *results, const char *path,
                                 const char *const *names, size_t count, size_t *index,
                                 const struct csv_table **table, struct balact_error *error) {
    struct stat status;
    *table = NULL;
    if (stat(path, &status) != 0 && errno == ENOENT)
        return BALACT_OK;
    if (results->table_count == results->table_capacity) {
        size_t capacity = results->table_capacity ? 2 * results->table_capacity : 16;
        struct csv_table *larger = arena_array(&results->arena, capacity, sizeof *larger);
        if (results->table_count)
            memcpy(larger, results->tables, results->table_count * sizeof *larger);
        results->tables = larger;
        results->table_capacity = capacity;
    }
    struct csv_table *loaded = &results->tables[results->table_count];
    balact_status outcome = csv_load(path, loaded, error);
    if (outcome != BALACT_OK)
        return outcome;
    results->table_count++;
    *table = loaded;
    return csv_columns(loaded, names, count, index, error);
}

#define LOAD(results, path, names, index, table, error)                                            \
    results_load_table(results, path, names, sizeof(names) / sizeof *(names), index, table, error)

/* Returns from the caller if a call fails. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        balact_status try_status = (call);                                                         \
        if (try_status != BALACT_OK)                                                               \
            return try_status;                                                                     \
    } while (0)

static int compare_integers(int64_t a, int64_t b) {
    return (a > b) - (a < b);
}

static int compare_metrics(const void *left, const void *right) {
    const struct metric_row *a = left, *b = right;
    int order = strcmp(a->dataset, b->dataset);
    order = order ? order : strcmp(a->split, b->split);
    order = order ? order : strcmp(a->method, b->method);
    order = order ? order : strcmp(a->group, b->group);
    order = order ? order : strcmp(a->metric, b->metric);
    return order ? order : compare_integers(a->seed, b->seed);
}

static int compare_classes(const void *left, const void *right) {
    const struct class_row *a = left, *b = right;
    int order = strcmp(a->dataset, b->dataset);
    order = order ? order : strcmp(a->split, b->split);
    order = order ? order : strcmp(a->method, b->method);
    order = order ? order : compare_integers(a->class_id, b->class_id);
    return order ? order : compare_integers(a->seed, b->seed);
}

static int compare_curves(const void *left, const void *right) {
    const struct curve_row *a = left, *b = right;
    int order = strcmp(a->dataset, b->dataset);
    order = order ? order : strcmp(a->method, b->method);
    order = order ? order : (a->step > b->step) - (a->step < b->step);
    return order ? order : compare_integers(a->seed, b->seed);
}

static int compare_counts(const void *left, const void *right) {
    const struct count_row *a = left, *b = right;
    int order = strcmp(a->dataset, b->dataset);
    return order ? order : compare_integers(a->class_id, b->class_id);
}

static int compare_throughput(const void *left, const void *right) {
    const struct throughput_row *a = left, *b = right;
    int order = strcmp(a->dataset, b->dataset);
    order = order ? order : strcmp(a->method, b->method);
    order = order ? order : strcmp(a->backend, b->backend);
    order = order ? order : compare_integers(a->threads, b->threads);
    order = order ? order : strcmp(a->phase, b->phase);
    return order ? order : compare_integers(a->seed, b->seed);
}

/* Sorts, after which equal neighbours are doubled rows, of which nobody could say which one holds.
 */
static balact_status sort_rows(void *rows, size_t count, size_t size,
                               int (*compare)(const void *, const void *),
                               const struct csv_table *table, struct balact_error *error) {
    const char *bytes = rows;
    if (count)
        qsort(rows, count, size, compare);
    for (size_t i = 1; i < count; i++) {
        const char *here = bytes + i * size, *before = here - size;
        if (compare(before, here) != 0)
            continue;
        int64_t a = *(const int64_t *)before, b = *(const int64_t *)here; /* their lines */
        return balact_fail_at(error, BALACT_ERROR_RANGE, table->path, a > b ? a : b, -1,
                              "the row stands for the same thing as line %lld; was one run "
                              "appended to another?",
                              (long long)(a > b ? b : a));
    }
    return BALACT_OK;
}

/* The column `experiment` must say what its folder says. */
static balact_status check_experiment(const struct csv_table *table, size_t row, size_t col,
                                      const struct experiment *experiment,
                                      struct balact_error *error) {
    if (strcmp(csv_cell(table, row, col), experiment->name))
        return csv_fail(table, row, col, error, "'%s' in the folder of experiment '%s'",
                        csv_cell(table, row, col), experiment->name);
    return BALACT_OK;
}

static balact_status read_metrics(struct run_results *results, struct experiment *experiment,
                                  struct balact_error *error) {
    static const char *const names[] = {"experiment", "dataset", "split",  "method",
                                        "seed",       "group",   "metric", "value"};
    size_t at[8];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/metrics.csv", experiment->folder);
    TRY(LOAD(results, path, names, at, &table, error));
    if (!table)
        return BALACT_OK;
    experiment->metrics = arena_array(&results->arena, table->rows, sizeof *experiment->metrics);
    for (size_t i = 0; i < table->rows; i++) {
        struct metric_row *row = &experiment->metrics[i];
        *row = (struct metric_row){csv_line(table, i),        csv_cell(table, i, at[1]),
                                   csv_cell(table, i, at[2]), csv_cell(table, i, at[3]),
                                   csv_cell(table, i, at[5]), csv_cell(table, i, at[6]), 0, 0};
        TRY(check_experiment(table, i, at[0], experiment, error));
        TRY(csv_integer(table, i, at[4], &row->seed, error));
        TRY(csv_finite(table, i, at[7], &row->value, error));
    }
    experiment->metric_count = table->rows;
    return sort_rows(experiment->metrics, table->rows, sizeof *experiment->metrics,
                     compare_metrics, table, error);
}

/* An empty cell is NaN. */
static balact_status real_or_nan(const struct csv_table *table, size_t row, size_t col,
                                 double *value, struct balact_error *error) {
    bool present;
    TRY(csv_optional(table, row, col, value, &present, error));
    if (!present)
        *value = NAN;
    return BALACT_OK;
}

static balact_status read_classes(struct run_results *results, struct experiment *experiment,
                                  struct balact_error *error) {
    static const char *const names[] = {"experiment",  "dataset", "split", "method",
                                        "seed",        "class",   "train_count", "top1",
                                        "average_precision"};
    size_t at[9];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/per_class.csv", experiment->folder);
    TRY(LOAD(results, path, names, at, &table, error));
    if (!table)
        return BALACT_OK;
    experiment->classes = arena_array(&results->arena, table->rows, sizeof *experiment->classes);
    for (size_t i = 0; i < table->rows; i++) {
        struct class_row *row = &experiment->classes[i];
        *row = (struct class_row){csv_line(table, i), csv_cell(table, i, at[1]),
                                  csv_cell(table, i, at[2]), csv_cell(table, i, at[3]),
                                  0, 0, 0, 0, 0};
        TRY(check_experiment(table, i, at[0], experiment, error));
        TRY(csv_integer(table, i, at[4], &row->seed, error));
        TRY(csv_integer(table, i, at[5], &row->class_id, error));
        TRY(csv_integer(table, i, at[6], &row->train_count, error));
        TRY(real_or_nan(table, i, at[7], &row->top1, error));
        TRY(real_or_nan(table, i, at[8], &row->average_precision, error));
    }
    experiment->class_count = table->rows;
    return sort_rows(experiment->classes, table->rows, sizeof *experiment->classes,
                     compare_classes, table, error);
}

static balact_status read_curves(struct run_results *results, struct experiment *experiment,
                                 struct balact_error *error) {
    static const char *const names[] = {"experiment", "dataset", "method", "seed",
                                        "epoch",      "step",    "lr",     "train_loss"};
    size_t at[8];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/curve.csv", experiment->folder);
    TRY(LOAD(results, path, names, at, &table, error));
    if (!table)
        return BALACT_OK;
    experiment->curves = arena_array(&results->arena, table->rows, sizeof *experiment->curves);
    for (size_t i = 0; i < table->rows; i++) {
        struct curve_row *row = &experiment->curves[i];
        row->line = csv_line(table, i);
        row->dataset = csv_cell(table, i, at[1]);
        row->method = csv_cell(table, i, at[2]);
        TRY(check_experiment(table, i, at[0], experiment, error));
        TRY(csv_integer(table, i, at[3], &row->seed, error));
        TRY(csv_finite(table, i, at[4], &row->epoch, error));
        TRY(csv_finite(table, i, at[5], &row->step, error));
        TRY(csv_finite(table, i, at[6], &row->lr, error));
        TRY(csv_finite(table, i, at[7], &row->loss, error));
    }
    experiment->curve_count = table->rows;
    return sort_rows(experiment->curves, table->rows, sizeof *experiment->curves, compare_curves,
                     table, error);
}

static balact_status read_counts(struct run_results *results, struct experiment *experiment,
                                 struct balact_error *error) {
    static const char *const names[] = {"dataset", "class", "train_count"};
    size_t at[3];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/counts.csv", experiment->folder);
    TRY(LOAD(results, path, names, at, &table, error));
    if (!table)
        return BALACT_OK;
    experiment->counts = arena_array(&results->arena, table->rows, sizeof *experiment->counts);
    for (size_t i = 0; i < table->rows; i++) {
        struct count_row *row = &experiment->counts[i];
        row->line = csv_line(table, i);
        row->dataset = csv_cell(table, i, at[0]);
        TRY(csv_integer(table, i, at[1], &row->class_id, error));
        TRY(csv_integer(table, i, at[2], &row->count, error));
        if (row->count < 0)
            return csv_fail(table, i, at[2], error, "a negative count");
    }
    experiment->count_count = table->rows;
    return sort_rows(experiment->counts, table->rows, sizeof *experiment->counts, compare_counts,
                     table, error);
}

static balact_status read_throughput(struct run_results *results, struct experiment *experiment,
                                     struct balact_error *error) {
    static const char *const names[] = {
        "experiment", "dataset", "method",  "seed",    "backend",
        "threads",    "phase",   "samples", "seconds", "samples_per_second",
        "peak_bytes"};
    size_t at[11];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/throughput.csv", experiment->folder);
    TRY(LOAD(results, path, names, at, &table, error));
    if (!table)
        return BALACT_OK;
    struct throughput_row *rows = arena_array(&results->arena, table->rows, sizeof *rows);
    for (size_t i = 0; i < table->rows; i++) {
        rows[i].line = csv_line(table, i);
        rows[i].dataset = csv_cell(table, i, at[1]);
        rows[i].method = csv_cell(table, i, at[2]);
        rows[i].backend = csv_cell(table, i, at[4]);
        rows[i].phase = csv_cell(table, i, at[6]);
        TRY(check_experiment(table, i, at[0], experiment, error));
        TRY(csv_integer(table, i, at[3], &rows[i].seed, error));
        TRY(csv_integer(table, i, at[5], &rows[i].threads, error));
        TRY(csv_finite(table, i, at[7], &rows[i].samples, error));
        TRY(csv_finite(table, i, at[8], &rows[i].seconds, error));
        TRY(csv_finite(table, i, at[9], &rows[i].rate, error));
        TRY(csv_finite(table, i, at[10], &rows[i].peak_bytes, error));
    }
    experiment->throughput = rows;
    experiment->throughput_count = table->rows;
    return sort_rows(rows, table->rows, sizeof *rows, compare_throughput, table, error);
}

/* An error that was measured: empty is none, NaN is as bad as can be. */
static balact_status error_of(const struct csv_table *table, size_t row, size_t col, double *value,
                              struct balact_error *error) {
    bool present;
    TRY(csv_optional(table, row, col, value, &present, error));
    if (isnan(*value))
        *value = INFINITY;
    return BALACT_OK;
}

static balact_status read_verify(struct run_results *results, struct balact_error *error) {
    static const char *const names[] = {
        "activation", "operation", "options",      "backend",        "dtype",  "case", "values",
        "max_ulp",    "bound_ulp", "max_relative", "bound_relative", "verdict"};
    size_t at[12];
    const struct csv_table *table;
    char *path = arena_format(&results->arena, "%s/verify.csv", results->folder);
    TRY(LOAD(results, path, names, at, &table, error));
    if (!table)
        return BALACT_OK;
    results->verify = arena_array(&results->arena, table->rows, sizeof *results->verify);
    for (size_t i = 0; i < table->rows; i++) {
        struct verify_row *row = &results->verify[i];
        *row = (struct verify_row){csv_cell(table, i, at[0]), csv_cell(table, i, at[1]),
                                   csv_cell(table, i, at[2]), csv_cell(table, i, at[3]),
                                   csv_cell(table, i, at[4]), csv_cell(table, i, at[5]),
                                   csv_cell(table, i, at[6]), csv_cell(table, i, at[11]),
                                   0, 0, 0, 0};
        TRY(error_of(table, i, at[7], &row->max_ulp, error));
        TRY(real_or_nan(table, i, at[8], &row->bound_ulp, error));
        TRY(error_of(table, i, at[9], &row->max_relative, error));
        TRY(real_or_nan(table, i, at[10], &row->bound_relative, error));
        if (strcmp(row->verdict, "PASS") && strcmp(row->verdict, "FAIL") &&
            strcmp(row->verdict, "SKIP"))
            return csv_fail(table, i, at[11], error, "'%s' is none of PASS, FAIL, SKIP",
                            row->verdict);
    }
    results->verify_count = table->rows;
    return BALACT_OK;
}

/* The text of a file that may be absent; *text is NULL then. */
static balact_status read_text(struct arena *arena, const char *path, char **text,
                               struct balact_error *error) {
    char buffer[4096];
    size_t size = 0, got;
    *text = NULL;
    FILE *file = fopen(path, "rb");
    if (!file && errno == ENOENT)
        return BALACT_OK;
    if (!file)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot open: %s",
                              strerror(errno));
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        size += got;
    rewind(file);
    *text = arena_array(arena, size + 1, 1);
    bool whole = fread(*text, 1, size, file) == size && !ferror(file);
    fclose(file);
    return whole ? BALACT_OK
                 : balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read the file");
}

/* File names of tables and figures are made of the experiment's, so only plain characters will do.
 */
static bool is_plain_name(const char *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return name[0] != '.' && name[strspn(name, plain)] == '\0';
}

static balact_status read_experiment(struct run_results *results, const char *name,
                                     struct balact_error *error) {
    struct arena *arena = &results->arena;
    struct stat status;
    char *folder = arena_format(arena, "%s/%s", results->folder, name);
    if (stat(arena_format(arena, "%s/metrics.csv", folder), &status) != 0)
        return BALACT_OK; /* no experiment: tables/, figures/, or one that has not ended yet */
    if (!is_plain_name(name))
        return balact_fail(error, BALACT_ERROR_FORMAT,
                           "%s: an experiment's name may hold letters, digits, '_', '-' and '.' "
                           "only; rename the folder",
                           folder);
    struct experiment *experiment = &results->experiments[results->experiment_count];
    *experiment = (struct experiment){.name = name, .folder = folder};
    TRY(read_metrics(results, experiment, error));
    TRY(read_classes(results, experiment, error));
    TRY(lvis_results_read(results, experiment, error));
    TRY(read_curves(results, experiment, error));
    TRY(read_counts(results, experiment, error));
    TRY(read_throughput(results, experiment, error));
    TRY(read_text(arena, arena_format(arena, "%s/run.json", folder), &experiment->run_json, error));
    results->experiment_count++;
    experiment_index(arena, experiment);
    return BALACT_OK;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The names in a folder, sorted, since a folder's own order is any. */
static balact_status list_folder(struct arena *arena, const char *path, struct name_list *list,
                                 struct balact_error *error) {
    DIR *folder = opendir(path);
    if (!folder)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1,
                              "cannot open the folder of a run: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (entry->d_name[0] != '.')
            name_list_add(arena, list, arena_copy(arena, entry->d_name));
    closedir(folder);
    if (list->count)
        qsort(list->names, list->count, sizeof *list->names, compare_names);
    return BALACT_OK;
}

balact_status run_results_load(struct run_results *results, const char *folder,
                           struct balact_error *error) {
    struct name_list names = {NULL, 0};
    memset(results, 0, sizeof *results);
    results->folder = arena_copy(&results->arena, folder);
    TRY(list_folder(&results->arena, folder, &names, error));
    results->experiments = arena_array(&results->arena, names.count, sizeof *results->experiments);
    TRY(read_verify(results, error));
    for (size_t i = 0; i < names.count; i++)
        TRY(read_experiment(results, names.names[i], error));
    if (!results->experiment_count && !results->verify)
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "%s: nothing to report: there is no verify.csv and no experiment "
                           "(a folder with metrics.csv) in it",
                           folder);
    return BALACT_OK;
}

void run_results_release(struct run_results *results) {
    for (size_t i = 0; i < results->table_count; i++)
        csv_release(&results->tables[i]);
    arena_release(&results->arena);
    memset(results, 0, sizeof *results);
}
