/* SPDX-License-Identifier: MIT
 *
 * What is computed from the rows of a run: means and deviations over seeds, differences between
 * methods, and the order and names of data sets and methods. See results.h.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/activations.h"
#include "plots/results.h"

/* The activations as the reports order them. The list of the library is expanded here, so that one
 * added there gets its place by itself. */
static const struct known {
    const char *name, *title;
    enum balact_family family;
    bool balanced;
} known[] = {
#define KNOWN(ID, name, title, family, balanced, ...)                                              \
    {#name, title, BALACT_FAMILY_##family, balanced},
    BALACT_ACTIVATION_LIST(KNOWN)
#undef KNOWN
};
enum { KNOWN_COUNT = sizeof known / sizeof *known };

/* The activation that a method is a variant of: the longest whose name begins the method's. */
static int known_index(const char *method) {
    int best = -1;
    for (int i = 0; i < KNOWN_COUNT; i++) {
        size_t length = strlen(known[i].name);
        if (!strncmp(method, known[i].name, length) &&
            (method[length] == '\0' || method[length] == '_') &&
            (best < 0 || length > strlen(known[best].name)))
            best = i;
    }
    return best;
}

/* softmax, Balanced Softmax, sigmoid, Balanced Sigmoid, each with its variants, then what the
 * library does not know, by name. */
static int compare_methods(const void *left, const void *right) {
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    int i = known_index(a), j = known_index(b);
    if (i != j) {
        if (i < 0 || j < 0)
            return i < 0 ? 1 : -1;
        if (known[i].family != known[j].family)
            return known[i].family < known[j].family ? -1 : 1;
        if (known[i].balanced != known[j].balanced)
            return known[i].balanced ? 1 : -1;
        return i < j ? -1 : 1;
    }
    return strcmp(a, b);
}

const char *method_title(struct arena *arena, const char *method) {
    if (!strcmp(method, "bayes"))
        return "Bayes optimum";
    int i = known_index(method);
    char *title;
    if (i < 0)
        title = arena_copy(arena, method);
    else if (strlen(method) == strlen(known[i].name))
        return known[i].title;
    else
        title = arena_format(arena, "%s, %s", known[i].title, method + strlen(known[i].name) + 1);
    for (char *at = title; *at; at++)
        if (*at == '_')
            *at = ' ';
    return title;
}

int method_style(const struct experiment *experiment, const char *method) {
    int next = KNOWN_COUNT;
    if (!strcmp(method, "bayes"))
        return BAYES_STYLE;
    for (int i = 0; i < KNOWN_COUNT; i++)
        if (!strcmp(method, known[i].name))
            return i + 1;
    for (size_t i = 0; i < experiment->methods.count; i++) {
        const char *other = experiment->methods.names[i];
        int j = known_index(other);
        bool plain = j >= 0 && !strcmp(other, known[j].name);
        if (!plain && next < BAYES_STYLE - 1)
            next++;
        if (!strcmp(other, method))
            return next;
    }
    return next;
}

bool method_is_sigmoid(const char *method) {
    int i = known_index(method);
    return i >= 0 && known[i].family == BALACT_FAMILY_SIGMOID;
}

const char *method_plain(const struct experiment *experiment, const char *method) {
    static const char prefix[] = "balanced_";
    if (strncmp(method, prefix, sizeof prefix - 1) ||
        !name_list_holds(&experiment->methods, method + sizeof prefix - 1))
        return NULL;
    return method + sizeof prefix - 1;
}

bool name_list_holds(const struct name_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->names[i], name))
            return true;
    return false;
}

void name_list_add(struct arena *arena, struct name_list *list, const char *name) {
    if (name_list_holds(list, name))
        return;
    if ((list->count & (list->count - 1)) == 0) { /* full at every power of two */
        size_t capacity = list->count ? 2 * list->count : 1;
        const char **larger = arena_array(arena, capacity, sizeof *larger);
        if (list->count)
            memcpy(larger, list->names, list->count * sizeof *larger);
        list->names = larger;
    }
    list->names[list->count++] = name;
}

double dataset_factor(const char *dataset) {
    const char *mark = NULL;
    for (const char *at = dataset; (at = strstr(at, "_x")) != NULL; at += 2)
        mark = at + 2;
    char *end = NULL;
    if (!mark || !mark[0] || mark[strspn(mark, "0123456789.")])
        return NAN;
    double factor = strtod(mark, &end);
    return *end || !(factor > 0) ? NAN : factor;
}

static int compare_datasets(const void *left, const void *right) {
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    double x = dataset_factor(a), y = dataset_factor(b);
    if (x < y || y < x)
        return x < y ? -1 : 1;
    return strcmp(a, b);
}

/* test, then val, then train, then others by name. */
static int compare_splits(const void *left, const void *right) {
    static const char *const order[] = {"test", "val", "train"};
    const char *a = *(const char *const *)left, *b = *(const char *const *)right;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        bool is_a = !strcmp(a, order[i]), is_b = !strcmp(b, order[i]);
        if (is_a != is_b)
            return is_a ? -1 : 1;
    }
    return strcmp(a, b);
}

static void sort_names(struct name_list *list, int (*compare)(const void *, const void *)) {
    if (list->count)
        qsort(list->names, list->count, sizeof *list->names, compare);
}

void experiment_index(struct arena *arena, struct experiment *experiment) {
    for (size_t i = 0; i < experiment->metric_count; i++) {
        const struct metric_row *row = &experiment->metrics[i];
        name_list_add(arena, &experiment->datasets, row->dataset);
        name_list_add(arena, &experiment->splits, row->split);
        if (strcmp(row->method, "bayes"))
            name_list_add(arena, &experiment->methods, row->method);
    }
    sort_names(&experiment->datasets, compare_datasets);
    sort_names(&experiment->splits, compare_splits);
    sort_names(&experiment->methods, compare_methods);
    experiment->by_size = experiment->datasets.count > 1;
    for (size_t i = 0; i < experiment->datasets.count; i++)
        if (isnan(dataset_factor(experiment->datasets.names[i])))
            experiment->by_size = false;
}

const struct experiment *results_experiment(const struct run_results *results, const char *name) {
    for (size_t i = 0; i < results->experiment_count; i++)
        if (!strcmp(results->experiments[i].name, name))
            return &results->experiments[i];
    return NULL;
}

void summary_add(struct summary *summary, double value) {
    double step = value - summary->mean;
    summary->count++;
    summary->mean += step / (double)summary->count;
    summary->squares += step * (value - summary->mean);
}

double summary_deviation(const struct summary *summary) {
    return summary->count > 1 ? sqrt(summary->squares / (double)(summary->count - 1)) : 0;
}

/* The seeds of one cell: metrics are sorted with the seed last, so they lie side by side. */
struct cell {
    const struct metric_row *row;
    size_t count;
};

static struct cell find_cell(const struct experiment *experiment, const char *dataset,
                             const char *split, const char *method, const char *group,
                             const char *metric) {
    struct cell cell = {NULL, 0};
    for (size_t i = 0; i < experiment->metric_count; i++) {
        const struct metric_row *row = &experiment->metrics[i];
        if (strcmp(row->method, method) || strcmp(row->group, group) ||
            strcmp(row->metric, metric) || strcmp(row->split, split) ||
            strcmp(row->dataset, dataset))
            continue;
        if (!cell.count)
            cell.row = row;
        cell.count++;
    }
    return cell;
}

struct summary results_summary(const struct experiment *experiment, const char *dataset,
                               const char *split, const char *method, const char *group,
                               const char *metric) {
    struct summary summary = {0, 0, 0};
    struct cell cell = find_cell(experiment, dataset, split, method, group, metric);
    for (size_t i = 0; i < cell.count; i++)
        summary_add(&summary, cell.row[i].value);
    return summary;
}

struct summary results_difference(const struct experiment *experiment, const char *dataset,
                                  const char *split, const char *method, const char *baseline,
                                  const char *group, const char *metric) {
    struct summary summary = {0, 0, 0};
    struct cell left = find_cell(experiment, dataset, split, method, group, metric);
    struct cell right = find_cell(experiment, dataset, split, baseline, group, metric);
    bool any_seed = !strcmp(baseline, "bayes");
    for (size_t i = 0; i < left.count; i++)
        for (size_t j = 0; j < right.count; j++)
            if (left.row[i].seed == right.row[j].seed || any_seed) {
                summary_add(&summary, left.row[i].value - right.row[j].value);
                break;
            }
    return summary;
}

struct summary results_throughput(const struct experiment *experiment, const char *dataset,
                                  const char *method, const char *backend, int64_t threads,
                                  const char *phase, const char *field) {
    struct summary summary = {0, 0, 0};
    for (size_t i = 0; i < experiment->throughput_count; i++) {
        const struct throughput_row *row = &experiment->throughput[i];
        if (strcmp(row->method, method) || strcmp(row->phase, phase) ||
            strcmp(row->dataset, dataset) || (backend && strcmp(row->backend, backend)) ||
            (threads && row->threads != threads))
            continue;
        summary_add(&summary, !strcmp(field, "seconds")      ? row->seconds
                              : !strcmp(field, "peak_bytes") ? row->peak_bytes
                                                             : row->rate);
    }
    return summary;
}
