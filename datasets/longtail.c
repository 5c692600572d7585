/* SPDX-License-Identifier: MIT
 *
 * The conventions of long-tailed data sets: shot groups, class counts of CIFAR-LT, splits.
 */
#include "balact/dataset.h"

#include <math.h>

enum balact_group balact_group_of(int64_t train_count) {
    if (train_count > 100)
        return BALACT_GROUP_MANY;
    return train_count >= 20 ? BALACT_GROUP_MEDIUM : BALACT_GROUP_FEW;
}

const char *balact_group_name(enum balact_group group) {
    static const char *const names[] = {"many", "medium", "few"};
    return (unsigned)group < BALACT_GROUP_COUNT ? names[group] : "unknown group";
}

const char *balact_split_name(enum balact_split split) {
    static const char *const names[] = {"train", "val", "test"};
    return (unsigned)split < BALACT_SPLIT_COUNT ? names[split] : "unknown split";
}

int64_t balact_longtail_counts(int64_t n_max, double imbalance, int32_t classes, int64_t *counts) {
    int64_t total = 0;
    for (int32_t c = 0; c < classes; c++) {
        double part = classes > 1 ? (double)c / (double)(classes - 1) : 0;
        double exact = (double)n_max * pow(1.0 / imbalance, part);
        /* 5000 * (1/1000)^(3/9) is 500, but comes out as 499.99...: a rounding error of pow must
         * not cost an image. No count that is not whole comes that near to the next one. */
        counts[c] = (int64_t)floor(exact * (1 + 1e-12));
        total += counts[c];
    }
    return total;
}
