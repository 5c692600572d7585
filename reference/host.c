/* SPDX-License-Identifier: MIT
 *
 * Plain memory and the monotonic clock, shared by all CPU backends.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reference/reference.h"

balact_status balact_host_alloc(size_t bytes, void **memory) {
    size_t rounded = (bytes + 63) / 64 * 64;
    *memory = rounded < bytes ? NULL : aligned_alloc(64, rounded ? rounded : 64);
    return *memory ? BALACT_OK : BALACT_ERROR_MEMORY;
}

void balact_host_release(void *memory) {
    free(memory);
}

balact_status balact_host_copy(void *to, const void *from, size_t bytes) {
    if (bytes)
        memcpy(to, from, bytes);
    return BALACT_OK;
}

balact_status balact_host_synchronize(void) {
    return BALACT_OK;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void balact_host_timer_start(struct balact_timer *timer) {
    timer->start = now();
}

double balact_host_timer_stop(struct balact_timer *timer) {
    return now() - timer->start;
}
