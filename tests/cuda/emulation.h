/* SPDX-License-Identifier: MIT
 *
 * What tests, in C too, ask of the emulated CUDA device.
 */
#ifndef BALACT_TESTS_CUDA_EMULATION_H
#define BALACT_TESTS_CUDA_EMULATION_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The order in which blocks, warps and lanes get to run until they must wait. A result that
 * depends on it is wrong. */
enum emulation_order { EMULATION_ASCENDING, EMULATION_DESCENDING, EMULATION_RANDOM };
void emulation_set_order(enum emulation_order order, uint64_t seed);

/* Whether what streams are given waits until somebody waits for it, as on a device it may;
 * otherwise all is done at once. */
void emulation_set_deferred(bool deferred);

/* Whether two threads at one place without a barrier between are looked for (they are, unless this
 * says no: it is half of the time). */
void emulation_set_races(bool wanted);

/* Whether the compiler announces kernels' own loads and stores, so that shared memory is watched.
 */
bool emulation_sees_shared_memory(void);

/* What has been done since the program started. */
struct emulation_counts {
    int64_t launches, blocks, threads, allocations, allocated_now;
};
struct emulation_counts emulation_counts(void);

/* The allocation after next `after` ones fails, once; negative: none does. */
void emulation_fail_allocation(int64_t after);

#ifdef __cplusplus
}
#endif
#endif
