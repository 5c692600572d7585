/* SPDX-License-Identifier: MIT
 *
 * Every activation x operation x option set x case of a backend against the reference.
 */
#ifndef BALACT_BENCH_MEASURE_VERIFY_H
#define BALACT_BENCH_MEASURE_VERIFY_H

#include "balact/backend.h"
#include "bench/measure/compare.h"

/* One comparison, as it goes into verify.csv. */
struct verify_row {
    enum balact_activation activation;
    enum balact_operation operation;
    const struct option_set *set;
    const struct kernel_case *kernel_case;
    const struct balact_backend *backend;
    enum quantity quantity;
    struct worst worst;
    double bound_ulp;      /* NAN where the quantity is bounded by relative error */
    double bound_relative; /* NAN where it is bounded by ULP */
    const char *damage;    /* what was written that must not be, or NULL */
    bool passed;
};

/* Walks everything for count backends, calling report for each comparison; the reference computes
 * each case once for all. seed makes the inputs. small leaves out cases of more than 4096 columns.
 * Stops with a status if a kernel fails outright. A kernel that a backend does not have is not
 * reported (see balact_backend). */
balact_status verify_backends(const struct balact_backend *const *backends, size_t count,
                              uint64_t seed, bool small,
                              void (*report)(const struct verify_row *row, void *context),
                              void *context, struct balact_error *error);

#endif
