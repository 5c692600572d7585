/* SPDX-License-Identifier: MIT
 *
 * Data of the figures about accuracy: by class frequency, by shot group, by sample size. Accuracies
 * are in points here: this is what a reader sees.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/figures.h"

static void write_header(struct arena *arena, FILE *file, const char *first,
                         const struct name_list *methods, bool spread) {
    fputs(first, file);
    for (size_t i = 0; i < methods->count; i++) {
        fputc(',', file);
        write_csv_text(file, method_title(arena, methods->names[i]));
        if (spread) {
            fputc(',', file);
            write_csv_text(file,
                           arena_format(arena, "%s std", method_title(arena, methods->names[i])));
        }
    }
    fputc('\n', file);
}

/* ",mean,deviation" in points; a deviation of fewer than two seeds is 0, so that no bar is
 * drawn. */
static void write_spread(FILE *file, const struct summary *value) {
    if (value->count)
        fprintf(file, ",%.9g,%.9g", 100 * value->mean, 100 * summary_deviation(value));
    else
        fputs(",,", file);
}

static double top_of(double most) {
    double top = round_up(1.04 * most, 10);
    return top < 10 ? 10 : top > 100 ? 100 : top;
}

/* ---- By class-frequency rank ---- */

struct ranked_class {
    int64_t class_id, train_count;
};

/* The most frequent first; equally frequent ones by their number. */
static int compare_ranked(const void *left, const void *right) {
    const struct ranked_class *a = left, *b = right;
    if (a->train_count != b->train_count)
        return a->train_count < b->train_count ? 1 : -1;
    return (a->class_id > b->class_id) - (a->class_id < b->class_id);
}

static bool same_place(const struct class_row *row, const char *dataset, const char *split) {
    return !strcmp(row->dataset, dataset) && !strcmp(row->split, split);
}

/* The classes of a data set and split, once each, by rank. */
static struct ranked_class *rank_classes(struct arena *arena, const struct experiment *experiment,
                                         const char *dataset, const char *split, size_t *count) {
    struct ranked_class *ranked = arena_array(arena, experiment->class_count, sizeof *ranked);
    const char *method = NULL;
    int64_t last = -1;
    *count = 0;
    for (size_t i = 0; i < experiment->class_count; i++) { /* sorted by method, class, seed */
        const struct class_row *row = &experiment->classes[i];
        if (!same_place(row, dataset, split) || (method && strcmp(method, row->method)))
            continue;
        if (method && row->class_id == last)
            continue;
        method = row->method;
        last = row->class_id;
        ranked[(*count)++] = (struct ranked_class){row->class_id, row->train_count};
    }
    if (*count)
        qsort(ranked, *count, sizeof *ranked, compare_ranked);
    return ranked;
}

/* windows[window] takes the accuracies of one method, each seed's class once. rank_of[class_id] is
 * the class's rank or -1. */
static void fill_windows(const struct experiment *experiment, const char *dataset,
                         const char *split, const char *method, const int64_t *rank_of,
                         int64_t id_limit, size_t width, struct summary *windows) {
    for (size_t i = 0; i < experiment->class_count; i++) {
        const struct class_row *row = &experiment->classes[i];
        if (!same_place(row, dataset, split) || strcmp(row->method, method) || isnan(row->top1) ||
            row->class_id < 0 || row->class_id >= id_limit || rank_of[row->class_id] < 0)
            continue;
        summary_add(&windows[(size_t)rank_of[row->class_id] / width], row->top1);
    }
}

/* How many of the ranked classes belong to many and to many or medium. */
static const char *boundaries(struct arena *arena, const struct ranked_class *ranked, size_t count,
                              double top) {
    size_t many = 0, medium = 0;
    for (size_t i = 0; i < count; i++) {
        many += ranked[i].train_count > 100;
        medium += ranked[i].train_count >= 20;
    }
    return arena_format(arena, "%zu %zu %zu %g", count, many, medium, top);
}

/* Windows of equally many classes, about twenty of them; each class alone if there are few. */
enum { RANK_WINDOWS = 20 };

void make_rank_figure(struct arena *arena, const struct experiment *experiment,
                      const char *dataset, const char *split, struct report_figures *figures) {
    size_t count;
    struct ranked_class *ranked = rank_classes(arena, experiment, dataset, split, &count);
    struct name_list methods = {NULL, 0};
    int64_t id_limit = 0;
    for (size_t i = 0; i < count; i++)
        id_limit = ranked[i].class_id >= id_limit ? ranked[i].class_id + 1 : id_limit;
    if (count < 2 || id_limit > (int64_t)(64 * count + 1024)) /* ids are near 0..K-1 */
        return;
    int64_t *rank_of = arena_array(arena, (size_t)id_limit, sizeof *rank_of);
    for (int64_t i = 0; i < id_limit; i++)
        rank_of[i] = -1;
    for (size_t i = 0; i < count; i++)
        if (ranked[i].class_id >= 0)
            rank_of[ranked[i].class_id] = (int64_t)i;
    size_t width = (count + RANK_WINDOWS - 1) / RANK_WINDOWS;
    size_t window_count = (count + width - 1) / width;
    struct summary *series[64];
    double most = 0;
    for (size_t i = 0; i <= experiment->methods.count && methods.count < 64; i++) {
        const char *method =
            i < experiment->methods.count ? experiment->methods.names[i] : "bayes";
        struct summary *windows = arena_array(arena, window_count, sizeof *windows);
        bool any = false;
        fill_windows(experiment, dataset, split, method, rank_of, id_limit, width, windows);
        for (size_t w = 0; w < window_count; w++) {
            any = any || windows[w].count;
            most = windows[w].mean > most ? windows[w].mean : most;
        }
        if (any) {
            series[methods.count] = windows;
            name_list_add(arena, &methods, method);
        }
    }
    if (!methods.count)
        return;
    struct text_file text;
    text_open(&text);
    write_header(arena, text.file, "rank", &methods, false);
    for (size_t w = 0; w < window_count; w++) {
        size_t end = (w + 1) * width < count ? (w + 1) * width : count;
        fprintf(text.file, "%.9g", 0.5 * (double)(w * width + 1 + end));
        for (size_t i = 0; i < methods.count; i++)
            if (series[i][w].count)
                fprintf(text.file, ",%.9g", 100 * series[i][w].mean);
            else
                fputc(',', text.file);
        fputc('\n', text.file);
    }
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "accuracy_by_rank.gp",
                   figure_id(arena, "accuracy_by_rank", experiment, dataset, split));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Accuracy by class frequency: %s (%s)", dataset, split);
    figure->styles = figure_styles(arena, experiment, &methods);
    figure->numbers = boundaries(arena, ranked, count, top_of(100 * most));
    figure->caption = arena_format(
        arena,
        "Top-1 accuracy on the %s split of %s by class-frequency rank: classes sorted by their "
        "number of training images, %s, mean over seeds.",
        split, dataset,
        width == 1 ? "one point a class"
                   : arena_format(arena, "each point the mean of %zu neighbouring classes", width));
}

/* ---- By shot group ---- */

void make_group_figure(struct arena *arena, const struct experiment *experiment,
                       const char *dataset, const char *split, struct report_figures *figures) {
    static const char *const groups[] = {"many", "medium", "few", "all"};
    static const char *const titles[] = {"Many", "Medium", "Few", "All"};
    struct name_list methods = figure_methods(arena, experiment, dataset, split);
    struct text_file text;
    double most = 0;
    size_t rows = 0;
    if (!methods.count || methods.count > 64)
        return;
    text_open(&text);
    write_header(arena, text.file, "group", &methods, true);
    for (size_t g = 0; g < 4; g++) {
        struct summary values[64];
        bool any = false;
        for (size_t i = 0; i < methods.count; i++) {
            values[i] = results_summary(experiment, dataset, split, methods.names[i], groups[g],
                                        "top1");
            double high = values[i].mean + summary_deviation(&values[i]);
            any = any || values[i].count;
            most = values[i].count && high > most ? high : most;
        }
        if (!any)
            continue;
        rows++;
        fputs(titles[g], text.file);
        for (size_t i = 0; i < methods.count; i++)
            write_spread(text.file, &values[i]);
        fputc('\n', text.file);
    }
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "accuracy_by_group.gp",
                   figure_id(arena, "accuracy_by_group", experiment, dataset, split));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Accuracy by shot group: %s (%s)", dataset, split);
    figure->styles = figure_styles(arena, experiment, &methods);
    figure->numbers = arena_format(arena, "%zu %g", rows, top_of(100 * most));
    figure->caption = arena_format(
        arena,
        "Top-1 accuracy on the %s split of %s by shot group: mean over seeds, bars of one sample "
        "standard deviation.%s",
        split, dataset,
        name_list_holds(&methods, "bayes")
            ? " The Bayes optimum bounds the overall accuracy; in a single group a biased method "
              "may lie above it."
            : "");
}

/* ---- Against sample size ---- */

static int64_t training_images(const struct experiment *experiment, const char *dataset) {
    int64_t total = 0;
    for (size_t i = 0; i < experiment->count_count; i++)
        if (!strcmp(experiment->counts[i].dataset, dataset))
            total += experiment->counts[i].count;
    return total;
}

/* "115k", "2.3k", "840": few enough characters for an axis. */
static const char *short_number(struct arena *arena, double value) {
    if (value >= 1e6)
        return arena_format(arena, "%.3gM", value / 1e6);
    if (value >= 1e3)
        return arena_format(arena, "%.3gk", value / 1e3);
    return arena_format(arena, "%.3g", value);
}

void make_size_figure(struct arena *arena, const struct experiment *experiment, const char *split,
                      struct report_figures *figures) {
    struct name_list methods = {NULL, 0};
    double most = 0, least = 1, first = 0, last = 0;
    struct text_file text;
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        struct name_list here =
            figure_methods(arena, experiment, experiment->datasets.names[d], split);
        for (size_t i = 0; i < here.count; i++)
            if (strcmp(here.names[i], "bayes"))
                name_list_add(arena, &methods, here.names[i]);
    }
    name_list_add(arena, &methods, "bayes");
    bool ceiling = false, counted = true;
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        const char *dataset = experiment->datasets.names[d];
        ceiling =
            ceiling ||
            results_summary(experiment, dataset, split, "bayes", "all", "top1").count > 0;
        counted = counted && training_images(experiment, dataset) > 0;
    }
    if (!ceiling)
        methods.count--;
    if (!methods.count || methods.count > 64)
        return;
    text_open(&text);
    write_header(arena, text.file, counted ? "images,label" : "factor,label", &methods, true);
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        const char *dataset = experiment->datasets.names[d];
        double factor = dataset_factor(dataset);
        double x = counted ? (double)training_images(experiment, dataset) : factor;
        first = d == 0 ? x : first;
        last = x;
        fprintf(text.file, "%.9g,%s", x,
                counted ? short_number(arena, x) : arena_format(arena, "×%g", factor));
        for (size_t i = 0; i < methods.count; i++) {
            struct summary value =
                results_summary(experiment, dataset, split, methods.names[i], "all", "top1");
            write_spread(text.file, &value);
            most = value.count && value.mean > most ? value.mean : most;
            least = value.count && value.mean < least ? value.mean : least;
        }
        fputc('\n', text.file);
    }
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "accuracy_by_size.gp",
                   figure_id(arena, "accuracy_by_size", experiment, NULL, split));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Accuracy against sample size (%s)", split);
    figure->styles = figure_styles(arena, experiment, &methods);
    figure->numbers = arena_format(arena, "%.9g %.9g %g %g %d", first, last,
                                   5 * floor(100 * least / 5 - 0.2),
                                   round_up(100 * most + 1, 5), counted);
    figure->caption = arena_format(
        arena,
        "Top-1 accuracy on the balanced %s split of %s against the number of training images, with "
        "the same class priors throughout: mean over seeds, bars of one sample standard "
        "deviation%s.",
        split, experiment->name, ceiling ? ", and the Bayes optimum as the ceiling" : "");
}
