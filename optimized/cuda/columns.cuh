/* SPDX-License-Identifier: MIT
 *
 * Sums of columns, the bias gradient: slabs of rows are summed apart, in fp32 and in an order that
 * the shape alone decides, then slab after slab is added with the rounding errors kept. No atomics.
 */
#ifndef BALACT_OPTIMIZED_CUDA_COLUMNS_CUH
#define BALACT_OPTIMIZED_CUDA_COLUMNS_CUH

#include "optimized/cuda/device.cuh"

namespace balact_cuda {

enum { SLAB_ROWS = 128, SLAB_LANES = 8 };

/* A sum and what rounding has cost it. */
struct kept_sum {
    float sum, error;
};

/* Adds without loss (Knuth's two-sum). */
DEVICE void kept_add(kept_sum &to, float value) {
    float sum = to.sum + value, part = sum - to.sum;
    to.error += (to.sum - (sum - part)) + (value - part);
    to.sum = sum;
}

/* The elements of 16 bytes, or one element. */
template <typename T, bool whole> struct slab_piece;

template <> struct slab_piece<float, true> {
    enum { WIDTH = 4 };
    static __device__ void add(const float *from, float *sum) {
        uint4 v = load16(from);
        sum[0] += __uint_as_float(v.x);
        sum[1] += __uint_as_float(v.y);
        sum[2] += __uint_as_float(v.z);
        sum[3] += __uint_as_float(v.w);
    }
};

template <> struct slab_piece<float, false> {
    enum { WIDTH = 1 };
    static __device__ void add(const float *from, float *sum) {
        sum[0] += load_one(from);
    }
};

/* Two bf16 in a word: the upper halves of two floats. */
template <> struct slab_piece<__nv_bfloat16, true> {
    enum { WIDTH = 8 };
    static __device__ void add(const __nv_bfloat16 *from, float *sum) {
        uint4 v = load16(from);
        const uint32_t words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            sum[2 * i] += __uint_as_float(words[i] << 16);
            sum[2 * i + 1] += __uint_as_float(words[i] & 0xffff0000u);
        }
    }
};

DEVICE float slab_element(float x) {
    return x;
}

DEVICE float slab_element(__nv_bfloat16 x) {
    return __bfloat162float(x);
}

/* partial[slab][cols] of d[rows][ld]. Grid: pieces of 32 x WIDTH columns, slabs; block: (32,
 * SLAB_LANES). Where pieces are whole, ld is a multiple of WIDTH. Shared memory:
 * SLAB_LANES x 32 x WIDTH floats. */
template <typename T, bool whole>
static __global__ void column_slabs(const T *d, int64_t ld, int64_t rows, int64_t cols,
                                    float *partial) {
    typedef slab_piece<T, whole> piece;
    enum { WIDTH = piece::WIDTH, COLS = WARP * WIDTH };
    float *shared = (float *)shared_memory();
    int64_t col = (int64_t)blockIdx.x * COLS + threadIdx.x * WIDTH;
    int64_t begin = (int64_t)blockIdx.y * SLAB_ROWS;
    int64_t end = begin + SLAB_ROWS < rows ? begin + SLAB_ROWS : rows;
    float sum[WIDTH];
#pragma unroll
    for (int i = 0; i < WIDTH; i++)
        sum[i] = 0.0f;
    if (col + WIDTH <= cols) {
        for (int64_t row = begin + threadIdx.y; row < end; row += SLAB_LANES)
            piece::add(d + row * ld + col, sum);
    } else if (col < cols) { /* nobody has written the padding */
        for (int64_t row = begin + threadIdx.y; row < end; row += SLAB_LANES)
            for (int i = 0; i < WIDTH && col + i < cols; i++)
                sum[i] += slab_element(load_one(d + row * ld + col + i));
    }
#pragma unroll
    for (int i = 0; i < WIDTH; i++)
        shared[threadIdx.y * COLS + threadIdx.x * WIDTH + i] = sum[i];
    __syncthreads();
    for (int j = threadIdx.y * WARP + threadIdx.x; j < COLS; j += WARP * SLAB_LANES) {
        float total = shared[j];
#pragma unroll
        for (int lane = 1; lane < SLAB_LANES; lane++)
            total += shared[lane * COLS + j];
        int64_t at = (int64_t)blockIdx.x * COLS + j;
        if (at < cols)
            store_one(partial + (int64_t)blockIdx.y * cols + at, total);
    }
}

/* Adds the slabs in order to sums[cols] (which are begun where first), and rounds them to total
 * where last. */
static __global__ void column_totals(const float *partial, int64_t slabs, int64_t cols,
                                     kept_sum *sums, bool first, bool last, float *total) {
    int64_t col = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (col >= cols)
        return;
    kept_sum kept = {0.0f, 0.0f};
    float *place = (float *)(sums + col);
    if (!first) {
        kept.sum = load_one_written(place);
        kept.error = load_one_written(place + 1);
    }
    for (int64_t slab = 0; slab < slabs; slab++)
        kept_add(kept, load_one_written(partial + slab * cols + col));
    store_one(place, kept.sum);
    store_one(place + 1, kept.error);
    if (last) /* infinities and NaN have no meaningful error */
        store_one(total + col, isfinite(kept.sum) ? kept.sum + kept.error : kept.sum);
}

/* ---- Starting them ---- */

static inline int64_t slabs_of(int64_t rows) {
    return (rows + SLAB_ROWS - 1) / SLAB_ROWS;
}

template <typename T, bool whole>
static inline cudaError_t start_slabs(const T *d, int64_t ld, int64_t rows, int64_t cols,
                                      float *partial, cudaStream_t stream) {
    enum { COLS = WARP * slab_piece<T, whole>::WIDTH };
    launch_shape shape = {dim3((unsigned)((cols + COLS - 1) / COLS), (unsigned)slabs_of(rows)),
                          dim3(WARP, SLAB_LANES), SLAB_LANES * COLS * sizeof(float), 1, stream};
    return launch(column_slabs<T, whole>, shape, d, ld, rows, cols, partial);
}

static inline cudaError_t start_totals(const float *partial, int64_t slabs, int64_t cols,
                                       kept_sum *sums, bool first, bool last, float *total,
                                       cudaStream_t stream) {
    enum { THREADS = 128 };
    launch_shape shape = {dim3((unsigned)((cols + THREADS - 1) / THREADS)), dim3(THREADS), 0, 1,
                          stream};
    return launch(column_totals, shape, partial, slabs, cols, sums, first, last, total);
}

} // namespace balact_cuda

#endif
