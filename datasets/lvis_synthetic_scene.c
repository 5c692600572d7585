/* SPDX-License-Identifier: MIT
 *
 * One image of the synthetic LVIS: its size, its objects with boxes and polygons, its federated
 * lists. Sizes, aspects and their spread are those of the real annotations: the square root of a
 * mask's area is about lognormal with median 26 pixels, 58 % of objects are small, 12 % large.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "datasets/lvis_synthetic.h"

static const double two_pi = 6.283185307179586476925286766559;

/* The commonest sizes of COCO's images and how many of 100 have each. */
static const struct {
    int32_t width, height, percent;
} sizes[] = {{640, 480, 37}, {640, 427, 20}, {480, 640, 12}, {640, 426, 9},
             {427, 640, 6},  {640, 428, 4},  {500, 375, 3},  {640, 425, 3},
             {426, 640, 2},  {612, 612, 2},  {640, 640, 1},  {375, 500, 1}};

static void choose_size(struct lvis_draw *draw, int32_t *width, int32_t *height) {
    int64_t percent = balact_synth_below(draw, 100);
    size_t i = 0;
    for (; i + 1 < sizeof sizes / sizeof *sizes && percent >= sizes[i].percent; i++)
        percent -= sizes[i].percent;
    *width = sizes[i].width;
    *height = sizes[i].height;
}

/* Twice the area within a closed polygon, by the shoelace formula, in squared hundredths. */
static int64_t shoelace(const struct lvis_object *object) {
    int64_t sum = 0;
    for (int32_t i = 0; i < object->vertices; i++) {
        int32_t next = i + 1 < object->vertices ? i + 1 : 0;
        sum += (int64_t)object->x[i] * object->y[next] - (int64_t)object->x[next] * object->y[i];
    }
    return sum < 0 ? -sum : sum;
}

/* Radius by angle: a circle with three waves that keep it positive, so the polygon is a star about
 * its centre and never crosses itself. */
void balact_synth_polygon(struct lvis_draw *draw, struct lvis_object *object, int32_t width,
                          int32_t height) {
    double amplitude[3], phase[3], x[LVIS_VERTICES_MAX], y[LVIS_VERTICES_MAX];
    double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9;
    int32_t vertices = LVIS_VERTICES_MIN +
                       (int32_t)balact_synth_below(draw, LVIS_VERTICES_MAX - LVIS_VERTICES_MIN + 1);
    for (int k = 0; k < 3; k++) {
        amplitude[k] = 0.27 * balact_synth_uniform(draw);
        phase[k] = two_pi * balact_synth_uniform(draw);
    }
    for (int32_t i = 0; i < vertices; i++) {
        double angle = two_pi * i / vertices, radius = 1;
        for (int k = 0; k < 3; k++)
            radius += amplitude[k] * cos((k + 2) * angle + phase[k]);
        x[i] = radius * cos(angle);
        y[i] = radius * sin(angle);
        left = fmin(left, x[i]);
        right = fmax(right, x[i]);
        top = fmin(top, y[i]);
        bottom = fmax(bottom, y[i]);
    }
    object->vertices = vertices;
    for (int32_t i = 0; i < vertices; i++) {
        object->x[i] = object->box[0] + (int32_t)lround(width * ((x[i] - left) / (right - left)));
        object->y[i] = object->box[1] + (int32_t)lround(height * ((y[i] - top) / (bottom - top)));
    }
    object->area = 0.5e-4 * (double)shoelace(object);
}

/* Length of a side in hundredths, 2 pixels or more, within the image. */
static int32_t side(double pixels, int32_t limit) {
    pixels = fmin(fmax(pixels, 2), 0.98 * limit);
    return (int32_t)lround(100 * pixels);
}

static void place_object(const struct balact_lvis_synthetic_options *o, struct lvis_draw *draw,
                         const struct lvis_scene *scene, struct lvis_object *object) {
    static const double median = 3.5, deviation_category = 0.7, deviation_object = 0.85;
    static const double aspect_category = 0.5, aspect_object = 0.55;
    uint64_t look = lvis_stream(LVIS_STREAM_LOOK, 0, 0), c = (uint64_t)object->category;
    double size = median + deviation_category * balact_random_normal(o->seed, look, 2 * c) +
                  deviation_object * balact_synth_normal(draw);
    double aspect = aspect_category * balact_random_normal(o->seed, look, 2 * c + 1) +
                    aspect_object * balact_synth_normal(draw);
    object->box[2] = side(exp(size + aspect / 2), scene->width);
    object->box[3] = side(exp(size - aspect / 2), scene->height);
    object->box[0] = (int32_t)balact_synth_below(draw, 100 * scene->width - object->box[2] + 1);
    object->box[1] = (int32_t)balact_synth_below(draw, 100 * scene->height - object->box[3] + 1);
    balact_synth_polygon(draw, object, object->box[2], object->box[3]);
}

static bool is_held(const struct lvis_layout *layout, int64_t image, int32_t c) {
    for (int64_t p = layout->start[image]; p < layout->start[image + 1]; p++)
        if (layout->category[p] == c)
            return true;
    return false;
}

/* Every category is looked for in a random share of the images that do not hold it, so that each
 * has about as many negative images; and what is there in numbers is often not all marked. */
static void fill_lists(const struct balact_lvis_synthetic_options *o,
                       const struct lvis_layout *layout, struct lvis_draw *draw,
                       struct lvis_scene *scene) {
    bool chosen[LVIS_K] = {false};
    double length = o->negatives * (0.5 + balact_synth_uniform(draw));
    int64_t wanted = (int64_t)floor(length + balact_synth_uniform(draw));
    for (int64_t i = 0; i < wanted; i++) {
        int32_t c = (int32_t)balact_synth_below(draw, LVIS_K);
        chosen[c] = !is_held(layout, scene->image, c);
    }
    scene->negatives = scene->not_exhaustives = 0;
    for (int32_t c = 0; c < LVIS_K; c++)
        if (chosen[c])
            scene->negative[scene->negatives++] = c;
    for (int64_t p = layout->start[scene->image]; p < layout->start[scene->image + 1]; p++)
        if (balact_synth_uniform(draw) < (layout->instances[p] > 8 ? 0.5 : 0.05))
            scene->not_exhaustive[scene->not_exhaustives++] = layout->category[p];
}

bool balact_synth_scene_make(const struct balact_lvis_synthetic_options *options,
                             const struct lvis_layout *layout, int64_t image,
                             struct lvis_scene *scene) {
    struct lvis_draw draw = {options->seed, lvis_stream(LVIS_STREAM_IMAGE, layout->split, image),
                             0};
    int64_t objects = layout->first[image + 1] - layout->first[image];
    if (objects > scene->capacity) {
        struct lvis_object *larger =
            realloc(scene->object, (size_t)objects * 2 * sizeof *scene->object);
        if (!larger)
            return false;
        scene->object = larger;
        scene->capacity = (int32_t)objects * 2;
    }
    scene->image = image;
    /* ids with gaps, ascending, and none in both splits */
    scene->id = (layout->split == BALACT_LVIS_VAL ? INT64_C(10000000) : 0) + 5 * image + 1 +
                balact_synth_below(&draw, 5);
    choose_size(&draw, &scene->width, &scene->height);
    fill_lists(options, layout, &draw, scene);
    draw =
        (struct lvis_draw){options->seed, lvis_stream(LVIS_STREAM_OBJECT, layout->split, image), 0};
    scene->objects = 0;
    for (int64_t p = layout->start[image]; p < layout->start[image + 1]; p++)
        for (int32_t k = 0; k < layout->instances[p]; k++) {
            struct lvis_object *object = &scene->object[scene->objects++];
            object->category = layout->category[p];
            place_object(options, &draw, scene, object);
        }
    return true;
}

void balact_synth_scene_release(struct lvis_scene *scene) {
    free(scene->object);
    scene->object = NULL;
    scene->objects = scene->capacity = 0;
}
