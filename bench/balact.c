/* SPDX-License-Identifier: MIT
 *
 * The balact program: finds the command and runs it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/program.h"

static const struct command {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(name, help) {#name, help, balact_command_##name},
    BALACT_COMMAND_LIST(COMMAND)
#undef COMMAND
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

/* Commands are typed with '-' where C has '_'. */
static const char *typed_name(size_t i) {
    static char typed[COMMAND_COUNT][16];
    snprintf(typed[i], sizeof typed[i], "%s", commands[i].name);
    for (char *at = typed[i]; *at; at++)
        *at = *at == '_' ? '-' : *at;
    return typed[i];
}

static void print_help(void) {
    printf("usage: balact COMMAND [options]\n\n"
           "Reference implementation and benchmark suite of the output activations of long-tailed\n"
           "recognition: softmax, sigmoid, Balanced Softmax, Balanced Sigmoid.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s %s\n", typed_name(i), commands[i].help);
    printf("\nbalact COMMAND --help explains each. Exit status: 0 fine, 1 a check failed,\n"
           "2 bad usage or input.\n");
}

/* At every end of the program, also by die() and --help: what was printed must have arrived, or a
 * full disk would pass for success. */
static void check_standard_output(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fprintf(stderr, "balact: cannot write to standard output: %s\n", strerror(errno ? errno : EIO));
    _exit(EXIT_BAD_INPUT);
}

int main(int argc, char **argv) {
    if (atexit(check_standard_output) != 0)
        die(EXIT_BAD_INPUT, "out of memory");
    if (argc < 2) {
        print_help();
        return EXIT_BAD_INPUT;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
        print_help();
        return EXIT_FINE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("balact %s\n", BALACT_VERSION);
        return EXIT_FINE;
    }
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = typed_name(i);
        if (!strcmp(argv[1], names[i]))
            return commands[i].run(argc - 1, argv + 1);
    }
    const char *near = nearest_name(argv[1], names, COMMAND_COUNT);
    if (near)
        die(EXIT_BAD_INPUT, "no command '%s'; did you mean '%s'?", argv[1], near);
    die(EXIT_BAD_INPUT, "no command '%s'; see balact --help", argv[1]);
}
