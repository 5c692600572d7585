/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the features reader share: features.c gathers, features_join.c joins.
 */
#ifndef BALACT_DATASETS_FEATURES_H
#define BALACT_DATASETS_FEATURES_H

#include "datasets/archive.h"
#include "datasets/list.h"
#include "datasets/npy.h"

struct balact_features_shard {
    void *data; /* NULL: not seen */
    struct balact_npy npy;
};

/* One split while it is being gathered. */
struct balact_features_split {
    struct balact_list list;
    char *list_name, *labels_name, *features_name; /* where they came from; NULL: not seen */
    int32_t *labels;
    int64_t label_count;
    struct balact_features_shard *shards; /* [shard_total] */
    int64_t shard_total;
    bool sharded;
    struct balact_dataset sources; /* only its sources are used */
};

/* balact_features_load() on an open archive, without the hashes of its sources. */
balact_status balact_features_read(struct balact_archive *archive, int32_t classes,
                                   struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                   struct balact_error *error);

/* Moves what was gathered into splits (zeroed), when all members have been seen. On error both may
 * hold something and are the caller's to release. */
balact_status balact_features_join(const char *path, int32_t classes,
                                   struct balact_features_split gathered[BALACT_SPLIT_COUNT],
                                   struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                   struct balact_error *error);

#endif
