/* SPDX-License-Identifier: MIT
 *
 * What the reference backend is made of, and the memory, clock and parts of a head that all
 * CPU backends share.
 */
#ifndef BALACT_REFERENCE_REFERENCE_H
#define BALACT_REFERENCE_REFERENCE_H

#include "balact/backend.h"

/* Naive linear layer and SGD step (linear.c); contracts in balact/backend.h. */
balact_status balact_reference_linear_forward(const struct balact_linear_problem *problem);
balact_status balact_reference_linear_grad_weight(const struct balact_linear_problem *problem);
balact_status balact_reference_linear_grad_input(const struct balact_linear_problem *problem);
void balact_reference_bias_gradient(const struct balact_linear_problem *problem); /* dbias alone */
balact_status balact_reference_sgd_step(const struct balact_sgd_step *step);

/* Naive ranking (topk.c); contract in balact/topk.h. */
balact_status balact_reference_topk(const struct balact_topk_problem *problem);

/* Naive head (head.c); contract: struct balact_head. */
size_t balact_reference_head_workspace(const struct balact_head_problem *problem);
balact_status balact_reference_head_run(const struct balact_backend *backend,
                                        enum balact_activation activation,
                                        const struct balact_head_problem *problem);

/* What any head does with its logits (head.c): loss alone, or loss with the gradient in their
 * place; and the problem of that operation but for `out`, of `rows` rows from `first` on, whose
 * logits are given. */
enum balact_operation balact_head_operation(const struct balact_head_problem *problem);
struct balact_problem balact_head_loss_problem(const struct balact_head_problem *problem,
                                               int64_t first, int64_t rows, const float *logits,
                                               int64_t ld);

/* Memory and clock of a backend that lives in plain memory (host.c). */
balact_status balact_host_alloc(size_t bytes, void **memory);
void balact_host_release(void *memory);
balact_status balact_host_copy(void *to, const void *from, size_t bytes);
balact_status balact_host_synchronize(void);
void balact_host_timer_start(struct balact_timer *timer);
double balact_host_timer_stop(struct balact_timer *timer);

/* The members of struct balact_backend that these fill. */
#define BALACT_PLAIN_MEMORY                                                                        \
    .plain_memory = true, .alloc = balact_host_alloc, .release = balact_host_release,              \
    .upload = balact_host_copy, .download = balact_host_copy,                                      \
    .synchronize = balact_host_synchronize, .timer_start = balact_host_timer_start,                \
    .timer_stop = balact_host_timer_stop

#endif
