/* SPDX-License-Identifier: MIT
 *
 * Inference on RoIs: scores, detections, and the file of results in the official format.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_INFER_H
#define BALACT_BENCH_TRAIN_LVIS_INFER_H

#include "bench/train/lvis_calibration.h"
#include "bench/train/lvis_detect.h"
#include "bench/train/model.h"
#include "datasets/rois.h"

/* Whatever gives scores: a head, or the known optimum of a synthetic set. */
struct lvis_scorer {
    int64_t dim, columns; /* columns: of the scores, at least the categories; the rest is ignored */
    void *state;
    /* scores[rows][columns] of x[rows][dim], plain memory, rows <= LVIS_SCORE_ROWS. */
    balact_status (*score)(void *state, const float *x, int64_t rows, float *scores,
                           struct balact_error *error);
    void (*release)(void *state);
};
enum { LVIS_SCORE_ROWS = 4096 };

/* Probabilities of a head at test time: the plain activation of the family, no prior. The model
 * must outlive the scorer. */
balact_status lvis_scorer_of_model(struct lvis_scorer *scorer, struct balact_model *model,
                                   enum balact_activation activation, struct balact_error *error);

/* The posterior of a synthetic set under its val distribution, which no head can surpass, from the
 * synthetic.json in `data`. ERROR_RANGE if it does not fit the data. */
balact_status lvis_scorer_of_optimum(struct lvis_scorer *scorer, const char *data,
                                     int32_t categories, int64_t dim, struct balact_error *error);
void lvis_scorer_release(struct lvis_scorer *scorer);

struct lvis_inference {
    struct balact_rois_stream *stream; /* of the RoIs; rewound */
    const struct balact_lvis *lvis;    /* their annotations: ids, sizes of images */
    struct lvis_detect_rules rules;
    bool objectness; /* multiply scores by it */
    bool masks;      /* write segmentations */
    struct lvis_scorer *scorer;
    struct lvis_calibration *calibration; /* may be NULL */
    /* Filled in: */
    int64_t images, rois, detections;
};

/* Writes the detections of all images to path, whole or not at all: a JSON array of image_id,
 * category_id, bbox, score and segmentation (compressed RLE), in the order of the RoIs and by
 * falling score within an image. The bytes do not depend on the number of threads. ERROR_RANGE for
 * an image that the annotations do not know or that comes twice. */
balact_status lvis_infer(struct lvis_inference *inference, const char *path,
                         struct balact_error *error);

#endif
