/* SPDX-License-Identifier: MIT
 *
 * The head of a classifier in one call: linear layer, output activation, loss and gradients
 *
 *   logit_ij   = sum_d x_id weight_jd + bias_j
 *   loss_i     by the activation (balact/activations.h has the equations and the options)
 *   dweight_jd = sum_i g_ij x_id,  dbias_j = sum_i g_ij,  dx_id = sum_j g_ij weight_jd,
 *   g_ij       = grad_scale * dloss_i / dlogit_ij
 *
 * without ever holding a rows x classes matrix: rows go through in chunks, of which only one's
 * logits exist at a time, in memory that the caller lends and that a cache holds. So a head of
 * 200,000 classes trains in the memory of its features, weights and gradients.
 */
#ifndef BALACT_HEAD_H
#define BALACT_HEAD_H

#include <stddef.h>

#include "balact/activations.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Everything one call needs, fp32, row-major, pitches in elements. Start from BALACT_HEAD_INIT and
 * fill in; nothing is owned and nothing is kept after the call. All pointers are to memory of the
 * backend that runs the call. No output may overlap an input, another output or the workspace. */
struct balact_head_problem {
    int64_t rows, dim, classes; /* 0 rows are fine: zero gradients; dim, classes >= 1 */

    const float *x; /* [rows][ld_x]; finite in ignored rows too, for 0 * NaN is NaN in dweight */
    int64_t ld_x;   /* >= dim, also of dx */
    const float *weight; /* [classes][ld_weight] */
    int64_t ld_weight;   /* >= dim, also of dweight */
    const float *bias;   /* [classes] or NULL */

    /* Targets and options, as in struct balact_problem with cols = classes. */
    const int32_t *labels; /* [rows]; may be NULL with targets */
    const float *targets;  /* [rows][ld_targets] or NULL */
    int64_t ld_targets;
    const float *offset; /* [classes], of the balanced activations */
    bool offset_foreground_only;
    enum balact_background background;
    int32_t ignore_index;
    const float *class_weight; /* [classes] or NULL */
    const float *row_weight;   /* [rows] or NULL */
    float label_smoothing;
    float grad_scale; /* multiplies gradients and nothing else, e.g. 1 / sum of weights */

    /* Gradients, overwritten; each NULL if unwanted (frozen features: dx NULL). Padding between
     * rows is left alone. */
    float *dweight; /* [classes][ld_weight] */
    float *dbias;   /* [classes] */
    float *dx;      /* [rows][ld_x] */

    /* Per-row results, as in struct balact_problem; each NULL if unwanted. */
    float *loss;        /* [rows] */
    float *lse;         /* [rows] softmax family only, else left alone */
    float *loss_weight; /* [rows] what the row adds to the denominator of the mean */

    /* balact_head_workspace() bytes or more, aligned to 64 bytes as a backend's alloc gives them,
     * of no meaning before and after; one call at a time may use it. NULL: allocated and released
     * by each call, the only allocation of balact that a step then makes. */
    void *workspace;
    size_t workspace_bytes;

    /* Rows of a chunk; 0: chosen by rows and classes (docs/METHOD.md, "Fused head"). More rows
     * read the weights less often and take more memory. Gradients add up chunk by chunk, so their
     * last bits depend on it, and on nothing else but the backend and its GEMM library. */
    int64_t chunk_rows;
};

#define BALACT_HEAD_INIT                                                                           \
    { .ignore_index = BALACT_IGNORE_INDEX, .grad_scale = 1.0f }

/* Bytes that problem's rows, dim, classes and chunk_rows need as workspace; the rest of it is not
 * looked at. Never fewer for more rows of the same head. Errors as below. */
balact_status balact_head_workspace(const struct balact_backend *backend,
                                    const struct balact_head_problem *problem, size_t *bytes,
                                    struct balact_error *error);

/* Loss and the gradients asked for. backend NULL means balact_backend_default(). Bitwise the same
 * for any number of threads. Errors: ERROR_ARGUMENT for a broken contract, a workspace that is too
 * small among them (messages name the field), ERROR_RANGE for a label outside its range,
 * ERROR_UNSUPPORTED if the backend has no fused head (built without a GEMM library) or is not
 * usable here, ERROR_MEMORY without a workspace. Nothing is written on these errors but the last.
 */
balact_status balact_head_loss_grad(const struct balact_backend *backend,
                                    enum balact_activation activation,
                                    const struct balact_head_problem *problem,
                                    struct balact_error *error);

/* Per-row results alone; dweight, dbias and dx are not looked at. */
balact_status balact_head_loss(const struct balact_backend *backend,
                               enum balact_activation activation,
                               const struct balact_head_problem *problem,
                               struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
