/* SPDX-License-Identifier: MIT
 *
 * Run-length masks: worked by hand, and against results of the official mask code
 * (tests/golden/masks.txt, made by make_masks.py beside it).
 */
#include "balact/mask.h"

#include <math.h>

#include "tests/files.h"

static struct balact_error error;

static struct balact_mask mask_of(const uint32_t *counts, int64_t runs, int32_t height,
                                  int32_t width) {
    struct balact_mask mask = {0};
    ck_assert_int_eq(balact_mask_from_counts(&mask, counts, runs, height, width, &error),
                     BALACT_OK);
    return mask;
}
#define MASK(height, width, ...)                                                                   \
    mask_of((const uint32_t[]){__VA_ARGS__},                                                       \
            sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), height, width)

static void ck_runs(const struct balact_mask *mask, const uint32_t *counts, int64_t runs) {
    ck_assert_int_eq(mask->runs, runs);
    ck_assert_mem_eq(mask->counts, counts, (size_t)runs * sizeof *counts);
}
#define CK_RUNS(mask, ...)                                                                         \
    ck_runs(mask, (const uint32_t[]){__VA_ARGS__},                                                 \
            sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void ck_text(const struct balact_mask *mask, const char *wanted) {
    char *text = malloc(BALACT_MASK_TEXT_MAX(mask->runs));
    size_t length;
    balact_mask_to_text(mask, text, &length);
    ck_assert_str_eq(text, wanted);
    ck_assert_uint_eq(length, strlen(wanted));
    free(text);
}

/* ---- By hand ---- */

START_TEST(squares) {
    /* columns 1 and 2, rows 1 and 2 of 4 x 5: column-major, so 5 zeros, 2 ones, 2, 2, 9 */
    const double square[] = {1, 1, 1, 3, 3, 3, 3, 1};
    struct balact_mask mask = {0};
    double box[4];
    ck_assert_int_eq(balact_mask_from_polygon(&mask, square, 4, 4, 5, &error), BALACT_OK);
    CK_RUNS(&mask, 5, 2, 2, 2, 9);
    ck_assert_uint_eq(balact_mask_area(&mask), 4);
    balact_mask_box(&mask, box);
    ck_assert(box[0] == 1 && box[1] == 1 && box[2] == 2 && box[3] == 2);
    /* 5 and 2 as they are (digits 5 and 2), 2 as it is, then 2 - 2 = 0 and 9 - 2 = 7 */
    ck_text(&mask, "52207");
    balact_mask_release(&mask);
}
END_TEST

START_TEST(unions) {
    /* left two columns, upper row: 3 x 3 */
    struct balact_mask left = MASK(3, 3, 0, 6, 3), upper = MASK(3, 3, 0, 1, 2, 1, 2, 1, 2);
    struct balact_mask out = {0}, other = MASK(3, 4, 12);
    ck_assert_int_eq(balact_mask_merge(&out, &left, &upper, false, &error), BALACT_OK);
    CK_RUNS(&out, 0, 7, 2);
    ck_assert_int_eq(balact_mask_merge(&out, &left, &upper, true, &error), BALACT_OK);
    CK_RUNS(&out, 0, 1, 2, 1, 5);
    ck_assert(balact_mask_iou(&left, &upper, false) == 2.0 / 7);
    ck_assert(balact_mask_iou(&upper, &left, true) == 2.0 / 3);
    ck_assert_int_eq(balact_mask_merge(&out, &left, &other, false, &error),
                     BALACT_ERROR_ARGUMENT);
    ck_failed(error, BALACT_ERROR_ARGUMENT, "3 x 3 and 4 x 3");
    ck_assert(balact_mask_iou(&left, &other, false) == 0); /* an empty one has no box to meet */
    struct balact_mask full = MASK(3, 4, 0, 12);
    ck_assert(balact_mask_iou(&left, &full, false) == -1);
    balact_mask_release(&left);
    balact_mask_release(&upper);
    balact_mask_release(&other);
    balact_mask_release(&full);
    balact_mask_release(&out);
}
END_TEST

START_TEST(boxes) {
    const double a[] = {0, 0, 2, 2}, b[] = {1, 1, 2, 2}, beside[] = {2, 0, 2, 2};
    ck_assert(balact_box_iou(a, b, false) == 1.0 / 7);
    ck_assert(balact_box_iou(a, b, true) == 1.0 / 4);
    ck_assert(balact_box_iou(a, a, false) == 1);
    ck_assert(balact_box_iou(a, beside, false) == 0);
}
END_TEST

START_TEST(nothing_and_no_pixels) {
    struct balact_mask mask = {0};
    double box[4] = {9, 9, 9, 9};
    ck_assert_int_eq(balact_mask_from_polygons(&mask, NULL, NULL, 0, 3, 4, &error), BALACT_OK);
    CK_RUNS(&mask, 12);
    balact_mask_box(&mask, box);
    ck_assert(box[0] == 0 && box[1] == 0 && box[2] == 0 && box[3] == 0);
    ck_assert_int_eq(balact_mask_from_text(&mask, "", 0, 0, 7, &error), BALACT_OK);
    ck_assert_int_eq(mask.runs, 0);
    ck_assert(balact_mask_iou(&mask, &mask, false) == 0);
    balact_mask_release(&mask);
}
END_TEST

/* ---- Refusals ---- */

static void refuse_text(const char *text, balact_status status, const char *why, int64_t place) {
    struct balact_mask mask = {0};
    memset(&error, 0, sizeof error);
    ck_assert_msg(balact_mask_from_text(&mask, text, strlen(text), 4, 5, &error) != BALACT_OK,
                  "accepted '%s'", text);
    ck_failed(error, status, why);
    if (place >= 0)
        ck_assert_int_eq(error.byte, place);
    balact_mask_release(&mask);
}

START_TEST(refuses_text) {
    refuse_text("52206", BALACT_ERROR_RANGE, "make 19 pixels, the image of 5 x 4 has 20", -1);
    refuse_text("52208", BALACT_ERROR_RANGE, "make 21 pixels", -1);
    refuse_text("", BALACT_ERROR_RANGE, "make 0 pixels", -1);
    refuse_text("52 07", BALACT_ERROR_FORMAT, "no digit at character 2", 2);
    refuse_text("522p", BALACT_ERROR_FORMAT, "no digit", 3);
    refuse_text("52P", BALACT_ERROR_FORMAT, "breaks off at character 2", 2);
    refuse_text("5oooooooo0", BALACT_ERROR_FORMAT, "too long at character 1", 1);
    refuse_text("5O", BALACT_ERROR_RANGE, "impossible length", 1); /* -1 */
    refuse_text("5UUUUUUU0", BALACT_ERROR_FORMAT, "too long", 1);
    refuse_text("PPPPPP2", BALACT_ERROR_RANGE, "impossible length", 0); /* 2^31 */
}
END_TEST

START_TEST(refuses_runs_and_polygons) {
    const uint32_t counts[] = {5, 4294967295, 16};
    const double far_away[] = {0, 0, 1, 1, 2, 3e8}, nan_there[] = {0, 0, NAN, 1, 2, 3};
    struct balact_mask mask = {0};
    ck_assert_int_ne(balact_mask_from_counts(&mask, counts, 3, 4, 5, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_RANGE, "make 4294967316 pixels");
    ck_assert_int_ne(balact_mask_from_counts(&mask, counts, 3, 40000, 50000, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_RANGE, "a mask of 50000 x 40000 pixels");
    ck_assert_int_ne(balact_mask_from_counts(&mask, counts, 3, -1, -1, &error), BALACT_OK);
    ck_assert_int_ne(balact_mask_from_polygon(&mask, far_away, 3, 4, 5, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_RANGE, "coordinate 5 is 3e+08");
    ck_assert_int_ne(balact_mask_from_polygon(&mask, nan_there, 3, 4, 5, &error), BALACT_OK);
    ck_failed(error, BALACT_ERROR_RANGE, "coordinate 2 is nan");
    balact_mask_release(&mask);
}
END_TEST

/* ---- Golden ---- */

enum { MASKS_MAX = 400, WORDS_MAX = 1 << 12 };

static struct balact_mask golden[MASKS_MAX];
static int golden_count;

/* Cuts a line into words; returns how many. */
static int cut(char *line, char **word) {
    int n = 0;
    for (char *at = strtok(line, " \n"); at; at = strtok(NULL, " \n")) {
        ck_assert_int_lt(n, WORDS_MAX);
        word[n++] = at;
    }
    return n;
}

static void take_polygons(struct balact_mask *mask, char ***word, int32_t height, int32_t width) {
    static double vertex[WORDS_MAX];
    int64_t start[16] = {0}, polygons = strtol(*(*word)++, NULL, 10);
    ck_assert_int_lt(polygons, 16);
    for (int64_t p = 0; p < polygons; p++) {
        int64_t points = strtol(*(*word)++, NULL, 10);
        start[p + 1] = start[p] + 2 * points;
        for (int64_t i = start[p]; i < start[p + 1]; i++)
            vertex[i] = strtod(*(*word)++, NULL);
    }
    ck_assert_int_eq(
        balact_mask_from_polygons(mask, vertex, start, polygons, height, width, &error), BALACT_OK);
}

static void take_runs(struct balact_mask *mask, char ***word, int32_t height, int32_t width) {
    uint32_t counts[64];
    int64_t runs = strtol(*(*word)++, NULL, 10);
    ck_assert_int_lt(runs, 64);
    for (int64_t i = 0; i < runs; i++)
        counts[i] = (uint32_t)strtoul(*(*word)++, NULL, 10);
    ck_assert_int_eq(balact_mask_from_counts(mask, counts, runs, height, width, &error),
                     BALACT_OK);
}

static void check_mask(char **word) {
    struct balact_mask *mask = &golden[golden_count++], read = {0};
    bool polygons = word[0][0] == 'm';
    int32_t height = (int32_t)strtol(word[1], NULL, 10), width = (int32_t)strtol(word[2], NULL, 10);
    double box[4];
    ck_assert_int_le(golden_count, MASKS_MAX);
    word += 3;
    if (polygons)
        take_polygons(mask, &word, height, width);
    else
        take_runs(mask, &word, height, width);
    ck_text(mask, word[0]);
    ck_assert_int_eq(
        balact_mask_from_text(&read, word[0], strlen(word[0]), height, width, &error), BALACT_OK);
    ck_runs(&read, mask->counts, mask->runs);
    balact_mask_release(&read);
    ck_assert_uint_eq(balact_mask_area(mask), strtoul(word[1], NULL, 10));
    balact_mask_box(mask, box);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(box[i], strtod(word[2 + i], NULL));
}

static void check_pair(char **word) {
    long i = strtol(word[1], NULL, 10), j = strtol(word[2], NULL, 10);
    struct balact_mask out = {0};
    ck_assert(i < golden_count && j < golden_count);
    ck_assert_double_eq(balact_mask_iou(&golden[i], &golden[j], false), strtod(word[3], NULL));
    ck_assert_double_eq(balact_mask_iou(&golden[i], &golden[j], true), strtod(word[4], NULL));
    for (int both = 0; both <= 1; both++) {
        ck_assert_int_eq(balact_mask_merge(&out, &golden[i], &golden[j], both, &error), BALACT_OK);
        ck_text(&out, word[5 + both]);
    }
    balact_mask_release(&out);
}

START_TEST(equals_the_official_code) {
    static char line[1 << 16];
    static char *word[WORDS_MAX];
    int pairs = 0;
    FILE *file = fopen("tests/golden/masks.txt", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        ck_assert_int_gt(cut(line, word), 4);
        if (!strcmp(word[0], "pair")) {
            check_pair(word);
            pairs++;
        } else {
            check_mask(word);
        }
    }
    fclose(file);
    ck_assert_int_eq(golden_count, 92);
    ck_assert_int_eq(pairs, 150);
    for (int i = 0; i < golden_count; i++)
        balact_mask_release(&golden[i]);
    golden_count = 0;
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("mask", squares, unions, boxes, nothing_and_no_pixels, refuses_text,
                      refuses_runs_and_polygons, equals_the_official_code);
}
