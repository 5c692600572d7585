/* SPDX-License-Identifier: MIT
 *
 * Data sets of given features: lists, .npy, shards and .npz joined by row. Members come in any
 * order and are read once, so what belongs to a split is kept until all have been seen.
 */
#include "datasets/features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/source.h"

enum { SHARDS_MAX = 100000 };

enum role { ROLE_NONE, ROLE_LIST, ROLE_LABELS, ROLE_FEATURES, ROLE_NPZ };

static void pending_release(struct balact_features_split *pending) {
    balact_list_release(&pending->list);
    free(pending->list_name);
    free(pending->labels_name);
    free(pending->features_name);
    free(pending->labels);
    for (int64_t i = 0; i < pending->shard_total; i++)
        free(pending->shards[i].data);
    free(pending->shards);
    balact_dataset_release(&pending->sources);
}

/* What the file name means; for features *index and *total are the shard, total 0 for unsharded. */
static enum role classify(const char *name, enum balact_split split, int64_t *index,
                          int64_t *total) {
    const char *word = balact_split_name(split);
    size_t length = strlen(name), prefix = strlen(word);
    char suffix[32];
    if (name[0] == '.') /* left behind by other programs */
        return ROLE_NONE;
    size_t wanted = (size_t)snprintf(suffix, sizeof suffix, "_%s.txt", word);
    if (length > wanted && !strcmp(name + length - wanted, suffix))
        return ROLE_LIST;
    if (strncmp(name, word, prefix) != 0)
        return ROLE_NONE;
    const char *rest = name + prefix;
    if (!strcmp(rest, ".npz"))
        return ROLE_NPZ;
    if (!strcmp(rest, "_labels.npy"))
        return ROLE_LABELS;
    *index = *total = 0;
    if (!strcmp(rest, "_features.npy"))
        return ROLE_FEATURES;
    if (take_text(&rest, "_features-") && take_number(&rest, index) && take_text(&rest, "-of-") &&
        take_number(&rest, total) && !strcmp(rest, ".npy") && *total > 0)
        return ROLE_FEATURES;
    return ROLE_NONE;
}

/* Remembers where a part came from; an error if it is already there. */
static balact_status take_name(struct balact_archive *archive, char **name, const char *what,
                               struct balact_error *error) {
    char place[4096];
    if (*name)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "a second file of %s; %.300s is there already", what, *name);
    balact_archive_place(archive, place, sizeof place);
    *name = strdup(place);
    if (!*name)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", place);
    return BALACT_OK;
}

static balact_status take_labels(struct balact_archive *archive,
                                 struct balact_features_split *pending,
                                 struct balact_error *error) {
    struct balact_npy npy;
    void *data;
    balact_status status = take_name(archive, &pending->labels_name, "labels", error);
    if (status == BALACT_OK)
        status = balact_npy_read_header(archive, &npy, error);
    if (status != BALACT_OK)
        return status;
    if ((npy.type != BALACT_NPY_I32 && npy.type != BALACT_NPY_I64) || npy.dims != 1)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "labels want int32 or int64 of one dimension, not %s of %d",
                                   balact_npy_type_name(npy.type), npy.dims);
    status = balact_npy_read_data(archive, &npy, &data, error);
    if (status != BALACT_OK)
        return status;
    pending->label_count = npy.count;
    pending->labels = malloc((size_t)(npy.count + 1) * sizeof *pending->labels);
    if (!pending->labels)
        status = balact_archive_fail(archive, BALACT_ERROR_MEMORY, 0, -1, error, "out of memory");
    for (int64_t i = 0; i < npy.count && status == BALACT_OK; i++) {
        int64_t label =
            npy.type == BALACT_NPY_I32 ? ((const int32_t *)data)[i] : ((const int64_t *)data)[i];
        if (label < 0 || label >= BALACT_CLASSES_MAX)
            status = balact_archive_fail(
                archive, BALACT_ERROR_RANGE, 0,
                npy.header + i * balact_npy_type_size(npy.type), error,
                "label %lld of row %lld is outside [0, %d)", (long long)label, (long long)i,
                BALACT_CLASSES_MAX);
        else
            pending->labels[i] = (int32_t)label;
    }
    free(data);
    return status;
}

/* Makes room for the shards at the first, and checks that the others agree with it. */
static balact_status expect_shard(struct balact_archive *archive,
                                  struct balact_features_split *pending, int64_t index,
                                  int64_t total, struct balact_error *error) {
    bool sharded = total > 0;
    total = sharded ? total : 1;
    if (index >= total || total > SHARDS_MAX)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "shard %lld of %lld: wants 0 to total - 1, at most %d shards",
                                   (long long)index, (long long)total, SHARDS_MAX);
    if (!pending->shards) {
        pending->shards = calloc((size_t)total, sizeof *pending->shards);
        if (!pending->shards)
            return balact_archive_fail(archive, BALACT_ERROR_MEMORY, 0, -1, error,
                                       "out of memory");
        pending->shard_total = total;
        pending->sharded = sharded;
        return take_name(archive, &pending->features_name, "features", error);
    }
    if (pending->sharded != sharded || pending->shard_total != total ||
        pending->shards[index].data)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "does not go with %.300s: doubled, or of another sharding",
                                   pending->features_name);
    return BALACT_OK;
}

static balact_status take_features(struct balact_archive *archive,
                                   struct balact_features_split *pending, int64_t index,
                                   int64_t total, struct balact_error *error) {
    struct balact_npy npy;
    balact_status status = expect_shard(archive, pending, index, total, error);
    if (status == BALACT_OK)
        status = balact_npy_read_header(archive, &npy, error);
    if (status != BALACT_OK)
        return status;
    if ((npy.type != BALACT_NPY_F32 && npy.type != BALACT_NPY_F16) || npy.dims != 2 ||
        npy.shape[1] == 0)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "features want float32 or float16 of shape [n, d], not %s of "
                                   "%d dimensions%s",
                                   balact_npy_type_name(npy.type), npy.dims,
                                   npy.dims == 2 ? " with d = 0" : "");
    for (int64_t i = 0; i < pending->shard_total; i++) {
        const struct balact_features_shard *other = &pending->shards[i];
        if (other->data &&
            (other->npy.type != npy.type || other->npy.shape[1] != npy.shape[1]))
            return balact_archive_fail(
                archive, BALACT_ERROR_FORMAT, 0, -1, error,
                "%s [n, %lld], but shard %lld is %s [n, %lld]", balact_npy_type_name(npy.type),
                (long long)npy.shape[1], (long long)i, balact_npy_type_name(other->npy.type),
                (long long)other->npy.shape[1]);
    }
    pending->shards[index].npy = npy;
    return balact_npy_read_data(archive, &npy, &pending->shards[index].data, error);
}

static balact_status take_npz(struct balact_archive *outer, struct balact_features_split *pending,
                              struct balact_error *error) {
    struct balact_archive *archive;
    bool found;
    balact_status status = balact_archive_open_nested(&archive, outer, error);
    while (status == BALACT_OK) {
        status = balact_archive_next(archive, &found, error);
        if (status != BALACT_OK || !found)
            break;
        if (!strcmp(archive->member, "features.npy"))
            status = take_features(archive, pending, 0, 0, error);
        else if (!strcmp(archive->member, "labels.npy"))
            status = take_labels(archive, pending, error);
    }
    balact_archive_close(archive);
    return status;
}

static balact_status take_member(struct balact_archive *archive,
                                 struct balact_features_split *splits, struct balact_error *error) {
    const char *name = balact_archive_basename(archive);
    int64_t index = 0, total = 0;
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        struct balact_features_split *pending = &splits[i];
        enum role role = classify(name, (enum balact_split)i, &index, &total);
        if (role == ROLE_NONE)
            continue;
        if (archive->folder) {
            char place[4096];
            struct balact_source source = {.path = place, .bytes = archive->size};
            balact_archive_place(archive, place, sizeof place);
            balact_status status = balact_source_copy(&pending->sources, &source, error);
            if (status != BALACT_OK)
                return status;
        }
        balact_status status;
        switch (role) {
        case ROLE_LIST:
            status = take_name(archive, &pending->list_name, "the list", error);
            return status == BALACT_OK ? balact_list_read(archive, &pending->list, error) : status;
        case ROLE_LABELS: return take_labels(archive, pending, error);
        case ROLE_FEATURES: return take_features(archive, pending, index, total, error);
        default: return take_npz(archive, pending, error);
        }
    }
    return BALACT_OK;
}

balact_status balact_features_read(struct balact_archive *archive, int32_t classes,
                                   struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                   struct balact_error *error) {
    struct balact_features_split pending[BALACT_SPLIT_COUNT] = {0};
    bool found = true;
    balact_status status = BALACT_OK;
    memset(splits, 0, BALACT_SPLIT_COUNT * sizeof *splits);
    while (status == BALACT_OK && found) {
        status = balact_archive_next(archive, &found, error);
        if (status == BALACT_OK && found)
            status = take_member(archive, pending, error);
    }
    if (status == BALACT_OK)
        status = balact_features_join(archive->path, classes, pending, splits, error);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        if (status != BALACT_OK)
            balact_dataset_release(&splits[i]);
        pending_release(&pending[i]);
    }
    return status;
}

balact_status balact_features_load(const char *path, int32_t classes,
                                   struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                   struct balact_error *error) {
    struct balact_archive *archive;
    memset(splits, 0, BALACT_SPLIT_COUNT * sizeof *splits);
    if (classes < 0 || classes > BALACT_CLASSES_MAX)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "classes: %d is outside [0, %d]",
                           (int)classes, BALACT_CLASSES_MAX);
    balact_status status = balact_archive_open(&archive, path, error);
    if (status != BALACT_OK)
        return status;
    status = balact_features_read(archive, classes, splits, error);
    for (int i = 0; i < BALACT_SPLIT_COUNT && status == BALACT_OK; i++) {
        if (splits[i].features && (archive->folder || i == BALACT_SPLIT_TRAIN))
            status = balact_source_finish(&splits[i], archive->folder ? NULL : path, error);
        else if (splits[i].features) /* hashed already */
            status = balact_source_copy(&splits[i], splits[BALACT_SPLIT_TRAIN].sources, error);
    }
    balact_archive_close(archive);
    for (int i = 0; i < BALACT_SPLIT_COUNT && status != BALACT_OK; i++)
        balact_dataset_release(&splits[i]);
    return status;
}
