/* SPDX-License-Identifier: MIT
 *
 * See settings.h.
 */
#include "bench/train/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/dataset.h"

#define AT(field) offsetof(struct settings, field)
#define NO_BOUNDS 0, 0, NULL
/* Short names for the table. */
#define TEXT      SETTING_TEXT_SHORT
#define PARAGRAPH SETTING_TEXT_LONG
#define INTEGER   SETTING_INTEGER
#define REAL      SETTING_REAL
#define FLAG      SETTING_FLAG
#define CHOICE    SETTING_CHOICE
#define KINDS     "imagenet-lt|features|cifar-lt|sample-size|lvis"

static const struct setting table[] = {
    {"experiment", "title", TEXT, AT(title), NO_BOUNDS, "TEXT", "of the report", false},
    {"experiment", "purpose", PARAGRAPH, AT(purpose), NO_BOUNDS, "TEXT", "what it is to show",
     false},
    {"experiment", "data", CHOICE, AT(kind), 0, 0, KINDS, "KIND", "what it trains on", false},

    {"data", "classes", INTEGER, AT(classes), 0, 1 << 24, NULL, "N",
     "classes; 0 takes them from the data", false},
    {"data", "imbalance", REAL, AT(imbalance), 0, 1e6, NULL, "IF",
     "CIFAR-LT: largest over smallest class; 0 keeps every image", false},
    {"data", "features", CHOICE, AT(features), 0, 0, "pixels", "KIND",
     "CIFAR-LT: what the head sees: pixels", false},
    {"data", "subset_order", CHOICE, AT(subset_order), 0, 0, "file|shuffled", "ORDER",
     "CIFAR-LT: which images of a class: file (the first), shuffled", false},
    {"data", "subset_seed", INTEGER, AT(subset_seed), 0, 9e15, NULL, "N",
     "CIFAR-LT: seed of the shuffled subset", false},
    {"data", "synthetic_seed", INTEGER, AT(synthetic_seed), 0, 9e15, NULL, "N",
     "sample-size: seed of the data", false},
    {"data", "dim", INTEGER, AT(dim), 1, 1 << 20, NULL, "N", "sample-size: feature dimensions",
     false},
    {"data", "super_classes", INTEGER, AT(super_classes), 0, 1 << 24, NULL, "N",
     "sample-size: super-classes; 0 for the default", false},
    {"data", "sub_classes", INTEGER, AT(sub_classes), 0, 1 << 24, NULL, "N",
     "sample-size: sub-classes; 0 for the default", false},
    {"data", "spread_super", REAL, AT(spread_super), 0, 1e6, NULL, "X",
     "sample-size: deviation of super-class centres; 0 for the default", false},
    {"data", "spread_sub", REAL, AT(spread_sub), 0, 1e6, NULL, "X",
     "sample-size: of sub-classes within them", false},
    {"data", "spread_class", REAL, AT(spread_class), 0, 1e6, NULL, "X",
     "sample-size: of classes within those", false},
    {"data", "scale", REAL, AT(scale), 0, 1e6, NULL, "X",
     "sample-size: size of the features; 0 for the default", false},
    {"data", "val_per_class", INTEGER, AT(val_per_class), 0, 1 << 24, NULL, "N",
     "sample-size: validation rows a class; 0 for the default", false},
    {"data", "test_per_class", INTEGER, AT(test_per_class), 0, 1 << 24, NULL, "N",
     "sample-size: test rows a class; 0 for the default", false},
    {"data", "factors", SETTING_REALS, AT(factors), 1e-3, 1e6, NULL, "X,Y,...",
     "sample-size: factors on the training counts", false},

    {"train", "methods", SETTING_METHODS, AT(methods), NO_BOUNDS, "A,B,...", "methods to train",
     false},
    {"train", "seeds", SETTING_SEEDS, AT(seeds), NO_BOUNDS, "N|A,B,...",
     "number of seeds (1..N) or a list of them (\"7,\" is the one seed 7)", false},
    {"train", "epochs", INTEGER, AT(hyper.epochs), 1, 1 << 24, NULL, "N",
     "passes over the training set", true},
    {"train", "min_steps", INTEGER, AT(hyper.min_steps), 0, 1 << 30, NULL, "N",
     "epochs are added until there are this many steps", true},
    {"train", "batch", INTEGER, AT(hyper.batch), 1, 1 << 24, NULL, "N", "rows of a step", true},
    {"train", "learning_rate", REAL, AT(hyper.learning_rate), 1e-12, 1e6, NULL, "X",
     "first rate of the cosine schedule, which ends at 0", true},
    {"train", "momentum", REAL, AT(hyper.momentum), 0, 1, NULL, "X", "of SGD", true},
    {"train", "nesterov", FLAG, AT(hyper.nesterov), NO_BOUNDS, "yes|no", "Nesterov's momentum",
     true},
    {"train", "weight_decay", REAL, AT(hyper.weight_decay), 0, 1e3, NULL, "X", "of the weights",
     true},
    {"train", "decay_bias", FLAG, AT(hyper.decay_bias), NO_BOUNDS, "yes|no", "decay the biases too",
     true},
    {"train", "warmup_epochs", REAL, AT(hyper.warmup_epochs), 0, 1e6, NULL, "X",
     "epochs of linear warm-up", true},
    {"train", "tau", REAL, AT(hyper.tau), 0, 1e3, NULL, "X",
     "factor on the prior of balanced methods", true},
    {"train", "zero_count", CHOICE, AT(hyper.zero_count), 0, 0, "error|mask|floor", "POLICY",
     "a class without images under a prior: error, mask or floor (at 1)", true},
    {"train", "checkpoint_epochs", INTEGER, AT(checkpoint_epochs), 0, 1 << 24, NULL, "N",
     "epochs between checkpoints; 0 for none by epochs", false},
    {"train", "checkpoint_seconds", REAL, AT(checkpoint_seconds), 0, 1e9, NULL, "SECONDS",
     "time between checkpoints; 0 for none by time", false},

    {"lvis", "train_annotations", TEXT, AT(lvis.train_annotations), NO_BOUNDS, "FILE",
     "LVIS: if not DATA/lvis_train.json", false},
    {"lvis", "val_annotations", TEXT, AT(lvis.val_annotations), NO_BOUNDS, "FILE",
     "LVIS: if not DATA/lvis_val.json", false},
    {"lvis", "stage1_steps", INTEGER, AT(lvis.stage1_steps), 0, 1 << 30, NULL, "N",
     "LVIS: steps of the plain head that all methods of a family begin with", false},
    {"lvis", "stage2_steps", INTEGER, AT(lvis.stage2_steps), 0, 1 << 30, NULL, "N",
     "LVIS: steps of each method's own from there", false},
    {"lvis", "plain_stage2", FLAG, AT(lvis.plain_stage2), NO_BOUNDS, "yes|no",
     "LVIS: plain methods get the same steps in stage 2", false},
    {"lvis", "stage1_drop1", REAL, AT(lvis.stage1_drop1), 0, 1, NULL, "X",
     "LVIS: where the rate drops, as a share of the steps", false},
    {"lvis", "stage1_drop2", REAL, AT(lvis.stage1_drop2), 0, 1, NULL, "X", "LVIS: and again",
     false},
    {"lvis", "stage2_drop1", REAL, AT(lvis.stage2_drop1), 0, 1, NULL, "X",
     "LVIS: the same of stage 2", false},
    {"lvis", "stage2_drop2", REAL, AT(lvis.stage2_drop2), 0, 1, NULL, "X", "LVIS: and again",
     false},
    {"lvis", "drop_factor", REAL, AT(lvis.drop_factor), 0, 1, NULL, "X",
     "LVIS: what a drop leaves of the rate", false},
    {"lvis", "images_per_batch", INTEGER, AT(lvis.images_per_batch), 1, 1 << 16, NULL, "N",
     "LVIS: images of a step", false},
    {"lvis", "rois_per_image", INTEGER, AT(lvis.rois_per_image), 1, 1 << 16, NULL, "N",
     "LVIS: at most so many RoIs of an image a step", false},
    {"lvis", "foreground_share", REAL, AT(lvis.foreground_share), 0, 1, NULL, "X",
     "LVIS: at most this share of them foreground", false},
    {"lvis", "repeat_threshold", REAL, AT(lvis.repeat_threshold), 0, 1, NULL, "X",
     "LVIS: t of repeat-factor sampling; 0 shows every image once an epoch", false},
    {"lvis", "prior", CHOICE, AT(lvis.prior), 0, 0, "family|image|instance", "COUNTS",
     "LVIS: the prior's counts: family (sigmoid image, softmax instance), image, instance", false},
    {"lvis", "shift", CHOICE, AT(lvis.shift), 0, 0, "family|all|foreground-only", "ROWS",
     "LVIS: rows shifted: family (sigmoid foreground-only, softmax all), all, foreground-only",
     false},
    {"lvis", "stage2_bias", CHOICE, AT(lvis.stage2_bias), 0, 0, "family|stage1|less-prior",
     "BIAS",
     "LVIS: biases that balanced heads begin stage 2 with: family (sigmoid stage1, softmax "
     "less-prior), stage 1's, or those less the prior",
     false},
    {"lvis", "odds_constant", FLAG, AT(lvis.odds_constant), NO_BOUNDS, "yes|no",
     "LVIS: Balanced Sigmoid keeps the theory's + log(K - 1), which the authors' code drops", false},
    {"lvis", "objectness", FLAG, AT(lvis.objectness), NO_BOUNDS, "yes|no",
     "LVIS: multiply scores by the proposals' objectness", false},
    {"lvis", "score_threshold", REAL, AT(lvis.score_threshold), 0, 1, NULL, "X",
     "LVIS: detections score more", false},
    {"lvis", "nms_iou", REAL, AT(lvis.nms_iou), 0, 1, NULL, "X",
     "LVIS: overlap beyond which the worse box of a category goes", false},
    {"lvis", "detections_per_image", INTEGER, AT(lvis.detections_per_image), 1, 1 << 20, NULL, "N",
     "LVIS: best detections kept", false},
    {"lvis", "memory_mib", INTEGER, AT(lvis.memory_mib), 0, 1 << 30, NULL, "N",
     "LVIS: MiB of RoIs that may stay in memory, for each split; larger sets stream", false},
    {"lvis", "keep_results", FLAG, AT(lvis.keep_results), NO_BOUNDS, "yes|no",
     "LVIS: keep the results JSON of each head", false},
};
enum { TABLE_COUNT = sizeof table / sizeof *table };
_Static_assert((int)TABLE_COUNT <= (int)MAX_SETTINGS, "raise MAX_SETTINGS");

const struct setting *settings_table(size_t *count) {
    *count = TABLE_COUNT;
    return table;
}

static const char *const kind_names[] = {
#define NAME(ID, name, help) name,
    DATA_KIND_LIST(NAME)
#undef NAME
};

const char *data_kind_name(enum data_kind kind) {
    return (unsigned)kind < DATA_KIND_COUNT ? kind_names[kind] : "unknown";
}

int data_kind_find(const char *name) {
    for (int i = 0; i < DATA_KIND_COUNT; i++)
        if (!strcmp(kind_names[i], name))
            return i;
    return -1;
}

void settings_init(struct settings *settings) {
    memset(settings, 0, sizeof *settings);
    settings->imbalance = 100;
    settings->dim = 32;
    settings->factors[0] = 1;
    settings->factor_count = 1;
    /* The classifier stage of decoupled training, arXiv 2007.10740 App. C (ImageNet-LT). */
    settings->hyper = (struct hyper){.epochs = 10,
                                     .batch = 512,
                                     .learning_rate = 0.2,
                                     .momentum = 0.9,
                                     .weight_decay = 5e-4,
                                     .tau = 1};
    static const char *const plain[] = {"softmax", "sigmoid", "balanced_softmax",
                                        "balanced_sigmoid"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        settings->methods[settings->method_count++] = method_find(plain[i]);
    for (uint64_t seed = 1; seed <= 3; seed++)
        settings->seeds[settings->seed_count++] = seed;
    /* 2007.10740's instance segmentation code; steps are for the synthetic set. */
    settings->lvis = (struct lvis_settings){.images_per_batch = 16,
                                            .rois_per_image = 512,
                                            .foreground_share = 0.25,
                                            .repeat_threshold = 0.001,
                                            .stage1_steps = 1000,
                                            .stage2_steps = 500,
                                            .stage1_drop1 = 2.0 / 3,
                                            .stage1_drop2 = 8.0 / 9,
                                            .stage2_drop1 = 2.0 / 3,
                                            .stage2_drop2 = 8.0 / 9,
                                            .drop_factor = 0.1,
                                            .plain_stage2 = true,
                                            .score_threshold = 1e-4,
                                            .nms_iou = 0.5,
                                            .detections_per_image = 300,
                                            .memory_mib = 2048};
    settings->checkpoint_epochs = 1;
    settings->checkpoint_seconds = 60;
}

/* ---- To text ---- */

static void append(char *text, size_t size, const char *format, ...) BALACT_PRINTF(3, 4);
static void append(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    size_t used = strlen(text);
    va_start(arguments, format);
    vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

/* The shortest of %.15g, %.16g, %.17g that reads back as the same double. */
static void append_real(char *text, size_t size, double value) {
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    append(text, size, "%s", digits);
}

static void get_choice(const char *choices, int64_t value, char *text, size_t size) {
    while (value-- > 0)
        choices = strchr(choices, '|') + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

void settings_get(const struct settings *settings, size_t index, char *text, size_t size) {
    const struct setting *s = &table[index];
    const void *from = (const char *)settings + s->offset;
    text[0] = '\0';
    switch (s->type) {
    case SETTING_TEXT_SHORT:
    case SETTING_TEXT_LONG:
        snprintf(text, size, "%s", (const char *)from);
        break;
    case SETTING_INTEGER:
        snprintf(text, size, "%lld", (long long)*(const int64_t *)from);
        break;
    case SETTING_REAL:
        append_real(text, size, *(const double *)from);
        break;
    case SETTING_FLAG:
        snprintf(text, size, "%s", *(const bool *)from ? "yes" : "no");
        break;
    case SETTING_CHOICE:
        get_choice(s->choices, *(const int64_t *)from, text, size);
        break;
    case SETTING_METHODS:
        for (size_t i = 0; i < settings->method_count; i++)
            append(text, size, "%s%s", i ? "," : "", settings->methods[i]->name);
        break;
    case SETTING_SEEDS:
        for (size_t i = 0; i < settings->seed_count; i++)
            append(text, size, "%llu,", (unsigned long long)settings->seeds[i]);
        if (settings->seed_count > 1) /* one seed keeps its comma: without, it would be a number */
            text[strlen(text) - 1] = '\0';
        break;
    case SETTING_REALS:
        for (size_t i = 0; i < settings->factor_count; i++) {
            append(text, size, "%s", i ? "," : "");
            append_real(text, size, settings->factors[i]);
        }
        break;
    }
}

void hyper_describe(const struct hyper *hyper, char *text, size_t size) {
    static struct settings holder; /* large for the stack; only hyper is read */
    char value[64];
    holder.hyper = *hyper;
    text[0] = '\0';
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (!table[i].of_method)
            continue;
        settings_get(&holder, i, value, sizeof value);
        append(text, size, "%s = %s\n", table[i].key, value);
    }
}
