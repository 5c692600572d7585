/* SPDX-License-Identifier: MIT
 *
 * Data of the figures with a panel a case: the roofline and the throughput of the head. Series are
 * numbered through all panels, and only those with data are there, for gnuplot warns of an empty
 * one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/figures.h"
#include "plots/panels.h"
#include "plots/timing_figures.h"

enum { MOST_PANELS = 6, MARKER_STYLE = BAYES_STYLE };

const char *panel_word(struct arena *arena, const char *text) {
    char *word = arena_copy(arena, "");
    for (const char *at = text; *at; at++)
        word = *at == ' ' ? arena_format(arena, "%s\xc2\xa0", word)
                          : arena_format(arena, "%s%c", word, *at);
    return word;
}

/* ---- Roofline ---- */

/* The median rate of `what` measured at the number of bytes nearest to the wanted one, 0 if there
 * is none. */
static double rate_near(const struct timings *timings, const char *what, int64_t threads,
                        double bytes) {
    double rate = 0, nearest = INFINITY;
    for (size_t i = 0; i < timings->limit_count; i++) {
        const struct limit_timing *row = &timings->limits[i];
        double distance = fabs(log((double)row->bytes / bytes));
        if (row->threads != threads || strcmp(row->what, what) || distance >= nearest)
            continue;
        nearest = distance;
        rate = row->bytes_per_second;
    }
    return rate;
}

/* Exponentials a second of the fastest backend, 0 if none was measured. */
static double exp_rate(const struct timings *timings, int64_t threads) {
    double best = 0;
    for (size_t i = 0; i < timings->limit_count; i++) {
        const struct limit_timing *row = &timings->limits[i];
        double rate = (double)threads / row->seconds_per_element;
        if (row->threads == threads && !strncmp(row->what, "exp_", 4) && rate > best)
            best = rate;
    }
    return best;
}

/* The fastest own row of a shape, or NULL. */
static const struct kernel_timing *best_of(const struct timings *timings, const struct shape *shape,
                                           int64_t threads, const char *activation,
                                           const char *op) {
    const struct kernel_timing *best = NULL;
    for (size_t i = 0; i < timings->kernel_count; i++) {
        const struct kernel_timing *row = &timings->kernels[i];
        if (row_is_drawn(row) && backend_is_own(row->backend) && row->threads == threads &&
            row->rows == shape->rows && row->cols == shape->cols && row->bytes_min > 0 &&
            !strcmp(row->activation, activation) && !strcmp(row->op, op) &&
            (!best || row->seconds.p50 < best->seconds.p50))
            best = row;
    }
    return best;
}

/* A figure being put together: rows of a long table, and the lists that the script reads. */
struct panels {
    struct arena *arena;
    char *header, *row; /* one row of data, a few columns a series */
    const char *styles; /* of each series */
    char *places;       /* the panel of each series */
    char *titles;       /* of each panel, with what else it needs */
    size_t series, count;
};

static struct panels panels_new(struct arena *arena) {
    char *none = arena_copy(arena, "");
    return (struct panels){arena, none, none, none, none, none, 0, 0};
}

static void add_series(struct panels *panels, int style, const char *header, const char *cells) {
    const char *comma = panels->series ? "," : "";
    panels->header = arena_format(panels->arena, "%s%s%s", panels->header, comma, header);
    panels->row = arena_format(panels->arena, "%s%s%s", panels->row, comma, cells);
    panels->styles = add_style(panels->arena, panels->styles, style);
    panels->places = arena_format(panels->arena, "%s %zu", panels->places, panels->count + 1);
    panels->series++;
}

/* The points of one shape: (exponentials a byte, GB/s). Forward and loss_grad move the same bytes;
 * they are set a little apart. */
static void add_points(struct timings *timings, struct panels *panels, const struct shape *shape,
                       int64_t threads) {
    static const double apart[] = {0.87, 1, 1.15};
    for (size_t a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (size_t o = 0; o < 3; o++) {
            const struct kernel_timing *row =
                best_of(timings, shape, threads, timed_activations[a], timed_ops[o]);
            if (!row)
                continue;
            double elements = (double)row->rows * (double)row->cols;
            add_series(panels, (int)a + 1,
                       arena_format(panels->arena, "%lldx%lld %s,%s", (long long)row->rows,
                                    (long long)row->cols, timed_ops[o], timed_activations[a]),
                       arena_format(panels->arena, "%.9g,%.9g",
                                    apart[o] * elements / row->bytes_min,
                                    1e-9 * row->bytes_min / row->seconds.p50));
        }
}

/* Copy and read bandwidth of this size. */
static void end_roof_panel(struct timings *timings, struct panels *panels,
                           const struct shape *shape, int64_t threads) {
    double elements = (double)shape->rows * (double)shape->cols;
    double ordinary = rate_near(timings, "copy", threads, 8 * elements);
    double streaming = rate_near(timings, "stream_copy", threads, 8 * elements);
    panels->titles = arena_format(panels->arena, "%s %lld×%lld %.9g %.9g", panels->titles,
                                  (long long)shape->rows, (long long)shape->cols,
                                  1e-9 * (ordinary > streaming ? ordinary : streaming),
                                  1e-9 * rate_near(timings, "read", threads, 4 * elements));
    panels->count++;
}

static void make_roofline(struct timings *timings, int64_t threads,
                          struct report_figures *figures) {
    struct arena *arena = &timings->arena;
    struct panels panels = panels_new(arena);
    size_t count;
    struct shape *shapes = kernel_shapes(timings, threads, &count);
    for (size_t i = 0; i < count && panels.count < MOST_PANELS; i++) {
        size_t before = panels.series;
        if (shapes[i].cols < 256) /* tiny rows are about calls, not about memory */
            continue;
        add_points(timings, &panels, &shapes[i], threads);
        if (panels.series > before)
            end_roof_panel(timings, &panels, &shapes[i], threads);
    }
    if (!panels.count || !timings->has_limits)
        return;
    struct report_figure *figure =
        figure_add(arena, figures, NULL, "roofline.gp",
                   arena_format(arena, "roofline_%lld", (long long)threads));
    figure->data = arena_format(arena, "%s\n%s\n", panels.header, panels.row);
    figure->title =
        arena_format(arena, "Roofline of the fastest backend: %s", threads_text(arena, threads));
    figure->styles = panels.styles;
    figure->numbers = arena_format(arena, "%zu %.9g%s%s", panels.count,
                                   1e-9 * exp_rate(timings, threads), panels.titles, panels.places);
    figure->caption =
        "Attained rate of the least bytes that must be moved, against exponentials a byte, for the "
        "fastest backend of this library; fp32, separate output, warm caches. Roofs: copy and read "
        "bandwidth measured at this size, and the rate of the backend's own exponential. The three "
        "operations of an activation: loss (right), and, set apart sideways, forward and loss with "
        "gradient.";
}

void make_roofline_figures(struct timings *timings, struct report_figures *figures) {
    size_t count;
    int64_t *threads = kernel_threads(timings, &count);
    for (size_t t = 0; t < count; t++)
        make_roofline(timings, threads[t], figures);
}

/* ---- Throughput of the head ---- */

static void add_head_series(struct panels *panels, const struct head_timing *row) {
    bool gemm = !strcmp(row->implementation, "gemm");
    double rows = (double)row->rows;
    add_series(panels, gemm ? MARKER_STYLE : backend_style(row->implementation),
               arena_format(panels->arena, "\"%s\",low %zu,high %zu",
                            gemm ? "GEMM alone" : backend_title(row->implementation),
                            panels->series + 1, panels->series + 1),
               arena_format(panels->arena, "%.9g,%.9g,%.9g", rows / row->seconds.p50,
                            rows / row->seconds.p90, rows / row->seconds.p10));
}

/* All implementations of the case of one row, in the order of keys, the GEMM last. */
static void add_head_panel(struct timings *timings, struct panels *panels,
                           const struct head_timing *like) {
    for (int place = 0; place < 64; place++)
        for (size_t i = 0; i < timings->head_count; i++) {
            const struct head_timing *row = &timings->heads[i];
            bool gemm = !strcmp(row->implementation, "gemm");
            int own = gemm ? 63 : backend_order(row->implementation);
            if (row->state == TIMING_VERIFIED && own == place && same_head_case(row, like))
                add_head_series(panels, row);
        }
    panels->titles =
        arena_format(panels->arena, "%s %lld×%lld→%lld%s", panels->titles, (long long)like->rows,
                     (long long)like->dim, (long long)like->classes, like->grad_input ? "+dX" : "");
    panels->count++;
}

static bool seen_before(const struct timings *timings, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (timings->heads[i].state == TIMING_VERIFIED &&
            same_head_case(&timings->heads[i], &timings->heads[index]))
            return true;
    return false;
}

static void make_head_figure(struct timings *timings, const char *activation, int64_t threads,
                             struct report_figures *figures) {
    struct arena *arena = &timings->arena;
    struct panels panels = panels_new(arena);
    for (size_t i = 0; i < timings->head_count && panels.count < MOST_PANELS; i++) {
        const struct head_timing *row = &timings->heads[i];
        if (row->state == TIMING_VERIFIED && row->threads == threads &&
            !strcmp(row->activation, activation) && !seen_before(timings, i))
            add_head_panel(timings, &panels, row);
    }
    if (!panels.count)
        return;
    struct report_figure *figure =
        figure_add(arena, figures, NULL, "head_throughput.gp",
                   arena_format(arena, "head_throughput_%s_%lld", activation, (long long)threads));
    figure->data = arena_format(arena, "%s\n%s\n", panels.header, panels.row);
    figure->title = arena_format(arena, "Training step of a %s head: %s",
                                 activation_title(activation), threads_text(arena, threads));
    figure->styles = panels.styles;
    figure->numbers = arena_format(arena, "%zu%s%s", panels.count, panels.titles, panels.places);
    figure->caption = "Samples a second of a full training step (batch × features → classes), "
                      "bars from the 10th to the 90th percentile of the time. GEMM alone: the rate "
                      "that the matrix products would allow.";
}

void make_head_figures(struct timings *timings, struct report_figures *figures) {
    for (size_t a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (size_t i = 0; i < timings->head_count; i++) {
            bool first = true;
            for (size_t j = 0; j < i; j++)
                first = first && timings->heads[j].threads != timings->heads[i].threads;
            if (first)
                make_head_figure(timings, timed_activations[a], timings->heads[i].threads, figures);
        }
}
