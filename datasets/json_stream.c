/* SPDX-License-Identifier: MIT
 *
 * See json.h. Reads the document, cuts it into windows and sees to it that they are parsed side by
 * side and merged in order: while one thread cuts the next round of windows, the others parse the
 * last one.
 */
#include "datasets/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "datasets/archive.h"

#ifndef BALACT_HAVE_SIMDJSON

balact_status balact_json_read(const char *path, const struct balact_json_options *options,
                               const struct balact_json_visitor *visitor, int64_t *bytes,
                               struct balact_error *error) {
    (void)options, (void)visitor, (void)bytes;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1,
                          "this build has no JSON of LVIS: it needs simdjson (Debian packages "
                          "libsimdjson-dev and g++)");
}

balact_status balact_json_read_member(struct balact_archive *archive,
                                      const struct balact_json_options *options,
                                      const struct balact_json_visitor *visitor, int64_t *bytes,
                                      struct balact_error *error) {
    return balact_json_read(archive->path, options, visitor, bytes, error);
}

#else

/* A window of the default size and what is made of it stay within the second-level cache's reach.
 * No element of a file in use comes near the largest. */
enum { WINDOW = 1 << 20, KEY_MAX = 256, THREADS_MAX = 256 };
static const size_t element_max = (size_t)1 << 30;

/* One window being parsed. */
struct slot {
    char *block; /* [capacity]: a bracket, the text, a bracket, padding */
    size_t capacity;
    char member[KEY_MAX];
    struct balact_json_window window;
    struct balact_json_parser *parser;
    void *result;
    balact_status status;
    struct balact_error error;
};

enum place { BEFORE, MEMBERS, ELEMENTS, AFTER };

struct reader {
    struct balact_archive *archive;
    char path[4096];
    const struct balact_json_visitor *visitor;
    size_t window;
    char *block; /* [capacity], of which [at, size) is still to be cut */
    size_t capacity, at, size;
    int64_t byte; /* of block[0] in the document */
    bool end;     /* the document has no more bytes than these */
    enum place place;
    bool object; /* the document is one */
    bool begun;  /* the array at hand has had a window, the object a member */
    char member[KEY_MAX];
    int64_t member_index, element;
};

static balact_status broken(const struct reader *reader, size_t at, struct balact_error *error,
                            const char *why) {
    return balact_fail_at(error, BALACT_ERROR_FORMAT, reader->path, 0, reader->byte + (int64_t)at,
                          "%s", why);
}

static const char cut_off[] = "the document ends here, too early; is the file truncated?";

/* Reads on; what has been cut makes room. */
static balact_status fill(struct reader *reader, struct balact_error *error) {
    if (reader->at > 0) {
        memmove(reader->block, reader->block + reader->at, reader->size - reader->at);
        reader->byte += (int64_t)reader->at;
        reader->size -= reader->at;
        reader->at = 0;
    }
    if (reader->size == reader->capacity) {
        size_t capacity = 2 * reader->capacity;
        char *block = realloc(reader->block, capacity);
        if (!block)
            return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", reader->path);
        reader->block = block;
        reader->capacity = capacity;
    }
    size_t got, want = reader->capacity - reader->size;
    balact_status status =
        balact_archive_read(reader->archive, reader->block + reader->size, want, &got, error);
    reader->size += got;
    reader->end = got < want;
    return status;
}

/* The next byte that is no blank, not taken; -1 at the end. */
static balact_status look(struct reader *reader, int *c, struct balact_error *error) {
    for (;;) {
        while (reader->at < reader->size && memchr(" \t\r\n", reader->block[reader->at], 4))
            reader->at++;
        if (reader->at < reader->size) {
            *c = (unsigned char)reader->block[reader->at];
            return BALACT_OK;
        }
        *c = -1;
        balact_status status = reader->end ? BALACT_OK : fill(reader, error);
        if (status != BALACT_OK || (reader->end && reader->at == reader->size))
            return status;
    }
}

/* An element that does not end within [at, size): is it broken, cut off or beyond measure? */
static balact_status explain_endless(const struct reader *reader, struct balact_error *error) {
    const char *why = NULL, *text = reader->block + reader->at;
    size_t size = reader->size - reader->at, wrong = balact_json_check(text, size, &why);
    char place[KEY_MAX + 32] = "";
    if (reader->object && reader->place == ELEMENTS)
        snprintf(place, sizeof place, "%s[%lld..]: ", reader->member, (long long)reader->element);
    else if (reader->place == ELEMENTS)
        snprintf(place, sizeof place, "[%lld..]: ", (long long)reader->element);
    if (wrong >= size && !reader->end)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, reader->path, 0,
                              reader->byte + (int64_t)reader->at,
                              "%san element of more than %zu "
                              "bytes; is a bracket missing?",
                              place, element_max);
    return balact_fail_at(error, BALACT_ERROR_FORMAT, reader->path, 0,
                          reader->byte + (int64_t)(reader->at + (wrong < size ? wrong : size)),
                          "%s%s", place, wrong < size ? why : cut_off);
}

/* Takes the text [at, at + size) to the slot. */
static balact_status take(struct reader *reader, struct slot *slot, size_t size,
                          struct balact_error *error) {
    size_t need = size + 2 + BALACT_JSON_PADDING;
    if (need > slot->capacity) {
        free(slot->block);
        slot->capacity = 0;
        slot->block = malloc(need);
        if (!slot->block)
            return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", reader->path);
        slot->capacity = need;
    }
    memcpy(slot->block + 1, reader->block + reader->at, size);
    memset(slot->block + 1 + size, 0, 1 + BALACT_JSON_PADDING);
    memcpy(slot->member, reader->member, sizeof slot->member);
    slot->window = (struct balact_json_window){
        .path = reader->path,
        .member = reader->object ? slot->member : NULL,
        .member_index = reader->member_index,
        .first = reader->element,
        .byte = reader->byte + (int64_t)reader->at,
        .text = slot->block + 1,
        .length = size,
        .elements = 1,
    };
    reader->at += size;
    return BALACT_OK;
}

static bool is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (!memchr(" \t\r\n", text[i], 4))
            return false;
    return true;
}

/* The next elements of the array at hand. */
static balact_status cut_elements(struct reader *reader, struct slot *slot,
                                  struct balact_error *error) {
    struct balact_json_scan scan = {0};
    for (;;) {
        balact_json_scan(&scan, reader->block + reader->at, reader->size - reader->at);
        if (scan.ended || (scan.found && reader->size - reader->at >= reader->window))
            break;
        if (reader->end || reader->size - reader->at > element_max)
            return explain_endless(reader, error);
        balact_status status = fill(reader, error);
        if (status != BALACT_OK)
            return status;
    }
    size_t size = scan.ended ? scan.at : scan.cut;
    bool none = scan.ended && !reader->begun && is_blank(reader->block + reader->at, size);
    balact_status status = take(reader, slot, size, error);
    if (status != BALACT_OK)
        return status;
    if (scan.ended && reader->block[reader->at] != ']')
        return broken(reader, reader->at, error, "'}' where an array should go on or end");
    reader->at++;
    slot->window.array = true;
    slot->window.begins = !reader->begun;
    slot->window.ends = scan.ended;
    slot->window.elements = none ? 0 : scan.commas + scan.ended;
    reader->element += slot->window.elements;
    reader->begun = true;
    if (scan.ended) {
        reader->place = reader->object ? MEMBERS : AFTER;
        reader->member_index++;
    }
    return BALACT_OK;
}

/* Takes "key": from the document. */
static balact_status take_key(struct reader *reader, struct balact_error *error) {
    int c;
    balact_status status = look(reader, &c, error);
    if (status != BALACT_OK)
        return status;
    if (c != '"')
        return broken(reader, reader->at, error,
                      c < 0 ? cut_off : "wants a key in double quotes here");
    while (reader->size - reader->at < KEY_MAX + 2 && !reader->end)
        if ((status = fill(reader, error)) != BALACT_OK)
            return status;
    const char *key = reader->block + reader->at + 1;
    size_t left = reader->size - reader->at - 1, most = left < KEY_MAX ? left : KEY_MAX;
    const char *quote = memchr(key, '"', most);
    if (!quote)
        return broken(reader, reader->at, error, left < KEY_MAX ? cut_off : "a key too long");
    /* A key with escapes is none that we know: any name will do for it. */
    memcpy(reader->member, key, (size_t)(quote - key));
    reader->member[quote - key] = '\0';
    if (memchr(reader->member, '\\', (size_t)(quote - key)))
        return broken(reader, reader->at, error, "a key with a backslash");
    reader->at += (size_t)(quote - key) + 2;
    status = look(reader, &c, error);
    if (status == BALACT_OK && c != ':')
        return broken(reader, reader->at, error, c < 0 ? cut_off : "wants ':' behind the key");
    reader->at++;
    return status;
}

/* A member's value that is no array. */
static balact_status cut_value(struct reader *reader, struct slot *slot,
                               struct balact_error *error) {
    struct balact_json_scan scan = {0};
    for (;;) {
        balact_json_scan(&scan, reader->block + reader->at, reader->size - reader->at);
        if (scan.ended || scan.found)
            break;
        if (reader->end || reader->size - reader->at > element_max)
            return explain_endless(reader, error);
        balact_status status = fill(reader, error);
        if (status != BALACT_OK)
            return status;
    }
    /* Back to the first comma: the scan may have gone over more members. */
    size_t size = scan.ended ? scan.at : scan.cut;
    if (scan.commas > 0) {
        struct balact_json_scan first = {0};
        for (size_t end = 64; !first.found; end = 2 * end < scan.at ? 2 * end : scan.at + 1)
            balact_json_scan(&first, reader->block + reader->at, end < scan.at ? end : scan.at);
        for (size = first.cut; first.commas > 1; size = first.cut) {
            size_t end = first.cut;
            first = (struct balact_json_scan){0};
            balact_json_scan(&first, reader->block + reader->at, end);
        }
    }
    reader->element = 0;
    balact_status status = take(reader, slot, size, error);
    slot->window.begins = slot->window.ends = true;
    reader->member_index++;
    return status;
}

/* The next member of the object. */
static balact_status cut_member(struct reader *reader, struct slot *slot, bool *got,
                                struct balact_error *error) {
    int c;
    balact_status status = look(reader, &c, error);
    if (status != BALACT_OK)
        return status;
    bool first = reader->member_index == 0 && !reader->begun;
    if (c == '}') {
        reader->at++;
        reader->place = AFTER;
        return BALACT_OK;
    }
    if (!first && c != ',')
        return broken(reader, reader->at, error, c < 0 ? cut_off : "wants ',' or '}' here");
    reader->at += !first;
    status = take_key(reader, error);
    if (status == BALACT_OK)
        status = look(reader, &c, error);
    if (status != BALACT_OK)
        return status;
    *got = true;
    if (c != '[')
        return cut_value(reader, slot, error);
    reader->at++;
    reader->place = ELEMENTS;
    reader->begun = false;
    reader->element = 0;
    return cut_elements(reader, slot, error);
}

static balact_status cut_begin(struct reader *reader, struct balact_error *error) {
    int c;
    balact_status status = look(reader, &c, error);
    if (status == BALACT_OK && c == 0xEF && reader->size - reader->at >= 3 &&
        !memcmp(reader->block + reader->at, "\xEF\xBB\xBF", 3)) { /* as some editors begin a file */
        reader->at += 3;
        status = look(reader, &c, error);
    }
    if (status != BALACT_OK)
        return status;
    if (c != '[' && c != '{')
        return broken(reader, reader->at, error,
                      c < 0 ? "the document is empty; was it copied or fetched whole?"
                            : "no JSON document of ours; wants '{' or '['");
    reader->object = c == '{';
    reader->place = reader->object ? MEMBERS : ELEMENTS;
    reader->at++;
    return BALACT_OK;
}

/* The next window, if there is one. */
static balact_status cut(struct reader *reader, struct slot *slot, bool *got,
                         struct balact_error *error) {
    int c;
    *got = false;
    balact_status status = BALACT_OK;
    if (reader->place == BEFORE)
        status = cut_begin(reader, error);
    if (status == BALACT_OK && reader->place == MEMBERS)
        status = cut_member(reader, slot, got, error);
    else if (status == BALACT_OK && reader->place == ELEMENTS)
        status = cut_elements(reader, slot, error), *got = status == BALACT_OK;
    if (status != BALACT_OK || reader->place != AFTER || *got)
        return status;
    status = look(reader, &c, error);
    if (status == BALACT_OK && c >= 0)
        return broken(reader, reader->at, error, "text behind the end of the document");
    return status;
}

/* simdjson has refused the window, or found another number of elements than there are commas. */
static balact_status explain(const struct balact_json_window *window, const char *said,
                             struct balact_error *error) {
    const char *why = said;
    size_t wrong = balact_json_check(window->text, window->length, &why);
    int64_t element = window->first;
    if (wrong > window->length) {
        wrong = 0;
        why = said;
    } else {
        struct balact_json_scan scan = {0};
        balact_json_scan(&scan, window->text, wrong);
        element += scan.commas;
        if (wrong == window->length)
            why = "wants a value here";
    }
    char place[KEY_MAX + 32] = "";
    if (window->array)
        snprintf(place, sizeof place, "%s[%lld]", window->member ? window->member : "",
                 (long long)element);
    return balact_fail_at(error, BALACT_ERROR_FORMAT, window->path, 0,
                          window->byte + (int64_t)wrong, "%s: %s",
                          window->array ? place : window->member, why);
}

static void parse(const struct reader *reader, struct slot *slot) {
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
    else if (slot->status != BALACT_OK || elements != window->elements)
        slot->status = explain(window, why, &slot->error);
    else
        slot->status =
            reader->visitor->parse(reader->visitor->context, window, &slot->result, &slot->error);
}

/* Cuts up to `most` windows. */
static balact_status cut_round(struct reader *reader, struct slot *slots, int most, int *count,
                               struct balact_error *error) {
    bool got = true;
    balact_status status = BALACT_OK;
    for (*count = 0; *count < most && status == BALACT_OK && got; *count += got)
        status = cut(reader, &slots[*count], &got, error);
    return status;
}

static balact_status merge_round(struct reader *reader, struct slot *slots, int count,
                                 struct balact_error *error) {
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
static balact_status run(struct reader *reader, struct slot *slots, int threads,
                         struct balact_error *error) {
    int count = 0, next_count = 0;
    struct balact_error cut_error;
    balact_status cut_status = cut_round(reader, slots, threads, &count, &cut_error);
    for (struct slot *now = slots, *next = slots + threads; count > 0;) {
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
        struct slot *other = now;
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
    struct reader reader = {.archive = archive, .visitor = visitor};
    reader.window = options && options->window ? options->window : WINDOW;
    reader.capacity = reader.window + KEY_MAX + 64;
    reader.block = malloc(reader.capacity);
    balact_archive_place(archive, reader.path, sizeof reader.path);
    struct slot *slots = calloc(2 * (size_t)threads, sizeof *slots);
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

balact_status balact_json_read(const char *path, const struct balact_json_options *options,
                               const struct balact_json_visitor *visitor, int64_t *bytes,
                               struct balact_error *error) {
    struct balact_archive *archive;
    balact_status status = balact_archive_open_data(&archive, path, error);
    if (status == BALACT_OK)
        status = find_member(archive, error);
    if (status == BALACT_OK)
        status = balact_json_read_member(archive, options, visitor, bytes, error);
    balact_archive_close(archive);
    return status;
}

#endif

const char *balact_json_kind_name(enum balact_json_kind kind) {
    static const char *const names[] = {"null",     "true or false", "a whole number", "a number",
                                        "a string", "an array",      "an object"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

bool balact_json_is(struct balact_json_text text, const char *string) {
    size_t length = strlen(string);
    return text.length == length && !memcmp(text.bytes, string, length);
}

balact_status(balact_json_fail)(const struct balact_json_window *window, int64_t element,
                                const char *field, balact_status status, struct balact_error *error,
                                const char *format, ...) {
    if (!error)
        return status;
    char text[sizeof error->message], place[512] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    /* The element begins behind so many commas. */
    size_t begin = 0, end = window->length;
    struct balact_json_scan scan = {0};
    while (element > 0 && scan.commas < element && begin < end) {
        size_t step = end - scan.at < 64 ? end : scan.at + 64;
        struct balact_json_scan before = scan;
        balact_json_scan(&scan, window->text, step);
        for (size_t at = before.at + 1; scan.commas >= element && at <= step; at++) {
            balact_json_scan(&before, window->text, at);
            if (before.commas == element)
                break;
        }
        begin = scan.commas >= element ? before.cut + 1 : scan.at;
    }
    while (begin < end && memchr(" \t\r\n", window->text[begin], 4))
        begin++;
    if (window->array)
        snprintf(place, sizeof place, "[%lld]", (long long)(window->first + element));
    return balact_fail_at(error, status, window->path, 0, window->byte + (int64_t)begin,
                          "%s%s%s: %s", window->member ? window->member : "", place, field, text);
}
