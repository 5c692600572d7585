/* SPDX-License-Identifier: MIT
 *
 * See place.h. Affinity is no part of POSIX, so this file alone asks for more of the C library.
 */
#define _GNU_SOURCE
#include "bench/measure/place.h"

#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef __linux__
#include <sched.h>

static cpu_set_t allowed;
static bool known;

static void learn(void) {
    if (!known)
        known = sched_getaffinity(0, sizeof allowed, &allowed) == 0;
}

void place_thread(int index) {
    learn();
    int count = known ? CPU_COUNT(&allowed) : 0;
    if (count < 1)
        return;
    index %= count;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || index-- > 0)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

void place_thread_anywhere(void) {
    learn();
    if (known)
        sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
void place_thread(int index) {
    (void)index;
}

void place_thread_anywhere(void) {}
#endif

bool let_idle_threads_go(void) {
/* gcc has it since 9, though it says it keeps to an older standard */
#if defined _OPENMP && (_OPENMP >= 201811 || (!defined __clang__ && __GNUC__ >= 9))
    omp_pause_resource_all(omp_pause_soft);
    return true;
#else
    return false;
#endif
}

void let_peer_fall_idle(void) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
