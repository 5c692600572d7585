/* SPDX-License-Identifier: MIT
 *
 * The synthetic LVIS in the layout of the official files lvis_v1_train.json and lvis_v1_val.json:
 * the same members, in the order info, annotations, images, licenses, categories.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/lvis_synthetic_write.h"

static void put_pair_list(struct lvis_bytes *out, const int32_t *categories, int32_t count) {
    balact_synth_put_text(out, "[");
    for (int32_t i = 0; i < count; i++) {
        balact_synth_put_text(out, i ? ", " : "");
        balact_synth_put_integer(out, categories[i] + 1);
    }
    balact_synth_put_text(out, "]");
}

static void put_image(struct lvis_bytes *out, const struct lvis_scene *scene,
                      enum balact_lvis_split split) {
    char url[128];
    snprintf(url, sizeof url, "\"http://images.cocodataset.org/%s2017/%012lld.jpg\"",
             balact_lvis_split_name(split), (long long)scene->id);
    balact_synth_put_text(out,
                          "{\"date_captured\": \"2013-11-14 16:28:13\", \"neg_category_ids\": ");
    put_pair_list(out, scene->negative, scene->negatives);
    balact_synth_put_text(out, ", \"id\": ");
    balact_synth_put_integer(out, scene->id);
    balact_synth_put_text(out, ", \"license\": 1, \"height\": ");
    balact_synth_put_integer(out, scene->height);
    balact_synth_put_text(out, ", \"width\": ");
    balact_synth_put_integer(out, scene->width);
    balact_synth_put_text(out, ", \"flickr_url\": \"\", \"coco_url\": ");
    balact_synth_put_text(out, url);
    balact_synth_put_text(out, ", \"not_exhaustive_category_ids\": ");
    put_pair_list(out, scene->not_exhaustive, scene->not_exhaustives);
    balact_synth_put_text(out, "}");
}

static void put_annotation(struct lvis_bytes *out, const struct lvis_scene *scene,
                           const struct lvis_object *object, int64_t id) {
    balact_synth_put_text(out, "{\"area\": ");
    balact_synth_put_hundredths(out, (int64_t)(100 * object->area + 0.5));
    balact_synth_put_text(out, ", \"id\": ");
    balact_synth_put_integer(out, id);
    balact_synth_put_text(out, ", \"segmentation\": [[");
    for (int32_t i = 0; i < object->vertices; i++) {
        balact_synth_put_text(out, i ? ", " : "");
        balact_synth_put_hundredths(out, object->x[i]);
        balact_synth_put_text(out, ", ");
        balact_synth_put_hundredths(out, object->y[i]);
    }
    balact_synth_put_text(out, "]], \"image_id\": ");
    balact_synth_put_integer(out, scene->id);
    balact_synth_put_text(out, ", \"bbox\": [");
    for (int k = 0; k < 4; k++) {
        balact_synth_put_text(out, k ? ", " : "");
        balact_synth_put_hundredths(out, object->box[k]);
    }
    balact_synth_put_text(out, "], \"category_id\": ");
    balact_synth_put_integer(out, object->category + 1);
    balact_synth_put_text(out, "}");
}

static bool image_text(const struct lvis_job *job, struct lvis_scene *scene,
                       struct lvis_bytes *out) {
    if (scene->image)
        balact_synth_put_text(out, ", ");
    put_image(out, scene, job->layout->split);
    return !out->failed;
}

static bool annotation_text(const struct lvis_job *job, struct lvis_scene *scene,
                            struct lvis_bytes *out) {
    int64_t id = job->layout->first[scene->image]; /* ids from 1: evaluators take 0 for none */
    for (int32_t k = 0; k < scene->objects; k++) {
        if (id++ > 0)
            balact_synth_put_text(out, ", ");
        put_annotation(out, scene, &scene->object[k], id);
    }
    return !out->failed;
}

/* Counts and frequencies are of train in both files. */
static void put_categories(struct lvis_bytes *out, const struct lvis_layout *train) {
    for (int32_t c = 0; c < LVIS_K; c++) {
        char text[320];
        int64_t images = train->image_count[c];
        snprintf(
            text, sizeof text,
            "%s{\"image_count\": %lld, \"synonyms\": [\"category_%04d\"], \"def\": \"synthetic "
            "category %d\", \"id\": %d, \"synset\": \"category_%04d.n.01\", \"name\": "
            "\"category_%04d\", \"frequency\": \"%c\", \"instance_count\": %lld}",
            c ? ", " : "", (long long)images, c + 1, c + 1, c + 1, c + 1, c + 1,
            images > 100  ? 'f'
            : images > 10 ? 'c'
                          : 'r',
            (long long)train->instance_count[c]);
        balact_synth_put_text(out, text);
    }
}

/* The whole document, to be counted (pack NULL) or written. */
static balact_status document(const struct lvis_job *job, const struct lvis_layout *train,
                              struct balact_pack *pack, int64_t *size, struct balact_error *error) {
    struct lvis_bytes head = {0}, middle = {0}, tail = {0};
    balact_synth_put_text(
        &head, "{\"info\": {\"description\": \"synthetic LVIS of balact\", \"url\": \"\", "
               "\"version\": \"1\", \"year\": 2020, \"contributor\": \"balact\", "
               "\"date_created\": \"2020-06-14 00:00:00.000000\"}, \"annotations\": [");
    balact_synth_put_text(&middle, "], \"images\": [");
    balact_synth_put_text(&tail,
                          "], \"licenses\": [{\"url\": \"\", \"id\": 1, \"name\": \"none\"}], "
                          "\"categories\": [");
    put_categories(&tail, train);
    balact_synth_put_text(&tail, "]}\n");
    struct lvis_sink sink = {.pack = pack};
    balact_status status = balact_synth_sink_take(&sink, &head, error);
    if (status == BALACT_OK)
        status = balact_synth_each_image(job, annotation_text, &sink, error);
    if (status == BALACT_OK)
        status = balact_synth_sink_take(&sink, &middle, error);
    if (status == BALACT_OK)
        status = balact_synth_each_image(job, image_text, &sink, error);
    if (status == BALACT_OK)
        status = balact_synth_sink_take(&sink, &tail, error);
    *size = sink.size;
    balact_synth_bytes_release(&head);
    balact_synth_bytes_release(&middle);
    balact_synth_bytes_release(&tail);
    return status;
}

/* An archive wants a member's size first, so the text is made twice: kept, it would be as large as
 * the file. */
balact_status balact_synth_write_annotations(const struct lvis_job *job,
                                             const struct lvis_layout *train,
                                             struct balact_pack *pack, struct balact_error *error) {
    char name[64];
    int64_t size;
    snprintf(name, sizeof name, "lvis_%s.json", balact_lvis_split_name(job->layout->split));
    balact_status status = document(job, train, NULL, &size, error);
    if (status == BALACT_OK)
        status = balact_pack_begin(pack, name, size, error);
    if (status == BALACT_OK)
        status = document(job, train, pack, &size, error);
    return status;
}
