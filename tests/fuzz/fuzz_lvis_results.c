/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as detections on three images of four categories; the first byte says
 * how the JSON is cut and whether masks are read. What is accepted must be usable by the evaluator.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balact/mask.h"
#include "bench/evaluate/lvis_case.h"
#include "datasets/archive.h"
#include "datasets/lvis_part.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool true_always) {
    if (!true_always)
        abort();
}

static const char annotations[] =
    "{\"categories\":[{\"id\":2,\"frequency\":\"r\"},{\"id\":5,\"frequency\":\"c\"},"
    "{\"id\":7,\"frequency\":\"f\"},{\"id\":9,\"frequency\":\"f\"}],\"images\":["
    "{\"id\":10,\"width\":64,\"height\":48,\"neg_category_ids\":[7],"
    "\"not_exhaustive_category_ids\":[9]},{\"id\":20,\"width\":4,\"height\":3,"
    "\"neg_category_ids\":[2,5],\"not_exhaustive_category_ids\":[]},{\"id\":30,\"width\":1,"
    "\"height\":1,\"neg_category_ids\":[],\"not_exhaustive_category_ids\":[]}],\"annotations\":["
    "{\"id\":1,\"image_id\":10,\"category_id\":9,\"area\":12,\"bbox\":[1,2,4,3],"
    "\"segmentation\":[[1,2,1,5,5,5,5,2]]},{\"id\":2,\"image_id\":20,\"category_id\":9,\"area\":4,"
    "\"bbox\":[0,0,2,2],\"segmentation\":{\"size\":[3,4],\"counts\":[0,2,1,2,7]}}]}";

static struct balact_archive *open_bytes(const void *bytes, size_t size) {
    struct balact_archive *archive;
    struct balact_error error;
    bool found;
    if (balact_archive_open_bytes(&archive, "fuzz", bytes, size, &error) != BALACT_OK ||
        balact_archive_next(archive, &found, &error) != BALACT_OK || !found)
        abort();
    return archive;
}

static const struct balact_lvis *truth(void) {
    static struct balact_lvis lvis; /* lives as long as the program */
    static const struct balact_json_options cut = {0, 1};
    if (!lvis.name) {
        struct balact_error error;
        struct balact_archive *archive = open_bytes(annotations, sizeof annotations - 1);
        require(balact_lvis_load_cut(archive, NULL, &cut, &lvis, &error) == BALACT_OK);
        balact_archive_close(archive);
    }
    return &lvis;
}

static void check(const struct balact_lvis *lvis, const struct balact_lvis_detections *found) {
    struct balact_mask mask = {0};
    struct balact_error error;
    for (int64_t k = 0; k < found->count; k++) {
        const struct balact_lvis_detection *detection = &found->detection[k];
        require(isfinite(detection->score) && detection->image >= 0 &&
                detection->image < lvis->images && detection->category >= 0 &&
                detection->category < lvis->categories && detection->region >= -1 &&
                detection->region < found->regions);
        if (detection->region < 0)
            continue;
        const struct balact_lvis_region *region = &found->region[detection->region];
        const struct balact_lvis_image *image = &lvis->image[detection->image];
        require(region->box[2] >= 0 && region->box[3] >= 0);
        if (!found->masks)
            continue;
        require(region->text + (size_t)region->text_length <= found->text_bytes);
        require(balact_mask_from_text(&mask, found->text + region->text,
                                      (size_t)region->text_length, image->height, image->width,
                                      &error) == BALACT_OK);
        require(balact_mask_area(&mask) == region->mask_area);
    }
    balact_mask_release(&mask);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_lvis_detections found;
    struct balact_lvis_evaluation evaluation;
    struct balact_error error = {0};
    if (size == 0)
        return 0;
    const struct balact_lvis *lvis = truth();
    bool masks = bytes[0] & 1;
    struct balact_json_options cut = {1 + (size_t)bytes[0] / 2, 1};
    struct balact_lvis_detections_options options = {.masks = masks};
    struct balact_archive *archive = open_bytes(bytes + 1, size - 1);
    balact_status status =
        balact_lvis_detections_read(archive, lvis, &options, &cut, &found, &error);
    balact_archive_close(archive);
    if (status != BALACT_OK) {
        require(error.status == status && strstr(error.message, "fuzz") != NULL);
        require(found.detection == NULL && found.name == NULL);
        return 0;
    }
    check(lvis, &found);
    struct balact_lvis_evaluate_options how = {
        .iou = masks ? BALACT_LVIS_IOU_MASK : BALACT_LVIS_IOU_BOX, .pooled = true};
    require(balact_lvis_evaluate(lvis, &found, &how, &evaluation, &error) == BALACT_OK);
    for (int m = 0; m < BALACT_LVIS_METRIC_COUNT; m++)
        require(evaluation.metric[m] == -1 ||
                (evaluation.metric[m] >= 0 && evaluation.metric[m] <= 1 + 1e-12));
    balact_lvis_evaluation_release(&evaluation);
    balact_lvis_detections_release(&found);
    return 0;
}
