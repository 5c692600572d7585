/* SPDX-License-Identifier: MIT
 *
 * Stacks to switch between: some lines of assembly where they are known, ucontext elsewhere.
 */
#ifndef BALACT_TESTS_CUDA_FIBER_H
#define BALACT_TESTS_CUDA_FIBER_H

#include <stddef.h>

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(EMULATION_UCONTEXT)
#define EMULATION_FIBER_ASSEMBLY 1
#else
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define EMULATION_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMULATION_ASAN 1
#endif
#endif

namespace emulation {

struct fiber {
#ifdef EMULATION_FIBER_ASSEMBLY
    void *pointer; /* of its stack, while it does not run */
#else
    ucontext_t context;
#endif
    char *low; /* the stack; NULL for that of the program */
    size_t bytes;
};

/* Gives the fiber stack number `index` of a set that grows, and has it start in entry(), which
 * never returns. */
void fiber_start(fiber *fiber, unsigned index, void (*entry)());

/* Goes from one to the other; returns when somebody goes back. */
void fiber_switch(fiber *from, fiber *to);
/* The same for good. */
[[noreturn]] void fiber_leave(fiber *from, fiber *to);

} // namespace emulation

#endif
