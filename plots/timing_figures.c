/* SPDX-License-Identifier: MIT
 *
 * Data of the figures about the kernels' times: against classes, and as fractions of the limit. See
 * timing_figures.h.
 */
#include "plots/timing_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/figures.h"
#include "plots/panels.h"

enum { LIMIT_STYLE = BAYES_STYLE, MOST_BACKENDS = 16 };

bool row_is_drawn(const struct kernel_timing *row) {
    return row->state == TIMING_VERIFIED && !row->in_place && !strcmp(row->dtype, "f32") &&
           !strcmp(row->cache, "warm");
}

static int compare_numbers(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int64_t *kernel_threads(struct timings *timings, size_t *count) {
    int64_t *threads = arena_array(&timings->arena, timings->kernel_count, sizeof *threads);
    size_t kept = 0;
    for (size_t i = 0; i < timings->kernel_count; i++)
        threads[i] = timings->kernels[i].threads;
    if (timings->kernel_count)
        qsort(threads, timings->kernel_count, sizeof *threads, compare_numbers);
    for (size_t i = 0; i < timings->kernel_count; i++)
        if (i == 0 || threads[i] != threads[i - 1])
            threads[kept++] = threads[i];
    *count = kept;
    return threads;
}

static int compare_shapes(const void *left, const void *right) {
    const struct shape *a = left, *b = right;
    if (a->cols != b->cols)
        return a->cols < b->cols ? -1 : 1;
    return (a->rows > b->rows) - (a->rows < b->rows);
}

struct shape *kernel_shapes(struct timings *timings, int64_t threads, size_t *count) {
    struct shape *shapes = arena_array(&timings->arena, timings->kernel_count, sizeof *shapes);
    size_t found = 0, kept = 0;
    for (size_t i = 0; i < timings->kernel_count; i++)
        if (row_is_drawn(&timings->kernels[i]) && timings->kernels[i].threads == threads)
            shapes[found++] = (struct shape){timings->kernels[i].rows, timings->kernels[i].cols};
    if (found)
        qsort(shapes, found, sizeof *shapes, compare_shapes);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || compare_shapes(&shapes[i], &shapes[i - 1]) != 0)
            shapes[kept++] = shapes[i];
    *count = kept;
    return shapes;
}

/* The backends of the drawn rows, in the order of keys. */
static struct name_list backends_of(struct timings *timings, bool own_only) {
    struct name_list list = {NULL, 0};
    for (int place = 0; place < 64; place++)
        for (size_t i = 0; i < timings->kernel_count; i++) {
            const struct kernel_timing *row = &timings->kernels[i];
            if (row_is_drawn(row) && backend_order(row->backend) == place &&
                list.count < MOST_BACKENDS && (!own_only || backend_is_own(row->backend)))
                name_list_add(&timings->arena, &list, row->backend);
        }
    return list;
}

const char *threads_text(struct arena *arena, int64_t threads) {
    return arena_format(arena, "%lld thread%s", (long long)threads, threads == 1 ? "" : "s");
}

/* ---- Nanoseconds an element against classes ---- */

/* One line of the figure: points by rising classes. */
struct time_series {
    const char *title;
    int style;
    struct time_point {
        double classes, p10, p50, p90;
        int64_t rows;
    } * points;
    size_t count;
};

static int compare_points(const void *left, const void *right) {
    const struct time_point *a = left, *b = right;
    return (a->classes > b->classes) - (a->classes < b->classes);
}

/* Of several cases with as many classes the one of most rows counts. */
static void add_point(struct time_series *series, struct time_point point) {
    for (size_t i = 0; i < series->count; i++)
        if (series->points[i].classes == point.classes) {
            struct time_point *old = &series->points[i];
            if (point.rows > old->rows || (point.rows == old->rows && point.p50 < old->p50))
                *old = point;
            return;
        }
    series->points[series->count++] = point;
}

static struct time_series collect(struct timings *timings, const char *activation, const char *op,
                                  int64_t threads, const char *backend) {
    struct time_series series = {
        backend ? backend_title(backend) : "limit", backend ? backend_style(backend) : LIMIT_STYLE,
        arena_array(&timings->arena, timings->kernel_count, sizeof *series.points), 0};
    for (size_t i = 0; i < timings->kernel_count; i++) {
        const struct kernel_timing *row = &timings->kernels[i];
        double scale = 1e9 / ((double)row->rows * (double)row->cols);
        if (!row_is_drawn(row) || row->threads != threads || strcmp(row->activation, activation) ||
            strcmp(row->op, op))
            continue;
        if (backend && !strcmp(row->backend, backend))
            add_point(&series, (struct time_point){(double)row->cols, scale * row->seconds.p10,
                                                   scale * row->seconds.p50,
                                                   scale * row->seconds.p90, row->rows});
        double limit = scale * row->limit_seconds;
        if (!backend && backend_is_own(row->backend) && !isnan(limit))
            add_point(&series,
                      (struct time_point){(double)row->cols, limit, limit, limit, row->rows});
    }
    if (series.count)
        qsort(series.points, series.count, sizeof *series.points, compare_points);
    return series;
}

/* Four columns a series. */
static void write_series(struct arena *arena, FILE *file, const struct time_series *series,
                         size_t count) {
    size_t rows = 0;
    for (size_t s = 0; s < count; s++) {
        fprintf(file, "%sclasses %zu,", s ? "," : "", s + 1);
        write_csv_text(file, arena_copy(arena, series[s].title));
        fprintf(file, ",p10 %zu,p90 %zu", s + 1, s + 1);
        rows = series[s].count > rows ? series[s].count : rows;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t s = 0; s < count; s++) {
            const struct time_point *p = &series[s].points[i];
            fputs(s ? "," : "\n", file);
            if (i < series[s].count)
                fprintf(file, "%.9g,%.9g,%.9g,%.9g", p->classes, p->p50, p->p10, p->p90);
            else
                fputs(",,,", file);
        }
    fputc('\n', file);
}

/* first and last classes, bottom and top of the time axis, 1 if the last series is the limit */
static const char *time_ranges(struct arena *arena, const struct time_series *series,
                               size_t count) {
    double left = INFINITY, right = 0, bottom = INFINITY, top = 0;
    for (size_t s = 0; s < count; s++)
        for (size_t i = 0; i < series[s].count; i++) {
            const struct time_point *p = &series[s].points[i];
            left = fmin(left, p->classes), right = fmax(right, p->classes);
            bottom = fmin(bottom, p->p10), top = fmax(top, p->p90);
        }
    return arena_format(arena, "%.9g %.9g %.9g %.9g %d", left, right, bottom / 1.3, top * 1.3,
                        series[count - 1].style == LIMIT_STYLE);
}

static void make_time_figure(struct timings *timings, const char *activation, const char *op,
                             int64_t threads, struct report_figures *figures) {
    struct arena *arena = &timings->arena;
    struct name_list backends = backends_of(timings, false);
    struct time_series series[MOST_BACKENDS + 1];
    struct text_file text;
    size_t count = 0;
    const char *styles = "";
    for (size_t b = 0; b <= backends.count; b++) {
        series[count] = collect(timings, activation, op, threads,
                                b < backends.count ? backends.names[b] : NULL);
        if (!series[count].count)
            continue;
        styles = add_style(arena, styles, series[count].style);
        count++;
    }
    if (!count)
        return;
    text_open(&text);
    write_series(arena, text.file, series, count);
    struct report_figure *figure = figure_add(
        arena, figures, NULL, "time_by_classes.gp",
        arena_format(arena, "ns_per_element_%s_%s_%lld", activation, op, (long long)threads));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "%s, %s: %s", activation_title(activation),
                                 operation_title(op), threads_text(arena, threads));
    figure->styles = styles;
    figure->numbers = time_ranges(arena, series, count);
    figure->caption = "Median time an element against the number of classes, bars from the 10th to "
                      "the 90th percentile; fp32, separate output, warm caches.";
}

void make_time_figures(struct timings *timings, struct report_figures *figures) {
    size_t count;
    int64_t *threads = kernel_threads(timings, &count);
    for (size_t a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (size_t o = 0; o < TIMED_OPS; o++)
            for (size_t t = 0; t < count; t++)
                make_time_figure(timings, timed_activations[a], timed_ops[o], threads[t], figures);
}

/* ---- Fractions of the limit ---- */

/* limit over median, or NaN without such a row. */
static double fraction_of(const struct timings *timings, const struct shape *shape,
                          const char *activation, const char *op, int64_t threads,
                          const char *backend) {
    struct kernel_timing like = {.activation = activation,
                                 .op = op,
                                 .dtype = "f32",
                                 .cache = "warm",
                                 .rows = shape->rows,
                                 .cols = shape->cols,
                                 .threads = threads};
    const struct kernel_timing *row = find_kernel(timings, &like, backend);
    return row ? row->limit_seconds / row->seconds.p50 : NAN;
}

/* One row a shape; a column for each activation and backend. Sets present[] where a column has a
 * number, and *top to the largest of all. */
static const char *fraction_data(struct timings *timings, const char *op, int64_t threads,
                                 const struct name_list *backends, bool *present, double *top) {
    struct arena *arena = &timings->arena;
    struct text_file text;
    size_t count;
    struct shape *shapes = kernel_shapes(timings, threads, &count);
    text_open(&text);
    fputs("case", text.file);
    for (size_t k = 0; k < BALACT_ACTIVATION_COUNT * backends->count; k++)
        fprintf(text.file, ",%s", backend_title(backends->names[k % backends->count]));
    for (size_t i = 0; i < count; i++) {
        fprintf(text.file, "\n%lld×%lld", (long long)shapes[i].rows, (long long)shapes[i].cols);
        for (size_t k = 0; k < BALACT_ACTIVATION_COUNT * backends->count; k++) {
            double fraction =
                fraction_of(timings, &shapes[i], timed_activations[k / backends->count], op,
                            threads, backends->names[k % backends->count]);
            present[k] = present[k] || !isnan(fraction);
            *top = fraction > *top ? fraction : *top;
            fprintf(text.file, isnan(fraction) ? "," : ",%.9g", fraction);
        }
    }
    fputc('\n', text.file);
    return text_close(arena, &text);
}

static void make_fraction_figure(struct timings *timings, const char *op, int64_t threads,
                                 struct report_figures *figures) {
    struct arena *arena = &timings->arena;
    struct name_list backends = backends_of(timings, true);
    double top = 1;
    size_t shapes, panels = 0;
    kernel_shapes(timings, threads, &shapes);
    bool *present = arena_array(arena, BALACT_ACTIVATION_COUNT * backends.count, sizeof *present);
    const char *data = fraction_data(timings, op, threads, &backends, present, &top);
    const char *styles = "";
    char *names = arena_copy(arena, "");
    for (size_t b = 0; b < backends.count; b++)
        styles = add_style(arena, styles, backend_style(backends.names[b]));
    for (size_t a = 0; a < BALACT_ACTIVATION_COUNT; a++) { /* whole panels only */
        bool all = backends.count > 0;
        for (size_t b = 0; b < backends.count; b++)
            all = all && present[a * backends.count + b];
        if (!all)
            continue;
        panels++;
        names = arena_format(arena, "%s %zu %s", names, a,
                             panel_word(arena, activation_title(timed_activations[a])));
    }
    if (!panels)
        return;
    struct report_figure *figure =
        figure_add(arena, figures, NULL, "fraction_of_limit.gp",
                   arena_format(arena, "fraction_of_limit_%s_%lld", op, (long long)threads));
    figure->data = data;
    figure->title = arena_format(arena, "Fraction of the measured limit, %s: %s",
                                 operation_title(op), threads_text(arena, threads));
    figure->styles = styles;
    figure->numbers = arena_format(arena, "%zu %.9g %zu%s", shapes, 1.04 * top, panels, names);
    figure->caption = "The limit of each case over the median time, by backend; 1 is the limit. "
                      "fp32, separate output, warm caches.";
}

void make_fraction_figures(struct timings *timings, struct report_figures *figures) {
    size_t count;
    int64_t *threads = kernel_threads(timings, &count);
    for (size_t o = 0; o < TIMED_OPS; o++)
        for (size_t t = 0; t < count; t++)
            make_fraction_figure(timings, timed_ops[o], threads[t], figures);
}

void timing_make_figures(struct timings *timings, struct report_figures *figures) {
    *figures = (struct report_figures){NULL, 0, 0};
    make_time_figures(timings, figures);
    make_fraction_figures(timings, figures);
    make_roofline_figures(timings, figures);
    make_head_figures(timings, figures);
    make_evaluator_figures(timings, figures);
}
