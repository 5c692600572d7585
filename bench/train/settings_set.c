/* SPDX-License-Identifier: MIT
 *
 * Settings from text: values, lists and sections, each refusal with its reason (settings.h).
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"
#include "bench/train/settings.h"

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
    if (s->type == SETTING_INTEGER && !errno && end != value && !*end && number != floor(number))
        return refuse(why, size, "%s wants an integer, not '%s'", s->key, value);
    if (end == value || *end || errno || !isfinite(number))
        return refuse(why, size, "%s wants %s, not '%s'", s->key,
                      s->type == SETTING_INTEGER ? "an integer" : "a number", value);
    if (number < s->low || number > s->high)
        return refuse(why, size, "%s must lie in %g..%g, not be %s", s->key, s->low, s->high,
                      value);
    if (s->type == SETTING_INTEGER)
        *(int64_t *)to = (int64_t)number;
    else
        *(double *)to = number;
    return true;
}

static bool set_choice(int64_t *to, const struct setting *s, const char *choices, const char *value,
                       char *why, size_t size) {
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
    real.type = SETTING_REAL;
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
    case SETTING_TEXT_SHORT:
        return set_text(to, sizeof settings->title, s, value, why, size);
    case SETTING_TEXT_LONG:
        return set_text(to, sizeof settings->purpose, s, value, why, size);
    case SETTING_INTEGER:
    case SETTING_REAL:
        return set_number(to, s, value, why, size);
    case SETTING_FLAG: {
        int64_t yes;
        if (!set_choice(&yes, s, "no|yes", value, why, size))
            return false;
        *(bool *)to = yes;
        return true;
    }
    case SETTING_CHOICE:
        return set_choice(to, s, s->choices, value, why, size);
    case SETTING_METHODS:
        settings->method_count = 0;
        return each_item(value, add_method, settings, why, size) &&
               (settings->method_count > 0 || refuse(why, size, "methods is empty"));
    case SETTING_SEEDS:
        return set_seeds(settings, value, why, size);
    case SETTING_REALS:
        settings->factor_count = 0;
        return each_item(value, add_factor, &factors, why, size) &&
               (settings->factor_count > 0 || refuse(why, size, "factors is empty"));
    }
    return false;
}

/* ---- Finding the key ---- */

static bool unknown_section(const char *section, char *why, size_t size) {
    static const char *const names[] = {"experiment", "data", "train", "lvis"};
    const char *near = nearest_name(section, names, sizeof names / sizeof *names);
    if (!*section)
        return refuse(why, size, "a key before the first [section]");
    if (near)
        return refuse(why, size, "no section [%s]; did you mean [%s]?", section, near);
    return refuse(why, size,
                  "no section [%s]; there are [experiment], [data], [train], [lvis] "
                  "and [method.NAME]",
                  section);
}

static bool find_key(const char *section, bool of_method, const char *key, size_t *index, char *why,
                     size_t size) {
    const char *names[MAX_SETTINGS], *elsewhere = NULL;
    size_t table_count, count = 0;
    const struct setting *table = settings_table(&table_count);
    bool section_exists = false;
    for (size_t i = 0; i < table_count; i++) {
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
    size_t count;
    const struct setting *s = &settings_table(&count)[index];
    if (!set_value(&probe, s, (char *)&probe + s->offset, value, why, size))
        return false;
    for (size_t i = 0; i < settings->override_count; i++)
        if (settings->overrides[i].method == method && settings->overrides[i].setting == index)
            return refuse(why, size, "%s is given twice in [method.%s]", s->key, method->name);
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
    size_t count;
    const struct setting *s = &settings_table(&count)[index];
    return set_value(settings, s, (char *)settings + s->offset, value, why, size);
}

struct hyper settings_hyper(const struct settings *settings, const struct method *method) {
    struct settings copy = *settings;
    size_t count;
    const struct setting *table = settings_table(&count);
    char why[64];
    for (size_t i = 0; i < settings->override_count; i++) {
        const struct setting_override *o = &settings->overrides[i];
        if (o->method == method && !settings->from_command[o->setting])
            set_value(&copy, &table[o->setting], (char *)&copy + table[o->setting].offset, o->value,
                      why, sizeof why);
    }
    return copy.hyper;
}
