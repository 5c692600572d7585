/* SPDX-License-Identifier: MIT
 *
 * The fused head: chunks of rows through logits, loss, gradient and the products with it. A chunk's
 * logits are as many as the second-level cache keeps, so that only the products touch memory; with
 * frozen features these are two. Rows are cut by the shape alone, and nothing is added by atomics:
 * every call gives the same bits.
 */
#include "optimized/cuda/backend_parts.h"
#include "optimized/cuda/gemm.h"
#include "optimized/cuda/linear.h"
#include "optimized/cuda/runtime.h"

extern "C" {
#include "reference/reference.h"
}

namespace balact_cuda {

/* Logits of a chunk, about half of the cache of an H100, but never fewer rows than FEW_ROWS: every
 * chunk reads the weights and reads and writes their gradient, which below that takes longer than
 * the arithmetic. Rows come in whole tiles of products. */
#define CHUNK_BYTES (INT64_C(24) << 20)
enum { FEW_ROWS = 512, MOST_ROWS = 8192, TILE_ROWS = 128, LINE = 256 };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static size_t lines(size_t bytes) {
    return (bytes + LINE - 1) / LINE * LINE;
}

/* Rows begin on 16 bytes. */
static int64_t pitch_of(int64_t classes) {
    return (classes + 3) / 4 * 4;
}

static int64_t chunk_limit(const balact_head_problem *p) {
    int64_t rows = CHUNK_BYTES / (4 * pitch_of(p->classes)) / TILE_ROWS * TILE_ROWS;
    rows = rows < FEW_ROWS ? (int64_t)FEW_ROWS : smaller(rows, MOST_ROWS);
    return p->chunk_rows > 0 ? p->chunk_rows : rows;
}

/* As few chunks as do, and these equal but for whole tiles. */
static int64_t chunk_rows(const balact_head_problem *p) {
    int64_t limit = chunk_limit(p);
    if (p->rows == 0 || p->chunk_rows > 0)
        return limit;
    int64_t chunks = (p->rows + limit - 1) / limit;
    int64_t rows = (p->rows + chunks - 1) / chunks;
    return smaller((rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS, limit);
}

/* Of the workspace; it begins on 64 bytes only. */
struct layout {
    size_t scratch, sums, logits, bytes;
};

static bool layout_of(const balact_head_problem *p, layout *layout) {
    int64_t rows = smaller(p->rows, chunk_limit(p));
    if (p->classes > INT64_MAX / 64 || (rows > 0 && pitch_of(p->classes) > INT64_MAX / 16 / rows))
        return false;
    layout->scratch = LINE;
    layout->sums = layout->scratch + BALACT_PRODUCT_SCRATCH;
    layout->logits = layout->sums + lines(bias_gradient_bytes(rows, p->classes));
    layout->bytes = layout->logits + lines((size_t)(rows * pitch_of(p->classes)) * sizeof(float));
    return true;
}

size_t head_workspace(const balact_head_problem *p) {
    layout layout;
    return layout_of(p, &layout) ? layout.bytes : SIZE_MAX;
}

static balact_linear_problem linear_of(const balact_head_problem *p, int64_t first, int64_t rows,
                                       float *logits) {
    balact_linear_problem linear = {};
    linear.rows = rows;
    linear.dim = p->dim;
    linear.classes = p->classes;
    linear.x = p->x ? p->x + first * p->ld_x : NULL;
    linear.ld_x = p->ld_x;
    linear.weight = p->weight;
    linear.ld_weight = p->ld_weight;
    linear.bias = p->bias;
    linear.logits = logits;
    linear.dlogits = logits;
    linear.ld_logits = pitch_of(p->classes);
    linear.dweight = p->dweight;
    linear.dbias = p->dbias;
    linear.dx = p->dx ? p->dx + first * p->ld_x : NULL;
    return linear;
}

/* What is wanted of a chunk, its gradient being in the logits' place. */
static balact_status gradients(const balact_head_problem *p, const balact_linear_problem *linear,
                               int64_t first, void *scratch, void *sums, cudaStream_t stream) {
    balact_status status = BALACT_OK;
    if (p->dbias)
        status =
            bias_gradient_run(linear, first == 0, first + linear->rows == p->rows, sums, stream);
    if (status == BALACT_OK && p->dweight)
        status = weight_gradient_run(linear, first > 0, scratch, BALACT_PRODUCT_SCRATCH, stream);
    if (status == BALACT_OK && p->dx)
        status = input_gradient_run(linear, scratch, BALACT_PRODUCT_SCRATCH, stream);
    return status;
}

balact_status head_run(const balact_backend *backend, balact_activation activation,
                       const balact_head_problem *p) {
    balact_operation operation = balact_head_operation(p);
    layout layout;
    cudaStream_t stream;
    balact_status status = current_stream(&stream);
    if (status != BALACT_OK)
        return status;
    if (!layout_of(p, &layout))
        return BALACT_ERROR_ARGUMENT;
    char *memory = (char *)lines((size_t)(uintptr_t)p->workspace);
    void *scratch = memory, *sums = memory + layout.sums - layout.scratch;
    float *logits = (float *)(memory + layout.logits - layout.scratch);
    if (p->rows == 0) {
        balact_linear_problem none = linear_of(p, 0, 0, logits);
        return zero_gradients(&none, stream);
    }
    int64_t most = chunk_rows(p), rows;
    for (int64_t first = 0; first < p->rows && status == BALACT_OK; first += rows) {
        rows = smaller(most, p->rows - first);
        balact_linear_problem linear = linear_of(p, first, rows, logits);
        balact_problem loss = balact_head_loss_problem(p, first, rows, logits, linear.ld_logits);
        if (operation == BALACT_LOSS_GRAD_IN_PLACE)
            loss.out = logits;
        status = logits_run(&linear, scratch, BALACT_PRODUCT_SCRATCH, stream);
        if (status == BALACT_OK)
            status = backend->kernels[activation][operation](&loss);
        if (status == BALACT_OK && operation == BALACT_LOSS_GRAD_IN_PLACE)
            status = gradients(p, &linear, first, scratch, sums, stream);
    }
    return status;
}

} // namespace balact_cuda
