/* SPDX-License-Identifier: MIT
 *
 * See csv.h.
 */
#include "plots/csv.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the parser stands. Cells are unquoted in place, so `write` trails `read`. */
struct parser {
    const char *path;
    char *read, *write, *end;
    int64_t line;
    size_t column; /* 1-based number of the cell in its line */
    struct balact_error *error;
};

static balact_status fail_here(const struct parser *p, const char *text) {
    return balact_fail_at(p->error, BALACT_ERROR_FORMAT, p->path, p->line, -1, "column %zu: %s",
                          p->column, text);
}

/* A byte that no cell may hold: a control character other than a tab. */
static bool is_control(char c) {
    unsigned char byte = (unsigned char)c;
    return (byte < 32 && byte != '\t') || byte == 127;
}

static balact_status parse_quoted(struct parser *p) {
    for (p->read++;; p->read++) {
        if (p->read == p->end || *p->read == '\n')
            return fail_here(p, "a quote is opened and not closed on the same line");
        if (*p->read == '"') {
            if (p->read + 1 < p->end && p->read[1] == '"') {
                p->read++;
            } else {
                p->read++;
                break;
            }
        } else if (is_control(*p->read)) {
            return fail_here(p, "a control character");
        }
        *p->write++ = *p->read;
    }
    if (p->read < p->end && *p->read != ',' && *p->read != '\n' && *p->read != '\r')
        return fail_here(p, "text after a closing quote");
    return BALACT_OK;
}

static balact_status parse_plain(struct parser *p) {
    for (; p->read < p->end && *p->read != ',' && *p->read != '\n'; p->read++) {
        if (*p->read == '\r' && p->read + 1 < p->end && p->read[1] == '\n')
            break;
        if (*p->read == '"')
            return fail_here(p, "a quote inside a cell that does not begin with one");
        if (is_control(*p->read))
            return fail_here(p, "a control character");
        *p->write++ = *p->read;
    }
    return BALACT_OK;
}

/* Parses one cell, ends it with a zero byte and steps over what separates it. *last tells whether
 * it closed its line. The zero byte always fits: it lands at most on the separator just read. */
static balact_status parse_cell(struct parser *p, const char **cell, bool *last) {
    *cell = p->write;
    bool quoted = p->read < p->end && *p->read == '"';
    balact_status status = quoted ? parse_quoted(p) : parse_plain(p);
    if (status != BALACT_OK)
        return status;
    if (p->read < p->end && *p->read == '\r' && p->read + 1 < p->end && p->read[1] == '\n')
        p->read++;
    if (p->read == p->end)
        return fail_here(p, "the file ends inside a line; is it cut short?");
    if (*p->read != ',' && *p->read != '\n')
        return fail_here(p, "text after a closing quote");
    *last = *p->read++ == '\n';
    *p->write++ = '\0';
    return BALACT_OK;
}

static balact_status check_header(const struct csv_table *table, struct parser *p) {
    for (size_t i = 0; i < table->cols; i++) {
        p->column = i + 1;
        if (!table->names[i][0])
            return fail_here(p, "a column without a name");
        if (i == 0 && !strncmp(table->names[0], "\xef\xbb\xbf", 3))
            return fail_here(p, "the file begins with a byte order mark; save it as plain UTF-8");
        for (size_t j = 0; j < i; j++)
            if (!strcmp(table->names[i], table->names[j]))
                return fail_here(p, "a second column of the same name");
    }
    return BALACT_OK;
}

/* Reads the header line, which decides the number of columns. */
static balact_status parse_header(struct csv_table *table, struct parser *p) {
    size_t capacity = 1;
    for (const char *at = p->read; at < p->end && *at != '\n'; at++)
        capacity += *at == ',';
    table->names = malloc(capacity * sizeof *table->names);
    if (!table->names)
        return balact_fail(p->error, BALACT_ERROR_MEMORY, "%s: out of memory", p->path);
    bool last = false;
    while (!last) {
        p->column = table->cols + 1;
        balact_status status = parse_cell(p, &table->names[table->cols], &last);
        if (status != BALACT_OK)
            return status;
        table->cols++;
    }
    return check_header(table, p);
}

static balact_status parse_row(struct csv_table *table, struct parser *p) {
    bool last = false;
    const char **cells = &table->cells[table->rows * table->cols];
    for (size_t i = 0; i < table->cols; i++) {
        p->column = i + 1;
        if (last)
            return balact_fail_at(p->error, BALACT_ERROR_FORMAT, p->path, p->line, -1,
                                  "column %zu (%s): the row has %zu cells, the header %zu", i + 1,
                                  table->names[i], i, table->cols);
        balact_status status = parse_cell(p, &cells[i], &last);
        if (status != BALACT_OK)
            return status;
    }
    if (!last)
        return balact_fail_at(p->error, BALACT_ERROR_FORMAT, p->path, p->line, -1,
                              "column %zu: the row has more cells than the header's %zu",
                              table->cols + 1, table->cols);
    table->rows++;
    return BALACT_OK;
}

static balact_status parse_table(struct csv_table *table, struct parser *p) {
    balact_status status = parse_header(table, p);
    if (status != BALACT_OK)
        return status;
    size_t lines = 0;
    for (const char *at = p->read; at < p->end; at++)
        lines += *at == '\n';
    lines++; /* a last line without its newline is found to be an error only when it is parsed */
    size_t cells = (size_t)(p->end - p->read) + 1; /* every cell takes a byte at least */
    if (lines <= cells / table->cols)
        cells = lines * table->cols;
    if (cells > SIZE_MAX / sizeof *table->cells)
        return balact_fail(p->error, BALACT_ERROR_MEMORY, "%s: too large", p->path);
    table->cells = malloc(cells * sizeof *table->cells);
    if (!table->cells)
        return balact_fail(p->error, BALACT_ERROR_MEMORY, "%s: out of memory", p->path);
    while (p->read < p->end) {
        p->line++;
        p->column = 1;
        if ((status = parse_row(table, p)) != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

/* Takes ownership of text[size]. */
static balact_status parse_owned(const char *path, char *text, size_t size, struct csv_table *table,
                                 struct balact_error *error) {
    struct parser p = {path, text, text, text + size, 1, 1, error};
    balact_status status;
    memset(table, 0, sizeof *table);
    table->text = text;
    table->path = malloc(strlen(path) + 1);
    if (!table->path)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    else if (size == 0)
        status = fail_here(&p, "the file is empty; a header line is wanted");
    else
        status = parse_table(table, &p);
    if (table->path)
        strcpy(table->path, path);
    if (status != BALACT_OK)
        csv_release(table);
    return status;
}

balact_status csv_parse(const char *path, const char *bytes, size_t size, struct csv_table *table,
                        struct balact_error *error) {
    memset(table, 0, sizeof *table);
    char *text = malloc(size + 1);
    if (!text)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    if (size)
        memcpy(text, bytes, size);
    return parse_owned(path, text, size, table, error);
}

/* Reads a whole stream into malloc'ed *text. */
static balact_status read_all(FILE *file, const char *path, char **text, size_t *size,
                              struct balact_error *error) {
    size_t capacity = 1 << 16;
    *size = 0;
    *text = malloc(capacity);
    while (*text) {
        *size += fread(*text + *size, 1, capacity - *size, file);
        if (*size < capacity)
            break;
        char *larger = capacity <= SIZE_MAX / 2 ? realloc(*text, capacity *= 2) : NULL;
        if (!larger)
            free(*text);
        *text = larger;
    }
    if (!*text)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    if (!ferror(file))
        return BALACT_OK;
    free(*text);
    return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read: %s", strerror(errno));
}

balact_status csv_load(const char *path, struct csv_table *table, struct balact_error *error) {
    char *text;
    size_t size;
    memset(table, 0, sizeof *table);
    FILE *file = fopen(path, "rb");
    if (!file)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot open: %s",
                              strerror(errno));
    balact_status status = read_all(file, path, &text, &size, error);
    fclose(file);
    return status == BALACT_OK ? parse_owned(path, text, size, table, error) : status;
}

void csv_release(struct csv_table *table) {
    free(table->path);
    free(table->text);
    free(table->names);
    free(table->cells);
    memset(table, 0, sizeof *table);
}

balact_status csv_columns(const struct csv_table *table, const char *const *names, size_t count,
                          size_t *index, struct balact_error *error) {
    for (size_t i = 0; i < count; i++) {
        size_t col = 0;
        while (col < table->cols && strcmp(table->names[col], names[i]))
            col++;
        index[i] = col;
        if (col < table->cols)
            continue;
        char there[512] = "";
        for (size_t j = 0, used = 0; j < table->cols && used < sizeof there; j++)
            used += (size_t)snprintf(there + used, sizeof there - used, "%s%s", j ? ", " : "",
                                     table->names[j]);
        return balact_fail_at(error, BALACT_ERROR_FORMAT, table->path, 1, -1,
                              "no column '%s'; there are: %s", names[i], there);
    }
    return BALACT_OK;
}

const char *csv_cell(const struct csv_table *table, size_t row, size_t col) {
    return table->cells[row * table->cols + col];
}

int64_t csv_line(const struct csv_table *table, size_t row) {
    (void)table; /* cells never span lines */
    return (int64_t)row + 2;
}

balact_status csv_fail(const struct csv_table *table, size_t row, size_t col,
                       struct balact_error *error, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return balact_fail_at(error, BALACT_ERROR_FORMAT, table->path, csv_line(table, row), -1,
                          "column %zu (%s): %s", col + 1, table->names[col], text);
}

balact_status csv_real(const struct csv_table *table, size_t row, size_t col, double *value,
                       struct balact_error *error) {
    const char *cell = csv_cell(table, row, col);
    char *end = NULL;
    *value = strtod(cell, &end);
    /* strtod also takes leading blanks and hexadecimal numbers; the format does not */
    bool plain = cell[0] && !strpbrk(cell, " \txX(");
    if (!plain || end == cell || *end)
        return csv_fail(table, row, col, error, "'%s' is not a number", cell);
    return BALACT_OK;
}

balact_status csv_finite(const struct csv_table *table, size_t row, size_t col, double *value,
                         struct balact_error *error) {
    balact_status status = csv_real(table, row, col, value, error);
    if (status == BALACT_OK && !isfinite(*value))
        return csv_fail(table, row, col, error, "'%s' is not a finite number",
                        csv_cell(table, row, col));
    return status;
}

balact_status csv_optional(const struct csv_table *table, size_t row, size_t col, double *value,
                           bool *present, struct balact_error *error) {
    *present = csv_cell(table, row, col)[0] != '\0';
    *value = 0;
    return *present ? csv_real(table, row, col, value, error) : BALACT_OK;
}

balact_status csv_integer(const struct csv_table *table, size_t row, size_t col, int64_t *value,
                          struct balact_error *error) {
    const char *cell = csv_cell(table, row, col);
    char *end = NULL;
    errno = 0;
    *value = strtoll(cell, &end, 10);
    if (!cell[0] || *end || errno || strpbrk(cell, " \t+"))
        return csv_fail(table, row, col, error, "'%s' is not an integer", cell);
    return BALACT_OK;
}
