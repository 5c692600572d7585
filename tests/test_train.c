/* SPDX-License-Identifier: MIT
 *
 * The trainer: known optima, the schedule, errors with their place, checkpoints. The command around
 * it is tested in test_train_command.c.
 */
#include <math.h>

#include "bench/train/settings.h"
#include "bench/train/trainer.h"
#include "tests/cross.h"
#include "tests/files.h"

static struct hyper quick_hyper(void) {
    struct settings settings;
    settings_init(&settings);
    struct hyper hyper = settings.hyper;
    hyper.batch = 32;
    hyper.epochs = 5;
    return hyper;
}

static const struct balact_backend *backend_under_test(void) {
    struct balact_error error = {.message = ""};
    const struct balact_backend *backend = balact_backend_default(&error);
    ck_assert_msg(backend != NULL, "%s", error.message);
    return backend;
}

/* train_on() takes the model's fused call away, as of a backend that has none. */
static bool without_fused_call;

/* Trains on data and copies the weights (and biases after them) out. offset may be NULL. */
static balact_status train_on(const struct balact_dataset *data, const char *method_name,
                              const struct hyper *hyper, const float *offset,
                              const char *checkpoint, bool resume, float *weights,
                              struct train_state *state, struct balact_error *error) {
    struct balact_reader reader;
    struct balact_model model;
    const struct method *method = method_find(method_name);
    struct train_job job = {.experiment = "quick",
                            .dataset = "cross",
                            .method = method,
                            .seed = 3,
                            .hyper = *hyper,
                            .offset = offset,
                            .reader = &reader,
                            .checkpoint_path = checkpoint,
                            .configuration = "a = 1\nb = 2\n",
                            .resume = resume,
                            .checkpoint_epochs = 1};
    memset(state, 0, sizeof *state);
    ck_assert(reader_open_features(&reader, data, hyper->batch, method->sampler, 3, error) ==
              BALACT_OK);
    balact_status status = model_open_linear(&model, backend_under_test(), data->dim, data->classes,
                                             &method->init, 3, error);
    ck_assert_msg(status == BALACT_OK, "%s", error->message);
    if (without_fused_call)
        model.loss_backward = NULL;
    status = train_run(&job, &model, state, error);
    if (status == BALACT_OK && weights) {
        model.backend->download(weights, model.parameters[0].value,
                                (size_t)model.parameters[0].n * sizeof *weights);
        model.backend->download(weights + model.parameters[0].n, model.parameters[1].value,
                                (size_t)model.parameters[1].n * sizeof *weights);
    }
    model_release(&model);
    reader_release(&reader);
    return status;
}

/* ---- Optimisation ---- */

START_TEST(separable_data_is_separated) {
    struct balact_dataset data;
    struct train_state state;
    struct balact_error error = {.message = ""};
    float weights[CLASSES * (DIM + 1)];
    static const char *const names[] = {"softmax", "sigmoid", "softmax_class_balanced"};
    make_data(&data, 1, 30, 1);
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        struct hyper hyper = quick_hyper();
        hyper.epochs = 40;
        balact_status status =
            train_on(&data, names[m], &hyper, NULL, NULL, false, weights, &state, &error);
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        ck_assert(state.finished);
        double first = state.curve[0].loss, last = state.curve[state.curve_count - 1].loss;
        ck_assert_msg(last < 0.02 && last < 0.1 * first, "%s: loss %g after %g", names[m], last,
                      first);
        const float *x = data.features;
        for (int64_t i = 0; i < data.rows; i++) {
            double best = -INFINITY;
            int32_t predicted = -1;
            for (int32_t c = 0; c < CLASSES; c++) {
                double score = weights[CLASSES * DIM + c];
                for (int d = 0; d < DIM; d++)
                    score += (double)weights[c * DIM + d] * x[i * DIM + d];
                if (score > best) {
                    best = score;
                    predicted = c;
                }
            }
            ck_assert_int_eq(predicted, data.labels[i]);
        }
        train_state_release(&state);
    }
    balact_dataset_release(&data);
}
END_TEST

/* With features that say nothing the optimum is known: softmax learns the log priors as biases,
 * Balanced Softmax takes them off the prior's hands and keeps equal ones, and the sigmoids the same
 * for log odds. */
START_TEST(biases_reach_the_known_optimum) {
    enum { N = 200 };
    const double share[CLASSES] = {0.6, 0.3, 0.075, 0.025};
    struct balact_dataset data;
    struct train_state state;
    struct balact_error error = {.message = ""};
    float weights[CLASSES * (DIM + 1)], offset[CLASSES];
    const float *bias = weights + CLASSES * DIM;
    double counts[CLASSES];
    make_data(&data, 1, 0, 1);
    memset(data.features, 0, (size_t)data.rows * DIM * sizeof(float));
    struct hyper hyper = quick_hyper();
    hyper.batch = N; /* whole batches: no noise */
    hyper.epochs = 4000;
    hyper.weight_decay = 0;
    hyper.learning_rate = 1;
    for (int c = 0; c < CLASSES; c++)
        counts[c] = N * share[c];
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = counts;
    prior.classes = CLASSES;
    for (int balanced = 0; balanced < 2; balanced++) {
        ck_assert(balact_offset(BALACT_BALANCED_SOFTMAX, &prior, offset, &error) == BALACT_OK);
        ck_assert(train_on(&data, balanced ? "balanced_softmax" : "softmax", &hyper,
                           balanced ? offset : NULL, NULL, false, weights, &state,
                           &error) == BALACT_OK);
        train_state_release(&state);
        for (int c = 1; c < CLASSES; c++) {
            double wanted = balanced ? 0 : log(share[c] / share[0]), is = bias[c] - bias[0];
            ck_assert_msg(fabs(is - wanted) < 1e-3, "softmax, balanced %d, class %d: %g, not %g",
                          balanced, c, is, wanted);
        }
        ck_assert(balact_offset(BALACT_BALANCED_SIGMOID, &prior, offset, &error) == BALACT_OK);
        ck_assert(train_on(&data, balanced ? "balanced_sigmoid" : "sigmoid", &hyper,
                           balanced ? offset : NULL, NULL, false, weights, &state,
                           &error) == BALACT_OK);
        train_state_release(&state);
        for (int c = 0; c < CLASSES; c++) {
            double wanted = balanced ? 0 : log(share[c] / (1 - share[c]));
            ck_assert_msg(fabs(bias[c] - wanted) < 2e-3,
                          "sigmoid, balanced %d, class %d: %g not %g", balanced, c, (double)bias[c],
                          wanted);
        }
    }
    balact_dataset_release(&data);
}
END_TEST

/* One call for loss and gradients trains the same head as forward, loss and backward one by one. */
START_TEST(fused_and_separate_calls_agree) {
    enum { N = CLASSES * (DIM + 1) };
    struct balact_dataset data;
    struct balact_error error = {.message = ""};
    const float offset[CLASSES] = {0, -0.7f, -2, -3.2f};
    static const char *const names[] = {"balanced_softmax", "balanced_sigmoid"};
    make_data(&data, 1, 2, 1);
    data.labels[5] = data.labels[77] = BALACT_IGNORE_INDEX;
    for (size_t m = 0; m < sizeof names / sizeof *names; m++) {
        struct train_state state[2];
        float weights[2][N];
        struct hyper hyper = quick_hyper();
        for (int separate = 0; separate < 2; separate++) {
            without_fused_call = separate;
            balact_status status = train_on(&data, names[m], &hyper, offset, NULL, false,
                                            weights[separate], &state[separate], &error);
            ck_assert_msg(status == BALACT_OK, "%s", error.message);
        }
        without_fused_call = false;
        ck_assert_int_eq(state[0].curve_count, state[1].curve_count);
        for (int64_t i = 0; i < state[0].curve_count; i++)
            ck_assert_double_eq_tol(state[0].curve[i].loss, state[1].curve[i].loss, 1e-5);
        for (int i = 0; i < N; i++)
            ck_assert_msg(fabsf(weights[0][i] - weights[1][i]) <= 1e-5f, "%s, %d: %g, %g", names[m],
                          i, weights[0][i], weights[1][i]);
        train_state_release(&state[0]);
        train_state_release(&state[1]);
    }
    balact_dataset_release(&data);
}
END_TEST

START_TEST(schedule) {
    struct hyper hyper = quick_hyper();
    hyper.learning_rate = 0.2;
    ck_assert(fabs(train_rate(&hyper, 0, 100, 0) - 0.2) < 1e-15);
    ck_assert(fabs(train_rate(&hyper, 50, 100, 0) - 0.1) < 1e-15);
    ck_assert(fabs(train_rate(&hyper, 100, 100, 0)) < 1e-15);
    ck_assert(fabs(train_rate(&hyper, 0, 100, 10) - 0.02) < 1e-15); /* warm-up */
    ck_assert(fabs(train_rate(&hyper, 9, 100, 10) - 0.2) < 1e-15);
    ck_assert(fabs(train_rate(&hyper, 10, 100, 10) - 0.2) < 1e-15);
    ck_assert(fabs(train_rate(&hyper, 55, 100, 10) - 0.1) < 1e-15);
    struct balact_reader reader = {.rows = 95, .batch = 10};
    hyper.epochs = 3;
    ck_assert_int_eq(train_steps(&hyper, &reader), 30);
    hyper.min_steps = 31; /* whole epochs are added */
    ck_assert_int_eq(train_steps(&hyper, &reader), 40);
}
END_TEST

/* ---- Errors of training ---- */

START_TEST(divergence_names_the_step) {
    struct balact_dataset data;
    struct train_state state;
    struct balact_error error = {.message = ""};
    struct hyper hyper = quick_hyper();
    make_data(&data, 1, 2, 1);
    hyper.learning_rate = 1e6;
    hyper.weight_decay = 1e3;
    hyper.epochs = 50;
    ck_assert_int_eq(train_on(&data, "softmax", &hyper, NULL, NULL, false, NULL, &state, &error),
                     BALACT_ERROR_NUMERIC);
    ck_failed(error, BALACT_ERROR_NUMERIC,
              "experiment quick, data cross, method softmax, seed 3, epoch ");
    ck_failed(error, BALACT_ERROR_NUMERIC, "--learning-rate");
    char step[64];
    snprintf(step, sizeof step, "step %lld:", (long long)state.step + 1);
    ck_failed(error, BALACT_ERROR_NUMERIC, step);
    train_state_release(&state);
    balact_dataset_release(&data);
}
END_TEST

START_TEST(bad_features_are_told_from_divergence) {
    struct balact_dataset data;
    struct train_state state;
    struct balact_error error = {.message = ""};
    struct hyper hyper = quick_hyper();
    make_data(&data, 1, 2, 1);
    hyper.batch = 200; /* so that the first step has the row */
    ((float *)data.features)[77 * DIM + 2] = NAN;
    ck_assert_int_eq(train_on(&data, "sigmoid", &hyper, NULL, NULL, false, NULL, &state, &error),
                     BALACT_ERROR_NUMERIC);
    ck_failed(error, BALACT_ERROR_NUMERIC, "method sigmoid, seed 3, epoch 1, step 1: ");
    ck_failed(error, BALACT_ERROR_NUMERIC, "a feature of the batch is not finite");
    train_state_release(&state);
    balact_dataset_release(&data);
}
END_TEST

START_TEST(ignored_rows_only) {
    struct balact_dataset data;
    struct train_state state;
    struct balact_error error = {.message = ""};
    struct hyper hyper = quick_hyper();
    float weights[2][CLASSES * (DIM + 1)];
    make_data(&data, 1, 2, 1);
    for (int64_t i = 0; i < data.rows; i++)
        data.labels[i] = BALACT_IGNORE_INDEX;
    ck_assert_int_eq(train_on(&data, "softmax", &hyper, NULL, NULL, false, NULL, &state, &error),
                     BALACT_ERROR_RANGE);
    ck_failed(error, BALACT_ERROR_RANGE, "epoch 1, step 1");
    train_state_release(&state);
    /* One batch of two copies of the data, one of them ignored, trains as the data do. */
    balact_dataset_release(&data);
    make_data(&data, 1, 2, 1);
    hyper.batch = 400;
    for (int doubled = 0; doubled < 2; doubled++) {
        struct balact_dataset twice = data;
        twice.rows = data.rows * (doubled + 1);
        twice.features = malloc((size_t)twice.rows * DIM * sizeof(float));
        twice.labels = malloc((size_t)twice.rows * sizeof *twice.labels);
        for (int64_t i = 0; i < twice.rows; i++) {
            memcpy((float *)twice.features + i * DIM, (float *)data.features + i % data.rows * DIM,
                   DIM * sizeof(float));
            twice.labels[i] = i < data.rows ? data.labels[i] : BALACT_IGNORE_INDEX;
        }
        ck_assert(train_on(&twice, "softmax", &hyper, NULL, NULL, false, weights[doubled], &state,
                           &error) == BALACT_OK);
        train_state_release(&state);
        free(twice.features);
        free(twice.labels);
    }
    for (int k = 0; k < CLASSES * (DIM + 1); k++)
        ck_assert_msg(fabsf(weights[0][k] - weights[1][k]) < 1e-5f, "weight %d: %g, %g", k,
                      (double)weights[0][k], (double)weights[1][k]);
    balact_dataset_release(&data);
}
END_TEST

/* ---- Checkpoints ---- */

START_TEST(resuming_gives_the_same_weights) {
    struct balact_dataset data;
    struct train_state whole, state;
    struct balact_error error = {.message = ""};
    struct hyper hyper = quick_hyper();
    float wanted[CLASSES * (DIM + 1)], got[CLASSES * (DIM + 1)];
    char path[600];
    snprintf(path, sizeof path, "%s/resume.ckpt", test_folder());
    make_data(&data, 1, 2, 1);
    ck_assert(train_on(&data, "softmax", &hyper, NULL, NULL, false, wanted, &whole, &error) ==
              BALACT_OK);
    /* Interrupted after one step, again and again, as by a signal. */
    for (int64_t step = 1; step <= whole.step; step++) {
        train_interrupted = 1;
        balact_status status =
            train_on(&data, "softmax", &hyper, NULL, path, step > 1, got, &state, &error);
        train_interrupted = 0;
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        ck_assert_int_eq(state.step, step);
        ck_assert_int_eq(state.finished, step == whole.step);
        if (step < whole.step)
            train_state_release(&state);
    }
    ck_assert(!memcmp(wanted, got, sizeof wanted));
    ck_assert_int_eq(state.curve_count, whole.curve_count);
    ck_assert(!memcmp(state.curve, whole.curve, (size_t)whole.curve_count * sizeof *whole.curve));
    train_state_release(&state);
    /* A finished run is not trained again. */
    ck_assert(train_on(&data, "softmax", &hyper, NULL, path, true, got, &state, &error) ==
              BALACT_OK);
    ck_assert(state.finished && !memcmp(wanted, got, sizeof wanted));
    train_state_release(&state);
    train_state_release(&whole);
    balact_dataset_release(&data);
}
END_TEST

static void expect_refused(const struct balact_dataset *data, const char *path,
                           balact_status wanted, const char *part) {
    struct train_state state;
    struct balact_error error = {.message = ""};
    struct hyper hyper = quick_hyper();
    train_on(data, "softmax", &hyper, NULL, path, true, NULL, &state, &error);
    ck_failed(error, wanted, part);
    ck_failed(error, wanted, path);
    ck_assert_int_eq(state.step, 0);
    train_state_release(&state);
}

START_TEST(bad_checkpoints_are_refused) {
    struct balact_dataset data;
    struct train_state state;
    struct balact_error error = {.message = ""};
    struct hyper hyper = quick_hyper();
    char path[600];
    size_t size;
    snprintf(path, sizeof path, "%s/bad.ckpt", test_folder());
    make_data(&data, 1, 2, 1);
    ck_assert(train_on(&data, "softmax", &hyper, NULL, path, false, NULL, &state, &error) ==
              BALACT_OK);
    train_state_release(&state);
    unsigned char *bytes = slurp(path, &size);
    static const size_t cuts[] = {0, 7, 60, 200, 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        size_t left = cuts[i] == 1 ? size - 1 : cuts[i];
        test_write("bad.ckpt", bytes, left);
        expect_refused(&data, path, BALACT_ERROR_FORMAT, "--resume");
    }
    for (size_t at = 30; at < size; at += size / 7) { /* one bit anywhere behind the magic */
        bytes[at] ^= 4;
        test_write("bad.ckpt", bytes, size);
        expect_refused(&data, path, BALACT_ERROR_FORMAT, "checkpoint");
        bytes[at] ^= 4;
    }
    bytes[0] ^= 1;
    test_write("bad.ckpt", bytes, size);
    expect_refused(&data, path, BALACT_ERROR_FORMAT, "not a checkpoint");
    bytes[0] ^= 1;
    /* Another configuration, and another size of head under the same one. */
    struct balact_model model;
    const struct head_init init = {0.01, 0};
    bool found;
    test_write("bad.ckpt", bytes, size);
    ck_assert(model_open_linear(&model, backend_under_test(), DIM, CLASSES, &init, 1, &error) ==
              BALACT_OK);
    memset(&state, 0, sizeof state);
    checkpoint_read(path, "a = 1\nb = 3\n", &state, &model, &found, &error);
    ck_failed(error, BALACT_ERROR_RANGE, "'b = 2' there, 'b = 3' now");
    ck_assert(!found);
    model_release(&model);
    ck_assert(model_open_linear(&model, backend_under_test(), DIM + 1, CLASSES, &init, 1, &error) ==
              BALACT_OK);
    checkpoint_read(path, "a = 1\nb = 2\n", &state, &model, &found, &error);
    ck_failed(error, BALACT_ERROR_RANGE, "another size");
    model_release(&model);
    free(bytes);
    balact_dataset_release(&data);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("train");
    TCase *optimum = tcase_create("optimisation");
    tcase_add_test(optimum, separable_data_is_separated);
    tcase_add_test(optimum, biases_reach_the_known_optimum);
    tcase_add_test(optimum, fused_and_separate_calls_agree);
    tcase_add_test(optimum, schedule);
    tcase_add_test(optimum, divergence_names_the_step);
    tcase_add_test(optimum, bad_features_are_told_from_divergence);
    tcase_add_test(optimum, ignored_rows_only);
    TCase *checkpoints = tcase_create("checkpoints");
    tcase_add_test(checkpoints, resuming_gives_the_same_weights);
    tcase_add_test(checkpoints, bad_checkpoints_are_refused);
    suite_add_tcase(suite, optimum);
    suite_add_tcase(suite, checkpoints);
    return suite;
}
