/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: two masks as compressed text, one a line, of an image whose height and width are
 * the first two bytes. What is accepted must fill the image and survive writing and reading; if it
 * has no empty runs, it must unite and intersect to areas that add up.
 */
#include <stdlib.h>
#include <string.h>

#include "balact/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool true_always) {
    if (!true_always)
        abort();
}

static bool read_mask(struct balact_mask *mask, const char *text, size_t length, int32_t height,
                      int32_t width) {
    struct balact_error error = {0};
    balact_status status = balact_mask_from_text(mask, text, length, height, width, &error);
    require(status == BALACT_OK || error.status == status);
    require(status == BALACT_OK || (error.byte >= -1 && error.byte <= (int64_t)length));
    return status == BALACT_OK;
}

static void check(const struct balact_mask *mask) {
    struct balact_mask again = {0};
    size_t length, room = BALACT_MASK_TEXT_MAX(mask->runs);
    char *text = malloc(room);
    int64_t pixels = 0, ones = 0;
    for (int64_t r = 0; r < mask->runs; r++) {
        pixels += mask->counts[r];
        ones += r % 2 ? mask->counts[r] : 0;
    }
    require(pixels == (int64_t)mask->height * mask->width && ones == balact_mask_area(mask));
    require(text != NULL);
    balact_mask_to_text(mask, text, &length);
    require(length < room && strlen(text) == length);
    require(read_mask(&again, text, length, mask->height, mask->width));
    require(again.runs == mask->runs &&
            (mask->runs == 0 ||
             memcmp(again.counts, mask->counts, (size_t)mask->runs * sizeof *mask->counts) == 0));
    balact_mask_release(&again);
    free(text);
}

/* Of masks without empty runs. */
static void check_areas(const struct balact_mask *a, const struct balact_mask *b,
                        const struct balact_mask *either, const struct balact_mask *both) {
    check(either);
    check(both);
    uint64_t united = balact_mask_area(either), common = balact_mask_area(both);
    require(united + common == (uint64_t)balact_mask_area(a) + balact_mask_area(b));
    double iou = balact_mask_iou(a, b, false), over = balact_mask_iou(a, b, true);
    require(iou >= 0 && iou <= 1 && over >= 0 && over <= 1);
    require(iou == 0 || iou == (double)common / (double)united);
    require(common > 0 || iou == 0);
}

static void check_pair(const struct balact_mask *a, const struct balact_mask *b) {
    struct balact_mask both = {0}, either = {0};
    struct balact_mask_measure measure_a, measure_b;
    struct balact_error error;
    double box[4], iou = balact_mask_iou(a, b, false);
    require(iou >= 0 && iou <= 1);
    balact_mask_measure(a, &measure_a);
    balact_mask_measure(b, &measure_b);
    require(balact_mask_merge(&either, a, b, false, &error) == BALACT_OK);
    require(balact_mask_merge(&both, a, b, true, &error) == BALACT_OK);
    if (measure_a.plain && measure_b.plain)
        check_areas(a, b, &either, &both);
    balact_mask_box(&either, box);
    require(box[0] >= 0 && box[1] >= 0 && box[0] + box[2] <= a->width &&
            box[1] + box[3] <= a->height);
    balact_mask_release(&both);
    balact_mask_release(&either);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct balact_mask a = {0}, b = {0};
    if (size < 2)
        return 0;
    int32_t height = bytes[0] + 1, width = bytes[1] + 1;
    const char *text = (const char *)bytes + 2, *end = (const char *)bytes + size;
    const char *line = memchr(text, '\n', (size_t)(end - text));
    const char *second = line ? line + 1 : end;
    bool first_fine = read_mask(&a, text, (size_t)((line ? line : end) - text), height, width);
    bool second_fine = read_mask(&b, second, (size_t)(end - second), height, width);
    if (first_fine)
        check(&a);
    if (first_fine && second_fine)
        check_pair(&a, &b);
    balact_mask_release(&a);
    balact_mask_release(&b);
    return 0;
}
