/* SPDX-License-Identifier: MIT
 *
 * What the files of the synthetic LVIS share (balact/lvis_synthetic.h has the public part): which
 * categories lie in which image, the objects of one image, masks as runs, text of JSON.
 */
#ifndef BALACT_DATASETS_LVIS_SYNTHETIC_H
#define BALACT_DATASETS_LVIS_SYNTHETIC_H

#include <stdio.h>

#include "balact/lvis_synthetic.h"

enum { LVIS_K = BALACT_LVIS_CATEGORIES };

/* Streams of the generator: the purpose in the high bits, then the split, then the image or the
 * category. Every number of an image depends on these and its own place alone. */
enum lvis_purpose {
    LVIS_STREAM_SUPER = 1,
    LVIS_STREAM_SUB,
    LVIS_STREAM_CATEGORY,
    LVIS_STREAM_BACKGROUND,
    LVIS_STREAM_LOOK, /* sizes of a category's objects */
    LVIS_STREAM_DEAL, /* which images hold which categories */
    LVIS_STREAM_INSTANCES,
    LVIS_STREAM_IMAGE,  /* size, lists */
    LVIS_STREAM_OBJECT, /* boxes and polygons */
    LVIS_STREAM_OFFSET, /* what an object's RoIs have in common */
    LVIS_STREAM_ROI,
    LVIS_STREAM_FEATURE,
    LVIS_STREAM_DETECTION
};
static inline uint64_t lvis_stream(enum lvis_purpose purpose, int split, int64_t index) {
    return (uint64_t)purpose << 48 | (uint64_t)split << 44 | (uint64_t)index;
}

/* Numbers of one stream, one after the other. */
struct lvis_draw {
    uint64_t seed, stream, at;
};
double balact_synth_uniform(struct lvis_draw *draw);
double balact_synth_normal(struct lvis_draw *draw);
int64_t balact_synth_below(struct lvis_draw *draw, int64_t bound);

/* ---- which categories lie in which image ---- */

struct lvis_layout {
    enum balact_lvis_split split;
    int64_t images, pairs, annotations;
    int64_t *start;     /* [images + 1]: pairs of image i at start[i] .. start[i + 1] */
    int32_t *category;  /* [pairs] index, ascending within an image */
    int32_t *instances; /* [pairs] */
    int64_t *first;     /* [images + 1]: annotations before image i */
    int64_t image_count[LVIS_K], instance_count[LVIS_K];
};
balact_status balact_synth_layout_make(const struct balact_lvis_synthetic_options *options,
                               enum balact_lvis_split split, struct lvis_layout *layout,
                               struct balact_error *error);
void balact_synth_layout_release(struct lvis_layout *layout);

/* Mean instances in an image that holds the category, at the full size, [LVIS_K]. */
void balact_synth_instance_ratios(double *ratios);

/* ---- one image ---- */

enum { LVIS_VERTICES_MIN = 8, LVIS_VERTICES_MAX = 24 };

/* Coordinates are hundredths of pixels, as many as the official files show. */
struct lvis_object {
    int32_t category;
    int32_t box[4]; /* x, y, width, height */
    double area;    /* pixels */
    int32_t vertices;
    int32_t x[LVIS_VERTICES_MAX], y[LVIS_VERTICES_MAX];
};
struct lvis_scene {
    int64_t image, id;
    int32_t width, height;
    int32_t objects, capacity;
    struct lvis_object *object;
    int32_t negatives, not_exhaustives; /* category indices, ascending */
    int32_t negative[LVIS_K], not_exhaustive[LVIS_K];
};
/* Makes image i of a layout; scene is reused and its arrays grow. false: out of memory. */
bool balact_synth_scene_make(const struct balact_lvis_synthetic_options *options,
                     const struct lvis_layout *layout, int64_t image, struct lvis_scene *scene);
void balact_synth_scene_release(struct lvis_scene *scene);

/* A star-shaped polygon that fills the box. */
void balact_synth_polygon(struct lvis_draw *draw, struct lvis_object *object, int32_t width,
                  int32_t height);

/* ---- text and bytes that grow ---- */

struct lvis_bytes {
    unsigned char *data;
    size_t size, capacity;
    bool failed; /* out of memory: stays so until released */
};
void balact_synth_put(struct lvis_bytes *bytes, const void *data, size_t size);
void balact_synth_put_text(struct lvis_bytes *bytes, const char *text);
void balact_synth_put_integer(struct lvis_bytes *bytes, int64_t value);
void balact_synth_put_hundredths(struct lvis_bytes *bytes, int64_t value); /* 1250 -> 12.5 */
void balact_synth_bytes_release(struct lvis_bytes *bytes);

/* Appends the mask of a polygon (hundredths of pixels, even-odd, pixels whose centre is inside) as
 * a compressed RLE string. */
void balact_synth_put_mask(struct lvis_bytes *bytes, int32_t width, int32_t height, int32_t vertices,
                   const double *x, const double *y);

/* ---- RoIs ---- */

/* RoIs of some images, one after the other. */
struct lvis_rois {
    int64_t count;
    float *features, *boxes, *objectness; /* [count][dim], [count][4], [count] */
    int64_t *image_ids;
    int32_t *labels;
};
/* Where the categories lie: centres [LVIS_K][dim] and that of background [dim], in units of the
 * deviation within a category. NULL: out of memory. */
double *balact_synth_centres(const struct balact_lvis_synthetic_options *options);

/* Fills rois [begin, begin + options->rois) with those of the scene; masks may be NULL, else the
 * RLE strings are appended and size[r] is the length of each. */
bool balact_synth_rois_make(const struct balact_lvis_synthetic_options *options,
                    const struct lvis_layout *layout, const struct lvis_scene *scene,
                    const double *centres, struct lvis_rois *rois, int64_t begin,
                    struct lvis_bytes *masks, int64_t *size);

/* Intersection over union of two boxes x, y, width, height. */
double balact_synth_box_iou(const double *a, const double *b);

/* The synthetic.json; errors show in the file. Options are resolved ones. */
void balact_lvis_synthetic_options_print(const struct balact_lvis_synthetic_options *options, FILE *file);

#endif
