/* SPDX-License-Identifier: MIT
 *
 * See lvis_reader.h.
 */
#include "bench/train/lvis_reader.h"

#include <stdlib.h>
#include <string.h>

struct state {
    struct lvis_reader_options options;
    const struct balact_rois *shard; /* NULL: before the first of an epoch */
    int64_t epoch, visit;            /* visit: those of the whole stage done so far */
    int64_t visits_of_epoch;
    int32_t *visits; /* images of the shard, repeated and shuffled */
    int64_t visit_count, next_visit, visit_limit;
    int32_t *rows, *scratch; /* rows of one image */
    int64_t row_limit;
    int64_t rois;
};

static void reader_state_release(void *context) {
    struct state *s = context;
    if (!s)
        return;
    free(s->visits);
    free(s->rows);
    free(s->scratch);
    free(s);
}

static balact_status out_of_memory(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "batches of RoIs: out of memory");
}

/* ---- Visits of a shard ---- */

static balact_status append_visits(struct state *s, int64_t image, int64_t repeats,
                                   struct balact_error *error) {
    int64_t wanted = s->visit_count + repeats;
    if (wanted > s->visit_limit) {
        int64_t limit = 2 * wanted + 64;
        int32_t *grown = realloc(s->visits, (size_t)limit * sizeof *grown);
        if (!grown)
            return out_of_memory(error);
        s->visits = grown;
        s->visit_limit = limit;
    }
    while (s->visit_count < wanted)
        s->visits[s->visit_count++] = (int32_t)image;
    return BALACT_OK;
}

static balact_status make_visits(struct state *s, struct balact_error *error) {
    const struct lvis_reader_options *o = &s->options;
    balact_status status = BALACT_OK;
    s->visit_count = s->next_visit = 0;
    for (int64_t i = 0; i < s->shard->images && status == BALACT_OK; i++) {
        int64_t image = balact_lvis_image_index(o->lvis, s->shard->image_ids[i]);
        if (image < 0)
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "%.400s: image_ids.npy: row %lld: image %lld is not in %.200s; do "
                               "the annotations belong to these RoIs?",
                               s->shard->place, (long long)s->shard->image_start[i],
                               (long long)s->shard->image_ids[i], o->lvis->name);
        double factor = o->image_factor ? o->image_factor[image] : 1;
        status = append_visits(s, i, lvis_repeats(&o->draws, s->epoch, image, factor), error);
    }
    if (status == BALACT_OK)
        lvis_shuffle(&o->draws, s->epoch, s->shard->index, s->visits, s->visit_count);
    s->visits_of_epoch += s->visit_count;
    return status;
}

/* Goes to the next shard, at the end of an epoch to the first of the next one. */
static balact_status next_shard(struct state *s, struct balact_error *error) {
    bool first = s->shard == NULL;
    balact_status status = balact_rois_stream_next(s->options.stream, &s->shard, error);
    if (status != BALACT_OK)
        return status;
    if (!s->shard) {
        if (!first && !s->visits_of_epoch)
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "the training RoIs show no image at all: every shard is empty");
        s->epoch++;
        s->visits_of_epoch = 0;
        s->visit_count = s->next_visit = 0;
        return BALACT_OK;
    }
    if (s->shard->dim != s->options.dim)
        return balact_fail(error, BALACT_ERROR_RANGE, "%.400s: %lld features where %lld are wanted",
                           s->shard->place, (long long)s->shard->dim, (long long)s->options.dim);
    return make_visits(s, error);
}

static void start_again(struct state *s) {
    balact_rois_stream_rewind(s->options.stream);
    s->shard = NULL;
    s->epoch = s->visit = s->visits_of_epoch = 0;
    s->visit_count = s->next_visit = 0;
}

/* ---- Rows of an image ---- */

static balact_status take_label(const struct state *s, int64_t row, int32_t *out,
                                struct balact_error *error) {
    const struct balact_lvis *lvis = s->options.lvis;
    int32_t id = s->shard->labels[row];
    *out = id ? balact_lvis_category_index(lvis, id) : lvis->categories;
    if (*out >= 0)
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_RANGE,
                       "%.400s: labels.npy: row %lld: category %d is not in %.200s",
                       s->shard->place, (long long)row, (int)id, lvis->name);
}

static balact_status take_rows(struct state *s, int64_t image, float *x, int32_t *labels,
                               int64_t *count, struct balact_error *error) {
    const struct lvis_reader_options *o = &s->options;
    int64_t first = s->shard->image_start[image], n = s->shard->image_start[image + 1] - first;
    if (n > s->row_limit) {
        int32_t *grown = realloc(s->scratch, (size_t)n * sizeof *grown);
        if (!grown)
            return out_of_memory(error);
        s->scratch = grown;
        s->row_limit = n;
    }
    int64_t taken = lvis_choose_rows(&o->draws, s->visit, s->shard->labels + first, n,
                                     o->rois_per_image, o->foreground_share, s->rows, s->scratch);
    for (int64_t i = 0; i < taken; i++) {
        int64_t row = first + s->rows[i];
        balact_status status = take_label(s, row, &labels[*count], error);
        if (status != BALACT_OK)
            return status;
        balact_rois_features(s->shard, row, 1, x + *count * o->dim);
        ++*count;
    }
    return BALACT_OK;
}

/* ---- The reader ---- */

static balact_status read_batch(void *context, int64_t epoch, int64_t step, float *x,
                                int32_t *labels, int64_t *count, struct balact_error *error) {
    struct state *s = context;
    int64_t begin = step * s->options.images_per_batch, end = begin + s->options.images_per_batch;
    balact_status status = BALACT_OK;
    (void)epoch; /* there is one */
    *count = 0;
    if (s->visit > begin)
        start_again(s);
    while (s->visit < end && status == BALACT_OK) {
        while (s->next_visit == s->visit_count && status == BALACT_OK)
            status = next_shard(s, error);
        if (status != BALACT_OK)
            break;
        int32_t image = s->visits[s->next_visit++];
        if (s->visit >= begin) /* before that a resumed run only counts */
            status = take_rows(s, image, x, labels, count, error);
        s->visit++;
    }
    s->rois += *count;
    return status;
}

int64_t lvis_reader_rois(const struct balact_reader *reader) {
    return ((const struct state *)reader->state)->rois;
}

balact_status lvis_reader_open(struct balact_reader *reader,
                               const struct lvis_reader_options *options,
                               struct balact_error *error) {
    memset(reader, 0, sizeof *reader);
    struct state *s = calloc(1, sizeof *s);
    if (s)
        s->rows = malloc((size_t)options->rois_per_image * sizeof *s->rows);
    if (!s || !s->rows) {
        free(s);
        return out_of_memory(error);
    }
    s->options = *options;
    balact_rois_stream_rewind(options->stream);
    int64_t batch = options->images_per_batch * options->rois_per_image;
    *reader = (struct balact_reader){.rows = options->steps * batch,
                                     .batch = batch,
                                     .dim = options->dim,
                                     .state = s,
                                     .read = read_batch,
                                     .release = reader_state_release};
    return BALACT_OK;
}
