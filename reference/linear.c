/* SPDX-License-Identifier: MIT
 *
 * The naive linear layer of the head and the SGD step, sums in double. Shapes: balact/backend.h.
 */
#include "reference/reference.h"

/* logits[i][k] = bias[k] + sum_d x[i][d] weight[k][d] */
balact_status balact_reference_linear_forward(const struct balact_linear_problem *p) {
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t k = 0; k < p->classes; k++) {
            double sum = p->bias ? p->bias[k] : 0.0;
            for (int64_t d = 0; d < p->dim; d++)
                sum += (double)p->x[i * p->ld_x + d] * p->weight[k * p->ld_weight + d];
            p->logits[i * p->ld_logits + k] = (float)sum;
        }
    return BALACT_OK;
}

/* dbias[k] = sum_i dlogits[i][k] */
void balact_reference_bias_gradient(const struct balact_linear_problem *p) {
    for (int64_t k = 0; k < p->classes; k++) {
        double dbias = 0.0;
        for (int64_t i = 0; i < p->rows; i++)
            dbias += p->dlogits[i * p->ld_logits + k];
        p->dbias[k] = (float)dbias;
    }
}

/* dweight[k][d] = sum_i dlogits[i][k] x[i][d] */
balact_status balact_reference_linear_grad_weight(const struct balact_linear_problem *p) {
    if (p->dbias)
        balact_reference_bias_gradient(p);
    for (int64_t k = 0; k < p->classes; k++)
        for (int64_t d = 0; d < p->dim; d++) {
            double sum = 0.0;
            for (int64_t i = 0; i < p->rows; i++)
                sum += (double)p->dlogits[i * p->ld_logits + k] * p->x[i * p->ld_x + d];
            p->dweight[k * p->ld_weight + d] = (float)sum;
        }
    return BALACT_OK;
}

/* dx[i][d] = sum_k dlogits[i][k] weight[k][d] */
balact_status balact_reference_linear_grad_input(const struct balact_linear_problem *p) {
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t d = 0; d < p->dim; d++) {
            double sum = 0.0;
            for (int64_t k = 0; k < p->classes; k++)
                sum += (double)p->dlogits[i * p->ld_logits + k] * p->weight[k * p->ld_weight + d];
            p->dx[i * p->ld_x + d] = (float)sum;
        }
    return BALACT_OK;
}

balact_status balact_reference_sgd_step(const struct balact_sgd_step *s) {
    for (int64_t i = 0; i < s->n; i++) {
        double g = s->gradient[i] + (double)s->weight_decay * s->parameter[i];
        double velocity = (double)s->momentum * s->velocity[i] + g;
        double direction = s->nesterov ? g + (double)s->momentum * velocity : velocity;
        s->velocity[i] = (float)velocity;
        s->parameter[i] = (float)(s->parameter[i] - (double)s->lr * direction);
    }
    return BALACT_OK;
}
