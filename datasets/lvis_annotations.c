/* SPDX-License-Identifier: MIT
 *
 * See lvis_part.h. Takes annotations with their masks out of parsed JSON: nearly all of a file.
 */
#include <stdio.h>
#include <string.h>

#include "datasets/lvis_part.h"

static balact_status no_memory(const struct balact_json_window *window,
                               struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", window->path);
}

/* ---- Masks ---- */

static balact_status take_polygon(struct balact_lvis_part *part, struct balact_json_value value,
                                  const struct balact_json_window *window, int64_t element,
                                  struct balact_error *error) {
    struct balact_lvis_array *vertex = &part->vertex;
    int64_t count;
    if (!balact_lvis_reserve(vertex, 1, sizeof(double)))
        return no_memory(window, error);
    for (;;) {
        size_t room = vertex->capacity - vertex->count;
        count = balact_json_reals(value, (double *)vertex->items + vertex->count, (int64_t)room);
        if (count < 0)
            return balact_json_fail(window, element, ".segmentation", BALACT_ERROR_FORMAT, error,
                                    "a polygon that is no array of numbers");
        if ((size_t)count <= room)
            break;
        if (!balact_lvis_reserve(vertex, (size_t)count, sizeof(double)))
            return no_memory(window, error);
    }
    if (count % 2 != 0 || count < 6)
        return balact_json_fail(window, element, ".segmentation", BALACT_ERROR_RANGE, error,
                                "a polygon of %lld numbers; wants x, y of three points or more",
                                (long long)count);
    if (!balact_lvis_reserve(&part->polygon_start, 1, sizeof(int64_t)))
        return no_memory(window, error);
    ((int64_t *)part->polygon_start.items)[part->polygon_start.count++] = (int64_t)vertex->count;
    vertex->count += (size_t)count;
    return BALACT_OK;
}

static balact_status take_polygons(struct balact_lvis_part *part,
                                   struct balact_lvis_annotation *annotation,
                                   struct balact_json_walk *polygons,
                                   const struct balact_json_window *window, int64_t element,
                                   struct balact_error *error) {
    struct balact_json_value value;
    size_t first = part->polygon_start.count;
    while (balact_json_next(polygons, NULL, &value)) {
        balact_status status = take_polygon(part, value, window, element, error);
        if (status != BALACT_OK)
            return status;
    }
    size_t count = part->polygon_start.count - first;
    if (count == 0 || count > INT32_MAX)
        return balact_json_fail(window, element, ".segmentation", BALACT_ERROR_RANGE, error,
                                "%s polygons", count ? "too many" : "no");
    annotation->kind = BALACT_LVIS_POLYGONS;
    annotation->first = (int64_t)first;
    annotation->count = (int32_t)count;
    return BALACT_OK;
}

/* An array of run lengths, to be checked like those from text. */
static balact_status take_runs(struct balact_lvis_part *part, struct balact_json_value value,
                               const struct balact_lvis_reference *size,
                               const struct balact_json_window *window, int64_t element,
                               struct balact_error *error) {
    struct balact_json_walk walk;
    struct balact_json_value run;
    struct balact_mask *mask = &part->mask;
    struct balact_lvis_array *counts = &part->counts;
    size_t begin = counts->count;
    int64_t number;
    if (!balact_lvis_reserve(counts, 1, sizeof(uint32_t)))
        return no_memory(window, error);
    balact_json_begin(value, &walk);
    while (balact_json_next(&walk, NULL, &run)) {
        if (!balact_json_integer(run, &number) || number < 0 || number > UINT32_MAX)
            return balact_json_fail(window, element, ".segmentation.counts", BALACT_ERROR_RANGE,
                                    error, "wants run lengths, 0 or more");
        if (!balact_lvis_reserve(counts, 1, sizeof(uint32_t)))
            return no_memory(window, error);
        ((uint32_t *)counts->items)[counts->count++] = (uint32_t)number;
    }
    size_t runs = counts->count - begin;
    counts->count = begin;
    return balact_mask_from_counts(mask, (uint32_t *)counts->items + begin, (int64_t)runs,
                                   size->height, size->width, error);
}

static balact_status take_rle_fields(struct balact_json_walk *walk,
                                     struct balact_lvis_reference *size,
                                     struct balact_json_value *counts,
                                     const struct balact_json_window *window, int64_t element,
                                     struct balact_error *error) {
    struct balact_json_text key;
    struct balact_json_value value;
    int64_t sizes[2] = {0, 0}, given = 0;
    bool found = false;
    while (balact_json_next(walk, &key, &value)) {
        if (balact_json_is(key, "size"))
            given = balact_json_integers(value, sizes, 2);
        if (balact_json_is(key, "counts")) {
            *counts = value;
            found = true;
        }
    }
    if (given != 2 || !found)
        return balact_json_fail(window, element, ".segmentation", BALACT_ERROR_FORMAT, error,
                                "wants \"size\": [height, width] and \"counts\"");
    if (sizes[0] < 1 || sizes[1] < 1 || sizes[0] > INT32_MAX || sizes[1] > INT32_MAX)
        return balact_json_fail(window, element, ".segmentation.size", BALACT_ERROR_RANGE, error,
                                "%lld x %lld pixels cannot be", (long long)sizes[0],
                                (long long)sizes[1]);
    size->height = (int32_t)sizes[0];
    size->width = (int32_t)sizes[1];
    return BALACT_OK;
}

static balact_status take_rle(struct balact_lvis_part *part,
                              struct balact_lvis_annotation *annotation,
                              struct balact_lvis_reference *size, struct balact_json_walk *walk,
                              const struct balact_json_window *window, int64_t element,
                              struct balact_error *error) {
    struct balact_json_value value;
    struct balact_json_text text;
    struct balact_error why = {0};
    struct balact_mask *mask = &part->mask;
    balact_status status = take_rle_fields(walk, size, &value, window, element, error);
    if (status != BALACT_OK)
        return status;
    if (balact_json_string(value, &text))
        status =
            balact_mask_from_text(mask, text.bytes, text.length, size->height, size->width, &why);
    else if (balact_json_kind(value) == BALACT_JSON_ARRAY)
        status = take_runs(part, value, size, window, element, &why);
    else
        return balact_json_fail(window, element, ".segmentation.counts", BALACT_ERROR_FORMAT, error,
                                "wants a string or an array");
    if (status == BALACT_OK && mask->runs > INT32_MAX)
        status = balact_fail(&why, BALACT_ERROR_RANGE, "too many runs");
    if (status != BALACT_OK)
        return balact_json_fail(window, element, ".segmentation.counts", status, error, "%s",
                                why.message);
    if (!balact_lvis_reserve(&part->counts, (size_t)mask->runs + 1, sizeof(uint32_t)))
        return no_memory(window, error);
    if (mask->runs > 0)
        memcpy((uint32_t *)part->counts.items + part->counts.count, mask->counts,
               (size_t)mask->runs * sizeof(uint32_t));
    annotation->kind = BALACT_LVIS_RLE;
    annotation->first = (int64_t)part->counts.count;
    annotation->count = (int32_t)mask->runs;
    part->counts.count += (size_t)mask->runs;
    return BALACT_OK;
}

static balact_status
take_segment(struct balact_lvis_part *part, struct balact_lvis_annotation *annotation,
             struct balact_lvis_reference *reference, struct balact_json_value value,
             const struct balact_json_window *window, int64_t element, struct balact_error *error) {
    struct balact_json_walk walk;
    if (!balact_json_begin(value, &walk))
        return balact_json_fail(window, element, ".segmentation", BALACT_ERROR_FORMAT, error,
                                "wants polygons or an RLE object, not %s",
                                balact_json_kind_name(balact_json_kind(value)));
    return walk.object ? take_rle(part, annotation, reference, &walk, window, element, error)
                       : take_polygons(part, annotation, &walk, window, element, error);
}

/* ---- Annotations ---- */

enum { HAS_ID = 1, HAS_IMAGE = 2, HAS_CATEGORY = 4, HAS_BOX = 8, HAS_AREA = 16, HAS_MASK = 32 };

static balact_status take_box(const struct balact_json_window *window, int64_t element,
                              struct balact_json_value value, double box[4],
                              struct balact_error *error) {
    if (balact_json_reals(value, box, 4) != 4)
        return balact_json_fail(window, element, ".bbox", BALACT_ERROR_FORMAT, error,
                                "wants x, y, width, height");
    if (box[2] < 0 || box[3] < 0)
        return balact_json_fail(window, element, ".bbox", BALACT_ERROR_RANGE, error,
                                "%g x %g pixels cannot be", box[2], box[3]);
    return BALACT_OK;
}

/* False: the field is none that is wanted, or not of its kind. */
static bool take_number(const struct balact_json_text key, const struct balact_json_value value,
                        struct balact_lvis_annotation *annotation,
                        struct balact_lvis_reference *reference, unsigned *has, bool *known) {
    int64_t whole;
    *known = true;
    if (balact_json_is(key, "id"))
        return *has |= HAS_ID, balact_json_integer(value, &annotation->id);
    if (balact_json_is(key, "image_id"))
        return *has |= HAS_IMAGE, balact_json_integer(value, &reference->image);
    if (balact_json_is(key, "category_id"))
        return *has |= HAS_CATEGORY, balact_json_integer(value, &reference->category);
    if (balact_json_is(key, "area"))
        return *has |= HAS_AREA, balact_json_real(value, &annotation->area);
    if (balact_json_is(key, "ignore")) {
        if (balact_json_bool(value, &annotation->ignore))
            return true;
        if (!balact_json_integer(value, &whole))
            return false;
        annotation->ignore = whole != 0;
        return true;
    }
    *known = false;
    return true;
}

static balact_status annotation_field(struct balact_lvis_part *part, bool skip_segments,
                                      struct balact_lvis_annotation *annotation,
                                      struct balact_lvis_reference *reference,
                                      const struct balact_json_window *window, int64_t element,
                                      struct balact_json_text key, struct balact_json_value value,
                                      unsigned *has, struct balact_error *error) {
    bool known;
    if (!take_number(key, value, annotation, reference, has, &known)) {
        char field[32];
        snprintf(field, sizeof field, ".%.*s", (int)key.length, key.bytes);
        return balact_json_fail(window, element, field, BALACT_ERROR_FORMAT, error,
                                "wants a %snumber, not %s", field[1] == 'a' ? "" : "whole ",
                                balact_json_kind_name(balact_json_kind(value)));
    }
    if (known)
        return BALACT_OK;
    if (balact_json_is(key, "bbox")) {
        *has |= HAS_BOX;
        return take_box(window, element, value, annotation->box, error);
    }
    if (!skip_segments && balact_json_is(key, "segmentation") && !(*has & HAS_MASK)) {
        *has |= HAS_MASK;
        return take_segment(part, annotation, reference, value, window, element, error);
    }
    return BALACT_OK;
}

static balact_status check_fields(const struct balact_lvis_annotation *annotation, unsigned has,
                                  const struct balact_json_window *window, int64_t element,
                                  struct balact_error *error) {
    static const char *const names[] = {"id", "image_id", "category_id", "bbox", "area"};
    for (int i = 0; i < 5; i++)
        if (!(has & 1u << i))
            return balact_json_fail(window, element, "", BALACT_ERROR_FORMAT, error, "no %s",
                                    names[i]);
    if (annotation->area < 0)
        return balact_json_fail(window, element, ".area", BALACT_ERROR_RANGE, error,
                                "%g is negative", annotation->area);
    return BALACT_OK;
}

balact_status balact_lvis_parse_annotations(struct balact_lvis_part *part, bool skip_segments,
                                            const struct balact_json_window *window,
                                            struct balact_error *error) {
    struct balact_json_walk elements, fields;
    struct balact_json_value value;
    struct balact_json_text key;
    balact_json_begin(window->root, &elements);
    if (!balact_lvis_reserve(&part->annotation, (size_t)window->elements,
                             sizeof(struct balact_lvis_annotation)) ||
        !balact_lvis_reserve(&part->reference, (size_t)window->elements,
                             sizeof(struct balact_lvis_reference)))
        return no_memory(window, error);
    for (int64_t i = 0; balact_json_next(&elements, NULL, &value); i++) {
        struct balact_lvis_annotation annotation = {0};
        struct balact_lvis_reference reference = {0};
        unsigned has = 0;
        balact_status status = BALACT_OK;
        if (!balact_json_begin(value, &fields) || !fields.object)
            return balact_json_fail(window, i, "", BALACT_ERROR_FORMAT, error,
                                    "wants an object, not %s",
                                    balact_json_kind_name(balact_json_kind(value)));
        while (status == BALACT_OK && balact_json_next(&fields, &key, &value))
            status = annotation_field(part, skip_segments, &annotation, &reference, window, i, key,
                                      value, &has, error);
        if (status == BALACT_OK)
            status = check_fields(&annotation, has, window, i, error);
        if (status != BALACT_OK)
            return status;
        ((struct balact_lvis_annotation *)part->annotation.items)[part->annotation.count++] =
            annotation;
        ((struct balact_lvis_reference *)part->reference.items)[part->reference.count++] =
            reference;
    }
    return BALACT_OK;
}
