/* SPDX-License-Identifier: MIT
 *
 * The shards of a split one after the other: a thread reads ahead, and a set that fits the budget
 * stays in memory (rois.h).
 *
 * The pass owns one open archive. While the caller works on a shard, the thread reads the next one
 * into `ahead`; the two meet when the caller asks for it. Nothing else is shared.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/rois.h"
#include "datasets/source.h"

enum { SHARDS_MAX = 1 << 20 };

struct balact_rois_stream {
    char *path, prefix[64]; /* prefix: "train_rois-" */
    int64_t memory;

    /* The pass. */
    struct balact_archive *archive; /* NULL: between passes */
    struct balact_rois current;
    bool *seen; /* [total] shards of this pass */
    int64_t total, seen_count;

    /* The shard that is read ahead. */
    pthread_t thread;
    bool thread_runs, ahead_found;
    struct balact_rois ahead;
    balact_status ahead_status;
    struct balact_error ahead_error;

    /* What the first shard was like. */
    bool known, objectness, masks;
    int64_t dim;
    enum balact_dtype dtype;

    /* Kept shards, in the order of the pass. */
    struct balact_rois *kept;
    int64_t kept_count, kept_bytes, next_kept;
    bool keeping, complete; /* keeping: all so far fit; complete: all there are */
};

/* ---- Names ---- */

/* Is the member a shard of this split? */
static bool is_shard(const struct balact_rois_stream *s, const char *name, int64_t *index,
                     int64_t *total) {
    return take_text(&name, s->prefix) && take_number(&name, index) && take_text(&name, "-of-") &&
           take_number(&name, total) && !strcmp(name, ".npz");
}

static balact_status expect_shard(struct balact_rois_stream *s, int64_t index, int64_t total,
                                  struct balact_error *error) {
    if (index >= total || total > SHARDS_MAX)
        return balact_archive_fail(s->archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "shard %lld of %lld: wants 0 to total - 1, at most %d shards",
                                   (long long)index, (long long)total, SHARDS_MAX);
    if (!s->seen) {
        s->seen = calloc((size_t)total, sizeof *s->seen);
        if (!s->seen)
            return balact_archive_fail(s->archive, BALACT_ERROR_MEMORY, 0, -1, error,
                                       "out of memory");
        s->total = total;
    }
    if (s->total != total || s->seen[index])
        return balact_archive_fail(s->archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   s->total != total ? "is of another sharding than the first"
                                                     : "this shard is there twice");
    s->seen[index] = true;
    s->seen_count++;
    return BALACT_OK;
}

static balact_status compare_with_first(struct balact_rois_stream *s,
                                        const struct balact_rois *rois,
                                        struct balact_error *error) {
    if (!s->known) {
        s->known = true;
        s->dim = rois->dim;
        s->dtype = rois->dtype;
        s->objectness = rois->objectness != NULL;
        s->masks = rois->rle != NULL;
        return BALACT_OK;
    }
    const char *what = rois->dim != s->dim                              ? "another number of features"
                       : rois->dtype != s->dtype                        ? "another type of features"
                       : (rois->objectness != NULL) != s->objectness ? "objectness"
                       : (rois->rle != NULL) != s->masks             ? "masks"
                                                                        : NULL;
    if (!what)
        return BALACT_OK;
    return balact_archive_fail(s->archive, BALACT_ERROR_FORMAT, 0, -1, error,
                               "differs from the first shard: %s", what);
}

/* ---- Reading ---- */

static balact_status read_shard(struct balact_rois_stream *s, struct balact_rois *rois, bool *found,
                                struct balact_error *error) {
    int64_t index = 0, total = 0;
    bool more = true;
    *found = false;
    while (!*found) {
        balact_status status = balact_archive_next(s->archive, &more, error);
        if (status != BALACT_OK || !more)
            return status;
        *found = is_shard(s, balact_archive_basename(s->archive), &index, &total);
    }
    balact_status status = expect_shard(s, index, total, error);
    if (status == BALACT_OK)
        status = balact_rois_read(s->archive, rois, error);
    if (status != BALACT_OK)
        return status;
    rois->index = index;
    status = compare_with_first(s, rois, error);
    if (status != BALACT_OK)
        balact_rois_release(rois);
    return status;
}

static void *read_ahead(void *context) {
    struct balact_rois_stream *s = context;
    s->ahead_status = read_shard(s, &s->ahead, &s->ahead_found, &s->ahead_error);
    return NULL;
}

/* Without a thread (there may be none left) the shard is read when it is asked for. */
static void start_ahead(struct balact_rois_stream *s) {
    s->thread_runs = pthread_create(&s->thread, NULL, read_ahead, s) == 0;
}

/* The shard that was read ahead, or read now. */
static balact_status take_ahead(struct balact_rois_stream *s, struct balact_rois *rois, bool *found,
                                struct balact_error *error) {
    if (!s->thread_runs)
        return read_shard(s, rois, found, error);
    pthread_join(s->thread, NULL);
    s->thread_runs = false;
    *rois = s->ahead;
    *found = s->ahead_found;
    memset(&s->ahead, 0, sizeof s->ahead);
    if (s->ahead_status != BALACT_OK && error)
        *error = s->ahead_error;
    return s->ahead_status;
}

/* ---- Passes ---- */

static void end_pass(struct balact_rois_stream *s) {
    if (s->thread_runs) {
        pthread_join(s->thread, NULL);
        s->thread_runs = false;
    }
    balact_rois_release(&s->ahead);
    balact_rois_release(&s->current);
    balact_archive_close(s->archive);
    s->archive = NULL;
    free(s->seen);
    s->seen = NULL;
    s->total = s->seen_count = 0;
    s->next_kept = 0;
}

static void drop_kept(struct balact_rois_stream *s) {
    for (int64_t i = 0; i < s->kept_count; i++)
        balact_rois_release(&s->kept[i]);
    free(s->kept);
    s->kept = NULL;
    s->kept_count = s->kept_bytes = 0;
}

/* Moves the shard to those that stay; false if it does not fit, and then none stays. */
static bool keep(struct balact_rois_stream *s, struct balact_rois *rois) {
    struct balact_rois *grown = NULL;
    if (s->kept_bytes + rois->bytes <= s->memory)
        grown = realloc(s->kept, (size_t)(s->kept_count + 1) * sizeof *grown);
    if (!grown) {
        drop_kept(s);
        s->keeping = false;
        return false;
    }
    s->kept = grown;
    s->kept_bytes += rois->bytes;
    s->kept[s->kept_count++] = *rois;
    memset(rois, 0, sizeof *rois);
    return true;
}

static balact_status begin_pass(struct balact_rois_stream *s, struct balact_error *error) {
    drop_kept(s); /* of a pass that was broken off */
    s->keeping = s->memory > 0 && !s->complete;
    balact_status status = balact_archive_open(&s->archive, s->path, error);
    if (status == BALACT_OK)
        start_ahead(s);
    return status;
}

static balact_status finish_pass(struct balact_rois_stream *s, struct balact_error *error) {
    balact_status status = BALACT_OK;
    if (!s->seen_count)
        status = balact_fail_at(error, BALACT_ERROR_FORMAT, s->path, 0, -1,
                                "no shards %sNNNNN-of-NNNNN.npz in it", s->prefix);
    for (int64_t i = 0; i < s->total && status == BALACT_OK; i++)
        if (!s->seen[i])
            status = balact_fail_at(error, BALACT_ERROR_FORMAT, s->path, 0, -1,
                                    "shard %s%05lld-of-%05lld.npz is missing", s->prefix,
                                    (long long)i, (long long)s->total);
    s->complete = status == BALACT_OK && s->keeping;
    end_pass(s);
    return status;
}

static balact_status next_from_disk(struct balact_rois_stream *s, const struct balact_rois **rois,
                                    struct balact_error *error) {
    bool found = false;
    balact_status status = s->archive ? BALACT_OK : begin_pass(s, error);
    balact_rois_release(&s->current);
    if (status == BALACT_OK)
        status = take_ahead(s, &s->current, &found, error);
    if (status != BALACT_OK) {
        end_pass(s);
        return status;
    }
    if (!found)
        return finish_pass(s, error);
    bool kept = s->keeping && keep(s, &s->current);
    *rois = kept ? &s->kept[s->kept_count - 1] : &s->current;
    start_ahead(s);
    return BALACT_OK;
}

balact_status balact_rois_stream_next(struct balact_rois_stream *s,
                                      const struct balact_rois **rois,
                                      struct balact_error *error) {
    *rois = NULL;
    if (!s->complete)
        return next_from_disk(s, rois, error);
    if (s->next_kept < s->kept_count)
        *rois = &s->kept[s->next_kept++];
    else
        s->next_kept = 0;
    return BALACT_OK;
}

void balact_rois_stream_rewind(struct balact_rois_stream *s) {
    end_pass(s);
}

bool balact_rois_stream_in_memory(const struct balact_rois_stream *s) {
    return s->complete;
}

balact_status balact_rois_stream_open(struct balact_rois_stream **stream, const char *path,
                                      const char *split, int64_t memory,
                                      struct balact_error *error) {
    struct balact_archive *probe;
    *stream = NULL;
    balact_status status = balact_archive_open(&probe, path, error);
    if (status != BALACT_OK)
        return status;
    balact_archive_close(probe);
    struct balact_rois_stream *s = calloc(1, sizeof *s);
    if (s)
        s->path = strdup(path);
    if (!s || !s->path) {
        free(s);
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    }
    snprintf(s->prefix, sizeof s->prefix, "%s_rois-", split);
    s->memory = memory;
    *stream = s;
    return BALACT_OK;
}

void balact_rois_stream_close(struct balact_rois_stream *s) {
    if (!s)
        return;
    end_pass(s);
    drop_kept(s);
    free(s->path);
    free(s);
}
