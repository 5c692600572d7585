/* SPDX-License-Identifier: MIT
 *
 * See head_peer.h.
 */
#include "bench/measure/head_peer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/measure/place.h"
#include "bench/peers/peer.h"
#include "bench/program.h"

/* Where each part of the shared file begins; dweight and dbias are the velocities'. */
struct places {
    int64_t x, labels, weight, bias, offset, loss, dweight, dbias, dx;
};

static void put(const struct shared_file *shared, int64_t at, const void *from, int64_t count) {
    if (from)
        memcpy(shared->memory + at, from, (size_t)count * sizeof(float));
}

/* The inputs of the step as it stands; results hold NaN until the peer writes them. */
static balact_status share(const struct step *step, struct shared_file *shared, struct places *at,
                           struct balact_error *error) {
    const struct balact_head_problem *h = &step->head;
    const int64_t size = (int64_t)sizeof(float), matrix = h->classes * h->dim;
    at->x = shared_file_reserve(shared, size * h->rows * h->dim);
    at->labels = shared_file_reserve(shared, size * h->rows);
    at->weight = shared_file_reserve(shared, size * matrix);
    at->bias = shared_file_reserve(shared, size * h->classes);
    at->offset = shared_file_reserve(shared, size * h->classes);
    at->loss = shared_file_reserve(shared, (int64_t)sizeof(double));
    at->dweight = shared_file_reserve(shared, size * matrix);
    at->dbias = shared_file_reserve(shared, size * h->classes);
    at->dx = shared_file_reserve(shared, h->dx ? size * h->rows * h->dim : 0);
    balact_status status = shared_file_make(shared, shared_file_folder(), error);
    if (status != BALACT_OK)
        return status;
    put(shared, at->x, h->x, h->rows * h->dim);
    put(shared, at->labels, h->labels, h->rows);
    put(shared, at->weight, step->weight, matrix);
    put(shared, at->bias, step->bias, h->classes);
    put(shared, at->offset, step->offset, h->classes);
    memset(shared->memory + at->loss, 0xff, (size_t)(shared->size - at->loss));
    return BALACT_OK;
}

static bool load(struct peer_process *peer, const struct step *step, int threads,
                 const struct shared_file *shared, const struct places *at) {
    const struct balact_head_problem *h = &step->head;
    char request[PEER_LINE];
    snprintf(request, sizeof request,
             "load activation=%s op=head_step dtype=f32 rows=%lld dim=%lld cols=%lld threads=%d "
             "grad_scale=%.17g grad_input=%d lr=%.9g momentum=%.9g decay=%.9g file=%s size=%lld "
             "x=%lld labels=%lld weight=%lld bias=%lld offset=%lld loss=%lld dweight=%lld "
             "dbias=%lld dx=%lld\n",
             balact_activation_info(step->c->activation)->name, (long long)h->rows,
             (long long)h->dim, (long long)h->classes, threads, (double)h->grad_scale,
             h->dx != NULL, (double)HEAD_LR, (double)HEAD_MOMENTUM, (double)HEAD_DECAY,
             shared->path, (long long)shared->size, (long long)at->x, (long long)at->labels,
             (long long)at->weight, (long long)at->bias, (long long)at->offset, (long long)at->loss,
             (long long)at->dweight, (long long)at->dbias, (long long)at->dx);
    return peer_ask_to_load(peer, request);
}

/* Two steps of ours; the second has met momentum and a changed weight. */
static void step_twice(struct step *step) {
    const struct balact_head_problem *h = &step->head;
    memset(step->velocity[0], 0, (size_t)(h->classes * h->dim) * sizeof(float));
    memset(step->velocity[1], 0, (size_t)h->classes * sizeof(float));
    head_ways[HEAD_FUSED].run(step);
    head_ways[HEAD_FUSED].run(step);
}

static double judge(const struct step *step, const struct shared_file *shared,
                    const struct places *at) {
    const struct balact_head_problem *h = &step->head;
    const char *memory = shared->memory;
    double loss, sum = 0;
    memcpy(&loss, memory + at->loss, sizeof loss);
    for (int64_t i = 0; i < h->rows; i++)
        sum += (double)h->grad_scale * h->loss[i];
    double worst = isfinite(loss) ? fabs(loss - sum) / fabs(sum) : (double)INFINITY;
    worst = step_worst_of((const float *)(memory + at->dweight), step->velocity[0],
                          h->classes * h->dim, worst);
    worst =
        step_worst_of((const float *)(memory + at->dbias), step->velocity[1], h->classes, worst);
    if (h->dx)
        worst = step_worst_of((const float *)(memory + at->dx), h->dx, h->rows * h->dim, worst);
    return worst;
}

bool head_peer_verify(struct peer_process *peer, struct step *step, int threads, double *error) {
    struct shared_file shared = {.size = 0};
    struct places at;
    struct balact_error problem;
    double seconds;
    if (peer->state != PEER_READY)
        return false;
    die_unless_ok(share(step, &shared, &at, &problem), &problem);
    bool answered =
        load(peer, step, threads, &shared, &at) && peer_run(peer, 2, &seconds) && peer_fetch(peer);
    if (answered) {
        step_twice(step);
        *error = judge(step, &shared, &at);
    }
    shared_file_release(&shared);
    return answered;
}

bool head_peer_time(struct peer_process *peer, int threads, double *seconds) {
    if (threads > 1)
        let_idle_threads_go();
    bool ran = peer_run(peer, 1, seconds);
    if (threads > 1)
        let_peer_fall_idle();
    return ran;
}
