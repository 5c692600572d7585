/* SPDX-License-Identifier: MIT
 *
 * Problems in plain memory on a backend whose memory is not: each array is copied to the backend,
 * the call made, and what may have been written copied back, padding between rows included.
 */
#ifndef BALACT_BENCH_MEASURE_DEVICE_COPY_H
#define BALACT_BENCH_MEASURE_DEVICE_COPY_H

#include "balact/backend.h"

/* balact_run() of a problem in plain memory on any backend; on one of plain memory it is that. */
balact_status run_copied(const struct balact_backend *backend, enum balact_activation activation,
                         enum balact_operation operation, const struct balact_problem *problem,
                         struct balact_error *error);

/* The same for balact_topk(). */
balact_status topk_copied(const struct balact_backend *backend,
                          const struct balact_topk_problem *problem, struct balact_error *error);

/* The same for balact_head_loss_grad(), with a workspace of the backend's own. */
balact_status head_copied(const struct balact_backend *backend, enum balact_activation activation,
                          const struct balact_head_problem *problem, struct balact_error *error);

#endif
