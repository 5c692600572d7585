/* SPDX-License-Identifier: MIT
 *
 * See cases.h.
 */
#include "bench/measure/cases.h"

#include <string.h>

/* Columns lie below, at and above the vector widths (8 and 16), their unrolled multiples and the
 * block sizes; 1000, 1203, 1204 and 21841 are ImageNet-LT, LVIS-1.0, LVIS-1.0 with background, and
 * ImageNet-21k. 70001 and 600001 fit no buffer a row of 256 KiB and 2 MiB. What 16-bit storage adds
 * has little to do with the shape, so that the types walk the longest and the in-between ones less
 * often. */
static const struct kernel_case cases[] = {
    {"1x1", 1, 1, 0, LOGITS_NORMAL, WALK_ALL},
    {"3x1", 3, 1, 2, LOGITS_NORMAL, WALK_F32},
    {"5x2", 5, 2, 0, LOGITS_NORMAL, WALK_ALL},
    {"4x3", 4, 3, 1, LOGITS_NORMAL, WALK_ALL},
    {"7x5", 7, 5, 0, LOGITS_WIDE, WALK_F32},
    {"3x7", 3, 7, 0, LOGITS_NORMAL, WALK_F32},
    {"3x8", 3, 8, 0, LOGITS_NORMAL, WALK_ALL},
    {"3x9", 3, 9, 7, LOGITS_NORMAL, WALK_ALL},
    {"6x10", 6, 10, 0, LOGITS_CONFIDENT, WALK_ALL},
    {"3x15", 3, 15, 0, LOGITS_WIDE, WALK_F32},
    {"3x16", 3, 16, 0, LOGITS_NORMAL, WALK_ALL},
    {"3x17", 3, 17, 0, LOGITS_NORMAL, WALK_ALL},
    {"3x31", 3, 31, 1, LOGITS_WIDE, WALK_ALL},
    {"3x32", 3, 32, 0, LOGITS_NORMAL, WALK_F32},
    {"3x33", 3, 33, 0, LOGITS_NORMAL, WALK_ALL},
    {"4x63", 4, 63, 0, LOGITS_CONFIDENT, WALK_ALL},
    {"4x64", 4, 64, 0, LOGITS_NORMAL, WALK_F32},
    {"4x65", 4, 65, 0, LOGITS_WIDE, WALK_ALL},
    {"12x100", 12, 100, 0, LOGITS_CONFIDENT, WALK_ALL},
    {"4x127", 4, 127, 1, LOGITS_NORMAL, WALK_ALL},
    {"4x128", 4, 128, 0, LOGITS_NORMAL, WALK_F32},
    {"4x129", 4, 129, 0, LOGITS_WIDE, WALK_ALL},
    {"3x511", 3, 511, 0, LOGITS_NORMAL, WALK_F32},
    {"3x512", 3, 512, 0, LOGITS_WIDE, WALK_ALL},
    {"3x513", 3, 513, 0, LOGITS_NORMAL, WALK_ALL},
    {"16x1000", 16, 1000, 0, LOGITS_NORMAL, WALK_F32},
    {"16x1000-wide", 16, 1000, 8, LOGITS_WIDE, WALK_ALL},
    {"16x1000-confident", 16, 1000, 0, LOGITS_CONFIDENT, WALK_ALL},
    {"4x1023", 4, 1023, 1, LOGITS_NORMAL, WALK_ALL},
    {"4x1025", 4, 1025, 0, LOGITS_WIDE, WALK_F32},
    {"16x1203", 16, 1203, 0, LOGITS_WIDE, WALK_F32},
    {"16x1204", 16, 1204, 0, LOGITS_NORMAL, WALK_ALL},
    {"4x4097", 4, 4097, 0, LOGITS_WIDE, WALK_F32},
    {"2x21841", 2, 21841, 0, LOGITS_NORMAL, WALK_ALL},
    {"2x21841-wide", 2, 21841, 7, LOGITS_WIDE, WALK_F32},
    {"1x70001", 1, 70001, 1, LOGITS_NORMAL, WALK_ALL},
    {"1x200000", 1, 200000, 0, LOGITS_WIDE, WALK_F32},
    {"1x600001", 1, 600001, 0, LOGITS_WIDE, WALK_FEW},
    {"4x37-equal", 4, 37, 0, LOGITS_EQUAL, WALK_ALL},
    {"2x1204-equal", 2, 1204, 0, LOGITS_EQUAL, WALK_ALL},
    {"4x70-tiny", 4, 70, 0, LOGITS_TINY, WALK_ALL},
    {"8x100-huge", 8, 100, 0, LOGITS_HUGE, WALK_ALL},
    {"8x1203-huge", 8, 1203, 0, LOGITS_HUGE, WALK_ALL},
    {"4x100-up", 4, 100, 0, LOGITS_SHIFTED_UP, WALK_ALL},
    {"4x1203-up", 4, 1203, 5, LOGITS_SHIFTED_UP, WALK_ALL},
    {"4x100-down", 4, 100, 3, LOGITS_SHIFTED_DOWN, WALK_ALL},
    {"4x1204-down", 4, 1204, 0, LOGITS_SHIFTED_DOWN, WALK_ALL},
    {"8x21-masked", 8, 21, 0, LOGITS_MASKED, WALK_ALL},
    {"4x1203-masked", 4, 1203, 3, LOGITS_MASKED, WALK_ALL},
    {"10x19-special", 10, 19, 0, LOGITS_SPECIAL, WALK_ALL},
    {"10x1000-special", 10, 1000, 0, LOGITS_SPECIAL, WALK_ALL},
};

static const struct option_set sets[] = {
    {.name = "default", .long_rows = true},
    {.name = "ignore", .ignore = true},
    {.name = "all_ignored", .all_ignored = true},
    {.name = "class_weight", .class_weight = true},
    {.name = "row_weight", .row_weight = true},
    {.name = "grad_scale", .grad_scale = 1.0f / 512.0f},
    {.name = "grad_scale_large", .grad_scale = 131072.0f},
    {.name = "smoothing", .smoothing = 0.1f},
    {.name = "smoothing_one", .smoothing = 1.0f},
    {.name = "weights_smoothing_ignore",
     .long_rows = true,
     .ignore = true,
     .class_weight = true,
     .row_weight = true,
     .smoothing = 0.2f,
     .grad_scale = 0.03125f},
    {.name = "soft_targets", .soft_targets = true},
    {.name = "soft_targets_weights_ignore",
     .long_rows = true,
     .soft_targets = true,
     .ignore = true,
     .class_weight = true,
     .row_weight = true,
     .grad_scale = 0.25f},
    {.name = "background_last", .background = BALACT_BACKGROUND_LAST},
    {.name = "background_implicit",
     .only = OPTION_SIGMOID_ONLY,
     .background = BALACT_BACKGROUND_IMPLICIT},
    {.name = "background_implicit_smoothing_weights",
     .only = OPTION_SIGMOID_ONLY,
     .background = BALACT_BACKGROUND_IMPLICIT,
     .smoothing = 0.1f,
     .class_weight = true},
    {.name = "tau_quarter", .only = OPTION_BALANCED_ONLY, .tau = 0.25},
    {.name = "tau_two", .only = OPTION_BALANCED_ONLY, .tau = 2.0},
    {.name = "tau_fifty", .long_rows = true, .only = OPTION_BALANCED_ONLY, .tau = 50.0},
    {.name = "odds_constant",
     .only = OPTION_BALANCED_ONLY | OPTION_SIGMOID_ONLY,
     .odds_constant = true},
    {.name = "foreground_only_last",
     .only = OPTION_BALANCED_ONLY,
     .background = BALACT_BACKGROUND_LAST,
     .foreground_only = true},
    {.name = "foreground_only_last_smoothing_weights_ignore",
     .long_rows = true,
     .only = OPTION_BALANCED_ONLY,
     .background = BALACT_BACKGROUND_LAST,
     .foreground_only = true,
     .ignore = true,
     .class_weight = true,
     .smoothing = 0.1f},
    {.name = "foreground_only_implicit",
     .only = OPTION_BALANCED_ONLY | OPTION_SIGMOID_ONLY,
     .background = BALACT_BACKGROUND_IMPLICIT,
     .foreground_only = true},
    {.name = "foreground_only_soft_targets",
     .only = OPTION_BALANCED_ONLY,
     .background = BALACT_BACKGROUND_LAST,
     .foreground_only = true,
     .soft_targets = true,
     .ignore = true},
    {.name = "zero_mask", .only = OPTION_BALANCED_ONLY, .zero_count = BALACT_ZERO_MASK},
    {.name = "zero_mask_smoothing",
     .long_rows = true,
     .only = OPTION_BALANCED_ONLY,
     .zero_count = BALACT_ZERO_MASK,
     .smoothing = 0.1f},
    {.name = "zero_mask_soft_targets",
     .only = OPTION_BALANCED_ONLY,
     .zero_count = BALACT_ZERO_MASK,
     .soft_targets = true},
    {.name = "zero_floor", .only = OPTION_BALANCED_ONLY, .zero_count = BALACT_ZERO_FLOOR},
};

const struct kernel_case *kernel_cases(size_t *count) {
    *count = sizeof cases / sizeof *cases;
    return cases;
}

const struct option_set *option_sets(size_t *count) {
    *count = sizeof sets / sizeof *sets;
    return sets;
}

bool case_walks(const struct kernel_case *c, const struct option_set *set,
                enum balact_dtype dtype) {
    return c->walk == WALK_ALL || (dtype == BALACT_F32 && (c->walk == WALK_F32 || set->long_rows));
}

bool option_set_applies(const struct option_set *set, enum balact_activation activation,
                        int64_t cols) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    int64_t classes = cols - (set->background == BALACT_BACKGROUND_LAST);
    if ((set->only & OPTION_BALANCED_ONLY) && !info->balanced)
        return false;
    if ((set->only & OPTION_SIGMOID_ONLY) && info->family != BALACT_FAMILY_SIGMOID)
        return false;
    /* The odds of a lone class do not exist, nor does log(K - 1) for two help: 0 is fine. */
    if (info->balanced && info->family == BALACT_FAMILY_SIGMOID)
        return classes >= (set->zero_count == BALACT_ZERO_MASK ? 3 : 2);
    return classes >= (set->zero_count == BALACT_ZERO_ERROR ? 1 : 2);
}

static const char *const dtype_names[] = {
    [BALACT_F32] = "f32", [BALACT_F16] = "f16", [BALACT_BF16] = "bf16"};

const char *dtype_name(enum balact_dtype dtype) {
    return dtype_names[dtype];
}

int dtype_find(const char *name) {
    for (int d = 0; d < DTYPE_COUNT; d++)
        if (!strcmp(name, dtype_names[d]))
            return d;
    return -1;
}
