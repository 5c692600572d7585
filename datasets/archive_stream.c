/* SPDX-License-Identifier: MIT
 *
 * The archive kind of archive.h, by libarchive. A .zip is read as it is: each member has a check
 * sum, which libarchive tests. A .tar goes through two readers: the lower one only decompresses,
 * the upper one takes the tar apart. That way the compressed stream can be read to its very end
 * when the tar's end marker has been met, and only there xz and zstd prove their check sums; for
 * gzip, whose check sum libarchive leaves alone, it is taken here.
 */
#include "datasets/archive.h"

#include <stdlib.h>
#include <string.h>

#ifndef BALACT_HAVE_ARCHIVE

balact_status balact_archive_stream_begin(struct balact_archive *archive, const char *path,
                                          const void *bytes, size_t size,
                                          struct balact_archive *outer,
                                          struct balact_error *error) {
    (void)path, (void)bytes, (void)size, (void)outer;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, archive->path, 0, -1,
                          "this build reads folders only: archives need libarchive (Debian "
                          "package libarchive-dev); or unpack it and give the folder");
}

#else

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, STEP = 1 << 16 };

struct stream {
    struct archive *members; /* takes tar or zip apart */
    struct archive *bytes;   /* decompresses a tar; NULL for a zip */
    struct balact_archive *outer;
    unsigned char *block; /* [BLOCK] what was last read from outer */
    struct balact_error outer_error;
    bool given; /* the only member of a compressed file has been handed out */
    int64_t data_end; /* where in the tar the last member ended */
    bool refused_link, refused_sparse;
    bool compressed; /* the first bytes are those of a compressed file */
    /* gzip only: what its last 8 bytes claim, and what we have seen */
    bool gzip;
    uint32_t claimed_crc, claimed_length, crc, crc_table[256];
    int64_t length;
};

static void crc_begin(struct stream *stream) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ 0xEDB88320u : value >> 1;
        stream->crc_table[i] = value;
    }
    stream->crc = 0xFFFFFFFFu;
}

static void crc_add(struct stream *stream, const unsigned char *bytes, size_t size) {
    uint32_t crc = stream->crc;
    for (size_t i = 0; i < size; i++)
        crc = stream->crc_table[(crc ^ bytes[i]) & 0xFF] ^ crc >> 8;
    stream->crc = crc;
    stream->length += (int64_t)size;
}

/* The upper reader wants bytes of the tar. */
static la_ssize_t take_decompressed(struct archive *upper, void *data, const void **out) {
    struct stream *stream = data;
    la_int64_t offset;
    size_t size = 0;
    int code;
    do
        code = archive_read_data_block(stream->bytes, out, &size, &offset);
    while (code == ARCHIVE_OK && size == 0);
    if (code == ARCHIVE_EOF)
        return 0;
    if (code != ARCHIVE_OK) {
        const char *why = archive_error_string(stream->bytes);
        archive_set_error(upper, EIO, "%s", why ? why : "cannot decompress");
        return -1;
    }
    if (stream->gzip)
        crc_add(stream, *out, size);
    return (la_ssize_t)size;
}

static la_ssize_t take_outer(struct archive *upper, void *data, const void **out) {
    struct stream *stream = data;
    size_t got;
    *out = stream->block;
    if (balact_archive_read(stream->outer, stream->block, BLOCK, &got, &stream->outer_error) !=
        BALACT_OK) {
        archive_set_error(upper, EIO, "%s", stream->outer_error.message);
        return -1;
    }
    return (la_ssize_t)got;
}

/* Turns what libarchive says of `reader` into an error with a place. */
static balact_status stream_failed(struct balact_archive *archive, struct archive *reader,
                                   struct balact_error *error) {
    struct stream *stream = archive->state;
    int number = archive_errno(reader);
    const char *why = archive_error_string(reader);
    if (stream->outer_error.status != BALACT_OK) {
        if (error)
            *error = stream->outer_error;
        return stream->outer_error.status;
    }
    if (number == ENOMEM)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    int64_t byte = archive->member ? archive->offset : (int64_t)archive_filter_bytes(reader, 0);
    return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, byte, error,
                               "%s; the archive is truncated or damaged",
                               why ? why : "unreadable");
}

static balact_status check_gzip(struct balact_archive *archive, struct balact_error *error) {
    const struct stream *stream = archive->state;
    /* A file of several gzip streams is refused with the damaged ones: its check sums stand where
     * we cannot see them, and nobody packs data so. */
    if (stream->gzip && ((uint32_t)stream->length != stream->claimed_length ||
                         (stream->crc ^ 0xFFFFFFFFu) != stream->claimed_crc))
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, stream->length,
                              "gzip check sum does not match; the archive is damaged (or made of "
                              "several gzip streams: compress it again)");
    return BALACT_OK;
}

/* The tar's end marker has been met or its bytes have run out: is all well to the end? */
static balact_status check_end(struct balact_archive *archive, struct balact_error *error) {
    struct stream *stream = archive->state;
    const void *block;
    int64_t end = (int64_t)archive_filter_bytes(stream->members, 0);
    if (end - stream->data_end < 512)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, end,
                              "no end marker after the last member; is the archive truncated?");
    la_ssize_t got;
    while ((got = take_decompressed(stream->members, stream, &block)) > 0)
        continue;
    if (got < 0)
        return stream_failed(archive, stream->members, error);
    return check_gzip(archive, error);
}

/* Takes name and size of an entry over; a member that is no file is left out. */
static balact_status take_entry(struct balact_archive *archive, struct archive_entry *entry,
                                struct balact_error *error) {
    struct stream *stream = archive->state;
    stream->refused_link = archive_entry_hardlink(entry) != NULL;
    stream->refused_sparse = archive_entry_sparse_count(entry) > 0;
    if (archive_entry_filetype(entry) != AE_IFREG && !stream->refused_link)
        return BALACT_OK;
    /* In the C locale only one of the two forms can be had for some names. */
    const char *name = archive_entry_pathname(entry);
    if (!name)
        name = archive_entry_pathname_utf8(entry);
    if (!name)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0,
                              (int64_t)archive_filter_bytes(stream->members, 0),
                              "a member's name cannot be read");
    while (name[0] == '.' && name[1] == '/')
        name += 2;
    archive->member = strdup(name);
    if (!archive->member)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    archive->size = archive_entry_size_is_set(entry) && !stream->refused_link
                        ? (int64_t)archive_entry_size(entry)
                        : -1;
    return BALACT_OK;
}

static balact_status stream_next(struct balact_archive *archive, struct balact_error *error) {
    struct stream *stream = archive->state;
    while (!archive->member) {
        struct archive_entry *entry;
        int code = ARCHIVE_OK;
        if (archive_file_count(stream->members) > 0)
            code = archive_read_data_skip(stream->members);
        if (code < ARCHIVE_WARN)
            return stream_failed(archive, stream->members, error);
        stream->data_end = (int64_t)archive_filter_bytes(stream->members, 0);
        code = archive_read_next_header(stream->members, &entry);
        if (code == ARCHIVE_EOF)
            return stream->bytes ? check_end(archive, error) : BALACT_OK;
        /* A warning is about names or attributes that we can do without. */
        if (code < ARCHIVE_WARN)
            return stream_failed(archive, stream->members, error);
        balact_status status = take_entry(archive, entry, error);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

static balact_status stream_read(struct balact_archive *archive, void *out, size_t size,
                                 size_t *got, struct balact_error *error) {
    struct stream *stream = archive->state;
    if (stream->refused_link || stream->refused_sparse)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "stored as a %s; pack the archive again without them",
                                   stream->refused_link ? "hard link" : "sparse file");
    /* In small steps, so that the place of a failure is near. */
    la_ssize_t count = archive_read_data(stream->members, out, size < STEP ? size : STEP);
    if (count < 0)
        return stream_failed(archive, stream->members, error);
    *got = (size_t)count;
    return BALACT_OK;
}

/* The kind of one compressed file that is no tar. */
static balact_status plain_next(struct balact_archive *archive, struct balact_error *error) {
    struct stream *stream = archive->state;
    if (stream->given)
        return BALACT_OK;
    stream->given = true;
    const char *slash = strrchr(archive->path, '/');
    archive->member = strdup(slash ? slash + 1 : archive->path);
    if (!archive->member)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    return BALACT_OK;
}

static balact_status plain_read(struct balact_archive *archive, void *out, size_t size,
                                size_t *got, struct balact_error *error) {
    struct stream *stream = archive->state;
    la_ssize_t count = archive_read_data(stream->bytes, out, size < STEP ? size : STEP);
    if (count < 0)
        return stream_failed(archive, stream->bytes, error);
    *got = (size_t)count;
    if (stream->gzip)
        crc_add(stream, out, *got);
    return count == 0 ? check_gzip(archive, error) : BALACT_OK;
}

static void stream_close(struct balact_archive *archive) {
    struct stream *stream = archive->state;
    if (!stream)
        return;
    if (stream->members)
        archive_read_free(stream->members);
    if (stream->bytes)
        archive_read_free(stream->bytes);
    free(stream->block);
    free(stream);
}

static const struct balact_archive_kind stream_kind = {stream_next, stream_read, stream_close};
static const struct balact_archive_kind plain_kind = {plain_next, plain_read, stream_close};

static int open_source(struct archive *reader, const char *path, const void *bytes, size_t size) {
    return path ? archive_read_open_filename(reader, path, BLOCK)
                : archive_read_open_memory(reader, bytes, size);
}

/* known: the first bytes are those of an archive or a compressed file. */
static balact_status not_an_archive(struct balact_archive *archive, struct archive *reader,
                                    bool known, struct balact_error *error) {
    const char *why = archive_error_string(reader);
    if (archive_errno(reader) == ENOMEM)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    if (known)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, 0,
                              "%s; the archive is truncated or damaged",
                              why ? why : "unreadable");
    return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, 0,
                          "not a folder, .tar, .tar.gz, .tar.xz, .tar.zst, .zip or .npz (%s)",
                          why ? why : "unknown format");
}

static balact_status open_zip(struct balact_archive *archive, const char *path, const void *bytes,
                              size_t size, struct balact_error *error) {
    struct stream *stream = archive->state;
    int code;
    /* The list of members at the end of a .zip is demanded wherever one can seek to it: without it
     * a file cut between two members would look whole. */
    if (stream->outer) {
        archive_read_support_format_zip_streamable(stream->members);
        stream->block = malloc(BLOCK);
        code = stream->block ? archive_read_open2(stream->members, stream, NULL, take_outer, NULL,
                                                  NULL)
                             : ARCHIVE_FATAL;
        if (!stream->block)
            return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    } else {
        archive_read_support_format_zip_seekable(stream->members);
        code = open_source(stream->members, path, bytes, size);
    }
    if (code != ARCHIVE_OK && stream->outer_error.status != BALACT_OK)
        return stream_failed(archive, stream->members, error);
    return code == ARCHIVE_OK
               ? BALACT_OK
               : not_an_archive(archive, stream->members, !stream->outer, error);
}

/* A tar or, where the archive is a single file, any compressed bytes. */
static balact_status open_tar(struct balact_archive *archive, const char *path, const void *bytes,
                              size_t size, struct balact_error *error) {
    struct stream *stream = archive->state;
    struct archive_entry *entry;
    stream->bytes = archive_read_new();
    if (!stream->bytes)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    archive_read_support_filter_gzip(stream->bytes);
    archive_read_support_filter_bzip2(stream->bytes);
    archive_read_support_filter_xz(stream->bytes);
    archive_read_support_filter_zstd(stream->bytes);
    archive_read_support_format_raw(stream->bytes);
    archive_read_support_format_tar(stream->members);
    if (open_source(stream->bytes, path, bytes, size) != ARCHIVE_OK ||
        archive_read_next_header(stream->bytes, &entry) != ARCHIVE_OK)
        return not_an_archive(archive, stream->bytes, stream->compressed, error);
    crc_begin(stream);
    if (archive->single) {
        archive->kind = &plain_kind;
        return BALACT_OK;
    }
    if (archive_read_open2(stream->members, stream, NULL, take_decompressed, NULL, NULL) !=
        ARCHIVE_OK)
        return not_an_archive(archive, stream->members,
                              stream->compressed && archive_errno(stream->bytes) != 0, error);
    return BALACT_OK;
}

/* The first 4 and the last 8 bytes. An empty file is an error. */
static balact_status look_at_ends(const char *path, const unsigned char *bytes, size_t size,
                                  unsigned char first[4], unsigned char last[8],
                                  struct balact_error *error) {
    memset(first, 0, 4);
    memset(last, 0, 8);
    if (!path) {
        if (size >= 18) {
            memcpy(first, bytes, 4);
            memcpy(last, bytes + size - 8, 8);
        } else if (size > 0) {
            memcpy(first, bytes, size < 4 ? size : 4);
        }
        return BALACT_OK;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : pread(file, first, 4, 0);
    off_t end = got < 0 ? -1 : lseek(file, 0, SEEK_END);
    if (end >= 18)
        got = pread(file, last, 8, end - 8);
    int number = errno;
    if (file >= 0)
        close(file);
    if (got < 0 || end < 0)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read: %s",
                              strerror(number));
    if (end == 0)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, 0,
                              "the file is empty; was it copied or fetched whole?");
    return BALACT_OK;
}

static uint32_t little32(const unsigned char *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

balact_status balact_archive_stream_begin(struct balact_archive *archive, const char *path,
                                          const void *bytes, size_t size,
                                          struct balact_archive *outer,
                                          struct balact_error *error) {
    struct stream *stream = calloc(1, sizeof *stream);
    archive->kind = &stream_kind;
    archive->state = stream;
    if (stream) {
        stream->outer = outer;
        stream->members = archive_read_new();
    }
    if (!stream || !stream->members)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    if (outer && !path)
        return open_zip(archive, NULL, NULL, 0, error);
    unsigned char first[4], last[8];
    balact_status status = look_at_ends(path, bytes, size, first, last, error);
    if (status != BALACT_OK)
        return status;
    stream->gzip = !memcmp(first, "\x1f\x8b", 2);
    stream->compressed = stream->gzip || !memcmp(first, "\xfd\x37zX", 4) ||
                         !memcmp(first, "\x28\xb5\x2f\xfd", 4) || !memcmp(first, "BZh", 3);
    stream->claimed_crc = little32(last);
    stream->claimed_length = little32(last + 4);
    if (!memcmp(first, "PK\3\4", 4) || !memcmp(first, "PK\5\6", 4))
        return open_zip(archive, path, bytes, size, error);
    return open_tar(archive, path, bytes, size, error);
}

#endif
