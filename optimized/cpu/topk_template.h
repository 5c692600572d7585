/* SPDX-License-Identifier: MIT
 *
 * Ranking of classes (balact/topk.h) on the CPU, for one vector width. avx2.c and avx512.c include
 * this after their vector vocabulary and get the function topk.
 *
 *   k = 1        a running maximum; of the block that gave it, the first place that holds it
 *   k <= 64      a filter: vectors without a value above the k-th best so far are passed over, of
 *                others what is above enters a small sorted list. A lower bound of the k-th best is
 *                known before, from the maxima of the lanes of the row's first block.
 *   larger k     topk_select.h, on a widened copy of the row
 *
 * All of them read the row from memory once. Rows come in class order and a later class must be
 * strictly above to enter, which is the rule for ties. NaN is above nothing, so it never enters;
 * rows with too few numbers are filled up from behind.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "balact/topk.h"
#include "optimized/cpu/rows.h"

enum {
    TOPK_LISTED = 64,  /* largest k of the sorted list */
    TOPK_BLOCK = 2048, /* columns; they stay in the first-level cache between two looks at them */
    TOPK_STEP = 4 * V_WIDTH,
    TOPK_PARALLEL = 65536 /* elements below which waking threads takes longer than the work */
};

struct ranked_row {
    const char *x;
    const float *offset;
    int64_t cols;
};

/* u of columns j .. j + V_WIDTH - 1, of which `count` are there (more: all); the others are read
 * from nowhere and get -inf. dtype and shifted are constants wherever this is inlined. */
ALWAYS_INLINE vf ranked_load_first(enum balact_dtype dtype, bool shifted,
                                   const struct ranked_row *row, int64_t j, int64_t count) {
    vmask inside = v_first(count);
    vf u;
    if (dtype == BALACT_F32)
        u = v_load_masked((const float *)row->x + j, inside);
    else if (dtype == BALACT_F16)
        u = v_load_first_f16((const uint16_t *)row->x + j, count);
    else
        u = v_load_first_bf16((const uint16_t *)row->x + j, count);
    if (shifted)
        u = v_add(u, v_load_masked(row->offset + j, inside));
    return v_select(inside, u, v_set(-INFINITY));
}

ALWAYS_INLINE vf ranked_load(enum balact_dtype dtype, bool shifted, const struct ranked_row *row,
                             int64_t j) {
    vf u;
    if (dtype == BALACT_F32)
        u = v_load((const float *)row->x + j);
    else if (dtype == BALACT_F16)
        u = v_load_f16((const uint16_t *)row->x + j);
    else
        u = v_load_bf16((const uint16_t *)row->x + j);
    return shifted ? v_add(u, v_load(row->offset + j)) : u;
}

/* ---- Order of floats as integers: for neighbours and halves of an interval ---- */

static inline int32_t rank_of(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >= 0 ? bits : INT32_MIN - bits; /* -0 and +0 are both 0 */
}

static inline float of_rank(int32_t rank) {
    int32_t bits = rank >= 0 ? rank : INT32_MIN - rank;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- Maxima ---- */

struct maxima {
    vf a, b, c, d;
};

/* Every column of [begin, end) is under one lane of the result; NaN under none. */
ALWAYS_INLINE struct maxima block_maxima(enum balact_dtype dtype, bool shifted,
                                         const struct ranked_row *row, int64_t begin, int64_t end) {
    vf nothing = v_set(-INFINITY);
    struct maxima m = {nothing, nothing, nothing, nothing};
    int64_t j = begin;
    for (; j + TOPK_STEP <= end; j += TOPK_STEP) {
        m.a = v_max(ranked_load(dtype, shifted, row, j), m.a);
        m.b = v_max(ranked_load(dtype, shifted, row, j + V_WIDTH), m.b);
        m.c = v_max(ranked_load(dtype, shifted, row, j + 2 * V_WIDTH), m.c);
        m.d = v_max(ranked_load(dtype, shifted, row, j + 3 * V_WIDTH), m.d);
    }
    for (; j < end; j += V_WIDTH) {
        m.a = v_max(ranked_load_first(dtype, shifted, row, j, end - j), m.a);
        vf turn = m.a; /* so that the last vectors do not all fall under the same lanes */
        m.a = m.b, m.b = m.c, m.c = m.d, m.d = turn;
    }
    return m;
}

static inline vf maxima_joined(struct maxima m) {
    return v_max(v_max(m.a, m.b), v_max(m.c, m.d));
}

ALWAYS_INLINE int64_t block_end(const struct ranked_row *row, int64_t begin) {
    return row->cols - begin < TOPK_BLOCK ? row->cols : begin + TOPK_BLOCK;
}

/* Writes the first class from column j on whose value is `wanted`. If there is none, all of the row
 * is NaN and j is 0: that one comes first. */
ALWAYS_INLINE void first_equal(enum balact_dtype dtype, bool shifted, const struct ranked_row *row,
                               int64_t j, float wanted, int32_t *index, float *value) {
    float lanes[V_WIDTH];
    unsigned found = 0;
    for (int64_t at = j; at < row->cols && !found; at += V_WIDTH) {
        vf u = ranked_load_first(dtype, shifted, row, at, row->cols - at);
        found = v_lanes(v_equal(u, v_set(wanted))) & v_lanes(v_first(row->cols - at));
        j = found ? at : j;
    }
    int lane = found ? __builtin_ctz(found) : 0;
    *index = (int32_t)(j + lane);
    if (value) { /* the element's own: which zero, which NaN */
        v_store(lanes, ranked_load_first(dtype, shifted, row, j, row->cols - j));
        *value = lanes[lane];
    }
}

ALWAYS_INLINE void best_of_row(enum balact_dtype dtype, bool shifted, const struct ranked_row *row,
                               int32_t *index, float *value) {
    float best = -INFINITY;
    int64_t where = 0;
    for (int64_t begin = 0; begin < row->cols; begin += TOPK_BLOCK) {
        float m = v_largest(
            maxima_joined(block_maxima(dtype, shifted, row, begin, block_end(row, begin))));
        where = m > best ? begin : where;
        best = m > best ? m : best;
    }
    first_equal(dtype, shifted, row, where, best, index, value);
}

/* ---- A sorted list ---- */

struct topk_list {
    float value[TOPK_LISTED];
    int32_t index[TOPK_LISTED];
    int64_t k, count;
    float limit; /* only what is above enters: the k-th best, or something below it */
};

/* Classes must come in order: equal ones stay in it. */
static inline void list_insert(struct topk_list *list, float value, int32_t index) {
    int64_t at = list->count < list->k ? list->count++ : list->k - 1;
    for (; at > 0 && list->value[at - 1] < value; at--) {
        list->value[at] = list->value[at - 1];
        list->index[at] = list->index[at - 1];
    }
    list->value[at] = value;
    list->index[at] = index;
    if (list->count == list->k)
        list->limit = list->value[list->k - 1];
}

/* Apart from the walk along the row, which shall stay small: few vectors come here. */
NOINLINE void list_take(struct topk_list *list, vf u, int64_t j) {
    float lanes[V_WIDTH];
    v_store(lanes, u);
    for (unsigned bits = v_lanes(v_less(v_set(list->limit), u)); bits; bits &= bits - 1) {
        int lane = __builtin_ctz(bits);
        if (lanes[lane] > list->limit)
            list_insert(list, lanes[lane], (int32_t)(j + lane));
    }
}

/* The k-th largest lane, by counting for each how many are at least as large. */
static inline float kth_lane(vf v, int64_t k) {
    vf turned = v, count = v_set(1.0f);
    for (int l = 1; l < V_WIDTH; l++) {
        turned = v_turned(turned);
        count = v_add(count, v_keep(v_not_less(turned, v), v_set(1.0f)));
    }
    return v_largest(v_select(v_not_less(count, v_set((float)k)), v, v_set(-INFINITY)));
}

/* A value that at least k columns under these maxima reach, or -inf. */
static inline float reached_by(struct maxima m, int64_t k) {
    if (k <= V_WIDTH / 2)
        return kth_lane(maxima_joined(m), k);
    int64_t share = (k + 3) / 4;
    if (share > V_WIDTH)
        return -INFINITY;
    float low = fminf(kth_lane(m.a, share), kth_lane(m.b, share));
    return fminf(low, fminf(kth_lane(m.c, share), kth_lane(m.d, share)));
}

/* Fills a list of all numbers above -inf up: with -inf, then with NaN, in order of the classes. */
ALWAYS_INLINE void list_fill(enum balact_dtype dtype, bool shifted, const struct ranked_row *row,
                             struct topk_list *list) {
    for (int nan = 0; nan < 2; nan++)
        for (int64_t j = 0; j < row->cols && list->count < list->k; j += V_WIDTH) {
            vf u = ranked_load_first(dtype, shifted, row, j, row->cols - j);
            unsigned bits = nan ? ~v_lanes(v_equal(u, u)) : v_lanes(v_equal(u, v_set(-INFINITY)));
            float lanes[V_WIDTH];
            v_store(lanes, u);
            bits &= v_lanes(v_first(row->cols - j));
            for (; bits && list->count < list->k; bits &= bits - 1) {
                int lane = __builtin_ctz(bits);
                list->value[list->count] = lanes[lane];
                list->index[list->count++] = (int32_t)(j + lane);
            }
        }
}

ALWAYS_INLINE void list_of_row(enum balact_dtype dtype, bool shifted, const struct ranked_row *row,
                               struct topk_list *list) {
    float bound = reached_by(block_maxima(dtype, shifted, row, 0, block_end(row, 0)), list->k);
    list->limit = bound > -INFINITY ? of_rank(rank_of(bound) - 1) : bound;
    vf limit = v_set(list->limit);
    int64_t j = 0;
    for (; j + TOPK_STEP <= row->cols; j += TOPK_STEP) {
        vf a = ranked_load(dtype, shifted, row, j);
        vf b = ranked_load(dtype, shifted, row, j + V_WIDTH);
        vf c = ranked_load(dtype, shifted, row, j + 2 * V_WIDTH);
        vf d = ranked_load(dtype, shifted, row, j + 3 * V_WIDTH);
        /* a number, and therefore last in v_max, each time */
        vf largest = v_max(d, v_max(c, v_max(b, v_max(a, limit))));
        if (!v_lanes(v_less(limit, largest)))
            continue;
        list_take(list, a, j);
        list_take(list, b, j + V_WIDTH);
        list_take(list, c, j + 2 * V_WIDTH);
        list_take(list, d, j + 3 * V_WIDTH);
        limit = v_set(list->limit);
    }
    for (; j < row->cols; j += V_WIDTH)
        list_take(list, ranked_load_first(dtype, shifted, row, j, row->cols - j), j);
    if (list->count < list->k)
        list_fill(dtype, shifted, row, list);
}

#include "optimized/cpu/topk_select.h"

/* ---- One row of a problem, by element type, with and without offset ---- */

typedef void topk_row(const struct balact_topk_problem *p, int64_t i, void *scratch);

#define TOPK_ROWS(name, dtype, shifted)                                                            \
    static void name##_best(const struct balact_topk_problem *p, int64_t i, void *scratch) {       \
        struct ranked_row row = ranked_row_of(p, i);                                               \
        (void)scratch;                                                                             \
        best_of_row(dtype, shifted, &row, p->index + i * p->ld_out,                                \
                    p->value ? p->value + i * p->ld_out : NULL);                                   \
    }                                                                                              \
    static void name##_list(const struct balact_topk_problem *p, int64_t i, void *scratch) {       \
        struct ranked_row row = ranked_row_of(p, i);                                               \
        struct topk_list list;                                                                     \
        (void)scratch;                                                                             \
        list.k = p->k, list.count = 0;                                                             \
        list_of_row(dtype, shifted, &row, &list);                                                  \
        memcpy(p->index + i * p->ld_out, list.index, (size_t)p->k * sizeof *list.index);           \
        if (p->value)                                                                              \
            memcpy(p->value + i * p->ld_out, list.value, (size_t)p->k * sizeof *list.value);       \
    }                                                                                              \
    static void name##_select(const struct balact_topk_problem *p, int64_t i, void *scratch) {     \
        struct ranked_row row = ranked_row_of(p, i);                                               \
        struct selection s = selection_in(scratch, p);                                             \
        widen_row(dtype, shifted, &row, s.u);                                                      \
        select_from(&s, p->index + i * p->ld_out, p->value ? p->value + i * p->ld_out : NULL);     \
    }

static inline struct ranked_row ranked_row_of(const struct balact_topk_problem *p, int64_t i) {
    const char *x = (const char *)p->logits + i * p->ld * (p->dtype == BALACT_F32 ? 4 : 2);
    return (struct ranked_row){.x = x, .offset = p->offset, .cols = p->cols};
}

TOPK_ROWS(f32, BALACT_F32, false)
TOPK_ROWS(f32_shifted, BALACT_F32, true)
TOPK_ROWS(f16, BALACT_F16, false)
TOPK_ROWS(f16_shifted, BALACT_F16, true)
TOPK_ROWS(bf16, BALACT_BF16, false)
TOPK_ROWS(bf16_shifted, BALACT_BF16, true)

enum topk_way { TOPK_BEST, TOPK_LIST, TOPK_SELECT, TOPK_WAYS };

static topk_row *const topk_rows[][2][TOPK_WAYS] = {
    [BALACT_F32] = {{f32_best, f32_list, f32_select},
                    {f32_shifted_best, f32_shifted_list, f32_shifted_select}},
    [BALACT_F16] = {{f16_best, f16_list, f16_select},
                    {f16_shifted_best, f16_shifted_list, f16_shifted_select}},
    [BALACT_BF16] = {{bf16_best, bf16_list, bf16_select},
                     {bf16_shifted_best, bf16_shifted_list, bf16_shifted_select}},
};

/* ---- The whole ---- */

static int topk_threads(const struct balact_topk_problem *p) {
    int threads = balact_threads();
    if (p->rows * p->cols < TOPK_PARALLEL || threads < 1)
        return 1;
    return threads < p->rows ? threads : (int)p->rows;
}

static balact_status topk(const struct balact_topk_problem *p) {
    enum topk_way way = p->k == 1 ? TOPK_BEST : p->k <= TOPK_LISTED ? TOPK_LIST : TOPK_SELECT;
    topk_row *row = topk_rows[p->dtype][p->offset != NULL][way];
    int threads = topk_threads(p);
    size_t bytes = way == TOPK_SELECT ? selection_bytes(p) : 0;
    char *scratch = NULL;
    if (bytes && !(scratch = malloc(bytes * (size_t)threads))) /* of all, before anything begins */
        return BALACT_ERROR_MEMORY;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < p->rows; i++) {
        size_t thread = 0;
#ifdef _OPENMP
        thread = (size_t)omp_get_thread_num();
#endif
        row(p, i, scratch ? scratch + thread * bytes : NULL);
    }
    free(scratch);
    return BALACT_OK;
}
