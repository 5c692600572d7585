/* SPDX-License-Identifier: MIT
 *
 * What optimized/cuda uses of the CUDA runtime, for the host compiler: keywords, vector types, warp
 * functions and the API. Everything is in a namespace, so that a program may hold the real runtime
 * too. ../emulate.h says what is checked.
 */
#ifndef BALACT_TESTS_CUDA_RUNTIME_H
#define BALACT_TESTS_CUDA_RUNTIME_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "emulated_api.h"
#include "emulated_types.h"

#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __forceinline__  inline __attribute__((always_inline))
#define __noinline__     __attribute__((noinline))
#define __align__(bytes) alignas(bytes)

namespace emulated_cuda {

/* ---- Where a thread is ---- */

struct place {
    uint3 thread_index, block_index;
    dim3 block_size, grid_size;
};
extern const place *here; /* of the running thread */

#define threadIdx (emulated_cuda::here->thread_index)
#define blockIdx  (emulated_cuda::here->block_index)
#define blockDim  (emulated_cuda::here->block_size)
#define gridDim   (emulated_cuda::here->grid_size)
constexpr int warpSize = 32;

/* ---- What threads do together ---- */

/* A line of a kernel, for messages and to tell whether threads wait at the same one. */
struct site {
    const char *what, *file;
    int line;
};
#define EMULATED_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

void block_barrier(site at);

enum collective { SYNC, SHUFFLE, BALLOT };
/* All lanes of mask bring a value; returns lane `from`'s, or the ballot. */
uint64_t warp_collective(collective kind, unsigned mask, uint64_t value, int from, site at);
int lane();

static inline void __syncthreads(EMULATED_SITE) {
    block_barrier({"__syncthreads", file, line});
}

static inline void __syncwarp(unsigned mask = 0xffffffffu, EMULATED_SITE) {
    warp_collective(SYNC, mask, 0, 0, {"__syncwarp", file, line});
}

template <typename T>
static inline T shuffle(unsigned mask, T value, int from, int width, site at) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
    int first = lane() & ~(width - 1);
    if (from < first || from >= first + width)
        from = lane();
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = warp_collective(SHUFFLE, mask, bits, from, at);
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <typename T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMULATED_SITE) {
    int from = (lane() & ~(width - 1)) + (source & (width - 1));
    return shuffle(mask, value, from, width, {"__shfl_sync", file, line});
}

template <typename T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, EMULATED_SITE) {
    return shuffle(mask, value, lane() ^ bits, width, {"__shfl_xor_sync", file, line});
}

template <typename T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32,
                                 EMULATED_SITE) {
    return shuffle(mask, value, lane() + (int)by, width, {"__shfl_down_sync", file, line});
}

template <typename T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, EMULATED_SITE) {
    return shuffle(mask, value, lane() - (int)by, width, {"__shfl_up_sync", file, line});
}

static inline unsigned __ballot_sync(unsigned mask, int predicate, EMULATED_SITE) {
    return (unsigned)warp_collective(BALLOT, mask, predicate != 0, 0,
                                     {"__ballot_sync", file, line});
}

static inline int __any_sync(unsigned mask, int predicate, EMULATED_SITE) {
    return warp_collective(BALLOT, mask, predicate != 0, 0, {"__any_sync", file, line}) != 0;
}

static inline int __all_sync(unsigned mask, int predicate, EMULATED_SITE) {
    return warp_collective(BALLOT, mask, predicate != 0, 0, {"__all_sync", file, line}) == mask;
}

/* ---- Arithmetic that the host's headers lack ---- */

template <typename To, typename From> static inline To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}

static inline int __float_as_int(float x) {
    return same_bits<int>(x);
}
static inline unsigned __float_as_uint(float x) {
    return same_bits<unsigned>(x);
}
static inline float __int_as_float(int x) {
    return same_bits<float>(x);
}
static inline float __uint_as_float(unsigned x) {
    return same_bits<float>(x);
}
static inline int __popc(unsigned x) {
    return __builtin_popcount(x);
}
static inline int __clz(int x) {
    return x ? __builtin_clz((unsigned)x) : 32;
}
static inline int __ffs(int x) {
    return __builtin_ffs(x);
}
static inline unsigned __brev(unsigned x) {
    unsigned y = 0;
    for (int i = 0; i < 32; i++)
        y |= (x >> i & 1u) << (31 - i);
    return y;
}
static inline float __fmaf_rn(float a, float b, float c) {
    return fmaf(a, b, c);
}
static inline float __fadd_rn(float a, float b) {
    return a + b;
}
static inline float __fmul_rn(float a, float b) {
    return a * b;
}
static inline float __fsub_rn(float a, float b) {
    return a - b;
}
static inline float __fdiv_rn(float a, float b) {
    return a / b;
}
static inline float __frcp_rn(float a) {
    return 1.0f / a;
}
static inline int __float2int_rn(float x) {
    return (int)rintf(x);
}
/* Bytes of b:a (a the lower half), chosen by the four lower nibbles. */
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned select) {
    uint64_t both = (uint64_t)b << 32 | a;
    unsigned result = 0;
    for (int i = 0; i < 4; i++) {
        unsigned nibble = select >> (4 * i) & 15,
                 byte = (unsigned)(both >> (8 * (nibble & 7))) & 255;
        if (nibble & 8)
            byte = byte & 128 ? 255 : 0;
        result |= byte << (8 * i);
    }
    return result;
}

#define EMULATED_MIN_MAX(T)                                                                        \
    static inline T min(T a, T b) {                                                                \
        return a < b ? a : b;                                                                      \
    }                                                                                              \
    static inline T max(T a, T b) {                                                                \
        return a > b ? a : b;                                                                      \
    }
EMULATED_MIN_MAX(int)
EMULATED_MIN_MAX(unsigned)
EMULATED_MIN_MAX(long)
EMULATED_MIN_MAX(unsigned long)
EMULATED_MIN_MAX(long long)
EMULATED_MIN_MAX(unsigned long long)
#undef EMULATED_MIN_MAX

} // namespace emulated_cuda

using namespace emulated_cuda;

#endif
