/* SPDX-License-Identifier: MIT
 *
 * See lvis_score.h.
 */
#include "bench/train/lvis_score.h"

#include <stdlib.h>
#include <string.h>

void lvis_scores_release(struct lvis_scores *scores) {
    free(scores->category_ap);
    memset(scores, 0, sizeof *scores);
}

balact_status lvis_score(const char *path, const struct balact_lvis *lvis, bool masks,
                         struct lvis_scores *scores, struct balact_error *error) {
    (void)lvis, (void)masks;
    memset(scores, 0, sizeof *scores);
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1,
                          "this build has no LVIS evaluator");
}
