/* SPDX-License-Identifier: MIT
 *
 * See npy.h.
 */
#include "datasets/npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *descr;
    int size;
    const char *name;
} types[] = {
#define ROW(ID, descr, bytes, name) [BALACT_NPY_##ID] = {descr, bytes, name},
    BALACT_NPY_TYPE_LIST(ROW)
#undef ROW
};

int64_t balact_npy_type_size(enum balact_npy_type type) {
    return types[type].size;
}

const char *balact_npy_type_name(enum balact_npy_type type) {
    return types[type].name;
}

/* The header's text is a Python dict of three entries, written by NumPy in one known way but
 * allowed any order and spacing:  {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }  */
struct parser {
    const struct balact_archive *archive;
    struct balact_error *error;
    const char *text, *end, *at;
    int64_t text_begin; /* byte of text in the file */
};

static balact_status parser_failed(const struct parser *parser, const char *what) {
    return balact_archive_fail(parser->archive, BALACT_ERROR_FORMAT, 0,
                               parser->text_begin + (parser->at - parser->text), parser->error,
                               "npy header: %s", what);
}

static void skip_space(struct parser *parser) {
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t'))
        parser->at++;
}

static bool take(struct parser *parser, char wanted) {
    skip_space(parser);
    if (parser->at == parser->end || *parser->at != wanted)
        return false;
    parser->at++;
    return true;
}

static bool take_word(struct parser *parser, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0)
        return false;
    parser->at += length;
    return true;
}

/* A quoted string without escapes, NUL-terminated in out. */
static bool take_string(struct parser *parser, char *out, size_t size) {
    skip_space(parser);
    if (parser->at == parser->end || (*parser->at != '\'' && *parser->at != '"'))
        return false;
    const char *begin = parser->at + 1;
    const char *close = memchr(begin, *parser->at, (size_t)(parser->end - begin));
    if (!close || (size_t)(close - begin) >= size || memchr(begin, '\\', (size_t)(close - begin)))
        return false;
    memcpy(out, begin, (size_t)(close - begin));
    out[close - begin] = '\0';
    parser->at = close + 1;
    return true;
}

static balact_status parse_descr(struct parser *parser, struct balact_npy *npy) {
    char descr[32], what[96];
    skip_space(parser);
    const char *begin = parser->at;
    if (begin < parser->end && *begin == '[')
        return parser_failed(parser, "a structured dtype; wants float32, float16, int32 or int64");
    if (!take_string(parser, descr, sizeof descr))
        return parser_failed(parser, "'descr' wants a quoted dtype");
    for (int type = 0; type < BALACT_NPY_TYPE_COUNT; type++)
        if (!strcmp(descr, types[type].descr)) {
            npy->type = (enum balact_npy_type)type;
            return BALACT_OK;
        }
    parser->at = begin;
    snprintf(what, sizeof what, "dtype '%.20s'; wants %s", descr,
             descr[0] == '>' ? "little endian" : "float32, float16, int32 or int64");
    return parser_failed(parser, what);
}

static balact_status parse_order(struct parser *parser) {
    skip_space(parser);
    const char *begin = parser->at;
    if (take_word(parser, "False"))
        return BALACT_OK;
    bool fortran = take_word(parser, "True");
    parser->at = begin;
    return parser_failed(parser, fortran ? "Fortran order; save it with numpy.ascontiguousarray"
                                         : "'fortran_order' wants True or False");
}

static balact_status parse_dimension(struct parser *parser, int64_t *value) {
    const char *begin = parser->at;
    *value = 0;
    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9') {
        int digit = *parser->at - '0';
        if (*value > (INT64_MAX - digit) / 10)
            return parser_failed(parser, "a dimension beyond 64 bits");
        *value = 10 * *value + digit;
        parser->at++;
    }
    return parser->at > begin ? BALACT_OK : parser_failed(parser, "'shape' wants integers >= 0");
}

static balact_status parse_shape(struct parser *parser, struct balact_npy *npy) {
    if (!take(parser, '('))
        return parser_failed(parser, "'shape' wants a tuple");
    bool comma = true;
    while (!take(parser, ')')) {
        if (!comma)
            return parser_failed(parser, "'shape' lacks a comma or its end");
        if (npy->dims == BALACT_NPY_DIMS)
            return parser_failed(parser, "more than 8 dimensions");
        balact_status status = parse_dimension(parser, &npy->shape[npy->dims]);
        if (status != BALACT_OK)
            return status;
        npy->dims++;
        comma = take(parser, ',');
    }
    if (npy->dims == 1 && !comma)
        return parser_failed(parser, "'shape' is a number in brackets, not a tuple");
    return BALACT_OK;
}

static balact_status parse_entry(struct parser *parser, struct balact_npy *npy, bool seen[3]) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    char key[32];
    if (!take_string(parser, key, sizeof key))
        return parser_failed(parser, "wants a quoted key");
    int which = 0;
    while (which < 3 && strcmp(key, keys[which]) != 0)
        which++;
    if (which == 3)
        return parser_failed(parser, "a key that is none of descr, fortran_order, shape");
    if (seen[which])
        return parser_failed(parser, "a key twice");
    seen[which] = true;
    if (!take(parser, ':'))
        return parser_failed(parser, "wants ':' after a key");
    switch (which) {
    case 0: return parse_descr(parser, npy);
    case 1: return parse_order(parser);
    default: return parse_shape(parser, npy);
    }
}

static balact_status parse_header(struct parser *parser, struct balact_npy *npy) {
    bool seen[3] = {false}, comma = true;
    if (!take(parser, '{'))
        return parser_failed(parser, "wants a dict");
    while (!take(parser, '}')) {
        if (!comma)
            return parser_failed(parser, "wants ',' or '}' after a value");
        balact_status status = parse_entry(parser, npy, seen);
        if (status != BALACT_OK)
            return status;
        comma = take(parser, ',');
    }
    if (!seen[0] || !seen[1] || !seen[2])
        return parser_failed(parser, "lacks one of descr, fortran_order, shape");
    skip_space(parser);
    if (parser->at + 1 != parser->end || *parser->at != '\n')
        return parser_failed(parser, "wants spaces and one newline after the dict");
    return BALACT_OK;
}

/* count and bytes from shape. */
static balact_status measure(struct balact_archive *archive, struct balact_npy *npy,
                             struct balact_error *error) {
    int64_t size = types[npy->type].size, limit = INT64_MAX / 16 / size;
    npy->count = 1;
    for (int i = 0; i < npy->dims; i++)
        if (npy->shape[i] == 0)
            npy->count = 0;
    for (int i = 0; i < npy->dims && npy->count > 0; i++) {
        if (npy->count > limit / npy->shape[i])
            return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, 10, error,
                                       "npy header: the size of the shape overflows 64 bits");
        npy->count *= npy->shape[i];
    }
    npy->bytes = npy->count * size;
    if (archive->size >= 0 && archive->size - npy->header < npy->bytes)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, archive->size, error,
                                   "ends here, but its npy header promises %lld bytes of data; is "
                                   "the file truncated?",
                                   (long long)npy->bytes);
    if (archive->size >= 0 && archive->size - npy->header > npy->bytes)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, npy->header + npy->bytes,
                                   error, "bytes follow where the data should end");
    return BALACT_OK;
}

balact_status balact_npy_read_header(struct balact_archive *archive, struct balact_npy *npy,
                                     struct balact_error *error) {
    unsigned char prefix[12];
    size_t got;
    memset(npy, 0, sizeof *npy);
    balact_status status = balact_archive_read(archive, prefix, 10, &got, error);
    if (status != BALACT_OK)
        return status;
    if (got < 10 || memcmp(prefix, "\x93NUMPY", 6) != 0)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, 0, error,
                                   "not an npy file (it does not begin with \\x93NUMPY)");
    if (prefix[6] < 1 || prefix[6] > 3 || prefix[7] != 0)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, 6, error,
                                   "npy version %d.%d; wants 1.0, 2.0 or 3.0", prefix[6],
                                   prefix[7]);
    int64_t length = prefix[8] | prefix[9] << 8;
    if (prefix[6] > 1) {
        status = balact_archive_read(archive, prefix + 10, 2, &got, error);
        if (status != BALACT_OK)
            return status;
        if (got < 2 || prefix[10] || prefix[11])
            return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, 8, error,
                                       "npy header: longer than 65535 bytes, or cut off");
    }
    void *text;
    npy->header = archive->offset + length;
    struct parser parser = {.archive = archive, .error = error, .text_begin = archive->offset};
    status = balact_archive_read_exactly(archive, length, &text, error);
    if (status != BALACT_OK)
        return status;
    parser.text = parser.at = text;
    parser.end = parser.text + length;
    status = parse_header(&parser, npy);
    free(text);
    return status == BALACT_OK ? measure(archive, npy, error) : status;
}

/* Files are little endian; on a big-endian machine each element is turned round. */
static void from_little_endian(unsigned char *bytes, int64_t count, int size) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int64_t i = 0; i < count; i++)
        for (int low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char kept = bytes[i * size + low];
            bytes[i * size + low] = bytes[i * size + high];
            bytes[i * size + high] = kept;
        }
#else
    (void)bytes, (void)count, (void)size;
#endif
}

balact_status balact_npy_read_data(struct balact_archive *archive, const struct balact_npy *npy,
                                   void **data, struct balact_error *error) {
    balact_status status = balact_archive_read_exactly(archive, npy->bytes, data, error);
    if (status != BALACT_OK)
        return status;
    status = balact_archive_expect_end(archive, error);
    if (status != BALACT_OK) {
        free(*data);
        *data = NULL;
        return status;
    }
    from_little_endian(*data, npy->count, types[npy->type].size);
    return BALACT_OK;
}

size_t balact_npy_header(unsigned char header[BALACT_NPY_HEADER_MAX], enum balact_npy_type type,
                         int dims, const int64_t *shape) {
    char text[BALACT_NPY_HEADER_MAX];
    if (dims < 0 || dims > BALACT_NPY_DIMS)
        return 0;
    int used = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        types[type].descr);
    for (int i = 0; i < dims; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%s%lld", i ? ", " : "",
                         (long long)shape[i]);
    used += snprintf(text + used, sizeof text - (size_t)used, "%s), }", dims == 1 ? "," : "");
    size_t total = (10 + (size_t)used + 1 + 63) / 64 * 64, length = total - 10;
    static const unsigned char begin[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    memcpy(header, begin, sizeof begin);
    header[8] = (unsigned char)(length & 0xFF);
    header[9] = (unsigned char)(length >> 8);
    memset(header + 10, ' ', length);
    for (int i = 0; i < used; i++)
        header[10 + i] = (unsigned char)text[i];
    header[total - 1] = '\n';
    return total;
}

balact_status balact_npy_write(FILE *file, const char *name, enum balact_npy_type type, int dims,
                               const int64_t *shape, const void *data,
                               struct balact_error *error) {
    unsigned char header[BALACT_NPY_HEADER_MAX], element[8];
    size_t size = balact_npy_header(header, type, dims, shape);
    size_t width = (size_t)types[type].size;
    int64_t count = 1;
    if (size == 0)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "%s: %d dimensions", name, dims);
    for (int i = 0; i < dims; i++)
        count *= shape[i];
    errno = 0;
    bool fine = fwrite(header, 1, size, file) == size;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (int64_t i = 0; i < count && fine; i++) {
        memcpy(element, (const char *)data + (size_t)i * width, width);
        from_little_endian(element, 1, (int)width);
        fine = fwrite(element, width, 1, file) == 1;
    }
#else
    (void)element;
    fine = fine && fwrite(data, width, (size_t)count, file) == (size_t)count;
#endif
    if (!fine)
        return balact_fail_at(error, BALACT_ERROR_IO, name, 0, -1, "cannot write: %s",
                              strerror(errno ? errno : EIO));
    return BALACT_OK;
}
