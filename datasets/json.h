/* SPDX-License-Identifier: MIT
 *
 * JSON that need not fit in memory. A document is read in windows of some MiB, cut at element
 * boundaries of its top-level arrays; threads parse windows side by side (simdjson, behind
 * json.cpp), and what they make of them is merged in the file's order, so that no result depends on
 * the number of threads. Two shapes of document: an array, or an object whose members are arrays or
 * values of any kind; arrays deeper down are never cut.
 */
#ifndef BALACT_DATASETS_JSON_H
#define BALACT_DATASETS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "balact/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct balact_archive;

/* ---- Values of a parsed window; they live until the window's parse() returns ---- */

enum balact_json_kind {
    BALACT_JSON_NULL,
    BALACT_JSON_BOOL,
    BALACT_JSON_INTEGER, /* fits in 64 bits */
    BALACT_JSON_REAL,
    BALACT_JSON_STRING,
    BALACT_JSON_ARRAY,
    BALACT_JSON_OBJECT
};

struct balact_json_value {
    uint64_t tape[2]; /* json.cpp's own */
};

/* Not ended by 0; may hold 0 bytes. */
struct balact_json_text {
    const char *bytes;
    size_t length;
};

enum balact_json_kind balact_json_kind(struct balact_json_value value);
const char *balact_json_kind_name(enum balact_json_kind kind); /* "an array", ... */

/* Each is false, and leaves *out alone, for a value of another kind. Whole numbers written as reals
 * (640.0, below 2^53) are integers too; every number is a real, rounded correctly. */
bool balact_json_bool(struct balact_json_value value, bool *out);
bool balact_json_integer(struct balact_json_value value, int64_t *out);
bool balact_json_real(struct balact_json_value value, double *out);
bool balact_json_string(struct balact_json_value value, struct balact_json_text *out);

/* All numbers of an array of numbers, the first `capacity` of them written to out. Their count, or
 * -1 if it is no array of numbers. */
int64_t balact_json_reals(struct balact_json_value value, double *out, int64_t capacity);
int64_t balact_json_integers(struct balact_json_value value, int64_t *out, int64_t capacity);

/* Goes through an array or an object in its order. begin() is false for other kinds. key may be
 * NULL; in arrays it becomes empty. */
struct balact_json_walk {
    uint64_t at[2], end[2]; /* json.cpp's own */
    bool object;
};
bool balact_json_begin(struct balact_json_value value, struct balact_json_walk *walk);
bool balact_json_next(struct balact_json_walk *walk, struct balact_json_text *key,
                      struct balact_json_value *value);

/* Compares with a string that ends with 0. */
static inline bool balact_json_is(struct balact_json_text text, const char *string) {
    size_t length = strlen(string);
    return text.length == length && !memcmp(text.bytes, string, length);
}

/* ---- Documents ---- */

/* Elements [first, first + elements) of a top-level array, or the one value of a member that is
 * none (element 0). An empty array comes as one window of no elements. */
struct balact_json_window {
    const char *path;         /* of the document, for messages */
    const char *member;       /* key in the top-level object; NULL if the document is an array */
    int64_t member_index;     /* of the members, in the file's order */
    bool array, begins, ends; /* a window of an array; its first; its last */
    int64_t first, elements;
    int64_t byte;     /* of text[0] in the document */
    const char *text; /* [length], between the brackets or commas */
    size_t length;
    struct balact_json_value root; /* an array of the elements */
};

/* What is done with the windows. result is the window's place for what parse() makes of it; it is
 * NULL at first and comes back later as it was left, so that memory can be used again. */
struct balact_json_visitor {
    void *context;
    /* Called from several threads at a time. */
    balact_status (*parse)(void *context, const struct balact_json_window *window, void **result,
                           struct balact_error *error);
    /* Called by one thread, in the order of the file. May be NULL. root is gone. */
    balact_status (*merge)(void *context, const struct balact_json_window *window, void *result,
                           struct balact_error *error);
    /* Frees a result. May be NULL. */
    void (*drop)(void *result);
};

struct balact_json_options {
    size_t window; /* bytes read ahead before a cut is sought; 0: a default */
    int threads;   /* 0: as OpenMP has it */
};

/* Reads a plain file, a compressed one (.gz, .xz, .zst, .bz2) or the first member of a .zip whose
 * name ends with .json. *bytes (may be NULL) is the length of the document. The first error in the
 * file's order is returned: ERROR_FORMAT with byte and element for JSON that is broken or cut off,
 * whatever parse() and merge() return, ERROR_IO, ERROR_MEMORY, ERROR_UNSUPPORTED where built
 * without simdjson. options may be NULL. */
balact_status balact_json_read(const char *path, const struct balact_json_options *options,
                               const struct balact_json_visitor *visitor, int64_t *bytes,
                               struct balact_error *error);

/* Goes to the document at path, as above; close *archive with balact_archive_close(). */
balact_status balact_json_open(const char *path, struct balact_archive **archive,
                               struct balact_error *error);

/* balact_json_read() of the current member of an archive, from its first byte on. */
balact_status balact_json_read_member(struct balact_archive *archive,
                                      const struct balact_json_options *options,
                                      const struct balact_json_visitor *visitor, int64_t *bytes,
                                      struct balact_error *error);

/* balact_fail_at() with the byte of an element (counted from the window's first) and with a name
 * such as annotations[7] before the text; field ("" or ".bbox") goes behind it. */
balact_status balact_json_fail(const struct balact_json_window *window, int64_t element,
                               const char *field, balact_status status, struct balact_error *error,
                               const char *format, ...) BALACT_PRINTF(6, 7);
#ifdef __clang_analyzer__ /* as in balact/status.h */
#define balact_json_fail(window, element, field, status, ...)                                      \
    ((void)(balact_json_fail)(window, element, field, status, __VA_ARGS__), (status))
#endif

/* ---- For json_stream.c only ---- */

/* Where in text elements of an array end. All fields but `most` are 0 at the start. */
struct balact_json_scan {
    int64_t most;  /* stop at this comma; 0: at none */
    size_t at;     /* looked at so far */
    int64_t depth; /* brackets open */
    bool in_string;
    size_t string;  /* where the string at hand began */
    size_t cut;     /* the last comma at depth 0 */
    int64_t commas; /* how many there were */
    bool ended;     /* at is the bracket that closes the array */
};
void balact_json_scan(struct balact_json_scan *scan, const char *text, size_t size);

/* Why is a list of elements not JSON? The place of the first mistake, and in words what it is; size
 * if it only breaks off there, size + 1 if there is none. */
size_t balact_json_check(const char *text, size_t size, const char **why);

/* text[-1] and text[size] are overwritten with brackets; BALACT_JSON_PADDING bytes must follow
 * text[size]. *why becomes simdjson's own words on failure. */
enum { BALACT_JSON_PADDING = 64 };
struct balact_json_parser;
struct balact_json_parser *balact_json_parser_make(void);
void balact_json_parser_free(struct balact_json_parser *parser);
balact_status balact_json_parse(struct balact_json_parser *parser, char *text, size_t size,
                                struct balact_json_value *root, int64_t *elements,
                                const char **why);

#ifdef __cplusplus
}
#endif
#endif
