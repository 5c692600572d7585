/* SPDX-License-Identifier: MIT
 *
 * Proposals of the synthetic LVIS and their features. A share of an image's proposals is placed on
 * its objects with localisation noise, a share near them (hard background), the rest anywhere. The
 * label is the category of the object with the largest IoU, if that is 0.5 or more, and decides
 * from which density the feature comes:
 *
 *   category c       N(m_c, I)           m_c as in the synthetic ImageNet-LT
 *   hard background  N(b + nearness (m_c - b), I)   c: of the object it was placed on or near
 *   broad background N(b, v I)           b: a centre of its own; v = 1 + width^2 (sum of spreads^2)
 *
 * all times scale. Of the variance within N(., I), the part `instance` is common to the proposals
 * of one object, as views of one object are alike. Nothing else has a say in a feature, so the
 * posterior of a single proposal is known (lvis_synthetic_bayes.c).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "datasets/lvis_synthetic.h"

enum { CATEGORIES_PER_SUPER = 60, CATEGORIES_PER_SUB = 6 };

double balact_synth_box_iou(const double *a, const double *b) {
    double width = fmin(a[0] + a[2], b[0] + b[2]) - fmax(a[0], b[0]);
    double height = fmin(a[1] + a[3], b[1] + b[3]) - fmax(a[1], b[1]);
    if (width <= 0 || height <= 0)
        return 0;
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height);
}

/* Look-alikes are dealt by shares of the numbers: categories are in shuffled order of frequency,
 * so every group has rare and frequent ones. */
double *balact_synth_centres(const struct balact_lvis_synthetic_options *o) {
    int64_t dim = o->dim;
    double *centres = malloc((size_t)(LVIS_K + 1) * (size_t)dim * sizeof *centres);
    if (!centres)
        return NULL;
    for (int64_t c = 0; c < LVIS_K; c++)
        for (int64_t j = 0; j < dim; j++) {
            uint64_t at = (uint64_t)j;
            centres[c * dim + j] =
                o->spread_super *
                    balact_random_normal(
                        o->seed, lvis_stream(LVIS_STREAM_SUPER, 0, c / CATEGORIES_PER_SUPER), at) +
                o->spread_sub *
                    balact_random_normal(
                        o->seed, lvis_stream(LVIS_STREAM_SUB, 0, c / CATEGORIES_PER_SUB), at) +
                o->spread_category *
                    balact_random_normal(o->seed, lvis_stream(LVIS_STREAM_CATEGORY, 0, c), at);
        }
    for (int64_t j = 0; j < dim; j++)
        centres[LVIS_K * dim + j] =
            o->spread_background *
            balact_random_normal(o->seed, lvis_stream(LVIS_STREAM_BACKGROUND, 0, 0), (uint64_t)j);
    return centres;
}

/* Where a proposal was put: on or near an object (-1: anywhere), and its box in pixels. */
struct placed {
    int32_t object;
    double box[4];
};

static void clip(double *box, int32_t width, int32_t height) {
    double right = fmin(box[0] + box[2], width), bottom = fmin(box[1] + box[3], height);
    box[0] = fmin(fmax(box[0], 0), width - 1);
    box[1] = fmin(fmax(box[1], 0), height - 1);
    box[2] = fmax(right - box[0], 1);
    box[3] = fmax(bottom - box[1], 1);
}

/* Moves and scales the object's box by noise of this size, in units of its sides. */
static void jitter(struct lvis_draw *draw, const struct lvis_object *object, double size,
                   double *box) {
    for (int side = 0; side < 2; side++) {
        double length = 0.01 * object->box[side + 2];
        double centre =
            0.01 * object->box[side] + length / 2 + size * length * balact_synth_normal(draw);
        length *= exp(size * balact_synth_normal(draw));
        box[side] = centre - length / 2;
        box[side + 2] = length;
    }
}

static void place(const struct balact_lvis_synthetic_options *o, const struct lvis_scene *scene,
                  int32_t number, int32_t rois, struct lvis_draw *draw, struct placed *placed) {
    int32_t on = (int32_t)lround(o->foreground * rois), near = (int32_t)lround(o->hard * rois);
    bool objects = scene->objects > 0;
    if (objects && number < on) {
        /* the objects in turn, from a random first one, so that all get about as many */
        uint64_t begin = balact_random_below(draw->seed, draw->stream, 0, (uint64_t)scene->objects);
        placed->object = (int32_t)((begin + (uint64_t)number) % (uint64_t)scene->objects);
        double u = balact_synth_uniform(draw);
        jitter(draw, &scene->object[placed->object], 0.02 + 0.18 * u * u * u, placed->box);
    } else if (objects && number < on + near) {
        placed->object = (int32_t)balact_synth_below(draw, scene->objects);
        jitter(draw, &scene->object[placed->object], 0.45, placed->box);
    } else {
        placed->object = -1;
        placed->box[2] = fmin(exp(3.8 + 1.1 * balact_synth_normal(draw)) + 4, 0.9 * scene->width);
        placed->box[3] = fmin(exp(3.8 + 1.1 * balact_synth_normal(draw)) + 4, 0.9 * scene->height);
        placed->box[0] = (scene->width - placed->box[2]) * balact_synth_uniform(draw);
        placed->box[1] = (scene->height - placed->box[3]) * balact_synth_uniform(draw);
    }
    clip(placed->box, scene->width, scene->height);
}

/* The object of the largest IoU, the first of equals; -1 if none is touched. */
static int32_t best_object(const struct lvis_scene *scene, const double *box, double *iou) {
    int32_t best = -1;
    *iou = 0;
    for (int32_t k = 0; k < scene->objects; k++) {
        const int32_t *b = scene->object[k].box;
        const double other[4] = {0.01 * b[0], 0.01 * b[1], 0.01 * b[2], 0.01 * b[3]};
        double with = balact_synth_box_iou(box, other);
        if (with > *iou) {
            *iou = with;
            best = k;
        }
    }
    return best;
}

/* object: the one whose offset the feature shares; -1: broad background. */
static void draw_feature(const struct balact_lvis_synthetic_options *o,
                         const struct lvis_scene *scene, int split, const double *centres,
                         int32_t object, bool foreground, uint64_t place, float *out) {
    int64_t dim = o->dim;
    const double *background = centres + LVIS_K * dim;
    uint64_t own = lvis_stream(LVIS_STREAM_FEATURE, split, scene->image);
    uint64_t shared = lvis_stream(LVIS_STREAM_OFFSET, split, scene->image);
    double spreads = o->spread_super * o->spread_super + o->spread_sub * o->spread_sub +
                     o->spread_category * o->spread_category;
    double broad = sqrt(1 + o->width * o->width * spreads);
    double common = sqrt(o->instance), rest = sqrt(1 - o->instance);
    for (int64_t j = 0; j < dim; j++) {
        double noise = balact_random_normal(o->seed, own, place * (uint64_t)dim + (uint64_t)j);
        double value = background[j] + broad * noise;
        if (object >= 0) {
            double offset = balact_random_normal(o->seed, shared,
                                                 (uint64_t)object * (uint64_t)dim + (uint64_t)j);
            double centre = centres[scene->object[object].category * dim + j];
            if (!foreground)
                centre = background[j] + o->nearness * (centre - background[j]);
            value = centre + common * offset + rest * noise;
        }
        out[j] = (float)(o->scale * value);
    }
}

/* The mask of the object, moved and scaled with the box; anywhere else a shape of its own. */
static void put_mask(const struct lvis_scene *scene, const struct placed *placed,
                     struct lvis_draw *draw, struct lvis_bytes *masks) {
    struct lvis_object own = {0};
    const struct lvis_object *object = &own;
    double x[LVIS_VERTICES_MAX], y[LVIS_VERTICES_MAX];
    if (placed->object >= 0) {
        object = &scene->object[placed->object];
    } else {
        own.box[2] = own.box[3] = 10000;
        balact_synth_polygon(draw, &own, own.box[2], own.box[3]);
    }
    for (int32_t i = 0; i < object->vertices; i++) {
        x[i] = 100 *
               (placed->box[0] + placed->box[2] * (object->x[i] - object->box[0]) / object->box[2]);
        y[i] = 100 *
               (placed->box[1] + placed->box[3] * (object->y[i] - object->box[1]) / object->box[3]);
    }
    balact_synth_put_mask(masks, scene->width, scene->height, object->vertices, x, y);
}

bool balact_synth_rois_make(const struct balact_lvis_synthetic_options *o,
                            const struct lvis_layout *layout, const struct lvis_scene *scene,
                            const double *centres, struct lvis_rois *rois, int64_t begin,
                            struct lvis_bytes *masks, int64_t *size) {
    int32_t count = o->rois[layout->split];
    struct lvis_draw draw = {o->seed, lvis_stream(LVIS_STREAM_ROI, layout->split, scene->image), 1};
    for (int32_t r = 0; r < count; r++) {
        int64_t at = begin + r;
        struct placed placed;
        double iou;
        place(o, scene, r, count, &draw, &placed);
        for (int side = 0; side < 4; side++) { /* the box as stored decides the label */
            rois->boxes[at * 4 + side] = (float)placed.box[side];
            placed.box[side] = rois->boxes[at * 4 + side];
        }
        int32_t best = best_object(scene, placed.box, &iou);
        bool foreground = iou >= 0.5;
        rois->image_ids[at] = scene->id;
        rois->labels[at] = foreground ? scene->object[best].category + 1 : 0;
        rois->objectness[at] =
            (float)(1 / (1 + exp(-(6 * (iou - 0.5) + balact_synth_normal(&draw)))));
        draw_feature(o, scene, layout->split, centres, foreground ? best : placed.object,
                     foreground, (uint64_t)r, rois->features + at * o->dim);
        if (masks) {
            size_t before = masks->size;
            put_mask(scene, &placed, &draw, masks);
            size[at] = (int64_t)(masks->size - before);
        }
    }
    return !masks || !masks->failed;
}
