/* SPDX-License-Identifier: MIT
 *
 * Ranking of classes: checks a problem once, here, so that backends need not; then calls the
 * backend. Contract: balact/topk.h.
 */
#include "balact/topk.h"

#include "optimized/check.h"

static balact_status check_fields(const struct balact_topk_problem *p, struct balact_error *error) {
    REQUIRE(p->rows >= 0, "rows = %lld is negative", (long long)p->rows);
    REQUIRE(p->cols >= 1 && p->cols <= INT32_MAX, "cols = %lld is outside [1, %d]",
            (long long)p->cols, INT32_MAX);
    REQUIRE((unsigned)p->dtype <= BALACT_BF16, "dtype is not one of enum balact_dtype");
    REQUIRE(p->ld >= p->cols, "ld = %lld is below cols = %lld", (long long)p->ld,
            (long long)p->cols);
    REQUIRE(p->k >= 1 && p->k <= p->cols, "k = %lld is outside [1, cols = %lld]", (long long)p->k,
            (long long)p->cols);
    REQUIRE(p->ld_out >= p->k, "ld_out = %lld is below k = %lld", (long long)p->ld_out,
            (long long)p->k);
    REQUIRE(p->rows == 0 || p->logits, "logits is NULL");
    REQUIRE(p->rows == 0 || p->index, "index is NULL");
    return BALACT_OK;
}

static balact_status check_memory(const struct balact_topk_problem *p, struct balact_error *error) {
    size_t in = matrix_span(p->rows, p->cols, p->ld, balact_dtype_size(p->dtype));
    size_t out = matrix_span(p->rows, p->k, p->ld_out, sizeof(float));
    size_t prior = p->offset ? (size_t)p->cols * sizeof(float) : 0;
    REQUIRE(in, "rows * ld overflows");
    REQUIRE(out, "rows * ld_out overflows");
    REQUIRE(!ranges_overlap(p->index, out, p->logits, in), "index overlaps logits");
    REQUIRE(!prior || !ranges_overlap(p->index, out, p->offset, prior), "index overlaps offset");
    if (!p->value)
        return BALACT_OK;
    REQUIRE(!ranges_overlap(p->value, out, p->logits, in), "value overlaps logits");
    REQUIRE(!prior || !ranges_overlap(p->value, out, p->offset, prior), "value overlaps offset");
    REQUIRE(!ranges_overlap(p->value, out, p->index, out), "value overlaps index");
    return BALACT_OK;
}

balact_status balact_topk(const struct balact_backend *backend,
                          const struct balact_topk_problem *problem, struct balact_error *error) {
    REQUIRE(problem, "problem is NULL");
    balact_status status = balact_check_backend(&backend, error);
    if (status != BALACT_OK)
        return status;
    if (!backend->topk)
        return balact_fail(error, BALACT_ERROR_UNSUPPORTED, "backend %s has no topk",
                           backend->name);
    status = check_fields(problem, error);
    if (status == BALACT_OK && problem->rows > 0)
        status = check_memory(problem, error);
    if (status != BALACT_OK || problem->rows == 0)
        return status;
    status = backend->topk(problem);
    if (status != BALACT_OK)
        return balact_fail(error, status, "backend %s, topk: %s", backend->name,
                           balact_backend_message(backend, status));
    return BALACT_OK;
}

balact_status balact_argmax(const struct balact_backend *backend,
                            const struct balact_topk_problem *problem, struct balact_error *error) {
    REQUIRE(problem, "problem is NULL");
    struct balact_topk_problem best = *problem;
    best.k = best.ld_out = 1;
    return balact_topk(backend, &best, error);
}
