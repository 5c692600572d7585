/* SPDX-License-Identifier: MIT
 *
 * See npz.h.
 */
#include "datasets/npz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef BALACT_HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>

struct balact_npz {
    struct archive *archive;
    unsigned char *bytes;
    size_t size, capacity;
};

static balact_status no_memory(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, ".npz: out of memory");
}

static balact_status status_of(struct balact_npz *npz, bool fine, struct balact_error *error) {
    if (fine)
        return BALACT_OK;
    const char *text = archive_error_string(npz->archive);
    return text ? balact_fail(error, BALACT_ERROR_IO, ".npz: cannot write: %s", text)
                : no_memory(error);
}

static la_ssize_t take(struct archive *archive, void *opened, const void *bytes, size_t size) {
    struct balact_npz *npz = opened;
    if (size > npz->capacity - npz->size) {
        size_t capacity = 2 * npz->capacity + size;
        unsigned char *larger = realloc(npz->bytes, capacity);
        if (!larger) {
            archive_set_error(archive, ENOMEM, "out of memory");
            return -1;
        }
        npz->bytes = larger;
        npz->capacity = capacity;
    }
    memcpy(npz->bytes + npz->size, bytes, size);
    npz->size += size;
    return (la_ssize_t)size;
}

balact_status balact_npz_open(struct balact_npz **opened, struct balact_error *error) {
    struct balact_npz *npz = calloc(1, sizeof *npz);
    *opened = NULL;
    if (npz)
        npz->archive = archive_write_new();
    if (!npz || !npz->archive) {
        free(npz);
        return no_memory(error);
    }
    bool fine = archive_write_set_format_zip(npz->archive) == ARCHIVE_OK &&
                archive_write_zip_set_compression_store(npz->archive) == ARCHIVE_OK &&
                archive_write_set_bytes_per_block(npz->archive, 1 << 20) == ARCHIVE_OK &&
                archive_write_set_bytes_in_last_block(npz->archive, 1) == ARCHIVE_OK &&
                archive_write_open(npz->archive, npz, NULL, take, NULL) == ARCHIVE_OK;
    balact_status status = status_of(npz, fine, error);
    if (status != BALACT_OK)
        balact_npz_abandon(npz);
    else
        *opened = npz;
    return status;
}

balact_status balact_npz_add(struct balact_npz *npz, const char *name, enum balact_npy_type type,
                             int dims, const int64_t *shape, const void *data,
                             struct balact_error *error) {
    char member[128];
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    struct archive_entry *entry = archive_entry_new();
    snprintf(member, sizeof member, "%s.npy", name);
    balact_status status = file && entry ? BALACT_OK : no_memory(error);
    if (status == BALACT_OK)
        status = balact_npy_write(file, member, type, dims, shape, data, error);
    if (file && fclose(file) != 0 && status == BALACT_OK)
        status = no_memory(error);
    if (status == BALACT_OK) {
        archive_entry_set_pathname(entry, member);
        archive_entry_set_size(entry, (la_int64_t)size);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_mtime(entry, 0, 0); /* as in pack.c */
        bool fine = archive_write_header(npz->archive, entry) == ARCHIVE_OK &&
                    archive_write_data(npz->archive, text, size) == (la_ssize_t)size;
        status = status_of(npz, fine, error);
    }
    archive_entry_free(entry);
    free(text);
    return status;
}

balact_status balact_npz_finish(struct balact_npz *npz, unsigned char **bytes, size_t *size,
                                struct balact_error *error) {
    balact_status status =
        status_of(npz, archive_write_close(npz->archive) == ARCHIVE_OK, error);
    *bytes = NULL;
    *size = 0;
    if (status == BALACT_OK) {
        *bytes = npz->bytes;
        *size = npz->size;
        npz->bytes = NULL;
    }
    balact_npz_abandon(npz);
    return status;
}

void balact_npz_abandon(struct balact_npz *npz) {
    if (!npz)
        return;
    archive_write_free(npz->archive);
    free(npz->bytes);
    free(npz);
}
#else
struct balact_npz {
    char unused;
};

static balact_status unsupported(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_UNSUPPORTED,
                       ".npz: built without libarchive (Debian package libarchive-dev)");
}

balact_status balact_npz_open(struct balact_npz **opened, struct balact_error *error) {
    *opened = NULL;
    return unsupported(error);
}

balact_status balact_npz_add(struct balact_npz *npz, const char *name, enum balact_npy_type type,
                             int dims, const int64_t *shape, const void *data,
                             struct balact_error *error) {
    (void)npz;
    (void)name;
    (void)type;
    (void)dims;
    (void)shape;
    (void)data;
    return unsupported(error);
}

balact_status balact_npz_finish(struct balact_npz *npz, unsigned char **bytes, size_t *size,
                                struct balact_error *error) {
    (void)npz;
    *bytes = NULL;
    *size = 0;
    return unsupported(error);
}

void balact_npz_abandon(struct balact_npz *npz) {
    (void)npz;
}
#endif
