/* SPDX-License-Identifier: MIT
 *
 * The building blocks of the CPU kernels, laid open for their test and for the
 * limit that benchmarks measure.
 */
#ifndef BALACT_OPTIMIZED_CPU_PROBES_H
#define BALACT_OPTIMIZED_CPU_PROBES_H

#include <stdint.h>

/* n times y[i] = exp(x[i]) for x[i] <= 0; exp(x[i]) * 2^44 for x[i] in [-100, 50], the form that the
 * plain passes use (biased); log(1 + x[i]) for x[i] in [0, 1]. Only to be called where the backend of
 * that name is usable. */
void balact_avx2_exponentials(const float *x, float *y, int64_t n);
void balact_avx2_biased_exponentials(const float *x, float *y, int64_t n);
void balact_avx2_logarithms(const float *x, float *y, int64_t n);
void balact_avx512_exponentials(const float *x, float *y, int64_t n);
void balact_avx512_biased_exponentials(const float *x, float *y, int64_t n);
void balact_avx512_logarithms(const float *x, float *y, int64_t n);

#endif
