/* SPDX-License-Identifier: MIT
 *
 * The rows of verify.csv, brought down to the worst of each activation, operation, backend and
 * storage type. See
 * report.h.
 */
#include <math.h>
#include <string.h>

#include "balact/activations.h"
#include "plots/report.h"

const char *activation_title(const char *name) {
#define TITLE(ID, known, title, ...)                                                               \
    if (!strcmp(name, #known))                                                                     \
        return title;
    BALACT_ACTIVATION_LIST(TITLE)
#undef TITLE
    return name;
}

/* Whether a row with this bound belongs to a summary with that one: if either has none, or equal
 * ones. */
static bool same_bound(double a, double b) {
    return isnan(a) || isnan(b) || a == b;
}

static struct verify_summary *find(struct verify_summary *list, size_t count,
                                   const struct verify_row *row) {
    for (size_t i = count; i-- > 0;) /* the last ones are the likeliest: rows come in runs */
        if (!strcmp(list[i].activation, row->activation) &&
            !strcmp(list[i].operation, row->operation) && !strcmp(list[i].backend, row->backend) &&
            !strcmp(list[i].dtype, row->dtype) && same_bound(list[i].bound_ulp, row->bound_ulp) &&
            same_bound(list[i].bound_relative, row->bound_relative))
            return &list[i];
    return NULL;
}

/* Takes an error into the worst so far, if there is a bound for it. */
static void take(double *worst, double *bound, double row_error, double row_bound) {
    if (isnan(row_bound))
        return;
    *bound = row_bound;
    if (isnan(*worst) || row_error > *worst)
        *worst = row_error;
}

struct verify_summary *verify_summaries(struct arena *arena, const struct run_results *results,
                                        size_t *count) {
    struct verify_summary *list = arena_array(arena, results->verify_count, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < results->verify_count; i++) {
        const struct verify_row *row = &results->verify[i];
        struct verify_summary *found = find(list, *count, row);
        if (!found) {
            found = &list[(*count)++];
            *found = (struct verify_summary){row->activation,
                                             row->operation,
                                             row->backend,
                                             row->dtype,
                                             row->verdict,
                                             0,
                                             NAN,
                                             NAN,
                                             NAN,
                                             NAN};
        }
        bool ran = strcmp(row->verdict, "SKIP") != 0;
        if (!strcmp(row->verdict, "FAIL") || (ran && !strcmp(found->verdict, "SKIP")))
            found->verdict = row->verdict;
        if (!ran)
            continue;
        found->comparisons++;
        take(&found->max_ulp, &found->bound_ulp, row->max_ulp, row->bound_ulp);
        take(&found->max_relative, &found->bound_relative, row->max_relative, row->bound_relative);
    }
    return list;
}
