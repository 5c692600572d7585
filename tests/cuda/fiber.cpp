/* SPDX-License-Identifier: MIT
 *
 * See fiber.h.
 */
#include "fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef EMULATION_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulation {

/* ---- Stacks ---- */

#ifdef EMULATION_ASAN
enum { STACK_BYTES = 256 * 1024 };
#else
enum { STACK_BYTES = 64 * 1024 };
#endif
enum { MOST_STACKS = 8 * 1024, GAP = 16 * 1024 };

/* Stack `index`, its lowest page closed, from one large piece of addresses. The strides keep the
 * tops of stacks apart in caches. */
static char *stack_of(unsigned index, size_t *bytes) {
    static char *all;
    static unsigned opened;
    size_t stride = STACK_BYTES + GAP;
    if (!all) {
        all = (char *)mmap(NULL, stride * MOST_STACKS, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED) {
            perror("emulated CUDA: no room for stacks");
            abort();
        }
    }
    for (; opened <= index; opened++)
        if (mprotect(all + opened * stride + GAP, STACK_BYTES, PROT_READ | PROT_WRITE) != 0) {
            perror("emulated CUDA: no room for a stack");
            abort();
        }
    *bytes = STACK_BYTES - (index * 5 % 64) * 64;
    return all + index * stride + GAP;
}

/* ---- Switching ---- */

#ifdef EMULATION_ASAN
/* AddressSanitizer must know which stack is in use. The program's own is told by the first switch
 * away from it. */
static fiber *left;

static void before_switch(void **fake, fiber *to) {
    __sanitizer_start_switch_fiber(fake, to->low, to->bytes);
}

static void after_switch(void *fake) {
    const void *low;
    size_t bytes;
    __sanitizer_finish_switch_fiber(fake, &low, &bytes);
    if (left && !left->low) {
        left->low = (char *)(uintptr_t)low;
        left->bytes = bytes;
    }
    left = NULL;
}
#endif

#ifdef EMULATION_FIBER_ASSEMBLY
/* Keeps what a function must keep on the stack, and the stack's pointer in *from. */
extern "C" void balact_emulation_switch(void **from, void *to)
    __attribute__((visibility("hidden")));

#ifdef __x86_64__
__asm__(".text\n"
        ".globl balact_emulation_switch\n"
        ".hidden balact_emulation_switch\n"
        ".type balact_emulation_switch,@function\n"
        "balact_emulation_switch:\n"
        "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "movq %rsp, (%rdi)\n"
        "movq %rsi, %rsp\n"
        "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n"
        "ret\n"
        ".size balact_emulation_switch,.-balact_emulation_switch\n");

static void *first_frame(char *top, void (*entry)()) {
    uintptr_t *p = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15);
    *--p = 0;                /* nobody to return to; entry() sees the alignment of a call */
    *--p = (uintptr_t)entry; /* popped by ret */
    for (int i = 0; i < 6; i++)
        *--p = 0;
    return p;
}
#else
__asm__(".text\n"
        ".globl balact_emulation_switch\n"
        ".hidden balact_emulation_switch\n"
        ".type balact_emulation_switch,%function\n"
        "balact_emulation_switch:\n"
        "sub sp, sp, #160\n"
        "stp x19, x20, [sp]\n stp x21, x22, [sp, #16]\n stp x23, x24, [sp, #32]\n"
        "stp x25, x26, [sp, #48]\n stp x27, x28, [sp, #64]\n stp x29, x30, [sp, #80]\n"
        "stp d8, d9, [sp, #96]\n stp d10, d11, [sp, #112]\n"
        "stp d12, d13, [sp, #128]\n stp d14, d15, [sp, #144]\n"
        "mov x9, sp\n str x9, [x0]\n mov sp, x1\n"
        "ldp x19, x20, [sp]\n ldp x21, x22, [sp, #16]\n ldp x23, x24, [sp, #32]\n"
        "ldp x25, x26, [sp, #48]\n ldp x27, x28, [sp, #64]\n ldp x29, x30, [sp, #80]\n"
        "ldp d8, d9, [sp, #96]\n ldp d10, d11, [sp, #112]\n"
        "ldp d12, d13, [sp, #128]\n ldp d14, d15, [sp, #144]\n"
        "add sp, sp, #160\n"
        "ret\n"
        ".size balact_emulation_switch,.-balact_emulation_switch\n");

static void *first_frame(char *top, void (*entry)()) {
    uintptr_t *p = (uintptr_t *)((uintptr_t)top & ~(uintptr_t)15) - 20;
    for (int i = 0; i < 20; i++)
        p[i] = 0;
    p[11] = (uintptr_t)entry; /* x30 */
    return p;
}
#endif

static void go(fiber *from, fiber *to) {
    balact_emulation_switch(&from->pointer, to->pointer);
}
#else
static void go(fiber *from, fiber *to) {
    swapcontext(&from->context, &to->context);
}
#endif

#ifdef EMULATION_ASAN
static void (*start_here)();

static void start() {
    after_switch(NULL);
    start_here();
}
#endif

void fiber_start(fiber *fiber, unsigned index, void (*entry)()) {
    fiber->low = stack_of(index, &fiber->bytes);
#ifdef EMULATION_ASAN
    start_here = entry;
    entry = start;
#endif
#ifdef EMULATION_FIBER_ASSEMBLY
    fiber->pointer = first_frame(fiber->low + fiber->bytes, entry);
#else
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->low;
    fiber->context.uc_stack.ss_size = fiber->bytes;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, entry, 0);
#endif
}

void fiber_switch(fiber *from, fiber *to) {
#ifdef EMULATION_ASAN
    void *fake = NULL;
    left = from;
    before_switch(&fake, to);
    go(from, to);
    after_switch(fake);
#else
    go(from, to);
#endif
}

void fiber_leave(fiber *from, fiber *to) {
#ifdef EMULATION_ASAN
    before_switch(NULL, to);
#endif
    go(from, to);
    abort();
}

} // namespace emulation
