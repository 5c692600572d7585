/* SPDX-License-Identifier: MIT
 *
 * Samplers: permutations are permutations, and fair ones; class-balanced draws are balanced.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/train/reader.h"
#include "bench/train/sampler.h"
#include "tests/harness.h"

static void open_sampler(struct sampler *sampler, enum sampler_kind kind, uint64_t seed,
                         const int32_t *labels, int64_t rows, int32_t classes) {
    struct balact_error error = {.message = ""};
    ck_assert_msg(sampler_open(sampler, kind, seed, labels, rows, classes, &error) == BALACT_OK,
                  "%s", error.message);
}

START_TEST(permutations_hold_every_row_once) {
    const int64_t sizes[] = {1, 2, 3, 4, 5, 7, 16, 17, 100, 1000, 12345};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        char *seen = calloc((size_t)n, 1);
        for (int64_t i = 0; i < n; i++) {
            int64_t row = random_permutation(7, 3, n, i);
            ck_assert(row >= 0 && row < n);
            ck_assert_msg(!seen[row], "row %lld twice among %lld", (long long)row, (long long)n);
            seen[row] = 1;
        }
        free(seen);
    }
}
END_TEST

/* How far chi-squared with `degrees` of freedom lies above its mean, in deviations. */
static double excess(const int64_t *count, int from, int n, double expected) {
    double chi = 0, degrees = n - from - 1;
    for (int k = from; k < n; k++)
        chi += ((double)count[k] - expected) * ((double)count[k] - expected) / expected;
    return (chi - degrees) / sqrt(2 * degrees);
}

/* Over many epochs every element stands at a place alike often, and so does every distance to the
 * next element. Small sets are the hard ones. Seeds are fixed: chance has no say. */
START_TEST(permutations_are_fair) {
    enum { EPOCHS = 40000, MOST = 30 };
    const int sizes[] = {4, 5, 10, MOST};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int place = 0, n = sizes[s]; place < n; place += n / 4) {
            int64_t count[MOST] = {0}, distance[MOST] = {0};
            for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
                int64_t here = random_permutation(1, epoch, n, place);
                int64_t next = random_permutation(1, epoch, n, (place + 1) % n);
                count[here]++;
                distance[(next - here + n) % n]++; /* never 0, the rest alike */
            }
            double alone = excess(count, 0, n, EPOCHS / (double)n);
            double pairs = excess(distance, 1, n, EPOCHS / (n - 1.0));
            ck_assert_int_eq(distance[0], 0);
            ck_assert_msg(alone < 5, "%d elements, place %d: %g deviations", n, place, alone);
            ck_assert_msg(pairs < 5, "%d elements, pair at %d: %g deviations", n, place, pairs);
        }
}
END_TEST

START_TEST(epochs_and_seeds_differ) {
    enum { N = 1000 };
    static int32_t labels[N];
    struct sampler one, two;
    int same_epoch = 0, same_seed = 0;
    open_sampler(&one, SAMPLER_INSTANCE, 1, labels, N, 1);
    open_sampler(&two, SAMPLER_INSTANCE, 2, labels, N, 1);
    for (int64_t i = 0; i < N; i++) {
        same_epoch += sampler_row(&one, 0, i) == sampler_row(&one, 1, i);
        same_seed += sampler_row(&one, 0, i) == sampler_row(&two, 0, i);
        ck_assert_int_eq(sampler_row(&one, 5, i), sampler_row(&one, 5, i));
    }
    ck_assert_int_lt(same_epoch, 10); /* one in a thousand by chance */
    ck_assert_int_lt(same_seed, 10);
    sampler_release(&one);
    sampler_release(&two);
}
END_TEST

START_TEST(class_balanced_draws) {
    /* 90 rows of class 0, none of 1, 8 of 2, 2 of 3. */
    enum { N = 100, CLASSES = 4, EPOCHS = 6 };
    int32_t labels[N];
    int drawn[N] = {0}, by_class[CLASSES] = {0};
    struct sampler sampler;
    for (int i = 0; i < N; i++)
        labels[i] = i % 10 == 3 ? (i < 80 ? 2 : 3) : 0;
    open_sampler(&sampler, SAMPLER_CLASS_BALANCED, 11, labels, N, CLASSES);
    ck_assert_int_eq(sampler.classes, 3);
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++)
        for (int64_t place = 0; place < N; place++) {
            int64_t row = sampler_row(&sampler, epoch, place);
            ck_assert(row >= 0 && row < N);
            drawn[row]++;
            by_class[labels[row]]++;
        }
    ck_assert_int_eq(by_class[0], EPOCHS * N / 3); /* 600 places, three classes */
    ck_assert_int_eq(by_class[1], 0);
    ck_assert_int_eq(by_class[2], EPOCHS * N / 3);
    ck_assert_int_eq(by_class[3], EPOCHS * N / 3);
    for (int i = 0; i < N; i++) { /* within a class every row before any comes again */
        int least = labels[i] == 0 ? 2 : labels[i] == 2 ? 25 : 100;
        int most = labels[i] == 0 ? 3 : least;
        ck_assert_msg(drawn[i] >= least && drawn[i] <= most, "row %d: %d times", i, drawn[i]);
    }
    sampler_release(&sampler);
}
END_TEST

START_TEST(an_empty_training_set_is_an_error) {
    struct sampler sampler;
    struct balact_error error;
    ck_assert_int_eq(sampler_open(&sampler, SAMPLER_INSTANCE, 1, NULL, 0, 3, &error),
                     BALACT_ERROR_RANGE);
}
END_TEST

/* The batches of an epoch hold every row once, the last one is short, and any batch can be had
 * without the ones before it. */
START_TEST(batches_of_features) {
    enum { N = 23, DIM = 2, BATCH = 5 };
    float features[N * DIM], x[BATCH * DIM], again[BATCH * DIM];
    int32_t labels[N], y[BATCH];
    char seen[N] = {0};
    struct balact_error error = {.message = ""};
    struct balact_reader reader;
    int64_t count;
    for (int i = 0; i < N; i++) {
        labels[i] = i % 3;
        features[i * DIM] = (float)i;
        features[i * DIM + 1] = (float)-i;
    }
    const struct balact_dataset dataset = {.rows = N,
                                           .dim = DIM,
                                           .classes = 3,
                                           .dtype = BALACT_F32,
                                           .features = features,
                                           .labels = labels};
    ck_assert(reader_open_features(&reader, &dataset, BATCH, SAMPLER_INSTANCE, 4, &error) ==
              BALACT_OK);
    ck_assert_int_eq(reader_steps(&reader), 5);
    for (int64_t step = 4; step >= 0; step--) {
        ck_assert(reader.read(reader.state, 2, step, x, y, &count, &error) == BALACT_OK);
        ck_assert_int_eq(count, step == 4 ? 3 : BATCH);
        for (int64_t i = 0; i < count; i++) {
            int row = (int)x[i * DIM];
            ck_assert(row >= 0 && row < N && !seen[row]);
            seen[row] = 1;
            ck_assert(x[i * DIM + 1] == -x[i * DIM]);
            ck_assert_int_eq(y[i], row % 3);
        }
    }
    ck_assert(reader.read(reader.state, 2, 1, x, y, &count, &error) == BALACT_OK);
    ck_assert(reader.read(reader.state, 2, 1, again, y, &count, &error) == BALACT_OK);
    ck_assert(!memcmp(x, again, sizeof x));
    ck_assert_int_eq(reader.read(reader.state, 0, 5, x, y, &count, &error), BALACT_ERROR_ARGUMENT);
    reader_release(&reader);
}
END_TEST

Suite *balact_suite(void) {
    Suite *suite = suite_create("sampler");
    TCase *permutations = tcase_create("permutations");
    tcase_add_test(permutations, permutations_hold_every_row_once);
    tcase_add_test(permutations, permutations_are_fair);
    tcase_add_test(permutations, epochs_and_seeds_differ);
    TCase *batches = tcase_create("samplers and readers");
    tcase_add_test(batches, class_balanced_draws);
    tcase_add_test(batches, an_empty_training_set_is_an_error);
    tcase_add_test(batches, batches_of_features);
    suite_add_tcase(suite, permutations);
    suite_add_tcase(suite, batches);
    return suite;
}
