/* SPDX-License-Identifier: MIT
 *
 * List files of ImageNet-LT and Places-LT (Liu et al. 2019): one image a line, "path label".
 */
#include "datasets/list.h"

#include <stdlib.h>
#include <string.h>

#include "datasets/source.h"

/* ImageNet-21k's list has less than 1 GB; far more is not a list. */
static const int64_t text_max = (int64_t)1 << 34;

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

/* Splits one line [text, end) into path (made NUL-terminated) and label. */
static balact_status parse_line(const char *name, int64_t line, char *text, char *end,
                                int32_t *label, struct balact_error *error) {
    if (end > text && memchr(text, '\0', (size_t)(end - text)))
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, line, -1,
                              "a zero byte; is this a text file?");
    while (end > text && is_space(end[-1]))
        end--;
    *end = '\0';
    char *number = end;
    while (number > text && !is_space(number[-1]))
        number--;
    char *path_end = number;
    while (path_end > text && is_space(path_end[-1]))
        path_end--;
    if (end == text)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, line, -1,
                              "empty, but other lines follow; wants 'path label'");
    if (path_end == text)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, name, line, -1,
                              "'%.80s' is one word; wants 'path label'", number);
    int64_t value = 0;
    bool negative = *number == '-';
    for (const char *digit = number + negative; digit < end || digit == number + negative;
         digit++) {
        if (*digit < '0' || *digit > '9')
            return balact_fail_at(error, BALACT_ERROR_FORMAT, name, line, -1,
                                  "label '%.40s' is not an integer", number);
        if (value <= BALACT_CLASSES_MAX)
            value = 10 * value + (*digit - '0');
    }
    if (negative || value >= BALACT_CLASSES_MAX)
        return balact_fail_at(error, BALACT_ERROR_RANGE, name, line, -1,
                              "label %.40s is outside [0, %d)", number, BALACT_CLASSES_MAX);
    *path_end = '\0';
    *label = (int32_t)value;
    return BALACT_OK;
}

/* Lines without the empty ones at the end; *size is cut to them. */
static int64_t count_lines(const char *text, int64_t *size) {
    int64_t lines = 0;
    while (*size > 0 && (text[*size - 1] == '\n' || text[*size - 1] == '\r' ||
                         is_space(text[*size - 1])))
        --*size;
    for (int64_t i = 0; i < *size; i++)
        lines += text[i] == '\n';
    return lines + (*size > 0);
}

balact_status balact_list_parse(const char *name, char *text, int64_t size,
                                struct balact_list *list, struct balact_error *error) {
    memset(list, 0, sizeof *list);
    list->text = text;
    int64_t rows = count_lines(text, &size);
    balact_status status = BALACT_OK;
    if (rows == 0)
        status = balact_fail_at(error, BALACT_ERROR_FORMAT, name, 1, -1,
                                "the list is empty; wants lines 'path label'");
    if (status == BALACT_OK) {
        list->paths = malloc((size_t)rows * sizeof *list->paths);
        list->labels = malloc((size_t)rows * sizeof *list->labels);
        if (!list->paths || !list->labels)
            status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", name);
    }
    char *at = text, *end = text + size;
    for (int64_t row = 0; row < rows && status == BALACT_OK; row++) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *line_end = newline ? newline : end;
        list->paths[row] = at;
        at = newline ? newline + 1 : end;
        if (line_end > list->paths[row] && line_end[-1] == '\r')
            line_end--;
        status = parse_line(name, row + 1, list->paths[row], line_end, &list->labels[row], error);
        if (status == BALACT_OK && list->labels[row] >= list->classes)
            list->classes = list->labels[row] + 1;
    }
    list->rows = rows;
    if (status != BALACT_OK)
        balact_list_release(list);
    return status;
}

balact_status balact_list_read(struct balact_archive *archive, struct balact_list *list,
                               struct balact_error *error) {
    char *text, place[4096];
    int64_t size;
    memset(list, 0, sizeof *list);
    balact_status status = balact_archive_read_all(archive, text_max, &text, &size, error);
    if (status != BALACT_OK)
        return status;
    balact_archive_place(archive, place, sizeof place);
    return balact_list_parse(place, text, size, list, error);
}

balact_status balact_list_load(const char *path, struct balact_list *list,
                               struct balact_error *error) {
    struct balact_archive *file;
    bool found;
    memset(list, 0, sizeof *list);
    balact_status status = balact_archive_open_file(&file, path, error);
    if (status == BALACT_OK)
        status = balact_archive_next(file, &found, error);
    if (status == BALACT_OK)
        status = balact_list_read(file, list, error);
    balact_archive_close(file);
    return status;
}

void balact_list_release(struct balact_list *list) {
    if (!list)
        return;
    free(list->paths);
    free(list->labels);
    free(list->text);
    memset(list, 0, sizeof *list);
}

static int compare_places(const void *a, const void *b) {
    const struct balact_list_place *left = a, *right = b;
    int order = strcmp(left->path, right->path);
    if (order)
        return order;
    if (left->list != right->list)
        return left->list < right->list ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

balact_status balact_list_sort(const struct balact_list *lists, int32_t count,
                               struct balact_list_place **places, int64_t *place_count,
                               struct balact_error *error) {
    int64_t total = 0, next = 0;
    for (int32_t i = 0; i < count; i++)
        total += lists[i].rows;
    *place_count = total;
    *places = malloc((size_t)(total + 1) * sizeof **places);
    if (!*places)
        return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory for %lld lines of lists",
                           (long long)total);
    for (int32_t i = 0; i < count; i++)
        for (int64_t row = 0; row < lists[i].rows; row++)
            (*places)[next++] = (struct balact_list_place){lists[i].paths[row], i, row};
    qsort(*places, (size_t)total, sizeof **places, compare_places);
    return BALACT_OK;
}

/* Marks all places of this very path. */
static void mark(const struct balact_list_place *places, int64_t count, unsigned char *found,
                 const char *path) {
    int64_t low = 0, high = count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (strcmp(places[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && !strcmp(places[low].path, path); low++)
        found[low] = 1;
}

balact_status balact_list_find(struct balact_archive *archive,
                               const struct balact_list_place *places, int64_t place_count,
                               unsigned char *found, struct balact_error *error) {
    memset(found, 0, (size_t)place_count);
    for (;;) {
        bool more;
        balact_status status = balact_archive_next(archive, &more, error);
        if (status != BALACT_OK || !more)
            return status;
        /* "a/b/c.jpg" serves the lists' paths a/b/c.jpg, b/c.jpg and c.jpg, whatever folder the
         * images were put into. */
        for (const char *tail = archive->member; tail; tail = strchr(tail, '/')) {
            tail += *tail == '/';
            mark(places, place_count, found, tail);
        }
    }
}
