/* SPDX-License-Identifier: MIT
 *
 * A training step of a head, its memory, the ways to make it, and whether they are right.
 */
#ifndef BALACT_BENCH_MEASURE_HEAD_STEP_H
#define BALACT_BENCH_MEASURE_HEAD_STEP_H

#include "balact/backend.h"

struct head_case {
    enum balact_activation activation;
    int64_t rows, dim, classes;
    bool grad_input, quick;
};

struct step {
    const struct head_case *c;
    const struct balact_backend *backend;
    struct balact_head_problem head;                      /* with a workspace */
    float *weight, *bias, *velocity[2], *offset, *logits; /* logits: of the unfused ways alone */
};

/* Learning rate, momentum, and the decay of weights; biases have none. */
#define HEAD_LR       0.01f
#define HEAD_MOMENTUM 0.9f
#define HEAD_DECAY    5e-4f

struct way {
    const char *name;
    void (*run)(struct step *);
    bool whole_logits; /* needs the matrix of all logits */
};

enum { HEAD_FUSED, HEAD_UNFUSED, HEAD_GEMM, HEAD_WAYS };
extern const struct way head_ways[HEAD_WAYS];

/* Every page touched. With whole_logits if a way is to run that needs them. Dies where there is no
 * memory. */
struct step step_open(const struct head_case *c, const struct balact_backend *backend,
                      bool whole_logits);
void step_close(struct step *step);

/* n floats, uniform with a width of `deviation`; 0: zeros. */
float *step_floats(int64_t n, double deviation, uint32_t seed);

/* The largest error relative to the largest of want[], or `worst` if that is larger; INFINITY
 * where got[] is not finite. */
double step_worst_of(const float *got, const float *want, int64_t n, double worst);

/* The largest relative error of all ways: of the fused call against the reference on a few rows
 * and against the way without chunks on all; of the bare products in a few entries. */
#define HEAD_ERROR_BOUND 2e-5
double step_error(struct step *step);

#endif
