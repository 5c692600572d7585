/* SPDX-License-Identifier: MIT
 *
 * Which tables a run has and what stands in them. See report.h.
 */
#include <math.h>
#include <string.h>

#include "plots/report.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const char *const groups[] = {"many", "medium", "few", "all"};

/* An experiment over sample size has no shot groups: they would change with every data set. */
static const char *group_note(const struct experiment *experiment) {
    return experiment->by_size ? ""
                               : " Groups by training images of a class: many > 100, medium "
                                 "20–100, few < 20.";
}

/* Every experiment's table begins with these; the first five stand in the CSV alone. */
#define KEY_COLUMNS                                                                                \
    {.name = "experiment"}, {.name = "dataset"}, {.name = "split"}, {.name = "method"},            \
        {.name = "seeds", .kind = COLUMN_NUMBER}, {.title = "Data set"}, { .title = "Method" }
enum { KEY_DATASET_TITLE = 5, KEY_METHOD_TITLE = 6, KEY_COUNT = 7 };

#define POINTS(name_, title_, better_)                                                             \
    {                                                                                              \
        .name = name_, .title = title_, .kind = COLUMN_SPREAD, .better = better_, .scale = 100,    \
        .digits = 1                                                                                \
    }

/* A copy of columns in which the data set is shown only where there are several, and shot groups
 * only where they mean something. */
static const struct table_column *key_columns(struct arena *arena,
                                              const struct experiment *experiment,
                                              const struct table_column *columns, size_t count) {
    struct table_column *copy = arena_array(arena, count, sizeof *copy);
    memcpy(copy, columns, count * sizeof *copy);
    if (experiment->datasets.count < 2)
        copy[KEY_DATASET_TITLE].title = NULL;
    else if (experiment->by_size)
        copy[KEY_DATASET_TITLE].title = "Training set";
    for (size_t i = KEY_COUNT; experiment->by_size && i < count; i++)
        for (size_t g = 0; g + 1 < LENGTH(groups); g++)
            if (copy[i].name && !strcmp(copy[i].name, groups[g]))
                copy[i].name = copy[i].title = NULL;
    return copy;
}

static void fill_key(struct arena *arena, struct table_cell *cells,
                     const struct experiment *experiment, const char *dataset, const char *split,
                     const char *method, int64_t seeds) {
    cells[0].text = experiment->name;
    cells[1].text = dataset;
    cells[2].text = split;
    cells[3].text = method;
    cells[4].value = (struct summary){1, (double)seeds, 0};
    cells[KEY_DATASET_TITLE].text =
        experiment->by_size ? arena_format(arena, "×%g", dataset_factor(dataset)) : dataset;
    cells[KEY_METHOD_TITLE].text = method_title(arena, method);
}

/* "3 seeds", "2 to 3 seeds", "1 seed": what the methods of a split have. */
static const char *seeds_text(struct arena *arena, const struct experiment *experiment,
                              const char *split) {
    int64_t least = INT64_MAX, most = 0;
    for (size_t i = 0; i < experiment->datasets.count; i++)
        for (size_t j = 0; j < experiment->methods.count; j++) {
            struct summary s = results_summary(experiment, experiment->datasets.names[i], split,
                                               experiment->methods.names[j], "all", "top1");
            least = s.count && s.count < least ? s.count : least;
            most = s.count > most ? s.count : most;
        }
    if (least < most)
        return arena_format(arena, "%lld to %lld seeds", (long long)least, (long long)most);
    return arena_format(arena, "%lld seed%s", (long long)most, most == 1 ? "" : "s");
}

static const char *data_text(struct arena *arena, const struct experiment *experiment) {
    if (experiment->datasets.count == 1)
        return experiment->datasets.names[0];
    return arena_format(arena, "%zu data sets of %s", experiment->datasets.count,
                        experiment->name);
}

void report_add_table(struct arena *arena, struct report_tables *tables, struct table *table,
                      const struct experiment *experiment, bool secondary) {
    if (table->row_count == 0)
        return;
    if (tables->count == tables->capacity) {
        size_t capacity = tables->capacity ? 2 * tables->capacity : 16;
        struct report_table *larger = arena_array(arena, capacity, sizeof *larger);
        if (tables->count)
            memcpy(larger, tables->list, tables->count * sizeof *larger);
        tables->list = larger;
        tables->capacity = capacity;
    }
    tables->list[tables->count++] = (struct report_table){table, experiment, secondary};
}

/* ---- (a) accuracy in the papers' layout ---- */

static bool add_accuracy_row(struct table *table, const struct experiment *experiment,
                             const char *dataset, const char *split, const char *method,
                             bool rule) {
    struct summary values[LENGTH(groups)];
    int64_t seeds = 0;
    for (size_t g = 0; g < LENGTH(groups); g++) {
        values[g] = results_summary(experiment, dataset, split, method, groups[g], "top1");
        seeds = values[g].count > seeds ? values[g].count : seeds;
    }
    if (!seeds)
        return false;
    struct table_cell *cells = table_add(table, rule);
    fill_key(table->arena, cells, experiment, dataset, split, method, seeds);
    for (size_t g = 0; g < LENGTH(groups); g++)
        cells[KEY_COUNT + g].value = values[g];
    return true;
}

static struct table *accuracy_table(struct arena *arena, const struct experiment *experiment,
                                    const char *split) {
    static const struct table_column columns[] = {
        KEY_COLUMNS, POINTS("many", "Many", BETTER_HIGH), POINTS("medium", "Medium", BETTER_HIGH),
        POINTS("few", "Few", BETTER_HIGH), POINTS("all", "All", BETTER_HIGH)};
    bool ceiling = false;
    for (size_t i = 0; i < experiment->metric_count; i++)
        ceiling = ceiling || (!strcmp(experiment->metrics[i].method, "bayes") &&
                              !strcmp(experiment->metrics[i].split, split));
    const char *caption = arena_format(
        arena,
        "Top-1 accuracy in points on the %s split of %s: mean ± sample standard deviation (n − 1) "
        "over %s.%s Best method marked.%s",
        split, data_text(arena, experiment), seeds_text(arena, experiment, split),
        group_note(experiment),
        ceiling ? " Bayes optimum: the ceiling of the overall accuracy, computed from the known "
                  "densities; in a single group a biased method may lie above it." : "");
    struct table *table =
        table_new(arena, arena_format(arena, "accuracy_%s_%s", experiment->name, split), caption,
                  key_columns(arena, experiment, columns, LENGTH(columns)), LENGTH(columns));
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        const char *dataset = experiment->datasets.names[d];
        size_t first = table->row_count;
        for (size_t m = 0; m < experiment->methods.count; m++)
            add_accuracy_row(table, experiment, dataset, split, experiment->methods.names[m],
                             table->row_count == first);
        for (size_t g = 0; g < LENGTH(groups); g++)
            table_mark_best(table, KEY_COUNT + g, first, table->row_count, NULL);
        add_accuracy_row(table, experiment, dataset, split, "bayes", true);
    }
    return table;
}

/* ---- (b) further metrics, overall and by group ---- */

static struct table *metrics_table(struct arena *arena, const struct experiment *experiment,
                                   const char *split) {
    static const struct table_column columns[] = {
        KEY_COLUMNS,
        {.name = "group", .title = "Group"},
        POINTS("map", "mAP", BETTER_HIGH),
        POINTS("balanced_error", "Bal. error", BETTER_LOW),
        {.name = "nll", .title = "NLL", .kind = COLUMN_SPREAD, .better = BETTER_LOW, .scale = 1,
         .digits = 3},
        {.name = "brier", .title = "Brier", .kind = COLUMN_SPREAD, .better = BETTER_LOW,
         .scale = 1, .digits = 3},
        POINTS("ece", "ECE", BETTER_LOW)};
    enum { GROUP = KEY_COUNT, FIRST };
    const char *caption = arena_format(
        arena,
        "Further metrics on the %s split of %s: mean ± sample standard deviation (n − 1) over %s. "
        "mAP (mean over classes of one-vs-rest average precision), balanced error and expected "
        "calibration error (15 bins) in points; negative log-likelihood in nats.%s Best method of "
        "a "
        "group marked.",
        split, data_text(arena, experiment), seeds_text(arena, experiment, split),
        group_note(experiment));
    struct table *table =
        table_new(arena, arena_format(arena, "metrics_%s_%s", experiment->name, split), caption,
                  key_columns(arena, experiment, columns, LENGTH(columns)), LENGTH(columns));
    for (size_t d = 0; d < experiment->datasets.count; d++)
        for (size_t g = LENGTH(groups); g-- > (experiment->by_size ? LENGTH(groups) - 1 : 0);) {
            const char *dataset = experiment->datasets.names[d];
            size_t first = table->row_count;
            for (size_t m = 0; m < experiment->methods.count; m++) {
                const char *method = experiment->methods.names[m];
                struct summary values[LENGTH(columns)];
                int64_t seeds = 0;
                for (size_t j = FIRST; j < LENGTH(columns); j++) {
                    values[j] = results_summary(experiment, dataset, split, method, groups[g],
                                                columns[j].name);
                    seeds = values[j].count > seeds ? values[j].count : seeds;
                }
                if (!seeds)
                    continue;
                struct table_cell *cells = table_add(table, table->row_count == first);
                fill_key(arena, cells, experiment, dataset, split, method, seeds);
                cells[GROUP].text = groups[g];
                for (size_t j = FIRST; j < LENGTH(columns); j++)
                    cells[j].value = values[j];
            }
            for (size_t j = FIRST; j < LENGTH(columns); j++)
                table_mark_best(table, j, first, table->row_count, NULL);
        }
    return table;
}

/* ---- (e) what balancing gains ---- */

#define GAIN(name_, title_)                                                                        \
    {                                                                                              \
        .name = name_, .title = title_, .kind = COLUMN_SPREAD, .scale = 100, .digits = 1,          \
        .sign = true                                                                               \
    }

static struct table *gain_table(struct arena *arena, const struct experiment *experiment,
                                const char *split) {
    static const struct table_column columns[] = {
        KEY_COLUMNS,           {.name = "baseline", .title = "against"},
        GAIN("many", "Many"),  GAIN("medium", "Medium"),
        GAIN("few", "Few"),    GAIN("all", "All")};
    enum { BASELINE = KEY_COUNT, FIRST };
    const char *caption = arena_format(
        arena,
        "Gain in top-1 accuracy, in points, of each balanced activation over its plain one on the "
        "%s split of %s: mean ± sample standard deviation (n − 1) of the differences seed by seed, "
        "over %s.%s",
        split, data_text(arena, experiment), seeds_text(arena, experiment, split),
        group_note(experiment));
    struct table *table =
        table_new(arena, arena_format(arena, "gain_%s_%s", experiment->name, split), caption,
                  key_columns(arena, experiment, columns, LENGTH(columns)), LENGTH(columns));
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        const char *dataset = experiment->datasets.names[d];
        size_t first = table->row_count;
        for (size_t m = 0; m < experiment->methods.count; m++) {
            const char *method = experiment->methods.names[m];
            const char *plain = method_plain(experiment, method);
            if (!plain)
                continue;
            struct summary all = results_difference(experiment, dataset, split, method, plain,
                                                    "all", "top1");
            if (!all.count)
                continue;
            struct table_cell *cells = table_add(table, table->row_count == first);
            fill_key(arena, cells, experiment, dataset, split, method, all.count);
            cells[BASELINE].text = method_title(arena, plain);
            for (size_t g = 0; g < LENGTH(groups); g++)
                cells[FIRST + g].value = results_difference(experiment, dataset, split, method,
                                                            plain, groups[g], "top1");
        }
    }
    return table;
}

/* ---- (c) accuracy beside throughput: the one table with times ---- */

#define RATE(name_, title_, better_)                                                               \
    {                                                                                              \
        .name = name_, .title = title_, .kind = COLUMN_SPREAD, .better = better_, .scale = 1,      \
        .digits = 0                                                                                \
    }
#define SECONDS(name_, title_)                                                                     \
    { .name = name_, .title = title_, .kind = COLUMN_NUMBER, .scale = 1, .digits = -3 }

static void add_throughput_row(struct table *table, const struct experiment *experiment,
                               const struct throughput_row *row, const char *split, bool rule) {
    static const struct {
        const char *phase, *field;
    } cells_of[] = {{"train", "samples_per_second"},
                    {"inference", "samples_per_second"},
                    {"train", "seconds"},
                    {"inference", "seconds"},
                    {"train", "peak_bytes"}};
    struct table_cell *cells = table_add(table, rule);
    struct summary accuracy =
        results_summary(experiment, row->dataset, split, row->method, "all", "top1");
    fill_key(table->arena, cells, experiment, row->dataset, split, row->method, accuracy.count);
    cells[KEY_COUNT].text = row->backend;
    cells[KEY_COUNT + 1].value = (struct summary){1, (double)row->threads, 0};
    cells[KEY_COUNT + 2].value = accuracy;
    for (size_t i = 0; i < LENGTH(cells_of); i++)
        cells[KEY_COUNT + 3 + i].value =
            results_throughput(experiment, row->dataset, row->method, row->backend, row->threads,
                               cells_of[i].phase, cells_of[i].field);
}

/* Whether an earlier row stands for the same method, backend and threads. */
static bool seen_before(const struct experiment *experiment, size_t index) {
    const struct throughput_row *row = &experiment->throughput[index];
    for (size_t i = 0; i < index; i++) {
        const struct throughput_row *other = &experiment->throughput[i];
        if (!strcmp(other->dataset, row->dataset) && !strcmp(other->method, row->method) &&
            !strcmp(other->backend, row->backend) && other->threads == row->threads)
            return true;
    }
    return false;
}

static struct table *throughput_table(struct arena *arena, const struct experiment *experiment) {
    static const struct table_column columns[] = {
        KEY_COLUMNS,
        {.name = "backend", .title = "Backend"},
        {.name = "threads", .title = "Threads", .kind = COLUMN_NUMBER, .scale = 1},
        POINTS("top1", "Top-1", BETTER_HIGH),
        RATE("train_samples_per_second", "Train samples/s", BETTER_HIGH),
        RATE("inference_samples_per_second", "Inference samples/s", BETTER_HIGH),
        SECONDS("train_seconds", "Train s"),
        SECONDS("inference_seconds", "Inference s"),
        {.name = "peak_bytes", .title = "Peak MiB", .kind = COLUMN_NUMBER, .scale = 1.0 / 1048576}};
    const char *split = experiment->splits.count ? experiment->splits.names[0] : "test";
    bool detects = experiment->category_count > 0;
    const char *caption = arena_format(
        arena,
        "%s on %s: %s%s%ssamples per second "
        "in training and inference (mean ± sample standard deviation over seeds), mean seconds of "
        "one seed, peak memory of the process. Times are those of the machine named under "
        "Provenance and differ from run to run.",
        detects ? "Throughput" : "Accuracy beside throughput", data_text(arena, experiment),
        detects ? "" : "top-1 accuracy in points (", detects ? "" : split,
        detects ? "" : " split), ");
    struct table_column *shown = arena_array(arena, LENGTH(columns), sizeof *shown);
    memcpy(shown, key_columns(arena, experiment, columns, LENGTH(columns)), sizeof columns);
    if (detects) /* detections have average precision, no top-1 accuracy */
        shown[KEY_COUNT + 2].name = shown[KEY_COUNT + 2].title = NULL;
    struct table *table = table_new(
        arena, arena_format(arena, "throughput_%s", experiment->name), caption, shown,
        LENGTH(columns));
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        size_t first = table->row_count;
        for (size_t m = 0; m < experiment->methods.count; m++)
            for (size_t i = 0; i < experiment->throughput_count; i++) {
                const struct throughput_row *row = &experiment->throughput[i];
                if (!strcmp(row->dataset, experiment->datasets.names[d]) &&
                    !strcmp(row->method, experiment->methods.names[m]) &&
                    !seen_before(experiment, i))
                    add_throughput_row(table, experiment, row, split, table->row_count == first);
            }
    }
    return table;
}

/* ---- (d) verification ---- */

/* A number that may be absent. */
static struct summary optional(double value) {
    return isnan(value) ? (struct summary){0, 0, 0} : (struct summary){1, value, 0};
}

static struct table *verification_table(struct arena *arena, const struct run_results *results) {
    static const struct table_column columns[] = {
        {.name = "activation"},
        {.title = "Activation"},
        {.name = "operation", .title = "Operation"},
        {.name = "backend", .title = "Backend"},
        {.name = "dtype", .title = "Type"},
        {.name = "comparisons", .title = "Comparisons", .kind = COLUMN_NUMBER, .scale = 1},
        {.name = "max_ulp", .title = "Worst ULP", .kind = COLUMN_NUMBER, .scale = 1, .digits = 2},
        {.name = "bound_ulp", .title = "Bound", .kind = COLUMN_NUMBER, .scale = 1, .digits = -3},
        {.name = "max_relative", .title = "Worst relative", .kind = COLUMN_NUMBER, .scale = 1,
         .digits = -3},
        {.name = "bound_relative", .title = "Bound", .kind = COLUMN_NUMBER, .scale = 1,
         .digits = -3},
        {.name = "verdict", .title = "Verdict"}};
    size_t count;
    const struct verify_summary *list = verify_summaries(arena, results, &count);
    struct table *table = table_new(
        arena, "verification",
        "Worst error against the double-precision reference over all cases of an activation, "
        "operation, backend and storage type, beside its bound: fp32 units in the last place (ULP) "
        "of probabilities and gradients, in 16-bit storage before rounding to it; relative error "
        "of losses, log-sum-exps and weights. A dash: no such values.",
        columns, LENGTH(columns));
    for (size_t i = 0; i < count; i++) {
        const struct verify_summary *s = &list[i];
        bool rule = i == 0 || strcmp(s->activation, list[i - 1].activation) != 0;
        struct table_cell *cells = table_add(table, rule);
        cells[0].text = s->activation;
        cells[1].text = activation_title(s->activation);
        cells[2].text = s->operation;
        cells[3].text = s->backend;
        cells[4].text = s->dtype;
        cells[5].value = optional(s->comparisons);
        cells[6].value = optional(s->max_ulp);
        cells[7].value = optional(s->bound_ulp);
        cells[8].value = optional(s->max_relative);
        cells[9].value = optional(s->bound_relative);
        cells[10].text = s->verdict;
    }
    return table;
}

void report_make_tables(struct arena *arena, const struct run_results *results,
                        struct report_tables *tables) {
    *tables = (struct report_tables){NULL, 0, 0};
    for (size_t i = 0; i < results->experiment_count; i++) {
        const struct experiment *experiment = &results->experiments[i];
        for (size_t s = 0; s < experiment->splits.count; s++) {
            const char *split = experiment->splits.names[s];
            report_add_table(arena, tables, accuracy_table(arena, experiment, split), experiment, s > 0);
            report_add_table(arena, tables, gain_table(arena, experiment, split), experiment, s > 0);
            report_add_table(arena, tables, metrics_table(arena, experiment, split), experiment, true);
        }
        add_lvis_tables(arena, experiment, tables);
        report_add_table(arena, tables, throughput_table(arena, experiment), experiment, false);
    }
    report_add_table(arena, tables, verification_table(arena, results), NULL, false);
}
