/* SPDX-License-Identifier: MIT
 *
 * What the files of balact/mask.h share: memory, and the walk along the runs of a mask.
 */
#ifndef BALACT_EVALUATE_MASK_H
#define BALACT_EVALUATE_MASK_H

#include "balact/mask.h"

/* Room for runs of a mask of that size; runs becomes 0. */
balact_status balact_mask_prepare(struct balact_mask *mask, int64_t runs, int32_t height,
                                  int32_t width, struct balact_error *error);

/* A place in a mask: `left` pixels of the run that is being walked, and whether they are ones. */
struct mask_walk {
    const uint32_t *next, *end;
    uint32_t left;
    bool inside;
};
void balact_mask_walk_begin(struct mask_walk *walk, const struct balact_mask *mask);

/* Goes on by step <= left pixels. An empty run is entered, not skipped: the official order. */
static inline void mask_walk_step(struct mask_walk *walk, uint32_t step) {
    walk->left -= step;
    if (walk->left == 0 && walk->next < walk->end) {
        walk->left = *walk->next++;
        walk->inside = !walk->inside;
    }
}

#endif
