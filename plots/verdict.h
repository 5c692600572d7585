/* SPDX-License-Identifier: MIT
 *
 * What became of a check, a claim or a bar. SKIP: there was nothing to judge.
 */
#ifndef BALACT_PLOTS_VERDICT_H
#define BALACT_PLOTS_VERDICT_H

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP };

/* "PASS", "FAIL", "SKIP". */
static inline const char *verdict_name(enum verdict verdict) {
    return verdict == VERDICT_PASS ? "PASS" : verdict == VERDICT_FAIL ? "FAIL" : "SKIP";
}

#endif
