/* SPDX-License-Identifier: MIT
 *
 * See lvis_calibration.h.
 */
#include "bench/train/lvis_calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

balact_status lvis_calibration_open(struct lvis_calibration *c, const struct balact_lvis *lvis,
                                    struct balact_error *error) {
    memset(c, 0, sizeof *c);
    c->lvis = lvis;
    c->start = calloc((size_t)lvis->images + 2, sizeof *c->start);
    c->of_image = malloc(((size_t)lvis->annotations + 1) * sizeof *c->of_image);
    c->taken = calloc((size_t)lvis->annotations + 1, sizeof *c->taken);
    if (!c->start || !c->of_image || !c->taken) {
        lvis_calibration_release(c);
        return balact_fail(error, BALACT_ERROR_MEMORY, "calibration: out of memory");
    }
    for (int64_t i = 0; i < lvis->annotations; i++)
        c->start[lvis->annotation[i].image + 2]++;
    for (int64_t i = 0; i < lvis->images; i++)
        c->start[i + 2] += c->start[i + 1];
    for (int64_t i = 0; i < lvis->annotations; i++) /* start[image + 1] is the cursor */
        c->of_image[c->start[lvis->annotation[i].image + 1]++] = (int32_t)i;
    return BALACT_OK;
}

void lvis_calibration_release(struct lvis_calibration *c) {
    free(c->start);
    free(c->of_image);
    free(c->taken);
    memset(c, 0, sizeof *c);
}

static bool lists(const int64_t *start, const int32_t *list, int64_t image, int32_t category) {
    for (int64_t i = start[image]; i < start[image + 1]; i++)
        if (list[i] == category)
            return true;
    return false;
}

enum outcome { MISS, HIT, NOT_JUDGED };

static enum outcome judge(struct lvis_calibration *c, int64_t image, int32_t category,
                          const float *box) {
    const struct balact_lvis *lvis = c->lvis;
    int32_t best = -1;
    double best_iou = 0.5;
    bool present = false;
    for (int64_t i = c->start[image]; i < c->start[image + 1]; i++) {
        const struct balact_lvis_annotation *a = &lvis->annotation[c->of_image[i]];
        if (a->category != category)
            continue;
        const float object[4] = {(float)a->box[0], (float)a->box[1], (float)a->box[2],
                                 (float)a->box[3]};
        double iou = lvis_box_iou(box, object);
        present = true;
        if (!c->taken[c->of_image[i]] && iou >= best_iou) {
            best = c->of_image[i];
            best_iou = iou;
        }
    }
    if (best >= 0) {
        c->taken[best] = true;
        return HIT;
    }
    if (!present && !lists(lvis->negative_start, lvis->negative, image, category))
        return NOT_JUDGED;
    return lists(lvis->not_exhaustive_start, lvis->not_exhaustive, image, category) ? NOT_JUDGED
                                                                                    : MISS;
}

void lvis_calibration_add(struct lvis_calibration *c, int64_t image,
                          const struct lvis_detection *detections, int64_t count,
                          const float *boxes) {
    for (int64_t i = 0; i < count; i++) {
        const struct lvis_detection *d = &detections[i];
        enum outcome outcome = judge(c, image, d->category, boxes + 4 * (int64_t)d->row);
        if (outcome == NOT_JUDGED)
            continue;
        double hit = outcome == HIT, score = d->score;
        int bin = (int)ceil(score * LVIS_CALIBRATION_BINS) - 1; /* (b/n, (b+1)/n] */
        bin = bin < 0 ? 0 : bin >= LVIS_CALIBRATION_BINS ? LVIS_CALIBRATION_BINS - 1 : bin;
        const int groups[] = {(int)c->lvis->category[d->category].frequency, LVIS_GROUP_ALL};
        for (size_t g = 0; g < 2; g++) {
            c->group[groups[g]].count[bin]++;
            c->group[groups[g]].scores[bin] += score;
            c->group[groups[g]].hits[bin] += hit;
            c->group[groups[g]].squares += (score - hit) * (score - hit);
            c->group[groups[g]].judged++;
        }
    }
}

double lvis_calibration_ece(const struct lvis_calibration *c, int group) {
    double sum = 0;
    for (int b = 0; b < LVIS_CALIBRATION_BINS; b++)
        sum += fabs(c->group[group].scores[b] - c->group[group].hits[b]);
    return c->group[group].judged ? sum / (double)c->group[group].judged : NAN;
}

double lvis_calibration_brier(const struct lvis_calibration *c, int group) {
    return c->group[group].judged ? c->group[group].squares / (double)c->group[group].judged : NAN;
}
