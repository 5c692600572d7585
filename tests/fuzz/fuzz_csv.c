/* SPDX-License-Identifier: MIT
 *
 * libFuzzer entry: any bytes as a CSV file of results; every cell read as text and as numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "plots/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_cell(const struct csv_table *table, size_t row, size_t col) {
    struct balact_error error;
    double real;
    int64_t integer;
    bool present;
    (void)strlen(csv_cell(table, row, col));
    (void)csv_optional(table, row, col, &real, &present, &error);
    (void)csv_finite(table, row, col, &real, &error);
    (void)csv_integer(table, row, col, &integer, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const char *const names[] = {"id", "value"};
    struct csv_table table;
    struct balact_error error;
    size_t at[2];
    if (csv_parse("fuzz", (const char *)bytes, size, &table, &error) != BALACT_OK) {
        if (!strstr(error.message, "fuzz: line ")) /* every malformed text has a place */
            abort();
        return 0;
    }
    (void)csv_columns(&table, names, 2, at, &error);
    for (size_t row = 0; row < table.rows; row++)
        for (size_t col = 0; col < table.cols; col++)
            read_cell(&table, row, col);
    csv_release(&table);
    return 0;
}
