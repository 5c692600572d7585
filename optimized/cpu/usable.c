/* SPDX-License-Identifier: MIT
 *
 * Asks libgcc, which looks at the processor and at what the system saves of its registers.
 */
#include "optimized/cpu/usable.h"

#include <stdio.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <stdatomic.h>

/* Half-precision conversion, which not every compiler knows by name. Whether the system saves the
 * registers is told by avx2 already. Asked once: every call of a kernel comes by here, and where a
 * hypervisor answers for the processor the question takes longer than many a kernel. */
static bool has_f16c(void) {
    static _Atomic int known = -1;
    int has = atomic_load_explicit(&known, memory_order_relaxed);
    if (has < 0) {
        unsigned a, b, c = 0, d;
        has = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
        atomic_store_explicit(&known, has, memory_order_relaxed);
    }
    return has;
}

/* Notes the first missing feature. */
#define NEED(feature)                                                                              \
    do {                                                                                           \
        if (!__builtin_cpu_supports(feature)) {                                                    \
            if (size)                                                                              \
                snprintf(why, size, "this processor or system has no " feature);                   \
            return false;                                                                          \
        }                                                                                          \
    } while (0)
#define NEED_F16C()                                                                                \
    do {                                                                                           \
        if (!has_f16c()) {                                                                         \
            if (size)                                                                              \
                snprintf(why, size, "this processor has no f16c");                                 \
            return false;                                                                          \
        }                                                                                          \
    } while (0)
#else
#define NEED_F16C() (void)0
#define NEED(feature)                                                                              \
    do {                                                                                           \
        if (size)                                                                                  \
            snprintf(why, size, "this processor is not an x86");                                   \
        return false;                                                                              \
    } while (0)
#endif

bool balact_avx2_usable(char *why, size_t size) {
    (void)why;
    NEED("avx2");
    NEED("fma");
    NEED_F16C();
    return true;
}

bool balact_avx512_usable(char *why, size_t size) {
    (void)why;
    NEED("avx2");
    NEED("fma");
    NEED_F16C();
    NEED("avx512f");
    NEED("avx512bw");
    NEED("avx512dq");
    NEED("avx512vl");
    return true;
}
