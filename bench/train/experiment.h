/* SPDX-License-Identifier: MIT
 *
 * An experiment: every method and seed of its settings trained and evaluated on every task, results
 * written.
 */
#ifndef BALACT_BENCH_TRAIN_EXPERIMENT_H
#define BALACT_BENCH_TRAIN_EXPERIMENT_H

#include "balact/backend.h"
#include "bench/results.h"
#include "bench/train/model.h"
#include "bench/train/progress.h"
#include "bench/train/settings.h"
#include "bench/train/task.h"

/* The accuracies of one trained head, for the closing table. */
struct summary_row {
    char dataset[96];
    const char *method, *title;
    uint64_t seed;
    bool present[BALACT_GROUP_COUNT + 1]; /* as the groups of balact_classification */
    double top1[BALACT_GROUP_COUNT + 1];
    double train_rate; /* samples a second; 0 for what was not trained */
};

/* The AP of one head of an LVIS run: all, at IoU 0.5 and 0.75, rare, common, frequent. */
enum { LVIS_SUMMARY_VALUES = 6 };
struct lvis_summary_row {
    const char *title;
    bool masks;
    double value[LVIS_SUMMARY_VALUES];
};

struct experiment {
    const struct settings *settings;
    const struct balact_backend *backend;
    const char *backend_name; /* for results: "avx2", or "avx2+reference" where that filled in */
    const char *data;         /* path, NULL for sample-size */
    const char *folder;       /* results/<run>/<experiment> */
    bool resume;
    struct progress progress;

    /* Filled by experiment_run(). */
    struct results results;
    struct summary_row *summary; /* [summary_count], owned */
    size_t summary_count;
    struct lvis_summary_row *lvis_summary; /* [lvis_summary_count], owned */
    size_t lvis_summary_count;
    enum balact_split summary_split;
    struct balact_source *inputs; /* [input_count], copies of the tasks' sources; owned */
    size_t input_count;
    bool interrupted; /* by a signal; nothing but checkpoints was written */
};

/* Trains and evaluates everything and writes the CSV files into folder. */
balact_status experiment_run(struct experiment *experiment, struct balact_error *error);
void experiment_release(struct experiment *experiment);

/* Prints the closing table: accuracy (of LVIS runs AP) in points, mean and deviation over seeds. */
void experiment_print_summary(const struct experiment *experiment);

/* Most memory that the process has held. */
int64_t experiment_peak_bytes(void);

/* Makes folder/checkpoints. */
balact_status experiment_make_checkpoint_folder(const struct experiment *experiment,
                                                struct balact_error *error);

/* Scores of a split, [rows][model->outputs], malloc'ed; *seconds is the time it took. */
balact_status experiment_scores(struct balact_model *model, const struct balact_dataset *split,
                                float **scores, double *seconds, struct balact_error *error);

#endif
