/* SPDX-License-Identifier: MIT
 *
 * Run-length masks (balact/mask.h): memory, text form, union, area, box. Polygons are in
 * mask_polygon.c, pairs in mask_iou.c.
 *
 * Runs of length 0 in the middle are no mask that a program would write, but the official code
 * takes them and its results for them follow from how it walks; walks here go the same way.
 */
#include "balact/mask.h"

#include <stdlib.h>
#include <string.h>

#include "bench/evaluate/mask.h"

void balact_mask_release(struct balact_mask *mask) {
    free(mask->counts);
    memset(mask, 0, sizeof *mask);
}

balact_status balact_mask_prepare(struct balact_mask *mask, int64_t runs, int32_t height,
                                  int32_t width, struct balact_error *error) {
    if (height < 0 || width < 0 || (int64_t)height * width > BALACT_MASK_PIXELS_MAX)
        return balact_fail(error, BALACT_ERROR_RANGE, "a mask of %d x %d pixels", width, height);
    if (runs > mask->capacity || !mask->counts) {
        int64_t capacity = runs + runs / 2 + 16;
        uint32_t *counts = realloc(mask->counts, (size_t)capacity * sizeof *counts);
        if (!counts)
            return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory: a mask of %lld runs",
                               (long long)runs);
        mask->counts = counts;
        mask->capacity = capacity;
    }
    mask->runs = 0;
    mask->height = height;
    mask->width = width;
    return BALACT_OK;
}

/* ---- Reading and writing ---- */

static balact_status expect_full(const struct balact_mask *mask, int64_t total,
                                 struct balact_error *error) {
    int64_t pixels = (int64_t)mask->height * mask->width;
    if (total == pixels)
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_RANGE,
                       "the runs make %lld pixels, the image of %d x %d has %lld (another image's "
                       "mask, or width and height exchanged?)",
                       (long long)total, mask->width, mask->height, (long long)pixels);
}

balact_status balact_mask_from_counts(struct balact_mask *mask, const uint32_t *counts,
                                      int64_t runs, int32_t height, int32_t width,
                                      struct balact_error *error) {
    balact_status status = balact_mask_prepare(mask, runs, height, width, error);
    if (status != BALACT_OK)
        return status;
    int64_t total = 0;
    for (int64_t i = 0; i < runs; i++)
        total += counts[i];
    status = expect_full(mask, total, error);
    if (status != BALACT_OK)
        return status;
    if (runs)
        memcpy(mask->counts, counts, (size_t)runs * sizeof *counts);
    mask->runs = runs;
    return BALACT_OK;
}

static balact_status text_fail(struct balact_error *error, balact_status status, size_t place,
                               const char *what) {
    (void)balact_fail(error, status, "run-length text: %s at character %zu", what, place);
    if (error)
        error->byte = (int64_t)place;
    return status;
}

enum { DIGIT_BITS = 5, DIGITS_MAX = 7 };

balact_status balact_mask_from_text(struct balact_mask *mask, const char *text, size_t length,
                                    int32_t height, int32_t width, struct balact_error *error) {
    balact_status status = balact_mask_prepare(mask, (int64_t)length, height, width, error);
    if (status != BALACT_OK)
        return status;
    uint32_t *counts = mask->counts;
    int64_t runs = 0, total = 0;
    for (size_t p = 0; p < length;) {
        size_t begin = p;
        int64_t x = 0;
        unsigned digit, shift = 0;
        do {
            if (p == length)
                return text_fail(error, BALACT_ERROR_FORMAT, begin, "a number that breaks off");
            digit = (unsigned)(unsigned char)text[p] - '0';
            if (digit >= 64)
                return text_fail(error, BALACT_ERROR_FORMAT, p, "a character that is no digit");
            if (shift == DIGIT_BITS * DIGITS_MAX)
                return text_fail(error, BALACT_ERROR_FORMAT, begin, "a number too long");
            x |= (int64_t)(digit & 31) << shift;
            shift += DIGIT_BITS;
            p++;
        } while (digit & 32);
        if (digit & 16)
            x -= (int64_t)1 << shift;
        if (runs > 2)
            x += counts[runs - 2];
        if (x < 0 || x > BALACT_MASK_PIXELS_MAX)
            return text_fail(error, BALACT_ERROR_RANGE, begin, "a run of impossible length");
        counts[runs++] = (uint32_t)x;
        total += x;
    }
    mask->runs = runs;
    return expect_full(mask, total, error);
}

void balact_mask_to_text(const struct balact_mask *mask, char *text, size_t *length) {
    char *at = text;
    for (int64_t i = 0; i < mask->runs; i++) {
        int64_t x = mask->counts[i];
        bool more = true;
        if (i > 2)
            x -= mask->counts[i - 2];
        while (more) {
            unsigned digit = (unsigned)((uint64_t)x & 31);
            x = (x - (int64_t)digit) / 32;
            more = digit & 16 ? x != -1 : x != 0;
            *at++ = (char)('0' + (digit | (more ? 32U : 0U)));
        }
    }
    *at = '\0';
    *length = (size_t)(at - text);
}

/* ---- Two masks at once ---- */

void balact_mask_walk_begin(struct mask_walk *walk, const struct balact_mask *mask) {
    walk->next = mask->counts;
    walk->end = mask->counts + mask->runs;
    walk->left = mask->runs ? *walk->next++ : 0;
    walk->inside = false;
}

balact_status balact_mask_merge(struct balact_mask *mask, const struct balact_mask *a,
                                const struct balact_mask *b, bool intersect,
                                struct balact_error *error) {
    if (a->height != b->height || a->width != b->width)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "masks of %d x %d and %d x %d pixels",
                           a->width, a->height, b->width, b->height);
    balact_status status =
        balact_mask_prepare(mask, a->runs + b->runs + 1, a->height, a->width, error);
    if (status != BALACT_OK)
        return status;
    struct mask_walk wa, wb;
    balact_mask_walk_begin(&wa, a);
    balact_mask_walk_begin(&wb, b);
    bool inside = false, more = true;
    for (uint32_t run = 0; more;) {
        bool before = inside;
        uint32_t step = wa.left < wb.left ? wa.left : wb.left;
        run += step;
        mask_walk_step(&wa, step);
        mask_walk_step(&wb, step);
        more = wa.left + wb.left > 0;
        inside = intersect ? wa.inside && wb.inside : wa.inside || wb.inside;
        if (inside != before || !more) {
            mask->counts[mask->runs++] = run;
            run = 0;
        }
    }
    return BALACT_OK;
}

/* ---- One mask ---- */

uint32_t balact_mask_area(const struct balact_mask *mask) {
    uint32_t area = 0;
    for (int64_t i = 1; i < mask->runs; i += 2)
        area += mask->counts[i];
    return area;
}

/* A box while pixels are added. */
struct extent {
    uint32_t left, top, right, bottom;
};

static inline void extend(struct extent *e, uint32_t x, uint32_t y) {
    e->left = x < e->left ? x : e->left;
    e->right = x > e->right ? x : e->right;
    e->top = y < e->top ? y : e->top;
    e->bottom = y > e->bottom ? y : e->bottom;
}

/* Columns only grow from run to run, so no division is needed. Empty runs of ones have no place. */
static void find_extent(const struct balact_mask *mask, struct extent *e) {
    uint32_t height = (uint32_t)mask->height, at = 0, column = 0, base = 0;
    int64_t even = mask->runs / 2 * 2;
    for (int64_t i = 0; i < even; i += 2) {
        at += mask->counts[i];
        if (mask->counts[i + 1] == 0)
            continue;
        for (; at - base >= height; base += height)
            column++;
        extend(e, column, at - base);
        uint32_t first = column;
        at += mask->counts[i + 1];
        for (; at - 1 - base >= height; base += height)
            column++;
        extend(e, column, at - 1 - base);
        if (column > first) {
            e->top = 0;
            e->bottom = height - 1;
        }
    }
}

static bool is_plain(const struct balact_mask *mask) {
    bool empty = false;
    for (int64_t i = 1; i < mask->runs; i++)
        empty |= mask->counts[i] == 0;
    return !empty;
}

void balact_mask_box(const struct balact_mask *mask, double box[4]) {
    struct extent e = {UINT32_MAX, UINT32_MAX, 0, 0};
    memset(box, 0, 4 * sizeof *box);
    find_extent(mask, &e);
    if (e.left == UINT32_MAX)
        return;
    box[0] = e.left;
    box[1] = e.top;
    box[2] = e.right - e.left + 1;
    box[3] = e.bottom - e.top + 1;
}

void balact_mask_measure(const struct balact_mask *mask, struct balact_mask_measure *measure) {
    measure->plain = is_plain(mask);
    measure->area = balact_mask_area(mask);
    balact_mask_box(mask, measure->box);
}
