/* SPDX-License-Identifier: MIT
 *
 * Data of the figures about an LVIS run: average precision by category-frequency rank, and
 * calibration of detections by group. They are drawn by the scripts of the accuracy figures.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/figures.h"
#include "plots/panels.h"

enum { MOST_METHODS = 64, RANK_WINDOWS = 20, GROUPS = 3 };
static const char *const groups[GROUPS] = {"frequent", "common", "rare"};

/* "bayes" last, as in the other figures. */
static struct name_list methods_with(struct arena *arena, const struct experiment *experiment,
                                     const char *dataset, const char *split, const char *metric) {
    struct name_list list = {NULL, 0};
    for (size_t i = 0; i <= experiment->methods.count && list.count < MOST_METHODS; i++) {
        const char *method = i < experiment->methods.count ? experiment->methods.names[i] : "bayes";
        if (results_summary(experiment, dataset, split, method, "all", metric).count)
            name_list_add(arena, &list, method);
    }
    return list;
}

/* ---- By rank ---- */

struct ranked {
    int64_t id, images;
    const char *frequency;
};

static int compare_ranked(const void *left, const void *right) {
    const struct ranked *a = left, *b = right;
    if (a->images != b->images)
        return a->images < b->images ? 1 : -1;
    return (a->id > b->id) - (a->id < b->id);
}

static bool same_place(const struct category_row *row, const char *dataset, const char *split,
                       const char *type) {
    return !strcmp(row->dataset, dataset) && !strcmp(row->split, split) &&
           !strcmp(row->iou_type, type);
}

/* The categories of a data set and split that val can judge, once each, by rank. */
static struct ranked *rank_categories(struct arena *arena, const struct experiment *experiment,
                                      const char *dataset, const char *split, const char *type,
                                      size_t *count) {
    struct ranked *ranked = arena_array(arena, experiment->category_count, sizeof *ranked);
    const char *method = NULL;
    *count = 0;
    for (size_t i = 0; i < experiment->category_count; i++) { /* by method, category, seed */
        const struct category_row *row = &experiment->categories[i];
        if (!same_place(row, dataset, split, type) || (method && strcmp(method, row->method)) ||
            (*count && ranked[*count - 1].id == row->category_id))
            continue;
        method = row->method;
        ranked[(*count)++] = (struct ranked){row->category_id, row->image_count, row->frequency};
    }
    if (*count)
        qsort(ranked, *count, sizeof *ranked, compare_ranked);
    return ranked;
}

/* windows[w] takes the APs of one method, each seed's category once. */
static void fill_windows(const struct experiment *experiment, const char *dataset,
                         const char *split, const char *type, const char *method,
                         const int64_t *rank_of, int64_t limit, size_t width,
                         struct summary *windows) {
    for (size_t i = 0; i < experiment->category_count; i++) {
        const struct category_row *row = &experiment->categories[i];
        if (same_place(row, dataset, split, type) && !strcmp(row->method, method) &&
            !isnan(row->average_precision) && row->category_id >= 0 && row->category_id < limit &&
            rank_of[row->category_id] >= 0)
            summary_add(&windows[(size_t)rank_of[row->category_id] / width],
                        row->average_precision);
    }
}

/* Where each category stands; limit: ids are below it. NULL where ids are far apart. */
static int64_t *ranks(struct arena *arena, const struct ranked *ranked, size_t count,
                      int64_t *limit) {
    *limit = 0;
    for (size_t i = 0; i < count; i++)
        *limit = ranked[i].id >= *limit ? ranked[i].id + 1 : *limit;
    if (*limit > (int64_t)(64 * count + 1024))
        return NULL;
    int64_t *rank_of = arena_array(arena, (size_t)*limit, sizeof *rank_of);
    for (int64_t i = 0; i < *limit; i++)
        rank_of[i] = -1;
    for (size_t i = 0; i < count; i++)
        if (ranked[i].id >= 0)
            rank_of[ranked[i].id] = (int64_t)i;
    return rank_of;
}

static const char *rank_numbers(struct arena *arena, const struct ranked *ranked, size_t count,
                                double top) {
    size_t frequent = 0, common = 0;
    for (size_t i = 0; i < count; i++) {
        frequent += !strcmp(ranked[i].frequency, "frequent");
        common += !strcmp(ranked[i].frequency, "common");
    }
    return arena_format(arena, "%zu %zu %zu %g %s %s frequent common rare", count, frequent,
                        frequent + common, top,
                        panel_word(arena, "category rank by training images (1 = most frequent)"),
                        panel_word(arena, "box AP (points)"));
}

static void write_windows(FILE *file, struct summary *const *series, size_t methods, size_t count,
                          size_t width, double *most) {
    for (size_t w = 0; w * width < count; w++) {
        size_t end = (w + 1) * width < count ? (w + 1) * width : count;
        fprintf(file, "%.9g", 0.5 * (double)(w * width + 1 + end));
        for (size_t i = 0; i < methods; i++) {
            fputc(',', file);
            if (series[i][w].count)
                fprintf(file, "%.9g", 100 * series[i][w].mean);
            *most = series[i][w].mean > *most ? series[i][w].mean : *most;
        }
        fputc('\n', file);
    }
}

static void make_rank(struct arena *arena, const struct experiment *experiment,
                      const char *dataset, const char *split, struct report_figures *figures) {
    size_t count;
    int64_t limit;
    double most = 0;
    struct ranked *ranked = rank_categories(arena, experiment, dataset, split, "bbox", &count);
    struct name_list methods = methods_with(arena, experiment, dataset, split, "bbox_ap");
    int64_t *rank_of = count > 1 ? ranks(arena, ranked, count, &limit) : NULL;
    struct summary *series[MOST_METHODS];
    struct text_file text;
    if (!rank_of || !methods.count)
        return;
    size_t width = (count + RANK_WINDOWS - 1) / RANK_WINDOWS;
    text_open(&text);
    fputs("rank", text.file);
    for (size_t i = 0; i < methods.count; i++) {
        series[i] = arena_array(arena, count / width + 1, sizeof **series);
        fill_windows(experiment, dataset, split, "bbox", methods.names[i], rank_of, limit, width,
                     series[i]);
        fputc(',', text.file);
        write_csv_text(text.file, method_title(arena, methods.names[i]));
    }
    fputc('\n', text.file);
    write_windows(text.file, series, methods.count, count, width, &most);
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "accuracy_by_rank.gp",
                   figure_id(arena, "ap_by_rank", experiment, dataset, split));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Box AP by category frequency: %s (%s)", dataset, split);
    figure->styles = figure_styles(arena, experiment, &methods);
    figure->numbers = rank_numbers(arena, ranked, count, fmax(10, round_up(104 * most, 10)));
    figure->caption = arena_format(
        arena,
        "Average precision of boxes on the %s split of %s by category-frequency rank: categories "
        "sorted by their number of training images, means over windows of %zu categories and over "
        "seeds.",
        split, dataset, width);
}

/* ---- Calibration ---- */

static void make_calibration(struct arena *arena, const struct experiment *experiment,
                             const char *dataset, const char *split,
                             struct report_figures *figures) {
    struct name_list methods = methods_with(arena, experiment, dataset, split, "detection_ece");
    struct text_file text;
    double most = 0;
    if (!methods.count)
        return;
    text_open(&text);
    fputs("group", text.file);
    for (size_t i = 0; i < methods.count; i++) {
        const char *title = method_title(arena, methods.names[i]);
        fputc(',', text.file);
        write_csv_text(text.file, title);
        fputc(',', text.file);
        write_csv_text(text.file, arena_format(arena, "%s std", title));
    }
    fputc('\n', text.file);
    for (size_t g = 0; g <= GROUPS; g++) {
        const char *group = g < GROUPS ? groups[g] : "all";
        fputs(group, text.file);
        for (size_t i = 0; i < methods.count; i++) {
            struct summary value = results_summary(experiment, dataset, split, methods.names[i],
                                                   group, "detection_ece");
            double high = value.mean + summary_deviation(&value);
            most = value.count && high > most ? high : most;
            if (value.count)
                fprintf(text.file, ",%.9g,%.9g", 100 * value.mean, 100 * summary_deviation(&value));
            else
                fputs(",,", text.file);
        }
        fputc('\n', text.file);
    }
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "accuracy_by_group.gp",
                   figure_id(arena, "calibration_by_group", experiment, dataset, split));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Calibration of scores: %s (%s)", dataset, split);
    figure->styles = figure_styles(arena, experiment, &methods);
    figure->numbers = arena_format(arena, "%d %g %s", GROUPS + 1,
                                   fmax(5, round_up(104 * most, 5)),
                                   panel_word(arena, "expected calibration error (points)"));
    figure->caption = arena_format(
        arena,
        "Expected calibration error (15 bins) of the scores of detections on the %s split of %s by "
        "category group: mean over seeds, bars of one sample standard deviation. A detection "
        "counts as right if it lies on an object of its category with an IoU of 0.5 or more that no "
        "better one has taken; second ones are wrong, so that the optimum's error is not 0.",
        split, dataset);
}

void make_lvis_figures(struct arena *arena, const struct experiment *experiment,
                       struct report_figures *figures) {
    for (size_t s = 0; s < experiment->splits.count; s++)
        for (size_t d = 0; d < experiment->datasets.count; d++) {
            make_rank(arena, experiment, experiment->datasets.names[d],
                      experiment->splits.names[s], figures);
            make_calibration(arena, experiment, experiment->datasets.names[d],
                             experiment->splits.names[s], figures);
        }
}
