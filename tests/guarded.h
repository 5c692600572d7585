/* SPDX-License-Identifier: MIT
 *
 * Memory for tests: plain, and between pages that may not be touched.
 */
#ifndef BALACT_TESTS_GUARDED_H
#define BALACT_TESTS_GUARDED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/harness.h"

static inline void *plain(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

/* `bytes` between two pages that may not be touched, against the first or the second of them. */
static inline void *guarded(size_t bytes, bool at_first) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    char *base =
        mmap(NULL, inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_int_eq(mprotect(base, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(base + page + inner, page, PROT_NONE), 0);
    return at_first ? base + page : base + page + inner - bytes;
}

static inline void unguard(void *memory, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (bytes + page - 1) / page * page;
    char *start = (char *)((uintptr_t)memory / page * page);
    ck_assert_int_eq(munmap(start - page, inner + 2 * page), 0);
}

#endif
