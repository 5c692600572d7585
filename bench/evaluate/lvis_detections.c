/* SPDX-License-Identifier: MIT
 *
 * Reads detections in the official results format into compact arrays. Where a record is (box,
 * mask) is kept only where its category was annotated in its image: elsewhere it counts nothing but
 * a place under the cap.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/lvis_evaluate.h"
#include "balact/mask.h"
#include "bench/evaluate/lvis_case.h"
#include "datasets/archive.h"
#include "datasets/json.h"

/* ---- Which (image, category) pairs were annotated ---- */

struct annotated {
    int64_t *start; /* [images + 1] */
    int32_t *list;  /* categories of an image, ascending */
};

static int by_value(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool annotated_make(struct annotated *pairs, const struct balact_lvis *lvis) {
    const int64_t negatives = lvis->images ? lvis->negative_start[lvis->images] : 0;
    int64_t *next = malloc(((size_t)lvis->images + 1) * sizeof *next);
    pairs->start = calloc((size_t)lvis->images + 1, sizeof *pairs->start);
    pairs->list = malloc((size_t)(negatives + lvis->annotations + 1) * sizeof *pairs->list);
    bool fine = next && pairs->start && pairs->list;
    for (int64_t a = 0; fine && a < lvis->annotations; a++)
        pairs->start[lvis->annotation[a].image + 1]++;
    for (int64_t i = 0; fine && i < lvis->images; i++) {
        int64_t own = lvis->negative_start[i + 1] - lvis->negative_start[i];
        pairs->start[i + 1] += pairs->start[i] + own;
        next[i] = pairs->start[i] + own;
        memcpy(pairs->list + pairs->start[i], lvis->negative + lvis->negative_start[i],
               (size_t)own * sizeof *pairs->list);
    }
    for (int64_t a = 0; fine && a < lvis->annotations; a++)
        pairs->list[next[lvis->annotation[a].image]++] = lvis->annotation[a].category;
    for (int64_t i = 0; fine && i < lvis->images; i++)
        qsort(pairs->list + pairs->start[i], (size_t)(pairs->start[i + 1] - pairs->start[i]),
              sizeof *pairs->list, by_value);
    free(next);
    return fine;
}

static bool is_annotated(const struct annotated *pairs, int32_t image, int32_t category) {
    int64_t begin = pairs->start[image], end = pairs->start[image + 1];
    while (begin < end) {
        int64_t middle = begin + (end - begin) / 2;
        if (pairs->list[middle] == category)
            return true;
        if (pairs->list[middle] < category)
            begin = middle + 1;
        else
            end = middle;
    }
    return false;
}

/* ---- What a window becomes ---- */

struct chunk {
    struct balact_lvis_detection *detection;
    struct balact_lvis_region *region;
    char *text;
    size_t detections, detection_room, regions, region_room, bytes, byte_room;
    bool first_has_box;
    /* memory for one record */
    struct balact_mask mask;
    uint32_t *counts;
    double *vertex;
    int64_t *start;
    size_t count_room, vertex_room, start_room;
};

struct loading {
    const struct balact_lvis *lvis;
    struct annotated pairs;
    bool masks;
    struct balact_lvis_detections *to;
    size_t detection_room, region_room, byte_room;
};

static bool room(void *memory, size_t *have, size_t need, size_t size) {
    if (need <= *have)
        return true;
    size_t want = *have < 64 ? 64 : *have + *have / 2;
    want = want < need ? need : want;
    void *grown = realloc(*(void **)memory, want * size);
    if (!grown)
        return false;
    *(void **)memory = grown;
    *have = want;
    return true;
}

static void chunk_drop(void *result) {
    struct chunk *chunk = result;
    if (!chunk)
        return;
    balact_mask_release(&chunk->mask);
    free(chunk->detection);
    free(chunk->region);
    free(chunk->text);
    free(chunk->counts);
    free(chunk->vertex);
    free(chunk->start);
    free(chunk);
}

/* One record while it is read. */
struct record {
    const struct balact_json_window *window;
    int64_t element;
    struct balact_json_value image_id, category_id, score, box, segmentation;
    bool has_image_id, has_category_id, has_score, has_box, has_segmentation;
    int32_t image, category;
    struct balact_error *error;
};

#define FAIL(record, field, status, ...)                                                           \
    balact_json_fail((record)->window, (record)->element, (field), (status), (record)->error,      \
                     __VA_ARGS__)

static balact_status fields_of(struct record *record, struct balact_json_value value) {
    struct balact_json_walk walk;
    struct balact_json_text key;
    struct balact_json_value member;
    if (!balact_json_begin(value, &walk) || !walk.object)
        return FAIL(record, "", BALACT_ERROR_FORMAT, "a detection must be an object, not %s",
                    balact_json_kind_name(balact_json_kind(value)));
    while (balact_json_next(&walk, &key, &member)) {
        if (balact_json_is(key, "image_id"))
            record->image_id = member, record->has_image_id = true;
        else if (balact_json_is(key, "category_id"))
            record->category_id = member, record->has_category_id = true;
        else if (balact_json_is(key, "score"))
            record->score = member, record->has_score = true;
        else if (balact_json_is(key, "bbox"))
            record->box = member, record->has_box = true;
        else if (balact_json_is(key, "segmentation"))
            record->segmentation = member, record->has_segmentation = true;
    }
    if (!record->has_image_id || !record->has_category_id || !record->has_score)
        return FAIL(record, "", BALACT_ERROR_FORMAT, "the detection has no \"%s\"",
                    !record->has_image_id      ? "image_id"
                    : !record->has_category_id ? "category_id"
                                               : "score");
    if (!record->has_box && !record->has_segmentation)
        return FAIL(record, "", BALACT_ERROR_FORMAT,
                    "the detection has neither \"bbox\" nor \"segmentation\"");
    return BALACT_OK;
}

static balact_status ids_of(struct record *record, const struct balact_lvis *lvis) {
    int64_t image_id, category_id;
    if (!balact_json_integer(record->image_id, &image_id))
        return FAIL(record, ".image_id", BALACT_ERROR_FORMAT, "must be an integer");
    if (!balact_json_integer(record->category_id, &category_id))
        return FAIL(record, ".category_id", BALACT_ERROR_FORMAT, "must be an integer");
    int64_t image = balact_lvis_image_index(lvis, image_id);
    record->category = balact_lvis_category_index(lvis, category_id);
    if (image < 0)
        return FAIL(record, ".image_id", BALACT_ERROR_RANGE,
                    "image %lld is not in %s: detections of another split?", (long long)image_id,
                    lvis->name);
    if (record->category < 0)
        return FAIL(record, ".category_id", BALACT_ERROR_RANGE,
                    "category %lld is not in %s: 0-based ids, or another version of LVIS?",
                    (long long)category_id, lvis->name);
    record->image = (int32_t)image;
    return BALACT_OK;
}

static balact_status score_of(struct record *record, double *score) {
    if (!balact_json_real(record->score, score))
        return FAIL(record, ".score", BALACT_ERROR_FORMAT, "must be a number, not %s",
                    balact_json_kind_name(balact_json_kind(record->score)));
    if (!isfinite(*score))
        return FAIL(record, ".score", BALACT_ERROR_RANGE, "is not finite");
    return BALACT_OK;
}

static balact_status box_of(struct record *record, double box[4]) {
    if (balact_json_reals(record->box, box, 4) != 4)
        return FAIL(record, ".bbox", BALACT_ERROR_FORMAT, "must be [x, y, width, height]");
    for (int k = 0; k < 4; k++)
        if (!isfinite(box[k]))
            return FAIL(record, ".bbox", BALACT_ERROR_RANGE, "is not finite");
    if (box[2] < 0.0 || box[3] < 0.0)
        return FAIL(record, ".bbox", BALACT_ERROR_RANGE,
                    "has a negative size (%g x %g): two corners instead of corner and size?",
                    box[2], box[3]);
    return BALACT_OK;
}

/* ---- Masks ---- */

static balact_status no_memory(struct record *record) {
    return FAIL(record, "", BALACT_ERROR_MEMORY, "no memory");
}

/* Puts the reason of a failed mask behind the record's name. */
static balact_status mask_failed(struct record *record, balact_status status,
                                 const struct balact_error *reason) {
    return status == BALACT_OK ? status
                               : FAIL(record, ".segmentation", status, "%.800s", reason->message);
}

static balact_status runs_of(struct record *record, struct chunk *chunk,
                             struct balact_json_value counts, int32_t height, int32_t width) {
    struct balact_json_text text;
    struct balact_error reason;
    if (balact_json_string(counts, &text))
        return mask_failed(
            record,
            balact_mask_from_text(&chunk->mask, text.bytes, text.length, height, width, &reason),
            &reason);
    int64_t n = balact_json_reals(counts, NULL, 0);
    if (n < 0)
        return FAIL(record, ".segmentation.counts", BALACT_ERROR_FORMAT,
                    "must be a string or a list of integers");
    if (!room(&chunk->vertex, &chunk->vertex_room, (size_t)n, sizeof *chunk->vertex) ||
        !room(&chunk->counts, &chunk->count_room, (size_t)n, sizeof *chunk->counts))
        return no_memory(record);
    balact_json_reals(counts, chunk->vertex, n);
    for (int64_t k = 0; k < n; k++) {
        double run = chunk->vertex[k];
        if (!(run >= 0.0 && run <= (double)BALACT_MASK_PIXELS_MAX && run == floor(run)))
            return FAIL(record, ".segmentation.counts", BALACT_ERROR_RANGE,
                        "entry %lld is not a number of pixels", (long long)k);
        chunk->counts[k] = (uint32_t)run;
    }
    return mask_failed(
        record, balact_mask_from_counts(&chunk->mask, chunk->counts, n, height, width, &reason),
        &reason);
}

static balact_status coded_mask(struct record *record, struct chunk *chunk,
                                struct balact_json_walk *walk,
                                const struct balact_lvis_image *image) {
    struct balact_json_text key;
    struct balact_json_value member, counts = {{0, 0}};
    int64_t size[2] = {-1, -1};
    bool has_counts = false;
    while (balact_json_next(walk, &key, &member)) {
        if (balact_json_is(key, "counts"))
            counts = member, has_counts = true;
        else if (balact_json_is(key, "size") && balact_json_integers(member, size, 2) != 2)
            return FAIL(record, ".segmentation.size", BALACT_ERROR_FORMAT,
                        "must be [height, width]");
    }
    if (!has_counts || size[0] < 0)
        return FAIL(record, ".segmentation", BALACT_ERROR_FORMAT, "has no \"%s\"",
                    has_counts ? "size" : "counts");
    if (size[0] != image->height || size[1] != image->width)
        return FAIL(record, ".segmentation.size", BALACT_ERROR_RANGE,
                    "is %lld x %lld, but the image is %d x %d (height x width): masks of a scaled "
                    "image?",
                    (long long)size[0], (long long)size[1], (int)image->height, (int)image->width);
    return runs_of(record, chunk, counts, image->height, image->width);
}

/* vertices [2 * points] of polygon after polygon, chunk->start their places. */
static balact_status polygon_mask(struct record *record, struct chunk *chunk,
                                  struct balact_json_walk *walk,
                                  const struct balact_lvis_image *image) {
    struct balact_json_value polygon;
    struct balact_error reason;
    size_t polygons = 0, numbers = 0;
    if (!room(&chunk->start, &chunk->start_room, 1, sizeof *chunk->start))
        return no_memory(record);
    chunk->start[0] = 0;
    while (balact_json_next(walk, NULL, &polygon)) {
        int64_t n = balact_json_reals(polygon, NULL, 0);
        if (n < 6 || n % 2)
            return FAIL(record, ".segmentation", BALACT_ERROR_FORMAT,
                        "polygon %zu must be a list of at least three pairs of numbers", polygons);
        if (!room(&chunk->vertex, &chunk->vertex_room, numbers + (size_t)n,
                  sizeof *chunk->vertex) ||
            !room(&chunk->start, &chunk->start_room, polygons + 2, sizeof *chunk->start))
            return no_memory(record);
        balact_json_reals(polygon, chunk->vertex + numbers, n);
        numbers += (size_t)n;
        chunk->start[++polygons] = (int64_t)numbers;
    }
    if (polygons == 0)
        return FAIL(record, ".segmentation", BALACT_ERROR_FORMAT, "has no polygon");
    return mask_failed(record,
                       balact_mask_from_polygons(&chunk->mask, chunk->vertex, chunk->start,
                                                 (int64_t)polygons, image->height, image->width,
                                                 &reason),
                       &reason);
}

/* A record without a mask has its box as one, as officially. */
static balact_status box_mask(struct record *record, struct chunk *chunk, const double box[4],
                              const struct balact_lvis_image *image) {
    double x = box[0], y = box[1], right = box[0] + box[2], bottom = box[1] + box[3];
    double vertex[8] = {x, y, x, bottom, right, bottom, right, y};
    struct balact_error reason;
    return mask_failed(
        record,
        balact_mask_from_polygon(&chunk->mask, vertex, 4, image->height, image->width, &reason),
        &reason);
}

static balact_status mask_of(struct record *record, struct chunk *chunk, const double box[4],
                             const struct balact_lvis_image *image) {
    struct balact_json_walk walk;
    if (!record->has_segmentation)
        return box_mask(record, chunk, box, image);
    if (!balact_json_begin(record->segmentation, &walk))
        return FAIL(record, ".segmentation", BALACT_ERROR_FORMAT,
                    "must be a list of polygons or {\"size\", \"counts\"}");
    return walk.object ? coded_mask(record, chunk, &walk, image)
                       : polygon_mask(record, chunk, &walk, image);
}

static balact_status keep_mask(struct record *record, struct chunk *chunk,
                               struct balact_lvis_region *region, bool text) {
    region->flags |= BALACT_LVIS_HAS_MASK;
    region->mask_area = balact_mask_area(&chunk->mask);
    if (!(region->flags & BALACT_LVIS_HAS_BOX))
        balact_mask_box(&chunk->mask, region->box);
    if (!text)
        return BALACT_OK;
    size_t most = BALACT_MASK_TEXT_MAX(chunk->mask.runs), length;
    if (!room(&chunk->text, &chunk->byte_room, chunk->bytes + most, 1))
        return no_memory(record);
    balact_mask_to_text(&chunk->mask, chunk->text + chunk->bytes, &length);
    region->text = chunk->bytes;
    region->text_length = (int32_t)length;
    chunk->bytes += length;
    return BALACT_OK;
}

/* ---- Records ---- */

static balact_status read_record(struct loading *loading, struct chunk *chunk,
                                 struct record *record) {
    const struct balact_lvis_image *image;
    struct balact_lvis_region region = {.flags = 0};
    double score;
    balact_status status = ids_of(record, loading->lvis);
    if (status != BALACT_OK || (status = score_of(record, &score)) != BALACT_OK)
        return status;
    image = &loading->lvis->image[record->image];
    bool counted = is_annotated(&loading->pairs, record->image, record->category);
    if (record->has_box) {
        region.flags |= BALACT_LVIS_HAS_BOX;
        if ((status = box_of(record, region.box)) != BALACT_OK)
            return status;
    }
    if (loading->masks || !record->has_box) {
        if ((status = mask_of(record, chunk, region.box, image)) != BALACT_OK ||
            (counted && (status = keep_mask(record, chunk, &region, loading->masks)) != BALACT_OK))
            return status;
    }
    if (counted) {
        if (!room(&chunk->region, &chunk->region_room, chunk->regions + 1, sizeof *chunk->region))
            return no_memory(record);
        chunk->region[chunk->regions++] = region;
    }
    if (!room(&chunk->detection, &chunk->detection_room, chunk->detections + 1,
              sizeof *chunk->detection))
        return no_memory(record);
    chunk->detection[chunk->detections++] =
        (struct balact_lvis_detection){.score = score,
                                       .image = record->image,
                                       .category = record->category,
                                       .region = counted ? (int64_t)chunk->regions - 1 : -1};
    return BALACT_OK;
}

static balact_status parse_window(void *context, const struct balact_json_window *window,
                                  void **result, struct balact_error *error) {
    struct loading *loading = context;
    struct chunk *chunk = *result;
    struct balact_json_walk walk;
    struct balact_json_value value;
    if (window->member || !window->array)
        return balact_fail_at(
            error, BALACT_ERROR_FORMAT, window->path, 0, window->byte,
            "results must be a JSON array of detections, not an object: are these "
            "annotations?");
    if (!chunk && !(*result = chunk = calloc(1, sizeof *chunk)))
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: no memory", window->path);
    chunk->detections = chunk->regions = chunk->bytes = 0;
    balact_status status = BALACT_OK;
    balact_json_begin(window->root, &walk);
    for (int64_t k = 0; status == BALACT_OK && balact_json_next(&walk, NULL, &value); k++) {
        struct record record = {.window = window, .element = k, .error = error};
        status = fields_of(&record, value);
        if (status == BALACT_OK)
            status = read_record(loading, chunk, &record);
        if (k == 0)
            chunk->first_has_box = record.has_box;
    }
    return status;
}

static balact_status merge_window(void *context, const struct balact_json_window *window,
                                  void *result, struct balact_error *error) {
    struct loading *loading = context;
    struct balact_lvis_detections *to = loading->to;
    const struct chunk *chunk = result;
    size_t detections = (size_t)to->count, regions = (size_t)to->regions;
    if (!room(&to->detection, &loading->detection_room, detections + chunk->detections,
              sizeof *to->detection) ||
        !room(&to->region, &loading->region_room, regions + chunk->regions, sizeof *to->region) ||
        !room(&to->text, &loading->byte_room, to->text_bytes + chunk->bytes + 1, 1))
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: no memory for %zu detections",
                           window->path, detections + chunk->detections);
    if (detections == 0 && chunk->detections > 0)
        to->first_has_box = chunk->first_has_box;
    for (size_t k = 0; k < chunk->detections; k++) {
        struct balact_lvis_detection detection = chunk->detection[k];
        if (detection.region >= 0)
            detection.region += (int64_t)regions;
        to->detection[detections + k] = detection;
    }
    for (size_t k = 0; k < chunk->regions; k++) {
        to->region[regions + k] = chunk->region[k];
        to->region[regions + k].text += to->text_bytes;
    }
    if (chunk->bytes)
        memcpy(to->text + to->text_bytes, chunk->text, chunk->bytes);
    to->count += (int64_t)chunk->detections;
    to->regions += (int64_t)chunk->regions;
    to->text_bytes += chunk->bytes;
    return BALACT_OK;
}

balact_status balact_lvis_detections_read(struct balact_archive *archive, const struct balact_lvis *lvis,
                                   const struct balact_lvis_detections_options *options,
                                   const struct balact_json_options *cut,
                                   struct balact_lvis_detections *detections,
                                   struct balact_error *error) {
    struct loading loading = {.lvis = lvis, .masks = options && options->masks, .to = detections};
    const struct balact_json_visitor visitor = {&loading, parse_window, merge_window, chunk_drop};
    const char *path = archive->path;
    *detections = (struct balact_lvis_detections){.masks = loading.masks};
    detections->name = strdup(path);
    detections->source.path = strdup(path);
    balact_status status = BALACT_OK;
    if (!detections->name || !detections->source.path || !annotated_make(&loading.pairs, lvis))
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: no memory", path);
    if (status == BALACT_OK)
        status = balact_json_read_member(archive, cut, &visitor, &detections->source.bytes, error);
    free(loading.pairs.start);
    free(loading.pairs.list);
    if (status != BALACT_OK)
        balact_lvis_detections_release(detections);
    return status;
}

balact_status balact_lvis_detections_load(const char *path, const struct balact_lvis *lvis,
                                          const struct balact_lvis_detections_options *options,
                                          struct balact_lvis_detections *detections,
                                          struct balact_error *error) {
    struct balact_archive *archive;
    *detections = (struct balact_lvis_detections){0};
    balact_status status = balact_json_open(path, &archive, error);
    if (status == BALACT_OK)
        status = balact_lvis_detections_read(archive, lvis, options, NULL, detections, error);
    balact_archive_close(archive);
    if (status == BALACT_OK && options && options->sha256) {
        status = balact_sha256_file(path, detections->source.sha256, &detections->source.bytes,
                                    error);
        if (status == BALACT_ERROR_UNSUPPORTED) /* it stays empty, as that of annotations does */
            status = BALACT_OK;
    }
    if (status != BALACT_OK)
        balact_lvis_detections_release(detections);
    return status;
}

void balact_lvis_detections_release(struct balact_lvis_detections *detections) {
    free(detections->name);
    free(detections->detection);
    free(detections->region);
    free(detections->text);
    free(detections->source.path);
    *detections = (struct balact_lvis_detections){0};
}
