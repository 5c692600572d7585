/* SPDX-License-Identifier: MIT
 *
 * Which detections count, and their order: the cap by image or by category, then groups by category
 * and image. Sorting by counting twice, images first, keeps ties in the file's order.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/evaluate/lvis_case.h"

static int compare_ranked(const void *a, const void *b) {
    const struct lvis_ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

void balact_lvis_rank(struct lvis_ranked *ranked, int64_t n) {
    for (int64_t i = 1; i < n; i++)
        if (compare_ranked(&ranked[i - 1], &ranked[i]) > 0) { /* most lists arrive in order */
            qsort(ranked, (size_t)n, sizeof *ranked, compare_ranked);
            return;
        }
}

/* ---- Sorting by counting ---- */

/* order[0..n): places, stably by key; start[keys + 1]. from: the order that stands, NULL for 0..n;
 * places whose key is negative are left out. Returns how many remain. */
struct count_sort {
    const void *context;
    int32_t (*key)(const void *context, int64_t place);
    int64_t keys, n;
    const int64_t *from;
    int64_t *start, *order;
};

static int64_t sort_by_counting(const struct count_sort *s) {
    memset(s->start, 0, (size_t)(s->keys + 1) * sizeof *s->start);
    for (int64_t i = 0; i < s->n; i++) {
        int32_t key = s->key(s->context, s->from ? s->from[i] : i);
        if (key >= 0)
            s->start[key + 1]++;
    }
    for (int64_t k = 0; k < s->keys; k++)
        s->start[k + 1] += s->start[k];
    int64_t total = s->start[s->keys];
    for (int64_t i = 0; i < s->n; i++) {
        int64_t place = s->from ? s->from[i] : i;
        int32_t key = s->key(s->context, place);
        if (key >= 0)
            s->order[s->start[key]++] = place;
    }
    /* every start has become the next one's */
    memmove(s->start + 1, s->start, (size_t)s->keys * sizeof *s->start);
    s->start[0] = 0;
    return total;
}

/* ---- Keys ---- */

/* The official code asks for annotations of an area above 0 and below infinity, and so loses all
 * others, detections included. */
static bool has_area(double area) {
    return area > 0 && area < INFINITY;
}

static int32_t truth_image(const void *context, int64_t place) {
    const struct lvis_case *c = context;
    const struct balact_lvis_annotation *a = &c->lvis->annotation[place];
    return has_area(a->area) ? a->image : -1;
}

static int32_t truth_category(const void *context, int64_t place) {
    const struct lvis_case *c = context;
    return c->lvis->annotation[place].category;
}

static int32_t detection_image(const void *context, int64_t place) {
    const struct lvis_case *c = context;
    return c->detections->detection[place].image;
}

static int32_t detection_category(const void *context, int64_t place) {
    const struct lvis_case *c = context;
    return c->detections->detection[place].category;
}

double balact_lvis_detection_area(const struct lvis_case *c,
                                  const struct balact_lvis_region *region) {
    bool box = c->options.area == BALACT_LVIS_AREA_BOX || !(region->flags & BALACT_LVIS_HAS_MASK);
    if (c->options.area == BALACT_LVIS_AREA_OFFICIAL)
        box |= c->detections->first_has_box && (region->flags & BALACT_LVIS_HAS_BOX);
    return box ? region->box[2] * region->box[3] : (double)region->mask_area;
}

/* ---- The cap ---- */

struct selection {
    struct lvis_case *c;
    bool *dropped;  /* [count] */
    int64_t *order; /* [count] */
    int64_t *start; /* [max(images, categories) + 1] */
    struct lvis_ranked *ranked;
};

static int32_t counted_category(const void *context, int64_t place) {
    const struct selection *s = context;
    const struct balact_lvis_detection *d = &s->c->detections->detection[place];
    if (d->region < 0 || s->dropped[place] ||
        !has_area(balact_lvis_detection_area(s->c, &s->c->detections->region[d->region])))
        return -1;
    return d->category;
}

/* Drops all but the best `most` of each group of order[]. */
static void cap_groups(struct selection *s, int64_t groups, int64_t most) {
    const struct balact_lvis_detection *detection = s->c->detections->detection;
    for (int64_t g = 0; g < groups; g++) {
        int64_t first = s->start[g], n = s->start[g + 1] - first;
        if (n <= most)
            continue;
        for (int64_t i = 0; i < n; i++) {
            int64_t place = s->order[first + i];
            s->ranked[i] = (struct lvis_ranked){detection[place].score, place};
        }
        balact_lvis_rank(s->ranked, n);
        for (int64_t i = most; i < n; i++)
            s->dropped[s->ranked[i].place] = true;
        s->c->kept -= n - most;
    }
}

/* Room for the largest group. */
static bool room_for_ranking(struct selection *s, int64_t groups) {
    int64_t largest = 1;
    for (int64_t g = 0; g < groups; g++)
        largest = s->start[g + 1] - s->start[g] > largest ? s->start[g + 1] - s->start[g] : largest;
    s->ranked = malloc((size_t)largest * sizeof *s->ranked);
    return s->ranked != NULL;
}

static bool cap(struct selection *s, struct count_sort *by_image) {
    struct lvis_case *c = s->c;
    c->kept = c->detections->count;
    if (c->options.fixed) {
        struct count_sort by_category = *by_image;
        by_category.key = detection_category;
        by_category.keys = c->lvis->categories;
        sort_by_counting(&by_category);
        if (!room_for_ranking(s, c->lvis->categories))
            return false;
        cap_groups(s, c->lvis->categories, c->options.fixed_detections);
    }
    sort_by_counting(by_image);
    if (!c->options.fixed && c->options.max_detections >= 0) {
        if (!room_for_ranking(s, c->lvis->images))
            return false;
        cap_groups(s, c->lvis->images, c->options.max_detections);
    }
    return true;
}

/* ---- Groups ---- */

/* Within each image of a category by falling score. */
static bool order_pairs(struct lvis_case *c) {
    const struct balact_lvis_detection *detection = c->detections->detection;
    int64_t total = c->found_start[c->lvis->categories], first = 0;
    struct lvis_ranked *ranked = malloc((size_t)(total + 1) * sizeof *ranked);
    for (int64_t i = 1; ranked && i <= total; i++) {
        const struct balact_lvis_detection *a = &detection[c->found[first]];
        if (i < total && detection[c->found[i]].image == a->image &&
            detection[c->found[i]].category == a->category)
            continue;
        for (int64_t j = first; j < i; j++)
            ranked[j - first] = (struct lvis_ranked){detection[c->found[j]].score, c->found[j]};
        balact_lvis_rank(ranked, i - first);
        for (int64_t j = first; j < i; j++)
            c->found[j] = ranked[j - first].place;
        first = i;
    }
    free(ranked);
    return ranked != NULL;
}

static bool group_found(struct lvis_case *c) {
    int64_t count = c->detections->count, categories = c->lvis->categories;
    int64_t keys = categories > c->lvis->images ? categories : c->lvis->images;
    struct selection s = {.c = c,
                          .dropped = calloc((size_t)count + 1, sizeof *s.dropped),
                          .order = malloc((size_t)(count + 1) * sizeof *s.order),
                          .start = malloc((size_t)(keys + 1) * sizeof *s.start)};
    struct count_sort sort = {.context = c,
                              .key = detection_image,
                              .keys = c->lvis->images,
                              .n = count,
                              .start = s.start,
                              .order = s.order};
    c->found_start = calloc((size_t)categories + 1, sizeof *c->found_start);
    bool fine = s.dropped && s.order && s.start && c->found_start && cap(&s, &sort);
    if (fine) {
        int64_t counted = 0;
        for (int64_t i = 0; i < count; i++)
            counted += counted_category(&s, i) >= 0;
        c->found = malloc((size_t)(counted + 1) * sizeof *c->found);
        sort = (struct count_sort){&s,      counted_category, categories, count,
                                   s.order, c->found_start,   c->found};
        fine = c->found != NULL;
        if (fine)
            sort_by_counting(&sort);
    }
    free(s.dropped);
    free(s.order);
    free(s.start);
    free(s.ranked);
    return fine && order_pairs(c);
}

static bool group_truth(struct lvis_case *c) {
    int64_t n = c->lvis->annotations;
    int64_t *order = malloc((size_t)(n + 1) * sizeof *order);
    int64_t *start = malloc((size_t)(c->lvis->images + 1) * sizeof *start);
    c->truth = malloc((size_t)(n + 1) * sizeof *c->truth);
    c->truth_start = calloc((size_t)c->lvis->categories + 1, sizeof *c->truth_start);
    bool fine = order && start && c->truth && c->truth_start;
    if (fine) {
        struct count_sort sort = {c, truth_image, c->lvis->images, n, NULL, start, order};
        sort.n = sort_by_counting(&sort);
        sort.key = truth_category;
        sort.keys = c->lvis->categories;
        sort.from = order;
        sort.start = c->truth_start;
        sort.order = c->truth;
        sort_by_counting(&sort);
    }
    free(order);
    free(start);
    return fine;
}

balact_status balact_lvis_case_group(struct lvis_case *c, struct balact_error *error) {
    if (group_truth(c) && group_found(c))
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory: %lld detections",
                       c->detections->name ? c->detections->name : "detections",
                       (long long)c->detections->count);
}

void balact_lvis_case_release(struct lvis_case *c) {
    free(c->truth_start);
    free(c->found_start);
    free(c->truth);
    free(c->found);
    free(c->outcome);
    free(c->truths);
    memset(c, 0, sizeof *c);
}
