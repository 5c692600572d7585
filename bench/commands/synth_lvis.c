/* SPDX-License-Identifier: MIT
 *
 * balact synth lvis: writes the synthetic LVIS in the formats of the real one, with proposals of
 * known densities; describes it; or writes detections for timing an evaluator.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/dataset.h"
#include "bench/commands/synth.h"
#include "bench/program.h"
#include "datasets/lvis_synthetic.h"

struct request {
    struct balact_lvis_synthetic_options options;
    enum balact_dtype dtype;
    const char *out, *results, *against;
    int64_t detections;
    bool describe, annotations_only;
};

static int32_t as_int32(const char *command, const char *name, int64_t value) {
    if (value < INT32_MIN || value > INT32_MAX)
        die(EXIT_BAD_INPUT, "%s: --%s %lld is out of range", command, name, (long long)value);
    return (int32_t)value;
}

static void check(const char *command, struct request *request, const char *dtype, bool full) {
    struct balact_error error;
    struct balact_lvis_synthetic_options *o = &request->options;
    if (!request->out && !request->results && !request->describe)
        die(EXIT_BAD_INPUT, "%s: wants --out PATH, --results FILE or --describe", command);
    if (request->against && !request->describe)
        die(EXIT_BAD_INPUT, "%s: --against goes with --describe", command);
    if (request->detections < 1)
        die(EXIT_BAD_INPUT, "%s: --detections wants 1 or more", command);
    if (!strcmp(dtype, "f32"))
        request->dtype = BALACT_F32;
    else if (!strcmp(dtype, "f16"))
        request->dtype = BALACT_F16;
    else
        die(EXIT_BAD_INPUT, "%s: --dtype wants f32 or f16, not '%s'", command, dtype);
    if (full) {
        o->images[BALACT_LVIS_TRAIN] = BALACT_LVIS_FULL_TRAIN;
        o->images[BALACT_LVIS_VAL] = BALACT_LVIS_FULL_VAL;
        o->val_min_images = -1;
    }
    die_unless_ok(balact_lvis_synthetic_resolve(o, &error), &error);
}

static void parse(int argc, char **argv, struct request *request) {
    struct balact_lvis_synthetic_options o = {.seed = 1};
    struct balact_error error;
    const char *dtype = "f16";
    bool full = false;
    die_unless_ok(balact_lvis_synthetic_resolve(&o, &error), &error);
    int64_t seed = 1, dim = o.dim, train_rois = o.rois[0], val_rois = o.rois[1];
    request->detections = 300;
    const struct option_row rows[] = {
        {"out", OPTION_STRING, &request->out, "PATH", "folder, or archive .tar, .tar.gz or .zip"},
        {"annotations-only", OPTION_FLAG, &request->annotations_only, NULL,
         "with --out: no proposals"},
        {"results", OPTION_STRING, &request->results, "FILE",
         "write detections of val for timing an evaluator"},
        {"detections", OPTION_INTEGER, &request->detections, "N", "with --results: an image"},
        {"describe", OPTION_FLAG, &request->describe, NULL, "print counts, groups and options"},
        {"against", OPTION_STRING, &request->against, "FILE",
         "with --describe: compare the counts with these (CSV)"},
        {"full", OPTION_FLAG, &full, NULL, "100,170 and 19,809 images, as the real set"},
        {"train-images", OPTION_INTEGER, &o.images[BALACT_LVIS_TRAIN], "N", "images of train"},
        {"val-images", OPTION_INTEGER, &o.images[BALACT_LVIS_VAL], "N", "images of val"},
        {"val-min-images", OPTION_INTEGER, &o.val_min_images, "N",
         "val images that every category has at least; -1: none"},
        {"negatives", OPTION_REAL, &o.negatives, "X", "mean length of neg_category_ids"},
        {"train-rois", OPTION_INTEGER, &train_rois, "N", "proposals an image of train"},
        {"val-rois", OPTION_INTEGER, &val_rois, "N", "of val"},
        {"foreground", OPTION_REAL, &o.foreground, "X", "share of proposals put on objects"},
        {"hard", OPTION_REAL, &o.hard, "X", "share put near objects"},
        {"seed", OPTION_INTEGER, &seed, "N", "of everything but the counts"},
        {"dim", OPTION_INTEGER, &dim, "N", "features a proposal"},
        {"spread-super", OPTION_REAL, &o.spread_super, "X", "deviation of super-category centres"},
        {"spread-sub", OPTION_REAL, &o.spread_sub, "X", "of sub-category centres about those"},
        {"spread-category", OPTION_REAL, &o.spread_category, "X", "of categories about those"},
        {"spread-background", OPTION_REAL, &o.spread_background, "X", "of background's centre"},
        {"nearness", OPTION_REAL, &o.nearness, "X", "of hard background to the object's category"},
        {"width", OPTION_REAL, &o.width, "X", "of broad background"},
        {"instance", OPTION_REAL, &o.instance, "X", "share of variance common to an object"},
        {"scale", OPTION_REAL, &o.scale, "X", "deviation within a category, size of the features"},
        {"dtype", OPTION_STRING, &dtype, "f16|f32", "type of the stored features"},
    };
    if (options_parse(argc, argv,
                      "synth lvis (--out PATH | --results FILE | --describe) [options]",
                      "Writes a synthetic LVIS: annotations of the real shape in the real format,\n"
                      "and proposals whose features have known densities.",
                      rows, sizeof rows / sizeof *rows) != 0)
        die(EXIT_BAD_INPUT, "%s: no argument was expected besides options", argv[0]);
    if (seed < 0)
        die(EXIT_BAD_INPUT, "%s: --seed wants 0 or more", argv[0]);
    o.seed = (uint64_t)seed;
    o.dim = as_int32(argv[0], "dim", dim);
    o.rois[BALACT_LVIS_TRAIN] = as_int32(argv[0], "train-rois", train_rois);
    o.rois[BALACT_LVIS_VAL] = as_int32(argv[0], "val-rois", val_rois);
    request->options = o;
    check(argv[0], request, dtype, full);
}

static int descending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* By rank: the sorted counts of the formula beside the sorted counts of a file. */
static void print_fit(const char *path) {
    struct balact_error error;
    int64_t counts[LVIS_K], *real;
    int32_t classes, worst_rank = 0;
    double worst = 0, squares = 0;
    die_unless_ok(balact_counts_load(path, NULL, &real, &classes, &error), &error);
    if (classes != LVIS_K)
        die(EXIT_BAD_INPUT, "%s: has %d categories, LVIS has %d", path, (int)classes, LVIS_K);
    balact_lvis_synthetic_counts(counts);
    qsort(counts, LVIS_K, sizeof *counts, descending);
    qsort(real, LVIS_K, sizeof *real, descending);
    if (real[LVIS_K - 1] < 1)
        die(EXIT_BAD_INPUT, "%s: a category of no images cannot be compared by ratio", path);
    for (int32_t c = 0; c < LVIS_K; c++) {
        double ratio = (double)counts[c] / (double)real[c];
        squares += log(ratio) * log(ratio);
        if (real[c] > 10 && fabs(ratio - 1) > worst) {
            worst = fabs(ratio - 1);
            worst_rank = c;
        }
    }
    printf("fit by rank  root mean square of log(formula / against) %.4f; largest relative error "
           "above 10\n             images %.4f, at rank %d (%lld for %lld)\n",
           sqrt(squares / LVIS_K), worst, (int)worst_rank, (long long)counts[worst_rank],
           (long long)real[worst_rank]);
    free(real);
}

static void print_split(const struct request *request, enum balact_lvis_split split) {
    struct lvis_layout layout;
    struct balact_error error;
    int64_t groups[4] = {0}, most = 0, least = INT64_MAX;
    die_unless_ok(balact_synth_layout_make(&request->options, split, &layout, &error), &error);
    for (int32_t c = 0; c < LVIS_K; c++) {
        int64_t count = layout.image_count[c];
        groups[count == 0 ? 3 : count <= 10 ? 0 : count <= 100 ? 1 : 2]++;
        most = count > most ? count : most;
        least = count < least ? count : least;
    }
    printf("%-5s %lld images, %lld annotations, %lld image-category pairs; %lld to %lld images a "
           "category",
           balact_lvis_split_name(split), (long long)layout.images,
           (long long)layout.annotations, (long long)layout.pairs, (long long)least,
           (long long)most);
    if (split == BALACT_LVIS_TRAIN)
        printf("; %lld rare, %lld common, %lld frequent\n", (long long)groups[0],
               (long long)groups[1], (long long)groups[2]);
    else
        printf("; %lld categories without any\n", (long long)groups[3]);
    balact_synth_layout_release(&layout);
}

int synth_command_lvis(int argc, char **argv) {
    struct request request = {0};
    struct balact_error error;
    parse(argc, argv, &request);
    if (request.against)
        print_fit(request.against);
    for (int s = 0; s < BALACT_LVIS_SPLIT_COUNT; s++)
        print_split(&request, (enum balact_lvis_split)s);
    if (request.describe) {
        fflush(stdout);
        balact_lvis_synthetic_options_print(&request.options, stdout);
    }
    if (request.out) {
        die_unless_ok(balact_lvis_synthetic_write(request.out, &request.options, request.dtype,
                                                  request.annotations_only, &error),
                      &error);
        printf("written to %s\n", request.out);
    }
    if (request.results) {
        int64_t count;
        die_unless_ok(balact_lvis_synthetic_results(request.results, &request.options,
                                                    as_int32(argv[0], "detections",
                                                             request.detections),
                                                    &count, &error),
                      &error);
        printf("%lld detections written to %s\n", (long long)count, request.results);
    }
    return EXIT_FINE;
}
