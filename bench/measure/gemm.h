/* SPDX-License-Identifier: MIT
 *
 * Measurement behind the choice of the library for the head's matrix products.
 */
#ifndef BALACT_BENCH_MEASURE_GEMM_H
#define BALACT_BENCH_MEASURE_GEMM_H

/* Prints GFLOP/s of the three products of a linear layer, on the head's shapes, for each library of
 * this build on 1 and 2 threads, as a Markdown table: median and best by the wall clock, and median
 * per second of processor time, which other programs on the machine disturb less. About 20 s. */
void balact_measure_gemm(void);

#endif
