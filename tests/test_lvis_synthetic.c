/* SPDX-License-Identifier: MIT
 *
 * The synthetic LVIS: its counts against the real ones, its layout, lists, boxes, polygons and
 * masks against what they are said to be, labels against IoU computed here, the posterior against
 * chance, and the written form read back.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef BALACT_HAVE_JANSSON
#include <jansson.h>
#endif

#include "balact/dataset.h"
#include "datasets/archive.h"
#include "datasets/lvis_synthetic.h"
#include "datasets/npy.h"
#include "tests/files.h"

static struct balact_error error;

static struct balact_lvis_synthetic_options small(void) {
    struct balact_lvis_synthetic_options o = {.seed = 7};
    o.images[BALACT_LVIS_TRAIN] = 2000;
    o.images[BALACT_LVIS_VAL] = 40;
    o.val_min_images = -1;
    o.rois[BALACT_LVIS_TRAIN] = 4;
    o.rois[BALACT_LVIS_VAL] = 64;
    ck_assert_int_eq(balact_lvis_synthetic_resolve(&o, &error), BALACT_OK);
    return o;
}

static int descending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static void expect_groups(const int64_t *counts) {
    int rare = 0, common = 0, frequent = 0;
    for (int c = 0; c < LVIS_K; c++) {
        ck_assert_int_ge(counts[c], 1);
        rare += counts[c] <= 10;
        common += counts[c] > 10 && counts[c] <= 100;
        frequent += counts[c] > 100;
    }
    ck_assert_int_eq(rare, 337);
    ck_assert_int_eq(common, 461);
    ck_assert_int_eq(frequent, 405);
}

START_TEST(counts_have_the_real_shape) {
    int64_t counts[LVIS_K];
    struct balact_lvis_synthetic_options o = small();
    ck_assert_int_eq(balact_lvis_synthetic_counts(counts), 360952);
    expect_groups(counts);
    qsort(counts, LVIS_K, sizeof *counts, descending);
    ck_assert_int_eq(counts[0], 1977);
    ck_assert_int_eq(counts[LVIS_K - 1], 1);
    static const int64_t sizes[] = {2000, 8000, 50000};
    for (int i = 0; i < 3; i++) { /* the groups stay at every size */
        o.images[BALACT_LVIS_TRAIN] = sizes[i];
        balact_lvis_synthetic_split_counts(&o, BALACT_LVIS_TRAIN, counts);
        expect_groups(counts);
    }
}
END_TEST

START_TEST(counts_fit_the_real_ones) {
    const char *path = test_data("lvis_v1_category_counts.csv");
    int64_t counts[LVIS_K], *real;
    int32_t classes;
    double worst = 0, squares = 0;
    if (!path)
        TEST_SKIP("lvis_v1_category_counts.csv is not at hand");
    ck_assert_int_eq(balact_counts_load(path, NULL, &real, &classes, &error), BALACT_OK);
    ck_assert_int_eq(classes, LVIS_K);
    balact_lvis_synthetic_counts(counts);
    qsort(counts, LVIS_K, sizeof *counts, descending);
    qsort(real, LVIS_K, sizeof *real, descending);
    for (int i = 0; i < LVIS_K; i++) {
        double ratio = (double)counts[i] / (double)real[i];
        if (real[i] > 10)
            worst = fmax(worst, fabs(ratio - 1));
        squares += log(ratio) * log(ratio);
    }
    free(real);
    ck_assert_msg(worst < 0.1895, "largest relative error %g", worst);
    ck_assert_msg(sqrt(squares / LVIS_K) < 0.1423, "error of the logarithm %g",
                  sqrt(squares / LVIS_K));
}
END_TEST

START_TEST(layout_holds_every_count) {
    struct balact_lvis_synthetic_options o = small();
    struct lvis_layout layout;
    int64_t found[LVIS_K] = {0}, wanted[LVIS_K];
    ck_assert_int_eq(balact_synth_layout_make(&o, BALACT_LVIS_TRAIN, &layout, &error), BALACT_OK);
    balact_lvis_synthetic_split_counts(&o, BALACT_LVIS_TRAIN, wanted);
    for (int64_t i = 0; i < layout.images; i++)
        for (int64_t p = layout.start[i]; p < layout.start[i + 1]; p++) {
            found[layout.category[p]]++;
            ck_assert_int_ge(layout.instances[p], 1);
            if (p > layout.start[i]) /* each category once, ascending */
                ck_assert_int_gt(layout.category[p], layout.category[p - 1]);
        }
    ck_assert_mem_eq(found, wanted, sizeof wanted);
    balact_synth_layout_release(&layout);
    o.images[BALACT_LVIS_TRAIN] = BALACT_LVIS_FULL_TRAIN;
    ck_assert_int_eq(balact_synth_layout_make(&o, BALACT_LVIS_TRAIN, &layout, &error), BALACT_OK);
    ck_assert_double_lt(fabs((double)layout.annotations / 1270141 - 1), 0.01);
    balact_synth_layout_release(&layout);
}
END_TEST

/* Boxes lie in the image, are those of the polygon, whose area is the shoelace's. */
START_TEST(objects_are_what_they_say) {
    struct balact_lvis_synthetic_options o = small();
    struct lvis_layout layout;
    struct lvis_scene scene = {0};
    ck_assert_int_eq(balact_synth_layout_make(&o, BALACT_LVIS_VAL, &layout, &error), BALACT_OK);
    int64_t seen = 0, small_ones = 0;
    for (int64_t i = 0; i < layout.images; i++) {
        ck_assert(balact_synth_scene_make(&o, &layout, i, &scene));
        for (int32_t k = 0; k < scene.objects; k++, seen++) {
            const struct lvis_object *b = &scene.object[k];
            int32_t low[2] = {INT32_MAX, INT32_MAX}, high[2] = {INT32_MIN, INT32_MIN};
            double area = 0;
            for (int32_t v = 0; v < b->vertices; v++) {
                int32_t n = (v + 1) % b->vertices;
                area += 0.5e-4 * ((double)b->x[v] * b->y[n] - (double)b->x[n] * b->y[v]);
                low[0] = b->x[v] < low[0] ? b->x[v] : low[0];
                low[1] = b->y[v] < low[1] ? b->y[v] : low[1];
                high[0] = b->x[v] > high[0] ? b->x[v] : high[0];
                high[1] = b->y[v] > high[1] ? b->y[v] : high[1];
            }
            ck_assert_double_lt(fabs(fabs(area) - b->area), 1e-6 * b->area + 1e-9);
            for (int s = 0; s < 2; s++) {
                ck_assert_int_eq(low[s], b->box[s]);
                ck_assert_int_eq(high[s], b->box[s] + b->box[s + 2]);
                ck_assert_int_ge(low[s], 0);
                ck_assert_int_le(high[s], 100 * (s ? scene.height : scene.width));
            }
            small_ones += b->area < 32 * 32;
        }
        for (int32_t k = 0; k < scene.negatives; k++) /* a negative is not held */
            for (int64_t p = layout.start[i]; p < layout.start[i + 1]; p++)
                ck_assert_int_ne(scene.negative[k], layout.category[p]);
    }
    ck_assert_int_gt(seen, 300);
    ck_assert_double_gt((double)small_ones / (double)seen, 0.4);
    ck_assert_double_lt((double)small_ones / (double)seen, 0.75);
    balact_synth_scene_release(&scene);
    balact_synth_layout_release(&layout);
}
END_TEST

/* A square by hand: columns 1 and 2, rows 1 to 3 of 4 x 5 pixels: runs 6 3 2 3 6; from the fourth
 * on the difference to the one but last. */
START_TEST(mask_of_a_square) {
    static const double x[] = {100, 300, 300, 100}, y[] = {100, 100, 400, 400};
    struct lvis_bytes bytes = {0};
    balact_synth_put_mask(&bytes, 4, 5, 4, x, y);
    ck_assert_int_eq(bytes.size, 5);
    const unsigned char wanted[] = {48 + 6, 48 + 3, 48 + 2, 48 + 0, 48 + 4};
    ck_assert_mem_eq(bytes.data, wanted, sizeof wanted);
    balact_synth_bytes_release(&bytes);
}
END_TEST

struct made {
    struct lvis_layout layout;
    struct lvis_rois rois;
    double *centres;
};

static struct made make_rois(const struct balact_lvis_synthetic_options *o) {
    struct made made;
    ck_assert_int_eq(balact_synth_layout_make(o, BALACT_LVIS_VAL, &made.layout, &error), BALACT_OK);
    int64_t n = made.layout.images * o->rois[BALACT_LVIS_VAL];
    made.centres = balact_synth_centres(o);
    made.rois = (struct lvis_rois){
        .count = n,
        .features = malloc((size_t)(n * o->dim) * sizeof(float)),
        .boxes = malloc((size_t)n * 4 * sizeof(float)),
        .objectness = malloc((size_t)n * sizeof(float)),
        .image_ids = malloc((size_t)n * sizeof(int64_t)),
        .labels = malloc((size_t)n * sizeof(int32_t)),
    };
    return made;
}

static void free_rois(struct made *made) {
    free(made->rois.features);
    free(made->rois.boxes);
    free(made->rois.objectness);
    free(made->rois.image_ids);
    free(made->rois.labels);
    free(made->centres);
    balact_synth_layout_release(&made->layout);
}

START_TEST(labels_follow_the_iou_and_scores_beat_chance) {
    struct balact_lvis_synthetic_options o = small();
    struct made made = make_rois(&o);
    struct lvis_scene scene = {0};
    int64_t per = o.rois[BALACT_LVIS_VAL], foreground = 0, right = 0, background_right = 0;
    for (int64_t i = 0; i < made.layout.images; i++) {
        ck_assert(balact_synth_scene_make(&o, &made.layout, i, &scene));
        ck_assert(balact_synth_rois_make(&o, &made.layout, &scene, made.centres, &made.rois, i * per, NULL,
                                 NULL));
        for (int64_t r = i * per; r < (i + 1) * per; r++) {
            const float *a = made.rois.boxes + 4 * r;
            double best = 0;
            int32_t label = 0;
            for (int32_t k = 0; k < scene.objects; k++) {
                double b[4];
                for (int s = 0; s < 4; s++)
                    b[s] = 0.01 * scene.object[k].box[s];
                double w = fmin((double)a[0] + a[2], b[0] + b[2]) - fmax(a[0], b[0]);
                double h = fmin((double)a[1] + a[3], b[1] + b[3]) - fmax(a[1], b[1]);
                double both = w > 0 && h > 0 ? w * h : 0;
                double iou = both / ((double)a[2] * a[3] + b[2] * b[3] - both);
                if (iou > best) {
                    best = iou;
                    label = scene.object[k].category + 1;
                }
            }
            ck_assert_int_eq(made.rois.labels[r], best >= 0.5 ? label : 0);
        }
    }
    float *scores = malloc((size_t)made.rois.count * (LVIS_K + 1) * sizeof *scores);
    ck_assert_int_eq(balact_lvis_synthetic_scores(&o, BALACT_LVIS_PRIOR_VAL, made.rois.features,
                                                  made.rois.count, scores, &error),
                     BALACT_OK);
    for (int64_t r = 0; r < made.rois.count; r++) {
        const float *row = scores + r * (LVIS_K + 1);
        double sum = 0;
        int32_t best = LVIS_K;
        for (int32_t c = 0; c <= LVIS_K; c++) {
            sum += row[c];
            best = row[c] > row[best] ? c : best;
        }
        ck_assert_double_lt(fabs(sum - 1), 1e-5);
        int32_t label = made.rois.labels[r] ? made.rois.labels[r] - 1 : LVIS_K;
        foreground += label < LVIS_K;
        right += label < LVIS_K && best == label;
        background_right += label == LVIS_K && best == label;
    }
    ck_assert_double_gt((double)right / (double)foreground, 0.15);
    ck_assert_double_gt((double)background_right / (double)(made.rois.count - foreground), 0.7);
    /* the shares that the posterior takes for known */
    double expected = o.foreground * 0.956 + o.hard * 0.093;
    ck_assert_double_lt(fabs((double)foreground / (double)made.rois.count - expected), 0.03);
    free(scores);
    balact_synth_scene_release(&scene);
    free_rois(&made);
}
END_TEST

static const char *place(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return path;
}

static struct buffer member(const char *folder, const char *name) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return buffer_load(path);
}

START_TEST(written_alike_by_any_number_of_threads) {
#if defined(_OPENMP) && defined(BALACT_HAVE_ARCHIVE)
    static const char *const names[] = {"lvis_train.json", "lvis_val.json", "synthetic.json",
                                        "train_rois-00000-of-00001.npz",
                                        "val_rois-00000-of-00001.npz"};
    struct balact_lvis_synthetic_options o = small(), read;
    char first[1024], second[1024];
    int threads = omp_get_max_threads();
    snprintf(first, sizeof first, "%s", place("one"));
    snprintf(second, sizeof second, "%s", place("three"));
    omp_set_num_threads(1);
    ck_assert_int_eq(balact_lvis_synthetic_write(first, &o, BALACT_F16, false, &error), BALACT_OK);
    omp_set_num_threads(3);
    ck_assert_int_eq(balact_lvis_synthetic_write(second, &o, BALACT_F16, false, &error),
                     BALACT_OK);
    omp_set_num_threads(threads);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buffer a = member(first, names[i]), b = member(second, names[i]);
        ck_assert_int_eq(a.size, b.size);
        ck_assert_mem_eq(a.bytes, b.bytes, a.size);
        buffer_free(&a);
        buffer_free(&b);
    }
#ifdef BALACT_HAVE_JANSSON
    ck_assert_int_eq(balact_lvis_synthetic_options_load(first, &read, &error), BALACT_OK);
    ck_assert_mem_eq(&read, &o, sizeof o);
    struct buffer text = member(first, "lvis_val.json");
    json_t *root = json_loadb((const char *)text.bytes, text.size, 0, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_int_eq(json_array_size(json_object_get(root, "images")), 40);
    ck_assert_int_eq(json_array_size(json_object_get(root, "categories")), LVIS_K);
    json_t *annotations = json_object_get(root, "annotations");
    for (size_t i = 0; i < json_array_size(annotations); i++)
        ck_assert_int_eq(
            json_integer_value(json_object_get(json_array_get(annotations, i), "id")), i + 1);
    json_decref(root);
    buffer_free(&text);
#else
    (void)read;
#endif
    /* the shard reads back with the reader of .npy */
    struct balact_archive *archive;
    bool found;
    int members = 0;
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", first, names[4]);
    ck_assert_int_eq(balact_archive_open(&archive, path, &error), BALACT_OK);
    while (balact_archive_next(archive, &found, &error) == BALACT_OK && found) {
        struct balact_npy npy;
        void *data;
        ck_assert_int_eq(balact_npy_read_header(archive, &npy, &error), BALACT_OK);
        ck_assert_int_eq(balact_npy_read_data(archive, &npy, &data, &error), BALACT_OK);
        if (!strcmp(archive->member, "rle_offsets.npy"))
            ck_assert_int_eq(npy.shape[0], 40 * 64 + 1);
        else if (strcmp(archive->member, "rle_bytes.npy") != 0)
            ck_assert_int_eq(npy.shape[0], 40 * 64);
        free(data);
        members++;
    }
    balact_archive_close(archive);
    ck_assert_int_eq(members, 7);
#else
    (void)member;
    (void)place;
    TEST_SKIP("built without OpenMP or libarchive");
#endif
}
END_TEST

START_TEST(results_are_json) {
#ifdef BALACT_HAVE_JANSSON
    struct balact_lvis_synthetic_options o = small();
    int64_t count;
    char path[1024];
    snprintf(path, sizeof path, "%s", place("results.json"));
    ck_assert_int_eq(balact_lvis_synthetic_results(path, &o, 30, &count, &error), BALACT_OK);
    ck_assert_int_eq(count, 1200);
    json_t *root = json_load_file(path, 0, NULL);
    ck_assert_int_eq(json_array_size(root), 1200);
    for (size_t i = 0; i < 1200; i++) {
        json_t *one = json_array_get(root, i);
        double score = json_number_value(json_object_get(one, "score"));
        ck_assert(score > 0 && score < 1);
        ck_assert_ptr_nonnull(json_object_get(json_object_get(one, "segmentation"), "counts"));
    }
    json_decref(root);
#else
    (void)place;
    TEST_SKIP("built without jansson");
#endif
}
END_TEST

START_TEST(bad_options_are_named) {
    struct balact_lvis_synthetic_options o = {.foreground = 0.8, .hard = 0.5};
    ck_assert_int_eq(balact_lvis_synthetic_resolve(&o, &error), BALACT_ERROR_RANGE);
    ck_failed(error, BALACT_ERROR_RANGE, "foreground and hard");
    o = (struct balact_lvis_synthetic_options){.nearness = 1.5};
    ck_assert_int_eq(balact_lvis_synthetic_resolve(&o, &error), BALACT_ERROR_RANGE);
    ck_failed(error, BALACT_ERROR_RANGE, "nearness");
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("lvis_synthetic");
    TCase *counts = tcase_create("counts"), *scenes = tcase_create("scenes"),
          *files = tcase_create("files");
    tcase_add_test(counts, counts_have_the_real_shape);
    tcase_add_test(counts, counts_fit_the_real_ones);
    tcase_add_test(counts, layout_holds_every_count);
    tcase_add_test(scenes, objects_are_what_they_say);
    tcase_add_test(scenes, mask_of_a_square);
    tcase_add_test(scenes, labels_follow_the_iou_and_scores_beat_chance);
    tcase_add_test(files, written_alike_by_any_number_of_threads);
    tcase_add_test(files, results_are_json);
    tcase_add_test(files, bad_options_are_named);
    suite_add_tcase(suite, counts);
    suite_add_tcase(suite, scenes);
    suite_add_tcase(suite, files);
    return suite;
}
