/* SPDX-License-Identifier: MIT
 *
 * Files that appear whole or not at all: written under a temporary name beside the target, synced,
 * then renamed over it.
 */
#ifndef BALACT_DATASETS_OUTPUT_H
#define BALACT_DATASETS_OUTPUT_H

#include <stdio.h>

#include "balact/status.h"

struct balact_output {
    FILE *file; /* write here; errors are found at commit */
    char *path, *temporary; /* path: what is replaced, links followed */
};

/* Opens a temporary file beside path, or beside the file that path is a link to. ERROR_IO names the
 * path and the reason; a folder, a device or a pipe is refused, for it would be replaced. */
balact_status balact_output_open(struct balact_output *output, const char *path,
                                 struct balact_error *error);

/* Flushes, syncs and renames; on any failure (a full disk) the temporary file is removed, the old
 * file if any stays, and ERROR_IO says why. The output is closed either way. */
balact_status balact_output_commit(struct balact_output *output, struct balact_error *error);

/* Closes and removes the temporary file. Fine on a zeroed or committed output. */
void balact_output_abandon(struct balact_output *output);

/* mkdir -p. */
balact_status balact_make_folder(const char *path, struct balact_error *error);

#endif
