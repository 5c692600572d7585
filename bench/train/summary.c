/* SPDX-License-Identifier: MIT
 *
 * The closing table of `balact train`.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/train/experiment.h"

struct spread {
    double sum, squares;
    int n;
};

static void take(struct spread *spread, double value) {
    spread->sum += value;
    spread->squares += value * value;
    spread->n++;
}

static double mean_of(const struct spread *spread) {
    return spread->sum / spread->n;
}

/* Sample deviation (n - 1). */
static double deviation_of(const struct spread *spread) {
    double mean = mean_of(spread), variance = spread->squares / spread->n - mean * mean;
    return spread->n > 1 && variance > 0 ? sqrt(variance * spread->n / (spread->n - 1)) : 0;
}

static void print_cell(const struct spread *spread) {
    char text[32] = "-";
    if (spread->n > 1)
        snprintf(text, sizeof text, "%.2f +- %.2f", 100 * mean_of(spread),
                 100 * deviation_of(spread));
    else if (spread->n == 1)
        snprintf(text, sizeof text, "%.2f", 100 * mean_of(spread));
    printf("  %14s", text);
}

/* One line for the rows of one data set and method, which begin at `first`. */
static void print_line(const struct experiment *e, size_t first) {
    static const int order[] = {BALACT_GROUP_ALL, BALACT_GROUP_MANY, BALACT_GROUP_MEDIUM,
                                BALACT_GROUP_FEW};
    const struct summary_row *head = &e->summary[first];
    struct spread group[BALACT_GROUP_COUNT + 1] = {{0, 0, 0}}, rate = {0, 0, 0};
    for (size_t i = first; i < e->summary_count; i++) {
        const struct summary_row *row = &e->summary[i];
        if (strcmp(row->dataset, head->dataset) || strcmp(row->method, head->method))
            continue;
        for (int g = 0; g <= BALACT_GROUP_COUNT; g++)
            if (row->present[g])
                take(&group[g], row->top1[g]);
        take(&rate, row->train_rate);
    }
    printf("%-46s", head->title);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        print_cell(&group[order[i]]);
    if (head->train_rate > 0)
        printf("  %12.0f\n", mean_of(&rate));
    else
        printf("  %12s\n", "-");
}

static bool seen_before(const struct experiment *e, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (!strcmp(e->summary[i].dataset, e->summary[index].dataset) &&
            !strcmp(e->summary[i].method, e->summary[index].method))
            return true;
    return false;
}

/* ---- LVIS ---- */

static void print_lvis_line(const struct experiment *e, size_t first) {
    struct spread value[LVIS_SUMMARY_VALUES] = {{0, 0, 0}};
    const struct lvis_summary_row *head = &e->lvis_summary[first];
    for (size_t i = first; i < e->lvis_summary_count; i++) {
        const struct lvis_summary_row *row = &e->lvis_summary[i];
        for (int v = 0; v < LVIS_SUMMARY_VALUES; v++)
            if (!strcmp(row->title, head->title) && row->masks == head->masks &&
                isfinite(row->value[v]))
                take(&value[v], row->value[v]);
    }
    printf("%-20s", head->title);
    for (int v = 0; v < LVIS_SUMMARY_VALUES; v++)
        print_cell(&value[v]);
    putchar('\n');
}

static void print_lvis_summary(const struct experiment *e, bool masks) {
    bool begun = false;
    for (size_t i = 0; i < e->lvis_summary_count; i++) {
        bool seen = e->lvis_summary[i].masks != masks;
        for (size_t k = 0; k < i && !seen; k++)
            seen = e->lvis_summary[k].masks == masks &&
                   !strcmp(e->lvis_summary[k].title, e->lvis_summary[i].title);
        if (seen)
            continue;
        if (!begun)
            printf("\n%s of val, in points, mean and deviation over %zu seed%s\n%-20s  %14s  %14s  "
                   "%14s  %14s  %14s  %14s\n",
                   masks ? "Masks" : "Boxes", e->settings->seed_count,
                   e->settings->seed_count > 1 ? "s" : "", "method", "AP", "AP50", "AP75", "APr",
                   "APc", "APf");
        begun = true;
        print_lvis_line(e, i);
    }
}

void experiment_print_summary(const struct experiment *e) {
    print_lvis_summary(e, false);
    print_lvis_summary(e, true);
    for (size_t i = 0; i < e->summary_count; i++) {
        if (seen_before(e, i))
            continue;
        if (i == 0 || strcmp(e->summary[i].dataset, e->summary[i - 1].dataset))
            printf("\n%s, split %s: top-1 in points, mean and deviation over %zu seed%s, last "
                   "epoch\n%-46s  %14s  %14s  %14s  %14s  %12s\n",
                   e->summary[i].dataset, balact_split_name(e->summary_split),
                   e->settings->seed_count, e->settings->seed_count > 1 ? "s" : "", "method", "all",
                   "many", "medium", "few", "train rows/s");
        print_line(e, i);
    }
}
