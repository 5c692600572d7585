/* SPDX-License-Identifier: MIT
 *
 * Labelled data sets in memory, the long-tail conventions of the field, and the readers that fill
 * them from real archives. Archives (.tar, .tar.gz, .tar.xz, .tar.zst, .zip, .npz) and plain
 * folders are read alike and nothing is unpacked to disk. docs/FORMATS.md describes every format.
 */
#ifndef BALACT_DATASET_H
#define BALACT_DATASET_H

#include <stddef.h>

#include "balact/activations.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One file that went into a data set, for provenance. */
struct balact_source {
    char *path;      /* as given; members of archives as "archive:member" */
    int64_t bytes;   /* size of the file on disk or of the member */
    char sha256[65]; /* lower-case hex; "" if the build has no SHA-256 or path is a folder */
};

/* n labelled rows. Features stay in the type in which they are stored. */
struct balact_dataset {
    char *name;               /* "cifar-10-lt train", ... */
    int64_t rows, dim;        /* features [rows][dim], dense */
    int32_t classes;          /* labels lie in [0, classes) */
    enum balact_dtype dtype;  /* BALACT_F32 or BALACT_F16 */
    void *features;           /* owned */
    int32_t *labels;          /* [rows], owned */
    struct balact_source *sources; /* [source_count], owned */
    size_t source_count;
};

/* Frees what the data set owns and zeroes it. Fine on a zeroed one. */
void balact_dataset_release(struct balact_dataset *dataset);

/* Copies rows index[0..n) to out[n][dim] as fp32 (index NULL: rows 0..n). */
void balact_dataset_gather(const struct balact_dataset *dataset, const int64_t *index, int64_t n,
                           float *out);

/* counts[c] = rows of class c, [classes]. */
void balact_dataset_counts(const struct balact_dataset *dataset, int64_t *counts);

/* Shot groups by training count, strict bounds (classifier-balancing, BALMS): many > 100,
 * medium 20..100, few < 20. */
enum balact_group { BALACT_GROUP_MANY, BALACT_GROUP_MEDIUM, BALACT_GROUP_FEW, BALACT_GROUP_COUNT };
enum balact_group balact_group_of(int64_t train_count);
const char *balact_group_name(enum balact_group group); /* "many", "medium", "few" */

/* counts[c] = floor(n_max * (1/imbalance)^(c / (classes - 1))), the CIFAR-LT rule of LDAM and
 * BALMS, computed so that exact powers are not rounded down. imbalance >= 1. Returns the total. */
int64_t balact_longtail_counts(int64_t n_max, double imbalance, int32_t classes, int64_t *counts);

enum balact_split { BALACT_SPLIT_TRAIN, BALACT_SPLIT_VAL, BALACT_SPLIT_TEST, BALACT_SPLIT_COUNT };
const char *balact_split_name(enum balact_split split); /* "train", "val", "test" */

/* Which images of a class make the long-tailed subset. */
enum balact_subset_order {
    BALACT_SUBSET_FILE_ORDER, /* the first n_c records of class c in the archive's order */
    BALACT_SUBSET_SHUFFLED    /* n_c of them drawn by seed */
};

struct balact_cifar_options {
    int classes;      /* 10, 100 (fine labels), or 0: what the first batch in the archive is of */
    double imbalance; /* IF >= 1; 0 keeps every record there is */
    enum balact_subset_order order;
    uint64_t seed;
};

#define BALACT_CIFAR_OPTIONS_INIT {.classes = 10, .imbalance = 100}

/* Reads CIFAR's binary layout (1 label byte, or coarse and fine label bytes, then 3072 bytes, RGB
 * planar) from an archive or folder: members data_batch_<number>.bin (taken in the order of their
 * numbers) and test_batch.bin of CIFAR-10, train.bin and test.bin of CIFAR-100, wherever they lie.
 * The n_max of the long-tail rule is the count of the largest class that the archive holds; a class
 * that has fewer images than the rule wants is ERROR_RANGE. Fills train (subset by options) and
 * test (whole). Features are pixels standardised by the mean and deviation of each of the 3072
 * positions over the training subset. Errors name archive, member and byte. On error nothing is
 * left allocated. */
balact_status balact_cifar_load(const char *path, const struct balact_cifar_options *options,
                                struct balact_dataset *train, struct balact_dataset *test,
                                struct balact_error *error);

/* A data set of given features: an archive or folder in which, for a split S of {train, val, test},
 *   *_S.txt               the list (ImageNet-LT / Places-LT: "path label" per line) and/or
 *   S_labels.npy          int32 or int64 [n]
 *   S_features.npy        float32 or float16 [n, d], C order, or shards
 *                         S_features-00000-of-00004.npy
 *   or S.npz              with members features.npy and labels.npy
 * are joined by row: row i of the features belongs to line i of the list. If both list and labels
 * are there they must agree. classes: 0 to take it from the labels of train (largest + 1).
 * A split that is absent leaves its data set zeroed; train must be there. ERROR_FORMAT for parts
 * that do not fit together, ERROR_RANGE for a label outside; errors name archive, member and byte
 * or line. On error nothing is left allocated. */
balact_status balact_features_load(const char *path, int32_t classes,
                                   struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                   struct balact_error *error);

/* Class counts from CSV (header; columns class_id,image_count in any column order, ids 0..K-1 in
 * any order, or 1-based as LVIS's category_id) or a JSON array of integers. *counts is malloc'ed.
 * `column` names the CSV column to read, NULL for image_count. ERROR_FORMAT and ERROR_RANGE name
 * the line; ERROR_UNSUPPORTED for JSON where built without jansson. On error *counts is NULL. */
balact_status balact_counts_load(const char *path, const char *column, int64_t **counts,
                                 int32_t *classes, struct balact_error *error);

/* A list file of ImageNet-LT / Places-LT. */
struct balact_list {
    int64_t rows;
    char **paths;    /* [rows], owned; paths point into one block */
    int32_t *labels; /* [rows], owned */
    int32_t classes; /* largest label + 1 */
    char *text;      /* the block, owned */
};

/* Reads path; free with balact_list_release(). ERROR_FORMAT and ERROR_RANGE name the line; on
 * error the list is zeroed. */
balact_status balact_list_load(const char *path, struct balact_list *list,
                               struct balact_error *error);
void balact_list_release(struct balact_list *list);

/* SHA-256 of a file as 64 hex digits; ERROR_UNSUPPORTED where built without it. */
balact_status balact_sha256_file(const char *path, char hex[65], int64_t *bytes,
                                 struct balact_error *error);

/* ---- Synthetic ImageNet-LT: class-conditional Gaussians of known density ---- */

struct balact_synthetic_options {
    int32_t classes; /* 1000 */
    int32_t dim;     /* feature dimensions */
    uint64_t seed;
    /* The difficulty: classes lie in a three-level hierarchy of look-alikes. Standard deviations of
     * the centres of super-classes, of sub-classes within them and of classes within those, in
     * units of the within-class deviation, which is the same in every direction. */
    double spread_super, spread_sub, spread_class;
    double scale; /* the within-class deviation; changes no optimum, only the features' size */
    int32_t super_classes, sub_classes; /* of the whole data set */
    int64_t val_per_class, test_per_class; /* 20 and 50 */
    double train_factor; /* multiplies the training counts; 1 is ImageNet-LT's 115,846 */
};

#define BALACT_SYNTHETIC_OPTIONS_INIT {.classes = 1000, .train_factor = 1.0}

/* counts[classes]: a closed formula fitted to the real ImageNet-LT counts (1280..5, 385 many, 479
 * medium, 136 few at 1000 classes); docs/FORMATS.md has the formula and its error. Classes are in a
 * fixed shuffled order, as in the real set, where the label says nothing about the count. */
int64_t balact_synthetic_counts(int32_t classes, int64_t *counts);

/* Generates all three splits (fp32 features). Zero fields of options take their defaults,
 * which docs/FORMATS.md lists. */
balact_status balact_synthetic_generate(const struct balact_synthetic_options *options,
                                        struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                        struct balact_error *error);

/* Accuracy of the Bayes-optimal classifier for a balanced test (equal priors; the nearest class
 * mean, since covariances are equal) on the given rows of this synthetic set: the ceiling of every
 * method. prediction[rows] may be NULL. */
balact_status balact_synthetic_bayes(const struct balact_synthetic_options *options,
                                     const struct balact_dataset *dataset, double *accuracy,
                                     int32_t *prediction, struct balact_error *error);

/* Writes splits in the format that balact_features_load() reads: lists, class counts and .npy
 * features in `dtype`, plus synthetic.json with the options (so that the ceiling can be computed
 * again), into a folder or, if the name ends in .tar, .tar.gz or .zip, an archive. Appears whole or
 * not at all. */
balact_status balact_synthetic_write(const char *path,
                                     const struct balact_synthetic_options *options,
                                     const struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                     enum balact_dtype dtype, struct balact_error *error);

/* Reads synthetic.json of such a data set; ERROR_FORMAT or _IO if there is none. */
balact_status balact_synthetic_options_load(const char *path,
                                            struct balact_synthetic_options *options,
                                            struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
