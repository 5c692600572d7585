/* SPDX-License-Identifier: MIT
 *
 * Times full training steps of a head (logits, loss, gradients, SGD step) in the ways of
 * head_step.h and by PyTorch. docs/METHOD.md, "Fused head".
 */
#include "bench/measure/head.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/head_peer.h"
#include "bench/measure/samples.h"
#include "bench/program.h"
#include "datasets/output.h"
#include "optimized/cpu/linear.h"

static const struct head_case cases[] = {
    {BALACT_BALANCED_SOFTMAX, 4096, 2048, 1000, false, true},
    {BALACT_BALANCED_SOFTMAX, 4096, 2048, 1000, true, false},
    {BALACT_BALANCED_SOFTMAX, 512, 2048, 1000, false, true},
    {BALACT_BALANCED_SOFTMAX, 512, 2048, 1000, true, false},
    {BALACT_BALANCED_SOFTMAX, 4096, 1024, 1203, false, false},
    {BALACT_BALANCED_SIGMOID, 4096, 1024, 1203, false, true},
    {BALACT_BALANCED_SIGMOID, 4096, 1024, 1203, true, false},
    {BALACT_BALANCED_SOFTMAX, 2048, 512, 21841, false, false},
    {BALACT_BALANCED_SOFTMAX, 2048, 512, 21841, true, false},
    {BALACT_BALANCED_SOFTMAX, 256, 512, 200000, false, false},
    {BALACT_BALANCED_SOFTMAX, 256, 512, 200000, true, false},
};

/* ---- Peak memory, of a step in a process of its own ---- */

/* A process of its own, because allocators keep what they once had. -1 if it failed. */
static int64_t peak_of(const struct head_case *c, const struct balact_backend *backend, int way,
                       int threads) {
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
        snprintf(text[1], sizeof text[1], "%d", way);
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
    if (number < 0 || number >= (int64_t)(sizeof cases / sizeof *cases) || way < 0 ||
        way >= HEAD_WAYS)
        die(EXIT_BAD_INPUT, "bench head: no case %lld, or no way %lld", (long long)number,
            (long long)way);
    balact_set_threads((int)threads);
    struct step step = step_open(&cases[number], backend, head_ways[way].whole_logits);
    head_ways[way].run(&step);
    int64_t peak = high_water();
    step_close(&step);
    return peak;
}

/* ---- Timing ---- */

enum { TORCH = HEAD_WAYS, CONTESTANTS, MOST_ROUNDS = 61 };

/* What came of a contestant in a case; without samples it is not quoted. */
struct outcome {
    struct samples samples;
    double error; /* of verification; NAN: no result */
    bool verified, skipped;
    const char *why; /* in words, where it is not verified */
};

struct measurement {
    const struct head_options *options;
    struct peer_process peer;
    FILE *csv;
    bool fine;

    /* The case that it is at. */
    struct step step;
    int threads;
    struct outcome outcomes[CONTESTANTS];
    int64_t peaks[CONTESTANTS]; /* bytes; -1: unknown */
};

/* One step, its sample kept unless it warms up. Its seconds. */
static double take_turn(struct measurement *m, int contestant, bool keep) {
    struct outcome *outcome = &m->outcomes[contestant];
    double seconds = 0;
    if (!outcome->verified)
        return 0;
    if (contestant != TORCH) {
        double start = seconds_now();
        head_ways[contestant].run(&m->step);
        seconds = seconds_now() - start;
    } else if (!head_peer_time(&m->peer, m->threads, &seconds)) {
        outcome->samples.count = 0;
        outcome->verified = m->fine = false;
        outcome->why = m->peer.why;
        return 0;
    }
    if (keep)
        samples_add(&outcome->samples, seconds);
    return seconds;
}

/* They take turns, so that a change of the machine's speed meets all of them. The first round warms
 * up and says how many rounds fit. */
static void time_all(struct measurement *m) {
    double round = 0;
    for (int w = 0; w < CONTESTANTS; w++)
        round += take_turn(m, w, false);
    double fit = (m->options->quick ? 1.2 : 15.0) / round;
    int rounds = fit > MOST_ROUNDS ? MOST_ROUNDS : fit < 3 ? 3 : (int)fit;
    for (int r = 0; r < rounds; r++)
        for (int w = 0; w < CONTESTANTS; w++)
            take_turn(m, w, true);
}

/* ---- Verification ---- */

static void verify_ways(struct measurement *m) {
    double error = step_error(&m->step);
    for (int w = 0; w < HEAD_WAYS; w++)
        m->outcomes[w] =
            (struct outcome){.error = error, .verified = error <= HEAD_ERROR_BOUND, .why = "wrong"};
    m->fine = m->fine && error <= HEAD_ERROR_BOUND;
}

/* After the ways, for it is judged by the fused one. */
static void verify_torch(struct measurement *m) {
    struct outcome *torch = &m->outcomes[TORCH];
    *torch = (struct outcome){.error = NAN, .why = m->peer.why};
    if (!m->outcomes[HEAD_FUSED].verified) {
        torch->skipped = true;
        torch->why = "nothing right to compare with";
    } else if (head_peer_verify(&m->peer, &m->step, m->threads, &torch->error)) {
        torch->verified = torch->error <= HEAD_PEER_BOUND;
        torch->why = "wrong";
    } else {
        torch->skipped = m->peer.state != PEER_FAILED;
    }
    m->fine = m->fine && (torch->verified || torch->skipped);
}

/* ---- Reporting ---- */

static double flops_of(const struct head_case *c) {
    return (c->grad_input ? 6.0 : 4.0) * (double)c->rows * (double)c->dim * (double)c->classes;
}

static double rate_of(const struct measurement *m, int contestant) {
    return flops_of(m->step.c) / samples_quantile(&m->outcomes[contestant].samples, 0.5);
}

static void report_csv(const struct measurement *m, int w, const char *name) {
    const struct head_case *c = m->step.c;
    const struct outcome *o = &m->outcomes[w];
    const struct samples *s = &o->samples;
    char peak[32] = "", error[32] = "";
    if (m->peaks[w] >= 0)
        snprintf(peak, sizeof peak, "%lld", (long long)m->peaks[w]);
    if (!isnan(o->error))
        snprintf(error, sizeof error, "%.3g", o->error);
    fprintf(m->csv, "%s,%s,%lld,%lld,%lld,%d,%d,", name,
            balact_activation_info(c->activation)->name, (long long)c->rows, (long long)c->dim,
            (long long)c->classes, m->threads, c->grad_input);
    if (!o->verified) {
        fprintf(m->csv, ",,,0,,,,,%s,%s,%s\n", peak, error, o->skipped ? "SKIP" : "no");
        return;
    }
    double median = samples_quantile(s, 0.5), gemm = rate_of(m, HEAD_GEMM);
    fprintf(m->csv, "%.6g,%.6g,%.6g,%zu,%.6g,%.6g,%.6g,%.4f,%s,%s,yes\n", samples_quantile(s, 0.1),
            median, samples_quantile(s, 0.9), s->count, (double)c->rows / median, rate_of(m, w),
            gemm, rate_of(m, w) / gemm, peak, error);
}

static void report(const struct measurement *m, int w) {
    const struct head_case *c = m->step.c;
    const struct outcome *o = &m->outcomes[w];
    const char *name = w == TORCH ? m->peer.program->name : head_ways[w].name;
    char mib[32] = "";
    if (m->csv)
        report_csv(m, w, name);
    printf("| %lld x %lld x %lld | %s | %s | %d | %s |", (long long)c->rows, (long long)c->dim,
           (long long)c->classes, balact_activation_info(c->activation)->name,
           c->grad_input ? "yes" : "no", m->threads, name);
    if (!o->verified) {
        printf(" %s: %s", o->skipped ? "SKIP" : "FAIL", o->why);
        printf(isnan(o->error) ? " | | | | |\n" : ", error %.3g | | | | |\n", o->error);
        return;
    }
    if (m->peaks[w] >= 0)
        snprintf(mib, sizeof mib, "%.0f", (double)m->peaks[w] / 1048576);
    double median = samples_quantile(&o->samples, 0.5);
    printf(" %.4g | %.0f | %.0f | %.1f %% | %s |\n", 1e3 * median, (double)c->rows / median,
           1e-9 * rate_of(m, w), 100 * rate_of(m, w) / rate_of(m, HEAD_GEMM), mib);
}

/* ---- Cases ---- */

/* Once a case, for threads hardly change it; products alone are no way to train. Not of cases that
 * a fresh process would not know. */
static void measure_peaks(struct measurement *m, int threads) {
    for (int w = 0; w < CONTESTANTS; w++) {
        bool known = !m->options->cases && w < HEAD_WAYS && w != HEAD_GEMM;
        m->peaks[w] = known ? peak_of(m->step.c, m->options->backend, w, threads) : -1;
    }
}

static void measure_case(struct measurement *m, const struct head_case *c) {
    int all = balact_threads();
    int threads[] = {1, all}, first = m->options->threads || all == 1;
    m->step = step_open(c, m->options->backend, true);
    measure_peaks(m, all);
    for (int pass = first; pass < 2; pass++) {
        m->threads = threads[pass];
        balact_set_threads(m->threads);
        verify_ways(m);
        verify_torch(m);
        time_all(m);
        for (int w = 0; w < CONTESTANTS; w++)
            report(m, w);
        fflush(stdout);
    }
    balact_set_threads(all);
    step_close(&m->step);
}

static void measure_cases(struct measurement *m) {
    const struct head_options *options = m->options;
    const struct head_case *list = options->cases ? options->cases : cases;
    size_t count = options->cases ? options->case_count : sizeof cases / sizeof *cases;
    printf("Backend %s, products by %s, ", options->backend->name,
           options->backend->linear.library);
    if (m->peer.state == PEER_READY)
        printf("peer %s %s.\n\n", m->peer.program->name, m->peer.version);
    else
        printf("%s peer %s: %s\n\n", m->peer.state == PEER_ABSENT ? "SKIP" : "FAIL",
               m->peer.program->name, m->peer.why);
    printf("| rows x features x classes | activation | dX | threads | way | ms | samples/s | "
           "GFLOP/s | share of gemm | peak MiB |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++)
        if (!options->quick || list[i].quick)
            measure_case(m, &list[i]);
}

bool balact_measure_head(const struct head_options *options) {
    struct balact_output output = {NULL, NULL, NULL};
    struct balact_error error;
    char path[4096], log[512];
    static struct measurement m;
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
    m = (struct measurement){.options = options, .csv = output.file, .fine = true};
    peer_log_path(shared_file_folder(), "head", log, sizeof log);
    peer_start(&m.peer, options->peer, log, options->patience);
    measure_cases(&m);
    peer_stop(&m.peer);
    if (options->out) {
        die_unless_ok(balact_output_commit(&output, &error), &error);
        printf("\n%s\n", path);
    }
    return m.fine;
}
