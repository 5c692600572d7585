/* SPDX-License-Identifier: MIT
 *
 * balact report on an LVIS run worked out by hand: the cells of its tables, the categories behind
 * the figure by rank, claims in points of AP, refusals; and reading lvis_eval.csv.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "plots/report.h"
#include "plots/timing_figures.h"
#include "tests/files.h"

#define METRICS_HEAD "experiment,dataset,split,method,seed,group,metric,value\n"
#define ROW(method, seed, group, metric, value)                                                    \
    "lvis,toy,val," method "," seed "," group "," metric "," value "\n"

/* Softmax 20 and 22 AP, Balanced Softmax 25 and 29: +5 and +7, so 6 with deviation 1.414. */
static const char metrics[] = METRICS_HEAD
    ROW("softmax", "1", "all", "bbox_ap", "0.20") ROW("softmax", "2", "all", "bbox_ap", "0.22")
    ROW("softmax", "1", "rare", "bbox_ap", "0.01") ROW("softmax", "2", "rare", "bbox_ap", "0.03")
    ROW("balanced_softmax", "1", "all", "bbox_ap", "0.25")
    ROW("balanced_softmax", "2", "all", "bbox_ap", "0.29")
    ROW("balanced_softmax", "1", "rare", "bbox_ap", "0.10")
    ROW("balanced_softmax", "2", "rare", "bbox_ap", "0.14")
    ROW("softmax", "1", "all", "detection_ece", "0.125")
    ROW("bayes", "0", "all", "bbox_ap", "0.5");

#define CATEGORIES_HEAD                                                                            \
    "experiment,dataset,split,method,seed,iou_type,category_id,frequency,image_count,"             \
    "instance_count,average_precision\n"
#define CATEGORY(seed, id, frequency, images, ap)                                                  \
    "lvis,toy,val,softmax," seed ",bbox," id "," frequency "," images ",7," ap "\n"
static const char categories[] = CATEGORIES_HEAD
    CATEGORY("1", "3", "rare", "2", "0.1") CATEGORY("2", "3", "rare", "2", "0.3")
    CATEGORY("1", "5", "frequent", "200", "0.5") CATEGORY("2", "5", "frequent", "200", "0.7");

static const char *make_run(const char *name, const char *per_category) {
    static char folder[600];
    char path[700];
    snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/lvis", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/lvis/metrics.csv", name);
    test_write(path, metrics, strlen(metrics));
    snprintf(path, sizeof path, "%s/lvis/per_category.csv", name);
    test_write(path, per_category, strlen(per_category));
    return folder;
}

static char *markdown(const struct report_tables *tables, const char *id) {
    char *text = NULL;
    size_t size;
    for (size_t i = 0; i < tables->count; i++)
        if (!strcmp(tables->list[i].table->id, id)) {
            FILE *file = open_memstream(&text, &size);
            table_write_markdown(tables->list[i].table, file);
            fclose(file);
            return text;
        }
    ck_abort_msg("there is no table %s", id);
    return NULL;
}

static void holds(const struct report_tables *tables, const char *id, const char *part) {
    char *text = markdown(tables, id);
    ck_assert_msg(strstr(text, part) != NULL, "%s: '%s' is not in:\n%s", id, part, text);
    free(text);
}

START_TEST(tables_are_in_points_over_seeds) {
    struct run_results results;
    struct report_tables tables;
    struct balact_error error;
    ck_assert_msg(run_results_load(&results, make_run("run", categories), &error) == BALACT_OK,
                  "%s", error.message);
    report_make_tables(&results.arena, &results, &tables);
    holds(&tables, "lvis_bbox_lvis_val", "| Softmax | 21.0 ± 1.4 | – |");
    holds(&tables, "lvis_bbox_lvis_val", "| Balanced Softmax | **27.0 ± 2.8** |");
    holds(&tables, "lvis_bbox_lvis_val", "| **12.0 ± 2.8** | – | – |");
    holds(&tables, "lvis_bbox_lvis_val", "| Bayes optimum | 50.0 |");
    holds(&tables, "lvis_gain_bbox_lvis_val", "| Balanced Softmax | +6.0 ± 1.4 |");
    holds(&tables, "lvis_gain_bbox_lvis_val", "| +10.0 ± 1.4 |");
    holds(&tables, "lvis_seeds_bbox_lvis_val", "| Balanced Softmax | 2 | 29.0 |");
    holds(&tables, "lvis_calibration_lvis_val", "| 0.125 |");
    holds(&tables, "lvis_published_lvis", "PUBLISHED, OTHER DETECTOR");
    for (size_t i = 0; i < tables.count; i++)
        ck_assert_msg(strncmp(tables.list[i].table->id, "lvis_segm", 9) != 0,
                      "a table of masks that nobody judged");
    run_results_release(&results);
}
END_TEST

START_TEST(the_rank_figure_has_the_frequent_first) {
    struct run_results results;
    struct report_figures figures;
    struct balact_error error;
    ck_assert_int_eq(run_results_load(&results, make_run("rank", categories), &error), BALACT_OK);
    report_make_figures(&results.arena, &results, &figures);
    bool found = false;
    for (size_t i = 0; i < figures.count; i++)
        if (!strcmp(figures.list[i].id, "ap_by_rank_lvis_val")) {
            found = true;
            ck_assert_msg(strstr(figures.list[i].data, "\n1,60,,\n2,20,,\n") != NULL, "%s",
                          figures.list[i].data);
            ck_assert(strncmp(figures.list[i].numbers, "2 1 1 70 ", 9) == 0);
        }
    ck_assert(found);
    run_results_release(&results);
}
END_TEST

START_TEST(wrong_categories_are_refused) {
    static const struct {
        const char *text, *part;
    } cases[] = {
        {CATEGORIES_HEAD CATEGORY("1", "3", "rare", "2", "0.1")
             CATEGORY("1", "3", "rare", "2", "0.2"),
         "the same thing as line 2"},
        {CATEGORIES_HEAD CATEGORY("1", "3", "rare", "two", "0.1"), "two"},
        {CATEGORIES_HEAD "other,toy,val,softmax,1,bbox,3,rare,2,7,0.1\n", "'other' in the folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_results results;
        struct balact_error error;
        ck_assert_int_ne(run_results_load(&results, make_run("wrong", cases[i].text), &error),
                         BALACT_OK);
        ck_assert_msg(strstr(error.message, cases[i].part) != NULL, "%s", error.message);
        run_results_release(&results);
    }
}
END_TEST

START_TEST(evaluators_are_drawn_from_their_csv) {
    static const char text[] =
        "implementation,iou_type,images,detections,seconds_p50,seconds_min,rounds,peak_bytes,"
        "ratio_seconds,ratio_peak,largest_difference\n"
        "balact,bbox,1000,300000,0.5,0.4,3,1073741824,1,1,0\n"
        "balact,bbox,200,60000,0.25,0.2,3,536870912,1,1,0\n"
        "official_earlier,bbox,1000,300000,24,24,1,2147483648,,,\n";
    char folder[600];
    struct timings timings;
    struct report_figures figures;
    struct balact_error error;
    snprintf(folder, sizeof folder, "%s/evaluators", test_folder());
    mkdir(folder, 0777);
    test_write("evaluators/lvis_eval.csv", text, strlen(text));
    ck_assert_msg(timings_load(&timings, folder, &error) == BALACT_OK, "%s", error.message);
    timing_make_figures(&timings, &figures);
    ck_assert_uint_eq(figures.count, 3);
    ck_assert_msg(strstr(figures.list[0].data, "\n200,0.25,1000,24\n1000,0.5,,\n") != NULL, "%s",
                  figures.list[0].data);
    ck_assert(strstr(figures.list[0].data, "official earlier") != NULL);
    ck_assert_msg(strstr(figures.list[1].data, "\n200,0.5,1000,2\n1000,1,,\n") != NULL, "%s",
                  figures.list[1].data);
    ck_assert_msg(strstr(figures.list[2].data, "\n0.06,0.25\n0.3,0.5\n") != NULL, "%s",
                  figures.list[2].data);
    timings_release(&timings);
    test_write("evaluators/lvis_eval.csv",
               "implementation,iou_type,images,detections,seconds_p50,peak_bytes\n"
               "balact,box,1,1,1,1\n",
               strlen("implementation,iou_type,images,detections,seconds_p50,peak_bytes\n"
                      "balact,box,1,1,1,1\n"));
    ck_assert_int_ne(timings_load(&timings, folder, &error), BALACT_OK);
    ck_assert(strstr(error.message, "'box' is not one of bbox, segm") != NULL);
    timings_release(&timings);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("report_lvis", tables_are_in_points_over_seeds,
                      the_rank_figure_has_the_frequent_first, wrong_categories_are_refused,
                      evaluators_are_drawn_from_their_csv);
}
