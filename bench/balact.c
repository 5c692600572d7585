/* SPDX-License-Identifier: MIT
 *
 * The balact program: finds the command and runs it.
 */
#include <stdio.h>
#include <string.h>

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

static void print_help(void) {
    printf("usage: balact COMMAND [options]\n\n"
           "Reference implementation and benchmark suite of the output activations of long-tailed\n"
           "recognition: softmax, sigmoid, Balanced Softmax, Balanced Sigmoid.\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\nbalact COMMAND --help explains each. Exit status: 0 fine, 1 a check failed,\n"
           "2 bad usage or input.\n");
}

int main(int argc, char **argv) {
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
        names[i] = commands[i].name;
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    }
    const char *near = nearest_name(argv[1], names, COMMAND_COUNT);
    if (near)
        die(EXIT_BAD_INPUT, "no command '%s'; did you mean '%s'?", argv[1], near);
    die(EXIT_BAD_INPUT, "no command '%s'; see balact --help", argv[1]);
}
