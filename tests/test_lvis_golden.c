/* SPDX-License-Identifier: MIT
 *
 * Annotations and results of real size through reader and evaluator, against the numbers of the
 * official one: in all three modes, for every thread count, compressed or not. Golden values:
 * lvis-api's LVISEval with pycocotools, float64, in expected.json of the data.
 */
#include <math.h>

#include "balact/backend.h"
#include "balact/lvis_evaluate.h"
#include "datasets/archive.h"
#include "tests/files.h"

static struct balact_error error;

#if defined BALACT_HAVE_SIMDJSON && defined BALACT_HAVE_ARCHIVE
#define NEEDS_READERS (void)0
#else
#define NEEDS_READERS TEST_SKIP("built without simdjson or libarchive")
#endif

struct golden {
    char gt[1024], dt[1024], poly[1024];
    double wanted[3][BALACT_LVIS_METRIC_COUNT]; /* by mode */
};
enum mode { BBOX, SEGM, SEGM_KEEPBBOX, MODES };
static const char *const mode_names[MODES] = {"bbox", "segm", "segm_keepbbox"};

/* Behind the next "text" from at on, quotes included. */
static const char *behind(const char *at, const char *text) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", text);
    const char *found = at ? strstr(at, quoted) : NULL;
    ck_assert_msg(found != NULL, "expected.json has no %s where it should be", quoted);
    return found + strlen(quoted);
}

/* False: the data is not at hand. */
static bool golden_load(const char *name, struct golden *golden) {
    char file[128];
    const char *path = test_data("lvis_golden/expected.json");
    if (!path)
        return false;
    struct buffer json = buffer_load(path);
    snprintf(file, sizeof file, "lvis_golden/%s_gt.json.gz", name);
    path = test_data(file);
    snprintf(golden->gt, sizeof golden->gt, "%s", path ? path : "");
    snprintf(file, sizeof file, "lvis_golden/%s_dt_rle.json.gz", name);
    path = test_data(file);
    snprintf(golden->dt, sizeof golden->dt, "%s", path ? path : "");
    snprintf(file, sizeof file, "lvis_golden/%s_dt_poly.json.gz", name);
    path = test_data(file);
    snprintf(golden->poly, sizeof golden->poly, "%s", path ? path : "");
    for (int mode = 0; mode < MODES; mode++) {
        const char *at = behind(behind((char *)json.bytes, name), mode_names[mode]);
        for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++) {
            const char *value =
                behind(at, balact_lvis_metric_name((enum balact_lvis_metric)m)) + strlen(": \"");
            char *end;
            golden->wanted[mode][m] = strtod(value, &end);
            ck_assert(end > value && *end == '"');
        }
    }
    buffer_free(&json);
    return golden->gt[0] && golden->dt[0];
}

/* ---- Evaluating files ---- */

static void evaluate(const char *gt, const char *dt, enum balact_lvis_iou iou,
                     enum balact_lvis_area area, double metric[BALACT_LVIS_METRIC_COUNT]) {
    bool masks = iou == BALACT_LVIS_IOU_MASK;
    struct balact_lvis lvis;
    struct balact_lvis_detections detections;
    struct balact_lvis_evaluation evaluation;
    struct balact_lvis_load_options load = {.skip_segments = !masks};
    struct balact_lvis_detections_options options = {.masks = masks};
    struct balact_lvis_evaluate_options how = {.iou = iou, .area = area};
    ck_assert_msg(balact_lvis_load(gt, &load, &lvis, &error) == BALACT_OK, "%s", error.message);
    ck_assert_msg(balact_lvis_detections_load(dt, &lvis, &options, &detections, &error) ==
                      BALACT_OK,
                  "%s", error.message);
    ck_assert_msg(balact_lvis_evaluate(&lvis, &detections, &how, &evaluation, &error) == BALACT_OK,
                  "%s", error.message);
    memcpy(metric, evaluation.metric, sizeof evaluation.metric);
    balact_lvis_evaluation_release(&evaluation);
    balact_lvis_detections_release(&detections);
    balact_lvis_release(&lvis);
}

static double largest_difference;

static void ck_metrics(const char *what, const double metric[], const double wanted[]) {
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++) {
        double difference = fabs(metric[m] - wanted[m]);
        ck_assert_msg(difference <= 1e-12, "%s %s: %.17g, officially %.17g", what,
                      balact_lvis_metric_name((enum balact_lvis_metric)m), metric[m], wanted[m]);
        largest_difference = fmax(largest_difference, difference);
    }
}

static void check_case(const char *name, const struct golden *golden) {
    static const enum balact_lvis_iou iou[MODES] = {BALACT_LVIS_IOU_BOX, BALACT_LVIS_IOU_MASK,
                                                    BALACT_LVIS_IOU_MASK};
    /* Results without "bbox" are judged by their masks' areas: the same rule asked for by name. */
    static const enum balact_lvis_area area[MODES] = {
        BALACT_LVIS_AREA_OFFICIAL, BALACT_LVIS_AREA_MASK, BALACT_LVIS_AREA_OFFICIAL};
    int before = balact_threads();
    for (int mode = 0; mode < MODES; mode++) {
        char what[64];
        double first[BALACT_LVIS_METRIC_COUNT], metric[BALACT_LVIS_METRIC_COUNT];
        snprintf(what, sizeof what, "%s %s", name, mode_names[mode]);
        balact_set_threads(1);
        evaluate(golden->gt, golden->dt, iou[mode], area[mode], first);
        ck_metrics(what, first, golden->wanted[mode]);
        balact_set_threads(3);
        evaluate(golden->gt, golden->dt, iou[mode], area[mode], metric);
        ck_assert_mem_eq(metric, first, sizeof first);
        balact_set_threads(before);
    }
}

START_TEST(official_numbers_of_real100) {
    NEEDS_READERS;
    struct golden golden;
    if (!golden_load("real100", &golden))
        TEST_SKIP("no lvis_golden/ in the data folder");
    check_case("real100", &golden);
    printf("real100: largest difference so far %.3g\n", largest_difference);
}
END_TEST

START_TEST(official_numbers_of_s200) {
    NEEDS_READERS;
    struct golden golden;
    if (!golden_load("s200", &golden))
        TEST_SKIP("no lvis_golden/ in the data folder");
    check_case("s200", &golden);
    printf("s200: largest difference so far %.3g\n", largest_difference);
}
END_TEST

/* The polygons that the runs were made from. */
START_TEST(polygons_are_as_good_as_runs) {
    NEEDS_READERS;
    struct golden golden;
    double metric[BALACT_LVIS_METRIC_COUNT];
    if (!golden_load("real100", &golden) || !golden.poly[0])
        TEST_SKIP("no lvis_golden/ in the data folder");
    evaluate(golden.gt, golden.poly, BALACT_LVIS_IOU_MASK, BALACT_LVIS_AREA_OFFICIAL, metric);
    ck_metrics("polygons", metric, golden.wanted[SEGM_KEEPBBOX]);
}
END_TEST

/* ---- Unpacked, and without boxes ---- */

static struct buffer unpack(const char *path) {
    struct balact_archive *archive;
    struct buffer text = {0};
    char *bytes;
    int64_t size;
    bool found;
    ck_assert_int_eq(balact_archive_open_data(&archive, path, &error), BALACT_OK);
    ck_assert(balact_archive_next(archive, &found, &error) == BALACT_OK && found);
    ck_assert_int_eq(balact_archive_read_all(archive, 1 << 30, &bytes, &size, &error), BALACT_OK);
    balact_archive_close(archive);
    buffer_add(&text, bytes, (size_t)size);
    free(bytes);
    return text;
}

/* Takes every "bbox": [...], out of the text. */
static int strip_boxes(struct buffer *text) {
    static const char key[] = "\"bbox\":";
    char *to = (char *)text->bytes, *from = to, *box;
    int stripped = 0;
    for (; (box = strstr(from, key)) != NULL; stripped++) {
        memmove(to, from, (size_t)(box - from));
        to += box - from;
        from = strchr(box, ']') + 1;
        from += strspn(from, ", ");
    }
    size_t rest = strlen(from);
    memmove(to, from, rest + 1);
    text->size = (size_t)(to - (char *)text->bytes) + rest;
    return stripped;
}

START_TEST(unpacked_and_without_boxes) {
    NEEDS_READERS;
    struct golden golden;
    char gt[1024], dt[1024];
    double metric[BALACT_LVIS_METRIC_COUNT];
    if (!golden_load("real100", &golden))
        TEST_SKIP("no lvis_golden/ in the data folder");
    struct buffer text = unpack(golden.gt);
    snprintf(gt, sizeof gt, "%s", test_write("gt.json", text.bytes, text.size));
    buffer_free(&text);
    text = unpack(golden.dt);
    snprintf(dt, sizeof dt, "%s", test_write("dt.json", text.bytes, text.size));
    evaluate(gt, dt, BALACT_LVIS_IOU_MASK, BALACT_LVIS_AREA_OFFICIAL, metric);
    ck_metrics("unpacked", metric, golden.wanted[SEGM_KEEPBBOX]);
    ck_assert_int_gt(strip_boxes(&text), 1000);
    snprintf(dt, sizeof dt, "%s", test_write("dt.json", text.bytes, text.size));
    evaluate(gt, dt, BALACT_LVIS_IOU_MASK, BALACT_LVIS_AREA_OFFICIAL, metric);
    ck_metrics("without bbox", metric, golden.wanted[SEGM]);
    buffer_free(&text);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("lvis_golden", official_numbers_of_real100, official_numbers_of_s200,
                      polygons_are_as_good_as_runs, unpacked_and_without_boxes);
}
