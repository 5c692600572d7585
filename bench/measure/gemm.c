/* SPDX-License-Identifier: MIT
 *
 * Which library shall do the matrix products of the head? Measures every one of this build on the
 * shapes of linear heads and prints a table. docs/METHOD.md, "Which GEMM", holds its output.
 */
#include "bench/measure/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/measure/products.h"
#include "bench/measure/samples.h"
#include "bench/program.h"

typedef balact_status layer_product(balact_gemm *, const struct balact_linear_problem *);

static const struct {
    const char *name;
    layer_product *in_blocks;
} products[] = {[PRODUCT_FORWARD] = {"forward", balact_linear_forward_with},
                [PRODUCT_GRAD_WEIGHT] = {"grad_weight", balact_linear_grad_weight_with},
                [PRODUCT_GRAD_INPUT] = {"grad_input", balact_linear_grad_input_with}};

/* The ways of each product: in blocks on one thread, on two, and by one call on one. */
enum { ONE_THREAD, TWO_THREADS, ONE_CALL, WAYS, LIBRARIES = 2, MAX_REPEATS = 15 };

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

/* Of one product: by the wall, and of all threads together, which other programs disturb less. */
struct seconds {
    struct samples wall, processor;
};

static double processor_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Its samples go to seconds; with NULL it warms up and is verified. */
static void run_once(enum product product, int way, int library,
                     const struct balact_linear_problem *problem, struct seconds *seconds) {
    balact_gemm *gemm = balact_gemm_libraries[library].gemm;
    bool in_blocks = way != ONE_CALL;
    balact_set_threads(way == TWO_THREADS ? 2 : 1);
    double processor = processor_now(), wall = seconds_now();
    balact_status status = in_blocks ? products[product].in_blocks(gemm, problem)
                                     : product_by_one_call(product, gemm, problem);
    wall = seconds_now() - wall;
    processor = processor_now() - processor;
    if (status != BALACT_OK)
        die(EXIT_CHECK_FAILED, "a matrix product failed: %s", balact_status_name(status));
    if (seconds) {
        samples_add(&seconds->wall, wall);
        samples_add(&seconds->processor, processor);
    } else if (!(product_error(product, problem, in_blocks && product == PRODUCT_FORWARD) <=
                 PRODUCT_ERROR_BOUND)) {
        die(EXIT_CHECK_FAILED, "%s by %s is wrong, nothing is timed", products[product].name,
            balact_gemm_libraries[library].name);
    }
}

/* One line per library. Libraries and ways take turns, so that a change of the machine's speed
 * meets all of them. */
static void measure(enum product product, const struct balact_linear_problem *problem) {
    struct seconds seconds[LIBRARIES][WAYS];
    memset(seconds, 0, sizeof seconds);
    double work = 2e-9 * (double)problem->rows * (double)problem->dim * (double)problem->classes;
    int repeats = work < 5.0 ? MAX_REPEATS : 5;
    for (int r = -1; r < repeats; r++)
        for (int l = 0; balact_gemm_libraries[l].name; l++)
            for (int way = 0; way < WAYS; way++)
                run_once(product, way, l, problem, r < 0 ? NULL : &seconds[l][way]);
    for (int l = 0; balact_gemm_libraries[l].name; l++) {
        double per_processor[WAYS], best[WAYS];
        for (int way = 0; way < WAYS; way++) {
            per_processor[way] = work / samples_quantile(&seconds[l][way].processor, 0.5);
            best[way] = work / samples_quantile(&seconds[l][way].wall, 0);
        }
        printf("| %lld x %lld x %lld | %s | %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n",
               (long long)problem->rows, (long long)problem->dim, (long long)problem->classes,
               products[product].name, balact_gemm_libraries[l].name, per_processor[ONE_THREAD],
               per_processor[TWO_THREADS], per_processor[ONE_CALL], best[ONE_THREAD],
               best[TWO_THREADS]);
    }
}

void balact_measure_gemm(void) {
    int threads = balact_threads();
    if (!balact_gemm_libraries[0].name) {
        printf("This build has neither oneDNN (libdnnl-dev) nor OpenBLAS (libopenblas-dev).\n");
        return;
    }
    printf("| rows x features x classes | product | library | 1 thread | 2 threads | one call | "
           "best, 1 thread | best, 2 threads |\n|---|---|---|---|---|---|---|---|\n");
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
        for (int i = 0; i < PRODUCT_COUNT; i++)
            measure((enum product)i, &problem);
        float *all[] = {x, weight, logits, bias, dx, dweight, dlogits, dbias};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
    balact_set_threads(threads);
}
