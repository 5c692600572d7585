/* SPDX-License-Identifier: MIT
 *
 * Ranking of classes: which kernel runs. No scratch memory is needed for any k.
 */
#include "optimized/cuda/cuda.h"
#include "optimized/cuda/topk_list.cuh"
#include "optimized/cuda/topk_select.cuh"

namespace balact_cuda {

/* Rows of up to so many columns are a warp's, longer ones a block's. */
enum { TOPK_WARP_COLS = 4096 };

static inline dim3 grid_of(int64_t blocks) {
    int64_t most = (int64_t)facts().multiprocessors * 8;
    return dim3((unsigned)(blocks < most ? blocks : most));
}

template <typename T>
static cudaError_t launch_list(const balact_topk_problem &p, cudaStream_t stream) {
    int size = p.cols <= TOPK_WARP_COLS ? (int)WARP : (int)TOPK_THREADS;
    int teams = TOPK_THREADS / size;
    launch_shape shape = {grid_of((p.rows + teams - 1) / teams), dim3(TOPK_THREADS),
                          TOPK_THREADS * sizeof(topk_key), 1, stream};
    return launch(topk_list<T>, shape, p, size);
}

template <typename T>
static cudaError_t launch_select(const balact_topk_problem &p, cudaStream_t stream) {
    launch_shape shape = {grid_of(p.rows), dim3(TOPK_THREADS), sizeof(selection_memory), 1, stream};
    return launch(topk_select<T>, shape, p);
}

balact_status topk_run(const struct balact_topk_problem *problem, cudaStream_t stream) {
    if (problem->k <= TOPK_LISTED)
        return cuda_status(FOR_DTYPE(problem->dtype, launch_list, *problem, stream));
    return cuda_status(FOR_DTYPE(problem->dtype, launch_select, *problem, stream));
}

} // namespace balact_cuda
