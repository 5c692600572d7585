/* SPDX-License-Identifier: MIT
 *
 * The fused head against the reference's naive one: every activation and option on odd shapes, each
 * output wanted or not, any chunk and number of threads, and nothing written or allocated beside.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/head.h"
#include "balact/random.h"
#include "tests/cpu_backends.h"

#define PAD_VALUE (-77.25f)
enum { PADDING = 3, GUARD = 16 };

static float *filled(int64_t rows, int64_t cols, int64_t ld, double deviation, uint64_t stream) {
    float *values = malloc((size_t)(rows * ld + 1) * sizeof *values);
    ck_assert_ptr_nonnull(values);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++)
            values[i * ld + j] =
                j < cols
                    ? (float)(deviation * balact_random_normal(7, stream, (uint64_t)(i * cols + j)))
                    : PAD_VALUE;
    return values;
}

/* ---- A head with its memory ---- */

enum option {
    PLAIN,
    IGNORE,
    ALL_IGNORED,
    WEIGHTS,
    SMOOTHING,
    SOFT_TARGETS,
    BACKGROUND_LAST,
    BACKGROUND_IMPLICIT,
    FOREGROUND_ONLY,
    OPTIONS
};

struct head {
    struct balact_head_problem p;
    float *x, *weight, *bias, *targets, *offset, *class_weight, *row_weight;
    int32_t *labels;
    float *dweight, *dbias, *dx, *loss, *lse, *loss_weight;
    char *memory; /* of the workspace, a guard behind it */
    size_t workspace_bytes;
};

static bool applies(enum option option, enum balact_activation activation, int64_t classes) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    switch (option) {
    case BACKGROUND_LAST:
        return classes > 1;
    case BACKGROUND_IMPLICIT:
        return info->family == BALACT_FAMILY_SIGMOID;
    case FOREGROUND_ONLY:
        return info->balanced && classes > 1;
    default:
        return true;
    }
}

static void set_option(struct head *h, enum option option) {
    struct balact_head_problem *p = &h->p;
    if (option == BACKGROUND_LAST || option == FOREGROUND_ONLY)
        p->background = BALACT_BACKGROUND_LAST;
    if (option == BACKGROUND_IMPLICIT)
        p->background = BALACT_BACKGROUND_IMPLICIT;
    p->offset_foreground_only = option == FOREGROUND_ONLY;
    for (int64_t i = 0; i < p->rows; i++) {
        if (option == ALL_IGNORED || (option == IGNORE && i % 3 == 1))
            h->labels[i] = p->ignore_index;
        if (i % 4 == 0 && p->background == BALACT_BACKGROUND_LAST)
            h->labels[i] = (int32_t)p->classes - 1;
        if (i % 4 == 0 && p->background == BALACT_BACKGROUND_IMPLICIT)
            h->labels[i] = (int32_t)p->classes;
    }
    if (option == WEIGHTS) {
        p->class_weight = h->class_weight;
        p->row_weight = h->row_weight;
    }
    if (option == SMOOTHING)
        p->label_smoothing = 0.1f;
    if (option == SOFT_TARGETS) {
        p->targets = h->targets;
        p->ld_targets = p->classes + PADDING;
    }
}

static void fill_positive(float *values, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (values[i] != PAD_VALUE)
            values[i] = fabsf(values[i]);
}

static struct head head_new(int64_t rows, int64_t dim, int64_t classes,
                            enum balact_activation activation, enum option option) {
    int64_t ld = dim + PADDING;
    struct head h = {
        .x = filled(rows, dim, ld, 1, 1),
        .weight = filled(classes, dim, ld, 1 / sqrt((double)dim), 2),
        .bias = filled(1, classes, classes, 1, 3),
        .targets = filled(rows, classes, classes + PADDING, 0.5, 4),
        .offset = filled(1, classes, classes, 2, 5),
        .class_weight = filled(1, classes, classes, 1, 6),
        .row_weight = filled(1, rows, rows, 1, 7),
        .labels = malloc((size_t)(rows + 1) * sizeof(int32_t)),
        .dweight = filled(classes, 0, ld, 0, 0),
        .dbias = filled(1, 0, classes, 0, 0),
        .dx = filled(rows, 0, ld, 0, 0),
        .loss = filled(1, 0, rows, 0, 0),
        .lse = filled(1, 0, rows, 0, 0),
        .loss_weight = filled(1, 0, rows, 0, 0),
    };
    fill_positive(h.targets, rows * (classes + PADDING));
    fill_positive(h.class_weight, classes);
    for (int64_t i = 0; i < rows; i++)
        h.labels[i] = (int32_t)balact_random_below(7, 8, (uint64_t)i, (uint64_t)classes);
    struct balact_head_problem p = BALACT_HEAD_INIT;
    p.rows = rows, p.dim = dim, p.classes = classes;
    p.x = h.x, p.ld_x = p.ld_weight = ld, p.weight = h.weight, p.bias = h.bias;
    p.labels = h.labels;
    p.offset = balact_activation_info(activation)->balanced ? h.offset : NULL;
    p.grad_scale = 0.5f;
    p.dweight = h.dweight, p.dbias = h.dbias, p.dx = h.dx;
    p.loss = h.loss, p.lse = h.lse, p.loss_weight = h.loss_weight;
    h.p = p;
    set_option(&h, option);
    return h;
}

static void head_free(struct head *h) {
    void *all[] = {h->x,       h->weight,       h->bias,       h->targets,
                   h->offset,  h->class_weight, h->row_weight, h->labels,
                   h->dweight, h->dbias,        h->dx,         h->loss,
                   h->lse,     h->loss_weight,  h->memory};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

/* Lends a workspace of exactly the size asked for, with guards behind it. */
static void lend_workspace(const struct balact_backend *backend, struct head *h) {
    struct balact_error error;
    ck_assert_msg(balact_head_workspace(backend, &h->p, &h->workspace_bytes, &error) == BALACT_OK,
                  "%s", error.message);
    size_t rounded = (h->workspace_bytes + GUARD + 63) / 64 * 64;
    h->memory = aligned_alloc(64, rounded);
    ck_assert_ptr_nonnull(h->memory);
    memset(h->memory, 0x5a, rounded);
    h->p.workspace = h->memory;
    h->p.workspace_bytes = h->workspace_bytes;
}

static void head_run(const struct balact_backend *backend, enum balact_activation activation,
                     struct head *h) {
    struct balact_error error = {.message = ""};
    balact_status status = balact_head_loss_grad(backend, activation, &h->p, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
    for (int i = 0; h->memory && i < GUARD; i++)
        ck_assert_msg(h->memory[h->workspace_bytes + (size_t)i] == 0x5a,
                      "written behind the workspace");
}

/* ---- Comparing ---- */

struct place {
    const char *backend, *activation;
    int64_t rows, dim, classes;
    int option;
};

/* Sums of `terms` products of normal numbers, of which fp32 keeps all but a few units. */
static void expect_near(const struct place *at, const char *what, const float *want,
                        const float *got, int64_t rows, int64_t cols, int64_t ld, double bound) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < ld; j++) {
            float w = want[i * ld + j], g = got[i * ld + j];
            double allowed = bound * fmax(1, fabs((double)w));
            if (j >= cols)
                ck_assert_msg(g == PAD_VALUE, "%s: padding of %s was written", at->backend, what);
            else
                ck_assert_msg(w == g || fabs((double)w - g) <= allowed,
                              "%s, %s, %lld x %lld x %lld, option %d: %s (%lld, %lld) is %.9g, "
                              "naive %.9g",
                              at->backend, at->activation, (long long)at->rows, (long long)at->dim,
                              (long long)at->classes, at->option, what, (long long)i, (long long)j,
                              g, w);
        }
}

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

#define NEED_HEAD(backend)                                                                         \
    if (!(backend)->head.run)                                                                      \
    TEST_SKIP("built without oneDNN and OpenBLAS")

/* ---- Tests ---- */

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

/* The reference's own head is its linear layer and its kernels one after the other. */
START_TEST(naive_head_is_the_sum_of_its_parts) {
    const struct balact_backend *reference = balact_backend_find("reference");
    for (int a = 0; a < BALACT_ACTIVATION_COUNT; a++) {
        enum { ROWS = 6, DIMS = 4, COLS = 9 };
        struct head h = head_new(ROWS, DIMS, COLS, a, IGNORE);
        float logits[ROWS * COLS], loss[ROWS], dweight[COLS * (DIMS + PADDING)], dbias[COLS];
        head_run(reference, a, &h);
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
        struct balact_problem p = BALACT_PROBLEM_INIT;
        p.rows = ROWS, p.cols = p.ld = p.ld_out = COLS;
        p.logits = p.out = logits, p.labels = h.labels, p.offset = h.p.offset;
        p.grad_scale = h.p.grad_scale, p.loss = loss;
        reference->linear.forward(&linear);
        ck_assert_int_eq(balact_loss_grad_in_place(reference, a, &p, NULL), BALACT_OK);
        reference->linear.grad_weight(&linear);
        ck_assert(!memcmp(loss, h.loss, sizeof loss));
        ck_assert(!memcmp(dbias, h.dbias, sizeof dbias));
        for (int j = 0; j < COLS; j++)
            ck_assert(!memcmp(dweight + j * (DIMS + PADDING), h.dweight + j * (DIMS + PADDING),
                              DIMS * sizeof(float)));
        head_free(&h);
    }
}
END_TEST

/* What is not wanted changes no bit of the rest and is not written. */
START_TEST(outputs_are_independent) {
    enum { ROWS = 70, DIMS = 12, COLS = 300, OUTPUTS = 6 };
    FOR_BACKENDS(b) {
        const struct balact_backend *backend = cpu_backends[b];
        NEED_HEAD(backend);
        for (unsigned wanted = 0; wanted < 1u << OUTPUTS; wanted++) {
            enum balact_activation a = wanted % BALACT_ACTIVATION_COUNT;
            struct head all = head_new(ROWS, DIMS, COLS, a, IGNORE);
            struct head some = head_new(ROWS, DIMS, COLS, a, IGNORE);
            struct head none = head_new(ROWS, DIMS, COLS, a, IGNORE);
            float **pointer[OUTPUTS] = {&some.p.dweight, &some.p.dbias, &some.p.dx,
                                        &some.p.loss,    &some.p.lse,   &some.p.loss_weight};
            float *mine[OUTPUTS] = {some.dweight, some.dbias, some.dx,
                                    some.loss,    some.lse,   some.loss_weight};
            float *theirs[OUTPUTS] = {all.dweight, all.dbias, all.dx,
                                      all.loss,    all.lse,   all.loss_weight};
            float *untouched[OUTPUTS] = {none.dweight, none.dbias, none.dx,
                                         none.loss,    none.lse,   none.loss_weight};
            const int64_t size[OUTPUTS] = {
                COLS * (DIMS + PADDING), COLS, ROWS * (DIMS + PADDING), ROWS, ROWS, ROWS};
            all.p.chunk_rows = some.p.chunk_rows = 24;
            for (int k = 0; k < OUTPUTS; k++)
                if (!(wanted >> k & 1))
                    *pointer[k] = NULL;
            head_run(backend, a, &all);
            head_run(backend, a, &some);
            for (int k = 0; k < OUTPUTS; k++)
                ck_assert_msg(!memcmp(mine[k], wanted >> k & 1 ? theirs[k] : untouched[k],
                                      (size_t)size[k] * sizeof(float)),
                              "%s: output %d of the set %x", backend->name, k, wanted);
            head_free(&all);
            head_free(&some);
            head_free(&none);
        }
    }
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

/* The workspace holds one chunk, whatever the number of rows and classes. */
START_TEST(workspace_is_one_chunk) {
    FOR_BACKENDS(b) {
        NEED_HEAD(cpu_backends[b]);
        static const struct {
            int64_t rows, classes;
            double most; /* MiB: the chunk, and 8 bytes a class for dbias */
        } cases[] = {{4096, 1000, 9},      {1000000, 1000, 9}, {1000000, 4, 1},
                     {1000000, 21841, 33}, {256, 200000, 100}, {1000000, 200000, 100},
                     {1, 1000, 1}};
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            struct balact_head_problem p = BALACT_HEAD_INIT;
            struct balact_error error = {.message = ""};
            size_t bytes = 0, fewer = 0;
            p.rows = cases[c].rows, p.dim = 512, p.classes = cases[c].classes;
            ck_assert_int_eq(balact_head_workspace(cpu_backends[b], &p, &bytes, &error), BALACT_OK);
            ck_assert_msg((double)bytes <= cases[c].most * 1048576, "%lld classes: %zu bytes",
                          (long long)p.classes, bytes);
            p.rows = (p.rows + 1) / 2;
            ck_assert_int_eq(balact_head_workspace(cpu_backends[b], &p, &fewer, &error), BALACT_OK);
            ck_assert(fewer <= bytes && fewer > 0);
            p.chunk_rows = 8;
            ck_assert_int_eq(balact_head_workspace(cpu_backends[b], &p, &fewer, &error), BALACT_OK);
            ck_assert(fewer <= 8 * 4 * (size_t)(p.classes + 32) + 8 * (size_t)p.classes + 64);
        }
    }
}
END_TEST

/* ---- Broken contracts ---- */

static void expect_refusal(const struct balact_backend *backend, enum balact_activation activation,
                           const struct balact_head_problem *p, balact_status status,
                           const char *text) {
    struct balact_error error = {.message = ""};
    ck_assert_int_eq(balact_head_loss_grad(backend, activation, p, &error), status);
    ck_assert_msg(strstr(error.message, text) != NULL, "no '%s' in '%s'", text, error.message);
}

START_TEST(broken_contracts_are_named) {
    size_t count;
    const struct balact_backend *const *backends = balact_backends(&count);
    for (size_t b = 0; b < count; b++) {
        const struct balact_backend *backend = backends[b];
        if (!backend->usable(NULL, 0) || !backend->plain_memory || !backend->head.run)
            continue;
        struct head h = head_new(8, 4, 5, BALACT_SOFTMAX, PLAIN);
        struct head untouched = head_new(8, 4, 5, BALACT_SOFTMAX, PLAIN);
        lend_workspace(backend, &h);
#define REFUSE(text, status, change)                                                               \
    do {                                                                                           \
        struct balact_head_problem p = h.p;                                                        \
        change;                                                                                    \
        expect_refusal(backend, BALACT_SOFTMAX, &p, BALACT_##status, text);                        \
    } while (0)
        REFUSE("workspace_bytes", ERROR_ARGUMENT, p.workspace_bytes--);
        REFUSE("aligned", ERROR_ARGUMENT, p.workspace = h.memory + 4);
        REFUSE("rows = -1", ERROR_ARGUMENT, p.rows = -1);
        REFUSE("dim = 0", ERROR_ARGUMENT, p.dim = 0);
        REFUSE("classes = 0", ERROR_ARGUMENT, p.classes = 0);
        REFUSE("chunk_rows", ERROR_ARGUMENT, p.chunk_rows = -1);
        REFUSE("ld_x", ERROR_ARGUMENT, p.ld_x = 3);
        REFUSE("ld_weight", ERROR_ARGUMENT, p.ld_weight = 3);
        REFUSE("x is NULL", ERROR_ARGUMENT, p.x = NULL);
        REFUSE("weight is NULL", ERROR_ARGUMENT, p.weight = NULL);
        REFUSE("labels or soft targets", ERROR_ARGUMENT, p.labels = NULL);
        REFUSE("takes no offset", ERROR_ARGUMENT, p.offset = h.offset);
        REFUSE("label_smoothing", ERROR_ARGUMENT, p.label_smoothing = 2);
        REFUSE("grad_scale", ERROR_ARGUMENT, p.grad_scale = NAN);
        REFUSE("dx overlaps x", ERROR_ARGUMENT, p.dx = h.x);
        REFUSE("dweight overlaps weight", ERROR_ARGUMENT, p.dweight = h.weight);
        REFUSE("dbias overlaps workspace", ERROR_ARGUMENT, p.dbias = p.workspace);
        REFUSE("implicit background", ERROR_ARGUMENT, p.background = BALACT_BACKGROUND_IMPLICIT);
        h.labels[3] = 5;
        REFUSE("row 3: label 5", ERROR_RANGE, (void)p);
#undef REFUSE
        expect_refusal(backend, BALACT_BALANCED_SOFTMAX, &h.p, BALACT_ERROR_ARGUMENT, "prior");
        expect_refusal(backend, (enum balact_activation)99, &h.p, BALACT_ERROR_ARGUMENT, "99");
        ck_assert(!memcmp(h.dweight, untouched.dweight, 5 * 7 * sizeof(float)));
        ck_assert(!memcmp(h.dx, untouched.dx, 8 * 7 * sizeof(float)));
        ck_assert(!memcmp(h.loss, untouched.loss, 8 * sizeof(float)));
        head_free(&h);
        head_free(&untouched);
    }
}
END_TEST

/* A backend without a head says so, and no other one's is used under its name. */
START_TEST(no_head_is_said) {
    struct balact_backend headless = *balact_backend_find("reference");
    struct head h = head_new(8, 4, 5, BALACT_SOFTMAX, PLAIN);
    headless.head = (struct balact_head){NULL, NULL};
    headless.name = "headless";
    expect_refusal(&headless, BALACT_SOFTMAX, &h.p, BALACT_ERROR_UNSUPPORTED,
                   "headless has no fused head");
    head_free(&h);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("head");
    TCase *group = tcase_create("head");
    tcase_add_test(group, agrees_with_the_naive_head);
    tcase_add_test(group, naive_head_is_the_sum_of_its_parts);
    tcase_add_test(group, outputs_are_independent);
    tcase_add_test(group, loss_alone);
    tcase_add_test(group, same_bits_for_any_number_of_threads);
    tcase_add_test(group, workspace_is_one_chunk);
    tcase_add_test(group, broken_contracts_are_named);
    tcase_add_test(group, no_head_is_said);
    suite_add_tcase(suite, group);
    return suite;
}
