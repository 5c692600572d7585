/* SPDX-License-Identifier: MIT
 *
 * The threads that work on one row together, a warp or a block, and how they bring their values
 * together. The order is fixed by the size of the team.
 */
#ifndef BALACT_OPTIMIZED_CUDA_TEAM_CUH
#define BALACT_OPTIMIZED_CUDA_TEAM_CUH

#include <string.h>

#include "optimized/cuda/device.cuh"

/* Of a member function; static ones say so. */
#define DEVICE_MEMBER __device__ __forceinline__

namespace balact_cuda {

/* Value of the lane whose number differs in `bits`; T is made of 4-byte words. */
template <typename T> DEVICE T other_lane(const T &mine, int bits) {
    static_assert(sizeof(T) % 4 == 0, "moved word by word");
    uint32_t words[sizeof(T) / 4];
    T theirs;
    memcpy(words, &mine, sizeof(T));
#pragma unroll
    for (unsigned k = 0; k < sizeof(T) / 4; k++)
        words[k] = __shfl_xor_sync(ALL_LANES, words[k], bits);
    memcpy(&theirs, words, sizeof(T));
    return theirs;
}

/* Operation::of(a, b) must commute bit by bit; all lanes get the result. */
template <typename Operation, typename T> DEVICE T across_warp(T value) {
#pragma unroll
    for (int bits = WARP / 2; bits >= 1; bits /= 2)
        value = Operation::of(value, other_lane(value, bits));
    return value;
}

struct warp_team {
    enum { SIZE = WARP, SCRATCH = 0 };
    DEVICE_MEMBER explicit warp_team(void *) {}
    static DEVICE_MEMBER int rank() {
        return (int)threadIdx.x % WARP;
    }
    static DEVICE_MEMBER void sync() {
        __syncwarp();
    }
    template <typename Operation, typename T> DEVICE_MEMBER T across(T value) const {
        return across_warp<Operation>(value);
    }
};

/* A block of `threads` threads. scratch: SCRATCH bytes of shared memory of the team's own. */
template <int threads> struct block_team {
    enum { SIZE = threads, WARPS = threads / WARP, LARGEST = 32, SCRATCH = WARPS * LARGEST };
    char *scratch;
    DEVICE_MEMBER explicit block_team(void *scratch_) : scratch((char *)scratch_) {}
    static DEVICE_MEMBER int rank() {
        return (int)threadIdx.x;
    }
    static DEVICE_MEMBER void sync() {
        __syncthreads();
    }
    template <typename Operation, typename T> DEVICE_MEMBER T across(T value) const {
        static_assert(sizeof(T) <= LARGEST, "does not fit the scratch");
        T *of_warp = (T *)scratch;
        value = across_warp<Operation>(value);
        __syncthreads(); /* the last values have been read */
        if (threadIdx.x % WARP == 0)
            of_warp[threadIdx.x / WARP] = value;
        __syncthreads();
        T result = of_warp[0];
        for (int w = 1; w < WARPS; w++)
            result = Operation::of(result, of_warp[w]);
        return result;
    }
};

} // namespace balact_cuda

#endif
