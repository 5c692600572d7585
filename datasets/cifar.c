/* SPDX-License-Identifier: MIT
 *
 * CIFAR-10 and CIFAR-100 in their binary layout (Krizhevsky 2009), and their long-tailed subsets
 * (Cao et al. 2019, LDAM): n_c = floor(n_max * (1/IF)^(c / (C - 1))).
 */
#include "datasets/cifar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balact/random.h"
#include "datasets/source.h"

enum {
    PIXELS = 3072,
    BATCHES_MAX = 1000,
    /* Sums of squares of this many bytes, times this many, stay below 2^64: moments are exact. */
    RECORDS_MAX = 16000000
};

/* One member: data_batch_<number>.bin, or train.bin as number 0. */
struct batch {
    int64_t number;
    unsigned char *bytes;
    int64_t records;
};

struct raw {
    int classes;
    struct batch *train;
    int train_count;
    struct batch test;
    char *first_name;              /* the member that decided the classes */
    struct balact_dataset sources; /* only its sources are used */
};

static void raw_release(struct raw *raw) {
    for (int i = 0; i < raw->train_count; i++)
        free(raw->train[i].bytes);
    free(raw->train);
    free(raw->test.bytes);
    free(raw->first_name);
    balact_dataset_release(&raw->sources);
    memset(raw, 0, sizeof *raw);
}

/* Label bytes before the pixels: CIFAR-100 has the coarse label first, then the fine one. */
static int label_bytes(int classes) {
    return classes == 100 ? 2 : 1;
}

static int label_of(const unsigned char *record, int classes) {
    return record[label_bytes(classes) - 1];
}

static int64_t record_size(int classes) {
    return label_bytes(classes) + PIXELS;
}

/* What a member's name says: 10, 100, or 0 if it is none of ours. */
static int classify(const char *name, bool *is_test, int64_t *number) {
    *number = 0;
    *is_test = !strcmp(name, "test_batch.bin") || !strcmp(name, "test.bin");
    if (*is_test)
        return !strcmp(name, "test.bin") ? 100 : 10;
    if (!strcmp(name, "train.bin"))
        return 100;
    if (take_text(&name, "data_batch_") && take_number(&name, number) && !strcmp(name, ".bin"))
        return 10;
    return 0;
}

/* Reads a batch and checks its length and labels. */
static balact_status read_batch(struct balact_archive *archive, int classes, struct batch *batch,
                                struct balact_error *error) {
    char *bytes;
    int64_t size, record = record_size(classes);
    balact_status status = balact_archive_read_all(archive, (int64_t)RECORDS_MAX * record, &bytes,
                                                   &size, error);
    if (status != BALACT_OK)
        return status;
    batch->bytes = (unsigned char *)bytes;
    batch->records = size / record;
    if (size % record != 0 || size == 0)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, size - size % record, error,
                                   "%lld bytes are no whole records of %lld; is it truncated, or "
                                   "not CIFAR-%d?",
                                   (long long)size, (long long)record, classes);
    for (int64_t i = 0; i < batch->records; i++) {
        int label = label_of(batch->bytes + i * record, classes);
        if (label >= classes)
            return balact_archive_fail(archive, BALACT_ERROR_RANGE, 0,
                                       i * record + label_bytes(classes) - 1, error,
                                       "label %d of record %lld is outside [0, %d); is it not "
                                       "CIFAR-%d?",
                                       label, (long long)i, classes, classes);
    }
    return BALACT_OK;
}

static balact_status take_member(struct balact_archive *archive, struct raw *raw,
                                 struct balact_error *error) {
    bool is_test;
    int64_t number;
    int classes = classify(balact_archive_basename(archive), &is_test, &number);
    if (!classes)
        return BALACT_OK;
    char place[4096];
    balact_archive_place(archive, place, sizeof place);
    if (!raw->first_name && !(raw->first_name = strdup(place)))
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", place);
    if (raw->classes == 0)
        raw->classes = classes;
    if (raw->classes != classes)
        return BALACT_OK;
    struct balact_source source = {.path = place, .bytes = archive->size};
    balact_status status =
        archive->folder ? balact_source_copy(&raw->sources, &source, error) : BALACT_OK;
    if (status != BALACT_OK)
        return status;
    struct batch *batch = &raw->test;
    bool doubled = is_test && raw->test.bytes;
    if (!is_test) {
        for (int i = 0; i < raw->train_count; i++)
            doubled = doubled || raw->train[i].number == number;
        struct batch *grown = realloc(raw->train, (size_t)(raw->train_count + 1) * sizeof *grown);
        if (!grown)
            return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", place);
        raw->train = grown;
        batch = &grown[raw->train_count++];
        *batch = (struct batch){.number = number};
    }
    if (doubled || raw->train_count > BATCHES_MAX)
        return balact_archive_fail(archive, BALACT_ERROR_FORMAT, 0, -1, error,
                                   "a second file of this name; give an archive or folder with "
                                   "one copy of the data");
    return read_batch(archive, classes, batch, error);
}

static int compare_batches(const void *a, const void *b) {
    const struct batch *left = a, *right = b;
    return left->number < right->number ? -1 : left->number > right->number;
}

static balact_status read_members(struct balact_archive *archive, struct raw *raw,
                                  struct balact_error *error) {
    bool found = true;
    while (found) {
        balact_status status = balact_archive_next(archive, &found, error);
        if (status == BALACT_OK && found)
            status = take_member(archive, raw, error);
        if (status != BALACT_OK)
            return status;
    }
    int64_t records = 0;
    for (int i = 0; i < raw->train_count; i++)
        records += raw->train[i].records;
    bool hundred = raw->classes == 100;
    if (!raw->train_count && !raw->test.bytes && raw->first_name)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, -1,
                              "no CIFAR-%d: %.300s is of CIFAR-%d", raw->classes, raw->first_name,
                              hundred ? 10 : 100);
    if (!raw->train_count || !raw->test.bytes)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, -1,
                              "no %s; wants the binary version of CIFAR",
                              raw->train_count ? hundred ? "test.bin" : "test_batch.bin"
                              : hundred        ? "train.bin"
                                               : "data_batch_*.bin");
    if (records > RECORDS_MAX || raw->test.records > RECORDS_MAX)
        return balact_fail_at(error, BALACT_ERROR_FORMAT, archive->path, 0, -1,
                              "more than %d records", RECORDS_MAX);
    /* An official archive does not hold its batches in order. */
    qsort(raw->train, (size_t)raw->train_count, sizeof *raw->train, compare_batches);
    return BALACT_OK;
}

/* Which records make the subset: in shuffled order the first n_c of a permutation of each class,
 * drawn by Fisher and Yates from stream c of the seed. keep is one byte a record. */
static balact_status choose(const struct raw *raw, const struct balact_cifar_options *options,
                            const int64_t *available, const int64_t *wanted,
                            const unsigned char **records, int64_t count, unsigned char *keep,
                            struct balact_error *error) {
    int64_t *members = calloc((size_t)count + 1, sizeof *members);
    if (!members)
        return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory for %lld records",
                           (long long)count);
    memset(keep, 0, (size_t)count);
    for (int c = 0; c < raw->classes; c++) {
        int64_t found = 0;
        for (int64_t i = 0; i < count && found < available[c]; i++)
            if (label_of(records[i], raw->classes) == c)
                members[found++] = i;
        for (int64_t i = 0; i < wanted[c] && i < found; i++) {
            if (options->order == BALACT_SUBSET_SHUFFLED) {
                uint64_t left = (uint64_t)(found - i);
                int64_t j = i + (int64_t)balact_random_below(options->seed, (uint64_t)c,
                                                             (uint64_t)i, left);
                int64_t kept = members[j];
                members[j] = members[i];
                members[i] = kept;
            }
            keep[members[i]] = 1;
        }
    }
    free(members);
    return BALACT_OK;
}

/* wanted[c] by options, from what there is. */
static balact_status plan(const char *path, const struct balact_cifar_options *options,
                          int classes, const int64_t *available, int64_t *wanted,
                          struct balact_error *error) {
    int64_t n_max = 0;
    for (int c = 0; c < classes; c++)
        n_max = available[c] > n_max ? available[c] : n_max;
    if (options->imbalance == 0) {
        memcpy(wanted, available, (size_t)classes * sizeof *wanted);
        return BALACT_OK;
    }
    balact_longtail_counts(n_max, options->imbalance, classes, wanted);
    for (int c = 0; c < classes; c++)
        if (wanted[c] > available[c])
            return balact_fail_at(error, BALACT_ERROR_RANGE, path, 0, -1,
                                  "imbalance %g wants %lld images of class %d, but there are "
                                  "%lld: the data are a long-tailed subset already; ask for a "
                                  "larger imbalance, or 0 for all there is",
                                  options->imbalance, (long long)wanted[c], c,
                                  (long long)available[c]);
    return BALACT_OK;
}

static balact_status make_rows(const char *path, int classes, int64_t rows, const char *split,
                               struct balact_dataset *dataset, struct balact_error *error) {
    char name[64];
    snprintf(name, sizeof name, "cifar-%d-lt %s", classes, split);
    dataset->name = strdup(name);
    dataset->rows = rows;
    dataset->dim = PIXELS;
    dataset->classes = classes;
    dataset->dtype = BALACT_F32;
    dataset->features = malloc(((size_t)rows * PIXELS + 1) * sizeof(float));
    dataset->labels = malloc(((size_t)rows + 1) * sizeof *dataset->labels);
    if (!dataset->name || !dataset->features || !dataset->labels)
        return balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory for %lld images", path,
                           (long long)rows);
    return BALACT_OK;
}

/* Mean and 1 / deviation (1 where all are equal) of each position over the kept records. */
static void moments(const unsigned char *const *records, const unsigned char *keep, int64_t count,
                    int skip, double *mean, double *inverse) {
    uint64_t sums[PIXELS] = {0}, squares[PIXELS] = {0};
    uint64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!keep[i])
            continue;
        const unsigned char *pixels = records[i] + skip;
        n++;
        for (int p = 0; p < PIXELS; p++) {
            uint32_t value = pixels[p];
            sums[p] += value;
            squares[p] += value * value;
        }
    }
    for (int p = 0; p < PIXELS; p++) {
        uint64_t spread = n * squares[p] - sums[p] * sums[p]; /* n^2 variance, exact */
        mean[p] = (double)sums[p] / (double)n;
        inverse[p] = spread ? (double)n / sqrt((double)spread) : 1;
    }
}

static void standardise(const unsigned char *const *records, const unsigned char *keep,
                        int64_t count, int classes, const double *mean, const double *inverse,
                        struct balact_dataset *dataset) {
    float *out = dataset->features;
    int64_t row = 0;
    for (int64_t i = 0; i < count; i++) {
        if (keep && !keep[i])
            continue;
        const unsigned char *pixels = records[i] + label_bytes(classes);
        dataset->labels[row++] = label_of(records[i], classes);
        for (int p = 0; p < PIXELS; p++)
            *out++ = (float)((pixels[p] - mean[p]) * inverse[p]);
    }
}

/* records[i] = the i-th record of these batches. */
static const unsigned char **list_records(const struct batch *batches, int batch_count,
                                          int64_t size, int64_t *count) {
    *count = 0;
    for (int b = 0; b < batch_count; b++)
        *count += batches[b].records;
    const unsigned char **records = malloc(((size_t)*count + 1) * sizeof *records);
    int64_t next = 0;
    for (int b = 0; b < batch_count && records; b++)
        for (int64_t i = 0; i < batches[b].records; i++)
            records[next++] = batches[b].bytes + i * size;
    return records;
}

/* Fills both data sets from the raw records. */
static balact_status fill(const char *path, const struct balact_cifar_options *options,
                          const struct raw *raw, struct balact_dataset *train,
                          struct balact_dataset *test, struct balact_error *error) {
    int64_t available[100] = {0}, wanted[100] = {0}, count, test_count, rows = 0;
    double *moment = malloc(2 * PIXELS * sizeof *moment);
    int64_t size = record_size(raw->classes);
    const unsigned char **records = list_records(raw->train, raw->train_count, size, &count);
    const unsigned char **tests = list_records(&raw->test, 1, size, &test_count);
    unsigned char *keep = malloc((size_t)count + 1);
    balact_status status = BALACT_OK;
    if (!records || !tests || !keep || !moment)
        status = balact_fail(error, BALACT_ERROR_MEMORY, "%s: out of memory", path);
    for (int64_t i = 0; i < count && status == BALACT_OK; i++)
        available[label_of(records[i], raw->classes)]++;
    if (status == BALACT_OK)
        status = plan(path, options, raw->classes, available, wanted, error);
    if (status == BALACT_OK)
        status = choose(raw, options, available, wanted, records, count, keep, error);
    for (int c = 0; c < raw->classes && status == BALACT_OK; c++)
        rows += wanted[c];
    if (status == BALACT_OK)
        status = make_rows(path, raw->classes, rows, "train", train, error);
    if (status == BALACT_OK)
        status = make_rows(path, raw->classes, test_count, "test", test, error);
    if (status == BALACT_OK) {
        double *mean = moment, *inverse = moment + PIXELS;
        moments(records, keep, count, label_bytes(raw->classes), mean, inverse);
        standardise(records, keep, count, raw->classes, mean, inverse, train);
        standardise(tests, NULL, test_count, raw->classes, mean, inverse, test);
    }
    free(moment);
    free(records);
    free(tests);
    free(keep);
    return status;
}

balact_status balact_cifar_read(struct balact_archive *archive,
                                const struct balact_cifar_options *options,
                                struct balact_dataset *train, struct balact_dataset *test,
                                struct balact_error *error) {
    struct raw raw = {.classes = options->classes};
    memset(train, 0, sizeof *train);
    memset(test, 0, sizeof *test);
    if (raw.classes != 0 && raw.classes != 10 && raw.classes != 100)
        return balact_fail(error, BALACT_ERROR_ARGUMENT, "classes: %d is neither 10 nor 100",
                           raw.classes);
    if (options->imbalance != 0 && !(options->imbalance >= 1 && options->imbalance <= 1e9))
        return balact_fail(error, BALACT_ERROR_ARGUMENT,
                           "imbalance: %g is neither 0 nor in [1, 1e9]", options->imbalance);
    balact_status status = read_members(archive, &raw, error);
    if (status == BALACT_OK)
        status = fill(archive->path, options, &raw, train, test, error);
    for (size_t i = 0; i < raw.sources.source_count && status == BALACT_OK; i++) {
        status = balact_source_copy(train, &raw.sources.sources[i], error);
        if (status == BALACT_OK)
            status = balact_source_copy(test, &raw.sources.sources[i], error);
    }
    raw_release(&raw);
    if (status != BALACT_OK) {
        balact_dataset_release(train);
        balact_dataset_release(test);
    }
    return status;
}

balact_status balact_cifar_load(const char *path, const struct balact_cifar_options *options,
                                struct balact_dataset *train, struct balact_dataset *test,
                                struct balact_error *error) {
    struct balact_archive *archive;
    memset(train, 0, sizeof *train);
    memset(test, 0, sizeof *test);
    balact_status status = balact_archive_open(&archive, path, error);
    if (status != BALACT_OK)
        return status;
    status = balact_cifar_read(archive, options, train, test, error);
    if (status == BALACT_OK)
        status = balact_source_finish(train, archive->folder ? NULL : path, error);
    for (size_t i = 0; i < train->source_count && status == BALACT_OK; i++) {
        if (!archive->folder)
            status = balact_source_copy(test, &train->sources[i], error);
        else
            memcpy(test->sources[i].sha256, train->sources[i].sha256,
                   sizeof test->sources[i].sha256);
    }
    balact_archive_close(archive);
    if (status != BALACT_OK) {
        balact_dataset_release(train);
        balact_dataset_release(test);
    }
    return status;
}
