/* SPDX-License-Identifier: MIT
 *
 * See compare.h.
 */
#include "bench/measure/compare.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "reference/storage.h"

const char *quantity_name(enum quantity quantity) {
    static const char *const names[] = {"probability", "gradient", "loss", "lse", "weight"};
    return names[quantity];
}

/* 0 where both are NaN or the same infinity, infinite where they differ in that, -1 if finite. */
static double distance_of_kinds(double value, double expected) {
    if (isfinite(value) && isfinite(expected))
        return -1.0;
    if (isnan(value) || isnan(expected))
        return isnan(value) && isnan(expected) ? 0.0 : INFINITY;
    return value == expected ? 0.0 : INFINITY;
}

double ulp_distance(double value, double expected, double scale) {
    double kinds = distance_of_kinds(value, expected);
    if (kinds >= 0.0)
        return kinds;
    double size = fmax(fabs(expected), scale);
    int exponent;
    frexp(fmax(size, (double)FLT_MIN), &exponent);
    return fabs(value - expected) / ldexp(1.0, exponent - FLT_MANT_DIG);
}

double relative_distance(double value, double expected, double floor) {
    double kinds = distance_of_kinds(value, expected);
    if (kinds >= 0.0)
        return kinds;
    double difference = fabs(value - expected);
    if (difference < (double)FLT_MIN)
        return 0.0;
    return difference / fmax(fabs(expected), floor);
}

/* A magnitude of a 16-bit type as a number; past the largest one the next that the spacing would
 * give, from which rounding to infinity is measured. */
static double magnitude_of(uint16_t bits, enum balact_dtype dtype) {
    if (dtype == BALACT_F16)
        return bits < 0x7c00 ? half_to_double(bits) : 0x1p16;
    return bits < 0x7f80 ? bfloat_to_double(bits) : 0x1p128;
}

double nearest_before_rounding(const void *stored, enum balact_dtype dtype, int64_t index,
                               double wanted) {
    double value = load_element(stored, dtype, index);
    if (dtype == BALACT_F32 || isnan(value) || !isfinite(wanted))
        return value;
    uint16_t bits = ((const uint16_t *)stored)[index] & 0x7fff;
    double size = magnitude_of(bits, dtype);
    double high = isinf(value) ? (double)INFINITY
                               : (size + magnitude_of((uint16_t)(bits + 1), dtype)) / 2;
    double low = bits ? (size + magnitude_of((uint16_t)(bits - 1), dtype)) / 2 : -high;
    return signbit(value) ? fmin(fmax(wanted, -high), -low) : fmin(fmax(wanted, low), high);
}

/* Size of the target term w_j t_ij in a gradient that subtracts it from another of its size. With a
 * hard label there is no such loss of digits. */
static double gradient_scale(const struct instance *in, enum balact_family family, int64_t i,
                             int64_t j) {
    const struct balact_problem *p = &in->problem;
    if (!p->targets && p->label_smoothing == 0.0f)
        return 0.0;
    if (p->labels && p->labels[i] == p->ignore_index)
        return 0.0;
    double s = p->label_smoothing, t;
    if (p->targets)
        t = p->targets[i * p->ld_targets + j];
    else if (family == BALACT_FAMILY_SIGMOID)
        t = (1.0 - s) * (p->labels[i] == j) + s / 2.0;
    else
        t = (1.0 - s) * (p->labels[i] == j) + s / (double)p->cols;
    return fabs(t * (p->class_weight ? p->class_weight[j] : 1.0) *
                (p->row_weight ? p->row_weight[i] : 1.0) * p->grad_scale);
}

static void note(struct worst *worst, double ulp, double relative, bool by_ulp, int64_t row,
                 int64_t col, double value, double expected) {
    if (worst->row < 0 || (by_ulp ? ulp > worst->ulp : relative > worst->relative)) {
        worst->row = row;
        worst->col = col;
        worst->value = value;
        worst->expected = expected;
    }
    worst->ulp = fmax(worst->ulp, ulp);
    worst->relative = fmax(worst->relative, relative);
}

static void compare_rows(const float *got, const float *expected, int64_t rows, double floor,
                         struct worst *worst) {
    for (int64_t i = 0; i < rows; i++)
        note(worst, ulp_distance(got[i], expected[i], floor),
             relative_distance(got[i], expected[i], floor), false, i, 0, got[i], expected[i]);
}

void compare_instances(const struct instance *got, const struct instance *expected,
                       enum balact_activation activation, enum balact_operation operation,
                       struct worst worst[QUANTITY_COUNT]) {
    const struct balact_problem *p = &got->problem;
    enum balact_family family = balact_activation_info(activation)->family;
    bool forward = operation == BALACT_FORWARD || operation == BALACT_FORWARD_IN_PLACE;
    for (int q = 0; q < QUANTITY_COUNT; q++)
        worst[q] = (struct worst){.row = -1};
    if (!forward) {
        compare_rows(got->loss, expected->loss, p->rows, 0.0, &worst[QUANTITY_LOSS]);
        compare_rows(got->weight, expected->weight, p->rows, 0.0, &worst[QUANTITY_WEIGHT]);
    }
    if (family == BALACT_FAMILY_SOFTMAX)
        compare_rows(got->lse, expected->lse, p->rows, 1.0, &worst[QUANTITY_LSE]);
    if (operation == BALACT_LOSS)
        return;
    enum quantity quantity = forward ? QUANTITY_PROBABILITY : QUANTITY_GRADIENT;
    const float *right = expected->problem.out;
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->cols; j++) {
            double b = right[i * expected->problem.ld_out + j];
            double a = nearest_before_rounding(p->out, p->dtype, i * p->ld_out + j, b);
            double scale = forward ? 0.0 : gradient_scale(got, family, i, j);
            note(&worst[quantity], ulp_distance(a, b, scale),
                 relative_distance(a, b, fmax(scale, (double)FLT_MIN)), true, i, j,
                 load_element(p->out, p->dtype, i * p->ld_out + j), b);
        }
}

static bool is_pattern(const void *values, enum balact_dtype dtype, int64_t index) {
    if (dtype != BALACT_F32)
        return ((const uint16_t *)values)[index] == (INSTANCE_PATTERN & 0xffff);
    uint32_t bits;
    memcpy(&bits, (const float *)values + index, sizeof bits);
    return bits == INSTANCE_PATTERN;
}

static bool padding_kept(const void *values, enum balact_dtype dtype, int64_t rows, int64_t cols,
                         int64_t ld) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = cols; j < ld; j++)
            if (!is_pattern(values, dtype, i * ld + j))
                return false;
    return true;
}

static bool untouched(const float *values, int64_t rows) {
    return padding_kept(values, BALACT_F32, 1, 0, rows);
}

static bool same_rows(const float *a, const float *b, int64_t rows, int64_t cols, int64_t ld) {
    for (int64_t i = 0; i < rows; i++)
        if (memcmp(a + i * ld, b + i * ld, (size_t)cols * sizeof *a) != 0)
            return false;
    return true;
}

/* What an operation only reads, against a twin that was made alike. */
static const char *input_damage(const struct instance *in, const struct instance *twin) {
    const struct balact_problem *p = &in->problem;
    if (memcmp(in->labels, twin->labels, (size_t)p->rows * sizeof *in->labels) != 0)
        return "labels were written";
    if (p->targets && !same_rows(in->targets, twin->targets, p->rows, p->cols, p->ld_targets))
        return "targets were written";
    if (p->offset && !same_rows(in->offset, twin->offset, 1, p->cols, p->cols))
        return "the offset was written";
    if (!same_rows(in->class_weight, twin->class_weight, 1, p->cols, p->cols) ||
        !same_rows(in->row_weight, twin->row_weight, 1, p->rows, p->rows))
        return "weights were written";
    return NULL;
}

const char *instance_damage(const struct instance *in, const struct instance *twin,
                            enum balact_activation activation, enum balact_operation operation) {
    const struct balact_problem *p = &in->problem;
    enum balact_family family = balact_activation_info(activation)->family;
    bool forward = operation == BALACT_FORWARD || operation == BALACT_FORWARD_IN_PLACE;
    bool in_place = operation == BALACT_FORWARD_IN_PLACE || operation == BALACT_LOSS_GRAD_IN_PLACE;
    int64_t out_cols = in->out_size / p->rows;
    if (!padding_kept(in->logits, p->dtype, p->rows, p->cols, p->ld))
        return "padding of the logits was written";
    if (!in_place && memcmp(in->logits, in->pristine,
                            (size_t)(in->logits_size * balact_dtype_size(p->dtype))) != 0)
        return "logits were written";
    if (!padding_kept(in->out, p->dtype, p->rows, p->cols, out_cols))
        return "padding of the output was written";
    if (operation == BALACT_LOSS && !padding_kept(in->out, p->dtype, p->rows, 0, out_cols))
        return "the output was written by loss";
    if (forward && !(untouched(in->loss, p->rows) && untouched(in->weight, p->rows)))
        return "loss or weight was written by forward";
    if (family == BALACT_FAMILY_SIGMOID && !untouched(in->lse, p->rows))
        return "lse was written, which the sigmoid family does not have";
    return input_damage(in, twin);
}
