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

enum balact_operation balact_head_operation(const struct balact_head_problem *p) {
    return p->dweight || p->dbias || p->dx ? BALACT_LOSS_GRAD_IN_PLACE : BALACT_LOSS;
}

struct balact_problem balact_head_loss_problem(const struct balact_head_problem *p, int64_t first,
                                               int64_t rows, const float *logits, int64_t ld) {
    return (struct balact_problem){
        .rows = rows,
        .cols = p->classes,
        .dtype = BALACT_F32,
        .logits = logits,
        .ld = ld,
        .labels = p->labels ? p->labels + first : NULL,
        .targets = p->targets ? p->targets + first * p->ld_targets : NULL,
        .ld_targets = p->ld_targets,
        .offset = p->offset,
        .offset_foreground_only = p->offset_foreground_only,
        .background = p->background,
        .ignore_index = p->ignore_index,
        .class_weight = p->class_weight,
        .row_weight = p->row_weight ? p->row_weight + first : NULL,
        .label_smoothing = p->label_smoothing,
        .grad_scale = p->grad_scale,
        .ld_out = ld,
        .loss = p->loss ? p->loss + first : NULL,
        .lse = p->lse ? p->lse + first : NULL,
        .weight = p->loss_weight ? p->loss_weight + first : NULL,
    };
}

static balact_status loss_and_gradient(const struct balact_backend *backend,
                                       enum balact_activation activation,
                                       const struct balact_head_problem *p) {
    enum balact_operation operation = balact_head_operation(p);
    struct balact_problem problem =
        balact_head_loss_problem(p, 0, p->rows, p->workspace, p->classes);
    if (operation == BALACT_LOSS_GRAD_IN_PLACE)
        problem.out = p->workspace;
    return backend->kernels[activation][operation](&problem);
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
        status = loss_and_gradient(backend, activation, p);
    if (status == BALACT_OK && p->dweight)
        status = backend->linear.grad_weight(&linear);
    else if (status == BALACT_OK && p->dbias)
        balact_reference_bias_gradient(&linear);
    if (status == BALACT_OK && p->dx)
        status = backend->linear.grad_input(&linear);
    return status;
}
