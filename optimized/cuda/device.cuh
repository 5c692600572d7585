/* SPDX-License-Identifier: MIT
 *
 * What the kernels use of the device, in one place: memory accesses that say how they are meant,
 * asynchronous copies, clusters, the fast exponential, and launching. Everything else in this
 * folder is plain C++ that the host compiler understands too; tests/cuda/include has the twin of
 * this file that runs it there and checks every access.
 */
#ifndef BALACT_OPTIMIZED_CUDA_DEVICE_CUH
#define BALACT_OPTIMIZED_CUDA_DEVICE_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE static __device__ __forceinline__

namespace balact_cuda {

enum { WARP = 32 };
constexpr unsigned ALL_LANES = 0xffffffffu;

/* How a kernel is started. cluster: blocks of a cluster along x, 1 for none. */
struct launch_shape {
    dim3 grid, block;
    size_t shared_bytes;
    unsigned cluster;
    cudaStream_t stream;
};

} // namespace balact_cuda

#ifdef BALACT_CUDA_EMULATED
#include "emulated_device.h"
#else

namespace balact_cuda {

/* ---- Global memory ---- */

/* One element. */
template <typename T> DEVICE T load_one(const T *from) {
    return __ldg(from);
}

template <> __device__ __forceinline__ unsigned short load_one(const unsigned short *from) {
    return __ldg(from);
}

/* The same where this kernel may write the place: not by the read-only path. */
template <typename T> DEVICE T load_one_written(const T *from) {
    return *(const volatile T *)from;
}

template <typename T> DEVICE void store_one(T *to, T value) {
    *to = value;
}

/* 16 bytes at a multiple of 16 that are read once. */
DEVICE uint4 load16(const void *from) {
    uint4 v;
    asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(from));
    return v;
}

/* 16 bytes at a multiple of 16 that other rows read too (priors, class weights). */
DEVICE uint4 load16_shared_by_rows(const void *from) {
    return __ldg((const uint4 *)from);
}

/* 16 bytes to a multiple of 16 that nobody reads soon. */
DEVICE void store16(void *to, uint4 v) {
    __stcs((uint4 *)to, v);
}

/* ---- Shared memory ---- */

/* The block's dynamic shared memory, aligned to 128 bytes; launch_shape.shared_bytes of it. */
DEVICE char *shared_memory() {
    extern __shared__ __align__(128) char balact_cuda_shared[];
    return balact_cuda_shared;
}

/* Starts a copy of 16 bytes from global to this block's shared memory, both at multiples of 16.
 * Before sm_80 it is an ordinary copy. */
DEVICE void copy16_async(void *shared, const void *global) {
#if __CUDA_ARCH__ >= 800
    unsigned to = (unsigned)__cvta_generic_to_shared(shared);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
#else
    *(uint4 *)shared = load16(global);
#endif
}

/* Closes a group of this thread's copies. */
DEVICE void copy_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/* Waits until at most `pending` of this thread's groups are under way. Others' copies: a barrier
 * after it. */
template <int pending> DEVICE void copy_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

/* ---- Clusters (sm_90) ---- */

DEVICE unsigned cluster_rank() {
#if __CUDA_ARCH__ >= 900
    unsigned rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
#else
    return 0;
#endif
}

DEVICE unsigned cluster_size() {
#if __CUDA_ARCH__ >= 900
    unsigned size;
    asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
    return size;
#else
    return 1;
#endif
}

/* A barrier of all threads of the cluster; what they wrote to shared memory is seen behind it. */
DEVICE void cluster_sync() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.aligned;\n\tbarrier.cluster.wait.aligned;" ::: "memory");
#else
    __syncthreads();
#endif
}

/* Reads what block `rank` of the cluster has at the place that is `here` in this block. */
DEVICE float cluster_read(const float *here, unsigned rank) {
#if __CUDA_ARCH__ >= 900
    unsigned mine = (unsigned)__cvta_generic_to_shared(here), theirs;
    float value;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(theirs) : "r"(mine), "r"(rank));
    asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(value) : "r"(theirs) : "memory");
    return value;
#else
    (void)rank;
    return *here;
#endif
}

/* ---- Arithmetic ---- */

/* 2^x by the special-function unit: relative error about 2^-22.5, denormals are 0. */
DEVICE float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* 1/x: relative error about 2^-23. */
DEVICE float reciprocal_approx(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* Two values rounded to nearest even, low in the lower half of the word. */
DEVICE uint32_t narrow_bf16(float low, float high) {
    __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return *(uint32_t *)&both;
}

DEVICE uint32_t narrow_f16(float low, float high) {
    __half2 both = __floats2half2_rn(low, high);
    return *(uint32_t *)&both;
}

/* ---- Launching ---- */

/* Allows what the kernel needs beyond 48 KiB of shared memory and starts it. */
template <typename... Parameters, typename... Arguments>
static inline cudaError_t launch(void (*kernel)(Parameters...), const launch_shape &shape,
                                 Arguments... arguments) {
    cudaLaunchConfig_t config = {};
    cudaLaunchAttribute attribute[1];
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = shape.stream;
    config.attrs = attribute;
    if (shape.shared_bytes > 48 * 1024) {
        cudaError_t status =
            cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 (int)shape.shared_bytes);
        if (status != cudaSuccess)
            return status;
    }
    if (shape.cluster > 1) {
        attribute[0].id = cudaLaunchAttributeClusterDimension;
        attribute[0].val.clusterDim.x = shape.cluster;
        attribute[0].val.clusterDim.y = attribute[0].val.clusterDim.z = 1;
        config.numAttrs = 1;
    }
    return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

} // namespace balact_cuda

#endif
#endif
