/* SPDX-License-Identifier: MIT
 *
 * Options of the synthetic LVIS: defaults, ranges, and synthetic.json in both directions. One table
 * serves them all.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>
#endif

#include "datasets/archive.h"
#include "datasets/lvis_synthetic.h"

static const char format_name[] = "balact synthetic lvis";
/* Raised whenever the same options would give other numbers. */
enum { FORMAT_VERSION = 1 };

/* A seed is written as a string: many readers of JSON keep only 53 bits of a number. */
enum kind { KIND_INT32, KIND_INT64, KIND_REAL, KIND_SEED };

/* docs/FORMATS.md says how the difficulty was chosen. */
static const struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    double initial, least, most;
} fields[] = {
#define FIELD(name, member, kind, initial, least, most)                                            \
    { name, kind, offsetof(struct balact_lvis_synthetic_options, member), initial, least, most }
    FIELD("seed", seed, KIND_SEED, 0, 0, 0),
    FIELD("train_images", images[BALACT_LVIS_TRAIN], KIND_INT64, 8000, 2000, 1e8),
    FIELD("val_images", images[BALACT_LVIS_VAL], KIND_INT64, 1000, 10, 1e8),
    FIELD("val_min_images", val_min_images, KIND_INT64, 4, -1, 1e6),
    FIELD("negatives", negatives, KIND_REAL, 20, 0, 600),
    FIELD("train_rois", rois[BALACT_LVIS_TRAIN], KIND_INT32, 64, 1, 1 << 20),
    FIELD("val_rois", rois[BALACT_LVIS_VAL], KIND_INT32, 128, 1, 1 << 20),
    FIELD("foreground", foreground, KIND_REAL, 0.4, 0.01, 0.98),
    FIELD("hard", hard, KIND_REAL, 0.2, 0.01, 0.98),
    FIELD("dim", dim, KIND_INT32, 32, 1, 1 << 16),
    FIELD("spread_super", spread_super, KIND_REAL, 0.36, 1e-6, 1e6),
    FIELD("spread_sub", spread_sub, KIND_REAL, 0.26, 1e-6, 1e6),
    FIELD("spread_category", spread_category, KIND_REAL, 0.33, 1e-6, 1e6),
    FIELD("spread_background", spread_background, KIND_REAL, 0.57, 1e-6, 1e6),
    FIELD("nearness", nearness, KIND_REAL, 0.7, 1e-6, 1),
    FIELD("width", width, KIND_REAL, 1, 1e-6, 1e3),
    FIELD("instance", instance, KIND_REAL, 0.2, 1e-6, 1),
    FIELD("scale", scale, KIND_REAL, 2, 1e-6, 1e6),
#undef FIELD
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

const char *balact_lvis_split_name(enum balact_lvis_split split) {
    return split == BALACT_LVIS_TRAIN ? "train" : "val";
}

static double get(const struct field *field, const struct balact_lvis_synthetic_options *options) {
    const char *at = (const char *)options + field->offset;
    switch (field->kind) {
    case KIND_INT32:
        return *(const int32_t *)at;
    case KIND_INT64:
        return (double)*(const int64_t *)at;
    case KIND_REAL:
        return *(const double *)at;
    case KIND_SEED:
        break;
    }
    return 0;
}

static void set(const struct field *field, struct balact_lvis_synthetic_options *options,
                double value) {
    char *at = (char *)options + field->offset;
    switch (field->kind) {
    case KIND_INT32:
        *(int32_t *)at = (int32_t)value;
        break;
    case KIND_INT64:
        *(int64_t *)at = (int64_t)value;
        break;
    case KIND_REAL:
        *(double *)at = value;
        break;
    case KIND_SEED:
        break;
    }
}

balact_status balact_lvis_synthetic_resolve(struct balact_lvis_synthetic_options *options,
                                            struct balact_error *error) {
    for (int i = 0; i < FIELD_COUNT; i++) {
        const struct field *field = &fields[i];
        if (field->kind == KIND_SEED)
            continue;
        if (get(field, options) == 0)
            set(field, options, field->initial);
        double value = get(field, options);
        if (!(value >= field->least && value <= field->most))
            return balact_fail(error, BALACT_ERROR_RANGE,
                               "synthetic LVIS: %s is %g and must be in %g..%g", field->name, value,
                               field->least, field->most);
    }
    if (options->foreground + options->hard > 1)
        return balact_fail(error, BALACT_ERROR_RANGE,
                           "synthetic LVIS: foreground and hard are %g and %g and must not be "
                           "more than 1 together",
                           options->foreground, options->hard);
    return BALACT_OK;
}

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

void balact_lvis_synthetic_options_print(const struct balact_lvis_synthetic_options *options,
                                         FILE *file) {
    fprintf(file, "{\n  \"format\": \"%s\",\n  \"version\": %d", format_name, FORMAT_VERSION);
    for (int i = 0; i < FIELD_COUNT; i++) {
        fprintf(file, ",\n  \"%s\": ", fields[i].name);
        if (fields[i].kind == KIND_SEED)
            fprintf(file, "\"%llu\"", (unsigned long long)options->seed);
        else if (fields[i].kind == KIND_REAL)
            print_real(file, get(&fields[i], options));
        else
            fprintf(file, "%.0f", get(&fields[i], options));
    }
    fprintf(file, "\n}\n");
}

#ifdef BALACT_HAVE_JANSSON
/* A string of decimal digits that fits 64 bits. */
static bool parse_seed(const char *text, uint64_t *seed) {
    *seed = 0;
    if (!text || !*text)
        return false;
    for (; *text; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (*text < '0' || *text > '9' || *seed > (UINT64_MAX - digit) / 10)
            return false;
        *seed = *seed * 10 + digit;
    }
    return true;
}

/* A value of 0 would be taken for a default; synthetic.json never has one. */
static bool take_field(const struct field *field, const json_t *value,
                       struct balact_lvis_synthetic_options *options) {
    if (field->kind == KIND_SEED)
        return parse_seed(json_string_value(value), &options->seed);
    double number = json_number_value(value);
    bool whole = field->kind == KIND_REAL || json_is_integer(value);
    if (!json_is_number(value) || !whole || number == 0 || number < field->least ||
        number > field->most)
        return false;
    set(field, options, number);
    return true;
}

static balact_status parse(const char *place, const char *text, int64_t size,
                           struct balact_lvis_synthetic_options *options,
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
        if (!value)
            status = balact_fail_at(error, BALACT_ERROR_FORMAT, place, 0, -1, "\"%s\" is missing",
                                    fields[i].name);
        else if (!take_field(&fields[i], value, options))
            status = balact_fail_at(error, BALACT_ERROR_FORMAT, place, 0, -1,
                                    fields[i].kind == KIND_SEED
                                        ? "\"%s\" is not a string of digits of 64 bits"
                                        : "\"%s\" is not a number of its kind and range",
                                    fields[i].name);
    }
    json_decref(root);
    struct balact_error inner;
    if (status == BALACT_OK && balact_lvis_synthetic_resolve(options, &inner) != BALACT_OK)
        status = balact_fail_at(error, BALACT_ERROR_RANGE, place, 0, -1, "%s", inner.message);
    return status;
}
#else
static balact_status parse(const char *place, const char *text, int64_t size,
                           struct balact_lvis_synthetic_options *options,
                           struct balact_error *error) {
    (void)text;
    (void)size;
    (void)options;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, place, 0, -1,
                          "reading synthetic.json wants jansson (Debian package libjansson-dev)");
}
#endif

balact_status balact_lvis_synthetic_options_load(const char *path,
                                                 struct balact_lvis_synthetic_options *options,
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
        status = parse(place, text, size, options, error);
        free(text);
    }
    if (status != BALACT_OK)
        memset(options, 0, sizeof *options);
    balact_archive_close(archive);
    return status;
}
