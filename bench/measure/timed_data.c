/* SPDX-License-Identifier: MIT
 *
 * See timed_data.h: making the data. timed_judge.c judges results.
 */
#include "bench/measure/timed_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "balact/backend.h"
#include "balact/random.h"
#include "datasets/half.h"
#include "reference/storage.h"

enum { PAGE = 4096, HUGE_PAGE = 2 << 20, CHECKED_ELEMENTS = 1 << 19 };
enum { STREAM_LOGITS, STREAM_LABELS, STREAM_COUNTS };

static int64_t up_to(int64_t value, int64_t unit) {
    return (value + unit - 1) / unit * unit;
}

/* The results come last: verification wipes all from the loss on. */
static balact_status make_shared(struct timed_data *data, const char *folder,
                                 struct balact_error *error) {
    int64_t rows = data->shape->rows, cols = data->shape->cols;
    int64_t matrix = rows * cols * balact_dtype_size(data->dtype);
    struct shared_file *shared = &data->shared;
    data->at.logits = shared_file_reserve(shared, matrix);
    data->at.labels = shared_file_reserve(shared, rows * 4);
    data->at.counts = shared_file_reserve(shared, cols * 4);
    data->at.offset = shared_file_reserve(shared, cols * 4);
    data->at.loss = shared_file_reserve(shared, (int64_t)sizeof(double));
    data->at.out = shared_file_reserve(shared, matrix);
    return shared_file_make(shared, folder, error);
}

/* size bytes that begin `aside` bytes after a multiple of a huge page; *block is to be freed. */
static void *timing_memory(int64_t size, int64_t aside, void **block) {
    int64_t whole = up_to(size + aside, HUGE_PAGE);
    *block = aligned_alloc(HUGE_PAGE, (size_t)whole);
    if (!*block)
        return NULL;
    madvise(*block, (size_t)whole, MADV_HUGEPAGE); /* asked for, not needed */
    memset(*block, 0, (size_t)whole);
    return (char *)*block + aside;
}

static void fill_inputs(struct timed_data *data, uint64_t seed) {
    const struct timed_case *shape = data->shape;
    char *memory = data->shared.memory;
    int32_t *labels = (int32_t *)(memory + data->at.labels);
    float *counts = (float *)(memory + data->at.counts);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < shape->rows; i++) {
        for (int64_t k = i * shape->cols; k < (i + 1) * shape->cols; k++) {
            float value = (float)balact_random_normal(seed, STREAM_LOGITS, (uint64_t)k);
            if (data->dtype == BALACT_F16)
                ((uint16_t *)memory)[k] = float_to_half(value);
            else
                store_element(memory, data->dtype, k, value);
        }
        labels[i] =
            (int32_t)balact_random_below(seed, STREAM_LABELS, (uint64_t)i, (uint64_t)shape->cols);
    }
    /* a long tail, scrambled: 2000 images down to 2 */
    for (int64_t j = 0; j < shape->cols; j++)
        counts[j] = (float)floor(
            2.0 * pow(1000.0, balact_random_uniform(seed, STREAM_COUNTS, (uint64_t)j)));
}

/* The first and the last row and others evenly between, as many as the reference can do soon. */
static void choose_rows(struct timed_data *data) {
    int64_t rows = data->shape->rows, cols = data->shape->cols;
    int64_t wanted = CHECKED_ELEMENTS / cols < 3 ? 3 : CHECKED_ELEMENTS / cols;
    int64_t count = wanted < rows ? wanted : rows;
    for (int64_t k = 0; k < count; k++)
        data->checked[k] = count == 1 ? 0 : k * (rows - 1) / (count - 1);
    data->checked_count = count;
    for (int64_t k = 0; k < count; k++) {
        int64_t i = data->checked[k];
        data->checked_labels[k] = ((int32_t *)(data->shared.memory + data->at.labels))[i];
        for (int64_t j = 0; j < cols; j++)
            data->checked_logits[k * cols + j] =
                (float)load_element(data->shared.memory, data->dtype, i * cols + j);
    }
}

static balact_status allocate(struct timed_data *data, struct balact_error *error) {
    int64_t rows = data->shape->rows, cols = data->shape->cols, ld = cols + data->shape->pad;
    size_t some = (size_t)(CHECKED_ELEMENTS / cols < 3 ? 3 : CHECKED_ELEMENTS / cols);
    size_t checked = some < (size_t)rows ? some : (size_t)rows;
    data->bytes = up_to(rows * ld * balact_dtype_size(data->dtype), 64);
    data->logits = timing_memory(data->bytes, 0, &data->logits_block);
    data->out = timing_memory(data->bytes, PAGE / 2, &data->out_block);
    data->loss = calloc((size_t)rows, sizeof(float));
    data->lse = calloc((size_t)rows, sizeof(float));
    data->weight = calloc((size_t)rows, sizeof(float));
    data->checked = malloc(checked * sizeof *data->checked);
    data->checked_labels = malloc(checked * sizeof *data->checked_labels);
    data->checked_logits = malloc(checked * (size_t)cols * sizeof(float));
    data->expected = malloc(checked * (size_t)cols * sizeof(float));
    data->expected_loss = malloc(checked * sizeof(float));
    data->expected_lse = malloc(checked * sizeof(float));
    if (data->logits && data->out && data->loss && data->lse && data->weight && data->checked &&
        data->checked_labels && data->checked_logits && data->expected && data->expected_loss &&
        data->expected_lse)
        return BALACT_OK;
    return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory for the case %s",
                       data->shape->name);
}

balact_status timed_data_make(struct timed_data *data, const struct timed_case *shape,
                              enum balact_dtype dtype, const char *folder, uint64_t seed,
                              struct balact_error *error) {
    memset(data, 0, sizeof *data);
    data->shape = shape;
    data->dtype = dtype;
    balact_status status = make_shared(data, folder, error);
    if (status == BALACT_OK)
        status = allocate(data, error);
    if (status != BALACT_OK)
        return status;
    fill_inputs(data, seed);
    choose_rows(data);
    struct balact_problem problem = BALACT_PROBLEM_INIT;
    problem.rows = shape->rows;
    problem.cols = shape->cols;
    problem.ld = problem.ld_out = shape->cols + shape->pad;
    problem.dtype = dtype;
    problem.grad_scale = 1.0f / (float)shape->rows;
    problem.logits = data->logits;
    problem.out = data->out;
    problem.labels = (int32_t *)(data->shared.memory + data->at.labels);
    problem.loss = data->loss;
    problem.lse = data->lse;
    problem.weight = data->weight;
    data->problem = problem;
    return BALACT_OK;
}

balact_status timed_data_turn(struct timed_data *data, enum balact_activation activation,
                              struct balact_error *error) {
    int64_t cols = data->shape->cols;
    float *offset = (float *)(data->shared.memory + data->at.offset);
    const float *counts = (const float *)(data->shared.memory + data->at.counts);
    data->activation = activation;
    data->problem.offset = NULL;
    memset(offset, 0, (size_t)cols * sizeof *offset);
    if (!balact_activation_info(activation)->balanced)
        return BALACT_OK;
    double *values = malloc((size_t)cols * sizeof *values);
    if (!values)
        return balact_fail(error, BALACT_ERROR_MEMORY, "out of memory");
    for (int64_t j = 0; j < cols; j++)
        values[j] = counts[j];
    struct balact_prior prior = BALACT_PRIOR_INIT;
    prior.values = values;
    prior.classes = cols;
    balact_status status = balact_offset(activation, &prior, offset, error);
    free(values);
    data->problem.offset = offset;
    return status;
}

enum balact_operation timed_expectation(enum balact_operation operation) {
    return operation == BALACT_FORWARD_IN_PLACE     ? BALACT_FORWARD
           : operation == BALACT_LOSS_GRAD_IN_PLACE ? BALACT_LOSS_GRAD
                                                    : operation;
}

balact_status timed_data_expect(struct timed_data *data, enum balact_operation operation,
                                struct balact_error *error) {
    struct balact_problem problem = data->problem;
    problem.rows = data->checked_count;
    problem.ld = problem.ld_out = problem.cols;
    problem.dtype = BALACT_F32;
    problem.logits = data->checked_logits;
    problem.labels = data->checked_labels;
    problem.out = data->expected;
    problem.loss = data->expected_loss;
    problem.lse = data->expected_lse;
    problem.weight = NULL;
    return balact_run(balact_backend_find("reference"), data->activation, operation, &problem,
                      error);
}

void timed_data_reset(struct timed_data *data) {
    int64_t rows = data->shape->rows, size = balact_dtype_size(data->dtype);
    int64_t row = data->shape->cols * size, pitch = data->problem.ld * size;
    memset(data->logits, 0xff, (size_t)data->bytes); /* NaN in every type */
    memset(data->out, 0xff, (size_t)data->bytes);
    for (int64_t i = 0; i < rows; i++)
        memcpy((char *)data->logits + i * pitch, data->shared.memory + i * row, (size_t)row);
    memset(data->loss, 0xff, (size_t)rows * sizeof(float));
    memset(data->lse, 0xff, (size_t)rows * sizeof(float));
    memset(data->weight, 0xff, (size_t)rows * sizeof(float));
}

struct balact_problem timed_problem(const struct timed_data *data,
                                    enum balact_operation operation) {
    struct balact_problem problem = data->problem;
    if (operation == BALACT_FORWARD_IN_PLACE || operation == BALACT_LOSS_GRAD_IN_PLACE)
        problem.out = data->logits;
    return problem;
}

void timed_data_release(struct timed_data *data) {
    shared_file_release(&data->shared);
    void *all[] = {
        data->logits_block, data->out_block,     data->loss,           data->lse,
        data->weight,       data->checked,       data->checked_labels, data->checked_logits,
        data->expected,     data->expected_loss, data->expected_lse};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    memset(data, 0, sizeof *data);
}
