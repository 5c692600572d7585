/* SPDX-License-Identifier: MIT
 *
 * balact bench kernels, called by balact bench.
 */
#ifndef BALACT_BENCH_COMMANDS_BENCH_KERNELS_H
#define BALACT_BENCH_COMMANDS_BENCH_KERNELS_H

/* argv[0] is "bench kernels"; returns the exit status. */
int balact_bench_kernels(int argc, char **argv);

#endif
