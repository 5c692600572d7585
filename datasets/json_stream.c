/* SPDX-License-Identifier: MIT
 *
 * See json.h. Has windows parsed side by side and merged in order: while one thread cuts the next
 * round of them, the others parse the last one.
 */
#include "datasets/json.h"

#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

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

/* Cuts up to `most` windows. */
static balact_status cut_round(struct balact_json_reader *reader, struct balact_json_slot *slots,
                               int most, int *count, struct balact_error *error) {
    bool got = true;
    balact_status status = BALACT_OK;
    for (*count = 0; *count < most && status == BALACT_OK && got;) {
        status = balact_json_cut(reader, &slots[*count], &got, error);
        *count += status == BALACT_OK && got;
    }
    return status;
}

static balact_status merge_round(struct balact_json_reader *reader, struct balact_json_slot *slots,
                                 int count, struct balact_error *error) {
    const struct balact_json_visitor *visitor = reader->visitor;
    for (int i = 0; i < count; i++) {
        if (slots[i].status != BALACT_OK) {
            if (error)
                *error = slots[i].error;
            return slots[i].status;
        }
        balact_status status = visitor->merge ? visitor->merge(visitor->context, &slots[i].window,
                                                               slots[i].result, error)
                                              : BALACT_OK;
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

/* Two rounds of `threads` windows take turns. */
static balact_status run(struct balact_json_reader *reader, struct balact_json_slot *slots,
                         int threads, struct balact_error *error) {
    int count = 0, next_count = 0;
    struct balact_error cut_error;
    balact_status cut_status = cut_round(reader, slots, threads, &count, &cut_error);
    for (struct balact_json_slot *now = slots, *next = slots + threads; count > 0;) {
        balact_status next_status = cut_status;
        next_count = 0;
#pragma omp parallel num_threads(threads) if (threads > 1)
        {
#pragma omp single nowait
            if (cut_status == BALACT_OK)
                next_status = cut_round(reader, next, threads, &next_count, &cut_error);
#pragma omp for schedule(dynamic, 1)
            for (int i = 0; i < count; i++)
                parse(reader, &now[i]);
        }
        balact_status status = merge_round(reader, now, count, error);
        if (status != BALACT_OK)
            return status;
        struct balact_json_slot *other = now;
        now = next;
        next = other;
        count = next_count;
        cut_status = next_status;
    }
    if (cut_status != BALACT_OK && error)
        *error = cut_error;
    return cut_status;
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
    struct balact_json_slot *slots = calloc(2 * (size_t)threads, sizeof *slots);
    balact_status status;
    if (reader.block && slots)
        status = run(&reader, slots, threads, error);
    else
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", reader.path);
    for (int i = 0; slots && i < 2 * threads; i++) {
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
