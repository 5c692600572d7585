/* SPDX-License-Identifier: MIT
 *
 * See lvis_infer.h. RoIs go through in groups of whole images: scores of a group by the scorer,
 * then its images in parallel, each into a text of its own, which are written in order.
 */
#include "bench/train/lvis_infer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/output.h"

enum { GROUP_IMAGES = 1024 }; /* at most, of a group */

/* What becomes of one image. */
struct image_result {
    char *text;
    size_t size, limit;
    int64_t index; /* in the annotations */
    int64_t first, rows;
    struct lvis_detection *detections; /* [detections_per_image] */
    int64_t count;
    balact_status status;
    struct balact_error error;
};

struct run {
    struct lvis_inference *inference;
    FILE *file;
    float *x, *scores; /* of a group */
    int64_t row_limit;
    struct image_result *result; /* [GROUP_IMAGES] */
    bool *seen;                  /* [images] */
    bool any;                    /* a detection has been written */
};

/* ---- Text of one image ---- */

static bool reserve(struct image_result *r, size_t more) {
    if (r->size + more <= r->limit)
        return true;
    size_t limit = 2 * (r->size + more);
    char *grown = realloc(r->text, limit);
    if (!grown)
        return false;
    r->text = grown;
    r->limit = limit;
    return true;
}

/* A mask's RLE as a JSON string: of its characters (48 to 111) only the backslash is special. */
static void put_rle(struct image_result *r, const char *rle, int64_t length) {
    for (int64_t i = 0; i < length; i++) {
        if (rle[i] == '\\')
            r->text[r->size++] = '\\';
        r->text[r->size++] = rle[i];
    }
}

static bool put_detection(const struct lvis_inference *inference, const struct balact_rois *rois,
                          struct image_result *r, const struct lvis_detection *d) {
    const struct balact_lvis *lvis = inference->lvis;
    const struct balact_lvis_image *image = &lvis->image[r->index];
    int64_t row = r->first + d->row;
    const float *box = rois->boxes + 4 * row;
    const char *rle = inference->masks ? rois->rle + rois->rle_start[row] : NULL;
    int64_t length = rle ? rois->rle_start[row + 1] - rois->rle_start[row] : 0;
    if (!reserve(r, 320 + 2 * (size_t)length))
        return false;
    r->size += (size_t)snprintf(r->text + r->size, 256,
                                ",\n{\"image_id\":%lld,\"category_id\":%lld,"
                                "\"bbox\":[%.9g,%.9g,%.9g,%.9g],\"score\":%.9g",
                                (long long)image->id, (long long)lvis->category[d->category].id,
                                box[0], box[1], box[2], box[3], d->score);
    if (rle) {
        r->size += (size_t)snprintf(r->text + r->size, 64,
                                    ",\"segmentation\":{\"size\":[%d,%d],\"counts\":\"",
                                    (int)image->height, (int)image->width);
        put_rle(r, rle, length);
        r->text[r->size++] = '"';
        r->text[r->size++] = '}';
    }
    r->text[r->size++] = '}';
    return true;
}

static balact_status detect_image(const struct run *run, const struct balact_rois *rois,
                                  int64_t group_first, struct lvis_detector *detector,
                                  struct image_result *r, struct balact_error *error) {
    const struct lvis_inference *inference = run->inference;
    int64_t columns = inference->scorer->columns;
    float *scores = run->scores + (r->first - group_first) * columns;
    if (inference->objectness)
        for (int64_t i = 0; i < r->rows; i++)
            for (int64_t c = 0; c < columns; c++)
                scores[i * columns + c] *= rois->objectness[r->first + i];
    balact_status status = lvis_detect(detector, &inference->rules, scores, columns,
                                       rois->boxes + 4 * r->first, r->rows,
                                       inference->lvis->categories, r->detections, &r->count, error);
    r->size = 0;
    for (int64_t i = 0; i < r->count && status == BALACT_OK; i++)
        if (!put_detection(inference, rois, r, &r->detections[i]))
            status = balact_fail(error, BALACT_ERROR_MEMORY, "results: out of memory");
    return status;
}

/* ---- A group of images ---- */

static void detect_group(const struct run *run, const struct balact_rois *rois, int64_t first,
                         int64_t images) {
#pragma omp parallel
    {
        struct lvis_detector detector = {0};
#pragma omp for schedule(dynamic, 1)
        for (int64_t i = 0; i < images; i++)
            run->result[i].status = detect_image(run, rois, first, &detector, &run->result[i],
                                                 &run->result[i].error);
        lvis_detector_release(&detector);
    }
}

static balact_status write_group(struct run *run, const struct balact_rois *rois, int64_t images,
                                 struct balact_error *error) {
    struct lvis_inference *inference = run->inference;
    for (int64_t i = 0; i < images; i++) {
        struct image_result *r = &run->result[i];
        if (r->status != BALACT_OK) {
            if (error)
                *error = r->error;
            return r->status;
        }
        if (r->size) { /* every detection begins with a comma; the first loses it */
            fwrite(r->text + !run->any, 1, r->size - !run->any, run->file);
            run->any = true;
        }
        if (inference->calibration)
            lvis_calibration_add(inference->calibration, r->index, r->detections, r->count,
                                 rois->boxes + 4 * r->first);
        inference->detections += r->count;
    }
    inference->images += images;
    return BALACT_OK;
}

static balact_status score_group(struct run *run, const struct balact_rois *rois, int64_t first,
                                 int64_t rows, struct balact_error *error) {
    struct lvis_scorer *scorer = run->inference->scorer;
    if (rows > run->row_limit) {
        free(run->x);
        free(run->scores);
        run->x = malloc((size_t)(rows * scorer->dim) * sizeof *run->x);
        run->scores = malloc((size_t)(rows * scorer->columns) * sizeof *run->scores);
        run->row_limit = run->x && run->scores ? rows : 0;
        if (!run->row_limit)
            return balact_fail(error, BALACT_ERROR_MEMORY,
                               "scores of %lld RoIs: out of memory", (long long)rows);
    }
    balact_rois_features(rois, first, rows, run->x);
    balact_status status = BALACT_OK;
    for (int64_t at = 0; at < rows && status == BALACT_OK; at += LVIS_SCORE_ROWS) {
        int64_t n = rows - at < LVIS_SCORE_ROWS ? rows - at : LVIS_SCORE_ROWS;
        status = scorer->score(scorer->state, run->x + at * scorer->dim, n,
                               run->scores + at * scorer->columns, error);
    }
    run->inference->rois += rows;
    return status;
}

static balact_status find_image(struct run *run, const struct balact_rois *rois, int64_t i,
                                struct image_result *r, struct balact_error *error) {
    const struct balact_lvis *lvis = run->inference->lvis;
    r->first = rois->image_start[i];
    r->rows = rois->image_start[i + 1] - r->first;
    r->index = balact_lvis_image_index(lvis, rois->image_ids[i]);
    if (r->index < 0)
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "%.400s: image_ids.npy: row %lld: image %lld is not in %.200s",
                           rois->place, (long long)r->first, (long long)rois->image_ids[i],
                           lvis->name);
    if (run->seen[r->index])
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "%.400s: image_ids.npy: row %lld: image %lld has RoIs in an earlier "
                           "shard too",
                           rois->place, (long long)r->first, (long long)rois->image_ids[i]);
    run->seen[r->index] = true;
    return BALACT_OK;
}

static balact_status infer_shard(struct run *run, const struct balact_rois *rois,
                                 struct balact_error *error) {
    balact_status status = BALACT_OK;
    for (int64_t image = 0; image < rois->images && status == BALACT_OK;) {
        int64_t begin = image, first = rois->image_start[image], rows = 0;
        while (image < rois->images && image - begin < GROUP_IMAGES && status == BALACT_OK) {
            int64_t end = rois->image_start[image + 1] - first;
            if (rows > 0 && end > LVIS_SCORE_ROWS)
                break;
            rows = end;
            status = find_image(run, rois, image, &run->result[image - begin], error);
            image++;
        }
        if (status == BALACT_OK)
            status = score_group(run, rois, first, rows, error);
        if (status == BALACT_OK) {
            detect_group(run, rois, first, image - begin);
            status = write_group(run, rois, image - begin, error);
        }
    }
    return status;
}

/* ---- The whole ---- */

static balact_status open_run(struct run *run, struct balact_error *error) {
    const struct lvis_inference *inference = run->inference;
    int64_t most = inference->rules.detections_per_image;
    run->seen = calloc((size_t)inference->lvis->images + 1, sizeof *run->seen);
    run->result = calloc(GROUP_IMAGES, sizeof *run->result);
    bool fine = run->seen && run->result;
    for (int64_t i = 0; i < GROUP_IMAGES && fine; i++) {
        run->result[i].detections = malloc((size_t)most * sizeof *run->result[i].detections);
        fine = run->result[i].detections != NULL;
    }
    return fine ? BALACT_OK
                : balact_fail(error, BALACT_ERROR_MEMORY, "inference: out of memory");
}

static void close_run(struct run *run) {
    for (int64_t i = 0; i < GROUP_IMAGES && run->result; i++) {
        free(run->result[i].text);
        free(run->result[i].detections);
    }
    free(run->result);
    free(run->seen);
    free(run->x);
    free(run->scores);
}

balact_status lvis_infer(struct lvis_inference *inference, const char *path,
                         struct balact_error *error) {
    struct run run = {.inference = inference};
    struct balact_output output;
    const struct balact_rois *rois = NULL;
    inference->images = inference->rois = inference->detections = 0;
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    status = open_run(&run, error);
    run.file = output.file;
    fputc('[', run.file);
    balact_rois_stream_rewind(inference->stream);
    while (status == BALACT_OK) {
        status = balact_rois_stream_next(inference->stream, &rois, error);
        if (status != BALACT_OK || !rois)
            break;
        status = infer_shard(&run, rois, error);
    }
    fputs("\n]\n", run.file);
    close_run(&run);
    if (status == BALACT_OK)
        return balact_output_commit(&output, error);
    balact_output_abandon(&output);
    return status;
}

/* ---- Scores of a head ---- */

struct model_scorer {
    struct balact_model *model;
    enum balact_activation plain;
    void *x, *logits; /* backend memory */
};

static balact_status score_by_model(void *state, const float *x, int64_t rows, float *scores,
                                    struct balact_error *error) {
    struct model_scorer *s = state;
    const struct balact_backend *backend = s->model->backend;
    struct balact_problem problem = BALACT_PROBLEM_INIT;
    balact_status status =
        backend->upload(s->x, x, (size_t)(rows * s->model->inputs) * sizeof *x);
    if (status == BALACT_OK)
        status = s->model->forward(s->model, s->x, rows, s->logits);
    if (status != BALACT_OK)
        return balact_fail(error, status, "inference: %s", balact_status_name(status));
    problem.rows = rows;
    problem.cols = problem.ld = problem.ld_out = s->model->outputs;
    problem.logits = problem.out = s->logits;
    status = balact_forward_in_place(backend, s->plain, &problem, error);
    if (status != BALACT_OK)
        return status;
    status = backend->download(scores, s->logits,
                               (size_t)(rows * s->model->outputs) * sizeof *scores);
    if (status == BALACT_OK)
        status = backend->synchronize();
    return status == BALACT_OK
               ? status
               : balact_fail(error, status, "inference: %s", balact_status_name(status));
}

static void release_model_scorer(void *state) {
    struct model_scorer *s = state;
    if (s->x)
        s->model->backend->release(s->x);
    if (s->logits)
        s->model->backend->release(s->logits);
    free(s);
}

void lvis_scorer_release(struct lvis_scorer *scorer) {
    if (scorer->release)
        scorer->release(scorer->state);
    memset(scorer, 0, sizeof *scorer);
}

balact_status lvis_scorer_of_model(struct lvis_scorer *scorer, struct balact_model *model,
                                   enum balact_activation activation, struct balact_error *error) {
    bool softmax = balact_activation_info(activation)->family == BALACT_FAMILY_SOFTMAX;
    struct model_scorer *s = calloc(1, sizeof *s);
    memset(scorer, 0, sizeof *scorer);
    if (!s)
        return balact_fail(error, BALACT_ERROR_MEMORY, "inference: out of memory");
    s->model = model;
    s->plain = softmax ? BALACT_SOFTMAX : BALACT_SIGMOID;
    *scorer = (struct lvis_scorer){.dim = model->inputs,
                                   .columns = model->outputs,
                                   .state = s,
                                   .score = score_by_model,
                                   .release = release_model_scorer};
    size_t row = LVIS_SCORE_ROWS * sizeof(float);
    balact_status status = model->backend->alloc(row * (size_t)model->inputs, &s->x);
    if (status == BALACT_OK)
        status = model->backend->alloc(row * (size_t)model->outputs, &s->logits);
    if (status != BALACT_OK) {
        lvis_scorer_release(scorer);
        balact_fail(error, status, "inference: %s", balact_status_name(status));
    }
    return status;
}
