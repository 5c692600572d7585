/* SPDX-License-Identifier: MIT
 *
 * What the commands of the balact program share: dying with a message, options with help and
 * suggestions, and the list of commands. The library below never prints or exits; this does.
 */
#ifndef BALACT_BENCH_PROGRAM_H
#define BALACT_BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"

/* Exit codes of the program. */
enum { EXIT_FINE = 0, EXIT_CHECK_FAILED = 1, EXIT_BAD_INPUT = 2 };

/* The commands, in the order of help. X(name, what it does); each is a function
 * int balact_command_<name>(int argc, char **argv) in bench/commands/<name>.c (argv[0] is the
 * command's name; '-' in a command is '_' here). */
#define BALACT_COMMAND_LIST(X)                                                                     \
    X(info, "backends, processor features and libraries of this build and machine")                \
    X(verify, "check every activation of every backend against the reference")                     \
    X(bench, "measure kernels, heads and ranking on this machine; judge and draw the results")     \
    X(data, "inspect and check a data set: counts, groups, missing files, SHA-256")                \
    X(synth, "write a synthetic data set of known optimum in the real formats")                    \
    X(train, "train heads by method and seed, evaluate them, write results")                       \
    X(lvis_eval, "average precision of detections on LVIS, the official numbers, fast")            \
    X(report, "tables, figures, report.html and claims of a run")

#define BALACT_COMMAND_DECLARE(name, help) int balact_command_##name(int argc, char **argv);
BALACT_COMMAND_LIST(BALACT_COMMAND_DECLARE)
#undef BALACT_COMMAND_DECLARE

/* Prints "balact: message" to standard error and exits with code. */
_Noreturn void die(int code, const char *format, ...) BALACT_PRINTF(2, 3);

/* die(EXIT_BAD_INPUT, error->message) if status is not OK. */
void die_unless_ok(balact_status status, const struct balact_error *error);

enum option_kind { OPTION_FLAG, OPTION_STRING, OPTION_INTEGER, OPTION_REAL };

/* One option. value: bool *, const char **, int64_t * or double *, holding the default on entry.
 * Given as --name value or --name=value. */
struct option_row {
    const char *name;
    enum option_kind kind;
    void *value;
    const char *argument; /* what help calls the value: "FILE", "N" */
    const char *help;
};

/* Parses options of a command. --help prints usage, summary and the table, and exits 0; an unknown
 * option or a bad value dies with EXIT_BAD_INPUT and, where one is near, a suggestion. Returns the
 * number of positional arguments, which are moved to argv[1..]. usage: "verify [options]". */
int options_parse(int argc, char **argv, const char *usage, const char *summary,
                  const struct option_row *rows, size_t row_count);

/* balact_set_threads() with the value of --threads; dies unless it lies in 0 (all) .. 4096. */
void use_threads(const char *command, int64_t threads);

/* The nearest of names[count] to what somebody typed, or NULL if none is near. */
const char *nearest_name(const char *typed, const char *const *names, size_t count);

/* The absolute path of a file that belongs to the program, by its name in the source tree
 * ("plots/style.gp", "bench/expected.csv"), malloc'ed; NULL if it is nowhere. Looked for in
 * $BALACT_SHARE and, if that is not set, in the working folder, in the source tree that the program
 * was built in and in share/balact beside the bin folder that it is installed in. */
char *share_path(const char *name);

/* The model of the processor as the system calls it; "unknown" where it does not say. */
void processor_name(char *name, size_t size);

/* Seconds of a monotonic clock. */
double seconds_now(void);

#endif
