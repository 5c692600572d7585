/* SPDX-License-Identifier: MIT
 *
 * The twin of optimized/cuda/device.cuh on the host: the same functions, each checking what it is
 * given. Included by that file.
 */
#ifndef BALACT_TESTS_CUDA_EMULATED_DEVICE_H
#define BALACT_TESTS_CUDA_EMULATED_DEVICE_H

#include <tuple>

#include "../emulate.h"

namespace balact_cuda {

/* ---- Global memory ---- */

template <typename T> DEVICE T emulated_load(const T *from, emulation::way way) {
    if constexpr (sizeof(T) == 2) {
        return emulated_cuda::same_bits<T>(emulation::load2(from, way));
    } else {
        static_assert(sizeof(T) == 4, "load_one() takes elements of 2 or 4 bytes");
        return emulated_cuda::same_bits<T>(emulation::load4(from, way));
    }
}

template <typename T> DEVICE T load_one(const T *from) {
    return emulated_load(from, emulation::READ_ONLY);
}

template <typename T> DEVICE T load_one_written(const T *from) {
    return emulated_load(from, emulation::PLAIN);
}

template <typename T> DEVICE void store_one(T *to, T value) {
    if constexpr (sizeof(T) == 2) {
        emulation::store2(to, emulated_cuda::same_bits<uint16_t>(value));
    } else if constexpr (sizeof(T) == 16) {
        emulation::store16(to, emulated_cuda::same_bits<uint4>(value));
    } else {
        static_assert(sizeof(T) == 4, "store_one() takes elements of 2, 4 or 16 bytes");
        emulation::store4(to, emulated_cuda::same_bits<uint32_t>(value));
    }
}

DEVICE uint4 load16(const void *from) {
    return emulation::load16(from, emulation::PLAIN);
}

DEVICE uint4 load16_shared_by_rows(const void *from) {
    return emulation::load16(from, emulation::READ_ONLY);
}

DEVICE void store16(void *to, uint4 v) {
    emulation::store16(to, v);
}

/* ---- Shared memory ---- */

DEVICE char *shared_memory() {
    return emulation::shared_memory();
}

DEVICE void copy16_async(void *shared, const void *global) {
    emulation::copy16_async(shared, global);
}

DEVICE void copy_commit() {
    emulation::copy_commit();
}

template <int pending> DEVICE void copy_wait() {
    emulation::copy_wait(pending);
}

/* ---- Clusters ---- */

DEVICE unsigned cluster_rank() {
    return emulation::cluster_rank();
}

DEVICE unsigned cluster_size() {
    return emulation::cluster_size();
}

DEVICE void cluster_sync(EMULATED_SITE) {
    emulation::cluster_barrier({"cluster_sync", file, line});
}

DEVICE float cluster_read(const float *here, unsigned rank) {
    return emulation::cluster_read(here, rank);
}

/* ---- Arithmetic ---- */

DEVICE float exp2_approx(float x) {
    return emulation::exp2_approx(x);
}

DEVICE float reciprocal_approx(float x) {
    return emulation::reciprocal_approx(x);
}

DEVICE uint32_t narrow_bf16(float low, float high) {
    return __float2bfloat16_rn(low).bits | (uint32_t)__float2bfloat16_rn(high).bits << 16;
}

DEVICE uint32_t narrow_f16(float low, float high) {
    return __float2half_rn(low).bits | (uint32_t)__float2half_rn(high).bits << 16;
}

/* ---- Launching ---- */

/* A kernel with its arguments, to be run now or when a stream or a graph gets to it. */
template <typename... Parameters> struct emulated_launch : emulation::operation {
    void (*kernel)(Parameters...);
    emulation::grid grid;
    std::tuple<Parameters...> arguments;

    emulated_launch(void (*kernel_)(Parameters...), const emulation::grid &grid_,
                    Parameters... arguments_)
        : kernel(kernel_), grid(grid_), arguments(arguments_...) {
        run = run_all;
    }
    static void one_thread(const void *self) {
        const emulated_launch *launch = (const emulated_launch *)self;
        std::apply(launch->kernel, launch->arguments);
    }
    static void run_all(emulation::operation *self) {
        emulation::run_grid(((emulated_launch *)self)->grid, one_thread, self);
    }
};

template <typename... Parameters, typename... Arguments>
static inline cudaError_t launch_named(const char *name, const char *file, int line,
                                       void (*kernel)(Parameters...), const launch_shape &shape,
                                       Arguments... arguments) {
    emulation::grid grid = {name,
                            file,
                            line,
                            shape.grid,
                            shape.block,
                            shape.shared_bytes,
                            shape.cluster > 1 ? shape.cluster : 1};
    cudaError_t error = emulation::check_grid(grid);
    if (error != cudaSuccess)
        return error;
    typedef emulated_launch<Parameters...> one;
    return emulation::enqueue(
        shape.stream, emulation::make<one>(kernel, grid, static_cast<Parameters>(arguments)...));
}

/* The text of the call names the kernel in messages. */
#define launch(...) launch_named(#__VA_ARGS__, __FILE__, __LINE__, __VA_ARGS__)

} // namespace balact_cuda

#endif
