/* SPDX-License-Identifier: MIT
 *
 * datasets/json*: windows, values, errors with their places.
 */
#include "datasets/json.h"

#include <stdarg.h>

#include "datasets/archive.h"
#include "tests/files.h"

static struct balact_error error;

/* ---- A visitor that writes a document down ---- */

static void add(struct buffer *out, const char *format, ...) BALACT_PRINTF(2, 3);
static void add(struct buffer *out, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_add(out, text, (size_t)length);
}

static void describe(struct buffer *out, struct balact_json_value value) {
    struct balact_json_walk walk;
    struct balact_json_text text, key;
    struct balact_json_value inner;
    int64_t integer;
    double real;
    bool truth;
    switch (balact_json_kind(value)) {
    case BALACT_JSON_NULL:
        add(out, "null");
        break;
    case BALACT_JSON_BOOL:
        ck_assert(balact_json_bool(value, &truth));
        add(out, truth ? "true" : "false");
        break;
    case BALACT_JSON_INTEGER:
        if (balact_json_integer(value, &integer))
            add(out, "%" PRId64, integer);
        else
            add(out, "large");
        break;
    case BALACT_JSON_REAL:
        ck_assert(balact_json_real(value, &real));
        add(out, "%a", real);
        break;
    case BALACT_JSON_STRING:
        ck_assert(balact_json_string(value, &text));
        add(out, "'%.*s'", (int)text.length, text.bytes);
        break;
    default:
        ck_assert(balact_json_begin(value, &walk));
        add(out, walk.object ? "{" : "[");
        while (balact_json_next(&walk, &key, &inner)) {
            add(out, "%.*s:", (int)key.length, key.bytes);
            describe(out, inner);
            add(out, ";");
        }
        add(out, walk.object ? "}" : "]");
    }
}

static balact_status parse(void *context, const struct balact_json_window *window, void **result,
                           struct balact_error *failure) {
    (void)context, (void)failure;
    if (!*result)
        *result = calloc(1, sizeof(struct buffer));
    struct buffer *out = *result;
    out->size = 0;
    struct balact_json_walk walk;
    struct balact_json_value value;
    int64_t at = window->first;
    ck_assert(balact_json_begin(window->root, &walk));
    if (window->begins)
        add(out, "%s%s\n", window->member ? window->member : "-", window->array ? "[]" : "");
    for (; balact_json_next(&walk, NULL, &value); at++) {
        add(out, "%" PRId64 "=", at);
        describe(out, value);
        add(out, "\n");
    }
    ck_assert_int_eq(at - window->first, window->elements);
    if (window->ends)
        add(out, ".\n");
    return BALACT_OK;
}

static balact_status merge(void *context, const struct balact_json_window *window, void *result,
                           struct balact_error *failure) {
    (void)window, (void)failure;
    const struct buffer *in = result;
    buffer_add(context, in->bytes, in->size);
    return BALACT_OK;
}

static void drop(void *result) {
    buffer_free(result);
    free(result);
}

/* *out is what has been merged. */
static balact_status read_text(const char *text, size_t size, size_t window, int threads,
                               struct buffer *out) {
    struct balact_json_visitor visitor = {out, parse, merge, drop};
    struct balact_json_options options = {window, threads};
    struct balact_archive *archive;
    bool found;
    int64_t bytes = -1;
    memset(&error, 0, sizeof error);
    *out = (struct buffer){0};
    buffer_add(out, "", 0);
    ck_assert_int_eq(balact_archive_open_bytes(&archive, "x.json", text, size, &error), BALACT_OK);
    ck_assert_int_eq(balact_archive_next(archive, &found, &error), BALACT_OK);
    balact_status status = balact_json_read_member(archive, &options, &visitor, &bytes, &error);
    if (status == BALACT_OK)
        ck_assert_int_eq(bytes, (int64_t)size);
    balact_archive_close(archive);
    return status;
}

static const size_t windows[] = {1, 2, 3, 7, 64, 1000, 0};
enum { WINDOWS = sizeof windows / sizeof *windows };

/* The document reads as this, however it is cut. */
static void reads(const char *text, const char *wanted) {
    for (int i = 0; i < 3 * WINDOWS; i++) {
        struct buffer out;
        balact_status status =
            read_text(text, strlen(text), windows[i % WINDOWS], 1 + i / WINDOWS, &out);
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        ck_assert_str_eq((char *)out.bytes, wanted);
        buffer_free(&out);
    }
}

/* The document is refused with this text at this byte, however it is cut. */
static void refuses(const char *text, const char *message, int64_t byte) {
    for (int i = 0; i < 3 * WINDOWS; i++) {
        struct buffer out;
        ck_assert_msg(read_text(text, strlen(text), windows[i % WINDOWS], 1 + i / WINDOWS, &out) !=
                          BALACT_OK,
                      "accepted: %s", text);
        ck_failed_at_byte(error, BALACT_ERROR_FORMAT, message, byte);
        ck_assert_msg(!strncmp(error.message, "x.json: byte ", 13), "%s", error.message);
        buffer_free(&out);
    }
}

#ifdef BALACT_HAVE_SIMDJSON
#define NEEDS_SIMDJSON (void)0
#else
#define NEEDS_SIMDJSON TEST_SKIP("built without simdjson")
#endif

START_TEST(reads_both_shapes) {
    NEEDS_SIMDJSON;
    reads("[]", "-[]\n.\n");
    reads(" [ ] \n", "-[]\n.\n");
    reads("\xEF\xBB\xBF[7]", "-[]\n0=7\n.\n");
    reads("[{\"a\": 1}, {\"b\": [2, 3.5]} , null,true]",
          "-[]\n0={a:1;}\n1={b:[:2;:0x1.cp+1;];}\n2=null\n3=true\n.\n");
    reads("{}", "");
    reads("{\"a\":[]}", "a[]\n.\n");
    reads(
        " {\"info\" : {\"x\": \"[,]}\"}, \"a\":[ 1 , 2 ] , \"n\": "
        "-4,\"b\":[[]],\"e\":[],\"s\":\"\"}",
        "info\n0={x:'[,]}';}\n.\na[]\n0=1\n1=2\n.\nn\n0=-4\n.\nb[]\n0=[]\n.\ne[]\n.\ns\n0=''\n.\n");
}
END_TEST

START_TEST(reads_strings_with_all_that_cuts) {
    NEEDS_SIMDJSON;
    reads("[\"a,b\",\"]\\\"}\",\"\\\\\",\"\\\\\\\"\",{\"\\\"[\":\"{\\\\\"},\"\\u0041\\n\"]",
          "-[]\n0='a,b'\n1=']\"}'\n2='\\'\n3='\\\"'\n4={\"[:'{\\';}\n5='A\n'\n.\n");
    reads("[\"\xC3\xA9\",\"\\u00e9\",\"\\ud83d\\ude00\"]",
          "-[]\n0='\xC3\xA9'\n1='\xC3\xA9'\n2='\xF0\x9F\x98\x80'\n.\n");
}
END_TEST

START_TEST(numbers_are_exact) {
    NEEDS_SIMDJSON;
    static const char *const numbers[] = {"0.1",
                                          "1e23",
                                          "123456789.123456789",
                                          "2.2250738585072011e-308",
                                          "5e-324",
                                          "1.7976931348623157e308",
                                          "9007199254740993.0",
                                          "-0.0",
                                          "0.30000000000000004",
                                          "640.00",
                                          "8.41e21",
                                          "3.1415926535897932384626433832795028841971693993751"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[128], wanted[128];
        snprintf(text, sizeof text, "[%s]", numbers[i]);
        snprintf(wanted, sizeof wanted, "-[]\n0=%a\n.\n", strtod(numbers[i], NULL));
        reads(text, wanted);
    }
    reads("[9223372036854775807, -9223372036854775808, 9007199254740993, 18446744073709551615]",
          "-[]\n0=9223372036854775807\n1=-9223372036854775808\n2=9007199254740993\n3=large\n.\n");
}
END_TEST

/* What kinds give and what they do not. */
static balact_status take_kinds(void *context, const struct balact_json_window *window,
                                void **result, struct balact_error *failure) {
    (void)result, (void)failure;
    struct balact_json_value value[10];
    struct balact_json_walk walk;
    struct balact_json_text text = {NULL, 0};
    int64_t integer = -7, list[2] = {-7, -7};
    double real = -7, reals[2] = {-7, -7};
    bool truth;
    ck_assert(balact_json_begin(window->root, &walk));
    for (int i = 0; i < 10; i++)
        ck_assert(balact_json_next(&walk, NULL, &value[i]));
    ck_assert(!balact_json_next(&walk, NULL, &value[0]));
    ck_assert(balact_json_integer(value[0], &integer) && integer == 640);
    ck_assert(balact_json_real(value[1], &real) && real == 3);
    integer = -7;
    ck_assert(!balact_json_integer(value[2], &integer) && integer == -7);
    ck_assert(!balact_json_integer(value[3], &integer) && !balact_json_real(value[3], &real));
    ck_assert(!balact_json_string(value[0], &text) && text.bytes == NULL);
    ck_assert(!balact_json_bool(value[1], &truth) && !balact_json_begin(value[1], &walk));
    ck_assert(balact_json_string(value[3], &text) && balact_json_is(text, "12"));
    ck_assert(!balact_json_is(text, "1") && !balact_json_is(text, "123"));
    ck_assert_int_eq(balact_json_reals(value[4], reals, 2), 3);
    ck_assert(reals[0] == 1 && reals[1] == 2.5);
    ck_assert_int_eq(balact_json_integers(value[4], list, 0), -1);
    ck_assert_int_eq(balact_json_integers(value[5], list, 2), 2);
    ck_assert(list[0] == 4 && list[1] == 5);
    ck_assert_int_eq(balact_json_reals(value[6], reals, 2), -1);
    ck_assert_int_eq(balact_json_reals(value[0], reals, 2), -1);
    ck_assert_int_eq(balact_json_reals(value[7], reals, 2), 0);
    ck_assert(!balact_json_integer(value[8], &integer) && balact_json_real(value[8], &real));
    ck_assert(real == 1e300);
    ck_assert_int_eq(balact_json_kind(value[9]), BALACT_JSON_OBJECT);
    *(int *)context += 1;
    return BALACT_OK;
}

START_TEST(values_by_kind) {
    NEEDS_SIMDJSON;
    static const char text[] = "[640.0,3,2.5,\"12\",[1,2.5,3],[4,5.0],[1,\"2\"],[],1e300,{}]";
    const char *path = test_write("kinds.json", text, sizeof text - 1);
    int calls = 0;
    struct balact_json_visitor visitor = {&calls, take_kinds, NULL, NULL};
    balact_status status = balact_json_read(path, NULL, &visitor, NULL, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
    ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(refuses_what_is_cut_off) {
    NEEDS_SIMDJSON;
    static const char text[] = "{\"a\":[{\"b\":[1,2]},{\"c\":\"x\\\"y\"}],\"n\":{\"d\":-1.5e3},"
                               "\"l\":[true,null]}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        char part[sizeof text];
        memcpy(part, text, size);
        part[size] = '\0';
        refuses(part, size ? "too early" : "empty", (int64_t)size);
    }
}
END_TEST

START_TEST(refuses_what_is_broken) {
    NEEDS_SIMDJSON;
    refuses("garbage", "wants '{' or '['", 0);
    refuses("{\"a\":[1,2]} x", "behind the end", 12);
    refuses("[1][2]", "behind the end", 3);
    refuses("[1,NaN,3]", "[1]: NaN is no JSON number", 3);
    refuses("[1,2,-Infinity]", "[2]: -Infinity", 6);
    refuses("[Infinity]", "[0]: Infinity", 1);
    refuses("[1,nan]", "[1]: nan", 3);
    refuses("{\"a\":[{\"b\":NaN}]}", "a[0]: NaN", 11);
    refuses("{\"a\":[{\"b\":1},{\"b\" 2}]}", "a[1]: wants ':'", 19);
    refuses("{\"a\":[1,{\"b\":[1,}]}", "a[1]: wants a value", 16);
    refuses("[{},]", "[1]: wants a value", 4);
    refuses("[,]", "[0]: wants a value", 1);
    refuses("[1,,2]", "[1]: wants a value", 3);
    refuses("[1 2]", "[0]: wants ','", 3);
    refuses("[{\"a\":1]", "[0]: wants ',' or '}'", 7);
    refuses("[1,{\"a\":[2}]", "[1]: wants ',' or ']'", 10);
    refuses("[1}", "go on or end", 1);
    refuses("[{\"a\":1}}", "go on or end", 1);
    refuses("{\"a\":}", "a: wants a value", 5);
    refuses("{\"a\":1]", "wants ',' or '}'", 6);
    refuses("{\"a\":1 2}", "wants ','", 7);
    refuses("{\"a\" 1}", "wants ':'", 5);
    refuses("{a:1}", "double quotes", 1);
    refuses("{\"a\":1,}", "double quotes", 7);
    refuses("{,\"a\":1}", "double quotes", 1);
    refuses("[\"a\nb\"]", "control character", 3);
    refuses("[\"\\x\"]", "no escape", 3);
    refuses("[\"\\u12g4\"]", "hexadecimal", 6);
    refuses("[01]", "zero before", 1);
    refuses("[1.]", "a digit", 3);
    refuses("[1e999]", "too large", 1);
    refuses("[1,99999999999999999999]", "too large", 3);
    refuses("['a']", "single quote", 1);
    refuses("[\"\xFF\"]", "not UTF-8", 2);
    refuses("[\"\xC3\"]", "not UTF-8", 3);
    refuses("[tru]", "no JSON value", 4);
}
END_TEST

START_TEST(refuses_deep_nesting) {
    NEEDS_SIMDJSON;
    struct buffer text = {0}, out;
    for (int i = 0; i < 5000; i++)
        buffer_add(&text, "[", 1);
    for (int i = 0; i < 5000; i++)
        buffer_add(&text, "]", 1);
    ck_assert_int_ne(read_text((char *)text.bytes, text.size, 0, 1, &out), BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "too deeply");
    buffer_free(&out);
    buffer_free(&text);
}
END_TEST

/* A document of many elements of all sizes reads the same for every window and number of threads.
 */
START_TEST(cuts_do_not_matter) {
    NEEDS_SIMDJSON;
    struct buffer text = {0}, wanted = {0};
    uint32_t state = 1;
    add(&text, "{\"few\":[],\"many\":[");
    add(&wanted, "few[]\n.\nmany[]\n");
    for (int i = 0; i < 600; i++) {
        state = state * 1664525u + 1013904223u;
        int length = (int)(state >> 24) % (i % 50 ? 20 : 250);
        add(&text, "%s{\"id\":%d,\"t\":\"%.*s\",\"list\":[", i ? ",\n" : "", i, length % 13,
            "[{,]}+[[]{,]]");
        add(&wanted, "%d={id:%d;t:'%.*s';list:[", i, i, length % 13, "[{,]}+[[]{,]]");
        for (int j = 0; j < length; j++) {
            add(&text, "%s%d", j ? "," : "", j * i);
            add(&wanted, ":%d;", j * i);
        }
        add(&text, "]}");
        add(&wanted, "];}\n");
    }
    add(&text, "]}");
    add(&wanted, ".\n");
    for (int threads = 1; threads <= 4; threads++)
        for (size_t window = 1; window < 100000; window = window * 7 + 3) {
            struct buffer out;
            ck_assert_msg(read_text((char *)text.bytes, text.size, window, threads, &out) ==
                              BALACT_OK,
                          "%s", error.message);
            ck_assert(out.size == wanted.size && !memcmp(out.bytes, wanted.bytes, out.size));
            buffer_free(&out);
        }
    buffer_free(&text);
    buffer_free(&wanted);
}
END_TEST

/* The visitor's own errors: the first in the file's order, with the element's place. */
static balact_status refuse_negative(void *context, const struct balact_json_window *window,
                                     void **result, struct balact_error *failure) {
    (void)context, (void)result;
    struct balact_json_walk walk;
    struct balact_json_value value;
    int64_t number;
    if (!window->member || strcmp(window->member, "a") != 0)
        return BALACT_OK;
    balact_json_begin(window->root, &walk);
    for (int64_t i = 0; balact_json_next(&walk, NULL, &value); i++)
        if (balact_json_integer(value, &number) && number < 0)
            return balact_json_fail(window, i, ".x", BALACT_ERROR_RANGE, failure, "%d is bad",
                                    (int)number);
    return BALACT_OK;
}

START_TEST(first_error_is_returned_with_its_place) {
    NEEDS_SIMDJSON;
    static const char text[] = "{\"n\":[-1],\"a\":[10, \"x,]\",  -3,-4,5,-6],\"b\":[NaN]}";
    const char *path = test_write("first.json", text, sizeof text - 1);
    for (int i = 0; i < 3 * WINDOWS; i++) {
        struct balact_json_visitor visitor = {NULL, refuse_negative, NULL, NULL};
        struct balact_json_options options = {windows[i % WINDOWS], 1 + i / WINDOWS};
        ck_assert_int_eq(balact_json_read(path, &options, &visitor, NULL, &error),
                         BALACT_ERROR_RANGE);
        ck_failed_at_byte(error, BALACT_ERROR_RANGE, "first.json: byte 27: a[2].x: -3 is bad", 27);
    }
}
END_TEST

#ifdef BALACT_HAVE_SIMDJSON
#define WITHOUT_SIMDJSON TEST_SKIP("built with simdjson")
#else
#define WITHOUT_SIMDJSON (void)0
#endif

START_TEST(without_simdjson_says_so) {
    WITHOUT_SIMDJSON;
    struct balact_json_visitor visitor = {NULL, refuse_negative, NULL, NULL};
    const char *path = test_write("x.json", "[]", 2);
    ck_assert_int_eq(balact_json_read(path, NULL, &visitor, NULL, &error),
                     BALACT_ERROR_UNSUPPORTED);
    ck_failed(error, BALACT_ERROR_UNSUPPORTED, "simdjson");
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("json", reads_both_shapes, reads_strings_with_all_that_cuts,
                      numbers_are_exact, values_by_kind, refuses_what_is_cut_off,
                      refuses_what_is_broken, refuses_deep_nesting, cuts_do_not_matter,
                      first_error_is_returned_with_its_place, without_simdjson_says_so);
}
