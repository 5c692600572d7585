/* SPDX-License-Identifier: MIT
 *
 * See contest.h.
 */
#include "bench/measure/contest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "bench/measure/place.h"
#include "bench/program.h"
#include "optimized/cpu/probes.h"

enum { LONGEST_REPEATS = 20000 };

static float exp_in[CONTEST_EXP_COUNT], exp_out[CONTEST_EXP_COUNT];

static bool in_place(enum balact_operation operation) {
    return operation == BALACT_FORWARD_IN_PLACE || operation == BALACT_LOSS_GRAD_IN_PLACE;
}

static int64_t last_level_cache(void) {
#ifdef _SC_LEVEL3_CACHE_SIZE
    long size = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (size > 0)
        return size;
#endif
    return INT64_C(32) << 20;
}

static char *cold_memory;
static int64_t cold_bytes;

void contest_release(void) {
    free(cold_memory);
    cold_memory = NULL;
    cold_bytes = 0;
}

/* Fills the caches of all processors with memory that nobody in the contest uses. */
static void make_cold(const struct contest *contest) {
    int64_t wanted = 2 * last_level_cache(), data = 4 * contest->data->bytes;
    wanted = wanted < data ? data : wanted;
    if (cold_bytes < wanted) {
        contest_release();
        cold_memory = aligned_alloc(4096, (size_t)(wanted / 4096 + 1) * 4096);
        if (!cold_memory)
            die(EXIT_BAD_INPUT, "no memory of %lld bytes to make the caches cold with",
                (long long)wanted);
        memset(cold_memory, 1, (size_t)wanted);
        cold_bytes = wanted;
    }
    balact_set_threads((int)sysconf(_SC_NPROCESSORS_ONLN));
    walk_memory(WALK_IN_PLACE, cold_memory, NULL, cold_bytes / 64 * 64);
    balact_set_threads(contest->threads);
}

static void add(struct contest *contest, const struct contestant *contestant) {
    if (contest->count < CONTEST_MOST)
        contest->list[contest->count++] = *contestant;
}

static void add_walk(struct contest *contest, enum walk walk) {
    add(contest, &(struct contestant){.kind = CONTEST_WALK, .name = walk_name(walk), .walk = walk});
}

static void add_exp(struct contest *contest, const struct balact_backend *backend) {
    struct contestant exp = {.kind = CONTEST_EXP, .backend = backend};
#ifdef BALACT_HAVE_AVX512
    if (!strcmp(backend->name, "avx512")) {
        exp.name = "exp_avx512";
        exp.exponentials = balact_avx512_biased_exponentials;
    }
#endif
#ifdef BALACT_HAVE_AVX2
    if (!strcmp(backend->name, "avx2")) {
        exp.name = "exp_avx2";
        exp.exponentials = balact_avx2_biased_exponentials;
    }
#endif
    if (exp.exponentials)
        add(contest, &exp);
}

static enum balact_activation plain_form(enum balact_activation activation) {
    return balact_activation_info(activation)->family == BALACT_FAMILY_SOFTMAX ? BALACT_SOFTMAX
                                                                               : BALACT_SIGMOID;
}

static void add_plain(struct contest *contest, const struct balact_backend *backend) {
    struct contestant plain = {.kind = CONTEST_PLAIN, .backend = backend};
    if (!strcmp(backend->name, "avx512"))
        plain.name = "plain_avx512";
    if (!strcmp(backend->name, "avx2"))
        plain.name = "plain_avx2";
    if (plain.name)
        add(contest, &plain);
}

void contest_add_limits(struct contest *contest) {
    size_t count = contest->count;
    if (in_place(contest->operation)) {
        add_walk(contest, WALK_IN_PLACE);
    } else if (contest->operation == BALACT_LOSS) {
        add_walk(contest, WALK_READ);
    } else {
        add_walk(contest, WALK_COPY);
        add_walk(contest, WALK_STREAM);
    }
    for (size_t i = 0; i < count; i++)
        if (contest->list[i].kind == CONTEST_BACKEND)
            add_exp(contest, contest->list[i].backend);
    for (size_t i = 0; i < count; i++)
        if (contest->list[i].kind == CONTEST_BACKEND &&
            balact_activation_info(contest->data->activation)->balanced)
            add_plain(contest, contest->list[i].backend);
    for (int i = 0; i < CONTEST_EXP_COUNT; i++)
        exp_in[i] = -20.0f * (float)((i * 7919) % CONTEST_EXP_COUNT) / CONTEST_EXP_COUNT;
}

static void verify_backend(struct contest *contest, struct contestant *c) {
    struct balact_error error;
    struct balact_problem problem = timed_problem(contest->data, contest->operation);
    timed_data_reset(contest->data);
    balact_status status =
        c->backend->plain_memory
            ? balact_run(c->backend, contest->data->activation, contest->operation, &problem,
                         &error)
            : balact_fail(&error, BALACT_ERROR_UNSUPPORTED, "its memory is not plain");
    if (status == BALACT_OK) {
        c->verdict = timed_judge(contest->data, contest->operation);
        return;
    }
    c->verdict = (struct timed_verdict){.worst_ulp = NAN};
    c->skipped = status == BALACT_ERROR_UNSUPPORTED;
    snprintf(c->verdict.why, sizeof c->verdict.why, "%.255s", error.message);
}

static void verify_peer(struct contest *contest, struct contestant *c) {
    double seconds;
    memset(contest->data->shared.memory + contest->data->at.loss, 0xff,
           (size_t)(contest->data->shared.size - contest->data->at.loss));
    c->verdict = (struct timed_verdict){.worst_ulp = NAN};
    if (peer_load(c->peer, contest->data, contest->operation, contest->threads) &&
        peer_run(c->peer, 1, &seconds) && peer_fetch(c->peer)) {
        c->verdict = timed_judge_peer(contest->data, contest->operation);
        return;
    }
    c->skipped = c->peer->state == PEER_READY;
    snprintf(c->verdict.why, sizeof c->verdict.why, "%.255s", c->peer->why);
}

/* The plain activations, on the data turned to them and back. */
static void verify_plain(struct contest *contest) {
    enum balact_operation operation = timed_expectation(contest->operation);
    enum balact_activation balanced = contest->data->activation;
    struct timed_data *data = contest->data;
    struct balact_error error;
    balact_status status = timed_data_turn(data, plain_form(balanced), &error);
    if (status == BALACT_OK)
        status = timed_data_expect(data, operation, &error);
    for (size_t i = 0; i < contest->count && status == BALACT_OK; i++)
        if (contest->list[i].kind == CONTEST_PLAIN)
            verify_backend(contest, &contest->list[i]);
    status = timed_data_turn(data, balanced, &error);
    if (status == BALACT_OK)
        status = timed_data_expect(data, operation, &error);
    for (size_t i = 0; i < contest->count && status != BALACT_OK; i++)
        contest->list[i].verdict = (struct timed_verdict){.worst_ulp = NAN};
}

void contest_verify(struct contest *contest) {
    balact_set_threads(contest->threads);
    for (size_t i = 0; i < contest->count; i++) {
        if (contest->list[i].kind == CONTEST_BACKEND)
            verify_backend(contest, &contest->list[i]);
        else if (contest->list[i].kind == CONTEST_PEER)
            verify_peer(contest, &contest->list[i]);
    }
    if (balact_activation_info(contest->data->activation)->balanced)
        verify_plain(contest);
}

/* Each thread to its own processor; threads that have just been made must be told again. */
static void place(int threads) {
    place_thread(0); /* learns what is allowed before there are others who would */
#ifdef _OPENMP
#pragma omp parallel num_threads(threads) if (threads > 1)
    place_thread(omp_get_thread_num());
#else
    (void)threads;
#endif
}

static bool peer_was_here; /* our threads are gone: new ones are to be placed */

static double time_backend(const struct contest *contest, const struct contestant *c,
                           long repeats) {
    struct balact_timer timer;
    struct balact_problem problem = timed_problem(contest->data, contest->operation);
    enum balact_activation activation = contest->data->activation;
    if (c->kind == CONTEST_PLAIN) {
        activation = plain_form(activation);
        problem.offset = NULL;
    }
    c->backend->timer_start(&timer);
    for (long i = 0; i < repeats; i++)
        if (balact_run(c->backend, activation, contest->operation, &problem, NULL))
            return NAN;
    return c->backend->timer_stop(&timer);
}

/* Seconds of so many runs together; NAN if it failed. */
static double time_runs(const struct contest *contest, struct contestant *c, long repeats) {
    double seconds, begin;
    switch (c->kind) {
    case CONTEST_BACKEND:
    case CONTEST_PLAIN:
        return time_backend(contest, c, repeats);
    case CONTEST_PEER:
        return peer_run(c->peer, repeats, &seconds) ? seconds : (double)NAN;
    case CONTEST_WALK:
        begin = seconds_now();
        for (long i = 0; i < repeats; i++)
            walk_memory(c->walk, contest->data->logits, contest->data->out, contest->data->bytes);
        return seconds_now() - begin;
    case CONTEST_EXP:
        break;
    }
    begin = seconds_now();
    for (long i = 0; i < repeats; i++)
        c->exponentials(exp_in, exp_out, CONTEST_EXP_COUNT);
    return seconds_now() - begin;
}

static bool takes_part(const struct contestant *c) {
    return c->kind == CONTEST_WALK || c->kind == CONTEST_EXP || c->verdict.right;
}

static void take_sample(struct contest *contest, struct contestant *c) {
    bool small = 2 * contest->data->bytes <= last_level_cache(), exp = c->kind == CONTEST_EXP;
    if (contest->cold && !exp)
        make_cold(contest);
    if (c->kind == CONTEST_PEER && contest->threads > 1)
        peer_was_here = let_idle_threads_go();
    else if (c->kind != CONTEST_PEER && peer_was_here)
        place(contest->threads);
    peer_was_here = peer_was_here && c->kind == CONTEST_PEER;
    /* brings the data into the caches that hold it, and wakes the threads */
    double seconds = (small && !contest->cold) || exp ? time_runs(contest, c, 1) : 0.0;
    if (!isnan(seconds))
        seconds = time_runs(contest, c, c->repeats);
    if (c->kind == CONTEST_PEER && contest->threads > 1)
        let_peer_fall_idle();
    if (!isnan(seconds)) {
        samples_add(&c->samples, seconds / (double)c->repeats);
        return;
    }
    c->samples.count = 0;
    c->verdict.right = false;
    snprintf(c->verdict.why, sizeof c->verdict.why, "%.255s",
             c->kind == CONTEST_PEER ? c->peer->why : "the kernel failed while it was timed");
}

/* The warm-up round, whose times say only how often to repeat. */
static void calibrate(struct contest *contest, const struct contest_pace *pace) {
    for (size_t i = 0; i < contest->count; i++) {
        struct contestant *c = &contest->list[i];
        if (!takes_part(c))
            continue;
        double wanted = c->kind == CONTEST_EXP ? pace->sample_seconds / 8 : pace->sample_seconds;
        c->repeats = 1;
        c->samples.count = 0;
        take_sample(contest, c);
        if (contest->cold && c->kind != CONTEST_EXP)
            continue;
        double times = c->samples.count ? wanted / c->samples.seconds[0] : 1.0;
        c->repeats = times <= 1.0 ? 1 : times < LONGEST_REPEATS ? (long)times + 1 : LONGEST_REPEATS;
    }
    for (size_t i = 0; i < contest->count; i++)
        contest->list[i].samples.count = 0;
}

void contest_run(struct contest *contest, const struct contest_pace *pace) {
    balact_set_threads(contest->threads);
    timed_data_reset(contest->data);
    place(contest->threads);
    calibrate(contest, pace);
    double begin = seconds_now();
    for (size_t round = 0; round < SAMPLES_MOST; round++) {
        if (round >= pace->rounds && seconds_now() - begin >= pace->seconds)
            break;
        for (size_t i = 0; i < contest->count; i++) {
            struct contestant *c = &contest->list[(i + round) % contest->count];
            if (takes_part(c))
                take_sample(contest, c);
        }
    }
    let_idle_threads_go(); /* no thread stays bound for those who come after */
    peer_was_here = false;
    place_thread_anywhere();
}

double contest_bytes(const struct contest *contest) {
    const struct balact_problem *p = &contest->data->problem;
    double matrix = (double)p->rows * (double)p->cols * (double)balact_dtype_size(p->dtype);
    return contest->operation == BALACT_LOSS ? matrix : 2.0 * matrix;
}

double contest_limit(const struct contest *contest, const struct contestant *contestant) {
    const struct balact_problem *p = &contest->data->problem;
    double elements = (double)p->rows * (double)p->cols, per_byte = INFINITY;
    double own = INFINITY, any = INFINITY;
    for (size_t i = 0; i < contest->count; i++) {
        const struct contestant *c = &contest->list[i];
        double seconds = samples_quantile(&c->samples, 0.5);
        if (c->kind == CONTEST_WALK)
            per_byte = fmin(per_byte, seconds / walk_moved(c->walk, (double)contest->data->bytes));
        if (c->kind != CONTEST_EXP)
            continue;
        any = fmin(any, seconds / CONTEST_EXP_COUNT);
        if (c->backend == contestant->backend)
            own = seconds / CONTEST_EXP_COUNT;
    }
    double exp = isfinite(own) ? own : isfinite(any) ? any : 0.0;
    return fmax(contest_bytes(contest) * per_byte, elements * exp / contest->threads);
}
