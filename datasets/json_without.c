/* SPDX-License-Identifier: MIT
 *
 * The values of json.h where the library is built without simdjson: there are none, since
 * balact_json_read_member() never gets to them.
 */
#include "datasets/json.h"

#ifndef BALACT_HAVE_SIMDJSON

enum balact_json_kind balact_json_kind(struct balact_json_value value) {
    (void)value;
    return BALACT_JSON_NULL;
}

bool balact_json_bool(struct balact_json_value value, bool *out) {
    (void)value, (void)out;
    return false;
}

bool balact_json_integer(struct balact_json_value value, int64_t *out) {
    (void)value, (void)out;
    return false;
}

bool balact_json_real(struct balact_json_value value, double *out) {
    (void)value, (void)out;
    return false;
}

bool balact_json_string(struct balact_json_value value, struct balact_json_text *out) {
    (void)value, (void)out;
    return false;
}

int64_t balact_json_reals(struct balact_json_value value, double *out, int64_t capacity) {
    (void)value, (void)out, (void)capacity;
    return -1;
}

int64_t balact_json_integers(struct balact_json_value value, int64_t *out, int64_t capacity) {
    (void)value, (void)out, (void)capacity;
    return -1;
}

bool balact_json_begin(struct balact_json_value value, struct balact_json_walk *walk) {
    (void)value, (void)walk;
    return false;
}

bool balact_json_next(struct balact_json_walk *walk, struct balact_json_text *key,
                      struct balact_json_value *value) {
    (void)walk, (void)key, (void)value;
    return false;
}

#endif
