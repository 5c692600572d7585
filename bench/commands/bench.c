/* SPDX-License-Identifier: MIT
 *
 * balact bench: measurements of this machine, their bars and figures. Each subject is a command of
 * its own.
 */
#include <stdio.h>
#include <string.h>

#include "balact/backend.h"
#include "bench/commands/bench_kernels.h"
#include "bench/commands/bench_results.h"
#include "bench/measure/gemm.h"
#include "bench/measure/topk.h"
#include "bench/program.h"

static int measure(int argc, char **argv, const char *summary, void (*run)(void)) {
    int64_t threads = 0;
    const struct option_row rows[] = {
        {"threads", OPTION_INTEGER, &threads, "N", "threads of the CPU backends, 0 for all"},
    };
    char usage[64];
    snprintf(usage, sizeof usage, "%s [options]", argv[0]);
    if (options_parse(argc, argv, usage, summary, rows, sizeof rows / sizeof *rows))
        die(EXIT_BAD_INPUT, "%s: does not understand '%s'", argv[0], argv[1]);
    use_threads(argv[0], threads);
    run();
    return EXIT_FINE;
}

static int bench_gemm(int argc, char **argv) {
    return measure(argc, argv, "The matrix products of a linear head, by each library of this build.",
                   balact_measure_gemm);
}

static int bench_topk(int argc, char **argv) {
    return measure(argc, argv,
                   "The k best classes of each row, by each backend, against only reading the logits.",
                   balact_measure_topk);
}

static const struct subject {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} subjects[] = {
    {"gemm", "the matrix products of a linear head, by each library of this build", bench_gemm},
    {"kernels", "the activations: every kernel against its limit and its peers", balact_bench_kernels},
    {"topk", "the k best classes of each row", bench_topk},
    {"bars", "judge a folder of measurements", bench_bars},
    {"figures", "draw a folder of measurements", bench_figures},
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static void print_help(void) {
    printf("usage: balact bench SUBJECT [options]\n\nMeasures this machine.\n\n");
    for (int i = 0; i < SUBJECTS; i++)
        printf("  %-8s %s\n", subjects[i].name, subjects[i].help);
    printf("\nbalact bench SUBJECT --help explains each.\n");
}

int balact_command_bench(int argc, char **argv) {
    const char *names[SUBJECTS];
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        print_help();
        return EXIT_FINE;
    }
    for (int i = 0; i < SUBJECTS; i++) {
        names[i] = subjects[i].name;
        if (argc > 1 && !strcmp(argv[1], names[i])) {
            char title[32];
            snprintf(title, sizeof title, "bench %s", names[i]);
            argv[1] = title;
            return subjects[i].run(argc - 1, argv + 1);
        }
    }
    if (argc < 2)
        die(EXIT_BAD_INPUT, "bench: say what to measure: balact bench --help lists it");
    const char *near = nearest_name(argv[1], names, SUBJECTS);
    die(EXIT_BAD_INPUT, "bench: cannot measure '%s'; %s%s", argv[1],
        near ? "did you mean " : "see balact bench --help", near ? near : "");
}
