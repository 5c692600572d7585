/* SPDX-License-Identifier: MIT
 *
 * Scores of the known optimum of a synthetic LVIS (lvis_infer.h).
 */
#include <stdlib.h>
#include <string.h>

#include "balact/lvis_synthetic.h"
#include "bench/train/lvis_infer.h"

static balact_status score(void *state, const float *x, int64_t rows, float *scores,
                           struct balact_error *error) {
    return balact_lvis_synthetic_scores(state, BALACT_LVIS_PRIOR_VAL, x, rows, scores, error);
}

balact_status lvis_scorer_of_optimum(struct lvis_scorer *scorer, const char *data,
                                     int32_t categories, int64_t dim, struct balact_error *error) {
    struct balact_lvis_synthetic_options *options = calloc(1, sizeof *options);
    memset(scorer, 0, sizeof *scorer);
    if (!options)
        return balact_fail(error, BALACT_ERROR_MEMORY, "the optimum: out of memory");
    balact_status status = balact_lvis_synthetic_options_load(data, options, error);
    if (status == BALACT_OK && (categories != BALACT_LVIS_CATEGORIES || options->dim != dim))
        status = balact_fail(error, BALACT_ERROR_RANGE,
                             "%s: synthetic.json speaks of %d categories and %d features, the data "
                             "have %d and %lld",
                             data, BALACT_LVIS_CATEGORIES, (int)options->dim, (int)categories,
                             (long long)dim);
    if (status != BALACT_OK) {
        free(options);
        return status;
    }
    *scorer = (struct lvis_scorer){.dim = dim,
                                   .columns = (int64_t)categories + 1,
                                   .state = options,
                                   .score = score,
                                   .release = free};
    return BALACT_OK;
}
