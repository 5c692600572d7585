/* SPDX-License-Identifier: MIT
 *
 * The running cluster of the emulation: threads, warps, blocks. Private to tests/cuda.
 */
#ifndef BALACT_TESTS_CUDA_MACHINE_H
#define BALACT_TESTS_CUDA_MACHINE_H

#include "emulate.h"
#include "fiber.h"

namespace emulation {

enum { LANES = 32, MOST_WARPS = 32, MOST_THREADS = 1024, MOST_CLUSTER = 8 };
enum { SHARED_MOST = 232448 };

struct block;

enum state { RUNNABLE, AT_WARP, AT_BLOCK, AT_CLUSTER, LEFT };

/* A copy to shared memory that has not arrived. */
struct copy {
    void *to;
    const void *from;
    unsigned group;
};

struct thread : emulated_cuda::place {
    fiber stack;
    block *home;
    unsigned warp, lane, number; /* number: in the block */
    emulation::state state;
    site at; /* where it waits */
    uint64_t given, got;
    int from;
    unsigned group; /* the open one of its copies */
    unsigned copies, room;
    copy *copying;
};

struct warp {
    uint32_t all, alive, runnable;
    uint32_t waiting, mask; /* the open collective: who is there, and who must come */
    emulated_cuda::collective kind;
    uint32_t epoch; /* counts what orders the warp's accesses */
};

struct block {
    unsigned rank; /* in the cluster */
    unsigned count, alive, arrived;
    uint32_t runnable_warps, warp_count;
    uint32_t stamp;     /* of the time since the last barrier */
    uint32_t read_from; /* stamp of the cluster when another block read this one's memory last */
    bool synced;        /* has passed a barrier of the cluster */
    char *shared;
    thread *threads;
    warp warps[MOST_WARPS];
};

/* Time is counted in stamps: each block gets a new one at its start and at every barrier, so that
 * what was done before it is told from what may be done at the same time. */
struct machine {
    const struct grid *grid;
    void (*one_thread)(const void *);
    const void *argument;
    uint32_t now;            /* the last stamp given */
    uint32_t launch_stamp;   /* the first of this launch */
    uint32_t cluster_stamp;  /* the first of this cluster */
    uint32_t cluster_synced; /* the first after its last barrier */
    unsigned blocks, alive, arrived;
    block cluster[MOST_CLUSTER];
    fiber caller;
};

extern machine m;
extern thread *current; /* NULL outside of kernels */
extern emulation_order order;
extern uint64_t random_state;
extern bool races;
extern struct emulation_counts counts;
extern int major_version, minor_version; /* of the emulated device */

/* ---- memory.cpp ---- */

/* Who touched a word of four bytes last, and how; of device and shared memory. */
struct cell {
    uint32_t write_stamp, write_epoch;
    struct reading {
        uint32_t stamp, epoch;
        uint16_t reader;
        uint8_t mask, readers;
    } half[2]; /* apart: two threads may each read one 16-bit element and write it */
    uint16_t writer;
    uint8_t write_mask, ever;
};
enum { IN_FLIGHT = 128 }; /* in `ever`: a copy to this word has not arrived */

enum space { GLOBAL, SHARED };
void note_access(cell *cells, uintptr_t address, size_t bytes, bool writes, space space);
/* What the address is, in words. */
const char *describe(const void *address);

/* ---- shared.cpp ---- */

/* The memory of block `rank` for this launch: `bytes` that end before a page nobody may touch. */
char *shared_open(unsigned rank, size_t bytes);
/* Ends the program if the slack around it was written. */
void shared_close(unsigned rank);
/* A kernel's own load or store, which may be anywhere. */
void shared_access(uintptr_t address, size_t bytes, bool writes, bool aligned);
/* Forgets the copies of a thread that leaves. */
void copies_drop(thread *thread);

} // namespace emulation

#endif
