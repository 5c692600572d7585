/* SPDX-License-Identifier: MIT
 *
 * NumPy's .npy files, versions 1, 2 and 3, strictly: float32, float16, int32, int64 and uint8, C
 * order, little endian (numpy/lib/format.py describes the format). docs/FORMATS.md says the same.
 */
#ifndef BALACT_DATASETS_NPY_H
#define BALACT_DATASETS_NPY_H

#include <stdio.h>

#include "datasets/archive.h"

/* X(ID, descr, bytes per element, what people call it) */
#define BALACT_NPY_TYPE_LIST(X)                                                                    \
    X(F32, "<f4", 4, "float32")                                                                    \
    X(F16, "<f2", 2, "float16")                                                                    \
    X(I32, "<i4", 4, "int32")                                                                      \
    X(I64, "<i8", 8, "int64")                                                                      \
    X(U8, "|u1", 1, "uint8")

enum balact_npy_type {
#define BALACT_NPY_TYPE_ENUM(ID, descr, bytes, name) BALACT_NPY_##ID,
    BALACT_NPY_TYPE_LIST(BALACT_NPY_TYPE_ENUM)
#undef BALACT_NPY_TYPE_ENUM
        BALACT_NPY_TYPE_COUNT
};

enum { BALACT_NPY_DIMS = 8, BALACT_NPY_HEADER_MAX = 512 };

struct balact_npy {
    enum balact_npy_type type;
    int dims; /* 0 is a scalar */
    int64_t shape[BALACT_NPY_DIMS];
    int64_t count;  /* elements */
    int64_t bytes;  /* of the data */
    int64_t header; /* bytes before the data */
};

int64_t balact_npy_type_size(enum balact_npy_type type);
const char *balact_npy_type_name(enum balact_npy_type type); /* "float32", ... */

/* Reads the header at the archive's current member, from its first byte. Errors name the member and
 * the byte: ERROR_FORMAT for anything that is not such a file (another dtype, Fortran order, a
 * shape whose size overflows, and a member whose known size is not what the header promises). */
balact_status balact_npy_read_header(struct balact_archive *archive, struct balact_npy *npy,
                                     struct balact_error *error);

/* Reads the data behind the header into a malloc'ed array in the machine's byte order and checks
 * that the member ends there. */
balact_status balact_npy_read_data(struct balact_archive *archive, const struct balact_npy *npy,
                                   void **data, struct balact_error *error);

/* Makes a version 1 header for an array of C order; the data follow at once. Returns its bytes, a
 * multiple of 64, or 0 if dims is not in [0, BALACT_NPY_DIMS]. */
size_t balact_npy_header(unsigned char header[BALACT_NPY_HEADER_MAX], enum balact_npy_type type,
                         int dims, const int64_t *shape);

/* Writes header and data (host order, count from shape) to file, little endian. ERROR_IO on a
 * failed write; name is for the message. */
balact_status balact_npy_write(FILE *file, const char *name, enum balact_npy_type type, int dims,
                               const int64_t *shape, const void *data, struct balact_error *error);

#endif
