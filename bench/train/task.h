/* SPDX-License-Identifier: MIT
 *
 * A task: one data set to train on, with its splits, counts and, if it is synthetic, its known
 * optimum. An experiment has one task, or one per factor in the sample-size experiment.
 */
#ifndef BALACT_BENCH_TRAIN_TASK_H
#define BALACT_BENCH_TRAIN_TASK_H

#include "balact/dataset.h"
#include "balact/evaluate.h"
#include "bench/train/settings.h"

struct task {
    char dataset[96]; /* its name in CSV files */
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    int64_t *counts; /* [classes] of the training split, owned */
    int32_t classes;
    uint64_t fingerprint; /* of the training split's features and labels */
    bool synthetic;       /* options are known, and so is the optimum */
    struct balact_synthetic_options options;
};

/* Number of tasks of an experiment. */
size_t task_count(const struct settings *settings);

/* Loads (or generates) task `index`. data: path of the data, NULL for sample-size. The splits agree
 * in dimension and classes, and at least one of val and test is there, or an error says so. */
balact_status task_load(const struct settings *settings, const char *data, size_t index,
                        struct task *task, struct balact_error *error);
void task_release(struct task *task);

/* Guesses 10 or 100 classes from the name or the layout of a CIFAR archive or folder; 0 if neither
 * tells. */
int task_guess_cifar_classes(const char *path);

/* Accuracies of the Bayes-optimal classifier on a split of a synthetic task; everything else in
 * *result is unset. Release with balact_classification_release(). */
balact_status task_bayes(const struct task *task, enum balact_split split,
                         struct balact_classification *result, struct balact_error *error);

#endif
