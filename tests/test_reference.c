/* SPDX-License-Identifier: MIT
 *
 * The reference: hand-worked vectors, the papers' formulas as printed in long double, finite
 * differences, priors, inference. Everything else in the project is compared with what passes here.
 */
#include "tests/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/backend.h"
#include "bench/measure/compare.h"

static const struct balact_backend *reference(void) {
    return balact_backend_find("reference");
}

/* For inner loops: Check's own assertions write a record each time they pass. */
#define require(condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg(__VA_ARGS__);                                                             \
    } while (0)

/* Strict: NaN fails. */
#define near(value, expected, tolerance)                                                           \
    require(fabs((double)(value) - (double)(expected)) <= (tolerance), "%s: %.9g, not %.9g",       \
            #value, (double)(value), (double)(expected))

/* Logits (1, 0.5, -0.25), counts (100, 10, 1), label 2: worked by hand in double and rounded to six
 * digits, independently of this program. */
static const float eta[3] = {1.0f, 0.5f, -0.25f};
static const double counts[3] = {100, 10, 1};

static void run3(enum balact_activation activation, enum balact_operation operation, double tau,
                 float *out, float *loss) {
    const int32_t label = 2;
    float offset[3];
    struct balact_prior prior = BALACT_PRIOR_INIT;
    struct balact_error error;
    prior.values = counts;
    prior.classes = 3;
    prior.tau = tau;
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = 1;
    p.cols = p.ld = p.ld_out = 3;
    p.logits = eta;
    p.labels = &label;
    p.out = out;
    p.loss = loss;
    if (balact_activation_info(activation)->balanced) {
        ck_assert_int_eq(balact_offset(activation, &prior, offset, &error), BALACT_OK);
        p.offset = offset;
    }
    ck_assert_int_eq(balact_run(reference(), activation, operation, &p, &error), BALACT_OK);
}

START_TEST(vectors_softmax) {
    float out[3], loss;
    run3(BALACT_SOFTMAX, BALACT_FORWARD, 1, out, NULL);
    near(out[0], 0.528252, 5e-7);
    near(out[1], 0.320401, 5e-7);
    near(out[2], 0.151347, 5e-7);
    run3(BALACT_SOFTMAX, BALACT_LOSS, 1, NULL, &loss);
    near(loss, 1.888182, 5e-7);
}
END_TEST

START_TEST(vectors_balanced_softmax) {
    float out[3], loss;
    run3(BALACT_BALANCED_SOFTMAX, BALACT_FORWARD, 1, out, NULL);
    near(out[0], 0.940275, 5e-7);
    near(out[1], 0.057031, 5e-7);
    near(out[2], 0.002694, 5e-7);
    run3(BALACT_BALANCED_SOFTMAX, BALACT_LOSS_GRAD, 1, out, &loss);
    near(loss, 5.916753, 5e-7);
    near(out[0], 0.940275, 5e-7);
    near(out[1], 0.057031, 5e-7);
    near(out[2], -0.997306, 5e-7);
    run3(BALACT_BALANCED_SOFTMAX, BALACT_FORWARD, 0.25, out, NULL);
    near(out[0], 0.698481, 5e-7);
    near(out[1], 0.238236, 5e-7);
    near(out[2], 0.063283, 5e-7);
    run3(BALACT_BALANCED_SOFTMAX, BALACT_LOSS, 0.25, NULL, &loss);
    near(loss, 2.760140, 5e-7);
}
END_TEST

START_TEST(vectors_balanced_sigmoid) {
    /* f = (0.5, 0.01, 0.0001); row 0 foreground with label 2, row 1 background. */
    static const double f[3] = {0.5, 0.01, 0.0001};
    static const double terms_foreground[3] = {1.313262, 0.016517, 9.460318};
    static const double terms_background[3] = {1.313262, 0.974077, 0.575939};
    static const double gradient[2][3] = {{0.731059, 0.016381, -0.999922},
                                          {0.731059, 0.622459, 0.437823}};
    const float logits[6] = {1.0f, 0.5f, -0.25f, 1.0f, 0.5f, -0.25f};
    const int32_t labels[2] = {2, 3};
    float offset[3], out[6], loss[2];
    struct balact_error error;
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = f;
    prior.classes = 3;
    prior.kind = BALACT_PRIOR_FREQUENCIES;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, &error), BALACT_OK);
    near(offset[0], 0.0, 1e-7);
    near(offset[1], -4.595120, 5e-7);
    near(offset[2], -9.210240, 6e-7);
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = 2;
    p.cols = p.ld = p.ld_out = 3;
    p.logits = logits;
    p.labels = labels;
    p.out = out;
    p.loss = loss;
    p.offset = offset;
    p.offset_foreground_only = true;
    p.background = BALACT_BACKGROUND_IMPLICIT;
    ck_assert_int_eq(balact_loss_grad(reference(), BALACT_BALANCED_SIGMOID, &p, &error), BALACT_OK);
    near(loss[0], terms_foreground[0] + terms_foreground[1] + terms_foreground[2], 2e-6);
    near(loss[0], 10.790097, 1e-6);
    near(loss[1], terms_background[0] + terms_background[1] + terms_background[2], 2e-6);
    near(loss[1], 2.863278, 1e-6);
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++)
            near(out[3 * i + j], gradient[i][j], 6e-7);
}
END_TEST

START_TEST(inference_ignores_the_prior) {
    float offset[3], plain[3], inferred[3], adjusted[3];
    struct balact_error error;
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = counts;
    prior.classes = 3;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error), BALACT_OK);
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = 1;
    p.cols = p.ld = p.ld_out = 3;
    p.logits = eta;
    p.out = plain;
    ck_assert_int_eq(balact_forward(reference(), BALACT_SOFTMAX, &p, &error), BALACT_OK);
    p.out = inferred;
    ck_assert_int_eq(balact_infer(reference(), BALACT_BALANCED_SOFTMAX, &p, &error), BALACT_OK);
    ck_assert_mem_eq(plain, inferred, sizeof plain);
    p.offset = offset;
    ck_assert_int_eq(balact_infer(reference(), BALACT_BALANCED_SOFTMAX, &p, &error),
                     BALACT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.message, "test time"));
    /* Post-hoc adjustment: softmax of eta - log pi = (1.104360, 2.906945, 4.459530). */
    p.out = adjusted;
    ck_assert_int_eq(balact_infer_adjusted(reference(), BALACT_SOFTMAX, &p, &error), BALACT_OK);
    double z[3] = {1.104360, 2.906945, 4.459530}, sum = exp(z[0]) + exp(z[1]) + exp(z[2]);
    for (int j = 0; j < 3; j++)
        near(adjusted[j], exp(z[j]) / sum, 1e-6);
    /* A masked class stays masked, though the offset is subtracted. */
    offset[1] = -INFINITY;
    ck_assert_int_eq(balact_infer_adjusted(reference(), BALACT_SOFTMAX, &p, &error), BALACT_OK);
    ck_assert(adjusted[1] == 0.0f);
}
END_TEST

START_TEST(priors) {
    struct balact_error error;
    float offset[4];
    double lvis[3] = {1, 37, 1977};
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = lvis;
    prior.classes = 3;
    prior.total = 99388; /* LVIS-1.0 images with at least one annotation */
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, &error), BALACT_OK);
    near(offset[0], -11.507, 5e-4);
    near(offset[1], -7.895, 5e-4);
    near(offset[2], -3.897, 5e-4);
    prior.keep_odds_constant = true;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, &error), BALACT_OK);
    near(offset[0], -11.507 + log(2.0), 5e-4);
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error), BALACT_OK);
    ck_assert(offset[2] == 0.0f); /* centred */
    near(offset[0], -log(1977.0), 1e-6);
    prior.background = BALACT_BACKGROUND_LAST;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error), BALACT_OK);
    near(offset[1], log(3.0 * 37.0 / 2015.0), 1e-6);
    ck_assert(offset[3] == 0.0f);
    /* tau multiplies the whole */
    prior.tau = -0.5;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error), BALACT_OK);
    near(offset[1], -0.5 * log(3.0 * 37.0 / 2015.0), 1e-6);
}
END_TEST

START_TEST(zero_counts) {
    struct balact_error error;
    float offset[3] = {7, 7, 7};
    double with_zero[3] = {100, 0, 1};
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = with_zero;
    prior.classes = 3;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error),
                     BALACT_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(error.message, "class 1"));
    ck_assert(offset[0] == 7.0f); /* nothing was written */
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, NULL, offset, &error),
                     BALACT_ERROR_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.message, "no prior"));
    prior.zero_count = BALACT_ZERO_MASK;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error), BALACT_OK);
    ck_assert(offset[1] == -INFINITY);
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, &error), BALACT_OK);
    ck_assert(offset[1] == -INFINITY);
    prior.zero_count = BALACT_ZERO_FLOOR;
    prior.floor = 0.5;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error), BALACT_OK);
    near(offset[1], log(0.5 / 100.0), 1e-6);
    prior.floor = 0.0;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error),
                     BALACT_ERROR_ARGUMENT);
    with_zero[1] = -1;
    prior.floor = 1.0;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error),
                     BALACT_ERROR_RANGE);
    with_zero[1] = NAN;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error),
                     BALACT_ERROR_RANGE);
    /* Odds need f < 1: one class that holds everything has none. */
    double lone[2] = {5, 0};
    prior.values = lone;
    prior.classes = 2;
    prior.zero_count = BALACT_ZERO_MASK;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, &error),
                     BALACT_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(error.message, "class 0"));
    lone[0] = 0;
    ck_assert_int_eq(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error),
                     BALACT_ERROR_RANGE);
}
END_TEST

/* ---- The printed formulas in long double, against every ordinary case and option set ---- */

static long double printed_target(const struct instance *in, enum balact_family family, int64_t i,
                                  int64_t j) {
    const struct balact_problem *p = &in->problem;
    if (p->targets)
        return p->targets[i * p->ld_targets + j];
    long double hit = p->labels[i] == j, s = p->label_smoothing;
    if (family == BALACT_FAMILY_SIGMOID)
        return hit * (1 - s) + s / 2;
    int64_t unmasked = 0;
    for (int64_t k = 0; k < p->cols; k++)
        unmasked += !p->offset || p->offset[k] > -INFINITY;
    bool masked = p->offset && p->offset[j] == -INFINITY;
    return hit * (1 - s) + (masked || s == 0 ? 0 : s / (long double)unmasked);
}

static void printed_logits(const struct instance *in, int64_t i, long double *u) {
    const struct balact_problem *p = &in->problem;
    int32_t label = p->labels[i];
    bool background = label != p->ignore_index &&
                      ((p->background == BALACT_BACKGROUND_LAST && label == p->cols - 1) ||
                       (p->background == BALACT_BACKGROUND_IMPLICIT && label == p->cols));
    for (int64_t j = 0; j < p->cols; j++) {
        u[j] = ((const float *)in->pristine)[i * p->ld + j];
        if (p->offset && !(p->offset_foreground_only && background))
            u[j] += p->offset[j];
    }
}

/* Loss of row i and, in g, its gradient by the printed formulas; p in probability. */
static long double printed_row(const struct instance *in, enum balact_family family, int64_t i,
                               const long double *u, long double *probability, long double *g) {
    const struct balact_problem *p = &in->problem;
    long double sum = 0, W = 0, loss = 0, r = p->row_weight ? p->row_weight[i] : 1;
    bool ignored = p->labels[i] == p->ignore_index;
    for (int64_t j = 0; j < p->cols; j++)
        sum += expl(u[j]);
    for (int64_t j = 0; j < p->cols; j++) {
        long double w = p->class_weight ? p->class_weight[j] : 1;
        long double t = ignored ? 0 : printed_target(in, family, i, j);
        if (family == BALACT_FAMILY_SOFTMAX) {
            probability[j] = expl(u[j]) / sum;
            W += w * t;
            loss += t == 0 ? 0 : w * t * (logl(sum) - u[j]);
        } else {
            probability[j] = 1 / (1 + expl(-u[j]));
            loss += w * ((t == 0 ? 0 : t * log1pl(expl(-u[j]))) + (1 - t) * log1pl(expl(u[j])));
        }
    }
    for (int64_t j = 0; j < p->cols; j++) {
        long double w = p->class_weight ? p->class_weight[j] : 1;
        long double t = ignored ? 0 : printed_target(in, family, i, j);
        g[j] = family == BALACT_FAMILY_SOFTMAX ? W * probability[j] - w * t
                                               : w * (probability[j] - t);
        g[j] *= ignored ? 0 : r * p->grad_scale;
    }
    return ignored ? 0 : r * loss;
}

/* Half a unit in the last place of fp32 and a little, besides what the printed form itself loses by
 * subtracting operands of that size in long double. */
static bool rounds_to(float value, long double exact, long double operands) {
    int exponent;
    frexpl(fmaxl(fabsl(exact), 0x1p-126L), &exponent);
    return fabsl(value - exact) <= 0.501L * ldexpl(1, exponent - 24) + 1e-16L * operands;
}

static void check_against_printed(enum balact_activation activation, const struct option_set *set,
                                  const struct kernel_case *c) {
    struct instance in;
    struct balact_error error;
    enum balact_family family = balact_activation_info(activation)->family;
    ck_assert_int_eq(instance_make(&in, c, set, activation, BALACT_F32, 7, &error), BALACT_OK);
    long double *u = calloc((size_t)c->cols * 3, sizeof *u), *probability = u + c->cols,
                *g = u + 2 * c->cols;
    ck_assert_ptr_nonnull(u);
    for (int pass = 0; pass < 2; pass++) {
        instance_reset(&in);
        ck_assert_int_eq(balact_run(reference(), activation,
                                    pass ? BALACT_LOSS_GRAD : BALACT_FORWARD, &in.problem, &error),
                         BALACT_OK);
        for (int64_t i = 0; i < c->rows; i++) {
            printed_logits(&in, i, u);
            long double loss = printed_row(&in, family, i, u, probability, g);
            require(!pass || rounds_to(in.loss[i], loss, 1) ||
                        fabsl(in.loss[i] - loss) <= 1e-7L * fabsl(loss),
                    "%s %s %s row %d: loss %.9g, printed %.9Lg",
                    balact_activation_info(activation)->name, set->name, c->name, (int)i,
                    in.loss[i], loss);
            for (int64_t j = 0; j < c->cols; j++) {
                long double exact = pass ? g[j] : probability[j];
                require(rounds_to(((const float *)in.out)[i * in.problem.ld_out + j], exact,
                                  pass ? fmaxl(1, in.problem.grad_scale) : 1),
                        "%s %s %s row %d column %d: %.9g, printed %.9Lg",
                        balact_activation_info(activation)->name, set->name, c->name, (int)i,
                        (int)j, ((const float *)in.out)[i * in.problem.ld_out + j], exact);
            }
        }
    }
    free(u);
    instance_release(&in);
}

START_TEST(printed_formulas) {
    size_t case_count, set_count;
    const struct kernel_case *cases = kernel_cases(&case_count);
    const struct option_set *sets = option_sets(&set_count);
    int checked = 0;
    for (size_t c = 0; c < case_count; c++) {
        bool ordinary = cases[c].logits == LOGITS_NORMAL || cases[c].logits == LOGITS_WIDE ||
                        cases[c].logits == LOGITS_CONFIDENT || cases[c].logits == LOGITS_EQUAL ||
                        cases[c].logits == LOGITS_TINY;
        for (size_t s = 0; s < set_count && ordinary && cases[c].cols <= 1204; s++) {
            if (!option_set_applies(&sets[s], (enum balact_activation)_i, cases[c].cols) ||
                (cases[c].cols > 129 && s % 4 != c % 4)) /* wide ones: a quarter of the sets each */
                continue;
            /* A masked class that has target mass has infinite loss: not for printed formulas. */
            if (sets[s].zero_count == BALACT_ZERO_MASK)
                continue;
            check_against_printed((enum balact_activation)_i, &sets[s], &cases[c]);
            checked++;
        }
    }
    ck_assert_int_ge(checked, 200);
}
END_TEST

/* ---- Gradients against central differences of the loss, in double ---- */

static double loss_at(enum balact_activation activation, const struct instance *in, int64_t i,
                      int64_t j, double step) {
    enum balact_family family = balact_activation_info(activation)->family;
    int64_t cols = in->problem.cols;
    long double *u = calloc((size_t)cols * 3, sizeof *u);
    ck_assert_ptr_nonnull(u);
    printed_logits(in, i, u);
    u[j] += step;
    double loss = (double)printed_row(in, family, i, u, u + cols, u + 2 * cols);
    free(u);
    return loss;
}

START_TEST(finite_differences) {
    static const struct kernel_case c = {"6x5", 6, 5, 0, LOGITS_NORMAL, WALK_ALL};
    size_t set_count;
    const struct option_set *sets = option_sets(&set_count);
    enum balact_activation activation = (enum balact_activation)_i;
    const double h = 1e-4;
    for (size_t s = 0; s < set_count; s++) {
        struct instance in;
        struct balact_error error;
        if (!option_set_applies(&sets[s], activation, c.cols) ||
            sets[s].zero_count == BALACT_ZERO_MASK)
            continue;
        ck_assert_int_eq(instance_make(&in, &c, &sets[s], activation, BALACT_F32, 11, &error),
                         BALACT_OK);
        ck_assert_int_eq(balact_loss_grad(reference(), activation, &in.problem, &error), BALACT_OK);
        for (int64_t i = 0; i < c.rows; i++)
            for (int64_t j = 0; j < c.cols; j++) {
                double slope = (loss_at(activation, &in, i, j, h) -
                                loss_at(activation, &in, i, j, -h)) / (2.0 * h);
                near(((const float *)in.out)[i * c.cols + j], slope * in.problem.grad_scale,
                     1e-6 * fmax(1.0, in.problem.grad_scale));
            }
        instance_release(&in);
    }
}
END_TEST

START_TEST(defined_extremes) {
    /* One row each: ordinary, masked label, +inf, all -inf, NaN, ignored NaN. */
    const float inf = INFINITY;
    const float logits[18] = {1,    2,    3,    -inf, 2, 3, inf, 1, 2,
                              -inf, -inf, -inf, NAN,  1, 2, NAN, 1, 2};
    const int32_t labels[6] = {2, 0, 0, 0, 1, BALACT_IGNORE_INDEX};
    float out[18], loss[6], lse[6], weight[6];
    struct balact_error error;
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = 6;
    p.cols = p.ld = p.ld_out = 3;
    p.logits = logits;
    p.labels = labels;
    p.out = out;
    p.loss = loss;
    p.lse = lse;
    p.weight = weight;
    ck_assert_int_eq(balact_loss_grad(reference(), BALACT_SOFTMAX, &p, &error), BALACT_OK);
    near(loss[0], 0.407606, 1e-6);
    ck_assert(loss[1] == inf && out[3] == -1.0f);
    near(lse[1], 3.313262, 1e-6);
    ck_assert(isnan(loss[2]) && isnan(lse[2]) && isnan(out[7]));
    ck_assert(isnan(loss[3]) && isnan(lse[3]) && isnan(out[9]));
    ck_assert(isnan(loss[4]) && isnan(out[14]));
    ck_assert(loss[5] == 0.0f && weight[5] == 0.0f && out[15] == 0.0f && out[16] == 0.0f);
    ck_assert(weight[4] == 1.0f);
    ck_assert_int_eq(balact_loss_grad(reference(), BALACT_SIGMOID, &p, &error), BALACT_OK);
    ck_assert(loss[1] == inf && out[3] == -1.0f);           /* label impossible */
    ck_assert(isfinite(loss[2]) && out[6] == 0.0f);         /* +inf at the label costs nothing */
    ck_assert(loss[3] == inf && out[10] == 0.0f);
    ck_assert(isnan(loss[4]) && isnan(out[12]) && isfinite(out[13])); /* that element alone */
    ck_assert(loss[5] == 0.0f && out[15] == 0.0f);
}
END_TEST

START_TEST(totals) {
    struct balact_error error;
    struct balact_total total = {0}, none = {0};
    const float loss[4] = {1, 2, 0, 4}, weight[4] = {1, 0.5f, 0, 2}, zeros[4] = {0};
    double mean;
    balact_total_add(&total, loss, weight, 2);
    balact_total_add(&total, loss + 2, weight + 2, 2); /* micro-batches add up */
    ck_assert_int_eq(balact_total_mean(&total, &mean, &error), BALACT_OK);
    near(mean, 2.0, 0.0);
    ck_assert_int_eq(total.counted, 3);
    balact_total_add(&none, zeros, zeros, 4);
    ck_assert_int_eq(balact_total_mean(&none, &mean, &error), BALACT_ERROR_RANGE);
    ck_assert_ptr_nonnull(strstr(error.message, "ignored"));
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("reference");
    TCase *tests = tcase_create("reference");
    tcase_add_test(tests, vectors_softmax);
    tcase_add_test(tests, vectors_balanced_softmax);
    tcase_add_test(tests, vectors_balanced_sigmoid);
    tcase_add_test(tests, inference_ignores_the_prior);
    tcase_add_test(tests, priors);
    tcase_add_test(tests, zero_counts);
    tcase_add_loop_test(tests, printed_formulas, 0, BALACT_ACTIVATION_COUNT);
    tcase_add_loop_test(tests, finite_differences, 0, BALACT_ACTIVATION_COUNT);
    tcase_add_test(tests, defined_extremes);
    tcase_add_test(tests, totals);
    suite_add_tcase(suite, tests);
    return suite;
}
