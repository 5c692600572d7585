/* SPDX-License-Identifier: MIT
 *
 * Definition files of experiments (bench/experiments/NAME.ini): what is trained how, and what it is
 * to show. docs/FORMATS.md describes them.
 */
#ifndef BALACT_BENCH_TRAIN_DEFINITION_H
#define BALACT_BENCH_TRAIN_DEFINITION_H

#include "balact/status.h"
#include "bench/train/settings.h"

/* Reads a definition into settings, over what stands there. Unknown sections and keys, doubled keys
 * and bad values fail with ERROR_FORMAT, the line and, where one is near, a suggestion. The
 * experiment's name becomes the file's without folder and ".ini". ERROR_UNSUPPORTED in a build
 * without inih. */
balact_status definition_load(const char *path, struct settings *settings,
                              struct balact_error *error);

/* Finds bench/experiments/NAME.ini as share_path() does. False if it is nowhere. */
bool definition_find(const char *name, char *path, size_t size);

#endif
