/* SPDX-License-Identifier: MIT
 *
 * The C functions of json.h over simdjson's DOM: the one file that is C++. Error codes throughout;
 * nothing here throws.
 */
#include "datasets/json.h"

#include <cmath>
#include <cstring>
#include <new>
#include <type_traits>

#include <simdjson.h>

using namespace simdjson;

struct balact_json_parser {
    dom::parser parser;
};

namespace {

/* Elements and iterators are two words, a document's address and a place on its tape; C sees them
 * as such. */
template <class T> T out_of(const uint64_t words[2]) {
    static_assert(sizeof(T) == 2 * sizeof *words && std::is_trivially_copyable<T>::value,
                  "two words, to be copied as they are");
    T object;
    std::memcpy(static_cast<void *>(&object), words, sizeof object);
    return object;
}

template <class T> void put(const T &object, uint64_t words[2]) {
    std::memcpy(words, static_cast<const void *>(&object), sizeof object);
}

template <class Walked> void begin(const Walked &walked, struct balact_json_walk *walk) {
    put(walked.begin(), walk->at);
    put(walked.end(), walk->end);
}

inline bool take(dom::element element, double *out) {
    return element.get(*out) == SUCCESS;
}

inline bool take(dom::element element, int64_t *out) {
    if (element.get(*out) == SUCCESS)
        return true;
    double real;
    if (element.type() != dom::element_type::DOUBLE || element.get(real) != SUCCESS ||
        !(std::fabs(real) <= 9007199254740992.0) || real != std::floor(real))
        return false;
    *out = static_cast<int64_t>(real);
    return true;
}

template <class T> int64_t take_all(struct balact_json_value value, T *out, int64_t capacity) {
    dom::array array;
    if (out_of<dom::element>(value.tape).get(array) != SUCCESS)
        return -1;
    int64_t count = 0;
    for (dom::element element : array) {
        T number;
        if (!take(element, &number))
            return -1;
        if (count < capacity)
            out[count] = number;
        count++;
    }
    return count;
}

} // namespace

extern "C" {

enum balact_json_kind balact_json_kind(struct balact_json_value value) {
    switch (out_of<dom::element>(value.tape).type()) {
    case dom::element_type::ARRAY:
        return BALACT_JSON_ARRAY;
    case dom::element_type::OBJECT:
        return BALACT_JSON_OBJECT;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
        return BALACT_JSON_INTEGER;
    case dom::element_type::DOUBLE:
        return BALACT_JSON_REAL;
    case dom::element_type::STRING:
        return BALACT_JSON_STRING;
    case dom::element_type::BOOL:
        return BALACT_JSON_BOOL;
    default:
        return BALACT_JSON_NULL;
    }
}

bool balact_json_bool(struct balact_json_value value, bool *out) {
    return out_of<dom::element>(value.tape).get(*out) == SUCCESS;
}

bool balact_json_integer(struct balact_json_value value, int64_t *out) {
    int64_t number;
    if (!take(out_of<dom::element>(value.tape), &number))
        return false;
    *out = number;
    return true;
}

bool balact_json_real(struct balact_json_value value, double *out) {
    double number;
    if (!take(out_of<dom::element>(value.tape), &number))
        return false;
    *out = number;
    return true;
}

bool balact_json_string(struct balact_json_value value, struct balact_json_text *out) {
    dom::element element = out_of<dom::element>(value.tape);
    if (!element.is_string())
        return false;
    out->bytes = element.get_c_str().value_unsafe();
    out->length = element.get_string_length().value_unsafe();
    return true;
}

int64_t balact_json_reals(struct balact_json_value value, double *out, int64_t capacity) {
    return take_all(value, out, capacity);
}

int64_t balact_json_integers(struct balact_json_value value, int64_t *out, int64_t capacity) {
    return take_all(value, out, capacity);
}

bool balact_json_begin(struct balact_json_value value, struct balact_json_walk *walk) {
    dom::element element = out_of<dom::element>(value.tape);
    dom::array array;
    dom::object object;
    walk->object = element.get(object) == SUCCESS;
    if (walk->object)
        begin(object, walk);
    else if (element.get(array) == SUCCESS)
        begin(array, walk);
    else
        return false;
    return true;
}

bool balact_json_next(struct balact_json_walk *walk, struct balact_json_text *key,
                      struct balact_json_value *value) {
    if (walk->at[1] == walk->end[1])
        return false;
    if (walk->object) {
        dom::object::iterator at = out_of<dom::object::iterator>(walk->at);
        if (key) {
            key->bytes = at.key_c_str();
            key->length = at.key_length();
        }
        put(at.value(), value->tape);
        put(++at, walk->at);
        return true;
    }
    dom::array::iterator at = out_of<dom::array::iterator>(walk->at);
    if (key) {
        key->bytes = "";
        key->length = 0;
    }
    put(*at, value->tape);
    put(++at, walk->at);
    return true;
}

struct balact_json_parser *balact_json_parser_make(void) {
    return new (std::nothrow) balact_json_parser;
}

void balact_json_parser_free(struct balact_json_parser *parser) {
    delete parser;
}

/* Flattened: what simdjson's header defines must not become symbols of our library. */
__attribute__((flatten)) balact_status balact_json_parse(struct balact_json_parser *parser,
                                                         char *text, size_t size,
                                                         struct balact_json_value *root,
                                                         int64_t *elements, const char **why) {
    static_assert(BALACT_JSON_PADDING >= SIMDJSON_PADDING, "simdjson reads beyond the end");
    text[-1] = '[';
    text[size] = ']';
    dom::element element;
    error_code code = parser->parser.parse(text - 1, size + 2, false).get(element);
    if (code != SUCCESS) {
        *why = error_message(code);
        return code == MEMALLOC ? BALACT_ERROR_MEMORY : BALACT_ERROR_FORMAT;
    }
    put(element, root->tape);
    *elements = 0;
    dom::array array;
    if (element.get(array) != SUCCESS)
        return BALACT_OK;
    *elements = static_cast<int64_t>(array.size());
    if (*elements == 0xFFFFFF) { /* simdjson counts no further */
        *elements = 0;
        for (dom::array::iterator at = array.begin(); at != array.end(); ++at)
            ++*elements;
    }
    return BALACT_OK;
}

} // extern "C"
