/* SPDX-License-Identifier: MIT
 *
 * The fused head of the CPU backends, compiled for any processor; what depends on the vector width
 * comes in as functions.
 */
#ifndef BALACT_OPTIMIZED_CPU_HEAD_H
#define BALACT_OPTIMIZED_CPU_HEAD_H

#include "balact/backend.h"
#include "optimized/cpu/linear.h"

/* sum[j] += sum_i d[i * ld + j] for j < cols, rows in order. */
typedef void balact_column_sums(const float *d, int64_t ld, int64_t rows, int64_t cols,
                                double *sum);

/* kernels: the backend's, of the activation, by operation. Contract: struct balact_head. */
balact_status balact_cpu_head_run(balact_kernel *const kernels[BALACT_OPERATION_COUNT],
                                  balact_column_sums *column_sums,
                                  const struct balact_head_problem *problem);
size_t balact_cpu_head_workspace(const struct balact_head_problem *problem);

#endif
