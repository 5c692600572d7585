/* SPDX-License-Identifier: MIT
 *
 * Reading, judging and showing bars. See bars.h.
 */
#include "plots/bars.h"

#include <math.h>
#include <string.h>

enum {
    BAR,
    SOURCE,
    ACTIVATION,
    OP,
    DTYPE,
    ROWS,
    COLS,
    DIM,
    THREADS,
    IN_PLACE,
    CACHE,
    GRAD_INPUT,
    NUMERATOR,
    DENOMINATOR,
    COMPARISON,
    BOUND,
    COLUMN_COUNT
};

static const char *const column_names[COLUMN_COUNT] = {
    "bar",       "source",      "activation", "op",       "dtype", "rows",
    "cols",      "dim",         "threads",    "in_place", "cache", "grad_input",
    "numerator", "denominator", "comparison", "bound"};

/* ---- Reading ---- */

static bool one_of(const char *cell, const char *first, const char *second) {
    return !strcmp(cell, first) || !strcmp(cell, second);
}

/* Cells that a bar of kernels has and one of heads has not, and the other way round. */
static balact_status check_presence(const struct csv_table *table, size_t row, const size_t *at,
                                    bool head, struct balact_error *error) {
    static const int kernel_only[] = {OP, DTYPE, IN_PLACE, CACHE};
    static const int head_only[] = {DIM, GRAD_INPUT};
    static const int always[] = {BAR, ACTIVATION, NUMERATOR, DENOMINATOR};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (!csv_cell(table, row, at[always[i]])[0])
            return csv_fail(table, row, at[always[i]], error, "the cell is empty");
    for (size_t i = 0; i < sizeof kernel_only / sizeof *kernel_only; i++)
        if ((csv_cell(table, row, at[kernel_only[i]])[0] != '\0') == head)
            return csv_fail(table, row, at[kernel_only[i]], error, "%s",
                            head ? "a bar of head has no such cell" : "the cell is empty");
    for (size_t i = 0; i < sizeof head_only / sizeof *head_only; i++)
        if ((csv_cell(table, row, at[head_only[i]])[0] != '\0') != head)
            return csv_fail(table, row, at[head_only[i]], error, "%s",
                            head ? "the cell is empty" : "a bar of kernels has no such cell");
    return BALACT_OK;
}

static balact_status check_words(const struct csv_table *table, size_t row, const size_t *at,
                                 bool head, struct balact_error *error) {
    const char *flag = csv_cell(table, row, at[head ? GRAD_INPUT : IN_PLACE]);
    const char *denominator = csv_cell(table, row, at[DENOMINATOR]);
    if (!one_of(flag, "0", "1"))
        return csv_fail(table, row, at[head ? GRAD_INPUT : IN_PLACE], error,
                        "'%s' is not one of 0, 1", flag);
    if (!one_of(csv_cell(table, row, at[COMPARISON]), "<=", ">="))
        return csv_fail(table, row, at[COMPARISON], error,
                        "'%s' is not one of <=, >=", csv_cell(table, row, at[COMPARISON]));
    if (head && one_of(denominator, "limit", "plain"))
        return csv_fail(table, row, at[DENOMINATOR], error, "a head has no '%s'", denominator);
    if (!head && !strcmp(denominator, "gemm"))
        return csv_fail(table, row, at[DENOMINATOR], error, "a kernel has no 'gemm'");
    if (!strcmp(denominator, "plain") &&
        strncmp(csv_cell(table, row, at[ACTIVATION]), "balanced_", 9) != 0)
        return csv_fail(table, row, at[ACTIVATION], error,
                        "only a balanced activation has a plain one");
    return BALACT_OK;
}

/* A positive integer into *value. */
static balact_status read_count(const struct csv_table *table, size_t row, size_t col,
                                int64_t *value, struct balact_error *error) {
    balact_status status = csv_integer(table, row, col, value, error);
    if (status == BALACT_OK && *value < 1)
        return csv_fail(table, row, col, error, "%lld is not positive", (long long)*value);
    return status;
}

static balact_status read_numbers(const struct csv_table *table, size_t row, const size_t *at,
                                  struct bar *bar, struct balact_error *error) {
    balact_status status = read_count(table, row, at[ROWS], &bar->rows, error);
    if (status == BALACT_OK)
        status = read_count(table, row, at[COLS], &bar->cols, error);
    if (status == BALACT_OK)
        status = read_count(table, row, at[THREADS], &bar->threads, error);
    if (status == BALACT_OK && bar->head)
        status = read_count(table, row, at[DIM], &bar->dim, error);
    if (status == BALACT_OK)
        status = csv_finite(table, row, at[BOUND], &bar->bound, error);
    if (status == BALACT_OK && !(bar->bound > 0))
        return csv_fail(table, row, at[BOUND], error,
                        "'%s' is no bound: a ratio of times is positive",
                        csv_cell(table, row, at[BOUND]));
    return status;
}

static balact_status read_bar(const struct csv_table *table, size_t row, const size_t *at,
                              struct bar *bar, struct balact_error *error) {
    const char *cell[COLUMN_COUNT];
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        cell[i] = csv_cell(table, row, at[i]);
    if (!one_of(cell[SOURCE], "kernels", "head"))
        return csv_fail(table, row, at[SOURCE], error, "'%s' is not one of kernels, head",
                        cell[SOURCE]);
    *bar = (struct bar){.name = cell[BAR],
                        .head = !strcmp(cell[SOURCE], "head"),
                        .activation = cell[ACTIVATION],
                        .op = cell[OP],
                        .dtype = cell[DTYPE],
                        .in_place = !strcmp(cell[IN_PLACE], "1"),
                        .grad_input = !strcmp(cell[GRAD_INPUT], "1"),
                        .cache = cell[CACHE],
                        .numerator = cell[NUMERATOR],
                        .denominator = cell[DENOMINATOR],
                        .at_most = !strcmp(cell[COMPARISON], "<="),
                        .line = csv_line(table, row),
                        .verdict = VERDICT_SKIP,
                        .ratio = NAN,
                        .detail = ""};
    balact_status status = check_presence(table, row, at, bar->head, error);
    if (status == BALACT_OK)
        status = check_words(table, row, at, bar->head, error);
    return status == BALACT_OK ? read_numbers(table, row, at, bar, error) : status;
}

static bool same_bar(const struct bar *a, const struct bar *b) {
    return a->head == b->head && a->rows == b->rows && a->cols == b->cols && a->dim == b->dim &&
           a->threads == b->threads && a->in_place == b->in_place &&
           a->grad_input == b->grad_input && !strcmp(a->name, b->name) &&
           !strcmp(a->activation, b->activation) && !strcmp(a->op, b->op) &&
           !strcmp(a->dtype, b->dtype) && !strcmp(a->cache, b->cache) &&
           !strcmp(a->numerator, b->numerator) && !strcmp(a->denominator, b->denominator);
}

balact_status bars_load(struct arena *arena, const char *path, struct bars *bars,
                        struct balact_error *error) {
    size_t at[COLUMN_COUNT];
    *bars = (struct bars){.count = 0};
    balact_status status = csv_load(path, &bars->table, error);
    if (status != BALACT_OK)
        return status;
    const struct csv_table *table = &bars->table;
    status = csv_columns(table, column_names, COLUMN_COUNT, at, error);
    bars->list = arena_array(arena, table->rows, sizeof *bars->list);
    for (size_t i = 0; status == BALACT_OK && i < table->rows; i++) {
        status = read_bar(table, i, at, &bars->list[i], error);
        for (size_t j = 0; status == BALACT_OK && j < i; j++)
            if (same_bar(&bars->list[j], &bars->list[i]))
                status = csv_fail(table, i, at[BAR], error, "the same bar as line %lld",
                                  (long long)bars->list[j].line);
        bars->count = i + 1;
    }
    if (status != BALACT_OK)
        bars_release(bars);
    return status;
}

void bars_release(struct bars *bars) {
    csv_release(&bars->table);
    bars->list = NULL;
    bars->count = 0;
}

/* ---- Judging ---- */

/* One side of a ratio. */
struct side {
    const char *name; /* of the fastest that was found, else NULL */
    double seconds, limit_seconds, share_of_gemm;
    const char *wrong, *skipped; /* names of rows without times */
};

/* "best" stands for all of this library's backends; else the names divided by '|'. */
static bool selects(const char *selection, const char *backend) {
    size_t length = strlen(backend);
    if (!strcmp(selection, "best"))
        return backend_is_own(backend);
    for (const char *at = selection; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strcspn(at, "|") == length && !strncmp(at, backend, length))
            return true;
    return false;
}

static void take(struct side *side, enum timing_state state, const char *name, double seconds,
                 double limit_seconds, double share_of_gemm) {
    if (state == TIMING_UNVERIFIED)
        side->wrong = name;
    else if (state == TIMING_SKIPPED)
        side->skipped = name;
    else if (!side->name || seconds < side->seconds) {
        side->name = name;
        side->seconds = seconds;
        side->limit_seconds = limit_seconds;
        side->share_of_gemm = share_of_gemm;
    }
}

/* The fastest row of the bar's case that the selection allows. */
static struct side find_side(const struct bar *bar, const struct timings *timings,
                             const char *selection) {
    struct side side = {.name = NULL};
    for (size_t i = 0; !bar->head && i < timings->kernel_count; i++) {
        const struct kernel_timing *row = &timings->kernels[i];
        if (row->rows == bar->rows && row->cols == bar->cols && row->threads == bar->threads &&
            row->in_place == bar->in_place && !strcmp(row->op, bar->op) &&
            !strcmp(row->activation, bar->activation) && !strcmp(row->dtype, bar->dtype) &&
            !strcmp(row->cache, bar->cache) && selects(selection, row->backend))
            take(&side, row->state, row->backend, row->seconds.p50, row->limit_seconds, NAN);
    }
    for (size_t i = 0; bar->head && i < timings->head_count; i++) {
        const struct head_timing *row = &timings->heads[i];
        if (row->rows == bar->rows && row->classes == bar->cols && row->dim == bar->dim &&
            row->threads == bar->threads && row->grad_input == bar->grad_input &&
            !strcmp(row->activation, bar->activation) && selects(selection, row->implementation))
            take(&side, row->state, row->implementation, row->seconds.p50, NAN, row->share_of_gemm);
    }
    return side;
}

/* Whether the side has a time; otherwise the bar is done. A selection of this library's own
 * ("best", "balact") that computed wrongly fails; a peer's wrong answer only leaves nothing to
 * compare. */
static bool usable(struct arena *arena, struct bar *bar, const struct side *side,
                   const char *selection) {
    bool own = one_of(selection, "best", "balact") || backend_is_own(selection);
    if (own && side->wrong) {
        bar->verdict = VERDICT_FAIL;
        bar->detail = arena_format(arena, "the result of %s was not verified", side->wrong);
        return false;
    }
    if (side->name)
        return true;
    const char *file = bar->head ? "head.csv" : "kernels.csv";
    if (side->wrong)
        bar->detail = arena_format(arena, "the result of %s was not verified", side->wrong);
    else if (side->skipped)
        bar->detail = arena_format(arena, "%s was skipped in the run", side->skipped);
    else
        bar->detail = arena_format(arena, "%s has no row of '%s' for it", file, selection);
    return false;
}

/* Gives the verdict on a ratio of two measured numbers. */
static void settle(struct bar *bar, double ratio, const char *detail) {
    bar->ratio = ratio;
    bar->detail = detail;
    bar->verdict =
        (bar->at_most ? ratio <= bar->bound : ratio >= bar->bound) ? VERDICT_PASS : VERDICT_FAIL;
}

/* Denominators that are no row of their own: a cell of the numerator's row. */
static void judge_by_cell(struct arena *arena, struct bar *bar, const struct side *top) {
    bool limit = !strcmp(bar->denominator, "limit");
    double ratio = limit ? top->seconds / top->limit_seconds : top->share_of_gemm;
    if (isnan(ratio))
        bar->detail = arena_format(arena, "the row of %s has no %s", top->name,
                                   limit ? "limit_seconds" : "share_of_gemm");
    else
        settle(bar, ratio, arena_format(arena, "%s / %s", top->name, bar->denominator));
}

/* Against the plain activation of the same backend, which was timed in turns with it. */
static void judge_by_plain(struct arena *arena, struct bar *bar, const struct timings *timings,
                           const struct side *top) {
    const char *what = arena_format(arena, "plain_%s", top->name);
    for (size_t i = 0; i < timings->limit_count; i++) {
        const struct limit_timing *row = &timings->limits[i];
        if (row->rows == bar->rows && row->cols == bar->cols && row->threads == bar->threads &&
            row->in_place == bar->in_place && !strcmp(row->what, what) &&
            !strcmp(row->activation, bar->activation) && !strcmp(row->op, bar->op) &&
            !strcmp(row->dtype, bar->dtype) && !strcmp(row->cache, bar->cache)) {
            settle(bar, top->seconds / row->seconds.p50,
                   arena_format(arena, "%s / %s", top->name, what));
            return;
        }
    }
    bar->detail = arena_format(arena, "limits.csv has no row of '%s' for it", what);
}

static void judge_bar(struct arena *arena, struct bar *bar, const struct timings *timings) {
    if (bar->head ? !timings->has_heads : !timings->has_kernels) {
        bar->detail =
            arena_format(arena, "%s is not there", bar->head ? "head.csv" : "kernels.csv");
        return;
    }
    struct side top = find_side(bar, timings, bar->numerator);
    if (!usable(arena, bar, &top, bar->numerator))
        return;
    if (one_of(bar->denominator, "limit", "gemm")) {
        judge_by_cell(arena, bar, &top);
        return;
    }
    if (!strcmp(bar->denominator, "plain")) {
        judge_by_plain(arena, bar, timings, &top);
        return;
    }
    struct side bottom = find_side(bar, timings, bar->denominator);
    if (usable(arena, bar, &bottom, bar->denominator))
        settle(bar, top.seconds / bottom.seconds,
               arena_format(arena, "%s / %s", top.name, bottom.name));
}

void bars_judge(struct arena *arena, struct bars *bars, const struct timings *timings) {
    for (size_t i = 0; i < bars->count; i++)
        judge_bar(arena, &bars->list[i], timings);
}

size_t bars_count(const struct bars *bars, enum verdict verdict) {
    size_t count = 0;
    for (size_t i = 0; i < bars->count; i++)
        count += bars->list[i].verdict == verdict;
    return count;
}

/* ---- Showing ---- */

static const char *case_text(struct arena *arena, const struct bar *bar) {
    if (bar->head)
        return arena_format(arena, "%lldx%lld->%lld%s", (long long)bar->rows, (long long)bar->dim,
                            (long long)bar->cols, bar->grad_input ? " with dX" : "");
    return arena_format(
        arena, "%lldx%lld%s%s%s%s", (long long)bar->rows, (long long)bar->cols,
        strcmp(bar->dtype, "f32") ? " " : "", strcmp(bar->dtype, "f32") ? bar->dtype : "",
        bar->in_place ? " in place" : "", strcmp(bar->cache, "warm") ? " cold" : "");
}

struct table *bars_table(struct arena *arena, const struct bars *bars) {
    static const struct table_column columns[] = {
        {.name = "bar", .title = "Bar"},
        {.name = "case", .title = "Case"},
        {.name = "threads", .title = "Threads", .kind = COLUMN_NUMBER, .scale = 1},
        {.name = "ratio", .title = "Ratio", .kind = COLUMN_NUMBER, .scale = 1, .digits = 3},
        {.name = "comparison", .title = ""},
        {.name = "bound", .title = "Bound", .kind = COLUMN_NUMBER, .scale = 1, .digits = 2},
        {.name = "verdict", .title = "Verdict"},
        {.name = "detail", .title = "Of what, or why not"}};
    struct table *table = table_new(
        arena, "bars",
        "Bars: ratios of medians within one run, of verified results alone. Best is the fastest of "
        "this library's backends.",
        columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < bars->count; i++) {
        const struct bar *bar = &bars->list[i];
        struct table_cell *cells =
            table_add(table, i > 0 && strcmp(bar->name, bars->list[i - 1].name) != 0);
        cells[0].text = bar->name;
        cells[1].text = case_text(arena, bar);
        cells[2].value = (struct summary){1, (double)bar->threads, 0};
        cells[3].value = (struct summary){!isnan(bar->ratio), bar->ratio, 0};
        cells[4].text = bar->at_most ? "<=" : ">=";
        cells[5].value = (struct summary){1, bar->bound, 0};
        cells[6].text = verdict_name(bar->verdict);
        cells[7].text = bar->detail;
    }
    return table;
}
