/* SPDX-License-Identifier: MIT
 *
 * See task.h.
 */
#include "bench/train/task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/train/checkpoint.h"

size_t task_count(const struct settings *settings) {
    if (settings->kind == DATA_LVIS) /* has tasks of its own kind, see lvis_task.h */
        return 0;
    return settings->kind == DATA_SAMPLE_SIZE ? settings->factor_count : 1;
}

void task_release(struct task *task) {
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++)
        balact_dataset_release(&task->splits[s]);
    free(task->counts);
    memset(task, 0, sizeof *task);
}

/* ---- CIFAR ---- */

static bool folder_has(const char *folder, const char *name) {
    static const char *const below[] = {"", "cifar-10-batches-bin/", "cifar-100-binary/"};
    char path[1200];
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        snprintf(path, sizeof path, "%s/%s%s", folder, below[i], name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

int task_guess_cifar_classes(const char *path) {
    size_t length = strlen(path), end = length;
    while (end > 0 && path[end - 1] == '/') /* a folder given as "name/" */
        end--;
    const char *name = path + end;
    while (name > path && name[-1] != '/')
        name--;
    static const struct {
        const char *text;
        int classes;
    } names[] = {{"cifar-100", 100}, {"cifar100", 100}, {"cifar-10", 10}, {"cifar10", 10}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(name, names[i].text))
            return names[i].classes;
    if (folder_has(path, "train.bin"))
        return 100;
    return folder_has(path, "data_batch_1.bin") ? 10 : 0;
}

static balact_status load_cifar(const struct settings *settings, const char *data,
                                struct task *task, struct balact_error *error) {
    struct balact_cifar_options options = BALACT_CIFAR_OPTIONS_INIT;
    options.classes = settings->classes ? (int)settings->classes : task_guess_cifar_classes(data);
    options.imbalance = settings->imbalance;
    options.order = (enum balact_subset_order)settings->subset_order;
    options.seed = (uint64_t)settings->subset_seed;
    if (options.classes != 10 && options.classes != 100)
        return balact_fail(
            error, BALACT_ERROR_ARGUMENT,
            "%s: CIFAR-10 or CIFAR-100? its name does not tell; give --classes 10 or "
            "--classes 100",
            data);
    if (options.imbalance > 0)
        snprintf(task->dataset, sizeof task->dataset, "cifar-%d-lt-if%g", options.classes,
                 options.imbalance);
    else
        snprintf(task->dataset, sizeof task->dataset, "cifar-%d", options.classes);
    return balact_cifar_load(data, &options, &task->splits[BALACT_SPLIT_TRAIN],
                             &task->splits[BALACT_SPLIT_TEST], error);
}

/* ---- Given features ---- */

/* The last part of a path without extensions, with what does not belong into a CSV cell as '-'. */
static void name_of_path(const char *path, char *name, size_t size) {
    size_t end = strlen(path), n = 0;
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    for (size_t i = begin; i < end && path[i] != '.' && n + 1 < size; i++) {
        char c = path[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        name[n++] = fine ? c : '-';
    }
    name[n] = '\0';
    if (!n)
        snprintf(name, size, "features");
}

static balact_status load_features(const struct settings *settings, const char *data,
                                   struct task *task, struct balact_error *error) {
    task->synthetic = balact_synthetic_options_load(data, &task->options, NULL) == BALACT_OK;
    if (settings->kind == DATA_IMAGENET_LT)
        snprintf(task->dataset, sizeof task->dataset, "imagenet-lt%s",
                 task->synthetic ? "-synthetic" : "");
    else
        name_of_path(data, task->dataset, sizeof task->dataset);
    return balact_features_load(data, (int32_t)settings->classes, task->splits, error);
}

/* ---- Generated in memory ---- */

static balact_status generate(const struct settings *settings, size_t index, struct task *task,
                              struct balact_error *error) {
    struct balact_synthetic_options options = BALACT_SYNTHETIC_OPTIONS_INIT;
    if (settings->classes)
        options.classes = (int32_t)settings->classes;
    options.dim = (int32_t)settings->dim;
    options.seed = (uint64_t)settings->synthetic_seed;
    options.spread_super = settings->spread_super;
    options.spread_sub = settings->spread_sub;
    options.spread_class = settings->spread_class;
    options.scale = settings->scale;
    options.super_classes = (int32_t)settings->super_classes;
    options.sub_classes = (int32_t)settings->sub_classes;
    options.val_per_class = settings->val_per_class;
    options.test_per_class = settings->test_per_class;
    options.train_factor = settings->factors[index];
    task->options = options;
    task->synthetic = true;
    snprintf(task->dataset, sizeof task->dataset, "synthetic-%d_x%g", (int)options.classes,
             options.train_factor);
    return balact_synthetic_generate(&options, task->splits, error);
}

/* ---- Any ---- */

static balact_status check_splits(const struct task *task, struct balact_error *error) {
    const struct balact_dataset *train = &task->splits[BALACT_SPLIT_TRAIN];
    if (train->rows < 1)
        return balact_fail(error, BALACT_ERROR_RANGE, "%s: the training split is empty",
                           task->dataset);
    if (!task->splits[BALACT_SPLIT_VAL].rows && !task->splits[BALACT_SPLIT_TEST].rows)
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "%s: neither a val nor a test split is there to evaluate on",
                           task->dataset);
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++) {
        const struct balact_dataset *split = &task->splits[s];
        if (!split->rows)
            continue;
        if (split->dim != train->dim)
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "%s: split %s has %lld features a row, train has %lld",
                               task->dataset, balact_split_name((enum balact_split)s),
                               (long long)split->dim, (long long)train->dim);
        for (int64_t i = 0; i < split->rows; i++)
            if (split->labels[i] < 0 || split->labels[i] >= train->classes)
                return balact_fail(error, BALACT_ERROR_RANGE,
                                   "%s: label %d of row %lld of split %s is outside [0, %d); give "
                                   "--classes if train lacks the last classes",
                                   task->dataset, (int)split->labels[i], (long long)i,
                                   balact_split_name((enum balact_split)s), (int)train->classes);
    }
    return BALACT_OK;
}

balact_status task_load(const struct settings *settings, const char *data, size_t index,
                        struct task *task, struct balact_error *error) {
    memset(task, 0, sizeof *task);
    balact_status status;
    if (settings->kind == DATA_SAMPLE_SIZE)
        status = generate(settings, index, task, error);
    else if (settings->kind == DATA_CIFAR_LT)
        status = load_cifar(settings, data, task, error);
    else
        status = load_features(settings, data, task, error);
    if (status == BALACT_OK)
        status = check_splits(task, error);
    const struct balact_dataset *train = &task->splits[BALACT_SPLIT_TRAIN];
    if (status == BALACT_OK) {
        task->classes = train->classes;
        task->counts = calloc((size_t)train->classes, sizeof *task->counts);
        if (!task->counts)
            status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", task->dataset);
    }
    if (status != BALACT_OK) {
        task_release(task);
        return status;
    }
    balact_dataset_counts(train, task->counts);
    size_t bytes =
        (size_t)train->rows * (size_t)train->dim * (size_t)balact_dtype_size(train->dtype);
    task->fingerprint = hash_bytes(HASH_START, train->features, bytes);
    task->fingerprint =
        hash_bytes(task->fingerprint, train->labels, (size_t)train->rows * sizeof *train->labels);
    return BALACT_OK;
}

/* ---- The optimum ---- */

static void sum_accuracy(const struct task *task, const struct balact_dataset *split,
                         const int32_t *prediction, struct balact_classification *result) {
    double sum[BALACT_GROUP_COUNT] = {0};
    int64_t correct = 0;
    for (int64_t i = 0; i < split->rows; i++) {
        int32_t y = split->labels[i];
        result->class_rows[y]++;
        result->class_top1[y] += prediction[i] == y;
        correct += prediction[i] == y;
    }
    for (int32_t c = 0; c < task->classes; c++) {
        int64_t rows = result->class_rows[c];
        result->class_top1[c] = rows ? result->class_top1[c] / (double)rows : NAN;
        result->class_ap[c] = NAN;
        if (!rows)
            continue;
        struct balact_group_metrics *group = &result->group[balact_group_of(task->counts[c])];
        sum[balact_group_of(task->counts[c])] += result->class_top1[c];
        group->classes++;
        group->rows += rows;
    }
    for (int g = 0; g < BALACT_GROUP_COUNT; g++) {
        result->group[g].present = result->group[g].classes > 0;
        if (result->group[g].present)
            result->group[g].top1 = sum[g] / (double)result->group[g].classes;
    }
    result->group[BALACT_GROUP_ALL].present = split->rows > 0;
    if (split->rows)
        result->group[BALACT_GROUP_ALL].top1 = (double)correct / (double)split->rows;
}

balact_status task_bayes(const struct task *task, enum balact_split which,
                         struct balact_classification *result, struct balact_error *error) {
    const struct balact_dataset *split = &task->splits[which];
    double accuracy;
    memset(result, 0, sizeof *result);
    result->classes = task->classes;
    result->class_top1 = calloc((size_t)task->classes, sizeof *result->class_top1);
    result->class_ap = calloc((size_t)task->classes, sizeof *result->class_ap);
    result->class_rows = calloc((size_t)task->classes, sizeof *result->class_rows);
    int32_t *prediction = malloc((size_t)(split->rows + 1) * sizeof *prediction);
    balact_status status = BALACT_OK;
    if (!result->class_top1 || !result->class_ap || !result->class_rows || !prediction)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "Bayes optimum: out of memory");
    else
        status = balact_synthetic_bayes(&task->options, split, &accuracy, prediction, error);
    if (status == BALACT_OK)
        sum_accuracy(task, split, prediction, result);
    else
        balact_classification_release(result);
    free(prediction);
    return status;
}
