/* SPDX-License-Identifier: MIT
 *
 * See lvis_part.h. Once all of a file has been read: sorts images and categories by id, resolves
 * the ids that lists and annotations name, and checks what needs more than one record.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/lvis_part.h"

/* An id and where in the file it stands; sorted by id. */
struct named {
    int64_t id, ordinal;
};

/* Ids to indices: a table where ids are small, as they are, else by bisection. */
struct index {
    const struct named *named;
    int64_t count, table_size;
    int32_t *table; /* [table_size] index of an id, -1: none; NULL: no table */
};

static int by_id(const void *a, const void *b) {
    const struct named *left = a, *right = b;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return left->ordinal < right->ordinal ? -1 : left->ordinal > right->ordinal;
}

static int by_index(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return left < right ? -1 : left > right;
}

static balact_status no_memory(const struct balact_lvis *lvis, struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
}

/* Sorts and refuses doubles. */
static balact_status sort_ids(struct named *named, int64_t count, const char *member,
                              const struct balact_lvis *lvis, struct balact_error *error) {
    bool sorted = true;
    for (int64_t i = 1; i < count && sorted; i++)
        sorted = named[i - 1].id < named[i].id;
    if (sorted)
        return BALACT_OK;
    qsort(named, (size_t)count, sizeof *named, by_id);
    for (int64_t i = 1; i < count; i++)
        if (named[i - 1].id == named[i].id)
            return balact_fail_at(error, BALACT_ERROR_RANGE, lvis->name, 0, -1,
                                  "%s[%lld].id: %lld is that of %s[%lld] already", member,
                                  (long long)named[i].ordinal, (long long)named[i].id, member,
                                  (long long)named[i - 1].ordinal);
    return BALACT_OK;
}

static void index_begin(struct index *index, const struct named *named, int64_t count) {
    *index = (struct index){.named = named, .count = count};
    if (count == 0 || named[0].id < 0 || named[count - 1].id >= 16 * count + (1 << 20))
        return;
    int64_t size = named[count - 1].id + 1;
    index->table = malloc((size_t)size * sizeof *index->table);
    if (!index->table) /* slower, but it goes without */
        return;
    index->table_size = size;
    for (int64_t i = 0; i < size; i++)
        index->table[i] = -1;
    for (int64_t i = 0; i < count; i++)
        index->table[named[i].id] = (int32_t)i;
}

static int32_t index_of(const struct index *index, int64_t id) {
    if (index->table)
        return id >= 0 && id < index->table_size ? index->table[id] : -1;
    int64_t low = 0, high = index->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (index->named[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < index->count && index->named[low].id == id ? (int32_t)low : -1;
}

/* ---- Categories and images ---- */

static balact_status sort_categories(struct balact_lvis_part *part, struct named **named,
                                     struct balact_lvis *lvis, struct balact_error *error) {
    const struct balact_lvis_category *from = part->category.items;
    size_t count = part->category.count;
    if (count > INT32_MAX)
        return balact_fail_at(error, BALACT_ERROR_RANGE, lvis->name, 0, -1,
                              "%zu categories are too many", count);
    *named = malloc((count + 1) * sizeof **named);
    lvis->category = malloc((count + 1) * sizeof *lvis->category);
    if (!*named || !lvis->category)
        return no_memory(lvis, error);
    for (size_t i = 0; i < count; i++)
        (*named)[i] = (struct named){from[i].id, (int64_t)i};
    balact_status status = sort_ids(*named, (int64_t)count, "categories", lvis, error);
    if (status != BALACT_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        lvis->category[i] = from[(*named)[i].ordinal];
    lvis->categories = (int32_t)count;
    return BALACT_OK;
}

static balact_status sort_images(struct balact_lvis_part *part, struct named **named,
                                 struct balact_lvis *lvis, struct balact_error *error) {
    const struct balact_lvis_image *from = part->image.items;
    size_t count = part->image.count;
    if (count > INT32_MAX)
        return balact_fail_at(error, BALACT_ERROR_RANGE, lvis->name, 0, -1,
                              "%zu images are too many", count);
    *named = malloc((count + 1) * sizeof **named);
    lvis->image = malloc((count + 1) * sizeof *lvis->image);
    if (!*named || !lvis->image)
        return no_memory(lvis, error);
    for (size_t i = 0; i < count; i++)
        (*named)[i] = (struct named){from[i].id, (int64_t)i};
    balact_status status = sort_ids(*named, (int64_t)count, "images", lvis, error);
    if (status != BALACT_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        lvis->image[i] = from[(*named)[i].ordinal];
    lvis->images = (int64_t)count;
    return BALACT_OK;
}

/* ---- Federated lists ---- */

/* One image's list of ids as ascending indices without doubles. */
static balact_status resolve_list(const struct index *categories, const int64_t *ids, int64_t count,
                                  int64_t ordinal, const char *field, int32_t *out, int64_t *kept,
                                  const struct balact_lvis *lvis, struct balact_error *error) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = index_of(categories, ids[i]);
        if (out[i] < 0)
            return balact_fail_at(error, BALACT_ERROR_RANGE, lvis->name, 0, -1,
                                  "images[%lld].%s: no category has the id %lld",
                                  (long long)ordinal, field, (long long)ids[i]);
    }
    qsort(out, (size_t)count, sizeof *out, by_index);
    *kept = 0;
    for (int64_t i = 0; i < count; i++)
        if (i == 0 || out[i] != out[i - 1])
            out[(*kept)++] = out[i];
    return BALACT_OK;
}

/* first [images + 1]: where each image's ids begin, in the file's order. */
static balact_status resolve_lists(struct balact_lvis_array *ids, const int64_t *first,
                                   const struct named *images, const struct index *categories,
                                   const char *field, int64_t **start, int32_t **list,
                                   const struct balact_lvis *lvis, struct balact_error *error) {
    *start = malloc(((size_t)lvis->images + 1) * sizeof **start);
    *list = malloc((ids->count + 1) * sizeof **list);
    if (!*start || !*list || !balact_lvis_reserve(ids, 1, sizeof(int64_t)))
        return no_memory(lvis, error);
    (*start)[0] = 0;
    for (int64_t i = 0; i < lvis->images; i++) {
        int64_t ordinal = images[i].ordinal, kept = 0;
        balact_status status =
            resolve_list(categories, (const int64_t *)ids->items + first[ordinal],
                         first[ordinal + 1] - first[ordinal], ordinal, field, *list + (*start)[i],
                         &kept, lvis, error);
        if (status != BALACT_OK)
            return status;
        (*start)[i + 1] = (*start)[i] + kept;
    }
    return BALACT_OK;
}

static balact_status resolve_both(struct balact_lvis_part *part, const struct named *images,
                                  const struct index *categories, struct balact_lvis *lvis,
                                  struct balact_error *error) {
    const struct balact_lvis_listed *listed = part->listed.items;
    int64_t *first = malloc(2 * ((size_t)lvis->images + 1) * sizeof *first);
    if (!first)
        return no_memory(lvis, error);
    int64_t *second = first + lvis->images + 1;
    first[0] = second[0] = 0;
    for (int64_t i = 0; i < lvis->images; i++) {
        first[i + 1] = first[i] + listed[i].negatives;
        second[i + 1] = second[i] + listed[i].not_exhaustives;
    }
    balact_status status =
        resolve_lists(&part->negative, first, images, categories, "neg_category_ids",
                      &lvis->negative_start, &lvis->negative, lvis, error);
    if (status == BALACT_OK)
        status = resolve_lists(&part->not_exhaustive, second, images, categories,
                               "not_exhaustive_category_ids", &lvis->not_exhaustive_start,
                               &lvis->not_exhaustive, lvis, error);
    free(first);
    return status;
}

/* ---- Annotations ---- */

static balact_status resolve_annotations(const struct balact_lvis_part *part,
                                         const struct index *images, const struct index *categories,
                                         const struct balact_lvis *lvis,
                                         struct balact_error *error) {
    struct balact_lvis_annotation *annotation = part->annotation.items;
    const struct balact_lvis_reference *reference = part->reference.items;
    for (size_t i = 0; i < part->annotation.count; i++) {
        annotation[i].image = index_of(images, reference[i].image);
        annotation[i].category = index_of(categories, reference[i].category);
        bool image = annotation[i].image >= 0;
        if (!image || annotation[i].category < 0)
            return balact_fail_at(error, BALACT_ERROR_RANGE, lvis->name, 0, -1,
                                  "annotations[%zu].%s_id: no %s has the id %lld", i,
                                  image ? "category" : "image", image ? "category" : "image",
                                  (long long)(image ? reference[i].category : reference[i].image));
        const struct balact_lvis_image *size = &lvis->image[annotation[i].image];
        if (annotation[i].kind == BALACT_LVIS_RLE &&
            (reference[i].height != size->height || reference[i].width != size->width))
            return balact_fail_at(error, BALACT_ERROR_RANGE, lvis->name, 0, -1,
                                  "annotations[%zu].segmentation.size: %d x %d, but the image is "
                                  "%d x %d",
                                  i, reference[i].height, reference[i].width, size->height,
                                  size->width);
    }
    return BALACT_OK;
}

static balact_status check_annotation_ids(const struct balact_lvis_part *part,
                                          const struct balact_lvis *lvis,
                                          struct balact_error *error) {
    const struct balact_lvis_annotation *annotation = part->annotation.items;
    int64_t count = (int64_t)part->annotation.count;
    bool ascending = true;
    for (int64_t i = 1; i < count && ascending; i++)
        ascending = annotation[i - 1].id < annotation[i].id;
    if (ascending)
        return BALACT_OK;
    struct named *named = malloc((size_t)count * sizeof *named);
    if (!named)
        return no_memory(lvis, error);
    for (int64_t i = 0; i < count; i++)
        named[i] = (struct named){annotation[i].id, i};
    balact_status status = sort_ids(named, count, "annotations", lvis, error);
    free(named);
    return status;
}

/* ---- All ---- */

/* Takes an array's memory, cut to what is used. */
static void *take(struct balact_lvis_array *array, size_t size) {
    void *items = realloc(array->items, array->count * size + (array->count == 0));
    if (!items)
        items = array->items;
    *array = (struct balact_lvis_array){0};
    return items;
}

static balact_status take_all(struct balact_lvis_part *part, struct balact_lvis *lvis,
                              struct balact_error *error) {
    if (!balact_lvis_reserve(&part->polygon_start, 1, sizeof(int64_t)) ||
        !balact_lvis_reserve(&part->text, 1, 1))
        return no_memory(lvis, error);
    lvis->polygons = (int64_t)part->polygon_start.count;
    ((int64_t *)part->polygon_start.items)[part->polygon_start.count++] =
        (int64_t)part->vertex.count;
    if (part->text.count == 0)
        ((char *)part->text.items)[part->text.count++] = '\0';
    lvis->annotations = (int64_t)part->annotation.count;
    lvis->annotation = take(&part->annotation, sizeof *lvis->annotation);
    lvis->polygon_start = take(&part->polygon_start, sizeof *lvis->polygon_start);
    lvis->vertex = take(&part->vertex, sizeof *lvis->vertex);
    lvis->counts = take(&part->counts, sizeof *lvis->counts);
    lvis->text = take(&part->text, 1);
    return BALACT_OK;
}

balact_status balact_lvis_finish(struct balact_lvis_part *part, struct balact_lvis *lvis,
                                 struct balact_error *error) {
    struct named *categories = NULL, *images = NULL;
    struct index category_index = {0}, image_index = {0};
    balact_status status = sort_categories(part, &categories, lvis, error);
    if (status == BALACT_OK)
        status = sort_images(part, &images, lvis, error);
    if (status == BALACT_OK) {
        index_begin(&category_index, categories, lvis->categories);
        index_begin(&image_index, images, lvis->images);
        status = resolve_both(part, images, &category_index, lvis, error);
    }
    if (status == BALACT_OK)
        status = resolve_annotations(part, &image_index, &category_index, lvis, error);
    if (status == BALACT_OK)
        status = check_annotation_ids(part, lvis, error);
    if (status == BALACT_OK)
        status = take_all(part, lvis, error);
    free(category_index.table);
    free(image_index.table);
    free(categories);
    free(images);
    return status;
}
