/* SPDX-License-Identifier: MIT
 *
 * Binary masks as run lengths, the way COCO and LVIS store them: rasterising polygons, union, area,
 * bounding box, intersection over union, and the text form. Every result equals that of the
 * official mask code bit for bit; where that code has no answer (runs that do not fill the image,
 * text that breaks off) these functions say so.
 */
#ifndef BALACT_MASK_H
#define BALACT_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs of zeros and ones in turns, down the columns, starting with zeros (maybe none); together
 * height * width. A zeroed mask is empty and may be filled by any function below, which reuses its
 * memory; release it with balact_mask_release(). */
struct balact_mask {
    int32_t height, width;
    int64_t runs, capacity;
    uint32_t *counts; /* [capacity], owned; runs of them in use */
};
void balact_mask_release(struct balact_mask *mask);

/* No image has more pixels, no polygon a vertex farther from the origin than this. */
#define BALACT_MASK_PIXELS_MAX ((int64_t)1 << 30)
#define BALACT_MASK_COORDINATE_MAX 1e8

/* Copies runs. ERROR_RANGE unless they fill the image. Runs of length 0 are kept. */
balact_status balact_mask_from_counts(struct balact_mask *mask, const uint32_t *counts,
                                      int64_t runs, int32_t height, int32_t width,
                                      struct balact_error *error);

/* Reads the compressed text: base-32 digits from '0' on, each run from the third on as difference to
 * the one before the last. ERROR_FORMAT for other characters, numbers too long or broken off,
 * ERROR_RANGE for negative runs and runs that do not fill the image. error->byte is the place in
 * the text. */
balact_status balact_mask_from_text(struct balact_mask *mask, const char *text, size_t length,
                                    int32_t height, int32_t width, struct balact_error *error);

/* Writes that text, ended by 0; *length without it. text must hold BALACT_MASK_TEXT_MAX(runs). */
#define BALACT_MASK_TEXT_MAX(runs) ((size_t)(runs)*7 + 1)
void balact_mask_to_text(const struct balact_mask *mask, char *text, size_t *length);

/* The pixels within a polygon of vertices (x, y) [points], in pixels from the corner of the image;
 * what lies outside the image is cut off. Of several polygons: their union. polygon_start
 * [polygons + 1] are offsets of numbers (two a vertex) into vertex. ERROR_RANGE for coordinates
 * that are not finite or beyond BALACT_MASK_COORDINATE_MAX. */
balact_status balact_mask_from_polygon(struct balact_mask *mask, const double *vertex,
                                       int64_t points, int32_t height, int32_t width,
                                       struct balact_error *error);
balact_status balact_mask_from_polygons(struct balact_mask *mask, const double *vertex,
                                        const int64_t *polygon_start, int64_t polygons,
                                        int32_t height, int32_t width, struct balact_error *error);

/* mask = a or b (a and b if intersect); mask is neither. ERROR_ARGUMENT if sizes differ. Where both
 * have a run of length 0 (other than the first) at the same place, mask ends there, as that of the
 * official code does, and does not fill the image; masks of polygons have no such runs. */
balact_status balact_mask_merge(struct balact_mask *mask, const struct balact_mask *a,
                                const struct balact_mask *b, bool intersect,
                                struct balact_error *error);

/* Pixels. */
uint32_t balact_mask_area(const struct balact_mask *mask);
/* x, y, width, height of the smallest box around the pixels; zeros if there are none. */
void balact_mask_box(const struct balact_mask *mask, double box[4]);

/* What the intersection of many pairs needs to know of each mask once. */
struct balact_mask_measure {
    double box[4];
    uint32_t area;
    bool plain; /* no run but the first is of length 0 */
};
void balact_mask_measure(const struct balact_mask *mask, struct balact_mask_measure *measure);

/* Intersection over union; if crowd, over the area of the detection. 0 where the boxes do not
 * overlap, -1 where they do and the images differ in size. */
double balact_mask_iou(const struct balact_mask *detection, const struct balact_mask *truth,
                       bool crowd);
/* The same, measured before. */
double balact_mask_iou_measured(const struct balact_mask *detection,
                                const struct balact_mask_measure *detection_measure,
                                const struct balact_mask *truth,
                                const struct balact_mask_measure *truth_measure, bool crowd);

/* The same of boxes x, y, width, height. */
double balact_box_iou(const double detection[4], const double truth[4], bool crowd);

#ifdef __cplusplus
}
#endif
#endif
