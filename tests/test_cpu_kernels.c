/* SPDX-License-Identifier: MIT
 *
 * The CPU backends: memory that must not be touched, and results that must not depend on threads,
 * rows, pitch or place. What the kernels compute is compared with the reference for what `balact
 * verify` does not hold: every mix of options at many widths, and extremes of every kind.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "balact/random.h"
#include "optimized/backends.h"
#include "tests/cpu_backends.h"

enum { SEED = 20081103 };

/* ---- Problems ---- */

struct arrays {
    int64_t rows, cols, ld;
    float *logits, *targets, *offset, *class_weight, *row_weight;
    int32_t *labels;
    float *out, *loss, *lse, *weight;
};

/* cols + extra elements, the extra ones below, ended by a page that may not be touched; `lead` puts
 * one before the beginning instead. */
static void *guarded(size_t bytes, int lead) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    char *base =
        mmap(NULL, inner + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(base, MAP_FAILED);
    ck_assert_int_eq(mprotect(base, page, PROT_NONE), 0);
    ck_assert_int_eq(mprotect(base + page + inner, page, PROT_NONE), 0);
    return lead ? base + page : base + page + inner - bytes;
}

static void unguard(void *memory, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t inner = (bytes + page - 1) / page * page;
    char *start = (char *)((uintptr_t)memory / page * page);
    ck_assert_int_eq(munmap(start - page, inner + 2 * page), 0);
}

static float normal(uint64_t stream, int64_t i) {
    return (float)balact_random_normal(SEED, stream, (uint64_t)i);
}

static void fill(struct arrays *a, double spread) {
    for (int64_t i = 0; i < a->rows * a->ld; i++) {
        a->logits[i] = (float)(spread * normal(1, i));
        a->targets[i] = (float)balact_random_uniform(SEED, 2, (uint64_t)i);
    }
    for (int64_t j = 0; j < a->cols; j++) {
        a->offset[j] = -fabsf(3.0f * normal(3, j));
        a->class_weight[j] = 0.5f + (float)balact_random_uniform(SEED, 4, (uint64_t)j);
    }
    for (int64_t i = 0; i < a->rows; i++) {
        a->row_weight[i] = 0.25f + (float)balact_random_uniform(SEED, 5, (uint64_t)i);
        a->labels[i] = (int32_t)balact_random_below(SEED, 6, (uint64_t)i, (uint64_t)a->cols);
    }
}

static void *plain(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static struct arrays arrays_new(int64_t rows, int64_t cols, int64_t ld, double spread) {
    struct arrays a = {.rows = rows, .cols = cols, .ld = ld};
    size_t row = (size_t)rows * sizeof(float), col = (size_t)cols * sizeof(float);
    size_t all = (size_t)(rows * ld) * sizeof(float);
    a.logits = plain(all), a.targets = plain(all), a.out = plain(all);
    a.offset = plain(col), a.class_weight = plain(col);
    a.row_weight = plain(row), a.labels = plain(row);
    a.loss = plain(row), a.lse = plain(row), a.weight = plain(row);
    fill(&a, spread);
    return a;
}

static void arrays_free(struct arrays *a) {
    void *all[] = {a->logits,     a->targets, a->out,  a->offset, a->class_weight,
                   a->row_weight, a->labels,  a->loss, a->lse,    a->weight};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

enum option {
    OPTION_CLASS_WEIGHT = 1,
    OPTION_ROW_WEIGHT = 2,
    OPTION_SMOOTHING = 4,
    OPTION_TARGETS = 8,
    OPTION_ALL = 16
};

static struct balact_problem problem_of(const struct arrays *a, enum balact_activation activation,
                                        int options) {
    struct balact_problem p = BALACT_PROBLEM_INIT;
    p.rows = a->rows, p.cols = a->cols, p.ld = p.ld_out = p.ld_targets = a->ld;
    p.logits = a->logits, p.labels = a->labels, p.out = a->out;
    p.loss = a->loss, p.lse = a->lse, p.weight = a->weight;
    p.grad_scale = 0.125f;
    if (balact_activation_info(activation)->balanced)
        p.offset = a->offset;
    if (options & OPTION_CLASS_WEIGHT)
        p.class_weight = a->class_weight;
    if (options & OPTION_ROW_WEIGHT)
        p.row_weight = a->row_weight;
    if (options & OPTION_TARGETS)
        p.targets = a->targets;
    else if (options & OPTION_SMOOTHING)
        p.label_smoothing = 0.1f;
    return p;
}

static void run(const struct balact_backend *backend, enum balact_activation activation,
                enum balact_operation operation, const struct balact_problem *p) {
    struct balact_error error;
    balact_status status = balact_run(backend, activation, operation, p, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
}

/* ---- Against the reference ---- */

static void expect_near(const struct balact_backend *backend, enum balact_activation activation,
                        int options, const struct arrays *want, const struct arrays *got) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    for (int64_t i = 0; i < want->rows; i++) {
        double loss = fabs((double)got->loss[i] - want->loss[i]);
        ck_assert_msg(loss <= info->loss_relative * fabs(want->loss[i]),
                      "%s %s options %d cols %lld row %lld: loss %.9g, reference %.9g",
                      backend->name, info->name, options, (long long)want->cols, (long long)i,
                      got->loss[i], want->loss[i]);
        ck_assert_msg(got->weight[i] == want->weight[i], "%s %s: weight %g, reference %g",
                      backend->name, info->name, got->weight[i], want->weight[i]);
        for (int64_t j = 0; j < want->cols; j++) {
            float w = want->out[i * want->ld + j], g = got->out[i * got->ld + j];
            /* Spread targets may cancel: then a ulp is one of the two terms. */
            double slack = options & (OPTION_TARGETS | OPTION_SMOOTHING)
                               ? 4e-7 * (want->cols + 1.0) * 0.125
                               : 0.0;
            ck_assert_msg(fabs((double)w - g) <= slack || ulps(w, g) <= info->gradient_ulp,
                          "%s %s options %d cols %lld (%lld, %lld) label %d: %.9g, reference %.9g",
                          backend->name, info->name, options, (long long)want->cols, (long long)i,
                          (long long)j, want->labels[i], g, w);
        }
    }
}

START_TEST(test_loss_grad_options) {
    static const int64_t widths[] = {1,  2,  3,  7,  8,  9,   15,  16, 17,
                                     31, 33, 63, 64, 65, 127, 130, 900};
    FOR_BACKENDS(b) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                for (int options = 0; options < OPTION_ALL; options++) {
                    struct arrays want = arrays_new(5, widths[w], widths[w] + 3, 8.0);
                    struct arrays got = arrays_new(5, widths[w], widths[w] + 3, 8.0);
                    struct balact_problem p = problem_of(&want, activation, options);
                    run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
                    p = problem_of(&got, activation, options);
                    run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                    expect_near(cpu_backends[b], activation, options, &want, &got);
                    arrays_free(&want);
                    arrays_free(&got);
                }
    }
}
END_TEST

/* Gradients of a scale so small that most of them are denormal. */
START_TEST(test_tiny_scale) {
    FOR_BACKENDS(b) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
            for (int options = 0; options < OPTION_ALL; options++) {
                struct arrays want = arrays_new(3, 50, 50, 2.0), got = arrays_new(3, 50, 50, 2.0);
                struct balact_problem p = problem_of(&want, activation, options);
                p.grad_scale = 1e-33f;
                run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
                p.out = got.out, p.loss = got.loss, p.weight = got.weight;
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (int i = 0; i < 3 * 50; i++)
                    ck_assert_msg(
                        fabs((double)want.out[i] - got.out[i]) <= 1e-6 * fabs(want.out[i]) + 2e-40,
                        "%s activation %d options %d: %g, reference %g", cpu_backends[b]->name,
                        activation, options, got.out[i], want.out[i]);
                arrays_free(&want);
                arrays_free(&got);
            }
    }
}
END_TEST

START_TEST(test_forward_error) {
    static const int64_t widths[] = {1, 2, 5, 16, 33, 100, 1203, 21841};
    static const double spreads[] = {0.0, 0.3, 5.0, 20.0, 60.0};
    FOR_BACKENDS(b) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++)
                for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++) {
                    struct arrays a = arrays_new(2, widths[w], widths[w], spreads[s]);
                    struct arrays got = arrays_new(2, widths[w], widths[w], spreads[s]);
                    struct balact_problem p = problem_of(&a, activation, 0);
                    run(&balact_backend_reference, activation, BALACT_FORWARD, &p);
                    p = problem_of(&got, activation, 0);
                    run(cpu_backends[b], activation, BALACT_FORWARD, &p);
                    double worst = 0.0;
                    for (int64_t i = 0; i < 2 * widths[w]; i++)
                        worst = fmax(worst, ulps(a.out[i], got.out[i]));
                    ck_assert_msg(worst <= balact_activation_info(activation)->probability_ulp,
                                  "%s %s cols %lld spread %g: %g ulp", cpu_backends[b]->name,
                                  balact_activation_info(activation)->name, (long long)widths[w],
                                  spreads[s], worst);
                    arrays_free(&a);
                    arrays_free(&got);
                }
    }
}
END_TEST

/* ---- Memory ---- */

START_TEST(test_guard_pages) {
    FOR_BACKENDS(b) {
        for (int64_t cols = 1; cols <= 70; cols++)
            for (int lead = 0; lead < 2; lead++) {
                size_t bytes = (size_t)cols * sizeof(float);
                struct arrays a = {.rows = 1, .cols = cols, .ld = cols};
                float row_weight, loss, lse, weight;
                int32_t label;
                a.row_weight = &row_weight, a.labels = &label;
                a.loss = &loss, a.lse = &lse, a.weight = &weight;
                a.logits = guarded(bytes, lead), a.targets = guarded(bytes, lead);
                a.offset = guarded(bytes, lead), a.class_weight = guarded(bytes, lead);
                a.out = guarded(bytes, lead);
                fill(&a, 4.0);
                for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                    for (int options = 0; options < OPTION_ALL; options++) {
                        struct balact_problem p = problem_of(&a, activation, options);
                        run(cpu_backends[b], activation, BALACT_FORWARD, &p);
                        run(cpu_backends[b], activation, BALACT_LOSS, &p);
                        run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                    }
                unguard(a.logits, bytes), unguard(a.targets, bytes), unguard(a.offset, bytes);
                unguard(a.class_weight, bytes), unguard(a.out, bytes);
            }
    }
}
END_TEST

/* Padding between rows stays as it was. */
START_TEST(test_padding) {
    FOR_BACKENDS(b) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
            for (int options = 0; options < OPTION_ALL; options++) {
                struct arrays a = arrays_new(4, 21, 29, 4.0);
                for (int64_t i = 0; i < 4 * 29; i++)
                    a.out[i] = 1234.5f;
                struct balact_problem p = problem_of(&a, activation, options);
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (int64_t i = 0; i < 4; i++)
                    for (int64_t j = 21; j < 29; j++)
                        ck_assert_msg(a.out[i * 29 + j] == 1234.5f, "padding was written");
                arrays_free(&a);
            }
    }
}
END_TEST

/* ---- Same bits ---- */

static void expect_same_row(const char *what, const struct balact_backend *backend,
                            const struct arrays *a, int64_t i, const float *out, float loss) {
    ck_assert_msg(!memcmp(a->out + i * a->ld, out, (size_t)a->cols * sizeof(float)) &&
                      !memcmp(&a->loss[i], &loss, sizeof loss),
                  "%s: row %lld of %lld columns differs by %s", backend->name, (long long)i,
                  (long long)a->cols, what);
}

START_TEST(test_same_bits) {
    static const int64_t widths[] = {33, 1000, 1203};
    int threads = balact_threads();
    FOR_BACKENDS(b) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
                for (int options = 0; options < OPTION_ALL; options++) {
                    int64_t cols = widths[w], rows = 37;
                    struct arrays a = arrays_new(rows, cols, cols + 5, 6.0);
                    struct arrays other = arrays_new(rows, cols, cols + 5, 6.0);
                    struct balact_problem p = problem_of(&a, activation, options);
                    balact_set_threads(1);
                    run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                    for (int t = 2; t <= 4; t++) {
                        balact_set_threads(t);
                        p = problem_of(&other, activation, options);
                        run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                        for (int64_t i = 0; i < rows; i++)
                            expect_same_row("threads", cpu_backends[b], &a, i,
                                            other.out + i * other.ld, other.loss[i]);
                    }
                    balact_set_threads(2);
                    /* one row alone, elsewhere in memory and in place */
                    int64_t i = 5;
                    float *row = plain((size_t)(cols + 1) * sizeof *row), loss;
                    memcpy(row + 1, a.logits + i * a.ld, (size_t)cols * sizeof *row);
                    p = problem_of(&a, activation, options);
                    p.rows = 1, p.logits = p.out = row + 1, p.labels += i, p.loss = &loss;
                    p.row_weight = p.row_weight ? p.row_weight + i : NULL;
                    p.targets = p.targets ? p.targets + i * a.ld : NULL;
                    p.lse = p.weight = NULL;
                    run(cpu_backends[b], activation, BALACT_LOSS_GRAD_IN_PLACE, &p);
                    expect_same_row("place", cpu_backends[b], &a, i, row + 1, loss);
                    free(row);
                    arrays_free(&a);
                    arrays_free(&other);
                }
    }
    balact_set_threads(threads);
}
END_TEST

/* ---- Extreme values ---- */

/* Rows that mix ordinary logits with the extremes, against the reference. */
START_TEST(test_extremes) {
    static const float specials[] = {NAN,  INFINITY, -INFINITY, 1e4f, -1e4f,
                                     3e4f, 1e8f,     -1e30f,    1e30f};
    enum { COLS = 40, KINDS = sizeof specials / sizeof *specials };
    FOR_BACKENDS(b) {
        for (int activation = 0; activation < BALACT_ACTIVATION_COUNT; activation++)
            for (int options = 0; options < OPTION_ALL; options++) {
                bool balanced = balact_activation_info(activation)->balanced;
                struct arrays want = arrays_new(KINDS * 3, COLS, COLS, 3.0);
                struct arrays got = arrays_new(KINDS * 3, COLS, COLS, 3.0);
                struct arrays *both[] = {&want, &got};
                for (int k = 0; k < 2; k++) {
                    both[k]->offset[7] = -INFINITY;
                    both[k]->targets[3] = 0.0f;
                    for (int i = 0; i < KINDS; i++) {
                        float special = specials[i];
                        /* beyond this the reference's double cannot hold logit and offset */
                        if (balanced && isfinite(special) && fabsf(special) > 1e10f)
                            special = copysignf(1e10f, special);
                        both[k]->logits[i * COLS + 11] = special;
                        for (int j = 0; j < COLS; j++)
                            both[k]->logits[(KINDS + i) * COLS + j] = special;
                        both[k]->labels[2 * KINDS + i] = 20;
                        both[k]->logits[(2 * KINDS + i) * COLS + 20] = special;
                        for (int r = 0; r < 3; r++)
                            both[k]->targets[(r * KINDS + i) * COLS + 7] = 0.0f;
                    }
                }
                struct balact_problem p = problem_of(&want, activation, options);
                run(&balact_backend_reference, activation, BALACT_LOSS_GRAD, &p);
                p = problem_of(&got, activation, options);
                run(cpu_backends[b], activation, BALACT_LOSS_GRAD, &p);
                for (int64_t i = 0; i < 3 * KINDS; i++) {
                    double slack = 1e-5 * fabs(want.loss[i]);
                    ck_assert_msg(
                        ulps(want.loss[i], got.loss[i]) == 0.0 ||
                            fabs((double)want.loss[i] - got.loss[i]) <= slack,
                        "%s activation %d options %d row %lld (%g): loss %g, reference %g",
                        cpu_backends[b]->name, activation, options, (long long)i,
                        specials[i % KINDS], got.loss[i], want.loss[i]);
                    for (int64_t j = 0; j < COLS; j++) {
                        float w = want.out[i * COLS + j], g = got.out[i * COLS + j];
                        ck_assert_msg(ulps(w, g) <= 8.0 || fabs((double)w - g) < 1e-5,
                                      "%s activation %d options %d (%lld, %lld; %g): %g, "
                                      "reference %g",
                                      cpu_backends[b]->name, activation, options, (long long)i,
                                      (long long)j, specials[i % KINDS], g, w);
                    }
                }
                arrays_free(&want);
                arrays_free(&got);
            }
    }
}
END_TEST

Suite *balact_suite(void) {
    const TTest *tests[] = {test_loss_grad_options, test_tiny_scale, test_forward_error,
                            test_guard_pages,       test_padding,    test_same_bits,
                            test_extremes};
    Suite *suite = suite_create("cpu_kernels");
    TCase *group = tcase_create("cpu_kernels");
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    return suite;
}
