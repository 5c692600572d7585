/* SPDX-License-Identifier: MIT
 *
 * run.json: what ran where on what (docs/FORMATS.md, section 1).
 */
#ifndef BALACT_BENCH_RUN_JSON_H
#define BALACT_BENCH_RUN_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "balact/dataset.h"

/* One entry of "configuration". Values that read as numbers, and "yes" and "no", become JSON
 * numbers and booleans. */
struct run_setting {
    const char *key;
    char value[2048];
};

struct run_record {
    int argc; /* of the command: argv[0] is the command's name */
    char *const *argv;
    const char *backend;
    int threads;
    const uint64_t *seeds;
    size_t seed_count;
    const struct balact_source *const *inputs; /* [input_count] */
    size_t input_count;
    const struct run_setting *settings; /* [setting_count] */
    size_t setting_count;
    time_t started;
};

/* Writes folder/run.json; "finished" is now. ERROR_UNSUPPORTED in a build without jansson. */
balact_status run_json_write(const char *folder, const struct run_record *record,
                             struct balact_error *error);

#endif
