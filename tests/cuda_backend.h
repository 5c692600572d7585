/* SPDX-License-Identifier: MIT
 *
 * The emulated CUDA backend (tests/cuda) as tests know it.
 */
#ifndef BALACT_TESTS_CUDA_BACKEND_H
#define BALACT_TESTS_CUDA_BACKEND_H

#include "balact/backend.h"

extern const struct balact_backend balact_backend_cuda_emulated;

#endif
