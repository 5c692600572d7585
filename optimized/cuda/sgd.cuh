/* SPDX-License-Identifier: MIT
 *
 * The SGD step with momentum (struct balact_sgd_step): three arrays are read and two written, which
 * takes as long as memory takes.
 */
#ifndef BALACT_OPTIMIZED_CUDA_SGD_CUH
#define BALACT_OPTIMIZED_CUDA_SGD_CUH

#include "optimized/cuda/device.cuh"

namespace balact_cuda {

struct sgd_rates {
    float lr, momentum, weight_decay;
    bool nesterov;
};

/* One parameter; velocity and parameter are replaced. */
DEVICE void sgd_one(const sgd_rates &rates, float gradient, float &velocity, float &parameter) {
    float g = fmaf(rates.weight_decay, parameter, gradient);
    velocity = fmaf(rates.momentum, velocity, g);
    float direction = rates.nesterov ? fmaf(rates.momentum, velocity, g) : velocity;
    parameter = fmaf(-rates.lr, direction, parameter);
}

DEVICE void sgd_four(const sgd_rates &rates, const uint4 &gradient, uint4 &velocity,
                     uint4 &parameter) {
    const uint32_t g[4] = {gradient.x, gradient.y, gradient.z, gradient.w};
    uint32_t *v[4] = {&velocity.x, &velocity.y, &velocity.z, &velocity.w};
    uint32_t *p[4] = {&parameter.x, &parameter.y, &parameter.z, &parameter.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        float velocity_i = __uint_as_float(*v[i]), parameter_i = __uint_as_float(*p[i]);
        sgd_one(rates, __uint_as_float(g[i]), velocity_i, parameter_i);
        *v[i] = __float_as_uint(velocity_i);
        *p[i] = __float_as_uint(parameter_i);
    }
}

/* Pieces of four where all arrays begin on 16 bytes (pieces > 0), single parameters behind them. */
static __global__ void sgd_kernel(sgd_rates rates, int64_t n, int64_t pieces, float *parameter,
                                  float *velocity, const float *gradient) {
    int64_t first = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    int64_t step = (int64_t)gridDim.x * blockDim.x;
    for (int64_t i = first; i < pieces; i += step) {
        uint4 g = load16(gradient + 4 * i), v = load16(velocity + 4 * i);
        uint4 p = load16(parameter + 4 * i);
        sgd_four(rates, g, v, p);
        store_one((uint4 *)(velocity + 4 * i), v);
        store_one((uint4 *)(parameter + 4 * i), p);
    }
    for (int64_t i = 4 * pieces + first; i < n; i += step) {
        float v = load_one_written(velocity + i), p = load_one_written(parameter + i);
        sgd_one(rates, load_one(gradient + i), v, p);
        store_one(velocity + i, v);
        store_one(parameter + i, p);
    }
}

} // namespace balact_cuda

#endif
