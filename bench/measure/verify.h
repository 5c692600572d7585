/* SPDX-License-Identifier: MIT
 *
 * Every activation x operation x option set x case of a backend against the reference.
 */
#ifndef BALACT_BENCH_MEASURE_VERIFY_H
#define BALACT_BENCH_MEASURE_VERIFY_H

#include "balact/backend.h"
#include "bench/measure/compare.h"
#include "plots/verdict.h"

/* One comparison, as it goes into verify.csv. */
struct verify_row {
    enum balact_activation activation;
    enum balact_operation operation;
    const struct option_set *set;
    const struct kernel_case *kernel_case;
    const struct balact_backend *backend;
    enum balact_dtype dtype;
    enum quantity quantity;
    struct worst worst;
    double bound_ulp;      /* NAN where the quantity is bounded by relative error */
    double bound_relative; /* NAN where it is bounded by ULP */
    const char *damage;    /* what was written that must not be, or NULL */
    enum verdict verdict;  /* SKIP: the kernel does not support the type; nothing was compared, and
                            * quantity says nothing */
};

struct verify_request {
    const struct balact_backend *const *backends; /* the reference computes a case once for all */
    size_t count;
    uint64_t seed;           /* makes the inputs */
    bool small;              /* leave out cases of more than 4096 columns */
    bool leave[DTYPE_COUNT]; /* storage types to leave out */
    int64_t every;           /* walk only every n-th pair of options and case; 0 and 1: all */
    void (*report)(const struct verify_row *row, void *context);
    void *context;
};

/* Walks everything that is asked for, calling report for each comparison and for each kernel that
 * does not support a type. Stops with a status if a kernel fails outright. A kernel that a backend
 * does not have at all is not reported (see balact_backend). */
balact_status verify_backends(const struct verify_request *request, struct balact_error *error);

#endif
