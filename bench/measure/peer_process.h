/* SPDX-License-Identifier: MIT
 *
 * The balact side of the peers' protocol (bench/peers/peer.h): a running peer and what it is asked.
 * A peer that dies, hangs or answers nonsense is ended and says so in `why`; nothing waits forever.
 */
#ifndef BALACT_BENCH_MEASURE_PEER_PROCESS_H
#define BALACT_BENCH_MEASURE_PEER_PROCESS_H

#include <sys/types.h>

#include "bench/measure/timed_data.h"

enum { PEER_WORDS = 4 };

/* A peer and how it is started. */
struct peer_program {
    const char *name;
    const char *arguments[PEER_WORDS]; /* the program, by path or by $PATH, and its arguments */
    bool warm_allocator;               /* with the environment that keeps glibc from giving memory
                                        * back: no page faults in what is timed */
    const char *missing;               /* not NULL: it is not here, for this reason */
};

enum peer_state {
    PEER_READY,  /* started and greeted */
    PEER_ABSENT, /* there is none on this machine, says why */
    PEER_FAILED  /* it was there and broke the protocol, died or hung */
};

struct peer_process {
    const struct peer_program *program;
    enum peer_state state;
    char version[64];
    char why[512];
    double patience; /* seconds it may take for an answer */
    pid_t pid;
    int line; /* socket to its standard input and output */
    char log[512], buffer[512];
    size_t buffered;
};

/* Starts a peer and greets it; its standard error goes to log, a file that is made. The state says
 * what came of it. */
void peer_start(struct peer_process *peer, const struct peer_program *program, const char *log,
                double patience);

/* Loads a problem: true if it is ready. false and state PEER_READY: the peer has no such
 * operation. */
bool peer_load(struct peer_process *peer, const struct timed_data *data,
               enum balact_operation operation, int threads);

/* The same for a request of another kind: "load KEY=VALUE ...\n". */
bool peer_ask_to_load(struct peer_process *peer, const char *request);

/* Runs repeats times; *seconds is what all of them took together. false: it failed. */
bool peer_run(struct peer_process *peer, long repeats, double *seconds);

/* The results of the last run, into the shared file. */
bool peer_fetch(struct peer_process *peer);

/* Ends it, by force if need be, and removes its log. */
void peer_stop(struct peer_process *peer);

/* A file for peer_start() to have standard error in. */
void peer_log_path(const char *folder, const char *name, char *path, size_t size);

/* The peers of balact bench kernels, in the order of tables: where each program lies on this
 * machine, or why there is none. */
const struct peer_program *peer_programs(size_t *count);

/* The peer of balact bench head: PyTorch. */
const struct peer_program *peer_of_heads(void);

#endif
