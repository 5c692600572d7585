/* SPDX-License-Identifier: MIT
 *
 * LVIS annotations by jansson, the whole document in memory: boxes, categories and federated lists,
 * no masks. Enough for training on RoIs; a reader for the full set's gigabyte is to take its place.
 */
#include "balact/lvis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>
#endif

const char *balact_lvis_frequency_name(enum balact_lvis_frequency frequency) {
    static const char *const names[BALACT_LVIS_FREQUENCY_COUNT] = {"rare", "common", "frequent"};
    return (unsigned)frequency < BALACT_LVIS_FREQUENCY_COUNT ? names[frequency] : "unknown";
}

int32_t balact_lvis_category_index(const struct balact_lvis *lvis, int64_t id) {
    int32_t low = 0, high = lvis->categories;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (lvis->category[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lvis->categories && lvis->category[low].id == id ? low : -1;
}

int64_t balact_lvis_image_index(const struct balact_lvis *lvis, int64_t id) {
    int64_t low = 0, high = lvis->images;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (lvis->image[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lvis->images && lvis->image[low].id == id ? low : -1;
}

void balact_lvis_release(struct balact_lvis *lvis) {
    free(lvis->name);
    free(lvis->category);
    free(lvis->image);
    free(lvis->negative_start);
    free(lvis->not_exhaustive_start);
    free(lvis->negative);
    free(lvis->not_exhaustive);
    free(lvis->annotation);
    free(lvis->source.path);
    memset(lvis, 0, sizeof *lvis);
}

/* ---- Reading ---- */

#ifdef BALACT_HAVE_JANSSON

static balact_status wrong(const char *path, const char *list, size_t index, const char *what,
                           struct balact_error *error) {
    return balact_fail_at(error, BALACT_ERROR_RANGE, path, 0, -1, "%s[%zu]: %s", list, index, what);
}

static double number(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* An id: an integer, 0 or more; -1 otherwise. */
static int64_t id_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value)
                                                                     : -1;
}

static int64_t count_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static int compare_categories(const void *a, const void *b) {
    int64_t left = ((const struct balact_lvis_category *)a)->id;
    int64_t right = ((const struct balact_lvis_category *)b)->id;
    return left < right ? -1 : left > right;
}

static int compare_images(const void *a, const void *b) {
    int64_t left = ((const struct balact_lvis_image *)a)->id;
    int64_t right = ((const struct balact_lvis_image *)b)->id;
    return left < right ? -1 : left > right;
}

static int compare_indices(const void *a, const void *b) {
    return *(const int32_t *)a - *(const int32_t *)b;
}

static balact_status take_categories(const json_t *list, struct balact_lvis *lvis,
                                     struct balact_error *error) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *frequency = json_string_value(json_object_get(item, "frequency"));
        int64_t id = id_of(item, "id");
        if (id < 0)
            return wrong(lvis->name, "categories", i, "no id", error);
        if (!frequency || !*frequency || frequency[1] || !strchr("rcf", *frequency))
            return wrong(lvis->name, "categories", i,
                         "frequency is none of r, c, f; COCO files have none", error);
        lvis->category[lvis->categories++] = (struct balact_lvis_category){
            .id = id,
            .frequency = *frequency == 'r'   ? BALACT_LVIS_RARE
                         : *frequency == 'c' ? BALACT_LVIS_COMMON
                                             : BALACT_LVIS_FREQUENT,
            .image_count = count_of(item, "image_count"),
            .instance_count = count_of(item, "instance_count"),
        };
    }
    qsort(lvis->category, (size_t)lvis->categories, sizeof *lvis->category, compare_categories);
    for (int32_t c = 1; c < lvis->categories; c++)
        if (lvis->category[c].id == lvis->category[c - 1].id)
            return wrong(lvis->name, "categories", (size_t)c, "an id that is there twice", error);
    return BALACT_OK;
}

static balact_status take_images(const json_t *list, struct balact_lvis *lvis,
                                 struct balact_error *error) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        int64_t id = id_of(item, "id");
        double width = number(item, "width"), height = number(item, "height");
        if (id < 0 || !(width >= 1 && width < 1 << 24 && height >= 1 && height < 1 << 24))
            return wrong(lvis->name, "images", i, "wants id, width and height", error);
        lvis->image[lvis->images++] = (struct balact_lvis_image){
            .id = id, .width = (int32_t)width, .height = (int32_t)height};
    }
    qsort(lvis->image, (size_t)lvis->images, sizeof *lvis->image, compare_images);
    for (int64_t i = 1; i < lvis->images; i++)
        if (lvis->image[i].id == lvis->image[i - 1].id)
            return wrong(lvis->name, "images", (size_t)i, "an id that is there twice", error);
    return BALACT_OK;
}

/* One of the federated lists of all images: lengths first, then the indices. */
static balact_status take_lists(const json_t *images, const char *key, struct balact_lvis *lvis,
                                int64_t **start, int32_t **members, struct balact_error *error) {
    *start = calloc((size_t)lvis->images + 1, sizeof **start);
    if (!*start)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
    for (int64_t i = 0; i < lvis->images; i++) {
        const json_t *image = json_array_get(images, (size_t)i);
        if (!json_is_array(json_object_get(image, key)))
            return balact_fail_at(error, BALACT_ERROR_FORMAT, lvis->name, 0, -1,
                                  "images[%lld] has no %s; COCO files have none", (long long)i, key);
        (*start)[balact_lvis_image_index(lvis, id_of(image, "id")) + 1] =
            (int64_t)json_array_size(json_object_get(image, key));
    }
    for (int64_t i = 0; i < lvis->images; i++)
        (*start)[i + 1] += (*start)[i];
    *members = malloc(((size_t)(*start)[lvis->images] + 1) * sizeof **members);
    if (!*members)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
    for (int64_t i = 0; i < lvis->images; i++) {
        const json_t *image = json_array_get(images, (size_t)i);
        const json_t *list = json_object_get(image, key);
        int32_t *to = *members + (*start)[balact_lvis_image_index(lvis, id_of(image, "id"))];
        for (size_t k = 0; k < json_array_size(list); k++) {
            const json_t *id = json_array_get(list, k);
            to[k] = json_is_integer(id) ? balact_lvis_category_index(lvis, json_integer_value(id))
                                        : -1;
            if (to[k] < 0)
                return wrong(lvis->name, key, (size_t)i, "an unknown category", error);
        }
        qsort(to, json_array_size(list), sizeof *to, compare_indices);
    }
    return BALACT_OK;
}

static balact_status take_annotations(const json_t *list, struct balact_lvis *lvis,
                                      struct balact_error *error) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *box = json_object_get(item, "bbox");
        struct balact_lvis_annotation *a = &lvis->annotation[i];
        *a = (struct balact_lvis_annotation){
            .id = id_of(item, "id"),
            .area = number(item, "area"),
            .image = (int32_t)balact_lvis_image_index(lvis, id_of(item, "image_id")),
            .category = balact_lvis_category_index(lvis, id_of(item, "category_id")),
        };
        if (a->image < 0 || a->category < 0)
            return wrong(lvis->name, "annotations", i, "an unknown image or category", error);
        for (size_t k = 0; k < 4; k++) {
            const json_t *value = json_array_get(box, k);
            a->box[k] = json_is_number(value) ? json_number_value(value) : NAN;
            if (!isfinite(a->box[k]) || (k > 1 && a->box[k] < 0))
                return wrong(lvis->name, "annotations", i,
                             "bbox wants x, y, width, height with sizes >= 0", error);
        }
        lvis->annotations++;
    }
    return BALACT_OK;
}

static balact_status take_document(const json_t *root, struct balact_lvis *lvis,
                                   struct balact_error *error) {
    const json_t *categories = json_object_get(root, "categories");
    const json_t *images = json_object_get(root, "images");
    const json_t *annotations = json_object_get(root, "annotations");
    if (!json_is_array(categories) || !json_is_array(images) || !json_is_array(annotations))
        return balact_fail_at(error, BALACT_ERROR_FORMAT, lvis->name, 0, -1,
                              "wants an object of arrays images, annotations and categories");
    lvis->category = calloc(json_array_size(categories) + 1, sizeof *lvis->category);
    lvis->image = calloc(json_array_size(images) + 1, sizeof *lvis->image);
    lvis->annotation = calloc(json_array_size(annotations) + 1, sizeof *lvis->annotation);
    if (!lvis->category || !lvis->image || !lvis->annotation)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
    balact_status status = take_categories(categories, lvis, error);
    if (status == BALACT_OK)
        status = take_images(images, lvis, error);
    if (status == BALACT_OK)
        status = take_lists(images, "neg_category_ids", lvis, &lvis->negative_start,
                            &lvis->negative, error);
    if (status == BALACT_OK)
        status = take_lists(images, "not_exhaustive_category_ids", lvis,
                            &lvis->not_exhaustive_start, &lvis->not_exhaustive, error);
    return status == BALACT_OK ? take_annotations(annotations, lvis, error) : status;
}

balact_status balact_lvis_load(const char *path, const struct balact_lvis_load_options *options,
                               struct balact_lvis *lvis, struct balact_error *error) {
    json_error_t why;
    memset(lvis, 0, sizeof *lvis);
    json_t *root = json_load_file(path, 0, &why);
    if (!root)
        return balact_fail_at(error, why.line < 1 ? BALACT_ERROR_IO : BALACT_ERROR_FORMAT, path,
                              why.line, why.position, "%s", why.text);
    lvis->name = strdup(path);
    lvis->source.path = strdup(path);
    balact_status status =
        lvis->name && lvis->source.path
            ? take_document(root, lvis, error)
            : balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    json_decref(root);
    if (status == BALACT_OK && options && options->sha256)
        balact_sha256_file(path, lvis->source.sha256, &lvis->source.bytes, NULL);
    if (status != BALACT_OK)
        balact_lvis_release(lvis);
    return status;
}

#else

balact_status balact_lvis_load(const char *path, const struct balact_lvis_load_options *options,
                               struct balact_lvis *lvis, struct balact_error *error) {
    (void)options;
    memset(lvis, 0, sizeof *lvis);
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1,
                          "this build reads no JSON; install libjansson-dev and build again");
}

#endif

/* ---- Counts ---- */

void balact_lvis_counts_release(struct balact_lvis_counts *counts) {
    free(counts->image_count);
    free(counts->instance_count);
    memset(counts, 0, sizeof *counts);
}

/* image << 32 | category of every annotation, sorted: pairs lie together, and so do images. */
static int compare_pairs(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

balact_status balact_lvis_count(const struct balact_lvis *lvis, struct balact_lvis_counts *counts,
                                struct balact_error *error) {
    size_t categories = (size_t)lvis->categories;
    uint64_t *pairs = malloc(((size_t)lvis->annotations + 1) * sizeof *pairs);
    *counts = (struct balact_lvis_counts){.categories = lvis->categories, .images = lvis->images};
    counts->image_count = calloc(categories + 1, sizeof *counts->image_count);
    counts->instance_count = calloc(categories + 1, sizeof *counts->instance_count);
    if (!pairs || !counts->image_count || !counts->instance_count) {
        free(pairs);
        balact_lvis_counts_release(counts);
        return balact_fail(error, BALACT_ERROR_MEMORY, "counts: out of memory");
    }
    for (int64_t i = 0; i < lvis->annotations; i++)
        pairs[i] = (uint64_t)lvis->annotation[i].image << 32 |
                   (uint32_t)lvis->annotation[i].category;
    qsort(pairs, (size_t)lvis->annotations, sizeof *pairs, compare_pairs);
    for (int64_t i = 0; i < lvis->annotations; i++) {
        uint32_t category = (uint32_t)pairs[i];
        counts->instance_count[category]++;
        counts->image_count[category] += i == 0 || pairs[i] != pairs[i - 1];
        counts->images_annotated += i == 0 || pairs[i] >> 32 != pairs[i - 1] >> 32;
    }
    free(pairs);
    return BALACT_OK;
}

balact_status balact_lvis_repeat_factors(const struct balact_lvis *lvis, double threshold,
                                         double *category_factor, double *image_factor,
                                         struct balact_error *error) {
    struct balact_lvis_counts counts;
    balact_status status = balact_lvis_count(lvis, &counts, error);
    if (status != BALACT_OK)
        return status;
    double *factor = malloc(((size_t)lvis->categories + 1) * sizeof *factor);
    if (!factor)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "repeat factors: out of memory");
    for (int32_t c = 0; c < lvis->categories && status == BALACT_OK; c++) {
        double share = (double)counts.image_count[c] / (double)lvis->images;
        double repeat = share > 0 ? sqrt(threshold / share) : 1;
        factor[c] = repeat > 1 ? repeat : 1;
        if (category_factor)
            category_factor[c] = factor[c];
    }
    for (int64_t i = 0; i < lvis->images && image_factor; i++)
        image_factor[i] = 1;
    for (int64_t i = 0; i < lvis->annotations && image_factor && status == BALACT_OK; i++) {
        const struct balact_lvis_annotation *a = &lvis->annotation[i];
        if (factor[a->category] > image_factor[a->image])
            image_factor[a->image] = factor[a->category];
    }
    free(factor);
    balact_lvis_counts_release(&counts);
    return status;
}
