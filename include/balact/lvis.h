/* SPDX-License-Identifier: MIT
 *
 * LVIS annotations in memory: images with their federated lists, categories, boxes and masks, as
 * compact arrays. Read from the official lvis_v1_{train,val}.json (or lvis_v0.5_*.json) as a plain
 * file, .gz or .zip; nothing is unpacked to disk. docs/FORMATS.md describes the JSON.
 *
 * Within the library a category is its index in category[] (ordered by id), an image its index in
 * image[] (ordered by id): ids may have gaps, indices have none.
 */
#ifndef BALACT_LVIS_H
#define BALACT_LVIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/dataset.h"
#include "balact/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The category's `frequency`: by train images 1..10, 11..100, more. Always the file's own field. */
enum balact_lvis_frequency {
    BALACT_LVIS_RARE,
    BALACT_LVIS_COMMON,
    BALACT_LVIS_FREQUENT,
    BALACT_LVIS_FREQUENCY_COUNT
};
const char *balact_lvis_frequency_name(enum balact_lvis_frequency frequency); /* "rare", ... */

struct balact_lvis_category {
    int64_t id;
    enum balact_lvis_frequency frequency;
    int64_t image_count, instance_count; /* of the train set, as the file states; -1: not stated */
    size_t name;                         /* offset in text[] */
};

struct balact_lvis_image {
    int64_t id;
    int32_t width, height; /* pixels */
    size_t file;           /* offset in text[]: file_name, or the end of coco_url; "" if neither */
};

enum balact_lvis_segment_kind {
    BALACT_LVIS_NO_SEGMENT,
    BALACT_LVIS_POLYGONS, /* polygons [first, first + count) */
    BALACT_LVIS_RLE       /* runs counts[first .. first + count), of the image's size */
};

struct balact_lvis_annotation {
    int64_t id;
    double box[4]; /* x, y, width, height in pixels, as in the file */
    double area;   /* pixels, as in the file */
    int32_t image, category;
    bool ignore;  /* the file's own "ignore" */
    uint8_t kind; /* enum balact_lvis_segment_kind */
    int32_t count;
    int64_t first;
};

struct balact_lvis {
    char *name; /* the path it was read from, for messages */
    int32_t categories;
    struct balact_lvis_category *category; /* [categories], by id */
    int64_t images;
    struct balact_lvis_image *image; /* [images], by id */
    /* Federated lists, category indices: of image i at [start[i], start[i + 1]), ascending. */
    int64_t *negative_start, *not_exhaustive_start; /* [images + 1] */
    int32_t *negative, *not_exhaustive;
    int64_t annotations;
    struct balact_lvis_annotation *annotation; /* [annotations], in the file's order */
    /* Polygon p is the pairs (x, y) at vertex[polygon_start[p] .. polygon_start[p + 1]). */
    int64_t polygons;
    int64_t *polygon_start; /* [polygons + 1] */
    double *vertex;
    uint32_t *counts; /* run lengths of RLE masks, column-major, starting with a run of zeros */
    char *text;       /* names, each ended by 0 */
    struct balact_source source; /* what was read; sha256 "" unless asked for */
};

/* Index of an id, or -1. */
int32_t balact_lvis_category_index(const struct balact_lvis *lvis, int64_t id);
int64_t balact_lvis_image_index(const struct balact_lvis *lvis, int64_t id);

struct balact_lvis_load_options {
    bool sha256;        /* hash the file */
    bool skip_segments; /* leave masks out: evaluation of boxes needs none */
};

/* Reads annotations. Errors name the file, the place (byte, or images[7].width) and the likely
 * cause: ERROR_FORMAT for JSON that is broken, cut off or not of this shape (with the reason for
 * COCO files, which have no federated lists), ERROR_RANGE for values outside their meaning
 * (unknown image or category id, duplicate ids, negative or NaN sizes, odd or too short polygons,
 * runs that do not fill the image), ERROR_IO, ERROR_MEMORY, ERROR_UNSUPPORTED where built without
 * simdjson. On error *lvis is zeroed. options may be NULL. */
balact_status balact_lvis_load(const char *path, const struct balact_lvis_load_options *options,
                               struct balact_lvis *lvis, struct balact_error *error);

/* Frees what lvis owns and zeroes it. Fine on a zeroed one. */
void balact_lvis_release(struct balact_lvis *lvis);

/* What a prior or a sampler may be made of, counted from the annotations themselves. */
struct balact_lvis_counts {
    int32_t categories;
    int64_t images, images_annotated; /* listed, and those with at least one annotation */
    int64_t *image_count;             /* [categories] images that hold the category */
    int64_t *instance_count;          /* [categories] annotations */
};
balact_status balact_lvis_count(const struct balact_lvis *lvis, struct balact_lvis_counts *counts,
                                struct balact_error *error);
void balact_lvis_counts_release(struct balact_lvis_counts *counts);

/* Repeat factors of repeat-factor sampling (LVIS paper; detectron2): f(c) = image_count(c) /
 * images, r(c) = max(1, sqrt(t / f(c))), r(I) = max over the categories of I of r(c), 1 for an
 * image without annotations. category_factor [categories] and image_factor [images] may be NULL. */
balact_status balact_lvis_repeat_factors(const struct balact_lvis *lvis, double threshold,
                                         double *category_factor, double *image_factor,
                                         struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
