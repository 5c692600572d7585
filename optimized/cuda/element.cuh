/* SPDX-License-Identifier: MIT
 *
 * The storage types of logits and results for kernels: elements<float>, elements<f16> and
 * elements<bf16> widen what is stored to fp32 and round to nearest even what is to be stored, one
 * element or the 16 bytes of a piece at a time.
 */
#ifndef BALACT_OPTIMIZED_CUDA_ELEMENT_CUH
#define BALACT_OPTIMIZED_CUDA_ELEMENT_CUH

#include "optimized/cuda/device.cuh"

namespace balact_cuda {

enum { PIECE_BYTES = 16 };

/* Names of the 16-bit types; both are stored as unsigned short. */
struct f16 {};
struct bf16 {};

template <typename T> struct elements;

template <> struct elements<float> {
    typedef float stored;
    enum { A_PIECE = 4 };
    static __device__ __forceinline__ float widen(float x) {
        return x;
    }
    static __device__ __forceinline__ float narrow(float x) {
        return x;
    }
    static __device__ __forceinline__ void widen_piece(uint4 piece, float *x) {
        x[0] = __uint_as_float(piece.x), x[1] = __uint_as_float(piece.y);
        x[2] = __uint_as_float(piece.z), x[3] = __uint_as_float(piece.w);
    }
    static __device__ __forceinline__ uint4 narrow_piece(const float *x) {
        return make_uint4(__float_as_uint(x[0]), __float_as_uint(x[1]), __float_as_uint(x[2]),
                          __float_as_uint(x[3]));
    }
};

template <> struct elements<bf16> {
    typedef unsigned short stored;
    enum { A_PIECE = 8 };
    static __device__ __forceinline__ float widen(unsigned short x) {
        return __uint_as_float((uint32_t)x << 16);
    }
    static __device__ __forceinline__ unsigned short narrow(float x) {
        return (unsigned short)narrow_bf16(x, 0.0f);
    }
    static __device__ __forceinline__ void widen_word(uint32_t word, float *x) {
        x[0] = __uint_as_float(word << 16), x[1] = __uint_as_float(word & 0xffff0000u);
    }
    static __device__ __forceinline__ void widen_piece(uint4 piece, float *x) {
        widen_word(piece.x, x), widen_word(piece.y, x + 2);
        widen_word(piece.z, x + 4), widen_word(piece.w, x + 6);
    }
    static __device__ __forceinline__ uint4 narrow_piece(const float *x) {
        return make_uint4(narrow_bf16(x[0], x[1]), narrow_bf16(x[2], x[3]), narrow_bf16(x[4], x[5]),
                          narrow_bf16(x[6], x[7]));
    }
};

template <> struct elements<f16> {
    typedef unsigned short stored;
    enum { A_PIECE = 8 };
    static __device__ __forceinline__ float widen(unsigned short x) {
        return __half2float(__ushort_as_half(x));
    }
    static __device__ __forceinline__ unsigned short narrow(float x) {
        return (unsigned short)narrow_f16(x, 0.0f);
    }
    static __device__ __forceinline__ void widen_word(uint32_t word, float *x) {
        x[0] = widen((unsigned short)word), x[1] = widen((unsigned short)(word >> 16));
    }
    static __device__ __forceinline__ void widen_piece(uint4 piece, float *x) {
        widen_word(piece.x, x), widen_word(piece.y, x + 2);
        widen_word(piece.z, x + 4), widen_word(piece.w, x + 6);
    }
    static __device__ __forceinline__ uint4 narrow_piece(const float *x) {
        return make_uint4(narrow_f16(x[0], x[1]), narrow_f16(x[2], x[3]), narrow_f16(x[4], x[5]),
                          narrow_f16(x[6], x[7]));
    }
};

/* Calls function<T>(arguments) of the type that dtype names. */
#define FOR_DTYPE(dtype, function, ...)                                                            \
    ((dtype) == BALACT_F32   ? function<float>(__VA_ARGS__)                                        \
     : (dtype) == BALACT_F16 ? function<f16>(__VA_ARGS__)                                          \
                             : function<bf16>(__VA_ARGS__))

} // namespace balact_cuda

#endif
