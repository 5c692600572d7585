/* SPDX-License-Identifier: MIT
 *
 * See lvis_detect.h. Suppression within each category by falling score is the same as walking all
 * categories' candidates by falling score together and asking only the kept ones of the same
 * category; and of the walk only the part until enough are kept is needed. So the candidates form a
 * heap, of which a few hundred are taken, whatever their number (a head of 1203 sigmoids may have
 * a hundred thousand above the threshold).
 */
#include "bench/train/lvis_detect.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

double lvis_box_iou(const float a[4], const float b[4]) {
    double right = (double)a[0] + a[2] < (double)b[0] + b[2] ? (double)a[0] + a[2]
                                                             : (double)b[0] + b[2];
    double bottom = (double)a[1] + a[3] < (double)b[1] + b[3] ? (double)a[1] + a[3]
                                                              : (double)b[1] + b[3];
    double width = right - (a[0] > b[0] ? a[0] : b[0]);
    double height = bottom - (a[1] > b[1] ? a[1] : b[1]);
    if (width <= 0 || height <= 0)
        return 0;
    double both = width * height;
    return both / ((double)a[2] * a[3] + (double)b[2] * b[3] - both);
}

static bool better(const struct lvis_detection *a, const struct lvis_detection *b) {
    if (a->score != b->score)
        return a->score > b->score;
    if (a->category != b->category)
        return a->category < b->category;
    return a->row < b->row;
}

/* ---- The heap, best on top ---- */

static void sink(struct lvis_detection *heap, int64_t n, int64_t at) {
    struct lvis_detection moving = heap[at];
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && better(&heap[child + 1], &heap[child]);
        if (!better(&heap[child], &moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static struct lvis_detection take_best(struct lvis_detection *heap, int64_t *n) {
    struct lvis_detection best = heap[0];
    heap[0] = heap[--*n];
    if (*n > 0)
        sink(heap, *n, 0);
    return best;
}

/* ---- Memory ---- */

static bool grow(void **memory, int64_t *limit, int64_t wanted, size_t size) {
    if (wanted <= *limit)
        return true;
    void *grown = realloc(*memory, (size_t)wanted * size);
    if (!grown)
        return false;
    *memory = grown;
    *limit = wanted;
    return true;
}

void lvis_detector_release(struct lvis_detector *d) {
    free(d->candidate);
    free(d->last);
    free(d->before);
    memset(d, 0, sizeof *d);
}

/* ---- Detection ---- */

static int64_t count_candidates(const float *scores, int64_t ld, int64_t rows, int32_t categories,
                                float threshold) {
    int64_t n = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int32_t c = 0; c < categories; c++)
            n += scores[i * ld + c] > threshold;
    return n;
}

static void make_heap(struct lvis_detector *d, const float *scores, int64_t ld, int64_t rows,
                      int32_t categories, float threshold) {
    int64_t n = 0;
    for (int64_t i = 0; i < rows; i++)
        for (int32_t c = 0; c < categories; c++)
            if (scores[i * ld + c] > threshold)
                d->candidate[n++] = (struct lvis_detection){(int32_t)i, c, scores[i * ld + c]};
    for (int64_t at = n / 2 - 1; at >= 0; at--)
        sink(d->candidate, n, at);
}

balact_status lvis_detect(struct lvis_detector *d, const struct lvis_detect_rules *rules,
                          const float *scores, int64_t ld, const float *boxes, int64_t rows,
                          int32_t categories, struct lvis_detection *out, int64_t *count,
                          struct balact_error *error) {
    float threshold = (float)rules->score_threshold;
    int64_t kept = 0, n = count_candidates(scores, ld, rows, categories, threshold);
    void *candidate = d->candidate, *last = d->last, *before = d->before;
    bool fine = grow(&candidate, &d->candidate_limit, n + 1, sizeof *d->candidate);
    fine &= grow(&last, &d->category_limit, categories, sizeof *d->last);
    fine &= grow(&before, &d->kept_limit, rules->detections_per_image, sizeof *d->before);
    d->candidate = candidate;
    d->last = last;
    d->before = before;
    *count = 0;
    if (!fine)
        return balact_fail(error, BALACT_ERROR_MEMORY, "detections: out of memory");
    make_heap(d, scores, ld, rows, categories, threshold);
    for (int32_t c = 0; c < categories; c++)
        d->last[c] = -1;
    while (n > 0 && kept < rules->detections_per_image) {
        struct lvis_detection best = take_best(d->candidate, &n);
        int32_t at = d->last[best.category];
        while (at >= 0 && lvis_box_iou(boxes + 4 * (int64_t)best.row,
                                       boxes + 4 * (int64_t)out[at].row) <= rules->nms_iou)
            at = d->before[at];
        if (at >= 0) /* suppressed by kept detection `at` */
            continue;
        d->before[kept] = d->last[best.category];
        d->last[best.category] = (int32_t)kept;
        out[kept++] = best;
    }
    *count = kept;
    return BALACT_OK;
}
