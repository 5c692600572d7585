/* SPDX-License-Identifier: MIT
 *
 * run.json shown to a reader. See html.h.
 */
#include "plots/html.h"

#include <string.h>

#include "plots/table.h"

#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>

static void write_value(const json_t *value, FILE *file);

/* {"a": 1, "b": {"c": 2}} as "a 1, b.c 2": configurations are flat or nearly so. */
static void write_object(const json_t *object, const char *prefix, const char **before,
                         FILE *file) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        char name[256];
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);
        if (json_is_object(value)) {
            write_object(value, name, before, file);
            continue;
        }
        fprintf(file, "%s<code>", *before);
        write_html_text(file, name);
        fputc(' ', file);
        write_value(value, file);
        fputs("</code>", file);
        *before = ", ";
    }
}

static void write_value(const json_t *value, FILE *file) {
    const char *before = "";
    size_t i;
    json_t *item;
    switch (json_typeof(value)) {
    case JSON_STRING: write_html_text(file, json_string_value(value)); break;
    case JSON_INTEGER: fprintf(file, "%lld", (long long)json_integer_value(value)); break;
    case JSON_REAL: fprintf(file, "%.9g", json_real_value(value)); break;
    case JSON_TRUE: fputs("yes", file); break;
    case JSON_FALSE: fputs("no", file); break;
    case JSON_NULL: fputs("none", file); break;
    case JSON_OBJECT: write_object(value, "", &before, file); break;
    case JSON_ARRAY:
        json_array_foreach((json_t *)(uintptr_t)value, i, item) {
            fputs(i ? ", " : "", file);
            write_value(item, file);
        }
        break;
    }
}

static void write_inputs(const json_t *inputs, FILE *file) {
    size_t i;
    json_t *input;
    fputs("<dt>inputs</dt><dd>", file);
    json_array_foreach((json_t *)(uintptr_t)inputs, i, input) {
        const json_t *path = json_object_get(input, "path");
        const json_t *bytes = json_object_get(input, "bytes");
        const json_t *sha256 = json_object_get(input, "sha256");
        fputs(i ? "<br>" : "", file);
        if (path)
            write_value(path, file);
        fputs(bytes ? ", " : "", file);
        if (bytes)
            write_value(bytes, file);
        fputs(bytes ? " bytes" : "", file);
        if (json_is_string(sha256) && json_string_length(sha256)) {
            fputs(", SHA-256 <code>", file);
            write_value(sha256, file);
            fputs("</code>", file);
        }
    }
    fputs("</dd>\n", file);
}

static void write_parsed(const json_t *run, FILE *file) {
    const char *key;
    json_t *value;
    fputs("<dl>\n", file);
    json_object_foreach((json_t *)(uintptr_t)run, key, value) {
        if (!strcmp(key, "inputs") && json_is_array(value)) {
            write_inputs(value, file);
            continue;
        }
        fputs("<dt>", file);
        write_html_text(file, key);
        fputs("</dt><dd>", file);
        write_value(value, file);
        fputs("</dd>\n", file);
    }
    fputs("</dl>\n", file);
}

static bool write_json(const char *text, FILE *file) {
    json_t *run = json_loads(text, 0, NULL);
    bool parsed = json_is_object(run);
    if (parsed)
        write_parsed(run, file);
    json_decref(run);
    return parsed;
}
#else
static bool write_json(const char *text, FILE *file) {
    (void)text, (void)file;
    return false;
}
#endif

void write_provenance(const struct experiment *experiment, FILE *file) {
    fprintf(file, "<details open><summary>%s</summary>\n", experiment->name);
    if (!experiment->run_json) {
        fputs("<p>There is no run.json.</p>\n", file);
    } else if (!write_json(experiment->run_json, file)) {
        fputs("<pre>", file);
        write_html_text(file, experiment->run_json);
        fputs("</pre>\n", file);
    }
    fputs("</details>\n", file);
}
