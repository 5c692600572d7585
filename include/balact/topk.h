/* SPDX-License-Identifier: MIT
 *
 * The k best classes of every row, straight from logits: no probability is made. For evaluation
 * (predictions, top-5 accuracy) and for whatever else ranks classes, post-hoc adjusted logits
 * included.
 */
#ifndef BALACT_TOPK_H
#define BALACT_TOPK_H

#include "balact/activations.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ranks u_ij = logit_ij + offset_j, added in fp32 after widening; u_ij = logit_ij where offset is
 * NULL. The order is total, and the same on every backend:
 *
 *   - the larger value first; -0 and +0 are equal
 *   - equal values: the lower class first
 *   - a NaN after every number, -inf included, so that an ill score never becomes a prediction
 * while any other is there; among NaN the lower class first
 *
 * An offset of -inf puts its class behind all finite ones (-inf; or NaN, where the logit is +inf).
 * Sigmoid and softmax rise with their logit, so this is also the order of the probabilities, ties
 * that rounding makes among them excepted.
 *
 * Nothing is owned and nothing is kept after the call. Pitches count elements. All pointers are to
 * memory of the backend that runs the call. Start from zeros: {.rows = ...}. */
struct balact_topk_problem {
    int64_t rows, cols; /* 0 rows are fine; 1 <= cols <= INT32_MAX */
    enum balact_dtype dtype;
    const void *logits;  /* [rows][ld], dtype */
    int64_t ld;          /* >= cols */
    const float *offset; /* [cols] or NULL */
    int64_t k;           /* 1 <= k <= cols */

    int32_t *index; /* [rows][ld_out], the first k of each row written, best class first */
    float *value;   /* [rows][ld_out], their u_ij; may be NULL */
    int64_t ld_out; /* >= k; pitch of both */
};

/* backend: NULL for balact_backend_default(). Errors: ERROR_ARGUMENT names the field that breaks
 * the contract, overlapping of outputs with each other or with an input included; ERROR_UNSUPPORTED
 * if the backend cannot run here or has no ranking; ERROR_MEMORY. On error nothing is written. */
balact_status balact_topk(const struct balact_backend *backend,
                          const struct balact_topk_problem *problem, struct balact_error *error);

/* The same for the best class alone. k and ld_out are not looked at: index[rows], value[rows]. */
balact_status balact_argmax(const struct balact_backend *backend,
                            const struct balact_topk_problem *problem, struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
