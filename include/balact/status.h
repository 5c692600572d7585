/* SPDX-License-Identifier: MIT
 *
 * How every balact function reports failure: a status to branch on, and an optional error record
 * with a sentence for a person. The library never prints, exits or asserts on input.
 */
#ifndef BALACT_STATUS_H
#define BALACT_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(id, name): the list from which the enum and balact_status_name() grow. */
#define BALACT_STATUS_LIST(X)                                                                      \
    X(OK, "ok")                                                                                    \
    X(ERROR_ARGUMENT, "bad argument")          /* the caller broke the function's contract */      \
    X(ERROR_UNSUPPORTED, "not supported")      /* this backend or build cannot do it */            \
    X(ERROR_MEMORY, "out of memory")                                                               \
    X(ERROR_IO, "input/output error")          /* open, read, write; errno is in the text */      \
    X(ERROR_FORMAT, "malformed data")          /* bytes that are not what the format demands */    \
    X(ERROR_RANGE, "value out of range")       /* well-formed but impossible: label, count */      \
    X(ERROR_NUMERIC, "not a finite number")    /* NaN or infinity where training cannot go on */   \
    X(ERROR_DEVICE, "device error")            /* the accelerator's own message is in the text */

typedef enum balact_status {
#define BALACT_STATUS_ENUM(id, name) BALACT_##id,
    BALACT_STATUS_LIST(BALACT_STATUS_ENUM)
#undef BALACT_STATUS_ENUM
        BALACT_STATUS_COUNT
} balact_status;

/* Filled on failure only; a caller that does not care passes NULL. `message` is one line without a
 * newline and already names file and place, so that a program prints it as it is. */
struct balact_error {
    balact_status status;
    int64_t line; /* 1-based line of a text file, 0 where it means nothing */
    int64_t byte; /* byte offset in the (decompressed) stream, -1 where it means nothing */
    char message[1024];
};

/* "ok", "bad argument", ... ; never NULL. */
const char *balact_status_name(balact_status status);

#if defined(__GNUC__)
#define BALACT_PRINTF(format_index, first_argument)                                                \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define BALACT_PRINTF(format_index, first_argument)
#endif

/* Fills *error (which may be NULL) and returns status, so that failing reads
 * `return balact_fail(error, BALACT_ERROR_RANGE, "...", ...);` */
balact_status balact_fail(struct balact_error *error, balact_status status, const char *format, ...)
    BALACT_PRINTF(3, 4);

/* The same for input files: the message becomes "path: line N: text" or "path: byte N: text".
 * line <= 0 and byte < 0 leave the place out; if both are given the line is printed. */
balact_status balact_fail_at(struct balact_error *error, balact_status status, const char *path,
                             int64_t line, int64_t byte, const char *format, ...)
    BALACT_PRINTF(6, 7);

#ifdef __clang_analyzer__ /* which cannot see from outside that they return their status */
#define balact_fail(error, status, ...) ((void)(balact_fail)(error, status, __VA_ARGS__), (status))
#define balact_fail_at(error, status, ...)                                                         \
    ((void)(balact_fail_at)(error, status, __VA_ARGS__), (status))
#endif

#ifdef __cplusplus
}
#endif
#endif
