/* SPDX-License-Identifier: MIT
 *
 * Times full training steps of a head (logits, loss, gradients, SGD step) in three ways:
 *   balact   the fused call
 *   unfused  product, loss with gradient in place, products, over a rows x classes matrix
 *   gemm     the products alone, by one call of the library each with the library's own threads
 * A way of another library is one more row in `ways`. docs/METHOD.md, "Fused head".
 */
#include "bench/measure/head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "balact/random.h"
#include "bench/program.h"
#include "datasets/output.h"
#include "optimized/cpu/linear.h"

struct head_case {
    enum balact_activation activation;
    int64_t rows, dim, classes;
    bool grad_input, quick;
};

static const struct head_case cases[] = {
    {BALACT_BALANCED_SOFTMAX, 4096, 2048, 1000, false, true},
    {BALACT_BALANCED_SOFTMAX, 4096, 2048, 1000, true, false},
    {BALACT_BALANCED_SOFTMAX, 512, 2048, 1000, false, true},
    {BALACT_BALANCED_SOFTMAX, 512, 2048, 1000, true, false},
    {BALACT_BALANCED_SOFTMAX, 4096, 1024, 1203, false, false},
    {BALACT_BALANCED_SIGMOID, 4096, 1024, 1203, false, true},
    {BALACT_BALANCED_SIGMOID, 4096, 1024, 1203, true, false},
    {BALACT_BALANCED_SOFTMAX, 2048, 512, 21841, false, true},
    {BALACT_BALANCED_SOFTMAX, 2048, 512, 21841, true, false},
    {BALACT_BALANCED_SOFTMAX, 256, 512, 200000, false, true},
    {BALACT_BALANCED_SOFTMAX, 256, 512, 200000, true, false},
};

/* ---- One case and its memory ---- */

struct step {
    const struct head_case *c;
    const struct balact_backend *backend;
    int threads;
    struct balact_head_problem head;
    float *weight, *bias, *velocity[2], *offset, *logits; /* logits: of the unfused ways alone */
};

static float *floats(int64_t n, double deviation, uint32_t seed) {
    float *values = aligned_alloc(64, ((size_t)n * sizeof *values + 63) / 64 * 64);
    if (!values)
        die(EXIT_BAD_INPUT, "out of memory for the matrices of the measurement");
    if (deviation == 0) {
        memset(values, 0, (size_t)n * sizeof *values);
        return values;
    }
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(deviation * ((double)(seed >> 8) * 0x1p-24 - 0.5));
    }
    return values;
}

static void *workspace_of(const struct balact_backend *backend, struct balact_head_problem *head) {
    struct balact_error error;
    die_unless_ok(balact_head_workspace(backend, head, &head->workspace_bytes, &error), &error);
    head->workspace = floats((int64_t)(head->workspace_bytes / sizeof(float)), 0, 0);
    return head->workspace;
}

static struct step step_open(const struct head_case *c, const struct balact_backend *backend) {
    struct step step = {.c = c, .backend = backend};
    struct balact_head_problem head = BALACT_HEAD_INIT;
    int32_t *labels = malloc((size_t)c->rows * sizeof *labels);
    if (!labels)
        die(EXIT_BAD_INPUT, "out of memory for the labels of the measurement");
    for (int64_t i = 0; i < c->rows; i++)
        labels[i] = (int32_t)balact_random_below(1, 2, (uint64_t)i, (uint64_t)c->classes);
    head.rows = c->rows, head.dim = c->dim, head.classes = c->classes;
    head.x = floats(c->rows * c->dim, 2, 1);
    head.ld_x = head.ld_weight = c->dim;
    head.weight = step.weight = floats(c->classes * c->dim, 0.1, 2);
    head.bias = step.bias = floats(c->classes, 1, 3);
    head.labels = labels;
    if (balact_activation_info(c->activation)->balanced)
        head.offset = step.offset = floats(c->classes, 4, 4);
    head.grad_scale = (float)(1.0 / (double)c->rows);
    head.dweight = floats(c->classes * c->dim, 0, 0);
    head.dbias = floats(c->classes, 0, 0);
    head.dx = c->grad_input ? floats(c->rows * c->dim, 0, 0) : NULL;
    head.loss = floats(c->rows, 0, 0);
    step.velocity[0] = floats(c->classes * c->dim, 0, 0);
    step.velocity[1] = floats(c->classes, 0, 0);
    step.head = head;
    return step;
}

static void step_close(struct step *step) {
    struct balact_head_problem *h = &step->head;
    free((void *)h->x);
    free((void *)h->labels);
    void *all[] = {step->weight, step->bias,   step->offset,      h->dweight,
                   h->dbias,     h->dx,        step->velocity[0], h->loss,
                   step->logits, h->workspace, step->velocity[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* ---- The ways ---- */

static void check(balact_status status, const char *what) {
    if (status != BALACT_OK)
        die(EXIT_CHECK_FAILED, "bench head: %s failed: %s", what, balact_status_name(status));
}

static struct balact_linear_problem linear_of(const struct step *step) {
    const struct balact_head_problem *h = &step->head;
    return (struct balact_linear_problem){.rows = h->rows,
                                          .dim = h->dim,
                                          .classes = h->classes,
                                          .x = h->x,
                                          .ld_x = h->ld_x,
                                          .weight = h->weight,
                                          .ld_weight = h->ld_weight,
                                          .bias = h->bias,
                                          .logits = step->logits,
                                          .dlogits = step->logits,
                                          .ld_logits = h->classes,
                                          .dweight = h->dweight,
                                          .dbias = h->dbias,
                                          .dx = h->dx};
}

static void sgd(struct step *step) {
    const struct balact_head_problem *h = &step->head;
    struct balact_sgd_step s = {.n = h->classes * h->dim,
                                .parameter = step->weight,
                                .velocity = step->velocity[0],
                                .gradient = h->dweight,
                                .lr = 0.01f,
                                .momentum = 0.9f,
                                .weight_decay = 5e-4f};
    check(step->backend->linear.sgd_step(&s), "the SGD step");
    s.n = h->classes, s.parameter = step->bias, s.velocity = step->velocity[1];
    s.gradient = h->dbias, s.weight_decay = 0;
    check(step->backend->linear.sgd_step(&s), "the SGD step");
}

static void fused_gradients(struct step *step) {
    struct balact_error error;
    die_unless_ok(balact_head_loss_grad(step->backend, step->c->activation, &step->head, &error),
                  &error);
}

static void unfused_gradients(struct step *step) {
    const struct balact_linear *calls = &step->backend->linear;
    const struct balact_head_problem *h = &step->head;
    struct balact_linear_problem linear = linear_of(step);
    struct balact_problem p = BALACT_PROBLEM_INIT;
    struct balact_error error;
    p.rows = h->rows, p.cols = p.ld = p.ld_out = h->classes;
    p.logits = p.out = step->logits, p.labels = h->labels, p.offset = h->offset;
    p.grad_scale = h->grad_scale, p.loss = h->loss;
    check(calls->forward(&linear), "forward");
    die_unless_ok(balact_loss_grad_in_place(step->backend, step->c->activation, &p, &error),
                  &error);
    check(calls->grad_weight(&linear), "grad_weight");
    if (h->dx)
        check(calls->grad_input(&linear), "grad_input");
}

static void run_fused(struct step *step) {
    fused_gradients(step);
    sgd(step);
}

static void run_unfused(struct step *step) {
    unfused_gradients(step);
    sgd(step);
}

/* Products whose result nobody looks at. */
static void run_gemm(struct step *step) {
    const struct balact_head_problem *h = &step->head;
    balact_gemm *gemm = balact_gemm_libraries[0].gemm;
    int64_t m = h->rows, d = h->dim, n = h->classes;
    check(gemm(false, true, false, m, n, d, h->x, d, h->weight, d, step->logits, n), "a product");
    check(gemm(true, false, false, n, d, m, step->logits, n, h->x, d, h->dweight, d), "a product");
    if (h->dx)
        check(gemm(false, false, false, m, d, n, step->logits, n, h->weight, d, h->dx, d),
              "a product");
}

static const struct way {
    const char *name;
    void (*run)(struct step *);
    bool whole_logits; /* needs the matrix of all logits */
} ways[] = {{"balact", run_fused, false}, {"unfused", run_unfused, true}, {"gemm", run_gemm, true}};
enum { FUSED, UNFUSED, GEMM, WAYS = sizeof ways / sizeof *ways };

/* ---- Verification: against the reference on a few rows, and without chunks on all ---- */

static double worst_of(const float *got, const float *want, int64_t n, double worst) {
    double size = 0, difference = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(got[i]))
            return INFINITY;
        size = fmax(size, fabs((double)want[i]));
        difference = fmax(difference, fabs((double)got[i] - want[i]));
    }
    return fmax(worst, size > 0 ? difference / size : difference);
}

/* The fused call on the first few rows against the naive one: largest error of loss and gradients
 * relative to the largest value of each. */
static double error_on_few_rows(const struct step *step, int64_t rows) {
    struct balact_head_problem got = step->head, want = step->head;
    struct balact_error error;
    int64_t size = got.classes * got.dim;
    got.rows = want.rows = rows;
    got.grad_scale = want.grad_scale = 1;
    got.workspace = want.workspace = NULL;
    want.dweight = floats(size, 0, 0);
    want.dbias = floats(got.classes, 0, 0);
    want.loss = floats(rows, 0, 0);
    want.dx = got.dx ? floats(rows * got.dim, 0, 0) : NULL;
    die_unless_ok(balact_head_loss_grad(step->backend, step->c->activation, &got, &error), &error);
    die_unless_ok(
        balact_head_loss_grad(balact_backend_find("reference"), step->c->activation, &want, &error),
        &error);
    double worst = worst_of(got.dweight, want.dweight, size, 0);
    worst = worst_of(got.dbias, want.dbias, got.classes, worst);
    worst = worst_of(got.loss, want.loss, rows, worst);
    if (got.dx)
        worst = worst_of(got.dx, want.dx, rows * got.dim, worst);
    free(want.dweight), free(want.dbias), free(want.loss), free(want.dx);
    return worst;
}

/* The whole batch against the way without chunks, whose parts are verified by themselves. */
static double relative_to_unfused(struct step *step) {
    int64_t size = step->head.classes * step->head.dim;
    float *whole = floats(size, 0, 0);
    struct balact_head_problem kept = step->head;
    fused_gradients(step);
    memcpy(whole, step->head.dweight, (size_t)size * sizeof *whole);
    unfused_gradients(step);
    double worst = worst_of(whole, step->head.dweight, size, 0);
    step->head = kept;
    free(whole);
    return worst;
}

/* Few rows so that the naive loops take a second; then all rows, in chunks, against the way without
 * chunks. Relative to the largest entry; sums of up to 2048 products keep this many digits. */
#define ERROR_BOUND 2e-5
static double verify_case(struct step *step) {
    double work = 3e-9 * (double)step->head.dim * (double)step->head.classes;
    int64_t rows = (int64_t)(0.3 / work);
    rows = rows < 2 ? 2 : rows > 64 ? 64 : rows;
    return fmax(error_on_few_rows(step, rows < step->head.rows ? rows : step->head.rows),
                relative_to_unfused(step));
}

/* ---- Peak memory, of a step in a process of its own ---- */

/* A process of its own, because allocators keep what they once had. -1 if it failed. */
static int64_t peak_of(const struct head_case *c, const struct balact_backend *backend,
                       const struct way *way, int threads) {
    int64_t peak = -1;
    int ends[2];
    fflush(NULL);
    if (pipe(ends) != 0)
        return -1;
    char number[32] = "", text[5][32];
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        snprintf(text[0], sizeof text[0], "%zd", (ssize_t)(c - cases));
        snprintf(text[1], sizeof text[1], "%zd", (ssize_t)(way - ways));
        snprintf(text[2], sizeof text[2], "%d", threads);
        execl("/proc/self/exe", "balact", "bench", "head", "--peak-of", text[0], "--peak-way",
              text[1], "--threads", text[2], "--backend", backend->name, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (child > 0) {
        ssize_t got = read(ends[0], number, sizeof number - 1);
        int status = 0;
        waitpid(child, &status, 0);
        if (got > 0 && status == 0)
            peak = strtoll(number, NULL, 10);
    }
    close(ends[0]);
    return peak;
}

/* Not ru_maxrss of getrusage(), which a process inherits from the one that started it. */
static int64_t high_water(void) {
    char line[256];
    long long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && kib < 0 && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6))
            kib = strtoll(line + 6, NULL, 10);
    if (status)
        fclose(status);
    return kib < 0 ? -1 : kib * 1024;
}

int64_t balact_head_peak(const struct balact_backend *backend, int64_t number, int64_t way,
                         int64_t threads) {
    if (number < 0 || number >= (int64_t)(sizeof cases / sizeof *cases) || way < 0 || way >= WAYS)
        die(EXIT_BAD_INPUT, "bench head: no case %lld, or no way %lld", (long long)number,
            (long long)way);
    struct step step = step_open(&cases[number], backend);
    balact_set_threads((int)threads);
    workspace_of(backend, &step.head);
    if (ways[way].whole_logits)
        step.logits = floats(step.head.rows * step.head.classes, 0, 0);
    ways[way].run(&step);
    int64_t peak = high_water();
    step_close(&step);
    return peak;
}

/* ---- Timing ---- */

enum { MAX_SAMPLES = 61 };

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const double *sorted, int n, double q) {
    double at = q * (n - 1);
    int below = (int)at;
    return below + 1 < n ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below])
                         : sorted[n - 1];
}

struct timing {
    double seconds[MAX_SAMPLES];
    int64_t peak;
};

/* The ways take turns, so that a change of the machine's speed meets all of them. The first round
 * warms up and is written over; it also says how many rounds fit. */
static int time_ways(struct step *step, bool quick, struct timing timing[WAYS]) {
    int samples = 3;
    for (int s = -1; s < samples; s++) {
        double round = 0;
        for (int w = 0; w < WAYS; w++) {
            double start = seconds_now();
            ways[w].run(step);
            double taken = seconds_now() - start;
            timing[w].seconds[s < 0 ? 0 : s] = taken;
            round += taken;
        }
        if (s < 0) {
            double fit = (quick ? 1.2 : 15.0) / round;
            samples = fit > MAX_SAMPLES ? MAX_SAMPLES : fit < 3 ? 3 : (int)fit;
        }
    }
    for (int w = 0; w < WAYS; w++)
        qsort(timing[w].seconds, (size_t)samples, sizeof(double), compare);
    return samples;
}

static double flops_of(const struct head_case *c) {
    return (c->grad_input ? 6.0 : 4.0) * (double)c->rows * (double)c->dim * (double)c->classes;
}

static void report_way(FILE *csv, const struct step *step, int w, const struct timing *timing,
                       int samples, double gemm_rate, double error, bool verified) {
    const struct head_case *c = step->c;
    const char *activation = w == GEMM ? "none" : balact_activation_info(c->activation)->name;
    char peak[32] = "", mib[32] = "";
    if (timing->peak >= 0) {
        snprintf(peak, sizeof peak, "%lld", (long long)timing->peak);
        snprintf(mib, sizeof mib, "%.0f", (double)timing->peak / 1048576);
    }
    double p10 = percentile(timing->seconds, samples, 0.1);
    double p50 = percentile(timing->seconds, samples, 0.5);
    double p90 = percentile(timing->seconds, samples, 0.9), rate = flops_of(c) / p50;
    if (csv) {
        fprintf(csv, "%s,%s,%lld,%lld,%lld,%d,%s,", ways[w].name,
                w == GEMM ? "" : activation, (long long)c->rows,
                (long long)c->dim, (long long)c->classes, step->threads,
                c->grad_input ? "1" : "0");
        if (verified)
            fprintf(csv, "%.6g,%.6g,%.6g,%d,%.6g,%.6g,%.6g,%.4f,%s,%.3g,yes\n", p10, p50, p90,
                    samples, (double)c->rows / p50, rate, gemm_rate, rate / gemm_rate, peak, error);
        else
            fprintf(csv, ",,,0,,,,,%s,%.3g,no\n", peak, error);
    }
    if (!verified) {
        printf("| %s | %s | WRONG: error %.3g |\n", ways[w].name, activation, error);
        return;
    }
    printf("| %lld x %lld x %lld | %s | %s | %d | %s | %.4g | %.0f | %.0f | %.1f %% | %s |\n",
           (long long)c->rows, (long long)c->dim, (long long)c->classes, activation,
           c->grad_input ? "yes" : "no", step->threads, ways[w].name, 1e3 * p50,
           (double)c->rows / p50, 1e-9 * rate, 100 * rate / gemm_rate, mib);
}

static bool measure_case(const struct head_options *options, const struct head_case *c, FILE *csv) {
    static struct timing timing[WAYS];
    struct step step = step_open(c, options->backend);
    int all = balact_threads();
    workspace_of(options->backend, &step.head);
    step.logits = floats(c->rows * c->classes, 0, 0);
    double error = verify_case(&step);
    bool verified = error <= ERROR_BOUND;
    int first = options->quick && c->classes > 100000 && !options->threads && all > 1;
    for (int pass = first; pass < 2; pass++) {
        step.threads = pass || options->threads ? all : 1;
        if (pass && (options->threads || all == 1))
            break; /* one number of threads only */
        balact_set_threads(step.threads);
        int samples = verified ? time_ways(&step, options->quick, timing) : 1;
        double rate = flops_of(c) / percentile(timing[GEMM].seconds, samples, 0.5);
        for (int w = 0; w < WAYS; w++) {
            if (pass == first) /* threads hardly change it; products alone are no way to train */
                timing[w].peak = w == GEMM ? -1 : peak_of(c, options->backend, &ways[w], all);
            report_way(csv, &step, w, &timing[w], samples, rate, error, verified);
        }
        fflush(stdout);
    }
    balact_set_threads(all);
    step_close(&step);
    return verified;
}

bool balact_measure_head(const struct head_options *options) {
    struct balact_output output = {NULL, NULL, NULL};
    struct balact_error error;
    char path[4096];
    bool fine = true;
    if (!options->backend->head.run || !balact_gemm_libraries[0].name)
        die(EXIT_BAD_INPUT, "bench head: backend %s has no fused head in this build (%s)",
            options->backend->name, options->backend->linear.library);
    if (options->out) {
        die_unless_ok(balact_make_folder(options->out, &error), &error);
        snprintf(path, sizeof path, "%s/head.csv", options->out);
        die_unless_ok(balact_output_open(&output, path, &error), &error);
        fprintf(output.file, "implementation,activation,rows,dim,classes,threads,grad_input,"
                             "seconds_p10,seconds_p50,seconds_p90,samples,samples_per_second,"
                             "flops_per_second,gemm_flops_per_second,share_of_gemm,peak_bytes,"
                             "max_error,verified\n");
    }
    printf("Backend %s, products by %s.\n\n| rows x features x classes | activation | dX | threads "
           "| way | ms | samples/s | GFLOP/s | share of gemm | peak MiB |\n"
           "|---|---|---|---|---|---|---|---|---|---|\n",
           options->backend->name, options->backend->linear.library);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!options->quick || cases[i].quick)
            fine = measure_case(options, &cases[i], output.file) && fine;
    if (options->out) {
        die_unless_ok(balact_output_commit(&output, &error), &error);
        printf("\n%s\n", path);
    }
    return fine;
}
