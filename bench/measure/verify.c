/* SPDX-License-Identifier: MIT
 *
 * See verify.h.
 */
#include "bench/measure/verify.h"

#include <math.h>
#include <string.h>

#include "bench/measure/device_copy.h"

/* The walk over one activation, set, case and type. */
struct walk {
    const struct verify_request *request;
    enum balact_activation activation;
    const struct option_set *set;
    const struct kernel_case *kernel_case;
    enum balact_dtype dtype;
};

/* The bounds of all types: see nearest_before_rounding(). */
static void judge(struct verify_row *row) {
    const struct balact_activation_info *info = balact_activation_info(row->activation);
    row->bound_ulp = row->bound_relative = NAN;
    switch (row->quantity) {
    case QUANTITY_PROBABILITY:
        row->bound_ulp = info->probability_ulp;
        break;
    case QUANTITY_GRADIENT:
        row->bound_ulp = info->gradient_ulp;
        break;
    case QUANTITY_LOSS:
    case QUANTITY_LSE:
    case QUANTITY_WEIGHT:
    case QUANTITY_COUNT:
        row->bound_relative = info->loss_relative;
        break;
    }
    bool passed =
        !row->damage && (isnan(row->bound_ulp) ? row->worst.relative <= row->bound_relative
                                               : row->worst.ulp <= row->bound_ulp);
    row->verdict = passed ? VERDICT_PASS : VERDICT_FAIL;
}

static struct verify_row row_of(const struct walk *walk, const struct balact_backend *backend,
                                enum balact_operation operation) {
    return (struct verify_row){.activation = walk->activation,
                               .operation = operation,
                               .set = walk->set,
                               .kernel_case = walk->kernel_case,
                               .backend = backend,
                               .dtype = walk->dtype,
                               .bound_ulp = NAN,
                               .bound_relative = NAN,
                               .verdict = VERDICT_SKIP};
}

static void report_all(const struct walk *walk, const struct balact_backend *backend,
                       enum balact_operation operation, const struct instance *got,
                       const struct instance *expected) {
    struct worst worst[QUANTITY_COUNT];
    compare_instances(got, expected, walk->activation, operation, worst);
    const char *damage = instance_damage(got, expected, walk->activation, operation);
    for (int q = 0; q < QUANTITY_COUNT; q++) {
        if (worst[q].row < 0)
            continue;
        struct verify_row row = row_of(walk, backend, operation);
        row.quantity = (enum quantity)q;
        row.worst = worst[q];
        row.damage = damage;
        judge(&row);
        walk->request->report(&row, walk->request->context);
    }
}

/* What the reference computes for an operation: in place and separate are the same numbers. */
static enum balact_operation plain_form(enum balact_operation operation) {
    return operation == BALACT_FORWARD_IN_PLACE     ? BALACT_FORWARD
           : operation == BALACT_LOSS_GRAD_IN_PLACE ? BALACT_LOSS_GRAD
                                                    : operation;
}

/* The reference's results, computed when they are first needed. */
struct judge {
    struct instance in; /* in fp32 */
    enum balact_operation computed;
};

static balact_status compute(struct judge *judge, enum balact_activation activation,
                             enum balact_operation operation, struct balact_error *error) {
    if (judge->computed == plain_form(operation))
        return BALACT_OK;
    judge->computed = plain_form(operation);
    instance_reset(&judge->in);
    return balact_run(balact_backend_find("reference"), activation, judge->computed,
                      &judge->in.problem, error);
}

/* Runs one backend's form of an operation, in place if it is that, and compares. */
static balact_status verify_operation(const struct walk *walk, const struct balact_backend *backend,
                                      enum balact_operation operation, struct instance *got,
                                      struct judge *judge, struct balact_error *error) {
    struct balact_problem kept = got->problem;
    instance_reset(got);
    if (operation != plain_form(operation)) {
        got->problem.out = got->logits;
        got->problem.ld_out = got->problem.ld;
    }
    balact_status status = run_copied(backend, walk->activation, operation, &got->problem, error);
    if (status == BALACT_ERROR_UNSUPPORTED) {
        struct verify_row row = row_of(walk, backend, operation);
        walk->request->report(&row, walk->request->context);
        status = BALACT_OK;
    } else if (status == BALACT_OK) {
        status = compute(judge, walk->activation, operation, error);
        if (status == BALACT_OK)
            report_all(walk, backend, operation, got, &judge->in);
    }
    got->problem = kept;
    return status;
}

static balact_status verify_operations(const struct walk *walk, struct instance *got,
                                       struct judge *judge, struct balact_error *error) {
    static const enum balact_operation order[] = {BALACT_FORWARD, BALACT_FORWARD_IN_PLACE,
                                                  BALACT_LOSS, BALACT_LOSS_GRAD,
                                                  BALACT_LOSS_GRAD_IN_PLACE};
    const struct verify_request *request = walk->request;
    balact_status status = BALACT_OK;
    judge->computed = BALACT_OPERATION_COUNT;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t b = 0; b < request->count && status == BALACT_OK; b++)
            if (request->backends[b]->kernels[walk->activation][order[k]])
                status = verify_operation(walk, request->backends[b], order[k], got, judge, error);
    return status;
}

static balact_status verify_case(const struct walk *walk, struct balact_error *error) {
    struct instance got = {0};
    struct judge judge;
    memset(&judge, 0, sizeof judge);
    uint64_t seed = walk->request->seed;
    balact_status status = instance_make(&got, walk->kernel_case, walk->set, walk->activation,
                                         walk->dtype, seed, error);
    if (status == BALACT_OK)
        status = instance_make(&judge.in, walk->kernel_case, walk->set, walk->activation,
                               walk->dtype, seed, error);
    if (status == BALACT_OK && walk->dtype != BALACT_F32)
        status = instance_widen(&judge.in, error);
    if (status == BALACT_OK)
        status = verify_operations(walk, &got, &judge, error);
    instance_release(&got);
    instance_release(&judge.in);
    return status;
}

/* Whether there is anything to run; making the inputs takes longer than running most kernels. */
static bool has_kernels(const struct verify_request *request, enum balact_activation activation) {
    for (size_t b = 0; b < request->count; b++)
        for (int o = 0; o < BALACT_OPERATION_COUNT; o++)
            if (request->backends[b]->kernels[activation][o])
                return true;
    return false;
}

static balact_status verify_types(struct walk *walk, struct balact_error *error) {
    balact_status status = BALACT_OK;
    for (int d = 0; d < DTYPE_COUNT && status == BALACT_OK; d++) {
        walk->dtype = (enum balact_dtype)d;
        if (!walk->request->leave[d] && case_walks(walk->kernel_case, walk->set, walk->dtype))
            status = verify_case(walk, error);
    }
    return status;
}

balact_status verify_backends(const struct verify_request *request, struct balact_error *error) {
    size_t case_count, set_count;
    const struct kernel_case *cases = kernel_cases(&case_count);
    const struct option_set *sets = option_sets(&set_count);
    struct walk walk = {.request = request};
    balact_status status = BALACT_OK;
    int64_t pair = 0;
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (size_t s = 0; s < set_count; s++)
            for (size_t c = 0; c < case_count && status == BALACT_OK; c++) {
                walk.activation = (enum balact_activation)a;
                if (!option_set_applies(&sets[s], walk.activation, cases[c].cols) ||
                    (request->small && cases[c].cols > 4096) ||
                    !has_kernels(request, walk.activation) ||
                    (request->every > 1 && pair++ % request->every != 0))
                    continue;
                walk.set = &sets[s];
                walk.kernel_case = &cases[c];
                status = verify_types(&walk, error);
            }
    return status;
}
