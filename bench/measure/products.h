/* SPDX-License-Identifier: MIT
 *
 * The three matrix products of a linear layer, each by one call of a library with the library's own
 * threads, and whether a product is right.
 */
#ifndef BALACT_BENCH_MEASURE_PRODUCTS_H
#define BALACT_BENCH_MEASURE_PRODUCTS_H

#include "optimized/cpu/linear.h"

enum product { PRODUCT_FORWARD, PRODUCT_GRAD_WEIGHT, PRODUCT_GRAD_INPUT, PRODUCT_COUNT };

/* logits (without bias), dweight or dx. */
balact_status product_by_one_call(enum product product, balact_gemm *gemm,
                                  const struct balact_linear_problem *problem);

/* The largest error of 64 entries all over the result, relative to the sum of their terms' sizes;
 * INFINITY for what is not finite. bias: of a forward product that adds it. */
double product_error(enum product product, const struct balact_linear_problem *problem, bool bias);

/* fp32 sums of some thousand products keep this many digits. */
#define PRODUCT_ERROR_BOUND 2e-5

#endif
