/* SPDX-License-Identifier: MIT
 *
 * Class-count files: CSV (class_id,image_count; LVIS's category_id,image_count,...) and JSON arrays
 * as BALMS writes them.
 */
#include "datasets/counts.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/archive.h"
#include "datasets/source.h"

#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>
#endif

enum { COLUMNS_MAX = 64 };

static const int64_t text_max = (int64_t)1 << 30;

/* A table while it is being read. */
struct csv {
    const char *name;
    char *at; /* what is left of the text; NULL at the end */
    int64_t line;
    char *cells[COLUMNS_MAX];
    int cell_count;
};

/* Cuts one cell at `at` out, undoing quotes ("a,b" and "" within); returns what follows it, NULL if
 * a quote is not closed. */
static char *cut_cell(char *at, char **cell) {
    if (*at != '"') {
        *cell = at;
        return at + strcspn(at, ",");
    }
    char *from = at + 1, *to = at;
    *cell = at;
    while (*from) {
        if (*from == '"' && from[1] != '"') {
            from++;
            *to = '\0';
            return from;
        }
        from += *from == '"';
        *to++ = *from++;
    }
    return NULL;
}

/* The next line's cells. *more is false at the end. */
static balact_status next_row(struct csv *csv, bool *more, struct balact_error *error) {
    *more = csv->at && *csv->at;
    if (!*more)
        return BALACT_OK;
    char *line = csv->at, *end = strchr(line, '\n');
    csv->at = end ? end + 1 : NULL;
    csv->line++;
    if (!end)
        end = line + strlen(line);
    *end = '\0';
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    csv->cell_count = 0;
    for (char *at = line;;) {
        if (csv->cell_count == COLUMNS_MAX)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, csv->name, csv->line, -1,
                                  "more than %d columns", COLUMNS_MAX);
        at = cut_cell(at, &csv->cells[csv->cell_count++]);
        if (!at || (*at != ',' && *at))
            return balact_fail_at(error, BALACT_ERROR_FORMAT, csv->name, csv->line, -1,
                                  "a quote that is not closed, or text behind one");
        if (!*at)
            return BALACT_OK;
        *at++ = '\0';
    }
}

/* Finds the column of one of the names. */
static int find_column(const struct csv *csv, const char *const *names) {
    for (; *names; names++)
        for (int i = 0; i < csv->cell_count; i++)
            if (!strcmp(csv->cells[i], *names))
                return i;
    return -1;
}

static balact_status parse_count(const struct csv *csv, const char *what, const char *text,
                                 int64_t limit, int64_t *value, struct balact_error *error) {
    *value = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (*value > (limit - (*digit - '0')) / 10)
            return balact_fail_at(error, BALACT_ERROR_RANGE, csv->name, csv->line, -1,
                                  "%s %.40s is larger than %lld", what, text, (long long)limit);
        *value = 10 * *value + (*digit - '0');
    }
    if (*digit || digit == text)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, csv->name, csv->line, -1,
                              "%s '%.40s' is not an integer >= 0", what, text);
    return BALACT_OK;
}

struct entry {
    int64_t id, count, line;
};

static int compare_entries(const void *a, const void *b) {
    const struct entry *left = a, *right = b;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return left->line < right->line ? -1 : left->line > right->line;
}

/* Rows of the table behind its header. */
static balact_status read_entries(struct csv *csv, int id_column, int count_column,
                                  struct entry **entries, int64_t *entry_count,
                                  struct balact_error *error) {
    int64_t capacity = 0;
    int width = csv->cell_count;
    for (;;) {
        bool more;
        balact_status status = next_row(csv, &more, error);
        if (status != BALACT_OK || !more)
            return status;
        if (csv->cell_count == 1 && !csv->cells[0][0] && (!csv->at || !*csv->at))
            return BALACT_OK; /* an empty last line */
        if (csv->cell_count != width)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, csv->name, csv->line, -1,
                                  "%d columns, but the header has %d", csv->cell_count, width);
        if (*entry_count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            struct entry *grown = realloc(*entries, (size_t)capacity * sizeof *grown);
            if (!grown)
                return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", csv->name);
            *entries = grown;
        }
        struct entry *entry = &(*entries)[*entry_count];
        entry->line = csv->line;
        status = parse_count(csv, "class", csv->cells[id_column], BALACT_CLASSES_MAX, &entry->id,
                             error);
        if (status == BALACT_OK)
            status = parse_count(csv, "count", csv->cells[count_column],
                                 INT64_MAX / BALACT_CLASSES_MAX, &entry->count, error);
        if (status != BALACT_OK)
            return status;
        ++*entry_count;
    }
}

/* Ids must be 0..K-1 or 1..K, each once. */
static balact_status order_entries(const char *name, struct entry *entries, int64_t count,
                                   int64_t **counts, int32_t *classes,
                                   struct balact_error *error) {
    if (count == 0)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, 2, -1,
                              "no rows; wants one a class");
    qsort(entries, (size_t)count, sizeof *entries, compare_entries);
    int64_t first = entries[0].id;
    for (int64_t i = 0; i < count; i++) {
        if (i > 0 && entries[i].id == entries[i - 1].id)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, name, entries[i].line, -1,
                                  "class %lld again; line %lld has it already",
                                  (long long)entries[i].id, (long long)entries[i - 1].line);
        if (first > 1 || entries[i].id != first + i)
            return balact_fail_at(error, BALACT_ERROR_FORMAT, name, 0, -1,
                                  "class %lld is missing; ids must run from 0 or 1 without a gap",
                                  first > 1 ? 0LL : (long long)(first + i));
    }
    *counts = malloc((size_t)count * sizeof **counts);
    if (!*counts)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", name);
    for (int64_t i = 0; i < count; i++)
        (*counts)[i] = entries[i].count;
    *classes = (int32_t)count;
    return BALACT_OK;
}

static balact_status parse_csv(const char *name, char *text, const char *column,
                               int64_t **counts, int32_t *classes, struct balact_error *error) {
    static const char *const id_names[] = {"class_id", "category_id", "class", NULL};
    const char *count_names[] = {column ? column : "image_count", NULL};
    struct csv csv = {.name = name, .at = text};
    bool more;
    balact_status status = next_row(&csv, &more, error);
    if (status != BALACT_OK)
        return status;
    int id_column = more ? find_column(&csv, id_names) : -1;
    int count_column = more ? find_column(&csv, count_names) : -1;
    if (id_column < 0 || count_column < 0)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, 1, -1,
                              "no column '%.80s'; wants a header such as class_id,image_count",
                              id_column < 0 ? "class_id" : count_names[0]);
    struct entry *entries = NULL;
    int64_t entry_count = 0;
    status = read_entries(&csv, id_column, count_column, &entries, &entry_count, error);
    if (status == BALACT_OK)
        status = order_entries(name, entries, entry_count, counts, classes, error);
    free(entries);
    return status;
}

#ifdef BALACT_HAVE_JANSSON

static balact_status parse_json(const char *name, const char *text, int64_t size,
                                int64_t **counts, int32_t *classes, struct balact_error *error) {
    json_error_t why;
    json_t *array = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, &why);
    if (!array)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, why.line, -1,
                              "column %d: %.200s", why.column, why.text);
    balact_status status = BALACT_OK;
    size_t count = json_array_size(array);
    if (count == 0 || count > BALACT_CLASSES_MAX)
        status = balact_fail_at(error, BALACT_ERROR_FORMAT, name, 0, -1,
                                "wants an array of 1 to %d counts", BALACT_CLASSES_MAX);
    if (status == BALACT_OK && !(*counts = malloc(count * sizeof **counts)))
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", name);
    for (size_t i = 0; i < count && status == BALACT_OK; i++) {
        const json_t *value = json_array_get(array, i);
        if (!json_is_integer(value))
            status = balact_fail_at(error, BALACT_ERROR_FORMAT, name, 0, -1,
                                    "element %zu is not an integer", i);
        else if (json_integer_value(value) < 0 ||
                 json_integer_value(value) > INT64_MAX / BALACT_CLASSES_MAX)
            status = balact_fail_at(error, BALACT_ERROR_RANGE, name, 0, -1,
                                    "element %zu is %lld; wants a count in [0, %lld]", i,
                                    (long long)json_integer_value(value),
                                    (long long)(INT64_MAX / BALACT_CLASSES_MAX));
        else
            (*counts)[i] = (int64_t)json_integer_value(value);
    }
    json_decref(array);
    if (status == BALACT_OK)
        *classes = (int32_t)count;
    return status;
}

#else

static balact_status parse_json(const char *name, const char *text, int64_t size,
                                int64_t **counts, int32_t *classes, struct balact_error *error) {
    (void)text, (void)size, (void)counts, (void)classes;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, name, 0, -1,
                          "this build reads counts from CSV only: JSON needs jansson (Debian "
                          "package libjansson-dev)");
}

#endif

balact_status balact_counts_parse(const char *name, char *text, int64_t size, const char *column,
                                  int64_t **counts, int32_t *classes,
                                  struct balact_error *error) {
    *counts = NULL;
    *classes = 0;
    size_t space = strspn(text, " \t\r\n");
    bool json = text[space] == '[' || text[space] == '{';
    balact_status status;
    if (!json && memchr(text, '\0', (size_t)size))
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, 0, (int64_t)strlen(text),
                              "a zero byte; is this a text file?");
    if (text[space] == '{')
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, 1, -1,
                              "a JSON object; wants an array of counts, class 0 first");
    if (json)
        status = parse_json(name, text, size, counts, classes, error);
    else
        status = parse_csv(name, text, column, counts, classes, error);
    if (status != BALACT_OK) {
        free(*counts);
        *counts = NULL;
    }
    return status;
}

balact_status balact_counts_load(const char *path, const char *column, int64_t **counts,
                                 int32_t *classes, struct balact_error *error) {
    struct balact_archive *file;
    bool found;
    char *text = NULL;
    int64_t size;
    *counts = NULL;
    *classes = 0;
    balact_status status = balact_archive_open_file(&file, path, error);
    if (status == BALACT_OK)
        status = balact_archive_next(file, &found, error);
    if (status == BALACT_OK)
        status = balact_archive_read_all(file, text_max, &text, &size, error);
    if (status == BALACT_OK)
        status = balact_counts_parse(path, text, size, column, counts, classes, error);
    free(text);
    balact_archive_close(file);
    return status;
}
