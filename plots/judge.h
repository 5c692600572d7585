/* SPDX-License-Identifier: MIT
 *
 * The kinds of claims: which there are and what they need. See claims.h.
 */
#ifndef BALACT_PLOTS_JUDGE_H
#define BALACT_PLOTS_JUDGE_H

#include <stdbool.h>

/* "value, difference, ..." for messages. */
extern const char claim_kinds[];

bool claim_kind_known(const char *kind);

/* Whether the kind compares a method with a baseline. */
bool claim_kind_needs_baseline(const char *kind);

#endif
