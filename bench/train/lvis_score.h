/* SPDX-License-Identifier: MIT
 *
 * A file of results judged by the LVIS protocol: the one place where the trainer meets the
 * evaluator.
 */
#ifndef BALACT_BENCH_TRAIN_LVIS_SCORE_H
#define BALACT_BENCH_TRAIN_LVIS_SCORE_H

#include "balact/lvis.h"

/* The 13 numbers. X(ID, the official name, group and metric in metrics.csv without "bbox_" or
 * "segm_") */
#define LVIS_NUMBER_LIST(X)                                                                        \
    X(AP, "AP", "all", "ap")                                                                       \
    X(AP50, "AP50", "all", "ap50")                                                                 \
    X(AP75, "AP75", "all", "ap75")                                                                 \
    X(APS, "APs", "small", "ap")                                                                   \
    X(APM, "APm", "medium", "ap")                                                                  \
    X(APL, "APl", "large", "ap")                                                                   \
    X(APR, "APr", "rare", "ap")                                                                    \
    X(APC, "APc", "common", "ap")                                                                  \
    X(APF, "APf", "frequent", "ap")                                                                \
    X(AR, "AR@300", "all", "ar300")                                                                \
    X(ARS, "ARs@300", "small", "ar300")                                                            \
    X(ARM, "ARm@300", "medium", "ar300")                                                           \
    X(ARL, "ARl@300", "large", "ar300")

enum lvis_number {
#define LVIS_NUMBER_ENUM(ID, ...) LVIS_##ID,
    LVIS_NUMBER_LIST(LVIS_NUMBER_ENUM)
#undef LVIS_NUMBER_ENUM
        LVIS_NUMBER_COUNT
};

struct lvis_scores {
    double number[LVIS_NUMBER_COUNT]; /* fractions; NaN where there is nothing to judge */
    double *category_ap;              /* [categories], NaN likewise; owned */
};

/* Evaluates the results in path by boxes, or by masks. ERROR_UNSUPPORTED in a build without the
 * evaluator. On error *scores is zeroed. */
balact_status lvis_score(const char *path, const struct balact_lvis *lvis, bool masks,
                         struct lvis_scores *scores, struct balact_error *error);
void lvis_scores_release(struct lvis_scores *scores);

#endif
