/* SPDX-License-Identifier: MIT
 *
 * synthetic.json: the options of a written synthetic set, from which its optimum can be computed
 * again. One table serves both directions.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>
#endif

#include "datasets/archive.h"
#include "datasets/synthetic.h"

static const char format_name[] = "balact synthetic imagenet-lt";
/* Raised whenever the same options would give other rows. */
enum { FORMAT_VERSION = 1 };

/* A seed is written as a string: many readers of JSON keep only 53 bits of a number. */
enum field_kind { FIELD_INT32, FIELD_INT64, FIELD_REAL, FIELD_SEED };

static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
} fields[] = {
#define FIELD(name, kind) {#name, kind, offsetof(struct balact_synthetic_options, name)}
    FIELD(classes, FIELD_INT32),       FIELD(dim, FIELD_INT32),
    FIELD(seed, FIELD_SEED),           FIELD(spread_super, FIELD_REAL),
    FIELD(spread_sub, FIELD_REAL),     FIELD(spread_class, FIELD_REAL),
    FIELD(scale, FIELD_REAL),          FIELD(super_classes, FIELD_INT32),
    FIELD(sub_classes, FIELD_INT32),   FIELD(val_per_class, FIELD_INT64),
    FIELD(test_per_class, FIELD_INT64), FIELD(train_factor, FIELD_REAL),
#undef FIELD
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

/* The shortest decimal that reads back as the same double, with a point in every locale. */
static void print_real(FILE *file, double value) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    for (char *c = text; *c; c++)
        if (*c == ',')
            *c = '.';
    fputs(text, file);
}

void balact_synthetic_options_print(const struct balact_synthetic_options *options, FILE *file) {
    fprintf(file, "{\n  \"format\": \"%s\",\n  \"version\": %d", format_name, FORMAT_VERSION);
    for (int i = 0; i < FIELD_COUNT; i++) {
        const char *at = (const char *)options + fields[i].offset;
        fprintf(file, ",\n  \"%s\": ", fields[i].name);
        switch (fields[i].kind) {
        case FIELD_INT32: fprintf(file, "%ld", (long)*(const int32_t *)at); break;
        case FIELD_INT64: fprintf(file, "%lld", (long long)*(const int64_t *)at); break;
        case FIELD_REAL: print_real(file, *(const double *)at); break;
        case FIELD_SEED:
            fprintf(file, "\"%llu\"", (unsigned long long)*(const uint64_t *)at);
            break;
        }
    }
    fprintf(file, "\n}\n");
}

#ifdef BALACT_HAVE_JANSSON
/* A string of decimal digits that fits 64 bits. */
static int parse_seed(const char *text, uint64_t *seed) {
    *seed = 0;
    if (!*text)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return 0;
        uint64_t digit = (uint64_t)(*text - '0');
        if (*seed > (UINT64_MAX - digit) / 10)
            return 0;
        *seed = *seed * 10 + digit;
    }
    return 1;
}

/* 0 unless the value is of the field's type and in its range; every number is above 0. */
static int take_field(const struct field *field, const json_t *value,
                      struct balact_synthetic_options *options) {
    char *at = (char *)options + field->offset;
    switch (field->kind) {
    case FIELD_INT32:
        *(int32_t *)at = (int32_t)json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) > 0 &&
               json_integer_value(value) <= INT32_MAX;
    case FIELD_INT64:
        *(int64_t *)at = json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) > 0;
    case FIELD_REAL:
        *(double *)at = json_number_value(value);
        return json_is_number(value) && json_number_value(value) > 0;
    case FIELD_SEED:
        return json_is_string(value) && parse_seed(json_string_value(value), (uint64_t *)at);
    }
    return 0;
}

balact_status balact_synthetic_options_parse(const char *place, const char *text, int64_t size,
                                             struct balact_synthetic_options *options,
                                             struct balact_error *error) {
    json_error_t why;
    json_t *root = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, place, why.line, -1, "%s", why.text);
    const char *format = json_string_value(json_object_get(root, "format"));
    json_int_t version = json_integer_value(json_object_get(root, "version"));
    balact_status status = BALACT_OK;
    if (!format || strcmp(format, format_name) != 0)
        status = balact_fail_at(error, BALACT_ERROR_FORMAT, place, 0, -1,
                                "\"format\" is not \"%s\"", format_name);
    else if (version != FORMAT_VERSION)
        status = balact_fail_at(error, BALACT_ERROR_FORMAT, place, 0, -1,
                                "version %lld; this balact knows %d: write the set again",
                                (long long)version, FORMAT_VERSION);
    for (int i = 0; i < FIELD_COUNT && status == BALACT_OK; i++) {
        const json_t *value = json_object_get(root, fields[i].name);
        if (!value || !take_field(&fields[i], value, options))
            status = balact_fail_at(error, BALACT_ERROR_FORMAT, place, 0, -1,
                                    "\"%s\" %s", fields[i].name,
                !value ? "is missing"
                : fields[i].kind == FIELD_SEED ? "is not a string of digits of 64 bits"
                : fields[i].kind == FIELD_REAL ? "is not a number above 0"
                                               : "is not a whole number above 0 that fits");
    }
    json_decref(root);
    struct balact_error inner;
    if (status == BALACT_OK && balact_synthetic_resolve(options, &inner) != BALACT_OK)
        status = balact_fail_at(error, BALACT_ERROR_RANGE, place, 0, -1, "%s", inner.message);
    return status;
}

balact_status balact_synthetic_options_load(const char *path,
                                            struct balact_synthetic_options *options,
                                            struct balact_error *error) {
    enum { SIZE_MAX_JSON = 1 << 20 };
    struct balact_archive *archive;
    bool found;
    char *text = NULL;
    int64_t size;
    memset(options, 0, sizeof *options);
    balact_status status = balact_archive_open(&archive, path, error);
    if (status != BALACT_OK)
        return status;
    do
        status = balact_archive_next(archive, &found, error);
    while (status == BALACT_OK && found &&
           strcmp(balact_archive_basename(archive), "synthetic.json") != 0);
    if (status == BALACT_OK && !found)
        status = balact_fail_at(error, BALACT_ERROR_FORMAT, path, 0, -1,
                                "there is no synthetic.json: not a synthetic data set");
    if (status == BALACT_OK)
        status = balact_archive_read_all(archive, SIZE_MAX_JSON, &text, &size, error);
    if (status == BALACT_OK) {
        char place[4096];
        balact_archive_place(archive, place, sizeof place);
        status = balact_synthetic_options_parse(place, text, size, options, error);
        free(text);
    }
    if (status != BALACT_OK)
        memset(options, 0, sizeof *options);
    balact_archive_close(archive);
    return status;
}
#else
static const char unsupported[] =
    "reading synthetic.json wants jansson (Debian package libjansson-dev)";

balact_status balact_synthetic_options_parse(const char *place, const char *text, int64_t size,
                                             struct balact_synthetic_options *options,
                                             struct balact_error *error) {
    (void)text;
    (void)size;
    (void)options;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, place, 0, -1, "%s", unsupported);
}

balact_status balact_synthetic_options_load(const char *path,
                                            struct balact_synthetic_options *options,
                                            struct balact_error *error) {
    memset(options, 0, sizeof *options);
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1, "%s", unsupported);
}
#endif
