/* SPDX-License-Identifier: MIT
 *
 * Reading the measurements of a folder. See timings.h.
 */
#include "plots/timings.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { KERNELS, HEADS, LIMITS, EVALUATORS };

const char *const timed_ops[TIMED_OPS] = {"forward", "loss", "loss_grad"};
#define NAME(ID, name, ...) #name,
const char *const timed_activations[] = {BALACT_ACTIVATION_LIST(NAME)};
#undef NAME

/* A row being read, with the first error kept: a reader goes on and reports once. */
struct cursor {
    const struct csv_table *table;
    const size_t *at;
    size_t row;
    balact_status status;
    struct balact_error *error;
};

static const char *text_at(struct cursor *cursor, int column) {
    const char *cell = csv_cell(cursor->table, cursor->row, cursor->at[column]);
    if (cursor->status == BALACT_OK && !cell[0])
        cursor->status = csv_fail(cursor->table, cursor->row, cursor->at[column], cursor->error,
                                  "the cell is empty");
    return cell;
}

/* One of the words; its number. */
static int word_at(struct cursor *cursor, int column, const char *const *words, int count,
                   const char *wanted) {
    const char *cell = csv_cell(cursor->table, cursor->row, cursor->at[column]);
    for (int i = 0; i < count; i++)
        if (!strcmp(cell, words[i]))
            return i;
    if (cursor->status == BALACT_OK)
        cursor->status = csv_fail(cursor->table, cursor->row, cursor->at[column], cursor->error,
                                  "'%s' is not one of %s", cell, wanted);
    return 0;
}

static bool flag_at(struct cursor *cursor, int column) {
    static const char *const words[] = {"0", "1"};
    return word_at(cursor, column, words, 2, "0, 1") == 1;
}

static int64_t count_at(struct cursor *cursor, int column) {
    int64_t value = 1;
    if (cursor->status == BALACT_OK)
        cursor->status =
            csv_integer(cursor->table, cursor->row, cursor->at[column], &value, cursor->error);
    if (cursor->status == BALACT_OK && value < 1)
        cursor->status = csv_fail(cursor->table, cursor->row, cursor->at[column], cursor->error,
                                  "%lld is not positive", (long long)value);
    return value;
}

/* A positive number, or NaN where an empty cell is allowed. */
static double positive_at(struct cursor *cursor, int column, bool optional) {
    double value = NAN;
    bool present = true;
    if (cursor->status == BALACT_OK)
        cursor->status = csv_optional(cursor->table, cursor->row, cursor->at[column], &value,
                                      &present, cursor->error);
    if (cursor->status == BALACT_OK && !present && !optional)
        text_at(cursor, column);
    if (cursor->status == BALACT_OK && present && !(value > 0 && isfinite(value)))
        cursor->status = csv_fail(cursor->table, cursor->row, cursor->at[column], cursor->error,
                                  "'%s' is not a positive number",
                                  csv_cell(cursor->table, cursor->row, cursor->at[column]));
    return present ? value : NAN;
}

/* Three columns from p10 on. A row that is not verified must have none of them: a time that nobody
 * may quote is not kept. */
static struct quantiles quantiles_at(struct cursor *cursor, int p10, bool verified) {
    if (!verified) {
        for (int i = p10; i < p10 + 3; i++)
            if (cursor->status == BALACT_OK &&
                csv_cell(cursor->table, cursor->row, cursor->at[i])[0])
                cursor->status = csv_fail(cursor->table, cursor->row, cursor->at[i], cursor->error,
                                          "a row that is not verified has a time");
        return (struct quantiles){NAN, NAN, NAN};
    }
    struct quantiles q = {positive_at(cursor, p10, false), positive_at(cursor, p10 + 1, false),
                          positive_at(cursor, p10 + 2, false)};
    if (cursor->status == BALACT_OK && !(q.p10 <= q.p50 && q.p50 <= q.p90))
        cursor->status = csv_fail(cursor->table, cursor->row, cursor->at[p10], cursor->error,
                                  "p10, p50 and p90 do not rise");
    return q;
}

static enum timing_state state_at(struct cursor *cursor, int column) {
    static const char *const words[] = {"yes", "no", "SKIP"};
    return (enum timing_state)word_at(cursor, column, words, 3, "yes, no, SKIP");
}

/* An activation of this project, or the error says which there are. */
static const char *activation_at(struct cursor *cursor, int column) {
#define LISTED(ID, name, ...) #name " "
    return timed_activations[word_at(cursor, column, timed_activations, BALACT_ACTIVATION_COUNT,
                                     BALACT_ACTIVATION_LIST(LISTED))];
#undef LISTED
}

static balact_status read_kernel(struct timings *timings, struct cursor *cursor) {
    enum {
        ACTIVATION,
        OP,
        BACKEND,
        DTYPE,
        ROWS,
        COLS,
        THREADS,
        IN_PLACE,
        CACHE,
        P10,
        P50,
        P90,
        BYTES,
        LIMIT,
        VERIFIED
    };
    static const char *const caches[] = {"warm", "cold"};
    struct kernel_timing *row = &timings->kernels[timings->kernel_count++];
    row->state = state_at(cursor, VERIFIED);
    row->activation = activation_at(cursor, ACTIVATION);
    row->op = timed_ops[word_at(cursor, OP, timed_ops, TIMED_OPS, "forward, loss, loss_grad")];
    row->backend = text_at(cursor, BACKEND);
    row->dtype = text_at(cursor, DTYPE);
    row->rows = count_at(cursor, ROWS);
    row->cols = count_at(cursor, COLS);
    row->threads = count_at(cursor, THREADS);
    row->in_place = flag_at(cursor, IN_PLACE);
    row->cache = caches[word_at(cursor, CACHE, caches, 2, "warm, cold")];
    row->seconds = quantiles_at(cursor, P10, row->state == TIMING_VERIFIED);
    row->bytes_min = positive_at(cursor, BYTES, true);
    row->limit_seconds = positive_at(cursor, LIMIT, true);
    row->line = csv_line(cursor->table, cursor->row);
    for (size_t i = 0; cursor->status == BALACT_OK && i + 1 < timings->kernel_count; i++)
        if (same_kernel_case(&timings->kernels[i], row) &&
            !strcmp(timings->kernels[i].backend, row->backend))
            cursor->status = balact_fail_at(cursor->error, BALACT_ERROR_RANGE, cursor->table->path,
                                            row->line, -1, "the same case and backend as line %lld",
                                            (long long)timings->kernels[i].line);
    return cursor->status;
}

static balact_status read_head(struct timings *timings, struct cursor *cursor) {
    enum {
        IMPLEMENTATION,
        ACTIVATION,
        ROWS,
        DIM,
        CLASSES,
        THREADS,
        GRAD_INPUT,
        P10,
        P50,
        P90,
        SHARE,
        VERIFIED
    };
    struct head_timing *row = &timings->heads[timings->head_count++];
    row->state = state_at(cursor, VERIFIED);
    row->implementation = text_at(cursor, IMPLEMENTATION);
    row->activation = activation_at(cursor, ACTIVATION);
    row->rows = count_at(cursor, ROWS);
    row->dim = count_at(cursor, DIM);
    row->classes = count_at(cursor, CLASSES);
    row->threads = count_at(cursor, THREADS);
    row->grad_input = flag_at(cursor, GRAD_INPUT);
    row->seconds = quantiles_at(cursor, P10, row->state == TIMING_VERIFIED);
    row->share_of_gemm = positive_at(cursor, SHARE, true);
    row->line = csv_line(cursor->table, cursor->row);
    for (size_t i = 0; cursor->status == BALACT_OK && i + 1 < timings->head_count; i++)
        if (same_head_case(&timings->heads[i], row) &&
            !strcmp(timings->heads[i].implementation, row->implementation))
            cursor->status = balact_fail_at(
                cursor->error, BALACT_ERROR_RANGE, cursor->table->path, row->line, -1,
                "the same case and implementation as line %lld", (long long)timings->heads[i].line);
    return cursor->status;
}

static balact_status read_limit(struct timings *timings, struct cursor *cursor) {
    enum {
        WHAT,
        ACTIVATION,
        OP,
        DTYPE,
        ROWS,
        COLS,
        IN_PLACE,
        CACHE,
        BYTES,
        THREADS,
        P10,
        P50,
        P90,
        RATE,
        PER_ELEMENT
    };
    struct limit_timing *row = &timings->limits[timings->limit_count++];
    row->what = text_at(cursor, WHAT);
    row->activation = activation_at(cursor, ACTIVATION);
    row->op = text_at(cursor, OP);
    row->dtype = text_at(cursor, DTYPE);
    row->rows = count_at(cursor, ROWS);
    row->cols = count_at(cursor, COLS);
    row->in_place = flag_at(cursor, IN_PLACE);
    row->cache = text_at(cursor, CACHE);
    row->bytes = count_at(cursor, BYTES);
    row->threads = count_at(cursor, THREADS);
    row->seconds = quantiles_at(cursor, P10, true);
    row->bytes_per_second = positive_at(cursor, RATE, true);
    row->seconds_per_element = positive_at(cursor, PER_ELEMENT, true);
    row->line = csv_line(cursor->table, cursor->row);
    return cursor->status;
}

static balact_status read_evaluator(struct timings *timings, struct cursor *cursor) {
    enum { IMPLEMENTATION, IOU_TYPE, IMAGES, DETECTIONS, SECONDS, PEAK };
    static const char *const types[] = {"bbox", "segm"};
    struct evaluator_timing *row = &timings->evaluators[timings->evaluator_count++];
    row->implementation = text_at(cursor, IMPLEMENTATION);
    row->iou_type = types[word_at(cursor, IOU_TYPE, types, 2, "bbox, segm")];
    row->images = count_at(cursor, IMAGES);
    row->detections = count_at(cursor, DETECTIONS);
    row->seconds = positive_at(cursor, SECONDS, false);
    row->peak_bytes = positive_at(cursor, PEAK, false);
    row->line = csv_line(cursor->table, cursor->row);
    return cursor->status;
}

/* What is read of each file, in the order of the readers' enums. */
static const struct {
    const char *name;
    const char *columns[16];
    balact_status (*read)(struct timings *timings, struct cursor *cursor);
} files[] = {
    [KERNELS] = {"kernels.csv",
                 {"activation", "op", "backend", "dtype", "rows", "cols", "threads", "in_place",
                  "cache", "seconds_p10", "seconds_p50", "seconds_p90", "bytes_min",
                  "limit_seconds", "verified"},
                 read_kernel},
    [HEADS] = {"head.csv",
               {"implementation", "activation", "rows", "dim", "classes", "threads", "grad_input",
                "seconds_p10", "seconds_p50", "seconds_p90", "share_of_gemm", "verified"},
               read_head},
    [LIMITS] = {"limits.csv",
                {"what", "activation", "op", "dtype", "rows", "cols", "in_place", "cache", "bytes",
                 "threads", "seconds_p10", "seconds_p50", "seconds_p90",
                 "bytes_per_second", "seconds_per_element"},
                read_limit},
    [EVALUATORS] = {"lvis_eval.csv",
                    {"implementation", "iou_type", "images", "detections", "seconds_p50",
                     "peak_bytes"},
                    read_evaluator}};

static void reserve(struct timings *timings, int file, size_t rows) {
    struct arena *arena = &timings->arena;
    if (file == KERNELS)
        timings->kernels = arena_array(arena, rows, sizeof *timings->kernels);
    else if (file == HEADS)
        timings->heads = arena_array(arena, rows, sizeof *timings->heads);
    else if (file == EVALUATORS)
        timings->evaluators = arena_array(arena, rows, sizeof *timings->evaluators);
    else
        timings->limits = arena_array(arena, rows, sizeof *timings->limits);
}

static balact_status load_file(struct timings *timings, int file, bool *present,
                               struct balact_error *error) {
    char *path = arena_format(&timings->arena, "%s/%s", timings->folder, files[file].name);
    struct csv_table *table = &timings->tables[file];
    size_t at[16], columns = 0;
    *present = access(path, F_OK) == 0;
    balact_status status = *present ? csv_load(path, table, error) : BALACT_OK;
    if (status != BALACT_OK || !*present)
        return status;
    while (columns < 16 && files[file].columns[columns])
        columns++;
    status = csv_columns(table, files[file].columns, columns, at, error);
    reserve(timings, file, table->rows);
    for (size_t i = 0; status == BALACT_OK && i < table->rows; i++) {
        struct cursor cursor = {table, at, i, BALACT_OK, error};
        status = files[file].read(timings, &cursor);
    }
    return status;
}

balact_status timings_load(struct timings *timings, const char *folder,
                           struct balact_error *error) {
    *timings = (struct timings){.folder = folder};
    balact_status status = load_file(timings, KERNELS, &timings->has_kernels, error);
    if (status == BALACT_OK)
        status = load_file(timings, HEADS, &timings->has_heads, error);
    if (status == BALACT_OK)
        status = load_file(timings, LIMITS, &timings->has_limits, error);
    if (status == BALACT_OK)
        status = load_file(timings, EVALUATORS, &timings->has_evaluators, error);
    if (status == BALACT_OK && !timings->has_kernels && !timings->has_heads &&
        !timings->has_evaluators)
        return balact_fail(error, BALACT_ERROR_IO,
                           "%s: neither kernels.csv nor head.csv is there; balact bench kernels "
                           "and balact bench head write them (and bench/peers/lvis_eval.py an "
                           "lvis_eval.csv)",
                           folder);
    return status;
}

void timings_release(struct timings *timings) {
    for (size_t i = 0; i < sizeof timings->tables / sizeof *timings->tables; i++)
        csv_release(&timings->tables[i]);
    arena_release(&timings->arena);
}

/* ---- Names ---- */

/* In the order of keys and columns. Own backends share a hue, PyTorch's modes are told apart. */
static const struct {
    const char *name, *title;
    int style;
    bool own;
} backends[] = {
    {"balact", "balact", 3, false},
    {"avx512", "AVX-512", 3, true},
    {"avx2", "AVX2", 1, true},
    {"reference", "reference", 7, true},
    {"unfused", "balact unfused", 1, false},
    {"onednn", "oneDNN", 8, false},
    {"xnnpack", "XNNPACK", 5, false},
    {"torch", "PyTorch", 4, false},
    {"torch_lean", "PyTorch lean", 2, false},
    {"torch_compile", "torch.compile", 6, false},
};
enum { BACKENDS = sizeof backends / sizeof *backends, OTHER_STYLE = 10 };

int backend_order(const char *name) {
    int i = 0;
    while (i < BACKENDS && strcmp(backends[i].name, name))
        i++;
    return i;
}

bool backend_is_own(const char *backend) {
    int i = backend_order(backend);
    return i < BACKENDS && backends[i].own;
}

const char *backend_title(const char *name) {
    int i = backend_order(name);
    return i < BACKENDS ? backends[i].title : name;
}

int backend_style(const char *name) {
    int i = backend_order(name);
    return i < BACKENDS ? backends[i].style : OTHER_STYLE;
}

const char *operation_title(const char *op) {
    return strcmp(op, "loss_grad") ? op : "loss with gradient";
}

bool same_kernel_case(const struct kernel_timing *a, const struct kernel_timing *b) {
    return a->rows == b->rows && a->cols == b->cols && a->threads == b->threads &&
           a->in_place == b->in_place && !strcmp(a->op, b->op) &&
           !strcmp(a->activation, b->activation) && !strcmp(a->dtype, b->dtype) &&
           !strcmp(a->cache, b->cache);
}

bool same_head_case(const struct head_timing *a, const struct head_timing *b) {
    return a->rows == b->rows && a->dim == b->dim && a->classes == b->classes &&
           a->threads == b->threads && a->grad_input == b->grad_input &&
           !strcmp(a->activation, b->activation);
}

const struct kernel_timing *find_kernel(const struct timings *timings,
                                        const struct kernel_timing *like, const char *backend) {
    for (size_t i = 0; i < timings->kernel_count; i++) {
        const struct kernel_timing *row = &timings->kernels[i];
        if (row->state == TIMING_VERIFIED && same_kernel_case(row, like) &&
            !strcmp(row->backend, backend))
            return row;
    }
    return NULL;
}
