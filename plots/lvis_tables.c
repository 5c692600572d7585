/* SPDX-License-Identifier: MIT
 *
 * Tables of an LVIS run in the layout of the papers: average precision of boxes and of masks, over
 * seeds and seed by seed, what balancing gains, calibration, and numbers that others published.
 */
#include <stdio.h>
#include <string.h>

#include "plots/report.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* The order of the papers; metric without "bbox_" or "segm_". */
static const struct number {
    const char *group, *metric;
} numbers[] = {{"all", "ap"},    {"all", "ap50"},  {"all", "ap75"},
               {"small", "ap"},  {"medium", "ap"}, {"large", "ap"},
               {"rare", "ap"},   {"common", "ap"}, {"frequent", "ap"}};

#define AP_COLUMN(name_, title_, plus)                                                             \
    {                                                                                              \
        .name = name_, .title = title_, .kind = COLUMN_SPREAD, .better = BETTER_HIGH,              \
        .scale = 100, .digits = 1, .sign = plus                                                    \
    }
#define AP_COLUMNS(plus)                                                                           \
    AP_COLUMN("ap", "AP", plus), AP_COLUMN("ap50", "AP50", plus),                                  \
        AP_COLUMN("ap75", "AP75", plus), AP_COLUMN("aps", "APs", plus),                            \
        AP_COLUMN("apm", "APm", plus), AP_COLUMN("apl", "APl", plus),                              \
        AP_COLUMN("apr", "APr", plus), AP_COLUMN("apc", "APc", plus),                              \
        AP_COLUMN("apf", "APf", plus)
enum { DATASET, SPLIT, METHOD, TITLE, SEEDS, FIRST, COLUMNS = FIRST + 9 };

static const char *type_word(const char *type) {
    return !strcmp(type, "bbox") ? "boxes" : "masks";
}

static const char *metric_name(struct arena *arena, const char *type, const struct number *number) {
    return arena_format(arena, "%s_%s", type, number->metric);
}

static void fill_key(struct arena *arena, struct table_cell *cells, const char *dataset,
                     const char *split, const char *method) {
    cells[DATASET].text = dataset;
    cells[SPLIT].text = split;
    cells[METHOD].text = method;
    cells[TITLE].text = method_title(arena, method);
}

/* ---- Over seeds ---- */

static bool add_row(struct table *table, const struct experiment *experiment, const char *dataset,
                    const char *split, const char *type, const char *method, const char *baseline,
                    bool rule) {
    struct summary values[LENGTH(numbers)];
    for (size_t i = 0; i < LENGTH(numbers); i++) {
        const char *metric = metric_name(table->arena, type, &numbers[i]);
        values[i] = baseline ? results_difference(experiment, dataset, split, method, baseline,
                                                  numbers[i].group, metric)
                             : results_summary(experiment, dataset, split, method,
                                               numbers[i].group, metric);
    }
    if (!values[0].count)
        return false;
    struct table_cell *cells = table_add(table, rule);
    fill_key(table->arena, cells, dataset, split, method);
    cells[SEEDS].value = (struct summary){1, (double)values[0].count, 0};
    for (size_t i = 0; i < LENGTH(numbers); i++)
        cells[FIRST + i].value = values[i];
    return true;
}

static struct table *ap_table(struct arena *arena, const struct experiment *experiment,
                              const char *split, const char *type) {
    static const struct table_column columns[COLUMNS] = {
        {.name = "dataset"}, {.name = "split"}, {.name = "method"}, {.title = "Method"},
        {.name = "seeds", .kind = COLUMN_NUMBER}, AP_COLUMNS(false)};
    const char *caption = arena_format(
        arena,
        "Average precision of %s in points on the %s split of %s by the LVIS protocol: mean ± "
        "sample standard deviation (n − 1) over seeds. AP over IoU .50:.05:.95; s, m, l by area; "
        "r, c, f: rare (1–10 training images), common (11–100) and frequent categories. Best "
        "method marked. Bayes optimum: the same detections scored by the posterior of the known "
        "densities.",
        type_word(type), split, experiment->name);
    struct table *table = table_new(
        arena, arena_format(arena, "lvis_%s_%s_%s", type, experiment->name, split), caption,
        columns, COLUMNS);
    for (size_t d = 0; d < experiment->datasets.count; d++) {
        const char *dataset = experiment->datasets.names[d];
        size_t first = table->row_count;
        for (size_t m = 0; m < experiment->methods.count; m++)
            add_row(table, experiment, dataset, split, type, experiment->methods.names[m], NULL,
                    table->row_count == first);
        for (size_t i = 0; i < LENGTH(numbers); i++)
            table_mark_best(table, FIRST + i, first, table->row_count, NULL);
        add_row(table, experiment, dataset, split, type, "bayes", NULL, true);
    }
    return table;
}

static struct table *gain_table(struct arena *arena, const struct experiment *experiment,
                                const char *split, const char *type) {
    static const struct table_column columns[COLUMNS] = {
        {.name = "dataset"}, {.name = "split"}, {.name = "method"}, {.title = "Method"},
        {.name = "seeds", .kind = COLUMN_NUMBER}, AP_COLUMNS(true)};
    const char *caption = arena_format(
        arena,
        "Gain in average precision of %s, in points, of each balanced activation over its plain "
        "one on the %s split of %s: mean ± sample standard deviation (n − 1) of the differences "
        "seed by seed.",
        type_word(type), split, experiment->name);
    struct table *table = table_new(
        arena, arena_format(arena, "lvis_gain_%s_%s_%s", type, experiment->name, split), caption,
        columns, COLUMNS);
    for (size_t d = 0; d < experiment->datasets.count; d++)
        for (size_t m = 0; m < experiment->methods.count; m++) {
            const char *method = experiment->methods.names[m];
            const char *plain = method_plain(experiment, method);
            if (plain)
                add_row(table, experiment, experiment->datasets.names[d], split, type, method,
                        plain, m == 0);
        }
    return table;
}

/* ---- Seed by seed ---- */

static const struct metric_row *find(const struct experiment *experiment,
                                     const struct metric_row *like, const struct number *number,
                                     const char *metric) {
    for (size_t i = 0; i < experiment->metric_count; i++) {
        const struct metric_row *row = &experiment->metrics[i];
        if (row->seed == like->seed && !strcmp(row->metric, metric) &&
            !strcmp(row->group, number->group) && !strcmp(row->method, like->method) &&
            !strcmp(row->split, like->split) && !strcmp(row->dataset, like->dataset))
            return row;
    }
    return NULL;
}

static struct table *seed_table(struct arena *arena, const struct experiment *experiment,
                                const char *split, const char *type) {
    enum { SEED = SEEDS };
    static const struct table_column columns[COLUMNS] = {
        {.name = "dataset"}, {.name = "split"}, {.name = "method"}, {.title = "Method"},
        {.name = "seed", .title = "Seed"}, AP_COLUMNS(false)};
    struct table *table = table_new(
        arena, arena_format(arena, "lvis_seeds_%s_%s_%s", type, experiment->name, split),
        arena_format(arena, "Average precision of %s in points on the %s split of %s, seed by "
                            "seed.", type_word(type), split, experiment->name),
        columns, COLUMNS);
    const char *overall = metric_name(arena, type, &numbers[0]), *last = "";
    for (size_t m = 0; m <= experiment->methods.count; m++)
        for (size_t i = 0; i < experiment->metric_count; i++) {
            const struct metric_row *row = &experiment->metrics[i];
            const char *method =
                m < experiment->methods.count ? experiment->methods.names[m] : "bayes";
            if (strcmp(row->method, method) || strcmp(row->split, split) ||
                strcmp(row->group, "all") || strcmp(row->metric, overall))
                continue;
            struct table_cell *cells = table_add(table, strcmp(last, method) != 0);
            last = method;
            fill_key(arena, cells, row->dataset, split, method);
            cells[SEED].text = strcmp(method, "bayes") == 0
                                   ? "–"
                                   : arena_format(arena, "%lld", (long long)row->seed);
            for (size_t n = 0; n < LENGTH(numbers); n++) {
                const struct metric_row *found = find(experiment, row, &numbers[n],
                                                      metric_name(arena, type, &numbers[n]));
                if (found)
                    cells[FIRST + n].value = (struct summary){1, found->value, 0};
            }
        }
    return table;
}

/* ---- Calibration ---- */

#define CALIBRATION(name_, title_)                                                                 \
    { .name = name_, .title = title_, .kind = COLUMN_SPREAD, .scale = 1, .digits = 3 }

static struct table *calibration_table(struct arena *arena, const struct experiment *experiment,
                                       const char *split) {
    static const char *const groups[] = {"rare", "common", "frequent", "all"};
    static const struct table_column columns[] = {
        {.name = "dataset"}, {.name = "split"}, {.name = "method"}, {.title = "Method"},
        CALIBRATION("ece_rare", "ECE r"), CALIBRATION("ece_common", "ECE c"),
        CALIBRATION("ece_frequent", "ECE f"), CALIBRATION("ece_all", "ECE"),
        CALIBRATION("brier_all", "Brier")};
    struct table *table = table_new(
        arena, arena_format(arena, "lvis_calibration_%s_%s", experiment->name, split),
        arena_format(arena,
                     "Calibration of the scores of detections (is the score the share of those "
                     "that lie on an object of the category, IoU 0.5 or more?) on the %s split of "
                     "%s: expected calibration error (15 bins) by group, Brier score.",
                     split, experiment->name),
        columns, LENGTH(columns));
    for (size_t d = 0; d < experiment->datasets.count; d++)
        for (size_t m = 0; m <= experiment->methods.count; m++) {
            const char *dataset = experiment->datasets.names[d];
            const char *method =
                m < experiment->methods.count ? experiment->methods.names[m] : "bayes";
            if (!results_summary(experiment, dataset, split, method, "all", "detection_ece").count)
                continue;
            struct table_cell *cells = table_add(table, m == 0);
            fill_key(arena, cells, dataset, split, method);
            for (size_t g = 0; g < LENGTH(groups); g++)
                cells[TITLE + 1 + g].value = results_summary(experiment, dataset, split, method,
                                                             groups[g], "detection_ece");
            cells[TITLE + 1 + LENGTH(groups)].value = results_summary(
                experiment, dataset, split, method, "all", "detection_brier");
        }
    return table;
}

/* ---- What others published ---- */

static const struct published {
    const char *version, *detector, *method, *source;
    double ap, apr, apc, apf, box; /* points; negative: not given */
} published[] = {
    {"0.5", "Mask R-CNN R50-FPN", "Softmax", "2007.10740 Table 4", 23.7, 13.6, 24.0, 27.3, 24.0},
    {"0.5", "Mask R-CNN R50-FPN", "Sigmoid", "2007.10740 Table 4", 23.6, 12.7, 24.0, 27.3, 24.0},
    {"0.5", "Mask R-CNN R50-FPN", "Balanced Sigmoid", "2007.10740 Table 4", 26.3, 16.2, 27.3, 28.8,
     27.0},
    {"0.5", "Mask R-CNN R50-FPN", "Sigmoid, RFS", "code of 2007.10740", 24.1, 13.4, 24.3, 28.1,
     23.4},
    {"0.5", "Mask R-CNN R50-FPN", "Balanced Sigmoid, RFS, decoupled", "code of 2007.10740", 26.4,
     15.9, 27.3, 29.6, 25.9},
    {"1.0", "Mask R-CNN R50-FPN, 1x", "Softmax", "code of EQL v2", 16.1, 0.0, 12.0, 27.4, -1},
    {"1.0", "Mask R-CNN R50-FPN, 1x", "Softmax, RFS", "code of EQL v2", 22.2, 11.5, 21.2, 28.0,
     -1},
    {"1.0", "Mask R-CNN R50-FPN, 1x", "EQL v2", "code of EQL v2", 23.7, 14.9, 22.8, 28.6, 24.2},
    {"1.0", "Mask R-CNN R50-FPN, 180k", "Softmax", "code of DisAlign", 18.3, 1.0, 15.6, 28.9,
     18.8},
    {"1.0", "Mask R-CNN R50-FPN, 180k", "Softmax, RFS", "code of DisAlign", 22.5, 12.3, 20.9, 28.7,
     22.9},
    {"1.0", "Mask R-CNN R50-FPN, 180k", "DisAlign, cosine head", "code of DisAlign", 24.2, 13.2,
     23.8, 29.3, 24.7},
};

#define PUBLISHED(name_, title_)                                                                   \
    { .name = name_, .title = title_, .kind = COLUMN_NUMBER, .scale = 1, .digits = 1 }

static struct table *published_table(struct arena *arena, const struct experiment *experiment) {
    static const struct table_column columns[] = {
        {.name = "lvis", .title = "LVIS"}, {.name = "detector", .title = "Detector"},
        {.name = "method", .title = "Method"}, PUBLISHED("ap", "AP"), PUBLISHED("apr", "APr"),
        PUBLISHED("apc", "APc"), PUBLISHED("apf", "APf"), PUBLISHED("ap_box", "AP box"),
        {.name = "source", .title = "Source"}};
    struct table *table = table_new(
        arena, arena_format(arena, "lvis_published_%s", experiment->name),
        "PUBLISHED, OTHER DETECTOR AND DATA: average precision of masks (and boxes) in points of "
        "whole detectors trained on the real LVIS, as printed in papers or by the authors' code. "
        "Nothing here was run by this project; it shows what the tables beside it look like on "
        "the real set. No table of 2008.11037 itself was found.",
        columns, LENGTH(columns));
    for (size_t i = 0; i < LENGTH(published); i++) {
        const struct published *p = &published[i];
        const double values[] = {p->ap, p->apr, p->apc, p->apf, p->box};
        struct table_cell *cells =
            table_add(table, i == 0 || strcmp(p->source, published[i - 1].source) != 0);
        cells[0].text = p->version;
        cells[1].text = p->detector;
        cells[2].text = p->method;
        for (size_t k = 0; k < LENGTH(values); k++)
            if (values[k] >= 0)
                cells[3 + k].value = (struct summary){1, values[k], 0};
        cells[8].text = p->source;
    }
    return table;
}

void add_lvis_tables(struct arena *arena, const struct experiment *experiment,
                     struct report_tables *tables) {
    static const char *const types[] = {"bbox", "segm"};
    bool any = false;
    for (size_t s = 0; s < experiment->splits.count; s++) {
        const char *split = experiment->splits.names[s];
        for (size_t t = 0; t < LENGTH(types); t++) {
            struct table *table = ap_table(arena, experiment, split, types[t]);
            any = any || table->row_count;
            report_add_table(arena, tables, table, experiment, s > 0);
            report_add_table(arena, tables, gain_table(arena, experiment, split, types[t]),
                             experiment, s > 0);
            report_add_table(arena, tables, seed_table(arena, experiment, split, types[t]),
                             experiment, true);
        }
        report_add_table(arena, tables, calibration_table(arena, experiment, split), experiment,
                         true);
    }
    if (any)
        report_add_table(arena, tables, published_table(arena, experiment), experiment, false);
}
