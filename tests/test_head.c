/* SPDX-License-Identifier: MIT
 *
 * The fused head against the reference's naive one: every activation and option on odd shapes, in
 * any chunk and on any number of threads.
 */
#include "tests/head_problems.h"

/* Gradients of the logits are at most 1 in size (3 with weights), and their error is that of a
 * logit, a sum of dim products; the bounds follow tests/test_linear.c. */
static void compare(const struct place *at, const struct head *want, const struct head *got) {
    const struct balact_head_problem *p = &got->p;
    double logit = 1e-6 * (double)(p->dim + 1);
    expect_near(at, "loss", want->loss, got->loss, 1, p->rows, p->rows,
                logit * (at->option == SOFT_TARGETS ? (double)p->classes : 4));
    expect_near(at, "lse", want->lse, got->lse, 1, p->rows, p->rows, logit);
    expect_near(at, "loss_weight", want->loss_weight, got->loss_weight, 1, p->rows, p->rows, 2e-7);
    expect_near(at, "dweight", want->dweight, got->dweight, p->classes, p->dim, p->ld_weight,
                1e-6 * (double)(p->rows + 1) + logit);
    expect_near(at, "dbias", want->dbias, got->dbias, 1, p->classes, p->classes,
                1e-6 * (double)(p->rows + 1) + logit);
    expect_near(at, "dx", want->dx, got->dx, p->rows, p->dim, p->ld_x,
                1e-6 * (double)(p->classes + 1) + logit);
}

static const int64_t shapes[][4] = {/* rows, dim, classes, chunk_rows */
                                    {1, 1, 1, 0},      {1, 7, 2, 0},        {5, 1, 1000, 0},
                                    {37, 7, 1203, 16}, {100, 64, 1000, 33}, {70, 64, 1, 0},
                                    {65, 7, 2, 1},     {0, 4, 3, 0},        {530, 3, 1100, 0},
                                    {40, 5, 4100, 32}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check_shape(const struct balact_backend *backend, const int64_t *shape,
                        enum balact_activation activation, enum option option) {
    struct head want = head_new(shape[0], shape[1], shape[2], activation, option);
    struct head got = head_new(shape[0], shape[1], shape[2], activation, option);
    struct place at = {backend->name, balact_activation_info(activation)->name,
                       shape[0],      shape[1],
                       shape[2],      option};
    want.p.bias = got.p.bias = option == WEIGHTS ? NULL : got.bias;
    got.p.chunk_rows = shape[3];
    head_run(balact_backend_find("reference"), activation, &want);
    lend_workspace(backend, &got);
    head_run(backend, activation, &got);
    compare(&at, &want, &got);
    head_free(&want);
    head_free(&got);
}

START_TEST(agrees_with_the_naive_head) {
    FOR_BACKENDS(b) {
        NEED_HEAD(cpu_backends[b]);
        for (int s = 0; s < SHAPES; s++)
            for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
                for (int option = 0; option < OPTIONS; option++)
                    if (applies(option, a, shapes[s][2]))
                        check_shape(cpu_backends[b], shapes[s], a, option);
    }
}
END_TEST

enum { ROWS = 6, DIMS = 4, COLS = 9 };

/* What the head hands to its activation, told once more by hand. */
static struct balact_problem loss_of(const struct head *h, float *logits, float *results) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = ROWS, p.cols = p.ld = p.ld_out = COLS;
    p.logits = p.out = logits, p.labels = h->labels;
    p.targets = h->p.targets, p.ld_targets = h->p.ld_targets;
    p.offset = h->p.offset, p.offset_foreground_only = h->p.offset_foreground_only;
    p.background = h->p.background, p.ignore_index = h->p.ignore_index;
    p.class_weight = h->p.class_weight, p.row_weight = h->p.row_weight;
    p.label_smoothing = h->p.label_smoothing, p.grad_scale = h->p.grad_scale;
    p.loss = results, p.lse = results + ROWS, p.weight = results + 2 * ROWS;
    return p;
}

static void expect_sum_of_parts(enum balact_activation activation, enum option option) {
    const struct balact_backend *reference = balact_backend_find("reference");
    struct head h = head_new(ROWS, DIMS, COLS, activation, option);
    float logits[ROWS * COLS], results[3 * ROWS], dweight[COLS * (DIMS + PADDING)], dbias[COLS];
    for (int i = 0; i < 3 * ROWS; i++)
        results[i] = PAD_VALUE;
    head_run(reference, activation, &h);
    struct balact_linear_problem linear = {.rows = ROWS,
                                           .dim = DIMS,
                                           .classes = COLS,
                                           .x = h.x,
                                           .ld_x = DIMS + PADDING,
                                           .weight = h.weight,
                                           .ld_weight = DIMS + PADDING,
                                           .bias = h.bias,
                                           .logits = logits,
                                           .dlogits = logits,
                                           .ld_logits = COLS,
                                           .dweight = dweight,
                                           .dbias = dbias};
    struct balact_problem p = loss_of(&h, logits, results);
    reference->linear.forward(&linear);
    ck_assert_int_eq(balact_loss_grad_in_place(reference, activation, &p, NULL), BALACT_OK);
    reference->linear.grad_weight(&linear);
    ck_assert(!memcmp(p.loss, h.loss, ROWS * sizeof(float)));
    ck_assert(!memcmp(p.lse, h.lse, ROWS * sizeof(float)));
    ck_assert(!memcmp(p.weight, h.loss_weight, ROWS * sizeof(float)));
    ck_assert(!memcmp(dbias, h.dbias, sizeof dbias));
    for (int j = 0; j < COLS; j++)
        ck_assert(!memcmp(dweight + j * (DIMS + PADDING), h.dweight + j * (DIMS + PADDING),
                          DIMS * sizeof(float)));
    head_free(&h);
}

/* The reference's own head is its linear layer and its kernels one after the other. */
START_TEST(naive_head_is_the_sum_of_its_parts) {
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (int option = 0; option < OPTIONS; option++)
            if (applies(option, a, COLS))
                expect_sum_of_parts(a, option);
}
END_TEST

/* Loss alone leaves the gradients as they were and gives the loss of the whole call. */
START_TEST(loss_alone) {
    FOR_BACKENDS(b) {
        NEED_HEAD(cpu_backends[b]);
        for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++) {
            struct head all = head_new(90, 10, 700, a, WEIGHTS);
            struct head loss = head_new(90, 10, 700, a, WEIGHTS);
            struct balact_error error = {.message = ""};
            head_run(cpu_backends[b], a, &all);
            ck_assert_msg(balact_head_loss(cpu_backends[b], a, &loss.p, &error) == BALACT_OK, "%s",
                          error.message);
            struct place at = {
                cpu_backends[b]->name, balact_activation_info(a)->name, 90, 10, 700, WEIGHTS};
            expect_near(&at, "loss", all.loss, loss.loss, 1, 90, 90, 2e-6);
            expect_near(&at, "lse", all.lse, loss.lse, 1, 90, 90, 2e-6);
            for (int64_t i = 0; i < 700 * 13; i++)
                ck_assert(loss.dweight[i] == PAD_VALUE);
            for (int64_t i = 0; i < 700; i++)
                ck_assert(loss.dbias[i] == PAD_VALUE);
            head_free(&all);
            head_free(&loss);
        }
    }
}
END_TEST

static void expect_same_bits(const struct balact_backend *backend, const int64_t *shape,
                             enum balact_activation a) {
    struct head one = head_new(shape[0], shape[1], shape[2], a, PLAIN);
    one.p.chunk_rows = shape[3];
    balact_set_threads(1);
    head_run(backend, a, &one);
    for (int t = 2; t <= 4; t++) {
        struct head many = head_new(shape[0], shape[1], shape[2], a, PLAIN);
        many.p.chunk_rows = shape[3];
        balact_set_threads(t);
        int before = balact_threads();
        lend_workspace(backend, &many);
        head_run(backend, a, &many);
        ck_assert_int_eq(balact_threads(), before); /* the setting is the caller's */
        size_t rows = (size_t)shape[0] * sizeof(float), row = sizeof(float) * (size_t)one.p.ld_x;
        ck_assert_msg(!memcmp(one.dweight, many.dweight, (size_t)shape[2] * row) &&
                          !memcmp(one.dbias, many.dbias, (size_t)shape[2] * sizeof(float)) &&
                          !memcmp(one.dx, many.dx, (size_t)shape[0] * row) &&
                          !memcmp(one.loss, many.loss, rows) && !memcmp(one.lse, many.lse, rows) &&
                          !memcmp(one.loss_weight, many.loss_weight, rows),
                      "%s: %d threads change the bits", backend->name, t);
        head_free(&many);
    }
    head_free(&one);
}

START_TEST(same_bits_for_any_number_of_threads) {
    static const int64_t sizes[][4] = {
        {1100, 70, 300, 0}, {130, 200, 3000, 48}, {520, 300, 1000, 0}};
    int threads = balact_threads();
    FOR_BACKENDS(b) {
        NEED_HEAD(cpu_backends[b]);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            expect_same_bits(cpu_backends[b], sizes[s], BALACT_BALANCED_SOFTMAX);
            expect_same_bits(cpu_backends[b], sizes[s], BALACT_SIGMOID);
        }
    }
    balact_set_threads(threads);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("head", agrees_with_the_naive_head, naive_head_is_the_sum_of_its_parts,
                      loss_alone, same_bits_for_any_number_of_threads);
}
