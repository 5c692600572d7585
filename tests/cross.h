/* SPDX-License-Identifier: MIT
 *
 * What the tests of training share: a small long-tailed data set and reading a file back.
 */
#ifndef BALACT_TESTS_CROSS_H
#define BALACT_TESTS_CROSS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/dataset.h"
#include "balact/random.h"
#include "tests/harness.h"

enum { CLASSES = 4, DIM = 6 };

/* Gaussians around the corners of a cross; counts 120, 60, 15, 5 (times factor). */
static inline void make_data(struct balact_dataset *data, int64_t factor, double distance,
                             uint64_t seed) {
    const int64_t counts[CLASSES] = {120 * factor, 60 * factor, 15 * factor, 5 * factor};
    memset(data, 0, sizeof *data);
    data->dim = DIM;
    data->classes = CLASSES;
    data->dtype = BALACT_F32;
    for (int c = 0; c < CLASSES; c++)
        data->rows += counts[c];
    float *features = malloc((size_t)data->rows * DIM * sizeof *features);
    data->labels = malloc((size_t)data->rows * sizeof *data->labels);
    data->features = features;
    int64_t row = 0;
    for (int32_t c = 0; c < CLASSES; c++)
        for (int64_t k = 0; k < counts[c]; k++, row++) {
            data->labels[row] = c;
            for (int d = 0; d < DIM; d++)
                features[row * DIM + d] =
                    (float)(balact_random_normal(seed, 1, (uint64_t)(row * DIM + d)) +
                            (d == c ? distance : 0));
        }
}

/* The bytes of a file with a NUL behind them; free() them. */
static inline unsigned char *slurp(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    ck_assert(fread(bytes, 1, *size, file) == *size);
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}

#endif
