/* SPDX-License-Identifier: MIT
 *
 * balact_lvis_load(): has the windows of the JSON taken apart side by side and appends what they
 * hold in the file's order.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "balact/dataset.h"
#include "datasets/archive.h"
#include "datasets/lvis_part.h"

enum member { IMAGES, CATEGORIES, ANNOTATIONS, MEMBERS };
static const char *const member_names[MEMBERS] = {"images", "categories", "annotations"};

struct loader {
    bool skip_segments;
    struct balact_lvis_part all;
    bool seen[MEMBERS];
};

static enum member member_of(const struct balact_json_window *window) {
    int i = 0;
    while (i < MEMBERS && strcmp(window->member, member_names[i]) != 0)
        i++;
    return (enum member)i;
}

static balact_status parse(void *context, const struct balact_json_window *window, void **result,
                           struct balact_error *error) {
    const struct loader *loader = context;
    if (!window->member)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, window->path, 0, window->byte,
                              "an array, as detections are; annotations of LVIS are an object with "
                              "images, categories and annotations");
    enum member member = member_of(window);
    if (member == MEMBERS)
        return BALACT_OK;
    if (!window->array)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, window->path, 0, window->byte,
                              "%s: wants an array", window->member);
    if (!*result)
        *result = calloc(1, sizeof(struct balact_lvis_part));
    if (!*result)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", window->path);
    balact_lvis_part_clear(*result);
    if (member == IMAGES)
        return balact_lvis_parse_images(*result, window, error);
    if (member == CATEGORIES)
        return balact_lvis_parse_categories(*result, window, error);
    return balact_lvis_parse_annotations(*result, loader->skip_segments, window, error);
}

/* ---- Merging ---- */

static bool append(struct balact_lvis_array *to, const struct balact_lvis_array *from,
                   size_t size) {
    if (!balact_lvis_reserve(to, from->count, size))
        return false;
    if (from->count > 0)
        memcpy((char *)to->items + to->count * size, from->items, from->count * size);
    to->count += from->count;
    return true;
}

/* What the part's records say of places in its own arrays becomes true of the whole's. */
static void shift(struct balact_lvis_part *part, const struct balact_lvis_part *all) {
    struct balact_lvis_annotation *annotation = part->annotation.items;
    struct balact_lvis_image *image = part->image.items;
    struct balact_lvis_category *category = part->category.items;
    int64_t *start = part->polygon_start.items;
    for (size_t i = 0; i < part->annotation.count; i++)
        annotation[i].first +=
            (int64_t)(annotation[i].kind == BALACT_LVIS_POLYGONS ? all->polygon_start.count
                      : annotation[i].kind == BALACT_LVIS_RLE    ? all->counts.count
                                                                 : 0);
    for (size_t i = 0; i < part->image.count; i++)
        image[i].file += all->text.count;
    for (size_t i = 0; i < part->category.count; i++)
        category[i].name += all->text.count;
    for (size_t i = 0; i < part->polygon_start.count; i++)
        start[i] += (int64_t)all->vertex.count;
}

static balact_status merge(void *context, const struct balact_json_window *window, void *result,
                           struct balact_error *error) {
    struct loader *loader = context;
    struct balact_lvis_part *part = result, *all = &loader->all;
    enum member member = member_of(window);
    if (member == MEMBERS)
        return BALACT_OK;
    if (window->begins && loader->seen[member])
        return balact_fail_at(error, BALACT_ERROR_FORMAT, window->path, 0, window->byte,
                              "a second member \"%s\"", window->member);
    loader->seen[member] = true;
    shift(part, all);
    if (!append(&all->category, &part->category, sizeof(struct balact_lvis_category)) ||
        !append(&all->image, &part->image, sizeof(struct balact_lvis_image)) ||
        !append(&all->listed, &part->listed, sizeof(struct balact_lvis_listed)) ||
        !append(&all->negative, &part->negative, sizeof(int64_t)) ||
        !append(&all->not_exhaustive, &part->not_exhaustive, sizeof(int64_t)) ||
        !append(&all->annotation, &part->annotation, sizeof(struct balact_lvis_annotation)) ||
        !append(&all->reference, &part->reference, sizeof(struct balact_lvis_reference)) ||
        !append(&all->polygon_start, &part->polygon_start, sizeof(int64_t)) ||
        !append(&all->vertex, &part->vertex, sizeof(double)) ||
        !append(&all->counts, &part->counts, sizeof(uint32_t)) ||
        !append(&all->text, &part->text, 1))
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", window->path);
    return BALACT_OK;
}

static void drop(void *result) {
    balact_lvis_part_release(result);
    free(result);
}

/* ---- Entries ---- */

static balact_status expect_members(const struct loader *loader, const char *name,
                                    struct balact_error *error) {
    for (int i = 0; i < MEMBERS; i++)
        if (!loader->seen[i])
            return balact_fail_at(error, BALACT_ERROR_FORMAT, name, 0, -1,
                                  "no member \"%s\"; are these annotations of LVIS?",
                                  member_names[i]);
    return BALACT_OK;
}

balact_status balact_lvis_load_cut(struct balact_archive *archive,
                                   const struct balact_lvis_load_options *options,
                                   const struct balact_json_options *cut, struct balact_lvis *lvis,
                                   struct balact_error *error) {
    char name[4096];
    struct loader loader = {.skip_segments = options && options->skip_segments};
    struct balact_json_visitor visitor = {&loader, parse, merge, drop};
    memset(lvis, 0, sizeof *lvis);
    balact_archive_place(archive, name, sizeof name);
    lvis->name = strdup(name);
    lvis->source.path = strdup(name);
    balact_status status = BALACT_OK;
    if (!lvis->name || !lvis->source.path)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", name);
    if (status == BALACT_OK)
        status = balact_json_read_member(archive, cut, &visitor, &lvis->source.bytes, error);
    if (status == BALACT_OK)
        status = expect_members(&loader, name, error);
    if (status == BALACT_OK)
        status = balact_lvis_finish(&loader.all, lvis, error);
    balact_lvis_part_release(&loader.all);
    if (status != BALACT_OK)
        balact_lvis_release(lvis);
    return status;
}

balact_status balact_lvis_load_member(struct balact_archive *archive,
                                      const struct balact_lvis_load_options *options,
                                      struct balact_lvis *lvis, struct balact_error *error) {
    return balact_lvis_load_cut(archive, options, NULL, lvis, error);
}

balact_status balact_lvis_load(const char *path, const struct balact_lvis_load_options *options,
                               struct balact_lvis *lvis, struct balact_error *error) {
    struct balact_archive *archive;
    struct stat what;
    memset(lvis, 0, sizeof *lvis);
    balact_status status = balact_json_open(path, &archive, error);
    if (status == BALACT_OK)
        status = balact_lvis_load_member(archive, options, lvis, error);
    balact_archive_close(archive);
    if (status != BALACT_OK)
        return status;
    if (stat(path, &what) == 0)
        lvis->source.bytes = (int64_t)what.st_size;
    if (options && options->sha256) {
        /* Of what lies on disk, whatever member was read. Without OpenSSL it stays empty. */
        status = balact_sha256_file(path, lvis->source.sha256, &lvis->source.bytes, error);
        if (status == BALACT_ERROR_UNSUPPORTED)
            status = BALACT_OK;
    }
    if (status != BALACT_OK)
        balact_lvis_release(lvis);
    return status;
}
