/* SPDX-License-Identifier: MIT
 *
 * The device's fast functions: as far off as it says of them, so that a bound which holds here has
 * not been met by the host's better ones.
 */
#include <math.h>

#include "machine.h"

namespace emulation {

static uint32_t bits_of(float x) {
    return emulated_cuda::same_bits<uint32_t>(x);
}

/* -1, 0 or 1 by the bits of x. */
static int like_chance(float x) {
    uint32_t h = bits_of(x) * 0x9e3779b1u;
    h ^= h >> 15;
    h *= 0x85ebca77u;
    h ^= h >> 13;
    return (int)(h % 3) - 1;
}

static float flush(float x) {
    return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x;
}

static float moved(float y, int steps) {
    if (y == 0.0f || !isfinite(y))
        return y;
    return flush(emulated_cuda::same_bits<float>(bits_of(y) + (uint32_t)steps));
}

/* Nearest and up to one unit more: 2^-22.4 at most. */
float exp2_approx(float x) {
    x = flush(x);
    return x == 0.0f ? 1.0f : moved(flush(exp2f(x)), like_chance(x));
}

/* One of the two neighbours: less than a unit off. */
float reciprocal_approx(float x) {
    x = flush(x);
    float y = 1.0f / x;
    double error = 1.0 / (double)x - (double)y;
    if (!isfinite(y) || error == 0.0 || like_chance(x) >= 0)
        return flush(y);
    return moved(flush(y), (error > 0.0) == (y > 0.0f) ? 1 : -1);
}

} // namespace emulation
