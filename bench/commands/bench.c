/* SPDX-License-Identifier: MIT
 *
 * balact bench: measurements of this machine.
 */
#include <string.h>

#include "balact/backend.h"
#include "bench/commands/bench_kernels.h"
#include "bench/measure/gemm.h"
#include "bench/program.h"

int balact_command_bench(int argc, char **argv) {
    int64_t threads = 0;
    if (argc > 1 && !strcmp(argv[1], "kernels")) { /* with options of its own */
        static char name[] = "bench kernels";
        argv[1] = name;
        return balact_bench_kernels(argc - 1, argv + 1);
    }
    const struct option_row rows[] = {
        {"threads", OPTION_INTEGER, &threads, "N", "threads of the CPU backends, 0 for all"},
    };
    static const char *const subjects[] = {"gemm", "kernels"};
    int given = options_parse(argc, argv, "bench gemm|kernels [options]",
                              "gemm: the matrix products of a linear head, by each library of this "
                              "build.\nkernels: the activations; see balact bench kernels --help.",
                              rows, sizeof rows / sizeof *rows);
    if (given != 1)
        die(EXIT_BAD_INPUT, "bench: say what to measure: balact bench gemm or kernels");
    if (strcmp(argv[1], "gemm") != 0) {
        const char *near = nearest_name(argv[1], subjects, 2);
        die(EXIT_BAD_INPUT, "bench: cannot measure '%s'; %s%s", argv[1],
            near ? "did you mean " : "see balact bench --help", near ? near : "");
    }
    use_threads(argv[0], threads);
    balact_measure_gemm();
    return EXIT_FINE;
}
