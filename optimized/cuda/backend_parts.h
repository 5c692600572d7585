/* SPDX-License-Identifier: MIT
 *
 * The members of balact_backend_cuda that other files define: linear layer, SGD step and fused
 * head. Contracts: balact/backend.h. Each runs on the stream of the calling thread.
 */
#ifndef BALACT_OPTIMIZED_CUDA_BACKEND_PARTS_H
#define BALACT_OPTIMIZED_CUDA_BACKEND_PARTS_H

#include "optimized/cuda/cuda.h"

namespace balact_cuda {

balact_status linear_forward(const balact_linear_problem *problem);
balact_status linear_grad_weight(const balact_linear_problem *problem);
balact_status linear_grad_input(const balact_linear_problem *problem);
balact_status linear_sgd_step(const balact_sgd_step *step);

size_t head_workspace(const balact_head_problem *problem);
balact_status head_run(const balact_backend *backend, balact_activation activation,
                       const balact_head_problem *problem);

} // namespace balact_cuda

#endif
