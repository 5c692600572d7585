/* SPDX-License-Identifier: MIT
 *
 * The naive head: the whole matrix of logits, then loss and gradient in their place, then the three
 * products, each as the reference computes it alone. It judges the fused heads.
 */
#include "reference/reference.h"

size_t balact_reference_head_workspace(const struct balact_head_problem *p) {
    if (p->rows > (INT64_MAX / 4) / p->classes)
        return SIZE_MAX;
    return (size_t)(p->rows * p->classes) * sizeof(float);
}

static balact_status loss_and_gradient(const struct balact_backend *backend,
                                       enum balact_activation activation,
                                       const struct balact_head_problem *p, bool gradient) {
    struct balact_problem problem = {
        .rows = p->rows,
        .cols = p->classes,
        .dtype = BALACT_F32,
        .logits = p->workspace,
        .ld = p->classes,
        .labels = p->labels,
        .targets = p->targets,
        .ld_targets = p->ld_targets,
        .offset = p->offset,
        .offset_foreground_only = p->offset_foreground_only,
        .background = p->background,
        .ignore_index = p->ignore_index,
        .class_weight = p->class_weight,
        .row_weight = p->row_weight,
        .label_smoothing = p->label_smoothing,
        .grad_scale = p->grad_scale,
        .out = gradient ? p->workspace : NULL,
        .ld_out = p->classes,
        .loss = p->loss,
        .lse = p->lse,
        .weight = p->loss_weight,
    };
    return backend->kernels[activation][gradient ? BALACT_LOSS_GRAD_IN_PLACE : BALACT_LOSS](
        &problem);
}

balact_status balact_reference_head_run(const struct balact_backend *backend,
                                        enum balact_activation activation,
                                        const struct balact_head_problem *p) {
    struct balact_linear_problem linear = {.rows = p->rows,
                                           .dim = p->dim,
                                           .classes = p->classes,
                                           .x = p->x,
                                           .ld_x = p->ld_x,
                                           .weight = p->weight,
                                           .ld_weight = p->ld_weight,
                                           .bias = p->bias,
                                           .logits = p->workspace,
                                           .dlogits = p->workspace,
                                           .ld_logits = p->classes,
                                           .dweight = p->dweight,
                                           .dbias = p->dbias,
                                           .dx = p->dx};
    balact_status status = backend->linear.forward(&linear);
    if (status == BALACT_OK)
        status = loss_and_gradient(backend, activation, p, p->dweight || p->dbias || p->dx);
    if (status == BALACT_OK && p->dweight)
        status = backend->linear.grad_weight(&linear);
    else if (status == BALACT_OK && p->dbias)
        balact_reference_bias_gradient(&linear);
    if (status == BALACT_OK && p->dx)
        status = backend->linear.grad_input(&linear);
    return status;
}
