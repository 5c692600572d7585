/* SPDX-License-Identifier: MIT
 *
 * Compiled with -fsanitize=thread, but not linked with its library, a kernel calls one of these
 * functions before each of its own loads and stores. So shared memory is checked for bounds, use
 * before a write, and races, and device memory that is not read or written by device.cuh is found.
 * Host code of the same files is heard too and left alone.
 */
#include <string.h>

#include "machine.h"

using emulation::current;

static inline void heard(const volatile void *address, size_t bytes, bool writes, bool aligned) {
    if (!current || (uintptr_t)address - (uintptr_t)current->stack.low < current->stack.bytes)
        return;
    emulation::shared_access((uintptr_t)address, bytes, writes, aligned);
}

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void **, void *) {}
void __tsan_vptr_read(void **) {}

#define HOOKS(bytes)                                                                               \
    void __tsan_read##bytes(void *address) {                                                       \
        heard(address, bytes, false, true);                                                        \
    }                                                                                              \
    void __tsan_write##bytes(void *address) {                                                      \
        heard(address, bytes, true, true);                                                         \
    }                                                                                              \
    void __tsan_unaligned_read##bytes(void *address) {                                             \
        heard(address, bytes, false, false);                                                       \
    }                                                                                              \
    void __tsan_unaligned_write##bytes(void *address) {                                            \
        heard(address, bytes, true, false);                                                        \
    }                                                                                              \
    void __tsan_read_write##bytes(void *address) {                                                 \
        heard(address, bytes, false, true);                                                        \
        heard(address, bytes, true, true);                                                         \
    }                                                                                              \
    void __tsan_unaligned_read_write##bytes(void *address) {                                       \
        heard(address, bytes, false, false);                                                       \
        heard(address, bytes, true, false);                                                        \
    }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(void *address, size_t bytes) {
    if (bytes)
        heard(address, bytes, false, false);
}
void __tsan_write_range(void *address, size_t bytes) {
    if (bytes)
        heard(address, bytes, true, false);
}

/* clang's, for the functions of that name. */
void *__tsan_memcpy(void *to, const void *from, size_t bytes) {
    __tsan_read_range((void *)(uintptr_t)from, bytes);
    __tsan_write_range(to, bytes);
    return memcpy(to, from, bytes);
}
void *__tsan_memmove(void *to, const void *from, size_t bytes) {
    __tsan_read_range((void *)(uintptr_t)from, bytes);
    __tsan_write_range(to, bytes);
    return memmove(to, from, bytes);
}
void *__tsan_memset(void *to, int value, size_t bytes) {
    __tsan_write_range(to, bytes);
    return memset(to, value, bytes);
}

/* Host code alone has these: what guards a static variable. */
unsigned char __tsan_atomic8_load(const volatile unsigned char *from, int) {
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}
void __tsan_atomic8_store(volatile unsigned char *to, unsigned char value, int) {
    __atomic_store_n(to, value, __ATOMIC_SEQ_CST);
}
int __tsan_atomic32_load(const volatile int *from, int) {
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}
void __tsan_atomic32_store(volatile int *to, int value, int) {
    __atomic_store_n(to, value, __ATOMIC_SEQ_CST);
}
long __tsan_atomic64_load(const volatile long *from, int) {
    return __atomic_load_n(from, __ATOMIC_SEQ_CST);
}
void __tsan_atomic64_store(volatile long *to, long value, int) {
    __atomic_store_n(to, value, __ATOMIC_SEQ_CST);
}
}
