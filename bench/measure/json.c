/* SPDX-License-Identifier: MIT
 *
 * See json.h. The ways take turns, so that a change of the machine's speed meets all of them. Rates
 * are of the file's bytes, MB are 10^6 bytes; the file lies in the system's cache.
 */
#include "bench/measure/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "balact/backend.h"
#include "balact/lvis.h"
#include "bench/measure/samples.h"
#include "bench/program.h"
#include "datasets/json.h"
#include "datasets/output.h"

enum { BLOCK = 1 << 20 };

/* What is set for the reader: bytes a second on one core, memory over the file's size, of a file of
 * some size. */
static const double bar_rate = 400e6, bar_memory = 1.5, bar_bytes = 200e6;

enum { READ, PARSE_ONE, PARSE_ALL, LOAD_ONE, LOAD_ALL, BOXES_ONE, BOXES_ALL, WAYS };
enum kind { PLAIN, PARSE, LOAD };
static const struct {
    const char *name; /* as in json.csv */
    enum kind kind;
    bool all, boxes;
    const char *title;
} ways[WAYS] = {{"read", PLAIN, false, false, "reading the file alone"},
                {"parse", PARSE, false, false, "JSON alone, nothing made of it"},
                {"parse", PARSE, true, false, "JSON alone, nothing made of it"},
                {"load", LOAD, false, false, "annotations"},
                {"load", LOAD, true, false, "annotations"},
                {"load_boxes", LOAD, false, true, "annotations without masks"},
                {"load_boxes", LOAD, true, true, "annotations without masks"}};

struct measurement {
    const char *path;
    int64_t bytes;
    int all; /* threads */
    struct samples wall[WAYS], processor[WAYS];
    int64_t peak[WAYS]; /* bytes; -1: unknown */
};

static int threads_of(const struct measurement *m, int way) {
    return ways[way].all ? m->all : 1;
}

/* ---- The ways ---- */

/* All bytes of the file through one block. */
static int64_t read_file(const char *path) {
    static char block[BLOCK];
    int64_t bytes = 0;
    ssize_t got = -1;
    int file = open(path, O_RDONLY);
    while (file >= 0 && (got = read(file, block, sizeof block)) > 0)
        bytes += got;
    if (got < 0)
        die(EXIT_BAD_INPUT, "%s: cannot read", path);
    close(file);
    return bytes;
}

static void load(const struct measurement *m, int way, struct balact_lvis *lvis) {
    struct balact_lvis_load_options options = {.skip_segments = ways[way].boxes};
    struct balact_error error;
    balact_set_threads(threads_of(m, way));
    die_unless_ok(balact_lvis_load(m->path, &options, lvis, &error), &error);
}

static balact_status make_nothing(void *context, const struct balact_json_window *window,
                                  void **result, struct balact_error *error) {
    (void)context, (void)window, (void)result, (void)error;
    return BALACT_OK;
}

static void parse(const struct measurement *m, int way) {
    const struct balact_json_visitor visitor = {.parse = make_nothing};
    const struct balact_json_options options = {.threads = threads_of(m, way)};
    struct balact_error error;
    die_unless_ok(balact_json_read(m->path, &options, &visitor, NULL, &error), &error);
}

/* Of all threads together: what other programs of the machine disturb less. */
static double processor_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void take_turn(struct measurement *m, int way) {
    struct balact_lvis lvis = {0};
    double processor = processor_now(), wall = seconds_now();
    if (ways[way].kind == LOAD)
        load(m, way, &lvis);
    else if (ways[way].kind == PARSE)
        parse(m, way);
    else
        read_file(m->path);
    samples_add(&m->wall[way], seconds_now() - wall);
    samples_add(&m->processor[way], processor_now() - processor);
    balact_lvis_release(&lvis);
}

/* ---- Verification ---- */

/* How often the text stands in the file: what no parser has looked at. */
static int64_t count_text(const char *path, const char *text) {
    size_t length = strlen(text), kept = 0, got;
    char *block = malloc(BLOCK + 16);
    FILE *file = fopen(path, "rb");
    int64_t found = 0;
    if (!block || !file)
        die(EXIT_BAD_INPUT, "%s: cannot read", path);
    while ((got = fread(block + kept, 1, BLOCK - kept, file)) > 0) {
        char *end = block + kept + got;
        for (char *at = block; (at = memchr(at, text[0], (size_t)(end - at))) != NULL; at++)
            found += (size_t)(end - at) >= length && !memcmp(at, text, length);
        kept = kept + got < length - 1 ? kept + got : length - 1;
        memmove(block, end - kept, kept);
    }
    fclose(file);
    free(block);
    return found;
}

static bool same_bytes(const void *a, const void *b, int64_t count, size_t size) {
    return count == 0 || memcmp(a, b, (size_t)count * size) == 0;
}

static bool same_annotation(const struct balact_lvis_annotation *a,
                            const struct balact_lvis_annotation *b) {
    return a->id == b->id && a->image == b->image && a->category == b->category &&
           a->area == b->area && same_bytes(a->box, b->box, 4, sizeof *a->box) &&
           a->kind == b->kind && a->first == b->first && a->count == b->count;
}

static bool same(const struct balact_lvis *a, const struct balact_lvis *b) {
    if (a->images != b->images || a->categories != b->categories ||
        a->annotations != b->annotations || a->polygons != b->polygons)
        return false;
    int64_t vertices = a->polygon_start[a->polygons];
    bool equal = same_bytes(a->polygon_start, b->polygon_start, a->polygons + 1, 8) &&
                 same_bytes(a->vertex, b->vertex, vertices, sizeof(double)) &&
                 same_bytes(a->negative_start, b->negative_start, a->images + 1, 8) &&
                 same_bytes(a->negative, b->negative, a->negative_start[a->images], 4);
    for (int64_t i = 0; i < a->annotations && equal; i++)
        equal = same_annotation(&a->annotation[i], &b->annotation[i]);
    return equal;
}

/* One thread and all read the same, and as many annotations as the text has boxes. */
static bool verify(const struct measurement *m) {
    struct balact_lvis one, all;
    int64_t boxes = count_text(m->path, "\"bbox\":");
    load(m, LOAD_ONE, &one);
    load(m, LOAD_ALL, &all);
    bool equal = same(&one, &all), whole = boxes == one.annotations;
    printf("%s: %.1f MB, %lld images, %lld annotations, %lld vertices\n", m->path,
           1e-6 * (double)m->bytes, (long long)one.images, (long long)one.annotations,
           (long long)one.polygon_start[one.polygons] / 2);
    if (!equal)
        printf("WRONG: %d threads read other annotations than one\n", m->all);
    if (!whole)
        printf("WRONG: %lld times \"bbox\": in the file\n", (long long)boxes);
    balact_lvis_release(&one);
    balact_lvis_release(&all);
    return equal && whole;
}

/* ---- Memory ---- */

/* As in bench/measure/head.c, but by fork: nothing has been loaded and no thread made before. */
static int64_t high_water(void) {
    char line[256];
    long long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && kib < 0 && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6))
            kib = strtoll(line + 6, NULL, 10);
    if (status)
        fclose(status);
    return kib < 0 ? -1 : kib * 1024;
}

/* The most memory that a process has which loads the file and nothing else. */
static int64_t peak_of(const struct measurement *m, int way) {
    int ends[2];
    int64_t peak = -1;
    fflush(NULL);
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        struct balact_lvis lvis;
        load(m, way, &lvis);
        peak = high_water();
        _exit(write(ends[1], &peak, sizeof peak) == sizeof peak ? 0 : 1);
    }
    close(ends[1]);
    if (child > 0) {
        if (read(ends[0], &peak, sizeof peak) != sizeof peak)
            peak = -1;
        waitpid(child, NULL, 0);
    }
    close(ends[0]);
    return peak;
}

/* ---- Results ---- */

static double rate(const struct measurement *m, const struct samples *seconds) {
    return (double)m->bytes / samples_quantile(seconds, 0.5);
}

static double memory(const struct measurement *m, int way) {
    return (double)m->peak[way] / (double)m->bytes;
}

static void print_bar(const struct measurement *m, bool pass, const char *what, double found,
                      const char *bound) {
    const char *verdict = (double)m->bytes < bar_bytes ? "SKIP" : pass ? "PASS" : "FAIL";
    printf("%s    %s: %.4g, %s%s\n", verdict, what, found, bound,
           (double)m->bytes < bar_bytes ? "; the bar is of a file of 200 MB or more" : "");
}

static void print_result(const struct measurement *m) {
    printf("| what | threads | MB/s | of the plain read | MB a second of processor | peak memory / "
           "file |\n|---|---:|---:|---:|---:|---:|\n");
    for (int way = 0; way < WAYS; way++) {
        double wall = rate(m, &m->wall[way]);
        printf("| %s | %d | %.0f | %.3f | %.0f | ", ways[way].title, threads_of(m, way),
               1e-6 * wall, wall / rate(m, &m->wall[READ]), 1e-6 * rate(m, &m->processor[way]));
        printf(m->peak[way] >= 0 ? "%.2f |\n" : "|\n", memory(m, way));
    }
    double core = rate(m, &m->processor[LOAD_ONE]);
    print_bar(m, core >= bar_rate, "MB a second of one core", 1e-6 * core, "wanted are 400");
    for (int way = LOAD_ONE; way <= LOAD_ALL; way++) {
        char what[64];
        snprintf(what, sizeof what, "peak memory / file, threads %d", threads_of(m, way));
        print_bar(m, m->peak[way] >= 0 && memory(m, way) <= bar_memory, what, memory(m, way),
                  "at most 1.5 is wanted");
    }
}

static void write_result(const struct measurement *m, FILE *file) {
    fprintf(file, "what,threads,file_bytes,seconds_p10,seconds_p50,seconds_p90,samples,"
                  "processor_seconds_p50,bytes_per_second,peak_bytes,verified\n");
    for (int way = 0; way < WAYS; way++) {
        const struct samples *s = &m->wall[way];
        fprintf(file, "%s,%d,%lld,%.6g,%.6g,%.6g,%zu,%.6g,%.6g,", ways[way].name,
                threads_of(m, way), (long long)m->bytes, samples_quantile(s, 0.1),
                samples_quantile(s, 0.5), samples_quantile(s, 0.9), s->count,
                samples_quantile(&m->processor[way], 0.5), rate(m, s));
        if (m->peak[way] >= 0)
            fprintf(file, "%lld", (long long)m->peak[way]);
        fprintf(file, ",yes\n");
    }
}

/* A rate of what is compressed would be that of zlib. */
static void check_plain(const char *path) {
    FILE *file = fopen(path, "rb");
    int first = file ? fgetc(file) : EOF;
    if (!file)
        die(EXIT_BAD_INPUT, "%s: cannot open", path);
    fclose(file);
    if (first != '{' && first != ' ' && first != '\n')
        die(EXIT_BAD_INPUT,
            "%s: byte 0: wants annotations as plain JSON, a compressed file would time its "
            "decompression; balact synth lvis --full --annotations-only --out DIR writes one",
            path);
}

bool balact_measure_json(const struct json_options *options) {
    static struct measurement m;
    struct balact_output output = {0};
    struct balact_error error;
    char path[4096];
    check_plain(options->path);
    m = (struct measurement){.path = options->path, .all = balact_threads()};
    if (options->out) {
        die_unless_ok(balact_make_folder(options->out, &error), &error);
        snprintf(path, sizeof path, "%s/json.csv", options->out);
        die_unless_ok(balact_output_open(&output, path, &error), &error);
    }
    m.bytes = read_file(m.path);
    for (int way = 0; way < WAYS; way++)
        m.peak[way] = ways[way].kind == LOAD ? peak_of(&m, way) : -1;
    if (!verify(&m)) {
        balact_output_abandon(&output);
        return false;
    }
    for (int64_t round = 0; round < options->rounds; round++)
        for (int way = 0; way < WAYS; way++)
            take_turn(&m, way);
    balact_set_threads(m.all);
    print_result(&m);
    if (options->out) {
        write_result(&m, output.file);
        die_unless_ok(balact_output_commit(&output, &error), &error);
        printf("\n%s\n", path);
    }
    return true;
}
