/* SPDX-License-Identifier: MIT
 *
 * The federated average precision of LVIS: detections in the official results format, the 13
 * official numbers, and what is behind them by category. docs/METHOD.md states every rule.
 */
#ifndef BALACT_LVIS_EVALUATE_H
#define BALACT_LVIS_EVALUATE_H

#include "balact/lvis.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Detections ---- */

struct balact_lvis_detection {
    double score;
    int32_t image, category; /* indices within balact_lvis */
    int64_t region;          /* where it is, index of region[]; -1 for a category that the image was
                                not annotated for: such detections only take up places under the cap */
};

enum balact_lvis_region_flag {
    BALACT_LVIS_HAS_BOX = 1,  /* the record holds "bbox" */
    BALACT_LVIS_HAS_MASK = 2 /* mask_area is there, and the text if masks were asked for */
};

struct balact_lvis_region {
    double box[4];    /* x, y, width, height; without "bbox" that of the mask */
    size_t text;      /* the mask as compressed run-length text, offset in text[] */
    int32_t text_length;
    uint32_t mask_area; /* pixels */
    uint8_t flags;
};

struct balact_lvis_detections {
    char *name;    /* the path, for messages */
    int64_t count;
    struct balact_lvis_detection *detection; /* [count], in the file's order */
    int64_t regions;
    struct balact_lvis_region *region;
    char *text;
    size_t text_bytes;
    bool masks;          /* masks were read: every region has one */
    bool first_has_box;  /* the first record holds "bbox": the official code looks at no other */
    struct balact_source source;
};

struct balact_lvis_detections_options {
    bool masks;  /* read masks; a record without "segmentation" gets its box as mask, as officially */
    bool sha256; /* hash the file */
};

/* Reads a results file: a JSON array of {image_id, category_id, score, bbox and/or segmentation
 * (polygons, compressed or uncompressed runs)}; .json, .gz or .zip. Other members are passed over.
 * Errors name record and byte: ERROR_FORMAT for broken JSON and missing or wrong members,
 * ERROR_RANGE for ids that the annotations do not have (another split?), scores that are not
 * finite, boxes of negative size, masks of another size than their image, ERROR_IO, ERROR_MEMORY,
 * ERROR_UNSUPPORTED in a build without simdjson. On error *detections is zeroed. options may be
 * NULL: boxes alone. Which error is told does not depend on the number of threads. */
balact_status balact_lvis_detections_load(const char *path, const struct balact_lvis *lvis,
                                          const struct balact_lvis_detections_options *options,
                                          struct balact_lvis_detections *detections,
                                          struct balact_error *error);
void balact_lvis_detections_release(struct balact_lvis_detections *detections);

/* ---- Evaluation ---- */

/* X(id, name): the official 13 in the official order. In names @ stands before the cap. */
#define BALACT_LVIS_METRIC_LIST(X)                                                                 \
    X(AP, "AP")                                                                                    \
    X(AP50, "AP50")                                                                                \
    X(AP75, "AP75")                                                                                \
    X(APS, "APs")                                                                                  \
    X(APM, "APm")                                                                                  \
    X(APL, "APl")                                                                                  \
    X(APR, "APr")                                                                                  \
    X(APC, "APc")                                                                                  \
    X(APF, "APf")                                                                                  \
    X(AR, "AR@300")                                                                                \
    X(ARS, "ARs@300")                                                                              \
    X(ARM, "ARm@300")                                                                              \
    X(ARL, "ARl@300")

enum balact_lvis_metric {
#define BALACT_LVIS_METRIC_ENUM(id, name) BALACT_LVIS_##id,
    BALACT_LVIS_METRIC_LIST(BALACT_LVIS_METRIC_ENUM)
#undef BALACT_LVIS_METRIC_ENUM
        BALACT_LVIS_METRIC_COUNT
};
/* "AP", ..., "ARl@300". */
const char *balact_lvis_metric_name(enum balact_lvis_metric metric);

enum balact_lvis_iou { BALACT_LVIS_IOU_BOX, BALACT_LVIS_IOU_MASK };

/* What decides whether an unmatched detection is small, medium or large. */
enum balact_lvis_area {
    BALACT_LVIS_AREA_OFFICIAL, /* the box's, even among masks, if the results hold "bbox" */
    BALACT_LVIS_AREA_MASK,
    BALACT_LVIS_AREA_BOX
};

enum {
    BALACT_LVIS_THRESHOLDS = 10, /* IoU .50:.05:.95 */
    BALACT_LVIS_RECALLS = 101,   /* 0:.01:1 */
    BALACT_LVIS_SIZES = 4        /* all, small, medium, large */
};

struct balact_lvis_evaluate_options {
    enum balact_lvis_iou iou;
    enum balact_lvis_area area;
    int64_t max_detections; /* best of each image over all categories; 0: 300, -1: all */
    /* AP-fixed (arXiv 2102.01066): no cap by image, the best of each category over the set. */
    bool fixed;
    int64_t fixed_detections; /* 0: 10,000 */
    bool pooled;              /* also rank the detections of all categories together */
};

/* Of one category; -1 where it has nothing to be found (of that size). */
struct balact_lvis_category_result {
    double ap, ap50, ap75, ap_size[BALACT_LVIS_SIZES - 1], ar, ar_size[BALACT_LVIS_SIZES - 1];
    int64_t truths, detections; /* to be found; that were counted right, wrong or ignored */
};

struct balact_lvis_evaluation {
    double metric[BALACT_LVIS_METRIC_COUNT]; /* -1 where no category has anything to be found */
    double pooled[BALACT_LVIS_METRIC_COUNT]; /* the same of one ranking; NaN unless asked for */
    int32_t categories;
    struct balact_lvis_category_result *category; /* [categories], owned */
    /* precision[threshold][recall][category][size] and recall[threshold][category][size], -1 where
     * there is nothing to be found; owned. */
    double *precision, *recall;
    int64_t detections, kept, counted; /* given; under the cap; of those, of annotated categories */
    double seconds_match, seconds_accumulate;
};

/* The values of IoU and recall that belong to the indices above. */
double balact_lvis_threshold(int index);
double balact_lvis_recall(int index);

/* Evaluates. Equal to the official code to rounding of the last mean; no result depends on the
 * number of threads. options may be NULL: boxes, as officially. ERROR_ARGUMENT for masks that were
 * not read, ERROR_RANGE for annotations that cannot be evaluated (an annotation of id 0, which the
 * official code takes for a miss; one without mask), ERROR_MEMORY. On error *evaluation is
 * zeroed. */
balact_status balact_lvis_evaluate(const struct balact_lvis *lvis,
                                   const struct balact_lvis_detections *detections,
                                   const struct balact_lvis_evaluate_options *options,
                                   struct balact_lvis_evaluation *evaluation,
                                   struct balact_error *error);
void balact_lvis_evaluation_release(struct balact_lvis_evaluation *evaluation);

/* mean over the categories of a group (-1: all) of the precision at [threshold][recall], all sizes;
 * -1 where there is none. */
double balact_lvis_mean_precision(const struct balact_lvis *lvis,
                                  const struct balact_lvis_evaluation *evaluation, int threshold,
                                  int recall, int frequency);

#ifdef __cplusplus
}
#endif
#endif
