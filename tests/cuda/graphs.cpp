/* SPDX-License-Identifier: MIT
 *
 * Streams, events and graphs. Work is done at once; or, if a test wants it so, when somebody waits
 * for it, which shows who has not waited.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "work.h"

namespace emulation {

bool deferred;
CUstream_st *all_streams;

/* ---- One call at a time ---- */

static pthread_mutex_t mutex;

__attribute__((constructor)) static void mutex_open() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

lock::lock() {
    pthread_mutex_lock(&mutex);
}
lock::~lock() {
    pthread_mutex_unlock(&mutex);
}

/* ---- Doing what waits ---- */

static CUstream_st default_stream;

CUstream_st *stream_of(cudaStream_t stream) {
    return stream ? stream : &default_stream;
}

void drop(operation *one) {
    if (--one->references)
        return;
    if (one->release)
        one->release(one);
    free(one);
}

void drain(CUstream_st *stream, const CUevent_st *event) {
    while (stream->first && !(event && event->done == event->recorded)) {
        operation *one = stream->first;
        stream->first = one->next;
        if (!stream->first)
            stream->last = NULL;
        one->next = NULL;
        if (one->run)
            one->run(one);
        drop(one);
    }
}

void drain_all() {
    drain(&default_stream);
    for (CUstream_st *s = all_streams; s; s = s->next)
        drain(s);
}

/* The default stream and those that block wait for each other. */
static void wait_for_default(CUstream_st *stream) {
    if (stream != &default_stream) {
        if (stream->blocking)
            drain(&default_stream);
        return;
    }
    for (CUstream_st *s = all_streams; s; s = s->next)
        if (s->blocking)
            drain(s);
}

cudaError_t enqueue(cudaStream_t handle, operation *one) {
    lock lock;
    CUstream_st *stream = stream_of(handle);
    if (stream->graph) {
        stream->captured++;
        graph_append(stream->graph, one);
        return emulated_cuda::cudaSuccess;
    }
    wait_for_default(stream);
    (stream->last ? stream->last->next : stream->first) = one;
    stream->last = one;
    if (!deferred)
        drain(stream);
    return emulated_cuda::cudaSuccess;
}

bool may_wait() {
    bool may = true;
    for (CUstream_st *s = all_streams; s; s = s->next)
        if (s->graph) {
            s->graph->broken = true;
            may = false;
        }
    return may;
}

/* ---- Graphs ---- */

void graph_append(CUgraph_st *graph, operation *one) {
    if (graph->count == graph->room) {
        graph->room = graph->room ? 2 * graph->room : 16;
        graph->list = (operation **)realloc(graph->list, graph->room * sizeof *graph->list);
    }
    graph->list[graph->count++] = one;
}

void graph_drop(CUgraph_st *graph) {
    if (--graph->references)
        return;
    for (size_t i = 0; i < graph->count; i++)
        drop(graph->list[i]);
    free(graph->list);
    free(graph);
}

struct replay : operation {
    CUgraph_st *graph;
    replay(CUgraph_st *graph_) : graph(graph_) {
        graph->references++;
        run = now;
        release = forget;
    }
    static void now(operation *self) {
        CUgraph_st *graph = ((replay *)self)->graph;
        for (size_t i = 0; i < graph->count; i++)
            if (graph->list[i]->run)
                graph->list[i]->run(graph->list[i]);
    }
    static void forget(operation *self) {
        graph_drop(((replay *)self)->graph);
    }
};

/* ---- Events ---- */

struct recording : operation {
    CUevent_st *event;
    recording(CUevent_st *event_) : event(event_) {
        run = now;
    }
    static void now(operation *self) {
        CUevent_st *event = ((recording *)self)->event;
        struct timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        event->time = (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
        event->done++;
    }
};

struct awaiting : operation {
    CUevent_st *event;
    awaiting(CUevent_st *event_) : event(event_) {
        run = now;
    }
    static void now(operation *self) {
        CUevent_st *event = ((awaiting *)self)->event;
        if (event->stream)
            drain(event->stream, event);
    }
};

} // namespace emulation

using namespace emulation;

extern "C" void emulation_set_deferred(bool wanted) {
    lock lock;
    drain_all();
    deferred = wanted;
}

namespace emulated_cuda {

/* ---- Streams ---- */

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
    lock lock;
    *stream = make<CUstream_st>();
    (*stream)->blocking = !(flags & cudaStreamNonBlocking);
    (*stream)->next = all_streams;
    all_streams = *stream;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream) {
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    lock lock;
    for (CUstream_st **s = &all_streams; *s; s = &(*s)->next)
        if (*s == stream) {
            drain(stream);
            *s = stream->next;
            free(stream);
            return cudaSuccess;
        }
    return say(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    lock lock;
    CUstream_st *s = stream_of(stream);
    if (s->graph) {
        s->graph->broken = true;
        return say(cudaErrorStreamCaptureUnsupported);
    }
    wait_for_default(s);
    drain(s);
    return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
    lock lock;
    if (!may_wait())
        return say(cudaErrorStreamCaptureUnsupported);
    drain_all();
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    lock lock;
    return stream_of(stream)->first ? cudaErrorNotReady : cudaSuccess;
}

/* In a capture the waiting stream joins it, and the origin's wait joins it back. */
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    lock lock;
    CUstream_st *s = stream_of(stream);
    if (event->graph) {
        if (s->graph && s->graph != event->graph)
            return say(cudaErrorStreamCaptureUnsupported);
        if (!s->graph) {
            s->graph = event->graph;
            s->captured = 0;
            s->joined = -1;
        }
        if (event->stream != s && event->captured > event->stream->joined)
            event->stream->joined = event->captured;
        return cudaSuccess;
    }
    return enqueue(stream, make<awaiting>(event));
}

/* ---- Events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags) {
    lock lock;
    *event = make<CUevent_st>();
    (*event)->timing = !(flags & cudaEventDisableTiming);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    lock lock;
    drain_all(); /* what waits may speak of it */
    free(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    lock lock;
    CUstream_st *s = stream_of(stream);
    event->stream = s;
    event->graph = s->graph;
    if (s->graph) {
        event->captured = s->captured;
        return cudaSuccess;
    }
    event->recorded++;
    return enqueue(stream, make<recording>(event));
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    lock lock;
    return event->done == event->recorded ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    lock lock;
    if (event->graph) {
        event->graph->broken = true;
        return say(cudaErrorStreamCaptureUnsupported);
    }
    if (event->stream)
        drain(event->stream, event);
    return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t start, cudaEvent_t end) {
    lock lock;
    if (!start->recorded || !end->recorded || !start->timing || !end->timing)
        return say(cudaErrorInvalidResourceHandle);
    if (start->done != start->recorded || end->done != end->recorded)
        return say(cudaErrorNotReady);
    *milliseconds = (float)(1e3 * (end->time - start->time));
    return cudaSuccess;
}

/* ---- Captures ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    lock lock;
    if (!stream || stream->graph)
        return say(stream ? cudaErrorInvalidValue : cudaErrorStreamCaptureUnsupported);
    stream->graph = make<CUgraph_st>();
    stream->origin = true;
    stream->captured = 0;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
    lock lock;
    CUstream_st *origin = stream_of(stream);
    CUgraph_st *made = origin->graph;
    cudaError_t error = cudaSuccess;
    *graph = NULL;
    if (!made || !origin->origin)
        return say(cudaErrorInvalidValue);
    for (CUstream_st *s = all_streams; s; s = s->next) {
        if (s->graph != made)
            continue;
        if (s != origin && s->joined < s->captured)
            error = cudaErrorStreamCaptureUnjoined;
        s->graph = NULL;
        s->origin = false;
    }
    if (made->broken)
        error = cudaErrorStreamCaptureInvalidated;
    if (error == cudaSuccess)
        *graph = made;
    else
        graph_drop(made);
    return say(error);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
    lock lock;
    const CUgraph_st *graph = stream_of(stream)->graph;
    *status = !graph          ? cudaStreamCaptureStatusNone
              : graph->broken ? cudaStreamCaptureStatusInvalidated
                              : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode *mode) {
    *mode = cudaStreamCaptureModeGlobal;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *executable, cudaGraph_t graph,
                                 unsigned long long) {
    lock lock;
    *executable = make<CUgraphExec_st>();
    (*executable)->graph = graph;
    graph->references++;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    lock lock;
    return enqueue(stream, make<replay>(executable->graph));
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    lock lock;
    graph_drop(executable->graph);
    free(executable);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    lock lock;
    graph_drop(graph);
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t *, size_t *count) {
    *count = graph->count;
    return cudaSuccess;
}

} // namespace emulated_cuda
