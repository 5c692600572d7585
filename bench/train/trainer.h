/* SPDX-License-Identifier: MIT
 *
 * Trains one head: SGD over the batches of a reader, with checkpoints.
 */
#ifndef BALACT_BENCH_TRAIN_TRAINER_H
#define BALACT_BENCH_TRAIN_TRAINER_H

#include <signal.h>

#include "bench/train/checkpoint.h"
#include "bench/train/model.h"
#include "bench/train/progress.h"
#include "bench/train/reader.h"
#include "bench/train/settings.h"

/* Set from a signal handler: training stops after the step it is in and writes a checkpoint. */
extern volatile sig_atomic_t train_interrupted;

struct train_job {
    const char *experiment, *dataset; /* for messages */
    const struct method *method;
    uint64_t seed;
    struct hyper hyper;
    const float *offset; /* [outputs] of a balanced activation, plain memory; NULL otherwise */
    bool offset_foreground_only; /* this and the next as in struct balact_problem */
    enum balact_background background;
    /* Steps at which the rate drops to `drop_factor` of itself, rising; none: the cosine. */
    int64_t drops[2];
    double drop_factor;
    int64_t step_samples; /* what progress counts a step as; 0: the reader's batch */
    struct balact_reader *reader;
    const char *checkpoint_path; /* NULL: none are written */
    const char *configuration;   /* what the checkpoint is bound to */
    bool resume;
    int64_t checkpoint_epochs;
    double checkpoint_seconds;
    struct progress *progress; /* may be NULL */
};

/* Steps of the whole run: epochs, or more if min_steps asks for more, times steps an epoch. */
int64_t train_steps(const struct hyper *hyper, const struct balact_reader *reader);

/* The learning rate of step `step` (from 0): linear warm-up, then half a cosine down to 0. */
double train_rate(const struct hyper *hyper, int64_t step, int64_t steps, int64_t warmup_steps);

/* Trains model (which holds its first values) to the end, or until interrupted: then
 * state->finished is false and the checkpoint has been written. state starts zeroed and is released
 * by the caller.
 *
 * The gradient of a batch is that of its mean loss over the rows that count. Errors name
 * experiment, data, method, seed, epoch and step: ERROR_NUMERIC for a loss that is not finite,
 * ERROR_RANGE for a batch of ignored rows only, and whatever reader, backend and checkpoint report.
 */
balact_status train_run(const struct train_job *job, struct balact_model *model,
                        struct train_state *state, struct balact_error *error);

#endif
