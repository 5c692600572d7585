/* SPDX-License-Identifier: MIT
 *
 * What the trainer knows of a model: forward, backward, step, and its parameters for checkpoints. A
 * linear head on given features is one; a backbone with a head is another.
 */
#ifndef BALACT_BENCH_TRAIN_MODEL_H
#define BALACT_BENCH_TRAIN_MODEL_H

#include "balact/backend.h"
#include "bench/train/methods.h"

/* One tensor of a model, in the memory of its backend. */
struct balact_parameter {
    const char *name;
    bool is_bias;
    int64_t n;
    float *value, *velocity; /* [n] each; velocity is the optimizer's momentum */
};

/* What one SGD step needs besides the gradients. */
struct step_rates {
    double lr, momentum, weight_decay;
    bool nesterov;
    bool decay_bias; /* weight_decay acts on biases too */
};

struct balact_model {
    const struct balact_backend *backend;
    int64_t inputs, outputs;             /* columns of x and of the logits */
    struct balact_parameter *parameters; /* [parameter_count], owned by state */
    size_t parameter_count;
    void *state;
    /* logits[rows][outputs] from x[rows][inputs]; backend memory, dense. */
    balact_status (*forward)(struct balact_model *, const float *x, int64_t rows, float *logits);
    /* Gradients of all parameters from the x of the last forward and dlogits[rows][outputs]. */
    balact_status (*backward)(struct balact_model *, const float *x, const float *dlogits,
                              int64_t rows);
    /* Optional: forward, loss and backward in one call that never holds rows x outputs logits.
     * NULL: the trainer calls forward, the activation and backward. Of *batch the caller fills in
     * rows, x, the targets, the options of the loss and the per-row results; the model adds its
     * shape, parameters and gradients. */
    balact_status (*loss_backward)(struct balact_model *, enum balact_activation,
                                   const struct balact_head_problem *batch,
                                   struct balact_error *error);
    /* Parameters and velocities from the gradients of the last backward or loss_backward. */
    balact_status (*step)(struct balact_model *, const struct step_rates *);
    void (*release)(struct balact_model *);
};

/* The linear calls to use on `backend`: its own where it has them, and the reference's in place of
 * those that it lacks, if its memory is plain. missing gets the names of the replaced ones ("" if
 * none), for the caller to tell; ERROR_UNSUPPORTED if one is lacking and cannot be replaced. */
balact_status linear_calls(const struct balact_backend *backend, struct balact_linear *calls,
                           char *missing, size_t size, struct balact_error *error);

/* A linear head logits = x W^T + b with first values from init and seed. */
balact_status model_open_linear(struct balact_model *model, const struct balact_backend *backend,
                                int64_t inputs, int64_t outputs, const struct head_init *init,
                                uint64_t seed, struct balact_error *error);
void model_release(struct balact_model *model);

#endif
