/* SPDX-License-Identifier: MIT
 *
 * From which size of output on the CPU kernels store past the caches.
 */
#ifndef BALACT_OPTIMIZED_CPU_STREAM_H
#define BALACT_OPTIMIZED_CPU_STREAM_H

#include <stdint.h>

/* Bytes of output, of a call whose output is not its input. Results are the same on both sides.
 * BALACT_STREAM_BYTES in the environment overrides it; it is read once. */
int64_t balact_stream_bytes(void);

#endif
