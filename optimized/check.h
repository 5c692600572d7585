/* SPDX-License-Identifier: MIT
 *
 * What the public entry points share: the checking of a problem, done once there so that kernels
 * need not, and the choice of a backend.
 */
#ifndef BALACT_OPTIMIZED_CHECK_H
#define BALACT_OPTIMIZED_CHECK_H

#include "balact/backend.h"

#define REQUIRE(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return balact_fail(error, BALACT_ERROR_ARGUMENT, __VA_ARGS__);                         \
    } while (0)

/* Bytes that [rows][ld] with a last row of cols elements of `size` bytes spans; 0 on overflow. */
static inline size_t matrix_span(int64_t rows, int64_t cols, int64_t ld, int64_t size) {
    if (rows <= 0 || ld > (INT64_MAX / size - cols) / rows)
        return 0;
    return (size_t)(((rows - 1) * ld + cols) * size);
}

static inline bool ranges_overlap(const void *a, size_t a_size, const void *b, size_t b_size) {
    return (uintptr_t)a < (uintptr_t)b + b_size && (uintptr_t)b < (uintptr_t)a + a_size;
}

/* Everything of a problem that can be told without a backend's memory, and the labels too where
 * memory is plain. */
balact_status balact_check_problem(const struct balact_activation_info *info,
                                   enum balact_operation operation, const struct balact_problem *p,
                                   bool plain_memory, struct balact_error *error);

/* Fills *backend with the default one if it is NULL; ERROR_UNSUPPORTED if it cannot run here. */
balact_status balact_check_backend(const struct balact_backend **backend,
                                   struct balact_error *error);

#endif
