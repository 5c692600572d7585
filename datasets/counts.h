/* SPDX-License-Identifier: MIT
 *
 * The part of the class-count reader that takes text from memory.
 */
#ifndef BALACT_DATASETS_COUNTS_H
#define BALACT_DATASETS_COUNTS_H

#include "balact/dataset.h"

/* balact_counts_load() on text[size] with a NUL behind it; the text is written into. */
balact_status balact_counts_parse(const char *name, char *text, int64_t size, const char *column,
                                  int64_t **counts, int32_t *classes, struct balact_error *error);

#endif
