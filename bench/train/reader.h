/* SPDX-License-Identifier: MIT
 *
 * Where batches come from. The trainer asks a reader for the next batch and does not care whether
 * its features were given, computed by a backbone, or decoded from images.
 */
#ifndef BALACT_BENCH_TRAIN_READER_H
#define BALACT_BENCH_TRAIN_READER_H

#include "balact/dataset.h"
#include "bench/train/sampler.h"

struct balact_reader {
    int64_t rows;  /* of an epoch */
    int64_t batch; /* rows of a batch; the last one of an epoch may be smaller */
    int64_t dim;   /* features of a row */
    void *state;
    /* Fills x[count][dim] and labels[count] with batch `step` of `epoch`, both from 0; a pure
     * function of the two, so that training can begin anywhere. *count <= batch. Plain memory. */
    balact_status (*read)(void *state, int64_t epoch, int64_t step, float *x, int32_t *labels,
                          int64_t *count, struct balact_error *error);
    void (*release)(void *state);
};

/* Batches an epoch. */
static inline int64_t reader_steps(const struct balact_reader *reader) {
    return (reader->rows + reader->batch - 1) / reader->batch;
}

/* A reader of given features in the order of a sampler. dataset must outlive it. */
balact_status reader_open_features(struct balact_reader *reader,
                                   const struct balact_dataset *dataset, int64_t batch,
                                   enum sampler_kind sampler, uint64_t seed,
                                   struct balact_error *error);
void reader_release(struct balact_reader *reader);

#endif
