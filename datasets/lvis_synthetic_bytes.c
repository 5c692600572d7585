/* SPDX-License-Identifier: MIT
 *
 * Bytes that grow, numbers as text, and polygons as run-length masks of the synthetic LVIS.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/lvis_synthetic.h"

void balact_synth_put(struct lvis_bytes *bytes, const void *data, size_t size) {
    if (bytes->failed || size == 0) /* data may be NULL */
        return;
    if (size > bytes->capacity - bytes->size) {
        size_t capacity = 2 * bytes->capacity + size + 4096;
        unsigned char *larger = realloc(bytes->data, capacity);
        if (!larger) {
            bytes->failed = true;
            return;
        }
        bytes->data = larger;
        bytes->capacity = capacity;
    }
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void balact_synth_put_text(struct lvis_bytes *bytes, const char *text) {
    balact_synth_put(bytes, text, strlen(text));
}

/* printf takes most of the time of writing millions of coordinates; this takes little. */
void balact_synth_put_integer(struct lvis_bytes *bytes, int64_t value) {
    char text[24], *at = text + sizeof text;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--at = '-';
    balact_synth_put(bytes, at, (size_t)(text + sizeof text - at));
}

void balact_synth_put_hundredths(struct lvis_bytes *bytes, int64_t value) {
    char text[3] = {'.'};
    int digits = 2;
    if (value < 0) {
        balact_synth_put(bytes, "-", 1);
        value = -value;
    }
    balact_synth_put_integer(bytes, value / 100);
    text[1] = (char)('0' + value / 10 % 10);
    text[2] = (char)('0' + value % 10);
    if (text[2] == '0') /* 12.5 and 12.0, as the real files have it */
        digits = 1;
    balact_synth_put(bytes, text, (size_t)digits + 1);
}

void balact_synth_bytes_release(struct lvis_bytes *bytes) {
    free(bytes->data);
    *bytes = (struct lvis_bytes){0};
}

/* Run lengths, alternately of zeros and ones, as COCO writes them: from the fourth on as the
 * difference to the one but last, five bits a character, low ones first. */
struct runs {
    struct lvis_bytes *bytes;
    int64_t last[2], count;
};

static void put_run(struct runs *runs, int64_t length) {
    int64_t value = runs->count > 2 ? length - runs->last[runs->count & 1] : length;
    runs->last[runs->count & 1] = length;
    runs->count++;
    for (bool more = true; more;) {
        int64_t low = value & 31;
        value = (value - low) / 32; /* rounds down also below 0 */
        more = low & 16 ? value != -1 : value != 0;
        unsigned char character = (unsigned char)((more ? low | 32 : low) + 48);
        balact_synth_put(runs->bytes, &character, 1);
    }
}

/* The ordinates where the vertical line at x crosses the polygon, ascending. */
static int crossings(double x, int32_t vertices, const double *px, const double *py,
                     double *ordinates) {
    int count = 0;
    for (int32_t i = 0, j = vertices - 1; i < vertices; j = i++) {
        if ((px[i] <= x) == (px[j] <= x))
            continue;
        double y = py[j] + (py[i] - py[j]) * (x - px[j]) / (px[i] - px[j]);
        int k = count++;
        for (; k > 0 && ordinates[k - 1] > y; k--)
            ordinates[k] = ordinates[k - 1];
        ordinates[k] = y;
    }
    return count;
}

/* First pixel of a column whose centre is at or below the ordinate. */
static int64_t first_pixel(double hundredths, int32_t height) {
    double row = ceil(hundredths / 100 - 0.5);
    return row < 0 ? 0 : row > height ? height : (int64_t)row;
}

void balact_synth_put_mask(struct lvis_bytes *bytes, int32_t width, int32_t height,
                           int32_t vertices, const double *x, const double *y) {
    double ordinates[LVIS_VERTICES_MAX], left = 1e18, right = -1e18;
    struct runs runs = {.bytes = bytes};
    int64_t begin = 0, end = 0; /* the open run of ones; before it zeros from `done` */
    int64_t done = 0;
    for (int32_t i = 0; i < vertices; i++) {
        left = fmin(left, x[i]);
        right = fmax(right, x[i]);
    }
    int64_t column = first_pixel(left, width), columns = first_pixel(right, width);
    for (; column < columns; column++) {
        int count = crossings(100 * ((double)column + 0.5), vertices, x, y, ordinates);
        for (int k = 0; k + 1 < count; k += 2) {
            int64_t top = column * height + first_pixel(ordinates[k], height);
            int64_t bottom = column * height + first_pixel(ordinates[k + 1], height);
            if (top == bottom)
                continue;
            if (end > begin && top > end) {
                put_run(&runs, begin - done);
                put_run(&runs, end - begin);
                done = end;
            }
            if (end == begin || top > end)
                begin = top;
            end = bottom;
        }
    }
    if (end > begin) {
        put_run(&runs, begin - done);
        put_run(&runs, end - begin);
        done = end;
    }
    if (done < (int64_t)width * height)
        put_run(&runs, (int64_t)width * height - done);
}
