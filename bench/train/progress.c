/* SPDX-License-Identifier: MIT
 *
 * See progress.h.
 */
#include "bench/train/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/program.h"

static const double TERMINAL_INTERVAL = 0.2, PIPE_INTERVAL = 10;

void progress_init(struct progress *progress, bool quiet) {
    memset(progress, 0, sizeof *progress);
    progress->quiet = quiet;
    progress->terminal = isatty(STDERR_FILENO);
}

void progress_begin(struct progress *progress, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(progress->label, sizeof progress->label, format, arguments);
    va_end(arguments);
    progress->began = progress->shown = seconds_now();
    progress->started = false;
}

void progress_update(struct progress *progress, int64_t done, int64_t total, const char *format,
                     ...) {
    double now = seconds_now();
    char text[128];
    if (!progress->started) { /* the first report after a resume is the base of the rate */
        progress->started = true;
        progress->first = done;
        progress->began = now;
    }
    if (progress->quiet ||
        now - progress->shown < (progress->terminal ? TERMINAL_INTERVAL : PIPE_INTERVAL))
        return;
    progress->shown = now;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    double rate = (double)(done - progress->first) / (now - progress->began);
    fprintf(stderr, "%s%s: %3.0f %%, %s, %.0f samples/s, %.0f s left%s",
            progress->terminal ? "\r" : "", progress->label, 100.0 * (double)done / (double)total,
            text, rate, rate > 0 ? (double)(total - done) / rate : 0,
            progress->terminal ? "\033[K" : "\n");
    progress->line_open = progress->terminal;
}

void progress_end(struct progress *progress, const char *format, ...) {
    va_list arguments;
    if (progress->quiet)
        return;
    fprintf(stderr, "%s%s: ", progress->line_open ? "\r" : "", progress->label);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", progress->line_open ? "\033[K" : "");
    progress->line_open = false;
}
