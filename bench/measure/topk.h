/* SPDX-License-Identifier: MIT
 *
 * What ranking costs over reading the logits.
 */
#ifndef BALACT_BENCH_MEASURE_TOPK_H
#define BALACT_BENCH_MEASURE_TOPK_H

/* Prints CSV: seconds of balact_topk of every usable backend on the shapes of classifiers, with one
 * thread and with all, beside a walk that only reads the same bytes. Each result is compared with
 * the reference's first; dies if one differs. About a minute. */
void balact_measure_topk(void);

#endif
