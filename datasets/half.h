/* SPDX-License-Identifier: MIT
 *
 * IEEE 754 binary16 to and from float in plain C, exact and rounded to nearest even.
 */
#ifndef BALACT_DATASETS_HALF_H
#define BALACT_DATASETS_HALF_H

#include <stdint.h>
#include <string.h>

/* Every half is a float: exact. A NaN keeps its sign and payload and becomes quiet. */
static inline float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1Fu;
    uint32_t fraction = half & 0x3FFu, bits;
    float value;
    if (exponent == 0x1F) {
        bits = sign | 0x7F800000u | fraction << 13 | (fraction ? 0x00400000u : 0);
    } else if (exponent) {
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        /* zero or subnormal: fraction * 2^-24 is exact in fp32 */
        value = (float)fraction * 0x1p-24f;
        memcpy(&bits, &value, sizeof bits);
        bits |= sign;
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounds to nearest, ties to even; beyond 65504 by half a step or more becomes infinity. */
static inline uint16_t float_to_half(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) /* NaN */
        return (uint16_t)(sign | 0x7E00u | (magnitude >> 13 & 0x3FFu));
    if (magnitude >= 0x477FF000u) /* 65520 and more */
        return (uint16_t)(sign | 0x7C00u);
    if (magnitude < 0x33000001u) /* 2^-25 and less round to 0 */
        return (uint16_t)sign;
    uint32_t exponent = magnitude >> 23, fraction = (magnitude & 0x7FFFFFu) | 0x800000u;
    /* Bits of the 24-bit fraction that fall away: 13, and more the deeper below 2^-14. */
    uint32_t shift = exponent >= 113 ? 13 : 126 - exponent;
    uint32_t kept = fraction >> shift, rest = fraction & ((1u << shift) - 1),
             middle = 1u << (shift - 1);
    kept += rest > middle || (rest == middle && (kept & 1));
    /* A carry out of the fraction raises the exponent by itself. */
    return (uint16_t)(sign | (exponent >= 113 ? kept + ((exponent - 113) << 10) : kept));
}

#endif
