/* SPDX-License-Identifier: MIT
 *
 * The folder kind of archive.h: a walk in byte order of names that holds one level's names per
 * folder it is in, never the whole tree.
 */
#include "datasets/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 100 };

struct level {
    char *prefix; /* "" or "a/b/", what stands before its names in a member's path */
    char **names;
    size_t count, next;
    dev_t device; /* with inode: which folder it is, to see loops of links */
    ino_t inode;
};

struct walk {
    struct level levels[DEPTH_MAX];
    int depth;
    int file; /* of the current member; -1 until its first byte is wanted */
};

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(const char *a, const char *between, const char *b) {
    size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
    char *joined = malloc(size);
    if (joined)
        snprintf(joined, size, "%s%s%s", a, between, b);
    return joined;
}

static balact_status no_memory(const struct balact_archive *archive, struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", archive->path);
}

static void level_release(struct level *level) {
    for (size_t i = 0; i < level->count; i++)
        free(level->names[i]);
    free(level->names);
    free(level->prefix);
    memset(level, 0, sizeof *level);
}

/* Appends the names of an open folder. 0, or an errno. */
static int level_fill(struct level *level, DIR *stream) {
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (!entry)
            return errno;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (level->count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            char **names = realloc(level->names, capacity * sizeof *names);
            if (!names)
                return ENOMEM;
            level->names = names;
        }
        level->names[level->count] = strdup(entry->d_name);
        if (!level->names[level->count])
            return ENOMEM;
        level->count++;
    }
}

/* Enters the folder archive->path/prefix. Takes prefix over. */
static balact_status level_enter(struct balact_archive *archive, char *prefix,
                                 struct balact_error *error) {
    struct walk *walk = archive->state;
    char *path = prefix ? join(archive->path, "/", prefix) : NULL;
    if (!path) {
        free(prefix);
        return no_memory(archive, error);
    }
    if (walk->depth == DEPTH_MAX) {
        balact_status status = balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, -1,
                                              "more than %d folders deep", DEPTH_MAX);
        free(path);
        free(prefix);
        return status;
    }
    struct level *level = &walk->levels[walk->depth++];
    *level = (struct level){.prefix = prefix};
    struct stat what;
    DIR *stream = opendir(path);
    int number = errno;
    if (stream) {
        number = level_fill(level, stream);
        if (!number && fstat(dirfd(stream), &what) != 0)
            number = errno;
        closedir(stream);
    }
    if (!stream || number) {
        balact_status status =
            balact_fail_at(error, number == ENOMEM ? BALACT_ERROR_MEMORY : BALACT_ERROR_IO, path, 0,
                           -1, "cannot read folder: %s", strerror(number));
        free(path);
        return status;
    }
    free(path);
    level->device = what.st_dev;
    level->inode = what.st_ino;
    if (level->names)
        qsort(level->names, level->count, sizeof *level->names, compare_names);
    return BALACT_OK;
}

static bool is_being_walked(const struct walk *walk, const struct stat *what) {
    for (int i = 0; i < walk->depth; i++)
        if (walk->levels[i].device == what->st_dev && walk->levels[i].inode == what->st_ino)
            return true;
    return false;
}

/* Looks at one name of the deepest level: a file becomes the member, a folder is entered. */
static balact_status visit(struct balact_archive *archive, const char *prefix, const char *name,
                           struct balact_error *error) {
    struct walk *walk = archive->state;
    struct stat what;
    char *member = join(prefix, "", name);
    char *path = member ? join(archive->path, "/", member) : NULL;
    balact_status status = BALACT_OK;
    if (!path) {
        status = no_memory(archive, error);
    } else if (stat(path, &what) != 0) {
        /* A link to nothing or to itself holds nothing; anything else is a failure. */
        if (errno != ENOENT && errno != ELOOP)
            status = balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read: %s",
                                    strerror(errno));
    } else if (S_ISREG(what.st_mode)) {
        archive->member = member;
        archive->size = (int64_t)what.st_size;
        member = NULL;
    } else if (S_ISDIR(what.st_mode) && !is_being_walked(walk, &what)) {
        status = level_enter(archive, join(member, "", "/"), error);
    }
    free(path);
    free(member);
    return status;
}

static balact_status folder_next(struct balact_archive *archive, struct balact_error *error) {
    struct walk *walk = archive->state;
    if (walk->file >= 0)
        close(walk->file);
    walk->file = -1;
    while (walk->depth > 0 && !archive->member) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->next == level->count) {
            level_release(level);
            walk->depth--;
            continue;
        }
        const char *name = level->names[level->next++];
        balact_status status = visit(archive, level->prefix, name, error);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

static balact_status folder_read(struct balact_archive *archive, void *out, size_t size,
                                 size_t *got, struct balact_error *error) {
    struct walk *walk = archive->state;
    if (walk->file < 0) {
        struct stat what;
        char *path = join(archive->path, "/", archive->member);
        if (!path)
            return no_memory(archive, error);
        walk->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        int number = errno;
        free(path);
        if (walk->file < 0)
            return balact_archive_fail(archive, BALACT_ERROR_IO, 0, -1, error, "cannot open: %s",
                                       strerror(number));
        if (fstat(walk->file, &what) != 0 || !S_ISREG(what.st_mode))
            return balact_archive_fail(archive, BALACT_ERROR_IO, 0, -1, error,
                                       "cannot open: no longer a regular file");
    }
    ssize_t count;
    do
        count = read(walk->file, out, size);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return balact_archive_fail(archive, BALACT_ERROR_IO, 0, archive->offset, error,
                                   "cannot read: %s", strerror(errno));
    *got = (size_t)count;
    return BALACT_OK;
}

static void folder_close(struct balact_archive *archive) {
    struct walk *walk = archive->state;
    if (!walk)
        return;
    if (walk->file >= 0)
        close(walk->file);
    while (walk->depth > 0)
        level_release(&walk->levels[--walk->depth]);
    free(walk);
}

const struct balact_archive_kind balact_archive_folder_kind = {folder_next, folder_read,
                                                               folder_close};

balact_status balact_archive_folder_begin(struct balact_archive *archive,
                                          struct balact_error *error) {
    struct walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        return no_memory(archive, error);
    walk->file = -1;
    archive->kind = &balact_archive_folder_kind;
    archive->state = walk;
    archive->folder = true;
    return level_enter(archive, strdup(""), error);
}
