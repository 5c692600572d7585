/* SPDX-License-Identifier: MIT
 *
 * datasets/lvis*: annotations as they come into memory, counts, repeat factors, and refusals.
 */
#include "balact/lvis.h"

#include <math.h>

#include "datasets/archive.h"
#include "datasets/lvis_part.h"
#include "tests/files.h"

static struct balact_error error;

#ifdef BALACT_HAVE_SIMDJSON
#define NEEDS_SIMDJSON (void)0
#else
#define NEEDS_SIMDJSON TEST_SKIP("built without simdjson")
#endif

static void load(const char *path, struct balact_lvis *lvis) {
    memset(&error, 0, sizeof error);
    ck_assert_msg(balact_lvis_load(path, NULL, lvis, &error) == BALACT_OK, "%s", error.message);
}

static void check_lists(const struct balact_lvis *lvis) {
    /* images 10, 20, 30; categories 2, 5, 7, 9 */
    static const int64_t negative_start[] = {0, 0, 1, 3}, not_exhaustive_start[] = {0, 2, 3, 3};
    static const int32_t negative[] = {1, 0, 2}, not_exhaustive[] = {1, 3, 0};
    ck_assert_mem_eq(lvis->negative_start, negative_start, sizeof negative_start);
    ck_assert_mem_eq(lvis->negative, negative, sizeof negative);
    ck_assert_mem_eq(lvis->not_exhaustive_start, not_exhaustive_start, sizeof not_exhaustive_start);
    ck_assert_mem_eq(lvis->not_exhaustive, not_exhaustive, sizeof not_exhaustive);
}

static void check_small(const struct balact_lvis *lvis) {
    static const int64_t category_id[] = {2, 5, 7, 9}, category_images[] = {3, 40, -1, 150};
    static const char *const names[] = {"acorn", "caf\xC3\xA9", "drum", "zebra"};
    static const enum balact_lvis_frequency frequency[] = {BALACT_LVIS_RARE, BALACT_LVIS_COMMON,
                                                           BALACT_LVIS_RARE, BALACT_LVIS_FREQUENT};
    static const int64_t image_id[] = {10, 20, 30};
    static const int32_t width[] = {640, 100, 4}, height[] = {480, 50, 3};
    ck_assert_int_eq(lvis->categories, 4);
    ck_assert_int_eq(lvis->images, 3);
    for (int c = 0; c < 4; c++) {
        ck_assert_int_eq(lvis->category[c].id, category_id[c]);
        ck_assert_int_eq(lvis->category[c].frequency, frequency[c]);
        ck_assert_int_eq(lvis->category[c].image_count, category_images[c]);
        ck_assert_str_eq(lvis->text + lvis->category[c].name, names[c]);
        ck_assert_int_eq(balact_lvis_category_index(lvis, category_id[c]), c);
        ck_assert_int_eq(balact_lvis_category_index(lvis, category_id[c] + 1), -1);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(lvis->image[i].id, image_id[i]);
        ck_assert_int_eq(lvis->image[i].width, width[i]);
        ck_assert_int_eq(lvis->image[i].height, height[i]);
        ck_assert_int_eq(balact_lvis_image_index(lvis, image_id[i]), i);
    }
    ck_assert_int_eq(balact_lvis_image_index(lvis, 0), -1);
    ck_assert_int_eq(balact_lvis_image_index(lvis, 31), -1);
    check_lists(lvis);
}

static void check_annotations(const struct balact_lvis *lvis, bool segments) {
    static const int64_t id[] = {1, 2, 9007199254740993, 4, 3};
    static const int32_t image[] = {0, 2, 2, 0, 0}, category[] = {3, 1, 3, 3, 0};
    static const double area[] = {12.5, 3, 7, 0.1, 1}, box[] = {1, 2, 3.5, 4.25};
    static const int kind[] = {BALACT_LVIS_POLYGONS, BALACT_LVIS_RLE, BALACT_LVIS_RLE,
                               BALACT_LVIS_NO_SEGMENT, BALACT_LVIS_POLYGONS};
    static const int64_t start[] = {0, 6, 14, 20};
    static const double vertex[] = {1.5, 2,  3.25, 4,  5, 6.75, 0, 0, 10, 0,
                                    10,  10, 0,    10, 0, 0,    1, 0, 1,  1};
    static const uint32_t counts[] = {3, 4, 5, 0, 7, 5};
    ck_assert_int_eq(lvis->annotations, 5);
    for (int a = 0; a < 5; a++) {
        ck_assert_int_eq(lvis->annotation[a].id, id[a]);
        ck_assert_int_eq(lvis->annotation[a].image, image[a]);
        ck_assert_int_eq(lvis->annotation[a].category, category[a]);
        ck_assert_int_eq(lvis->annotation[a].ignore, a == 2);
        ck_assert(lvis->annotation[a].area == area[a]);
        ck_assert_int_eq(lvis->annotation[a].kind, segments ? kind[a] : BALACT_LVIS_NO_SEGMENT);
    }
    ck_assert_mem_eq(lvis->annotation[0].box, box, sizeof box);
    ck_assert_int_eq(lvis->polygons, segments ? 3 : 0);
    if (!segments)
        return;
    ck_assert_mem_eq(lvis->polygon_start, start, sizeof start);
    ck_assert_mem_eq(lvis->vertex, vertex, sizeof vertex);
    ck_assert_mem_eq(lvis->counts, counts, sizeof counts);
    ck_assert_int_eq(lvis->annotation[0].first, 0);
    ck_assert_int_eq(lvis->annotation[0].count, 2);
    ck_assert_int_eq(lvis->annotation[4].first, 2);
    ck_assert_int_eq(lvis->annotation[4].count, 1);
    ck_assert_int_eq(lvis->annotation[1].first, 0);
    ck_assert_int_eq(lvis->annotation[1].count, 3);
    ck_assert_int_eq(lvis->annotation[2].first, 3);
    ck_assert_int_eq(lvis->annotation[2].count, 3);
}

START_TEST(reads_both_versions) {
    NEEDS_SIMDJSON;
    struct balact_lvis lvis;
    load("tests/data/ok_lvis_small.json", &lvis);
    check_small(&lvis);
    check_annotations(&lvis, true);
    ck_assert_str_eq(lvis.text + lvis.image[0].file, "train2017/000000000010.jpg");
    ck_assert_str_eq(lvis.text + lvis.image[1].file, "");
    ck_assert_str_eq(lvis.text + lvis.image[2].file, "val2017/000000000030.jpg");
    ck_assert_str_eq(lvis.source.sha256, "");
    balact_lvis_release(&lvis);
    ck_assert_ptr_null(lvis.annotation);
    load("tests/data/ok_lvis_v0_5.json", &lvis);
    check_small(&lvis);
    check_annotations(&lvis, true);
    ck_assert_str_eq(lvis.text + lvis.image[0].file, "COCO_train2014_000000000010.jpg");
    balact_lvis_release(&lvis);
}
END_TEST

START_TEST(leaves_masks_out) {
    NEEDS_SIMDJSON;
    struct balact_lvis lvis;
    struct balact_lvis_load_options options = {.skip_segments = true, .sha256 = true};
    ck_assert_int_eq(balact_lvis_load("tests/data/ok_lvis_small.json", &options, &lvis, &error),
                     BALACT_OK);
    check_small(&lvis);
    check_annotations(&lvis, false);
#ifdef BALACT_HAVE_CRYPTO
    char hex[65];
    int64_t bytes;
    ck_assert_int_eq(balact_sha256_file("tests/data/ok_lvis_small.json", hex, &bytes, &error),
                     BALACT_OK);
    ck_assert_str_eq(lvis.source.sha256, hex);
    ck_assert_int_eq(lvis.source.bytes, bytes);
#endif
    balact_lvis_release(&lvis);
}
END_TEST

/* However the JSON is cut, and by however many threads it is read. */
START_TEST(cuts_do_not_matter) {
    NEEDS_SIMDJSON;
    for (int threads = 1; threads <= 3; threads++)
        for (size_t window = 1; window < 4000; window = 3 * window + 1) {
            struct balact_json_options cut = {window, threads};
            struct balact_archive *archive;
            struct balact_lvis lvis;
            ck_assert_int_eq(balact_json_open("tests/data/ok_lvis_small.json", &archive, &error),
                             BALACT_OK);
            ck_assert_msg(balact_lvis_load_cut(archive, NULL, &cut, &lvis, &error) == BALACT_OK,
                          "%s", error.message);
            check_small(&lvis);
            check_annotations(&lvis, true);
            balact_lvis_release(&lvis);
            balact_archive_close(archive);
        }
}
END_TEST

static const struct {
    const char *name;
    balact_status status;
    const char *text;
} bad[] = {
    {"coco", BALACT_ERROR_FORMAT, "images[0]: no neg_category_ids; is it a COCO file?"},
    {"image_id", BALACT_ERROR_RANGE, "annotations[3].image_id: no image has the id 11"},
    {"category_id", BALACT_ERROR_RANGE, "annotations[1].category_id: no category has the id 6"},
    {"negative_id", BALACT_ERROR_RANGE, "images[2].neg_category_ids: no category has the id 6"},
    {"twice_image", BALACT_ERROR_RANGE, "images[2].id: 30 is that of images[0] already"},
    {"twice_category", BALACT_ERROR_RANGE, "categories[3].id: 2 is that of categories[1]"},
    {"twice_annotation", BALACT_ERROR_RANGE, "annotations[4].id: 1 is that of annotations[0]"},
    {"size", BALACT_ERROR_RANGE, "images[1].width: 0 pixels"},
    {"box", BALACT_ERROR_RANGE, "annotations[2].bbox: -1 x 2 pixels"},
    {"box_three", BALACT_ERROR_FORMAT, "annotations[2].bbox: wants x, y, width, height"},
    {"area", BALACT_ERROR_RANGE, "annotations[0].area: -0.5 is negative"},
    {"area_text", BALACT_ERROR_FORMAT, "annotations[0].area: wants a number, not a string"},
    {"nan", BALACT_ERROR_FORMAT, "annotations[3]: NaN is no JSON number"},
    {"odd_polygon", BALACT_ERROR_RANGE, "annotations[0].segmentation: a polygon of 7 numbers"},
    {"short_polygon", BALACT_ERROR_RANGE, "annotations[0].segmentation: a polygon of 4 numbers"},
    {"no_polygon", BALACT_ERROR_RANGE, "annotations[0].segmentation: no polygons"},
    {"runs", BALACT_ERROR_RANGE, "annotations[2].segmentation.counts: "},
    {"runs_text", BALACT_ERROR_RANGE, "annotations[1].segmentation.counts: "},
    {"rle_size", BALACT_ERROR_RANGE, "annotations[1].segmentation.size: 4 x 3, but the image"},
    {"frequency", BALACT_ERROR_FORMAT, "categories[2].frequency: wants \"r\""},
    {"fraction_id", BALACT_ERROR_FORMAT, "annotations[2].id: wants a whole number, not a number"},
    {"no_box", BALACT_ERROR_FORMAT, "annotations[2]: no bbox"},
    {"no_images", BALACT_ERROR_FORMAT, "no member \"images\""},
    {"not_array", BALACT_ERROR_FORMAT, "categories: wants an array"},
    {"results", BALACT_ERROR_FORMAT, "an array, as detections are"},
    {"cut_off", BALACT_ERROR_FORMAT, "too early; is the file truncated?"},
    {"twice_member", BALACT_ERROR_FORMAT, "a second member \"images\""},
};

START_TEST(refuses_bad_files) {
    NEEDS_SIMDJSON;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[128], begin[160];
        struct balact_lvis lvis;
        snprintf(path, sizeof path, "tests/data/bad_lvis_%s.json", bad[i].name);
        snprintf(begin, sizeof begin, "%s: ", path);
        memset(&error, 0, sizeof error);
        ck_assert_msg(balact_lvis_load(path, NULL, &lvis, &error) != BALACT_OK, "accepted: %s",
                      path);
        ck_failed(error, bad[i].status, bad[i].text);
        ck_assert_msg(!strncmp(error.message, begin, strlen(begin)), "%s", error.message);
        ck_assert(lvis.name == NULL && lvis.annotation == NULL && lvis.images == 0);
    }
}
END_TEST

START_TEST(counts_and_factors) {
    NEEDS_SIMDJSON;
    static const int64_t images[] = {1, 1, 0, 2}, instances[] = {1, 1, 0, 3};
    struct balact_lvis lvis;
    struct balact_lvis_counts counts;
    double category[4], image[3];
    load("tests/data/ok_lvis_small.json", &lvis);
    ck_assert_int_eq(balact_lvis_count(&lvis, &counts, &error), BALACT_OK);
    ck_assert_int_eq(counts.categories, 4);
    ck_assert_int_eq(counts.images, 3);
    ck_assert_int_eq(counts.images_annotated, 2);
    ck_assert_mem_eq(counts.image_count, images, sizeof images);
    ck_assert_mem_eq(counts.instance_count, instances, sizeof instances);
    balact_lvis_counts_release(&counts);
    ck_assert_int_eq(balact_lvis_repeat_factors(&lvis, 0.5, category, image, &error), BALACT_OK);
    double rare = sqrt(0.5 / (1.0 / 3.0));
    ck_assert(category[0] == rare && category[1] == rare);
    ck_assert(category[2] == 1 && category[3] == 1); /* held by no image; by two of three */
    ck_assert(image[0] == rare && image[1] == 1 && image[2] == rare);
    ck_assert_int_eq(balact_lvis_repeat_factors(&lvis, 0.001, NULL, image, &error), BALACT_OK);
    ck_assert(image[0] == 1 && image[1] == 1 && image[2] == 1);
    ck_assert_int_eq(balact_lvis_repeat_factors(&lvis, 0, NULL, NULL, &error),
                     BALACT_ERROR_ARGUMENT);
    ck_assert_int_eq(balact_lvis_repeat_factors(&lvis, NAN, NULL, NULL, &error),
                     BALACT_ERROR_ARGUMENT);
    balact_lvis_release(&lvis);
}
END_TEST

START_TEST(reads_nothing_at_all) {
    NEEDS_SIMDJSON;
    static const char text[] = "{\"images\":[],\"annotations\":[],\"categories\":[]}";
    struct balact_lvis lvis;
    struct balact_lvis_counts counts;
    load(test_write("empty.json", text, sizeof text - 1), &lvis);
    ck_assert(lvis.images == 0 && lvis.annotations == 0 && lvis.categories == 0);
    ck_assert_int_eq(lvis.negative_start[0], 0);
    ck_assert_int_eq(lvis.polygon_start[0], 0);
    ck_assert_int_eq(balact_lvis_count(&lvis, &counts, &error), BALACT_OK);
    balact_lvis_counts_release(&counts);
    ck_assert_int_eq(balact_lvis_repeat_factors(&lvis, 0.001, NULL, NULL, &error), BALACT_OK);
    balact_lvis_release(&lvis);
    balact_lvis_release(&lvis);
}
END_TEST

/* Plain, .gz and .zip hold the same annotations. */
START_TEST(reads_compressed_files) {
    NEEDS_SIMDJSON;
#ifndef BALACT_HAVE_ARCHIVE
    TEST_SKIP("built without libarchive");
#endif
    struct buffer json = buffer_load("tests/data/ok_lvis_small.json");
    struct buffer gzip = gzip_make(json.bytes, json.size), file;
    struct zip zip = {0};
    struct balact_lvis lvis;
    load(test_write("lvis_v1_val.json.gz", gzip.bytes, gzip.size), &lvis);
    check_small(&lvis);
    check_annotations(&lvis, true);
    balact_lvis_release(&lvis);
    /* The first member that ends with .json is it. */
    zip_add(&zip, "readme.txt", "x", 1);
    zip_add(&zip, "lvis_v1_val.json", json.bytes, json.size);
    file = zip_end(&zip);
    load(test_write("lvis_v1_val.json.zip", file.bytes, file.size), &lvis);
    check_small(&lvis);
    check_annotations(&lvis, true);
    ck_assert_msg(strstr(lvis.name, "zip:lvis_v1_val.json") != NULL, "%s", lvis.name);
    balact_lvis_release(&lvis);
    /* Cut short, each is refused. */
    const char *path = test_write("cut.json.gz", gzip.bytes, gzip.size - 100);
    ck_assert(balact_lvis_load(path, NULL, &lvis, &error) != BALACT_OK);
    ck_assert_msg(strstr(error.message, "cut.json.gz: ") != NULL, "%s", error.message);
    path = test_write("cut.json.zip", file.bytes, file.size / 2);
    ck_assert(balact_lvis_load(path, NULL, &lvis, &error) != BALACT_OK);
    ck_assert_msg(strstr(error.message, "cut.json.zip") != NULL, "%s", error.message);
    buffer_free(&file);
    zip_add(&zip, "readme.txt", "x", 1);
    file = zip_end(&zip);
    path = test_write("none.zip", file.bytes, file.size);
    ck_assert(balact_lvis_load(path, NULL, &lvis, &error) != BALACT_OK);
    ck_failed(error, BALACT_ERROR_FORMAT, "holds no file whose name ends with .json");
    buffer_free(&file);
    buffer_free(&gzip);
    buffer_free(&json);
}
END_TEST

/* Files of the official evaluation, whose sums were taken by another program. */
START_TEST(reads_the_real_ones) {
    NEEDS_SIMDJSON;
    static const struct {
        const char *name;
        int64_t images, annotations, polygons, vertices, negatives, not_exhaustives;
        int32_t categories;
        double sum;
    } files[] = {{"lvis_golden/real100_gt.json.gz", 100, 977, 1135, 66494, 942, 16, 1230, 0},
                 {"lvis_golden/s200_gt.json.gz", 200, 2486, 2738, 58220, 2480, 207, 1203, 0}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = test_data(files[i].name);
        struct balact_lvis lvis;
        if (!path)
            TEST_SKIP("no data");
        load(path, &lvis);
        ck_assert_int_eq(lvis.images, files[i].images);
        ck_assert_int_eq(lvis.categories, files[i].categories);
        ck_assert_int_eq(lvis.annotations, files[i].annotations);
        ck_assert_int_eq(lvis.polygons, files[i].polygons);
        ck_assert_int_eq(lvis.polygon_start[lvis.polygons], files[i].vertices);
        ck_assert_int_eq(lvis.negative_start[lvis.images], files[i].negatives);
        ck_assert_int_eq(lvis.not_exhaustive_start[lvis.images], files[i].not_exhaustives);
        balact_lvis_release(&lvis);
    }
}
END_TEST

START_TEST(says_what_is_missing) {
    struct balact_lvis lvis;
    ck_assert_int_eq(balact_lvis_load("/nonexistent", NULL, &lvis, &error), BALACT_ERROR_IO);
    ck_failed(error, BALACT_ERROR_IO, "/nonexistent: cannot open");
    ck_assert_str_eq(balact_lvis_frequency_name(BALACT_LVIS_COMMON), "common");
#ifndef BALACT_HAVE_SIMDJSON
    ck_assert_int_eq(balact_lvis_load("tests/data/ok_lvis_small.json", NULL, &lvis, &error),
                     BALACT_ERROR_UNSUPPORTED);
    ck_failed(error, BALACT_ERROR_UNSUPPORTED, "simdjson");
#endif
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("lvis", reads_both_versions, leaves_masks_out, cuts_do_not_matter,
                      refuses_bad_files, counts_and_factors, reads_nothing_at_all,
                      reads_compressed_files, reads_the_real_ones, says_what_is_missing);
}
