/* SPDX-License-Identifier: MIT
 *
 * The fused head: chunks of rows through logits, loss, gradient and the products with it. The
 * sizes, and what they were chosen from: "Fused head" in docs/METHOD.md.
 *
 * Everything is cut by the shape alone: rows into chunks, and each product of a chunk into blocks
 * of its output, one single-threaded call of the GEMM library each. Threads take whole blocks, and
 * dW adds up chunk by chunk in order, so that no bit depends on the number of threads. All of a
 * step is one parallel region; a phase begins when every thread has left the one before.
 */
#include "optimized/cpu/head.h"

#include <string.h>

#include "reference/reference.h"

/* Logits of a chunk: as many rows as fit into CHUNK_BYTES; where that is fewer than GOOD_ROWS, as
 * many of these as fit into LARGE_CHUNK_BYTES; but never fewer than FEW_ROWS, below which reading
 * the weights takes longer than the arithmetic with them (and whose logits are fewer than weights
 * with as many features). */
#define CHUNK_BYTES       (INT64_C(8) << 20)
#define LARGE_CHUNK_BYTES (INT64_C(32) << 20)
enum { GOOD_ROWS = 384, FEW_ROWS = 128, MOST_ROWS = 4096 };

enum { LINE = 64 / sizeof(float), STRIP = 256, LOSS_ELEMENTS = 65536 };

/* Rows and columns of an output block, the first that leaves MANY_BLOCKS to share out. Large blocks
 * pack their operands less often, which is worth more than an even share for many threads. */
enum { MANY_BLOCKS = 4 };
static const int64_t row_blocks[][2] = {{512, 1024}, {512, 512}, {256, 512},
                                        {128, 512},  {128, 256}, {64, 128}};
static const int64_t class_blocks[][2] = {{2048, 512}, {1024, 512}, {512, 512},
                                          {256, 512},  {256, 256},  {128, 128}};
enum { SIZES = sizeof row_blocks / sizeof *row_blocks };

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t parts(int64_t n, int64_t size) {
    return (n + size - 1) / size;
}

/* n in as few parts of at most `size` as do, and these equal but for whole cache lines. */
static int64_t even_part(int64_t n, int64_t size) {
    int64_t part = parts(n, parts(n, size));
    return smaller(n, parts(part, LINE) * LINE);
}

static struct balact_blocks cut(const int64_t sizes[][2], int64_t m, int64_t n) {
    struct balact_blocks blocks = {0};
    for (int i = 0; i < SIZES && blocks.count < MANY_BLOCKS; i++) {
        blocks.rows = even_part(m, sizes[i][0]);
        blocks.cols = even_part(n, sizes[i][1]);
        blocks.across = parts(n, blocks.cols);
        blocks.count = parts(m, blocks.rows) * blocks.across;
    }
    return blocks;
}

/* ---- Chunks and the workspace: sums of dbias, then logits ---- */

/* Rows of the logits begin on a cache line, and not all on the same place of a page, where the
 * cache would keep only a few of them. */
static int64_t pitch_of(int64_t classes) {
    int64_t pitch = parts(classes, LINE) * LINE;
    return pitch % 1024 == 0 ? pitch + LINE : pitch;
}

static int64_t chunk_limit(const struct balact_head_problem *p) {
    int64_t row_bytes = 4 * pitch_of(p->classes);
    int64_t rows = CHUNK_BYTES / row_bytes;
    if (rows < GOOD_ROWS)
        rows = smaller(LARGE_CHUNK_BYTES / row_bytes, GOOD_ROWS);
    rows = rows < FEW_ROWS ? FEW_ROWS : smaller(rows, MOST_ROWS);
    return p->chunk_rows > 0 ? p->chunk_rows : rows;
}

static size_t sums_bytes(int64_t classes) {
    return (size_t)parts(classes, 8) * 64;
}

size_t balact_cpu_head_workspace(const struct balact_head_problem *p) {
    if (p->classes > INT64_MAX / 64)
        return SIZE_MAX;
    int64_t rows = smaller(p->rows, chunk_limit(p)), row_bytes = 4 * pitch_of(p->classes);
    if (rows > (INT64_MAX / 2) / row_bytes)
        return SIZE_MAX;
    return sums_bytes(p->classes) + (size_t)(rows * row_bytes);
}

/* ---- One chunk ---- */

struct head {
    const struct balact_head_problem *p;
    balact_kernel *kernel;
    balact_column_sums *column_sums;
    double *sums; /* of dbias, [classes] */
    float *logits;
    int64_t ld;
    bool gradient;
    int failure; /* a balact_status */
};

struct chunk {
    int64_t first, rows;
    struct balact_product forward, dweight, dx;
    struct balact_blocks forward_blocks, dweight_blocks, dx_blocks;
    int64_t dweight_count, dx_count, strips; /* pieces of work; 0 where not wanted */
    int64_t loss_rows;                       /* rows that the kernel gets at a time */
};

static void chunk_products(const struct head *head, struct chunk *chunk) {
    const struct balact_head_problem *p = head->p;
    const float *x = p->x + chunk->first * p->ld_x;
    balact_gemm *gemm = balact_gemm_libraries[0].gemm;
    chunk->forward = (struct balact_product){.gemm = gemm,
                                             .b_transposed = true,
                                             .m = chunk->rows,
                                             .n = p->classes,
                                             .k = p->dim,
                                             .a = x,
                                             .ld_a = p->ld_x,
                                             .b = p->weight,
                                             .ld_b = p->ld_weight,
                                             .c = head->logits,
                                             .ld_c = head->ld,
                                             .bias = p->bias};
    chunk->dweight = (struct balact_product){.gemm = gemm,
                                             .a_transposed = true,
                                             .accumulate = chunk->first > 0,
                                             .m = p->classes,
                                             .n = p->dim,
                                             .k = chunk->rows,
                                             .a = head->logits,
                                             .ld_a = head->ld,
                                             .b = x,
                                             .ld_b = p->ld_x,
                                             .c = p->dweight,
                                             .ld_c = p->ld_weight};
    chunk->dx = (struct balact_product){.gemm = gemm,
                                        .m = chunk->rows,
                                        .n = p->dim,
                                        .k = p->classes,
                                        .a = head->logits,
                                        .ld_a = head->ld,
                                        .b = p->weight,
                                        .ld_b = p->ld_weight,
                                        .c = p->dx ? p->dx + chunk->first * p->ld_x : NULL,
                                        .ld_c = p->ld_x};
}

static struct chunk chunk_at(const struct head *head, int64_t first, int64_t rows) {
    const struct balact_head_problem *p = head->p;
    struct chunk chunk = {.first = first, .rows = smaller(rows, p->rows - first)};
    chunk_products(head, &chunk);
    chunk.forward_blocks = cut(row_blocks, chunk.rows, p->classes);
    chunk.dweight_blocks = cut(class_blocks, p->classes, p->dim);
    chunk.dx_blocks = cut(row_blocks, chunk.rows, p->dim);
    chunk.dweight_count = p->dweight ? chunk.dweight_blocks.count : 0;
    chunk.dx_count = p->dx ? chunk.dx_blocks.count : 0;
    chunk.strips = p->dbias ? parts(p->classes, STRIP) : 0;
    chunk.loss_rows = parts(LOSS_ELEMENTS, p->classes);
    return chunk;
}

/* Loss, and gradient in place of the logits, of rows of a chunk. */
static balact_status loss_of_rows(const struct head *head, const struct chunk *chunk,
                                  int64_t within, int64_t rows) {
    float *logits = head->logits + within * head->ld;
    struct balact_problem problem = balact_head_loss_problem(
        head->p, chunk->first + within, smaller(rows, chunk->rows - within), logits, head->ld);
    if (head->gradient)
        problem.out = logits;
    return head->kernel(&problem);
}

/* A block of the logits; where it spans all classes, the loss too while its rows are at hand. */
static balact_status forward_block(const struct head *head, const struct chunk *chunk,
                                   int64_t block) {
    const struct balact_blocks *blocks = &chunk->forward_blocks;
    balact_status status = balact_product_block(&chunk->forward, blocks, block);
    if (status == BALACT_OK && blocks->across == 1)
        status = loss_of_rows(head, chunk, block * blocks->rows, blocks->rows);
    return status;
}

/* Sums go on over the chunks in double and are rounded once. */
static void bias_strip(const struct head *head, const struct chunk *chunk, int64_t strip) {
    const struct balact_head_problem *p = head->p;
    int64_t begin = strip * STRIP, width = smaller(STRIP, p->classes - begin);
    double *sum = head->sums + begin;
    if (chunk->first == 0)
        memset(sum, 0, (size_t)width * sizeof *sum);
    head->column_sums(head->logits + begin, head->ld, chunk->rows, width, sum);
    for (int64_t j = 0; j < width && chunk->first + chunk->rows == p->rows; j++)
        p->dbias[begin + j] = (float)sum[j];
}

static balact_status gradient_piece(const struct head *head, const struct chunk *chunk,
                                    int64_t piece) {
    if (piece < chunk->dweight_count)
        return balact_product_block(&chunk->dweight, &chunk->dweight_blocks, piece);
    piece -= chunk->dweight_count;
    if (piece < chunk->dx_count)
        return balact_product_block(&chunk->dx, &chunk->dx_blocks, piece);
    bias_strip(head, chunk, piece - chunk->dx_count);
    return BALACT_OK;
}

static void note_failure(struct head *head, balact_status status) {
    if (status == BALACT_OK)
        return;
#ifdef _OPENMP
#pragma omp atomic write
#endif
    head->failure = (int)status;
}

/* The threads of a parallel region share out the work of one chunk. */
static void run_chunk(struct head *head, const struct chunk *chunk) {
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
    for (int64_t block = 0; block < chunk->forward_blocks.count; block++)
        note_failure(head, forward_block(head, chunk, block));
    if (chunk->forward_blocks.across > 1) {
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
        for (int64_t row = 0; row < chunk->rows; row += chunk->loss_rows)
            note_failure(head, loss_of_rows(head, chunk, row, chunk->loss_rows));
    }
    if (head->gradient) {
#ifdef _OPENMP
#pragma omp for schedule(dynamic)
#endif
        for (int64_t piece = 0; piece < chunk->dweight_count + chunk->dx_count + chunk->strips;
             piece++)
            note_failure(head, gradient_piece(head, chunk, piece));
    }
}

static void no_rows(const struct balact_head_problem *p) {
    for (int64_t j = 0; j < p->classes && p->dweight; j++)
        memset(p->dweight + j * p->ld_weight, 0, (size_t)p->dim * sizeof(float));
    if (p->dbias)
        memset(p->dbias, 0, (size_t)p->classes * sizeof(float));
}

balact_status balact_cpu_head_run(balact_kernel *const kernels[BALACT_OPERATION_COUNT],
                                  balact_column_sums *column_sums,
                                  const struct balact_head_problem *p) {
    enum balact_operation operation = balact_head_operation(p);
    struct head head = {.p = p,
                        .kernel = kernels[operation],
                        .column_sums = column_sums,
                        .sums = p->workspace,
                        .logits = (float *)((char *)p->workspace + sums_bytes(p->classes)),
                        .ld = pitch_of(p->classes),
                        .gradient = operation == BALACT_LOSS_GRAD_IN_PLACE,
                        .failure = BALACT_OK};
    if (p->rows == 0) {
        no_rows(p);
        return BALACT_OK;
    }
    int64_t rows = smaller(even_part(p->rows, chunk_limit(p)), chunk_limit(p));
    balact_gemm_process_begin();
#ifdef _OPENMP
#pragma omp parallel if ((double)p->rows * (double)p->classes * (double)p->dim >=                  \
                         BALACT_PARALLEL_PRODUCT)
#endif
    {
        balact_gemm_thread_begin();
        for (int64_t first = 0; first < p->rows; first += rows) {
            struct chunk chunk = chunk_at(&head, first, rows);
            run_chunk(&head, &chunk);
        }
    }
    return (balact_status)head.failure;
}
