/* SPDX-License-Identifier: MIT
 *
 * Which figures a run has, and what their makers share. See report.h and figures.h.
 */
#include "plots/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"

void text_open(struct text_file *text) {
    text->bytes = NULL;
    text->file = open_memstream(&text->bytes, &text->size);
    if (!text->file)
        die(EXIT_BAD_INPUT, "report: out of memory");
}

const char *text_close(struct arena *arena, struct text_file *text) {
    if (fclose(text->file) != 0)
        die(EXIT_BAD_INPUT, "report: out of memory");
    char *copy = arena_copy(arena, text->bytes);
    free(text->bytes);
    return copy;
}

struct report_figure *figure_add(struct arena *arena, struct report_figures *figures,
                                 const struct experiment *experiment, const char *script,
                                 const char *id) {
    if (figures->count == figures->capacity) {
        size_t capacity = figures->capacity ? 2 * figures->capacity : 16;
        struct report_figure *larger = arena_array(arena, capacity, sizeof *larger);
        if (figures->count)
            memcpy(larger, figures->list, figures->count * sizeof *larger);
        figures->list = larger;
        figures->capacity = capacity;
    }
    const char *wanted = id; /* names that differ in odd signs only would fall together */
    for (size_t i = 0, again = 2; i < figures->count; i++)
        if (!strcmp(figures->list[i].id, id)) {
            id = arena_format(arena, "%s_%zu", wanted, again++);
            i = (size_t)-1; /* from the start */
        }
    struct report_figure *figure = &figures->list[figures->count++];
    *figure = (struct report_figure){
        .id = id, .experiment = experiment, .script = script, .styles = "", .numbers = ""};
    return figure;
}

const char *figure_id(struct arena *arena, const char *kind, const struct experiment *experiment,
                      const char *dataset, const char *split) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    bool named = dataset && experiment->datasets.count > 1;
    char *id = arena_format(arena, "%s_%s%s%s%s%s", kind, experiment->name, named ? "_" : "",
                            named ? dataset : "", split ? "_" : "", split ? split : "");
    for (char *at = id; *at; at++)
        if (!strchr(plain, *at))
            *at = '_';
    return id;
}

struct name_list figure_methods(struct arena *arena, const struct experiment *experiment,
                                const char *dataset, const char *split) {
    struct name_list list = {NULL, 0};
    for (size_t i = 0; i <= experiment->methods.count; i++) {
        const char *method = i < experiment->methods.count ? experiment->methods.names[i] : "bayes";
        if (results_summary(experiment, dataset, split, method, "all", "top1").count)
            name_list_add(arena, &list, method);
    }
    return list;
}

const char *add_style(struct arena *arena, const char *styles, int style) {
    return arena_format(arena, "%s%s%d", styles, *styles ? " " : "", style);
}

const char *figure_styles(struct arena *arena, const struct experiment *experiment,
                          const struct name_list *methods) {
    const char *styles = "";
    for (size_t i = 0; i < methods->count; i++)
        styles = add_style(arena, styles, method_style(experiment, methods->names[i]));
    return styles;
}

double round_up(double value, double step) {
    return step * ceil(value / step - 1e-9);
}

static void make_experiment(struct arena *arena, const struct experiment *experiment,
                            struct report_figures *figures) {
    for (size_t s = 0; s < 1 && s < experiment->splits.count; s++) { /* test, if it is there */
        const char *split = experiment->splits.names[s];
        if (experiment->by_size)
            make_size_figure(arena, experiment, split, figures);
        for (size_t d = 0; d < experiment->datasets.count && !experiment->by_size; d++) {
            make_group_figure(arena, experiment, experiment->datasets.names[d], split, figures);
            make_rank_figure(arena, experiment, experiment->datasets.names[d], split, figures);
        }
    }
    make_lvis_figures(arena, experiment, figures);
    make_count_figure(arena, experiment, figures);
    for (size_t d = 0; d < experiment->datasets.count && !experiment->by_size; d++)
        make_loss_figure(arena, experiment, experiment->datasets.names[d], figures);
}

void report_make_figures(struct arena *arena, const struct run_results *results,
                         struct report_figures *figures) {
    *figures = (struct report_figures){NULL, 0, 0};
    for (size_t i = 0; i < results->experiment_count; i++)
        make_experiment(arena, &results->experiments[i], figures);
    make_error_figure(arena, results, figures);
}
