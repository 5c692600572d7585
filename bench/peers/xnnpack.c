/* SPDX-License-Identifier: MIT
 *
 * The peer XNNPACK: sigmoid and softmax of rows in fp32.
 */
#include "bench/peers/peer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthreadpool.h>
#include <xnnpack.h>

#include "bench/measure/place.h"

#ifndef PEER_XNNPACK_VERSION /* the library does not tell its own */
#define PEER_XNNPACK_VERSION "unknown"
#endif

/* XNNPACK reads up to XNN_EXTRA_BYTES beyond its input. The output stands half a page off, so that
 * reads and writes do not meet modulo 4 KiB. */
enum { ASIDE = 2048 };

static xnn_operator_t operation;
static pthreadpool_t pool;
static void *input_memory, *output_memory;
static float *output;

static void drop(void) {
    if (operation)
        xnn_delete_operator(operation);
    if (pool)
        pthreadpool_destroy(pool);
    free(input_memory);
    free(output_memory);
    operation = NULL;
    pool = NULL;
    input_memory = output_memory = NULL;
}

static enum xnn_status create(const struct peer_problem *p, const float *input) {
    size_t cols = (size_t)p->cols, rows = (size_t)p->rows;
    bool softmax = !strcmp(p->activation, "softmax");
    enum xnn_status status = softmax ? xnn_create_softmax_nc_f32(cols, cols, cols, 0, &operation)
                                     : xnn_create_sigmoid_nc_f32(cols, cols, cols, 0, &operation);
    if (status == xnn_status_success)
        status = softmax ? xnn_setup_softmax_nc_f32(operation, rows, input, output, pool)
                         : xnn_setup_sigmoid_nc_f32(operation, rows, input, output, pool);
    return status;
}

static atomic_int placed;

/* Waits for all, so that every thread takes one. */
static void place(void *context, size_t i) {
    int threads = *(const int *)context;
    place_thread((int)i);
    atomic_fetch_add(&placed, 1);
    while (atomic_load(&placed) < threads)
        ;
}

static enum peer_answer load(const struct peer_problem *p, char *why, size_t size) {
    drop();
    if (strcmp(p->op, "forward") != 0 || !strncmp(p->activation, "balanced", 8)) {
        snprintf(why, size, "XNNPACK has the forward of softmax and sigmoid alone");
        return PEER_SKIP;
    }
    size_t bytes = (size_t)(p->rows * p->cols) * sizeof(float);
    input_memory = peer_memory(bytes + XNN_EXTRA_BYTES);
    output_memory = peer_memory(bytes + ASIDE + XNN_EXTRA_BYTES);
    memcpy(input_memory, p->logits, bytes);
    output = (float *)((char *)output_memory + ASIDE);
    pool = p->threads > 1 ? pthreadpool_create((size_t)p->threads) : NULL;
    int threads = p->threads;
    atomic_store(&placed, 0);
    if (pool && pthreadpool_get_threads_count(pool) == (size_t)threads)
        pthreadpool_parallelize_1d(pool, place, &threads, (size_t)threads, 0);
    if (create(p, input_memory) == xnn_status_success)
        return PEER_OK;
    snprintf(why, size, "XNNPACK makes no %s of %lld columns", p->activation, (long long)p->cols);
    return PEER_ERROR;
}

static enum peer_answer run(char *why, size_t size) {
    if (xnn_run_operator(operation, pool) == xnn_status_success)
        return PEER_OK;
    snprintf(why, size, "xnn_run_operator failed");
    return PEER_ERROR;
}

static void fetch(const struct peer_problem *p) {
    memcpy(p->out, output, (size_t)(p->rows * p->cols) * sizeof(float));
    *p->loss = NAN;
}

static void nothing(void *context, size_t i) {
    (void)context;
    (void)i;
}

/* The pool's threads spin long after a task, unless that task says they shall not. */
static void settle(void) {
    if (pool)
        pthreadpool_parallelize_1d(pool, nothing, NULL, pthreadpool_get_threads_count(pool),
                                   PTHREADPOOL_FLAG_YIELD_WORKERS);
}

int main(void) {
    struct peer peer = {.name = "xnnpack",
                        .version = PEER_XNNPACK_VERSION,
                        .load = load,
                        .run = run,
                        .fetch = fetch,
                        .settle = settle};
    if (xnn_initialize(NULL) != xnn_status_success) {
        puts("skip XNNPACK does not support this processor");
        return 0;
    }
    return peer_main(&peer);
}
