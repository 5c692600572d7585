/* SPDX-License-Identifier: MIT
 *
 * What the files of balact synth share: one function a data set.
 */
#ifndef BALACT_BENCH_COMMANDS_SYNTH_H
#define BALACT_BENCH_COMMANDS_SYNTH_H

/* argv[0] is "synth lvis"; options follow. Returns the exit status. */
int synth_command_lvis(int argc, char **argv);

#endif
