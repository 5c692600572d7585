/* SPDX-License-Identifier: MIT
 *
 * See pack.h.
 */
#include "datasets/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef BALACT_HAVE_ARCHIVE
#include <archive.h>
#include <archive_entry.h>
#endif

#include "datasets/output.h"

enum kind { KIND_FOLDER, KIND_TAR, KIND_TAR_GZ, KIND_ZIP, KIND_OTHER };

struct balact_pack {
    char *path;
    bool folder;
    char *temporary; /* the folder that is being filled; NULL if none was made */
    FILE *member;    /* its open file */
    char *member_path;
    struct balact_output output; /* of an archive */
#ifdef BALACT_HAVE_ARCHIVE
    struct archive *archive;
    int failed; /* errno of the first write to it that failed */
#endif
};

static enum kind kind_of(const char *path) {
    static const struct {
        const char *ending;
        enum kind kind;
    } kinds[] = {{".tar", KIND_TAR},       {".tar.gz", KIND_TAR_GZ}, {".tgz", KIND_TAR_GZ},
                 {".zip", KIND_ZIP},       {".tar.xz", KIND_OTHER},  {".tar.zst", KIND_OTHER},
                 {".tar.bz2", KIND_OTHER}, {".npz", KIND_OTHER},     {".7z", KIND_OTHER}};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t ending = strlen(kinds[i].ending);
        if (length > ending && !strcmp(path + length - ending, kinds[i].ending))
            return kinds[i].kind;
    }
    return KIND_FOLDER;
}

static balact_status io_failed(const char *path, struct balact_error *error, const char *what,
                               int number) {
    return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "%s: %s", what,
                          strerror(number ? number : EIO));
}

static balact_status no_memory(const char *path, struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
}

/* ---- folders ---- */

static balact_status folder_open(struct balact_pack *pack, struct balact_error *error) {
    DIR *folder = opendir(pack->path);
    if (folder) {
        int entries = 0;
        for (struct dirent *entry; (entry = readdir(folder));)
            entries += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
        closedir(folder);
        if (entries)
            return balact_fail_at(error, BALACT_ERROR_IO, pack->path, 0, -1,
                                  "the folder is not empty; name another or remove it");
    } else if (errno != ENOENT) {
        return io_failed(pack->path, error, "cannot write", errno);
    }
    size_t size = strlen(pack->path) + 32;
    char *temporary = malloc(size);
    if (!temporary)
        return no_memory(pack->path, error);
    snprintf(temporary, size, "%s.tmp-%ld", pack->path, (long)getpid());
    if (mkdir(temporary, 0777) != 0) {
        balact_status status = io_failed(temporary, error, "cannot make the folder", errno);
        free(temporary);
        return status;
    }
    pack->temporary = temporary;
    return BALACT_OK;
}

/* Syncs and closes the open file, if there is one. */
static balact_status folder_end_member(struct balact_pack *pack, struct balact_error *error) {
    if (!pack->member)
        return BALACT_OK;
    FILE *file = pack->member;
    pack->member = NULL;
    errno = 0;
    int failed = ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0;
    int number = errno;
    if (fclose(file) != 0 && !failed) {
        failed = 1;
        number = errno;
    }
    return failed ? io_failed(pack->member_path, error, "cannot write", number) : BALACT_OK;
}

static balact_status folder_begin(struct balact_pack *pack, const char *name,
                                  struct balact_error *error) {
    balact_status status = folder_end_member(pack, error);
    if (status != BALACT_OK)
        return status;
    size_t size = strlen(pack->temporary) + strlen(name) + 2;
    free(pack->member_path);
    pack->member_path = malloc(size);
    if (!pack->member_path)
        return no_memory(pack->path, error);
    snprintf(pack->member_path, size, "%s/%s", pack->temporary, name);
    pack->member = fopen(pack->member_path, "wb");
    return pack->member ? BALACT_OK : io_failed(pack->member_path, error, "cannot write", errno);
}

/* Removes the temporary folder and the plain files in it; there is nothing else. */
static void folder_remove(struct balact_pack *pack) {
    DIR *folder = pack->temporary ? opendir(pack->temporary) : NULL;
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(pack->temporary);
}

/* ---- archives ---- */

#ifdef BALACT_HAVE_ARCHIVE
/* The status after a call of libarchive with this result. */
static balact_status stream_status(struct balact_pack *pack, bool fine,
                                   struct balact_error *error) {
    if (pack->failed)
        return io_failed(pack->path, error, "cannot write", pack->failed);
    if (fine)
        return BALACT_OK;
    const char *text = archive_error_string(pack->archive);
    return balact_fail_at(error, BALACT_ERROR_IO, pack->path, 0, -1, "cannot write: %s",
                          text ? text : "libarchive does not say why");
}

/* Swallows all that follows a failed write and remembers its reason: libarchive 3.6 leaks its
 * buffers where a writer fails, and its own writer to a FILE loses the reason. */
static la_ssize_t stream_write(struct archive *archive, void *opened, const void *bytes,
                               size_t size) {
    struct balact_pack *pack = opened;
    (void)archive;
    errno = 0;
    if (!pack->failed && fwrite(bytes, 1, size, pack->output.file) != size)
        pack->failed = errno ? errno : EIO;
    return (la_ssize_t)size;
}

static balact_status stream_open(struct balact_pack *pack, enum kind kind,
                                 struct balact_error *error) {
    balact_status status = balact_output_open(&pack->output, pack->path, error);
    if (status != BALACT_OK)
        return status;
    pack->archive = archive_write_new();
    if (!pack->archive)
        return no_memory(pack->path, error);
    int result;
    if (kind == KIND_ZIP) {
        /* Stored: features are noise, and deflate would take seconds to save a twentieth. */
        result = archive_write_set_format_zip(pack->archive);
        if (result == ARCHIVE_OK)
            result = archive_write_zip_set_compression_store(pack->archive);
    } else {
        result = archive_write_set_format_pax_restricted(pack->archive);
        if (result == ARCHIVE_OK && kind == KIND_TAR_GZ)
            result = archive_write_add_filter_gzip(pack->archive);
        if (result == ARCHIVE_OK && kind == KIND_TAR_GZ) /* no time of day in the header */
            result = archive_write_set_filter_option(pack->archive, "gzip", "timestamp", NULL);
    }
    if (result == ARCHIVE_OK) /* no padding behind the end of a zip or gzip */
        result = archive_write_set_bytes_in_last_block(pack->archive, 1);
    if (result == ARCHIVE_OK)
        result = archive_write_open(pack->archive, pack, NULL, stream_write, NULL);
    return stream_status(pack, result == ARCHIVE_OK, error);
}

static balact_status stream_begin(struct balact_pack *pack, const char *name, int64_t size,
                                  struct balact_error *error) {
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return no_memory(pack->path, error);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    /* The epoch: a zip holds local time, but clamps this to 1980 in every time zone. */
    archive_entry_set_mtime(entry, 0, 0);
    int result = archive_write_header(pack->archive, entry);
    archive_entry_free(entry);
    return stream_status(pack, result == ARCHIVE_OK, error);
}
#endif

/* ---- either ---- */

static void pack_free(struct balact_pack *pack) {
    free(pack->path);
    free(pack->temporary);
    free(pack->member_path);
    free(pack);
}

balact_status balact_pack_open(struct balact_pack **opened, const char *path,
                               struct balact_error *error) {
    enum kind kind = kind_of(path);
    balact_status status;
    *opened = NULL;
    if (kind == KIND_OTHER)
        return balact_fail_at(error, BALACT_ERROR_ARGUMENT, path, 0, -1,
                              "archives are written as .tar, .tar.gz, .tgz or .zip");
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    if (length == 0)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "no path was given to write to");
    struct balact_pack *pack = calloc(1, sizeof *pack);
    if (!pack || !(pack->path = strndup(path, length))) {
        free(pack);
        return no_memory(path, error);
    }
    pack->folder = kind == KIND_FOLDER;
    if (pack->folder)
        status = folder_open(pack, error);
    else
#ifdef BALACT_HAVE_ARCHIVE
        status = stream_open(pack, kind, error);
#else
        status = balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1,
                                "built without libarchive (Debian package libarchive-dev); a "
                                "folder can be written");
#endif
    if (status != BALACT_OK)
        balact_pack_abandon(pack);
    else
        *opened = pack;
    return status;
}

balact_status balact_pack_begin(struct balact_pack *pack, const char *name, int64_t size,
                                struct balact_error *error) {
#ifdef BALACT_HAVE_ARCHIVE
    if (!pack->folder)
        return stream_begin(pack, name, size, error);
#endif
    (void)size;
    return folder_begin(pack, name, error);
}

balact_status balact_pack_write(struct balact_pack *pack, const void *bytes, size_t size,
                                struct balact_error *error) {
#ifdef BALACT_HAVE_ARCHIVE
    if (!pack->folder) {
        bool fine = size == 0 || archive_write_data(pack->archive, bytes, size) == (la_ssize_t)size;
        return stream_status(pack, fine, error);
    }
#endif
    errno = 0;
    if (size != 0 && fwrite(bytes, 1, size, pack->member) != size) /* bytes may be NULL */
        return io_failed(pack->member_path, error, "cannot write", errno);
    return BALACT_OK;
}

balact_status balact_pack_commit(struct balact_pack *pack, struct balact_error *error) {
    balact_status status = BALACT_OK;
    if (pack->folder) {
        status = folder_end_member(pack, error);
        if (status == BALACT_OK && rename(pack->temporary, pack->path) != 0)
            status = io_failed(pack->path, error, "cannot write", errno);
    }
#ifdef BALACT_HAVE_ARCHIVE
    if (!pack->folder) {
        status = stream_status(pack, archive_write_close(pack->archive) == ARCHIVE_OK, error);
        if (status == BALACT_OK)
            status = balact_output_commit(&pack->output, error);
    }
#endif
    if (status != BALACT_OK) {
        balact_pack_abandon(pack);
        return status;
    }
#ifdef BALACT_HAVE_ARCHIVE
    if (pack->archive)
        archive_write_free(pack->archive);
#endif
    pack_free(pack);
    return BALACT_OK;
}

void balact_pack_abandon(struct balact_pack *pack) {
    if (!pack)
        return;
#ifdef BALACT_HAVE_ARCHIVE
    if (pack->archive) {
        pack->failed = pack->failed ? pack->failed : EIO; /* closing it writes nothing more */
        archive_write_free(pack->archive);
    }
#endif
    if (pack->member)
        fclose(pack->member);
    folder_remove(pack);
    balact_output_abandon(&pack->output);
    pack_free(pack);
}
