/* SPDX-License-Identifier: MIT
 *
 * balact bench: measurements of this machine.
 */
#include <stdio.h>
#include <string.h>

#include "balact/backend.h"
#include "bench/measure/gemm.h"
#include "bench/measure/head.h"
#include "bench/program.h"

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

static int bench_head(struct head_options options, const char *name, int64_t peak_of,
                      int64_t peak_way) {
    options.backend = backend_named(name);
    if (peak_of >= 0) {
        printf("%lld\n",
               (long long)balact_head_peak(options.backend, peak_of, peak_way, options.threads));
        return EXIT_FINE;
    }
    return balact_measure_head(&options) ? EXIT_FINE : EXIT_CHECK_FAILED;
}

int balact_command_bench(int argc, char **argv) {
    struct head_options head = {.quick = false};
    int64_t peak_of = -1, peak_way = 0;
    const char *backend = "";
    const struct option_row rows[] = {
        {"threads", OPTION_INTEGER, &head.threads, "N",
         "threads of the CPU backends, 0 for all (head: for one, and for all)"},
        {"quick", OPTION_FLAG, &head.quick, NULL, "head: fewer cases and repeats"},
        {"out", OPTION_STRING, &head.out, "DIR", "head: folder for head.csv"},
        {"backend", OPTION_STRING, &backend, "NAME", "head: this backend instead of the best"},
        {"peak-of", OPTION_INTEGER, &peak_of, "N", "head: one step of case N; prints its memory"},
        {"peak-way", OPTION_INTEGER, &peak_way, "N", "head: the way of that step"},
    };
    static const char *const subjects[] = {"gemm", "head"};
    int given = options_parse(argc, argv, "bench gemm|head [options]",
                              "gemm: the matrix products of a linear head, by each library of this "
                              "build.\nhead: training steps of a head, fused and not, against the "
                              "rate of its matrix products.",
                              rows, sizeof rows / sizeof *rows);
    if (given != 1)
        die(EXIT_BAD_INPUT, "bench: say what to measure: balact bench gemm, balact bench head");
    use_threads(argv[0], head.threads);
    if (!strcmp(argv[1], "head"))
        return bench_head(head, backend, peak_of, peak_way);
    if (strcmp(argv[1], "gemm") != 0) {
        const char *near = nearest_name(argv[1], subjects, 2);
        die(EXIT_BAD_INPUT, "bench: cannot measure '%s'; %s%s", argv[1],
            near ? "did you mean " : "see balact bench --help", near ? near : "");
    }
    balact_measure_gemm();
    return EXIT_FINE;
}
