/* SPDX-License-Identifier: MIT
 *
 * The parts of a linear layer that the single calls and the fused head share. Of a problem each
 * uses the fields that its member of struct balact_linear names. rows >= 1 unless said otherwise.
 */
#ifndef BALACT_OPTIMIZED_CUDA_LINEAR_H
#define BALACT_OPTIMIZED_CUDA_LINEAR_H

#include "optimized/cuda/cuda.h"

namespace balact_cuda {

balact_status logits_run(const balact_linear_problem *p, void *scratch, size_t scratch_bytes,
                         cudaStream_t stream);

/* dweight alone, added to where accumulate. */
balact_status weight_gradient_run(const balact_linear_problem *p, bool accumulate, void *scratch,
                                  size_t scratch_bytes, cudaStream_t stream);

balact_status input_gradient_run(const balact_linear_problem *p, void *scratch,
                                 size_t scratch_bytes, cudaStream_t stream);

/* dbias alone, over several calls with parts of the rows, of which one is the first and one the
 * last; the same memory for all. */
size_t bias_gradient_bytes(int64_t rows, int64_t classes);
balact_status bias_gradient_run(const balact_linear_problem *p, bool first, bool last, void *memory,
                                cudaStream_t stream);

/* dweight and dbias of no rows, each where it is not NULL. */
balact_status zero_gradients(const balact_linear_problem *p, cudaStream_t stream);

} // namespace balact_cuda

#endif
