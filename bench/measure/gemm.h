/* SPDX-License-Identifier: MIT
 *
 * Measurement behind the choice of the library for the head's matrix products.
 */
#ifndef BALACT_BENCH_MEASURE_GEMM_H
#define BALACT_BENCH_MEASURE_GEMM_H

/* Prints GFLOP/s of the three products of a linear layer, on the head's shapes, for each library of
 * this build, as a Markdown table: the median per second of processor time (which other programs on
 * the machine disturb less than the clock) in blocks on 1 and 2 threads and by one call for the
 * whole product, then the best by the clock on 1 and 2 threads. About 30 s. */
void balact_measure_gemm(void);

#endif
