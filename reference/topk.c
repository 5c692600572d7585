/* SPDX-License-Identifier: MIT
 *
 * Ranking of classes, naively: each place goes to the first, in the order of balact/topk.h, of all
 * classes that come after the place before.
 */
#include <stdlib.h>

#include "reference/reference.h"
#include "reference/storage.h"

/* Whether class i with value a stands before class j with value b. */
static int before(float a, int64_t i, float b, int64_t j) {
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? i < j : isnan(b);
    return a == b ? i < j : a > b;
}

/* The class that stands next after class `last`; last < 0: the first of all. */
static int64_t next_after(const float *u, int64_t cols, int64_t last) {
    int64_t next = -1;
    for (int64_t j = 0; j < cols; j++) {
        if (last >= 0 && !before(u[last], last, u[j], j))
            continue;
        if (next < 0 || before(u[j], j, u[next], next))
            next = j;
    }
    return next;
}

balact_status balact_reference_topk(const struct balact_topk_problem *p) {
    float *u = malloc((size_t)p->cols * sizeof *u);
    if (!u)
        return BALACT_ERROR_MEMORY;
    for (int64_t i = 0; i < p->rows; i++) {
        int64_t last = -1;
        for (int64_t j = 0; j < p->cols; j++) {
            u[j] = (float)load_element(p->logits, p->dtype, i * p->ld + j);
            if (p->offset)
                u[j] += p->offset[j];
        }
        for (int64_t r = 0; r < p->k; r++) {
            last = next_after(u, p->cols, last);
            p->index[i * p->ld_out + r] = (int32_t)last;
            if (p->value)
                p->value[i * p->ld_out + r] = u[last];
        }
    }
    free(u);
    return BALACT_OK;
}
