/* SPDX-License-Identifier: MIT
 *
 * See output.h.
 */
#include "datasets/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static balact_status output_failed(struct balact_output *output, struct balact_error *error,
                                   int number) {
    balact_status status = balact_fail_at(error, BALACT_ERROR_IO, output->path, 0, -1,
                                          "cannot write: %s", strerror(number));
    balact_output_abandon(output);
    return status;
}

/* Where the file is to be: path, or what it is a link to. The rename at commit would replace
 * whatever stands there, for root even a device, so only a regular file may. */
static balact_status find_target(const char *path, char **target, struct balact_error *error) {
    struct stat what;
    bool there = lstat(path, &what) == 0;
    errno = 0;
    *target = there && S_ISLNK(what.st_mode) ? realpath(path, NULL) : strdup(path);
    if (!*target && (errno == ENOMEM || !there))
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    if (!*target)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1,
                              "cannot write where this link leads: %s", strerror(errno));
    if (!there || stat(*target, &what) != 0 || S_ISREG(what.st_mode))
        return BALACT_OK;
    return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot write: %s",
                          S_ISDIR(what.st_mode) ? strerror(EISDIR)
                                                : "not a regular file, and it would be replaced");
}

balact_status balact_output_open(struct balact_output *output, const char *path,
                                 struct balact_error *error) {
    memset(output, 0, sizeof *output);
    balact_status status = find_target(path, &output->path, error);
    size_t size = status == BALACT_OK ? strlen(output->path) + 32 : 0;
    if (status == BALACT_OK && !(output->temporary = malloc(size)))
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    if (status != BALACT_OK) {
        balact_output_abandon(output);
        return status;
    }
    snprintf(output->temporary, size, "%s.tmp-%ld", output->path, (long)getpid());
    output->file = fopen(output->temporary, "wb");
    if (!output->file)
        return output_failed(output, error, errno);
    return BALACT_OK;
}

/* Why an earlier write failed is gone by now, but a disk that is full says so again. */
static int ask_again(FILE *file) {
    clearerr(file);
    errno = 0;
    return (fputc(0, file) == EOF || fflush(file) != 0) && errno ? errno : EIO;
}

balact_status balact_output_commit(struct balact_output *output, struct balact_error *error) {
    int number = 0;
    errno = 0;
    if (ferror(output->file))
        number = ask_again(output->file);
    else if (fflush(output->file) != 0 || fsync(fileno(output->file)) != 0)
        number = errno ? errno : EIO;
    if (number)
        return output_failed(output, error, number);
    FILE *file = output->file;
    output->file = NULL;
    if (fclose(file) != 0 || rename(output->temporary, output->path) != 0)
        return output_failed(output, error, errno);
    free(output->path);
    free(output->temporary);
    memset(output, 0, sizeof *output);
    return BALACT_OK;
}

void balact_output_abandon(struct balact_output *output) {
    if (output->file)
        fclose(output->file);
    if (output->temporary)
        unlink(output->temporary);
    free(output->path);
    free(output->temporary);
    memset(output, 0, sizeof *output);
}

balact_status balact_make_folder(const char *path, struct balact_error *error) {
    size_t length = strlen(path);
    char *part = malloc(length + 1);
    if (!part)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            balact_status status = balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1,
                                                  "cannot make folder %s: %s", part,
                                                  strerror(errno));
            free(part);
            return status;
        }
        part[i] = kept;
    }
    free(part);
    return BALACT_OK;
}
