/* SPDX-License-Identifier: MIT
 *
 * Rasterising polygons (balact/mask.h), bit for bit as the official mask code does.
 *
 * That code draws the outline on a grid five times finer, one step along the longer side of each
 * edge at a time, rounds the other side, and looks where the drawn line passes the middle of a
 * column of pixels, that is from fine column 5x + 2 to 5x + 3. Each such passage is a border
 * between outside and inside in column x, at the row to which the higher of its two points rounds
 * up. Sorted borders are the runs, two at one place cancel. Only those passages are computed here,
 * with the very arithmetic of the walk, so that an edge costs its columns and not its length; that
 * passages never fall on a vertex follows from both ends of an edge being drawn exactly at the
 * rounded vertices, at least where they are not left of the image, where nothing counts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/evaluate/mask.h"

enum { FINE = 5, MIDDLE = 2 };

/* Borders of one polygon: pixels x * height + y, grouped by column. */
struct borders {
    int32_t height, width;
    uint32_t *border;
    int64_t count, capacity;
    bool failed;
};

static void add_border(struct borders *b, int64_t column, int64_t fine_row) {
    int64_t row = fine_row < MIDDLE ? 0 : (fine_row + MIDDLE) / FINE;
    if (b->count == b->capacity) {
        int64_t capacity = 2 * b->capacity + 256;
        uint32_t *grown = realloc(b->border, (size_t)capacity * sizeof *grown);
        if (!grown) {
            b->failed = true;
            return;
        }
        b->border = grown;
        b->capacity = capacity;
    }
    row = row < b->height ? row : b->height;
    b->border[b->count++] = (uint32_t)(column * b->height + row);
}

/* The other side of an edge t steps from its start. The sum is rounded and cut to a whole number in
 * this order; (int) goes towards 0, also for what lies outside. */
static inline int along(int start, double slope, int t) {
    return (int)(start + slope * t + .5);
}

/* First and last column whose middle the fine interval [from, to] passes, within the image. */
static void columns_passed(const struct borders *b, int from, int to, int64_t *first,
                           int64_t *last) {
    *first = from <= MIDDLE ? 0 : ((int64_t)from - MIDDLE + FINE - 1) / FINE;
    *last = to <= MIDDLE ? -1 : ((int64_t)to - MIDDLE - 1) / FINE;
    *last = *last < b->width ? *last : b->width - 1;
}

/* An edge at least as wide as high, from left to right: one fine column a step. */
static void walk_wide(struct borders *b, int x0, int y0, int x1, int y1) {
    int64_t first, last;
    if (x0 == x1)
        return;
    double slope = (double)(y1 - y0) / (x1 - x0);
    columns_passed(b, x0, x1, &first, &last);
    for (int64_t column = first; column <= last && !b->failed; column++) {
        int t = (int)(column * FINE + MIDDLE - x0);
        int before = along(y0, slope, t), after = along(y0, slope, t + 1);
        add_border(b, column, before < after ? before : after);
    }
}

/* An edge higher than wide, from top to bottom: one fine row a step. The fine column moves one way,
 * so the step at which it passes is guessed and then found. */
static void walk_high(struct borders *b, int x0, int y0, int x1, int y1) {
    int64_t first, last;
    int height = y1 - y0;
    double slope = (double)(x1 - x0) / height;
    columns_passed(b, x0 < x1 ? x0 : x1, x0 < x1 ? x1 : x0, &first, &last);
    for (int64_t column = first; column <= last && !b->failed; column++) {
        int near = (int)(column * FINE + MIDDLE);
        bool right = x1 > x0;
        double guess = (near + .5 - x0) / slope;
        int t = guess < 1 ? 1 : guess > height ? height : (int)guess;
        /* the first t whose column lies beyond the middle, seen from the start */
        while (t > 1 && (right ? along(x0, slope, t - 1) > near : along(x0, slope, t - 1) <= near))
            t--;
        while (t < height && (right ? along(x0, slope, t) <= near : along(x0, slope, t) > near))
            t++;
        add_border(b, column, (int64_t)y0 + t - 1);
    }
}

static void walk_edge(struct borders *b, const int from[2], const int to[2]) {
    int64_t dx = llabs((int64_t)to[0] - from[0]), dy = llabs((int64_t)to[1] - from[1]);
    bool wide = dx >= dy, turn = wide ? from[0] > to[0] : from[1] > to[1];
    const int *start = turn ? to : from, *end = turn ? from : to;
    if (wide)
        walk_wide(b, start[0], start[1], end[0], end[1]);
    else
        walk_high(b, start[0], start[1], end[0], end[1]);
}

static int compare_borders(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Short lists, nearly in order, are what polygons make: insertion unless there are many. */
static void sort_borders(struct borders *b) {
    if (b->count > 1024) {
        qsort(b->border, (size_t)b->count, sizeof *b->border, compare_borders);
        return;
    }
    for (int64_t i = 1; i < b->count; i++) {
        uint32_t value = b->border[i];
        int64_t j = i;
        for (; j > 0 && b->border[j - 1] > value; j--)
            b->border[j] = b->border[j - 1];
        b->border[j] = value;
    }
}

/* Runs between borders that do not cancel. A border at the very end of the image is none. */
static balact_status borders_to_runs(struct borders *b, struct balact_mask *mask,
                                     struct balact_error *error) {
    balact_status status = balact_mask_prepare(mask, b->count + 1, b->height, b->width, error);
    if (status != BALACT_OK)
        return status;
    uint32_t pixels = (uint32_t)b->height * (uint32_t)b->width, before = 0;
    for (int64_t i = 0; i < b->count; i++) {
        if (i + 1 < b->count && b->border[i] == b->border[i + 1]) {
            i++;
            continue;
        }
        if (b->border[i] >= pixels)
            break;
        mask->counts[mask->runs++] = b->border[i] - before;
        before = b->border[i];
    }
    mask->counts[mask->runs++] = pixels - before;
    return BALACT_OK;
}

static balact_status check_vertices(const double *vertex, int64_t points,
                                    struct balact_error *error) {
    for (int64_t i = 0; i < 2 * points; i++)
        if (!(fabs(vertex[i]) <= BALACT_MASK_COORDINATE_MAX))
            return balact_fail(error, BALACT_ERROR_RANGE, "polygon: coordinate %lld is %g",
                               (long long)i, vertex[i]);
    return BALACT_OK;
}

static int fine_coordinate(double x) {
    return (int)(FINE * x + .5);
}

static balact_status rasterize(struct borders *b, struct balact_mask *mask, const double *vertex,
                               int64_t points, struct balact_error *error) {
    balact_status status = check_vertices(vertex, points, error);
    if (status != BALACT_OK)
        return status;
    b->count = 0;
    for (int64_t i = 0; i < points; i++) {
        int64_t next = i + 1 < points ? i + 1 : 0;
        int from[2] = {fine_coordinate(vertex[2 * i]), fine_coordinate(vertex[2 * i + 1])};
        int to[2] = {fine_coordinate(vertex[2 * next]), fine_coordinate(vertex[2 * next + 1])};
        walk_edge(b, from, to);
    }
    if (b->failed)
        return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory: a polygon's outline");
    sort_borders(b);
    return borders_to_runs(b, mask, error);
}

balact_status balact_mask_from_polygons(struct balact_mask *mask, const double *vertex,
                                        const int64_t *polygon_start, int64_t polygons,
                                        int32_t height, int32_t width, struct balact_error *error) {
    struct borders b = {.height = height, .width = width};
    struct balact_mask one = {0}, sum = {0};
    balact_status status = balact_mask_prepare(mask, 1, height, width, error);
    if (status == BALACT_OK)
        mask->counts[mask->runs++] = (uint32_t)height * (uint32_t)width;
    for (int64_t p = 0; p < polygons && status == BALACT_OK; p++) {
        int64_t start = polygon_start[p], points = (polygon_start[p + 1] - start) / 2;
        status = rasterize(&b, p ? &one : mask, vertex + start, points, error);
        if (status != BALACT_OK || p == 0)
            continue;
        status = balact_mask_merge(&sum, mask, &one, false, error);
        struct balact_mask swap = *mask;
        *mask = sum;
        sum = swap;
    }
    free(b.border);
    balact_mask_release(&one);
    balact_mask_release(&sum);
    return status;
}

balact_status balact_mask_from_polygon(struct balact_mask *mask, const double *vertex,
                                       int64_t points, int32_t height, int32_t width,
                                       struct balact_error *error) {
    const int64_t start[2] = {0, 2 * points};
    return balact_mask_from_polygons(mask, vertex, start, 1, height, width, error);
}
