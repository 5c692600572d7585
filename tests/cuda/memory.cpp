/* SPDX-License-Identifier: MIT
 *
 * Device memory. An address that device_alloc() gives is in a piece of the address space that stays
 * closed, so that host code and kernels that go around device.cuh fault; the bytes are elsewhere,
 * and beside every word there is a cell that says who touched it last.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "work.h"

namespace emulation {

enum { PAGE = 4096, SEVERAL_LANES = 1, SEVERAL_WARPS = 2, SEVERAL_BLOCKS = 3 };
constexpr size_t ARENA = (size_t)4 << 30;
constexpr size_t PAGES = ARENA / PAGE;
constexpr uint32_t FRESH = 0x7fb5ffa5; /* a NaN, and its lower half one of both 16-bit types */

struct allocation {
    char *from;
    size_t bytes, first_page, pages;
    bool live;
};

static struct {
    char *addresses, *bytes;
    cell *cells;
    uint32_t *owner; /* of each page: the number of an allocation + 1, live or freed */
    allocation *list;
    size_t count, room, next_page;
} arena;

static void *reserve(size_t bytes, int protection) {
    void *memory =
        mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("emulated CUDA: no room for device memory");
        abort();
    }
    return memory;
}

static void arena_open() {
    if (arena.addresses)
        return;
    arena.addresses = (char *)reserve(ARENA, PROT_NONE);
    arena.bytes = (char *)reserve(ARENA, PROT_READ | PROT_WRITE);
    arena.cells = (cell *)reserve(ARENA / 4 * sizeof(cell), PROT_READ | PROT_WRITE);
    arena.owner = (uint32_t *)reserve(PAGES * sizeof *arena.owner, PROT_READ | PROT_WRITE);
    arena.next_page = 1;
}

bool is_device(const void *address) {
    return arena.addresses && (uintptr_t)address - (uintptr_t)arena.addresses < ARENA;
}

static size_t offset_of(const void *address) {
    return (size_t)((const char *)address - arena.addresses);
}

char *backing(const void *device) {
    return arena.bytes + offset_of(device);
}

static allocation *owner_of(const void *address) {
    uint32_t number = arena.owner[offset_of(address) / PAGE];
    return number ? &arena.list[number - 1] : NULL;
}

/* ---- Allocating ---- */

/* The first of `pages` pages that no live allocation has; those that are free for the longest time
 * first, so that a freed address stays one for long. SIZE_MAX: no room. */
static size_t find_room(size_t pages) {
    size_t start = arena.next_page;
    for (int turn = 0; turn < 2; turn++, start = 1)
        while (start + pages < PAGES) {
            size_t run = 0;
            while (run < pages) {
                uint32_t number = arena.owner[start + run];
                if (number && arena.list[number - 1].live)
                    break;
                run++;
            }
            if (run == pages)
                return start;
            start += run + 1;
        }
    return SIZE_MAX;
}

void *device_alloc(size_t bytes) {
    arena_open();
    size_t pages = (bytes + PAGE - 1) / PAGE, first = bytes < ARENA ? find_room(pages) : SIZE_MAX;
    if (first == SIZE_MAX)
        return NULL;
    if (arena.count == arena.room) {
        arena.room = arena.room ? 2 * arena.room : 1024;
        arena.list = (allocation *)realloc(arena.list, arena.room * sizeof *arena.list);
        if (!arena.list)
            abort();
    }
    /* aligned as CUDA does, the end as near to the page's as that lets it be */
    size_t end = (first + pages) * PAGE, start = end - (bytes + 255) / 256 * 256;
    arena.list[arena.count++] = {arena.addresses + start, bytes, first, pages, true};
    for (size_t i = 0; i < pages; i++)
        arena.owner[first + i] = (uint32_t)arena.count;
    arena.next_page = first + pages + 1;
    for (size_t at = start; at < end; at += sizeof FRESH)
        memcpy(arena.bytes + at, &FRESH, sizeof FRESH);
    counts.allocations++;
    counts.allocated_now++;
    return arena.addresses + start;
}

/* The pages keep their owner, for messages, and lose their bytes. */
bool device_free(void *memory) {
    if (!is_device(memory))
        return false;
    allocation *one = owner_of(memory);
    if (!one || !one->live || one->from != memory)
        return false;
    one->live = false;
    size_t at = one->first_page * PAGE, bytes = one->pages * PAGE;
    madvise(arena.bytes + at, bytes, MADV_DONTNEED);
    madvise(arena.cells + at / 4, bytes / 4 * sizeof(cell), MADV_DONTNEED);
    counts.allocated_now--;
    return true;
}

/* ---- Bounds ---- */

const char *describe(const void *address) {
    static char text[256];
    if (!address)
        return "a null pointer";
    if (!is_device(address)) {
        snprintf(text, sizeof text, "%p, which is not device memory", address);
        return text;
    }
    /* the allocation at hand, or the one that ends before */
    size_t page = offset_of(address) / PAGE;
    allocation *one = owner_of(address);
    for (size_t back = 1; !one && back <= 16 && back <= page; back++)
        if (arena.owner[page - back])
            one = &arena.list[arena.owner[page - back] - 1];
    if (!one) {
        snprintf(text, sizeof text, "%p, in no allocation", address);
        return text;
    }
    long long offset = (const char *)address - one->from;
    snprintf(text, sizeof text, "byte %lld of %s allocation of %zu bytes", offset,
             one->live ? "an" : "a freed", one->bytes);
    return text;
}

static allocation *allocation_at(const void *address, size_t bytes) {
    if (!is_device(address))
        return NULL;
    allocation *one = owner_of(address);
    if (!one || !one->live || (const char *)address < one->from ||
        (size_t)((const char *)address - one->from) + bytes > one->bytes)
        return NULL;
    return one;
}

static void check_access(const void *address, size_t bytes, const char *verb) {
    if (!allocation_at(address, bytes))
        crime("%s %zu bytes out of range: %s", verb, bytes, describe(address));
    if ((uintptr_t)address % bytes)
        crime("%s %zu bytes at an unaligned address: %s", verb, bytes, describe(address));
}

void check_range(const void *device, size_t bytes, const char *what) {
    if (bytes && !allocation_at(device, bytes))
        crime("%s of %zu bytes is out of range: %s", what, bytes, describe(device));
}

void check_written(const void *device, size_t bytes, const char *what) {
    size_t at = offset_of(device);
    for (size_t i = at; i < at + bytes; i++)
        if (!(arena.cells[i / 4].ever >> i % 4 & 1))
            crime("%s reads what nobody has written: %s", what, describe(arena.addresses + i));
}

void mark_written(const void *device, size_t bytes) {
    size_t at = offset_of(device), end = at + bytes;
    for (size_t word = at / 4; word * 4 < end; word++) {
        unsigned mask = 15;
        if (word * 4 < at)
            mask &= 15u << (at - word * 4);
        if (word * 4 + 4 > end)
            mask &= 15u >> (word * 4 + 4 - end);
        arena.cells[word].ever |= (uint8_t)mask;
    }
}

void copy_device(void *to, const void *from, size_t bytes) {
    size_t a = offset_of(to), b = offset_of(from);
    memmove(arena.bytes + a, arena.bytes + b, bytes);
    for (size_t i = 0; i < bytes; i++) {
        unsigned known = arena.cells[(b + i) / 4].ever >> (b + i) % 4 & 1;
        cell *c = &arena.cells[(a + i) / 4];
        c->ever = (uint8_t)((c->ever & ~(1u << (a + i) % 4)) | known << (a + i) % 4);
    }
}

/* ---- Who touches what when ---- */

/* Whether what was done at the stamp is over for the running thread, other threads of its own block
 * and time apart. */
static bool before_this(uint32_t stamp, bool same_block) {
    if (stamp < m.launch_stamp)
        return true;
    if (stamp < m.cluster_stamp)
        return false; /* another block of this launch */
    return same_block ? stamp < current->home->stamp : stamp < m.cluster_synced;
}

static bool ordered(uint32_t stamp, uint32_t epoch, unsigned who, unsigned several, bool itself) {
    unsigned rank = who / MOST_THREADS, warp = who % MOST_THREADS / LANES;
    bool same_block = several < SEVERAL_BLOCKS && rank == current->home->rank;
    if (before_this(stamp, same_block))
        return true;
    if (!same_block || stamp < m.cluster_stamp || several >= SEVERAL_WARPS)
        return false;
    if (warp != current->warp)
        return false;
    return epoch != current->home->warps[warp].epoch || (itself && several == 0);
}

[[noreturn]] static void race(const char *what, unsigned who, unsigned several, uint32_t stamp,
                              space space, uintptr_t address) {
    char other[64];
    if (stamp < m.cluster_stamp)
        snprintf(other, sizeof other, "another block");
    else if (several)
        snprintf(other, sizeof other, "several threads");
    else if (who / MOST_THREADS != current->home->rank)
        snprintf(other, sizeof other, "block %u of the cluster, thread %u", who / MOST_THREADS,
                 who % MOST_THREADS);
    else
        snprintf(other, sizeof other, "thread %u", who % MOST_THREADS);
    if (space == SHARED)
        crime("race: %s shared memory byte %zu %s, with nothing between", what,
              (size_t)(address - (uintptr_t)current->home->shared), other);
    crime("race: %s %s %s, with nothing between", what, describe((const void *)address), other);
}

/* Of one half of a word. */
static void note_reading(cell::reading *r, unsigned mask, unsigned who) {
    uint32_t epoch = current->home->warps[current->warp].epoch, stamp = current->home->stamp;
    if (r->stamp == stamp && r->reader == who && r->epoch == epoch && r->readers == 0) {
        r->mask |= (uint8_t)mask;
        return;
    }
    unsigned several = 0, merged = mask;
    if (r->mask && r->stamp >= m.launch_stamp) {
        bool same_block = r->readers < SEVERAL_BLOCKS && r->stamp >= m.cluster_stamp &&
                          r->reader / MOST_THREADS == current->home->rank;
        bool same_warp = same_block && r->readers < SEVERAL_WARPS &&
                         r->reader % MOST_THREADS / LANES == current->warp;
        if (same_block ? r->stamp == stamp : !before_this(r->stamp, false)) {
            if (!same_block)
                several = SEVERAL_BLOCKS;
            else if (!same_warp)
                several = SEVERAL_WARPS;
            else if (r->epoch == epoch)
                several = r->reader == who ? r->readers : (unsigned)SEVERAL_LANES;
            merged |= r->mask;
        }
    }
    *r = {stamp, epoch, (uint16_t)who, (uint8_t)merged, (uint8_t)several};
}

static void note_read(cell *c, unsigned mask, space space, uintptr_t address) {
    unsigned who = current->home->rank * MOST_THREADS + current->number;
    if ((c->write_mask & mask) &&
        !ordered(c->write_stamp, c->write_epoch, c->writer, 0, c->writer == who))
        race("reads what is being written:", c->writer, 0, c->write_stamp, space, address);
    for (unsigned h = 0; h < 2; h++)
        if (mask & 3u << 2 * h)
            note_reading(&c->half[h], mask & 3u << 2 * h, who);
}

static void note_write(cell *c, unsigned mask, space space, uintptr_t address) {
    unsigned who = current->home->rank * MOST_THREADS + current->number;
    if ((c->write_mask & mask) &&
        !ordered(c->write_stamp, c->write_epoch, c->writer, 0, c->writer == who))
        race("writes what is being written:", c->writer, 0, c->write_stamp, space, address);
    for (const cell::reading &r : c->half)
        if ((r.mask & mask) && !ordered(r.stamp, r.epoch, r.reader, r.readers, r.reader == who))
            race("writes what is being read:", r.reader, r.readers, r.stamp, space, address);
    uint32_t epoch = current->home->warps[current->warp].epoch, stamp = current->home->stamp;
    if (c->write_stamp == stamp && c->writer == who && c->write_epoch == epoch) {
        c->write_mask |= (uint8_t)mask;
        return;
    }
    c->write_stamp = stamp;
    c->write_epoch = epoch;
    c->writer = (uint16_t)who;
    c->write_mask = (uint8_t)mask;
}

void note_access(cell *cells, uintptr_t address, size_t bytes, bool writes, space space) {
    while (bytes) {
        size_t skip = address % 4, here = bytes < 4 - skip ? bytes : 4 - skip;
        unsigned mask = (15u >> (4 - here)) << skip;
        if (writes) {
            if (races)
                note_write(cells, mask, space, address);
            cells->ever |= (uint8_t)mask;
        } else if (races) {
            note_read(cells, mask, space, address);
        }
        cells++;
        address += here;
        bytes -= here;
    }
}

/* ---- Loads and stores of kernels ---- */

static const char *read(const void *from, size_t bytes, way way) {
    check_access(from, bytes, "reads");
    cell *cells = &arena.cells[offset_of(from) / 4];
    size_t skip = (uintptr_t)from % 4;
    for (size_t i = 0; i < bytes + skip; i += 4) {
        unsigned mask = bytes < 4 ? (15u >> (4 - bytes)) << skip : 15u;
        const cell *c = &cells[i / 4];
        if ((c->ever & mask) != mask)
            crime("reads what nobody has written: %s", describe((const char *)from + i));
        if (way == READ_ONLY && (c->write_mask & mask) && c->write_stamp >= m.launch_stamp)
            crime("reads by the read-only path what this launch has written: %s", describe(from));
    }
    note_access(cells, (uintptr_t)from, bytes, false, GLOBAL);
    return backing(from);
}

static char *write(void *to, size_t bytes) {
    check_access(to, bytes, "writes");
    note_access(&arena.cells[offset_of(to) / 4], (uintptr_t)to, bytes, true, GLOBAL);
    return backing(to);
}

uint16_t load2(const void *from, way way) {
    uint16_t value;
    memcpy(&value, read(from, sizeof value, way), sizeof value);
    return value;
}

uint32_t load4(const void *from, way way) {
    uint32_t value;
    memcpy(&value, read(from, sizeof value, way), sizeof value);
    return value;
}

uint4 load16(const void *from, way way) {
    uint4 value;
    memcpy(&value, read(from, sizeof value, way), sizeof value);
    return value;
}

void store2(void *to, uint16_t value) {
    memcpy(write(to, sizeof value), &value, sizeof value);
}

void store4(void *to, uint32_t value) {
    memcpy(write(to, sizeof value), &value, sizeof value);
}

void store16(void *to, uint4 value) {
    memcpy(write(to, sizeof value), &value, sizeof value);
}

} // namespace emulation
