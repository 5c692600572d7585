/* SPDX-License-Identifier: MIT
 *
 * See stream.h.
 */
#include "optimized/cpu/stream.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* Three eighths of the last-level cache, so that logits and output together nearly fill it: below,
 * ordinary stores leave the output where its reader finds it, and on some processors are faster too;
 * above, every ordinary store first reads the line that it overwrites. A cache of more than 32 MiB is
 * one of many cores, of which no single program has all. */
static int64_t by_cache(void) {
    const int64_t most = INT64_C(32) << 20;
    int64_t cache = -1;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    return (cache > 0 && cache < most ? cache : most) / 8 * 3;
}

int64_t balact_stream_bytes(void) {
    static _Atomic int64_t known = -1;
    int64_t bytes = atomic_load_explicit(&known, memory_order_relaxed);
    if (bytes >= 0)
        return bytes;
    const char *text = getenv("BALACT_STREAM_BYTES");
    char *end = NULL;
    long long given = text && *text ? strtoll(text, &end, 10) : -1;
    bytes = given >= 0 && !*end ? given : by_cache();
    atomic_store_explicit(&known, bytes, memory_order_relaxed);
    return bytes;
}
