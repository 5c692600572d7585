/* SPDX-License-Identifier: MIT
 *
 * See stream.h.
 */
#include "optimized/cpu/stream.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t cache_size(int name) {
    long size = sysconf(name);
    return size > 0 ? size : 0;
}

/* Below, ordinary stores leave the output where its reader finds it, and on some processors are
 * faster too; above, every ordinary store first reads the line that it overwrites.
 *
 * Three eighths of the last-level cache, so that logits and output together nearly fill it. A cache
 * of more than 64 MiB belongs to many cores: no single program has all of it, and its far parts are
 * hardly nearer than memory (docs/METHOD.md, "Stores"); there it is twice the core's own cache. */
static int64_t by_cache(void) {
    const int64_t usual = INT64_C(12) << 20, shared = INT64_C(64) << 20;
#ifdef _SC_LEVEL3_CACHE_SIZE
    int64_t own = cache_size(_SC_LEVEL2_CACHE_SIZE), last = cache_size(_SC_LEVEL3_CACHE_SIZE);
    if (last > shared && own > 0)
        return 2 * own;
    if (last > 0 && last <= shared)
        return last / 8 * 3;
#else
    (void)shared;
#endif
    return usual;
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
