/* SPDX-License-Identifier: MIT
 *
 * The equations, one function each, in double and in the papers' letters: eta is a logit, n_j a
 * training count, pi_j = n_j / n a class prior, f_j the share of training images that show class j,
 * K the number of foreground classes, t a target, w a class weight, r a row weight. Numbers are
 * those of docs/EQUATIONS.md.
 *
 * This file refuses everything clever: no SIMD, no approximation, no early exit. Where a formula is
 * written in another form than the paper prints it, the form is algebraically equal and keeps its
 * digits where the printed one loses them; the comment says so.
 */
#ifndef BALACT_REFERENCE_EQUATIONS_H
#define BALACT_REFERENCE_EQUATIONS_H

#include <math.h>
#include <stdint.h>

/* The logit that an activation sees: u = eta + a (BALMS eq. 3: a_j = log n_j; eq. 24-36: a_j = log
 * prior odds; a_j = 0 for the plain activations). */
static inline double shifted_logit(double eta, double a) {
    return eta + a;
}

/* m = max_k u_k; NaN if any u_k is, and NaN where no softmax exists (all -inf, or a +inf). */
static inline double row_maximum(const double *u, int64_t cols, int64_t *argmax) {
    double m = -INFINITY;
    *argmax = 0;
    for (int64_t k = 0; k < cols; k++) {
        if (isnan(u[k]))
            return NAN;
        if (u[k] > m) {
            m = u[k];
            *argmax = k;
        }
    }
    return isfinite(m) ? m : NAN;
}

/* L = log sum_k exp(u_k - m) >= 0, so that log sum_k exp(u_k) = m + L. The term of the maximum is
 * exactly 1 and stays under log1p, so that a tiny L keeps its digits. */
static inline double log_sum_above_maximum(const double *u, int64_t cols, double m,
                                           int64_t argmax) {
    double rest = 0.0;
    for (int64_t k = 0; k < cols; k++)
        if (k != argmax)
            rest += exp(u[k] - m);
    return isnan(m) ? NAN : log1p(rest);
}

/* -log p_j = lse - u_j = (m - u_j) + L, never -log of a rounded p_j. */
static inline double negative_log_softmax(double u_j, double m, double L) {
    return (m - u_j) + L;
}

/* (1), (3)  p_j = exp(u_j) / sum_k exp(u_k) */
static inline double softmax(double u_j, double m, double L) {
    return exp(-negative_log_softmax(u_j, m, L));
}

/* p_j - 1, with its digits also where p_j is nearly 1. */
static inline double softmax_minus_one(double u_j, double m, double L) {
    return expm1(-negative_log_softmax(u_j, m, L));
}

/* (5)  term j of the softmax loss: c_j (lse - u_j), c_j = w_j t_j; nothing where c_j is 0. */
static inline double softmax_loss_term(double c_j, double u_j, double m, double L) {
    return c_j == 0.0 && !isnan(L) ? 0.0 : c_j * negative_log_softmax(u_j, m, L);
}

/* (6)  d loss / d eta_j = W p_j - c_j with W = sum_k c_k, written (W - c_j) p_j + c_j (p_j - 1). */
static inline double softmax_loss_gradient(double W, double c_j, double u_j, double m, double L) {
    return (W - c_j) * softmax(u_j, m, L) + c_j * softmax_minus_one(u_j, m, L);
}

/* (2), (4)  sigma(u) = 1 / (1 + exp(-u)), without overflow. */
static inline double sigmoid(double u) {
    double e = exp(-fabs(u));
    return u >= 0.0 ? 1.0 / (1.0 + e) : isnan(u) ? u : e / (1.0 + e);
}

/* log(1 + exp(x)) = -log sigma(-x) */
static inline double softplus(double x) {
    return fmax(x, 0.0) + log1p(exp(-fabs(x))) + (isnan(x) ? x : 0.0);
}

/* (7)  binary cross-entropy, w (t softplus(-u) + (1 - t) softplus(u)), which is
 * w (max(u, 0) - u t + log1p(exp(-|u|))) with its limits at +-inf; a factor of 0 gives 0. */
static inline double sigmoid_loss_term(double w, double t, double u) {
    double positive = w * t, negative = w * (1.0 - t);
    if (isnan(u))
        return u;
    return (positive == 0.0 ? 0.0 : positive * softplus(-u)) +
           (negative == 0.0 ? 0.0 : negative * softplus(u));
}

/* (8)  d loss / d eta = w (sigma(u) - t), written w ((1 - t) sigma(u) - t sigma(-u)). */
static inline double sigmoid_loss_gradient(double w, double t, double u) {
    return w * ((1.0 - t) * sigmoid(u) - t * sigmoid(-u));
}

/* Target of column j in a row labelled y with smoothing s, over K_u unmasked columns: (9) softmax,
 * (10) sigmoid. */
static inline double softmax_target(int64_t j, int64_t y, double s, int64_t unmasked, int masked) {
    return (1.0 - s) * (j == y) + (masked || s == 0.0 ? 0.0 : s / (double)unmasked);
}

static inline double sigmoid_target(int64_t j, int64_t y, double s) {
    return (1.0 - s) * (j == y) + s / 2.0;
}

/* (11)  Balanced Softmax: a_j = tau (log n_j - log n_max), BALMS eq. 3 up to the constant that a
 * softmax does not see. */
static inline double offset_balanced_softmax(double tau, double n_j, double n_max) {
    return tau * (log(n_j) - log(n_max));
}

/* (12)  Balanced Softmax beside a background column: a_j = tau log(K pi_j), a_background = 0. */
static inline double offset_balanced_softmax_background(double tau, double pi_j, int64_t K) {
    return tau * log((double)K * pi_j);
}

/* (13)  Balanced Sigmoid: a_j = tau log(f_j / (1 - f_j)); BALMS App. A.2 has + log(K - 1), which
 * its remark drops. */
static inline double offset_balanced_sigmoid(double tau, double f_j, int64_t K, int keep_constant) {
    return tau * (log(f_j) - log1p(-f_j) + (keep_constant ? log((double)(K - 1)) : 0.0));
}

#endif
