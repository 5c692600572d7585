/* SPDX-License-Identifier: MIT
 *
 * Writes the synthetic LVIS: annotations, options, shards of RoIs (docs/FORMATS.md), image by image
 * on all threads, so that memory holds a few blocks of images at a time.
 */
#include "datasets/lvis_synthetic_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/half.h"
#include "datasets/npz.h"

/* Images a block, blocks at a time, RoIs a shard. */
enum { BLOCK_IMAGES = 32, BLOCKS = 32, SHARD_ROIS = 1 << 17 };

static balact_status no_memory(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "synthetic LVIS: out of memory");
}

balact_status balact_synth_sink_take(struct lvis_sink *sink, const struct lvis_bytes *bytes,
                                     struct balact_error *error) {
    if (bytes->failed)
        return no_memory(error);
    if (bytes->size == 0)
        return BALACT_OK; /* bytes->data may be NULL */
    sink->size += (int64_t)bytes->size;
    if (sink->pack)
        return balact_pack_write(sink->pack, bytes->data, bytes->size, error);
    errno = 0;
    if (sink->file && fwrite(bytes->data, 1, bytes->size, sink->file) != bytes->size)
        return balact_fail_at(error, BALACT_ERROR_IO, sink->path, 0, -1, "cannot write: %s",
                              strerror(errno ? errno : EIO));
    return BALACT_OK;
}

static void make_block(const struct lvis_job *job, lvis_image_text text, int64_t begin,
                       struct lvis_bytes *out) {
    struct lvis_scene scene = {0};
    int64_t end = begin + BLOCK_IMAGES;
    for (int64_t i = begin; i < end && i < job->layout->images && !out->failed; i++)
        if (!balact_synth_scene_make(job->options, job->layout, i, &scene) ||
            !text(job, &scene, out))
            out->failed = true;
    balact_synth_scene_release(&scene);
}

balact_status balact_synth_each_image(const struct lvis_job *job, lvis_image_text text,
                                      struct lvis_sink *sink, struct balact_error *error) {
    struct lvis_bytes block[BLOCKS] = {{0}};
    int64_t step = BLOCKS * BLOCK_IMAGES;
    balact_status status = BALACT_OK;
    for (int64_t begin = 0; begin < job->layout->images && status == BALACT_OK; begin += step) {
#pragma omp parallel for schedule(dynamic)
        for (int b = 0; b < BLOCKS; b++) {
            block[b].size = 0;
            make_block(job, text, begin + (int64_t)b * BLOCK_IMAGES, &block[b]);
        }
        for (int b = 0; b < BLOCKS && status == BALACT_OK; b++)
            status = balact_synth_sink_take(sink, &block[b], error);
    }
    for (int b = 0; b < BLOCKS; b++)
        balact_synth_bytes_release(&block[b]);
    return status;
}

/* ---- shards ---- */

struct shard {
    int64_t begin, end; /* images */
    struct lvis_rois rois;
    int64_t *offsets; /* of masks, [count + 1] */
    struct lvis_bytes masks, *block_masks;
    int64_t blocks;
};

static void shard_release(struct shard *shard) {
    free(shard->rois.features);
    free(shard->rois.boxes);
    free(shard->rois.objectness);
    free(shard->rois.image_ids);
    free(shard->rois.labels);
    free(shard->offsets);
    for (int64_t b = 0; shard->block_masks && b < shard->blocks; b++)
        balact_synth_bytes_release(&shard->block_masks[b]);
    free(shard->block_masks);
    balact_synth_bytes_release(&shard->masks);
    *shard = (struct shard){0};
}

static bool shard_allocate(const struct lvis_job *job, struct shard *shard) {
    int64_t count = (shard->end - shard->begin) * job->options->rois[job->layout->split];
    size_t n = (size_t)count;
    shard->rois.count = count;
    shard->rois.features = malloc(n * (size_t)job->options->dim * sizeof(float));
    shard->rois.boxes = malloc(n * 4 * sizeof(float));
    shard->rois.objectness = malloc(n * sizeof(float));
    shard->rois.image_ids = malloc(n * sizeof(int64_t));
    shard->rois.labels = malloc(n * sizeof(int32_t));
    shard->offsets = calloc(n + 1, sizeof(int64_t));
    shard->blocks = (shard->end - shard->begin + BLOCK_IMAGES - 1) / BLOCK_IMAGES;
    shard->block_masks = calloc((size_t)shard->blocks, sizeof *shard->block_masks);
    return shard->rois.features && shard->rois.boxes && shard->rois.objectness &&
           shard->rois.image_ids && shard->rois.labels && shard->offsets && shard->block_masks;
}

/* Rounds the features to float16 in place: a half is not longer than a float. */
static void to_half(float *features, int64_t count) {
    uint16_t *out = (uint16_t *)features;
    for (int64_t i = 0; i < count; i++) {
        uint16_t half = float_to_half(features[i]);
        memcpy(out + i, &half, sizeof half);
    }
}

static bool shard_fill(const struct lvis_job *job, const double *centres, struct shard *shard) {
    int64_t rois = job->options->rois[job->layout->split];
    bool masks = job->layout->split == BALACT_LVIS_VAL;
    int failed = 0;
#pragma omp parallel for schedule(dynamic) reduction(| : failed)
    for (int64_t b = 0; b < shard->blocks; b++) {
        struct lvis_scene scene = {0};
        int64_t first = shard->begin + b * BLOCK_IMAGES;
        for (int64_t i = first; i < first + BLOCK_IMAGES && i < shard->end && !failed; i++)
            failed |=
                !balact_synth_scene_make(job->options, job->layout, i, &scene) ||
                !balact_synth_rois_make(job->options, job->layout, &scene, centres, &shard->rois,
                                        (i - shard->begin) * rois,
                                        masks ? &shard->block_masks[b] : NULL, shard->offsets + 1);
        balact_synth_scene_release(&scene);
    }
    for (int64_t b = 0; b < shard->blocks; b++)
        balact_synth_put(&shard->masks, shard->block_masks[b].data, shard->block_masks[b].size);
    for (int64_t r = 0; r < shard->rois.count; r++) /* lengths to offsets */
        shard->offsets[r + 1] += shard->offsets[r];
    return !failed && !shard->masks.failed;
}

static balact_status shard_pack(const struct lvis_job *job, struct shard *shard,
                                enum balact_dtype dtype, unsigned char **bytes, size_t *size,
                                struct balact_error *error) {
    struct balact_npz *npz;
    int64_t n = shard->rois.count, dim = job->options->dim;
    bool half = dtype == BALACT_F16, masks = job->layout->split == BALACT_LVIS_VAL;
    if (half)
        to_half(shard->rois.features, n * dim);
    const struct {
        const char *name;
        enum balact_npy_type type;
        int dims;
        int64_t shape[2];
        const void *data;
    } members[] = {
        {"boxes", BALACT_NPY_F32, 2, {n, 4}, shard->rois.boxes},
        {"features", half ? BALACT_NPY_F16 : BALACT_NPY_F32, 2, {n, dim}, shard->rois.features},
        {"image_ids", BALACT_NPY_I64, 1, {n, 0}, shard->rois.image_ids},
        {"labels", BALACT_NPY_I32, 1, {n, 0}, shard->rois.labels},
        {"objectness", BALACT_NPY_F32, 1, {n, 0}, shard->rois.objectness},
        {"rle_bytes", BALACT_NPY_U8, 1, {(int64_t)shard->masks.size, 0}, shard->masks.data},
        {"rle_offsets", BALACT_NPY_I64, 1, {n + 1, 0}, shard->offsets},
    };
    size_t count = sizeof members / sizeof *members - (masks ? 0 : 2);
    balact_status status = balact_npz_open(&npz, error);
    for (size_t i = 0; i < count && status == BALACT_OK; i++)
        status = balact_npz_add(npz, members[i].name, members[i].type, members[i].dims,
                                members[i].shape, members[i].data, error);
    if (status == BALACT_OK)
        return balact_npz_finish(npz, bytes, size, error);
    balact_npz_abandon(npz);
    return status;
}

static balact_status write_shard(const struct lvis_job *job, const double *centres,
                                 struct shard *shard, const char *name, enum balact_dtype dtype,
                                 struct balact_pack *pack, struct balact_error *error) {
    unsigned char *bytes = NULL;
    size_t size = 0;
    balact_status status = shard_allocate(job, shard) && shard_fill(job, centres, shard)
                               ? shard_pack(job, shard, dtype, &bytes, &size, error)
                               : no_memory(error);
    shard_release(shard);
    if (status == BALACT_OK)
        status = balact_pack_begin(pack, name, (int64_t)size, error);
    if (status == BALACT_OK)
        status = balact_pack_write(pack, bytes, size, error);
    free(bytes);
    return status;
}

balact_status balact_synth_write_rois(const struct lvis_job *job, enum balact_dtype dtype,
                                      struct balact_pack *pack, struct balact_error *error) {
    int64_t images = job->layout->images, rois = job->options->rois[job->layout->split];
    int64_t shards = (images * rois + SHARD_ROIS - 1) / SHARD_ROIS;
    shards = shards > images ? images : shards;
    double *centres = balact_synth_centres(job->options);
    balact_status status = centres ? BALACT_OK : no_memory(error);
    for (int64_t s = 0; s < shards && status == BALACT_OK; s++) {
        char name[80];
        struct shard shard = {.begin = images * s / shards, .end = images * (s + 1) / shards};
        snprintf(name, sizeof name, "%s_rois-%05lld-of-%05lld.npz",
                 balact_lvis_split_name(job->layout->split), (long long)s, (long long)shards);
        status = write_shard(job, centres, &shard, name, dtype, pack, error);
    }
    free(centres);
    return status;
}

/* ---- the whole ---- */

static balact_status write_options(struct balact_pack *pack,
                                   const struct balact_lvis_synthetic_options *options,
                                   struct balact_error *error) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return no_memory(error);
    balact_lvis_synthetic_options_print(options, file);
    balact_status status = ferror(file) | fclose(file)
                               ? no_memory(error)
                               : balact_pack_begin(pack, "synthetic.json", (int64_t)size, error);
    if (status == BALACT_OK)
        status = balact_pack_write(pack, text, size, error);
    free(text);
    return status;
}

/* The members in byte order of their names, so that the archive is the same everywhere. */
static balact_status write_members(struct balact_pack *pack,
                                   const struct balact_lvis_synthetic_options *options,
                                   const struct lvis_layout layouts[BALACT_LVIS_SPLIT_COUNT],
                                   enum balact_dtype dtype, bool annotations_only,
                                   struct balact_error *error) {
    const struct lvis_job train = {options, &layouts[BALACT_LVIS_TRAIN], 0};
    const struct lvis_job val = {options, &layouts[BALACT_LVIS_VAL], 0};
    balact_status status = balact_synth_write_annotations(&train, train.layout, pack, error);
    if (status == BALACT_OK)
        status = balact_synth_write_annotations(&val, train.layout, pack, error);
    if (status == BALACT_OK)
        status = write_options(pack, options, error);
    if (status == BALACT_OK && !annotations_only)
        status = balact_synth_write_rois(&train, dtype, pack, error);
    if (status == BALACT_OK && !annotations_only)
        status = balact_synth_write_rois(&val, dtype, pack, error);
    return status;
}

balact_status balact_lvis_synthetic_write(const char *path,
                                          const struct balact_lvis_synthetic_options *options,
                                          enum balact_dtype dtype, bool annotations_only,
                                          struct balact_error *error) {
    struct balact_lvis_synthetic_options o = *options;
    struct lvis_layout layouts[BALACT_LVIS_SPLIT_COUNT] = {{0}};
    struct balact_pack *pack = NULL;
    balact_status status = balact_lvis_synthetic_resolve(&o, error);
    if (status == BALACT_OK && dtype != BALACT_F32 && dtype != BALACT_F16)
        status = balact_fail(error, BALACT_ERROR_ARGUMENT,
                             "%s: features are written as float32 or float16", path);
    for (int s = 0; s < BALACT_LVIS_SPLIT_COUNT && status == BALACT_OK; s++)
        status = balact_synth_layout_make(&o, (enum balact_lvis_split)s, &layouts[s], error);
    if (status == BALACT_OK)
        status = balact_pack_open(&pack, path, error);
    if (status == BALACT_OK) {
        status = write_members(pack, &o, layouts, dtype, annotations_only, error);
        if (status == BALACT_OK)
            status = balact_pack_commit(pack, error);
        else
            balact_pack_abandon(pack);
    }
    for (int s = 0; s < BALACT_LVIS_SPLIT_COUNT; s++)
        balact_synth_layout_release(&layouts[s]);
    return status;
}
