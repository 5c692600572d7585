/* SPDX-License-Identifier: MIT
 *
 * See kernels.h: the rows of the CSV files and the lines of the table.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "bench/measure/kernels.h"

void kernels_write_headers(const struct kernels_files *files) {
    fputs("activation,op,backend,dtype,rows,cols,threads,in_place,cache,seconds_p10,seconds_p50,"
          "seconds_p90,samples,bytes_min,limit_seconds,fraction_of_limit,max_error,verified\n",
          files->kernels);
    fputs("activation,op,backend,dtype,rows,cols,threads,in_place,cache,sample,repeats,seconds\n",
          files->samples);
    fputs("what,activation,op,dtype,rows,cols,threads,in_place,cache,bytes,seconds_p10,"
          "seconds_p50,seconds_p90,samples,bytes_per_second,seconds_per_element\n",
          files->limits);
    fputs("contestant,activation,op,dtype,reason\n", files->skipped);
}

/* The operation without how it writes. */
static const char *op_of(const struct contest *contest, int *in_place) {
    enum balact_operation o = contest->operation;
    *in_place = o == BALACT_FORWARD_IN_PLACE || o == BALACT_LOSS_GRAD_IN_PLACE;
    return balact_operation_name(timed_expectation(o));
}

/* The cells that say which problem it is: from the activation to the cache, `name` among them. */
static void write_problem(FILE *file, const struct contest *contest, const char *name) {
    const struct timed_data *data = contest->data;
    int in_place;
    const char *op = op_of(contest, &in_place);
    fprintf(file, "%s,%s,%s%s%s,%" PRId64 ",%" PRId64 ",%d,%d,%s",
            balact_activation_info(data->activation)->name, op, name ? name : "", name ? "," : "",
            dtype_name(data->dtype), data->shape->rows, data->shape->cols, contest->threads,
            in_place, contest->cold ? "cold" : "warm");
}

static void write_seconds(FILE *file, const struct samples *samples) {
    fprintf(file, ",%.9g,%.9g,%.9g,%zu", samples_quantile(samples, 0.1),
            samples_quantile(samples, 0.5), samples_quantile(samples, 0.9), samples->count);
}

/* Seconds stand only where the result was right. */
static void write_row(FILE *file, const struct contest *contest, const struct contestant *c) {
    double bytes = contest_bytes(contest), limit = contest_limit(contest, c);
    write_problem(file, contest, c->name);
    if (c->verdict.right)
        write_seconds(file, &c->samples);
    else
        fputs(",,,,0", file);
    fprintf(file, ",%.0f,%.9g,", bytes, limit);
    if (c->verdict.right)
        fprintf(file, "%.9g", limit / samples_quantile(&c->samples, 0.5));
    fputc(',', file);
    if (!c->skipped && !isnan(c->verdict.worst_ulp))
        fprintf(file, "%.9g", c->verdict.worst_ulp);
    fprintf(file, ",%s\n", c->verdict.right ? "yes" : c->skipped ? "SKIP" : "no");
}

static void write_samples(FILE *file, const struct contest *contest, const struct contestant *c) {
    for (size_t i = 0; i < c->samples.count; i++) {
        write_problem(file, contest, c->name);
        fprintf(file, ",%zu,%ld,%.9g\n", i, c->repeats, c->samples.seconds[i]);
    }
}

static void write_limit(FILE *file, const struct contest *contest, const struct contestant *c) {
    double seconds = samples_quantile(&c->samples, 0.5);
    bool exp = c->kind == CONTEST_EXP;
    double bytes = exp                        ? 2.0 * sizeof(float) * CONTEST_EXP_COUNT
                   : c->kind == CONTEST_PLAIN ? contest_bytes(contest)
                                              : walk_moved(c->walk, (double)contest->data->bytes);
    fprintf(file, "%s,", c->name);
    write_problem(file, contest, NULL);
    fprintf(file, ",%.0f", bytes);
    write_seconds(file, &c->samples);
    if (exp)
        fprintf(file, ",,%.9g\n", seconds / CONTEST_EXP_COUNT);
    else
        fprintf(file, ",%.9g,\n", bytes / seconds);
}

/* A reason is the last cell; quoted, for it may hold anything. */
void kernels_write_skip(const struct kernels_files *files, const char *contestant,
                        const char *activation, const char *op, const char *dtype,
                        const char *reason) {
    fprintf(files->skipped, "%s,%s,%s,%s,\"", contestant, activation, op, dtype);
    for (; *reason; reason++)
        fputs(*reason == '"' ? "\"\"" : (char[]){*reason, '\0'}, files->skipped);
    fputs("\"\n", files->skipped);
}

void kernels_write_contest(const struct contest *contest, const struct kernels_files *files,
                           struct kernels_tally *tally) {
    for (size_t i = 0; i < contest->count; i++) {
        const struct contestant *c = &contest->list[i];
        write_samples(files->samples, contest, c);
        if (c->kind != CONTEST_BACKEND && c->kind != CONTEST_PEER) {
            bool timed = c->kind != CONTEST_PLAIN || c->verdict.right;
            if (timed)
                write_limit(files->limits, contest, c);
            tally->wrong += !timed && !c->skipped;
            continue;
        }
        if (c->skipped)
            kernels_write_skip(files, c->name,
                               balact_activation_info(contest->data->activation)->name,
                               balact_operation_name(contest->operation),
                               dtype_name(contest->data->dtype), c->verdict.why);
        /* of what a peer does not claim to do, no row is wanted; of a backend one is */
        if (c->skipped && c->kind == CONTEST_PEER)
            continue;
        write_row(files->kernels, contest, c);
        tally->timed += c->verdict.right;
        tally->skipped += c->skipped;
        tally->wrong += !c->verdict.right && !c->skipped;
    }
}

/* How many times as long each peer takes, and how many times as long as the plain activation this. */
static void print_ratios(const struct contest *contest, const struct contestant *own) {
    double seconds = samples_quantile(&own->samples, 0.5);
    for (size_t i = 0; i < contest->count; i++) {
        const struct contestant *c = &contest->list[i];
        if (c->kind == CONTEST_PEER && c->verdict.right)
            printf("  %s %.2fx", c->name, samples_quantile(&c->samples, 0.5) / seconds);
        if (c->kind == CONTEST_PLAIN && c->backend == own->backend && c->verdict.right)
            printf("  %.3fx plain", seconds / samples_quantile(&c->samples, 0.5));
    }
}

static void print_line(const struct contest *contest, const struct contestant *c) {
    const struct timed_data *data = contest->data;
    double elements = (double)data->shape->rows * (double)data->shape->cols;
    double seconds = samples_quantile(&c->samples, 0.5);
    printf("  %-13s", c->name);
    if (!c->verdict.right) {
        printf(" %s: %s\n", c->skipped ? "SKIP" : "NOT RIGHT, not timed", c->verdict.why);
        return;
    }
    printf(" %8.4f ns/element  %7.4f ..%7.4f  %5.2fx limit", 1e9 * seconds / elements,
           1e9 * samples_quantile(&c->samples, 0.1) / elements,
           1e9 * samples_quantile(&c->samples, 0.9) / elements,
           seconds / contest_limit(contest, c));
    if (isnan(c->verdict.worst_ulp))
        printf("  %9s", "");
    else
        printf("  %5.3g ULP", c->verdict.worst_ulp);
    if (c->kind == CONTEST_BACKEND)
        print_ratios(contest, c);
    putchar('\n');
}

void kernels_print_contest(const struct contest *contest) {
    int in_place;
    const char *op = op_of(contest, &in_place);
    printf("%s %s%s, %s, %s, %d thread%s%s\n",
           balact_activation_info(contest->data->activation)->name, op, in_place ? " in place" : "",
           contest->data->shape->name, dtype_name(contest->data->dtype), contest->threads,
           contest->threads == 1 ? "" : "s", contest->cold ? ", caches cold" : "");
    for (size_t i = 0; i < contest->count; i++) {
        const struct contestant *c = &contest->list[i];
        if (c->kind == CONTEST_BACKEND || (c->kind == CONTEST_PEER && !c->skipped))
            print_line(contest, c);
    }
}
