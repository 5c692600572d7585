/* SPDX-License-Identifier: MIT
 *
 * Streams, events and graphs of the emulation. Private to tests/cuda.
 */
#ifndef BALACT_TESTS_CUDA_WORK_H
#define BALACT_TESTS_CUDA_WORK_H

#include <pthread.h>

#include "machine.h"

/* Operations in the order in which they were captured, whatever the stream: an order in which they
 * may be done. */
struct CUgraph_st {
    emulation::operation **list = NULL;
    size_t count = 0, room = 0;
    bool broken = false; /* something was called that a capture does not allow */
    int references = 1;
};

struct CUgraphExec_st {
    CUgraph_st *graph;
};

struct CUstream_st {
    emulation::operation *first = NULL, *last = NULL; /* what waits, in order */
    bool blocking = true;                             /* waits for the default stream */
    CUgraph_st *graph = NULL;                         /* being captured into */
    bool origin = false;
    int64_t captured = 0, joined = 0; /* operations; those that the origin has waited for */
    CUstream_st *next = NULL;         /* of all streams */
};

struct CUevent_st {
    double time = 0.0;
    int64_t recorded = 0, done = 0; /* records asked for, and those that the stream has reached */
    CUstream_st *stream = NULL;
    CUgraph_st *graph = NULL; /* recorded in a capture, after so many of the stream's operations: */
    int64_t captured = 0;
    bool timing = true;
};

namespace emulation {

/* One call of the runtime at a time. */
struct lock {
    lock();
    ~lock();
};

CUstream_st *stream_of(cudaStream_t stream);
extern CUstream_st *all_streams;
extern bool deferred;

/* Does what waits in the stream; until `event` is reached, if one is given. */
void drain(CUstream_st *stream, const CUevent_st *event = NULL);
void drain_all();

/* False: a capture is under way somewhere, which is thereby broken. */
bool may_wait();

void graph_append(CUgraph_st *graph, operation *one);
void graph_drop(CUgraph_st *graph);

/* Keeps the error for cudaGetLastError() and returns it. */
cudaError_t say(cudaError_t error);

/* Copies between device addresses, with what is known of them. */
void copy_device(void *to, const void *from, size_t bytes);

} // namespace emulation

#endif
