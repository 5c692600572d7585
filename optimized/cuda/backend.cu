/* SPDX-License-Identifier: MIT
 *
 * The backend "cuda": the table, and memory, stream and clock behind it. How it behaves towards a
 * caller is written in balact/cuda.h. The kernels are in the other files of this folder.
 */
#include <math.h>

#include "optimized/cuda/backend_parts.h"
#include "optimized/cuda/runtime.h"

namespace balact_cuda {

/* ---- Memory ---- */

/* Whatever is asked for, the pointer is not NULL. */
static balact_status alloc(size_t bytes, void **memory) {
    *memory = NULL;
    return cuda_status(cudaMalloc(memory, bytes ? bytes : 1));
}

static void release(void *memory) {
    cudaFree(memory);
}

static balact_status copy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
    cudaStream_t stream;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK || bytes == 0)
        return status;
    status = cuda_status(cudaMemcpyAsync(to, from, bytes, kind, stream));
    /* the caller may touch his memory at once, which pinned memory would not forgive */
    return status == BALACT_OK ? cuda_status(cudaStreamSynchronize(stream)) : status;
}

static balact_status upload(void *to, const void *from, size_t bytes) {
    return copy(to, from, bytes, cudaMemcpyHostToDevice);
}

static balact_status download(void *to, const void *from, size_t bytes) {
    return copy(to, from, bytes, cudaMemcpyDeviceToHost);
}

static balact_status synchronize() {
    cudaStream_t stream;
    balact_status status = current_stream(&stream);
    return status == BALACT_OK ? cuda_status(cudaStreamSynchronize(stream)) : status;
}

/* ---- Clock: events on the stream ---- */

static void timer_release(balact_timer *timer) {
    for (int i = 0; i < 2; i++) {
        if (timer->events[i])
            cudaEventDestroy((cudaEvent_t)timer->events[i]);
        timer->events[i] = NULL;
    }
}

/* A timer that could not be started has no events, and stops at NaN. */
static void timer_start(balact_timer *timer) {
    cudaStream_t stream;
    cudaEvent_t events[2] = {NULL, NULL};
    timer->start = 0.0;
    balact_status status = current_stream(&stream);
    for (int i = 0; i < 2 && status == BALACT_OK; i++)
        status = cuda_status(cudaEventCreate(&events[i]));
    timer->events[0] = events[0];
    timer->events[1] = events[1];
    if (status == BALACT_OK)
        status = cuda_status(cudaEventRecord(events[0], stream));
    if (status != BALACT_OK)
        timer_release(timer);
}

static double timer_stop(balact_timer *timer) {
    cudaStream_t stream;
    float milliseconds = 0.0f;
    balact_status status = current_stream(&stream);
    if (status == BALACT_OK && !timer->events[1])
        status = BALACT_ERROR_DEVICE;
    if (status == BALACT_OK)
        status = cuda_status(cudaEventRecord((cudaEvent_t)timer->events[1], stream));
    if (status == BALACT_OK)
        status = cuda_status(cudaEventSynchronize((cudaEvent_t)timer->events[1]));
    if (status == BALACT_OK)
        status = cuda_status(cudaEventElapsedTime(&milliseconds, (cudaEvent_t)timer->events[0],
                                                  (cudaEvent_t)timer->events[1]));
    timer_release(timer);
    return status == BALACT_OK ? 1e-3 * (double)milliseconds : (double)NAN;
}

/* ---- The table ---- */

/* What every entry of the table does: find the stream and start the kernels on it. */
template <balact_status (*run)(balact_operation, const balact_problem *, cudaStream_t),
          balact_operation operation>
static balact_status kernel(const balact_problem *problem) {
    cudaStream_t stream;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK || problem->rows == 0)
        return status;
    return run(operation, problem, stream);
}

static balact_status topk(const balact_topk_problem *problem) {
    cudaStream_t stream;
    balact_status status = current_stream(&stream);
    return status == BALACT_OK ? topk_run(problem, stream) : status;
}

template <balact_status (*run)(balact_operation, const balact_problem *, cudaStream_t)>
static constexpr void fill_row(balact_kernel **row) {
    row[BALACT_FORWARD] = kernel<run, BALACT_FORWARD>;
    row[BALACT_FORWARD_IN_PLACE] = kernel<run, BALACT_FORWARD_IN_PLACE>;
    row[BALACT_LOSS] = kernel<run, BALACT_LOSS>;
    row[BALACT_LOSS_GRAD] = kernel<run, BALACT_LOSS_GRAD>;
    row[BALACT_LOSS_GRAD_IN_PLACE] = kernel<run, BALACT_LOSS_GRAD_IN_PLACE>;
}

/* C++17 has no designated initializers; the table is still made by the compiler. A plain activation
 * and its balanced form differ in the offset alone. */
static constexpr balact_backend make_backend() {
    balact_backend backend = {};
    backend.name = "cuda";
    backend.description = "NVIDIA GPUs of compute capability 7.5 and above";
    backend.usable = usable;
    backend.plain_memory = false;
    backend.alloc = alloc;
    backend.release = release;
    backend.upload = upload;
    backend.download = download;
    backend.synchronize = synchronize;
    backend.timer_start = timer_start;
    backend.timer_stop = timer_stop;
    fill_row<softmax_run>(backend.kernels[BALACT_SOFTMAX]);
    fill_row<softmax_run>(backend.kernels[BALACT_BALANCED_SOFTMAX]);
    fill_row<sigmoid_run>(backend.kernels[BALACT_SIGMOID]);
    fill_row<sigmoid_run>(backend.kernels[BALACT_BALANCED_SIGMOID]);
    backend.linear.library = "cuBLASLt";
    backend.linear.forward = linear_forward;
    backend.linear.grad_weight = linear_grad_weight;
    backend.linear.grad_input = linear_grad_input;
    backend.linear.sgd_step = linear_sgd_step;
    backend.topk = topk;
    backend.head.workspace = head_workspace;
    backend.head.run = head_run;
    backend.message = last_message;
    return backend;
}

} // namespace balact_cuda

extern "C" {
extern const struct balact_backend balact_backend_cuda;
const struct balact_backend balact_backend_cuda = balact_cuda::make_backend();
}
