/* SPDX-License-Identifier: MIT
 *
 * Shards of RoIs: what is read, in which order, kept or read again, and what is refused.
 */
#include <math.h>
#include <sys/stat.h>

#include "datasets/rois.h"
#include "tests/files.h"

#ifdef BALACT_HAVE_ARCHIVE

enum { DIM = 2 };

/* What goes wrong with a shard; FINE: nothing. */
enum fault {
    FINE,
    NO_LABELS,
    LABELS_TOO_SHORT,
    LABELS_WIDE,
    BOXES_OF_THREE,
    NEGATIVE_LABEL,
    NEGATIVE_WIDTH,
    NAN_FEATURE,
    NAN_BOX,
    IMAGES_APART,
    BAD_OBJECTNESS,
    OFFSETS_FALL,
    OFFSETS_WITHOUT_BYTES,
    BAD_RLE
};

static void add_array(struct zip *zip, const char *name, const char *descr, const char *shape,
                      const void *data, size_t size) {
    struct buffer npy = npy_make(descr, shape, data, size);
    zip_add(zip, name, npy.bytes, npy.size);
    buffer_free(&npy);
}

/* A shard of 4 rows of images base, base, base + 1, base + 2. */
static struct buffer make_shard(int64_t base, enum fault fault) {
    struct zip zip = {0};
    float features[4 * DIM], boxes[16], objectness[4] = {0.5f, 1, 0, 0.25f};
    int64_t ids[4] = {base, base, base + 1, base + 2}, offsets[5] = {0, 2, 2, 5, 6};
    int32_t labels[4] = {0, 3, 1, 0};
    char rle[6] = {'0', '1', 'a', '\\', 'b', '5'};
    for (int i = 0; i < 4 * DIM; i++)
        features[i] = (float)(base * 10 + i);
    for (int i = 0; i < 16; i++)
        boxes[i] = (float)i + 0.5f;
    labels[2] = fault == NEGATIVE_LABEL ? -1 : 1;
    boxes[4 * 3 + 2] = fault == NEGATIVE_WIDTH ? -1 : 3;
    features[5] = fault == NAN_FEATURE ? NAN : features[5];
    boxes[9] = fault == NAN_BOX ? NAN : boxes[9];
    ids[3] = fault == IMAGES_APART ? base : ids[3];
    objectness[1] = fault == BAD_OBJECTNESS ? 1.5f : 1;
    offsets[3] = fault == OFFSETS_FALL ? 1 : 5;
    rle[4] = fault == BAD_RLE ? '"' : 'b';
    add_array(&zip, "features.npy", "<f4", "(4, 2)", features, sizeof features);
    add_array(&zip, "boxes.npy", "<f4", fault == BOXES_OF_THREE ? "(4, 3)" : "(4, 4)", boxes,
              fault == BOXES_OF_THREE ? 48 : sizeof boxes);
    add_array(&zip, "image_ids.npy", "<i8", "(4,)", ids, sizeof ids);
    if (fault == LABELS_WIDE)
        add_array(&zip, "labels.npy", "<i8", "(4,)", ids, sizeof ids);
    else if (fault != NO_LABELS)
        add_array(&zip, "labels.npy", "<i4", fault == LABELS_TOO_SHORT ? "(3,)" : "(4,)", labels,
                  fault == LABELS_TOO_SHORT ? 12 : sizeof labels);
    add_array(&zip, "objectness.npy", "<f4", "(4,)", objectness, sizeof objectness);
    add_array(&zip, "rle_offsets.npy", "<i8", "(5,)", offsets, sizeof offsets);
    if (fault != OFFSETS_WITHOUT_BYTES)
        add_array(&zip, "rle_bytes.npy", "|u1", "(6,)", rle, sizeof rle);
    return zip_end(&zip);
}

static const char *begin_folder(const char *name) {
    static char folder[600];
    snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
    mkdir(folder, 0777);
    return folder;
}

static void put_shard(const char *folder, const char *split, int index, int total, int64_t base,
                      enum fault fault) {
    char name[128];
    struct buffer shard = make_shard(base, fault);
    snprintf(name, sizeof name, "%s/%s_rois-%05d-of-%05d.npz", folder, split, index, total);
    test_write(name, shard.bytes, shard.size);
    buffer_free(&shard);
}

/* One pass: the first image of each shard. */
static int pass(struct balact_rois_stream *stream, int64_t *first, struct balact_error *error) {
    const struct balact_rois *rois;
    int count = 0;
    while (balact_rois_stream_next(stream, &rois, error) == BALACT_OK && rois)
        first[count++] = rois->image_ids[0];
    return count;
}

START_TEST(shard_is_what_was_written) {
    struct balact_rois_stream *stream;
    const struct balact_rois *rois;
    struct balact_error error = {0};
    float features[2];
    const char *folder = begin_folder("one");
    put_shard("one", "val", 0, 1, 7, FINE);
    ck_assert(balact_rois_stream_open(&stream, folder, "val", 0, &error) == BALACT_OK);
    ck_assert_msg(balact_rois_stream_next(stream, &rois, &error) == BALACT_OK, "%s",
                  error.message);
    ck_assert_ptr_nonnull(rois);
    ck_assert_int_eq(rois->rows, 4);
    ck_assert_int_eq(rois->dim, 2);
    ck_assert_int_eq(rois->images, 3);
    ck_assert_int_eq(rois->image_ids[1], 8);
    ck_assert_int_eq(rois->image_start[1], 2);
    ck_assert_int_eq(rois->image_start[3], 4);
    ck_assert_int_eq(rois->labels[1], 3);
    ck_assert(rois->objectness[3] == 0.25f);
    ck_assert_int_eq(rois->rle_start[3], 5);
    ck_assert_int_eq(rois->rle[3], '\\');
    balact_rois_features(rois, 2, 1, features);
    ck_assert(features[0] == 74 && features[1] == 75);
    balact_rois_stream_close(stream);
}
END_TEST

START_TEST(half_features_widen) {
    struct balact_rois_stream *stream;
    const struct balact_rois *rois;
    struct zip zip = {0};
    const uint16_t half[2] = {0x3C00, 0xC500}; /* 1, -5 */
    const float box[4] = {1, 2, 3, 4};
    const int64_t id = 1;
    const int32_t label = 2;
    float wide[2];
    const char *folder = begin_folder("half");
    add_array(&zip, "features.npy", "<f2", "(1, 2)", half, sizeof half);
    add_array(&zip, "boxes.npy", "<f4", "(1, 4)", box, sizeof box);
    add_array(&zip, "image_ids.npy", "<i8", "(1,)", &id, sizeof id);
    add_array(&zip, "labels.npy", "<i4", "(1,)", &label, sizeof label);
    add_array(&zip, "own.npy", "<i4", "(1,)", &label, sizeof label); /* somebody's own */
    struct buffer shard = zip_end(&zip);
    test_write("half/train_rois-00000-of-00001.npz", shard.bytes, shard.size);
    buffer_free(&shard);
    ck_assert(balact_rois_stream_open(&stream, folder, "train", 0, NULL) == BALACT_OK);
    ck_assert(balact_rois_stream_next(stream, &rois, NULL) == BALACT_OK && rois);
    balact_rois_features(rois, 0, 1, wide);
    ck_assert(wide[0] == 1 && wide[1] == -5);
    ck_assert_ptr_null(rois->objectness);
    ck_assert_ptr_null(rois->rle);
    balact_rois_stream_close(stream);
}
END_TEST

/* Kept or read again, every pass is the same; a rewind begins one. */
START_TEST(passes_are_alike) {
    const int64_t budgets[] = {0, 300, 1 << 20}; /* none, one shard, all */
    const char *folder = begin_folder("three");
    for (int i = 0; i < 3; i++) {
        put_shard("three", "train", i, 3, 100 * i, FINE);
        put_shard("three", "val", i, 3, 1, FINE);
    }
    for (size_t b = 0; b < 3; b++) {
        struct balact_rois_stream *stream;
        const struct balact_rois *rois;
        struct balact_error error = {0};
        ck_assert(balact_rois_stream_open(&stream, folder, "train", budgets[b], &error) ==
                  BALACT_OK);
        for (int repeat = 0; repeat < 3; repeat++) {
            int64_t first[8];
            ck_assert_msg(pass(stream, first, &error) == 3, "%s", error.message);
            for (int i = 0; i < 3; i++)
                ck_assert_int_eq(first[i], 100 * i);
        }
        ck_assert_int_eq(balact_rois_stream_in_memory(stream), b == 2);
        ck_assert(balact_rois_stream_next(stream, &rois, &error) == BALACT_OK);
        balact_rois_stream_rewind(stream);
        ck_assert(balact_rois_stream_next(stream, &rois, &error) == BALACT_OK);
        ck_assert_int_eq(rois->image_ids[0], 0);
        balact_rois_stream_close(stream);
    }
}
END_TEST

START_TEST(archives_are_read_alike) {
    struct balact_rois_stream *stream;
    struct balact_error error = {0};
    struct buffer tar = {0};
    int64_t first[8];
    for (int i = 0; i < 2; i++) {
        char name[64];
        struct buffer shard = make_shard(50 + i * 50, FINE);
        snprintf(name, sizeof name, "deep/train_rois-%05d-of-00002.npz", i);
        tar_add(&tar, name, shard.bytes, shard.size);
        buffer_free(&shard);
    }
    tar_end(&tar);
    const char *path = test_write("rois.tar", tar.bytes, tar.size);
    ck_assert(balact_rois_stream_open(&stream, path, "train", 0, &error) == BALACT_OK);
    ck_assert_msg(pass(stream, first, &error) == 2, "%s", error.message);
    ck_assert_int_eq(first[1], 100);
    balact_rois_stream_close(stream);
    buffer_free(&tar);
}
END_TEST

START_TEST(bad_shards_are_refused) {
    static const struct {
        enum fault fault;
        balact_status status;
        const char *text;
    } cases[] = {
        {NO_LABELS, BALACT_ERROR_FORMAT, "no member labels.npy"},
        {LABELS_TOO_SHORT, BALACT_ERROR_FORMAT, "labels.npy has 3 rows where 4"},
        {LABELS_WIDE, BALACT_ERROR_FORMAT, "wants int32 of shape [P], not int64"},
        {BOXES_OF_THREE, BALACT_ERROR_FORMAT, "wants float32 of shape [P, 4]"},
        {NEGATIVE_LABEL, BALACT_ERROR_RANGE, "labels.npy: row 2: a negative label"},
        {NEGATIVE_WIDTH, BALACT_ERROR_RANGE, "boxes.npy: row 3: a negative width"},
        {NAN_FEATURE, BALACT_ERROR_NUMERIC, "features.npy: row 2: a feature that is not finite"},
        {NAN_BOX, BALACT_ERROR_NUMERIC, "boxes.npy: row 2: a value that is not finite"},
        {IMAGES_APART, BALACT_ERROR_RANGE, "the rows of image 5 lie apart"},
        {BAD_OBJECTNESS, BALACT_ERROR_RANGE, "objectness.npy: row 1: outside [0, 1]"},
        {OFFSETS_FALL, BALACT_ERROR_RANGE, "rle_offsets.npy: row 3: offsets begin at 0"},
        {OFFSETS_WITHOUT_BYTES, BALACT_ERROR_FORMAT, "rle_offsets.npy without rle_bytes.npy"},
        {BAD_RLE, BALACT_ERROR_RANGE, "no byte of compressed COCO RLE"},
    };
    const char *folder = begin_folder("bad");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct balact_rois_stream *stream;
        const struct balact_rois *rois;
        struct balact_error error = {0};
        put_shard("bad", "train", 0, 1, 5, cases[i].fault);
        ck_assert(balact_rois_stream_open(&stream, folder, "train", 1 << 20, NULL) == BALACT_OK);
        ck_assert(balact_rois_stream_next(stream, &rois, &error) == cases[i].status);
        ck_failed(error, cases[i].status, cases[i].text);
        ck_failed(error, cases[i].status, "train_rois-00000-of-00001.npz");
        ck_assert_ptr_null(rois);
        balact_rois_stream_close(stream);
    }
}
END_TEST

static void expect_failed_pass(const char *folder, const char *text) {
    struct balact_rois_stream *stream;
    struct balact_error error = {0};
    int64_t first[8];
    ck_assert(balact_rois_stream_open(&stream, folder, "train", 1 << 20, NULL) == BALACT_OK);
    pass(stream, first, &error);
    ck_failed(error, BALACT_ERROR_FORMAT, text);
    balact_rois_stream_close(stream);
}

START_TEST(bad_sets_are_refused) {
    struct balact_rois_stream *stream;
    struct balact_error error;
    const char *folder = begin_folder("gap");
    put_shard("gap", "train", 0, 3, 5, FINE);
    put_shard("gap", "train", 2, 3, 8, FINE);
    expect_failed_pass(folder, "train_rois-00001-of-00003.npz is missing");
    folder = begin_folder("none");
    put_shard("none", "val", 0, 1, 5, FINE);
    expect_failed_pass(folder, "no shards train_rois-");
    folder = begin_folder("mixed");
    put_shard("mixed", "train", 0, 2, 5, FINE);
    put_shard("mixed", "train", 1, 3, 8, FINE);
    expect_failed_pass(folder, "of another sharding");
    ck_assert(balact_rois_stream_open(&stream, "/nowhere", "train", 0, &error) != BALACT_OK);
    ck_assert_ptr_null(stream);
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("rois", shard_is_what_was_written, half_features_widen, passes_are_alike,
                      archives_are_read_alike, bad_shards_are_refused, bad_sets_are_refused);
}

#else

START_TEST(rois) {
    TEST_SKIP("RoIs come as .npz, which wants libarchive");
}
END_TEST

Suite *balact_suite(void) {
    return TEST_SUITE("rois", rois);
}

#endif
