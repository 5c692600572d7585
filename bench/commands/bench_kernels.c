/* SPDX-License-Identifier: MIT
 *
 * balact bench kernels: options, and the folder of the results.
 */
#include "bench/commands/bench_kernels.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/measure/kernels.h"
#include "bench/program.h"
#include "bench/run_json.h"
#include "datasets/output.h"

static const char command[] = "bench kernels";

struct settings {
    const char *backend, *kernel_case, *activation, *op, *dtype, *threads, *peers, *out;
    int64_t repeats, seed;
    bool quick, cold;
};

/* The next word of a list separated by commas; false at its end. */
static bool next_word(const char **list, char *word, size_t size) {
    *list += strspn(*list, ", ");
    size_t length = strcspn(*list, ", ");
    snprintf(word, size, "%.*s", (int)length, *list);
    *list += length;
    return length > 0;
}

static _Noreturn void unknown(const char *option, const char *word, const char *const *names,
                              size_t count) {
    const char *near = nearest_name(word, names, count);
    if (near)
        die(EXIT_BAD_INPUT, "%s: --%s knows no '%s'; did you mean %s?", command, option, word,
            near);
    char all[512] = "";
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    }
    die(EXIT_BAD_INPUT, "%s: --%s knows no '%s', only %s", command, option, word, all);
}

/* Sets chosen[i] for each of names[count] that the list has; NULL or "all": all of them. */
static void choose(const char *option, const char *list, const char *const *names, size_t count,
                   bool *chosen) {
    char word[64];
    bool all = !list || !strcmp(list, "all");
    for (size_t i = 0; i < count; i++)
        chosen[i] = all;
    while (!all && next_word(&list, word, sizeof word)) {
        size_t i = 0;
        while (i < count && strcmp(names[i], word) != 0)
            i++;
        if (i == count)
            unknown(option, word, names, count);
        chosen[i] = true;
    }
}

static void choose_cases(struct kernels_plan *plan, const struct settings *settings) {
    size_t count;
    const struct timed_case *cases = timed_cases(&count);
    const char *names[KERNELS_MOST];
    bool chosen[KERNELS_MOST];
    for (size_t i = 0; i < count; i++)
        names[i] = cases[i].name;
    choose("case", settings->kernel_case, names, count, chosen);
    for (size_t i = 0; i < count; i++)
        if (chosen[i] && (settings->kernel_case || cases[i].quick || !settings->quick))
            plan->cases[plan->case_count++] = &cases[i];
}

static void choose_what(struct kernels_plan *plan, const struct settings *settings) {
    static const enum balact_dtype dtypes[] = {BALACT_F32, BALACT_BF16, BALACT_F16};
    const char *activations[BALACT_ACTIVATION_COUNT], *operations[BALACT_OPERATION_COUNT];
    const char *dtype_names[3];
    bool chosen[3];
    for (int i = 0; i < BALACT_ACTIVATION_COUNT; i++)
        activations[i] = balact_activation_info((enum balact_activation)i)->name;
    for (int i = 0; i < BALACT_OPERATION_COUNT; i++)
        operations[i] = balact_operation_name((enum balact_operation)i);
    for (int i = 0; i < 3; i++)
        dtype_names[i] = dtype_name(dtypes[i]);
    choose("activation", settings->activation, activations, BALACT_ACTIVATION_COUNT,
           plan->activations);
    choose("op",
           settings->op      ? settings->op
           : settings->quick ? "forward,loss_grad"
                             : NULL,
           operations, BALACT_OPERATION_COUNT, plan->operations);
    choose("dtype",
           settings->dtype   ? settings->dtype
           : settings->quick ? "f32"
                             : NULL,
           dtype_names, 3, chosen);
    for (int i = 0; i < 3; i++)
        if (chosen[i])
            plan->dtypes[plan->dtype_count++] = dtypes[i];
}

static void choose_threads(struct kernels_plan *plan, const char *list) {
    char word[64];
    int all = balact_threads();
    if (!list) {
        plan->threads[plan->thread_count++] = 1;
        if (all > 1)
            plan->threads[plan->thread_count++] = all;
        return;
    }
    while (next_word(&list, word, sizeof word) && plan->thread_count < KERNELS_MOST) {
        char *end;
        long threads = strcmp(word, "all") ? strtol(word, &end, 10) : (end = "", all);
        if (*end || threads < 1 || threads > 4096)
            die(EXIT_BAD_INPUT, "%s: --threads wants numbers of 1..4096, or all, not '%s'", command,
                word);
        plan->threads[plan->thread_count++] = (int)threads;
    }
}

/* The reference judges; it is timed by name alone. */
static void choose_backends(struct kernels_plan *plan, const char *list) {
    size_t count;
    const struct balact_backend *const *backends = balact_backends(&count);
    const char *names[KERNELS_MOST];
    bool chosen[KERNELS_MOST];
    for (size_t i = 0; i < count; i++)
        names[i] = backends[i]->name;
    choose("backend", list, names, count, chosen);
    for (size_t i = 0; i < count; i++) {
        char why[256] = "";
        if (!chosen[i] || (!list && !strcmp(names[i], "reference")))
            continue;
        if (backends[i]->usable(why, sizeof why))
            plan->backends[plan->backend_count++] = backends[i];
        else
            printf("SKIP %s: %s\n", names[i], why);
    }
}

static void choose_peers(struct kernels_plan *plan, const struct settings *settings) {
    size_t count;
    const struct peer_program *programs = peer_programs(&count);
    const char *names[KERNELS_MOST], *list = settings->peers;
    bool chosen[KERNELS_MOST];
    for (size_t i = 0; i < count; i++)
        names[i] = programs[i].name;
    if (list && !strcmp(list, "none"))
        return;
    choose("peers", list, names, count, chosen);
    for (size_t i = 0; i < count; i++) {
        if (chosen[i] && !list && settings->quick && !strcmp(names[i], "torch_compile"))
            printf("SKIP peer torch_compile: compiling takes longer than all of --quick; ask for "
                   "it by --peers\n");
        else if (chosen[i])
            plan->peers[plan->peer_count++] = &programs[i];
    }
}

/* A processor's name as part of a path: "amd-epyc-9354". */
static void slug_of_processor(char *slug, size_t size) {
    char name[256];
    size_t used = 0;
    processor_name(name, sizeof name);
    for (const char *from = name; *from && used + 1 < size; from++) {
        if (*from == '(' && strchr(from, ')')) /* (R), (TM) */
            from = strchr(from, ')');
        else if (isalnum((unsigned char)*from))
            slug[used++] = (char)tolower((unsigned char)*from);
        else if (used && slug[used - 1] != '-')
            slug[used++] = '-';
    }
    while (used && slug[used - 1] == '-')
        used--;
    slug[used] = '\0';
}

static void default_folder(char *folder, size_t size) {
    char date[32], slug[128];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(date, sizeof date, "%Y-%m-%d", &local);
    slug_of_processor(slug, sizeof slug);
    snprintf(folder, size, "bench/results/%s-%s", date, slug);
}

/* ---- The files ---- */

static const char *const file_names[] = {"kernels.csv", "samples.csv", "limits.csv", "skipped.csv"};
enum { FILES = 4 };

static void open_files(const char *folder, struct balact_output *outputs,
                       struct kernels_files *files) {
    struct balact_error error;
    FILE **all[FILES] = {&files->kernels, &files->samples, &files->limits, &files->skipped};
    die_unless_ok(balact_make_folder(folder, &error), &error);
    for (int i = 0; i < FILES; i++) {
        char path[1200];
        snprintf(path, sizeof path, "%s/%s", folder, file_names[i]);
        die_unless_ok(balact_output_open(&outputs[i], path, &error), &error);
        *all[i] = outputs[i].file;
    }
}

static void write_record(const char *folder, int argc, char **argv, const struct settings *settings,
                         const struct kernels_plan *plan, time_t started) {
    struct balact_error error;
    static struct run_setting rows[6];
    uint64_t seed = (uint64_t)settings->seed;
    static char backends[128] = "";
    for (size_t i = 0; i < plan->backend_count; i++) {
        size_t used = strlen(backends);
        snprintf(backends + used, sizeof backends - used, "%s%s", i ? "," : "",
                 plan->backends[i]->name);
    }
    rows[0].key = "quick", snprintf(rows[0].value, 8, "%s", settings->quick ? "yes" : "no");
    rows[1].key = "cold", snprintf(rows[1].value, 8, "%s", settings->cold ? "yes" : "no");
    rows[2].key = "rounds", snprintf(rows[2].value, 32, "%zu", plan->pace.rounds);
    rows[3].key = "sample_seconds", snprintf(rows[3].value, 32, "%g", plan->pace.sample_seconds);
    rows[4].key = "page_bytes", snprintf(rows[4].value, 32, "%ld", sysconf(_SC_PAGESIZE));
    rows[5].key = "peers";
    for (size_t i = 0; i < plan->peer_count; i++) {
        size_t used = strlen(rows[5].value);
        snprintf(rows[5].value + used, sizeof rows[5].value - used, "%s%s", i ? "," : "",
                 plan->peers[i]->name);
    }
    struct run_record record = {.argc = argc,
                                .argv = argv,
                                .backend = backends,
                                .threads = balact_threads(),
                                .seeds = &seed,
                                .seed_count = 1,
                                .settings = rows,
                                .setting_count = sizeof rows / sizeof *rows,
                                .started = started};
    balact_status status = run_json_write(folder, &record, &error);
    if (status == BALACT_ERROR_UNSUPPORTED)
        printf("SKIP %s\n", error.message);
    else
        die_unless_ok(status, &error);
}

static int run(const struct kernels_plan *plan, const struct settings *settings, int argc,
               char **argv) {
    struct balact_output outputs[FILES] = {{0}};
    struct kernels_files files = {0};
    struct kernels_tally tally = {0};
    struct balact_error error;
    char folder[1024];
    time_t started = time(NULL);
    double begin = seconds_now();
    default_folder(folder, sizeof folder);
    if (settings->out)
        snprintf(folder, sizeof folder, "%s", settings->out);
    open_files(folder, outputs, &files);
    balact_status status = kernels_run(plan, &files, &tally, &error);
    for (int i = 0; i < FILES && status != BALACT_OK; i++)
        balact_output_abandon(&outputs[i]);
    die_unless_ok(status, &error);
    for (int i = 0; i < FILES; i++)
        die_unless_ok(balact_output_commit(&outputs[i], &error), &error);
    write_record(folder, argc, argv, settings, plan, started);
    printf("bench kernels: %" PRId64 " timed, %" PRId64 " wrong, %" PRId64 " skipped, %.0f s: %s\n",
           tally.timed, tally.wrong, tally.skipped, seconds_now() - begin, folder);
    return tally.wrong ? EXIT_CHECK_FAILED : EXIT_FINE;
}

int balact_bench_kernels(int argc, char **argv) {
    struct settings settings = {.seed = 20200718};
    char *words[64]; /* options_parse() moves them about; run.json wants them as they were */
    for (int i = 0; i < argc && i < 64; i++)
        words[i] = argv[i];
    const struct option_row rows[] = {
        {"quick", OPTION_FLAG, &settings.quick, NULL, "a few cases, in fp32, in under a minute"},
        {"backend", OPTION_STRING, &settings.backend, "LIST", "backends (all that run here)"},
        {"case", OPTION_STRING, &settings.kernel_case, "LIST", "cases, as 4096x1000 (all)"},
        {"activation", OPTION_STRING, &settings.activation, "LIST", "activations (all)"},
        {"op", OPTION_STRING, &settings.op, "LIST", "operations, as forward_in_place (all)"},
        {"dtype", OPTION_STRING, &settings.dtype, "LIST", "types: f32, bf16, f16 (all)"},
        {"threads", OPTION_STRING, &settings.threads, "LIST", "threads (1,all)"},
        {"repeats", OPTION_INTEGER, &settings.repeats, "N", "samples at least, 0: 21, quick 9"},
        {"cold", OPTION_FLAG, &settings.cold, NULL, "cold caches too, without peers"},
        {"peers", OPTION_STRING, &settings.peers, "LIST", "peers, or none (all)"},
        {"seed", OPTION_INTEGER, &settings.seed, "N", "seed of the data"},
        {"out", OPTION_STRING, &settings.out, "DIR", "folder (bench/results/<date>-<cpu>)"},
    };
    if (options_parse(argc, argv, "bench kernels [options]",
                      "Verifies the kernels against the reference and times them in turns with "
                      "each other, with\nwhat peers are here and with copies of the same size; "
                      "exits 1 if any is wrong.",
                      rows, sizeof rows / sizeof *rows))
        die(EXIT_BAD_INPUT, "%s: does not understand '%s'", command, argv[1]);
    if (settings.repeats < 0 || settings.repeats > SAMPLES_MOST)
        die(EXIT_BAD_INPUT, "%s: --repeats must lie in 0..%d", command, SAMPLES_MOST);
    static struct kernels_plan plan;
    plan.cold = settings.cold;
    plan.seed = (uint64_t)settings.seed;
    plan.patience = 300.0;
    plan.memory = shared_file_folder();
    plan.pace = (struct contest_pace){.rounds = settings.quick ? 9 : 21,
                                      .seconds = settings.quick ? 0.05 : 0.3,
                                      .sample_seconds = 1e-3};
    if (settings.repeats)
        plan.pace =
            (struct contest_pace){.rounds = (size_t)settings.repeats, .sample_seconds = 1e-3};
    choose_backends(&plan, settings.backend);
    choose_cases(&plan, &settings);
    choose_what(&plan, &settings);
    choose_threads(&plan, settings.threads);
    choose_peers(&plan, &settings);
    return run(&plan, &settings, argc, words);
}
