/* SPDX-License-Identifier: MIT
 *
 * Judging claims by the results of a run:
 *
 *   value        the metric of a method
 *   difference   method - baseline, seed by seed
 *   ratio        method / baseline, of the means
 *   monotone     the smallest step of the metric (with a baseline: of the difference) from one data
 *                set to the next larger one, in an experiment over sample size
 *   verify       rows of verify.csv: the worst error, or how many rows breach their bound
 *
 * Where a claim stands for several data sets or methods ("*"), each must hold it, and the one that
 * is nearest to failing is the one shown.
 */
#include "plots/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plots/claims.h"

const char claim_kinds[] = "value, difference, ratio, monotone, verify";

bool claim_kind_known(const char *kind) {
    static const char *const kinds[] = {"value", "difference", "ratio", "monotone", "verify"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kind, kinds[i]))
            return true;
    return false;
}

bool claim_kind_needs_baseline(const char *kind) {
    return !strcmp(kind, "difference") || !strcmp(kind, "ratio");
}

/* How far a number is inside the bounds; negative outside, NaN for NaN. */
static double margin(const struct claim *claim, double found) {
    double below = found - (claim->minimum - claim->tolerance);
    double above = claim->maximum + claim->tolerance - found;
    return below < above ? below : isnan(below) ? below : above;
}

/* Takes a finding into the claim if it is the worst so far. */
static void take(struct claim *claim, double *worst, struct summary found, const char *where) {
    double here = margin(claim, found.mean);
    if (claim->found.count && !(here < *worst) && !isnan(here))
        return;
    *worst = here;
    claim->found = found;
    claim->detail = where;
    claim->verdict = here >= 0 ? VERDICT_PASS : VERDICT_FAIL; /* NaN fails */
}

static void skip(struct arena *arena, struct claim *claim, const char *why) {
    claim->verdict = VERDICT_SKIP;
    claim->found = (struct summary){0, 0, 0};
    claim->detail = claim->run[0] ? arena_format(arena, "%s; to run it: %s", why, claim->run) : why;
}

/* The metric of a method; times are in throughput.csv and are called train_seconds,
 * inference_samples_per_second and so on. */
static struct summary measure(const struct experiment *experiment, const struct claim *claim,
                              const char *dataset, const char *method) {
    static const char *const phases[] = {"train", "inference"};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(phases[i]);
        if (!strncmp(claim->metric, phases[i], length) && claim->metric[length] == '_')
            return results_throughput(experiment, dataset, method, NULL, 0, phases[i],
                                      claim->metric + length + 1);
    }
    return results_summary(experiment, dataset, claim->split, method, claim->group, claim->metric);
}

static struct summary evaluate(const struct experiment *experiment, const struct claim *claim,
                               const char *dataset, const char *method) {
    struct summary left = measure(experiment, claim, dataset, method);
    if (!claim->baseline[0])
        return left;
    struct summary right = measure(experiment, claim, dataset, claim->baseline);
    if (!left.count || !right.count)
        return (struct summary){0, 0, 0};
    if (!strcmp(claim->kind, "ratio"))
        return (struct summary){1, left.mean / right.mean, 0};
    struct summary paired = results_difference(experiment, dataset, claim->split, method,
                                               claim->baseline, claim->group, claim->metric);
    /* times, or methods that were run with other seeds: the difference of the means */
    return paired.count ? paired : (struct summary){1, left.mean - right.mean, 0};
}

/* Whether a claim's cell names this one of several; "*" and an empty cell name all. */
static bool names_dataset(const struct claim *claim, const struct experiment *experiment,
                          size_t index) {
    const char *wanted = claim->dataset;
    if (!wanted[0] || !strcmp(wanted, "*"))
        return true;
    if (!strcmp(wanted, "@largest"))
        return index + 1 == experiment->datasets.count;
    if (!strcmp(wanted, "@smallest"))
        return index == 0;
    return !strcmp(wanted, experiment->datasets.names[index]);
}

static bool names_method(const struct claim *claim, const char *method) {
    if (!strcmp(claim->method, "*"))
        return strcmp(method, claim->baseline) != 0;
    return !strcmp(claim->method, method);
}

static const char *where_text(struct arena *arena, const struct claim *claim,
                              const struct experiment *experiment, const char *dataset,
                              const char *method) {
    bool many_data = experiment->datasets.count > 1, many_methods = !strcmp(claim->method, "*");
    if (!many_data && !many_methods)
        return "";
    return arena_format(arena, "%s%s%s%s", many_methods ? "nearest to its bound: " : "",
                        many_methods ? method_title(arena, method) : "",
                        many_methods && many_data ? ", " : "", many_data ? dataset : "");
}

/* The method names that a claim may stand for, the known optimum included. */
static struct name_list candidates(struct arena *arena, const struct experiment *experiment,
                                   const struct claim *claim) {
    struct name_list list = {NULL, 0};
    for (size_t i = 0; i < experiment->methods.count; i++)
        if (names_method(claim, experiment->methods.names[i]))
            name_list_add(arena, &list, experiment->methods.names[i]);
    if (!strcmp(claim->method, "bayes"))
        name_list_add(arena, &list, "bayes");
    return list;
}

static void skip_absent(struct arena *arena, struct claim *claim,
                        const struct experiment *experiment) {
    char there[512] = "";
    for (size_t i = 0, used = 0; i < experiment->methods.count && used < sizeof there; i++)
        used += (size_t)snprintf(there + used, sizeof there - used, "%s%s", i ? ", " : "",
                                 experiment->methods.names[i]);
    skip(arena, claim,
         arena_format(
             arena, "experiment %s has no %s of %s%s%s (group %s, split %s); its methods: %s",
             experiment->name, claim->metric, claim->method, claim->baseline[0] ? " and " : "",
             claim->baseline, claim->group[0] ? claim->group : "none",
             claim->split[0] ? claim->split : "none", there));
}

static void judge_each(struct arena *arena, struct claim *claim,
                       const struct experiment *experiment) {
    struct name_list methods = candidates(arena, experiment, claim);
    double worst = INFINITY;
    for (size_t d = 0; d < experiment->datasets.count; d++)
        for (size_t m = 0; m < methods.count && names_dataset(claim, experiment, d); m++) {
            const char *dataset = experiment->datasets.names[d], *method = methods.names[m];
            struct summary found = evaluate(experiment, claim, dataset, method);
            if (found.count)
                take(claim, &worst, found, where_text(arena, claim, experiment, dataset, method));
        }
    if (!claim->found.count)
        skip_absent(arena, claim, experiment);
}

static void judge_monotone(struct arena *arena, struct claim *claim,
                           const struct experiment *experiment) {
    struct name_list methods = candidates(arena, experiment, claim);
    double worst = INFINITY;
    for (size_t m = 0; m < methods.count && experiment->by_size; m++) {
        struct summary before = {0, 0, 0};
        for (size_t d = 0; d < experiment->datasets.count; d++) {
            const char *dataset = experiment->datasets.names[d];
            struct summary here = evaluate(experiment, claim, dataset, methods.names[m]);
            if (here.count && before.count)
                take(claim, &worst, (struct summary){1, here.mean - before.mean, 0},
                     arena_format(arena, "smallest step: to %s", dataset));
            before = here.count ? here : before;
        }
    }
    if (!claim->found.count)
        skip_absent(arena, claim, experiment);
}

/* "*" or an empty cell names all; else one of the words in the cell. */
static bool names_word(const char *cell, const char *word) {
    size_t length = strlen(word);
    if (!cell[0] || !strcmp(cell, "*"))
        return true;
    for (const char *at = cell; (at = strstr(at, word)) != NULL; at += length)
        if ((at == cell || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* Columns have these meanings here: method is the activation, baseline the backend, dataset the
 * operation, group the values. */
static void judge_verify(struct arena *arena, struct claim *claim,
                         const struct run_results *results) {
    bool breaches = !strcmp(claim->metric, "breaches"), ulp = !strcmp(claim->metric, "max_ulp");
    double count = 0, worst = INFINITY, ran = 0;
    for (size_t i = 0; i < results->verify_count; i++) {
        const struct verify_row *row = &results->verify[i];
        if (!names_word(claim->method, row->activation) ||
            !names_word(claim->baseline, row->backend) ||
            !names_word(claim->dataset, row->operation) || !names_word(claim->group, row->values) ||
            !strcmp(row->verdict, "SKIP"))
            continue;
        bool held = breaches || !isnan(ulp ? row->bound_ulp : row->bound_relative);
        if (!held)
            continue;
        ran++;
        count += !strcmp(row->verdict, "FAIL");
        if (!breaches)
            take(claim, &worst, (struct summary){1, ulp ? row->max_ulp : row->max_relative, 0},
                 arena_format(arena, "worst: %s %s of %s, case %s", row->activation, row->operation,
                              row->backend, row->which));
    }
    if (breaches && ran > 0)
        take(claim, &worst, (struct summary){1, count, 0},
             arena_format(arena, "%.0f comparisons", ran));
    if (ran == 0)
        skip(arena, claim,
             results->verify_count
                 ? arena_format(arena, "verify.csv has no row of %s on backend %s", claim->method,
                                claim->baseline)
                 : "there is no verify.csv in this run");
}

void claims_judge(struct arena *arena, struct claims *claims, const struct run_results *results) {
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *claim = &claims->list[i];
        const struct experiment *experiment = claim_experiment(claim, results);
        if (!strcmp(claim->kind, "verify"))
            judge_verify(arena, claim, results);
        else if (!experiment)
            skip(arena, claim,
                 strcmp(claim->experiment, "*")
                     ? arena_format(arena, "experiment %s is not in this run", claim->experiment)
                     : arena_format(arena, "no experiment of this run has the data set %s",
                                    claim->dataset));
        else if (!strcmp(claim->kind, "monotone"))
            judge_monotone(arena, claim, experiment);
        else
            judge_each(arena, claim, experiment);
    }
}
