/* SPDX-License-Identifier: MIT
 *
 * Running gnuplot: started with arguments, never through a shell; in the folder of the figures, so
 * that no path of the user's gets into a script; without the user's own settings. See report.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datasets/output.h"
#include "plots/report.h"

enum { MOST_WORDS = 4096 };

/* In the child: becomes gnuplot with standard output and error going to `words`. */
static void become_gnuplot(const char *folder, int words, char *const *arguments) {
    int nothing = open("/dev/null", O_RDONLY);
    if ((folder && chdir(folder) != 0) || nothing < 0 || dup2(nothing, 0) < 0 ||
        dup2(words, 1) < 0 || dup2(words, 2) < 0) {
        fprintf(stderr, "%s\n", strerror(errno));
        _exit(126);
    }
    /* Scripts and titles are UTF-8, and numbers have points, whatever the user's language. This
     * locale is part of the C library's own package. */
    if (setenv("LC_ALL", "C.UTF-8", 1) != 0)
        _exit(126);
    execvp(arguments[0], arguments);
    _exit(127);
}

/* Lines of fontconfig are about the machine's font cache and not about the figure. */
static void drop_font_lines(char *words) {
    char *kept = words;
    for (char *line = words; *line;) {
        size_t length = strcspn(line, "\n");
        length += line[length] == '\n';
        if (strncmp(line, "Fontconfig ", 11)) {
            memmove(kept, line, length);
            kept += length;
        }
        line += length;
    }
    *kept = '\0';
}

/* Runs gnuplot and collects what it says. Returns its exit status, 127 if there is none, -1 if it
 * could not be started or was killed. */
static int run_gnuplot(const char *folder, char *const *arguments, char words[MOST_WORDS]) {
    int ends[2], status = 0;
    size_t used = 0;
    ssize_t got;
    char rest[512];
    words[0] = '\0';
    if (pipe(ends) != 0)
        return -1;
    fflush(NULL); /* or the child's copies of our buffers could be written twice */
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        become_gnuplot(folder, ends[1], arguments);
    }
    close(ends[1]);
    while (child > 0 && (got = read(ends[0], rest, sizeof rest)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        for (ssize_t i = 0; i < got && used + 1 < MOST_WORDS; i++)
            words[used++] = rest[i];
        words[used] = '\0';
    }
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    drop_font_lines(words);
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool gnuplot_found(void) {
    char words[MOST_WORDS];
    char *arguments[] = {(char[]){"gnuplot"}, (char[]){"--version"}, NULL};
    return run_gnuplot(NULL, arguments, words) == 0;
}

/* The words on one line, for a message. */
static void join_lines(char *words) {
    size_t end = strlen(words);
    while (end > 0 && (words[end - 1] == '\n' || words[end - 1] == ' '))
        words[--end] = '\0';
    for (char *at = words; *at; at++)
        if (*at == '\n')
            *at = ' ';
}

/* How many series fit side by side into the key: fewer if a column of the data, the deviations left
 * aside, has a longer name than "Balanced Softmax". */
static const char *key_columns(const char *data) {
    static const char deviation[] = " std";
    size_t longest = 0;
    for (const char *at = data; *at && *at != '\n';) {
        size_t length = strcspn(at, ",\n"), tail = sizeof deviation - 1;
        if (length > longest && !(length > tail && !strncmp(at + length - tail, deviation, tail)))
            longest = length;
        at += length + (at[length] == ',');
    }
    return longest > strlen("Balanced Softmax") ? "2" : "3";
}

/* Whether the file is there to its end and on the disk: gnuplot ends in 0 on a full one. */
static bool complete(const char *path, const char *format) {
    static const struct {
        const char *format, *end;
        size_t size;
    } ends[] = {{"svg", "</svg>", 6}, {"png", "IEND", 4}, {"pdf", "%%EOF", 5}};
    char tail[64];
    FILE *file = fopen(path, "rb");
    size_t count = 0;
    if (!file)
        return false;
    if (fseek(file, -(long)sizeof tail, SEEK_END) == 0)
        count = fread(tail, 1, sizeof tail, file);
    bool synced = fsync(fileno(file)) == 0;
    fclose(file);
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
        for (size_t i = 0; !strcmp(format, ends[k].format) && i + ends[k].size <= count; i++)
            if (!memcmp(tail + i, ends[k].end, ends[k].size))
                return synced;
    return false;
}

static balact_status draw_format(struct arena *arena, const struct report_figure *figure,
                                 const char *scripts, const char *folder, const char *format,
                                 struct balact_error *error) {
    char words[MOST_WORDS];
    char *part = arena_format(arena, "%s.%s.part", figure->id, format);
    char *made = arena_format(arena, "%s/%s", folder, part);
    char *arguments[] = {arena_copy(arena, "gnuplot"),
                         arena_copy(arena, "--default-settings"),
                         arena_copy(arena, "-c"),
                         arena_format(arena, "%s/%s", scripts, figure->script),
                         arena_format(arena, "%s/style.gp", scripts),
                         arena_copy(arena, format),
                         part,
                         arena_format(arena, "%s.csv", figure->id),
                         arena_copy(arena, figure->title),
                         arena_copy(arena, figure->styles),
                         arena_copy(arena, figure->numbers),
                         arena_copy(arena, key_columns(figure->data)),
                         NULL};
    int status = run_gnuplot(folder, arguments, words);
    join_lines(words);
    if (status != 0 || words[0]) {
        unlink(made);
        return balact_fail(error, BALACT_ERROR_IO, "%s/%s.%s: gnuplot %s: %s", folder, figure->id,
                           format, status ? "failed" : "warned", words[0] ? words : "no message");
    }
    if (!complete(made, format)) {
        unlink(made);
        return balact_fail(error, BALACT_ERROR_IO,
                           "%s/%s.%s: gnuplot's picture is cut off (is the disk full?)", folder,
                           figure->id, format);
    }
    if (rename(made, arena_format(arena, "%s/%s.%s", folder, figure->id, format)) != 0)
        return balact_fail(error, BALACT_ERROR_IO, "%s: gnuplot made no such file: %s", made,
                           strerror(errno));
    return BALACT_OK;
}

balact_status figure_draw(struct arena *arena, struct report_figure *figure,
                          const char *scripts, const char *folder, struct balact_error *error) {
    static const char *const formats[] = {"svg", "png", "pdf"};
    struct balact_output output;
    char *path = arena_format(arena, "%s/%s.csv", folder, figure->id);
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    fputs(figure->data, output.file);
    status = balact_output_commit(&output, error);
    for (size_t i = 0; i < 3; i++) /* no picture of earlier numbers stays beside new ones */
        unlink(arena_format(arena, "%s/%s.%s", folder, figure->id, formats[i]));
    for (size_t i = 0; i < 3 && status == BALACT_OK; i++)
        status = draw_format(arena, figure, scripts, folder, formats[i], error);
    figure->drawn = status == BALACT_OK;
    return status;
}
