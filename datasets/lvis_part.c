/* SPDX-License-Identifier: MIT
 *
 * See lvis_part.h. Takes images and categories out of parsed JSON.
 */
#include "datasets/lvis_part.h"

#include <stdlib.h>
#include <string.h>

bool balact_lvis_reserve(struct balact_lvis_array *array, size_t more, size_t size) {
    if (more <= array->capacity - array->count)
        return true;
    size_t capacity = array->capacity > SIZE_MAX / 2 ? SIZE_MAX : 2 * array->capacity;
    if (more > SIZE_MAX - array->count)
        return false;
    if (capacity < array->count + more)
        capacity = array->count + more;
    if (capacity < 64)
        capacity = 64;
    void *items = capacity > SIZE_MAX / size ? NULL : realloc(array->items, capacity * size);
    if (!items)
        return false;
    array->items = items;
    array->capacity = capacity;
    return true;
}

enum { ARRAYS = 11 };

static void list_arrays(struct balact_lvis_part *part, struct balact_lvis_array *array[ARRAYS]) {
    struct balact_lvis_array *const all[ARRAYS] = {
        &part->category,       &part->image,      &part->listed,    &part->negative,
        &part->not_exhaustive, &part->annotation, &part->reference, &part->polygon_start,
        &part->vertex,         &part->counts,     &part->text};
    memcpy(array, all, sizeof all);
}

void balact_lvis_part_clear(struct balact_lvis_part *part) {
    struct balact_lvis_array *array[ARRAYS];
    list_arrays(part, array);
    for (int i = 0; i < ARRAYS; i++)
        array[i]->count = 0;
}

void balact_lvis_part_release(struct balact_lvis_part *part) {
    struct balact_lvis_array *array[ARRAYS];
    list_arrays(part, array);
    for (int i = 0; i < ARRAYS; i++)
        free(array[i]->items);
    balact_mask_release(&part->mask);
    memset(part, 0, sizeof *part);
}

static balact_status no_memory(const struct balact_json_window *window,
                               struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", window->path);
}

/* ---- Fields ---- */

#define COCO                                                                                       \
    "; is it a COCO file? LVIS marks only some categories in each image: without its federated "   \
    "lists and frequencies neither training nor evaluation is defined"

static balact_status missing(const struct balact_json_window *window, int64_t element,
                             const char *field, const char *why, struct balact_error *error) {
    return balact_json_fail(window, element, "", BALACT_ERROR_FORMAT, error, "no %s%s", field, why);
}

static balact_status take_integer(const struct balact_json_window *window, int64_t element,
                                  const char *field, struct balact_json_value value, int64_t *out,
                                  struct balact_error *error) {
    if (balact_json_integer(value, out))
        return BALACT_OK;
    return balact_json_fail(window, element, field, BALACT_ERROR_FORMAT, error,
                            "wants a whole number of 64 bits, not %s",
                            balact_json_kind_name(balact_json_kind(value)));
}

/* Copies a string to the part's text, from behind the last but `keep` slashes. */
static balact_status take_text(struct balact_lvis_part *part,
                               const struct balact_json_window *window, int64_t element,
                               const char *field, struct balact_json_value value, int keep,
                               size_t *offset, struct balact_error *error) {
    struct balact_json_text text;
    if (!balact_json_string(value, &text))
        return balact_json_fail(window, element, field, BALACT_ERROR_FORMAT, error,
                                "wants a string, not %s",
                                balact_json_kind_name(balact_json_kind(value)));
    if (memchr(text.bytes, 0, text.length))
        return balact_json_fail(window, element, field, BALACT_ERROR_FORMAT, error,
                                "a string with a zero byte");
    size_t begin = keep > 0 ? text.length : 0;
    while (begin > 0 && (text.bytes[begin - 1] != '/' || --keep > 0))
        begin--;
    size_t length = text.length - begin;
    if (!balact_lvis_reserve(&part->text, length + 1, 1))
        return no_memory(window, error);
    char *to = (char *)part->text.items + part->text.count;
    memcpy(to, text.bytes + begin, length);
    to[length] = '\0';
    *offset = part->text.count;
    part->text.count += length + 1;
    return BALACT_OK;
}

/* A list of category ids is appended to `ids`. */
static balact_status take_ids(struct balact_lvis_array *ids,
                              const struct balact_json_window *window, int64_t element,
                              const char *field, struct balact_json_value value, int64_t *count,
                              struct balact_error *error) {
    if (!balact_lvis_reserve(ids, 1, sizeof(int64_t)))
        return no_memory(window, error);
    for (;;) {
        size_t room = ids->capacity - ids->count;
        *count = balact_json_integers(value, (int64_t *)ids->items + ids->count, (int64_t)room);
        if (*count < 0)
            return balact_json_fail(window, element, field, BALACT_ERROR_FORMAT, error,
                                    "wants an array of category ids");
        if ((size_t)*count <= room)
            break;
        if (!balact_lvis_reserve(ids, (size_t)*count, sizeof(int64_t)))
            return no_memory(window, error);
    }
    ids->count += (size_t)*count;
    return BALACT_OK;
}

static balact_status begin_object(const struct balact_json_window *window, int64_t element,
                                  struct balact_json_value value, struct balact_json_walk *walk,
                                  struct balact_error *error) {
    if (balact_json_begin(value, walk) && walk->object)
        return BALACT_OK;
    return balact_json_fail(window, element, "", BALACT_ERROR_FORMAT, error,
                            "wants an object, not %s",
                            balact_json_kind_name(balact_json_kind(value)));
}

/* The part's text begins with an empty name. */
static bool begin_text(struct balact_lvis_part *part) {
    if (part->text.count > 0)
        return true;
    if (!balact_lvis_reserve(&part->text, 1, 1))
        return false;
    ((char *)part->text.items)[part->text.count++] = '\0';
    return true;
}

/* ---- Images ---- */

enum { HAS_ID = 1, HAS_WIDTH = 2, HAS_HEIGHT = 4, HAS_NEGATIVE = 8, HAS_NOT_EXHAUSTIVE = 16 };

static balact_status take_size(const struct balact_json_window *window, int64_t element,
                               const char *field, struct balact_json_value value, int32_t *out,
                               struct balact_error *error) {
    int64_t size;
    balact_status status = take_integer(window, element, field, value, &size, error);
    if (status != BALACT_OK)
        return status;
    if (size < 1 || size > INT32_MAX)
        return balact_json_fail(window, element, field, BALACT_ERROR_RANGE, error,
                                "%lld pixels cannot be", (long long)size);
    *out = (int32_t)size;
    return BALACT_OK;
}

static balact_status image_field(struct balact_lvis_part *part, struct balact_lvis_image *image,
                                 struct balact_lvis_listed *listed,
                                 const struct balact_json_window *window, int64_t element,
                                 struct balact_json_text key, struct balact_json_value value,
                                 unsigned *has, struct balact_error *error) {
    if (balact_json_is(key, "id")) {
        *has |= HAS_ID;
        return take_integer(window, element, ".id", value, &image->id, error);
    }
    if (balact_json_is(key, "width")) {
        *has |= HAS_WIDTH;
        return take_size(window, element, ".width", value, &image->width, error);
    }
    if (balact_json_is(key, "height")) {
        *has |= HAS_HEIGHT;
        return take_size(window, element, ".height", value, &image->height, error);
    }
    if (balact_json_is(key, "neg_category_ids") && !(*has & HAS_NEGATIVE)) {
        *has |= HAS_NEGATIVE;
        return take_ids(&part->negative, window, element, ".neg_category_ids", value,
                        &listed->negatives, error);
    }
    if (balact_json_is(key, "not_exhaustive_category_ids") && !(*has & HAS_NOT_EXHAUSTIVE)) {
        *has |= HAS_NOT_EXHAUSTIVE;
        return take_ids(&part->not_exhaustive, window, element, ".not_exhaustive_category_ids",
                        value, &listed->not_exhaustives, error);
    }
    if (balact_json_is(key, "file_name"))
        return take_text(part, window, element, ".file_name", value, 0, &image->file, error);
    /* Folder and name, as the images lie in COCO's own archives; a name of its own goes first. */
    if (balact_json_is(key, "coco_url") && image->file == 0)
        return take_text(part, window, element, ".coco_url", value, 2, &image->file, error);
    return BALACT_OK;
}

balact_status balact_lvis_parse_images(struct balact_lvis_part *part,
                                       const struct balact_json_window *window,
                                       struct balact_error *error) {
    struct balact_json_walk elements, fields;
    struct balact_json_value value;
    struct balact_json_text key;
    balact_json_begin(window->root, &elements);
    if (!begin_text(part))
        return no_memory(window, error);
    for (int64_t i = 0; balact_json_next(&elements, NULL, &value); i++) {
        struct balact_lvis_image image = {0};
        struct balact_lvis_listed listed = {0};
        unsigned has = 0;
        balact_status status = begin_object(window, i, value, &fields, error);
        while (status == BALACT_OK && balact_json_next(&fields, &key, &value))
            status = image_field(part, &image, &listed, window, i, key, value, &has, error);
        if (status != BALACT_OK)
            return status;
        if (!(has & HAS_ID))
            return missing(window, i, "id", "", error);
        if (!(has & HAS_WIDTH) || !(has & HAS_HEIGHT))
            return missing(window, i, has & HAS_WIDTH ? "height" : "width", "", error);
        if (!(has & HAS_NEGATIVE))
            return missing(window, i, "neg_category_ids", COCO, error);
        if (!(has & HAS_NOT_EXHAUSTIVE))
            return missing(window, i, "not_exhaustive_category_ids", COCO, error);
        if (!balact_lvis_reserve(&part->image, 1, sizeof image) ||
            !balact_lvis_reserve(&part->listed, 1, sizeof listed))
            return no_memory(window, error);
        ((struct balact_lvis_image *)part->image.items)[part->image.count++] = image;
        ((struct balact_lvis_listed *)part->listed.items)[part->listed.count++] = listed;
    }
    return BALACT_OK;
}

/* ---- Categories ---- */

static balact_status take_frequency(const struct balact_json_window *window, int64_t element,
                                    struct balact_json_value value,
                                    enum balact_lvis_frequency *frequency,
                                    struct balact_error *error) {
    struct balact_json_text text;
    static const char *const letters[] = {"r", "c", "f"};
    for (int i = 0; balact_json_string(value, &text) && i < BALACT_LVIS_FREQUENCY_COUNT; i++)
        if (balact_json_is(text, letters[i])) {
            *frequency = (enum balact_lvis_frequency)i;
            return BALACT_OK;
        }
    return balact_json_fail(window, element, ".frequency", BALACT_ERROR_FORMAT, error,
                            "wants \"r\", \"c\" or \"f\"");
}

static balact_status category_field(struct balact_lvis_part *part,
                                    struct balact_lvis_category *category,
                                    const struct balact_json_window *window, int64_t element,
                                    struct balact_json_text key, struct balact_json_value value,
                                    bool *has_id, bool *has_frequency, struct balact_error *error) {
    if (balact_json_is(key, "id")) {
        *has_id = true;
        return take_integer(window, element, ".id", value, &category->id, error);
    }
    if (balact_json_is(key, "frequency")) {
        *has_frequency = true;
        return take_frequency(window, element, value, &category->frequency, error);
    }
    if (balact_json_is(key, "name"))
        return take_text(part, window, element, ".name", value, 0, &category->name, error);
    bool images = balact_json_is(key, "image_count");
    if (!images && !balact_json_is(key, "instance_count"))
        return BALACT_OK;
    int64_t *count = images ? &category->image_count : &category->instance_count;
    const char *field = images ? ".image_count" : ".instance_count";
    balact_status status = take_integer(window, element, field, value, count, error);
    if (status == BALACT_OK && *count < 0)
        return balact_json_fail(window, element, field, BALACT_ERROR_RANGE, error,
                                "%lld is negative", (long long)*count);
    return status;
}

balact_status balact_lvis_parse_categories(struct balact_lvis_part *part,
                                           const struct balact_json_window *window,
                                           struct balact_error *error) {
    struct balact_json_walk elements, fields;
    struct balact_json_value value;
    struct balact_json_text key;
    balact_json_begin(window->root, &elements);
    if (!begin_text(part))
        return no_memory(window, error);
    for (int64_t i = 0; balact_json_next(&elements, NULL, &value); i++) {
        struct balact_lvis_category category = {.image_count = -1, .instance_count = -1};
        bool has_id = false, has_frequency = false;
        balact_status status = begin_object(window, i, value, &fields, error);
        while (status == BALACT_OK && balact_json_next(&fields, &key, &value))
            status = category_field(part, &category, window, i, key, value, &has_id, &has_frequency,
                                    error);
        if (status != BALACT_OK)
            return status;
        if (!has_id)
            return missing(window, i, "id", "", error);
        if (!has_frequency)
            return missing(window, i, "frequency", COCO, error);
        if (!balact_lvis_reserve(&part->category, 1, sizeof category))
            return no_memory(window, error);
        ((struct balact_lvis_category *)part->category.items)[part->category.count++] = category;
    }
    return BALACT_OK;
}
