/* SPDX-License-Identifier: MIT
 *
 * See results.h.
 */
#include "bench/results.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/output.h"

static const struct {
    const char *name, *header;
} files[RESULTS_COUNT] = {
#define FILE_ROW(ID, name, header) {name, header},
    RESULTS_LIST(FILE_ROW)
#undef FILE_ROW
};

const char *results_group_name(int group) {
    return group == BALACT_GROUP_ALL ? "all" : balact_group_name((enum balact_group)group);
}

balact_status results_open(struct results *results, const char *experiment,
                           struct balact_error *error) {
    memset(results, 0, sizeof *results);
    results->experiment = experiment;
    for (int f = 0; f < RESULTS_COUNT; f++) {
        results->file[f].stream = open_memstream(&results->file[f].text, &results->file[f].size);
        if (!results->file[f].stream) {
            results_discard(results);
            return balact_fail(error, BALACT_ERROR_MEMORY, "results: out of memory");
        }
        fprintf(results->file[f].stream, "%s\n", files[f].header);
    }
    return BALACT_OK;
}

void results_discard(struct results *results) {
    for (int f = 0; f < RESULTS_COUNT; f++) {
        if (results->file[f].stream)
            fclose(results->file[f].stream);
        free(results->file[f].text);
    }
    memset(results, 0, sizeof *results);
}

void results_add_metric(struct results *results, const struct results_key *key, const char *group,
                        const char *metric, double value) {
    if (!isfinite(value)) /* a value that does not exist is an absent row */
        return;
    fprintf(results->file[RESULTS_METRICS].stream, "%s,%s,%s,%s,%llu,%s,%s,%.9g\n",
            results->experiment, key->dataset, key->split, key->method,
            (unsigned long long)key->seed, group, metric, value);
}

static void add_metric(struct results *results, const struct results_key *key, int group,
                       const char *metric, double value) {
    results_add_metric(results, key, results_group_name(group), metric, value);
}

void results_add_category(struct results *results, const struct results_key *key,
                          const char *iou_type, int64_t category_id, const char *frequency,
                          int64_t image_count, int64_t instance_count, double average_precision) {
    if (!isfinite(average_precision))
        return;
    fprintf(results->file[RESULTS_PER_CATEGORY].stream,
            "%s,%s,%s,%s,%llu,%s,%lld,%s,%lld,%lld,%.9g\n", results->experiment, key->dataset,
            key->split, key->method, (unsigned long long)key->seed, iou_type,
            (long long)category_id, frequency, (long long)image_count, (long long)instance_count,
            average_precision);
}

static void add_classes(struct results *results, const struct results_key *key,
                        const struct balact_classification *evaluation, const int64_t *train_counts,
                        bool with_precision) {
    FILE *stream = results->file[RESULTS_PER_CLASS].stream;
    for (int32_t c = 0; c < evaluation->classes; c++) {
        if (!evaluation->class_rows[c])
            continue;
        fprintf(stream, "%s,%s,%s,%s,%llu,%d,%lld,%.9g,", results->experiment, key->dataset,
                key->split, key->method, (unsigned long long)key->seed, (int)c,
                (long long)train_counts[c], evaluation->class_top1[c]);
        if (with_precision && isfinite(evaluation->class_ap[c]))
            fprintf(stream, "%.9g", evaluation->class_ap[c]);
        fputc('\n', stream);
    }
}

/* Groups in the order of tables: all first. */
static int group_at(int position) {
    return position == 0 ? BALACT_GROUP_ALL : position - 1;
}

void results_add_evaluation(struct results *results, const struct results_key *key,
                            const struct balact_classification *evaluation,
                            const int64_t *train_counts) {
    for (int position = 0; position <= BALACT_GROUP_COUNT; position++) {
        int g = group_at(position);
        const struct balact_group_metrics *group = &evaluation->group[g];
        if (!group->present)
            continue;
        add_metric(results, key, g, "top1", group->top1);
        add_metric(results, key, g, "top5", group->top5);
        add_metric(results, key, g, "balanced_error", group->balanced_error);
        add_metric(results, key, g, "map", group->map);
        add_metric(results, key, g, "nll", group->nll);
        add_metric(results, key, g, "brier", group->brier);
        add_metric(results, key, g, "ece", group->ece);
    }
    add_classes(results, key, evaluation, train_counts, true);
}

void results_add_accuracy(struct results *results, const struct results_key *key,
                          const struct balact_classification *evaluation,
                          const int64_t *train_counts) {
    for (int position = 0; position <= BALACT_GROUP_COUNT; position++) {
        int g = group_at(position);
        if (evaluation->group[g].present)
            add_metric(results, key, g, "top1", evaluation->group[g].top1);
    }
    add_classes(results, key, evaluation, train_counts, false);
}

void results_add_curve(struct results *results, const struct results_key *key, int64_t epoch,
                       int64_t step, double lr, double loss) {
    fprintf(results->file[RESULTS_CURVE].stream, "%s,%s,%s,%llu,%lld,%lld,%.9g,%.9g\n",
            results->experiment, key->dataset, key->method, (unsigned long long)key->seed,
            (long long)epoch, (long long)step, lr, loss);
}

void results_add_counts(struct results *results, const char *dataset, const int64_t *counts,
                        int32_t classes) {
    for (int32_t c = 0; c < classes; c++)
        fprintf(results->file[RESULTS_COUNTS].stream, "%s,%d,%lld\n", dataset, (int)c,
                (long long)counts[c]);
}

void results_add_throughput(struct results *results, const struct results_key *key,
                            const char *backend, int threads, const char *phase, int64_t samples,
                            double seconds, int64_t peak_bytes) {
    fprintf(results->file[RESULTS_THROUGHPUT].stream,
            "%s,%s,%s,%llu,%s,%d,%s,%lld,%.9g,%.9g,%lld\n", results->experiment, key->dataset,
            key->method, (unsigned long long)key->seed, backend, threads, phase, (long long)samples,
            seconds, seconds > 0 ? (double)samples / seconds : 0, (long long)peak_bytes);
}

static balact_status write_file(struct results *results, int f, const char *folder,
                                struct balact_error *error) {
    char path[1024];
    struct balact_output output;
    if (snprintf(path, sizeof path, "%s/%s", folder, files[f].name) >= (int)sizeof path)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "%s: the path is too long", folder);
    if (fflush(results->file[f].stream) != 0)
        return balact_fail_at(error, BALACT_ERROR_MEMORY, path, 0, -1, "out of memory: %s",
                              strerror(errno));
    if (results->file[f].size == strlen(files[f].header) + 1) /* nothing of this kind */
        return BALACT_OK;
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    fwrite(results->file[f].text, 1, results->file[f].size, output.file);
    return balact_output_commit(&output, error);
}

balact_status results_write(struct results *results, const char *folder,
                            struct balact_error *error) {
    for (int f = 0; f < RESULTS_COUNT; f++) {
        balact_status status = write_file(results, f, folder, error);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}
