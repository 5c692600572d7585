/* SPDX-License-Identifier: MIT
 *
 * See json.h. Has windows parsed side by side and merged in order. Each thread cuts the next
 * window, parses it and waits for its turn to merge; only cutting and merging are one after the
 * other, and nobody waits for a slow window but those behind it.
 */
#include "datasets/json.h"

#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include <pthread.h>

#include "datasets/json_cut.h"

#ifndef BALACT_HAVE_SIMDJSON

balact_status balact_json_read_member(struct balact_archive *archive,
                                      const struct balact_json_options *options,
                                      const struct balact_json_visitor *visitor, int64_t *bytes,
                                      struct balact_error *error) {
    (void)options, (void)visitor, (void)bytes;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, archive->path, 0, -1,
                          "this build has no JSON of LVIS: it needs simdjson (Debian packages "
                          "libsimdjson-dev and g++)");
}

#else

/* A window of the default size and what is made of it stay within the second-level cache's reach.
 */
enum { WINDOW = 1 << 20, THREADS_MAX = 256 };

static void parse(const struct balact_json_reader *reader, struct balact_json_slot *slot) {
    const char *why = "out of memory";
    int64_t elements = 0;
    struct balact_json_window *window = &slot->window;
    if (!slot->parser)
        slot->parser = balact_json_parser_make();
    slot->status = slot->parser ? balact_json_parse(slot->parser, slot->block + 1, window->length,
                                                    &window->root, &elements, &why)
                                : BALACT_ERROR_MEMORY;
    if (slot->status == BALACT_ERROR_MEMORY)
        balact_fail(&slot->error, BALACT_ERROR_MEMORY, "%s: out of memory", reader->path);
    else if (slot->status != BALACT_OK || elements != window->elements) /* commas too many */
        slot->status = balact_json_explain(window, why, &slot->error);
    else
        slot->status =
            reader->visitor->parse(reader->visitor->context, window, &slot->result, &slot->error);
}

struct pipeline {
    struct balact_json_reader *reader;
    pthread_mutex_t cutting, turning;
    pthread_cond_t turned;
    int64_t cuts;         /* windows so far; under cutting, as the reader */
    bool ended;           /* nothing more to cut; the same */
    int64_t turn;         /* the window to be merged; under turning */
    balact_status status; /* of the first that failed; by whose turn it is */
    struct balact_error error;
};

static void end(struct pipeline *pipeline) {
    pthread_mutex_lock(&pipeline->cutting);
    pipeline->ended = true;
    pthread_mutex_unlock(&pipeline->cutting);
}

/* False: there is no window any more. One that could not be cut has its turn like any other, so
 * that what is wrong before it is told first. */
static bool cut(struct pipeline *pipeline, struct balact_json_slot *slot, int64_t *ordinal) {
    bool got = false;
    pthread_mutex_lock(&pipeline->cutting);
    slot->status = BALACT_OK;
    if (!pipeline->ended)
        slot->status = balact_json_cut(pipeline->reader, slot, &got, &slot->error);
    got = got || slot->status != BALACT_OK;
    pipeline->ended = !got || slot->status != BALACT_OK;
    *ordinal = pipeline->cuts;
    pipeline->cuts += got;
    pthread_mutex_unlock(&pipeline->cutting);
    return got;
}

static void merge(struct pipeline *pipeline, struct balact_json_slot *slot, int64_t ordinal) {
    const struct balact_json_visitor *visitor = pipeline->reader->visitor;
    pthread_mutex_lock(&pipeline->turning);
    while (pipeline->turn != ordinal)
        pthread_cond_wait(&pipeline->turned, &pipeline->turning);
    pthread_mutex_unlock(&pipeline->turning);
    if (pipeline->status == BALACT_OK) {
        if (slot->status == BALACT_OK && visitor->merge)
            slot->status =
                visitor->merge(visitor->context, &slot->window, slot->result, &slot->error);
        if (slot->status != BALACT_OK) {
            pipeline->status = slot->status;
            pipeline->error = slot->error;
            end(pipeline);
        }
    }
    pthread_mutex_lock(&pipeline->turning);
    pipeline->turn++;
    pthread_cond_broadcast(&pipeline->turned);
    pthread_mutex_unlock(&pipeline->turning);
}

static void work(struct pipeline *pipeline, struct balact_json_slot *slot) {
    int64_t ordinal;
    while (cut(pipeline, slot, &ordinal)) {
        if (slot->status == BALACT_OK)
            parse(pipeline->reader, slot);
        merge(pipeline, slot, ordinal);
    }
}

static balact_status run(struct balact_json_reader *reader, struct balact_json_slot *slots,
                         int threads, struct balact_error *error) {
    struct pipeline pipeline = {.reader = reader,
                                .cutting = PTHREAD_MUTEX_INITIALIZER,
                                .turning = PTHREAD_MUTEX_INITIALIZER,
                                .turned = PTHREAD_COND_INITIALIZER,
                                .status = BALACT_OK};
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    for (int i = 0; i < threads; i++)
        work(&pipeline, &slots[i]);
    if (pipeline.status != BALACT_OK && error)
        *error = pipeline.error;
    return pipeline.status;
}

static int threads_wanted(const struct balact_json_options *options) {
    int threads = options ? options->threads : 0;
#ifdef _OPENMP
    threads = threads > 0 ? threads : omp_get_max_threads();
#else
    threads = 1;
#endif
    return threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
}

balact_status balact_json_read_member(struct balact_archive *archive,
                                      const struct balact_json_options *options,
                                      const struct balact_json_visitor *visitor, int64_t *bytes,
                                      struct balact_error *error) {
    int threads = threads_wanted(options);
    struct balact_json_reader reader = {.archive = archive, .visitor = visitor};
    reader.window = options && options->window ? options->window : WINDOW;
    reader.capacity = reader.window + KEY_MAX + 64;
    reader.block = malloc(reader.capacity);
    balact_archive_place(archive, reader.path, sizeof reader.path);
    struct balact_json_slot *slots = calloc((size_t)threads, sizeof *slots);
    balact_status status;
    if (reader.block && slots)
        status = run(&reader, slots, threads, error);
    else
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", reader.path);
    for (int i = 0; slots && i < threads; i++) {
        if (slots[i].result && visitor->drop)
            visitor->drop(slots[i].result);
        balact_json_parser_free(slots[i].parser);
        free(slots[i].block);
    }
    free(slots);
    free(reader.block);
    if (bytes)
        *bytes = archive->offset;
    return status;
}

#endif

/* The first .json of a .zip, or the file itself. */
static balact_status find_member(struct balact_archive *archive, struct balact_error *error) {
    bool found;
    for (;;) {
        balact_status status = balact_archive_next(archive, &found, error);
        if (status != BALACT_OK)
            return status;
        if (!found)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, -1,
                                  "holds no file whose name ends with .json");
        size_t length = strlen(archive->member);
        if (archive->single || (length > 5 && !strcmp(archive->member + length - 5, ".json")))
            return BALACT_OK;
    }
}

balact_status balact_json_open(const char *path, struct balact_archive **archive,
                               struct balact_error *error) {
    balact_status status = balact_archive_open_data(archive, path, error);
    if (status == BALACT_OK)
        status = find_member(*archive, error);
    if (status != BALACT_OK) {
        balact_archive_close(*archive);
        *archive = NULL;
    }
    return status;
}

balact_status balact_json_read(const char *path, const struct balact_json_options *options,
                               const struct balact_json_visitor *visitor, int64_t *bytes,
                               struct balact_error *error) {
    struct balact_archive *archive;
    balact_status status = balact_json_open(path, &archive, error);
    if (status == BALACT_OK)
        status = balact_json_read_member(archive, options, visitor, bytes, error);
    balact_archive_close(archive);
    return status;
}
