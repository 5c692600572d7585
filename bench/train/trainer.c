/* SPDX-License-Identifier: MIT
 *
 * See trainer.h.
 */
#include "bench/train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"

volatile sig_atomic_t train_interrupted;

enum { CURVE_POINTS = 200 }; /* about so many points a run */

/* What the loop holds. Host and device are the same memory where a backend's is plain. */
struct loop {
    const struct train_job *job;
    struct balact_model *model;
    struct train_state *state;
    const struct balact_backend *backend;
    int64_t steps, steps_per_epoch, warmup_steps, curve_every;
    float *x, *logits, *loss, *weight, *offset; /* backend memory */
    int32_t *labels;
    float *host_x, *host_loss, *host_weight; /* plain memory */
    int32_t *host_labels;
    double saved; /* when the last checkpoint was written */
};

int64_t train_steps(const struct hyper *hyper, const struct balact_reader *reader) {
    int64_t per_epoch = reader_steps(reader), epochs = hyper->epochs;
    if (epochs * per_epoch < hyper->min_steps)
        epochs = (hyper->min_steps + per_epoch - 1) / per_epoch;
    return epochs * per_epoch;
}

double train_rate(const struct hyper *hyper, int64_t step, int64_t steps, int64_t warmup_steps) {
    const double pi = 3.14159265358979323846;
    if (step < warmup_steps)
        return hyper->learning_rate * (double)(step + 1) / (double)warmup_steps;
    double through = (double)(step - warmup_steps) / (double)(steps - warmup_steps);
    return 0.5 * hyper->learning_rate * (1 + cos(pi * through));
}

/* The rate of a step of this job: the cosine, or the steps of detectors. */
static double rate_of(const struct loop *loop, int64_t step) {
    const struct train_job *job = loop->job;
    double rate = job->hyper.learning_rate;
    if (!job->drops[0])
        return train_rate(&job->hyper, step, loop->steps, loop->warmup_steps);
    for (size_t i = 0; i < sizeof job->drops / sizeof *job->drops; i++)
        rate *= step >= job->drops[i] ? job->drop_factor : 1;
    return rate;
}

/* ---- Memory ---- */

static balact_status get_memory(struct loop *loop, size_t bytes, void *device, void *host) {
    void **d = device, **h = host;
    balact_status status = loop->backend->alloc(bytes, d);
    if (status != BALACT_OK || !host)
        return status;
    *h = loop->backend->plain_memory ? *d : malloc(bytes);
    return *h ? BALACT_OK : BALACT_ERROR_MEMORY;
}

static balact_status open_loop(struct loop *loop, struct balact_error *error) {
    const struct balact_reader *reader = loop->job->reader;
    size_t rows = (size_t)reader->batch, classes = (size_t)loop->model->outputs;
    size_t x_bytes = rows * (size_t)reader->dim * sizeof(float);
    balact_status status = get_memory(loop, x_bytes, &loop->x, &loop->host_x);
    if (status == BALACT_OK && !loop->model->loss_backward)
        status = get_memory(loop, rows * classes * sizeof(float), &loop->logits, NULL);
    if (status == BALACT_OK)
        status = get_memory(loop, rows * sizeof(float), &loop->loss, &loop->host_loss);
    if (status == BALACT_OK)
        status = get_memory(loop, rows * sizeof(float), &loop->weight, &loop->host_weight);
    if (status == BALACT_OK)
        status = get_memory(loop, rows * sizeof(int32_t), &loop->labels, &loop->host_labels);
    if (status == BALACT_OK && loop->job->offset) {
        status = get_memory(loop, classes * sizeof(float), &loop->offset, NULL);
        if (status == BALACT_OK)
            status =
                loop->backend->upload(loop->offset, loop->job->offset, classes * sizeof(float));
    }
    if (status != BALACT_OK)
        balact_fail(error, status, "buffers for batches of %lld rows: %s", (long long)reader->batch,
                    balact_status_name(status));
    return status;
}

static void close_loop(struct loop *loop) {
    void *device[] = {loop->x, loop->logits, loop->loss, loop->weight, loop->offset, loop->labels};
    void *host[] = {loop->host_x, loop->host_loss, loop->host_weight, loop->host_labels};
    for (size_t i = 0; i < sizeof host / sizeof *host && !loop->backend->plain_memory; i++)
        free(host[i]);
    for (size_t i = 0; i < sizeof device / sizeof *device; i++)
        if (device[i])
            loop->backend->release(device[i]);
}

/* ---- Messages ---- */

/* Puts the place of the run before the message of *error. */
static balact_status at_step(const struct loop *loop, balact_status status,
                             struct balact_error *error) {
    char message[sizeof error->message];
    if (!error)
        return status;
    snprintf(message, sizeof message, "%s", error->message);
    snprintf(error->message, sizeof error->message,
             "experiment %s, data %s, method %s, seed %llu, epoch %lld, step %lld: %.700s",
             loop->job->experiment, loop->job->dataset, loop->job->method->name,
             (unsigned long long)loop->job->seed,
             (long long)(loop->state->step / loop->steps_per_epoch + 1),
             (long long)(loop->state->step + 1), message);
    return status;
}

/* A loss of NaN or infinity: was it the data or the training? */
static balact_status not_finite(const struct loop *loop, double loss, int64_t rows,
                                struct balact_error *error) {
    int64_t values = rows * loop->job->reader->dim;
    for (int64_t i = 0; i < values; i++)
        if (!isfinite(loop->host_x[i]))
            return balact_fail(error, BALACT_ERROR_NUMERIC,
                               "the loss is %g: a feature of the batch is not finite; check the "
                               "data",
                               loss);
    return balact_fail(
        error, BALACT_ERROR_NUMERIC,
        "the loss is %g: the weights have diverged; a lower --learning-rate (now %g) "
        "or a warm-up is the likely cure",
        loss, loop->job->hyper.learning_rate);
}

/* ---- One step ---- */

static balact_status read_batch(struct loop *loop, int64_t *rows, struct balact_error *error) {
    const struct balact_reader *reader = loop->job->reader;
    int64_t epoch = loop->state->step / loop->steps_per_epoch;
    balact_status status =
        reader->read(reader->state, epoch, loop->state->step % loop->steps_per_epoch, loop->host_x,
                     loop->host_labels, rows, error);
    if (status != BALACT_OK || loop->backend->plain_memory)
        return status;
    status =
        loop->backend->upload(loop->x, loop->host_x, (size_t)(*rows * reader->dim) * sizeof(float));
    if (status == BALACT_OK)
        status =
            loop->backend->upload(loop->labels, loop->host_labels, (size_t)*rows * sizeof(int32_t));
    return status == BALACT_OK ? status
                               : balact_fail(error, status, "cannot copy a batch to the device");
}

/* Rows that count, for the mean: its gradient is that of the sum divided by their weight. */
static int64_t rows_that_count(const struct loop *loop, int64_t rows) {
    int64_t counted = 0;
    for (int64_t i = 0; i < rows; i++)
        counted += loop->host_labels[i] != BALACT_IGNORE_INDEX;
    return counted;
}

/* The model's own way to the gradients of its parameters, without logits in memory. */
static balact_status fused_gradients(struct loop *loop, int64_t rows, float scale,
                                     struct balact_error *error) {
    struct balact_head_problem batch = BALACT_HEAD_INIT;
    batch.rows = rows;
    batch.x = loop->x;
    batch.labels = loop->labels;
    batch.offset = loop->offset;
    batch.offset_foreground_only = loop->job->offset_foreground_only;
    batch.background = loop->job->background;
    batch.grad_scale = scale;
    batch.loss = loop->loss;
    batch.loss_weight = loop->weight;
    return loop->model->loss_backward(loop->model, loop->job->method->activation, &batch, error);
}

/* Logits, then loss and gradient in their place, then the gradients of the parameters. */
static balact_status separate_gradients(struct loop *loop, int64_t rows, float scale,
                                        struct balact_error *error) {
    struct balact_model *model = loop->model;
    struct balact_problem problem = BALACT_PROBLEM_INIT;
    balact_status status = model->forward(model, loop->x, rows, loop->logits);
    if (status != BALACT_OK)
        return balact_fail(error, status, "forward failed: %s", balact_status_name(status));
    problem.rows = rows;
    problem.cols = problem.ld = problem.ld_out = model->outputs;
    problem.logits = problem.out = loop->logits;
    problem.labels = loop->labels;
    problem.offset = loop->offset;
    problem.offset_foreground_only = loop->job->offset_foreground_only;
    problem.background = loop->job->background;
    problem.grad_scale = scale;
    problem.loss = loop->loss;
    problem.weight = loop->weight;
    status =
        balact_loss_grad_in_place(loop->backend, loop->job->method->activation, &problem, error);
    if (status != BALACT_OK)
        return status;
    status = model->backward(model, loop->x, loop->logits, rows);
    if (status != BALACT_OK)
        return balact_fail(error, status, "backward failed: %s", balact_status_name(status));
    return BALACT_OK;
}

/* Adds the loss of the batch to the run's, and returns its mean. */
static balact_status count_loss(struct loop *loop, int64_t rows, double *mean,
                                struct balact_error *error) {
    struct balact_total batch = {0, 0, 0};
    if (!loop->backend->plain_memory) {
        size_t bytes = (size_t)rows * sizeof(float);
        balact_status status = loop->backend->download(loop->host_loss, loop->loss, bytes);
        if (status == BALACT_OK)
            status = loop->backend->download(loop->host_weight, loop->weight, bytes);
        if (status != BALACT_OK)
            return balact_fail(error, status, "cannot copy the loss from the device");
    }
    balact_total_add(&batch, loop->host_loss, loop->host_weight, rows);
    loop->state->total.loss += batch.loss;
    loop->state->total.weight += batch.weight;
    loop->state->total.counted += batch.counted;
    return balact_total_mean(&batch, mean, error);
}

static balact_status one_step(struct loop *loop, struct balact_error *error) {
    const struct hyper *hyper = &loop->job->hyper;
    struct balact_model *model = loop->model;
    int64_t rows;
    double loss;
    balact_status status = read_batch(loop, &rows, error);
    if (status != BALACT_OK)
        return status;
    int64_t counted = rows_that_count(loop, rows);
    float scale = counted ? (float)(1.0 / (double)counted) : 0;
    status = model->loss_backward ? fused_gradients(loop, rows, scale, error)
                                  : separate_gradients(loop, rows, scale, error);
    if (status == BALACT_OK)
        status = count_loss(loop, rows, &loss, error);
    if (status != BALACT_OK)
        return status;
    if (!isfinite(loss))
        return not_finite(loop, loss, rows, error);
    const struct step_rates rates = {
        .lr = rate_of(loop, loop->state->step),
        .momentum = hyper->momentum,
        .weight_decay = hyper->weight_decay,
        .nesterov = hyper->nesterov,
        .decay_bias = hyper->decay_bias,
    };
    status = model->step(model, &rates);
    if (status != BALACT_OK)
        return balact_fail(error, status, "step failed: %s", balact_status_name(status));
    loop->state->step++;
    return BALACT_OK;
}

/* ---- Curve, checkpoints, the loop ---- */

static balact_status extend_curve(struct loop *loop, struct balact_error *error) {
    struct train_state *state = loop->state;
    if (state->step % loop->curve_every != 0 && state->step != loop->steps)
        return BALACT_OK;
    struct curve_point point = {
        .epoch = (state->step - 1) / loop->steps_per_epoch + 1,
        .step = state->step,
        .lr = rate_of(loop, state->step - 1)};
    balact_status status = balact_total_mean(&state->total, &point.loss, error);
    if (status != BALACT_OK)
        return status;
    struct curve_point *grown =
        realloc(state->curve, (size_t)(state->curve_count + 1) * sizeof *grown);
    if (!grown)
        return balact_fail(error, BALACT_ERROR_MEMORY, "training curve: out of memory");
    grown[state->curve_count++] = point;
    state->curve = grown;
    memset(&state->total, 0, sizeof state->total);
    return BALACT_OK;
}

static bool checkpoint_due(const struct loop *loop) {
    const struct train_job *job = loop->job;
    int64_t step = loop->state->step;
    if (!job->checkpoint_path)
        return false;
    if (train_interrupted || step == loop->steps)
        return true;
    if (job->checkpoint_epochs && step % (job->checkpoint_epochs * loop->steps_per_epoch) == 0)
        return true;
    return job->checkpoint_seconds > 0 && seconds_now() - loop->saved >= job->checkpoint_seconds;
}

static void show_progress(const struct loop *loop) {
    const struct balact_reader *reader = loop->job->reader;
    if (!loop->job->progress)
        return;
    const struct train_state *state = loop->state;
    double loss = state->curve_count ? state->curve[state->curve_count - 1].loss : NAN;
    int64_t samples = loop->job->step_samples ? loop->job->step_samples : reader->batch;
    progress_update(loop->job->progress, state->step * samples, loop->steps * samples,
                    "epoch %lld/%lld, loss %.4g",
                    (long long)((state->step - 1) / loop->steps_per_epoch + 1),
                    (long long)(loop->steps / loop->steps_per_epoch), loss);
}

static balact_status run_loop(struct loop *loop, struct balact_error *error) {
    struct train_state *state = loop->state;
    balact_status status = BALACT_OK;
    double mark = loop->saved = seconds_now();
    while (status == BALACT_OK && state->step < loop->steps) {
        status = one_step(loop, error);
        if (status == BALACT_OK)
            status = extend_curve(loop, error);
        if (status != BALACT_OK)
            return at_step(loop, status, error);
        double now = seconds_now();
        state->seconds += now - mark;
        mark = now;
        state->finished = state->step == loop->steps;
        if (checkpoint_due(loop)) {
            status = checkpoint_write(loop->job->checkpoint_path, loop->job->configuration, state,
                                      loop->model, error);
            mark = loop->saved = seconds_now();
        }
        show_progress(loop);
        if (train_interrupted)
            break;
    }
    return status;
}

balact_status train_run(const struct train_job *job, struct balact_model *model,
                        struct train_state *state, struct balact_error *error) {
    struct loop loop = {.job = job, .model = model, .state = state, .backend = model->backend};
    bool found = false;
    balact_status status = BALACT_OK;
    loop.steps_per_epoch = reader_steps(job->reader);
    loop.steps = train_steps(&job->hyper, job->reader);
    loop.warmup_steps = (int64_t)llround(job->hyper.warmup_epochs * (double)loop.steps_per_epoch);
    if (loop.warmup_steps >= loop.steps)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "warmup_epochs must be less than the epochs of the run");
    loop.curve_every = loop.steps / CURVE_POINTS ? loop.steps / CURVE_POINTS : 1;
    if (job->resume && job->checkpoint_path)
        status =
            checkpoint_read(job->checkpoint_path, job->configuration, state, model, &found, error);
    if (status == BALACT_OK && !state->finished) {
        status = open_loop(&loop, error);
        if (status == BALACT_OK)
            status = run_loop(&loop, error);
        close_loop(&loop);
    }
    return status;
}
