/* SPDX-License-Identifier: MIT
 *
 * See program.h.
 */
#include "bench/program.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "balact/backend.h"

void die(int code, const char *format, ...) {
    va_list arguments;
    fflush(stdout);
    fputs("balact: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(code);
}

void die_unless_ok(balact_status status, const struct balact_error *error) {
    if (status != BALACT_OK)
        die(EXIT_BAD_INPUT, "%s", error->message);
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void use_threads(const char *command, int64_t threads) {
    if (threads < 0 || threads > 4096)
        die(EXIT_BAD_INPUT, "%s: --threads must lie in 0..4096", command);
    balact_set_threads((int)threads);
}

/* Edits (insert, delete, replace) that turn a into b. */
static size_t edit_distance(const char *a, const char *b) {
    size_t width = strlen(b), row[128];
    if (width >= sizeof row / sizeof *row)
        return strlen(a) + width;
    for (size_t j = 0; j <= width; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[width];
}

const char *nearest_name(const char *typed, const char *const *names, size_t count) {
    const char *best = NULL;
    size_t best_distance = strlen(typed) / 2 + 1; /* farther than half the word is no suggestion */
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(typed, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}

static void print_help(const char *usage, const char *summary, const struct option_row *rows,
                       size_t row_count) {
    printf("usage: balact %s\n\n%s\n\noptions:\n", usage, summary);
    for (size_t i = 0; i < row_count; i++) {
        char left[64], value[64] = "";
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
                 rows[i].argument ? rows[i].argument : "");
        switch (rows[i].kind) {
        case OPTION_FLAG: break;
        case OPTION_STRING:
            if (*(const char **)rows[i].value)
                snprintf(value, sizeof value, " (%s)", *(const char **)rows[i].value);
            break;
        case OPTION_INTEGER:
            snprintf(value, sizeof value, " (%lld)", (long long)*(int64_t *)rows[i].value);
            break;
        case OPTION_REAL: snprintf(value, sizeof value, " (%g)", *(double *)rows[i].value); break;
        }
        printf("  %-26s %s%s\n", left, rows[i].help, value);
    }
    printf("  %-26s %s\n", "--help", "print this and exit");
}

static void store(const char *command, const struct option_row *row, const char *text) {
    char *end = NULL;
    errno = 0;
    switch (row->kind) {
    case OPTION_FLAG: break;
    case OPTION_STRING: *(const char **)row->value = text; return;
    case OPTION_INTEGER: *(int64_t *)row->value = strtoll(text, &end, 10); break;
    case OPTION_REAL: *(double *)row->value = strtod(text, &end); break;
    }
    if (!end || end == text || *end || errno)
        die(EXIT_BAD_INPUT, "%s: --%s wants %s, not '%s'", command, row->name,
            row->kind == OPTION_INTEGER ? "an integer" : "a number", text);
}

static const struct option_row *find_option(const char *command, const char *name, size_t length,
                                            const struct option_row *rows, size_t row_count) {
    const char *names[64];
    char typed[96];
    for (size_t i = 0; i < row_count; i++)
        if (strlen(rows[i].name) == length && !strncmp(rows[i].name, name, length))
            return &rows[i];
    snprintf(typed, sizeof typed, "%.*s", (int)length, name);
    for (size_t i = 0; i < row_count && i < 64; i++)
        names[i] = rows[i].name;
    const char *near = nearest_name(typed, names, row_count < 64 ? row_count : 64);
    if (near)
        die(EXIT_BAD_INPUT, "%s: no option --%s; did you mean --%s?", command, typed, near);
    die(EXIT_BAD_INPUT, "%s: no option --%s; see balact %s --help", command, typed, command);
}

int options_parse(int argc, char **argv, const char *usage, const char *summary,
                  const struct option_row *rows, size_t row_count) {
    const char *command = argv[0];
    int positional = 0;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!strcmp(word, "--")) {
            while (++i < argc)
                argv[++positional] = argv[i];
            break;
        }
        if (strncmp(word, "--", 2) != 0) {
            if (word[0] == '-' && word[1])
                die(EXIT_BAD_INPUT, "%s: options begin with two dashes: '%s'", command, word);
            argv[++positional] = argv[i];
            continue;
        }
        const char *name = word + 2;
        size_t length = strcspn(name, "=");
        if (length == 4 && !strncmp(name, "help", 4)) {
            print_help(usage, summary, rows, row_count);
            exit(EXIT_FINE);
        }
        const struct option_row *row = find_option(command, name, length, rows, row_count);
        if (row->kind == OPTION_FLAG) {
            if (name[length])
                die(EXIT_BAD_INPUT, "%s: --%s takes no value", command, row->name);
            *(bool *)row->value = true;
        } else if (name[length]) {
            store(command, row, name + length + 1);
        } else if (i + 1 < argc) {
            store(command, row, argv[++i]);
        } else {
            die(EXIT_BAD_INPUT, "%s: --%s wants a value (%s)", command, row->name, row->argument);
        }
    }
    return positional;
}

void processor_name(char *name, size_t size) {
    char line[512];
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(name, size, "unknown");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        line[strcspn(line, "\n")] = '\0';
        found = colon && !strncmp(line, "model name", 10);
        if (found)
            snprintf(name, size, "%s", colon + 1 + strspn(colon + 1, " "));
    }
    if (file)
        fclose(file);
}
