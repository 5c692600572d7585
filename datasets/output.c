/* SPDX-License-Identifier: MIT
 *
 * See output.h.
 */
#include "datasets/output.h"

#include <errno.h>
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

balact_status balact_output_open(struct balact_output *output, const char *path,
                                 struct balact_error *error) {
    memset(output, 0, sizeof *output);
    size_t length = strlen(path);
    output->path = malloc(length + 1);
    output->temporary = malloc(length + 32);
    if (!output->path || !output->temporary) {
        balact_output_abandon(output);
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    }
    memcpy(output->path, path, length + 1);
    snprintf(output->temporary, length + 32, "%s.tmp-%ld", path, (long)getpid());
    output->file = fopen(output->temporary, "wb");
    if (!output->file)
        return output_failed(output, error, errno);
    return BALACT_OK;
}

balact_status balact_output_commit(struct balact_output *output, struct balact_error *error) {
    errno = 0;
    if (ferror(output->file) || fflush(output->file) != 0 || fsync(fileno(output->file)) != 0)
        return output_failed(output, error, errno ? errno : EIO);
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
