/* SPDX-License-Identifier: MIT
 *
 * Timing in turns: everybody who does one operation on one problem, and the walks and exponentials
 * that make its limit, sampled round by round, so that a change of the machine's speed meets all.
 */
#ifndef BALACT_BENCH_MEASURE_CONTEST_H
#define BALACT_BENCH_MEASURE_CONTEST_H

#include "balact/backend.h"
#include "bench/measure/peer_process.h"
#include "bench/measure/samples.h"
#include "bench/measure/timed_data.h"
#include "bench/measure/walk.h"

/* PLAIN: a backend's plain activation on the same logits, which a balanced one is held against. */
enum contestant_kind { CONTEST_BACKEND, CONTEST_PEER, CONTEST_WALK, CONTEST_EXP, CONTEST_PLAIN };

enum { CONTEST_MOST = 24, CONTEST_EXP_COUNT = 2048 };

struct contestant {
    enum contestant_kind kind;
    const char *name;                     /* of the backend or peer; "copy", ...; "exp_avx2", ...;
                                           * "plain_avx2", ... */
    const struct balact_backend *backend; /* also whose exp or plain activation it is */
    struct peer_process *peer;
    enum walk walk;
    void (*exponentials)(const float *x, float *y, int64_t n);
    struct timed_verdict verdict; /* of backends and peers; only who is right is timed */
    bool skipped;                 /* has no such operation, verdict.why says why */
    long repeats;                 /* runs in one sample, chosen by contest_run() */
    struct samples samples;
};

/* How long to go on. */
struct contest_pace {
    size_t rounds;         /* at least; at most SAMPLES_MOST */
    double seconds;        /* more rounds while all of them together took less */
    double sample_seconds; /* short runs are repeated until a sample lasts so long */
};

struct contest {
    struct timed_data *data;
    enum balact_operation operation;
    int threads;
    bool cold; /* walk other memory before each sample, and run once in it */
    size_t count;
    struct contestant list[CONTEST_MOST];
};

/* Adds the walks of an operation, the exponentials of the backends that are in the contest and, where
 * the activation is balanced, their plain ones. */
void contest_add_limits(struct contest *contest);

/* Lets each backend and peer compute once from fresh data and judges it; timed_data_expect() must
 * have been called. */
void contest_verify(struct contest *contest);

/* Samples everybody who is right. A peer that breaks down meanwhile loses its samples and its
 * verdict. */
void contest_run(struct contest *contest, const struct contest_pace *pace);

/* What a backend or peer must take at least (docs/METHOD.md, "Benchmarks"); needs contest_run(). */
double contest_limit(const struct contest *contest, const struct contestant *contestant);

/* Minimal traffic of the contest's operation. */
double contest_bytes(const struct contest *contest);

/* Frees what contest_run() keeps between calls for cold caches. */
void contest_release(void);

#endif
