/* SPDX-License-Identifier: MIT
 *
 * See data_lvis.h: do annotations agree with themselves, with those of training, and with what was
 * published? What the categories state of the train set cannot be held against another set; such
 * checks are skipped with the reason unless the file's name says that it is the train set.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/commands/data_lvis.h"
#include "bench/program.h"

enum { SHOWN = 5 }; /* examples of what is wrong; the rest is counted */

static bool is_train(const struct data_lvis *file) {
    const char *name = strrchr(file->path, '/');
    return strstr(name ? name : file->path, "train") != NULL;
}

/* PASS, FAIL for the train set, SKIP for another: what it states is not of itself. */
static void check_of_train(struct data_report *report, const struct data_lvis *file, int64_t wrong,
                           const char *what) {
    if (wrong == 0 || is_train(file))
        data_check(report, wrong == 0, "%s: %" PRId64 " of %" PRId32 " categories %s", file->path,
                   wrong, file->lvis.categories, what);
    else
        data_skip(report,
                  "%s: %" PRId64 " of %" PRId32
                  " categories %s; they may be stated of another set than this",
                  file->path, wrong, file->lvis.categories, what);
}

static void check_stated(struct data_report *report, const struct data_lvis *file) {
    const struct balact_lvis *lvis = &file->lvis;
    int64_t stated = 0, images = 0, instances = 0;
    for (int32_t c = 0; c < lvis->categories; c++) {
        const struct balact_lvis_category *category = &lvis->category[c];
        bool wrong_images =
            category->image_count >= 0 && category->image_count != file->counts.image_count[c];
        bool wrong_instances = category->instance_count >= 0 &&
                               category->instance_count != file->counts.instance_count[c];
        stated += category->image_count >= 0 || category->instance_count >= 0;
        images += wrong_images;
        instances += wrong_instances;
        if ((wrong_images || wrong_instances) && is_train(file) && images + instances <= SHOWN)
            printf("category %" PRId64 " (%s): %" PRId64 " images, %" PRId64
                   " instances; stated are %" PRId64 ", %" PRId64 "\n",
                   category->id, lvis->text + category->name, file->counts.image_count[c],
                   file->counts.instance_count[c], category->image_count, category->instance_count);
    }
    if (stated == 0) {
        data_skip(report, "%s: the categories state no counts", file->path);
        return;
    }
    check_of_train(report, file, images, "whose image_count is not that of the annotations");
    check_of_train(report, file, instances, "whose instance_count is not that of the annotations");
}

/* rare to 10 images, common to 100: read off the real data of both versions. */
static void check_frequencies(struct data_report *report, const struct data_lvis *file) {
    int64_t wrong = 0;
    for (int32_t c = 0; c < file->lvis.categories; c++) {
        const struct balact_lvis_category *category = &file->lvis.category[c];
        enum balact_lvis_frequency fits = category->image_count <= 10    ? BALACT_LVIS_RARE
                                          : category->image_count <= 100 ? BALACT_LVIS_COMMON
                                                                         : BALACT_LVIS_FREQUENT;
        wrong += category->image_count >= 0 && category->frequency != fits;
    }
    check_of_train(report, file, wrong,
                   "whose frequency does not fit image_count (rare to 10, common to 100)");
}

/* ---- Lists ---- */

struct pair {
    int64_t image;
    int32_t category;
};

static int by_pair(const void *a, const void *b) {
    const struct pair *left = a, *right = b;
    if (left->image != right->image)
        return left->image < right->image ? -1 : 1;
    return (left->category > right->category) - (left->category < right->category);
}

/* How many entries of the lists are annotated, entry by entry. pairs: sorted. */
static int64_t annotated_entries(const struct balact_lvis *lvis, const struct pair *pairs,
                                 const int64_t *start, const int32_t *list) {
    int64_t found = 0;
    for (int64_t i = 0; i < lvis->images; i++)
        for (int64_t k = start[i]; k < start[i + 1]; k++) {
            struct pair wanted = {i, list[k]};
            found += lvis->annotations > 0 && bsearch(&wanted, pairs, (size_t)lvis->annotations,
                                                      sizeof wanted, by_pair) != NULL;
        }
    return found;
}

static void check_lists(struct data_report *report, const struct data_lvis *file) {
    const struct balact_lvis *lvis = &file->lvis;
    struct pair *pairs = data_memory((size_t)lvis->annotations * sizeof *pairs);
    for (int64_t a = 0; a < lvis->annotations; a++)
        pairs[a] = (struct pair){lvis->annotation[a].image, lvis->annotation[a].category};
    qsort(pairs, (size_t)lvis->annotations, sizeof *pairs, by_pair);
    int64_t listed = lvis->not_exhaustive_start[lvis->images];
    int64_t held = annotated_entries(lvis, pairs, lvis->not_exhaustive_start, lvis->not_exhaustive);
    int64_t contradicted = annotated_entries(lvis, pairs, lvis->negative_start, lvis->negative);
    free(pairs);
    data_check(report, contradicted == 0,
               "%s: %" PRId64 " categories in neg_category_ids of an image that holds them",
               file->path, contradicted);
    if (held < listed)
        printf("note    %" PRId64 " of %" PRId64
               " entries of not_exhaustive_category_ids name what their image has no annotation "
               "of\n",
               listed - held, listed);
}

/* ---- Annotations ---- */

static void check_annotations(struct data_report *report, const struct data_lvis *file) {
    const struct balact_lvis *lvis = &file->lvis;
    int64_t below_one = 0, no_area = 0, beyond = 0;
    for (int64_t a = 0; a < lvis->annotations; a++) {
        const struct balact_lvis_annotation *annotation = &lvis->annotation[a];
        const struct balact_lvis_image *image = &lvis->image[annotation->image];
        const double *box = annotation->box;
        below_one += annotation->id == 0;
        no_area += annotation->area == 0;
        beyond += box[0] < -1 || box[1] < -1 || box[0] + box[2] > image->width + 1.0 ||
                  box[1] + box[3] > image->height + 1.0;
    }
    data_check(report, below_one == 0,
               "%s: %" PRId64 " annotations of id 0, which the official evaluator takes for a miss",
               file->path, below_one);
    if (no_area > 0)
        printf("note    %" PRId64 " annotations of area 0: the official evaluator drops them\n",
               no_area);
    if (beyond > 0)
        printf("note    %" PRId64 " boxes reach beyond their image by more than a pixel\n", beyond);
    data_row(report, file->path, "all", "without_area", (double)no_area);
    data_row(report, file->path, "all", "boxes_beyond_image", (double)beyond);
}

void data_lvis_check(struct data_report *report, const struct data_lvis *file) {
    check_stated(report, file);
    check_frequencies(report, file);
    check_lists(report, file);
    check_annotations(report, file);
}

/* ---- Two files ---- */

static bool same_category(const struct balact_lvis *a, const struct balact_lvis *b, int32_t c) {
    return a->category[c].id == b->category[c].id &&
           a->category[c].frequency == b->category[c].frequency &&
           !strcmp(a->text + a->category[c].name, b->text + b->category[c].name);
}

/* Files of val state the counts of train. */
static void check_stated_of(struct data_report *report, const struct data_lvis *train,
                            const struct data_lvis *file) {
    int64_t stated = 0, wrong = 0;
    for (int32_t c = 0; c < file->lvis.categories; c++) {
        const struct balact_lvis_category *category = &file->lvis.category[c];
        stated += category->image_count >= 0 && category->instance_count >= 0;
        wrong += category->image_count != train->counts.image_count[c] ||
                 category->instance_count != train->counts.instance_count[c];
    }
    if (stated < file->lvis.categories || (wrong > 0 && !is_train(train)))
        return;
    data_check(report, wrong == 0,
               "%s: %" PRId64 " of %" PRId32 " categories state other counts than %s holds",
               file->path, wrong, file->lvis.categories, train->path);
}

void data_lvis_check_pair(struct data_report *report, const struct data_lvis *first,
                          const struct data_lvis *second) {
    const struct balact_lvis *a = &first->lvis, *b = &second->lvis;
    int64_t common = 0, other = 0;
    if (a->categories != b->categories) {
        data_check(report, false,
                   "%s: %" PRId32 " categories, but %" PRId32 " in %s: another version?",
                   second->path, b->categories, a->categories, first->path);
    } else {
        for (int32_t c = 0; c < a->categories; c++)
            other += !same_category(a, b, c);
        data_check(report, other == 0,
                   "%s: %" PRId64 " categories of another id, name or frequency than in %s",
                   second->path, other, first->path);
        if (other == 0)
            check_stated_of(report, first, second);
    }
    for (int64_t i = 0; i < b->images; i++)
        common += balact_lvis_image_index(a, b->image[i].id) >= 0;
    data_check(report, common == 0, "%s: %" PRId64 " of %" PRId64 " images are in %s too",
               second->path, common, b->images, first->path);
}

/* ---- Published sizes ---- */

/* -1: not known. Sizes: the LVIS papers and the files of their authors. */
struct known {
    const char *name;
    int64_t images, annotated, annotations, categories, group[BALACT_LVIS_FREQUENCY_COUNT];
};
static const struct known known[] = {
    {"v1-train", 100170, 99388, 1270141, 1203, {337, 461, 405}},
    {"v1-val", 19809, -1, 244707, 1203, {337, 461, 405}},
    {"v0.5-train", -1, 56740, 693958, 1230, {454, 461, 315}},
};
enum { KNOWN = sizeof known / sizeof *known };

static void check_size(struct data_report *report, const struct known *set, const char *what,
                       int64_t found, int64_t wanted) {
    if (wanted >= 0)
        data_check(report, found == wanted, "%s: %" PRId64 " %s, published are %" PRId64, set->name,
                   found, what, wanted);
}

void data_lvis_check_published(struct data_report *report, const struct data_lvis *file,
                               const char *name) {
    int64_t group[BALACT_LVIS_FREQUENCY_COUNT] = {0};
    int k = 0;
    while (k < KNOWN && strcmp(name, known[k].name) != 0)
        k++;
    if (k == KNOWN)
        die(EXIT_BAD_INPUT, "data lvis: --published wants v1-train, v1-val or v0.5-train, not '%s'",
            name);
    const struct known *set = &known[k];
    for (int32_t c = 0; c < file->lvis.categories; c++)
        group[file->lvis.category[c].frequency]++;
    check_size(report, set, "images", file->lvis.images, set->images);
    check_size(report, set, "images with an annotation", file->counts.images_annotated,
               set->annotated);
    check_size(report, set, "annotations", file->lvis.annotations, set->annotations);
    check_size(report, set, "categories", file->lvis.categories, set->categories);
    for (int f = 0; f < BALACT_LVIS_FREQUENCY_COUNT; f++) {
        char what[64];
        snprintf(what, sizeof what, "%s categories",
                 balact_lvis_frequency_name((enum balact_lvis_frequency)f));
        check_size(report, set, what, group[f], set->group[f]);
    }
}
