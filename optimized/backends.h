/* SPDX-License-Identifier: MIT
 *
 * The backends that this build may hold; which ones it does is decided by the build.
 */
#ifndef BALACT_OPTIMIZED_BACKENDS_H
#define BALACT_OPTIMIZED_BACKENDS_H

#include "balact/backend.h"

extern const struct balact_backend balact_backend_cuda;
extern const struct balact_backend balact_backend_avx512;
extern const struct balact_backend balact_backend_avx2;
extern const struct balact_backend balact_backend_reference;

#endif
