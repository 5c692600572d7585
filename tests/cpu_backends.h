/* SPDX-License-Identifier: MIT
 *
 * The CPU backends that can run here, and the distance of their results from the truth.
 */
#ifndef BALACT_TESTS_CPU_BACKENDS_H
#define BALACT_TESTS_CPU_BACKENDS_H

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "balact/backend.h"
#include "tests/harness.h"

enum { MAX_BACKENDS = 2 };

static const struct balact_backend *cpu_backends[MAX_BACKENDS];
static size_t cpu_count;

static inline void find_backends(void) {
    static const char *const names[] = {"avx2", "avx512"};
    cpu_count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct balact_backend *backend = balact_backend_find(names[i]);
        char why[128] = "not in this build";
        if (backend && backend->usable(why, sizeof why))
            cpu_backends[cpu_count++] = backend;
        else
            printf("backend %s is left out: %s\n", names[i], why);
    }
}

#define FOR_BACKENDS(b)                                                                            \
    find_backends();                                                                               \
    if (cpu_count == 0)                                                                            \
        TEST_SKIP("no CPU backend but the reference");                                             \
    for (size_t b = 0; b < cpu_count; b++)

/* Distance from a value in double to what fp32 made of it, in units of fp32's last place there. */
static inline double ulps(double exact, float value) {
    if (isnan(exact) || isnan(value))
        return isnan(exact) && isnan(value) ? 0.0 : INFINITY;
    if (isinf(exact) || isinf(value))
        return exact == value ? 0.0 : INFINITY;
    int exponent = -126;
    if (fabs(exact) >= FLT_MIN)
        exponent = ilogb(exact);
    return fabs(exact - value) / ldexp(1.0, exponent - 23);
}

#endif
