/* SPDX-License-Identifier: MIT
 *
 * The subjects of balact bench that measure nothing: they read a folder of measurements.
 */
#ifndef BALACT_BENCH_COMMANDS_BENCH_RESULTS_H
#define BALACT_BENCH_COMMANDS_BENCH_RESULTS_H

/* balact bench bars DIR; balact bench figures DIR. argv[0] is the subject. */
int bench_bars(int argc, char **argv);
int bench_figures(int argc, char **argv);

#endif
