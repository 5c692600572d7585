/* SPDX-License-Identifier: MIT
 *
 * The output activations of long-tailed recognition: softmax, sigmoid, Balanced Softmax and
 * Balanced Sigmoid (Ren et al. 2020, arXiv 2007.10740 eq. 3-4 and App. A.2; arXiv 2008.11037), each
 * as probabilities (forward), per-row loss, and loss with gradient.
 *
 *   u_ij = logit_ij + offset_j        added after widening; offset_j = 0 for the plain activations
 *
 *   softmax family   p_ij = exp(u_ij) / sum_k exp(u_ik)
 *                    loss_i = r_i * sum_j w_j t_ij (lse_i - u_ij),   lse_i = log sum_k exp(u_ik)
 *                    dloss_i/dlogit_ij = r_i * (W_i p_ij - w_j t_ij),  W_i = sum_j w_j t_ij
 *   sigmoid family   p_ij = 1 / (1 + exp(-u_ij))
 *                    loss_i = r_i * sum_j w_j (max(u_ij, 0) - u_ij t_ij + log1p(exp(-|u_ij|)))
 *                    dloss_i/dlogit_ij = r_i * w_j * (p_ij - t_ij)
 *
 * with r = row_weight, w = class_weight (1 where absent) and t the target distribution made of
 * labels or soft targets as documented at struct balact_problem.
 *
 * Extreme values. A NaN logit makes its whole softmax row NaN (loss, lse, probabilities, gradient),
 * and in the sigmoid family that element and the row's loss. A -inf logit, and a class masked by
 * offset -inf, has probability 0 and gradient contribution 0 and adds nothing to the loss unless
 * the target gives it mass, in which case the loss is +inf. A softmax row that holds +inf, or whose
 * entries are all -inf, has no distribution: NaN. In the sigmoid family +-inf have their limits.
 * A coefficient w_j t_ij (or w_j (1 - t_ij)) of exactly 0 contributes exactly 0 to the loss
 * whatever its logit (0 * inf = 0), NaN excepted.
 */
#ifndef BALACT_ACTIVATIONS_H
#define BALACT_ACTIVATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "balact/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct balact_backend;

enum balact_family { BALACT_FAMILY_SOFTMAX, BALACT_FAMILY_SIGMOID };

/* The one list of activations. X(ID, name, title, family, balanced, equation,
 *   probability_ulp, gradient_ulp, loss_relative)
 * name: on command lines, in CSV rows and file names; title: in tables and figures; equation: its
 * number in docs/EQUATIONS.md; the last three: the bounds that every backend keeps against the
 * reference in fp32 on finite ordinary input (docs/METHOD.md says how they are measured). */
#define BALACT_ACTIVATION_LIST(X)                                                                  \
    X(SOFTMAX, softmax, "Softmax", SOFTMAX, false, "1", 4, 8, 2e-6)                                \
    X(SIGMOID, sigmoid, "Sigmoid", SIGMOID, false, "2", 4, 8, 2e-6)                                \
    X(BALANCED_SOFTMAX, balanced_softmax, "Balanced Softmax", SOFTMAX, true, "3", 4, 8, 2e-6)      \
    X(BALANCED_SIGMOID, balanced_sigmoid, "Balanced Sigmoid", SIGMOID, true, "4", 4, 8, 2e-6)

enum balact_activation {
#define BALACT_ACTIVATION_ENUM(ID, name, ...) BALACT_##ID,
    BALACT_ACTIVATION_LIST(BALACT_ACTIVATION_ENUM)
#undef BALACT_ACTIVATION_ENUM
        BALACT_ACTIVATION_COUNT
};

struct balact_activation_info {
    const char *name;
    const char *title;
    enum balact_family family;
    bool balanced;
    const char *equation;
    double probability_ulp; /* bounds, see BALACT_ACTIVATION_LIST */
    double gradient_ulp;
    double loss_relative;
};

/* The row of `activation`; NULL if it is none. */
const struct balact_activation_info *balact_activation_info(enum balact_activation activation);

/* Finds an activation by its name ("balanced_softmax"); -1 if there is none. */
int balact_activation_find(const char *name);

/* What is computed. The in-place forms write over the logits and are separate operations so that
 * nobody loses logits by accident. */
#define BALACT_OPERATION_LIST(X)                                                                   \
    X(FORWARD, forward)                                                                            \
    X(FORWARD_IN_PLACE, forward_in_place)                                                          \
    X(LOSS, loss)                                                                                  \
    X(LOSS_GRAD, loss_grad)                                                                        \
    X(LOSS_GRAD_IN_PLACE, loss_grad_in_place)

enum balact_operation {
#define BALACT_OPERATION_ENUM(ID, name) BALACT_##ID,
    BALACT_OPERATION_LIST(BALACT_OPERATION_ENUM)
#undef BALACT_OPERATION_ENUM
        BALACT_OPERATION_COUNT
};

/* "forward", ... ; never NULL. */
const char *balact_operation_name(enum balact_operation operation);

/* Storage types of logits, probabilities and gradients. Arithmetic is fp32 or wider. */
enum balact_dtype { BALACT_F32, BALACT_F16, BALACT_BF16 };

/* Bytes per element. */
int64_t balact_dtype_size(enum balact_dtype dtype);

/* Where background rows (RoIs that show no object) stand. With K foreground classes the background
 * label is always K, as in detectron2. */
enum balact_background {
    BALACT_BACKGROUND_NONE,    /* cols = K, labels in [0, K) */
    BALACT_BACKGROUND_LAST,    /* cols = K + 1, the last column is background, labels in [0, K] */
    BALACT_BACKGROUND_IMPLICIT /* sigmoid family only: cols = K, label K is a row of negatives */
};

/* Everything one call needs. Start from BALACT_PROBLEM_INIT and fill in; nothing is owned and
 * nothing is kept after the call. Pitches (ld) count elements; row i begins at i * ld. All pointers
 * are to memory of the backend that runs the call (plain memory for the CPU backends). */
struct balact_problem {
    int64_t rows, cols; /* 0 rows are fine; cols >= 1 */
    enum balact_dtype dtype;

    const void *logits; /* [rows][ld], dtype */
    int64_t ld;         /* >= cols */

    /* Targets of loss and loss_grad: labels, or soft targets.
     *
     * labels alone: t_ij = (1 - s) [j = label_i] + s / K_i for the softmax family, spread over the
     * K_i columns whose offset is not -inf, and t_ij = (1 - s) [j = label_i] + s / 2 for the
     * sigmoid family, where every column is a two-way question; s = label_smoothing.
     * targets: t_ij = targets_ij as given, >= 0, rows of any sum; label_smoothing must be 0. labels
     * may stand beside them and then only say which rows are ignored and which are background. */
    const int32_t *labels; /* [rows]; may be NULL for forward or with targets */
    const float *targets;  /* [rows][ld_targets] or NULL */
    int64_t ld_targets;    /* >= cols */

    /* Prior of the balanced activations, from balact_offset(); must be given for them and must be
     * NULL for the plain ones. -inf masks a class. Offset of a background column: 0. */
    const float *offset; /* [cols] */
    /* Only rows with a foreground label get the offset; background rows are computed as by the
     * plain activation (BALMS App. A.2, remark). Needs labels and a background. */
    bool offset_foreground_only;
    enum balact_background background;

    /* Row i is ignored if label_i == ignore_index: loss, weight and gradient are exactly 0. Beats
     * every other meaning of the label. Probabilities and lse are still computed. */
    int32_t ignore_index;

    const float *class_weight; /* [cols], >= 0, or NULL for 1 */
    const float *row_weight;   /* [rows], or NULL for 1; also the upstream gradient of row i */
    float label_smoothing;     /* s in [0, 1] */
    float grad_scale;          /* multiplies gradients and nothing else, e.g. 1 / sum of weights */

    void *out;      /* [rows][ld_out], dtype: probabilities or gradient */
    int64_t ld_out; /* >= cols */

    /* Per-row results; each may be NULL. */
    float *loss;   /* [rows] r_i and w_j included */
    float *lse;    /* [rows] softmax family only, else left alone */
    float *weight; /* [rows] what row i adds to the denominator of the mean: r_i * w_label for the
                    * softmax family with labels, r_i for soft targets and for the sigmoid family,
                    * 0 if ignored */
};

#define BALACT_IGNORE_INDEX (-100)
#define BALACT_PROBLEM_INIT {.ignore_index = BALACT_IGNORE_INDEX, .grad_scale = 1.0f}

/* The operations. backend NULL means balact_backend_default(). Errors: ERROR_ARGUMENT for a broken
 * contract (each message names the field), ERROR_RANGE for a label outside its range (row named),
 * ERROR_UNSUPPORTED if the backend has no such kernel or is not usable here. Nothing is written on
 * these errors.
 *
 * Training-time probabilities: the offset of a balanced activation is applied. For test-time
 * probabilities use balact_infer(). */
balact_status balact_run(const struct balact_backend *backend, enum balact_activation activation,
                         enum balact_operation operation, const struct balact_problem *problem,
                         struct balact_error *error);
balact_status balact_forward(const struct balact_backend *backend,
                             enum balact_activation activation,
                             const struct balact_problem *problem, struct balact_error *error);
balact_status balact_loss(const struct balact_backend *backend, enum balact_activation activation,
                          const struct balact_problem *problem, struct balact_error *error);
/* loss and gradient in one pass; out must not overlap logits. */
balact_status balact_loss_grad(const struct balact_backend *backend,
                               enum balact_activation activation,
                               const struct balact_problem *problem, struct balact_error *error);
/* DESTROYS the logits: out must be logits itself, ld_out must be ld. */
balact_status balact_forward_in_place(const struct balact_backend *backend,
                                      enum balact_activation activation,
                                      const struct balact_problem *problem,
                                      struct balact_error *error);
balact_status balact_loss_grad_in_place(const struct balact_backend *backend,
                                        enum balact_activation activation,
                                        const struct balact_problem *problem,
                                        struct balact_error *error);

/* Test-time probabilities: the plain activation of the family, whatever the head was trained with
 * (2007.10740 section 3: no correction at inference). Fails with ERROR_ARGUMENT if an offset is
 * given, so that a prior is never applied at test time by accident. */
balact_status balact_infer(const struct balact_backend *backend, enum balact_activation activation,
                           const struct balact_problem *problem, struct balact_error *error);

/* Post-hoc logit adjustment, asked for by name (2007.07314 eq. 9): probabilities of logit - offset,
 * with the offset as balact_offset() makes it for the training prior and tau. Masked classes stay
 * masked. Not meant for a head trained with a balanced activation: that corrects twice. */
balact_status balact_infer_adjusted(const struct balact_backend *backend,
                                    enum balact_activation activation,
                                    const struct balact_problem *problem,
                                    struct balact_error *error);

/* Sums of per-row results, in double and in a fixed order, returned apart so that micro-batches and
 * ranks can be added before dividing: mean = loss / weight. */
struct balact_total {
    double loss;
    double weight;
    int64_t counted; /* rows whose weight is not 0 */
};

/* Adds rows' loss and weight to *total (start from all zeros). Plain memory. */
void balact_total_add(struct balact_total *total, const float *loss, const float *weight,
                      int64_t rows);

/* *mean = loss / weight. ERROR_RANGE if no row counted: a batch of ignored rows has no mean. */
balact_status balact_total_mean(const struct balact_total *total, double *mean,
                                struct balact_error *error);

/* ---- The class prior ---- */

enum balact_prior_kind {
    BALACT_PRIOR_COUNTS,     /* values are n_j >= 0 */
    BALACT_PRIOR_FREQUENCIES /* values are f_j in [0, 1], which need not sum to 1 */
};

/* What to do about a class of count or frequency 0, whose logarithm does not exist. */
enum balact_zero_count {
    BALACT_ZERO_ERROR, /* refuse, naming the class */
    BALACT_ZERO_MASK,  /* offset -inf: the class gets probability 0 */
    BALACT_ZERO_FLOOR  /* use `floor` instead */
};

struct balact_prior {
    const double *values; /* [classes] */
    int64_t classes;      /* K; a background column is not a class */
    enum balact_prior_kind kind;
    double tau; /* multiplies the whole offset; 1 is the papers' */
    enum balact_zero_count zero_count;
    double floor; /* for BALACT_ZERO_FLOOR, in the unit of values, > 0 */
    /* Sigmoid family with counts: f_j = n_j / total. 0 means the sum of values; for LVIS give the
     * number of images with at least one annotation. */
    double total;
    bool keep_odds_constant; /* sigmoid family: keep the theory's + log(K - 1), which papers drop */
    enum balact_background background;
};

#define BALACT_PRIOR_INIT {.tau = 1.0, .floor = 1.0}

/* Fills offset[cols], cols = K or, with BALACT_BACKGROUND_LAST, K + 1 (the last one 0), in double
 * and rounded once:
 *   softmax family, no background     tau * (log n_j - max_k log n_k)           (centred: max is 0)
 *   softmax family, background last   tau * log(K pi_j), pi_j = n_j / sum n      (2008.11037; the
 *                                     derivation is in docs/EQUATIONS.md)
 *   sigmoid family                    tau * (log(f_j / (1 - f_j)) [+ log(K - 1)])      (absolute)
 * Errors: ERROR_RANGE for a negative, NaN or zero value (policy permitting) or an f_j >= 1 in the
 * sigmoid family, each naming the class; ERROR_ARGUMENT for no classes or a bad policy. The family
 * of `activation` decides; plain activations are accepted, e.g. for post-hoc adjustment. */
balact_status balact_offset(enum balact_activation activation, const struct balact_prior *prior,
                            float *offset, struct balact_error *error);

#ifdef __cplusplus
}
#endif
#endif
