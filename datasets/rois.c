/* SPDX-License-Identifier: MIT
 *
 * One shard of regions of interest: an .npz and what its arrays must agree on (rois.h).
 */
#include "datasets/rois.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/half.h"
#include "datasets/npy.h"

enum part { FEATURES, BOXES, IMAGE_IDS, LABELS, OBJECTNESS, RLE_BYTES, RLE_OFFSETS, PARTS };

static const char *const part_names[PARTS] = {
    "features.npy",   "boxes.npy",     "image_ids.npy",   "labels.npy",
    "objectness.npy", "rle_bytes.npy", "rle_offsets.npy",
};

/* A shard while its arrays are gathered; members come in any order. */
struct gathered {
    const struct balact_archive *outer;
    void *data[PARTS];
    struct balact_npy npy[PARTS];
};

void balact_rois_release(struct balact_rois *rois) {
    free(rois->place);
    free(rois->features);
    free(rois->boxes);
    free(rois->labels);
    free(rois->objectness);
    free(rois->rle);
    free(rois->rle_start);
    free(rois->image_ids);
    free(rois->image_start);
    memset(rois, 0, sizeof *rois);
}

void balact_rois_features(const struct balact_rois *rois, int64_t first, int64_t n, float *out) {
    int64_t values = n * rois->dim;
    if (rois->dtype == BALACT_F32) {
        if (values)
            memcpy(out, (const float *)rois->features + first * rois->dim,
                   (size_t)values * sizeof *out);
        return;
    }
    const uint16_t *from = (const uint16_t *)rois->features + first * rois->dim;
    for (int64_t i = 0; i < values; i++)
        out[i] = half_to_float(from[i]);
}

/* ---- The members of the .npz ---- */

static balact_status check_part(const struct balact_archive *archive, enum part part,
                                const struct balact_npy *npy, struct balact_error *error) {
    static const struct {
        enum balact_npy_type type, other;
        int dims;
        const char *wanted;
    } rules[PARTS] = {
        [FEATURES] = {BALACT_NPY_F32, BALACT_NPY_F16, 2, "float32 or float16 of shape [P, D]"},
        [BOXES] = {BALACT_NPY_F32, BALACT_NPY_F32, 2, "float32 of shape [P, 4]"},
        [IMAGE_IDS] = {BALACT_NPY_I64, BALACT_NPY_I64, 1, "int64 of shape [P]"},
        [LABELS] = {BALACT_NPY_I32, BALACT_NPY_I32, 1, "int32 of shape [P]"},
        [OBJECTNESS] = {BALACT_NPY_F32, BALACT_NPY_F32, 1, "float32 of shape [P]"},
        [RLE_BYTES] = {BALACT_NPY_U8, BALACT_NPY_U8, 1, "uint8 of shape [B]"},
        [RLE_OFFSETS] = {BALACT_NPY_I64, BALACT_NPY_I64, 1, "int64 of shape [P + 1]"},
    };
    if ((npy->type == rules[part].type || npy->type == rules[part].other) &&
        npy->dims == rules[part].dims && !(part == FEATURES && npy->shape[1] == 0) &&
        !(part == BOXES && npy->shape[1] != 4))
        return BALACT_OK;
    return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                               "wants %s, not %s of %d dimensions%s", rules[part].wanted,
                               balact_npy_type_name(npy->type), npy->dims,
                               npy->dims == 2 && part <= BOXES ? " and this second one" : "");
}

static balact_status take_part(struct balact_archive *archive, struct gathered *gathered,
                               struct balact_error *error) {
    int part = 0;
    while (part < PARTS && strcmp(archive->member, part_names[part]) != 0)
        part++;
    if (part == PARTS) /* somebody's own array beside ours */
        return BALACT_OK;
    if (gathered->data[part])
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "a second member of this name");
    struct balact_npy *npy = &gathered->npy[part];
    balact_status status = balact_npy_read_header(archive, npy, error);
    if (status == BALACT_OK)
        status = check_part(archive, (enum part)part, npy, error);
    return status == BALACT_OK ? balact_npy_read_data(archive, npy, &gathered->data[part], error)
                               : status;
}

static balact_status gather(struct balact_archive *outer, struct gathered *gathered,
                            struct balact_error *error) {
    struct balact_archive *archive;
    bool found = true;
    balact_status status = balact_archive_open_nested(&archive, outer, error);
    while (status == BALACT_OK && found) {
        status = balact_archive_next(archive, &found, error);
        if (status == BALACT_OK && found)
            status = take_part(archive, gathered, error);
    }
    balact_archive_close(archive);
    return status;
}

/* ---- What they must agree on ---- */

/* Fails at a row of an array of this shard. */

static balact_status fail_at_row(const struct gathered *gathered, balact_status status,
                                 enum part part, int64_t row, struct balact_error *error,
                                 const char *what, double value) {
    return balact_archive_fail(gathered->outer, status, 0, -1, error, "%s: row %lld: %s (%.9g)",
                               part_names[part], (long long)row, what, value);
}

static balact_status check_shapes(const struct gathered *g, struct balact_error *error) {
    for (int part = FEATURES; part <= LABELS; part++)
        if (!g->data[part])
            return balact_archive_fail(g->outer, BALACT_ERROR_FORMAT, 0, -1, error,
                                       "the shard has no member %s", part_names[part]);
    int64_t rows = g->npy[FEATURES].shape[0];
    for (int part = BOXES; part < PARTS; part++) {
        int64_t wanted = part == RLE_OFFSETS ? rows + 1 : rows;
        if (g->data[part] && part != RLE_BYTES && g->npy[part].shape[0] != wanted)
            return balact_archive_fail(
                g->outer, BALACT_ERROR_FORMAT, 0, -1, error,
                "%s has %lld rows where %lld go with the %lld of features.npy", part_names[part],
                (long long)g->npy[part].shape[0], (long long)wanted, (long long)rows);
    }
    if (!g->data[RLE_BYTES] != !g->data[RLE_OFFSETS])
        return balact_archive_fail(g->outer, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "%s without %s: masks want both",
                                   part_names[g->data[RLE_BYTES] ? RLE_BYTES : RLE_OFFSETS],
                                   part_names[g->data[RLE_BYTES] ? RLE_OFFSETS : RLE_BYTES]);
    return BALACT_OK;
}

/* Exponents of all ones are infinities and NaN; bits, so that the check costs little. */
static int64_t first_not_finite(const struct gathered *g) {
    int64_t count = g->npy[FEATURES].count;
    if (g->npy[FEATURES].type == BALACT_NPY_F16) {
        const uint16_t *half = g->data[FEATURES];
        for (int64_t i = 0; i < count; i++)
            if ((half[i] & 0x7C00u) == 0x7C00u)
                return i;
        return -1;
    }
    const float *single = g->data[FEATURES];
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(single[i]))
            return i;
    return -1;
}

static balact_status check_rows(const struct gathered *g, struct balact_error *error) {
    int64_t rows = g->npy[FEATURES].shape[0];
    const float *boxes = g->data[BOXES], *objectness = g->data[OBJECTNESS];
    const int32_t *labels = g->data[LABELS];
    int64_t bad = first_not_finite(g);
    if (bad >= 0)
        return fail_at_row(g, BALACT_ERROR_NUMERIC, FEATURES, bad / g->npy[FEATURES].shape[1], error,
                        "a feature that is not finite, in column",
                        (double)(bad % g->npy[FEATURES].shape[1]));
    for (int64_t i = 0; i < rows; i++) {
        for (int k = 0; k < 4; k++)
            if (!isfinite(boxes[4 * i + k]))
                return fail_at_row(g, BALACT_ERROR_NUMERIC, BOXES, i, error,
                                "a value that is not finite", boxes[4 * i + k]);
        for (int k = 2; k < 4; k++)
            if (boxes[4 * i + k] < 0)
                return fail_at_row(g, BALACT_ERROR_RANGE, BOXES, i, error,
                                k == 2 ? "a negative width; boxes are x, y, width, height"
                                       : "a negative height; boxes are x, y, width, height",
                                boxes[4 * i + k]);
        if (labels[i] < 0)
            return fail_at_row(g, BALACT_ERROR_RANGE, LABELS, i, error,
                            "a negative label; background is 0, a category its id", labels[i]);
        if (objectness && !(objectness[i] >= 0 && objectness[i] <= 1))
            return fail_at_row(g, BALACT_ERROR_RANGE, OBJECTNESS, i, error, "outside [0, 1]",
                            objectness[i]);
    }
    return BALACT_OK;
}

static balact_status check_masks(const struct gathered *g, struct balact_error *error) {
    const int64_t *start = g->data[RLE_OFFSETS];
    if (!start)
        return BALACT_OK;
    int64_t rows = g->npy[FEATURES].shape[0], bytes = g->npy[RLE_BYTES].count;
    for (int64_t i = 0; i <= rows; i++)
        if (start[i] < (i ? start[i - 1] : 0) || start[i] > bytes || (i == 0 && start[0] != 0))
            return fail_at_row(g, BALACT_ERROR_RANGE, RLE_OFFSETS, i, error,
                            "offsets begin at 0, never fall and end at the bytes",
                            (double)start[i]);
    if (start[rows] != bytes)
        return fail_at_row(g, BALACT_ERROR_RANGE, RLE_OFFSETS, rows, error,
                        "the last offset is not the number of bytes", (double)start[rows]);
    const unsigned char *rle = g->data[RLE_BYTES];
    for (int64_t i = 0; i < bytes; i++)
        if (rle[i] < 48 || rle[i] > 111)
            return fail_at_row(g, BALACT_ERROR_RANGE, RLE_BYTES, i, error,
                            "no byte of compressed COCO RLE (48 to 111)", rle[i]);
    return BALACT_OK;
}

static int compare_ids(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* Runs of equal ids; the rows of an image must not lie apart. */
static balact_status find_images(const struct gathered *g, struct balact_rois *rois,
                                 struct balact_error *error) {
    const int64_t *ids = g->data[IMAGE_IDS];
    for (int64_t i = 0; i < rois->rows; i++)
        rois->images += i == 0 || ids[i] != ids[i - 1];
    rois->image_ids = malloc((size_t)(rois->images + 1) * sizeof *ids);
    rois->image_start = malloc((size_t)(rois->images + 1) * sizeof *ids);
    int64_t *sorted = malloc((size_t)(rois->images + 1) * sizeof *ids), images = 0;
    balact_status status = BALACT_OK;
    if (!rois->image_ids || !rois->image_start || !sorted) {
        free(sorted);
        return balact_archive_fail(g->outer, BALACT_ERROR_MEMORY, 0, -1, error, "out of memory");
    }
    for (int64_t i = 0; i < rois->rows; i++) {
        if (i > 0 && ids[i] == ids[i - 1])
            continue;
        rois->image_ids[images] = sorted[images] = ids[i];
        rois->image_start[images++] = i;
    }
    rois->image_start[images] = rois->rows;
    qsort(sorted, (size_t)images, sizeof *sorted, compare_ids);
    for (int64_t i = 1; i < images && status == BALACT_OK; i++)
        if (sorted[i] == sorted[i - 1])
            status = balact_archive_fail(
                g->outer, BALACT_ERROR_RANGE, 0, -1, error,
                "image_ids.npy: the rows of image %lld lie apart; they want to be one run",
                (long long)sorted[i]);
    free(sorted);
    return status;
}

static int64_t bytes_of(const struct gathered *g) {
    int64_t bytes = 0;
    for (int part = 0; part < PARTS; part++)
        bytes += g->data[part] ? g->npy[part].bytes : 0;
    return bytes;
}

/* Moves the arrays over. */
static void *move(struct gathered *g, enum part part) {
    void *data = g->data[part];
    g->data[part] = NULL;
    return data;
}

balact_status balact_rois_read(struct balact_archive *outer, struct balact_rois *rois,
                               struct balact_error *error) {
    struct gathered g = {.outer = outer};
    char place[4096];
    memset(rois, 0, sizeof *rois);
    balact_status status = gather(outer, &g, error);
    if (status == BALACT_OK)
        status = check_shapes(&g, error);
    if (status == BALACT_OK)
        status = check_rows(&g, error);
    if (status == BALACT_OK)
        status = check_masks(&g, error);
    if (status == BALACT_OK) {
        rois->rows = g.npy[FEATURES].shape[0];
        rois->dim = g.npy[FEATURES].shape[1];
        rois->dtype = g.npy[FEATURES].type == BALACT_NPY_F16 ? BALACT_F16 : BALACT_F32;
        balact_archive_place(outer, place, sizeof place);
        rois->place = strdup(place);
        status = rois->place ? find_images(&g, rois, error)
                             : balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", place);
    }
    if (status == BALACT_OK) {
        rois->bytes = bytes_of(&g);
        rois->features = move(&g, FEATURES);
        rois->boxes = move(&g, BOXES);
        rois->labels = move(&g, LABELS);
        rois->objectness = move(&g, OBJECTNESS);
        rois->rle = move(&g, RLE_BYTES);
        rois->rle_start = move(&g, RLE_OFFSETS);
    } else {
        balact_rois_release(rois);
    }
    for (int part = 0; part < PARTS; part++)
        free(g.data[part]);
    return status;
}
