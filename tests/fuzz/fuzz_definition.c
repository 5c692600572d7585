/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as the definition file of an experiment. What is taken is written out
 * and must be read back, and a refusal must name the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/train/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A file without a name, which is read by way of its descriptor. */
static FILE *scratch(char *path, size_t size) {
    static FILE *file;
    if (!file && !(file = tmpfile()))
        abort();
    snprintf(path, size, "/proc/self/fd/%d", fileno(file));
    return file;
}

static void read_back(const struct settings *settings) {
    static struct settings again;
    size_t count;
    const struct setting *table = settings_table(&count);
    settings_init(&again);
    for (size_t i = 0; i < count; i++) {
        char text[4096], why[512];
        settings_get(settings, i, text, sizeof text);
        if (settings->given[i] && !settings_set(&again, table[i].section, table[i].key, text,
                                                SETTINGS_COMMAND, why, sizeof why)) {
            fprintf(stderr, "[%s] %s = '%s': %s\n", table[i].section, table[i].key, text, why);
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct settings settings;
    struct balact_error error;
    char path[64];
    FILE *file = scratch(path, sizeof path);
    rewind(file);
    if (fwrite(bytes, 1, size, file) != size || fflush(file) != 0 ||
        ftruncate(fileno(file), (off_t)size) != 0)
        abort();
    settings_init(&settings);
    if (definition_load(path, &settings, &error) == BALACT_OK)
        read_back(&settings);
    else if (strncmp(error.message, path, strlen(path)) != 0)
        abort();
    return 0;
}
