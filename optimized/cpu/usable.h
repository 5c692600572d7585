/* SPDX-License-Identifier: MIT
 *
 * Whether this processor and system can run the CPU backends (usable.c, compiled for any
 * processor).
 */
#ifndef BALACT_OPTIMIZED_CPU_USABLE_H
#define BALACT_OPTIMIZED_CPU_USABLE_H

#include <stdbool.h>
#include <stddef.h>

/* Contract: member usable of struct balact_backend. */
bool balact_avx2_usable(char *why, size_t size);
bool balact_avx512_usable(char *why, size_t size);

#endif
