/* SPDX-License-Identifier: MIT
 *
 * The one seam: a constant struct of function pointers per backend (reference, avx2, avx512, cuda).
 * Nothing outside optimized/ knows how a backend does its work. A NULL member means "not
 * supported"; whoever needs it must say so and must never silently use another backend under this
 * one's name.
 */
#ifndef BALACT_BACKEND_H
#define BALACT_BACKEND_H

#include <stddef.h>

#include "balact/activations.h"
#include "balact/head.h"
#include "balact/topk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A kernel: the problem has been checked by balact_run(), labels included where memory is plain.
 * In-place kernels get out == logits. */
typedef balact_status balact_kernel(const struct balact_problem *problem);

/* The linear layer of the head, fp32, row-major, pitches in elements:
 *   logits[rows][classes] = x[rows][dim] weight[classes][dim]^T + bias[classes]
 * Each member uses the fields that it names and leaves the others alone. Results are bitwise the
 * same for any number of threads. */
struct balact_linear_problem {
    int64_t rows, dim, classes;
    const float *x;
    int64_t ld_x; /* [rows][ld_x] */
    const float *weight;
    int64_t ld_weight; /* [classes][ld_weight] */
    const float *bias; /* [classes] or NULL */
    float *logits;
    int64_t ld_logits;    /* [rows][ld_logits] */
    const float *dlogits; /* [rows][ld_logits] */
    float *dweight;       /* [classes][ld_weight], overwritten */
    float *dbias;         /* [classes] or NULL, overwritten */
    float *dx;            /* [rows][ld_x], overwritten */
};

/* One SGD step with momentum on n parameters, as PyTorch's SGD defines it:
 *   g = gradient + weight_decay * parameter
 *   velocity = momentum * velocity + g
 *   parameter -= lr * (nesterov ? g + momentum * velocity : velocity) */
struct balact_sgd_step {
    int64_t n;
    float *parameter, *velocity; /* [n], updated */
    const float *gradient;       /* [n] */
    float lr, momentum, weight_decay;
    bool nesterov;
};

struct balact_linear {
    const char *library; /* who does the GEMM: "naive", "oneDNN", "OpenBLAS", "cuBLAS" */
    /* x weight bias -> logits;  x dlogits -> dweight dbias;  dlogits weight -> dx */
    balact_status (*forward)(const struct balact_linear_problem *);
    balact_status (*grad_weight)(const struct balact_linear_problem *);
    balact_status (*grad_input)(const struct balact_linear_problem *);
    balact_status (*sgd_step)(const struct balact_sgd_step *);
};

/* The fused head (balact/head.h). The problem has been checked by balact_head_loss_grad() and comes
 * with a workspace that is large enough; loss alone is wanted where dweight, dbias and dx are NULL.
 * run applies the backend's own kernels of the activation. */
struct balact_head {
    size_t (*workspace)(const struct balact_head_problem *); /* bytes; SIZE_MAX on overflow */
    balact_status (*run)(const struct balact_backend *, enum balact_activation,
                         const struct balact_head_problem *);
};

/* A stopwatch on the backend's own clock. */
struct balact_timer {
    double start;
    void *events[2]; /* the backend's own */
};

struct balact_backend {
    const char *name;
    const char *description;
    /* Whether this machine can run it; if not, a reason is written to why[size] (size 0: none). */
    bool (*usable)(char *why, size_t size);

    /* Memory. plain_memory: its pointers may be read and written by ordinary code. alloc gives
     * memory aligned to 64 bytes at least. upload and download copy between plain memory and the
     * backend's; synchronize waits for everything started. */
    bool plain_memory;
    balact_status (*alloc)(size_t bytes, void **memory);
    void (*release)(void *memory);
    balact_status (*upload)(void *to, const void *from, size_t bytes);
    balact_status (*download)(void *to, const void *from, size_t bytes);
    balact_status (*synchronize)(void);

    void (*timer_start)(struct balact_timer *);
    double (*timer_stop)(struct balact_timer *); /* seconds since timer_start */

    balact_kernel *kernels[BALACT_ACTIVATION_COUNT][BALACT_OPERATION_COUNT];
    struct balact_linear linear;

    /* Ranking (balact/topk.h); the problem has been checked by balact_topk(), rows >= 1. */
    balact_status (*topk)(const struct balact_topk_problem *problem);
    struct balact_head head; /* both members or none */

    /* What the calling thread's last failure was about, in the accelerator's own words; "" where it
     * had another status. NULL: the status says it all. */
    const char *(*message)(balact_status status);
};

/* The words for a failed call of the backend: its own, or the status's name. Never NULL. */
const char *balact_backend_message(const struct balact_backend *backend, balact_status status);

/* All backends compiled in, best first; the reference is always there and always last. */
const struct balact_backend *const *balact_backends(size_t *count);

/* By name; NULL if not compiled in. */
const struct balact_backend *balact_backend_find(const char *name);

/* The first usable one; BALACT_BACKEND=name in the environment forces one. NULL, with a reason in
 * *error, if the forced one does not exist or cannot run here. */
const struct balact_backend *balact_backend_default(struct balact_error *error);

/* Number of threads the CPU backends use (OpenMP's); 1 without OpenMP. */
int balact_threads(void);
void balact_set_threads(int threads);

#ifdef __cplusplus
}
#endif
#endif
