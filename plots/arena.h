/* SPDX-License-Identifier: MIT
 *
 * Memory of one report: everything made from the results lives until the report is done, so it is
 * taken from one arena and released at once. Running out of memory ends the program with a message.
 */
#ifndef BALACT_PLOTS_ARENA_H
#define BALACT_PLOTS_ARENA_H

#include <stddef.h>

#include "balact/status.h"

struct arena {
    struct arena_block *blocks;
};

/* Zeroed memory for count objects of size bytes, aligned for any type. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of text. */
char *arena_copy(struct arena *arena, const char *text);

/* sprintf into the arena. */
char *arena_format(struct arena *arena, const char *format, ...) BALACT_PRINTF(2, 3);

/* Frees all of it. The arena is then empty and can be used again. */
void arena_release(struct arena *arena);

#endif
