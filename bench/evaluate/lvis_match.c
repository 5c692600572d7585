/* SPDX-License-Identifier: MIT
 *
 * Matching detections with annotations, one (image, category) at a time, in the official order
 * (docs/METHOD.md). Categories are independent of each other, and each is matched by one thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/mask.h"
#include "bench/evaluate/lvis_case.h"

static const double size_range[BALACT_LVIS_SIZES][2] = {
    {0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}};

double balact_lvis_threshold(int index) {
    const double step = (.95 - .5) / (BALACT_LVIS_THRESHOLDS - 1);
    return index == BALACT_LVIS_THRESHOLDS - 1 ? .95 : index * step + .5;
}

double balact_lvis_recall(int index) {
    const double step = 1.0 / (BALACT_LVIS_RECALLS - 1);
    return index == BALACT_LVIS_RECALLS - 1 ? 1 : index * step;
}

/* An annotation that overlaps the detection enough for the lowest threshold. */
struct candidate {
    int32_t truth;
    double iou;
};

/* One truth of the pair at hand. */
struct target {
    const struct balact_lvis_annotation *annotation;
    bool ignored[BALACT_LVIS_SIZES];
    uint64_t taken; /* bits as in lvis_outcome */
    struct balact_mask mask;
    struct balact_mask_measure measure;
};

/* What a thread works with. */
struct matcher {
    const struct lvis_case *c;
    struct target *target;
    int64_t targets, target_capacity;
    struct candidate *candidate; /* [target_capacity] */
    struct balact_mask mask;
    double threshold[BALACT_LVIS_THRESHOLDS];
};

/* ---- Preparing a pair ---- */

static balact_status grow_targets(struct matcher *m, int64_t n, struct balact_error *error) {
    if (n <= m->target_capacity)
        return BALACT_OK;
    int64_t capacity = 2 * n + 16;
    struct target *target = realloc(m->target, (size_t)capacity * sizeof *target);
    if (target) {
        m->target = target;
        memset(target + m->target_capacity, 0,
               (size_t)(capacity - m->target_capacity) * sizeof *target);
    }
    struct candidate *candidate = realloc(m->candidate, (size_t)capacity * sizeof *candidate);
    m->candidate = candidate ? candidate : m->candidate;
    if (!target || !candidate)
        return balact_fail(error, BALACT_ERROR_MEMORY, "matching: out of memory");
    m->target_capacity = capacity;
    return BALACT_OK;
}

static balact_status truth_mask(struct matcher *m, struct target *t, struct balact_error *error) {
    const struct balact_lvis *lvis = m->c->lvis;
    const struct balact_lvis_annotation *a = t->annotation;
    const struct balact_lvis_image *image = &lvis->image[a->image];
    balact_status status;
    if (a->kind == BALACT_LVIS_POLYGONS)
        status = balact_mask_from_polygons(&t->mask, lvis->vertex, lvis->polygon_start + a->first,
                                           a->count, image->height, image->width, error);
    else if (a->kind == BALACT_LVIS_RLE)
        status = balact_mask_from_counts(&t->mask, lvis->counts + a->first, a->count, image->height,
                                         image->width, error);
    else
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "%s: annotation %lld has no mask; evaluate boxes, or read annotations "
                           "with their segments",
                           lvis->name ? lvis->name : "annotations", (long long)a->id);
    if (status == BALACT_OK)
        balact_mask_measure(&t->mask, &t->measure);
    return status;
}

/* The truths of a pair: annotations at [first, end) of truth[]. */
static balact_status take_truths(struct matcher *m, int64_t first, int64_t end,
                                 struct balact_error *error) {
    balact_status status = grow_targets(m, end - first, error);
    m->targets = end - first;
    for (int64_t i = first; i < end && status == BALACT_OK; i++) {
        struct target *t = &m->target[i - first];
        t->annotation = &m->c->lvis->annotation[m->c->truth[i]];
        t->taken = 0;
        for (int s = 0; s < BALACT_LVIS_SIZES; s++)
            t->ignored[s] = t->annotation->ignore || t->annotation->area < size_range[s][0] ||
                            t->annotation->area > size_range[s][1];
        if (t->annotation->id == 0)
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "%s: an annotation has id 0, by which the official evaluator means "
                               "\"no match\"; number annotations from 1",
                               m->c->lvis->name ? m->c->lvis->name : "annotations");
    }
    return status;
}

static bool lists(const int32_t *list, int64_t from, int64_t end, int32_t category) {
    while (from < end) {
        int64_t middle = from + (end - from) / 2;
        if (list[middle] < category)
            from = middle + 1;
        else if (list[middle] > category)
            end = middle;
        else
            return true;
    }
    return false;
}

/* ---- Matching ---- */

/* The truth that a detection takes at one size and threshold, or -1: the largest IoU, of equal ones
 * the later; one to be ignored only where no other will do. */
static int32_t best_truth(const struct matcher *m, int candidates, int size, int threshold) {
    uint64_t bit = lvis_bit(size, threshold);
    for (int ignored = 0; ignored <= 1; ignored++) {
        double iou = m->threshold[threshold];
        int32_t best = -1;
        for (int i = 0; i < candidates; i++) {
            const struct candidate *o = &m->candidate[i];
            const struct target *t = &m->target[o->truth];
            if (t->ignored[size] != (bool)ignored || (t->taken & bit) || o->iou < iou)
                continue;
            iou = o->iou;
            best = o->truth;
        }
        if (best >= 0)
            return best;
    }
    return -1;
}

static void match_one(struct matcher *m, int candidates, double area, bool excused,
                      struct lvis_outcome *outcome) {
    uint64_t all = (UINT64_C(1) << BALACT_LVIS_THRESHOLDS) - 1;
    for (int s = 0; s < BALACT_LVIS_SIZES; s++) {
        uint64_t matched = 0, ignored = 0;
        for (int t = 0; candidates > 0 && t < BALACT_LVIS_THRESHOLDS; t++) {
            int32_t best = best_truth(m, candidates, s, t);
            if (best < 0)
                continue;
            m->target[best].taken |= lvis_bit(s, t);
            matched |= UINT64_C(1) << t;
            ignored |= (uint64_t)m->target[best].ignored[s] << t;
        }
        if (excused || area < size_range[s][0] || area > size_range[s][1])
            ignored |= all & ~matched;
        outcome->matched |= matched << (s * BALACT_LVIS_THRESHOLDS);
        outcome->ignored |= ignored << (s * BALACT_LVIS_THRESHOLDS);
    }
}

static balact_status detection_mask(struct matcher *m, const struct balact_lvis_detection *d,
                                    const struct balact_lvis_region *region,
                                    struct balact_mask_measure *measure,
                                    struct balact_error *error) {
    const struct balact_lvis_image *image = &m->c->lvis->image[d->image];
    balact_status status =
        balact_mask_from_text(&m->mask, m->c->detections->text + region->text,
                              (size_t)region->text_length, image->height, image->width, error);
    if (status == BALACT_OK)
        balact_mask_measure(&m->mask, measure);
    return status;
}

/* Overlaps of a detection with all truths of the pair; -1 if that failed. */
static int find_candidates(struct matcher *m, const struct balact_lvis_detection *d,
                           const struct balact_lvis_region *region, struct balact_error *error) {
    bool masks = m->c->options.iou == BALACT_LVIS_IOU_MASK;
    struct balact_mask_measure measure;
    int candidates = 0;
    if (masks && detection_mask(m, d, region, &measure, error) != BALACT_OK)
        return -1;
    for (int64_t i = 0; i < m->targets; i++) {
        const struct target *t = &m->target[i];
        double iou =
            masks ? balact_mask_iou_measured(&m->mask, &measure, &t->mask, &t->measure, false)
                  : balact_box_iou(region->box, t->annotation->box, false);
        if (iou >= m->threshold[0])
            m->candidate[candidates++] = (struct candidate){(int32_t)i, iou};
    }
    return candidates;
}

/* Detections at [first, end) of found[], all of one image and category, against m->target. */
static balact_status match_pair(struct matcher *m, int64_t first, int64_t end,
                                struct balact_error *error) {
    const struct lvis_case *c = m->c;
    const struct balact_lvis *lvis = c->lvis;
    const struct balact_lvis_detection *any = &c->detections->detection[c->found[first]];
    int32_t image = any->image, category = any->category;
    bool annotated = m->targets > 0 || lists(lvis->negative, lvis->negative_start[image],
                                             lvis->negative_start[image + 1], category);
    bool excused = lists(lvis->not_exhaustive, lvis->not_exhaustive_start[image],
                         lvis->not_exhaustive_start[image + 1], category);
    if (m->targets > 0 && c->options.iou == BALACT_LVIS_IOU_MASK)
        for (int64_t i = 0; i < m->targets; i++) {
            balact_status status = truth_mask(m, &m->target[i], error);
            if (status != BALACT_OK)
                return status;
        }
    for (int64_t i = first; i < end; i++) {
        const struct balact_lvis_detection *d = &c->detections->detection[c->found[i]];
        const struct balact_lvis_region *region = &c->detections->region[d->region];
        if (!annotated) {
            c->outcome[i].ignored = LVIS_ALL_BITS;
            continue;
        }
        int candidates = m->targets > 0 ? find_candidates(m, d, region, error) : 0;
        if (candidates < 0)
            return error->status;
        match_one(m, candidates, balact_lvis_detection_area(c, region), excused, &c->outcome[i]);
    }
    return BALACT_OK;
}

static int32_t truth_image(const struct lvis_case *c, int64_t i) {
    return c->lvis->annotation[c->truth[i]].image;
}

static int32_t found_image(const struct lvis_case *c, int64_t i) {
    return c->detections->detection[c->found[i]].image;
}

/* Both lists are in the order of images. */
static balact_status match_category(struct matcher *m, int32_t category,
                                    struct balact_error *error) {
    const struct lvis_case *c = m->c;
    int64_t t = c->truth_start[category], truths = c->truth_start[category + 1];
    int64_t f = c->found_start[category], founds = c->found_start[category + 1];
    int64_t *count = c->truths + (int64_t)category * BALACT_LVIS_SIZES;
    while (t < truths || f < founds) {
        int32_t image = t < truths ? truth_image(c, t) : found_image(c, f);
        image = f < founds && found_image(c, f) < image ? found_image(c, f) : image;
        int64_t t0 = t, f0 = f;
        while (t < truths && truth_image(c, t) == image)
            t++;
        while (f < founds && found_image(c, f) == image)
            f++;
        balact_status status = take_truths(m, t0, t, error);
        for (int64_t i = 0; status == BALACT_OK && i < m->targets; i++)
            for (int s = 0; s < BALACT_LVIS_SIZES; s++)
                count[s] += !m->target[i].ignored[s];
        if (status == BALACT_OK && f > f0)
            status = match_pair(m, f0, f, error);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

static void matcher_begin(struct matcher *m, const struct lvis_case *c) {
    *m = (struct matcher){.c = c};
    for (int t = 0; t < BALACT_LVIS_THRESHOLDS; t++) {
        double threshold = balact_lvis_threshold(t);
        m->threshold[t] = threshold < 1 - 1e-10 ? threshold : 1 - 1e-10;
    }
}

static void matcher_end(struct matcher *m) {
    for (int64_t i = 0; i < m->target_capacity; i++)
        balact_mask_release(&m->target[i].mask);
    free(m->target);
    free(m->candidate);
    balact_mask_release(&m->mask);
}

balact_status balact_lvis_case_match(struct lvis_case *c, struct balact_error *error) {
    int32_t categories = c->lvis->categories, failed = categories;
    struct balact_error first = {0};
    c->outcome = calloc((size_t)c->found_start[categories] + 1, sizeof *c->outcome);
    c->truths = calloc((size_t)categories * BALACT_LVIS_SIZES + 1, sizeof *c->truths);
    if (!c->outcome || !c->truths)
        return balact_fail(error, BALACT_ERROR_MEMORY, "matching: out of memory");
#pragma omp parallel
    {
        struct matcher m;
        struct balact_error own = {0};
        matcher_begin(&m, c);
#pragma omp for schedule(dynamic, 1)
        for (int32_t category = 0; category < categories; category++) {
            if (match_category(&m, category, &own) == BALACT_OK)
                continue;
#pragma omp critical
            if (category < failed) { /* the same error with any number of threads */
                failed = category;
                first = own;
            }
        }
        matcher_end(&m);
    }
    if (failed == categories)
        return BALACT_OK;
    return balact_fail(error, first.status, "%s", first.message);
}
