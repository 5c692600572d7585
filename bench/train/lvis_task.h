/* SPDX-License-Identifier: MIT
 *
 * What an LVIS run works on: annotations of both splits, the streams of their RoIs, counts, repeat
 * factors, and the priors made of them.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_TASK_H
#define BALACT_BENCH_TRAIN_LVIS_TASK_H

#include "balact/lvis.h"
#include "bench/train/settings.h"
#include "datasets/rois.h"

struct lvis_task {
    char dataset[96]; /* its name in CSV files */
    const char *data; /* path of the RoIs */
    struct balact_lvis train, val; /* same categories, in the same order */
    struct balact_lvis_counts counts;
    double *image_factor; /* [train.images] or NULL; owned */
    struct balact_rois_stream *train_rois, *val_rois;
    int64_t dim;
    bool masks, objectness; /* of the val RoIs */
    uint64_t fingerprint;   /* of the counts and repeat factors */
    bool synthetic;         /* synthetic.json lies beside the RoIs */
};

/* Loads annotations, opens streams and looks at the first shard of each split. Errors name what is
 * missing and the option that says where it is. */
balact_status lvis_task_load(const struct settings *settings, const char *data,
                             struct lvis_task *task, struct balact_error *error);
void lvis_task_release(struct lvis_task *task);

/* Columns of a head: K for the sigmoid family, K + 1 for softmax. */
int64_t lvis_columns(const struct lvis_task *task, enum balact_activation activation);

/* *offset = the prior of a balanced activation for the columns of its head, malloc'ed; NULL for a
 * plain one. Image counts are divided by the images with annotations (sigmoid family). */
balact_status lvis_offset(const struct lvis_task *task, const struct settings *settings,
                          const struct hyper *hyper, const struct method *method, float **offset,
                          struct balact_error *error);

/* Whether the prior shifts foreground rows only. */
bool lvis_foreground_only(const struct settings *settings, enum balact_activation activation);

#endif
