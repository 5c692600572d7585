/* SPDX-License-Identifier: MIT
 *
 * See json.h. Names and messages.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "datasets/json.h"

const char *balact_json_kind_name(enum balact_json_kind kind) {
    static const char *const names[] = {"null",     "true or false", "a whole number", "a number",
                                        "a string", "an array",      "an object"};
    return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
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
    struct balact_json_scan scan = {.most = element};
    if (element > 0)
        balact_json_scan(&scan, window->text, window->length);
    size_t begin = element > 0 ? scan.at + 1 : 0, end = window->length;
    while (begin < end && memchr(" \t\r\n", window->text[begin], 4))
        begin++;
    if (window->array)
        snprintf(place, sizeof place, "[%lld]", (long long)(window->first + element));
    return balact_fail_at(error, status, window->path, 0, window->byte + (int64_t)begin,
                          "%s%s%s: %s", window->member ? window->member : "", place, field, text);
}
