/* SPDX-License-Identifier: MIT
 *
 * The linear head as a model (model.h), on the memory and linear calls of any backend.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "bench/train/model.h"

#define STREAM_WEIGHT (UINT64_C(0x57) << 56)

enum { WEIGHT, BIAS, TENSORS };

struct linear_head {
    struct balact_linear calls;
    struct balact_parameter parameter[TENSORS];
    float *gradient[TENSORS];
    void *workspace; /* of the fused head; grows to what the largest batch needs */
    size_t workspace_bytes;
};

/* ---- Which calls ---- */

balact_status linear_calls(const struct balact_backend *backend, struct balact_linear *calls,
                           char *missing, size_t size, struct balact_error *error) {
    const struct balact_backend *reference = balact_backend_find("reference");
    *calls = backend->linear;
    missing[0] = '\0';
#define REPLACE(member)                                                                            \
    if (!calls->member) {                                                                          \
        size_t used = strlen(missing);                                                             \
        snprintf(missing + used, size - used, "%s" #member, used ? ", " : "");                     \
        calls->member = backend->plain_memory && reference ? reference->linear.member : NULL;      \
        if (!calls->member)                                                                        \
            return balact_fail(error, BALACT_ERROR_UNSUPPORTED,                                    \
                               "backend %s has no " #member " for a linear head", backend->name);  \
    }
    REPLACE(forward)
    REPLACE(grad_weight)
    REPLACE(sgd_step)
#undef REPLACE
    return BALACT_OK;
}

/* ---- The model's calls ---- */

static struct balact_linear_problem problem_of(const struct balact_model *model, int64_t rows) {
    const struct linear_head *head = model->state;
    return (struct balact_linear_problem){
        .rows = rows,
        .dim = model->inputs,
        .classes = model->outputs,
        .ld_x = model->inputs,
        .ld_weight = model->inputs,
        .ld_logits = model->outputs,
        .weight = head->parameter[WEIGHT].value,
        .bias = head->parameter[BIAS].value,
        .dweight = head->gradient[WEIGHT],
        .dbias = head->gradient[BIAS],
    };
}

static balact_status linear_forward(struct balact_model *model, const float *x, int64_t rows,
                                    float *logits) {
    struct balact_linear_problem problem = problem_of(model, rows);
    problem.x = x;
    problem.logits = logits;
    return ((struct linear_head *)model->state)->calls.forward(&problem);
}

static balact_status linear_backward(struct balact_model *model, const float *x,
                                     const float *dlogits, int64_t rows) {
    struct balact_linear_problem problem = problem_of(model, rows);
    problem.x = x;
    problem.dlogits = dlogits;
    return ((struct linear_head *)model->state)->calls.grad_weight(&problem);
}

static balact_status grow_workspace(struct balact_model *model,
                                    const struct balact_head_problem *problem,
                                    struct balact_error *error) {
    struct linear_head *head = model->state;
    size_t bytes;
    balact_status status = balact_head_workspace(model->backend, problem, &bytes, error);
    if (status != BALACT_OK || bytes <= head->workspace_bytes)
        return status;
    if (head->workspace)
        model->backend->release(head->workspace);
    head->workspace = NULL;
    head->workspace_bytes = 0;
    status = model->backend->alloc(bytes, &head->workspace);
    if (status != BALACT_OK)
        return balact_fail(error, status, "a workspace of %zu bytes for the head: %s", bytes,
                           balact_status_name(status));
    head->workspace_bytes = bytes;
    return BALACT_OK;
}

static balact_status linear_loss_backward(struct balact_model *model,
                                          enum balact_activation activation,
                                          const struct balact_head_problem *batch,
                                          struct balact_error *error) {
    struct linear_head *head = model->state;
    struct balact_head_problem problem = *batch;
    problem.dim = problem.ld_x = problem.ld_weight = model->inputs;
    problem.classes = model->outputs;
    problem.weight = head->parameter[WEIGHT].value;
    problem.bias = head->parameter[BIAS].value;
    problem.dweight = head->gradient[WEIGHT];
    problem.dbias = head->gradient[BIAS];
    balact_status status = grow_workspace(model, &problem, error);
    if (status != BALACT_OK)
        return status;
    problem.workspace = head->workspace;
    problem.workspace_bytes = head->workspace_bytes;
    return balact_head_loss_grad(model->backend, activation, &problem, error);
}

static balact_status linear_step(struct balact_model *model, const struct step_rates *rates) {
    struct linear_head *head = model->state;
    balact_status status = BALACT_OK;
    for (int t = 0; t < TENSORS && status == BALACT_OK; t++) {
        struct balact_sgd_step step = {
            .n = head->parameter[t].n,
            .parameter = head->parameter[t].value,
            .velocity = head->parameter[t].velocity,
            .gradient = head->gradient[t],
            .lr = (float)rates->lr,
            .momentum = (float)rates->momentum,
            .weight_decay =
                head->parameter[t].is_bias && !rates->decay_bias ? 0 : (float)rates->weight_decay,
            .nesterov = rates->nesterov,
        };
        status = head->calls.sgd_step(&step);
    }
    return status;
}

static void linear_release(struct balact_model *model) {
    struct linear_head *head = model->state;
    for (int t = 0; t < TENSORS; t++) {
        float *memory[] = {head->parameter[t].value, head->parameter[t].velocity,
                           head->gradient[t]};
        for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
            if (memory[i])
                model->backend->release(memory[i]);
    }
    if (head->workspace)
        model->backend->release(head->workspace);
    free(head);
}

/* ---- First values ---- */

static balact_status fill(const struct balact_backend *backend, struct balact_parameter *parameter,
                          double deviation, double mean, uint64_t seed) {
    float *host = malloc((size_t)parameter->n * sizeof *host);
    if (!host)
        return BALACT_ERROR_MEMORY;
    size_t bytes = (size_t)parameter->n * sizeof *host;
    memset(host, 0, bytes);
    balact_status status = backend->upload(parameter->velocity, host, bytes);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < parameter->n; i++)
        host[i] =
            (float)(mean + (deviation > 0
                                ? deviation * balact_random_normal(seed, STREAM_WEIGHT, (uint64_t)i)
                                : 0));
    if (status == BALACT_OK)
        status = backend->upload(parameter->value, host, bytes);
    free(host);
    return status;
}

static balact_status allocate(struct balact_model *model, struct linear_head *head) {
    const int64_t sizes[TENSORS] = {model->inputs * model->outputs, model->outputs};
    balact_status status = BALACT_OK;
    for (int t = 0; t < TENSORS && status == BALACT_OK; t++) {
        size_t bytes = (size_t)sizes[t] * sizeof(float);
        void *memory[3] = {NULL, NULL, NULL};
        for (int i = 0; i < 3 && status == BALACT_OK; i++)
            status = model->backend->alloc(bytes, &memory[i]);
        head->parameter[t] = (struct balact_parameter){
            .name = t == WEIGHT ? "weight" : "bias",
            .is_bias = t == BIAS,
            .n = sizes[t],
            .value = memory[0],
            .velocity = memory[1],
        };
        head->gradient[t] = memory[2];
    }
    return status;
}

balact_status model_open_linear(struct balact_model *model, const struct balact_backend *backend,
                                int64_t inputs, int64_t outputs, const struct head_init *init,
                                uint64_t seed, struct balact_error *error) {
    memset(model, 0, sizeof *model);
    if (inputs < 1 || outputs < 1 || inputs > INT64_MAX / 64 / outputs)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "a linear head of %lld x %lld",
                           (long long)outputs, (long long)inputs);
    struct linear_head *head = calloc(1, sizeof *head);
    if (!head)
        return balact_fail(error, BALACT_ERROR_MEMORY, "linear head: out of memory");
    *model = (struct balact_model){
        .backend = backend,
        .inputs = inputs,
        .outputs = outputs,
        .parameters = head->parameter,
        .parameter_count = TENSORS,
        .state = head,
        .forward = linear_forward,
        .backward = linear_backward,
        .loss_backward = backend->head.run ? linear_loss_backward : NULL,
        .step = linear_step,
        .release = linear_release,
    };
    char missing[64];
    balact_status status = linear_calls(backend, &head->calls, missing, sizeof missing, error);
    if (status == BALACT_OK) {
        status = allocate(model, head);
        if (status == BALACT_OK)
            status = fill(backend, &head->parameter[WEIGHT], init->deviation, 0, seed);
        if (status == BALACT_OK)
            status = fill(backend, &head->parameter[BIAS], 0, init->bias, seed);
        if (status != BALACT_OK)
            balact_fail(error, status, "a linear head of %lld x %lld on backend %s: %s",
                        (long long)outputs, (long long)inputs, backend->name,
                        balact_status_name(status));
    }
    if (status != BALACT_OK)
        model_release(model);
    return status;
}

void model_release(struct balact_model *model) {
    if (model->release)
        model->release(model);
    memset(model, 0, sizeof *model);
}
