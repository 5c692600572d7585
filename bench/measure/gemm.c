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

#include "bench/measure/samples.h"
#include "bench/program.h"
#include "optimized/cpu/linear.h"

typedef balact_status layer_product(balact_gemm *, const struct balact_linear_problem *);

/* The same products by one call of the library, as the blocks' price is measured against. */
static balact_status whole_forward(balact_gemm *gemm, const struct balact_linear_problem *p) {
    return gemm(false, true, false, p->rows, p->classes, p->dim, p->x, p->ld_x, p->weight,
                p->ld_weight, p->logits, p->ld_logits);
}

static balact_status whole_grad_weight(balact_gemm *gemm, const struct balact_linear_problem *p) {
    return gemm(true, false, false, p->classes, p->dim, p->rows, p->dlogits, p->ld_logits, p->x,
                p->ld_x, p->dweight, p->ld_weight);
}

static balact_status whole_grad_input(balact_gemm *gemm, const struct balact_linear_problem *p) {
    return gemm(false, false, false, p->rows, p->dim, p->classes, p->dlogits, p->ld_logits,
                p->weight, p->ld_weight, p->dx, p->ld_x);
}

static const struct product {
    const char *name;
    layer_product *in_blocks, *whole;
} products[] = {{"forward", balact_linear_forward_with, whole_forward},
                {"grad_weight", balact_linear_grad_weight_with, whole_grad_weight},
                {"grad_input", balact_linear_grad_input_with, whole_grad_input}};

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

static void measure_once(const struct product *product, int way, balact_gemm *gemm,
                         const struct balact_linear_problem *problem, struct seconds *seconds) {
    layer_product *run = way == ONE_CALL ? product->whole : product->in_blocks;
    balact_set_threads(way == TWO_THREADS ? 2 : 1);
    double processor = processor_now(), wall = seconds_now();
    balact_status status = run(gemm, problem);
    samples_add(&seconds->wall, seconds_now() - wall);
    samples_add(&seconds->processor, processor_now() - processor);
    if (status != BALACT_OK)
        die(EXIT_CHECK_FAILED, "a matrix product failed: %s", balact_status_name(status));
}

/* One line per library. Libraries and ways take turns, so that a change of the machine's speed
 * meets all of them. */
static void measure(const struct product *product, const struct balact_linear_problem *problem) {
    struct seconds seconds[LIBRARIES][WAYS], warm_up = {{0}, {0}};
    memset(seconds, 0, sizeof seconds);
    double work = 2e-9 * (double)problem->rows * (double)problem->dim * (double)problem->classes;
    int repeats = work < 5.0 ? MAX_REPEATS : 5;
    for (int r = -1; r < repeats; r++)
        for (int l = 0; balact_gemm_libraries[l].name; l++)
            for (int way = 0; way < WAYS; way++)
                measure_once(product, way, balact_gemm_libraries[l].gemm, problem,
                             r < 0 ? &warm_up : &seconds[l][way]);
    for (int l = 0; balact_gemm_libraries[l].name; l++) {
        double per_processor[WAYS], best[WAYS];
        for (int way = 0; way < WAYS; way++) {
            per_processor[way] = work / samples_quantile(&seconds[l][way].processor, 0.5);
            best[way] = work / samples_quantile(&seconds[l][way].wall, 0);
        }
        printf("| %lld x %lld x %lld | %s | %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n",
               (long long)problem->rows, (long long)problem->dim, (long long)problem->classes,
               product->name, balact_gemm_libraries[l].name, per_processor[ONE_THREAD],
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
        for (size_t i = 0; i < sizeof products / sizeof *products; i++)
            measure(&products[i], &problem);
        float *all[] = {x, weight, logits, bias, dx, dweight, dlogits, dbias};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free(all[i]);
    }
    balact_set_threads(threads);
}
