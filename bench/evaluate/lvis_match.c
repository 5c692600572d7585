/* SPDX-License-Identifier: MIT
 *
 * Greedy matching of the detections of one category with its annotations, image by image, for all
 * thresholds and sizes: the rules of the official evaluator (docs/METHOD.md).
 */
#include <stdlib.h>
#include <string.h>

#include "balact/mask.h"
#include "bench/evaluate/lvis_parts.h"

/* Bounds of annotation areas in pixels, both inclusive. */
static const double size_bounds[BALACT_LVIS_SIZES][2] = {
    {0.0, 1e10}, {0.0, 32.0 * 32.0}, {32.0 * 32.0, 96.0 * 96.0}, {96.0 * 96.0, 1e10}};

/* What one thread needs for one image after the other; everything grows on demand. */
struct workspace {
    const struct balact_lvis *lvis;
    const struct balact_lvis_detections *detections;
    const struct balact_lvis_evaluate_options *options;
    double *iou; /* [detections][truths] */
    int64_t iou_room;
    struct balact_mask *mask; /* of the truths */
    struct balact_mask_measure *measure;
    int32_t *order; /* truths, those to be found first */
    bool *ignored, *taken;
    int64_t truth_room;
    struct balact_mask detection_mask;
};

/* One image's detections (as groups lists them) and annotations. */
struct pair {
    const int64_t *detection, *truth;
    int64_t detections, truths;
    struct lvis_outcome *outcome; /* [detections] */
    bool exhaustive;
};

static bool grow(void *memory, size_t count, size_t size) {
    void *grown = realloc(*(void **)memory, count * size);
    if (grown)
        *(void **)memory = grown;
    return grown;
}

static bool workspace_room(struct workspace *w, int64_t detections, int64_t truths) {
    if (detections * truths > w->iou_room) {
        if (!grow(&w->iou, (size_t)(detections * truths), sizeof *w->iou))
            return false;
        w->iou_room = detections * truths;
    }
    if (truths <= w->truth_room)
        return true;
    size_t n = (size_t)truths;
    if (!grow(&w->order, n, sizeof *w->order) || !grow(&w->ignored, n, sizeof *w->ignored) ||
        !grow(&w->taken, n, sizeof *w->taken) || !grow(&w->measure, n, sizeof *w->measure) ||
        !grow(&w->mask, n, sizeof *w->mask))
        return false;
    memset(w->mask + w->truth_room, 0, (size_t)(truths - w->truth_room) * sizeof *w->mask);
    w->truth_room = truths;
    return true;
}

static void workspace_release(struct workspace *w) {
    for (int64_t g = 0; g < w->truth_room; g++)
        balact_mask_release(&w->mask[g]);
    balact_mask_release(&w->detection_mask);
    free(w->iou);
    free(w->mask);
    free(w->measure);
    free(w->order);
    free(w->ignored);
    free(w->taken);
}

static balact_status truth_mask(const struct balact_lvis *lvis,
                                const struct balact_lvis_annotation *a, struct balact_mask *mask,
                                struct balact_error *error) {
    const struct balact_lvis_image *image = &lvis->image[a->image];
    if (a->kind == BALACT_LVIS_RLE)
        return balact_mask_from_counts(mask, lvis->counts + a->first, a->count, image->height,
                                       image->width, error);
    return balact_mask_from_polygons(mask, lvis->vertex, lvis->polygon_start + a->first, a->count,
                                     image->height, image->width, error);
}

static balact_status named(balact_status status, const char *name, const char *what, long long id,
                           struct balact_error *error) {
    char reason[sizeof error->message];
    if (status == BALACT_OK || !error)
        return status;
    memcpy(reason, error->message, sizeof reason);
    return balact_fail(error, status, "%s: the mask of %s %lld: %.900s", name, what, id, reason);
}

static balact_status mask_overlaps(struct workspace *w, const struct pair *pair,
                                   struct balact_error *error) {
    const struct balact_lvis *lvis = w->lvis;
    const struct balact_lvis_detections *d = w->detections;
    for (int64_t g = 0; g < pair->truths; g++) {
        const struct balact_lvis_annotation *a = &lvis->annotation[pair->truth[g]];
        balact_status status = named(truth_mask(lvis, a, &w->mask[g], error), lvis->name,
                                     "annotation", (long long)a->id, error);
        if (status != BALACT_OK)
            return status;
        balact_mask_measure(&w->mask[g], &w->measure[g]);
    }
    for (int64_t k = 0; k < pair->detections; k++) {
        const struct balact_lvis_detection *detection = &d->detection[pair->detection[k]];
        const struct balact_lvis_region *region = &d->region[detection->region];
        const struct balact_lvis_image *image = &lvis->image[detection->image];
        struct balact_mask_measure measure;
        balact_status status = named(
            balact_mask_from_text(&w->detection_mask, d->text + region->text,
                                  (size_t)region->text_length, image->height, image->width, error),
            d->name, "record", (long long)pair->detection[k], error);
        if (status != BALACT_OK)
            return status;
        balact_mask_measure(&w->detection_mask, &measure);
        for (int64_t g = 0; g < pair->truths; g++)
            w->iou[k * pair->truths + g] = balact_mask_iou_measured(
                &w->detection_mask, &measure, &w->mask[g], &w->measure[g], false);
    }
    return BALACT_OK;
}

static void box_overlaps(struct workspace *w, const struct pair *pair) {
    const struct balact_lvis_detections *d = w->detections;
    for (int64_t k = 0; k < pair->detections; k++) {
        const double *box = d->region[d->detection[pair->detection[k]].region].box;
        for (int64_t g = 0; g < pair->truths; g++)
            w->iou[k * pair->truths + g] =
                balact_box_iou(box, w->lvis->annotation[pair->truth[g]].box, false);
    }
}

/* The annotations of a size: order[] with those to be found first, as they stand otherwise. */
static int64_t order_truths(struct workspace *w, const struct pair *pair, int size) {
    int64_t found = 0, at = 0;
    for (int64_t g = 0; g < pair->truths; g++) {
        const struct balact_lvis_annotation *a = &w->lvis->annotation[pair->truth[g]];
        w->ignored[g] =
            a->ignore || a->area < size_bounds[size][0] || a->area > size_bounds[size][1];
        found += !w->ignored[g];
    }
    for (int pass = 0; pass < 2; pass++)
        for (int64_t g = 0; g < pair->truths; g++)
            if (w->ignored[g] == (pass == 1))
                w->order[at++] = (int32_t)g;
    return found;
}

/* The annotation for a detection, or -1: the largest overlap of at least the threshold, the later
 * of equals; one that is ignored only if none else will do. */
static int32_t best_truth(const struct workspace *w, const double *iou, int64_t truths,
                          double threshold) {
    double best = threshold < 1.0 - 1e-10 ? threshold : 1.0 - 1e-10;
    int32_t match = -1;
    for (int64_t k = 0; k < truths; k++) {
        int32_t g = w->order[k];
        if (w->taken[g])
            continue;
        if (match >= 0 && !w->ignored[match] && w->ignored[g])
            break;
        if (iou[g] < best)
            continue;
        best = iou[g];
        match = g;
    }
    return match;
}

static void match_size(struct workspace *w, const struct pair *pair, int size) {
    for (int t = 0; t < BALACT_LVIS_THRESHOLDS && pair->truths > 0; t++) {
        memset(w->taken, 0, (size_t)pair->truths * sizeof *w->taken);
        for (int64_t k = 0; k < pair->detections; k++) {
            int32_t g =
                best_truth(w, w->iou + k * pair->truths, pair->truths, balact_lvis_threshold(t));
            if (g < 0)
                continue;
            w->taken[g] = true;
            pair->outcome[k].hit[size] |= (uint16_t)(1u << t);
            if (w->ignored[g])
                pair->outcome[k].ignored[size] |= (uint16_t)(1u << t);
        }
    }
}

static double detection_area(const struct workspace *w, const struct balact_lvis_region *region) {
    bool boxes = w->options->iou == BALACT_LVIS_IOU_BOX;
    if (w->options->area == BALACT_LVIS_AREA_BOX)
        boxes = true;
    else if (w->options->area == BALACT_LVIS_AREA_MASK)
        boxes = false;
    else if (w->detections->first_has_box)
        boxes = true;
    else if (region->flags & BALACT_LVIS_HAS_MASK)
        boxes = false;
    return boxes ? region->box[2] * region->box[3] : (double)region->mask_area;
}

/* What matched nothing is ignored where the category was not exhaustively annotated, or if its own
 * size is another. */
static void ignore_unmatched(const struct workspace *w, const struct pair *pair, int size) {
    const uint16_t all = (1u << BALACT_LVIS_THRESHOLDS) - 1;
    for (int64_t k = 0; k < pair->detections; k++) {
        double area = detection_area(
            w, &w->detections->region[w->detections->detection[pair->detection[k]].region]);
        if (!pair->exhaustive || area < size_bounds[size][0] || area > size_bounds[size][1])
            pair->outcome[k].ignored[size] |= (uint16_t)(all & ~pair->outcome[k].hit[size]);
    }
}

static balact_status match_pair(struct workspace *w, const struct pair *pair,
                                int64_t truths[BALACT_LVIS_SIZES], struct balact_error *error) {
    for (int64_t k = 0; k < pair->detections; k++)
        pair->outcome[k] =
            (struct lvis_outcome){.score = w->detections->detection[pair->detection[k]].score};
    if (!workspace_room(w, pair->detections, pair->truths))
        return balact_fail(error, BALACT_ERROR_MEMORY, "no memory to match detections");
    if (pair->detections > 0 && pair->truths > 0) {
        if (w->options->iou == BALACT_LVIS_IOU_MASK) {
            balact_status status = mask_overlaps(w, pair, error);
            if (status != BALACT_OK)
                return status;
        } else {
            box_overlaps(w, pair);
        }
    }
    for (int size = 0; size < BALACT_LVIS_SIZES; size++) {
        truths[size] += order_truths(w, pair, size);
        match_size(w, pair, size);
        ignore_unmatched(w, pair, size);
    }
    return BALACT_OK;
}

static bool listed(const int64_t *start, const int32_t *list, int32_t image, int32_t category) {
    for (int64_t k = start[image]; k < start[image + 1]; k++)
        if (list[k] == category)
            return true;
    return false;
}

balact_status lvis_match_category(const struct balact_lvis *lvis,
                                  const struct balact_lvis_detections *detections,
                                  const struct balact_lvis_evaluate_options *options,
                                  const struct lvis_groups *groups, int32_t category,
                                  struct lvis_outcome *outcome, int64_t truths[BALACT_LVIS_SIZES],
                                  struct balact_error *error) {
    struct workspace w = {.lvis = lvis, .detections = detections, .options = options};
    int64_t d = groups->detection_start[category], g = groups->truth_start[category];
    const int64_t first = d, d_end = groups->detection_start[category + 1];
    const int64_t g_end = groups->truth_start[category + 1];
    balact_status status = BALACT_OK;
    for (int size = 0; size < BALACT_LVIS_SIZES; size++)
        truths[size] = 0;
    while (status == BALACT_OK && (d < d_end || g < g_end)) {
        int32_t by_detection =
            d < d_end ? detections->detection[groups->detection[d]].image : INT32_MAX;
        int32_t by_truth = g < g_end ? lvis->annotation[groups->truth[g]].image : INT32_MAX;
        int32_t image = by_detection < by_truth ? by_detection : by_truth;
        struct pair pair = {.detection = groups->detection + d,
                            .truth = groups->truth + g,
                            .outcome = outcome + (d - first)};
        for (; d < d_end && detections->detection[groups->detection[d]].image == image; d++)
            pair.detections++;
        for (; g < g_end && lvis->annotation[groups->truth[g]].image == image; g++)
            pair.truths++;
        pair.exhaustive =
            !listed(lvis->not_exhaustive_start, lvis->not_exhaustive, image, category);
        status = match_pair(&w, &pair, truths, error);
    }
    workspace_release(&w);
    return status;
}
