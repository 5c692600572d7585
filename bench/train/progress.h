/* SPDX-License-Identifier: MIT
 *
 * Progress of long work on standard error: on a terminal one line that renews itself, with rate and
 * time left; otherwise a line every ten seconds.
 */
#ifndef BALACT_BENCH_TRAIN_PROGRESS_H
#define BALACT_BENCH_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "balact/status.h"

struct progress {
    bool quiet, terminal;
    char label[128];
    double began, shown;
    int64_t first; /* done when it began, after a resume */
    bool started, line_open;
};

void progress_init(struct progress *progress, bool quiet);

/* Begins a piece of work under a label. */
void progress_begin(struct progress *progress, const char *format, ...) BALACT_PRINTF(2, 3);

/* Tells that `done` of `total` samples are done; shows it if it is time to. */
void progress_update(struct progress *progress, int64_t done, int64_t total, const char *format,
                     ...) BALACT_PRINTF(4, 5);

/* Ends the piece with a last line. */
void progress_end(struct progress *progress, const char *format, ...) BALACT_PRINTF(2, 3);

#endif
