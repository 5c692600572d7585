/* SPDX-License-Identifier: MIT
 *
 * Writes members into a folder or, by the ending of its name, an archive: .tar, .tar.gz, .tgz or
 * .zip. Whole or not at all, and the same members give the same bytes: no time, owner or order of
 * the file system gets in.
 */
#ifndef BALACT_DATASETS_PACK_H
#define BALACT_DATASETS_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"

struct balact_pack;

/* Opens a pack under a temporary name beside path. A folder must not exist or be empty; an archive
 * is replaced at commit. ERROR_IO names the path and the reason; ERROR_UNSUPPORTED for an archive
 * where built without libarchive, ERROR_ARGUMENT for an ending of another kind of archive. */
balact_status balact_pack_open(struct balact_pack **pack, const char *path,
                               struct balact_error *error);

/* Begins a member of exactly size bytes, which balact_pack_write() then gets in any pieces. */
balact_status balact_pack_begin(struct balact_pack *pack, const char *name, int64_t size,
                                struct balact_error *error);
balact_status balact_pack_write(struct balact_pack *pack, const void *bytes, size_t size,
                                struct balact_error *error);

/* Finishes, syncs and renames to path. The pack is closed either way; on failure (a full disk)
 * nothing is left of it. */
balact_status balact_pack_commit(struct balact_pack *pack, struct balact_error *error);

/* Closes and removes what was written. Fine on NULL. */
void balact_pack_abandon(struct balact_pack *pack);

#endif
