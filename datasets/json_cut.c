/* SPDX-License-Identifier: MIT
 *
 * See json.h. Reads a document and cuts it into windows: takes the top level apart, and leaves all
 * below it to the parser.
 */
#include "datasets/json_cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No element of a file in use comes near this. */
static const size_t element_max = (size_t)1 << 30;

static balact_status broken(const struct balact_json_reader *reader, size_t at,
                            struct balact_error *error, const char *why) {
    return balact_fail_at(error, BALACT_ERROR_FORMAT, reader->path, 0, reader->byte + (int64_t)at,
                          "%s", why);
}

static const char cut_off[] = "the document ends here, too early; is the file truncated?";

/* The byte at hand, c, is not what is wanted; -1: there is none. */
static balact_status unwanted(const struct balact_json_reader *reader, int c, const char *why,
                              struct balact_error *error) {
    return c < 0 ? broken(reader, reader->size, error, cut_off)
                 : broken(reader, reader->at, error, why);
}

/* Reads on; what has been cut makes room. */
static balact_status fill(struct balact_json_reader *reader, struct balact_error *error) {
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
static balact_status look(struct balact_json_reader *reader, int *c, struct balact_error *error) {
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

balact_status balact_json_explain(const struct balact_json_window *window, const char *said,
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
    }
    char place[KEY_MAX + 32] = "";
    if (window->array)
        snprintf(place, sizeof place, "%s[%lld]", window->member ? window->member : "",
                 (long long)element);
    return balact_fail_at(error, BALACT_ERROR_FORMAT, window->path, 0,
                          window->byte + (int64_t)wrong, "%s: %s",
                          window->array ? place : window->member, why);
}

/* An element that does not end within [at, size): is it broken, cut off or beyond measure? */
static balact_status explain_endless(const struct balact_json_reader *reader,
                                     struct balact_error *error) {
    const char *why;
    struct balact_json_window window = {
        .path = reader->path,
        .member = reader->object ? reader->member : NULL,
        .array = reader->place == ELEMENTS,
        .first = reader->element,
        .byte = reader->byte + (int64_t)reader->at,
        .text = reader->block + reader->at,
        .length = reader->size - reader->at,
    };
    if (balact_json_check(window.text, window.length, &why) < window.length)
        return balact_json_explain(&window, "", error);
    if (reader->end)
        return broken(reader, reader->size, error, cut_off);
    return balact_fail_at(error, BALACT_ERROR_FORMAT, reader->path, 0, window.byte,
                          "an element of more than %zu bytes; is a bracket missing?", element_max);
}

/* Takes the text [at, at + size) to the slot. */
static balact_status take(struct balact_json_reader *reader, struct balact_json_slot *slot,
                          size_t size, struct balact_error *error) {
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

/* Scans on from `at` until there is something to cut: the array's end or, once `least` bytes have
 * been looked at, a comma. */
static balact_status seek(struct balact_json_reader *reader, struct balact_json_scan *scan,
                          size_t least, struct balact_error *error) {
    for (size_t limit = least;;) {
        size_t size = reader->size - reader->at;
        balact_json_scan(scan, reader->block + reader->at, size < limit ? size : limit);
        if (scan->ended || (scan->commas > 0 && (scan->most || size >= limit)))
            return BALACT_OK;
        if (size > element_max || (size <= limit && reader->end))
            return explain_endless(reader, error);
        if (size > limit) {
            limit *= 2;
            continue;
        }
        balact_status status = fill(reader, error);
        if (status != BALACT_OK)
            return status;
    }
}

/* The next elements of the array at hand. */
static balact_status cut_elements(struct balact_json_reader *reader, struct balact_json_slot *slot,
                                  struct balact_error *error) {
    struct balact_json_scan scan = {0};
    balact_status status = seek(reader, &scan, reader->window, error);
    if (status != BALACT_OK)
        return status;
    size_t size = scan.ended ? scan.at : scan.cut;
    bool none = scan.ended && !reader->begun && is_blank(reader->block + reader->at, size);
    status = take(reader, slot, size, error);
    if (status != BALACT_OK)
        return status;
    slot->window.array = true;
    if (scan.ended && reader->block[reader->at] != ']')
        return balact_json_explain(&slot->window, "'}' where the array should go on or end", error);
    reader->at++;
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
static balact_status take_key(struct balact_json_reader *reader, struct balact_error *error) {
    int c;
    balact_status status = look(reader, &c, error);
    if (status != BALACT_OK)
        return status;
    if (c != '"')
        return unwanted(reader, c, "wants a key in double quotes here", error);
    while (reader->size - reader->at < KEY_MAX + 2 && !reader->end)
        if ((status = fill(reader, error)) != BALACT_OK)
            return status;
    const char *key = reader->block + reader->at + 1;
    size_t left = reader->size - reader->at - 1, most = left < KEY_MAX ? left : KEY_MAX;
    const char *quote = memchr(key, '"', most);
    if (!quote)
        return unwanted(reader, left < KEY_MAX ? -1 : c, "a key too long", error);
    /* A key with escapes is none that we know: any name will do for it. */
    memcpy(reader->member, key, (size_t)(quote - key));
    reader->member[quote - key] = '\0';
    if (memchr(reader->member, '\\', (size_t)(quote - key)))
        return broken(reader, reader->at, error, "a key with a backslash");
    reader->at += (size_t)(quote - key) + 2;
    status = look(reader, &c, error);
    if (status == BALACT_OK && c != ':')
        return unwanted(reader, c, "wants ':' behind the key", error);
    reader->at++;
    return status;
}

/* A member's value that is no array. */
static balact_status cut_value(struct balact_json_reader *reader, struct balact_json_slot *slot,
                               struct balact_error *error) {
    struct balact_json_scan scan = {.most = 1};
    balact_status status = seek(reader, &scan, 64, error);
    if (status != BALACT_OK)
        return status;
    reader->element = 0;
    status = take(reader, slot, scan.at, error);
    slot->window.begins = slot->window.ends = true;
    reader->member_index++;
    return status;
}

/* The next member of the object. */
static balact_status cut_member(struct balact_json_reader *reader, struct balact_json_slot *slot,
                                bool *got, struct balact_error *error) {
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
        return unwanted(reader, c, "wants ',' or '}' here", error);
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

static balact_status cut_begin(struct balact_json_reader *reader, struct balact_error *error) {
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

balact_status balact_json_cut(struct balact_json_reader *reader, struct balact_json_slot *slot,
                              bool *got, struct balact_error *error) {
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
