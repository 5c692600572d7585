/* SPDX-License-Identifier: MIT
 *
 * How the CUDA sources meet. Private to this folder; the one thing it exports is
 * balact_backend_cuda.
 */
#ifndef BALACT_OPTIMIZED_CUDA_CUDA_H
#define BALACT_OPTIMIZED_CUDA_CUDA_H

#include <cuda_runtime.h>

#include "balact/backend.h"

namespace balact_cuda {

/* What is asked of the current device once and kept (backend.cu). */
struct device_facts {
    int multiprocessors;
    int shared_bytes_a_block; /* with opt-in */
    int shared_bytes_a_multiprocessor;
    int threads_a_multiprocessor;
    int major, minor;
    bool clusters; /* thread-block clusters and distributed shared memory */
};

/* Of the current device; a device that cannot be asked has 1 multiprocessor of the smallest kind.
 */
const device_facts &facts();

/* BALACT_OK for cudaSuccess; else the status that fits, and the text is kept for the backend's
 * messages (backend.cu). */
balact_status cuda_status(cudaError_t error);

/* Each starts its kernels on the stream and returns: nothing is allocated, copied or waited for, so
 * a stream may be captured. The problem has been checked by balact_run() or balact_topk(), but for
 * labels, which are in device memory: a label outside its range that is not ignore_index makes its
 * row's loss, weight and gradient NaN. In-place operations have out == logits. rows >= 1. */
balact_status softmax_run(enum balact_operation operation, const struct balact_problem *problem,
                          cudaStream_t stream);
balact_status sigmoid_run(enum balact_operation operation, const struct balact_problem *problem,
                          cudaStream_t stream);
balact_status topk_run(const struct balact_topk_problem *problem, cudaStream_t stream);

} // namespace balact_cuda

#endif
