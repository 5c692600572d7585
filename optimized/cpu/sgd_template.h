/* SPDX-License-Identifier: MIT
 *
 * The SGD step, compiled for one vector width: avx2.c and avx512.c include it. The compiler makes
 * the vectors. Without contraction of products and sums (the build's -ffp-contract=off) each
 * parameter's arithmetic is the same at every width, so that all CPU backends, any number of
 * threads and any place in the array give the same bits.
 */
#include "balact/backend.h"

/* One pass: three arrays are read and two written, which takes as long as memory takes. The
 * Nesterov form is g + momentum * velocity, the plain one velocity. */
static balact_status sgd_step(const struct balact_sgd_step *s) {
    float *restrict parameter = s->parameter, *restrict velocity = s->velocity;
    const float *restrict gradient = s->gradient;
    const float lr = s->lr, momentum = s->momentum, decay = s->weight_decay;
    const float g_share = s->nesterov ? 1.0f : 0.0f, v_share = s->nesterov ? momentum : 1.0f;
#ifdef _OPENMP
#pragma omp parallel for simd schedule(static) if (s->n >= 65536)
#endif
    for (int64_t i = 0; i < s->n; i++) {
        float g = gradient[i] + decay * parameter[i];
        float v = momentum * velocity[i] + g;
        velocity[i] = v;
        parameter[i] -= lr * (g_share * g + v_share * v);
    }
    return BALACT_OK;
}
