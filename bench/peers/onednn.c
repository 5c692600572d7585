/* SPDX-License-Identifier: MIT
 *
 * The peer oneDNN: softmax (accurate) and eltwise logistic forward; for the softmax loss with
 * gradient, which it has not in one piece, logsoftmax forward and backward from a ready-made dense
 * gradient of the negative log-likelihood.
 */
#include "bench/peers/peer.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnnl.h>

#if DNNL_VERSION_MAJOR == 2

enum { SOURCE, RESULT, TARGET, GRADIENT, BUFFERS, STEPS = 2, ASIDE = 2048 };

static dnnl_engine_t engine;
static dnnl_stream_t stream;
static dnnl_memory_desc_t shape;
static void *blocks[BUFFERS];
static float *buffers[BUFFERS];
static dnnl_memory_t memories[BUFFERS];
static dnnl_primitive_t steps[STEPS];
static int step_count;
static bool with_gradient;

static void drop(void) {
    for (int i = 0; i < step_count; i++)
        dnnl_primitive_destroy(steps[i]);
    for (int i = 0; i < BUFFERS; i++) {
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
        free(blocks[i]);
        memories[i] = NULL;
        blocks[i] = NULL;
    }
    step_count = 0;
}

static bool made(dnnl_status_t status, const void *descriptor, const_dnnl_primitive_desc_t hint,
                 dnnl_primitive_desc_t *out) {
    return status == dnnl_success &&
           dnnl_primitive_desc_create(out, descriptor, NULL, engine, hint) == dnnl_success;
}

static bool add_step(dnnl_primitive_desc_t descriptor) {
    bool fine = dnnl_primitive_create(&steps[step_count], descriptor) == dnnl_success;
    step_count += fine;
    return fine;
}

static bool create_forward(const char *activation) {
    dnnl_primitive_desc_t made_of;
    dnnl_eltwise_desc_t eltwise;
    dnnl_softmax_v2_desc_t softmax;
    bool fine =
        !strcmp(activation, "sigmoid")
            ? made(dnnl_eltwise_forward_desc_init(&eltwise, dnnl_forward_inference,
                                                  dnnl_eltwise_logistic, &shape, 0, 0),
                   &eltwise, NULL, &made_of)
            : made(dnnl_softmax_v2_forward_desc_init(&softmax, dnnl_forward_inference,
                                                     dnnl_softmax_accurate, &shape, &shape, 1),
                   &softmax, NULL, &made_of);
    if (!fine)
        return false;
    fine = add_step(made_of);
    dnnl_primitive_desc_destroy(made_of);
    return fine;
}

static bool create_loss_grad(void) {
    dnnl_primitive_desc_t forward, backward;
    dnnl_logsoftmax_desc_t there, back;
    if (!made(dnnl_logsoftmax_forward_desc_init(&there, dnnl_forward_training, &shape, 1), &there,
              NULL, &forward))
        return false;
    bool fine = made(dnnl_logsoftmax_backward_desc_init(&back, &shape, &shape, 1), &back, forward,
                     &backward);
    if (fine) {
        fine = add_step(forward) && add_step(backward);
        dnnl_primitive_desc_destroy(backward);
    }
    dnnl_primitive_desc_destroy(forward);
    return fine;
}

static bool create_memories(const struct peer_problem *p) {
    size_t bytes = (size_t)(p->rows * p->cols) * sizeof(float);
    dnnl_dims_t dims = {p->rows, p->cols};
    if (dnnl_memory_desc_init_by_tag(&shape, 2, dims, dnnl_f32, dnnl_ab) != dnnl_success)
        return false;
    for (int i = 0; i < (with_gradient ? BUFFERS : RESULT + 1); i++) {
        size_t aside = (size_t)(i % 2) * ASIDE; /* neighbours do not meet modulo 4 KiB */
        blocks[i] = peer_memory(bytes + ASIDE);
        buffers[i] = (float *)((char *)blocks[i] + aside);
        if (dnnl_memory_create(&memories[i], &shape, engine, buffers[i]) != dnnl_success)
            return false;
    }
    memcpy(buffers[SOURCE], p->logits, bytes);
    for (int64_t i = 0; i < p->rows && with_gradient; i++)
        buffers[TARGET][i * p->cols + p->labels[i]] = (float)-p->grad_scale;
    return true;
}

static enum peer_answer load(const struct peer_problem *p, char *why, size_t size) {
    drop();
    bool softmax = !strcmp(p->activation, "softmax"), sigmoid = !strcmp(p->activation, "sigmoid");
    with_gradient = !strcmp(p->op, "loss_grad");
    if (!softmax && (!sigmoid || with_gradient)) {
        snprintf(why, size, "oneDNN has no %s of %s", p->op, p->activation);
        return PEER_SKIP;
    }
    omp_set_num_threads(p->threads);
    if (create_memories(p) && (with_gradient ? create_loss_grad() : create_forward(p->activation)))
        return PEER_OK;
    snprintf(why, size, "oneDNN makes no such primitive");
    return PEER_ERROR;
}

static enum peer_answer run(char *why, size_t size) {
    dnnl_exec_arg_t forward[] = {{DNNL_ARG_SRC, memories[SOURCE]},
                                 {DNNL_ARG_DST, memories[RESULT]}};
    dnnl_exec_arg_t backward[] = {{DNNL_ARG_DST, memories[RESULT]},
                                  {DNNL_ARG_DIFF_DST, memories[TARGET]},
                                  {DNNL_ARG_DIFF_SRC, memories[GRADIENT]}};
    dnnl_status_t status = dnnl_primitive_execute(steps[0], stream, 2, forward);
    if (status == dnnl_success && with_gradient)
        status = dnnl_primitive_execute(steps[1], stream, 3, backward);
    if (status == dnnl_success && dnnl_stream_wait(stream) == dnnl_success)
        return PEER_OK;
    snprintf(why, size, "oneDNN failed to execute");
    return PEER_ERROR;
}

static void fetch(const struct peer_problem *p) {
    double loss = 0.0;
    memcpy(p->out, buffers[with_gradient ? GRADIENT : RESULT],
           (size_t)(p->rows * p->cols) * sizeof(float));
    for (int64_t i = 0; i < p->rows && with_gradient; i++)
        loss -= p->grad_scale * buffers[RESULT][i * p->cols + p->labels[i]];
    *p->loss = with_gradient ? loss : (double)NAN;
}

int main(void) {
    struct peer peer = {.name = "onednn", .load = load, .run = run, .fetch = fetch};
    const dnnl_version_t *version = dnnl_version();
    snprintf(peer.version, sizeof peer.version, "%d.%d.%d", version->major, version->minor,
             version->patch);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) != dnnl_success) {
        puts("skip oneDNN makes no engine on this processor");
        return 0;
    }
    return peer_main(&peer);
}

#else

int main(void) {
    puts("skip this peer is written for oneDNN 2, and another one was installed");
    return 0;
}

#endif
