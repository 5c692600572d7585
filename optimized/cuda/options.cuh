/* SPDX-License-Identifier: MIT
 *
 * What a problem says about one row (contract: struct balact_problem).
 */
#ifndef BALACT_OPTIMIZED_CUDA_OPTIONS_CUH
#define BALACT_OPTIMIZED_CUDA_OPTIONS_CUH

#include "balact/activations.h"
#include "optimized/cuda/element.cuh"

namespace balact_cuda {

/* What is wanted of a row. */
enum want { WANT_PROBABILITIES, WANT_LOSS, WANT_GRADIENT };

static inline enum want wanted(enum balact_operation operation) {
    return operation == BALACT_FORWARD || operation == BALACT_FORWARD_IN_PLACE ? WANT_PROBABILITIES
           : operation == BALACT_LOSS                                          ? WANT_LOSS
                                                                               : WANT_GRADIENT;
}

struct row_facts {
    int64_t label; /* -1 where no column is meant: none, ignored, invalid, or soft targets */
    bool ignored;
    bool invalid; /* the label is outside its range: nothing can be said but NaN */
    bool with_offset;
    float row_weight;
    float scale; /* of the gradient: row_weight * grad_scale */
};

DEVICE row_facts row_facts_of(const balact_problem &p, int64_t i) {
    row_facts row = {-1, false, false, p.offset != NULL, 1.0f, p.grad_scale};
    if (p.row_weight) {
        row.row_weight = load_one(p.row_weight + i);
        row.scale = row.row_weight * p.grad_scale;
    }
    if (!p.labels)
        return row;
    int64_t label = load_one(p.labels + i);
    int64_t implicit = p.background == BALACT_BACKGROUND_IMPLICIT;
    bool background =
        implicit ? label == p.cols : p.background == BALACT_BACKGROUND_LAST && label == p.cols - 1;
    row.ignored = label == p.ignore_index;
    row.invalid = !row.ignored && (label < 0 || label >= p.cols + implicit);
    if (p.offset_foreground_only && background && !row.ignored)
        row.with_offset = false;
    if (!row.ignored && !row.invalid && !p.targets)
        row.label = label;
    return row;
}

/* Writes what a loss has to say about row i. loss and denominator: before the row's weight. */
DEVICE void store_loss(const balact_problem &p, int64_t i, const row_facts &row, float loss,
                       float denominator) {
    float none = row.invalid ? NAN : 0.0f;
    bool counts = !row.ignored && !row.invalid;
    if (p.loss)
        store_one(p.loss + i, counts ? row.row_weight * loss : none);
    if (p.weight)
        store_one(p.weight + i, counts ? row.row_weight * denominator : none);
}

} // namespace balact_cuda

#endif
