/* SPDX-License-Identifier: MIT
 *
 * Status names and the filling of error records (balact/status.h).
 */
#include "balact/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *balact_status_name(balact_status status) {
    static const char *const names[] = {
#define NAME(id, name) [BALACT_##id] = name,
        BALACT_STATUS_LIST(NAME)
#undef NAME
    };
    if ((unsigned)status >= BALACT_STATUS_COUNT)
        return "unknown status";
    return names[status];
}

static void fill(struct balact_error *error, balact_status status, int64_t line, int64_t byte) {
    error->status = status;
    error->line = line > 0 ? line : 0;
    error->byte = byte >= 0 ? byte : -1;
    error->message[0] = '\0';
}

balact_status(balact_fail)(struct balact_error *error, balact_status status, const char *format,
                          ...) {
    if (error) {
        va_list arguments;
        fill(error, status, 0, -1);
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

balact_status(balact_fail_at)(struct balact_error *error, balact_status status, const char *path,
                             int64_t line, int64_t byte, const char *format, ...) {
    if (error) {
        va_list arguments;
        char text[sizeof error->message];
        char place[48] = "";
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        fill(error, status, line, byte);
        if (line > 0)
            snprintf(place, sizeof place, "line %lld: ", (long long)line);
        else if (byte >= 0)
            snprintf(place, sizeof place, "byte %lld: ", (long long)byte);
        /* A long path must not push the reason out of the message. */
        snprintf(error->message, sizeof error->message, "%.600s: %s", path, place);
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, "%s", text);
    }
    return status;
}
