/* SPDX-License-Identifier: MIT
 *
 * balact data list | imagenet-lt | places-lt: list files, their images, and whether they are what
 * the papers used.
 */
#include "bench/commands/data_lists.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands/data_print.h"
#include "bench/program.h"
#include "datasets/list.h"

enum { SHOWN = 5 }; /* examples of what is wrong; the rest is counted */

/* What is known of a public split. Sizes: Liu et al. 2019 and its list files. */
struct known {
    const char *name;
    int32_t classes;
    int64_t images, largest, smallest;           /* train */
    int64_t group_classes[BALACT_GROUP_COUNT];   /* train */
    int64_t per_class[BALACT_SPLIT_COUNT];       /* 0: long-tailed */
};

static const struct known imagenet_lt = {
    "imagenet-lt", 1000, 115846, 1280, 5, {385, 479, 136}, {0, 20, 50}};
static const struct known places_lt = {"places-lt", 365, 62500, 4980, 5, {131, 163, 71},
                                       {0, 20, 100}};

/* counts[classes] of a list's labels; classes >= list->classes. */
static int64_t *count_labels(const struct balact_list *list, int32_t classes) {
    int64_t *counts = data_memory((size_t)classes * sizeof *counts);
    memset(counts, 0, (size_t)classes * sizeof *counts);
    for (int64_t i = 0; i < list->rows; i++)
        counts[list->labels[i]]++;
    return counts;
}

/* Checks that no path stands twice, in one list or in two. */
static void check_doubles(struct data_report *report, const char *const *names,
                          const struct balact_list_place *places, int64_t count) {
    int64_t doubled = 0;
    for (int64_t i = 1; i < count; i++) {
        const struct balact_list_place *first = &places[i - 1], *second = &places[i];
        if (strcmp(first->path, second->path) != 0)
            continue;
        if (doubled++ < SHOWN)
            printf("doubled %s: %s line %" PRId64 " and %s line %" PRId64 "\n", first->path,
                   names[first->list], first->row + 1, names[second->list], second->row + 1);
    }
    data_row(report, "all", "all", "doubled", (double)doubled);
    data_check(report, doubled == 0, "%" PRId64 " of %" PRId64 " paths doubled", doubled, count);
}

/* Checks that each path is in the archive or folder of images. */
static void check_images(struct data_report *report, const char *images, const char *const *names,
                         const struct balact_list_place *places, int64_t count) {
    struct balact_archive *archive;
    struct balact_error error;
    unsigned char *found = data_memory((size_t)count);
    int64_t missing = 0;
    die_unless_ok(balact_archive_open(&archive, images, &error), &error);
    die_unless_ok(balact_list_find(archive, places, count, found, &error), &error);
    balact_archive_close(archive);
    for (int64_t i = 0; i < count; i++)
        if (!found[i] && missing++ < SHOWN)
            printf("missing %s: %s line %" PRId64 "\n", places[i].path, names[places[i].list],
                   places[i].row + 1);
    free(found);
    data_row(report, "all", "all", "missing", (double)missing);
    data_check(report, missing == 0, "%" PRId64 " of %" PRId64 " images missing from %s", missing,
               count, images);
}

/* Both checks over all lists. */
static void check_paths(struct data_report *report, const char *images, const char *const *names,
                        const struct balact_list *lists, int32_t count) {
    struct balact_list_place *places;
    struct balact_error error;
    int64_t place_count;
    die_unless_ok(balact_list_sort(lists, count, &places, &place_count, &error), &error);
    check_doubles(report, names, places, place_count);
    if (images)
        check_images(report, images, names, places, place_count);
    free(places);
}

int data_command_list(int argc, char **argv) {
    const char *csv = NULL, *images = NULL, *counts_path = NULL;
    const struct option_row rows[] = {
        {"images", OPTION_STRING, &images, "PATH", "archive or folder that must hold every image"},
        {"csv", OPTION_STRING, &csv, "FILE", "write what is printed as rows"},
        {"counts", OPTION_STRING, &counts_path, "FILE",
         "write class_id,image_count of the first list"}};
    struct balact_error error;
    struct data_report report;
    int count = options_parse(argc, argv, "data list FILE... [options]",
                              "Counts and checks list files (\"path label\" a line).", rows,
                              sizeof rows / sizeof *rows);
    if (count < 1)
        die(EXIT_BAD_INPUT, "%s: wants list files; see balact data list --help", argv[0]);
    struct balact_list *lists = data_memory((size_t)count * sizeof *lists);
    data_begin(&report, "list", csv);
    for (int i = 0; i < count; i++) {
        const char *path = argv[1 + i];
        die_unless_ok(balact_list_load(path, &lists[i], &error), &error);
        int64_t *counts = count_labels(&lists[i], lists[i].classes);
        data_source_file(path);
        data_counts(&report, path, counts, lists[i].classes, true);
        if (i == 0)
            data_write_counts(counts_path, counts, lists[i].classes);
        free(counts);
    }
    check_paths(&report, images, (const char *const *)argv + 1, lists, count);
    for (int i = 0; i < count; i++)
        balact_list_release(&lists[i]);
    free(lists);
    return data_end(&report);
}

/* Which split a member's name says: *_train.txt, *_val.txt, *_test.txt; -1 for none. */
static int split_of(const char *name) {
    for (int i = 0; i < BALACT_SPLIT_COUNT && name[0] != '.'; i++) {
        char suffix[32];
        snprintf(suffix, sizeof suffix, "_%s.txt", balact_split_name((enum balact_split)i));
        size_t length = strlen(name), end = strlen(suffix);
        if (length > end && !strcmp(name + length - end, suffix))
            return i;
    }
    return -1;
}

/* Reads the lists that an archive or folder has; names[i] stays NULL where there is none. */
static void gather_lists(const char *path, struct balact_list lists[BALACT_SPLIT_COUNT],
                         char *names[BALACT_SPLIT_COUNT]) {
    struct balact_archive *archive;
    struct balact_error error;
    bool found;
    die_unless_ok(balact_archive_open(&archive, path, &error), &error);
    for (;;) {
        die_unless_ok(balact_archive_next(archive, &found, &error), &error);
        if (!found)
            break;
        int split = split_of(balact_archive_basename(archive));
        if (split < 0)
            continue;
        char place[4096];
        balact_archive_place(archive, place, sizeof place);
        if (names[split])
            die(EXIT_BAD_INPUT, "%s: a second list of %s; %s is there already", place,
                balact_split_name((enum balact_split)split), names[split]);
        die_unless_ok(balact_list_read(archive, &lists[split], &error), &error);
        names[split] = strdup(place);
        if (!names[split])
            die(EXIT_BAD_INPUT, "out of memory");
        if (archive->folder)
            data_source_file(place);
    }
    if (!archive->folder)
        data_source_file(path);
    balact_archive_close(archive);
}

static void check_train(struct data_report *report, const struct known *known,
                        const int64_t *counts, int32_t classes) {
    int64_t images = 0, largest = 0, smallest = INT64_MAX, groups[BALACT_GROUP_COUNT] = {0};
    for (int32_t c = 0; c < classes; c++) {
        images += counts[c];
        largest = counts[c] > largest ? counts[c] : largest;
        smallest = counts[c] < smallest ? counts[c] : smallest;
        groups[balact_group_of(counts[c])]++;
    }
    data_check(report,
               classes == known->classes && images == known->images &&
                   largest == known->largest && smallest == known->smallest,
               "train: %s has %" PRId64 " images in %" PRId32 " classes, %" PRId64 "..%" PRId64,
               known->name, known->images, known->classes, known->largest, known->smallest);
    data_check(report, !memcmp(groups, known->group_classes, sizeof groups),
               "train: many/medium/few are %" PRId64 "/%" PRId64 "/%" PRId64,
               known->group_classes[0], known->group_classes[1], known->group_classes[2]);
}

static void check_balanced(struct data_report *report, const struct known *known, int split,
                           const int64_t *counts, int32_t classes) {
    bool even = classes == known->classes;
    for (int32_t c = 0; c < classes; c++)
        even = even && counts[c] == known->per_class[split];
    data_check(report, even, "%s: %s has %" PRId32 " classes of %" PRId64,
               balact_split_name((enum balact_split)split), known->name, known->classes,
               known->per_class[split]);
}

/* Training counts from a file, where the list is not at hand or to compare it with. */
static void use_train_counts(struct data_report *report, const struct known *known,
                             const char *path, int64_t **counts, int32_t *classes) {
    struct balact_error error;
    int64_t *given;
    int32_t given_classes;
    die_unless_ok(balact_counts_load(path, NULL, &given, &given_classes, &error), &error);
    data_source_file(path);
    if (*counts) {
        data_check(report,
                   given_classes == *classes &&
                       !memcmp(given, *counts, (size_t)given_classes * sizeof *given),
                   "train: the list has the counts of %s", path);
        free(given);
        return;
    }
    data_counts(report, "train", given, given_classes, true);
    check_train(report, known, given, given_classes);
    *counts = given;
    *classes = given_classes;
}

static int inspect_known(const struct known *known, int argc, char **argv) {
    const char *csv = NULL, *images = NULL, *counts_path = NULL, *train_counts = NULL;
    const struct option_row rows[] = {
        {"images", OPTION_STRING, &images, "PATH", "archive or folder that must hold every image"},
        {"train-counts", OPTION_STRING, &train_counts, "FILE",
         "class counts of train, if its list is not at hand"},
        {"csv", OPTION_STRING, &csv, "FILE", "write what is printed as rows"},
        {"counts", OPTION_STRING, &counts_path, "FILE", "write class_id,image_count of train"}};
    char usage[80];
    struct data_report report;
    struct balact_list lists[BALACT_SPLIT_COUNT] = {0}, present[BALACT_SPLIT_COUNT];
    char *names[BALACT_SPLIT_COUNT] = {0};
    const char *present_names[BALACT_SPLIT_COUNT];
    int64_t *train = NULL;
    int32_t train_classes = 0, count = 0;
    snprintf(usage, sizeof usage, "data %s PATH [options]", known->name);
    if (options_parse(argc, argv, usage,
                      "Compares the lists *_train.txt, *_val.txt, *_test.txt in a folder or "
                      "archive with\nthe published data set.",
                      rows, sizeof rows / sizeof *rows) != 1)
        die(EXIT_BAD_INPUT, "%s: wants one folder or archive of lists", argv[0]);
    data_begin(&report, known->name, csv);
    gather_lists(argv[1], lists, names);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        const char *split = balact_split_name((enum balact_split)i);
        if (!names[i]) {
            if (i != BALACT_SPLIT_TRAIN || !train_counts)
                data_skip(&report, "%s: no list *_%s.txt in %s", split, split, argv[1]);
            continue;
        }
        int64_t *counts = count_labels(&lists[i], lists[i].classes);
        data_counts(&report, split, counts, lists[i].classes, i == BALACT_SPLIT_TRAIN);
        if (i == BALACT_SPLIT_TRAIN) {
            check_train(&report, known, counts, lists[i].classes);
            train = counts;
            train_classes = lists[i].classes;
        } else {
            check_balanced(&report, known, i, counts, lists[i].classes);
            free(counts);
        }
        present_names[count] = names[i];
        present[count++] = lists[i];
    }
    if (count == 0 && images)
        die(EXIT_BAD_INPUT, "%s: no list in %s, so --images has nothing to look for", argv[0],
            argv[1]);
    if (count == 0 && !train_counts)
        die(EXIT_BAD_INPUT, "%s: no list *_train.txt, *_val.txt or *_test.txt in it", argv[1]);
    if (train_counts)
        use_train_counts(&report, known, train_counts, &train, &train_classes);
    if (counts_path && !train)
        die(EXIT_BAD_INPUT, "%s: --counts wants the list of train or --train-counts", argv[0]);
    data_write_counts(counts_path, train, train_classes);
    if (count > 0)
        check_paths(&report, images, present_names, present, count);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++) {
        balact_list_release(&lists[i]);
        free(names[i]);
    }
    free(train);
    return data_end(&report);
}

int data_command_imagenet_lt(int argc, char **argv) {
    return inspect_known(&imagenet_lt, argc, argv);
}

int data_command_places_lt(int argc, char **argv) {
    return inspect_known(&places_lt, argc, argv);
}
