/* SPDX-License-Identifier: MIT
 *
 * See verify.h.
 */
#include "bench/measure/verify.h"

#include <math.h>
#include <string.h>

/* The walk over one activation, set and case. */
struct walk {
    const struct balact_backend *const *backends;
    size_t backend_count;
    enum balact_activation activation;
    const struct option_set *set;
    const struct kernel_case *kernel_case;
    uint64_t seed;
    void (*report)(const struct verify_row *row, void *context);
    void *context;
};

static void set_bounds(struct verify_row *row) {
    const struct balact_activation_info *info = balact_activation_info(row->activation);
    row->bound_ulp = row->bound_relative = NAN;
    switch (row->quantity) {
    case QUANTITY_PROBABILITY: row->bound_ulp = info->probability_ulp; break;
    case QUANTITY_GRADIENT: row->bound_ulp = info->gradient_ulp; break;
    case QUANTITY_LOSS:
    case QUANTITY_LSE:
    case QUANTITY_WEIGHT:
    case QUANTITY_COUNT: row->bound_relative = info->loss_relative; break;
    }
    row->passed = !row->damage && (isnan(row->bound_ulp)
                                       ? row->worst.relative <= row->bound_relative
                                       : row->worst.ulp <= row->bound_ulp);
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
        struct verify_row row = {.activation = walk->activation,
                                 .operation = operation,
                                 .set = walk->set,
                                 .kernel_case = walk->kernel_case,
                                 .backend = backend,
                                 .quantity = (enum quantity)q,
                                 .worst = worst[q],
                                 .damage = damage};
        set_bounds(&row);
        walk->report(&row, walk->context);
    }
}

/* What the reference computes for an operation: in place and separate are the same numbers. */
static enum balact_operation plain_form(enum balact_operation operation) {
    return operation == BALACT_FORWARD_IN_PLACE     ? BALACT_FORWARD
           : operation == BALACT_LOSS_GRAD_IN_PLACE ? BALACT_LOSS_GRAD
                                                    : operation;
}

/* Runs one backend's form of an operation, in place if it is that, and compares. */
static balact_status verify_operation(const struct walk *walk, const struct balact_backend *backend,
                                      enum balact_operation operation, struct instance *got,
                                      const struct instance *expected, struct balact_error *error) {
    struct balact_problem kept = got->problem;
    instance_reset(got);
    if (operation != plain_form(operation)) {
        got->problem.out = got->logits;
        got->problem.ld_out = got->problem.ld;
    }
    balact_status status = balact_run(backend, walk->activation, operation, &got->problem, error);
    if (status == BALACT_OK)
        report_all(walk, backend, operation, got, expected);
    got->problem = kept;
    return status;
}

static balact_status verify_operations(const struct walk *walk, struct instance *got,
                                       struct instance *expected, struct balact_error *error) {
    static const enum balact_operation order[] = {BALACT_FORWARD, BALACT_FORWARD_IN_PLACE,
                                                  BALACT_LOSS, BALACT_LOSS_GRAD,
                                                  BALACT_LOSS_GRAD_IN_PLACE};
    const struct balact_backend *reference = balact_backend_find("reference");
    enum balact_operation computed = BALACT_OPERATION_COUNT; /* what `expected` holds */
    balact_status status = BALACT_OK;
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (size_t b = 0; b < walk->backend_count && status == BALACT_OK; b++) {
            if (!walk->backends[b]->kernels[walk->activation][order[k]])
                continue;
            if (computed != plain_form(order[k])) {
                computed = plain_form(order[k]);
                instance_reset(expected);
                status = balact_run(reference, walk->activation, computed, &expected->problem,
                                    error);
            }
            if (status == BALACT_OK)
                status = verify_operation(walk, walk->backends[b], order[k], got, expected, error);
        }
    return status;
}

static balact_status verify_case(const struct walk *walk, struct balact_error *error) {
    struct instance got = {0}, expected = {0};
    balact_status status = instance_make(&got, walk->kernel_case, walk->set, walk->activation,
                                         walk->seed, error);
    if (status == BALACT_OK)
        status = instance_make(&expected, walk->kernel_case, walk->set, walk->activation,
                               walk->seed, error);
    if (status == BALACT_OK)
        status = verify_operations(walk, &got, &expected, error);
    instance_release(&got);
    instance_release(&expected);
    return status;
}

/* Whether there is anything to run; making the inputs takes longer than running most kernels. */
static bool has_kernels(const struct walk *walk) {
    for (size_t b = 0; b < walk->backend_count; b++)
        for (int o = 0; o < BALACT_OPERATION_COUNT; o++)
            if (walk->backends[b]->kernels[walk->activation][o])
                return true;
    return false;
}

balact_status verify_backends(const struct balact_backend *const *backends, size_t count,
                              uint64_t seed, bool small,
                              void (*report)(const struct verify_row *row, void *context),
                              void *context, struct balact_error *error) {
    size_t case_count, set_count;
    const struct kernel_case *cases = kernel_cases(&case_count);
    const struct option_set *sets = option_sets(&set_count);
    struct walk walk = {.backends = backends,
                        .backend_count = count,
                        .seed = seed,
                        .report = report,
                        .context = context};
    balact_status status = BALACT_OK;
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (size_t s = 0; s < set_count; s++)
            for (size_t c = 0; c < case_count && status == BALACT_OK; c++) {
                walk.activation = (enum balact_activation)a;
                if (!option_set_applies(&sets[s], walk.activation, cases[c].cols) ||
                    (small && cases[c].cols > 4096) || !has_kernels(&walk))
                    continue;
                walk.set = &sets[s];
                walk.kernel_case = &cases[c];
                status = verify_case(&walk, error);
            }
    return status;
}
