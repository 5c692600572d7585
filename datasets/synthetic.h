/* SPDX-License-Identifier: MIT
 *
 * What the files of the synthetic ImageNet-LT share (balact/dataset.h has the public part).
 */
#ifndef BALACT_DATASETS_SYNTHETIC_H
#define BALACT_DATASETS_SYNTHETIC_H

#include <stdio.h>

#include "balact/dataset.h"

/* malloc(count * size) that fails instead of wrapping; never NULL for a count of 0. */
void *balact_synthetic_allocate(int64_t count, size_t size);

/* The class means [classes][dim] of resolved options, malloc'ed; NULL if there is no memory. */
double *balact_synthetic_means(const struct balact_synthetic_options *options);

/* The real training set that the counts imitate (Liu et al. 2019): images of its largest and its
 * smallest class. */
enum { SYNTHETIC_COUNT_MAX = 1280, SYNTHETIC_COUNT_MIN = 5 };

/* Replaces zero fields by the documented defaults and checks the rest; ERROR_RANGE names the field.
 * The default numbers of super- and sub-classes follow the number of classes. */
balact_status balact_synthetic_resolve(struct balact_synthetic_options *options,
                                       struct balact_error *error);

/* Rows of a class: its training count times train_factor, rounded, at least 1; or the fixed number
 * of val and test. `counts` are those of balact_synthetic_counts(). Options are resolved ones. */
int64_t balact_synthetic_class_rows(const struct balact_synthetic_options *options,
                                    enum balact_split split, const int64_t *counts, int32_t class);

/* Writes the text of synthetic.json; errors show in the file. Options are resolved ones. */
void balact_synthetic_options_print(const struct balact_synthetic_options *options, FILE *file);

/* The reverse, complete and in range or an error; place is for its message. ERROR_UNSUPPORTED where
 * built without jansson. On error options hold anything. */
balact_status balact_synthetic_options_parse(const char *place, const char *text, int64_t size,
                                             struct balact_synthetic_options *options,
                                             struct balact_error *error);

#endif
