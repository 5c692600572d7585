/* SPDX-License-Identifier: MIT
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a
 * counter-based generator. The same (seed, stream, index) gives the same bits in any order, on any
 * number of threads, on CPU and GPU. Streams keep independent uses apart.
 */
#ifndef BALACT_RANDOM_H
#define BALACT_RANDOM_H

#include <math.h>
#include <stdint.h>

#ifdef __CUDACC__
#define BALACT_RANDOM_FUNCTION static inline __host__ __device__
#else
#define BALACT_RANDOM_FUNCTION static inline
#endif

struct balact_random_block {
    uint32_t word[4];
};

/* Ten rounds on one 128-bit counter under a 64-bit key. */
BALACT_RANDOM_FUNCTION struct balact_random_block balact_philox(uint64_t key, uint64_t counter_low,
                                                                uint64_t counter_high) {
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        uint32_t n2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c0 = n0;
        c1 = (uint32_t)product1;
        c2 = n2;
        c3 = (uint32_t)product0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    struct balact_random_block block = {{c0, c1, c2, c3}};
    return block;
}

/* 64 random bits: value `index` of stream `stream` of `seed`. */
BALACT_RANDOM_FUNCTION uint64_t balact_random_u64(uint64_t seed, uint64_t stream, uint64_t index) {
    struct balact_random_block block = balact_philox(seed, index, stream);
    return (uint64_t)block.word[1] << 32 | block.word[0];
}

/* Uniform in [0, 1), 53 bits. */
BALACT_RANDOM_FUNCTION double balact_random_uniform(uint64_t seed, uint64_t stream,
                                                    uint64_t index) {
    return (double)(balact_random_u64(seed, stream, index) >> 11) * 0x1p-53;
}

/* Uniform integer in [0, bound), bound >= 1, by the high half of a 64 x 64-bit product; the bias is
 * below bound / 2^64. */
BALACT_RANDOM_FUNCTION uint64_t balact_random_below(uint64_t seed, uint64_t stream, uint64_t index,
                                                    uint64_t bound) {
    uint64_t bits = balact_random_u64(seed, stream, index);
    uint64_t low = (bits & 0xFFFFFFFFu) * (bound & 0xFFFFFFFFu);
    uint64_t middle1 = (bits >> 32) * (bound & 0xFFFFFFFFu) + (low >> 32);
    uint64_t middle2 = (bits & 0xFFFFFFFFu) * (bound >> 32) + (middle1 & 0xFFFFFFFFu);
    return (bits >> 32) * (bound >> 32) + (middle1 >> 32) + (middle2 >> 32);
}

/* Standard normal by Box-Muller in double. Bits of the uniforms are portable; the last bits of the
 * normal follow libm. */
BALACT_RANDOM_FUNCTION double balact_random_normal(uint64_t seed, uint64_t stream,
                                                   uint64_t index) {
    struct balact_random_block block = balact_philox(seed, index, stream);
    uint64_t a = (uint64_t)block.word[1] << 32 | block.word[0];
    uint64_t b = (uint64_t)block.word[3] << 32 | block.word[2];
    double radius = sqrt(-2.0 * log(((double)(a >> 11) + 1.0) * 0x1p-53));
    return radius * cos(6.283185307179586476925286766559 * ((double)(b >> 11) * 0x1p-53));
}

#endif
