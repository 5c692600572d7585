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
#include "bench/measure/head.h"
#include "bench/measure/json.h"
#include "bench/measure/samples.h"
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
    return measure(argc, argv,
                   "The matrix products of a linear head, by each library of this build.",
                   balact_measure_gemm);
}

static int bench_topk(int argc, char **argv) {
    return measure(
        argc, argv,
        "The k best classes of each row, by each backend, against only reading the logits.",
        balact_measure_topk);
}

static const struct balact_backend *backend_named(const char *name) {
    struct balact_error error;
    const struct balact_backend *backend =
        *name ? balact_backend_find(name) : balact_backend_default(&error);
    char why[256] = "not in this build; see balact info";
    if (!backend && !*name)
        die(EXIT_BAD_INPUT, "%s", error.message);
    if (!backend || !backend->usable(why, sizeof why))
        die(EXIT_BAD_INPUT, "backend %s cannot run here: %s", name, why);
    return backend;
}

static int bench_head(int argc, char **argv) {
    struct head_options options = {.peer = peer_of_heads(), .patience = 300};
    int64_t peak_of = -1, peak_way = 0;
    const char *backend = "";
    const struct option_row rows[] = {
        {"threads", OPTION_INTEGER, &options.threads, "N", "threads, 0: for one, and for all"},
        {"quick", OPTION_FLAG, &options.quick, NULL, "fewer cases and repeats"},
        {"out", OPTION_STRING, &options.out, "DIR", "folder for head.csv"},
        {"backend", OPTION_STRING, &backend, "NAME", "this backend instead of the best"},
        {"peak-of", OPTION_INTEGER, &peak_of, "N", "one step of case N; prints its memory"},
        {"peak-way", OPTION_INTEGER, &peak_way, "N", "the way of that step"},
    };
    if (options_parse(argc, argv, "bench head [options]",
                      "Training steps of a head, fused and not, against the rate of its matrix "
                      "products.",
                      rows, sizeof rows / sizeof *rows))
        die(EXIT_BAD_INPUT, "%s: does not understand '%s'", argv[0], argv[1]);
    use_threads(argv[0], options.threads);
    options.backend = backend_named(backend);
    if (peak_of >= 0) {
        printf("%lld\n",
               (long long)balact_head_peak(options.backend, peak_of, peak_way, options.threads));
        return EXIT_FINE;
    }
    return balact_measure_head(&options) ? EXIT_FINE : EXIT_CHECK_FAILED;
}

static int bench_json(int argc, char **argv) {
    struct json_options options = {.rounds = 9};
    int64_t threads = 0;
    const struct option_row rows[] = {
        {"threads", OPTION_INTEGER, &threads, "N", "what \"all\" is, 0 for the machine's"},
        {"rounds", OPTION_INTEGER, &options.rounds, "N", "each way is timed once a round"},
        {"out", OPTION_STRING, &options.out, "DIR", "folder for json.csv"},
    };
    if (options_parse(argc, argv, "bench json FILE [options]",
                      "Reads annotations of LVIS, plain JSON, on one core and on all: rate and "
                      "peak memory against\nonly reading the file. balact synth lvis --full "
                      "--annotations-only --out DIR writes a fair one.",
                      rows, sizeof rows / sizeof *rows) != 1)
        die(EXIT_BAD_INPUT, "%s: wants one file of annotations", argv[0]);
    if (options.rounds < 1 || options.rounds > SAMPLES_MOST)
        die(EXIT_BAD_INPUT, "%s: --rounds must lie in 1..%d", argv[0], SAMPLES_MOST);
    use_threads(argv[0], threads);
    options.path = argv[1];
    return balact_measure_json(&options) ? EXIT_FINE : EXIT_CHECK_FAILED;
}

static const struct subject {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} subjects[] = {
    {"gemm", "the matrix products of a linear head, by each library of this build", bench_gemm},
    {"kernels", "the activations: every kernel against its limit and its peers",
     balact_bench_kernels},
    {"head", "training steps of a head against the rate of its matrix products", bench_head},
    {"json", "reading annotations of LVIS, against only reading the file", bench_json},
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
