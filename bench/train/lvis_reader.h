/* SPDX-License-Identifier: MIT
 *
 * Batches of RoIs for the trainer: images by repeat-factor sampling, shuffled within a shard, so
 * many images a batch and so many of an image's RoIs. Batches run on over the ends of shards and
 * epochs. One "epoch" of the trainer is the whole stage.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_READER_H
#define BALACT_BENCH_TRAIN_LVIS_READER_H

#include "balact/lvis.h"
#include "bench/train/lvis_sampler.h"
#include "bench/train/reader.h"
#include "datasets/rois.h"

struct lvis_reader_options {
    struct balact_rois_stream *stream; /* of the training RoIs; the reader rewinds it */
    const struct balact_lvis *lvis;    /* training annotations */
    const double *image_factor;        /* [lvis->images] repeat factors, or NULL for 1 */
    struct lvis_draws draws;
    int64_t steps, images_per_batch, rois_per_image;
    double foreground_share;
    int64_t dim;
};

/* Labels become indices of categories, background the number of categories. Everything that options
 * points to must outlive the reader. ERROR_RANGE, at reading, for an image or a label that the
 * annotations do not know. */
balact_status lvis_reader_open(struct balact_reader *reader,
                               const struct lvis_reader_options *options,
                               struct balact_error *error);

/* RoIs that were read so far. */
int64_t lvis_reader_rois(const struct balact_reader *reader);

#endif
