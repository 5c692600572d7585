/* SPDX-License-Identifier: MIT
 *
 * The experiment on RoIs of LVIS: two stages of training, inference, evaluation (docs/METHOD.md,
 * "LVIS").
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_EXPERIMENT_H
#define BALACT_BENCH_TRAIN_LVIS_EXPERIMENT_H

#include "bench/train/experiment.h"

/* Trains and evaluates everything into experiment->results; the caller writes them. */
balact_status lvis_experiment_run(struct experiment *experiment, struct balact_error *error);

#endif
