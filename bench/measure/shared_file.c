/* SPDX-License-Identifier: MIT
 *
 * See shared_file.h.
 */
#include "bench/measure/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int64_t shared_file_reserve(struct shared_file *shared, int64_t bytes) {
    int64_t at = shared->size;
    shared->size += (bytes + SHARED_PAGE - 1) / SHARED_PAGE * SHARED_PAGE;
    return at;
}

/* The file has no name that could outlive a killed run: peers open it by the descriptor that this
 * process keeps. */
balact_status shared_file_make(struct shared_file *shared, const char *folder,
                               struct balact_error *error) {
    char path[1024];
    snprintf(path, sizeof path, "%s/balact-bench-XXXXXX", folder);
    int file = shared->file = mkstemp(path);
    if (file < 0)
        return balact_fail(error, BALACT_ERROR_IO, "%s: no file for the peers: %s", folder,
                           strerror(errno));
    unlink(path);
    fcntl(file, F_SETFD, FD_CLOEXEC);
    snprintf(shared->path, sizeof shared->path, "/proc/%ld/fd/%d", (long)getpid(), file);
    int code = posix_fallocate(file, 0, shared->size);
    void *memory =
        code ? MAP_FAILED
             : mmap(NULL, (size_t)shared->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: no room for %lld bytes", folder,
                           (long long)shared->size);
    shared->memory = memory;
    return BALACT_OK;
}

void shared_file_release(struct shared_file *shared) {
    if (shared->memory)
        munmap(shared->memory, (size_t)shared->size);
    if (shared->path[0])
        close(shared->file);
    *shared = (struct shared_file){.size = 0};
}

const char *shared_file_folder(void) {
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}
