/* SPDX-License-Identifier: MIT
 *
 * The one list of cases: shapes and kinds of logits, and sets of options. Verification, tests and
 * benchmarks walk it, so that nothing is timed which was not checked.
 */
#ifndef BALACT_BENCH_MEASURE_CASES_H
#define BALACT_BENCH_MEASURE_CASES_H

#include <stddef.h>

#include "balact/activations.h"

/* What the logits of a case are like. Labels are random but for CONFIDENT, where the label's logit
 * stands far above the others in every other row (p_y -> 1) and far below in the rest. */
enum case_logits {
    LOGITS_NORMAL,       /* N(0, 1): an untrained head */
    LOGITS_WIDE,         /* N(0, 8): a trained one */
    LOGITS_CONFIDENT,    /* N(0, 3), the label's logit +-30 */
    LOGITS_EQUAL,        /* all 0.75 */
    LOGITS_TINY,         /* N(0, 1e-6) */
    LOGITS_HUGE,         /* +-1e4, every magnitude below mixed in */
    LOGITS_SHIFTED_UP,   /* N(0, 1) + 100, and + 1000 in every other row */
    LOGITS_SHIFTED_DOWN, /* N(0, 1) - 100, and - 1000 */
    LOGITS_MASKED,       /* N(0, 4) with a third of the entries -inf, never the whole row */
    LOGITS_SPECIAL       /* rows holding NaN, +inf, -inf only, and ordinary rows between */
};

/* How much is run of a case: the time of the reference is what verification takes. */
enum case_walk {
    WALK_ALL, /* every storage type and option set */
    WALK_F32, /* every option set in fp32 */
    WALK_FEW  /* in fp32, the option sets that say so */
};

struct kernel_case {
    const char *name; /* unique */
    int64_t rows, cols;
    int64_t pad; /* columns between rows, in logits and (pad + 3) in out */
    enum case_logits logits;
    enum case_walk walk;
};

const struct kernel_case *kernel_cases(size_t *count);

enum {
    OPTION_BALANCED_ONLY = 1, /* the set makes sense for balanced activations alone */
    OPTION_SIGMOID_ONLY = 2
};

/* A set of options; what is not named is off. */
struct option_set {
    const char *name; /* unique */
    int only;         /* OPTION_..._ONLY bits */
    bool long_rows;   /* run on cases of WALK_FEW too */
    bool ignore, all_ignored, class_weight, row_weight, soft_targets;
    bool odds_constant, foreground_only;
    float smoothing, grad_scale;
    double tau;
    enum balact_background background;
    enum balact_zero_count zero_count; /* ERROR: no class has count 0 */
};

const struct option_set *option_sets(size_t *count);

/* Whether the set applies to the activation and a case of so many columns. */
bool option_set_applies(const struct option_set *set, enum balact_activation activation,
                        int64_t cols);

/* Storage types. */
enum { DTYPE_COUNT = BALACT_BF16 + 1 };
const char *dtype_name(enum balact_dtype dtype); /* "f32", "f16", "bf16" */
int dtype_find(const char *name);                /* -1: none */

/* Whether the case is run with the set in that type. */
bool case_walks(const struct kernel_case *kernel_case, const struct option_set *set,
                enum balact_dtype dtype);

/* A problem made of a case and a set, with its own memory. `pristine` is a copy of the logits; out
 * and the padding of every buffer hold a pattern that kernels must not touch. */
struct instance {
    struct balact_problem problem;
    void *logits, *pristine, *out; /* of the problem's dtype */
    float *loss, *lse, *weight;
    int32_t *labels;
    float *targets, *offset, *class_weight, *row_weight;
    int64_t logits_size, out_size; /* elements, padding included */
};

/* Bits of the pattern in padding and fresh outputs: a NaN that no kernel makes, and its lower half
 * one of both 16-bit types. */
#define INSTANCE_PATTERN 0x7fb5ffa5u

/* Logits are rounded to dtype, so that all who read them start from the same numbers. */
balact_status instance_make(struct instance *instance, const struct kernel_case *kernel_case,
                            const struct option_set *set, enum balact_activation activation,
                            enum balact_dtype dtype, uint64_t seed, struct balact_error *error);

/* The same numbers stored in fp32: what a 16-bit instance is judged by. After an error the instance
 * is as it was. */
balact_status instance_widen(struct instance *instance, struct balact_error *error);

/* Puts logits, out, loss, lse and weight back to where instance_make() left them. */
void instance_reset(struct instance *instance);
void instance_release(struct instance *instance);

#endif
