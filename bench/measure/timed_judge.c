/* SPDX-License-Identifier: MIT
 *
 * See timed_data.h: judging results.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/measure/compare.h"
#include "bench/measure/timed_data.h"
#include "reference/storage.h"

static bool is_forward(enum balact_operation operation) {
    return operation == BALACT_FORWARD || operation == BALACT_FORWARD_IN_PLACE;
}

static void wrong(struct timed_verdict *verdict, const char *what, int64_t row, int64_t col,
                  double value, double expected) {
    if (verdict->right)
        snprintf(verdict->why, sizeof verdict->why,
                 "%s of row %lld, column %lld is %.9g, by the reference %.9g", what, (long long)row,
                 (long long)col, value, expected);
    verdict->right = false;
}

/* Distance in units in the last place of the storage type at `expected`, which is fp32; infinite
 * where only one of the two is a number. */
static double storage_ulp(enum balact_dtype dtype, double value, float expected) {
    int digits = dtype == BALACT_BF16 ? 8 : 11, lowest = dtype == BALACT_BF16 ? -125 : -13,
        exponent;
    if (dtype == BALACT_F32)
        return ulp_distance((float)value, expected, 0.0);
    if (isnan(value) || isnan(expected))
        return isnan(value) && isnan(expected) ? 0.0 : INFINITY;
    frexp((double)expected, &exponent);
    if (exponent < lowest || expected == 0.0f)
        exponent = lowest;
    return fabs(value - (double)expected) / ldexp(1.0, exponent - digits);
}

/* A result stored in fewer digits is rounded once more, by half a unit. */
static double bound_of(const struct timed_data *data, enum balact_operation operation) {
    const struct balact_activation_info *info = balact_activation_info(data->activation);
    double bound = is_forward(operation) ? info->probability_ulp : info->gradient_ulp;
    if (data->dtype == BALACT_F32)
        return bound;
    return 0.5 + bound * (data->dtype == BALACT_BF16 ? 0x1p-16 : 0x1p-13);
}

static void judge_losses(const struct timed_data *data, enum balact_operation operation,
                         struct timed_verdict *verdict) {
    const struct balact_activation_info *info = balact_activation_info(data->activation);
    for (int64_t k = 0; k < data->checked_count; k++) {
        int64_t i = data->checked[k];
        if (!is_forward(operation)) {
            double far = relative_distance(data->loss[i], data->expected_loss[k], 0.0);
            verdict->worst_relative = fmax(verdict->worst_relative, far);
            if (!(far <= info->loss_relative))
                wrong(verdict, "the loss", i, 0, data->loss[i], data->expected_loss[k]);
            if (data->weight[i] != 1.0f)
                wrong(verdict, "the weight", i, 0, data->weight[i], 1.0);
        }
        if (info->family == BALACT_FAMILY_SOFTMAX &&
            !(relative_distance(data->lse[i], data->expected_lse[k], 1.0) <= info->loss_relative))
            wrong(verdict, "the lse", i, 0, data->lse[i], data->expected_lse[k]);
    }
}

static void judge_padding(const struct timed_data *data, const void *out,
                          struct timed_verdict *verdict) {
    const struct balact_problem *p = &data->problem;
    for (int64_t i = 0; i < p->rows && data->shape->pad; i++)
        for (int64_t j = p->cols; j < p->ld_out; j++) {
            double value = load_element(out, data->dtype, i * p->ld_out + j);
            if (!isnan(value)) /* as timed_data_reset() left it */
                wrong(verdict, "the padding", i, j, value, NAN);
        }
}

struct timed_verdict timed_judge(const struct timed_data *data, enum balact_operation operation) {
    struct timed_verdict verdict = {.right = true, .worst_ulp = NAN, .worst_relative = 0.0};
    struct balact_problem p = timed_problem(data, operation);
    double bound = bound_of(data, operation);
    judge_losses(data, operation, &verdict);
    if (operation == BALACT_LOSS)
        return verdict;
    verdict.worst_ulp = 0.0;
    for (int64_t k = 0; k < data->checked_count; k++)
        for (int64_t j = 0; j < p.cols; j++) {
            int64_t i = data->checked[k];
            double value = load_element(p.out, data->dtype, i * p.ld_out + j);
            float expected = data->expected[k * p.cols + j];
            double far = storage_ulp(data->dtype, value, expected);
            verdict.worst_ulp = fmax(verdict.worst_ulp, far);
            if (!(far <= bound))
                wrong(&verdict, is_forward(operation) ? "the probability" : "the gradient", i, j,
                      value, expected);
        }
    judge_padding(data, p.out, &verdict);
    return verdict;
}

/* The loss of a peer is one number, which can be judged where all rows were checked. */
static void judge_total(const struct timed_data *data, struct timed_verdict *verdict) {
    double loss, sum = 0.0;
    memcpy(&loss, data->shared.memory + data->at.loss, sizeof loss);
    if (isnan(loss) || data->checked_count < data->shape->rows)
        return;
    for (int64_t k = 0; k < data->checked_count; k++)
        sum += data->expected_loss[k];
    sum *= data->problem.grad_scale;
    verdict->worst_relative = fabs(loss - sum) / fabs(sum);
    if (!(verdict->worst_relative <= 1e-4))
        wrong(verdict, "the whole loss", 0, 0, loss, sum);
}

struct timed_verdict timed_judge_peer(const struct timed_data *data,
                                      enum balact_operation operation) {
    struct timed_verdict verdict = {.right = true};
    int64_t cols = data->problem.cols;
    for (int64_t k = 0; k < data->checked_count; k++) {
        const float *expected = data->expected + k * cols;
        double largest = 0.0;
        for (int64_t j = 0; j < cols; j++)
            largest = fmax(largest, fabs((double)expected[j]));
        for (int64_t j = 0; j < cols; j++) {
            double value = load_element(data->shared.memory + data->at.out, data->dtype,
                                        data->checked[k] * cols + j);
            double far = storage_ulp(data->dtype, value, expected[j]);
            verdict.worst_ulp = fmax(verdict.worst_ulp, far);
            if (!(fabs(value - (double)expected[j]) <=
                  1e-4 * fabs((double)expected[j]) + 1e-6 * largest))
                wrong(&verdict, "the result", data->checked[k], j, value, expected[j]);
        }
    }
    if (!is_forward(operation))
        judge_total(data, &verdict);
    return verdict;
}
