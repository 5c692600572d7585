/* SPDX-License-Identifier: MIT
 *
 * What the writers of the synthetic LVIS share: text made for many images at a time on all threads
 * and written in the order of the images.
 */
#ifndef BALACT_DATASETS_LVIS_SYNTHETIC_WRITE_H
#define BALACT_DATASETS_LVIS_SYNTHETIC_WRITE_H

#include "datasets/lvis_synthetic.h"
#include "datasets/pack.h"

struct lvis_job {
    const struct balact_lvis_synthetic_options *options; /* resolved */
    const struct lvis_layout *layout;
    int32_t detections; /* an image, of results */
};

/* Where bytes go: a member of a pack, a file, or (both NULL) nowhere, to count them. */
struct lvis_sink {
    struct balact_pack *pack;
    FILE *file;
    const char *path; /* of file, for messages */
    int64_t size;     /* so far */
};
balact_status balact_synth_sink_take(struct lvis_sink *sink, const struct lvis_bytes *bytes,
                             struct balact_error *error);

/* Appends what is to be written of one image. */
typedef bool (*lvis_image_text)(const struct lvis_job *job, struct lvis_scene *scene,
                                struct lvis_bytes *out);
balact_status balact_synth_each_image(const struct lvis_job *job, lvis_image_text text,
                              struct lvis_sink *sink, struct balact_error *error);

balact_status balact_synth_write_annotations(const struct lvis_job *job, const struct lvis_layout *train,
                                     struct balact_pack *pack, struct balact_error *error);
balact_status balact_synth_write_rois(const struct lvis_job *job, enum balact_dtype dtype,
                              struct balact_pack *pack, struct balact_error *error);

#endif
