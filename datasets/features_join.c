/* SPDX-License-Identifier: MIT
 *
 * Joins what features.c has gathered: shards to one block, labels to rows, splits to each other.
 */
#include "datasets/features.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/source.h"

/* The shards one behind the other, in one block. */
static balact_status join_shards(const char *path, enum balact_split split,
                                 struct balact_features_split *pending,
                                 struct balact_dataset *dataset, struct balact_error *error) {
    int64_t rows = 0, bytes = 0;
    for (int64_t i = 0; i < pending->shard_total; i++) {
        const struct balact_features_shard *shard = &pending->shards[i];
        if (!shard->data)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, -1,
                                  "%s_features-%05lld-of-%05lld.npy is missing",
                                  balact_split_name(split), (long long)i,
                                  (long long)pending->shard_total);
        /* Each fits into memory, so the sums of at most 100000 cannot overflow. */
        rows += shard->npy.shape[0];
        bytes += shard->npy.bytes;
    }
    char *features = pending->shards[0].data;
    if (pending->shard_total > 1) {
        int64_t at = pending->shards[0].npy.bytes;
        features = realloc(features, (size_t)bytes + 1);
        if (!features)
            return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory for %lld bytes",
                               path, (long long)bytes);
        pending->shards[0].data = features;
        for (int64_t i = 1; i < pending->shard_total; i++) {
            memcpy(features + at, pending->shards[i].data, (size_t)pending->shards[i].npy.bytes);
            at += pending->shards[i].npy.bytes;
            free(pending->shards[i].data);
            pending->shards[i].data = NULL;
        }
    }
    dataset->features = features;
    pending->shards[0].data = NULL;
    dataset->rows = rows;
    dataset->dim = pending->shards[0].npy.shape[1];
    dataset->dtype = pending->shards[0].npy.type == BALACT_NPY_F16 ? BALACT_F16 : BALACT_F32;
    if (rows == 0)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, pending->features_name, 0, -1,
                              "no rows");
    return BALACT_OK;
}

/* Rows and labels of features, list and labels must agree; the labels go to the data set. */
static balact_status join_labels(struct balact_features_split *pending,
                                 struct balact_dataset *dataset, struct balact_error *error) {
    const struct balact_list *list = &pending->list;
    if (pending->list_name && list->rows != dataset->rows)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, pending->features_name, 0, -1,
                              "%lld rows in all, but the list %.300s has %lld lines",
                              (long long)dataset->rows, pending->list_name,
                              (long long)list->rows);
    if (pending->labels_name && pending->label_count != dataset->rows)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, pending->features_name, 0, -1,
                              "%lld rows in all, but there are %lld labels in %.300s",
                              (long long)dataset->rows, (long long)pending->label_count,
                              pending->labels_name);
    if (pending->list_name && pending->labels_name)
        for (int64_t i = 0; i < dataset->rows; i++)
            if (list->labels[i] != pending->labels[i])
                return balact_fail_at(error, BALACT_ERROR_FORMAT, pending->list_name, i + 1, -1,
                                      "label %d, but row %lld of %.300s says %d",
                                      (int)list->labels[i], (long long)i, pending->labels_name,
                                      (int)pending->labels[i]);
    int32_t **labels = pending->labels_name ? &pending->labels : &pending->list.labels;
    dataset->labels = *labels;
    *labels = NULL;
    return BALACT_OK;
}

static balact_status check_range(const struct balact_features_split *pending,
                                 const struct balact_dataset *dataset,
                                 struct balact_error *error) {
    for (int64_t i = 0; i < dataset->rows; i++)
        if (dataset->labels[i] >= dataset->classes)
            return balact_fail_at(
                error, BALACT_ERROR_RANGE,
                pending->list_name ? pending->list_name : pending->labels_name,
                pending->list_name ? i + 1 : 0, -1, "label %d of row %lld is outside [0, %d)",
                (int)dataset->labels[i], (long long)i, (int)dataset->classes);
    return BALACT_OK;
}

static balact_status finish_split(const char *path, enum balact_split split,
                                  struct balact_features_split *pending,
                                  struct balact_dataset *dataset, struct balact_error *error) {
    const char *word = balact_split_name(split);
    if (!pending->shards) {
        const char *name = pending->list_name ? pending->list_name : pending->labels_name;
        if (!name)
            return BALACT_OK;
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, -1,
                              "%s_features.npy is missing, but %.300s is there", word, name);
    }
    if (!pending->list_name && !pending->labels_name)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, -1,
                              "no labels of %s: wants %s_labels.npy or a list *_%s.txt", word,
                              word, word);
    balact_status status = join_shards(path, split, pending, dataset, error);
    if (status == BALACT_OK)
        status = join_labels(pending, dataset, error);
    if (status != BALACT_OK)
        return status;
    dataset->name = balact_source_name(path, word);
    dataset->sources = pending->sources.sources;
    dataset->source_count = pending->sources.source_count;
    memset(&pending->sources, 0, sizeof pending->sources);
    return dataset->name ? BALACT_OK
                         : balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
}

/* classes from the labels of train, if the caller has not given them. */
static void count_classes(struct balact_dataset *splits, int32_t classes) {
    const struct balact_dataset *train = &splits[BALACT_SPLIT_TRAIN];
    if (classes == 0)
        for (int64_t i = 0; i < train->rows; i++)
            if (train->labels[i] >= classes)
                classes = train->labels[i] + 1;
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        splits[i].classes = splits[i].features ? classes : 0;
}

balact_status balact_features_join(const char *path, int32_t classes,
                                   struct balact_features_split gathered[BALACT_SPLIT_COUNT],
                                   struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                   struct balact_error *error) {
    const struct balact_dataset *train = &splits[BALACT_SPLIT_TRAIN];
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        balact_status status =
            finish_split(path, (enum balact_split)i, &gathered[i], &splits[i], error);
        if (status != BALACT_OK)
            return status;
    }
    if (!train->features)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, -1,
                              "no training features: wants train_features.npy, its shards, or "
                              "train.npz");
    count_classes(splits, classes);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        if (splits[i].features && splits[i].dim != train->dim)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, gathered[i].features_name, 0, -1,
                                  "%lld columns, but train has %lld", (long long)splits[i].dim,
                                  (long long)train->dim);
        balact_status status = check_range(&gathered[i], &splits[i], error);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}
