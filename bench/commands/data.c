/* SPDX-License-Identifier: MIT
 *
 * balact data KIND: inspects and checks a data set. This file holds the kinds that are rows of
 * features or plain counts; those of list files are in data_lists.c, LVIS is in data_lvis.c.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands/data_lists.h"
#include "bench/commands/data_lvis.h"
#include "bench/commands/data_print.h"
#include "bench/program.h"

static int data_command_counts(int argc, char **argv) {
    const char *csv = NULL, *counts_path = NULL, *column = NULL;
    const struct option_row rows[] = {
        {"column", OPTION_STRING, &column, "NAME", "the CSV column of counts, if not image_count"},
        {"csv", OPTION_STRING, &csv, "FILE", "write what is printed as rows"},
        {"counts", OPTION_STRING, &counts_path, "FILE", "write class_id,image_count"}};
    struct balact_error error;
    struct data_report report;
    int64_t *counts;
    int32_t classes;
    if (options_parse(argc, argv, "data counts FILE [options]",
                      "Sums up a file of class counts (CSV or a JSON array).", rows,
                      sizeof rows / sizeof *rows) != 1)
        die(EXIT_BAD_INPUT, "%s: wants one file of class counts", argv[0]);
    die_unless_ok(balact_counts_load(argv[1], column, &counts, &classes, &error), &error);
    data_begin(&report, "counts", csv);
    data_source_file(argv[1]);
    data_counts(&report, "train", counts, classes, true);
    data_write_counts(counts_path, counts, classes);
    free(counts);
    return data_end(&report);
}

/* Values of a data set that are NaN or infinite. */
static int64_t count_not_finite(const struct balact_dataset *dataset) {
    float *row = data_memory((size_t)dataset->dim * sizeof *row);
    int64_t found = 0;
    for (int64_t i = 0; i < dataset->rows; i++) {
        balact_dataset_gather(dataset, &i, 1, row);
        for (int64_t j = 0; j < dataset->dim; j++)
            found += !isfinite(row[j]);
    }
    free(row);
    return found;
}

/* What is common to data sets of rows. counts_path may be NULL. */
static void inspect_rows(struct data_report *report, const struct balact_dataset *dataset,
                         const char *split, const char *counts_path) {
    int64_t *counts = data_memory((size_t)dataset->classes * sizeof *counts);
    balact_dataset_counts(dataset, counts);
    data_counts(report, split, counts, dataset->classes, !strcmp(split, "train"));
    data_write_counts(counts_path, counts, dataset->classes);
    printf("        %" PRId64 " %s values a row\n", dataset->dim,
           dataset->dtype == BALACT_F16 ? "float16" : "float32");
    data_row(report, split, "all", "dim", (double)dataset->dim);
    int64_t bad = count_not_finite(dataset);
    data_check(report, bad == 0, "%s: %" PRId64 " values are not finite", split, bad);
    free(counts);
}

static void print_sources(const struct balact_dataset *dataset) {
    for (size_t i = 0; i < dataset->source_count; i++)
        data_source(dataset->sources[i].path, dataset->sources[i].bytes,
                    dataset->sources[i].sha256);
}

static int data_command_cifar_lt(int argc, char **argv) {
    const char *csv = NULL, *counts_path = NULL;
    struct balact_cifar_options options = BALACT_CIFAR_OPTIONS_INIT;
    int64_t classes = 0, seed = 0;
    bool shuffled = false;
    const struct option_row rows[] = {
        {"imbalance", OPTION_REAL, &options.imbalance, "IF",
         "largest class over smallest; 0: all there is"},
        {"classes", OPTION_INTEGER, &classes, "N", "10 or 100; 0: what the archive holds"},
        {"shuffled", OPTION_FLAG, &shuffled, NULL, "draw the subset by seed, not in file order"},
        {"seed", OPTION_INTEGER, &seed, "N", "of the draw"},
        {"csv", OPTION_STRING, &csv, "FILE", "write what is printed as rows"},
        {"counts", OPTION_STRING, &counts_path, "FILE", "write class_id,image_count of train"}};
    struct balact_error error;
    struct balact_dataset train, test;
    struct data_report report;
    if (options_parse(argc, argv, "data cifar-lt PATH [options]",
                      "Cuts a long-tailed subset out of CIFAR's binary archive and sums it up.",
                      rows, sizeof rows / sizeof *rows) != 1)
        die(EXIT_BAD_INPUT, "%s: wants one archive or folder of CIFAR", argv[0]);
    if (classes != 0 && classes != 10 && classes != 100)
        die(EXIT_BAD_INPUT, "%s: --classes wants 10, 100 or 0, not %" PRId64, argv[0], classes);
    options.classes = (int)classes;
    options.order = shuffled ? BALACT_SUBSET_SHUFFLED : BALACT_SUBSET_FILE_ORDER;
    options.seed = (uint64_t)seed;
    die_unless_ok(balact_cifar_load(argv[1], &options, &train, &test, &error), &error);
    data_begin(&report, train.classes == 100 ? "cifar-100-lt" : "cifar-10-lt", csv);
    print_sources(&train);
    inspect_rows(&report, &train, "train", counts_path);
    inspect_rows(&report, &test, "test", NULL);
    balact_dataset_release(&train);
    balact_dataset_release(&test);
    return data_end(&report);
}

static int data_command_features(int argc, char **argv) {
    const char *csv = NULL, *counts_path = NULL;
    int64_t classes = 0;
    const struct option_row rows[] = {
        {"classes", OPTION_INTEGER, &classes, "N", "0: the largest label of train and one"},
        {"csv", OPTION_STRING, &csv, "FILE", "write what is printed as rows"},
        {"counts", OPTION_STRING, &counts_path, "FILE", "write class_id,image_count of train"}};
    struct balact_error error;
    struct balact_dataset splits[BALACT_SPLIT_COUNT];
    struct data_report report;
    if (options_parse(argc, argv, "data features PATH [options]",
                      "Joins lists, labels and features of an archive or folder and sums them up.",
                      rows, sizeof rows / sizeof *rows) != 1)
        die(EXIT_BAD_INPUT, "%s: wants one archive or folder of features", argv[0]);
    if (classes < 0 || classes > INT32_MAX)
        die(EXIT_BAD_INPUT, "%s: --classes %" PRId64 " cannot be", argv[0], classes);
    die_unless_ok(balact_features_load(argv[1], (int32_t)classes, splits, &error), &error);
    data_begin(&report, "features", csv);
    bool folder = strcmp(splits[BALACT_SPLIT_TRAIN].sources[0].path, argv[1]) != 0;
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        if (splits[i].features && (folder || i == BALACT_SPLIT_TRAIN))
            print_sources(&splits[i]);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        if (splits[i].features)
            inspect_rows(&report, &splits[i], balact_split_name((enum balact_split)i),
                         i == BALACT_SPLIT_TRAIN ? counts_path : NULL);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        balact_dataset_release(&splits[i]);
    return data_end(&report);
}

static const struct {
    const char *name, *full;
    int (*run)(int argc, char **argv);
    const char *help;
} kinds[] = {
    {"imagenet-lt", "data imagenet-lt", data_command_imagenet_lt,
     "the lists of ImageNet-LT against what was published"},
    {"places-lt", "data places-lt", data_command_places_lt, "the same of Places-LT"},
    {"list", "data list", data_command_list, "any list files (\"path label\" a line)"},
    {"counts", "data counts", data_command_counts, "class counts, CSV or a JSON array"},
    {"cifar-lt", "data cifar-lt", data_command_cifar_lt,
     "a long-tailed subset of CIFAR-10 or -100"},
    {"features", "data features", data_command_features, ".npy or .npz features with their labels"},
    {"lvis", "data lvis", data_command_lvis, "annotations of LVIS: groups, priors, repeat factors"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

int balact_command_data(int argc, char **argv) {
    const char *names[KINDS];
    char summary[1024];
    int used = snprintf(summary, sizeof summary,
                        "Counts, groups, SHA-256, missing and doubled files of a data set. "
                        "Archives (.tar, .tar.gz,\n.tar.xz, .tar.zst, .zip, .npz) and folders "
                        "are read alike. balact data KIND --help says more.\n"
                        "Exit status: 0 fine, 1 a check failed, 2 bad usage or input.\n\nkinds:");
    for (int i = 0; i < KINDS; i++) {
        names[i] = kinds[i].name;
        used += snprintf(summary + used, sizeof summary - (size_t)used, "\n  %-26s %s",
                         kinds[i].name, kinds[i].help);
    }
    for (int i = 0; i < KINDS && argc > 1; i++)
        if (!strcmp(argv[1], kinds[i].name)) {
            argv[1] = (char *)kinds[i].full; /* what messages call the command */
            return kinds[i].run(argc - 1, argv + 1);
        }
    int positional = options_parse(argc, argv, "data KIND ...", summary, NULL, 0);
    if (positional == 0)
        die(EXIT_BAD_INPUT, "%s: of what kind? see balact data --help", argv[0]);
    const char *near = nearest_name(argv[1], names, KINDS);
    if (near)
        die(EXIT_BAD_INPUT, "%s: no kind '%s'; did you mean %s?", argv[0], argv[1], near);
    die(EXIT_BAD_INPUT, "%s: no kind '%s'; see balact data --help", argv[0], argv[1]);
}
