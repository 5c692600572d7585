/* SPDX-License-Identifier: MIT
 *
 * See balact/lvis.h: what can be asked of annotations once they are in memory.
 */
#include "balact/lvis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *balact_lvis_frequency_name(enum balact_lvis_frequency frequency) {
    static const char *const names[] = {"rare", "common", "frequent"};
    return (unsigned)frequency < BALACT_LVIS_FREQUENCY_COUNT ? names[frequency]
                                                             : "unknown frequency";
}

int32_t balact_lvis_category_index(const struct balact_lvis *lvis, int64_t id) {
    int32_t low = 0, high = lvis->categories;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (lvis->category[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lvis->categories && lvis->category[low].id == id ? low : -1;
}

int64_t balact_lvis_image_index(const struct balact_lvis *lvis, int64_t id) {
    int64_t low = 0, high = lvis->images;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (lvis->image[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < lvis->images && lvis->image[low].id == id ? low : -1;
}

void balact_lvis_release(struct balact_lvis *lvis) {
    if (!lvis)
        return;
    free(lvis->name);
    free(lvis->category);
    free(lvis->image);
    free(lvis->negative_start);
    free(lvis->not_exhaustive_start);
    free(lvis->negative);
    free(lvis->not_exhaustive);
    free(lvis->annotation);
    free(lvis->polygon_start);
    free(lvis->vertex);
    free(lvis->counts);
    free(lvis->text);
    free(lvis->source.path);
    memset(lvis, 0, sizeof *lvis);
}

/* ---- Counting ---- */

/* Annotations in the order of their images: those of image i are order[start[i], start[i + 1]). */
static balact_status group_by_image(const struct balact_lvis *lvis, int64_t **start,
                                    int64_t **order, struct balact_error *error) {
    *start = calloc((size_t)lvis->images + 2, sizeof **start);
    *order = malloc(((size_t)lvis->annotations + 1) * sizeof **order);
    if (!*start || !*order) {
        free(*start);
        free(*order);
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
    }
    /* One place further than they belong, for filling moves each start to its end. */
    for (int64_t a = 0; a < lvis->annotations; a++)
        (*start)[lvis->annotation[a].image + 2]++;
    for (int64_t i = 2; i < lvis->images + 2; i++)
        (*start)[i] += (*start)[i - 1];
    for (int64_t a = 0; a < lvis->annotations; a++)
        (*order)[(*start)[lvis->annotation[a].image + 1]++] = a;
    return BALACT_OK;
}

balact_status balact_lvis_count(const struct balact_lvis *lvis, struct balact_lvis_counts *counts,
                                struct balact_error *error) {
    int64_t *start, *order;
    memset(counts, 0, sizeof *counts);
    balact_status status = group_by_image(lvis, &start, &order, error);
    if (status != BALACT_OK)
        return status;
    size_t categories = (size_t)lvis->categories;
    counts->image_count = calloc(categories + 1, sizeof *counts->image_count);
    counts->instance_count = calloc(categories + 1, sizeof *counts->instance_count);
    int64_t *last = calloc(categories + 1, sizeof *last); /* image that held it last, from 1 */
    if (!counts->image_count || !counts->instance_count || !last) {
        balact_lvis_counts_release(counts);
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
    } else {
        counts->categories = lvis->categories;
        counts->images = lvis->images;
        for (int64_t i = 0; i < lvis->images; i++) {
            counts->images_annotated += start[i + 1] > start[i];
            for (int64_t k = start[i]; k < start[i + 1]; k++) {
                int32_t category = lvis->annotation[order[k]].category;
                counts->instance_count[category]++;
                counts->image_count[category] += last[category] != i + 1;
                last[category] = i + 1;
            }
        }
    }
    free(last);
    free(start);
    free(order);
    return status;
}

void balact_lvis_counts_release(struct balact_lvis_counts *counts) {
    if (!counts)
        return;
    free(counts->image_count);
    free(counts->instance_count);
    memset(counts, 0, sizeof *counts);
}

balact_status balact_lvis_repeat_factors(const struct balact_lvis *lvis, double threshold,
                                         double *category_factor, double *image_factor,
                                         struct balact_error *error) {
    struct balact_lvis_counts counts;
    if (!(threshold > 0) || !isfinite(threshold))
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "repeat factors want a threshold above 0, not %g", threshold);
    balact_status status = balact_lvis_count(lvis, &counts, error);
    if (status != BALACT_OK)
        return status;
    double *factor = malloc(((size_t)lvis->categories + 1) * sizeof *factor);
    if (!factor) {
        balact_lvis_counts_release(&counts);
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", lvis->name);
    }
    for (int32_t c = 0; c < lvis->categories; c++) {
        /* A category that no image holds repeats no image, however rare it is. */
        double share = (double)counts.image_count[c] / (double)(lvis->images ? lvis->images : 1);
        factor[c] = share > 0 ? fmax(1, sqrt(threshold / share)) : 1;
    }
    for (int64_t i = 0; image_factor && i < lvis->images; i++)
        image_factor[i] = 1;
    for (int64_t a = 0; image_factor && a < lvis->annotations; a++) {
        const struct balact_lvis_annotation *annotation = &lvis->annotation[a];
        image_factor[annotation->image] =
            fmax(image_factor[annotation->image], factor[annotation->category]);
    }
    if (category_factor)
        memcpy(category_factor, factor, (size_t)lvis->categories * sizeof *factor);
    free(factor);
    balact_lvis_counts_release(&counts);
    return BALACT_OK;
}
