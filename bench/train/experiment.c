/* SPDX-License-Identifier: MIT
 *
 * See experiment.h.
 */
#include "bench/train/experiment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench/program.h"
#include "bench/train/lvis_experiment.h"
#include "bench/train/trainer.h"
#include "datasets/output.h"

enum { SCORE_ROWS = 4096 }; /* rows of a batch at inference */

int64_t experiment_peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024; /* Linux counts KiB */
}

/* ---- Inference ---- */

struct score_buffers {
    float *x, *logits; /* backend memory */
    float *host_x;     /* plain */
};

static balact_status score_batches(struct balact_model *model, const struct balact_dataset *split,
                                   struct score_buffers *b, float *scores) {
    const struct balact_backend *backend = model->backend;
    balact_status status = BALACT_OK;
    int64_t index[SCORE_ROWS];
    for (int64_t first = 0; first < split->rows && status == BALACT_OK; first += SCORE_ROWS) {
        int64_t n = split->rows - first < SCORE_ROWS ? split->rows - first : SCORE_ROWS;
        for (int64_t i = 0; i < n; i++)
            index[i] = first + i;
        balact_dataset_gather(split, index, n, b->host_x);
        if (!backend->plain_memory)
            status = backend->upload(b->x, b->host_x, (size_t)(n * split->dim) * sizeof(float));
        if (status == BALACT_OK)
            status = model->forward(model, b->x, n, b->logits);
        if (status == BALACT_OK)
            status = backend->download(scores + first * model->outputs, b->logits,
                                       (size_t)(n * model->outputs) * sizeof(float));
    }
    return status == BALACT_OK ? backend->synchronize() : status;
}

balact_status experiment_scores(struct balact_model *model, const struct balact_dataset *split,
                                float **scores, double *seconds, struct balact_error *error) {
    const struct balact_backend *backend = model->backend;
    struct score_buffers b = {NULL, NULL, NULL};
    size_t x_bytes = (size_t)SCORE_ROWS * (size_t)split->dim * sizeof(float);
    void *x = NULL, *logits = NULL;
    double began = seconds_now();
    *scores = malloc(((size_t)split->rows * (size_t)model->outputs + 1) * sizeof **scores);
    balact_status status = *scores ? backend->alloc(x_bytes, &x) : BALACT_ERROR_MEMORY;
    if (status == BALACT_OK)
        status =
            backend->alloc((size_t)SCORE_ROWS * (size_t)model->outputs * sizeof(float), &logits);
    b.x = x;
    b.logits = logits;
    b.host_x = backend->plain_memory ? b.x : malloc(x_bytes);
    if (status == BALACT_OK && !b.host_x)
        status = BALACT_ERROR_MEMORY;
    if (status == BALACT_OK)
        status = score_batches(model, split, &b, *scores);
    if (!backend->plain_memory)
        free(b.host_x);
    if (x)
        backend->release(x);
    if (logits)
        backend->release(logits);
    if (status != BALACT_OK) {
        free(*scores);
        *scores = NULL;
        balact_fail(error, status, "inference on %lld rows of %s: %s", (long long)split->rows,
                    split->name ? split->name : "a split", balact_status_name(status));
    }
    *seconds = seconds_now() - began;
    return status;
}

/* ---- Results of one head ---- */

static balact_status add_summary(struct experiment *e, const char *dataset, const char *method,
                                 const char *title, uint64_t seed,
                                 const struct balact_classification *evaluation, double rate,
                                 struct balact_error *error) {
    struct summary_row *grown = realloc(e->summary, (e->summary_count + 1) * sizeof *grown);
    if (!grown)
        return balact_fail(error, BALACT_ERROR_MEMORY, "summary: out of memory");
    e->summary = grown;
    struct summary_row *row = &grown[e->summary_count++];
    *row = (struct summary_row){.method = method, .title = title, .seed = seed, .train_rate = rate};
    snprintf(row->dataset, sizeof row->dataset, "%s", dataset);
    for (int g = 0; g <= BALACT_GROUP_COUNT; g++) {
        row->present[g] = evaluation->group[g].present;
        row->top1[g] = evaluation->group[g].top1;
    }
    return BALACT_OK;
}

static void add_training(struct experiment *e, const struct task *task, const struct method *method,
                         uint64_t seed, const struct train_state *state, int64_t samples) {
    struct results_key key = {task->dataset, NULL, method->name, seed};
    for (int64_t i = 0; i < state->curve_count; i++)
        results_add_curve(&e->results, &key, state->curve[i].epoch, state->curve[i].step,
                          state->curve[i].lr, state->curve[i].loss);
    results_add_throughput(&e->results, &key, e->backend_name, balact_threads(), "train", samples,
                           state->seconds, experiment_peak_bytes());
}

static balact_status evaluate_split(struct experiment *e, const struct task *task,
                                    enum balact_split which, const struct method *method,
                                    uint64_t seed, struct balact_model *model, double train_rate,
                                    struct balact_error *error) {
    const struct balact_dataset *split = &task->splits[which];
    struct results_key key = {task->dataset, balact_split_name(which), method->name, seed};
    struct balact_classification evaluation;
    float *scores;
    double seconds;
    balact_status status = experiment_scores(model, split, &scores, &seconds, error);
    if (status != BALACT_OK)
        return status;
    status = balact_evaluate_classification(balact_activation_info(method->activation)->family,
                                            scores, model->outputs, split->labels, split->rows,
                                            task->classes, task->counts, &evaluation, error);
    free(scores);
    if (status != BALACT_OK)
        return status;
    results_add_evaluation(&e->results, &key, &evaluation, task->counts);
    if (which == e->summary_split) {
        results_add_throughput(&e->results, &key, e->backend_name, balact_threads(), "inference",
                               split->rows, seconds, experiment_peak_bytes());
        status = add_summary(e, task->dataset, method->name, method->title, seed, &evaluation,
                             train_rate, error);
    }
    balact_classification_release(&evaluation);
    return status;
}

/* ---- One head ---- */

/* The prior of a balanced method from the training counts; *offset stays NULL for a plain one. */
static balact_status make_offset(const struct task *task, const struct method *method,
                                 const struct hyper *hyper, float **offset,
                                 struct balact_error *error) {
    *offset = NULL;
    if (!balact_activation_info(method->activation)->balanced)
        return BALACT_OK;
    double *values = malloc((size_t)task->classes * sizeof *values);
    *offset = malloc((size_t)task->classes * sizeof **offset);
    balact_status status = BALACT_OK;
    if (!values || !*offset) {
        status = balact_fail(error, BALACT_ERROR_MEMORY, "prior: out of memory");
    } else {
        struct balact_prior prior = BALACT_PRIOR_INIT;
        for (int32_t c = 0; c < task->classes; c++)
            values[c] = (double)task->counts[c];
        prior.values = values;
        prior.classes = task->classes;
        prior.tau = hyper->tau;
        prior.zero_count = (enum balact_zero_count)hyper->zero_count;
        prior.keep_odds_constant = method->keep_odds_constant;
        struct balact_error cause;
        status = balact_offset(method->activation, &prior, *offset, &cause);
        if (status != BALACT_OK)
            balact_fail(error, status, "data %s, method %s: %.800s%s", task->dataset, method->name,
                        cause.message, status == BALACT_ERROR_RANGE ? "; see --zero-count" : "");
    }
    free(values);
    if (status != BALACT_OK) {
        free(*offset);
        *offset = NULL;
    }
    return status;
}

/* What a checkpoint is bound to: all that has a say in the weights. */
static void describe_run(const struct experiment *e, const struct task *task,
                         const struct method *method, uint64_t seed, const struct hyper *hyper,
                         char *text, size_t size) {
    const struct balact_dataset *train = &task->splits[BALACT_SPLIT_TRAIN];
    int used = snprintf(text, size,
                        "data = %s\nrows = %lld\ndim = %lld\nclasses = %d\nfingerprint = %016llx\n"
                        "method = %s\nactivation = %s\nsampler = %s\ninit = %.17g %.17g\n"
                        "odds_constant = %d\nseed = %llu\nbackend = %s (%s)\n",
                        task->dataset, (long long)train->rows, (long long)train->dim,
                        (int)task->classes, (unsigned long long)task->fingerprint, method->name,
                        balact_activation_info(method->activation)->name,
                        sampler_name(method->sampler), method->init.deviation, method->init.bias,
                        method->keep_odds_constant, (unsigned long long)seed, e->backend_name,
                        e->backend->linear.library ? e->backend->linear.library : "none");
    if (used > 0 && (size_t)used < size)
        hyper_describe(hyper, text + used, size - (size_t)used);
}

static balact_status train_and_evaluate(struct experiment *e, const struct task *task,
                                        const struct method *method, uint64_t seed,
                                        const struct train_job *job, struct balact_model *model,
                                        struct balact_error *error) {
    struct train_state state = {0};
    balact_status status = train_run(job, model, &state, error);
    if (status == BALACT_OK && !state.finished) {
        e->interrupted = true;
    } else if (status == BALACT_OK) {
        int64_t steps = train_steps(&job->hyper, job->reader);
        int64_t samples = steps / reader_steps(job->reader) * job->reader->rows;
        double rate = state.seconds > 0 ? (double)samples / state.seconds : 0;
        add_training(e, task, method, seed, &state, samples);
        for (int s = BALACT_SPLIT_VAL; s < BALACT_SPLIT_COUNT && status == BALACT_OK; s++)
            if (task->splits[s].rows)
                status =
                    evaluate_split(e, task, (enum balact_split)s, method, seed, model, rate, error);
        if (status == BALACT_OK) {
            const struct summary_row *row = &e->summary[e->summary_count - 1];
            progress_end(&e->progress, "%s %.2f %%, loss %.4g, %.1f s",
                         balact_split_name(e->summary_split), 100 * row->top1[BALACT_GROUP_ALL],
                         state.curve[state.curve_count - 1].loss, state.seconds);
        }
    }
    train_state_release(&state);
    return status;
}

static balact_status run_head(struct experiment *e, const struct task *task,
                              const struct method *method, uint64_t seed,
                              struct balact_error *error) {
    struct balact_model model = {0};
    struct balact_reader reader = {0};
    char checkpoint[1200], configuration[2048];
    float *offset;
    const struct balact_dataset *train = &task->splits[BALACT_SPLIT_TRAIN];
    struct train_job job = {.experiment = e->settings->name,
                            .dataset = task->dataset,
                            .method = method,
                            .seed = seed,
                            .resume = e->resume,
                            .hyper = settings_hyper(e->settings, method),
                            .reader = &reader,
                            .checkpoint_path = checkpoint,
                            .configuration = configuration,
                            .checkpoint_epochs = e->settings->checkpoint_epochs,
                            .checkpoint_seconds = e->settings->checkpoint_seconds,
                            .progress = &e->progress};
    balact_status status = make_offset(task, method, &job.hyper, &offset, error);
    if (status != BALACT_OK)
        return status;
    job.offset = offset;
    describe_run(e, task, method, seed, &job.hyper, configuration, sizeof configuration);
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoints/%s-%s-%llu.ckpt", e->folder,
             task->dataset, method->name, (unsigned long long)seed);
    progress_begin(&e->progress, "%s, %s, seed %llu", task->dataset, method->name,
                   (unsigned long long)seed);
    status = reader_open_features(&reader, train, job.hyper.batch, method->sampler, seed, error);
    if (status == BALACT_OK)
        status = model_open_linear(&model, e->backend, train->dim, task->classes, &method->init,
                                   seed, error);
    if (status == BALACT_OK)
        status = train_and_evaluate(e, task, method, seed, &job, &model, error);
    model_release(&model);
    reader_release(&reader);
    free(offset);
    return status;
}

/* ---- One task ---- */

static balact_status add_optimum(struct experiment *e, const struct task *task,
                                 struct balact_error *error) {
    enum balact_split which = BALACT_SPLIT_TEST;
    struct results_key key = {task->dataset, balact_split_name(which), "bayes", 0};
    struct balact_classification optimum;
    if (!task->synthetic || !task->splits[which].rows)
        return BALACT_OK;
    balact_status status = task_bayes(task, which, &optimum, error);
    if (status != BALACT_OK)
        return status;
    results_add_accuracy(&e->results, &key, &optimum, task->counts);
    if (which == e->summary_split)
        status = add_summary(e, task->dataset, "bayes", "Bayes optimum", 0, &optimum, 0, error);
    balact_classification_release(&optimum);
    return status;
}

static balact_status remember_inputs(struct experiment *e, const struct task *task,
                                     struct balact_error *error) {
    for (int s = 0; s < BALACT_SPLIT_COUNT; s++)
        for (size_t i = 0; i < task->splits[s].source_count; i++) {
            const struct balact_source *source = &task->splits[s].sources[i];
            bool known = false; /* one archive holds several splits */
            for (size_t k = 0; k < e->input_count; k++)
                known |= !strcmp(e->inputs[k].path, source->path);
            if (known)
                continue;
            struct balact_source *grown = realloc(e->inputs, (e->input_count + 1) * sizeof *grown);
            if (grown)
                e->inputs = grown;
            char *path = strdup(source->path);
            if (!grown || !path) {
                free(path);
                return balact_fail(error, BALACT_ERROR_MEMORY, "inputs: out of memory");
            }
            grown[e->input_count] = *source;
            grown[e->input_count++].path = path;
        }
    return BALACT_OK;
}

/* Every prior, before an hour of training ends in a class without images. */
static balact_status check_priors(const struct experiment *e, const struct task *task,
                                  struct balact_error *error) {
    balact_status status = BALACT_OK;
    for (size_t m = 0; m < e->settings->method_count && status == BALACT_OK; m++) {
        struct hyper hyper = settings_hyper(e->settings, e->settings->methods[m]);
        float *offset;
        status = make_offset(task, e->settings->methods[m], &hyper, &offset, error);
        free(offset);
    }
    return status;
}

balact_status experiment_make_checkpoint_folder(const struct experiment *e,
                                                struct balact_error *error) {
    char folder[1100];
    snprintf(folder, sizeof folder, "%s/checkpoints", e->folder);
    return balact_make_folder(folder, error);
}

static balact_status run_task(struct experiment *e, size_t index, struct balact_error *error) {
    struct task task;
    const struct settings *settings = e->settings;
    balact_status status = task_load(settings, e->data, index, &task, error);
    if (status != BALACT_OK)
        return status;
    e->summary_split = task.splits[BALACT_SPLIT_TEST].rows ? BALACT_SPLIT_TEST : BALACT_SPLIT_VAL;
    results_add_counts(&e->results, task.dataset, task.counts, task.classes);
    status = remember_inputs(e, &task, error);
    if (status == BALACT_OK)
        status = check_priors(e, &task, error);
    if (status == BALACT_OK) /* only now: bad input leaves no folder behind */
        status = experiment_make_checkpoint_folder(e, error);
    for (size_t m = 0; m < settings->method_count && status == BALACT_OK; m++)
        for (size_t s = 0; s < settings->seed_count && status == BALACT_OK; s++) {
            e->interrupted |= train_interrupted != 0;
            if (!e->interrupted)
                status = run_head(e, &task, settings->methods[m], settings->seeds[s], error);
        }
    if (status == BALACT_OK && !e->interrupted)
        status = add_optimum(e, &task, error);
    task_release(&task);
    return status;
}

balact_status experiment_run(struct experiment *e, struct balact_error *error) {
    balact_status status = results_open(&e->results, e->settings->name, error);
    if (e->settings->kind == DATA_LVIS && status == BALACT_OK)
        status = lvis_experiment_run(e, error);
    for (size_t i = 0; i < task_count(e->settings) && status == BALACT_OK && !e->interrupted; i++)
        status = run_task(e, i, error);
    if (status == BALACT_OK && !e->interrupted)
        status = results_write(&e->results, e->folder, error);
    return status;
}

void experiment_release(struct experiment *e) {
    results_discard(&e->results);
    for (size_t i = 0; i < e->input_count; i++)
        free(e->inputs[i].path);
    free(e->inputs);
    free(e->summary);
    free(e->lvis_summary);
    e->lvis_summary = NULL;
    e->lvis_summary_count = 0;
    e->inputs = NULL;
    e->summary = NULL;
    e->input_count = e->summary_count = 0;
}
