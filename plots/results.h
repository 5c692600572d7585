/* SPDX-License-Identifier: MIT
 *
 * The results of a run, read from the CSV files that docs/FORMATS.md section 1 describes, and the
 * few statistics that tables, figures and claims are made of. Rows are sorted on reading, so
 * nothing depends on the order in which they were written.
 */
#ifndef BALACT_PLOTS_RESULTS_H
#define BALACT_PLOTS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"
#include "plots/arena.h"
#include "plots/csv.h"

/* Every row begins with the line of its file, for messages. */
struct metric_row {
    int64_t line;
    const char *dataset, *split, *method, *group, *metric;
    int64_t seed;
    double value;
};

/* top1 and average precision are NaN for a class that the split does not hold. */
struct class_row {
    int64_t line;
    const char *dataset, *split, *method;
    int64_t seed, class_id, train_count;
    double top1, average_precision;
};

/* One category of LVIS; NaN where val has none of it. */
struct category_row {
    int64_t line;
    const char *dataset, *split, *method, *iou_type, *frequency;
    int64_t seed, category_id, image_count;
    double average_precision;
};

struct curve_row {
    int64_t line;
    const char *dataset, *method;
    int64_t seed;
    double epoch, step, lr, loss;
};

struct count_row {
    int64_t line;
    const char *dataset;
    int64_t class_id, count;
};

struct throughput_row {
    int64_t line;
    const char *dataset, *method, *backend, *phase;
    int64_t seed, threads;
    double samples, seconds, rate, peak_bytes;
};

/* Bounds are NaN where the cell is empty: the values are not held to that measure. An error that is
 * not a number counts as infinite. */
struct verify_row {
    const char *activation, *operation, *options, *backend, *dtype, *which, *values, *verdict;
    double max_ulp, bound_ulp, max_relative, bound_relative;
};

struct name_list {
    const char **names;
    size_t count;
};

struct experiment {
    const char *name, *folder;
    struct metric_row *metrics;
    struct class_row *classes;
    struct category_row *categories;
    struct curve_row *curves;
    struct count_row *counts;
    struct throughput_row *throughput;
    size_t metric_count, class_count, category_count, curve_count, count_count, throughput_count;
    struct name_list datasets; /* by sample-size factor, then name */
    struct name_list splits;   /* test first */
    struct name_list methods;  /* as tables list them; "bayes" is not among them */
    bool by_size;              /* every data set is <name>_x<factor>, and there are several */
    char *run_json;            /* the text of run.json or NULL */
};

struct run_results {
    struct arena arena; /* owns everything below */
    const char *folder;
    struct experiment *experiments; /* by name */
    size_t experiment_count;
    struct verify_row *verify;
    size_t verify_count;
    struct csv_table *tables; /* keep the strings alive */
    size_t table_count, table_capacity;
};

/* Reads results/<run>/. A folder is an experiment if it holds metrics.csv; other files of it may be
 * absent. Errors: ERROR_IO for an unreadable folder, ERROR_FORMAT with file, line and column for a
 * malformed file, ERROR_RANGE for doubled rows or a run without anything. Release either way. */
balact_status run_results_load(struct run_results *results, const char *folder,
                           struct balact_error *error);
void run_results_release(struct run_results *results);

/* Loads one CSV into the results and finds its columns. *table is NULL if the file is not there. */
balact_status results_load_table(struct run_results *results, const char *path,
                                 const char *const *names, size_t count, size_t *index,
                                 const struct csv_table **table, struct balact_error *error);

/* Reads per_category.csv of an LVIS experiment, if it is there. */
balact_status lvis_results_read(struct run_results *results, struct experiment *experiment,
                                struct balact_error *error);

/* Fills datasets, splits, methods and by_size from the metrics; run_results_load() has done so. */
void experiment_index(struct arena *arena, struct experiment *experiment);

/* The experiment of that name or NULL. */
const struct experiment *results_experiment(const struct run_results *results, const char *name);

/* Mean and spread of some seeds, one value added after another. Start from all zeros. */
struct summary {
    int64_t count;
    double mean, squares; /* squares: sum of squared distances from the mean */
};

void summary_add(struct summary *summary, double value);

/* Sample standard deviation (n - 1); 0, which means nothing, for fewer than two values. */
double summary_deviation(const struct summary *summary);

/* Over the seeds of one cell of metrics.csv. */
struct summary results_summary(const struct experiment *experiment, const char *dataset,
                               const char *split, const char *method, const char *group,
                               const char *metric);

/* Over the seeds that both methods have: method - baseline. Where the baseline is "bayes", whose
 * one value belongs to no seed, it is subtracted from every seed of the method. */
struct summary results_difference(const struct experiment *experiment, const char *dataset,
                                  const char *split, const char *method, const char *baseline,
                                  const char *group, const char *metric);

/* Over the seeds of one phase in throughput.csv; field is "samples_per_second", "seconds" or
 * "peak_bytes". backend NULL means any, threads 0 means any. */
struct summary results_throughput(const struct experiment *experiment, const char *dataset,
                                  const char *method, const char *backend, int64_t threads,
                                  const char *phase, const char *field);

/* The factor in a data set's name "<name>_x<factor>", or NaN. */
double dataset_factor(const char *dataset);

/* What tables and figures call a method: "balanced_softmax_class_balanced" becomes "Balanced
 * Softmax, class balanced". */
const char *method_title(struct arena *arena, const char *method);

/* The line style of a method, 1 and up, the same in every figure; variants beyond the activations
 * of the library follow by their place in the experiment; "bayes" has BAYES_STYLE. */
enum { BAYES_STYLE = 12 };
int method_style(const struct experiment *experiment, const char *method);

/* The method that "balanced_x" is compared with, "x", if the experiment has it, else NULL. */
const char *method_plain(const struct experiment *experiment, const char *method);

/* Whether a method's loss is a sum of two-way questions (the sigmoid family), whose size does not
 * compare with the softmax family's. */
bool method_is_sigmoid(const char *method);

bool name_list_holds(const struct name_list *list, const char *name);

/* Adds a name that is not in the list yet; it must live as long as the arena. */
void name_list_add(struct arena *arena, struct name_list *list, const char *name);

#endif
