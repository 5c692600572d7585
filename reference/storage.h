/* SPDX-License-Identifier: MIT
 *
 * Storage types of balact/activations.h, read into double and rounded to nearest even from it.
 */
#ifndef BALACT_REFERENCE_STORAGE_H
#define BALACT_REFERENCE_STORAGE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "balact/activations.h"

/* IEEE 754 half precision to double; exact. */
static inline double half_to_double(uint16_t half) {
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double magnitude = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                       : exponent == 0 ? ldexp(fraction, -24)
                                       : ldexp(1024 + fraction, exponent - 25);
    return half & 0x8000 ? -magnitude : magnitude;
}

/* Rounds value to a binary format of `fraction_bits` stored fraction bits, smallest normal exponent
 * `lowest` and largest `highest`; returns the value that the format holds. */
static inline double round_to_format(double value, int fraction_bits, int lowest, int highest) {
    int exponent;
    if (!isfinite(value) || value == 0.0)
        return value;
    frexp(value, &exponent); /* value = f * 2^exponent, f in [0.5, 1) */
    if (exponent - 1 < lowest)
        exponent = lowest + 1; /* subnormals share the smallest exponent's spacing */
    double spacing = ldexp(1.0, exponent - 1 - fraction_bits);
    double rounded = nearbyint(value / spacing) * spacing;
    return fabs(rounded) >= ldexp(1.0, highest + 1) ? copysign(INFINITY, value) : rounded;
}

static inline uint16_t double_to_half(double value) {
    uint16_t sign = signbit(value) ? 0x8000 : 0;
    if (isnan(value))
        return sign | 0x7e00;
    double magnitude = fabs(round_to_format(value, 10, -14, 15));
    if (isinf(magnitude))
        return sign | 0x7c00;
    if (magnitude < 0x1p-14)
        return sign | (uint16_t)ldexp(magnitude, 24);
    int exponent;
    double fraction = frexp(magnitude, &exponent);
    return (uint16_t)(sign | (exponent + 14) << 10 | ((int)ldexp(fraction, 11) & 1023));
}

static inline double bfloat_to_double(uint16_t bits) {
    uint32_t word = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static inline uint16_t double_to_bfloat(double value) {
    float rounded = (float)round_to_format(value, 7, -126, 127);
    uint32_t word;
    memcpy(&word, &rounded, sizeof word);
    return isnan(value) ? (uint16_t)(word >> 16 | 0x40) : (uint16_t)(word >> 16);
}

static inline double load_element(const void *data, enum balact_dtype dtype, int64_t index) {
    switch (dtype) {
    case BALACT_F16: return half_to_double(((const uint16_t *)data)[index]);
    case BALACT_BF16: return bfloat_to_double(((const uint16_t *)data)[index]);
    case BALACT_F32: break;
    }
    return ((const float *)data)[index];
}

static inline void store_element(void *data, enum balact_dtype dtype, int64_t index,
                                 double value) {
    switch (dtype) {
    case BALACT_F16: ((uint16_t *)data)[index] = double_to_half(value); return;
    case BALACT_BF16: ((uint16_t *)data)[index] = double_to_bfloat(value); return;
    case BALACT_F32: ((float *)data)[index] = (float)value; return;
    }
}

#endif
