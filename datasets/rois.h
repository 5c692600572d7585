/* SPDX-License-Identifier: MIT
 *
 * Regions of interest with frozen features: shards S_rois-00000-of-00004.npz of a folder or an
 * archive (docs/FORMATS.md), read one after the other, so that a set larger than memory streams at
 * the disk's speed. A thread reads one shard ahead; a set that fits the budget stays in memory.
 */
#ifndef BALACT_DATASETS_ROIS_H
#define BALACT_DATASETS_ROIS_H

#include <stdbool.h>

#include "balact/activations.h"
#include "datasets/archive.h"

/* One shard. Every array is owned; images are runs of equal ids. */
struct balact_rois {
    char *place;             /* "archive:member", for messages */
    int64_t index;           /* of the shard, from its name */
    int64_t rows, dim;       /* rows may be 0 */
    enum balact_dtype dtype; /* BALACT_F32 or BALACT_F16 */
    void *features;          /* [rows][dim], finite */
    float *boxes;            /* [rows][4]: x, y, width, height in pixels, finite, sizes >= 0 */
    int32_t *labels;         /* [rows] category id; 0 is background */
    float *objectness;       /* [rows] in [0, 1], or NULL */
    char *rle;               /* compressed COCO RLE of all masks, or NULL */
    int64_t *rle_start;      /* [rows + 1]; mask i is rle[rle_start[i] .. rle_start[i + 1]) */
    int64_t images;
    int64_t *image_ids;   /* [images] */
    int64_t *image_start; /* [images + 1], rows */
    int64_t bytes;        /* of all arrays */
};

/* Copies rows first .. first + n to out[n][dim] as fp32. */
void balact_rois_features(const struct balact_rois *rois, int64_t first, int64_t n, float *out);

/* Reads the .npz at the archive's current member. ERROR_FORMAT for arrays that are missing, of
 * another type or shape, or do not fit together; ERROR_RANGE for a value outside its meaning
 * (labels < 0, sizes < 0, the rows of one image apart, offsets that fall); ERROR_NUMERIC for what
 * is not finite. Messages name archive, member and row. On error *rois is zeroed. */
balact_status balact_rois_read(struct balact_archive *outer, struct balact_rois *rois,
                               struct balact_error *error);
void balact_rois_release(struct balact_rois *rois);

struct balact_rois_stream;

/* Opens the shards of a split ("train", "val") and reads none yet. memory: bytes that may stay in
 * memory between passes; a set that is larger is read again by each pass. Errors of
 * balact_archive_open(). */
balact_status balact_rois_stream_open(struct balact_rois_stream **stream, const char *path,
                                      const char *split, int64_t memory,
                                      struct balact_error *error);

/* The next shard of the pass, in the order of the folder or archive, valid until the next call;
 * NULL at the end of a pass, after which the next call begins another. ERROR_FORMAT at the end of a
 * pass without shards or with some missing, and for one that is doubled or of another sharding,
 * dimension, type, or with other optional arrays than the first. */
balact_status balact_rois_stream_next(struct balact_rois_stream *stream,
                                      const struct balact_rois **rois,
                                      struct balact_error *error);

/* The next call begins a pass. */
void balact_rois_stream_rewind(struct balact_rois_stream *stream);

/* Whether everything stayed in memory; known after the first pass. */
bool balact_rois_stream_in_memory(const struct balact_rois_stream *stream);

/* Fine on NULL. */
void balact_rois_stream_close(struct balact_rois_stream *stream);

#endif
