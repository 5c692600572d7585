/* SPDX-License-Identifier: MIT
 *
 * The CSV files of an experiment (docs/FORMATS.md, section 1): rows are collected in memory and the
 * files appear at the end, whole or not at all.
 */
#ifndef BALACT_BENCH_RESULTS_H
#define BALACT_BENCH_RESULTS_H

#include <stdint.h>
#include <stdio.h>

#include "balact/evaluate.h"

/* The files and their header lines. */
#define RESULTS_LIST(X)                                                                            \
    X(METRICS, "metrics.csv", "experiment,dataset,split,method,seed,group,metric,value")           \
    X(PER_CLASS, "per_class.csv",                                                                  \
      "experiment,dataset,split,method,seed,class,train_count,top1,average_precision")             \
    X(PER_CATEGORY, "per_category.csv",                                                            \
      "experiment,dataset,split,method,seed,iou_type,category_id,frequency,image_count,"           \
      "instance_count,average_precision")                                                          \
    X(CURVE, "curve.csv", "experiment,dataset,method,seed,epoch,step,lr,train_loss")               \
    X(COUNTS, "counts.csv", "dataset,class,train_count")                                           \
    X(THROUGHPUT, "throughput.csv",                                                                \
      "experiment,dataset,method,seed,backend,threads,phase,samples,seconds,samples_per_second,"   \
      "peak_bytes")

enum results_file {
#define RESULTS_ENUM(ID, name, header) RESULTS_##ID,
    RESULTS_LIST(RESULTS_ENUM)
#undef RESULTS_ENUM
        RESULTS_COUNT
};

struct results {
    const char *experiment;
    struct {
        char *text;
        size_t size;
        FILE *stream;
    } file[RESULTS_COUNT];
};

/* What every row of one trained head has in common. */
struct results_key {
    const char *dataset, *split, *method; /* split: NULL where the file has none */
    uint64_t seed;
};

balact_status results_open(struct results *results, const char *experiment,
                           struct balact_error *error);

/* Rows of metrics.csv and per_class.csv of one evaluation. Groups and classes that the split does
 * not hold, and values that are not finite, have no row. */
void results_add_evaluation(struct results *results, const struct results_key *key,
                            const struct balact_classification *evaluation,
                            const int64_t *train_counts);

/* The same for a method of which only the accuracies are known (the Bayes optimum): its
 * average_precision cells are empty. */
void results_add_accuracy(struct results *results, const struct results_key *key,
                          const struct balact_classification *evaluation,
                          const int64_t *train_counts);

void results_add_curve(struct results *results, const struct results_key *key, int64_t epoch,
                       int64_t step, double lr, double loss);
void results_add_counts(struct results *results, const char *dataset, const int64_t *counts,
                        int32_t classes);

/* A row of metrics.csv of any group and metric; none for a value that is not finite. */
void results_add_metric(struct results *results, const struct results_key *key, const char *group,
                        const char *metric, double value);

/* A row of per_category.csv; iou_type "bbox" or "segm", frequency "rare", ...; none for a value
 * that is not finite. */
void results_add_category(struct results *results, const struct results_key *key,
                          const char *iou_type, int64_t category_id, const char *frequency,
                          int64_t image_count, int64_t instance_count, double average_precision);

/* phase: "train" or "inference"; of LVIS runs also "evaluation", whose samples are detections. */
void results_add_throughput(struct results *results, const struct results_key *key,
                            const char *backend, int threads, const char *phase, int64_t samples,
                            double seconds, int64_t peak_bytes);

/* Writes all files that have a row into folder (which must exist). */
balact_status results_write(struct results *results, const char *folder,
                            struct balact_error *error);
void results_discard(struct results *results);

/* "all", "many", "medium", "few". */
const char *results_group_name(int group);

#endif
