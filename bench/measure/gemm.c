/* SPDX-License-Identifier: MIT
 *
 * Which library shall do the matrix products of the head? Measures every one of this build on the
 * shapes of linear heads and prints a table. docs/METHOD.md, "Which GEMM", holds its output.
 */
#include "bench/measure/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/program.h"
#include "optimized/cpu/linear.h"

typedef balact_status layer_product(balact_gemm *, const struct balact_linear_problem *);

enum { MAX_REPEATS = 15, LIBRARIES = 2, MOST_THREADS = 2 };

static const struct {
    const char *name;
    layer_product *run;
} products[] = {{"forward", balact_linear_forward_with},
                {"grad_weight", balact_linear_grad_weight_with},
                {"grad_input", balact_linear_grad_input_with}};

/* rows, features, classes */
static const int64_t shapes[][3] = {{512, 2048, 1000}, {4096, 2048, 1000}, {512, 64, 1000}};

static float *filled(int64_t n, unsigned seed) {
    float *values = malloc((size_t)n * sizeof *values);
    if (!values)
        die(EXIT_BAD_INPUT, "out of memory for the matrices of the measurement");
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(seed >> 8) * 0x1p-24f - 0.5f;
    }
    return values;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of one product: by the wall, and of all threads together, which other programs disturb less. */
struct seconds {
    double wall[MAX_REPEATS], processor[MAX_REPEATS];
};

static double processor_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void measure_once(layer_product *run, balact_gemm *gemm,
                         const struct balact_linear_problem *problem, int threads,
                         struct seconds *seconds, int repeat) {
    balact_set_threads(threads);
    double processor = processor_now(), wall = seconds_now();
    balact_status status = run(gemm, problem);
    seconds->wall[repeat] = seconds_now() - wall;
    seconds->processor[repeat] = processor_now() - processor;
    if (status != BALACT_OK)
        die(EXIT_CHECK_FAILED, "a matrix product failed: %s", balact_status_name(status));
}

/* One line per library and number of threads. They take turns, so that a change of the machine's
 * speed meets all of them. */
static void measure(layer_product *run, const char *name,
                    const struct balact_linear_problem *problem) {
    static struct seconds seconds[LIBRARIES][MOST_THREADS];
    double work = 2e-9 * (double)problem->rows * (double)problem->dim * (double)problem->classes;
    int repeats = work < 5.0 ? MAX_REPEATS : 5;
    for (int r = -1; r < repeats; r++) /* the first round warms up, and is written over */
        for (int l = 0; balact_gemm_libraries[l].name; l++)
            for (int t = 1; t <= MOST_THREADS; t++)
                measure_once(run, balact_gemm_libraries[l].gemm, problem, t, &seconds[l][t - 1],
                             r < 0 ? 0 : r);
    for (int l = 0; balact_gemm_libraries[l].name; l++)
        for (int t = 1; t <= MOST_THREADS; t++) {
            double *wall = seconds[l][t - 1].wall, *processor = seconds[l][t - 1].processor;
            qsort(wall, (size_t)repeats, sizeof *wall, compare);
            qsort(processor, (size_t)repeats, sizeof *processor, compare);
            printf("| %lldx%lldx%lld | %s | %s | %d | %.0f | %.0f | %.0f |\n",
                   (long long)problem->rows, (long long)problem->dim, (long long)problem->classes,
                   name, balact_gemm_libraries[l].name, t, work / wall[repeats / 2], work / wall[0],
                   work / processor[repeats / 2]);
        }
}

void balact_measure_gemm(void) {
    int threads = balact_threads();
    if (!balact_gemm_libraries[0].name) {
        printf("This build has neither oneDNN (libdnnl-dev) nor OpenBLAS (libopenblas-dev).\n");
        return;
    }
    printf("| rows x features x classes | product | library | threads | GFLOP/s | best | per "
           "processor second |\n|---|---|---|---|---|---|---|\n");
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t rows = shapes[s][0], dim = shapes[s][1], classes = shapes[s][2];
        float *x = filled(rows * dim, 1), *weight = filled(classes * dim, 2);
        float *logits = filled(rows * classes, 3), *bias = filled(classes, 4);
        float *dx = filled(rows * dim, 5), *dweight = filled(classes * dim, 6);
        float *dlogits = filled(rows * classes, 7), *dbias = filled(classes, 8);
        struct balact_linear_problem problem = {.rows = rows,
                                                .dim = dim,
                                                .classes = classes,
                                                .x = x,
                                                .ld_x = dim,
                                                .weight = weight,
                                                .ld_weight = dim,
                                                .bias = bias,
                                                .logits = logits,
                                                .ld_logits = classes,
                                                .dlogits = dlogits,
                                                .dweight = dweight,
                                                .dbias = dbias,
                                                .dx = dx};
        for (size_t i = 0; i < sizeof products / sizeof *products; i++)
            measure(products[i].run, products[i].name, &problem);
        float *all[] = {x, weight, logits, bias, dx, dweight, dlogits, dbias};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
    balact_set_threads(threads);
}
