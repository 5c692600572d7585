/* SPDX-License-Identifier: MIT
 *
 * Data of the figures about the run itself: class counts, training loss, errors of the backends.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plots/figures.h"

/* The first line styles of style.gp for what is no method. */
enum { BACKEND_STYLE = 5, DATA_STYLE = 31 };

/* ---- Class counts ---- */

static int compare_falling(const void *left, const void *right) {
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a < b) - (a > b);
}

/* The counts of one data set, largest first. */
static int64_t *sorted_counts(struct arena *arena, const struct experiment *experiment,
                              const char *dataset, size_t *count) {
    int64_t *counts = arena_array(arena, experiment->count_count, sizeof *counts);
    *count = 0;
    for (size_t i = 0; i < experiment->count_count; i++)
        if (!strcmp(experiment->counts[i].dataset, dataset))
            counts[(*count)++] = experiment->counts[i].count;
    if (*count)
        qsort(counts, *count, sizeof *counts, compare_falling);
    return counts;
}

void make_count_figure(struct arena *arena, const struct experiment *experiment,
                       struct report_figures *figures) {
    enum { MOST = 8 };
    struct name_list names = {NULL, 0};
    int64_t *counts[MOST], largest = 1, smallest = INT64_MAX;
    size_t lengths[MOST], classes = 0;
    struct text_file text;
    for (size_t i = 0; i < experiment->count_count; i++)
        if (experiment->counts[i].count > 0 && names.count < MOST)
            name_list_add(arena, &names, experiment->counts[i].dataset);
    if (!names.count)
        return;
    struct name_list order = {NULL, 0}; /* smallest factor first, as everywhere */
    for (size_t d = 0; d < experiment->datasets.count; d++)
        if (name_list_holds(&names, experiment->datasets.names[d]))
            name_list_add(arena, &order, experiment->datasets.names[d]);
    for (size_t d = 0; d < names.count; d++)
        name_list_add(arena, &order, names.names[d]);
    for (size_t d = 0; d < order.count; d++) {
        counts[d] = sorted_counts(arena, experiment, order.names[d], &lengths[d]);
        classes = lengths[d] > classes ? lengths[d] : classes;
        for (size_t i = 0; i < lengths[d] && counts[d][i] > 0; i++) {
            largest = counts[d][i] > largest ? counts[d][i] : largest;
            smallest = counts[d][i] < smallest ? counts[d][i] : smallest;
        }
    }
    text_open(&text);
    fputs("rank", text.file);
    char *styles = arena_copy(arena, "");
    for (size_t d = 0; d < order.count; d++) {
        fputc(',', text.file);
        write_csv_text(text.file, order.names[d]);
        styles = arena_format(arena, "%s%s%zu", styles, d ? " " : "",
                              order.count == 1 ? DATA_STYLE + 3 : DATA_STYLE + d);
    }
    for (size_t i = 0; i < classes; i++) {
        fprintf(text.file, "\n%zu", i + 1);
        for (size_t d = 0; d < order.count; d++)
            if (i < lengths[d] && counts[d][i] > 0) /* a class without images has no logarithm */
                fprintf(text.file, ",%lld", (long long)counts[d][i]);
            else
                fputc(',', text.file);
    }
    fputc('\n', text.file);
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "class_counts.gp",
                   figure_id(arena, "class_counts", experiment, NULL, NULL));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Training images per class: %s",
                                 order.count == 1 ? order.names[0] : experiment->name);
    figure->styles = styles;
    figure->numbers =
        arena_format(arena, "%zu %.9g %.9g", classes, pow(10, floor(log10((double)smallest))),
                     1.5 * (double)largest);
    figure->caption = arena_format(
        arena, "Training images per class of %s, classes sorted by that number%s.",
        experiment->name, order.count == 1 ? "; lines at 100 and 20 bound the shot groups" : "");
}

/* ---- Training loss ---- */

enum { LOSS_POINTS = 100 };

/* The loss of a method by epoch, mean over seeds and over neighbouring steps, so that there are at
 * most LOSS_POINTS points. Epochs are counted in whole ones, so the place within one is taken from
 * the step. Returns how many points; rows are sorted by method and step. */
static size_t loss_points(const struct experiment *experiment, const char *dataset,
                          const char *method, struct summary *epochs, struct summary *losses) {
    size_t steps = 0, step = 0, points = 0;
    double last = NAN, last_epoch = 0, last_step = 0;
    for (int pass = 0; pass < 2; pass++, last = NAN)
        for (size_t i = 0; i < experiment->curve_count; i++) {
            const struct curve_row *row = &experiment->curves[i];
            if (strcmp(row->dataset, dataset) || strcmp(row->method, method))
                continue;
            bool next = !(row->step == last);
            last = row->step;
            if (pass == 0) {
                steps += next;
                last_epoch = row->epoch > last_epoch ? row->epoch : last_epoch;
                last_step = row->step > last_step ? row->step : last_step;
                continue;
            }
            step += next;
            size_t width = (steps + LOSS_POINTS - 1) / LOSS_POINTS;
            points = (step - 1) / width + 1;
            summary_add(&epochs[points - 1],
                        last_step > 0 ? row->step * (last_epoch / last_step) : row->epoch);
            summary_add(&losses[points - 1], row->loss);
        }
    return points;
}

void make_loss_figure(struct arena *arena, const struct experiment *experiment,
                      const char *dataset, struct report_figures *figures) {
    enum { MOST = 32 };
    struct name_list methods = {NULL, 0};
    struct summary *epochs[MOST], *losses[MOST];
    size_t points[MOST], rows = 0, softmaxes = 0;
    double most[2] = {0, 0}, last = 0;
    for (int sigmoid = 0; sigmoid < 2; sigmoid++) /* softmax family first: a panel each */
        for (size_t i = 0; i < experiment->methods.count && methods.count < MOST; i++) {
            const char *method = experiment->methods.names[i];
            size_t m = methods.count;
            if (method_is_sigmoid(method) != (sigmoid == 1))
                continue;
            epochs[m] = arena_array(arena, LOSS_POINTS, sizeof *epochs[m]);
            losses[m] = arena_array(arena, LOSS_POINTS, sizeof *losses[m]);
            points[m] = loss_points(experiment, dataset, method, epochs[m], losses[m]);
            for (size_t p = 0; p < points[m]; p++) {
                most[sigmoid] = losses[m][p].mean > most[sigmoid] ? losses[m][p].mean
                                                                  : most[sigmoid];
                last = epochs[m][p].mean > last ? epochs[m][p].mean : last;
            }
            rows = points[m] > rows ? points[m] : rows;
            softmaxes += points[m] && !sigmoid;
            if (points[m])
                name_list_add(arena, &methods, method);
        }
    if (rows < 2 || !(last > 0))
        return;
    struct text_file text;
    text_open(&text);
    for (size_t m = 0; m < methods.count; m++) {
        fputs(m ? "," : "", text.file);
        write_csv_text(text.file, arena_format(arena, "epoch of %s", methods.names[m]));
        fputc(',', text.file);
        write_csv_text(text.file, method_title(arena, methods.names[m]));
    }
    for (size_t p = 0; p < rows; p++)
        for (size_t m = 0; m < methods.count; m++) {
            fputs(m ? "," : "\n", text.file);
            if (p < points[m])
                fprintf(text.file, "%.9g,%.9g", epochs[m][p].mean, losses[m][p].mean);
            else
                fputc(',', text.file);
        }
    fputc('\n', text.file);
    struct report_figure *figure =
        figure_add(arena, figures, experiment, "training_loss.gp",
                   figure_id(arena, "training_loss", experiment, dataset, NULL));
    figure->data = text_close(arena, &text);
    figure->title = arena_format(arena, "Training loss: %s", dataset);
    figure->styles = figure_styles(arena, experiment, &methods);
    figure->numbers = arena_format(arena, "%zu %.9g %.9g %.9g", softmaxes, last, 1.08 * most[0],
                                   1.08 * most[1]);
    figure->caption = arena_format(arena,
                                   "Training loss on %s by epoch, mean over seeds. Each activation "
                                   "is trained on its own loss, "
                                   "so heights do not compare between methods.",
                                   dataset);
}

/* ---- Errors of the backends ---- */

/* The panels: what is measured, and in which measure. */
enum { PANEL_PROBABILITY, PANEL_GRADIENT, PANEL_LOSS, PANEL_COUNT };

struct error_point {
    double worst, bound;
};

static int panel_of(const struct verify_row *row, struct error_point *point) {
    if (!strcmp(row->verdict, "SKIP"))
        return -1;
    if (!isnan(row->bound_ulp)) {
        *point = (struct error_point){row->max_ulp, row->bound_ulp};
        return !strcmp(row->values, "gradient") ? PANEL_GRADIENT : PANEL_PROBABILITY;
    }
    if (isnan(row->bound_relative))
        return -1;
    *point = (struct error_point){1e6 * row->max_relative, 1e6 * row->bound_relative};
    return PANEL_LOSS;
}

static size_t index_of(const struct name_list *list, const char *name) {
    size_t i = 0;
    while (i < list->count && strcmp(list->names[i], name))
        i++;
    return i;
}

static void write_errors(FILE *file, const struct name_list *activations,
                         const struct name_list *backends, const struct error_point *points) {
    static const char *const panels[PANEL_COUNT] = {"probability ULP", "gradient ULP",
                                                    "loss relative 1e-6"};
    fputs("activation", file);
    for (size_t p = 0; p < PANEL_COUNT; p++) {
        fprintf(file, ",%s bound", panels[p]);
        for (size_t b = 0; b < backends->count; b++) {
            fputc(',', file);
            write_csv_text(file, backends->names[b]);
        }
    }
    for (size_t a = 0; a < activations->count; a++) {
        fputc('\n', file);
        write_csv_text(file, activation_title(activations->names[a]));
        for (size_t p = 0; p < PANEL_COUNT; p++) {
            const struct error_point *row = &points[(a * PANEL_COUNT + p) * backends->count];
            double bound = 0;
            for (size_t b = 0; b < backends->count; b++)
                bound = row[b].bound > bound ? row[b].bound : bound;
            fprintf(file, ",%.9g", bound);
            for (size_t b = 0; b < backends->count; b++)
                if (row[b].bound > 0 && isfinite(row[b].worst))
                    fprintf(file, ",%.9g", row[b].worst);
                else
                    fputc(',', file);
        }
    }
    fputc('\n', file);
}

/* Every panel must have a point of every backend, or gnuplot has nothing to draw and says so. */
static bool whole(const struct error_point *points, size_t activations, size_t backends) {
    for (size_t p = 0; p < PANEL_COUNT; p++)
        for (size_t b = 0; b < backends; b++) {
            bool any = false;
            for (size_t a = 0; a < activations; a++) {
                const struct error_point *point = &points[(a * PANEL_COUNT + p) * backends + b];
                any = any || (point->bound > 0 && isfinite(point->worst));
            }
            if (!any)
                return false;
        }
    return true;
}

void make_error_figure(struct arena *arena, const struct run_results *results,
                       struct report_figures *figures) {
    struct name_list activations = {NULL, 0}, backends = {NULL, 0};
    struct error_point point;
    double top[PANEL_COUNT] = {0, 0, 0};
    for (size_t i = 0; i < results->verify_count; i++)
        if (panel_of(&results->verify[i], &point) >= 0) {
            name_list_add(arena, &activations, results->verify[i].activation);
            name_list_add(arena, &backends, results->verify[i].backend);
        }
    struct error_point *points =
        arena_array(arena, activations.count * PANEL_COUNT * backends.count, sizeof *points);
    for (size_t i = 0; i < results->verify_count; i++) {
        const struct verify_row *row = &results->verify[i];
        int panel = panel_of(row, &point);
        if (panel < 0)
            continue;
        struct error_point *worst =
            &points[(index_of(&activations, row->activation) * PANEL_COUNT + (size_t)panel) *
                        backends.count +
                    index_of(&backends, row->backend)];
        worst->worst = point.worst > worst->worst ? point.worst : worst->worst;
        worst->bound = point.bound > worst->bound ? point.bound : worst->bound;
        double high = isfinite(worst->worst) && worst->worst > worst->bound ? worst->worst
                                                                            : worst->bound;
        top[panel] = high > top[panel] ? high : top[panel];
    }
    if (!activations.count || !whole(points, activations.count, backends.count))
        return;
    struct text_file text;
    text_open(&text);
    write_errors(text.file, &activations, &backends, points);
    char *styles = arena_copy(arena, "");
    for (size_t b = 0; b < backends.count; b++)
        styles = arena_format(arena, "%s%s%zu", styles, b ? " " : "", BACKEND_STYLE + b);
    struct report_figure *figure =
        figure_add(arena, figures, NULL, "verification_error.gp", "verification_error");
    figure->data = text_close(arena, &text);
    figure->title = "Worst error against the double-precision reference";
    figure->styles = styles;
    figure->numbers = arena_format(arena, "%zu %.9g %.9g %.9g", activations.count, 1.15 * top[0],
                                   1.15 * top[1], 1.15 * top[2]);
    figure->caption =
        "Worst error of each backend against the double-precision reference, by activation; the "
        "line is the bound that verification holds it to.";
}
