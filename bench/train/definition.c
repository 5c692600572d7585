/* SPDX-License-Identifier: MIT
 *
 * See definition.h.
 */
#include "bench/train/definition.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"

#ifdef BALACT_HAVE_INIH
#include <ini.h>

enum { LINE_LIMIT = 190 }; /* below the line buffer of a distribution's inih */

struct parse {
    FILE *file;
    struct settings *settings;
    int64_t line, bad_line; /* bad_line 0: nothing wrong so far */
    char why[512];
    char last_key[64]; /* for continuation lines */
};

static void note(struct parse *parse, int64_t line, const char *why) {
    if (parse->bad_line)
        return;
    parse->bad_line = line;
    snprintf(parse->why, sizeof parse->why, "%s", why);
}

/* fgets that counts lines and refuses those that inih would split. */
static char *read_line(char *line, int size, void *stream) {
    struct parse *parse = stream;
    if (!fgets(line, size, parse->file))
        return NULL;
    parse->line++;
    size_t length = strlen(line);
    if (length + 1 == (size_t)size && line[length - 1] != '\n')
        note(parse, parse->line, "longer than 190 characters; continue on an indented line");
    return line;
}

/* An indented line continues the value before it; only texts may be so long. */
static bool is_continuation(struct parse *parse, const char *section, const char *key,
                            const char *value) {
    char *purpose = parse->settings->purpose;
    bool again =
        !strcmp(parse->last_key, key) && !strcmp(section, "experiment") && !strcmp(key, "purpose");
    if (again) {
        size_t used = strlen(purpose);
        if (used + 1 + strlen(value) >= sizeof parse->settings->purpose)
            note(parse, parse->line, "purpose is too long");
        else
            snprintf(purpose + used, sizeof parse->settings->purpose - used, " %s", value);
    }
    snprintf(parse->last_key, sizeof parse->last_key, "%s", key);
    return again;
}

static int take(void *user, const char *section, const char *key, const char *value) {
    struct parse *parse = user;
    char why[512];
    if (parse->bad_line || is_continuation(parse, section, key, value))
        return !parse->bad_line;
    if (!settings_set(parse->settings, section, key, value, SETTINGS_FILE, why, sizeof why))
        note(parse, parse->line, why);
    return !parse->bad_line;
}

/* "folder/name.ini" -> "name"; the name goes into file names and CSV cells. */
static bool take_name(const char *path, struct settings *settings) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_.";
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    if (length > 4 && !strcmp(name + length - 4, ".ini"))
        length -= 4;
    if (length == 0 || length >= sizeof settings->name || strspn(name, allowed) < length)
        return false;
    memcpy(settings->name, name, length);
    settings->name[length] = '\0';
    return true;
}

balact_status definition_load(const char *path, struct settings *settings,
                              struct balact_error *error) {
    struct parse parse = {.settings = settings};
    if (!take_name(path, settings) || strlen(path) >= sizeof settings->definition)
        return balact_fail_at(
            error, BALACT_ERROR_FORMAT, path, 0, -1,
            "the file name becomes the experiment's and may hold letters, digits, "
            "'-', '_' and '.', at most 63");
    parse.file = fopen(path, "r");
    if (!parse.file)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read the definition: %s",
                              strerror(errno));
    int wrong = ini_parse_stream(read_line, &parse, take, &parse);
    bool unreadable = ferror(parse.file);
    fclose(parse.file);
    if (unreadable)
        return balact_fail_at(error, BALACT_ERROR_IO, path, 0, -1, "cannot read the definition");
    if (wrong && !parse.bad_line)
        note(&parse, wrong, "neither [section] nor key = value");
    if (parse.bad_line && (wrong <= 0 || parse.bad_line <= wrong))
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, parse.bad_line, -1, "%s",
                              parse.why);
    if (parse.bad_line)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, path, wrong, -1,
                              "neither [section] nor key = value");
    snprintf(settings->definition, sizeof settings->definition, "%s", path);
    return BALACT_OK;
}

#else

balact_status definition_load(const char *path, struct settings *settings,
                              struct balact_error *error) {
    (void)settings;
    return balact_fail_at(error, BALACT_ERROR_UNSUPPORTED, path, 0, -1,
                          "this build reads no definition files; install libinih-dev and build "
                          "again, or give every setting on the command line");
}

#endif

bool definition_find(const char *name, char *path, size_t size) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, "bench/experiments/%s.ini", name);
    char *found = share_path(wanted);
    bool fits = found && strlen(found) < size;
    if (fits)
        snprintf(path, size, "%s", found);
    free(found);
    return fits;
}
