/* SPDX-License-Identifier: MIT
 *
 * See lvis_experiment.h.
 *
 * Stage 1 trains a family's plain head. Stage 2 goes on from it, with the loss of the method. The
 * plain methods go on too, with their own loss, so that no method has more steps than another. A
 * stage ends in a checkpoint, from which the other method of the family takes stage 1.
 */
#include "bench/train/lvis_experiment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/program.h"
#include "bench/train/lvis_infer.h"
#include "bench/train/lvis_reader.h"
#include "bench/train/lvis_score.h"
#include "bench/train/lvis_task.h"
#include "bench/train/trainer.h"

/* One head on its way. */
struct run {
    struct experiment *e;
    struct lvis_task *task;
    const struct method *method;
    uint64_t seed;
    struct train_state stage[2]; /* of the two stages */
    int64_t rois;                /* that training saw in this process */
    double seconds;
    bool stage1_known; /* another method of the family trained it already in this process */
};

static const struct method *plain_of(const struct method *method) {
    return method_find(balact_activation_info(method->activation)->family == BALACT_FAMILY_SOFTMAX
                           ? "softmax"
                           : "sigmoid");
}

/* ---- Training ---- */

static int64_t steps_of(const struct lvis_settings *s, int stage) {
    return stage ? s->stage2_steps : s->stage1_steps;
}

/* What a checkpoint is bound to: all that has a say in the weights. */
static void describe(const struct run *run, const struct method *method, int stage,
                     const struct hyper *hyper, char *text, size_t size) {
    const struct settings *settings = run->e->settings;
    const struct lvis_settings *s = &settings->lvis;
    const struct lvis_task *task = run->task;
    int used = snprintf(
        text, size,
        "data = %s\ndim = %lld\ncategories = %d\nfingerprint = %016llx\nmethod = %s\nstage = %d\n"
        "stage1_steps = %lld\nstage2_steps = %lld\ndrops = %.17g %.17g %.17g %.17g %.17g\n"
        "images_per_batch = %lld\nrois_per_image = %lld\nforeground_share = %.17g\n"
        "prior = %lld\nshift = %lld\nstage2_bias = %lld\nodds_constant = %d\nseed = %llu\n"
        "backend = %s (%s)\n",
        task->dataset, (long long)task->dim, (int)task->train.categories,
        (unsigned long long)task->fingerprint, method->name, stage + 1,
        (long long)s->stage1_steps, stage ? (long long)s->stage2_steps : 0LL, s->stage1_drop1,
        s->stage1_drop2, stage ? s->stage2_drop1 : 0, stage ? s->stage2_drop2 : 0, s->drop_factor,
        (long long)s->images_per_batch, (long long)s->rois_per_image, s->foreground_share,
        stage ? (long long)s->prior : 0LL, stage ? (long long)s->shift : 0LL,
        stage ? (long long)s->stage2_bias : 0LL, stage && s->odds_constant,
        (unsigned long long)run->seed, run->e->backend_name,
        run->e->backend->linear.library ? run->e->backend->linear.library : "none");
    if (used > 0 && (size_t)used < size)
        hyper_describe(hyper, text + used, size - (size_t)used);
}

static balact_status open_reader(const struct run *run, int stage, struct balact_reader *reader,
                                 struct balact_error *error) {
    const struct lvis_settings *s = &run->e->settings->lvis;
    const struct lvis_reader_options options = {
        .stream = run->task->train_rois,
        .lvis = &run->task->train,
        .image_factor = run->task->image_factor,
        .draws = {run->seed, (uint64_t)stage},
        .steps = steps_of(s, stage),
        .images_per_batch = s->images_per_batch,
        .rois_per_image = s->rois_per_image,
        .foreground_share = s->foreground_share,
        .dim = run->task->dim,
    };
    return lvis_reader_open(reader, &options, error);
}

/* A step of the drop, at least 1: 0 would mean that there is none. */
static int64_t drop_at(double share, int64_t steps) {
    int64_t at = llround(share * (double)steps);
    return at > 0 ? at : 1;
}

/* Trains one stage of `method` on model, which holds its first values. */
static balact_status train_stage(struct run *run, const struct method *method, int stage,
                                 struct balact_model *model, struct balact_error *error) {
    struct experiment *e = run->e;
    const struct lvis_settings *s = &e->settings->lvis;
    struct balact_reader reader = {0};
    char checkpoint[1200], configuration[4096];
    float *offset = NULL;
    int64_t steps = steps_of(s, stage);
    struct train_job job = {
        .experiment = e->settings->name,
        .dataset = run->task->dataset,
        .method = method,
        .seed = run->seed,
        .hyper = settings_hyper(e->settings, method),
        .offset_foreground_only = lvis_foreground_only(e->settings, method->activation),
        .background = balact_activation_info(method->activation)->family == BALACT_FAMILY_SOFTMAX
                          ? BALACT_BACKGROUND_LAST
                          : BALACT_BACKGROUND_IMPLICIT,
        .drops = {drop_at(stage ? s->stage2_drop1 : s->stage1_drop1, steps),
                  drop_at(stage ? s->stage2_drop2 : s->stage1_drop2, steps)},
        .drop_factor = s->drop_factor,
        .step_samples = s->images_per_batch,
        .reader = &reader,
        .checkpoint_path = checkpoint,
        .configuration = configuration,
        .resume = e->resume || (stage == 0 && run->stage1_known),
        .checkpoint_seconds = e->settings->checkpoint_seconds,
        .progress = &e->progress,
    };
    job.hyper.epochs = 1; /* the reader's one epoch is the stage */
    job.hyper.min_steps = 0;
    job.hyper.warmup_epochs = 0;
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoints/%s-%s-stage%d-%llu.ckpt", e->folder,
             run->task->dataset, method->name, stage + 1, (unsigned long long)run->seed);
    describe(run, method, stage, &job.hyper, configuration, sizeof configuration);
    progress_begin(&e->progress, "%s, %s, stage %d, seed %llu", run->task->dataset, method->name,
                   stage + 1, (unsigned long long)run->seed);
    balact_status status =
        lvis_offset(run->task, e->settings, &job.hyper, method, &offset, error);
    job.offset = offset;
    if (status == BALACT_OK)
        status = open_reader(run, stage, &reader, error);
    if (status == BALACT_OK)
        status = train_run(&job, model, &run->stage[stage], error);
    if (status == BALACT_OK) {
        run->rois += lvis_reader_rois(&reader);
        run->seconds += lvis_reader_rois(&reader) ? run->stage[stage].seconds : 0;
        e->interrupted |= !run->stage[stage].finished;
    }
    if (reader.release)
        reader_release(&reader);
    free(offset);
    return status;
}

/* to starts with the weights of from; its velocities stay 0. */
static balact_status copy_weights(struct balact_model *to, const struct balact_model *from,
                                  struct balact_error *error) {
    balact_status status = BALACT_OK;
    for (size_t t = 0; t < from->parameter_count && status == BALACT_OK; t++) {
        size_t bytes = (size_t)from->parameters[t].n * sizeof(float);
        float *host = malloc(bytes);
        status = host ? from->backend->download(host, from->parameters[t].value, bytes)
                      : BALACT_ERROR_MEMORY;
        if (status == BALACT_OK)
            status = to->backend->upload(to->parameters[t].value, host, bytes);
        free(host);
    }
    return status == BALACT_OK ? status
                               : balact_fail(error, status, "cannot copy the weights of stage 1");
}

static bool begins_less_prior(const struct run *run) {
    int64_t choice = run->e->settings->lvis.stage2_bias;
    bool softmax =
        balact_activation_info(run->method->activation)->family == BALACT_FAMILY_SOFTMAX;
    return choice == LVIS_STAGE2_BIAS_LESS_PRIOR || (choice == LVIS_STAGE2_BIAS_FAMILY && softmax);
}

/* Takes the prior from the biases. A column of background has offset 0 and keeps its own. */
static balact_status subtract_prior(const struct run *run, struct balact_model *model,
                                    struct balact_error *error) {
    const struct settings *settings = run->e->settings;
    struct hyper hyper = settings_hyper(settings, run->method);
    float *offset = NULL;
    balact_status status = lvis_offset(run->task, settings, &hyper, run->method, &offset, error);
    for (size_t t = 0; t < model->parameter_count && status == BALACT_OK && offset; t++) {
        struct balact_parameter *bias = &model->parameters[t];
        size_t bytes = (size_t)bias->n * sizeof(float);
        if (!bias->is_bias)
            continue;
        float *host = malloc(bytes);
        status = host ? model->backend->download(host, bias->value, bytes) : BALACT_ERROR_MEMORY;
        for (int64_t i = 0; i < bias->n && status == BALACT_OK; i++)
            host[i] -= isfinite(offset[i]) ? offset[i] : 0;
        if (status == BALACT_OK)
            status = model->backend->upload(bias->value, host, bytes);
        free(host);
        if (status != BALACT_OK)
            balact_fail(error, status, "cannot take the prior from the biases of stage 1");
    }
    free(offset);
    return status;
}

static balact_status open_model(const struct run *run, struct balact_model *model,
                                struct balact_error *error) {
    return model_open_linear(model, run->e->backend, run->task->dim,
                             lvis_columns(run->task, run->method->activation), &run->method->init,
                             run->seed, error);
}

/* Both stages; *model ends as the trained head. */
static balact_status train_head(struct run *run, struct balact_model *model,
                                struct balact_error *error) {
    const struct lvis_settings *s = &run->e->settings->lvis;
    bool balanced = balact_activation_info(run->method->activation)->balanced;
    struct balact_model first = {0};
    balact_status status = open_model(run, &first, error);
    if (status == BALACT_OK && s->stage1_steps)
        status = train_stage(run, plain_of(run->method), 0, &first, error);
    if (status != BALACT_OK || run->e->interrupted || !s->stage2_steps ||
        (!balanced && !s->plain_stage2)) {
        *model = first;
        return status;
    }
    status = open_model(run, model, error);
    if (status == BALACT_OK)
        status = copy_weights(model, &first, error);
    if (status == BALACT_OK && begins_less_prior(run))
        status = subtract_prior(run, model, error);
    model_release(&first);
    return status == BALACT_OK ? train_stage(run, run->method, 1, model, error) : status;
}

/* ---- Results ---- */

static void add_training(struct run *run) {
    struct experiment *e = run->e;
    struct results_key key = {run->task->dataset, NULL, run->method->name, run->seed};
    int64_t before = 0;
    for (int stage = 0; stage < 2; stage++) { /* "epoch" is the stage, steps go on */
        const struct train_state *state = &run->stage[stage];
        for (int64_t i = 0; i < state->curve_count; i++)
            results_add_curve(&e->results, &key, stage + 1, before + state->curve[i].step,
                              state->curve[i].lr, state->curve[i].loss);
        before += state->step;
    }
    if (run->rois && run->seconds > 0)
        results_add_throughput(&e->results, &key, e->backend_name, balact_threads(), "train",
                               run->rois, run->seconds, experiment_peak_bytes());
}

static void add_scores(struct run *run, const struct results_key *key, bool masks,
                       const struct lvis_scores *scores) {
    static const struct {
        const char *group, *metric;
    } numbers[LVIS_NUMBER_COUNT] = {
#define NUMBER_ROW(ID, name, group, metric) {group, metric},
        LVIS_NUMBER_LIST(NUMBER_ROW)
#undef NUMBER_ROW
    };
    const struct lvis_task *task = run->task;
    const char *type = masks ? "segm" : "bbox";
    char metric[32];
    for (int i = 0; i < LVIS_NUMBER_COUNT; i++) {
        snprintf(metric, sizeof metric, "%s_%s", type, numbers[i].metric);
        results_add_metric(&run->e->results, key, numbers[i].group, metric, scores->number[i]);
    }
    for (int32_t c = 0; c < task->val.categories; c++)
        results_add_category(&run->e->results, key, type, task->val.category[c].id,
                             balact_lvis_frequency_name(task->val.category[c].frequency),
                             task->counts.image_count[c], task->counts.instance_count[c],
                             scores->category_ap[c]);
}

static void add_calibration(struct run *run, const struct results_key *key,
                            const struct lvis_calibration *calibration) {
    for (int g = LVIS_GROUP_ALL; g >= 0; g--) {
        const char *group = g == LVIS_GROUP_ALL
                                ? "all"
                                : balact_lvis_frequency_name((enum balact_lvis_frequency)g);
        results_add_metric(&run->e->results, key, group, "detection_ece",
                           lvis_calibration_ece(calibration, g));
        results_add_metric(&run->e->results, key, group, "detection_brier",
                           lvis_calibration_brier(calibration, g));
    }
}

static balact_status add_summary(struct run *run, const char *title, bool masks,
                                 const struct lvis_scores *scores, struct balact_error *error) {
    struct experiment *e = run->e;
    struct lvis_summary_row *grown =
        realloc(e->lvis_summary, (e->lvis_summary_count + 1) * sizeof *grown);
    if (!grown)
        return balact_fail(error, BALACT_ERROR_MEMORY, "summary: out of memory");
    e->lvis_summary = grown;
    grown[e->lvis_summary_count++] = (struct lvis_summary_row){
        .title = title,
        .masks = masks,
        .value = {scores->number[LVIS_AP], scores->number[LVIS_AP50], scores->number[LVIS_AP75],
                  scores->number[LVIS_APR], scores->number[LVIS_APC], scores->number[LVIS_APF]}};
    return BALACT_OK;
}

static balact_status evaluate(struct run *run, const char *title, const char *path,
                              const struct results_key *key, int64_t detections,
                              struct balact_error *error) {
    double began = seconds_now();
    for (int masks = 0; masks <= run->task->masks; masks++) {
        struct lvis_scores scores;
        balact_status status = lvis_score(path, &run->task->val, masks, &scores, error);
        if (status != BALACT_OK)
            return status;
        add_scores(run, key, masks, &scores);
        status = add_summary(run, title, masks, &scores, error);
        lvis_scores_release(&scores);
        if (status != BALACT_OK)
            return status;
    }
    results_add_throughput(&run->e->results, key, run->e->backend_name, balact_threads(),
                           "evaluation", detections, seconds_now() - began,
                           experiment_peak_bytes());
    return BALACT_OK;
}

/* Detections of all val images by a scorer, and what they are worth. */
static balact_status infer_and_evaluate(struct run *run, const char *name, const char *title,
                                        struct lvis_scorer *scorer, struct balact_error *error) {
    struct experiment *e = run->e;
    const struct lvis_settings *s = &e->settings->lvis;
    struct lvis_calibration calibration;
    char path[1200];
    struct results_key key = {run->task->dataset, "val", name, run->seed};
    balact_status status = lvis_calibration_open(&calibration, &run->task->val, error);
    if (status != BALACT_OK)
        return status;
    struct lvis_inference inference = {
        .stream = run->task->val_rois,
        .lvis = &run->task->val,
        .rules = {s->score_threshold, s->nms_iou, s->detections_per_image},
        .objectness = s->objectness,
        .masks = run->task->masks,
        .scorer = scorer,
        .calibration = &calibration,
    };
    snprintf(path, sizeof path, "%s/results-%s-%llu.json", e->folder, name,
             (unsigned long long)run->seed);
    double began = seconds_now();
    status = lvis_infer(&inference, path, error);
    if (status == BALACT_OK) {
        results_add_throughput(&e->results, &key, e->backend_name, balact_threads(), "inference",
                               inference.rois, seconds_now() - began, experiment_peak_bytes());
        add_calibration(run, &key, &calibration);
        status = evaluate(run, title, path, &key, inference.detections, error);
        if (status == BALACT_ERROR_UNSUPPORTED) { /* the results are worth having all the same */
            fprintf(stderr, "balact: %s; its results stay in %s\n",
                    error ? error->message : "no evaluator", path);
            status = BALACT_OK;
        } else if (!s->keep_results) {
            remove(path);
        }
    }
    lvis_calibration_release(&calibration);
    return status;
}

/* ---- Heads ---- */

/* Has a method before this one trained the family's stage 1 with this seed? */
static bool family_came_before(const struct settings *settings, size_t m) {
    for (size_t i = 0; i < m; i++)
        if (plain_of(settings->methods[i]) == plain_of(settings->methods[m]))
            return true;
    return false;
}

static balact_status run_head(struct experiment *e, struct lvis_task *task, size_t m,
                              uint64_t seed, struct balact_error *error) {
    struct run run = {.e = e,
                      .task = task,
                      .method = e->settings->methods[m],
                      .seed = seed,
                      .stage1_known = family_came_before(e->settings, m)};
    struct balact_model model = {0};
    struct lvis_scorer scorer = {0};
    balact_status status = train_head(&run, &model, error);
    if (status == BALACT_OK && !e->interrupted) {
        add_training(&run);
        status = lvis_scorer_of_model(&scorer, &model, run.method->activation, error);
        if (status == BALACT_OK)
            status = infer_and_evaluate(&run, run.method->name, run.method->title, &scorer, error);
        const struct train_state *last = &run.stage[run.stage[1].curve_count > 0];
        if (status == BALACT_OK && last->curve_count)
            progress_end(&e->progress, "loss %.4g, %.1f s",
                         last->curve[last->curve_count - 1].loss,
                         run.stage[0].seconds + run.stage[1].seconds);
    }
    lvis_scorer_release(&scorer);
    model_release(&model);
    train_state_release(&run.stage[0]);
    train_state_release(&run.stage[1]);
    return status;
}

static balact_status check_methods(const struct experiment *e, const struct lvis_task *task,
                                   struct balact_error *error) {
    const struct settings *settings = e->settings;
    const struct lvis_settings *s = &settings->lvis;
    if (s->stage1_steps + s->stage2_steps < 1)
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "stage1_steps and stage2_steps are both 0: there is nothing to train");
    for (size_t m = 0; m < settings->method_count; m++) {
        const struct method *method = settings->methods[m];
        struct hyper hyper = settings_hyper(settings, method);
        float *offset = NULL;
        if (method->sampler != SAMPLER_INSTANCE)
            return balact_fail(error, BALACT_ERROR_ARGUMENT,
                               "method %s: RoIs are sampled by the repeat factors of their images; "
                               "methods with class-balanced sampling are for other data",
                               method->name);
        balact_status status = lvis_offset(task, settings, &hyper, method, &offset, error);
        free(offset);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}

/* The ceiling, where it is known: the same inference and evaluation of the optimum's scores. */
static balact_status add_optimum(struct experiment *e, struct lvis_task *task,
                                 struct balact_error *error) {
    struct run run = {.e = e, .task = task};
    struct lvis_scorer scorer;
    if (!task->synthetic)
        return BALACT_OK;
    progress_begin(&e->progress, "%s, Bayes optimum", task->dataset);
    balact_status status = lvis_scorer_of_optimum(&scorer, task->data, task->val.categories,
                                                  task->dim, error);
    if (status == BALACT_OK)
        status = infer_and_evaluate(&run, "bayes", "Bayes optimum", &scorer, error);
    lvis_scorer_release(&scorer);
    if (status == BALACT_OK)
        progress_end(&e->progress, "done");
    return status;
}

static balact_status remember_input(struct experiment *e, const struct balact_source *source,
                                    struct balact_error *error) {
    if (!source->path)
        return BALACT_OK;
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
    return BALACT_OK;
}

static balact_status run_task(struct experiment *e, struct lvis_task *task,
                              struct balact_error *error) {
    const struct settings *settings = e->settings;
    balact_status status = remember_input(e, &task->train.source, error);
    if (status == BALACT_OK)
        status = remember_input(e, &task->val.source, error);
    if (status == BALACT_OK)
        status = check_methods(e, task, error);
    results_add_counts(&e->results, task->dataset, task->counts.image_count,
                       task->train.categories);
    if (status == BALACT_OK)
        status = experiment_make_checkpoint_folder(e, error);
    for (size_t m = 0; m < settings->method_count && status == BALACT_OK; m++)
        for (size_t i = 0; i < settings->seed_count && status == BALACT_OK; i++) {
            e->interrupted |= train_interrupted != 0;
            if (!e->interrupted)
                status = run_head(e, task, m, settings->seeds[i], error);
        }
    if (status == BALACT_OK && !e->interrupted)
        status = add_optimum(e, task, error);
    return status;
}

balact_status lvis_experiment_run(struct experiment *e, struct balact_error *error) {
    struct lvis_task task;
    balact_status status = lvis_task_load(e->settings, e->data, &task, error);
    if (status != BALACT_OK)
        return status;
    status = run_task(e, &task, error);
    lvis_task_release(&task);
    return status;
}
