/* SPDX-License-Identifier: MIT
 *
 * The public calls of the fused head: check a problem once, here, see to the workspace, then call
 * the backend. Contracts: balact/head.h.
 */
#include "balact/head.h"

#include "optimized/check.h"
#include "reference/reference.h"

static balact_status check_shapes(const struct balact_head_problem *p, struct balact_error *error) {
    REQUIRE(p->rows >= 0 && p->dim >= 1 && p->classes >= 1,
            "rows = %lld, dim = %lld, classes = %lld: rows must be >= 0, the others >= 1",
            (long long)p->rows, (long long)p->dim, (long long)p->classes);
    REQUIRE(p->chunk_rows >= 0, "chunk_rows = %lld is negative", (long long)p->chunk_rows);
    return BALACT_OK;
}

static balact_status check_matrices(const struct balact_head_problem *p,
                                    struct balact_error *error) {
    REQUIRE(p->ld_x >= p->dim, "ld_x = %lld is below dim = %lld", (long long)p->ld_x,
            (long long)p->dim);
    REQUIRE(p->ld_weight >= p->dim, "ld_weight = %lld is below dim = %lld", (long long)p->ld_weight,
            (long long)p->dim);
    REQUIRE(p->rows == 0 || p->x, "x is NULL");
    REQUIRE(p->weight, "weight is NULL");
    REQUIRE(p->rows == 0 || matrix_span(p->rows, p->dim, p->ld_x, 4), "rows * ld_x overflows");
    REQUIRE(matrix_span(p->classes, p->dim, p->ld_weight, 4), "classes * ld_weight overflows");
    return BALACT_OK;
}

/* A piece of memory that the call reads or writes. */
struct region {
    const char *name;
    const void *begin;
    size_t bytes;
};

static balact_status check_overlaps(const struct balact_head_problem *p,
                                    struct balact_error *error) {
    size_t rows = (size_t)p->rows * 4, classes = (size_t)p->classes * 4;
    size_t x = matrix_span(p->rows, p->dim, p->ld_x, 4);
    size_t targets = p->targets ? matrix_span(p->rows, p->classes, p->ld_targets, 4) : 0;
    size_t weight = matrix_span(p->classes, p->dim, p->ld_weight, 4);
    const struct region regions[] = {
        {"dweight", p->dweight, weight},
        {"dbias", p->dbias, classes},
        {"dx", p->dx, x},
        {"loss", p->loss, rows},
        {"lse", p->lse, rows},
        {"loss_weight", p->loss_weight, rows},
        {"workspace", p->workspace, p->workspace_bytes},
        {"x", p->x, x}, /* from here on they are read alone */
        {"weight", p->weight, weight},
        {"bias", p->bias, classes},
        {"labels", p->labels, rows},
        {"targets", p->targets, targets},
        {"offset", p->offset, classes},
        {"class_weight", p->class_weight, classes},
        {"row_weight", p->row_weight, rows},
    };
    enum { REGIONS = sizeof regions / sizeof *regions, WRITTEN = 7 };
    for (int i = 0; i < WRITTEN; i++)
        for (int j = i + 1; j < REGIONS; j++)
            REQUIRE(!regions[i].begin || !regions[j].begin || !regions[i].bytes ||
                        !regions[j].bytes ||
                        !ranges_overlap(regions[i].begin, regions[i].bytes, regions[j].begin,
                                        regions[j].bytes),
                    "%s overlaps %s", regions[i].name, regions[j].name);
    return BALACT_OK;
}

/* The options are those of an activation on logits that will be in the workspace. */
static balact_status check_options(const struct balact_backend *backend,
                                   const struct balact_activation_info *info,
                                   const struct balact_head_problem *p,
                                   struct balact_error *error) {
    const struct balact_problem problem = /* x stands for the logits: not NULL */
        balact_head_loss_problem(p, 0, p->rows, p->x, p->classes);
    return balact_check_problem(info, BALACT_LOSS, &problem, backend->plain_memory, error);
}

static balact_status workspace_bytes(const struct balact_backend *backend,
                                     const struct balact_head_problem *p, size_t *bytes,
                                     struct balact_error *error) {
    if (!backend->head.workspace || !backend->head.run)
        return balact_fail(error, BALACT_ERROR_UNSUPPORTED,
                           "backend %s has no fused head (matrix products: %s)", backend->name,
                           backend->linear.library ? backend->linear.library : "none");
    balact_status status = check_shapes(p, error);
    if (status != BALACT_OK)
        return status;
    *bytes = backend->head.workspace(p);
    REQUIRE(*bytes != SIZE_MAX,
            "rows = %lld, classes = %lld, chunk_rows = %lld: the workspace "
            "overflows",
            (long long)p->rows, (long long)p->classes, (long long)p->chunk_rows);
    return BALACT_OK;
}

balact_status balact_head_workspace(const struct balact_backend *backend,
                                    const struct balact_head_problem *problem, size_t *bytes,
                                    struct balact_error *error) {
    REQUIRE(problem && bytes, "problem or bytes is NULL");
    balact_status status = balact_check_backend(&backend, error);
    return status == BALACT_OK ? workspace_bytes(backend, problem, bytes, error) : status;
}

static balact_status check_head(const struct balact_backend *backend,
                                const struct balact_activation_info *info,
                                enum balact_activation activation,
                                const struct balact_head_problem *p, size_t *bytes,
                                struct balact_error *error) {
    enum balact_operation operation = balact_head_operation(p);
    balact_status status = workspace_bytes(backend, p, bytes, error);
    if (status == BALACT_OK && !backend->kernels[activation][operation])
        return balact_fail(error, BALACT_ERROR_UNSUPPORTED, "backend %s has no %s of %s",
                           backend->name, balact_operation_name(operation), info->name);
    if (status == BALACT_OK)
        status = check_matrices(p, error);
    if (status == BALACT_OK)
        status = check_options(backend, info, p, error);
    if (status == BALACT_OK)
        status = check_overlaps(p, error);
    if (status != BALACT_OK || !p->workspace)
        return status;
    REQUIRE((uintptr_t)p->workspace % 64 == 0, "workspace is not aligned to 64 bytes");
    REQUIRE(p->workspace_bytes >= *bytes,
            "workspace_bytes = %zu, but this head needs %zu (see balact_head_workspace)",
            p->workspace_bytes, *bytes);
    return BALACT_OK;
}

static balact_status run(const struct balact_backend *backend, enum balact_activation activation,
                         const struct balact_head_problem *problem, struct balact_error *error) {
    const struct balact_activation_info *info = balact_activation_info(activation);
    size_t bytes = 0;
    void *own = NULL;
    REQUIRE(info, "no activation has number %d", (int)activation);
    balact_status status = balact_check_backend(&backend, error);
    if (status == BALACT_OK)
        status = check_head(backend, info, activation, problem, &bytes, error);
    if (status != BALACT_OK)
        return status;
    struct balact_head_problem p = *problem;
    if (!p.workspace) {
        status = backend->alloc(bytes, &own);
        if (status != BALACT_OK)
            return balact_fail(error, status, "a workspace of %zu bytes for the head: %s", bytes,
                               balact_backend_message(backend, status));
        p.workspace = own;
        p.workspace_bytes = bytes;
    }
    status = backend->head.run(backend, activation, &p);
    if (own)
        backend->release(own);
    if (status != BALACT_OK)
        return balact_fail(error, status, "backend %s, head with %s: %s", backend->name, info->name,
                           balact_backend_message(backend, status));
    return BALACT_OK;
}

balact_status balact_head_loss_grad(const struct balact_backend *backend,
                                    enum balact_activation activation,
                                    const struct balact_head_problem *problem,
                                    struct balact_error *error) {
    REQUIRE(problem, "problem is NULL");
    return run(backend, activation, problem, error);
}

balact_status balact_head_loss(const struct balact_backend *backend,
                               enum balact_activation activation,
                               const struct balact_head_problem *problem,
                               struct balact_error *error) {
    REQUIRE(problem, "problem is NULL");
    struct balact_head_problem p = *problem;
    p.dweight = p.dbias = p.dx = NULL;
    return run(backend, activation, &p, error);
}
