/* SPDX-License-Identifier: MIT
 *
 * balact synth imagenet-lt: writes the synthetic ImageNet-LT in the formats of the real one, or
 * describes it: counts, groups, the error of the fit to real counts, the Bayes optimum.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/dataset.h"
#include "bench/commands/synth.h"
#include "bench/program.h"
#include "datasets/synthetic.h"

struct request {
    struct balact_synthetic_options options;
    enum balact_dtype dtype;
    const char *out, *against;
    bool describe;
};

static int32_t as_int32(const char *command, const char *name, int64_t value) {
    if (value < INT32_MIN || value > INT32_MAX)
        die(EXIT_BAD_INPUT, "%s: --%s %lld is out of range", command, name, (long long)value);
    return (int32_t)value;
}

static void parse(int argc, char **argv, struct request *request) {
    struct balact_synthetic_options o = BALACT_SYNTHETIC_OPTIONS_INIT, given = {0};
    struct balact_error error;
    const char *dtype = "f32";
    o.seed = 1;
    die_unless_ok(balact_synthetic_resolve(&o, &error), &error);
    int64_t seed = (int64_t)o.seed, classes = o.classes, dim = o.dim, supers = 0, subs = 0;
    const struct option_row rows[] = {
        {"out", OPTION_STRING, &request->out, "PATH", "folder, or archive .tar, .tar.gz or .zip"},
        {"describe", OPTION_FLAG, &request->describe, NULL, "print the counts, groups and optimum"},
        {"against", OPTION_STRING, &request->against, "FILE",
         "with --describe: compare the counts with these (CSV)"},
        {"seed", OPTION_INTEGER, &seed, "N", "of means and rows"},
        {"classes", OPTION_INTEGER, &classes, "N", "number of classes"},
        {"dim", OPTION_INTEGER, &dim, "N", "features a row"},
        {"train-factor", OPTION_REAL, &o.train_factor, "X",
         "multiplies the training count of every class"},
        {"val-per-class", OPTION_INTEGER, &o.val_per_class, "N", "rows of val a class"},
        {"test-per-class", OPTION_INTEGER, &o.test_per_class, "N", "rows of test a class"},
        {"super-classes", OPTION_INTEGER, &supers, "N", "0: one for every 50 classes"},
        {"sub-classes", OPTION_INTEGER, &subs, "N", "0: one for every 5 classes"},
        {"spread-super", OPTION_REAL, &o.spread_super, "X", "deviation of super-class centres"},
        {"spread-sub", OPTION_REAL, &o.spread_sub, "X", "of sub-class centres about those"},
        {"spread-class", OPTION_REAL, &o.spread_class, "X", "of class means about those"},
        {"scale", OPTION_REAL, &o.scale, "X", "deviation within a class, size of the features"},
        {"dtype", OPTION_STRING, &dtype, "f32|f16", "type of the stored features"},
    };
    int positional = options_parse(
        argc, argv, "synth imagenet-lt (--out PATH | --describe) [options]",
        "Writes a synthetic ImageNet-LT: class counts of the real shape, features drawn from\n"
        "Gaussians whose Bayes optimum is known, in the files that balact reads real data from.\n"
        "balact synth lvis --help says what there is for LVIS.",
        rows, sizeof rows / sizeof *rows);
    if (positional != 1)
        die(EXIT_BAD_INPUT, "%s: wants one data set: imagenet-lt or lvis", argv[0]);
    if (strcmp(argv[1], "imagenet-lt") != 0)
        die(EXIT_BAD_INPUT, "%s: no synthetic data set '%s'; there are imagenet-lt and lvis",
            argv[0], argv[1]);
    if (!request->out && !request->describe)
        die(EXIT_BAD_INPUT, "%s: wants --out PATH, or --describe", argv[0]);
    if (request->against && !request->describe)
        die(EXIT_BAD_INPUT, "%s: --against goes with --describe", argv[0]);
    if (seed < 0)
        die(EXIT_BAD_INPUT, "%s: --seed wants 0 or more", argv[0]);
    if (!strcmp(dtype, "f32"))
        request->dtype = BALACT_F32;
    else if (!strcmp(dtype, "f16"))
        request->dtype = BALACT_F16;
    else
        die(EXIT_BAD_INPUT, "%s: --dtype wants f32 or f16, not '%s'", argv[0], dtype);
    given = o;
    given.seed = (uint64_t)seed;
    given.classes = as_int32(argv[0], "classes", classes);
    given.dim = as_int32(argv[0], "dim", dim);
    given.super_classes = as_int32(argv[0], "super-classes", supers);
    given.sub_classes = as_int32(argv[0], "sub-classes", subs);
    die_unless_ok(balact_synthetic_resolve(&given, &error), &error);
    request->options = given;
}

static int descending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* Sorts counts; *most, *least, total and the groups are printed under a title. */
static void print_counts(const char *title, int64_t *counts, int32_t classes) {
    int64_t groups[BALACT_GROUP_COUNT] = {0}, total = 0;
    qsort(counts, (size_t)classes, sizeof *counts, descending);
    for (int32_t c = 0; c < classes; c++) {
        groups[balact_group_of(counts[c])]++;
        total += counts[c];
    }
    printf("%-12s %d classes, %lld images, %lld to %lld a class;", title, (int)classes,
           (long long)total, (long long)counts[0], (long long)counts[classes - 1]);
    for (int g = 0; g < BALACT_GROUP_COUNT; g++)
        printf(" %lld %s%s", (long long)groups[g], balact_group_name((enum balact_group)g),
               g + 1 < BALACT_GROUP_COUNT ? "," : "\n");
}

static int64_t *allocate_counts(int32_t classes) {
    int64_t *counts = malloc((size_t)classes * sizeof *counts);
    if (!counts)
        die(EXIT_BAD_INPUT, "out of memory");
    return counts;
}

/* By rank: the sorted counts of the formula beside the sorted counts of a file. */
static void print_fit(const char *path, int32_t classes) {
    struct balact_error error;
    int64_t *real, *counts = allocate_counts(classes);
    int32_t real_classes, worst_rank = 0;
    double worst = 0, squares = 0;
    die_unless_ok(balact_counts_load(path, NULL, &real, &real_classes, &error), &error);
    if (real_classes != classes)
        die(EXIT_BAD_INPUT, "%s: has %d classes, the synthetic set %d; see --classes", path,
            (int)real_classes, (int)classes);
    balact_synthetic_counts(classes, counts);
    print_counts("formula", counts, classes);
    print_counts("against", real, classes);
    if (real[classes - 1] < 1)
        die(EXIT_BAD_INPUT, "%s: a class of no images cannot be compared by ratio", path);
    for (int32_t c = 0; c < classes; c++) {
        double ratio = (double)counts[c] / (double)real[c];
        squares += log(ratio) * log(ratio);
        if (fabs(ratio - 1) > worst) {
            worst = fabs(ratio - 1);
            worst_rank = c;
        }
    }
    printf("fit by rank  root mean square of log(formula / against) %.4f; largest relative error "
           "%.4f,\n             at rank %d (%lld for %lld)\n",
           sqrt(squares / classes), worst, (int)worst_rank, (long long)counts[worst_rank],
           (long long)real[worst_rank]);
    free(counts);
    free(real);
}

static void print_optimum(const struct request *request,
                          const struct balact_dataset splits[BALACT_SPLIT_COUNT]) {
    struct balact_error error;
    for (int s = BALACT_SPLIT_VAL; s < BALACT_SPLIT_COUNT; s++) {
        double accuracy;
        die_unless_ok(
            balact_synthetic_bayes(&request->options, &splits[s], &accuracy, NULL, &error), &error);
        printf("%-12s Bayes-optimal accuracy %.4f (%lld rows of %lld features)\n",
               balact_split_name((enum balact_split)s), accuracy, (long long)splits[s].rows,
               (long long)splits[s].dim);
    }
}

int balact_command_synth(int argc, char **argv) {
    struct request request = {0};
    struct balact_error error;
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    if (argc > 1 && !strcmp(argv[1], "lvis")) {
        char name[] = "synth lvis"; /* what messages call the command */
        argv[1] = name;
        return synth_command_lvis(argc - 1, argv + 1);
    }
    parse(argc, argv, &request);
    if (request.against)
        print_fit(request.against, request.options.classes);
    die_unless_ok(balact_synthetic_generate(&request.options, splits, &error), &error);
    int64_t *counts = allocate_counts(request.options.classes);
    balact_dataset_counts(&splits[BALACT_SPLIT_TRAIN], counts);
    print_counts("train", counts, request.options.classes);
    free(counts);
    print_optimum(&request, splits);
    if (request.describe) {
        fflush(stdout);
        balact_synthetic_options_print(&request.options, stdout);
    }
    if (request.out) {
        die_unless_ok(
            balact_synthetic_write(request.out, &request.options, splits, request.dtype, &error),
            &error);
        printf("written to   %s\n", request.out);
    }
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++)
        balact_dataset_release(&splits[s]);
    return EXIT_FINE;
}
