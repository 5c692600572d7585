/* SPDX-License-Identifier: MIT
 *
 * The data of a timed problem: inputs in a file that peers map too, buffers of our own made for
 * timing, and the reference's results on a sample of the rows, by which everybody is judged.
 */
#ifndef BALACT_BENCH_MEASURE_TIMED_DATA_H
#define BALACT_BENCH_MEASURE_TIMED_DATA_H

#include "balact/activations.h"
#include "bench/measure/cases.h"
#include "bench/measure/shared_file.h"
#include "bench/measure/timed_cases.h"

/* Where each part of the shared file begins. */
struct timed_places {
    int64_t logits, labels, counts, offset, loss, out;
};

struct timed_data {
    const struct timed_case *shape;
    enum balact_dtype dtype;
    enum balact_activation activation;
    struct shared_file shared;
    struct timed_places at;
    /* Of our own, every page touched, huge pages asked for, padded to ld elements a row; `out`
     * begins half a page off `logits` modulo 4 KiB. */
    void *logits, *out, *logits_block, *out_block;
    int64_t bytes; /* of rows x ld elements, rounded up to 64: what may be walked */
    float *loss, *lse, *weight;
    struct balact_problem problem; /* points into all of these */
    /* The sample: checked[k] is a row; the first and the last are among them. */
    int64_t checked_count, *checked;
    float *checked_logits, *expected; /* [checked_count][cols] in fp32 */
    int32_t *checked_labels;
    float *expected_loss, *expected_lse; /* [checked_count] */
};

/* Makes the data of a shape in a type: normal logits, uniform labels, long-tailed counts, all from
 * seed. The shared file lies in folder. ERROR_MEMORY, ERROR_IO. Release in any case. */
balact_status timed_data_make(struct timed_data *data, const struct timed_case *shape,
                              enum balact_dtype dtype, const char *folder, uint64_t seed,
                              struct balact_error *error);

/* Turns to an activation: its offset, and nothing expected yet. */
balact_status timed_data_turn(struct timed_data *data, enum balact_activation activation,
                              struct balact_error *error);

/* What the reference computes for an operation: in place and separate are the same numbers. */
enum balact_operation timed_expectation(enum balact_operation operation);

/* Runs the reference's plain form of operation (not in place) on the checked rows. */
balact_status timed_data_expect(struct timed_data *data, enum balact_operation operation,
                                struct balact_error *error);

/* Fresh logits; out, loss, lse and weight hold NaN. */
void timed_data_reset(struct timed_data *data);

/* The problem of an operation: out is logits for those in place. */
struct balact_problem timed_problem(const struct timed_data *data, enum balact_operation operation);

/* What verification found. */
struct timed_verdict {
    bool right;
    double worst_ulp;      /* of probabilities or gradients, in the unit of the storage type;
                            * NAN for operations that have none */
    double worst_relative; /* of losses */
    char why[256];         /* the first thing that is wrong */
};

/* Judges what a backend left in the data's own buffers, by the bounds of the activation: every
 * checked row, and the padding of all. */
struct timed_verdict timed_judge(const struct timed_data *data, enum balact_operation operation);

/* Judges what a peer left in the shared file: the same function is asked for, not our precision
 * (docs/METHOD.md, "Benchmarks"). */
struct timed_verdict timed_judge_peer(const struct timed_data *data,
                                      enum balact_operation operation);

void timed_data_release(struct timed_data *data);

#endif
