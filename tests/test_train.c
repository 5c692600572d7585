/* SPDX-License-Identifier: MIT
 *
 * The trainer: known optima, the schedule, checkpoints that survive a kill, errors with their place,
 * definition files, and `balact train` as a whole. The command runs in a child of its own: this
 * program started again with BALACT_TEST_COMMAND set, so that it can be killed.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "balact/random.h"
#include "bench/program.h"
#include "bench/train/definition.h"
#include "bench/train/experiment.h"
#include "bench/train/trainer.h"
#include "tests/files.h"

/* ---- Data ---- */

enum { CLASSES = 4, DIM = 6 };

/* Gaussians around the corners of a cross; counts 120, 60, 15, 5 (times factor). */
static void make_data(struct balact_dataset *data, int64_t factor, double distance, uint64_t seed) {
    const int64_t counts[CLASSES] = {120 * factor, 60 * factor, 15 * factor, 5 * factor};
    memset(data, 0, sizeof *data);
    data->dim = DIM;
    data->classes = CLASSES;
    data->dtype = BALACT_F32;
    for (int c = 0; c < CLASSES; c++)
        data->rows += counts[c];
    float *features = malloc((size_t)data->rows * DIM * sizeof *features);
    data->labels = malloc((size_t)data->rows * sizeof *data->labels);
    data->features = features;
    int64_t row = 0;
    for (int32_t c = 0; c < CLASSES; c++)
        for (int64_t k = 0; k < counts[c]; k++, row++) {
            data->labels[row] = c;
            for (int d = 0; d < DIM; d++)
                features[row * DIM + d] =
                    (float)(balact_random_normal(seed, 1, (uint64_t)(row * DIM + d)) +
                            (d == c ? distance : 0));
        }
}

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

/* Trains on data and copies the weights (and biases after them) out. offset may be NULL. */
static balact_status train_on(const struct balact_dataset *data, const char *method_name,
                              const struct hyper *hyper, const float *offset,
                              const char *checkpoint, bool resume, float *weights,
                              struct train_state *state, struct balact_error *error) {
    struct balact_reader reader;
    struct balact_model model;
    const struct method *method = method_find(method_name);
    struct train_job job = {.experiment = "quick", .dataset = "cross", .method = method, .seed = 3,
                            .hyper = *hyper, .offset = offset, .reader = &reader,
                            .checkpoint_path = checkpoint, .configuration = "a = 1\nb = 2\n",
                            .resume = resume, .checkpoint_epochs = 1};
    memset(state, 0, sizeof *state);
    ck_assert(reader_open_features(&reader, data, hyper->batch, method->sampler, 3, error) ==
              BALACT_OK);
    balact_status status = model_open_linear(&model, backend_under_test(), data->dim, data->classes,
                                             &method->init, 3, error);
    ck_assert_msg(status == BALACT_OK, "%s", error->message);
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
        balact_status status = train_on(&data, names[m], &hyper, NULL, NULL, false, weights,
                                        &state, &error);
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
            ck_assert_msg(fabs(bias[c] - wanted) < 2e-3, "sigmoid, balanced %d, class %d: %g not %g",
                          balanced, c, (double)bias[c], wanted);
        }
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
            memcpy((float *)twice.features + i * DIM,
                   (float *)data.features + i % data.rows * DIM, DIM * sizeof(float));
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

static unsigned char *slurp(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    ck_assert(fread(bytes, 1, *size, file) == *size);
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}

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
        balact_status status = train_on(&data, "softmax", &hyper, NULL, path, step > 1, got, &state,
                                        &error);
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

/* ---- Definition files ---- */

#ifdef BALACT_HAVE_INIH
static void expect_definition_error(const char *text, int64_t line, const char *part) {
    static struct settings settings;
    struct balact_error error = {.message = ""};
    const char *path = test_write("broken.ini", text, strlen(text));
    settings_init(&settings);
    definition_load(path, &settings, &error);
    ck_failed_at_line(error, BALACT_ERROR_FORMAT, part, line);
    ck_failed(error, BALACT_ERROR_FORMAT, "broken.ini");
}

START_TEST(broken_definitions) {
    expect_definition_error("[train]\nepochs = 5\nepocs = 6\n", 3, "did you mean epochs?");
    expect_definition_error("[train]\n\n; note\nepochs = ten\n", 4, "wants an integer, not 'ten'");
    expect_definition_error("[train]\nepochs = 2.5\n", 2, "wants an integer");
    expect_definition_error("[train]\nepochs = 0\n", 2, "must lie in");
    expect_definition_error("[train]\nlearning_rate = nan\n", 2, "wants a number");
    expect_definition_error("[trian]\nepochs = 5\n", 2, "did you mean [train]?");
    expect_definition_error("epochs = 5\n", 1, "before the first [section]");
    expect_definition_error("[data]\nepochs = 5\n", 2, "belongs in [train]");
    expect_definition_error("[train]\nepochs = 5\nbatch = 4\nepochs = 5\n", 4, "given twice");
    expect_definition_error("[train]\nmethods = softmax, sofmax\n", 2, "did you mean softmax?");
    expect_definition_error("[train]\nmethods = softmax, softmax\n", 2, "named twice");
    expect_definition_error("[train]\nseeds = 0\n", 2, "seeds wants");
    expect_definition_error("[train]\nseeds = 1, 2, 1\n", 2, "seed 1 is given twice");
    expect_definition_error("[train]\nnesterov = maybe\n", 2, "one of no|yes");
    expect_definition_error("[experiment]\ndata = imagenet\n", 2, "did you mean imagenet-lt?");
    expect_definition_error("[method.sigmod]\nepochs = 5\n", 2, "did you mean [method.sigmoid]?");
    expect_definition_error("[method.sigmoid]\nseeds = 5\n", 2, "belongs in [train]");
    expect_definition_error("[method.sigmoid]\nbatch = -5\n", 2, "must lie in");
    expect_definition_error("[train]\nepochs\n", 2, "neither [section] nor key = value");
    expect_definition_error("[train]\nepochs = 5\n  6\n", 3, "given twice");
    expect_definition_error("[data]\nfactors = 1, x\n", 2, "wants a number, not 'x'");
}
END_TEST

START_TEST(definition_values) {
    static struct settings settings;
    struct balact_error error = {.message = ""};
    char why[256], text[256];
    const char *definition = "[experiment]\ntitle = T\npurpose = one\n  two\n  three\ndata = cifar-lt\n"
                             "[data]\nimbalance = 50\n"
                             "[train]\nmethods = sigmoid softmax\nseeds = 4,2\nepochs = 7 ; why\n"
                             "learning_rate = 0.3\nnesterov = yes\n"
                             "[method.sigmoid]\nlearning_rate = 0.05\nepochs = 9\n";
    const char *path = test_write("fine.ini", definition, strlen(definition));
    settings_init(&settings);
    balact_status status = definition_load(path, &settings, &error);
    ck_assert_msg(status == BALACT_OK, "%s", error.message);
    ck_assert_str_eq(settings.name, "fine");
    ck_assert_str_eq(settings.purpose, "one two three");
    ck_assert_int_eq(settings.kind, DATA_CIFAR_LT);
    ck_assert_int_eq((int)settings.method_count, 2);
    ck_assert_str_eq(settings.methods[0]->name, "sigmoid");
    ck_assert_int_eq((int)settings.seeds[0], 4);
    ck_assert_int_eq((int)settings.seeds[1], 2);
    ck_assert(settings_set(&settings, "train", "epochs", "3", SETTINGS_COMMAND, why, sizeof why));
    struct hyper sigmoid = settings_hyper(&settings, method_find("sigmoid"));
    struct hyper softmax = settings_hyper(&settings, method_find("softmax"));
    ck_assert_int_eq(sigmoid.epochs, 3); /* the command line beats the section */
    ck_assert_int_eq(softmax.epochs, 3);
    ck_assert(sigmoid.learning_rate == 0.05 && softmax.learning_rate == 0.3);
    ck_assert(sigmoid.nesterov);
    /* Every setting's text reads back as itself. */
    size_t count;
    const struct setting *table = settings_table(&count);
    for (size_t i = 0; i < count; i++) {
        char again[256];
        settings_get(&settings, i, text, sizeof text);
        ck_assert_msg(settings_set(&settings, table[i].section, table[i].key, text,
                                   SETTINGS_COMMAND, why, sizeof why), "%s", why);
        settings_get(&settings, i, again, sizeof again);
        ck_assert_str_eq(text, again);
    }
    ck_assert_int_eq(definition_load("/nowhere/x.ini", &settings, &error), BALACT_ERROR_IO);
}
END_TEST

/* The definitions of the project themselves. */
START_TEST(shipped_definitions) {
    static const char *const names[] = {"imagenet-lt", "cifar-10-lt", "cifar-100-lt",
                                        "sample-size"};
    static struct settings settings;
    struct balact_error error = {.message = ""};
    char path[1200];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!definition_find(names[i], path, sizeof path))
            TEST_SKIP("not run from the project's folder");
        settings_init(&settings);
        balact_status status = definition_load(path, &settings, &error);
        ck_assert_msg(status == BALACT_OK, "%s", error.message);
        ck_assert_msg(settings.title[0] && settings.purpose[0], "%s lacks title or purpose", path);
    }
}
END_TEST
#endif

/* ---- The command, in a child ---- */

/* Runs `balact train` with words (NULL at the end) and returns its process. Output goes to a file
 * "output" in the test folder. */
static pid_t start_command(const char *const *words, const char *output) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char joined[4096] = "train";
        for (; *words; words++)
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "\n%s", *words);
        setenv("BALACT_TEST_COMMAND", joined, 1);
        if (!freopen(output, "w", stdout) || dup2(fileno(stdout), 2) < 0)
            _exit(99);
        execl("/proc/self/exe", "test_train", (char *)NULL);
        _exit(98);
    }
    ck_assert(child > 0);
    return child;
}

/* In the child: the command instead of the tests. */
static void run_command_if_child(void) {
    const char *given = getenv("BALACT_TEST_COMMAND");
    char text[4096], *words[64];
    int count = 0;
    if (!given)
        return;
    snprintf(text, sizeof text, "%s", given); /* the command may start itself again */
    for (char *word = strtok(text, "\n"); word && count < 63; word = strtok(NULL, "\n"))
        words[count++] = word;
    words[count] = NULL;
    exit(balact_command_train(count, words));
}

static int run_command(const char *const *words, const char *output) {
    int status = 0;
    pid_t child = start_command(words, output);
    ck_assert(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A .npy of little-endian values, byte by byte. */
static void write_npy(const char *name, const char *type, const char *shape, const void *data,
                      size_t bytes) {
    char *file = malloc(128 + bytes), header[128];
    int used = snprintf(header, sizeof header,
                        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(file + 10, header, (size_t)used);
    file[127] = '\n';
    memcpy(file + 128, data, bytes);
    test_write(name, file, 128 + bytes);
    free(file);
}

/* A folder "given" with train and test features; returns its path. */
static const char *write_data(void) {
    static char folder[600];
    struct balact_dataset data;
    char shape[64];
    snprintf(folder, sizeof folder, "%s/given", test_folder());
    mkdir(folder, 0777);
    for (int split = 0; split < 2; split++) {
        const char *name = split ? "test" : "train";
        char file[64];
        make_data(&data, split ? 1 : 5, 2, (uint64_t)split + 1);
        snprintf(file, sizeof file, "given/%s_features.npy", name);
        snprintf(shape, sizeof shape, "(%lld, %d)", (long long)data.rows, DIM);
        write_npy(file, "<f4", shape, data.features, (size_t)data.rows * DIM * sizeof(float));
        snprintf(file, sizeof file, "given/%s_labels.npy", name);
        snprintf(shape, sizeof shape, "(%lld,)", (long long)data.rows);
        write_npy(file, "<i4", shape, data.labels, (size_t)data.rows * sizeof(int32_t));
        balact_dataset_release(&data);
    }
    return folder;
}

static const char *write_definition(void) {
    static char path[1024];
    const char *text = "[experiment]\ntitle = Quick\npurpose = a test\ndata = features\n"
                       "[train]\nseeds = 2\nepochs = 6\nbatch = 32\n"
                       "[method.sigmoid]\nlearning_rate = 0.1\n";
    snprintf(path, sizeof path, "%s", test_write("quick.ini", text, strlen(text)));
    return path;
}

static void expect_same_file(const char *a_folder, const char *b_folder, const char *name) {
    char path[1300];
    size_t a_size, b_size;
    snprintf(path, sizeof path, "%s/quick/%s", a_folder, name);
    unsigned char *a = slurp(path, &a_size);
    snprintf(path, sizeof path, "%s/quick/%s", b_folder, name);
    unsigned char *b = slurp(path, &b_size);
    ck_assert_msg(a_size == b_size && !memcmp(a, b, a_size), "%s differs", name);
    ck_assert_int_gt((int)a_size, 50);
    free(a);
    free(b);
}

static const char *const tables[] = {"metrics.csv", "per_class.csv", "curve.csv", "counts.csv"};

static void expect_same_tables(const char *a_folder, const char *b_folder) {
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        expect_same_file(a_folder, b_folder, tables[i]);
}

static void expect_output(const char *output, const char *part) {
    size_t size;
    unsigned char *text = slurp(output, &size);
    ck_assert_msg(strstr((char *)text, part) != NULL, "no '%s' in:\n%s", part, (char *)text);
    free(text);
}

/* Paths of the test folder that a command writes to. */
struct places {
    char one[600], two[600], output[600];
};

static struct places places_in_test_folder(const char *name) {
    struct places p;
    snprintf(p.one, sizeof p.one, "%s/%s-1", test_folder(), name);
    snprintf(p.two, sizeof p.two, "%s/%s-2", test_folder(), name);
    snprintf(p.output, sizeof p.output, "%s/%s-output", test_folder(), name);
    return p;
}

#ifdef BALACT_HAVE_INIH
#define COMMAND(out, ...)                                                                          \
    (const char *const[]) {                                                                        \
        "features", "--data", data, "--experiment", definition, "--out", out, __VA_ARGS__, NULL    \
    }

/* So long that a kill meets it (half a second), with few checkpoints: each waits for the disk. */
#define LONG_RUN                                                                                   \
    "--methods", "softmax,balanced_softmax", "--seeds", "1", "--epochs", "1000",                   \
        "--checkpoint-epochs", "100", "--quiet"

START_TEST(threads_give_the_same_bytes) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("threads");
    ck_assert_int_eq(run_command(COMMAND(p.one, "--threads", "1"), p.output), 0);
    expect_output(p.output, "Balanced Sigmoid");
    expect_output(p.output, "sigmoid.learning_rate 0.1");
    expect_output(p.output, "given, split test");
    ck_assert_int_eq(run_command(COMMAND(p.two, "--threads=2"), p.output), 0);
    expect_same_tables(p.one, p.two);
    /* What stands in them: 4 methods x 2 seeds x (all, many, medium, few) x 6 metrics. */
    char path[1300];
    size_t size, lines = 0;
    snprintf(path, sizeof path, "%s/quick/metrics.csv", p.one);
    unsigned char *text = slurp(path, &size);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    ck_assert_int_eq((int)lines, 1 + 4 * 2 * 3 * 6); /* 600, 300, 75, 25: many and medium only */
    ck_assert_ptr_nonnull(strstr((char *)text, "\nquick,given,test,softmax,1,all,top1,0."));
    ck_assert_ptr_nonnull(strstr((char *)text, "\nquick,given,test,balanced_sigmoid,2,medium,ece,"));
    ck_assert_ptr_null(strstr((char *)text, ",few,"));
    free(text);
}
END_TEST

START_TEST(a_killed_run_resumes_to_the_same_bytes) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("kill");
    char checkpoint[1300], metrics[1300];
    snprintf(checkpoint, sizeof checkpoint, "%s/quick/checkpoints/given-balanced_softmax-1.ckpt",
             p.two);
    snprintf(metrics, sizeof metrics, "%s/quick/metrics.csv", p.two);
    ck_assert_int_eq(run_command(COMMAND(p.one, LONG_RUN), p.output), 0);
    /* Kill it within its second method, as soon as that has a checkpoint. */
    pid_t child = start_command(COMMAND(p.two, LONG_RUN), p.output);
    int status = 0;
    for (int tries = 0; access(checkpoint, F_OK) != 0; tries++) {
        ck_assert_msg(waitpid(child, &status, WNOHANG) == 0, "the run ended before it was killed");
        ck_assert_msg(tries < 60000, "no checkpoint within a minute");
        usleep(1000);
    }
    kill(child, SIGKILL);
    ck_assert(waitpid(child, &status, 0) == child);
    ck_assert_msg(WIFSIGNALED(status), "the run ended before it was killed");
    ck_assert_msg(access(metrics, F_OK) != 0, "results before the end");
    ck_assert_int_eq(run_command(COMMAND(p.two, LONG_RUN, "--resume"), p.output), 0);
    expect_same_tables(p.one, p.two);
    /* Weights too: both runs end in checkpoints of the last step. They hold times, so the tensors
     * are compared: everything from the last 2 * 28 floats to the checksum. */
    size_t a_size, b_size, tail = 2 * CLASSES * (DIM + 1) * sizeof(float) + 8;
    unsigned char *b = slurp(checkpoint, &b_size);
    snprintf(checkpoint, sizeof checkpoint, "%s/quick/checkpoints/given-balanced_softmax-1.ckpt",
             p.one);
    unsigned char *a = slurp(checkpoint, &a_size);
    ck_assert(a_size == b_size && a_size > tail);
    ck_assert(!memcmp(a + a_size - tail, b + b_size - tail, tail - 8));
    free(a);
    free(b);
    /* Another configuration does not go on from there. */
    ck_assert_int_eq(run_command(COMMAND(p.two, LONG_RUN, "--resume", "--momentum", "0.8"),
                                 p.output), 2);
    expect_output(p.output, "'momentum = 0.9' there, 'momentum = 0.8' now");
}
END_TEST

START_TEST(a_signal_saves_and_says_how_to_go_on) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("signal");
    char folder[1300];
    struct stat info;
    int status = 0;
    snprintf(folder, sizeof folder, "%s/quick/checkpoints", p.one);
    pid_t child = start_command(COMMAND(p.one, "--epochs", "100000", "--checkpoint-epochs", "0"),
                                p.output);
    for (int tries = 0; stat(folder, &info) != 0 && tries < 60000; tries++)
        usleep(1000);
    usleep(100000); /* into the training */
    kill(child, SIGTERM);
    ck_assert(waitpid(child, &status, 0) == child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 128 + SIGTERM);
    expect_output(p.output, "--resume");
}
END_TEST

START_TEST(usage_errors) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("usage");
    static const struct {
        const char *words[12], *part;
    } cases[] = {
        {{NULL}, "on what?"},
        {{"imagnet-lt", NULL}, "did you mean imagenet-lt?"},
        {{"features", "--out", "x", NULL}, "wants --data PATH"},
        {{"features", "--data", "x", NULL}, "give --out"},
        {{"sample-size", "--data", "x", "--out", "y", NULL}, "makes its own data"},
        {{"features", "--dta", "x", NULL}, "did you mean --data?"},
        {{"features", "--data", "x", "--out", "y", "--experiment", "none-such", NULL},
         "no definition none-such.ini"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_int_eq(run_command(cases[i].words, p.output), 2);
        expect_output(p.output, cases[i].part);
    }
    static const struct {
        const char *option, *value, *part;
    } options[] = {
        {"--methods", "sofmax", "did you mean softmax?"},
        {"--epochs", "-1", "must lie in"},
        {"--backend", "avx3", "no backend 'avx3'"},
        {"--name", "a/b", "--name may hold"},
        {"--classes", "3", "outside [0, 3)"},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        ck_assert_int_eq(run_command(COMMAND(p.one, options[i].option, options[i].value),
                                     p.output), 2);
        expect_output(p.output, options[i].part);
    }
    char metrics[1300];
    snprintf(metrics, sizeof metrics, "%s/quick/metrics.csv", p.one);
    ck_assert_msg(access(metrics, F_OK) != 0, "results after an error");
}
END_TEST

START_TEST(classes_without_images) {
    const char *data = write_data(), *definition = write_definition();
    struct places p = places_in_test_folder("zero");
    ck_assert_int_eq(run_command(COMMAND(p.one, "--classes", "5", "--seeds", "1"), p.output), 2);
    expect_output(p.output, "method balanced_softmax");
    expect_output(p.output, "--zero-count");
    ck_assert_int_eq(run_command(COMMAND(p.one, "--classes", "5", "--seeds", "1", "--zero-count",
                                         "mask"), p.output), 0);
}
END_TEST
#endif

Suite *balact_suite(void) {
    run_command_if_child();
    Suite *suite = suite_create("train");
    TCase *optimum = tcase_create("optimisation");
    tcase_add_test(optimum, separable_data_is_separated);
    tcase_add_test(optimum, biases_reach_the_known_optimum);
    tcase_add_test(optimum, schedule);
    tcase_add_test(optimum, divergence_names_the_step);
    tcase_add_test(optimum, bad_features_are_told_from_divergence);
    tcase_add_test(optimum, ignored_rows_only);
    TCase *checkpoints = tcase_create("checkpoints");
    tcase_add_test(checkpoints, resuming_gives_the_same_weights);
    tcase_add_test(checkpoints, bad_checkpoints_are_refused);
    suite_add_tcase(suite, optimum);
    suite_add_tcase(suite, checkpoints);
#ifdef BALACT_HAVE_INIH
    TCase *definitions = tcase_create("definitions");
    tcase_add_test(definitions, broken_definitions);
    tcase_add_test(definitions, definition_values);
    tcase_add_test(definitions, shipped_definitions);
    TCase *command = tcase_create("command");
    tcase_add_test(command, threads_give_the_same_bytes);
    tcase_add_test(command, a_killed_run_resumes_to_the_same_bytes);
    tcase_add_test(command, a_signal_saves_and_says_how_to_go_on);
    tcase_add_test(command, usage_errors);
    tcase_add_test(command, classes_without_images);
    suite_add_tcase(suite, definitions);
    suite_add_tcase(suite, command);
#endif
    return suite;
}
