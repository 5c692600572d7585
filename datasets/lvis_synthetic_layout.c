/* SPDX-License-Identifier: MIT
 *
 * Which categories lie in which image of the synthetic LVIS, and how many instances of each. Every
 * category gets exactly its count of images; all but a few images get at least one category, as in
 * the real set, where 782 of 100,170 have none.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "datasets/lvis_synthetic.h"

enum { IMAGES_ANNOTATED = 99388, ANNOTATIONS_FULL = 1270141, INSTANCES_MAX = 300 };

double balact_synth_uniform(struct lvis_draw *draw) {
    return balact_random_uniform(draw->seed, draw->stream, draw->at++);
}

double balact_synth_normal(struct lvis_draw *draw) {
    return balact_random_normal(draw->seed, draw->stream, draw->at++);
}

int64_t balact_synth_below(struct lvis_draw *draw, int64_t bound) {
    return (int64_t)balact_random_below(draw->seed, draw->stream, draw->at++, (uint64_t)bound);
}

void balact_synth_layout_release(struct lvis_layout *layout) {
    free(layout->start);
    free(layout->category);
    free(layout->instances);
    free(layout->first);
    *layout = (struct lvis_layout){0};
}

static void shuffle(int32_t *values, int64_t count, struct lvis_draw *draw) {
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t other = balact_synth_below(draw, i + 1);
        int32_t kept = values[i];
        values[i] = values[other];
        values[other] = kept;
    }
}

/* Lists of pairs by image while they are dealt. */
struct deal {
    int64_t *next;  /* [pairs] next pair of the same image, or -1 */
    int64_t *head;  /* [images] */
    int32_t *order; /* [images] shuffled */
};

static bool holds(const struct deal *deal, const int32_t *category, int32_t image, int32_t c) {
    for (int64_t p = deal->head[image]; p >= 0; p = deal->next[p])
        if (category[p] == c)
            return true;
    return false;
}

/* An image for one more pair: scenes differ in how much they hold, so images are drawn with
 * weights between 1/5 and 1. Of the annotated images that are left, the first that fits. */
static int32_t draw_image(const struct deal *deal, const int32_t *category, int32_t c,
                          int64_t annotated, uint64_t seed, struct lvis_draw *draw) {
    enum { TRIES = 4096 };
    for (int tries = 0; tries < TRIES; tries++) {
        int32_t image = deal->order[balact_synth_below(draw, annotated)];
        double weight =
            balact_random_uniform(seed, lvis_stream(LVIS_STREAM_DEAL, 2, 0), (uint64_t)image);
        if (balact_synth_uniform(draw) < 0.2 + 0.8 * weight * weight &&
            !holds(deal, category, image, c))
            return image;
    }
    for (int64_t i = 0; i < annotated; i++)
        if (!holds(deal, category, deal->order[i], c))
            return deal->order[i];
    return -1; /* no more than there are images: split counts see to it */
}

static void deal_pairs(const struct balact_lvis_synthetic_options *o, struct lvis_layout *layout,
                       struct deal *deal, int32_t *category) {
    struct lvis_draw draw = {o->seed, lvis_stream(LVIS_STREAM_DEAL, layout->split, 0), 0};
    int64_t pair = 0, annotated = (int64_t)((double)layout->images * IMAGES_ANNOTATED /
                                                BALACT_LVIS_FULL_TRAIN +
                                            0.999);
    for (int32_t c = 0; c < LVIS_K; c++) {
        if (layout->image_count[c] > annotated)
            layout->image_count[c] = annotated;
        for (int64_t i = 0; i < layout->image_count[c]; i++)
            category[pair++] = c;
    }
    layout->pairs = pair;
    shuffle(category, layout->pairs, &draw);
    for (int64_t i = 0; i < layout->images; i++) {
        deal->order[i] = (int32_t)i;
        deal->head[i] = -1;
    }
    shuffle(deal->order, layout->images, &draw);
    for (pair = 0; pair < layout->pairs; pair++) {
        int32_t image = pair < annotated
                            ? deal->order[pair]
                            : draw_image(deal, category, category[pair], annotated, o->seed, &draw);
        deal->next[pair] = deal->head[image];
        deal->head[image] = pair;
    }
}

static int ascending(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void collect(struct lvis_layout *layout, const struct deal *deal, const int32_t *category) {
    int64_t at = 0;
    for (int64_t i = 0; i < layout->images; i++) {
        layout->start[i] = at;
        for (int64_t p = deal->head[i]; p >= 0; p = deal->next[p])
            layout->category[at++] = category[p];
        qsort(layout->category + layout->start[i], (size_t)(at - layout->start[i]),
              sizeof *layout->category, ascending);
    }
    layout->start[layout->images] = at;
}

/* Instances a pair: 1 and a long-tailed excess of the category's mean. About 12.7 annotations an
 * image are kept at every size: where images hold more categories, they hold fewer of each. */
static void count_instances(const struct balact_lvis_synthetic_options *o,
                            struct lvis_layout *layout) {
    static const double power = 1.5;
    double ratios[LVIS_K], excess = 0;
    double wanted = (double)layout->images * ANNOTATIONS_FULL / BALACT_LVIS_FULL_TRAIN;
    balact_synth_instance_ratios(ratios);
    for (int32_t c = 0; c < LVIS_K; c++)
        excess += (double)layout->image_count[c] * (ratios[c] - 1);
    double factor = excess > 0 ? (wanted - (double)layout->pairs) / excess : 0;
    factor = factor < 0.05 ? 0.05 : factor;
    for (int64_t i = 0; i < layout->images; i++) {
        struct lvis_draw draw = {o->seed, lvis_stream(LVIS_STREAM_INSTANCES, layout->split, i), 0};
        layout->first[i] = layout->annotations;
        for (int64_t p = layout->start[i]; p < layout->start[i + 1]; p++) {
            double mean = factor * (ratios[layout->category[p]] - 1) / tgamma(1 + power);
            double more = mean * pow(-log(1 - balact_synth_uniform(&draw)), power);
            more = floor(more + balact_synth_uniform(&draw));
            layout->instances[p] = 1 + (more < INSTANCES_MAX ? (int32_t)more : INSTANCES_MAX);
            layout->instance_count[layout->category[p]] += layout->instances[p];
            layout->annotations += layout->instances[p];
        }
    }
    layout->first[layout->images] = layout->annotations;
}

balact_status balact_synth_layout_make(const struct balact_lvis_synthetic_options *options,
                                       enum balact_lvis_split split, struct lvis_layout *layout,
                                       struct balact_error *error) {
    *layout = (struct lvis_layout){.split = split, .images = options->images[split]};
    int64_t pairs = balact_lvis_synthetic_split_counts(options, split, layout->image_count);
    size_t images = (size_t)layout->images, of_pairs = (size_t)(pairs ? pairs : 1);
    layout->start = malloc((images + 1) * sizeof *layout->start);
    layout->first = malloc((images + 1) * sizeof *layout->first);
    layout->category = malloc(of_pairs * sizeof *layout->category);
    layout->instances = malloc(of_pairs * sizeof *layout->instances);
    struct deal deal = {.next = malloc(of_pairs * sizeof *deal.next),
                        .head = malloc(images * sizeof *deal.head),
                        .order = malloc(images * sizeof *deal.order)};
    int32_t *category = malloc(of_pairs * sizeof *category);
    bool fine = layout->start && layout->first && layout->category && layout->instances &&
                deal.next && deal.head && deal.order && category;
    if (fine) {
        deal_pairs(options, layout, &deal, category);
        collect(layout, &deal, category);
        count_instances(options, layout);
    } else {
        balact_synth_layout_release(layout);
    }
    free(deal.next);
    free(deal.head);
    free(deal.order);
    free(category);
    return fine ? BALACT_OK
                : balact_fail(error, BALACT_ERROR_MEMORY,
                              "synthetic LVIS: no memory for %lld images", (long long)images);
}
