/* SPDX-License-Identifier: MIT
 *
 * From class counts or frequencies to the per-class offset of the balanced activations, and the
 * names of activations and operations.
 */
#include <string.h>

#include "reference/equations.h"
#include "balact/activations.h"

static const struct balact_activation_info infos[] = {
#define INFO(ID, name, title, family, balanced, equation, probability, gradient, loss)             \
    [BALACT_##ID] = {#name,    title,       BALACT_FAMILY_##family, balanced,                      \
                     equation, probability, gradient,               loss},
    BALACT_ACTIVATION_LIST(INFO)
#undef INFO
};

const struct balact_activation_info *balact_activation_info(enum balact_activation activation) {
    return (unsigned)activation < BALACT_ACTIVATION_COUNT ? &infos[activation] : NULL;
}

int balact_activation_find(const char *name) {
    for (int i = 0; i < BALACT_ACTIVATION_COUNT; i++)
        if (!strcmp(infos[i].name, name))
            return i;
    return -1;
}

const char *balact_operation_name(enum balact_operation operation) {
    static const char *const names[] = {
#define NAME(ID, name) [BALACT_##ID] = #name,
        BALACT_OPERATION_LIST(NAME)
#undef NAME
    };
    return (unsigned)operation < BALACT_OPERATION_COUNT ? names[operation] : "unknown operation";
}

int64_t balact_dtype_size(enum balact_dtype dtype) {
    return dtype == BALACT_F32 ? 4 : 2;
}

/* The value of class j after the zero-count policy; 0 only if the class is to be masked. */
static balact_status value_of(const struct balact_prior *prior, int64_t j, double *value,
                              struct balact_error *error) {
    *value = prior->values[j];
    if (!(*value >= 0.0) || isinf(*value))
        return balact_fail(error, BALACT_ERROR_RANGE, "prior: class %lld has %s %g; it must be a "
                           "finite number >= 0", (long long)j,
                           prior->kind == BALACT_PRIOR_COUNTS ? "count" : "frequency", *value);
    if (*value > 0.0 || prior->zero_count == BALACT_ZERO_MASK)
        return BALACT_OK;
    if (prior->zero_count == BALACT_ZERO_FLOOR) {
        *value = prior->floor;
        return BALACT_OK;
    }
    return balact_fail(error, BALACT_ERROR_RANGE,
                       "prior: class %lld has no training samples, so its log prior does not "
                       "exist; choose the zero-count policy mask or floor, or drop the class",
                       (long long)j);
}

static balact_status check_prior(const struct balact_prior *prior, int sigmoid_family,
                                 struct balact_error *error) {
    if (!prior->values || prior->classes < 1)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "prior: no classes");
    if ((unsigned)prior->kind > BALACT_PRIOR_FREQUENCIES ||
        (unsigned)prior->zero_count > BALACT_ZERO_FLOOR ||
        (unsigned)prior->background > BALACT_BACKGROUND_IMPLICIT)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "prior: kind, zero_count or background is not one of its enum");
    if (!isfinite(prior->tau))
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "prior: tau is not finite");
    if (prior->zero_count == BALACT_ZERO_FLOOR && !(prior->floor > 0.0 && isfinite(prior->floor)))
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "prior: floor must be > 0, not %g",
                           prior->floor);
    if (!(prior->total >= 0.0) || isinf(prior->total))
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "prior: total must be >= 0, not %g",
                           prior->total);
    if (sigmoid_family && prior->keep_odds_constant && prior->classes < 2)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "prior: log(K - 1) does not exist for one class");
    return BALACT_OK;
}

/* f_j of the sigmoid family; must stay below 1 for its odds to exist. */
static balact_status odds_frequency(const struct balact_prior *prior, int64_t j, double value,
                                    double total, double *frequency, struct balact_error *error) {
    *frequency = prior->kind == BALACT_PRIOR_COUNTS ? value / total : value;
    if (*frequency < 1.0)
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_RANGE,
                       "prior: class %lld has frequency %g; odds f / (1 - f) need f < 1 (is the "
                       "total %g the number of training images?)",
                       (long long)j, *frequency, total);
}

static double offset_of(const struct balact_prior *prior, double value, double sum,
                        double maximum) {
    if (prior->background == BALACT_BACKGROUND_LAST)
        return offset_balanced_softmax_background(prior->tau, value / sum, prior->classes);
    return offset_balanced_softmax(prior->tau, value, maximum);
}

balact_status balact_offset(enum balact_activation activation, const struct balact_prior *prior,
                            float *offset, struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    if (!info || !prior || !offset)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "prior: no such activation, no prior, or no offset to fill");
    int sigmoid_family = info->family == BALACT_FAMILY_SIGMOID;
    balact_status status = check_prior(prior, sigmoid_family, error);
    double sum = 0.0, maximum = 0.0, value, frequency = 0.0;
    for (int64_t j = 0; j < prior->classes && status == BALACT_OK; j++) {
        status = value_of(prior, j, &value, error);
        sum += value;
        maximum = fmax(maximum, value);
    }
    if (status == BALACT_OK && sum == 0.0)
        status = balact_fail(error, BALACT_ERROR_RANGE, "prior: every class has count 0");
    double total = prior->total > 0.0 ? prior->total : sum;
    for (int pass = 0; pass < 2; pass++) /* checks all before it writes any */
        for (int64_t j = 0; j < prior->classes && status == BALACT_OK; j++) {
            status = value_of(prior, j, &value, error);
            if (status == BALACT_OK && sigmoid_family && value > 0.0)
                status = odds_frequency(prior, j, value, total, &frequency, error);
            if (pass == 0 || status != BALACT_OK)
                continue;
            if (value == 0.0)
                offset[j] = -INFINITY;
            else if (sigmoid_family)
                offset[j] = (float)offset_balanced_sigmoid(prior->tau, frequency, prior->classes,
                                                           prior->keep_odds_constant);
            else
                offset[j] = (float)offset_of(prior, value, sum, maximum);
        }
    if (status == BALACT_OK && prior->background == BALACT_BACKGROUND_LAST)
        offset[prior->classes] = 0.0f;
    return status;
}
