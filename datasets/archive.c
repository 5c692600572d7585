/* SPDX-License-Identifier: MIT
 *
 * See archive.h. What all kinds share: opening by what the path is, reading whole members, places
 * in messages, and the kind that is a single file or block of memory.
 */
#include "datasets/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A single file or block. */
struct single {
    int file; /* -1 for a block */
    const unsigned char *bytes;
    bool given; /* the one member has been handed out */
};

static balact_status single_next(struct balact_archive *archive, struct balact_error *error) {
    struct single *single = archive->state;
    if (single->given)
        return BALACT_OK;
    single->given = true;
    const char *slash = strrchr(archive->path, '/');
    archive->member = strdup(slash ? slash + 1 : archive->path);
    if (!archive->member)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
    return BALACT_OK;
}

static balact_status single_read(struct balact_archive *archive, void *out, size_t size,
                                 size_t *got, struct balact_error *error) {
    struct single *single = archive->state;
    if (single->file >= 0) {
        ssize_t count;
        do
            count = read(single->file, out, size);
        while (count < 0 && errno == EINTR);
        if (count < 0)
            return balact_archive_fail(archive, BALACT_ERROR_IO, 0, archive->offset, error,
                                       "cannot read: %s", strerror(errno));
        *got = (size_t)count;
        return BALACT_OK;
    }
    size_t left = (size_t)(archive->size - archive->offset);
    *got = size < left ? size : left;
    if (*got > 0)
        memcpy(out, single->bytes + archive->offset, *got);
    return BALACT_OK;
}

static void single_close(struct balact_archive *archive) {
    struct single *single = archive->state;
    if (single && single->file >= 0)
        close(single->file);
    free(single);
}

static const struct balact_archive_kind single_kind = {single_next, single_read, single_close};

static balact_status archive_make(struct balact_archive **archive, const char *path,
                                  struct balact_error *error) {
    *archive = calloc(1, sizeof **archive);
    if (*archive)
        (*archive)->path = strdup(path);
    if (!*archive || !(*archive)->path) {
        free(*archive);
        *archive = NULL;
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    }
    (*archive)->size = -1;
    return BALACT_OK;
}

/* Closes and clears *archive on failure, so that openers end in one line. */
static balact_status opened(struct balact_archive **archive, balact_status status) {
    if (status != BALACT_OK) {
        balact_archive_close(*archive);
        *archive = NULL;
    }
    return status;
}

balact_status balact_archive_open(struct balact_archive **archive, const char *path,
                                  struct balact_error *error) {
    struct stat what;
    *archive = NULL;
    if (stat(path, &what) != 0)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot open: %s",
                              strerror(errno));
    if (!S_ISDIR(what.st_mode) && !S_ISREG(what.st_mode))
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1,
                              "cannot open: neither a file nor a folder");
    balact_status status = archive_make(archive, path, error);
    if (status != BALACT_OK)
        return status;
    if (S_ISDIR(what.st_mode))
        return opened(archive, balact_archive_folder_begin(*archive, error));
    return opened(archive, balact_archive_stream_begin(*archive, path, NULL, 0, NULL, error));
}

balact_status balact_archive_open_memory(struct balact_archive **archive, const char *path,
                                         const void *bytes, size_t size,
                                         struct balact_error *error) {
    balact_status status = archive_make(archive, path, error);
    if (status != BALACT_OK)
        return status;
    return opened(archive, balact_archive_stream_begin(*archive, NULL, bytes, size, NULL, error));
}

balact_status balact_archive_open_nested(struct balact_archive **archive,
                                         struct balact_archive *outer,
                                         struct balact_error *error) {
    char place[4096];
    *archive = NULL;
    balact_archive_place(outer, place, sizeof place);
    balact_status status = archive_make(archive, place, error);
    if (status != BALACT_OK)
        return status;
    /* A plain file can be sought in, which a .zip likes better than a stream. */
    const char *path = outer->folder ? place : NULL;
    return opened(archive, balact_archive_stream_begin(*archive, path, NULL, 0,
                                                       path ? NULL : outer, error));
}

static balact_status single_make(struct balact_archive **archive, const char *path, int file,
                                 const void *bytes, int64_t size, struct balact_error *error) {
    balact_status status = archive_make(archive, path, error);
    struct single *single = status == BALACT_OK ? calloc(1, sizeof *single) : NULL;
    if (!single) {
        balact_archive_close(*archive);
        *archive = NULL;
        if (file >= 0)
            close(file);
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    }
    single->file = file;
    single->bytes = bytes;
    (*archive)->kind = &single_kind;
    (*archive)->state = single;
    (*archive)->single = true;
    (*archive)->size = size;
    return BALACT_OK;
}

balact_status balact_archive_open_file(struct balact_archive **archive, const char *path,
                                       struct balact_error *error) {
    struct stat what;
    *archive = NULL;
    /* Not blocking, lest a pipe without a writer keeps us for ever. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0 || fstat(file, &what) != 0) {
        int number = errno;
        if (file >= 0)
            close(file);
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot open: %s",
                              strerror(number));
    }
    if (!S_ISREG(what.st_mode)) {
        close(file);
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot open: %s",
                              S_ISDIR(what.st_mode) ? "it is a folder" : "not a regular file");
    }
    return single_make(archive, path, file, NULL, (int64_t)what.st_size, error);
}

balact_status balact_archive_open_data(struct balact_archive **archive, const char *path,
                                       struct balact_error *error) {
    unsigned char first[4];
    size_t got = 0;
    bool found;
    balact_status status = balact_archive_open_file(archive, path, error);
    if (status == BALACT_OK)
        status = balact_archive_next(*archive, &found, error);
    if (status == BALACT_OK)
        status = balact_archive_read(*archive, first, sizeof first, &got, error);
    if (status != BALACT_OK)
        return opened(archive, status);
    balact_archive_close(*archive);
    if (got == 4 && (!memcmp(first, "PK\3\4", 4) || !memcmp(first, "PK\5\6", 4)))
        return balact_archive_open(archive, path, error);
    if (got < 4 || (memcmp(first, "\x1f\x8b", 2) && memcmp(first, "\xfd\x37zX", 4) &&
                    memcmp(first, "\x28\xb5\x2f\xfd", 4) && memcmp(first, "BZh", 3)))
        return balact_archive_open_file(archive, path, error);
    status = archive_make(archive, path, error);
    if (status != BALACT_OK)
        return status;
    (*archive)->single = true;
    return opened(archive, balact_archive_stream_begin(*archive, path, NULL, 0, NULL, error));
}

balact_status balact_archive_open_bytes(struct balact_archive **archive, const char *path,
                                        const void *bytes, size_t size,
                                        struct balact_error *error) {
    return single_make(archive, path, -1, bytes, (int64_t)size, error);
}

balact_status balact_archive_next(struct balact_archive *archive, bool *found,
                                  struct balact_error *error) {
    free(archive->member);
    archive->member = NULL;
    archive->offset = 0;
    if (!archive->single)
        archive->size = -1;
    balact_status status = archive->kind->next(archive, error);
    *found = status == BALACT_OK && archive->member;
    return status;
}

balact_status balact_archive_read(struct balact_archive *archive, void *out, size_t size,
                                  size_t *got, struct balact_error *error) {
    *got = 0;
    if (!archive->member)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "%s: no member to read", archive->path);
    while (*got < size) {
        size_t count = 0;
        balact_status status =
            archive->kind->read(archive, (char *)out + *got, size - *got, &count, error);
        if (status != BALACT_OK)
            return status;
        if (count == 0)
            break;
        *got += count;
        archive->offset += (int64_t)count;
    }
    return BALACT_OK;
}

/* Reads up to `limit` bytes or the end into a growing block with `spare` bytes of room behind. */
static balact_status read_growing(struct balact_archive *archive, int64_t limit, size_t spare,
                                  char **bytes, int64_t *size, struct balact_error *error) {
    int64_t capacity = limit < 1 << 20 ? limit : 1 << 20;
    char *block = NULL;
    *bytes = NULL;
    *size = 0;
    for (;;) {
        char *larger = (uint64_t)capacity > SIZE_MAX - spare - 1
                           ? NULL
                           : realloc(block, (size_t)capacity + spare + (capacity + spare == 0));
        if (!larger) {
            free(block);
            return balact_archive_fail(archive, BALACT_ERROR_MEMORY, 0, -1, error,
                                       "out of memory for %lld bytes", (long long)capacity);
        }
        block = larger;
        size_t got = 0;
        balact_status status = balact_archive_read(archive, block + *size,
                                                   (size_t)(capacity - *size), &got, error);
        if (status != BALACT_OK) {
            free(block);
            return status;
        }
        *size += (int64_t)got;
        if (*size < capacity || capacity == limit)
            break;
        capacity = capacity > limit / 2 ? limit : 2 * capacity;
    }
    *bytes = block;
    return BALACT_OK;
}

balact_status balact_archive_read_exactly(struct balact_archive *archive, int64_t need,
                                          void **bytes, struct balact_error *error) {
    char *block;
    int64_t size, begin = archive->offset;
    *bytes = NULL;
    balact_status status = read_growing(archive, need, 0, &block, &size, error);
    if (status != BALACT_OK)
        return status;
    if (size < need) {
        free(block);
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, begin + size, error,
                                   "ends here, %lld bytes too early; is the file truncated?",
                                   (long long)(need - size));
    }
    *bytes = block;
    return BALACT_OK;
}

balact_status balact_archive_read_all(struct balact_archive *archive, int64_t limit, char **bytes,
                                      int64_t *size, struct balact_error *error) {
    balact_status status = read_growing(archive, limit, 1, bytes, size, error);
    if (status != BALACT_OK)
        return status;
    char more;
    size_t got = 0;
    if (*size == limit)
        status = balact_archive_read(archive, &more, 1, &got, error);
    if (status == BALACT_OK && got > 0)
        status = balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, limit, error,
                                     "longer than the %lld bytes that such a file may have",
                                     (long long)limit);
    if (status != BALACT_OK) {
        free(*bytes);
        *bytes = NULL;
        return status;
    }
    (*bytes)[*size] = '\0';
    return BALACT_OK;
}

balact_status balact_archive_expect_end(struct balact_archive *archive,
                                        struct balact_error *error) {
    char more;
    size_t got;
    int64_t end = archive->offset;
    balact_status status = balact_archive_read(archive, &more, 1, &got, error);
    if (status == BALACT_OK && got > 0)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, end, error,
                                   "bytes follow where the data should end");
    return status;
}

const char *balact_archive_basename(const struct balact_archive *archive) {
    const char *slash = archive->member ? strrchr(archive->member, '/') : NULL;
    return slash ? slash + 1 : archive->member ? archive->member : "";
}

void balact_archive_place(const struct balact_archive *archive, char *place, size_t size) {
    if (archive->member && !archive->single)
        snprintf(place, size, "%s%c%s", archive->path, archive->folder ? '/' : ':',
                 archive->member);
    else
        snprintf(place, size, "%s", archive->path);
}

balact_status(balact_archive_fail)(const struct balact_archive *archive, balact_status status,
                                  int64_t line, int64_t byte, struct balact_error *error,
                                  const char *format, ...) {
    if (error) {
        char text[sizeof error->message], place[4096];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        balact_archive_place(archive, place, sizeof place);
        balact_fail_at(error, status, place, line, byte, "%s", text);
    }
    return status;
}

void balact_archive_close(struct balact_archive *archive) {
    if (!archive)
        return;
    if (archive->kind)
        archive->kind->close(archive);
    free(archive->member);
    free(archive->path);
    free(archive);
}
