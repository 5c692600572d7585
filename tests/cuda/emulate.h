/* SPDX-License-Identifier: MIT
 *
 * CUDA on the host: kernels of optimized/cuda are compiled by the host compiler and run here, one
 * thread of one block (or cluster) after the other, each on a stack of its own. What a kernel does
 * wrong ends the program with a text that names the kernel, the block and the thread.
 *
 *   threads.cpp   grids, blocks, barriers, warps, clusters
 *   memory.cpp    device memory; accesses of kernels to it, their bounds, alignment and order
 *   shared.cpp    shared memory and asynchronous copies to it
 *   hooks.cpp     every load and store of a kernel, if the compiler announces them
 *   runtime.cpp, graphs.cpp, cublaslt.cpp   the libraries
 */
#ifndef BALACT_TESTS_CUDA_EMULATE_H
#define BALACT_TESTS_CUDA_EMULATE_H

#include <new>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "emulation.h"
#include "include/cuda_runtime.h"

namespace emulation {

using emulated_cuda::cudaError_t;
using emulated_cuda::cudaStream_t;
using emulated_cuda::dim3;
using emulated_cuda::site;
using emulated_cuda::uint4;

/* ---- What device functions call ---- */

/* READ_ONLY: by a path that need not see what the launch has written. */
enum way { PLAIN, READ_ONLY };
uint16_t load2(const void *from, way way);
uint32_t load4(const void *from, way way);
uint4 load16(const void *from, way way);
void store2(void *to, uint16_t value);
void store4(void *to, uint32_t value);
void store16(void *to, uint4 value);

char *shared_memory();
void copy16_async(void *shared, const void *global);
void copy_commit();
void copy_wait(int pending);

unsigned cluster_rank();
unsigned cluster_size();
void cluster_barrier(site at);
float cluster_read(const float *here, unsigned rank);

/* Off from the nearest float by as much as the device may be, by a rule that looks like chance. */
float exp2_approx(float x);
float reciprocal_approx(float x);

/* ---- Launches and other work of streams ---- */

struct grid {
    const char *call, *file; /* the launch in the source */
    int line;
    dim3 blocks, threads;
    size_t shared_bytes;
    unsigned cluster; /* blocks; 1 for none */
};

cudaError_t check_grid(const grid &grid);
void run_grid(const grid &grid, void (*one_thread)(const void *), const void *argument);

/* Something that a stream does; it may be done many times, by a graph. */
struct operation {
    void (*run)(operation *self) = NULL;
    void (*release)(operation *self) = NULL; /* what it holds beside itself */
    operation *next = NULL;
    int references = 1;
};

template <typename T, typename... Arguments> T *make(Arguments... arguments) {
    return new (malloc(sizeof(T))) T(arguments...);
}
void drop(operation *one);

/* Takes the operation over: runs it, keeps it for later or records it, as the stream is. */
cudaError_t enqueue(cudaStream_t stream, operation *one);

/* ---- Device memory (memory.cpp) ---- */

/* Where the bytes of a device address are. Kernels and libraries only; to others an address is no
 * more than a number, touching it ends the program. */
char *backing(const void *device);

/* Whole ranges, for copies and libraries: ends the program where `bytes` from `device` on are not
 * inside one allocation, or (to read them) hold what nobody has written. */
void check_range(const void *device, size_t bytes, const char *what);
void check_written(const void *device, size_t bytes, const char *what);
void mark_written(const void *device, size_t bytes);
bool is_device(const void *address);

void *device_alloc(size_t bytes); /* NULL: no room */
/* False: nothing was allocated there. */
bool device_free(void *memory);

/* ---- Messages ---- */

/* Says what is wrong and where, and aborts. */
[[noreturn]] void crime(const char *format, ...) __attribute__((format(printf, 1, 2)));

} // namespace emulation

#endif
