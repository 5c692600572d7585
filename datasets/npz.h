/* SPDX-License-Identifier: MIT
 *
 * Writes an .npz (a .zip of .npy members, stored) into memory: the same arrays give the same bytes.
 */
#ifndef BALACT_DATASETS_NPZ_H
#define BALACT_DATASETS_NPZ_H

#include "datasets/npy.h"

struct balact_npz;

/* ERROR_UNSUPPORTED where built without libarchive. */
balact_status balact_npz_open(struct balact_npz **npz, struct balact_error *error);

/* Adds name.npy with the header of (type, dims, shape) and data in host order. */
balact_status balact_npz_add(struct balact_npz *npz, const char *name, enum balact_npy_type type,
                             int dims, const int64_t *shape, const void *data,
                             struct balact_error *error);

/* The finished file, malloc'ed. The npz is closed either way. */
balact_status balact_npz_finish(struct balact_npz *npz, unsigned char **bytes, size_t *size,
                                struct balact_error *error);

/* Fine on NULL. */
void balact_npz_abandon(struct balact_npz *npz);

#endif
