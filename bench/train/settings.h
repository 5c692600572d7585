/* SPDX-License-Identifier: MIT
 *
 * The settings of an experiment: built-in defaults, then its definition file (definition.h), then
 * the command line. One table in settings.c names every key with its section, type, range and help;
 * the parser, the options of `balact train`, the echo and run.json grow from it.
 */
#ifndef BALACT_BENCH_TRAIN_SETTINGS_H
#define BALACT_BENCH_TRAIN_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "balact/activations.h"
#include "bench/train/methods.h"

/* What an experiment trains on; the word after `balact train`. */
#define DATA_KIND_LIST(X)                                                                          \
    X(IMAGENET_LT, "imagenet-lt", "ImageNet-LT as given features, real or synthetic")              \
    X(FEATURES, "features", "any given features with lists or labels, e.g. Places-LT")             \
    X(CIFAR_LT, "cifar-lt", "long-tailed CIFAR-10 or CIFAR-100 images")                            \
    X(SAMPLE_SIZE, "sample-size", "growing synthetic sets against their Bayes optimum")            \
    X(LVIS, "lvis", "RoIs of LVIS with given features, real or synthetic")
enum data_kind {
#define DATA_KIND_ENUM(ID, name, help) DATA_##ID,
    DATA_KIND_LIST(DATA_KIND_ENUM)
#undef DATA_KIND_ENUM
        DATA_KIND_COUNT
};
const char *data_kind_name(enum data_kind kind);
int data_kind_find(const char *name); /* -1 if there is none */

/* What governs the training of one head; each may differ by method. */
struct hyper {
    int64_t epochs, min_steps, batch;
    double learning_rate, momentum, weight_decay, warmup_epochs;
    bool nesterov, decay_bias;
    double tau;
    int64_t zero_count; /* enum balact_zero_count */
};

/* What only the classification of RoIs has (METHOD.md, "LVIS"). */
struct lvis_settings {
    int64_t images_per_batch, rois_per_image;
    double foreground_share, repeat_threshold; /* threshold 0: no repeat-factor sampling */
    int64_t stage1_steps, stage2_steps;
    double stage1_drop1, stage1_drop2, stage2_drop1, stage2_drop2; /* shares of the steps */
    double drop_factor;
    bool plain_stage2;
    int64_t prior; /* enum lvis_prior */
    int64_t shift; /* enum lvis_shift */
    int64_t stage2_bias; /* enum lvis_stage2_bias */
    bool odds_constant; /* Balanced Sigmoid: keep the theory's + log(K - 1) */
    bool objectness;
    double score_threshold, nms_iou;
    int64_t detections_per_image, memory_mib;
    bool keep_results;
    char train_annotations[256], val_annotations[256]; /* "": beside the RoIs */
};
/* Counts behind the prior, and rows that it shifts. "family": image counts and foreground rows for
 * the sigmoid family, instance counts and all rows for softmax. */
enum lvis_prior { LVIS_PRIOR_FAMILY, LVIS_PRIOR_IMAGE, LVIS_PRIOR_INSTANCE };
/* Biases with which a balanced head goes on from the plain one of stage 1: as they are, or less the
 * prior, so that the loss of shifted rows goes on where it stood and the head is balanced from the
 * first step. "family": less the prior for softmax; as they are for sigmoids, whose background rows
 * are not shifted and would meet biases that are wrong by the whole prior. */
enum lvis_stage2_bias {
    LVIS_STAGE2_BIAS_FAMILY,
    LVIS_STAGE2_BIAS_STAGE1,
    LVIS_STAGE2_BIAS_LESS_PRIOR
};
enum lvis_shift { LVIS_SHIFT_FAMILY, LVIS_SHIFT_ALL, LVIS_SHIFT_FOREGROUND };

enum { MAX_METHODS = 64, MAX_SEEDS = 64, MAX_FACTORS = 16, MAX_OVERRIDES = 64, MAX_SETTINGS = 64 };

struct settings {
    char name[64];        /* of the experiment: its folder and the first CSV column */
    char definition[512]; /* path of the definition file, "" if none was read */
    char title[256], purpose[1024];
    int64_t kind; /* enum data_kind */

    int64_t classes; /* 0: from the data */
    double imbalance;
    int64_t features;     /* 0: pixels, the only kind so far */
    int64_t subset_order; /* enum balact_subset_order */
    int64_t subset_seed;

    int64_t synthetic_seed, dim, super_classes, sub_classes, val_per_class, test_per_class;
    double spread_super, spread_sub, spread_class, scale;
    double factors[MAX_FACTORS];
    size_t factor_count;

    struct lvis_settings lvis;

    const struct method *methods[MAX_METHODS];
    size_t method_count;
    uint64_t seeds[MAX_SEEDS];
    size_t seed_count;
    struct hyper hyper;
    int64_t checkpoint_epochs;
    double checkpoint_seconds;

    /* Values of single methods, from sections [method.NAME]. */
    struct setting_override {
        const struct method *method;
        size_t setting; /* index into the table */
        char value[64];
    } overrides[MAX_OVERRIDES];
    size_t override_count;
    bool given[MAX_SETTINGS];        /* in the definition file */
    bool from_command[MAX_SETTINGS]; /* on the command line: beats [method.NAME] */
};

enum setting_type {
    SETTING_TEXT_SHORT, /* char[], as long as title */
    SETTING_TEXT_LONG,  /* char[], as long as purpose */
    SETTING_INTEGER,    /* int64_t */
    SETTING_REAL,       /* double */
    SETTING_FLAG,       /* bool; yes or no */
    SETTING_CHOICE,     /* int64_t; index among choices */
    SETTING_METHODS,    /* the lists */
    SETTING_SEEDS,
    SETTING_REALS
};

/* One key. */
struct setting {
    const char *section, *key;
    enum setting_type type;
    size_t offset;
    double low, high;     /* inclusive bounds of numbers */
    const char *choices;  /* "a|b|c" of a choice */
    const char *argument; /* for help */
    const char *help;
    bool of_method; /* may stand in [method.NAME] */
};
const struct setting *settings_table(size_t *count);

/* Fills in the built-in defaults. */
void settings_init(struct settings *settings);

enum settings_origin { SETTINGS_FILE, SETTINGS_COMMAND };

/* Sets one key from text. False if section, key or value is wrong; why then says so and suggests. A
 * second value for one key of a file is refused. */
bool settings_set(struct settings *settings, const char *section, const char *key,
                  const char *value, enum settings_origin origin, char *why, size_t size);

/* The value of setting `index` as text that settings_set() reads back. */
void settings_get(const struct settings *settings, size_t index, char *text, size_t size);

/* The hyper-parameters of a method: [train], then [method.NAME], then the command line. */
struct hyper settings_hyper(const struct settings *settings, const struct method *method);

/* Writes hyper-parameters as "key = value" lines, the text that a checkpoint is bound to. */
void hyper_describe(const struct hyper *hyper, char *text, size_t size);

#endif
