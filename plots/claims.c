/* SPDX-License-Identifier: MIT
 *
 * Reading, showing and saving claims; judge.c judges them. See claims.h.
 */
#include "plots/claims.h"

#include <math.h>
#include <string.h>

#include "datasets/output.h"
#include "plots/judge.h"
#include "plots/table.h"

enum {
    ID,
    SOURCE,
    TEXT,
    KIND,
    EXPERIMENT,
    DATASET,
    SPLIT,
    METHOD,
    BASELINE,
    GROUP,
    METRIC,
    MINIMUM,
    MAXIMUM,
    TOLERANCE,
    RUN,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    "id",       "source", "text",   "kind",    "experiment", "dataset",   "split", "method",
    "baseline", "group",  "metric", "minimum", "maximum",    "tolerance", "run"};

/* Cells that a kind cannot do without. */
static balact_status check_cells(const struct csv_table *table, size_t row, const size_t *at,
                                 const struct claim *claim, struct balact_error *error) {
    static const int always[] = {ID, TEXT, KIND, EXPERIMENT, METHOD, METRIC};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (!csv_cell(table, row, at[always[i]])[0])
            return csv_fail(table, row, at[always[i]], error, "the cell is empty");
    if (!claim_kind_known(claim->kind))
        return csv_fail(table, row, at[KIND], error, "no kind '%s'; there are: %s", claim->kind,
                        claim_kinds);
    if (claim_kind_needs_baseline(claim->kind) && !claim->baseline[0])
        return csv_fail(table, row, at[BASELINE], error, "a claim of kind '%s' needs a baseline",
                        claim->kind);
    if (isinf(claim->minimum) && isinf(claim->maximum))
        return csv_fail(table, row, at[MINIMUM], error,
                        "neither minimum nor maximum: nothing could make the claim false");
    if (!(claim->minimum <= claim->maximum) || !(claim->tolerance >= 0))
        return csv_fail(table, row, at[MINIMUM], error,
                        "minimum above maximum, a negative tolerance, or not a number");
    return BALACT_OK;
}

static balact_status read_bound(const struct csv_table *table, size_t row, size_t col,
                                double absent, double *value, struct balact_error *error) {
    bool present;
    balact_status status = csv_optional(table, row, col, value, &present, error);
    if (!present)
        *value = absent;
    return status;
}

static balact_status read_claim(const struct csv_table *table, size_t row, const size_t *at,
                                struct claim *claim, struct balact_error *error) {
    const char *cell[COLUMN_COUNT];
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        cell[i] = csv_cell(table, row, at[i]);
    *claim = (struct claim){.id = cell[ID],
                            .source = cell[SOURCE],
                            .text = cell[TEXT],
                            .kind = cell[KIND],
                            .experiment = cell[EXPERIMENT],
                            .dataset = cell[DATASET],
                            .split = cell[SPLIT],
                            .method = cell[METHOD],
                            .baseline = cell[BASELINE],
                            .group = cell[GROUP],
                            .metric = cell[METRIC],
                            .run = cell[RUN],
                            .line = csv_line(table, row),
                            .verdict = VERDICT_SKIP,
                            .detail = ""};
    balact_status status = read_bound(table, row, at[MINIMUM], -INFINITY, &claim->minimum, error);
    if (status == BALACT_OK)
        status = read_bound(table, row, at[MAXIMUM], INFINITY, &claim->maximum, error);
    if (status == BALACT_OK)
        status = read_bound(table, row, at[TOLERANCE], 0, &claim->tolerance, error);
    return status == BALACT_OK ? check_cells(table, row, at, claim, error) : status;
}

balact_status claims_load(struct arena *arena, const char *path, struct claims *claims,
                          struct balact_error *error) {
    size_t at[COLUMN_COUNT];
    *claims = (struct claims){.count = 0};
    balact_status status = csv_load(path, &claims->table, error);
    if (status != BALACT_OK)
        return status;
    const struct csv_table *table = &claims->table;
    status = csv_columns(table, column_names, COLUMN_COUNT, at, error);
    claims->list = arena_array(arena, table->rows, sizeof *claims->list);
    for (size_t i = 0; status == BALACT_OK && i < table->rows; i++) {
        status = read_claim(table, i, at, &claims->list[i], error);
        for (size_t j = 0; status == BALACT_OK && j < i; j++)
            if (!strcmp(claims->list[j].id, claims->list[i].id))
                status = csv_fail(table, i, at[ID], error, "'%s' is also the claim of line %lld",
                                  claims->list[i].id, (long long)claims->list[j].line);
        claims->count = i + 1;
    }
    if (status != BALACT_OK)
        claims_release(claims);
    return status;
}

void claims_release(struct claims *claims) {
    csv_release(&claims->table);
    *claims = (struct claims){.count = 0};
}

static bool same_name(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
            return false;
    return *a == *b;
}

const struct experiment *claim_experiment(const struct claim *claim,
                                          const struct run_results *results) {
    for (size_t i = 0; i < results->experiment_count; i++) {
        const struct experiment *experiment = &results->experiments[i];
        if (!strcmp(claim->experiment, "*") ? name_list_holds(&experiment->datasets, claim->dataset)
                                            : same_name(claim->experiment, experiment->name))
            return experiment;
    }
    return NULL;
}

void claims_order(const struct claims *claims, struct run_results *results) {
    size_t placed = 0;
    for (size_t i = 0; i < claims->count; i++) {
        const struct experiment *found = claim_experiment(&claims->list[i], results);
        size_t at = found ? (size_t)(found - results->experiments) : 0;
        if (!found || at < placed)
            continue;
        struct experiment moved = *found;
        memmove(&results->experiments[placed + 1], &results->experiments[placed],
                (at - placed) * sizeof moved);
        results->experiments[placed++] = moved;
    }
}

size_t claims_count(const struct claims *claims, enum verdict verdict) {
    size_t count = 0;
    for (size_t i = 0; i < claims->count; i++)
        count += claims->list[i].verdict == verdict;
    return count;
}

/* Accuracies and errors are fractions in files and points for readers. */
static bool in_points(const struct claim *claim) {
    static const char *const metrics[] = {"top1", "top5", "balanced_error", "map", "ece"};
    if (!strcmp(claim->kind, "ratio"))
        return false;
    if (!strncmp(claim->metric, "bbox_", 5) || !strncmp(claim->metric, "segm_", 5))
        return true;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        if (!strcmp(claim->metric, metrics[i]))
            return true;
    return false;
}

static const char *number_text(struct arena *arena, const struct claim *claim, double value,
                               bool sign) {
    bool points = in_points(claim);
    double shown = points ? 100 * value : value;
    const char *mark = shown < 0 ? "\xe2\x88\x92" : sign && shown > 0 ? "+" : "";
    if (points)
        return arena_format(arena, "%s%.2f", mark, fabs(shown));
    return arena_format(arena, "%s%.4g", mark, fabs(shown));
}

/* What follows a number: " points", " ULP" or nothing. */
static const char *unit_text(const struct claim *claim) {
    return in_points(claim) ? " points" : !strcmp(claim->metric, "max_ulp") ? " ULP" : "";
}

const char *claim_found_text(struct arena *arena, const struct claim *claim) {
    bool sign = claim_kind_needs_baseline(claim->kind) && strcmp(claim->kind, "ratio") != 0;
    if (claim->found.count == 0)
        return "\xe2\x80\x93";
    const char *mean = number_text(arena, claim, claim->found.mean, sign);
    if (claim->found.count == 1)
        return arena_format(arena, "%s%s", mean, unit_text(claim));
    return arena_format(arena, "%s \xc2\xb1 %s%s, %lld seeds", mean,
                        number_text(arena, claim, summary_deviation(&claim->found), false),
                        unit_text(claim), (long long)claim->found.count);
}

const char *claim_wanted_text(struct arena *arena, const struct claim *claim) {
    const char *low = number_text(arena, claim, claim->minimum, false);
    const char *high = number_text(arena, claim, claim->maximum, false);
    const char *unit = unit_text(claim), *give = "";
    if (claim->tolerance > 0)
        give = arena_format(arena, ", tolerance %s",
                            number_text(arena, claim, claim->tolerance, false));
    if (isinf(claim->maximum))
        return arena_format(arena, "at least %s%s%s", low, unit, give);
    if (isinf(claim->minimum))
        return arena_format(arena, "at most %s%s%s", high, unit, give);
    return arena_format(arena, "%s to %s%s%s", low, high, unit, give);
}

static void write_number(FILE *file, double value, bool present) {
    fputc(',', file);
    if (present)
        fprintf(file, "%.9g", value);
}

static void write_claim(FILE *file, const struct claim *claim) {
    const char *texts[] = {claim->kind,   claim->experiment, claim->dataset, claim->split,
                           claim->method, claim->baseline,   claim->group,   claim->metric,
                           claim->source, claim->text,       claim->detail};
    write_csv_text(file, claim->id);
    fprintf(file, ",%s", verdict_name(claim->verdict));
    write_number(file, claim->found.mean, claim->found.count > 0);
    write_number(file, summary_deviation(&claim->found), claim->found.count > 1);
    fprintf(file, ",%lld", (long long)claim->found.count);
    write_number(file, claim->minimum, !isinf(claim->minimum));
    write_number(file, claim->maximum, !isinf(claim->maximum));
    write_number(file, claim->tolerance, true);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fputc(',', file);
        write_csv_text(file, texts[i]);
    }
    fputc('\n', file);
}

balact_status claims_save(const struct claims *claims, const char *path,
                          struct balact_error *error) {
    struct balact_output output;
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    fputs(
        "id,verdict,found,deviation,seeds,minimum,maximum,tolerance,kind,experiment,dataset,split,"
        "method,baseline,group,metric,source,text,detail\n",
        output.file);
    for (size_t i = 0; i < claims->count; i++)
        write_claim(output.file, &claims->list[i]);
    return balact_output_commit(&output, error);
}
