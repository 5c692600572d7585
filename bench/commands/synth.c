/* SPDX-License-Identifier: MIT */
#include "bench/program.h"

int balact_command_synth(int argc, char **argv) {
    (void)argc;
    die(EXIT_BAD_INPUT, "%s: not in this build", argv[0]);
}
