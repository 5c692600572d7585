/* SPDX-License-Identifier: MIT
 *
 * See head_step.h. The ways:
 *   balact   the fused call
 *   unfused  product, loss with gradient in place, products, over a rows x classes matrix
 *   gemm     the products alone, by one call of the library each with the library's own threads
 */
#include "bench/measure/head_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "bench/measure/products.h"
#include "bench/program.h"

/* ---- One case and its memory ---- */

float *step_floats(int64_t n, double deviation, uint32_t seed) {
    float *values = aligned_alloc(64, ((size_t)n * sizeof *values + 63) / 64 * 64);
    if (!values)
        die(EXIT_BAD_INPUT, "out of memory for the matrices of the measurement");
    if (deviation == 0) {
        memset(values, 0, (size_t)n * sizeof *values);
        return values;
    }
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        values[i] = (float)(deviation * ((double)(seed >> 8) * 0x1p-24 - 0.5));
    }
    return values;
}

static void add_workspace(const struct balact_backend *backend, struct balact_head_problem *head) {
    struct balact_error error;
    die_unless_ok(balact_head_workspace(backend, head, &head->workspace_bytes, &error), &error);
    head->workspace = step_floats((int64_t)(head->workspace_bytes / sizeof(float)), 0, 0);
}

struct step step_open(const struct head_case *c, const struct balact_backend *backend,
                      bool whole_logits) {
    struct step step = {.c = c, .backend = backend};
    struct balact_head_problem head = BALACT_HEAD_INIT;
    int32_t *labels = malloc((size_t)c->rows * sizeof *labels);
    if (!labels)
        die(EXIT_BAD_INPUT, "out of memory for the labels of the measurement");
    for (int64_t i = 0; i < c->rows; i++)
        labels[i] = (int32_t)balact_random_below(1, 2, (uint64_t)i, (uint64_t)c->classes);
    head.rows = c->rows, head.dim = c->dim, head.classes = c->classes;
    head.x = step_floats(c->rows * c->dim, 2, 1);
    head.ld_x = head.ld_weight = c->dim;
    head.weight = step.weight = step_floats(c->classes * c->dim, 0.1, 2);
    head.bias = step.bias = step_floats(c->classes, 1, 3);
    head.labels = labels;
    if (balact_activation_info(c->activation)->balanced)
        head.offset = step.offset = step_floats(c->classes, 4, 4);
    head.grad_scale = (float)(1.0 / (double)c->rows);
    head.dweight = step_floats(c->classes * c->dim, 0, 0);
    head.dbias = step_floats(c->classes, 0, 0);
    head.dx = c->grad_input ? step_floats(c->rows * c->dim, 0, 0) : NULL;
    head.loss = step_floats(c->rows, 0, 0);
    step.velocity[0] = step_floats(c->classes * c->dim, 0, 0);
    step.velocity[1] = step_floats(c->classes, 0, 0);
    step.logits = whole_logits ? step_floats(c->rows * c->classes, 0, 0) : NULL;
    add_workspace(backend, &head);
    step.head = head;
    return step;
}

void step_close(struct step *step) {
    struct balact_head_problem *h = &step->head;
    free((void *)h->x);
    free((void *)h->labels);
    void *all[] = {step->weight, step->bias,   step->offset,      h->dweight,
                   h->dbias,     h->dx,        step->velocity[0], h->loss,
                   step->logits, h->workspace, step->velocity[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* ---- The ways ---- */

static void check(balact_status status, const char *what) {
    if (status != BALACT_OK)
        die(EXIT_CHECK_FAILED, "bench head: %s failed: %s", what, balact_status_name(status));
}

static struct balact_linear_problem linear_of(const struct step *step) {
    const struct balact_head_problem *h = &step->head;
    return (struct balact_linear_problem){.rows = h->rows,
                                          .dim = h->dim,
                                          .classes = h->classes,
                                          .x = h->x,
                                          .ld_x = h->ld_x,
                                          .weight = h->weight,
                                          .ld_weight = h->ld_weight,
                                          .bias = h->bias,
                                          .logits = step->logits,
                                          .dlogits = step->logits,
                                          .ld_logits = h->classes,
                                          .dweight = h->dweight,
                                          .dbias = h->dbias,
                                          .dx = h->dx};
}

static void sgd(struct step *step) {
    const struct balact_head_problem *h = &step->head;
    struct balact_sgd_step s = {.n = h->classes * h->dim,
                                .parameter = step->weight,
                                .velocity = step->velocity[0],
                                .gradient = h->dweight,
                                .lr = HEAD_LR,
                                .momentum = HEAD_MOMENTUM,
                                .weight_decay = HEAD_DECAY};
    check(step->backend->linear.sgd_step(&s), "the SGD step");
    s.n = h->classes, s.parameter = step->bias, s.velocity = step->velocity[1];
    s.gradient = h->dbias, s.weight_decay = 0;
    check(step->backend->linear.sgd_step(&s), "the SGD step");
}

static void unfused_gradients(struct step *step) {
    const struct balact_linear *calls = &step->backend->linear;
    const struct balact_head_problem *h = &step->head;
    struct balact_linear_problem linear = linear_of(step);
    struct balact_problem p = BALACT_PROBLEM_INIT;
    struct balact_error error;
    p.rows = h->rows, p.cols = p.ld = p.ld_out = h->classes;
    p.logits = p.out = step->logits, p.labels = h->labels, p.offset = h->offset;
    p.grad_scale = h->grad_scale, p.loss = h->loss;
    check(calls->forward(&linear), "forward");
    die_unless_ok(balact_loss_grad_in_place(step->backend, step->c->activation, &p, &error),
                  &error);
    check(calls->grad_weight(&linear), "grad_weight");
    if (h->dx)
        check(calls->grad_input(&linear), "grad_input");
}

static void run_fused(struct step *step) {
    struct balact_error error;
    die_unless_ok(balact_head_loss_grad(step->backend, step->c->activation, &step->head, &error),
                  &error);
    sgd(step);
}

static void run_unfused(struct step *step) {
    unfused_gradients(step);
    sgd(step);
}

static int product_count(const struct step *step) {
    return step->head.dx ? PRODUCT_COUNT : PRODUCT_GRAD_INPUT;
}

/* Products that train nothing. */
static void run_gemm(struct step *step) {
    struct balact_linear_problem linear = linear_of(step);
    for (int i = 0; i < product_count(step); i++)
        check(product_by_one_call((enum product)i, balact_gemm_libraries[0].gemm, &linear),
              "a product");
}

const struct way head_ways[HEAD_WAYS] = {[HEAD_FUSED] = {"balact", run_fused, false},
                                         [HEAD_UNFUSED] = {"unfused", run_unfused, true},
                                         [HEAD_GEMM] = {"gemm", run_gemm, true}};

/* ---- Verification: against the reference on a few rows, and without chunks on all ---- */

double step_worst_of(const float *got, const float *want, int64_t n, double worst) {
    double size = 0, difference = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(got[i]))
            return INFINITY;
        size = fmax(size, fabs((double)want[i]));
        difference = fmax(difference, fabs((double)got[i] - want[i]));
    }
    return fmax(worst, size > 0 ? difference / size : difference);
}

/* The same problem with results of its own. */
static struct balact_head_problem with_own_results(const struct balact_head_problem *head) {
    struct balact_head_problem own = *head;
    own.dweight = step_floats(head->classes * head->dim, 0, 0);
    own.dbias = step_floats(head->classes, 0, 0);
    own.loss = step_floats(head->rows, 0, 0);
    own.dx = head->dx ? step_floats(head->rows * head->dim, 0, 0) : NULL;
    return own;
}

/* The largest error of loss and gradients; releases those of own. */
static double compare_results(const struct balact_head_problem *got,
                              const struct balact_head_problem *want,
                              struct balact_head_problem *own) {
    double worst = step_worst_of(got->dweight, want->dweight, got->classes * got->dim, 0);
    worst = step_worst_of(got->dbias, want->dbias, got->classes, worst);
    worst = step_worst_of(got->loss, want->loss, got->rows, worst);
    if (got->dx)
        worst = step_worst_of(got->dx, want->dx, got->rows * got->dim, worst);
    free(own->dweight), free(own->dbias), free(own->loss), free(own->dx);
    return worst;
}

/* The fused call on the first few rows against the naive one. */
static double error_on_few_rows(const struct step *step, int64_t rows) {
    struct balact_head_problem got = step->head;
    struct balact_error error;
    got.rows = rows;
    got.grad_scale = 1;
    struct balact_head_problem want = with_own_results(&got);
    die_unless_ok(balact_head_loss_grad(step->backend, step->c->activation, &got, &error), &error);
    die_unless_ok(
        balact_head_loss_grad(balact_backend_find("reference"), step->c->activation, &want, &error),
        &error);
    return compare_results(&got, &want, &want);
}

/* The whole batch against the way without chunks, whose parts are verified by themselves. */
static double relative_to_unfused(struct step *step) {
    struct balact_head_problem got = with_own_results(&step->head);
    struct balact_error error;
    die_unless_ok(balact_head_loss_grad(step->backend, step->c->activation, &got, &error), &error);
    unfused_gradients(step);
    return compare_results(&got, &step->head, &got);
}

static double error_of_products(struct step *step) {
    struct balact_linear_problem linear = linear_of(step);
    double worst = 0;
    run_gemm(step);
    for (int i = 0; i < product_count(step); i++)
        worst = fmax(worst, product_error((enum product)i, &linear, false));
    return worst;
}

/* Few rows so that the naive loops take a second; then all rows, in chunks, against the way without
 * chunks. Relative to the largest entry; sums of up to 2048 products keep this many digits. */
double step_error(struct step *step) {
    double work = 3e-9 * (double)step->head.dim * (double)step->head.classes;
    int64_t rows = (int64_t)(0.3 / work);
    rows = rows < 2 ? 2 : rows > 64 ? 64 : rows;
    double worst = error_on_few_rows(step, rows < step->head.rows ? rows : step->head.rows);
    worst = fmax(worst, relative_to_unfused(step));
    return fmax(worst, error_of_products(step));
}
