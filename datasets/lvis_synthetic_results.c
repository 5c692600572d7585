/* SPDX-License-Identifier: MIT
 *
 * Detections of the synthetic LVIS in the official results format, made straight from the objects:
 * for timing evaluators at any size, no classifier is behind them. Two fifths lie on objects with
 * the right category, a fifth on objects with another one that the image is evaluated for, the rest
 * anywhere with any category, as most of a real detector's 300 are; scores follow the IoU.
 */
#include <math.h>
#include <stdlib.h>

#include "datasets/lvis_synthetic_write.h"
#include "datasets/output.h"

/* A category that the image is evaluated for: one that it holds or one of its negatives. */
static int32_t listed_category(const struct lvis_job *job, const struct lvis_scene *scene,
                               struct lvis_draw *draw) {
    int64_t first = job->layout->start[scene->image];
    int64_t held = job->layout->start[scene->image + 1] - first;
    if (held + scene->negatives == 0)
        return (int32_t)balact_synth_below(draw, LVIS_K);
    int64_t chosen = balact_synth_below(draw, held + scene->negatives);
    return chosen < held ? job->layout->category[first + chosen] : scene->negative[chosen - held];
}

/* The object's mask stretched over the box, which is in hundredths of pixels. */
static void put_stretched(struct lvis_bytes *out, const struct lvis_scene *scene,
                          const struct lvis_object *object, const int32_t *box) {
    struct lvis_bytes mask = {0};
    double x[LVIS_VERTICES_MAX], y[LVIS_VERTICES_MAX];
    for (int32_t i = 0; i < object->vertices; i++) {
        x[i] = box[0] + (double)box[2] * (object->x[i] - object->box[0]) / object->box[2];
        y[i] = box[1] + (double)box[3] * (object->y[i] - object->box[1]) / object->box[3];
    }
    balact_synth_put_mask(&mask, scene->width, scene->height, object->vertices, x, y);
    for (size_t i = 0; i < mask.size; i++) {
        if (mask.data[i] == '\\')
            balact_synth_put(out, "\\", 1);
        balact_synth_put(out, &mask.data[i], 1);
    }
    out->failed |= mask.failed;
    balact_synth_bytes_release(&mask);
}

static void put_detection(struct lvis_bytes *out, const struct lvis_scene *scene, int32_t category,
                          double score, const struct lvis_object *object, const int32_t *box) {
    char text[32];
    balact_synth_put_text(out, "{\"image_id\": ");
    balact_synth_put_integer(out, scene->id);
    balact_synth_put_text(out, ", \"category_id\": ");
    balact_synth_put_integer(out, category + 1);
    balact_synth_put_text(out, ", \"bbox\": [");
    for (int k = 0; k < 4; k++) {
        balact_synth_put_text(out, k ? ", " : "");
        balact_synth_put_hundredths(out, box[k]);
    }
    int64_t digits = (int64_t)(score * 1e8);
    snprintf(text, sizeof text, "0.%08lld", (long long)digits);
    balact_synth_put_text(out, "], \"score\": ");
    balact_synth_put_text(out, text);
    balact_synth_put_text(out, ", \"segmentation\": {\"size\": [");
    balact_synth_put_integer(out, scene->height);
    balact_synth_put_text(out, ", ");
    balact_synth_put_integer(out, scene->width);
    balact_synth_put_text(out, "], \"counts\": \"");
    put_stretched(out, scene, object, box);
    balact_synth_put_text(out, "\"}}");
}

/* The box of an object with noise, within the image; hundredths, a pixel or more a side. */
static void moved_box(const struct lvis_scene *scene, const struct lvis_object *object,
                      struct lvis_draw *draw, int32_t *box) {
    double noise = 0.25 * balact_synth_uniform(draw);
    for (int side = 0; side < 2; side++) {
        int32_t limit = 100 * (side ? scene->height : scene->width);
        double length = object->box[side + 2];
        double begin = object->box[side] + length * noise * balact_synth_normal(draw);
        length *= exp(noise * balact_synth_normal(draw));
        length = fmin(fmax(length, 100), limit);
        box[side + 2] = (int32_t)length;
        box[side] = (int32_t)fmin(fmax(begin, 0), limit - box[side + 2]);
    }
}

static bool image_detections(const struct lvis_job *job, struct lvis_scene *scene,
                             struct lvis_bytes *out) {
    struct lvis_draw draw = {job->options->seed,
                             lvis_stream(LVIS_STREAM_DETECTION, job->layout->split, scene->image),
                             0};
    for (int32_t d = 0; d < job->detections; d++) {
        struct lvis_object own = {0};
        const struct lvis_object *object = &own;
        double kind = scene->objects ? balact_synth_uniform(&draw) : 1, score = 0.05;
        int32_t box[4], category = (int32_t)balact_synth_below(&draw, LVIS_K);
        if (kind < 0.6) {
            object = &scene->object[d % scene->objects];
            moved_box(scene, object, &draw, box);
            const double a[4] = {box[0], box[1], box[2], box[3]};
            const double b[4] = {object->box[0], object->box[1], object->box[2], object->box[3]};
            score = balact_synth_box_iou(a, b) * (kind < 0.4 ? 0.9 : 0.5);
            category = kind < 0.4 ? object->category : listed_category(job, scene, &draw);
        } else {
            for (int side = 0; side < 2; side++) {
                int32_t limit = 100 * (side ? scene->height : scene->width);
                double length = fmin(100 * exp(3.4 + balact_synth_normal(&draw)) + 100, limit);
                box[side + 2] = (int32_t)length;
                box[side] = (int32_t)balact_synth_below(&draw, limit - box[side + 2] + 1);
                own.box[side] = box[side];
                own.box[side + 2] = box[side + 2];
            }
            balact_synth_polygon(&draw, &own, own.box[2], own.box[3]);
        }
        score = fmin(fmax(score * (0.6 + 0.4 * balact_synth_uniform(&draw)), 1e-4), 0.999999);
        if (scene->image || d)
            balact_synth_put_text(out, ", ");
        put_detection(out, scene, category, score, object, box);
    }
    return !out->failed;
}

balact_status balact_lvis_synthetic_results(const char *path,
                                            const struct balact_lvis_synthetic_options *options,
                                            int32_t detections, int64_t *count,
                                            struct balact_error *error) {
    struct balact_lvis_synthetic_options o = *options;
    struct lvis_layout layout = {0};
    struct balact_output output = {0};
    balact_status status = balact_lvis_synthetic_resolve(&o, error);
    if (status == BALACT_OK && detections < 1)
        status = balact_fail(error, BALACT_ERROR_RANGE, "%s: %d detections an image; 1 or more",
                             path, (int)detections);
    if (status == BALACT_OK)
        status = balact_synth_layout_make(&o, BALACT_LVIS_VAL, &layout, error);
    if (status == BALACT_OK)
        status = balact_output_open(&output, path, error);
    if (status == BALACT_OK) {
        const struct lvis_job job = {&o, &layout, detections};
        struct lvis_sink sink = {.file = output.file, .path = path};
        struct lvis_bytes begin = {0}, end = {0};
        balact_synth_put_text(&begin, "[");
        balact_synth_put_text(&end, "]\n");
        status = balact_synth_sink_take(&sink, &begin, error);
        if (status == BALACT_OK)
            status = balact_synth_each_image(&job, image_detections, &sink, error);
        if (status == BALACT_OK)
            status = balact_synth_sink_take(&sink, &end, error);
        if (status == BALACT_OK)
            status = balact_output_commit(&output, error);
        else
            balact_output_abandon(&output);
        if (count)
            *count = layout.images * detections;
        balact_synth_bytes_release(&begin);
        balact_synth_bytes_release(&end);
    }
    balact_synth_layout_release(&layout);
    return status;
}
