/* SPDX-License-Identifier: MIT
 *
 * See data_lvis.h: the command, what it prints and the table of priors that it writes. The checks
 * are in data_lvis_check.c.
 */
#include "bench/commands/data_lvis.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"
#include "datasets/output.h"

/* ---- Counts ---- */

struct range {
    int64_t least, most;
};

static struct range range_of(const int64_t *counts, int32_t n) {
    struct range range = {n ? INT64_MAX : 0, 0};
    for (int32_t i = 0; i < n; i++) {
        range.least = counts[i] < range.least ? counts[i] : range.least;
        range.most = counts[i] > range.most ? counts[i] : range.most;
    }
    return range;
}

static void print_sizes(struct data_report *report, const struct data_lvis *file) {
    const struct balact_lvis *lvis = &file->lvis;
    const struct balact_lvis_counts *counts = &file->counts;
    int64_t empty = counts->images - counts->images_annotated, unseen = 0;
    struct range images = range_of(counts->image_count, counts->categories);
    for (int32_t c = 0; c < counts->categories; c++)
        unseen += counts->image_count[c] == 0;
    printf("        %" PRId64 " images, %" PRId32 " categories, %" PRId64 " annotations\n",
           lvis->images, lvis->categories, lvis->annotations);
    printf("        %" PRId64 " images without an annotation, %" PRId64 " with; %" PRId64
           "..%" PRId64 " images a category, %" PRId64 " categories without an image\n",
           empty, counts->images_annotated, images.least, images.most, unseen);
    data_row(report, file->path, "all", "images", (double)lvis->images);
    data_row(report, file->path, "all", "images_annotated", (double)counts->images_annotated);
    data_row(report, file->path, "all", "images_empty", (double)empty);
    data_row(report, file->path, "all", "classes", lvis->categories);
    data_row(report, file->path, "all", "instances", (double)lvis->annotations);
    data_row(report, file->path, "all", "largest", (double)images.most);
    data_row(report, file->path, "all", "smallest", (double)images.least);
    data_row(report, file->path, "all", "empty_classes", (double)unseen);
}

static void print_groups(struct data_report *report, const struct data_lvis *file) {
    const struct balact_lvis *lvis = &file->lvis;
    for (int f = 0; f < BALACT_LVIS_FREQUENCY_COUNT; f++) {
        const char *name = balact_lvis_frequency_name((enum balact_lvis_frequency)f);
        int64_t categories = 0, pairs = 0, instances = 0, unseen = 0;
        for (int32_t c = 0; c < lvis->categories; c++) {
            if (lvis->category[c].frequency != (enum balact_lvis_frequency)f)
                continue;
            categories++;
            pairs += file->counts.image_count[c];
            instances += file->counts.instance_count[c];
            unseen += file->counts.image_count[c] == 0;
        }
        printf("        %-8s %6" PRId64 " categories %9" PRId64 " image-category pairs %9" PRId64
               " instances %5" PRId64 " without an image\n",
               name, categories, pairs, instances, unseen);
        data_row(report, file->path, name, "classes", (double)categories);
        data_row(report, file->path, name, "images", (double)pairs);
        data_row(report, file->path, name, "instances", (double)instances);
        data_row(report, file->path, name, "empty_classes", (double)unseen);
    }
}

static void print_lists_and_masks(struct data_report *report, const struct data_lvis *file) {
    const struct balact_lvis *lvis = &file->lvis;
    int64_t kinds[3] = {0};
    int64_t negatives = lvis->negative_start[lvis->images];
    int64_t not_exhaustive = lvis->not_exhaustive_start[lvis->images];
    double images = lvis->images ? (double)lvis->images : 1;
    for (int64_t a = 0; a < lvis->annotations; a++)
        kinds[lvis->annotation[a].kind]++;
    printf("        %.3g categories an image looked for in vain (%" PRId64
           "), %.3g not marked everywhere (%" PRId64 ")\n",
           (double)negatives / images, negatives, (double)not_exhaustive / images, not_exhaustive);
    printf("        masks: %" PRId64 " of polygons (%" PRId64 " polygons, %" PRId64
           " vertices), %" PRId64 " of runs, %" PRId64 " none\n",
           kinds[BALACT_LVIS_POLYGONS], lvis->polygons, lvis->polygon_start[lvis->polygons] / 2,
           kinds[BALACT_LVIS_RLE], kinds[BALACT_LVIS_NO_SEGMENT]);
    data_row(report, file->path, "all", "negatives", (double)negatives);
    data_row(report, file->path, "all", "not_exhaustive", (double)not_exhaustive);
    data_row(report, file->path, "all", "polygons", (double)lvis->polygons);
    data_row(report, file->path, "all", "masks_of_runs", (double)kinds[BALACT_LVIS_RLE]);
    data_row(report, file->path, "all", "without_mask", (double)kinds[BALACT_LVIS_NO_SEGMENT]);
}

/* ---- Priors ---- */

/* f_j of Balanced Sigmoid: its images over the images that hold anything at all, not over those
 * listed. */
static double image_prior(const struct data_lvis *file, int32_t c) {
    return (double)file->counts.image_count[c] /
           (double)(file->counts.images_annotated ? file->counts.images_annotated : 1);
}

/* pi_j: its share of all instances. */
static double instance_prior(const struct data_lvis *file, int32_t c) {
    return (double)file->counts.instance_count[c] /
           (double)(file->lvis.annotations ? file->lvis.annotations : 1);
}

static double log_odds(double f) {
    return log(f) - log1p(-f);
}

/* Least and largest of those that are not 0: what a prior does with empty categories is its own
 * policy. */
static void print_prior(struct data_report *report, const struct data_lvis *file, const char *name,
                        double (*prior)(const struct data_lvis *file, int32_t c),
                        int64_t denominator, const char *of) {
    double least = INFINITY, most = 0, sum = 0;
    for (int32_t c = 0; c < file->lvis.categories; c++) {
        double value = prior(file, c);
        least = value > 0 && value < least ? value : least;
        most = value > most ? value : most;
        sum += value;
    }
    if (!(most > 0))
        return;
    printf("prior   %-8s counts over %" PRId64 " %s: %.4g..%.4g, log odds %.3f..%.3f, sum %.4g\n",
           name, denominator, of, least, most, log_odds(least), log_odds(most), sum);
    char quantity[64];
    snprintf(quantity, sizeof quantity, "%s_prior_least", name);
    data_row(report, file->path, "all", quantity, least);
    snprintf(quantity, sizeof quantity, "%s_prior_largest", name);
    data_row(report, file->path, "all", quantity, most);
}

static void print_priors(struct data_report *report, const struct data_lvis *file) {
    int64_t repeated = 0;
    double largest = 1, epoch = 0;
    print_prior(report, file, "image", image_prior, file->counts.images_annotated,
                "images with an annotation");
    print_prior(report, file, "instance", instance_prior, file->lvis.annotations, "annotations");
    for (int32_t c = 0; c < file->lvis.categories; c++) {
        repeated += file->category_factor[c] > 1;
        largest = fmax(largest, file->category_factor[c]);
    }
    for (int64_t i = 0; i < file->lvis.images; i++)
        epoch += file->image_factor[i];
    printf("repeat  t = %g over %" PRId64 " listed images: %" PRId64 " of %" PRId32
           " categories above 1, the largest %.4g; an epoch is %.0f images\n",
           file->threshold, file->lvis.images, repeated, file->lvis.categories, largest, epoch);
    data_row(report, file->path, "all", "repeated_classes", (double)repeated);
    data_row(report, file->path, "all", "largest_repeat_factor", largest);
    data_row(report, file->path, "all", "epoch_images", epoch);
}

static void write_name(FILE *file, const char *name) {
    fputc('"', file);
    for (; *name; name++)
        fprintf(file, *name == '"' ? "\"%c" : "%c", *name);
    fputc('"', file);
}

/* The table of a file, one row a category; balact data counts and others read its columns. */
static void write_priors(const char *path, const struct data_lvis *file) {
    struct balact_output output;
    struct balact_error error;
    if (!path)
        return;
    die_unless_ok(balact_output_open(&output, path, &error), &error);
    fprintf(output.file, "category_id,name,frequency,image_count,instance_count,stated_image_count,"
                         "stated_instance_count,image_prior,instance_prior,repeat_factor\n");
    for (int32_t c = 0; c < file->lvis.categories; c++) {
        const struct balact_lvis_category *category = &file->lvis.category[c];
        fprintf(output.file, "%" PRId64 ",", category->id);
        write_name(output.file, file->lvis.text + category->name);
        fprintf(output.file, ",%s,%" PRId64 ",%" PRId64 ",",
                balact_lvis_frequency_name(category->frequency), file->counts.image_count[c],
                file->counts.instance_count[c]);
        if (category->image_count >= 0)
            fprintf(output.file, "%" PRId64, category->image_count);
        fputc(',', output.file);
        if (category->instance_count >= 0)
            fprintf(output.file, "%" PRId64, category->instance_count);
        fprintf(output.file, ",%.17g,%.17g,%.17g\n", image_prior(file, c), instance_prior(file, c),
                file->category_factor[c]);
    }
    die_unless_ok(balact_output_commit(&output, &error), &error);
}

/* ---- The command ---- */

static void load(struct data_lvis *file, const char *path, double threshold) {
    struct balact_lvis_load_options options = {.sha256 = true};
    struct balact_error error;
    *file = (struct data_lvis){.path = path, .threshold = threshold};
    die_unless_ok(balact_lvis_load(path, &options, &file->lvis, &error), &error);
    die_unless_ok(balact_lvis_count(&file->lvis, &file->counts, &error), &error);
    file->category_factor = data_memory((size_t)file->lvis.categories * sizeof(double));
    file->image_factor = data_memory((size_t)file->lvis.images * sizeof(double));
    die_unless_ok(balact_lvis_repeat_factors(&file->lvis, threshold, file->category_factor,
                                             file->image_factor, &error),
                  &error);
}

static void release(struct data_lvis *file) {
    balact_lvis_release(&file->lvis);
    balact_lvis_counts_release(&file->counts);
    free(file->category_factor);
    free(file->image_factor);
}

static void inspect(struct data_report *report, const struct data_lvis *file) {
    data_source(file->path, file->lvis.source.bytes, file->lvis.source.sha256);
    print_sizes(report, file);
    print_groups(report, file);
    print_lists_and_masks(report, file);
    print_priors(report, file);
    data_lvis_check(report, file);
}

int data_command_lvis(int argc, char **argv) {
    const char *csv = NULL, *counts_path = NULL, *priors = NULL, *published = NULL;
    double threshold = 0.001;
    int64_t threads = 0;
    const struct option_row rows[] = {
        {"priors", OPTION_STRING, &priors, "FILE",
         "write counts, priors and repeat factor of each category of the first file"},
        {"repeat-threshold", OPTION_REAL, &threshold, "T",
         "repeat images of categories that a smaller share of the images holds"},
        {"published", OPTION_STRING, &published, "SET",
         "the first file must have the published sizes of v1-train, v1-val or v0.5-train"},
        {"csv", OPTION_STRING, &csv, "FILE", "write what is printed as rows"},
        {"counts", OPTION_STRING, &counts_path, "FILE",
         "write class_id,image_count of the first file"},
        {"threads", OPTION_INTEGER, &threads, "N", "0 for all; changes no number"}};
    struct data_report report;
    int count = options_parse(argc, argv, "data lvis FILE... [options]",
                              "Counts and checks annotations of LVIS (lvis_v1_train.json, "
                              "lvis_v1_val.json, ... as .json, .gz\nor .zip); those of training "
                              "first, others are compared with them.",
                              rows, sizeof rows / sizeof *rows);
    if (count < 1)
        die(EXIT_BAD_INPUT, "%s: wants files of annotations; see balact data lvis --help", argv[0]);
    if (!(threshold > 0) || !isfinite(threshold))
        die(EXIT_BAD_INPUT, "%s: --repeat-threshold wants a number above 0", argv[0]);
    use_threads(argv[0], threads);
    struct data_lvis first, other;
    data_begin(&report, "lvis", csv);
    load(&first, argv[1], threshold);
    inspect(&report, &first);
    if (published)
        data_lvis_check_published(&report, &first, published);
    data_write_counts(counts_path, first.counts.image_count, first.counts.categories);
    write_priors(priors, &first);
    for (int i = 2; i <= count; i++) {
        load(&other, argv[i], threshold);
        inspect(&report, &other);
        data_lvis_check_pair(&report, &first, &other);
        release(&other);
    }
    release(&first);
    return data_end(&report);
}
