/* SPDX-License-Identifier: MIT
 *
 * LVIS annotations on their way into memory: what one window of the JSON holds, and, with the same
 * fields, all windows so far. Ids are not resolved before the end, for the file's members may come
 * in any order.
 */
#ifndef BALACT_DATASETS_LVIS_PART_H
#define BALACT_DATASETS_LVIS_PART_H

#include "balact/lvis.h"
#include "balact/mask.h"
#include "datasets/json.h"

struct balact_archive;

/* A growing array; the type of its items is the user's business. */
struct balact_lvis_array {
    void *items;
    size_t count, capacity; /* in items */
};

/* What an image and an annotation name by id, beside their own records. Lists are counts: the ids
 * of consecutive images follow each other. */
struct balact_lvis_listed {
    int64_t negatives, not_exhaustives;
};
struct balact_lvis_reference {
    int64_t image, category;
    int32_t height, width; /* of an RLE mask; else 0 */
};

struct balact_lvis_part {
    struct balact_lvis_array category; /* struct balact_lvis_category */
    struct balact_lvis_array image;    /* struct balact_lvis_image */
    struct balact_lvis_array listed;   /* struct balact_lvis_listed, of each image */
    struct balact_lvis_array negative; /* int64_t, ids */
    struct balact_lvis_array not_exhaustive;
    struct balact_lvis_array annotation;    /* struct balact_lvis_annotation */
    struct balact_lvis_array reference;     /* struct balact_lvis_reference, of each annotation */
    struct balact_lvis_array polygon_start; /* int64_t, where each polygon begins in vertex */
    struct balact_lvis_array vertex;        /* double */
    struct balact_lvis_array counts;        /* uint32_t */
    struct balact_lvis_array text;          /* char, the first is 0: what is not named */
    struct balact_mask mask;                /* of the annotation at hand, reused */
};

/* Room for `more` items of `size` bytes. False if out of memory. */
bool balact_lvis_reserve(struct balact_lvis_array *array, size_t more, size_t size);
void balact_lvis_part_clear(struct balact_lvis_part *part); /* keeps the memory */
void balact_lvis_part_release(struct balact_lvis_part *part);

/* Each appends the elements of a window of its member. */
balact_status balact_lvis_parse_images(struct balact_lvis_part *part,
                                       const struct balact_json_window *window,
                                       struct balact_error *error);
balact_status balact_lvis_parse_categories(struct balact_lvis_part *part,
                                           const struct balact_json_window *window,
                                           struct balact_error *error);
balact_status balact_lvis_parse_annotations(struct balact_lvis_part *part, bool skip_segments,
                                            const struct balact_json_window *window,
                                            struct balact_error *error);

/* Turns all that was read into *lvis: sorts, resolves ids, checks. Takes the part's memory. */
balact_status balact_lvis_finish(struct balact_lvis_part *part, struct balact_lvis *lvis,
                                 struct balact_error *error);

/* balact_lvis_load() of the current member of an archive; its hash stays empty. */
balact_status balact_lvis_load_member(struct balact_archive *archive,
                                      const struct balact_lvis_load_options *options,
                                      struct balact_lvis *lvis, struct balact_error *error);

/* How the JSON is read; for tests. */
balact_status balact_lvis_load_cut(struct balact_archive *archive,
                                   const struct balact_lvis_load_options *options,
                                   const struct balact_json_options *cut, struct balact_lvis *lvis,
                                   struct balact_error *error);

#endif
