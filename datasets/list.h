/* SPDX-License-Identifier: MIT
 *
 * More of the list files of ImageNet-LT and Places-LT than include/balact/dataset.h offers: parsing
 * from memory and archives, doubled paths, and images that a list names but nobody has.
 */
#ifndef BALACT_DATASETS_LIST_H
#define BALACT_DATASETS_LIST_H

#include "balact/dataset.h"
#include "datasets/archive.h"

/* Parses text[size] (NUL behind it, malloc'ed, taken over in any case) into *list. Errors name
 * `name` and the line. */
balact_status balact_list_parse(const char *name, char *text, int64_t size,
                                struct balact_list *list, struct balact_error *error);

/* Reads the archive's current member as a list. */
balact_status balact_list_read(struct balact_archive *archive, struct balact_list *list,
                               struct balact_error *error);

/* One line of one of several lists. */
struct balact_list_place {
    const char *path; /* points into the list */
    int32_t list;
    int64_t row; /* 0-based; the line is row + 1 */
};

/* All lines of lists[0..count) in byte order of path, then list, then row: doubled paths stand
 * together. *places is malloc'ed, [*place_count], and points into the lists. */
balact_status balact_list_sort(const struct balact_list *lists, int32_t count,
                               struct balact_list_place **places, int64_t *place_count,
                               struct balact_error *error);

/* found[i] = 1 if the archive has a file whose name is places[i].path or ends in "/" and that path.
 * places as made by balact_list_sort(); found is [place_count]. Reads the archive to its end. */
balact_status balact_list_find(struct balact_archive *archive,
                               const struct balact_list_place *places, int64_t place_count,
                               unsigned char *found, struct balact_error *error);

#endif
