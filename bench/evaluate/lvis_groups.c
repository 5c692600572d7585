/* SPDX-License-Identifier: MIT
 *
 * Which detections count, and detections and annotations by category: the sparse form of the
 * (image, category) pairs, of which most are empty.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/evaluate/lvis_parts.h"

static balact_status no_memory(struct balact_error *error) {
    return balact_fail(error, BALACT_ERROR_MEMORY, "no memory for the evaluation");
}

/* A detection to be ordered. */
struct ranked {
    double score;
    int64_t index;
};

static int by_score(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* start[groups + 1] and members[count] of items whose group is given, in their order. */
struct sorter {
    int64_t *start, *next, *member;
};

static bool sorter_begin(struct sorter *sorter, int64_t groups, int64_t count) {
    sorter->start = calloc((size_t)groups + 1, sizeof *sorter->start);
    sorter->next = malloc(((size_t)groups + 1) * sizeof *sorter->next);
    sorter->member = malloc((size_t)(count ? count : 1) * sizeof *sorter->member);
    return sorter->start && sorter->next && sorter->member;
}

static void sorter_counted(struct sorter *sorter, int64_t groups) {
    for (int64_t g = 0; g < groups; g++)
        sorter->start[g + 1] += sorter->start[g];
    memcpy(sorter->next, sorter->start, (size_t)groups * sizeof *sorter->next);
}

static void sorter_release(struct sorter *sorter) {
    free(sorter->start);
    free(sorter->next);
    free(sorter->member);
}

/* Leaves the best `limit` of a list in their places, the rest becomes -1. ranked: [count]. */
static void cap_list(const struct balact_lvis_detections *d, int64_t *list, int64_t count,
                     int64_t limit, struct ranked *ranked) {
    for (int64_t k = 0; k < count; k++)
        ranked[k] = (struct ranked){d->detection[list[k]].score, k};
    qsort(ranked, (size_t)count, sizeof *ranked, by_score);
    for (int64_t k = limit; k < count; k++)
        list[ranked[k].index] = -1;
}

static bool cap_lists(const struct balact_lvis_detections *d, struct sorter *lists, int64_t groups,
                      int64_t limit) {
    bool failed = false;
#pragma omp parallel for schedule(dynamic, 64) reduction(|| : failed)
    for (int64_t g = 0; g < groups; g++) {
        int64_t count = lists->start[g + 1] - lists->start[g];
        if (count <= limit)
            continue;
        struct ranked *ranked = malloc((size_t)count * sizeof *ranked);
        if (ranked)
            cap_list(d, lists->member + lists->start[g], count, limit, ranked);
        failed = failed || !ranked;
        free(ranked);
    }
    return !failed;
}

/* Detections by image, capped. */
static bool lists_by_image(const struct balact_lvis *lvis, const struct balact_lvis_detections *d,
                           int64_t limit, struct sorter *images) {
    if (!sorter_begin(images, lvis->images, d->count))
        return false;
    for (int64_t i = 0; i < d->count; i++)
        images->start[d->detection[i].image + 1]++;
    sorter_counted(images, lvis->images);
    for (int64_t i = 0; i < d->count; i++)
        images->member[images->next[d->detection[i].image]++] = i;
    return limit < 0 || cap_lists(d, images, lvis->images, limit);
}

/* Within a category, detections of each image by score. */
static bool order_category(const struct balact_lvis_detections *d, int64_t *list, int64_t count) {
    struct ranked *ranked = NULL;
    int64_t room = 0;
    for (int64_t begin = 0, end; begin < count; begin = end) {
        int32_t image = d->detection[list[begin]].image;
        for (end = begin + 1; end < count && d->detection[list[end]].image == image;)
            end++;
        if (end - begin == 1)
            continue;
        if (end - begin > room) {
            free(ranked);
            room = 2 * (end - begin);
            if (!(ranked = malloc((size_t)room * sizeof *ranked)))
                return false;
        }
        for (int64_t k = begin; k < end; k++)
            ranked[k - begin] = (struct ranked){d->detection[list[k]].score, list[k]};
        qsort(ranked, (size_t)(end - begin), sizeof *ranked, by_score);
        for (int64_t k = begin; k < end; k++)
            list[k] = ranked[k - begin].index;
    }
    free(ranked);
    return true;
}

/* Drops what was capped (-1) or lies in images not annotated for the category. */
static void drop_uncounted(const struct balact_lvis_detections *d, struct sorter *lists,
                           int64_t groups) {
    int64_t at = 0, begin = lists->start[0];
    for (int64_t g = 0; g < groups; g++) {
        int64_t end = lists->start[g + 1];
        for (int64_t k = begin; k < end; k++)
            if (lists->member[k] >= 0 && d->detection[lists->member[k]].region >= 0)
                lists->member[at++] = lists->member[k];
        begin = end;
        lists->start[g + 1] = at;
    }
}

/* Detections by category, by image within one: images come in their order. */
static balact_status detections_by_category(struct lvis_groups *groups,
                                            const struct balact_lvis *lvis,
                                            const struct balact_lvis_detections *d,
                                            const struct sorter *images, int64_t limit,
                                            struct balact_error *error) {
    struct sorter lists = {0};
    const int64_t *all = images->member, count = images->start[lvis->images];
    bool fine = sorter_begin(&lists, lvis->categories, count);
    for (int64_t k = 0; fine && k < count; k++)
        if (all[k] >= 0) {
            groups->kept++;
            lists.start[d->detection[all[k]].category + 1]++;
        }
    if (fine) {
        sorter_counted(&lists, lvis->categories);
        for (int64_t k = 0; k < count; k++)
            if (all[k] >= 0)
                lists.member[lists.next[d->detection[all[k]].category]++] = all[k];
        if (limit >= 0) {
            fine = cap_lists(d, &lists, lvis->categories, limit);
            groups->kept = 0;
            for (int32_t c = 0; c < lvis->categories; c++) {
                int64_t n = lists.start[c + 1] - lists.start[c];
                groups->kept += n < limit ? n : limit;
            }
        }
        drop_uncounted(d, &lists, lvis->categories);
    }
    free(lists.next);
    groups->detection_start = lists.start;
    groups->detection = lists.member;
    return fine ? BALACT_OK : no_memory(error);
}

static balact_status order_categories(struct lvis_groups *groups, const struct balact_lvis *lvis,
                                      const struct balact_lvis_detections *d,
                                      struct balact_error *error) {
    bool failed = false;
#pragma omp parallel for schedule(dynamic, 16) reduction(|| : failed)
    for (int32_t c = 0; c < lvis->categories; c++) {
        int64_t *list = groups->detection + groups->detection_start[c];
        int64_t count = groups->detection_start[c + 1] - groups->detection_start[c];
        failed = failed || !order_category(d, list, count);
    }
    return failed ? no_memory(error) : BALACT_OK;
}

/* Annotations by category, by image within one. */
static balact_status truths_by_category(struct lvis_groups *groups, const struct balact_lvis *lvis,
                                        struct balact_error *error) {
    struct sorter images = {0}, lists = {0};
    bool fine = sorter_begin(&images, lvis->images, lvis->annotations) &&
                sorter_begin(&lists, lvis->categories, lvis->annotations);
    if (fine) {
        for (int64_t a = 0; a < lvis->annotations; a++) {
            images.start[lvis->annotation[a].image + 1]++;
            lists.start[lvis->annotation[a].category + 1]++;
        }
        sorter_counted(&images, lvis->images);
        sorter_counted(&lists, lvis->categories);
        for (int64_t a = 0; a < lvis->annotations; a++)
            images.member[images.next[lvis->annotation[a].image]++] = a;
        for (int64_t k = 0; k < lvis->annotations; k++) {
            int64_t a = images.member[k];
            lists.member[lists.next[lvis->annotation[a].category]++] = a;
        }
    }
    sorter_release(&images);
    free(lists.next);
    groups->truth_start = lists.start;
    groups->truth = lists.member;
    return fine ? BALACT_OK : no_memory(error);
}

balact_status lvis_groups_make(struct lvis_groups *groups, const struct balact_lvis *lvis,
                               const struct balact_lvis_detections *detections,
                               const struct balact_lvis_evaluate_options *options,
                               struct balact_error *error) {
    struct sorter images = {0};
    *groups = (struct lvis_groups){0};
    int64_t by_image = options->fixed ? -1 : options->max_detections;
    int64_t by_category = options->fixed ? options->fixed_detections : -1;
    balact_status status =
        lists_by_image(lvis, detections, by_image, &images)
            ? detections_by_category(groups, lvis, detections, &images, by_category, error)
            : no_memory(error);
    sorter_release(&images);
    if (status == BALACT_OK)
        status = order_categories(groups, lvis, detections, error);
    if (status == BALACT_OK)
        status = truths_by_category(groups, lvis, error);
    if (status != BALACT_OK)
        lvis_groups_release(groups);
    return status;
}

void lvis_groups_release(struct lvis_groups *groups) {
    free(groups->detection_start);
    free(groups->truth_start);
    free(groups->detection);
    free(groups->truth);
    *groups = (struct lvis_groups){0};
}
