/* SPDX-License-Identifier: MIT
 *
 * See device_copy.h.
 */
#include "bench/measure/device_copy.h"

#include <stdint.h>

/* An array and its copy, which lies as far behind a multiple of ALIGNED as the array does. */
struct copied {
    void *host, *memory, *at;
    size_t bytes;
    bool back;
};

enum { MOST = 16, ALIGNED = 64 };

struct copies {
    const struct balact_backend *backend;
    struct copied list[MOST];
    int count;
    balact_status status;
};

/* The copy of an array, or NULL for none. */
static void *copied(struct copies *copies, const void *host, size_t bytes, bool back) {
    if (!host || copies->status != BALACT_OK)
        return NULL;
    if (bytes == 0) /* given, and never touched */
        return (void *)(uintptr_t)host;
    for (int i = 0; i < copies->count; i++)
        if (copies->list[i].host == host) /* in place: one array under two names */
            return copies->list[i].back |= back, copies->list[i].at;
    struct copied *one = &copies->list[copies->count];
    size_t shift = (uintptr_t)host % ALIGNED;
    copies->status = copies->backend->alloc(bytes + shift, &one->memory);
    if (copies->status != BALACT_OK)
        return NULL;
    copies->count++;
    one->host = (void *)(uintptr_t)host;
    one->at = (char *)one->memory + shift;
    one->bytes = bytes;
    one->back = back;
    copies->status = copies->backend->upload(one->at, host, bytes);
    return one->at;
}

/* Copies back what may have been written, after a call that went well, and releases all. */
static balact_status finish(struct copies *copies, balact_status status,
                            struct balact_error *error) {
    bool fine = status == BALACT_OK;
    for (int i = 0; i < copies->count; i++) {
        const struct copied *one = &copies->list[i];
        if (status == BALACT_OK && one->back)
            status = copies->backend->download(one->host, one->at, one->bytes);
        copies->backend->release(one->memory);
    }
    if (fine && status != BALACT_OK)
        return balact_fail(error, status, "backend %s: %s", copies->backend->name,
                           balact_backend_message(copies->backend, status));
    return status;
}

static balact_status cannot_copy(const struct copies *copies, struct balact_error *error) {
    return balact_fail(error, copies->status, "backend %s, copying a problem to it: %s",
                       copies->backend->name,
                       balact_backend_message(copies->backend, copies->status));
}

static size_t matrix_bytes(int64_t rows, int64_t cols, int64_t ld, int64_t size) {
    return rows ? (size_t)(((rows - 1) * ld + cols) * size) : 0;
}

balact_status run_copied(const struct balact_backend *backend, enum balact_activation activation,
                         enum balact_operation operation, const struct balact_problem *problem,
                         struct balact_error *error) {
    if (backend->plain_memory)
        return balact_run(backend, activation, operation, problem, error);
    struct copies copies = {.backend = backend, .status = BALACT_OK};
    struct balact_problem p = *problem;
    int64_t size = balact_dtype_size(p.dtype);
    size_t rows = (size_t)p.rows * 4, cols = (size_t)p.cols * 4;
    bool writes = operation != BALACT_LOSS;
    p.logits = copied(&copies, p.logits, matrix_bytes(p.rows, p.cols, p.ld, size), false);
    p.out =
        copied(&copies, writes ? p.out : NULL, matrix_bytes(p.rows, p.cols, p.ld_out, size), true);
    p.labels = copied(&copies, p.labels, rows, false);
    p.targets = copied(&copies, p.targets, matrix_bytes(p.rows, p.cols, p.ld_targets, 4), false);
    p.offset = copied(&copies, p.offset, cols, false);
    p.class_weight = copied(&copies, p.class_weight, cols, false);
    p.row_weight = copied(&copies, p.row_weight, rows, false);
    p.loss = copied(&copies, p.loss, rows, true);
    p.lse = copied(&copies, p.lse, rows, true);
    p.weight = copied(&copies, p.weight, rows, true);
    balact_status status = copies.status == BALACT_OK
                               ? balact_run(backend, activation, operation, &p, error)
                               : cannot_copy(&copies, error);
    return finish(&copies, status, error);
}

balact_status topk_copied(const struct balact_backend *backend,
                          const struct balact_topk_problem *problem, struct balact_error *error) {
    if (backend->plain_memory)
        return balact_topk(backend, problem, error);
    struct copies copies = {.backend = backend, .status = BALACT_OK};
    struct balact_topk_problem p = *problem;
    size_t out = matrix_bytes(p.rows, p.k, p.ld_out, 4);
    p.logits = copied(&copies, p.logits,
                      matrix_bytes(p.rows, p.cols, p.ld, balact_dtype_size(p.dtype)), false);
    p.offset = copied(&copies, p.offset, (size_t)p.cols * 4, false);
    p.index = copied(&copies, p.index, out, true);
    p.value = copied(&copies, p.value, out, true);
    balact_status status =
        copies.status == BALACT_OK ? balact_topk(backend, &p, error) : cannot_copy(&copies, error);
    return finish(&copies, status, error);
}

balact_status head_copied(const struct balact_backend *backend, enum balact_activation activation,
                          const struct balact_head_problem *problem, struct balact_error *error) {
    if (backend->plain_memory)
        return balact_head_loss_grad(backend, activation, problem, error);
    struct copies copies = {.backend = backend, .status = BALACT_OK};
    struct balact_head_problem p = *problem;
    size_t x = matrix_bytes(p.rows, p.dim, p.ld_x, 4);
    size_t weight = matrix_bytes(p.classes, p.dim, p.ld_weight, 4);
    size_t rows = (size_t)p.rows * 4, classes = (size_t)p.classes * 4;
    p.x = copied(&copies, p.x, x, false);
    p.weight = copied(&copies, p.weight, weight, false);
    p.bias = copied(&copies, p.bias, classes, false);
    p.labels = copied(&copies, p.labels, rows, false);
    p.targets = copied(&copies, p.targets, matrix_bytes(p.rows, p.classes, p.ld_targets, 4), false);
    p.offset = copied(&copies, p.offset, classes, false);
    p.class_weight = copied(&copies, p.class_weight, classes, false);
    p.row_weight = copied(&copies, p.row_weight, rows, false);
    p.dweight = copied(&copies, p.dweight, weight, true);
    p.dbias = copied(&copies, p.dbias, classes, true);
    p.dx = copied(&copies, p.dx, x, true);
    p.loss = copied(&copies, p.loss, rows, true);
    p.lse = copied(&copies, p.lse, rows, true);
    p.loss_weight = copied(&copies, p.loss_weight, rows, true);
    p.workspace = NULL;
    balact_status status = copies.status == BALACT_OK
                               ? balact_head_loss_grad(backend, activation, &p, error)
                               : cannot_copy(&copies, error);
    return finish(&copies, status, error);
}
