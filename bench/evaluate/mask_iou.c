/* SPDX-License-Identifier: MIT
 *
 * Intersection over union of masks and boxes (balact/mask.h).
 */
#include "bench/evaluate/mask.h"

double balact_box_iou(const double detection[4], const double truth[4], bool crowd) {
    const double *d = detection, *g = truth;
    double right = d[2] + d[0] < g[2] + g[0] ? d[2] + d[0] : g[2] + g[0];
    double width = right - (d[0] > g[0] ? d[0] : g[0]);
    if (width <= 0)
        return 0;
    double bottom = d[3] + d[1] < g[3] + g[1] ? d[3] + d[1] : g[3] + g[1];
    double height = bottom - (d[1] > g[1] ? d[1] : g[1]);
    if (height <= 0)
        return 0;
    double both = width * height, area = d[2] * d[3];
    return both / (crowd ? area : area + g[2] * g[3] - both);
}

/* Pixels in both: runs of ones in turns, the one that ends first makes room for its next. */
static uint32_t intersect_plain(const struct balact_mask *a, const struct balact_mask *b) {
    const uint32_t *pa = a->counts, *end_a = pa + a->runs / 2 * 2;
    const uint32_t *pb = b->counts, *end_b = pb + b->runs / 2 * 2;
    uint32_t both = 0;
    if (pa == end_a || pb == end_b)
        return 0;
    uint32_t from_a = pa[0], to_a = from_a + pa[1], from_b = pb[0], to_b = from_b + pb[1];
    for (;;) {
        uint32_t from = from_a > from_b ? from_a : from_b, to = to_a < to_b ? to_a : to_b;
        both += to > from ? to - from : 0;
        if (to_a <= to_b) {
            if ((pa += 2) == end_a)
                return both;
            from_a = to_a + pa[0];
            to_a = from_a + pa[1];
        } else {
            if ((pb += 2) == end_b)
                return both;
            from_b = to_b + pb[0];
            to_b = from_b + pb[1];
        }
    }
}

/* Of any runs: the walk ends where both stand before an empty run, as the official one does. */
static uint32_t intersect_any(const struct balact_mask *a, const struct balact_mask *b,
                              uint32_t *either) {
    struct mask_walk wa, wb;
    uint32_t both = 0;
    bool more = true;
    balact_mask_walk_begin(&wa, a);
    balact_mask_walk_begin(&wb, b);
    for (*either = 0; more;) {
        uint32_t step = wa.left < wb.left ? wa.left : wb.left;
        *either += wa.inside || wb.inside ? step : 0;
        both += wa.inside && wb.inside ? step : 0;
        mask_walk_step(&wa, step);
        mask_walk_step(&wb, step);
        more = wa.left + wb.left > 0;
    }
    return both;
}

double balact_mask_iou_measured(const struct balact_mask *detection,
                                const struct balact_mask_measure *detection_measure,
                                const struct balact_mask *truth,
                                const struct balact_mask_measure *truth_measure, bool crowd) {
    if (!(balact_box_iou(detection_measure->box, truth_measure->box, crowd) > 0))
        return 0;
    if (detection->height != truth->height || detection->width != truth->width)
        return -1;
    uint32_t either, both;
    if (detection_measure->plain && truth_measure->plain) {
        both = intersect_plain(detection, truth);
        either = detection_measure->area + truth_measure->area - both;
    } else {
        both = intersect_any(detection, truth, &either);
    }
    if (both == 0)
        return 0;
    return (double)both / (double)(crowd ? detection_measure->area : either);
}

double balact_mask_iou(const struct balact_mask *detection, const struct balact_mask *truth,
                       bool crowd) {
    struct balact_mask_measure d, t;
    balact_mask_measure(detection, &d);
    balact_mask_measure(truth, &t);
    return balact_mask_iou_measured(detection, &d, truth, &t, crowd);
}
