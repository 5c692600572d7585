/* SPDX-License-Identifier: MIT
 *
 * One streaming iterator over the members of a folder or an archive (.tar, .tar.gz, .tar.xz,
 * .tar.zst, .tar.bz2, .zip, .npz), so that readers do not care which they were given. Nothing is
 * unpacked to disk. Folders need nothing but the system; archives need libarchive.
 */
#ifndef BALACT_DATASETS_ARCHIVE_H
#define BALACT_DATASETS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/status.h"

struct balact_archive_kind;

/* Read the fields, never write them. */
struct balact_archive {
    char *path;      /* as given, for messages */
    char *member;    /* current member: path inside, '/' between folders; NULL if there is none */
    int64_t size;    /* bytes of the member, -1 if the archive does not say */
    int64_t offset;  /* bytes of the member read so far */
    bool folder;     /* members are plain files path/member */
    bool single;     /* one file is its only member, and messages call it by its path alone */
    const struct balact_archive_kind *kind;
    void *state;
};

/* Opens a folder or an archive. ERROR_IO if the path cannot be read or is neither a file nor a
 * folder, ERROR_FORMAT if the file is no archive that we know, ERROR_UNSUPPORTED for an archive
 * where built without libarchive. On error *archive is NULL. Close with balact_archive_close(). */
balact_status balact_archive_open(struct balact_archive **archive, const char *path,
                                  struct balact_error *error);

/* The same over an archive's bytes in memory, which must outlive the archive; path is its name in
 * messages. */
balact_status balact_archive_open_memory(struct balact_archive **archive, const char *path,
                                         const void *bytes, size_t size,
                                         struct balact_error *error);

/* The current member of outer is itself a .zip or .npz: opens it. outer stays where it is until the
 * result has been closed. */
balact_status balact_archive_open_nested(struct balact_archive **archive,
                                         struct balact_archive *outer,
                                         struct balact_error *error);

/* One plain file, or bytes in memory, as an archive whose only member it is. */
balact_status balact_archive_open_file(struct balact_archive **archive, const char *path,
                                       struct balact_error *error);
balact_status balact_archive_open_bytes(struct balact_archive **archive, const char *path,
                                        const void *bytes, size_t size,
                                        struct balact_error *error);

/* One file that may be compressed (gzip, xz, zstd, bzip2, told by its first bytes): what it holds as
 * an archive's only member. A .zip is opened as by balact_archive_open(). */
balact_status balact_archive_open_data(struct balact_archive **archive, const char *path,
                                       struct balact_error *error);

/* Goes to the next regular file; *found is false at the end. Folders are walked in byte order of
 * names, symbolic links followed (a link to a folder that is being walked, or to nothing, is left
 * out), devices, pipes and sockets left out. In archives, links other than hard links are left out;
 * a hard link is a member that cannot be read. The end of a compressed archive is reached only if
 * its check sums hold and its end marker is there. */
balact_status balact_archive_next(struct balact_archive *archive, bool *found,
                                  struct balact_error *error);

/* Reads size bytes of the member; *got is less only at its end. */
balact_status balact_archive_read(struct balact_archive *archive, void *out, size_t size,
                                  size_t *got, struct balact_error *error);

/* Reads the next `need` bytes into a malloc'ed block (memory grows as bytes arrive, so that a
 * header that promises too much costs nothing). ERROR_FORMAT if the member ends before. */
balact_status balact_archive_read_exactly(struct balact_archive *archive, int64_t need,
                                          void **bytes, struct balact_error *error);

/* Reads the rest of the member into a malloc'ed block with a 0 behind it. ERROR_FORMAT beyond
 * `limit` bytes. */
balact_status balact_archive_read_all(struct balact_archive *archive, int64_t limit, char **bytes,
                                      int64_t *size, struct balact_error *error);

/* ERROR_FORMAT unless the member has been read to its last byte. */
balact_status balact_archive_expect_end(struct balact_archive *archive,
                                        struct balact_error *error);

/* The file name within the member's path. */
const char *balact_archive_basename(const struct balact_archive *archive);

/* Writes "archive:member" or "folder/member" (cut to size). */
void balact_archive_place(const struct balact_archive *archive, char *place, size_t size);

/* balact_fail_at() with that place. */
balact_status balact_archive_fail(const struct balact_archive *archive, balact_status status,
                                  int64_t line, int64_t byte, struct balact_error *error,
                                  const char *format, ...) BALACT_PRINTF(6, 7);
#ifdef __clang_analyzer__ /* as in balact/status.h */
#define balact_archive_fail(archive, status, ...)                                                  \
    ((void)(balact_archive_fail)(archive, status, __VA_ARGS__), (status))
#endif

/* Fine on NULL. */
void balact_archive_close(struct balact_archive *archive);

/* ---- For the kinds only (archive_folder.c, archive_stream.c) ---- */

struct balact_archive_kind {
    /* Sets member, size; member NULL at the end. offset is 0 and the old member freed on entry. */
    balact_status (*next)(struct balact_archive *archive, struct balact_error *error);
    /* Up to size bytes; 0 only at the end of the member. */
    balact_status (*read)(struct balact_archive *archive, void *out, size_t size, size_t *got,
                          struct balact_error *error);
    void (*close)(struct balact_archive *archive);
};

extern const struct balact_archive_kind balact_archive_folder_kind;
balact_status balact_archive_folder_begin(struct balact_archive *archive,
                                          struct balact_error *error);
/* path NULL: bytes[size]; else the file; outer: its current member. */
balact_status balact_archive_stream_begin(struct balact_archive *archive, const char *path,
                                          const void *bytes, size_t size,
                                          struct balact_archive *outer,
                                          struct balact_error *error);

#endif
