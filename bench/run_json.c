/* SPDX-License-Identifier: MIT
 *
 * See run_json.h.
 */
#include "bench/run_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"
#include "datasets/output.h"

#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>

#include "build_info.h"
#ifdef BALACT_HAVE_ARCHIVE
#include <archive.h>
#endif
#ifdef BALACT_HAVE_CRYPTO
#include <openssl/crypto.h>
#endif
#ifdef BALACT_HAVE_DNNL
#include <dnnl.h>
#endif
#ifdef BALACT_HAVE_OPENBLAS
#include <cblas-openblas.h>
#endif

/* The command as it could be typed again: words with odd characters in single quotes. */
static void append_word(char *text, size_t size, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_=./,:+@%";
    size_t used = strlen(text);
    bool quote = !*word || word[strspn(word, plain)];
    used += (size_t)snprintf(text + used, size - used, " %s", quote ? "'" : "");
    for (; *word && used + 8 < size; word++)
        used += (size_t)snprintf(text + used, size - used, *word == '\'' ? "'\\''" : "%c", *word);
    snprintf(text + used, size - used, "%s", quote ? "'" : "");
}

static json_t *command_of(const struct run_record *record) {
    char text[4096] = "balact";
    for (int i = 0; i < record->argc; i++)
        append_word(text, sizeof text, record->argv[i]);
    return json_string(text);
}

static json_t *time_of(time_t when) {
    char text[32];
    struct tm utc;
    gmtime_r(&when, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

static json_t *processor(void) {
    char name[256];
    processor_name(name, sizeof name);
    return json_string(name);
}

static json_t *processor_features(void) {
    json_t *list = json_array();
#if defined(__x86_64__)
#define FEATURE(name)                                                                              \
    if (__builtin_cpu_supports(name))                                                              \
        json_array_append_new(list, json_string(name));
    FEATURE("avx2")
    FEATURE("fma")
    FEATURE("avx512f")
    FEATURE("avx512bw")
    FEATURE("avx512vl")
    FEATURE("avx512bf16")
#undef FEATURE
#endif
    return list;
}

static json_t *libraries(void) {
    json_t *object = json_object();
    char text[64];
    json_object_set_new(object, "jansson", json_string(JANSSON_VERSION));
#ifdef BALACT_HAVE_ARCHIVE
    json_object_set_new(object, "libarchive", json_string(archive_version_string()));
#endif
#ifdef BALACT_HAVE_CRYPTO
    json_object_set_new(object, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION)));
#endif
#ifdef BALACT_HAVE_DNNL
    const dnnl_version_t *dnnl = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", dnnl->major, dnnl->minor, dnnl->patch);
    json_object_set_new(object, "onednn", json_string(text));
#endif
#ifdef BALACT_HAVE_OPENBLAS
    json_object_set_new(object, "openblas", json_string(openblas_get_config()));
#endif
    (void)text;
    return object;
}

static json_t *value_of(const char *text) {
    char *end;
    double number = strtod(text, &end);
    if (!strcmp(text, "yes") || !strcmp(text, "no"))
        return json_boolean(text[0] == 'y');
    if (end == text || *end)
        return json_string(text);
    return strcspn(text, ".eEnN") < strlen(text) ? json_real(number)
                                                 : json_integer(strtoll(text, NULL, 10));
}

static void build(json_t *root, const struct run_record *record) {
    json_t *seeds = json_array(), *inputs = json_array();
    json_t *configuration = json_object();
    for (size_t i = 0; i < record->seed_count; i++)
        json_array_append_new(seeds, json_integer((json_int_t)record->seeds[i]));
    for (size_t i = 0; i < record->input_count; i++) {
        const struct balact_source *source = record->inputs[i];
        json_array_append_new(inputs,
                              json_pack("{s:s?, s:I, s:s}", "path", source->path, "bytes",
                                        (json_int_t)source->bytes, "sha256", source->sha256));
    }
    for (size_t i = 0; i < record->setting_count; i++)
        json_object_set_new(configuration, record->settings[i].key,
                            value_of(record->settings[i].value));
    json_object_set_new(root, "command", command_of(record));
    json_object_set_new(root, "commit", json_string(BALACT_BUILD_COMMIT));
    json_object_set_new(root, "dirty", json_boolean(BALACT_BUILD_DIRTY));
    json_object_set_new(root, "version", json_string(BALACT_VERSION));
    json_object_set_new(root, "compiler", json_string(BALACT_BUILD_COMPILER));
    json_object_set_new(root, "cflags", json_string(BALACT_BUILD_CFLAGS));
    json_object_set_new(root, "cpu", processor());
    json_object_set_new(root, "cpu_features", processor_features());
    json_object_set_new(root, "gpu", json_null());
    json_object_set_new(root, "backend", json_string(record->backend));
    json_object_set_new(root, "threads", json_integer(record->threads));
    json_object_set_new(root, "libraries", libraries());
    json_object_set_new(root, "seeds", seeds);
    json_object_set_new(root, "inputs", inputs);
    json_object_set_new(root, "configuration", configuration);
    json_object_set_new(root, "started", time_of(record->started));
    json_object_set_new(root, "finished", time_of(time(NULL)));
}

static json_t *number_of(double value) {
    if (!isfinite(value))
        return json_null();
    return value == floor(value) && fabs(value) < 0x1p53 ? json_integer((json_int_t)value)
                                                         : json_real(value);
}

/* Writes root to path and lets go of it. */
static balact_status write_root(const char *path, json_t *root, size_t digits,
                                struct balact_error *error) {
    struct balact_output output;
    balact_status status = balact_output_open(&output, path, error);
    if (status == BALACT_OK &&
        json_dumpf(root, output.file, JSON_INDENT(2) | JSON_REAL_PRECISION(digits)) != 0) {
        balact_output_abandon(&output);
        status = balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot write the record");
    } else if (status == BALACT_OK) {
        fputc('\n', output.file);
        status = balact_output_commit(&output, error);
    }
    json_decref(root);
    return status;
}

balact_status run_json_write(const char *folder, const struct run_record *record,
                             struct balact_error *error) {
    char path[1024];
    if (snprintf(path, sizeof path, "%s/run.json", folder) >= (int)sizeof path)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "%s: the path is too long", folder);
    json_t *root = json_object();
    build(root, record);
    return write_root(path, root, 15, error);
}

balact_status run_json_write_numbers(const char *path, const struct run_record *record,
                                     const struct run_number *numbers, size_t count,
                                     struct balact_error *error) {
    json_t *root = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *section = json_object_get(root, numbers[i].section);
        if (!section) {
            section = json_object();
            json_object_set_new(root, numbers[i].section, section);
        }
        json_object_set_new(section, numbers[i].key, number_of(numbers[i].value));
    }
    build(root, record);
    return write_root(path, root, 17, error);
}

#else

balact_status run_json_write(const char *folder, const struct run_record *record,
                             struct balact_error *error) {
    (void)record;
    return balact_fail(error, BALACT_ERROR_UNSUPPORTED,
                       "%s/run.json: this build writes no JSON; install libjansson-dev and build "
                       "again",
                       folder);
}

balact_status run_json_write_numbers(const char *path, const struct run_record *record,
                                     const struct run_number *numbers, size_t count,
                                     struct balact_error *error) {
    (void)record;
    (void)numbers;
    (void)count;
    return balact_fail(error, BALACT_ERROR_UNSUPPORTED,
                       "%s: this build writes no JSON; install libjansson-dev and build again",
                       path);
}

#endif
