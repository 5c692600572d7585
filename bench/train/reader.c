/* SPDX-License-Identifier: MIT
 *
 * The reader of given features (reader.h).
 */
#include "bench/train/reader.h"

#include <stdlib.h>
#include <string.h>

struct feature_reader {
    const struct balact_dataset *dataset;
    struct sampler sampler;
    int64_t batch;
    int64_t *index; /* [batch] */
};

static balact_status read_features(void *state, int64_t epoch, int64_t step, float *x,
                                   int32_t *labels, int64_t *count, struct balact_error *error) {
    struct feature_reader *reader = state;
    int64_t first = step * reader->batch, left = reader->dataset->rows - first;
    if (step < 0 || left <= 0)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "an epoch has no batch %lld",
                           (long long)step);
    int64_t n = left < reader->batch ? left : reader->batch;
#pragma omp parallel for schedule(static) if (n >= 2048) /* below, waking threads takes longer */
    for (int64_t i = 0; i < n; i++) {
        reader->index[i] = sampler_row(&reader->sampler, epoch, first + i);
        labels[i] = reader->dataset->labels[reader->index[i]];
    }
    balact_dataset_gather(reader->dataset, reader->index, n, x);
    *count = n;
    return BALACT_OK;
}

static void release_features(void *state) {
    struct feature_reader *reader = state;
    sampler_release(&reader->sampler);
    free(reader->index);
    free(reader);
}

balact_status reader_open_features(struct balact_reader *reader,
                                   const struct balact_dataset *dataset, int64_t batch,
                                   enum sampler_kind sampler, uint64_t seed,
                                   struct balact_error *error) {
    memset(reader, 0, sizeof *reader);
    struct feature_reader *state = calloc(1, sizeof *state);
    int64_t *index = malloc((size_t)batch * sizeof *index);
    if (!state || !index) {
        free(state);
        free(index);
        return balact_fail(error, BALACT_ERROR_MEMORY, "batches of %lld rows: out of memory",
                           (long long)batch);
    }
    *state = (struct feature_reader){.dataset = dataset, .batch = batch, .index = index};
    balact_status status = sampler_open(&state->sampler, sampler, seed, dataset->labels,
                                        dataset->rows, dataset->classes, error);
    if (status != BALACT_OK) {
        release_features(state);
        return status;
    }
    *reader = (struct balact_reader){.rows = dataset->rows,
                                     .batch = batch,
                                     .dim = dataset->dim,
                                     .state = state,
                                     .read = read_features,
                                     .release = release_features};
    return BALACT_OK;
}

void reader_release(struct balact_reader *reader) {
    if (reader->release)
        reader->release(reader->state);
    memset(reader, 0, sizeof *reader);
}
