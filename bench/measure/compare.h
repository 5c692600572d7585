/* SPDX-License-Identifier: MIT
 *
 * How far a value is from the reference's. Not finite in one means not finite in the same way in
 * the other, or the distance is infinite; NaN is never near anything but NaN.
 */
#ifndef BALACT_BENCH_MEASURE_COMPARE_H
#define BALACT_BENCH_MEASURE_COMPARE_H

#include "bench/measure/cases.h"

/* The kinds of numbers an operation returns. */
enum quantity {
    QUANTITY_PROBABILITY,
    QUANTITY_GRADIENT,
    QUANTITY_LOSS,
    QUANTITY_LSE,
    QUANTITY_WEIGHT,
    QUANTITY_COUNT
};
const char *quantity_name(enum quantity quantity);

/* |value - expected| in units in the last place of max(|expected|, scale), fp32 subnormals
 * included. scale >= 0 is the size of the operands where the result is a difference of given
 * numbers (soft targets), and 0 otherwise. */
double ulp_distance(double value, double expected, double scale);

/* |value - expected| / max(|expected|, floor); differences below FLT_MIN count as none. */
double relative_distance(double value, double expected, double floor);

/* Of all numbers that round to the stored element (to nearest; a tie may go either way), the one
 * nearest to wanted. So the distance between the two is what fp32 arithmetic must have erred by for
 * storage to round to that element, and 16-bit results keep the bounds of fp32 ones. In fp32, and
 * where either is NaN or wanted is infinite: the element itself. */
double nearest_before_rounding(const void *stored, enum balact_dtype dtype, int64_t index,
                               double wanted);

/* Worst distances of one quantity, and where. */
struct worst {
    double ulp, relative;
    int64_t row, col; /* of the worst by the quantity's own measure */
    double value, expected;
};

/* Compares what two runs of `operation` left in two instances of the same case and set; expected
 * holds the numbers of got in fp32 (see instance_widen) and results of the reference. Fills
 * worst[quantity] for those the operation returns and leaves the others at row = -1. */
void compare_instances(const struct instance *got, const struct instance *expected,
                       enum balact_activation activation, enum balact_operation operation,
                       struct worst worst[QUANTITY_COUNT]);

/* NULL if `operation` left padding, inputs and the results of other operations as they were; else
 * what it broke. twin: an instance made with the same arguments, by which inputs are judged. */
const char *instance_damage(const struct instance *in, const struct instance *twin,
                            enum balact_activation activation, enum balact_operation operation);

#endif
