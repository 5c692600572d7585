/* SPDX-License-Identifier: MIT
 *
 * See settings.h.
 */
#include "bench/train/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/dataset.h"
#include "bench/program.h"

enum { TEXT_SHORT, TEXT_LONG, INTEGER, REAL, FLAG, CHOICE, METHODS, SEEDS, REALS };

#define AT(field) offsetof(struct settings, field)
#define NO_BOUNDS 0, 0, NULL
#define KINDS "imagenet-lt|features|cifar-lt|sample-size"

static const struct setting table[] = {
    {"experiment", "title", TEXT_SHORT, AT(title), NO_BOUNDS, "TEXT", "of the report", false},
    {"experiment", "purpose", TEXT_LONG, AT(purpose), NO_BOUNDS, "TEXT", "what it is to show",
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
    {"data", "factors", REALS, AT(factors), 1e-3, 1e6, NULL, "X,Y,...",
     "sample-size: factors on the training counts", false},

    {"train", "methods", METHODS, AT(methods), NO_BOUNDS, "A,B,...", "methods to train", false},
    {"train", "seeds", SEEDS, AT(seeds), NO_BOUNDS, "N|A,B,...",
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
    {"train", "weight_decay", REAL, AT(hyper.weight_decay), 0, 1e3, NULL, "X",
     "of the weights", true},
    {"train", "decay_bias", FLAG, AT(hyper.decay_bias), NO_BOUNDS, "yes|no",
     "decay the biases too", true},
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
    settings->hyper = (struct hyper){.epochs = 10, .batch = 512, .learning_rate = 0.2,
                                     .momentum = 0.9, .weight_decay = 5e-4, .tau = 1};
    static const char *const plain[] = {"softmax", "sigmoid", "balanced_softmax",
                                        "balanced_sigmoid"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        settings->methods[settings->method_count++] = method_find(plain[i]);
    for (uint64_t seed = 1; seed <= 3; seed++)
        settings->seeds[settings->seed_count++] = seed;
    settings->checkpoint_epochs = 1;
    settings->checkpoint_seconds = 60;
}

/* ---- From text ---- */

static bool refuse(char *why, size_t size, const char *format, ...) BALACT_PRINTF(3, 4);
static bool refuse(char *why, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, size, format, arguments);
    va_end(arguments);
    return false;
}

static bool set_number(void *to, const struct setting *s, const char *value, char *why,
                       size_t size) {
    char *end;
    errno = 0;
    double number = strtod(value, &end);
    if (s->type == INTEGER && !errno && end != value && !*end && number != floor(number))
        return refuse(why, size, "%s wants an integer, not '%s'", s->key, value);
    if (end == value || *end || errno || !isfinite(number))
        return refuse(why, size, "%s wants %s, not '%s'", s->key,
                      s->type == INTEGER ? "an integer" : "a number", value);
    if (number < s->low || number > s->high)
        return refuse(why, size, "%s must lie in %g..%g, not be %s", s->key, s->low, s->high,
                      value);
    if (s->type == INTEGER)
        *(int64_t *)to = (int64_t)number;
    else
        *(double *)to = number;
    return true;
}

static bool set_choice(int64_t *to, const struct setting *s, const char *choices,
                       const char *value, char *why, size_t size) {
    char copy[128], *cursor = copy;
    const char *names[16], *name;
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", choices);
    while ((name = strsep(&cursor, "|")) != NULL) {
        if (!strcmp(name, value)) {
            *to = (int64_t)count;
            return true;
        }
        names[count++] = name;
    }
    const char *near = nearest_name(value, names, count);
    return near ? refuse(why, size, "%s cannot be '%s'; did you mean %s?", s->key, value, near)
                : refuse(why, size, "%s cannot be '%s'; it is one of %s", s->key, value, choices);
}

/* Calls add for each item of a comma-separated list. */
static bool each_item(const char *value, bool (*add)(void *, const char *, char *, size_t),
                      void *context, char *why, size_t size) {
    char copy[2048], *cursor = copy, *item;
    if (strlen(value) >= sizeof copy)
        return refuse(why, size, "the list is too long");
    snprintf(copy, sizeof copy, "%s", value);
    while ((item = strsep(&cursor, ", \t")) != NULL)
        if (*item && !add(context, item, why, size))
            return false;
    return true;
}

static bool add_method(void *context, const char *item, char *why, size_t size) {
    struct settings *settings = context;
    const struct method *method = method_find(item);
    if (!method) {
        const char *near = method_nearest(item);
        return near ? refuse(why, size, "no method '%s'; did you mean %s?", item, near)
                    : refuse(why, size, "no method '%s'", item);
    }
    for (size_t i = 0; i < settings->method_count; i++)
        if (settings->methods[i] == method)
            return refuse(why, size, "method %s is named twice", item);
    if (settings->method_count == MAX_METHODS)
        return refuse(why, size, "more than %d methods", MAX_METHODS);
    settings->methods[settings->method_count++] = method;
    return true;
}

static bool parse_seed(const char *item, uint64_t *seed) {
    char *end;
    errno = 0;
    *seed = strtoull(item, &end, 10);
    return !errno && end != item && !*end && *item != '-' && *seed < UINT64_C(1) << 53;
}

static bool add_seed(void *context, const char *item, char *why, size_t size) {
    struct settings *settings = context;
    uint64_t seed;
    if (!parse_seed(item, &seed))
        return refuse(why, size, "seeds wants integers from 0 on, not '%s'", item);
    for (size_t i = 0; i < settings->seed_count; i++)
        if (settings->seeds[i] == seed)
            return refuse(why, size, "seed %s is given twice", item);
    if (settings->seed_count == MAX_SEEDS)
        return refuse(why, size, "more than %d seeds", MAX_SEEDS);
    settings->seeds[settings->seed_count++] = seed;
    return true;
}

static bool set_seeds(struct settings *settings, const char *value, char *why, size_t size) {
    uint64_t count;
    settings->seed_count = 0;
    if (strpbrk(value, ", ")) {
        if (!each_item(value, add_seed, settings, why, size))
            return false;
    } else {
        if (!parse_seed(value, &count) || count < 1 || count > MAX_SEEDS)
            return refuse(why, size, "seeds wants how many (1..%d) or a list, not '%s'", MAX_SEEDS,
                          value);
        for (uint64_t seed = 1; seed <= count; seed++)
            settings->seeds[settings->seed_count++] = seed;
    }
    return settings->seed_count > 0 || refuse(why, size, "seeds is empty");
}

struct factor_context {
    struct settings *settings;
    const struct setting *setting;
};

static bool add_factor(void *context, const char *item, char *why, size_t size) {
    struct factor_context *c = context;
    struct settings *settings = c->settings;
    if (settings->factor_count == MAX_FACTORS)
        return refuse(why, size, "more than %d factors", MAX_FACTORS);
    struct setting real = *c->setting;
    real.type = REAL;
    return set_number(&settings->factors[settings->factor_count++], &real, item, why, size);
}

static bool set_text(char *to, size_t capacity, const struct setting *s, const char *value,
                     char *why, size_t size) {
    if (strlen(value) >= capacity)
        return refuse(why, size, "%s is longer than %zu characters", s->key, capacity - 1);
    memcpy(to, value, strlen(value) + 1);
    return true;
}

static bool set_value(struct settings *settings, const struct setting *s, void *to,
                      const char *value, char *why, size_t size) {
    struct factor_context factors = {settings, s};
    switch (s->type) {
    case TEXT_SHORT: return set_text(to, sizeof settings->title, s, value, why, size);
    case TEXT_LONG: return set_text(to, sizeof settings->purpose, s, value, why, size);
    case INTEGER:
    case REAL: return set_number(to, s, value, why, size);
    case FLAG: {
        int64_t yes;
        if (!set_choice(&yes, s, "no|yes", value, why, size))
            return false;
        *(bool *)to = yes;
        return true;
    }
    case CHOICE: return set_choice(to, s, s->choices, value, why, size);
    case METHODS:
        settings->method_count = 0;
        return each_item(value, add_method, settings, why, size) &&
               (settings->method_count > 0 || refuse(why, size, "methods is empty"));
    case SEEDS: return set_seeds(settings, value, why, size);
    case REALS:
        settings->factor_count = 0;
        return each_item(value, add_factor, &factors, why, size) &&
               (settings->factor_count > 0 || refuse(why, size, "factors is empty"));
    }
    return false;
}

/* ---- Finding the key ---- */

static bool unknown_section(const char *section, char *why, size_t size) {
    static const char *const names[] = {"experiment", "data", "train"};
    const char *near = nearest_name(section, names, sizeof names / sizeof *names);
    if (!*section)
        return refuse(why, size, "a key before the first [section]");
    if (near)
        return refuse(why, size, "no section [%s]; did you mean [%s]?", section, near);
    return refuse(why, size, "no section [%s]; there are [experiment], [data], [train] and "
                             "[method.NAME]", section);
}

static bool find_key(const char *section, bool of_method, const char *key, size_t *index,
                     char *why, size_t size) {
    const char *names[TABLE_COUNT], *elsewhere = NULL;
    size_t count = 0;
    bool section_exists = false;
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        bool here = of_method ? table[i].of_method : !strcmp(table[i].section, section);
        if (here && !strcmp(table[i].key, key)) {
            *index = i;
            return true;
        }
        if (!strcmp(table[i].key, key))
            elsewhere = table[i].section;
        section_exists |= here;
        if (here)
            names[count++] = table[i].key;
    }
    if (!section_exists)
        return unknown_section(section, why, size);
    if (elsewhere)
        return refuse(why, size, "%s belongs in [%s], not in [%s]", key, elsewhere, section);
    const char *near = nearest_name(key, names, count);
    return near ? refuse(why, size, "no key '%s' in [%s]; did you mean %s?", key, section, near)
                : refuse(why, size, "no key '%s' in [%s]", key, section);
}

static bool set_override(struct settings *settings, const struct method *method, size_t index,
                         const char *value, char *why, size_t size) {
    struct settings probe = *settings; /* only to check the value */
    if (!set_value(&probe, &table[index], (char *)&probe + table[index].offset, value, why, size))
        return false;
    for (size_t i = 0; i < settings->override_count; i++)
        if (settings->overrides[i].method == method && settings->overrides[i].setting == index)
            return refuse(why, size, "%s is given twice in [method.%s]", table[index].key,
                          method->name);
    struct setting_override *slot = &settings->overrides[settings->override_count];
    if (settings->override_count == MAX_OVERRIDES || strlen(value) >= sizeof slot->value)
        return refuse(why, size, "too many values in sections [method.NAME]");
    slot->method = method;
    slot->setting = index;
    memcpy(slot->value, value, strlen(value) + 1);
    settings->override_count++;
    return true;
}

bool settings_set(struct settings *settings, const char *section, const char *key,
                  const char *value, enum settings_origin origin, char *why, size_t size) {
    static const char prefix[] = "method.";
    const struct method *method = NULL;
    size_t index;
    if (!strncmp(section, prefix, sizeof prefix - 1)) {
        const char *name = section + sizeof prefix - 1;
        method = method_find(name);
        if (!method) {
            const char *near = method_nearest(name);
            return near ? refuse(why, size, "no method '%s'; did you mean [method.%s]?", name, near)
                        : refuse(why, size, "no method '%s'", name);
        }
    }
    if (!find_key(section, method != NULL, key, &index, why, size))
        return false;
    if (method)
        return set_override(settings, method, index, value, why, size);
    if (origin == SETTINGS_FILE && settings->given[index])
        return refuse(why, size, "%s is given twice", key);
    (origin == SETTINGS_FILE ? settings->given : settings->from_command)[index] = true;
    return set_value(settings, &table[index], (char *)settings + table[index].offset, value, why,
                     size);
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
    case TEXT_SHORT:
    case TEXT_LONG: snprintf(text, size, "%s", (const char *)from); break;
    case INTEGER: snprintf(text, size, "%lld", (long long)*(const int64_t *)from); break;
    case REAL: append_real(text, size, *(const double *)from); break;
    case FLAG: snprintf(text, size, "%s", *(const bool *)from ? "yes" : "no"); break;
    case CHOICE: get_choice(s->choices, *(const int64_t *)from, text, size); break;
    case METHODS:
        for (size_t i = 0; i < settings->method_count; i++)
            append(text, size, "%s%s", i ? "," : "", settings->methods[i]->name);
        break;
    case SEEDS:
        for (size_t i = 0; i < settings->seed_count; i++)
            append(text, size, "%llu,", (unsigned long long)settings->seeds[i]);
        if (settings->seed_count > 1) /* one seed keeps its comma: without, it would be a number */
            text[strlen(text) - 1] = '\0';
        break;
    case REALS:
        for (size_t i = 0; i < settings->factor_count; i++) {
            append(text, size, "%s", i ? "," : "");
            append_real(text, size, settings->factors[i]);
        }
        break;
    }
}

struct hyper settings_hyper(const struct settings *settings, const struct method *method) {
    struct settings copy = *settings;
    char why[64];
    for (size_t i = 0; i < settings->override_count; i++) {
        const struct setting_override *o = &settings->overrides[i];
        if (o->method == method && !settings->from_command[o->setting])
            set_value(&copy, &table[o->setting], (char *)&copy + table[o->setting].offset,
                      o->value, why, sizeof why);
    }
    return copy.hyper;
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
