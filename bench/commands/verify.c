/* SPDX-License-Identifier: MIT
 *
 * balact verify: every implementation against the reference, worst errors beside their bounds.
 */
#include "bench/measure/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/program.h"
#include "datasets/output.h"

/* Worst of all cases and sets, for the table. */
struct summary {
    int64_t comparisons, breaches;
    double worst;
    char where[96];
};

enum { MOST_BACKENDS = 8 };

struct context {
    FILE *csv; /* NULL if not asked for */
    const struct balact_backend *backends[MOST_BACKENDS];
    size_t count;
    struct summary table[MOST_BACKENDS][DTYPE_COUNT][BALACT_ACTIVATION_COUNT]
                        [BALACT_OPERATION_COUNT][QUANTITY_COUNT];
    /* Runs that a kernel refused because of the type. */
    int64_t refused[MOST_BACKENDS][DTYPE_COUNT][BALACT_ACTIVATION_COUNT][BALACT_OPERATION_COUNT];
    int64_t comparisons, breaches, unsupported;
};

static double measure_of(const struct verify_row *row) {
    return isnan(row->bound_ulp) ? row->worst.relative : row->worst.ulp;
}

/* A cell that does not apply stays empty. */
static void print_bound(FILE *file, double bound) {
    if (isnan(bound))
        fputs(",", file);
    else
        fprintf(file, ",%g", bound);
}

static void write_csv(FILE *csv, const struct verify_row *row) {
    bool skip = row->verdict == VERDICT_SKIP;
    fprintf(csv, "%s,%s,%s,%s,%s,%s,%" PRId64 ",%" PRId64 ",%s,%.9g",
            balact_activation_info(row->activation)->name, balact_operation_name(row->operation),
            row->set->name, row->backend->name, dtype_name(row->dtype), row->kernel_case->name,
            row->kernel_case->rows, row->kernel_case->cols,
            skip ? "all" : quantity_name(row->quantity), row->worst.ulp);
    print_bound(csv, row->bound_ulp);
    fprintf(csv, ",%.9g", row->worst.relative);
    print_bound(csv, row->bound_relative);
    fprintf(csv, ",%s\n", verdict_name(row->verdict));
}

static void print_breach(const struct verify_row *row) {
    printf("  FAIL %s %s of %s in %s, case %s, options %s, row %" PRId64 " column %" PRId64
           ": %s %.9g, reference %.9g (%.3g ULP, %.3g relative)%s%s\n",
           row->backend->name, balact_operation_name(row->operation),
           balact_activation_info(row->activation)->name, dtype_name(row->dtype),
           row->kernel_case->name, row->set->name, row->worst.row, row->worst.col,
           quantity_name(row->quantity), row->worst.value, row->worst.expected, row->worst.ulp,
           row->worst.relative, row->damage ? "; " : "", row->damage ? row->damage : "");
}

/* A kernel without the type: the first refusal stands for all in the CSV. */
static void take_refusal(const struct verify_row *row, struct context *context, size_t b) {
    int64_t *refused = &context->refused[b][row->dtype][row->activation][row->operation];
    if ((*refused)++ > 0)
        return;
    context->unsupported++;
    if (context->csv)
        write_csv(context->csv, row);
}

static void take(const struct verify_row *row, void *data) {
    struct context *context = data;
    size_t b = 0;
    while (context->backends[b] != row->backend)
        b++;
    if (row->verdict == VERDICT_SKIP) {
        take_refusal(row, context, b);
        return;
    }
    struct summary *summary =
        &context->table[b][row->dtype][row->activation][row->operation][row->quantity];
    double measure = measure_of(row);
    if (context->csv)
        write_csv(context->csv, row);
    if (summary->comparisons++ == 0 || measure > summary->worst) {
        summary->worst = measure;
        snprintf(summary->where, sizeof summary->where, "%s, %s", row->kernel_case->name,
                 row->set->name);
    }
    context->comparisons++;
    if (row->verdict == VERDICT_PASS)
        return;
    summary->breaches++;
    if (context->breaches++ < 20)
        print_breach(row);
}

static void print_line(const struct summary *s, enum balact_dtype dtype, int a, int o, int q) {
    const struct balact_activation_info *info = balact_activation_info(a);
    bool ulp = q == QUANTITY_PROBABILITY || q == QUANTITY_GRADIENT;
    if (s->comparisons == 0)
        return;
    printf("  %-17s %-19s %-5s %-12s %8.3g %-3s %6.2g %-3s  %-7s %s\n", info->name,
           balact_operation_name(o), dtype_name(dtype), quantity_name(q), s->worst,
           ulp ? "ULP" : "rel",
           q == QUANTITY_PROBABILITY ? info->probability_ulp
           : ulp                     ? info->gradient_ulp
                                     : info->loss_relative,
           ulp ? "ULP" : "rel", s->breaches ? "FAIL" : "PASS", s->where);
}

static void print_table(const struct context *context, size_t b) {
    const struct balact_backend *backend = context->backends[b];
    printf("%s (%s)%s\n", backend->name, backend->description,
           strcmp(backend->name, "reference") ? ""
                                              : " against itself: stray writes are all this finds");
    printf("  %-17s %-19s %-5s %-12s %12s %10s  %-7s worst at\n", "activation", "operation", "type",
           "values", "worst", "bound", "verdict");
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (int o = 0; o < BALACT_OPERATION_COUNT; o++)
            for (int d = 0; d < DTYPE_COUNT; d++)
                for (int q = 0; q < QUANTITY_COUNT; q++)
                    print_line(&context->table[b][d][a][o][q], (enum balact_dtype)d, a, o, q);
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (int o = 0; o < BALACT_OPERATION_COUNT; o++)
            for (int d = 0; d < DTYPE_COUNT; d++)
                if (context->refused[b][d][a][o])
                    printf("  SKIP %s has no %s of %s %s: not supported (%" PRId64 " cases)\n",
                           backend->name, dtype_name((enum balact_dtype)d),
                           balact_activation_info(a)->name, balact_operation_name(o),
                           context->refused[b][d][a][o]);
}

/* The backends to verify: those asked for that can run here. The reference is the judge and is only
 * walked where nothing else is, or by name. Returns how many were skipped. */
static int choose(struct context *context, const char *only) {
    size_t count;
    int skipped = 0;
    const struct balact_backend *const *backends = balact_backends(&count);
    for (size_t b = 0; b < count && context->count < MOST_BACKENDS; b++) {
        char why[256] = "";
        bool reference = !strcmp(backends[b]->name, "reference");
        if (only ? strcmp(only, backends[b]->name) != 0 : reference && context->count > 0)
            continue;
        if (backends[b]->usable(why, sizeof why)) {
            context->backends[context->count++] = backends[b];
        } else {
            printf("SKIP %s: %s\n", backends[b]->name, why);
            skipped++;
        }
    }
    return skipped;
}

int balact_command_verify(int argc, char **argv) {
    const char *only = NULL, *csv_path = NULL, *only_type = NULL;
    int64_t seed = 20200718, threads = 0;
    bool small = false;
    const struct option_row rows[] = {
        {"backend", OPTION_STRING, &only, "NAME", "verify this backend alone"},
        {"dtype", OPTION_STRING, &only_type, "f32|f16|bf16", "verify this storage type alone"},
        {"csv", OPTION_STRING, &csv_path, "FILE", "write every comparison to FILE"},
        {"seed", OPTION_INTEGER, &seed, "N", "seed of the inputs"},
        {"threads", OPTION_INTEGER, &threads, "N", "threads of the CPU backends, 0 for all"},
        {"small", OPTION_FLAG, &small, NULL, "leave out cases of more than 4096 columns"},
    };
    int extra =
        options_parse(argc, argv, "verify [options]",
                      "Checks every activation, operation, storage type, option set and case "
                      "of every backend\nagainst the reference; exits 1 if any is out of "
                      "its bound.",
                      rows, sizeof rows / sizeof *rows);
    if (extra)
        die(EXIT_BAD_INPUT, "verify: does not understand '%s'", argv[1]);
    if (only && !balact_backend_find(only))
        die(EXIT_BAD_INPUT, "verify: no backend '%s' in this build; see balact info", only);
    if (only_type && dtype_find(only_type) < 0)
        die(EXIT_BAD_INPUT, "verify: --dtype wants f32, f16 or bf16, not '%s'", only_type);
    use_threads(argv[0], threads);
    struct balact_output output = {0};
    struct balact_error error;
    if (csv_path) {
        die_unless_ok(balact_output_open(&output, csv_path, &error), &error);
        fputs("activation,operation,options,backend,dtype,case,rows,cols,values,max_ulp,"
              "bound_ulp,max_relative,bound_relative,verdict\n",
              output.file);
    }
    static struct context context; /* large, and zero at the start */
    context.csv = output.file;
    printf("verify: seed %" PRId64 ", %d threads\n", seed, balact_threads());
    int skipped = choose(&context, only);
    struct verify_request request = {.backends = context.backends,
                                     .count = context.count,
                                     .seed = (uint64_t)seed,
                                     .small = small,
                                     .report = take,
                                     .context = &context};
    for (int d = 0; d < DTYPE_COUNT; d++)
        request.leave[d] = only_type && dtype_find(only_type) != d;
    balact_status status = verify_backends(&request, &error);
    if (status != BALACT_OK)
        balact_output_abandon(&output);
    die_unless_ok(status, &error);
    for (size_t b = 0; b < context.count; b++)
        print_table(&context, b);
    if (csv_path)
        die_unless_ok(balact_output_commit(&output, &error), &error);
    printf("verify: %zu backends, %" PRId64 " comparisons, %" PRId64 " out of bound, %" PRId64
           " kernels without a type, %d backends skipped: %s\n",
           context.count, context.comparisons, context.breaches, context.unsupported, skipped,
           context.breaches      ? "FAIL"
           : context.comparisons ? "PASS"
                                 : "SKIP");
    if (context.breaches || (only && skipped))
        return EXIT_CHECK_FAILED;
    return EXIT_FINE;
}
