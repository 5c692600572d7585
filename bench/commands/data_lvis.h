/* SPDX-License-Identifier: MIT
 *
 * balact data lvis: what annotations of LVIS hold, what priors and samplers would make of them, and
 * whether they agree with themselves and with each other.
 */
#ifndef BALACT_BENCH_DATA_LVIS_H
#define BALACT_BENCH_DATA_LVIS_H

#include "balact/lvis.h"
#include "bench/commands/data_print.h"

int data_command_lvis(int argc, char **argv);

/* One file, loaded and counted. */
struct data_lvis {
    const char *path;
    struct balact_lvis lvis;
    struct balact_lvis_counts counts;
    double *category_factor, *image_factor; /* repeat factors */
    double threshold;                       /* of theirs */
};

/* Checks within one file, and of a second file against the first. */
void data_lvis_check(struct data_report *report, const struct data_lvis *file);
void data_lvis_check_pair(struct data_report *report, const struct data_lvis *first,
                          const struct data_lvis *second);

/* The same against sizes that were published: "v1-train", ... Dies for other names. */
void data_lvis_check_published(struct data_report *report, const struct data_lvis *file,
                               const char *name);

#endif
