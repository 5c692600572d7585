/* SPDX-License-Identifier: MIT
 *
 * The sigmoid family: which kernel runs, and the kernel for everything.
 */
#include "optimized/cuda/cuda.h"
#include "optimized/cuda/sigmoid_row.cuh"

namespace balact_cuda {

/* Rows of up to so many columns are a warp's, longer ones a block's. */
enum { SIGMOID_WARP_COLS = 2048 };

static inline int sigmoid_team_size(int64_t cols) {
    return cols <= SIGMOID_WARP_COLS ? (int)WARP : (int)SIGMOID_THREADS;
}

/* Every option; a team goes from row to row. */
template <typename T>
static __global__ void __launch_bounds__(SIGMOID_THREADS)
    sigmoid_general(const balact_problem p, int team_size, int want) {
    row_team team = row_team_of(team_size);
    float *exchange = (float *)shared_memory();
    for (int64_t i = team.first; i < p.rows; i += team.step) {
        sigmoid_facts facts = sigmoid_facts_of(p, i, want == SIGMOID_PROBABILITIES);
        sigmoid_general_row<T>(p, team, i, facts, (enum sigmoid_want)want, exchange);
    }
}

template <typename T>
static cudaError_t launch_general(const balact_problem &p, enum sigmoid_want want,
                                  cudaStream_t stream) {
    int size = sigmoid_team_size(p.cols), teams = SIGMOID_THREADS / size;
    int64_t blocks = (p.rows + teams - 1) / teams, most = (int64_t)facts().multiprocessors * 8;
    launch_shape shape = {dim3((unsigned)(blocks < most ? blocks : most)), dim3(SIGMOID_THREADS),
                          TEAM_EXCHANGE * sizeof(float), 1, stream};
    return launch(sigmoid_general<T>, shape, p, size, (int)want);
}

static enum sigmoid_want sigmoid_want_of(enum balact_operation operation) {
    switch (operation) {
    case BALACT_FORWARD:
    case BALACT_FORWARD_IN_PLACE:
        return SIGMOID_PROBABILITIES;
    case BALACT_LOSS:
        return SIGMOID_LOSS;
    default:
        return SIGMOID_GRADIENT;
    }
}

balact_status sigmoid_run(enum balact_operation operation, const struct balact_problem *problem,
                          cudaStream_t stream) {
    enum sigmoid_want want = sigmoid_want_of(operation);
    return cuda_status(FOR_DTYPE(problem->dtype, launch_general, *problem, want, stream));
}

} // namespace balact_cuda
