/* SPDX-License-Identifier: MIT
 *
 * The softmax family: which kernel computes what.
 */
#include "optimized/cuda/cuda.h"
#include "optimized/cuda/softmax_general.cuh"

namespace balact_cuda {

enum { GENERAL_THREADS = 256, GENERAL_BLOCKS = 8 /* a multiprocessor */ };

template <typename T>
static __global__ void __launch_bounds__(GENERAL_THREADS)
    softmax_general(const balact_problem p, const enum want want) {
    block_team<GENERAL_THREADS> team(shared_memory());
    for (int64_t i = blockIdx.x; i < p.rows; i += gridDim.x)
        softmax_general_row<T>(p, want, i, team);
}

template <typename T>
static balact_status run_general(enum want want, const balact_problem &p, cudaStream_t stream) {
    int64_t blocks = (int64_t)facts().multiprocessors * GENERAL_BLOCKS;
    launch_shape shape = {dim3((unsigned)(p.rows < blocks ? p.rows : blocks)),
                          dim3(GENERAL_THREADS), block_team<GENERAL_THREADS>::SCRATCH, 1, stream};
    return cuda_status(launch(softmax_general<T>, shape, p, want));
}

balact_status softmax_run(enum balact_operation operation, const struct balact_problem *problem,
                          cudaStream_t stream) {
    enum want want = wanted(operation);
    return FOR_DTYPE(problem->dtype, run_general, want, *problem, stream);
}

} // namespace balact_cuda
