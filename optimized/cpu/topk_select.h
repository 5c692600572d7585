/* SPDX-License-Identifier: MIT
 *
 * The k best of a row for large k, part of topk_template.h: the k-th best value by bisection over
 * the ranks of floats, then its betters in class order, then a stable radix sort of them. The work
 * does not depend on the order of the row.
 */

/* Scratch of one thread. */
struct selection {
    int64_t cols, padded, k; /* padded: cols rounded up to whole vectors */
    float *u;                /* [padded], NaN behind the row */
    uint64_t *item, *other;  /* [k] */
};

static inline int64_t padded_cols(const struct balact_topk_problem *p) {
    return (p->cols + V_WIDTH - 1) / V_WIDTH * V_WIDTH;
}

/* In whole cache lines, so that no two threads share one. cols fits 32 bits: no overflow. */
static inline size_t selection_bytes(const struct balact_topk_problem *p) {
    size_t bytes = (size_t)padded_cols(p) * sizeof(float) + 2 * (size_t)p->k * sizeof(uint64_t);
    return (bytes + 63) / 64 * 64;
}

static inline struct selection selection_in(void *scratch, const struct balact_topk_problem *p) {
    uint64_t *item = scratch;
    return (struct selection){.cols = p->cols,
                              .padded = padded_cols(p),
                              .k = p->k,
                              .u = (float *)(item + 2 * p->k),
                              .item = item,
                              .other = item + p->k};
}

ALWAYS_INLINE void widen_row(enum balact_dtype dtype, bool shifted, const struct ranked_row *row,
                             float *u) {
    int64_t j = 0;
    for (; j + V_WIDTH <= row->cols; j += V_WIDTH)
        v_store(u + j, ranked_load(dtype, shifted, row, j));
    if (j < row->cols) {
        vf last = ranked_load_first(dtype, shifted, row, j, row->cols - j);
        v_store(u + j, v_select(v_first(row->cols - j), last, v_set(NAN)));
    }
}

static inline int64_t count_above(const struct selection *s, float limit) {
    vf v = v_set(limit);
    int64_t count = 0;
    for (int64_t j = 0; j < s->padded; j += V_WIDTH)
        count += __builtin_popcount(v_lanes(v_less(v, v_load(s->u + j))));
    return count;
}

/* The smallest limit that fewer than k values are above, with their number in *above: the k-th best
 * value, or -inf if there are fewer numbers. Ends early at a limit that exactly k are above. */
static inline float find_limit(const struct selection *s, int64_t *above) {
    int64_t low = (int64_t)rank_of(-INFINITY) - 1, high = rank_of(INFINITY);
    *above = 0;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        int64_t count = count_above(s, of_rank((int32_t)middle));
        if (count <= s->k) {
            high = middle;
            *above = count;
        } else {
            low = middle;
        }
        if (count == s->k)
            break;
    }
    return of_rank((int32_t)high);
}

/* Items sort upwards: the larger the value, the smaller its upper half; the class is below. */
static inline uint64_t item_of(float value, int64_t j) {
    uint32_t falling = ~((uint32_t)rank_of(value) ^ UINT32_C(0x80000000));
    return (uint64_t)falling << 32 | (uint64_t)j;
}

/* All above the limit and, as far as there is room, equal to it, in class order; their number. */
static inline int64_t collect(const struct selection *s, float limit, int64_t above) {
    int64_t count = 0, room = s->k - above; /* for equals */
    vf v = v_set(limit);
    for (int64_t j = 0; j < s->padded; j += V_WIDTH) {
        vf u = v_load(s->u + j);
        unsigned bits = v_lanes(v_less(v, u));
        if (room > 0)
            bits |= v_lanes(v_equal(u, v));
        for (; bits; bits &= bits - 1) {
            int64_t at = j + __builtin_ctz(bits);
            if (s->u[at] > limit || room-- > 0)
                s->item[count++] = item_of(s->u[at], at);
        }
    }
    return count;
}

/* Sorts by the upper half, stably, by its four bytes from the lowest; where the result lies. */
static inline const uint64_t *radix_sorted(uint64_t *item, uint64_t *other, int64_t n) {
    uint32_t place[4][256] = {{0}};
    for (int64_t r = 0; r < n; r++)
        for (int digit = 0; digit < 4; digit++)
            place[digit][item[r] >> (32 + 8 * digit) & 255]++;
    for (int digit = 0; digit < 4; digit++) {
        uint32_t sum = 0, *at = place[digit];
        int shift = 32 + 8 * digit;
        if (n == 0 || at[item[0] >> shift & 255] == n) /* all have the same byte */
            continue;
        for (int b = 0; b < 256; b++) {
            uint32_t held = at[b];
            at[b] = sum;
            sum += held;
        }
        for (int64_t r = 0; r < n; r++)
            other[at[item[r] >> shift & 255]++] = item[r];
        uint64_t *swap = item;
        item = other;
        other = swap;
    }
    return item;
}

NOINLINE void select_from(const struct selection *s, int32_t *index, float *value) {
    int64_t above, count;
    float limit = find_limit(s, &above);
    count = collect(s, limit, above);
    const uint64_t *sorted = radix_sorted(s->item, s->other, count);
    for (int64_t r = 0; r < count; r++)
        index[r] = (int32_t)(sorted[r] & UINT32_MAX);
    for (int64_t j = 0; j < s->padded && count < s->k; j += V_WIDTH) { /* too few numbers: NaN */
        vf u = v_load(s->u + j);
        unsigned bits = ~v_lanes(v_equal(u, u)) & v_lanes(v_first(s->cols - j));
        for (; bits && count < s->k; bits &= bits - 1)
            index[count++] = (int32_t)(j + __builtin_ctz(bits));
    }
    for (int64_t r = 0; value && r < s->k; r++)
        value[r] = s->u[index[r]];
}
