/* SPDX-License-Identifier: MIT
 *
 * balact lvis-eval: the numbers of a results file on LVIS, in the lines of the official evaluator.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "balact/backend.h"
#include "balact/lvis_evaluate.h"
#include "bench/program.h"
#include "bench/run_json.h"
#include "datasets/output.h"

struct request {
    const char *gt, *dt, *protocol, *iou, *area, *per_class, *curves, *json;
    int64_t max_detections, threads;
    bool fixed, pooled;
    struct balact_lvis_evaluate_options options;
};

struct run {
    const struct request *request;
    struct balact_lvis lvis;
    struct balact_lvis_detections detections;
    struct balact_lvis_evaluation evaluation;
    double seconds_annotations, seconds_detections;
};

static const char *const group_names[] = {"all", "rare", "common", "frequent"};

static int64_t peak_bytes(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)usage.ru_maxrss * 1024; /* Linux counts KiB */
}

/* ---- The official lines ---- */

/* A metric's name with the cap in use: "AR@300" becomes "AR@100". */
static void name_with_cap(enum balact_lvis_metric metric, int64_t cap, char name[48]) {
    const char *official = balact_lvis_metric_name(metric), *at = strchr(official, '@');
    if (at)
        snprintf(name, 48, "%.*s@%" PRId64, (int)(at - official), official, cap);
    else
        snprintf(name, 48, "%s", official);
}

static void print_metric(const char *title, enum balact_lvis_metric metric, double value,
                         int64_t cap) {
    const char *name = balact_lvis_metric_name(metric), *which = name[2] ? name + 2 : "";
    char kind[3] = {name[0], name[1], '\0'}, one[2] = {*which, '\0'}, full[32];
    snprintf(full, sizeof full, "%s %s", title, kind[1] == 'P' ? "Precision" : "Recall");
    const char *iou = !strncmp(which, "50", 2)   ? "0.50"
                      : !strncmp(which, "75", 2) ? "0.75"
                                                 : "0.50:0.95";
    const char *area = *which && strchr("sml", *which) ? one : "all";
    const char *group = *which && strchr("rcf", *which) ? one : "all";
    printf(" %-18s (%s) @[ IoU=%-9s | area=%6s | maxDets=%3" PRId64 " catIds=%3s] = %0.3f\n", full,
           kind, iou, area, cap, group, value);
}

static void print_result(const struct run *run, int64_t cap) {
    const struct balact_lvis_evaluation *e = &run->evaluation;
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++)
        print_metric("Average", (enum balact_lvis_metric)m, e->metric[m], cap);
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT && run->request->pooled; m++)
        print_metric("Pooled", (enum balact_lvis_metric)m, e->pooled[m], cap);
    printf("%" PRId64 " detections, %" PRId64 " under the cap, %" PRId64
           " of them of categories that their image was annotated for\n",
           e->detections, e->kept, e->counted);
    printf("seconds: %.3f (annotations %.3f, detections %.3f, evaluate %.3f, accumulate %.3f); "
           "peak memory %.2f GiB; threads: %d\n",
           run->seconds_annotations + run->seconds_detections + e->seconds_match +
               e->seconds_accumulate,
           run->seconds_annotations, run->seconds_detections, e->seconds_match,
           e->seconds_accumulate, (double)peak_bytes() / 0x1p30, balact_threads());
}

/* ---- Files ---- */

static void open_output(struct balact_output *output, const char *path) {
    struct balact_error error;
    die_unless_ok(balact_output_open(output, path, &error), &error);
}

static void commit_output(struct balact_output *output) {
    struct balact_error error;
    die_unless_ok(balact_output_commit(output, &error), &error);
}

/* A CSV cell of text: in quotes where it needs them. */
static void write_text(FILE *file, const char *text) {
    bool quote = text[strcspn(text, ",\"\r\n")] != '\0';
    if (quote)
        fputc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', file);
        fputc(*text, file);
    }
    if (quote)
        fputc('"', file);
}

static void write_cell(FILE *file, double value) {
    if (value > -1)
        fprintf(file, ",%.17g", value);
    else
        fputc(',', file);
}

static void write_per_class(const struct run *run) {
    struct balact_output output;
    if (!run->request->per_class)
        return;
    open_output(&output, run->request->per_class);
    fprintf(output.file, "category_id,name,frequency,truths,detections,AP,AP50,AP75,APs,APm,APl,AR,"
                         "ARs,ARm,ARl\n");
    for (int32_t k = 0; k < run->evaluation.categories; k++) {
        const struct balact_lvis_category *category = &run->lvis.category[k];
        const struct balact_lvis_category_result *r = &run->evaluation.category[k];
        fprintf(output.file, "%" PRId64 ",", category->id);
        write_text(output.file, run->lvis.text ? run->lvis.text + category->name : "");
        fprintf(output.file, ",%s,%" PRId64 ",%" PRId64,
                balact_lvis_frequency_name(category->frequency), r->truths, r->detections);
        const double ap[] = {r->ap, r->ap50, r->ap75};
        for (int i = 0; i < 3; i++)
            write_cell(output.file, ap[i]);
        for (int s = 0; s < BALACT_LVIS_SIZES - 1; s++)
            write_cell(output.file, r->ap_size[s]);
        write_cell(output.file, r->ar);
        for (int s = 0; s < BALACT_LVIS_SIZES - 1; s++)
            write_cell(output.file, r->ar_size[s]);
        fputc('\n', output.file);
    }
    commit_output(&output);
}

static void write_curves(const struct run *run) {
    struct balact_output output;
    if (!run->request->curves)
        return;
    open_output(&output, run->request->curves);
    fprintf(output.file, "group,iou_threshold,recall,precision\n");
    for (int f = -1; f < BALACT_LVIS_FREQUENCY_COUNT; f++)
        for (int t = 0; t < BALACT_LVIS_THRESHOLDS; t++)
            for (int r = 0; r < BALACT_LVIS_RECALLS; r++) {
                double p = balact_lvis_mean_precision(&run->lvis, &run->evaluation, t, r, f);
                if (p > -1)
                    fprintf(output.file, "%s,%.2f,%.2f,%.17g\n", group_names[f + 1],
                            balact_lvis_threshold(t), balact_lvis_recall(r), p);
            }
    commit_output(&output);
}

static struct run_number *add_metrics(struct run_number *at, const char *section,
                                      const double *metric, int64_t cap) {
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++, at++) {
        at->section = section;
        at->value = metric[m];
        name_with_cap((enum balact_lvis_metric)m, cap, at->key);
    }
    return at;
}

static void write_json(const struct run *run, int argc, char **argv, time_t started, int64_t cap) {
    const struct request *q = run->request;
    const struct balact_lvis_evaluation *e = &run->evaluation;
    const struct balact_source *inputs[] = {&run->lvis.source, &run->detections.source};
    struct run_setting settings[] = {
        {"iou_type", ""}, {"area", ""}, {"max_dets", ""}, {"ap_fixed", ""}, {"ap_pooled", ""}};
    struct run_number numbers[2 * BALACT_LVIS_METRIC_COUNT + 8] = {{0}}, *at = numbers;
    struct balact_error error;
    if (!q->json)
        return;
    snprintf(settings[0].value, sizeof settings[0].value, "%s", q->iou);
    snprintf(settings[1].value, sizeof settings[1].value, "%s", q->area);
    snprintf(settings[2].value, sizeof settings[2].value, "%" PRId64, cap);
    snprintf(settings[3].value, sizeof settings[3].value, "%s", q->fixed ? "yes" : "no");
    snprintf(settings[4].value, sizeof settings[4].value, "%s", q->pooled ? "yes" : "no");
    at = add_metrics(at, "metrics", e->metric, cap);
    if (q->pooled)
        at = add_metrics(at, "pooled", e->pooled, cap);
    *at++ = (struct run_number){"detections", "given", (double)e->detections};
    *at++ = (struct run_number){"detections", "under_cap", (double)e->kept};
    *at++ = (struct run_number){"detections", "counted", (double)e->counted};
    *at++ = (struct run_number){"seconds", "annotations", run->seconds_annotations};
    *at++ = (struct run_number){"seconds", "detections", run->seconds_detections};
    *at++ = (struct run_number){"seconds", "evaluate", e->seconds_match};
    *at++ = (struct run_number){"seconds", "accumulate", e->seconds_accumulate};
    *at++ = (struct run_number){"memory", "peak_bytes", (double)peak_bytes()};
    struct run_record record = {.argc = argc,
                                .argv = argv,
                                .backend = "none",
                                .threads = balact_threads(),
                                .inputs = inputs,
                                .input_count = 2,
                                .settings = settings,
                                .setting_count = sizeof settings / sizeof *settings,
                                .started = started};
    die_unless_ok(run_json_write_numbers(q->json, &record, numbers, (size_t)(at - numbers), &error),
                  &error);
}

/* ---- The command ---- */

static int choice(const char *option, const char *value, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(value, names[i]))
            return i;
    char all[64] = "";
    for (int i = 0; i < count; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
                 i == 0          ? ""
                 : i < count - 1 ? ", "
                                 : " or ",
                 names[i]);
    die(EXIT_BAD_INPUT, "lvis-eval: --%s wants %s, not '%s'", option, all, value);
}

/* COCO's rules are other rules: half of them under this name would be a number like COCO's that is
 * not COCO's. */
static void check_protocol(const struct request *q) {
    static const char *const protocols[] = {"lvis", "coco"};
    if (choice("protocol", q->protocol, protocols, 2) == 1)
        die(EXIT_BAD_INPUT,
            "lvis-eval: --protocol coco is not offered: COCO marks every category in every image, "
            "so each detection that finds nothing is wrong, crowds are matched by other rules and "
            "100 detections of an image count; pycocotools evaluates that. This is the federated "
            "average precision of LVIS");
}

static void check_request(struct request *q) {
    static const char *const ious[] = {"bbox", "segm"}, *const areas[] = {"official", "mask",
                                                                          "box"};
    if (!q->gt || !q->dt)
        die(EXIT_BAD_INPUT, "lvis-eval: wants --gt ANNOTATIONS and --dt RESULTS");
    check_protocol(q);
    if (q->max_detections < -1 || q->max_detections == 0)
        die(EXIT_BAD_INPUT, "lvis-eval: --max-dets wants 1 or more, or -1 for all");
    q->options.iou = (enum balact_lvis_iou)choice("iou-type", q->iou, ious, 2);
    q->options.area = (enum balact_lvis_area)choice("area", q->area, areas, 3);
    q->options.max_detections = q->max_detections;
    q->options.fixed = q->fixed;
    q->options.pooled = q->pooled;
}

static void load(struct run *run) {
    const struct request *q = run->request;
    bool masks = q->options.iou == BALACT_LVIS_IOU_MASK || q->options.area == BALACT_LVIS_AREA_MASK;
    const struct balact_lvis_load_options annotations = {
        .sha256 = q->json != NULL, .skip_segments = q->options.iou != BALACT_LVIS_IOU_MASK};
    const struct balact_lvis_detections_options detections = {.masks = masks,
                                                              .sha256 = q->json != NULL};
    struct balact_error error;
    double start = seconds_now();
    die_unless_ok(balact_lvis_load(q->gt, &annotations, &run->lvis, &error), &error);
    double middle = seconds_now();
    die_unless_ok(
        balact_lvis_detections_load(q->dt, &run->lvis, &detections, &run->detections, &error),
        &error);
    run->seconds_annotations = middle - start;
    run->seconds_detections = seconds_now() - middle;
}

int balact_command_lvis_eval(int argc, char **argv) {
    struct request q = {
        .protocol = "lvis", .iou = "segm", .area = "official", .max_detections = 300};
    const struct option_row rows[] = {
        {"gt", OPTION_STRING, &q.gt, "FILE", "annotations, lvis_v1_val.json as .json, .gz or .zip"},
        {"dt", OPTION_STRING, &q.dt, "FILE", "results: a JSON array of detections, the same"},
        {"protocol", OPTION_STRING, &q.protocol, "lvis",
         "whose rules; those of COCO are refused, for its files have no federated lists"},
        {"iou-type", OPTION_STRING, &q.iou, "bbox|segm", "compare boxes or masks"},
        {"max-dets", OPTION_INTEGER, &q.max_detections, "N",
         "detections of an image that count, over all categories; -1: all"},
        {"area", OPTION_STRING, &q.area, "official|mask|box",
         "what makes an unmatched detection small, medium or large; official: its box, even "
         "among masks, if the results hold boxes"},
        {"ap-fixed", OPTION_FLAG, &q.fixed, NULL,
         "the best 10,000 detections of each category count, no cap by image"},
        {"ap-pooled", OPTION_FLAG, &q.pooled, NULL,
         "also rank all categories' detections together"},
        {"per-class", OPTION_STRING, &q.per_class, "FILE", "write AP and AR of each category"},
        {"pr-curves", OPTION_STRING, &q.curves, "FILE",
         "write mean precision at recall by group and IoU"},
        {"json", OPTION_STRING, &q.json, "FILE", "write all numbers, with where they come from"},
        {"threads", OPTION_INTEGER, &q.threads, "N", "0 for all; changes no number"}};
    time_t started = time(NULL);
    int extra = options_parse(argc, argv, "lvis-eval --gt FILE --dt FILE [options]",
                              "Evaluates detections on LVIS: the federated average precision, "
                              "equal to the official\nevaluator's 13 numbers.",
                              rows, sizeof rows / sizeof *rows);
    if (extra)
        die(EXIT_BAD_INPUT, "lvis-eval: does not understand '%s'", argv[1]);
    check_request(&q);
    use_threads(argv[0], q.threads);
    struct run run = {.request = &q};
    struct balact_error error;
    load(&run);
    die_unless_ok(
        balact_lvis_evaluate(&run.lvis, &run.detections, &q.options, &run.evaluation, &error),
        &error);
    int64_t cap = q.fixed ? -1 : q.max_detections;
    write_per_class(&run);
    write_curves(&run);
    write_json(&run, argc, argv, started, cap);
    print_result(&run, cap);
    balact_lvis_evaluation_release(&run.evaluation);
    balact_lvis_detections_release(&run.detections);
    balact_lvis_release(&run.lvis);
    return EXIT_FINE;
}
