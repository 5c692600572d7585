/* SPDX-License-Identifier: MIT
 *
 * What the host side of the CUDA sources shares beside cuda.h: the stream of the calling thread,
 * the device, and the words for a failure. Private to this folder.
 */
#ifndef BALACT_OPTIMIZED_CUDA_RUNTIME_H
#define BALACT_OPTIMIZED_CUDA_RUNTIME_H

#include "optimized/cuda/cuda.h"

namespace balact_cuda {

/* Whether the backend can run here, asked once; if not, why is written to why[size]. */
bool usable(char *why, size_t size);

/* The stream that calls of this thread go to; see balact/cuda.h. */
balact_status current_stream(cudaStream_t *stream);
void set_stream(cudaStream_t stream);
void reset_stream();

/* Memory for as long as what is started on the stream between the two calls runs; nobody waits. The
 * second returns status, or what went wrong where that is BALACT_OK. */
balact_status scratch_take(void **memory, size_t bytes, cudaStream_t stream);
balact_status scratch_give(void *memory, cudaStream_t stream, balact_status status);

/* Keeps a sentence for the backend's messages and returns the status. */
balact_status fail(balact_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What the last failure of this thread was about; "" where that had another status. */
const char *last_message(balact_status status);

struct device_description {
    char name[256];
    int64_t memory_bytes, l2_bytes;
    int driver, runtime;
};

/* Of the device in use; zeros where it is not usable. */
const device_description &description();

} // namespace balact_cuda

#endif
