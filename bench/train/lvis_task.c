/* SPDX-License-Identifier: MIT
 *
 * See lvis_task.h.
 */
#include "bench/train/lvis_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/train/checkpoint.h"

void lvis_task_release(struct lvis_task *task) {
    balact_rois_stream_close(task->train_rois);
    balact_rois_stream_close(task->val_rois);
    balact_lvis_counts_release(&task->counts);
    balact_lvis_release(&task->train);
    balact_lvis_release(&task->val);
    free(task->image_factor);
    memset(task, 0, sizeof *task);
}

/* ---- Loading ---- */

static balact_status load_annotations(const char *data, const char *given, const char *split,
                                      bool masks, struct balact_lvis *lvis,
                                      struct balact_error *error) {
    struct balact_lvis_load_options options = {.sha256 = true, .skip_segments = !masks};
    char path[1200];
    struct stat what;
    if (*given)
        return balact_lvis_load(given, &options, lvis, error);
    if (stat(data, &what) != 0 || !S_ISDIR(what.st_mode))
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "%s is not a folder: say where the annotations are with "
                           "--%s-annotations FILE",
                           data, split);
    snprintf(path, sizeof path, "%s/lvis_%s.json", data, split);
    struct balact_error cause;
    balact_status status = balact_lvis_load(path, &options, lvis, &cause);
    if (status == BALACT_ERROR_IO)
        return balact_fail(error, status, "%.800s; or give --%s-annotations FILE", cause.message,
                           split);
    if (status != BALACT_OK && error)
        *error = cause;
    return status;
}

static balact_status compare_categories(const struct lvis_task *task, struct balact_error *error) {
    bool same = task->train.categories == task->val.categories;
    for (int32_t c = 0; same && c < task->train.categories; c++)
        same = task->train.category[c].id == task->val.category[c].id;
    return same ? BALACT_OK
                : balact_fail(error, BALACT_ERROR_RANGE,
                              "%.400s and %.400s have not the same categories: are they of one "
                              "version of LVIS?",
                              task->train.name, task->val.name);
}

/* Opens a split's RoIs and looks at the first shard. */
static balact_status open_rois(const struct settings *settings, const char *data,
                               const char *split, struct balact_rois_stream **stream,
                               const struct balact_rois **first, struct balact_error *error) {
    balact_status status = balact_rois_stream_open(stream, data, split,
                                                   settings->lvis.memory_mib << 20, error);
    return status == BALACT_OK ? balact_rois_stream_next(*stream, first, error) : status;
}

static balact_status open_both(const struct settings *settings, struct lvis_task *task,
                               struct balact_error *error) {
    const struct balact_rois *first;
    balact_status status =
        open_rois(settings, task->data, "train", &task->train_rois, &first, error);
    if (status != BALACT_OK)
        return status;
    task->dim = first->dim;
    balact_rois_stream_rewind(task->train_rois);
    status = open_rois(settings, task->data, "val", &task->val_rois, &first, error);
    if (status != BALACT_OK)
        return status;
    task->masks = first->rle != NULL;
    task->objectness = first->objectness != NULL;
    if (first->dim != task->dim)
        return balact_fail(error, BALACT_ERROR_RANGE, "%.400s: %lld features, but train has %lld",
                           first->place, (long long)first->dim, (long long)task->dim);
    balact_rois_stream_rewind(task->val_rois);
    if (settings->lvis.objectness && !task->objectness)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "%s: --objectness yes, but the val RoIs have no objectness.npy",
                           task->data);
    return BALACT_OK;
}

static balact_status count_train(const struct settings *settings, struct lvis_task *task,
                                 struct balact_error *error) {
    balact_status status = balact_lvis_count(&task->train, &task->counts, error);
    if (status != BALACT_OK)
        return status;
    size_t bytes = (size_t)task->train.categories * sizeof *task->counts.image_count;
    task->fingerprint = hash_bytes(HASH_START, task->counts.image_count, bytes);
    task->fingerprint = hash_bytes(task->fingerprint, task->counts.instance_count, bytes);
    if (settings->lvis.repeat_threshold <= 0)
        return BALACT_OK;
    task->image_factor = malloc((size_t)(task->train.images + 1) * sizeof *task->image_factor);
    if (!task->image_factor)
        return balact_fail(error, BALACT_ERROR_MEMORY, "repeat factors: out of memory");
    status = balact_lvis_repeat_factors(&task->train, settings->lvis.repeat_threshold, NULL,
                                        task->image_factor, error);
    if (status == BALACT_OK)
        task->fingerprint = hash_bytes(task->fingerprint, task->image_factor,
                                       (size_t)task->train.images * sizeof *task->image_factor);
    return status;
}

balact_status lvis_task_load(const struct settings *settings, const char *data,
                             struct lvis_task *task, struct balact_error *error) {
    char path[1200];
    memset(task, 0, sizeof *task);
    task->data = data;
    balact_status status = open_both(settings, task, error);
    if (status == BALACT_OK)
        status = load_annotations(data, settings->lvis.train_annotations, "train", false,
                                  &task->train, error);
    if (status == BALACT_OK)
        status = load_annotations(data, settings->lvis.val_annotations, "val", task->masks,
                                  &task->val, error);
    if (status == BALACT_OK)
        status = compare_categories(task, error);
    if (status == BALACT_OK)
        status = count_train(settings, task, error);
    snprintf(path, sizeof path, "%s/synthetic.json", data);
    struct stat what;
    task->synthetic = stat(path, &what) == 0;
    snprintf(task->dataset, sizeof task->dataset, "lvis%s", task->synthetic ? "-synthetic" : "");
    if (status != BALACT_OK)
        lvis_task_release(task);
    return status;
}

/* ---- Priors ---- */

static bool is_softmax(enum balact_activation activation) {
    return balact_activation_info(activation)->family == BALACT_FAMILY_SOFTMAX;
}

int64_t lvis_columns(const struct lvis_task *task, enum balact_activation activation) {
    return (int64_t)task->train.categories + is_softmax(activation);
}

bool lvis_foreground_only(const struct settings *settings, enum balact_activation activation) {
    if (!balact_activation_info(activation)->balanced)
        return false;
    return settings->lvis.shift == LVIS_SHIFT_FOREGROUND ||
           (settings->lvis.shift == LVIS_SHIFT_FAMILY && !is_softmax(activation));
}

balact_status lvis_offset(const struct lvis_task *task, const struct settings *settings,
                          const struct hyper *hyper, const struct method *method, float **offset,
                          struct balact_error *error) {
    int32_t categories = task->train.categories;
    bool softmax = is_softmax(method->activation);
    bool instances = settings->lvis.prior == LVIS_PRIOR_INSTANCE ||
                     (settings->lvis.prior == LVIS_PRIOR_FAMILY && softmax);
    const int64_t *counts = instances ? task->counts.instance_count : task->counts.image_count;
    *offset = NULL;
    if (!balact_activation_info(method->activation)->balanced)
        return BALACT_OK;
    double *values = malloc((size_t)categories * sizeof *values);
    *offset = malloc(((size_t)categories + 1) * sizeof **offset);
    balact_status status = BALACT_OK;
    if (!values || !*offset) {
        status = balact_fail(error, BALACT_ERROR_MEMORY, "prior: out of memory");
    } else {
        struct balact_prior prior = BALACT_PRIOR_INIT;
        struct balact_error cause;
        for (int32_t c = 0; c < categories; c++)
            values[c] = (double)counts[c];
        prior.values = values;
        prior.classes = categories;
        prior.tau = hyper->tau;
        prior.zero_count = (enum balact_zero_count)hyper->zero_count;
        prior.total = instances ? 0 : (double)task->counts.images_annotated;
        prior.keep_odds_constant = settings->lvis.odds_constant;
        prior.background = softmax ? BALACT_BACKGROUND_LAST : BALACT_BACKGROUND_IMPLICIT;
        status = balact_offset(method->activation, &prior, *offset, &cause);
        if (status != BALACT_OK)
            balact_fail(error, status, "data %s, method %s: %.800s%s", task->dataset, method->name,
                        cause.message, status == BALACT_ERROR_RANGE ? "; see --zero-count" : "");
    }
    free(values);
    if (status != BALACT_OK) {
        free(*offset);
        *offset = NULL;
    }
    return status;
}
