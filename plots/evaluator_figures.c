/* SPDX-License-Identifier: MIT
 *
 * Data of the figures about evaluators of LVIS results: time and memory against images, beside
 * other evaluators, and this project's time against detections.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/figures.h"
#include "plots/panels.h"
#include "plots/timing_figures.h"

/* Names with _earlier are points of an earlier measurement, not of the runs beside them. */
static const struct evaluator {
    const char *name, *title;
    int boxes, masks; /* line styles */
} evaluators[] = {
    {"balact", "balact", 3, 1},
    {"official", "official", 4, 2},
    {"official_earlier", "official earlier", 41, 42},
    {"faster", "faster-coco-eval", 9, 6},
    {"faster_earlier", "faster earlier", 43, 44},
};
enum { EVALUATORS = sizeof evaluators / sizeof *evaluators };

enum quantity { BY_IMAGES_SECONDS, BY_IMAGES_MEMORY, BY_DETECTIONS_SECONDS, QUANTITIES };

static double x_of(const struct evaluator_timing *row, enum quantity quantity) {
    return quantity == BY_DETECTIONS_SECONDS ? (double)row->detections / 1e6 : (double)row->images;
}

static double y_of(const struct evaluator_timing *row, enum quantity quantity) {
    return quantity == BY_IMAGES_MEMORY ? row->peak_bytes / 1073741824.0 : row->seconds;
}

struct points {
    const struct evaluator_timing **row;
    size_t count;
};

static int by_images(const void *left, const void *right) {
    const struct evaluator_timing *a = *(const struct evaluator_timing *const *)left,
                                  *b = *(const struct evaluator_timing *const *)right;
    int order = (a->detections > b->detections) - (a->detections < b->detections);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static struct points points_of(struct timings *timings, const char *name, const char *type) {
    struct points points = {
        arena_array(&timings->arena, timings->evaluator_count, sizeof *points.row), 0};
    for (size_t i = 0; i < timings->evaluator_count; i++)
        if (!strcmp(timings->evaluators[i].implementation, name) &&
            !strcmp(timings->evaluators[i].iou_type, type))
            points.row[points.count++] = &timings->evaluators[i];
    if (points.count)
        qsort(points.row, points.count, sizeof *points.row, by_images);
    return points;
}

struct range {
    double low, high;
};

static void widen(struct range *range, double value) {
    range->low = value < range->low ? value : range->low;
    range->high = value > range->high ? value : range->high;
}

static void write_rows(FILE *file, const struct points *series, size_t count,
                       enum quantity quantity, struct range *x, struct range *y) {
    size_t most = 0;
    for (size_t s = 0; s < count; s++)
        most = series[s].count > most ? series[s].count : most;
    for (size_t i = 0; i < most; i++)
        for (size_t s = 0; s < count; s++) {
            if (i < series[s].count) {
                const struct evaluator_timing *row = series[s].row[i];
                widen(x, x_of(row, quantity));
                widen(y, y_of(row, quantity));
                fprintf(file, "%.9g,%.9g", x_of(row, quantity), y_of(row, quantity));
            } else {
                fputc(',', file);
            }
            fputc(s + 1 < count ? ',' : '\n', file);
        }
}

static void make_figure(struct timings *timings, enum quantity quantity,
                        struct report_figures *figures) {
    static const struct {
        const char *id, *title, *x, *y, *caption;
        bool own, logarithmic;
    } kinds[QUANTITIES] = {
        {"lvis_eval_seconds", "Evaluation of LVIS results: time", "images (logarithmic)",
         "seconds (logarithmic)",
         "Seconds from the two files to the 13 numbers against the number of images, about 300 "
         "detections each. Points named earlier are another measurement on a machine of this kind.",
         false, true},
        {"lvis_eval_memory", "Evaluation of LVIS results: memory", "images (logarithmic)",
         "peak GiB (logarithmic)",
         "Peak memory of the process against the number of images, as in the figure of times.",
         false, true},
        {"lvis_eval_detections", "Time grows with detections", "detections (millions)", "seconds",
         "Seconds of balact lvis-eval against the number of detections, both axes linear.", true,
         false}};
    struct arena *arena = &timings->arena;
    struct points series[2 * EVALUATORS];
    struct range x = {INFINITY, 0}, y = {INFINITY, 0};
    struct text_file text;
    const char *styles = "";
    size_t count = 0;
    text_open(&text);
    for (size_t e = 0; e < (kinds[quantity].own ? 1 : EVALUATORS); e++)
        for (int masks = 0; masks < 2; masks++) {
            struct points points =
                points_of(timings, evaluators[e].name, masks ? "segm" : "bbox");
            if (!points.count)
                continue;
            fputs(count ? ",x," : "x,", text.file);
            write_csv_text(text.file, arena_format(arena, "%s (%s)", evaluators[e].title,
                                                   masks ? "masks" : "boxes"));
            styles = add_style(arena, styles, masks ? evaluators[e].masks : evaluators[e].boxes);
            series[count++] = points;
        }
    fputc('\n', text.file);
    write_rows(text.file, series, count, quantity, &x, &y);
    const char *data = text_close(arena, &text);
    if (!count)
        return;
    struct report_figure *figure =
        figure_add(arena, figures, NULL, "evaluators.gp", kinds[quantity].id);
    figure->data = data;
    figure->title = kinds[quantity].title;
    figure->styles = styles;
    figure->numbers = arena_format(arena, "%d %.9g %.9g %.9g %.9g %s %s",
                                   kinds[quantity].logarithmic, x.low, x.high, y.low, y.high,
                                   panel_word(arena, kinds[quantity].x),
                                   panel_word(arena, kinds[quantity].y));
    figure->caption = kinds[quantity].caption;
}

void make_evaluator_figures(struct timings *timings, struct report_figures *figures) {
    for (int quantity = 0; quantity < QUANTITIES; quantity++)
        make_figure(timings, (enum quantity)quantity, figures);
}
