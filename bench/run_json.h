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

/* One of many numbers: {"section": {"key": value}}. Whole ones are written as integers, NaN as
 * null, all others so that they read back the same. */
struct run_number {
    const char *section;
    char key[48];
    double value;
};

/* Writes path: the members of run.json and, before them, the numbers by section (entries of one
 * section stand together). */
balact_status run_json_write_numbers(const char *path, const struct run_record *record,
                                     const struct run_number *numbers, size_t count,
                                     struct balact_error *error);

#endif
