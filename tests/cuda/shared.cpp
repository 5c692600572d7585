/* SPDX-License-Identifier: MIT
 *
 * Shared memory: a piece for each block of a cluster whose end lies before a page that nobody may
 * touch, and the copies to it that arrive when they are waited for.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "machine.h"

#ifdef EMULATION_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace emulation {

enum { PAGE = 4096, ALIGNMENT = 128, MARGIN = 256, SLACK = 0x5c };
constexpr uint32_t FRESH = 0x7fb5ffa5;
/* A closed page, slack, the memory, slack to the next multiple of 128, a closed page. */
constexpr size_t PIECE = 2 * PAGE + (SHARED_MOST + MARGIN + PAGE - 1) / PAGE * PAGE;

static char *pieces;
static cell *cells;
static struct {
    char *from;
    size_t bytes;
} in_use[MOST_CLUSTER];
static bool announced; /* whether hooks.cpp hears of kernels' loads and stores */

static void pieces_open() {
    if (pieces)
        return;
    size_t words = MOST_CLUSTER * (PIECE / 4);
    pieces = (char *)mmap(NULL, MOST_CLUSTER * PIECE, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cells = (cell *)mmap(NULL, words * sizeof *cells, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pieces == MAP_FAILED || cells == MAP_FAILED) {
        perror("emulated CUDA: no room for shared memory");
        abort();
    }
    for (unsigned i = 0; i < MOST_CLUSTER; i++)
        mprotect(pieces + i * PIECE + PAGE, PIECE - 2 * PAGE, PROT_READ | PROT_WRITE);
}

static cell *cells_of(const char *address) {
    return &cells[(size_t)(address - pieces) / 4];
}

static size_t slack_behind(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - bytes;
}

char *shared_open(unsigned rank, size_t bytes) {
    pieces_open();
    size_t behind = slack_behind(bytes);
    char *end = pieces + (rank + 1) * PIECE - PAGE, *from = end - bytes - behind;
    in_use[rank].from = from;
    in_use[rank].bytes = bytes;
#ifdef EMULATION_ASAN
    __asan_poison_memory_region(pieces + rank * PIECE + PAGE, PIECE - 2 * PAGE);
    __asan_unpoison_memory_region(from, bytes);
#else
    memset(from - ALIGNMENT, SLACK, ALIGNMENT);
    memset(from + bytes, SLACK, behind);
#endif
    for (size_t i = 0; i + sizeof FRESH <= bytes; i += sizeof FRESH)
        memcpy(from + i, &FRESH, sizeof FRESH);
    if (announced || bytes <= 1024)
        memset(cells_of(from), 0, (bytes + 3) / 4 * sizeof *cells);
    return from;
}

void shared_close(unsigned rank) {
#ifndef EMULATION_ASAN
    const char *from = in_use[rank].from;
    size_t bytes = in_use[rank].bytes, behind = slack_behind(bytes);
    for (size_t i = 0; i < ALIGNMENT; i++)
        if (from[(ptrdiff_t)i - ALIGNMENT] != SLACK)
            crime("shared memory was written out of bounds: %zu bytes before its begin",
                  (size_t)ALIGNMENT - i);
    for (size_t i = 0; i < behind; i++)
        if (from[bytes + i] != SLACK)
            crime("shared memory was written out of bounds: byte %zu of %zu", bytes + i, bytes);
#else
    (void)rank;
#endif
}

char *shared_memory() {
    return current->home->shared;
}

/* ---- Copies from global memory ---- */

static void check_own(const void *address, size_t bytes, const char *what) {
    size_t at = (size_t)((const char *)address - current->home->shared);
    size_t size = m.grid->shared_bytes;
    if (at > size || size - at < bytes)
        crime("%s: byte %lld is not in the block's %zu bytes of shared memory", what,
              (long long)(ptrdiff_t)at, size);
    if ((uintptr_t)address % bytes)
        crime("%s: byte %zu of shared memory is unaligned", what, at);
}

void copy16_async(void *shared, const void *global) {
    thread *t = current;
    check_own(shared, 16, "copy16_async");
    uint4 now = load16(global, PLAIN); /* checks */
    cell *words = cells_of((char *)shared);
    if (announced)
        note_access(words, (uintptr_t)shared, 16, true, SHARED);
    if (major_version < 8) {
        memcpy(shared, &now, sizeof now);
        return;
    }
    for (int i = 0; i < 4; i++) {
        memcpy((char *)shared + 4 * i, &FRESH, sizeof FRESH);
        words[i].ever = IN_FLIGHT;
    }
    if (t->copies == t->room) {
        t->room = t->room ? 2 * t->room : 16;
        t->copying = (copy *)realloc(t->copying, t->room * sizeof *t->copying);
    }
    t->copying[t->copies++] = {shared, global, t->group};
}

void copy_commit() {
    current->group++;
}

/* Groups number 0, 1, ... group - 1 are closed; all but the last `pending` arrive. */
void copy_wait(int pending) {
    thread *t = current;
    unsigned kept = 0;
    for (unsigned i = 0; i < t->copies; i++) {
        const copy *c = &t->copying[i];
        if (c->group + (unsigned)pending >= t->group) {
            t->copying[kept++] = *c;
            continue;
        }
        cell *words = cells_of((char *)c->to);
        memcpy(c->to, backing(c->from), 16);
        for (int k = 0; k < 4; k++)
            words[k].ever = 15;
        if (announced)
            note_access(words, (uintptr_t)c->to, 16, true, SHARED);
    }
    t->copies = kept;
}

void copies_drop(thread *thread) {
    thread->copies = 0;
    thread->group = 0;
}

/* ---- What others do with it ---- */

float cluster_read(const float *here, unsigned rank) {
    block *mine = current->home;
    check_own(here, sizeof *here, "cluster_read");
    if (rank >= m.blocks)
        crime("cluster_read of block %u in a cluster of %u", rank, m.blocks);
    block *other = &m.cluster[rank];
    if (!mine->synced && other != mine)
        crime("cluster_read of block %u before cluster_sync: it may not have begun", rank);
    if (other->alive == 0)
        crime("cluster_read of block %u, which has left the kernel", rank);
    const char *there = other->shared + ((const char *)here - mine->shared);
    cell *word = cells_of(there);
    if (announced && word->ever != 15)
        crime("cluster_read of shared memory that nobody has written: byte %zu of block %u",
              (size_t)(there - other->shared), rank);
    if (announced)
        note_access(word, (uintptr_t)there, sizeof(float), false, SHARED);
    other->read_from = m.cluster_synced;
    float value;
    memcpy(&value, there, sizeof value);
    return value;
}

void shared_access(uintptr_t address, size_t bytes, bool writes, bool aligned) {
    announced = true;
    if (address - (uintptr_t)pieces >= MOST_CLUSTER * PIECE) {
        if (is_device((void *)address))
            crime("%s device memory by other means than device.cuh: %s",
                  writes ? "writes" : "reads", describe((void *)address));
        return;
    }
    size_t at = (size_t)(address - (uintptr_t)current->home->shared), size = m.grid->shared_bytes;
    if (at > size || size - at < bytes)
        crime("%s %zu bytes of shared memory out of bounds: byte %lld of %zu",
              writes ? "writes" : "reads", bytes, (long long)(ptrdiff_t)at, size);
    if (aligned && address % bytes)
        crime("%s %zu bytes of shared memory at an unaligned place: byte %zu",
              writes ? "writes" : "reads", bytes, at);
    cell *words = cells_of((char *)address);
    size_t skip = address % 4;
    for (size_t i = 0; i < skip + bytes; i += 4) {
        unsigned mask = bytes < 4 && skip + bytes <= 4 ? (15u >> (4 - bytes)) << skip : 15u;
        unsigned ever = words[i / 4].ever;
        if (ever & IN_FLIGHT)
            crime("%s shared memory to which a copy is under way: byte %zu",
                  writes ? "writes" : "reads", at + i);
        if (!writes && (ever & mask) != mask)
            crime("reads shared memory that nobody has written: byte %zu", at + i);
    }
    note_access(words, address, bytes, writes, SHARED);
}

} // namespace emulation

extern "C" bool emulation_sees_shared_memory(void) {
    return emulation::announced;
}
