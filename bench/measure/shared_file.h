/* SPDX-License-Identifier: MIT
 *
 * Memory that another process may map: how inputs and results go to peers and back.
 */
#ifndef BALACT_BENCH_MEASURE_SHARED_FILE_H
#define BALACT_BENCH_MEASURE_SHARED_FILE_H

#include <stdint.h>

#include "balact/status.h"

enum { SHARED_PAGE = 4096 };

struct shared_file {
    char path[64]; /* by which other processes may open it as long as this one lives */
    int file;
    char *memory; /* mapped */
    int64_t size;
};

/* Takes bytes at the end of the file's size, in whole pages, and returns where they begin; before
 * shared_file_make(). */
int64_t shared_file_reserve(struct shared_file *shared, int64_t bytes);

/* Makes and maps what was reserved, in folder. ERROR_MEMORY, ERROR_IO. Release in any case. */
balact_status shared_file_make(struct shared_file *shared, const char *folder,
                               struct balact_error *error);
void shared_file_release(struct shared_file *shared);

/* Where such files are best: in memory, if the system has a folder there. */
const char *shared_file_folder(void);

#endif
