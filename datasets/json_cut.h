/* SPDX-License-Identifier: MIT
 *
 * What json_cut.c, which cuts documents into windows, and json_stream.c, which has them parsed,
 * know of each other.
 */
#ifndef BALACT_DATASETS_JSON_CUT_H
#define BALACT_DATASETS_JSON_CUT_H

#include "datasets/archive.h"
#include "datasets/json.h"

enum { KEY_MAX = 256 };

/* One window being parsed. */
struct balact_json_slot {
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

struct balact_json_reader {
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

/* The next window, if there is one. */
balact_status balact_json_cut(struct balact_json_reader *reader, struct balact_json_slot *slot,
                              bool *got, struct balact_error *error);

/* Says what is wrong with a window: that which the slow check finds, or else what was said. */
balact_status balact_json_explain(const struct balact_json_window *window, const char *said,
                                  struct balact_error *error);

#endif
