/* SPDX-License-Identifier: MIT
 *
 * The public operations: check a problem once, here, so that kernels need not; then call the
 * kernel. Contracts: balact/activations.h.
 */
#include <math.h>
#include <stdlib.h>

#include "optimized/check.h"

static balact_status check_shapes(const struct balact_problem *p, struct balact_error *error) {
    REQUIRE(p->rows >= 0 && p->cols >= 1, "rows = %lld, cols = %lld: rows must be >= 0, cols >= 1",
            (long long)p->rows, (long long)p->cols);
    REQUIRE((unsigned)p->dtype <= BALACT_BF16, "dtype is not one of enum balact_dtype");
    REQUIRE((unsigned)p->background <= BALACT_BACKGROUND_IMPLICIT,
            "background is not one of enum balact_background");
    REQUIRE(p->ld >= p->cols, "ld = %lld is below cols = %lld", (long long)p->ld,
            (long long)p->cols);
    REQUIRE(p->rows == 0 || p->logits, "logits is NULL");
    REQUIRE(p->rows == 0 || matrix_span(p->rows, p->cols, p->ld, 4), "rows * ld overflows");
    REQUIRE(!p->targets || p->ld_targets >= p->cols, "ld_targets = %lld is below cols = %lld",
            (long long)p->ld_targets, (long long)p->cols);
    REQUIRE(!p->targets || p->rows == 0 || matrix_span(p->rows, p->cols, p->ld_targets, 4),
            "rows * ld_targets overflows");
    return BALACT_OK;
}

static balact_status check_prior_use(const struct balact_activation_info *info,
                                     const struct balact_problem *p, struct balact_error *error) {
    REQUIRE(!info->balanced || p->offset,
            "%s needs the class prior: offset is NULL (see balact_offset)", info->name);
    REQUIRE(info->balanced || !p->offset,
            "%s takes no offset; ask for the balanced activation, or balact_infer_adjusted for "
            "post-hoc adjustment",
            info->name);
    REQUIRE(info->family == BALACT_FAMILY_SIGMOID || p->background != BALACT_BACKGROUND_IMPLICIT,
            "%s has no implicit background; give it a column (BALACT_BACKGROUND_LAST)", info->name);
    REQUIRE(!p->offset_foreground_only || (p->offset && p->labels),
            "offset_foreground_only needs an offset, and labels to tell foreground rows");
    REQUIRE(!p->offset_foreground_only || p->background != BALACT_BACKGROUND_NONE,
            "offset_foreground_only needs a background");
    return BALACT_OK;
}

static balact_status check_output(enum balact_operation operation, const struct balact_problem *p,
                                  struct balact_error *error) {
    if (operation == BALACT_LOSS || p->rows == 0)
        return BALACT_OK;
    int64_t size = balact_dtype_size(p->dtype);
    REQUIRE(p->out, "out is NULL");
    REQUIRE(p->ld_out >= p->cols, "ld_out = %lld is below cols = %lld", (long long)p->ld_out,
            (long long)p->cols);
    if (operation == BALACT_FORWARD_IN_PLACE || operation == BALACT_LOSS_GRAD_IN_PLACE) {
        REQUIRE(p->out == p->logits && p->ld_out == p->ld,
                "%s overwrites the logits: out must be logits and ld_out must be ld",
                balact_operation_name(operation));
        return BALACT_OK;
    }
    size_t in_span = matrix_span(p->rows, p->cols, p->ld, size);
    size_t out_span = matrix_span(p->rows, p->cols, p->ld_out, size);
    REQUIRE(out_span, "rows * ld_out overflows");
    REQUIRE(!ranges_overlap(p->logits, in_span, p->out, out_span),
            "out overlaps logits; use the in-place operation to overwrite them");
    return BALACT_OK;
}

static balact_status check_targets(const struct balact_problem *p, struct balact_error *error) {
    REQUIRE(p->labels || p->targets, "a loss needs labels or soft targets");
    REQUIRE(p->label_smoothing >= 0.0f && p->label_smoothing <= 1.0f,
            "label_smoothing = %g is outside [0, 1]", p->label_smoothing);
    REQUIRE(!p->targets || p->label_smoothing == 0.0f,
            "label_smoothing applies to labels, not to soft targets");
    REQUIRE(isfinite(p->grad_scale), "grad_scale is not finite (start from BALACT_PROBLEM_INIT)");
    return BALACT_OK;
}

static balact_status check_labels(const struct balact_problem *p, struct balact_error *error) {
    int64_t limit = p->cols + (p->background == BALACT_BACKGROUND_IMPLICIT);
    for (int64_t i = 0; i < p->rows; i++) {
        int32_t label = p->labels[i];
        if (label != p->ignore_index && (label < 0 || label >= limit))
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "row %lld: label %d is outside [0, %lld) and is not ignore_index %d",
                               (long long)i, label, (long long)limit, p->ignore_index);
    }
    return BALACT_OK;
}

balact_status balact_check_problem(const struct balact_activation_info *info,
                                   enum balact_operation operation, const struct balact_problem *p,
                                   bool plain_memory, struct balact_error *error) {
    bool forward = operation == BALACT_FORWARD || operation == BALACT_FORWARD_IN_PLACE;
    balact_status status = check_shapes(p, error);
    if (status == BALACT_OK)
        status = check_prior_use(info, p, error);
    if (status == BALACT_OK)
        status = check_output(operation, p, error);
    if (status == BALACT_OK && !forward)
        status = check_targets(p, error);
    if (status == BALACT_OK && p->labels && plain_memory)
        status = check_labels(p, error);
    return status;
}

balact_status balact_check_backend(const struct balact_backend **backend,
                                   struct balact_error *error) {
    char why[256] = "";
    if (!*backend && !(*backend = balact_backend_default(error)))
        return BALACT_ERROR_UNSUPPORTED;
    if (!(*backend)->usable(why, sizeof why))
        return balact_fail(error, BALACT_ERROR_UNSUPPORTED, "backend %s cannot run here: %s",
                           (*backend)->name, why);
    return BALACT_OK;
}

balact_status balact_run(const struct balact_backend *backend, enum balact_activation activation,
                         enum balact_operation operation, const struct balact_problem *problem,
                         struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    REQUIRE(info, "no activation has number %d", (int)activation);
    REQUIRE((unsigned)operation < BALACT_OPERATION_COUNT, "no operation has number %d",
            (int)operation);
    REQUIRE(problem, "problem is NULL");
    balact_status status = balact_check_backend(&backend, error);
    if (status != BALACT_OK)
        return status;
    balact_kernel *kernel = backend->kernels[activation][operation];
    if (!kernel)
        return balact_fail(error, BALACT_ERROR_UNSUPPORTED, "backend %s has no %s of %s",
                           backend->name, balact_operation_name(operation), info->name);
    status = balact_check_problem(info, operation, problem, backend->plain_memory, error);
    if (status != BALACT_OK || problem->rows == 0)
        return status;
    status = kernel(problem);
    if (status != BALACT_OK)
        return balact_fail(error, status, "backend %s, %s of %s: %s", backend->name,
                           balact_operation_name(operation), info->name,
                           balact_backend_message(backend, status));
    return BALACT_OK;
}

#define OPERATION(ID, name)                                                                        \
    balact_status balact_##name(                                                                   \
        const struct balact_backend *backend, enum balact_activation activation,                   \
        const struct balact_problem *problem, struct balact_error *error) {                        \
        return balact_run(backend, activation, BALACT_##ID, problem, error);                       \
    }
BALACT_OPERATION_LIST(OPERATION)

static enum balact_activation of_family(enum balact_family family, bool balanced) {
    if (family == BALACT_FAMILY_SOFTMAX)
        return balanced ? BALACT_BALANCED_SOFTMAX : BALACT_SOFTMAX;
    return balanced ? BALACT_BALANCED_SIGMOID : BALACT_SIGMOID;
}

static enum balact_operation forward_of(const struct balact_problem *p) {
    return p->out == p->logits ? BALACT_FORWARD_IN_PLACE : BALACT_FORWARD;
}

balact_status balact_infer(const struct balact_backend *backend, enum balact_activation activation,
                           const struct balact_problem *problem, struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    REQUIRE(info && problem, "no such activation, or no problem");
    REQUIRE(
        !problem->offset,
        "the prior is not applied at test time: offset must be NULL (post-hoc adjustment has its "
        "own call, balact_infer_adjusted)");
    return balact_run(backend, of_family(info->family, false), forward_of(problem), problem, error);
}

balact_status balact_infer_adjusted(const struct balact_backend *backend,
                                    enum balact_activation activation,
                                    const struct balact_problem *problem,
                                    struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    REQUIRE(info && problem && problem->offset, "post-hoc adjustment needs an offset");
    REQUIRE(problem->cols >= 1, "cols must be >= 1");
    balact_status status = balact_check_backend(&backend, error);
    if (status != BALACT_OK)
        return status;
    REQUIRE((uint64_t)problem->cols <= SIZE_MAX / sizeof(float), "cols overflows");
    size_t bytes = (size_t)problem->cols * sizeof(float);
    float *negated = malloc(bytes);
    void *memory = NULL;
    status = negated ? BALACT_OK : BALACT_ERROR_MEMORY;
    if (status == BALACT_OK)
        status = backend->download(negated, problem->offset, bytes);
    for (int64_t j = 0; status == BALACT_OK && j < problem->cols; j++)
        negated[j] = negated[j] == -INFINITY ? -INFINITY : -negated[j];
    if (status == BALACT_OK)
        status = backend->alloc(bytes, &memory);
    if (status == BALACT_OK)
        status = backend->upload(memory, negated, bytes);
    free(negated);
    if (status != BALACT_OK) {
        if (memory)
            backend->release(memory);
        return balact_fail(error, status, "post-hoc adjustment: %s",
                           balact_backend_message(backend, status));
    }
    struct balact_problem adjusted = *problem;
    adjusted.offset = memory;
    status =
        balact_run(backend, of_family(info->family, true), forward_of(problem), &adjusted, error);
    backend->release(memory);
    return status;
}

/* Blocks of a fixed size, summed apart and then added in order: the same for any caller, and nearer
 * to the truth than one running sum. */
void balact_total_add(struct balact_total *total, const float *loss, const float *weight,
                      int64_t rows) {
    enum { BLOCK = 256 };
    for (int64_t begin = 0; begin < rows; begin += BLOCK) {
        double block_loss = 0.0, block_weight = 0.0;
        for (int64_t i = begin; i < rows && i < begin + BLOCK; i++) {
            block_loss += loss[i];
            block_weight += weight[i];
            total->counted += weight[i] != 0.0f;
        }
        total->loss += block_loss;
        total->weight += block_weight;
    }
}

balact_status balact_total_mean(const struct balact_total *total, double *mean,
                                struct balact_error *error) {
    if (total->counted == 0 || total->weight == 0.0)
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "the mean loss does not exist: every row is ignored or has weight 0");
    *mean = total->loss / total->weight;
    return BALACT_OK;
}
