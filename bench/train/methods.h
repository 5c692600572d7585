/* SPDX-License-Identifier: MIT
 *
 * The methods that the trainer knows, as data: which activation, sampler and initial weights make
 * each. A new method is a new row in methods.c.
 */
#ifndef BALACT_BENCH_TRAIN_METHODS_H
#define BALACT_BENCH_TRAIN_METHODS_H

#include <stdbool.h>
#include <stddef.h>

#include "balact/activations.h"
#include "bench/train/sampler.h"

/* First values of a linear head. Weights are N(0, deviation^2) from the run's seed. */
struct head_init {
    double deviation;
    double bias; /* the same for every class */
};

struct method {
    const char *name;  /* in files and on the command line */
    const char *title; /* in tables */
    enum balact_activation activation;
    enum sampler_kind sampler;
    struct head_init init;
    /* Balanced Sigmoid: keep the theory's + log(K - 1). Without a background class the constant
     * only shifts every logit alike; kept, the head starts at the training prior and its test-time
     * probabilities are those of the balanced problem. */
    bool keep_odds_constant;
    const char *source;
};

/* All methods, in the order of tables. */
const struct method *methods_all(size_t *count);

/* By name; NULL if there is none. */
const struct method *method_find(const char *name);

/* The nearest name to what somebody typed, or NULL. */
const char *method_nearest(const char *typed);

#endif
