/* SPDX-License-Identifier: MIT
 *
 * See kernels.h: the walk over the plan. kernels_write.c prints and writes.
 */
#include "bench/measure/kernels.h"

#include <string.h>
#include <unistd.h>

struct walkers {
    const struct kernels_plan *plan;
    const struct kernels_files *files;
    struct kernels_tally *tally;
    struct peer_process peers[KERNELS_MOST];
    bool reported[KERNELS_MOST]; /* a peer's end has been told */
};

/* Peers have neither types other than fp32 nor loss alone nor operations in place. */
static bool peers_take_part(const struct timed_data *data, enum balact_operation operation,
                            bool cold) {
    return data->dtype == BALACT_F32 && data->shape->pad == 0 && !cold &&
           (operation == BALACT_FORWARD || operation == BALACT_LOSS_GRAD);
}

static void start_peers(struct walkers *walkers) {
    const struct kernels_plan *plan = walkers->plan;
    for (size_t i = 0; i < plan->peer_count; i++) {
        char log[512];
        struct peer_process *peer = &walkers->peers[i];
        peer_log_path(plan->memory, plan->peers[i]->name, log, sizeof log);
        peer_start(peer, plan->peers[i], log, plan->patience);
        if (peer->state == PEER_READY) {
            printf("peer %s %s\n", peer->program->name, peer->version);
            continue;
        }
        bool absent = peer->state == PEER_ABSENT;
        printf("%s peer %s: %s\n", absent ? "SKIP" : "FAIL", peer->program->name, peer->why);
        kernels_write_skip(walkers->files, peer->program->name, "", "", "", peer->why);
        walkers->tally->skipped += absent;
        walkers->tally->wrong += !absent;
        walkers->reported[i] = true;
    }
}

static void gather(struct walkers *walkers, struct contest *contest) {
    const struct kernels_plan *plan = walkers->plan;
    for (size_t i = 0; i < plan->backend_count; i++)
        contest->list[contest->count++] = (struct contestant){
            .kind = CONTEST_BACKEND, .name = plan->backends[i]->name, .backend = plan->backends[i]};
    bool peers = peers_take_part(contest->data, contest->operation, contest->cold);
    for (size_t i = 0; i < plan->peer_count && peers; i++)
        if (walkers->peers[i].state == PEER_READY)
            contest->list[contest->count++] = (struct contestant){
                .kind = CONTEST_PEER, .name = plan->peers[i]->name, .peer = &walkers->peers[i]};
}

/* A peer that broke down is named once and takes no further part. */
static void report_breakdowns(struct walkers *walkers) {
    for (size_t i = 0; i < walkers->plan->peer_count; i++) {
        struct peer_process *peer = &walkers->peers[i];
        if (peer->state != PEER_FAILED || walkers->reported[i])
            continue;
        printf("FAIL peer %s: %s\n", peer->program->name, peer->why);
        kernels_write_skip(walkers->files, peer->program->name, "", "", "", peer->why);
        walkers->reported[i] = true;
    }
}

static void run_contest(struct walkers *walkers, struct timed_data *data,
                        enum balact_operation operation, int threads, bool cold) {
    struct contest contest = {
        .data = data, .operation = operation, .threads = threads, .cold = cold};
    gather(walkers, &contest);
    contest_add_limits(&contest);
    contest_verify(&contest);
    contest_run(&contest, &walkers->plan->pace);
    kernels_print_contest(&contest);
    kernels_write_contest(&contest, walkers->files, walkers->tally);
    report_breakdowns(walkers);
    fflush(stdout);
}

/* One activation on data that is made: operations, threads, caches. */
static balact_status run_activation(struct walkers *walkers, struct timed_data *data,
                                    enum balact_activation activation, struct balact_error *error) {
    const struct kernels_plan *plan = walkers->plan;
    balact_status status = timed_data_turn(data, activation, error);
    for (int o = 0; o < BALACT_OPERATION_COUNT && status == BALACT_OK; o++) {
        if (!plan->operations[o])
            continue;
        status = timed_data_expect(data, timed_expectation((enum balact_operation)o), error);
        for (size_t t = 0; t < plan->thread_count && status == BALACT_OK; t++)
            for (int cold = 0; cold <= (int)plan->cold; cold++)
                run_contest(walkers, data, (enum balact_operation)o, plan->threads[t], cold);
    }
    return status;
}

balact_status kernels_run(const struct kernels_plan *plan, const struct kernels_files *files,
                          struct kernels_tally *tally, struct balact_error *error) {
    static struct walkers walkers; /* large */
    int threads = balact_threads();
    balact_status status = BALACT_OK;
    memset(&walkers, 0, sizeof walkers);
    walkers.plan = plan;
    walkers.files = files;
    walkers.tally = tally;
    kernels_write_headers(files);
    start_peers(&walkers);
    for (size_t c = 0; c < plan->case_count && status == BALACT_OK; c++)
        for (size_t d = 0; d < plan->dtype_count && status == BALACT_OK; d++) {
            struct timed_data data;
            balact_set_threads(threads);
            status = timed_data_make(&data, plan->cases[c], plan->dtypes[d], plan->memory,
                                     plan->seed, error);
            for (int a = 0; a < BALACT_ACTIVATION_COUNT && status == BALACT_OK; a++)
                if (plan->activations[a])
                    status = run_activation(&walkers, &data, (enum balact_activation)a, error);
            timed_data_release(&data);
        }
    for (size_t i = 0; i < plan->peer_count; i++)
        peer_stop(&walkers.peers[i]);
    contest_release();
    balact_set_threads(threads);
    return status;
}
