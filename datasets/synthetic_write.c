/* SPDX-License-Identifier: MIT
 *
 * The synthetic ImageNet-LT in the files of the real one: lists of invented paths, class counts,
 * features as .npy, and the options it was made with (docs/FORMATS.md).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/half.h"
#include "datasets/npy.h"
#include "datasets/pack.h"
#include "datasets/synthetic.h"

/* Values that are gathered, encoded and written at a time. */
enum { CHUNK_VALUES = 1 << 16 };

/* A text member: built in memory, since an archive wants its size first. */
struct text {
    FILE *file;
    char *bytes;
    size_t size;
};

static balact_status text_open(struct text *text, struct balact_error *error) {
    *text = (struct text){0};
    text->file = open_memstream(&text->bytes, &text->size);
    return text->file ? BALACT_OK
                      : balact_fail(error, BALACT_ERROR_MEMORY, "synthetic data: out of memory");
}

/* Closes and writes the text as a member. */
static balact_status text_write(struct text *text, struct balact_pack *pack, const char *name,
                                struct balact_error *error) {
    int failed = ferror(text->file);
    failed |= fclose(text->file);
    balact_status status =
        failed ? balact_fail(error, BALACT_ERROR_MEMORY, "synthetic data: out of memory")
               : balact_pack_begin(pack, name, (int64_t)text->size, error);
    if (status == BALACT_OK)
        status = balact_pack_write(pack, text->bytes, text->size, error);
    free(text->bytes);
    return status;
}

/* "path label" a row, in the manner of the real lists: val comes from ImageNet's train folder, test
 * from its val folder. The synsets n9... do not exist in WordNet. */
static balact_status write_list(struct balact_pack *pack, enum balact_split split,
                                const struct balact_dataset *dataset, const int64_t *train_counts,
                                struct balact_error *error) {
    char name[64];
    struct text text;
    balact_status status = text_open(&text, error);
    if (status != BALACT_OK)
        return status;
    int64_t in_class = 0;
    for (int64_t i = 0; i < dataset->rows; i++) {
        int label = dataset->labels[i];
        long long synset = 90000000 + label, number;
        in_class = i > 0 && dataset->labels[i - 1] == label ? in_class + 1 : 1;
        number = in_class;
        if (split == BALACT_SPLIT_VAL) /* after the class's training images */
            number += train_counts[label];
        if (split == BALACT_SPLIT_TEST)
            fprintf(text.file, "val/n%lld/ILSVRC2012_val_%08lld.JPEG %d\n", synset,
                    (long long)i + 1, label);
        else
            fprintf(text.file, "train/n%lld/n%lld_%lld.JPEG %d\n", synset, synset, number, label);
    }
    snprintf(name, sizeof name, "ImageNet_LT_%s.txt", balact_split_name(split));
    return text_write(&text, pack, name, error);
}

static balact_status write_counts(struct balact_pack *pack, int32_t classes, const int64_t *counts,
                                  struct balact_error *error) {
    struct text text;
    balact_status status = text_open(&text, error);
    if (status != BALACT_OK)
        return status;
    fprintf(text.file, "class_id,image_count\n");
    for (int32_t c = 0; c < classes; c++)
        fprintf(text.file, "%d,%lld\n", (int)c, (long long)counts[c]);
    return text_write(&text, pack, "class_counts.csv", error);
}

static balact_status write_options(struct balact_pack *pack,
                                   const struct balact_synthetic_options *options,
                                   struct balact_error *error) {
    struct text text;
    balact_status status = text_open(&text, error);
    if (status != BALACT_OK)
        return status;
    balact_synthetic_options_print(options, text.file);
    return text_write(&text, pack, "synthetic.json", error);
}

/* Little-endian bytes of values in dtype; -1, or the first value that is too large for it. */
static int64_t encode(const float *values, int64_t count, enum balact_dtype dtype,
                      unsigned char *bytes) {
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        if (dtype == BALACT_F16) {
            bits = float_to_half(values[i]);
            if ((bits & 0x7FFF) == 0x7C00 && isfinite(values[i]))
                return i;
            bytes[2 * i] = (unsigned char)bits;
            bytes[2 * i + 1] = (unsigned char)(bits >> 8);
        } else {
            memcpy(&bits, &values[i], sizeof bits);
            for (int b = 0; b < 4; b++)
                bytes[4 * i + b] = (unsigned char)(bits >> 8 * b);
        }
    }
    return -1;
}

static balact_status write_features(struct balact_pack *pack, enum balact_split split,
                                    const struct balact_dataset *dataset, enum balact_dtype dtype,
                                    struct balact_error *error) {
    char name[64];
    unsigned char header[BALACT_NPY_HEADER_MAX];
    const int64_t shape[2] = {dataset->rows, dataset->dim};
    bool half = dtype == BALACT_F16;
    int64_t width = half ? 2 : 4, dim = dataset->dim;
    int64_t step = CHUNK_VALUES / dim ? CHUNK_VALUES / dim : 1;
    size_t header_size =
        balact_npy_header(header, half ? BALACT_NPY_F16 : BALACT_NPY_F32, 2, shape);
    float *values = balact_synthetic_allocate(step * dim, sizeof *values);
    unsigned char *bytes = balact_synthetic_allocate(step * dim, (size_t)width);
    snprintf(name, sizeof name, "%s_features.npy", balact_split_name(split));
    balact_status status =
        values && bytes ? balact_pack_begin(
                              pack, name, (int64_t)header_size + dataset->rows * dim * width, error)
                        : balact_fail(error, BALACT_ERROR_MEMORY, "synthetic data: out of memory");
    if (status == BALACT_OK)
        status = balact_pack_write(pack, header, header_size, error);
    struct balact_dataset rest = *dataset; /* its features advance with the rows written */
    size_t stored = dataset->dtype == BALACT_F16 ? 2 : 4;
    for (int64_t row = 0; row < dataset->rows && status == BALACT_OK; row += step) {
        int64_t rows = dataset->rows - row < step ? dataset->rows - row : step;
        rest.features = (char *)dataset->features + (size_t)(row * dim) * stored;
        balact_dataset_gather(&rest, NULL, rows, values);
        int64_t large = encode(values, rows * dim, dtype, bytes);
        status = large < 0 ? balact_pack_write(pack, bytes, (size_t)(rows * dim * width), error)
                           : balact_fail(error, BALACT_ERROR_RANGE,
                                         "%s: %g in row %lld is too large for float16", name,
                                         (double)values[large], (long long)(row + large / dim));
    }
    free(values);
    free(bytes);
    return status;
}

/* The members in byte order of their names, so that the archive is the same everywhere. */
static balact_status write_members(struct balact_pack *pack,
                                   const struct balact_synthetic_options *options,
                                   const struct balact_dataset *splits, const int64_t *counts,
                                   enum balact_dtype dtype, struct balact_error *error) {
    static const enum balact_split order[] = {BALACT_SPLIT_TEST, BALACT_SPLIT_TRAIN,
                                              BALACT_SPLIT_VAL};
    balact_status status = BALACT_OK;
    for (int i = 0; i < BALACT_SPLIT_COUNT && status == BALACT_OK; i++)
        if (splits[order[i]].rows)
            status = write_list(pack, order[i], &splits[order[i]], counts, error);
    if (status == BALACT_OK)
        status = write_counts(pack, options->classes, counts, error);
    if (status == BALACT_OK)
        status = write_options(pack, options, error);
    for (int i = 0; i < BALACT_SPLIT_COUNT && status == BALACT_OK; i++)
        if (splits[order[i]].rows)
            status = write_features(pack, order[i], &splits[order[i]], dtype, error);
    return status;
}

balact_status balact_synthetic_write(const char *path,
                                     const struct balact_synthetic_options *options,
                                     const struct balact_dataset splits[BALACT_SPLIT_COUNT],
                                     enum balact_dtype dtype, struct balact_error *error) {
    struct balact_synthetic_options o = *options;
    struct balact_pack *pack;
    balact_status status = balact_synthetic_resolve(&o, error);
    if (status != BALACT_OK)
        return status;
    if (dtype != BALACT_F32 && dtype != BALACT_F16)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "%s: features are written as float32 or float16", path);
    if (!splits[BALACT_SPLIT_TRAIN].rows)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "%s: there are no training rows", path);
    for (int i = 0; i < BALACT_SPLIT_COUNT; i++)
        if (splits[i].rows && (splits[i].dim != o.dim || splits[i].classes != o.classes))
            return balact_fail(error, BALACT_ERROR_ARGUMENT,
                               "%s: %s has %lld classes of %lld features, the options have %lld "
                               "of %lld",
                               path, balact_split_name((enum balact_split)i),
                               (long long)splits[i].classes, (long long)splits[i].dim,
                               (long long)o.classes, (long long)o.dim);
    int64_t *counts = balact_synthetic_allocate(o.classes, sizeof *counts);
    if (!counts)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    balact_dataset_counts(&splits[BALACT_SPLIT_TRAIN], counts);
    status = balact_pack_open(&pack, path, error);
    if (status == BALACT_OK) {
        status = write_members(pack, &o, splits, counts, dtype, error);
        if (status == BALACT_OK)
            status = balact_pack_commit(pack, error);
        else
            balact_pack_abandon(pack);
    }
    free(counts);
    return status;
}
