/* SPDX-License-Identifier: MIT
 *
 * kernels.md: nanoseconds an element, their distance to the limit and the speed-up over each peer.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/output.h"
#include "plots/table.h"
#include "plots/timing_figures.h"

enum { CASE, BACKEND, THREADS, TIME, LIMIT, FIXED, MOST_PEERS = 16 };

static struct name_list peers_of(struct timings *timings) {
    struct name_list peers = {NULL, 0};
    for (int place = 0; place < 64; place++) /* in the order of keys; unknown ones share a place */
        for (size_t i = 0; i < timings->kernel_count; i++) {
            const struct kernel_timing *row = &timings->kernels[i];
            if (row->state == TIMING_VERIFIED && !backend_is_own(row->backend) &&
                backend_order(row->backend) == place && peers.count < MOST_PEERS)
                name_list_add(&timings->arena, &peers, row->backend);
        }
    return peers;
}

static struct table_column *columns_of(struct timings *timings, const struct name_list *peers) {
    struct table_column *columns =
        arena_array(&timings->arena, FIXED + peers->count, sizeof *columns);
    columns[CASE] = (struct table_column){.title = "Case"};
    columns[BACKEND] = (struct table_column){.title = "Backend"};
    columns[THREADS] = (struct table_column){.title = "Threads", .kind = COLUMN_NUMBER, .scale = 1};
    columns[TIME] = (struct table_column){.title = "ns an element, p50 (p10–p90)"};
    columns[LIMIT] = (struct table_column){
        .title = "Over the limit", .kind = COLUMN_NUMBER, .scale = 1, .digits = 2};
    for (size_t i = 0; i < peers->count; i++)
        columns[FIXED + i] = (struct table_column){
            .title = arena_format(&timings->arena, "Over %s", backend_title(peers->names[i])),
            .kind = COLUMN_NUMBER,
            .scale = 1,
            .digits = 2};
    return columns;
}

static void add_row(struct timings *timings, struct table *table, const struct name_list *peers,
                    const struct kernel_timing *row) {
    struct arena *arena = &timings->arena;
    struct table_cell *cells = table_add(table, false);
    double scale = 1e9 / ((double)row->rows * (double)row->cols);
    cells[CASE].text = arena_format(
        arena, "%lldx%lld %s%s%s", (long long)row->rows, (long long)row->cols, row->dtype,
        row->in_place ? ", in place" : "", strcmp(row->cache, "warm") ? ", cold" : "");
    cells[BACKEND].text = backend_title(row->backend);
    cells[THREADS].value = (struct summary){1, (double)row->threads, 0};
    cells[TIME].text = arena_format(arena, "%.3g (%.3g–%.3g)", scale * row->seconds.p50,
                                    scale * row->seconds.p10, scale * row->seconds.p90);
    cells[LIMIT].value =
        (struct summary){!isnan(row->limit_seconds), row->seconds.p50 / row->limit_seconds, 0};
    for (size_t i = 0; i < peers->count; i++) {
        const struct kernel_timing *peer = find_kernel(timings, row, peers->names[i]);
        if (peer)
            cells[FIXED + i].value = (struct summary){1, peer->seconds.p50 / row->seconds.p50, 0};
    }
}

/* One table an activation and operation, if it has rows. */
static void write_table(struct timings *timings, const struct name_list *peers,
                        const char *activation, const char *op, FILE *file) {
    struct arena *arena = &timings->arena;
    struct table *table = table_new(
        arena, "kernels",
        arena_format(arena,
                     "%s, %s: median of the samples with their 10th and 90th percentile, its ratio "
                     "to the measured limit, and how many times as long each peer takes.",
                     activation_title(activation), operation_title(op)),
        columns_of(timings, peers), FIXED + peers->count);
    for (size_t i = 0; i < timings->kernel_count; i++) {
        const struct kernel_timing *row = &timings->kernels[i];
        if (row->state == TIMING_VERIFIED && backend_is_own(row->backend) &&
            !strcmp(row->activation, activation) && !strcmp(row->op, op))
            add_row(timings, table, peers, row);
    }
    if (table->row_count) {
        table_write_markdown(table, file);
        fputc('\n', file);
    }
}

balact_status timing_write_tables(struct timings *timings, struct balact_error *error) {
    struct balact_output output;
    struct name_list peers = peers_of(timings);
    if (!timings->has_kernels)
        return BALACT_OK;
    char *path = arena_format(&timings->arena, "%s/kernels.md", timings->folder);
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    for (size_t a = 0; a < BALACT_ACTIVATION_COUNT; a++)
        for (size_t o = 0; o < TIMED_OPS; o++)
            write_table(timings, &peers, timed_activations[a], timed_ops[o], output.file);
    return balact_output_commit(&output, error);
}
