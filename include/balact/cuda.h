/* SPDX-License-Identifier: MIT
 *
 * The backend "cuda" for programs that use CUDA themselves: on which stream its work goes, what
 * device it is, what CUDA said of a failure. Plain C and no header of CUDA, so that it compiles
 * everywhere; in a build without CUDA the functions exist and say that there is none.
 *
 * How the backend works:
 *   - It uses the device that is current (cudaSetDevice; CUDA_VISIBLE_DEVICES chooses what is seen)
 *     in the thread that first asks it anything. One device a process; every thread that calls
 *     balact must have it current.
 *   - All pointers of a problem are device memory: from the backend's alloc, or from cudaMalloc.
 *   - Kernels, products and SGD steps are started on a stream and return before they are done, in
 *     the order of the stream. The calls wait for nothing, allocate nothing and may be captured
 * into a graph, but for those that say otherwise: upload, download, synchronize and timer_stop of
 *     struct balact_backend wait for the stream; balact_head_*() without a workspace allocates one.
 *     The linear layer's calls take scratch memory from cudaMallocAsync.
 *   - The stream is one of the process, made by the backend and not blocking with the default one,
 *     unless the calling thread has set another.
 *   - What a kernel does wrong (an address outside memory, say) is told by a later call that waits.
 *   - Labels are in device memory, so nobody checks them: the row of a label outside its range gets
 *     NaN as loss, weight and gradient.
 */
#ifndef BALACT_CUDA_H
#define BALACT_CUDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st; /* cudaStream_t is a pointer to it */

/* From now on the calling thread's calls of the backend go to this stream, which stays the caller's
 * and must outlive its use. NULL is CUDA's default stream, as everywhere in CUDA. */
balact_status balact_cuda_set_stream(struct CUstream_st *stream, struct balact_error *error);

/* Back to the backend's own stream. */
balact_status balact_cuda_reset_stream(struct balact_error *error);

/* The stream that the calling thread's calls go to: to make other work wait for it, or it for other
 * work. */
balact_status balact_cuda_stream(struct CUstream_st **stream, struct balact_error *error);

struct balact_cuda_facts {
    char name[256];   /* "NVIDIA H200" */
    int major, minor; /* compute capability */
    int multiprocessors;
    int64_t memory_bytes, l2_bytes;
    int driver, runtime; /* 13000 is 13.0 */
    char products[256];  /* "cuBLASLt 13.1.0", or why there are no matrix products */
};

/* What the backend runs on. ERROR_UNSUPPORTED, with the reason, where it cannot run. */
balact_status balact_cuda_describe(struct balact_cuda_facts *facts, struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
