/* SPDX-License-Identifier: MIT
 *
 * What one does with a labelled data set in memory: release, gather, count; and its provenance
 * (source.h).
 */
#include "datasets/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "datasets/half.h"

void balact_dataset_release(struct balact_dataset *dataset) {
    if (!dataset)
        return;
    for (size_t i = 0; i < dataset->source_count; i++)
        free(dataset->sources[i].path);
    free(dataset->sources);
    free(dataset->name);
    free(dataset->features);
    free(dataset->labels);
    memset(dataset, 0, sizeof *dataset);
}

void balact_dataset_gather(const struct balact_dataset *dataset, const int64_t *index, int64_t n,
                           float *out) {
    int64_t dim = dataset->dim;
    for (int64_t i = 0; i < n; i++) {
        int64_t row = index ? index[i] : i;
        float *to = out + i * dim;
        if (dataset->dtype == BALACT_F16) {
            const uint16_t *from = (const uint16_t *)dataset->features + row * dim;
            for (int64_t j = 0; j < dim; j++)
                to[j] = half_to_float(from[j]);
        } else {
            memcpy(to, (const float *)dataset->features + row * dim, (size_t)dim * sizeof *to);
        }
    }
}

void balact_dataset_counts(const struct balact_dataset *dataset, int64_t *counts) {
    for (int32_t c = 0; c < dataset->classes; c++)
        counts[c] = 0;
    for (int64_t i = 0; i < dataset->rows; i++)
        counts[dataset->labels[i]]++;
}

balact_status balact_source_copy(struct balact_dataset *dataset,
                                 const struct balact_source *source, struct balact_error *error) {
    struct balact_source *sources =
        realloc(dataset->sources, (dataset->source_count + 1) * sizeof *sources);
    if (sources)
        dataset->sources = sources;
    char *path = sources ? strdup(source->path) : NULL;
    if (!path)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", source->path);
    sources[dataset->source_count] = *source;
    sources[dataset->source_count++].path = path;
    return BALACT_OK;
}

balact_status balact_source_finish(struct balact_dataset *dataset, const char *archive,
                                   struct balact_error *error) {
    struct balact_source source = {.path = (char *)archive};
    balact_status status = BALACT_OK;
    if (archive)
        status = balact_source_copy(dataset, &source, error);
    for (size_t i = 0; i < dataset->source_count && status == BALACT_OK; i++) {
        struct balact_source *one = &dataset->sources[i];
        struct stat what;
        if (stat(one->path, &what) != 0 || !S_ISREG(what.st_mode))
            continue;
        status = balact_sha256_file(one->path, one->sha256, &one->bytes, error);
        if (status == BALACT_ERROR_UNSUPPORTED) {
            one->bytes = (int64_t)what.st_size;
            status = BALACT_OK;
        }
    }
    return status;
}

char *balact_source_name(const char *path, const char *split) {
    static const char *const suffixes[] = {".gz", ".xz", ".zst", ".bz2", ".tar",
                                           ".tgz", ".zip", ".npz"};
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t length = strlen(suffixes[i]);
        if (end - begin > length && !memcmp(path + end - length, suffixes[i], length))
            end -= length;
    }
    size_t size = end - begin + strlen(split) + 8;
    char *name = malloc(size);
    if (name && end > begin)
        snprintf(name, size, "%.*s %s", (int)(end - begin), path + begin, split);
    else if (name) /* of "/" nothing is left */
        snprintf(name, size, "data %s", split);
    return name;
}
