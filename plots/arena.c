/* SPDX-License-Identifier: MIT
 *
 * See arena.h.
 */
#include "plots/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"

struct arena_block {
    struct arena_block *next;
    max_align_t bytes[];
};

void *arena_array(struct arena *arena, size_t count, size_t size) {
    struct arena_block *block = NULL;
    if (size == 0 || count <= (SIZE_MAX - sizeof *block) / size)
        block = calloc(1, sizeof *block + count * size);
    if (!block)
        die(EXIT_BAD_INPUT, "report: out of memory");
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

char *arena_copy(struct arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(arena_array(arena, size, 1), text, size);
}

char *arena_format(struct arena *arena, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        die(EXIT_BAD_INPUT, "report: cannot format a text");
    char *text = arena_array(arena, (size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void arena_release(struct arena *arena) {
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
