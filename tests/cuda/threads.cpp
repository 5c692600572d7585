/* SPDX-License-Identifier: MIT
 *
 * Threads of a grid: each runs until it must wait, then the next one does. Whoever waits for
 * somebody that does not come is found, because then nobody can go on.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

namespace emulation {

machine m;
thread *current;
emulation_order order = EMULATION_ASCENDING;
uint64_t random_state = 1;
bool races = true;
struct emulation_counts counts;

/* ---- Messages ---- */

static void print_place() {
    const thread *t = current;
    fprintf(stderr, "\n  in launch(%.120s) at %s:%d\n", m.grid->call, m.grid->file, m.grid->line);
    fprintf(stderr, "  block (%u, %u, %u) of (%u, %u, %u), thread (%u, %u, %u) of (%u, %u, %u)\n",
            t->block_index.x, t->block_index.y, t->block_index.z, t->grid_size.x, t->grid_size.y,
            t->grid_size.z, t->thread_index.x, t->thread_index.y, t->thread_index.z,
            t->block_size.x, t->block_size.y, t->block_size.z);
}

void crime(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "emulated CUDA: ");
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    if (current)
        print_place();
    else
        fprintf(stderr, ", not in a kernel\n");
    fflush(stderr);
    signal(SIGABRT, SIG_DFL);
    abort();
}

/* A closed page was touched: say which. */
static void on_fault(int number, siginfo_t *info, void *) {
    if (current || is_device(info->si_addr)) {
        if (is_device(info->si_addr))
            crime("touches device memory by other means than device.cuh: %s",
                  describe(info->si_addr));
        if (current) {
            uintptr_t at = (uintptr_t)info->si_addr, low = (uintptr_t)current->stack.low;
            size_t beyond = at - (uintptr_t)current->home->shared;
            if (low - at < 16384)
                crime("the emulated thread's stack is full");
            if (beyond + 8192 < SHARED_MOST + 16384)
                crime("touches shared memory out of bounds: byte %lld of %zu",
                      (long long)(ptrdiff_t)beyond, m.grid->shared_bytes);
            crime("touches %p, which is neither device nor shared memory", info->si_addr);
        }
    }
    signal(number, SIG_DFL); /* it comes again, as it would without us */
}

static void watch_faults() {
    static bool done;
    static char stack[65536];
    if (done)
        return;
    done = true;
    stack_t other = {};
    other.ss_sp = stack;
    other.ss_size = sizeof stack;
    sigaltstack(&other, NULL);
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

__attribute__((constructor)) static void watch_from_the_start() {
    watch_faults();
}

/* ---- Whose turn it is ---- */

static uint64_t chance() {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* One of the bits that are set. */
static unsigned choose(uint32_t set) {
    if (order == EMULATION_ASCENDING)
        return (unsigned)__builtin_ctz(set);
    if (order == EMULATION_DESCENDING)
        return 31u - (unsigned)__builtin_clz(set);
    unsigned turn = chance() >> 20 & 31;
    uint32_t turned = set >> turn | set << ((32 - turn) & 31);
    return ((unsigned)__builtin_ctz(turned) + turn) & 31;
}

static thread *next_of(block *b) {
    if (!b->runnable_warps)
        return NULL;
    unsigned w = choose(b->runnable_warps);
    return &b->threads[w * LANES + choose(b->warps[w].runnable)];
}

static void set_runnable(thread *t, bool runnable) {
    block *b = t->home;
    warp *w = &b->warps[t->warp];
    w->runnable = runnable ? w->runnable | 1u << t->lane : w->runnable & ~(1u << t->lane);
    b->runnable_warps =
        w->runnable ? b->runnable_warps | 1u << t->warp : b->runnable_warps & ~(1u << t->warp);
}

static bool same_site(const site &a, const site &b) {
    return a.line == b.line && !strcmp(a.what, b.what) && !strcmp(a.file, b.file);
}

/* Nobody can go on: tell where they wait. */
[[noreturn]] static void stuck() {
    char text[800];
    size_t used = 0;
    text[0] = '\0';
    for (unsigned rank = 0; rank < m.blocks && used < 600; rank++) {
        block *b = &m.cluster[rank];
        for (unsigned i = 0; i < b->count && used < 600; i++) {
            const thread *t = &b->threads[i];
            unsigned alike = 0;
            bool first = t->state != LEFT;
            for (unsigned k = 0; k < b->count && first; k++) {
                const thread *other = &b->threads[k];
                bool same = other->state != LEFT && same_site(other->at, t->at);
                first = !(same && k < i);
                alike += same;
            }
            if (first)
                used += (size_t)snprintf(text + used, sizeof text - used,
                                         "\n  %u threads of block %u, thread %u first, at %s "
                                         "(%.100s:%d)",
                                         alike, rank, i, t->at.what, t->at.file, t->at.line);
        }
    }
    crime("divergent: threads wait for each other%s", text);
}

/* The thread that runs next: of the same warp, else of the same block, else of the cluster. */
static thread *next_thread() {
    block *home = current->home;
    warp *w = &home->warps[current->warp];
    if (w->runnable)
        return &home->threads[current->warp * LANES + choose(w->runnable)];
    thread *next = next_of(home);
    for (unsigned i = 1; i < m.blocks && !next; i++) {
        unsigned step = order == EMULATION_DESCENDING ? m.blocks - i : i;
        next = next_of(&m.cluster[(home->rank + step) % m.blocks]);
    }
    return next;
}

static void wait(state why) {
    thread *mine = current;
    mine->state = why;
    set_runnable(mine, false);
    thread *next = next_thread();
    if (!next)
        stuck();
    current = next;
    emulated_cuda::here = next;
    fiber_switch(&mine->stack, &next->stack);
}

static void wake(thread *t) {
    t->state = RUNNABLE;
    set_runnable(t, true);
}

/* ---- Barriers ---- */

static void check_together(const thread *t, const site &at, const char *whose) {
    if (!same_site(t->at, at))
        crime("divergent: the threads of a %s meet at %s (%s:%d), but thread %u of block %u at %s "
              "(%s:%d)",
              whose, at.what, at.file, at.line, t->number, t->home->rank, t->at.what, t->at.file,
              t->at.line);
}

static void wake_block(block *b, const site &at, state from, const char *whose) {
    for (unsigned i = 0; i < b->count; i++) {
        thread *t = &b->threads[i];
        if (t == current || t->state != from)
            continue;
        check_together(t, at, whose);
        wake(t);
    }
    b->stamp = ++m.now;
}

static void block_barrier(site at) {
    block *b = current->home;
    current->at = at;
    if (b->alive < b->count)
        crime("divergent: waits at %s (%s:%d), but %u of the block's %u threads have left the "
              "kernel",
              at.what, at.file, at.line, b->count - b->alive, b->count);
    if (++b->arrived < b->alive) {
        wait(AT_BLOCK);
        return;
    }
    b->arrived = 0;
    wake_block(b, at, AT_BLOCK, "block");
}

void cluster_barrier(site at) {
    unsigned count = 0;
    current->at = at;
    for (unsigned i = 0; i < m.blocks; i++)
        count += m.cluster[i].count;
    if (m.alive < count)
        crime("divergent: waits at %s (%s:%d), but %u threads of the cluster have left the kernel",
              at.what, at.file, at.line, count - m.alive);
    if (++m.arrived < m.alive) {
        wait(AT_CLUSTER);
        return;
    }
    m.arrived = 0;
    m.cluster_synced = ++m.now;
    for (unsigned i = 0; i < m.blocks; i++) {
        wake_block(&m.cluster[i], at, AT_CLUSTER, "cluster");
        m.cluster[i].synced = true;
    }
}

unsigned cluster_rank() {
    return current->home->rank;
}

unsigned cluster_size() {
    return m.blocks;
}

/* ---- Warps ---- */

static void finish_collective(warp *w, thread *lanes, const site &at) {
    uint64_t ballot = 0;
    for (uint32_t left = w->mask; left; left &= left - 1) {
        unsigned l = (unsigned)__builtin_ctz(left);
        ballot |= (uint64_t)(lanes[l].given & 1) << l;
    }
    for (uint32_t left = w->mask; left; left &= left - 1) {
        unsigned l = (unsigned)__builtin_ctz(left);
        thread *t = &lanes[l];
        if (w->kind == emulated_cuda::SHUFFLE && !(w->mask >> t->from & 1))
            crime("%s (%s:%d) of lane %u reads lane %d, which takes no part", at.what, at.file,
                  at.line, l, t->from);
        t->got = w->kind == emulated_cuda::SHUFFLE ? lanes[t->from].given : ballot;
        if (t != current)
            wake(t);
    }
    if (w->kind == emulated_cuda::SYNC)
        w->epoch++;
    w->waiting = 0;
}

static void check_arrival(const warp *w, const thread *lanes, unsigned mask, const site &at) {
    if (!(mask >> current->lane & 1))
        crime("%s (%s:%d): the mask %08x lacks lane %u, which calls it", at.what, at.file, at.line,
              mask, current->lane);
    if (mask & ~w->alive)
        crime("divergent: %s (%s:%d) waits for lanes %08x, which are not there or have left the "
              "kernel",
              at.what, at.file, at.line, mask & ~w->alive);
    if (!w->waiting)
        return;
    check_together(&lanes[__builtin_ctz(w->waiting)], at, "warp");
    if (w->mask != mask)
        crime("divergent: %s (%s:%d) with masks %08x and %08x", at.what, at.file, at.line, w->mask,
              mask);
}

/* ---- A thread's begin and end ---- */

static void check_leaving(const thread *t, const block *b, const warp *w) {
    if (b->arrived || m.arrived) {
        const thread *waiting = t;
        for (unsigned i = 0; i < b->count; i++)
            if (b->threads[i].state == AT_BLOCK || b->threads[i].state == AT_CLUSTER)
                waiting = &b->threads[i];
        crime("divergent: leaves the kernel while others wait at %s (%s:%d)", waiting->at.what,
              waiting->at.file, waiting->at.line);
    }
    if (w->waiting && (w->mask >> t->lane & 1)) {
        const site &at = b->threads[t->warp * LANES + (unsigned)__builtin_ctz(w->waiting)].at;
        crime("divergent: leaves the kernel while other lanes wait at %s (%s:%d)", at.what, at.file,
              at.line);
    }
    if (b->alive == 1 && m.blocks > 1 && b->read_from && b->read_from == m.cluster_synced)
        crime("block %u leaves the kernel, its shared memory having been read by another block "
              "with no cluster_sync behind",
              b->rank);
}

[[noreturn]] static void thread_main() {
    m.one_thread(m.argument);
    thread *mine = current;
    block *b = mine->home;
    warp *w = &b->warps[mine->warp];
    check_leaving(mine, b, w);
    mine->state = LEFT;
    set_runnable(mine, false);
    copies_drop(mine);
    w->alive &= ~(1u << mine->lane);
    b->alive--;
    fiber *to = &m.caller;
    if (--m.alive) {
        thread *next = next_thread();
        if (!next)
            stuck();
        current = next;
        emulated_cuda::here = next;
        to = &next->stack;
    }
    fiber_leave(&mine->stack, to);
}

static void open_thread(block *b, unsigned number, unsigned stack, dim3 place) {
    thread *t = &b->threads[number];
    const struct grid *g = m.grid;
    unsigned x = g->threads.x, y = g->threads.y;
    t->thread_index = {number % x, number / x % y, number / (x * y)};
    t->block_index = {place.x, place.y, place.z};
    t->block_size = g->threads;
    t->grid_size = g->blocks;
    t->home = b;
    t->number = number;
    t->warp = number / LANES;
    t->lane = number % LANES;
    t->at = {"its begin", g->file, g->line};
    fiber_start(&t->stack, stack, thread_main);
    wake(t);
}

static void open_block(unsigned rank, dim3 place) {
    block *b = &m.cluster[rank];
    const struct grid *g = m.grid;
    if (!b->threads)
        b->threads = (thread *)calloc(MOST_THREADS, sizeof *b->threads);
    b->rank = rank;
    b->count = b->alive = g->threads.x * g->threads.y * g->threads.z;
    b->arrived = 0;
    b->runnable_warps = 0;
    b->read_from = 0;
    b->synced = false;
    b->stamp = ++m.now;
    b->shared = shared_open(rank, g->shared_bytes);
    for (unsigned w = 0; w * LANES < b->count; w++) {
        unsigned lanes = b->count - w * LANES;
        b->warps[w] = {};
        b->warps[w].all = b->warps[w].alive = lanes >= LANES ? ~0u : (1u << lanes) - 1;
    }
    for (unsigned i = 0; i < b->count; i++)
        open_thread(b, i, rank * MOST_THREADS + i, place);
    m.alive += b->count;
    counts.blocks++;
    counts.threads += b->count;
}

static void run_cluster(uint64_t number) {
    const struct grid *g = m.grid;
    unsigned across = g->blocks.x / g->cluster;
    m.blocks = g->cluster;
    m.alive = m.arrived = 0;
    m.cluster_stamp = m.cluster_synced = ++m.now;
    for (unsigned rank = 0; rank < g->cluster; rank++)
        open_block(rank, dim3((unsigned)(number % across) * g->cluster + rank,
                              (unsigned)(number / across % g->blocks.y),
                              (unsigned)(number / across / g->blocks.y)));
    current = next_of(&m.cluster[order == EMULATION_DESCENDING ? g->cluster - 1 : 0]);
    emulated_cuda::here = current;
    fiber_switch(&m.caller, &current->stack);
    for (unsigned rank = 0; rank < g->cluster; rank++)
        shared_close(rank);
}

/* ---- Grids ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    return b ? common_divisor(b, a % b) : a;
}

void run_grid(const grid &grid, void (*one_thread)(const void *), const void *argument) {
    uint64_t clusters = (uint64_t)grid.blocks.x / grid.cluster * grid.blocks.y * grid.blocks.z;
    uint64_t step = 1, first = 0;
    if (order == EMULATION_DESCENDING)
        step = clusters - 1, first = clusters - 1;
    if (order == EMULATION_RANDOM) {
        first = chance() % clusters;
        do
            step = 1 + chance() % clusters;
        while (common_divisor(step, clusters) != 1);
    }
    m.grid = &grid;
    m.one_thread = one_thread;
    m.argument = argument;
    m.launch_stamp = ++m.now;
    for (uint64_t i = 0; i < clusters; i++)
        run_cluster((first + i * step) % clusters);
    current = NULL;
    emulated_cuda::here = NULL;
    counts.launches++;
    if (m.now > 0xf0000000u)
        crime("more barriers in one program than the emulation counts");
}

} // namespace emulation

namespace emulated_cuda {

const place *here;

int lane() {
    return (int)emulation::current->lane;
}

void block_barrier(site at) {
    emulation::block_barrier(at);
}

uint64_t warp_collective(collective kind, unsigned mask, uint64_t value, int from, site at) {
    using namespace emulation;
    thread *t = current;
    warp *w = &t->home->warps[t->warp];
    thread *lanes = &t->home->threads[t->warp * LANES];
    check_arrival(w, lanes, mask, at);
    t->at = at;
    t->given = value;
    t->from = from;
    w->kind = kind;
    w->mask = mask;
    w->waiting |= 1u << t->lane;
    if (w->waiting == mask)
        finish_collective(w, lanes, at);
    else
        emulation::wait(AT_WARP);
    return t->got;
}

} // namespace emulated_cuda

extern "C" {
void emulation_set_order(enum emulation_order order, uint64_t seed) {
    emulation::order = order;
    emulation::random_state = seed * 0x9e3779b97f4a7c15u | 1;
}
void emulation_set_races(bool wanted) {
    emulation::races = wanted;
}
struct emulation_counts emulation_counts(void) {
    return emulation::counts;
}
}
