/* SPDX-License-Identifier: MIT
 *
 * Synthetic LVIS: annotations of the real shape in the real format, and proposals (RoIs) whose
 * features are drawn from known densities, so that the best attainable scores are known too.
 * docs/FORMATS.md has the formulas and the format of the shards.
 */
#ifndef BALACT_LVIS_SYNTHETIC_H
#define BALACT_LVIS_SYNTHETIC_H

#include <stdbool.h>
#include <stdint.h>

#include "balact/activations.h"
#include "balact/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BALACT_LVIS_CATEGORIES = 1203 };                                   /* of LVIS-1.0 */
enum { BALACT_LVIS_FULL_TRAIN = 100170, BALACT_LVIS_FULL_VAL = 19809 }; /* listed images */

enum balact_lvis_split { BALACT_LVIS_TRAIN, BALACT_LVIS_VAL, BALACT_LVIS_SPLIT_COUNT };
const char *balact_lvis_split_name(enum balact_lvis_split split); /* "train", "val" */

/* Zero fields take the defaults that docs/FORMATS.md lists, except where -1 says none. */
struct balact_lvis_synthetic_options {
    uint64_t seed;
    int64_t images[BALACT_LVIS_SPLIT_COUNT]; /* listed; 100,170 and 19,809 are the full size */
    /* Val images that every category has at least; -1: as many as its share of train says, which
     * leaves some rare categories without any, as in the real set. */
    int64_t val_min_images;
    double negatives;                      /* mean length of neg_category_ids */
    int32_t rois[BALACT_LVIS_SPLIT_COUNT]; /* proposals an image */
    double foreground, hard;               /* shares of proposals placed on, and near, objects */
    int32_t dim;                           /* features */
    /* Standard deviations of the centres of super-categories, of sub-categories in them and of
     * categories in those, and of the centre of background, in units of the deviation within a
     * category. */
    double spread_super, spread_sub, spread_category, spread_background;
    double nearness; /* a hard background's centre lies so far towards its object's category */
    double width;    /* deviation of the broad background, in units of all spreads taken together */
    double instance; /* share of the variance within a category that is common to an object's RoIs */
    double scale;    /* the deviation within a category: changes no optimum */
};

/* Replaces zero fields by the documented defaults and checks the rest; ERROR_RANGE names the
 * field. Every function below does so itself. */
balact_status balact_lvis_synthetic_resolve(struct balact_lvis_synthetic_options *options,
                                            struct balact_error *error);

/* Images per category at the full size, by a closed formula fitted to the real counts (1977..1,
 * 337 rare, 461 common, 405 frequent, 360,952 in all), in a fixed shuffled order. Returns the
 * sum. */
int64_t balact_lvis_synthetic_counts(int64_t counts[BALACT_LVIS_CATEGORIES]);

/* The same in a split of so many images: in train, counts above 100 shrink towards 100 so that the
 * groups stay; in val, the share of the full count, at least val_min_images. */
int64_t balact_lvis_synthetic_split_counts(const struct balact_lvis_synthetic_options *options,
                                           enum balact_lvis_split split,
                                           int64_t counts[BALACT_LVIS_CATEGORIES]);

/* Writes lvis_train.json, lvis_val.json, synthetic.json and the shards of RoIs into a folder or,
 * if the name ends in .tar, .tar.gz or .zip, an archive; features in `dtype` (F16 or F32). Memory
 * does not grow with the number of images beyond a few integers for each category of each image.
 * Appears whole or not at all. annotations_only leaves the RoIs out. ERROR_UNSUPPORTED where built
 * without libarchive, which writes the .npz shards. */
balact_status balact_lvis_synthetic_write(const char *path,
                                          const struct balact_lvis_synthetic_options *options,
                                          enum balact_dtype dtype, bool annotations_only,
                                          struct balact_error *error);

/* Reads synthetic.json of such a folder or archive. */
balact_status
balact_lvis_synthetic_options_load(const char *path,
                                   struct balact_lvis_synthetic_options *options,
                                   struct balact_error *error);

/* Writes detections of the val images in the official results format, `detections` an image, with
 * boxes and masks (compressed RLE): objects found with noise and confusions, and false alarms, for
 * timing evaluators at any size. count (may be NULL) is how many were written. */
balact_status balact_lvis_synthetic_results(const char *path,
                                            const struct balact_lvis_synthetic_options *options,
                                            int32_t detections, int64_t *count,
                                            struct balact_error *error);

/* The prior of the categories in the posterior: as among the val RoIs, or equal. Background has
 * its val share in both. */
enum balact_lvis_prior { BALACT_LVIS_PRIOR_VAL, BALACT_LVIS_PRIOR_BALANCED };

/* out[rows][categories + 1] = P(category | feature), categories in the order of their ids, the
 * last column background; rows sum to 1. features[rows][dim]. What no head can surpass. */
balact_status balact_lvis_synthetic_scores(const struct balact_lvis_synthetic_options *options,
                                           enum balact_lvis_prior prior, const float *features,
                                           int64_t rows, float *out, struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
