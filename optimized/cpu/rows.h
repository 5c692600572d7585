/* SPDX-License-Identifier: MIT
 *
 * What a problem says about one row, for the CPU kernels, and how rows are shared out to threads.
 */
#ifndef BALACT_OPTIMIZED_CPU_ROWS_H
#define BALACT_OPTIMIZED_CPU_ROWS_H

#include <math.h>

#include "balact/backend.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NOINLINE      static __attribute__((noinline))

/* Rows over threads in equal shares. A row never depends on another one, so results do not depend
 * on the number of threads. Below PARALLEL_ELEMENTS waking the threads takes longer than the work.
 */
#define PARALLEL_ELEMENTS 32768
static inline bool worth_threads(const struct balact_problem *p) {
    return p->rows * p->cols >= PARALLEL_ELEMENTS;
}

/* Before the block that all threads run for the problem that is called p. */
#ifdef _OPENMP
#define PARALLEL_PROBLEM _Pragma("omp parallel if (worth_threads(p))")
#else
#define PARALLEL_PROBLEM
#endif

/* Which of its team the calling thread is, and how many they are. */
static inline int balact_thread(void) {
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

static inline int balact_team(void) {
#ifdef _OPENMP
    return omp_get_num_threads();
#else
    return 1;
#endif
}

/* The calling thread's equal share of the rows. */
struct row_range {
    int64_t begin, end;
};

static inline struct row_range rows_of_thread(int64_t rows) {
    int64_t team = balact_team(), share = rows / team, rest = rows % team, t = balact_thread();
    int64_t begin = t * share + (t < rest ? t : rest);
    return (struct row_range){begin, begin + share + (t < rest)};
}

struct row_facts {
    int64_t label; /* -1 where no column is meant: ignored, or soft targets */
    bool ignored;
    bool with_offset;
    double row_weight;
    double scale; /* of the gradient: row_weight * grad_scale */
};

/* The background label is K: the last column, or one past the last where background is implicit. */
static inline bool is_background(const struct balact_problem *p, int32_t label) {
    return (p->background == BALACT_BACKGROUND_LAST && label == p->cols - 1) ||
           (p->background == BALACT_BACKGROUND_IMPLICIT && label == p->cols);
}

static inline struct row_facts row_facts(const struct balact_problem *p, int64_t i) {
    struct row_facts row = {.label = -1};
    bool background = false;
    if (p->labels) {
        row.ignored = p->labels[i] == p->ignore_index;
        background = !row.ignored && is_background(p, p->labels[i]);
        if (!row.ignored && !p->targets)
            row.label = p->labels[i];
    }
    row.with_offset = p->offset && !(p->offset_foreground_only && background);
    row.row_weight = p->row_weight ? p->row_weight[i] : 1.0;
    row.scale = row.row_weight * p->grad_scale;
    return row;
}

static inline double class_weight_of(const struct balact_problem *p, int64_t j) {
    return p->class_weight ? p->class_weight[j] : 1.0;
}

/* Writes what a loss has to say about row i. loss: the row's before its weight. */
static inline void store_loss(const struct balact_problem *p, int64_t i,
                              const struct row_facts *row, double loss, double denominator) {
    if (p->loss)
        p->loss[i] = row->ignored ? 0.0f : (float)(row->row_weight * loss);
    if (p->weight)
        p->weight[i] = row->ignored ? 0.0f : (float)(row->row_weight * denominator);
}

#endif
