/* SPDX-License-Identifier: MIT
 *
 * balact train: trains heads by method and seed on a data set, evaluates them and writes
 * <out>/<experiment>/ (docs/FORMATS.md, section 1).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/program.h"
#include "bench/run_json.h"
#include "bench/train/definition.h"
#include "bench/train/experiment.h"
#include "bench/train/trainer.h"

#define SUMMARY                                                                                    \
    "Trains a linear head by every method and seed of an experiment, evaluates it on val and\n"    \
    "test, and writes OUT/EXPERIMENT/. DATA is one of\n"                                           \
    "  imagenet-lt  ImageNet-LT as given features, real or from balact synth\n"                    \
    "  features     any given features with lists or labels, e.g. Places-LT\n"                     \
    "  cifar-lt     long-tailed CIFAR-10 or CIFAR-100 images\n"                                    \
    "  sample-size  synthetic sets of growing size against their Bayes optimum (no --data)\n"      \
    "  lvis         RoIs of LVIS with given features, in two stages; mAP by the LVIS protocol\n"   \
    "Settings come from the experiment's definition (bench/experiments/*.ini) and from the\n"      \
    "options, which win. Heads are evaluated after their last epoch; none is selected.\n"          \
    "An interrupted run (Ctrl-C, SIGTERM: exit status 128 + signal; or a crash) goes on with\n"    \
    "--resume and ends in the same bytes."

struct options {
    const char *data, *experiment, *name, *out, *backend;
    int64_t threads;
    bool resume, quiet;
    const char *setting[MAX_SETTINGS]; /* as typed, by index of settings_table() */
};

/* ---- Options: a few of this command, and one for each setting ---- */

enum { OWN_OPTIONS = 8 };

static void parse_options(int *argc, char **argv, struct options *options) {
    static char names[MAX_SETTINGS][32];
    struct option_row rows[OWN_OPTIONS + MAX_SETTINGS] = {
        {"data", OPTION_STRING, &options->data, "PATH", "archive or folder with the data"},
        {"experiment", OPTION_STRING, &options->experiment, "FILE",
         "definition file; by default the one of the data"},
        {"name", OPTION_STRING, &options->name, "NAME", "of the experiment, if not the file's"},
        {"out", OPTION_STRING, &options->out, "FOLDER", "of the run; results/EXPERIMENT if not given"},
        {"backend", OPTION_STRING, &options->backend, "NAME", "instead of the best usable one"},
        {"threads", OPTION_INTEGER, &options->threads, "N", "of the CPU; 0 takes all"},
        {"resume", OPTION_FLAG, &options->resume, NULL, "go on from the checkpoints in --out"},
        {"quiet", OPTION_FLAG, &options->quiet, NULL, "no progress on standard error"},
    };
    size_t count, used = OWN_OPTIONS;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(table[i].section, "experiment"))
            continue;
        snprintf(names[i], sizeof names[i], "%s", table[i].key);
        for (char *c = names[i]; *c; c++)
            *c = *c == '_' ? '-' : *c;
        rows[used++] = (struct option_row){names[i], OPTION_STRING, &options->setting[i],
                                           table[i].argument, table[i].help};
    }
    *argc = options_parse(*argc, argv, "train DATA [options]", SUMMARY, rows, used);
}

static void apply_options(struct settings *settings, const struct options *options) {
    size_t count;
    const struct setting *table = settings_table(&count);
    char why[512];
    for (size_t i = 0; i < count; i++)
        if (options->setting[i] &&
            !settings_set(settings, table[i].section, table[i].key, options->setting[i],
                          SETTINGS_COMMAND, why, sizeof why))
            die(EXIT_BAD_INPUT, "train: --%s: %s", table[i].key, why);
}

/* ---- Settings ---- */

/* The definition that goes with the data if none is named. */
static void default_definition(int kind, const struct options *options, char *name, size_t size) {
    if (kind != DATA_CIFAR_LT) {
        snprintf(name, size, "%s", data_kind_name((enum data_kind)kind));
        return;
    }
    int classes = 0;
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(table[i].key, "classes") && options->setting[i])
            classes = atoi(options->setting[i]);
    if (!classes)
        classes = task_guess_cifar_classes(options->data);
    snprintf(name, size, "cifar-%d-lt", classes == 100 ? 100 : 10);
}

static void load_definition(int kind, const struct options *options, struct settings *settings) {
    struct balact_error error;
    char name[64], path[1200];
    if (options->experiment && strpbrk(options->experiment, "/.")) {
        die_unless_ok(definition_load(options->experiment, settings, &error), &error);
        return;
    }
    if (options->experiment)
        snprintf(name, sizeof name, "%s", options->experiment);
    else
        default_definition(kind, options, name, sizeof name);
    snprintf(settings->name, sizeof settings->name, "%s", name);
#ifdef BALACT_HAVE_INIH
    if (!definition_find(name, path, sizeof path))
        die(EXIT_BAD_INPUT,
            "train: no definition %s.ini in bench/experiments/ or beside the program; run from the "
            "project's folder or give --experiment FILE",
            name);
    die_unless_ok(definition_load(path, settings, &error), &error);
#else
    (void)path;
    if (options->experiment)
        die_unless_ok(definition_load(options->experiment, settings, &error), &error);
    fprintf(stderr,
            "balact: this build reads no definition files (libinih-dev was missing): the "
            "built-in defaults and the options hold, not those of %s.ini\n",
            name);
#endif
}

static void make_settings(int argc, char **argv, const struct options *options,
                          struct settings *settings) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    const char *kinds[DATA_KIND_COUNT];
    for (int i = 0; i < DATA_KIND_COUNT; i++)
        kinds[i] = data_kind_name((enum data_kind)i);
    if (argc != 1)
        die(EXIT_BAD_INPUT,
            argc ? "train: one word says the data, then options; what is '%s'?"
                 : "train: on what? see balact train --help%s",
            argc ? argv[2] : "");
    int kind = data_kind_find(argv[1]);
    if (kind < 0) {
        const char *near = nearest_name(argv[1], kinds, DATA_KIND_COUNT);
        die(EXIT_BAD_INPUT, "train: cannot train on '%s'%s%s%s; see balact train --help", argv[1],
            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (kind != DATA_SAMPLE_SIZE && !options->data)
        die(EXIT_BAD_INPUT, "train: %s wants --data PATH", argv[1]);
    if (kind == DATA_SAMPLE_SIZE && options->data)
        die(EXIT_BAD_INPUT, "train: sample-size makes its own data; leave --data out");
    settings_init(settings);
    settings->kind = kind;
    load_definition(kind, options, settings);
    if (settings->kind != kind)
        die(EXIT_BAD_INPUT, "train: %s is an experiment on %s, not on %s", settings->definition,
            data_kind_name((enum data_kind)settings->kind), argv[1]);
    apply_options(settings, options);
    if (options->name) {
        if (!*options->name || strlen(options->name) >= sizeof settings->name ||
            options->name[strspn(options->name, allowed)])
            die(EXIT_BAD_INPUT,
                "train: --name may hold letters, digits, '-', '_' and '.', at most "
                "63, not '%s'",
                options->name);
        snprintf(settings->name, sizeof settings->name, "%s", options->name);
    }
}

/* ---- Backend ---- */

/* The backend by name, or the best. shown gets its name, with "+reference" where the reference has
 * to fill in for the linear head. */
static const struct balact_backend *choose_backend(const char *name, char *shown, size_t size) {
    struct balact_error error;
    char why[256] = "", missing[64];
    const char *names[16];
    size_t count;
    const struct balact_backend *const *all = balact_backends(&count);
    const struct balact_backend *backend;
    for (size_t i = 0; i < count && i < 16; i++)
        names[i] = all[i]->name;
    if (name) {
        backend = balact_backend_find(name);
        const char *near = nearest_name(name, names, count < 16 ? count : 16);
        if (!backend)
            die(EXIT_BAD_INPUT, "train: this build has no backend '%s'%s%s%s; see balact info",
                name, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        if (!backend->usable(why, sizeof why))
            die(EXIT_BAD_INPUT, "train: backend %s cannot run here: %s", name, why);
    } else if (!(backend = balact_backend_default(&error))) {
        die(EXIT_BAD_INPUT, "%s", error.message);
    }
    struct balact_linear calls;
    die_unless_ok(linear_calls(backend, &calls, missing, sizeof missing, &error), &error);
    snprintf(shown, size, "%s%s", backend->name, missing[0] ? "+reference" : "");
    if (missing[0])
        fprintf(stderr,
                "balact: backend %s lacks %s of the linear head; the reference's do that "
                "work, slowly\n",
                backend->name, missing);
    return backend;
}

/* ---- Echo and record ---- */

enum { RECORD_LIMIT = MAX_SETTINGS + MAX_OVERRIDES + 16 };

static void record(struct run_setting *list, size_t *count, const char *key, const char *value) {
    if (*count == RECORD_LIMIT)
        return;
    list[*count].key = key;
    snprintf(list[*count].value, sizeof list[*count].value, "%s", value);
    ++*count;
}

/* Does setting i say anything about data of this kind? */
static bool is_of_kind(const struct setting *setting, int64_t kind) {
    if (!strncmp(setting->help, "CIFAR-LT:", 9))
        return kind == DATA_CIFAR_LT;
    if (!strncmp(setting->help, "LVIS:", 5))
        return kind == DATA_LVIS;
    return strncmp(setting->help, "sample-size:", 12) != 0 || kind == DATA_SAMPLE_SIZE;
}

/* Every effective value: to standard output now, and to run.json later. */
static size_t echo(const struct experiment *e, struct run_setting *list) {
    const struct settings *settings = e->settings;
    const char *library = e->backend->linear.library ? e->backend->linear.library : "none";
    static char override_keys[MAX_OVERRIDES][96];
    size_t settings_count, count = 0;
    const struct setting *table = settings_table(&settings_count);
    char value[2048], threads[16];
    record(list, &count, "experiment", settings->name);
    record(list, &count, "definition", settings->definition[0] ? settings->definition : "none");
    record(list, &count, "data_path", e->data ? e->data : "generated");
    record(list, &count, "backend", e->backend_name);
    record(list, &count, "head_library", library);
    snprintf(threads, sizeof threads, "%d", balact_threads());
    record(list, &count, "threads", threads);
    printf("experiment %s (%s), backend %s (head: %s), %s threads\n", settings->name,
           settings->definition[0] ? settings->definition : "no definition file", e->backend_name,
           library, threads);
    for (size_t i = 0; i < settings_count; i++) {
        if (!is_of_kind(&table[i], settings->kind))
            continue;
        settings_get(settings, i, value, sizeof value);
        record(list, &count, table[i].key, value);
        printf("  %-20s %s%s\n", table[i].key, value,
               settings->from_command[i] ? "  (command line)"
               : settings->given[i]      ? ""
                                         : "  (default)");
    }
    for (size_t i = 0; i < settings->override_count; i++) {
        const struct setting_override *o = &settings->overrides[i];
        snprintf(override_keys[i], sizeof override_keys[i], "%s.%s", o->method->name,
                 table[o->setting].key);
        record(list, &count, override_keys[i],
               settings->from_command[o->setting] ? "overridden by the command line" : o->value);
        printf("  %-20s %s\n", override_keys[i], list[count - 1].value);
    }
    fflush(stdout);
    return count;
}

static void write_record(int argc, char **argv, const struct experiment *e,
                         const struct run_setting *list, size_t list_count, time_t started) {
    struct balact_error error;
    struct balact_source definition = {.path = (char *)e->settings->definition};
    const struct balact_source **inputs = malloc((e->input_count + 1) * sizeof *inputs);
    size_t count = 0;
    if (!inputs)
        die(EXIT_BAD_INPUT, "train: out of memory");
    if (e->settings->definition[0]) {
        balact_sha256_file(definition.path, definition.sha256, &definition.bytes, NULL);
        inputs[count++] = &definition;
    }
    for (size_t i = 0; i < e->input_count; i++)
        inputs[count++] = &e->inputs[i];
    const struct run_record run = {
        .argc = argc,
        .argv = argv,
        .backend = e->backend_name,
        .threads = balact_threads(),
        .seeds = e->settings->seeds,
        .seed_count = e->settings->seed_count,
        .inputs = inputs,
        .input_count = count,
        .settings = list,
        .setting_count = list_count,
        .started = started,
    };
    balact_status status = run_json_write(e->folder, &run, &error);
    free(inputs);
    if (status == BALACT_ERROR_UNSUPPORTED)
        fprintf(stderr, "balact: %s\n", error.message);
    else
        die_unless_ok(status, &error);
}

/* ---- Threads ----
 *
 * Between two parallel loops idle threads of GNU's OpenMP spin. A step of training has several, so
 * that on a machine with other work a spinning thread keeps the one that it waits for from running:
 * ten times slower was measured at load 8, against nothing lost on an idle machine. The policy is
 * read when the library is loaded, so the program starts itself again with it set. */
static void let_idle_threads_sleep(int argc, char **argv) {
#ifdef _OPENMP
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    char **words = malloc(((size_t)argc + 2) * sizeof *words);
    if (!words || setenv("OMP_WAIT_POLICY", "passive", 1) != 0) {
        free(words);
        return;
    }
    words[0] = "balact";
    memcpy(words + 1, argv, (size_t)argc * sizeof *words);
    words[argc + 1] = NULL;
    execv("/proc/self/exe", words);
    free(words); /* cannot: slower, not worse */
#else
    (void)argc;
    (void)argv;
#endif
}

/* ---- The command ---- */

static volatile sig_atomic_t caught;

static void on_signal(int number) {
    caught = number;
    train_interrupted = 1;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESETHAND | SA_RESTART; /* a second one ends it at once */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int balact_command_train(int argc, char **argv) {
    static struct settings settings;
    static struct run_setting list[RECORD_LIMIT];
    struct options options = {0};
    struct balact_error error;
    char folder[1000], run[256], backend_name[64];
    time_t started = time(NULL);
    int words = argc;
    let_idle_threads_sleep(argc, argv);
    char **typed = malloc(((size_t)argc + 1) * sizeof *typed); /* options_parse() reorders argv */
    if (!typed)
        die(EXIT_BAD_INPUT, "train: out of memory");
    memcpy(typed, argv, (size_t)argc * sizeof *typed);
    parse_options(&words, argv, &options);
    make_settings(words, argv, &options, &settings);
    if (options.threads < 0 || options.threads > 4096)
        die(EXIT_BAD_INPUT, "train: --threads must lie in 0..4096");
    if (options.threads)
        balact_set_threads((int)options.threads);
    snprintf(run, sizeof run, "results/%s", settings.name);
    if (!options.out)
        options.out = run;
    if (snprintf(folder, sizeof folder, "%s/%s", options.out, settings.name) >= (int)sizeof folder)
        die(EXIT_BAD_INPUT, "train: --out is too long");
    struct experiment e = {.settings = &settings,
                           .backend_name = backend_name,
                           .data = options.data,
                           .folder = folder,
                           .resume = options.resume};
    e.backend = choose_backend(options.backend, backend_name, sizeof backend_name);
    size_t list_count = echo(&e, list);
    progress_init(&e.progress, options.quiet);
    train_interrupted = 0;
    catch_signals();
    balact_status status = experiment_run(&e, &error);
    if (status != BALACT_OK) {
        experiment_release(&e);
        die(EXIT_BAD_INPUT, "%s", error.message);
    }
    if (e.interrupted) {
        fprintf(stderr,
                "\nbalact: interrupted; where it stood is saved in %s/checkpoints. Give the "
                "same command with --resume to go on\n",
                folder);
    } else {
        write_record(argc, typed, &e, list, list_count, started);
        experiment_print_summary(&e);
        printf("\nwritten to %s\n", folder);
    }
    int code = e.interrupted ? 128 + caught : EXIT_FINE;
    experiment_release(&e);
    free(typed);
    return code;
}
