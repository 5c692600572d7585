/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as annotations of LVIS. The first byte says how the JSON is cut; cut
 * otherwise, the same must come out, and every index must lie where it may be used.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/archive.h"
#include "datasets/lvis_part.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool true_always) {
    if (!true_always)
        abort();
}

static balact_status load(const uint8_t *bytes, size_t size, size_t window, bool skip_segments,
                          struct balact_lvis *lvis) {
    struct balact_archive *archive;
    struct balact_error error = {0};
    struct balact_json_options cut = {window, 1};
    struct balact_lvis_load_options options = {.skip_segments = skip_segments};
    bool found;
    if (balact_archive_open_bytes(&archive, "fuzz", bytes, size, &error) != BALACT_OK ||
        balact_archive_next(archive, &found, &error) != BALACT_OK || !found)
        abort();
    balact_status status = balact_lvis_load_cut(archive, &options, &cut, lvis, &error);
    require(status == BALACT_OK || (error.status == status && strstr(error.message, "fuzz") != 0));
    require(status == BALACT_OK || (lvis->name == NULL && lvis->annotation == NULL));
    balact_archive_close(archive);
    return status;
}

static void check_lists(const struct balact_lvis *lvis, const int64_t *start, const int32_t *list) {
    require(start[0] == 0);
    for (int64_t i = 0; i < lvis->images; i++) {
        require(start[i + 1] >= start[i]);
        for (int64_t k = start[i]; k < start[i + 1]; k++)
            require(list[k] >= 0 && list[k] < lvis->categories &&
                    (k == start[i] || list[k] > list[k - 1]));
    }
}

static void check_segment(const struct balact_lvis *lvis,
                          const struct balact_lvis_annotation *annotation) {
    const struct balact_lvis_image *image = &lvis->image[annotation->image];
    if (annotation->kind == BALACT_LVIS_POLYGONS) {
        require(annotation->first >= 0 && annotation->count > 0 &&
                annotation->first + annotation->count <= lvis->polygons);
        for (int64_t p = annotation->first; p < annotation->first + annotation->count; p++)
            require(lvis->polygon_start[p + 1] >= lvis->polygon_start[p] + 6 &&
                    (lvis->polygon_start[p + 1] - lvis->polygon_start[p]) % 2 == 0);
    }
    if (annotation->kind == BALACT_LVIS_RLE) {
        int64_t pixels = 0;
        for (int32_t r = 0; r < annotation->count; r++)
            pixels += lvis->counts[annotation->first + r];
        require(pixels == (int64_t)image->width * image->height);
    }
}

static void check(const struct balact_lvis *lvis) {
    struct balact_lvis_counts counts;
    struct balact_error error;
    check_lists(lvis, lvis->negative_start, lvis->negative);
    check_lists(lvis, lvis->not_exhaustive_start, lvis->not_exhaustive);
    for (int64_t i = 0; i < lvis->images; i++)
        require(balact_lvis_image_index(lvis, lvis->image[i].id) == i &&
                strlen(lvis->text + lvis->image[i].file) < SIZE_MAX);
    for (int32_t c = 0; c < lvis->categories; c++)
        require(balact_lvis_category_index(lvis, lvis->category[c].id) == c &&
                strlen(lvis->text + lvis->category[c].name) < SIZE_MAX);
    for (int64_t a = 0; a < lvis->annotations; a++) {
        const struct balact_lvis_annotation *annotation = &lvis->annotation[a];
        require(annotation->image >= 0 && annotation->image < lvis->images &&
                annotation->category >= 0 && annotation->category < lvis->categories &&
                annotation->area >= 0 && annotation->box[2] >= 0 && annotation->box[3] >= 0);
        check_segment(lvis, annotation);
    }
    require(balact_lvis_count(lvis, &counts, &error) == BALACT_OK);
    require(counts.images_annotated <= counts.images);
    balact_lvis_counts_release(&counts);
    require(balact_lvis_repeat_factors(lvis, 0.001, NULL, NULL, &error) == BALACT_OK);
}

static void compare(const struct balact_lvis *a, const struct balact_lvis *b) {
    require(a->images == b->images && a->categories == b->categories &&
            a->annotations == b->annotations && a->polygons == b->polygons);
    for (int64_t i = 0; i < a->annotations; i++)
        require(a->annotation[i].id == b->annotation[i].id &&
                a->annotation[i].first == b->annotation[i].first &&
                a->annotation[i].count == b->annotation[i].count &&
                a->annotation[i].kind == b->annotation[i].kind);
    size_t vertices = (size_t)a->polygon_start[a->polygons];
    require((int64_t)vertices == b->polygon_start[b->polygons]);
    require(vertices == 0 || memcmp(a->vertex, b->vertex, vertices * sizeof *a->vertex) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_lvis whole, cut, boxes;
    if (size == 0)
        return 0;
    balact_status status = load(bytes + 1, size - 1, 0, false, &whole);
    require(load(bytes + 1, size - 1, 1 + (size_t)bytes[0], false, &cut) == status ||
            status != BALACT_OK); /* broken in two ways, either may be told */
    require(load(bytes + 1, size - 1, 1 + (size_t)bytes[0], true, &boxes) == BALACT_OK ||
            status != BALACT_OK);
    if (status == BALACT_OK) {
        check(&whole);
        check(&cut);
        compare(&whole, &cut);
    } else {
        require(cut.name == NULL); /* not read when cut otherwise, either */
    }
    balact_lvis_release(&whole);
    balact_lvis_release(&cut);
    balact_lvis_release(&boxes);
    return 0;
}
