/* SPDX-License-Identifier: MIT
 *
 * Provenance of data sets: which files went in, with their SHA-256. And the small things that the
 * readers of labelled rows share.
 */
#ifndef BALACT_DATASETS_SOURCE_H
#define BALACT_DATASETS_SOURCE_H

#include <stdbool.h>
#include <string.h>

#include "balact/dataset.h"

/* No data set has this many classes; a label beyond is a mistake, not a class. */
enum { BALACT_CLASSES_MAX = 1 << 24 };

/* Appends a copy of source. */
balact_status balact_source_copy(struct balact_dataset *dataset,
                                 const struct balact_source *source, struct balact_error *error);

/* Hashes the sources that the data set names so far, or, if archive is not NULL, makes that file
 * the only one. Without libcrypto, and for folders, the hash stays empty. */
balact_status balact_source_finish(struct balact_dataset *dataset, const char *archive,
                                   struct balact_error *error);

/* *name = "<file name of path without its archive suffix> <split>", malloc'ed; NULL if out of
 * memory. */
char *balact_source_name(const char *path, const char *split);

/* Takes 1 to 9 decimal digits from *at, as they stand in names of files. */
static inline bool take_number(const char **at, int64_t *value) {
    int digits = 0;
    for (*value = 0; **at >= '0' && **at <= '9' && digits < 10; digits++)
        *value = 10 * *value + (*(*at)++ - '0');
    return digits > 0 && digits < 10;
}

/* Takes this very text from *at. */
static inline bool take_text(const char **at, const char *text) {
    size_t length = strlen(text);
    bool fits = !strncmp(*at, text, length);
    *at += fits ? length : 0;
    return fits;
}

#endif
