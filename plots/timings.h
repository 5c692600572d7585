/* SPDX-License-Identifier: MIT
 *
 * The measurements of one folder, read from kernels.csv, head.csv, limits.csv and lvis_eval.csv
 * (docs/FORMATS.md): what the bars, the tables and the figures of times are made of. Rows keep the
 * order of the file.
 */
#ifndef BALACT_PLOTS_TIMINGS_H
#define BALACT_PLOTS_TIMINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/activations.h"
#include "plots/arena.h"
#include "plots/csv.h"

/* Seconds of one call over the samples; all NaN in a row that is not verified. */
struct quantiles {
    double p10, p50, p90;
};

/* A peer without an answer is SKIPPED; what answered wrongly is UNVERIFIED. Neither has times. */
enum timing_state { TIMING_VERIFIED, TIMING_UNVERIFIED, TIMING_SKIPPED };

struct kernel_timing {
    int64_t line;
    const char *activation, *op, *backend, *dtype, *cache;
    int64_t rows, cols, threads;
    bool in_place;
    struct quantiles seconds;
    double bytes_min, limit_seconds; /* NaN where the cell is empty */
    enum timing_state state;
};

struct head_timing {
    int64_t line;
    const char *implementation, *activation;
    int64_t rows, dim, classes, threads;
    bool grad_input;
    struct quantiles seconds;
    double share_of_gemm; /* NaN where the cell is empty */
    enum timing_state state;
};

/* What kernels are held against: walks, exponentials, and the plain activations beside balanced
 * ones. */
struct limit_timing {
    int64_t line;
    const char *what;
    const char *activation, *op, *dtype, *cache; /* of the kernels that it was timed beside */
    int64_t rows, cols;
    bool in_place;
    int64_t bytes, threads;
    struct quantiles seconds;
    double bytes_per_second;    /* of a walk, else NaN */
    double seconds_per_element; /* of one thread's exponentials, else NaN */
};

/* One run of an evaluator of LVIS results: lvis_eval.csv of bench/peers/lvis_eval.py. */
struct evaluator_timing {
    int64_t line;
    const char *implementation, *iou_type; /* iou_type: "bbox" or "segm" */
    int64_t images, detections;
    double seconds, peak_bytes;
};

/* What a kernels.csv may name. */
enum { TIMED_OPS = 3 };
extern const char *const timed_ops[TIMED_OPS];
extern const char *const timed_activations[BALACT_ACTIVATION_COUNT];

struct timings {
    struct arena arena; /* owns the lists */
    const char *folder;
    struct kernel_timing *kernels;
    struct head_timing *heads;
    struct limit_timing *limits;
    struct evaluator_timing *evaluators;
    size_t kernel_count, head_count, limit_count, evaluator_count;
    bool has_kernels, has_heads, has_limits, has_evaluators; /* whether the file is there */
    struct csv_table tables[4];                              /* keep the strings alive */
};

/* Reads a folder. Any of the files may be absent, but not all of kernels.csv, head.csv and
 * lvis_eval.csv. Errors name file, line and column: a missing column, a cell that is not what it
 * should be, a row with times that was not verified or the other way round; ERROR_RANGE for a
 * doubled row. Release either way. */
balact_status timings_load(struct timings *timings, const char *folder, struct balact_error *error);
void timings_release(struct timings *timings);

/* Whether a backend of kernels.csv is this library's own. */
bool backend_is_own(const char *backend);

/* "AVX-512", "oneDNN", "PyTorch": what tables and figures call a backend or implementation; a name
 * that is not known stands for itself. */
const char *backend_title(const char *name);

/* Its line style, the same in every figure. */
int backend_style(const char *name);

/* Its place in keys and columns: own ones first. */
int backend_order(const char *name);

/* "loss with gradient" for "loss_grad". */
const char *operation_title(const char *op);

/* Whether two rows differ in the backend alone. */
bool same_kernel_case(const struct kernel_timing *a, const struct kernel_timing *b);
bool same_head_case(const struct head_timing *a, const struct head_timing *b);

/* The verified row of that backend in the case of `like`, or NULL. */
const struct kernel_timing *find_kernel(const struct timings *timings,
                                        const struct kernel_timing *like, const char *backend);

#endif
