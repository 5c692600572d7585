/* SPDX-License-Identifier: MIT
 *
 * What the files that write report.html share.
 */
#ifndef BALACT_PLOTS_HTML_H
#define BALACT_PLOTS_HTML_H

#include <stdio.h>

#include "plots/results.h"

/* The run.json of an experiment as a list for readers: what was run, where, on which inputs. Built
 * without jansson, the JSON itself. */
void write_provenance(const struct experiment *experiment, FILE *file);

#endif
