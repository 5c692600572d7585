/* SPDX-License-Identifier: MIT
 *
 * Checkpoints: everything that a run needs to go on as if it had never stopped. docs/FORMATS.md has
 * the layout.
 */
#ifndef BALACT_BENCH_TRAIN_CHECKPOINT_H
#define BALACT_BENCH_TRAIN_CHECKPOINT_H

#include "bench/train/model.h"

/* One point of the training curve: the mean loss since the point before. */
struct curve_point {
    int64_t epoch, step; /* reached, counted from 1 */
    double lr, loss;
};

/* How far a run has come. */
struct train_state {
    int64_t step; /* steps done, of the whole run */
    bool finished;
    double seconds;            /* spent in training so far */
    struct balact_total total; /* since the last point of the curve */
    struct curve_point *curve; /* [curve_count], owned */
    int64_t curve_count;
};

/* Writes state and the model's parameters to path, whole or not at all. configuration is text of
 * "key = value" lines that a run must match to go on from here. */
balact_status checkpoint_write(const char *path, const char *configuration,
                               const struct train_state *state, const struct balact_model *model,
                               struct balact_error *error);

/* Reads path back. *found is false, and nothing is touched, if there is no such file. ERROR_FORMAT
 * for a damaged one and ERROR_RANGE for one of another configuration, the first difference named;
 * state and model are then as they were. */
balact_status checkpoint_read(const char *path, const char *configuration,
                              struct train_state *state, struct balact_model *model, bool *found,
                              struct balact_error *error);

void train_state_release(struct train_state *state);

/* 64-bit FNV-1a of bytes, going on from `hash` (HASH_START at first). */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size);

#endif
