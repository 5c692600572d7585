/* SPDX-License-Identifier: MIT
 *
 * Which training row stands at which place of an epoch: a pure function of (seed, epoch, place)
 * from Philox, so that any number of threads and a resumed run see the same batches.
 */
#ifndef BALACT_BENCH_TRAIN_SAMPLER_H
#define BALACT_BENCH_TRAIN_SAMPLER_H

#include <stdint.h>

#include "balact/status.h"

enum sampler_kind {
    /* A permutation of all rows each epoch. */
    SAMPLER_INSTANCE,
    /* Every class equally often (classes in a new order each round of all of them), and within a
     * class every row once before any comes again. An epoch has as many places as the training set
     * has rows, so that both samplers cost the same. Classes without rows are left out. */
    SAMPLER_CLASS_BALANCED,
    SAMPLER_COUNT
};

const char *sampler_name(enum sampler_kind kind); /* "instance", "class_balanced" */

struct sampler {
    enum sampler_kind kind;
    uint64_t seed;
    int64_t rows;
    /* Class-balanced only: */
    int64_t classes;      /* that have rows */
    int64_t *class_start; /* [classes + 1] into class_row; owned */
    int64_t *class_row;   /* [rows], rows by class; owned */
};

/* labels[rows] in [0, classes). rows >= 1. */
balact_status sampler_open(struct sampler *sampler, enum sampler_kind kind, uint64_t seed,
                           const int32_t *labels, int64_t rows, int32_t classes,
                           struct balact_error *error);
void sampler_release(struct sampler *sampler);

/* The row at `place` (0 <= place < rows) of `epoch`. */
int64_t sampler_row(const struct sampler *sampler, int64_t epoch, int64_t place);

/* Element `place` of a random permutation of 0..n-1 chosen by (seed, stream). */
int64_t random_permutation(uint64_t seed, uint64_t stream, int64_t n, int64_t place);

#endif
