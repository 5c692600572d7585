/* SPDX-License-Identifier: MIT
 *
 * See json.h. Two ways through JSON that build nothing: the quick one that finds where elements end
 * (strings, escapes and brackets are all that it knows), and the slow one that says what is wrong
 * with text that simdjson refused, since simdjson does not say where.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/json.h"

static const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;

/* Are these 8 bytes free of quotes and of all from '[' on? Long lists of numbers are. */
static bool is_dull(const char *text) {
    uint64_t word;
    memcpy(&word, text, sizeof word);
    uint64_t quote = word ^ ones * '"';
    uint64_t large = ((word & ~highs) + ones * (128 - '[')) | word;
    return ((((quote - ones) & ~quote) | large) & highs) == 0;
}

/* From within a string to behind its closing quote, or to size. */
static size_t skip_string(struct balact_json_scan *scan, const char *text, size_t at, size_t size) {
    for (;;) {
        /* Most strings are short keys, for which a call would be long. */
        size_t near = size - at < 16 ? size : at + 16;
        while (at < near && text[at] != '"')
            at++;
        if (at == near) {
            const char *quote = at < size ? memchr(text + at, '"', size - at) : NULL;
            if (!quote)
                return size;
            at = (size_t)(quote - text);
        }
        at++;
        size_t slashes = 0;
        while (at - 2 - slashes > scan->string && text[at - 2 - slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0) {
            scan->in_string = false;
            return at;
        }
    }
}

void balact_json_scan(struct balact_json_scan *scan, const char *text, size_t size) {
    size_t at = scan->at;
    int64_t depth = scan->depth;
    while (at < size) {
        if (scan->in_string) {
            at = skip_string(scan, text, at, size);
            continue;
        }
        if (depth > 0)
            while (size - at >= 8 && is_dull(text + at))
                at += 8;
        for (; at < size; at++) {
            char c = text[at];
            if (c == '"') {
                scan->in_string = true;
                scan->string = at++;
                break;
            }
            if (c == '[' || c == '{') {
                depth++;
                at++;
                break;
            }
            if (c == ']' || c == '}') {
                if (depth == 0) {
                    scan->ended = true;
                    scan->at = at;
                    scan->depth = 0;
                    return;
                }
                depth--;
            } else if (c == ',' && depth == 0) {
                scan->cut = at;
                if (++scan->commas == scan->most) {
                    scan->at = at;
                    scan->depth = 0;
                    return;
                }
            }
        }
    }
    scan->at = at;
    scan->depth = depth;
}

/* ---- What is wrong ---- */

enum { DEPTH_MAX = 1000 };

struct check {
    const char *text, *why;
    size_t at, size;
};

static bool wrong(struct check *check, const char *why) {
    check->why = why;
    return false;
}

static int peek(const struct check *check) {
    return check->at < check->size ? (unsigned char)check->text[check->at] : -1;
}

static void skip_blanks(struct check *check) {
    while (check->at < check->size && memchr(" \t\r\n", check->text[check->at], 4))
        check->at++;
}

static bool check_word(struct check *check, const char *word) {
    for (; *word; word++, check->at++)
        if (peek(check) != *word)
            return wrong(check, "no JSON value; wants a number, string, object, array, true, "
                                "false or null");
    return true;
}

static bool check_digits(struct check *check) {
    if (peek(check) < '0' || peek(check) > '9')
        return wrong(check, "a number wants a digit here");
    while (peek(check) >= '0' && peek(check) <= '9')
        check->at++;
    return true;
}

static bool check_number(struct check *check) {
    size_t begin = check->at;
    check->at += peek(check) == '-';
    if (peek(check) == 'I')
        return wrong(check, "-Infinity is no JSON number");
    bool zero = peek(check) == '0';
    size_t digits = check->at;
    if (!check_digits(check))
        return false;
    if (zero && check->at - digits > 1) {
        check->at = digits;
        return wrong(check, "a number with a zero before its digits");
    }
    bool whole = true;
    if (peek(check) == '.') {
        whole = false;
        check->at++;
        if (!check_digits(check))
            return false;
    }
    if (peek(check) == 'e' || peek(check) == 'E') {
        whole = false;
        check->at++;
        check->at += peek(check) == '-' || peek(check) == '+';
        if (!check_digits(check))
            return false;
    }
    char number[512];
    size_t length = check->at - begin;
    if (length < sizeof number && (!whole || length > 18)) {
        memcpy(number, check->text + begin, length);
        number[length] = '\0';
        if (whole ? strtod(number, NULL) >= 18446744073709551616.0 ||
                        strtod(number, NULL) < -9223372036854775808.0
                  : !isfinite(strtod(number, NULL))) {
            check->at = begin;
            return wrong(check, "a number too large");
        }
    }
    return true;
}

/* One character of UTF-8 that is not ASCII. */
static bool check_utf8(struct check *check) {
    int first = peek(check), more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    uint32_t code = (uint32_t)first & (0x3Fu >> more);
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (first < 0xC2 || first > 0xF4)
        return wrong(check, "bytes that are not UTF-8");
    size_t begin = check->at++;
    for (int i = 0; i < more; i++, check->at++) {
        if ((peek(check) & 0xC0) != 0x80 || peek(check) < 0)
            return wrong(check, "bytes that are not UTF-8");
        code = code << 6 | ((uint32_t)peek(check) & 0x3Fu);
    }
    if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        check->at = begin;
        return wrong(check, "bytes that are not UTF-8");
    }
    return true;
}

static bool check_escape(struct check *check) {
    check->at++;
    if (peek(check) == 'u') {
        check->at++;
        for (int i = 0; i < 4; i++, check->at++)
            if (peek(check) < 0 || !memchr("0123456789abcdefABCDEF", peek(check), 22))
                return wrong(check, "\\u wants four hexadecimal digits");
        return true;
    }
    if (peek(check) < 0 || !memchr("\"\\/bfnrt", peek(check), 8))
        return wrong(check, "no escape of JSON");
    check->at++;
    return true;
}

static bool check_string(struct check *check) {
    check->at++;
    for (;;) {
        int c = peek(check);
        if (c < 0)
            return wrong(check, "a string without its closing quote");
        if (c < 0x20)
            return wrong(check, "a control character within a string; is its closing quote "
                                "missing?");
        if (c == '"')
            break;
        if (c == '\\' ? !check_escape(check) : c >= 0x80 && !check_utf8(check))
            return false;
        if (c != '\\' && c < 0x80)
            check->at++;
    }
    check->at++;
    return true;
}

/* A value that is neither object nor array. */
static bool check_plain(struct check *check) {
    int c = peek(check);
    switch (c) {
    case '"':
        return check_string(check);
    case 't':
        return check_word(check, "true");
    case 'f':
        return check_word(check, "false");
    case 'n':
        if (check->at + 1 < check->size && check->text[check->at + 1] == 'a')
            return wrong(check, "nan is no JSON number");
        return check_word(check, "null");
    case 'N':
        return wrong(check, "NaN is no JSON number");
    case 'I':
        return wrong(check, "Infinity is no JSON number");
    case '\'':
        return wrong(check, "a single quote; JSON's strings have double ones");
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return check_number(check);
        return wrong(check, "wants a value here");
    }
}

/* "key": before a value. */
static bool check_key(struct check *check) {
    skip_blanks(check);
    if (peek(check) != '"')
        return wrong(check, "wants a key in double quotes");
    if (!check_string(check))
        return false;
    skip_blanks(check);
    if (peek(check) != ':')
        return wrong(check, "wants ':' behind the key");
    check->at++;
    return true;
}

/* The list, with the brackets that are open on a stack. */
static bool check_list(struct check *check) {
    char open[DEPTH_MAX];
    int depth = 0;
    for (;;) { /* a value begins here */
        skip_blanks(check);
        int c = peek(check);
        bool empty = false;
        if (c == '[' || c == '{') {
            if (depth == DEPTH_MAX)
                return wrong(check, "brackets are nested too deeply");
            open[depth++] = (char)c;
            check->at++;
            skip_blanks(check);
            empty = peek(check) == (c == '[' ? ']' : '}');
            if (!empty && c == '{' && !check_key(check))
                return false;
            if (!empty)
                continue;
        } else if (!check_plain(check)) {
            return false;
        }
        for (;;) { /* a value ended here */
            skip_blanks(check);
            c = peek(check);
            if (c < 0 && depth == 0)
                return true;
            if (c == ',' && !empty) {
                check->at++;
                if (depth > 0 && open[depth - 1] == '{' && !check_key(check))
                    return false;
                break;
            }
            if (depth == 0 || c != (open[depth - 1] == '[' ? ']' : '}'))
                return wrong(check, depth == 0               ? "wants ',' here"
                                    : open[depth - 1] == '[' ? "wants ',' or ']' here"
                                                             : "wants ',' or '}' here");
            depth--;
            check->at++;
            empty = false;
        }
    }
}

size_t balact_json_check(const char *text, size_t size, const char **why) {
    struct check check = {text, NULL, 0, size};
    if (check_list(&check))
        return size + 1;
    *why = check.why;
    return check.at;
}
