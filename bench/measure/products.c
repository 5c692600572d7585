/* SPDX-License-Identifier: MIT
 *
 * See products.h.
 */
#include "bench/measure/products.h"

#include <math.h>

balact_status product_by_one_call(enum product product, balact_gemm *gemm,
                                  const struct balact_linear_problem *p) {
    if (product == PRODUCT_FORWARD)
        return gemm(false, true, false, p->rows, p->classes, p->dim, p->x, p->ld_x, p->weight,
                    p->ld_weight, p->logits, p->ld_logits);
    if (product == PRODUCT_GRAD_WEIGHT)
        return gemm(true, false, false, p->classes, p->dim, p->rows, p->dlogits, p->ld_logits, p->x,
                    p->ld_x, p->dweight, p->ld_weight);
    return gemm(false, false, false, p->rows, p->dim, p->classes, p->dlogits, p->ld_logits,
                p->weight, p->ld_weight, p->dx, p->ld_x);
}

/* An entry and what it must be: the sum over k < n of a[k step_a] b[k step_b]. */
struct entry {
    float got;
    const float *a, *b;
    int64_t step_a, step_b, n;
};

/* The one of row i, class j, feature l. */
static struct entry entry_of(enum product product, const struct balact_linear_problem *p, int64_t i,
                             int64_t j, int64_t l) {
    if (product == PRODUCT_FORWARD)
        return (struct entry){.got = p->logits[i * p->ld_logits + j],
                              .a = p->x + i * p->ld_x,
                              .b = p->weight + j * p->ld_weight,
                              .step_a = 1,
                              .step_b = 1,
                              .n = p->dim};
    if (product == PRODUCT_GRAD_WEIGHT)
        return (struct entry){.got = p->dweight[j * p->ld_weight + l],
                              .a = p->dlogits + j,
                              .b = p->x + l,
                              .step_a = p->ld_logits,
                              .step_b = p->ld_x,
                              .n = p->rows};
    return (struct entry){.got = p->dx[i * p->ld_x + l],
                          .a = p->dlogits + i * p->ld_logits,
                          .b = p->weight + l,
                          .step_a = 1,
                          .step_b = p->ld_weight,
                          .n = p->classes};
}

double product_error(enum product product, const struct balact_linear_problem *p, bool bias) {
    double worst = 0;
    for (int64_t k = 0; k < 64; k++) {
        int64_t j = k * 7919 % p->classes;
        struct entry e = entry_of(product, p, k * (p->rows - 1) / 63, j, k * 104729 % p->dim);
        double sum = bias ? p->bias[j] : 0, size = fabs(sum);
        for (int64_t t = 0; t < e.n; t++) {
            double term = (double)e.a[t * e.step_a] * e.b[t * e.step_b];
            sum += term;
            size += fabs(term);
        }
        if (!isfinite(e.got))
            return INFINITY;
        worst = fmax(worst, fabs(e.got - sum) / size);
    }
    return worst;
}
