/* SPDX-License-Identifier: MIT
 *
 * See data_print.h.
 */
#include "bench/commands/data_print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/program.h"
#include "datasets/output.h"

void *data_memory(size_t bytes) {
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory)
        die(EXIT_BAD_INPUT, "out of memory for %zu bytes", bytes);
    return memory;
}

void data_begin(struct data_report *report, const char *dataset, const char *csv_path) {
    *report = (struct data_report){.dataset = dataset, .csv_path = csv_path};
    if (!csv_path)
        return;
    report->csv = open_memstream(&report->csv_text, &report->csv_size);
    if (!report->csv)
        die(EXIT_BAD_INPUT, "%s: out of memory", csv_path);
    fprintf(report->csv, "dataset,split,group,quantity,value\n");
}

void data_row(struct data_report *report, const char *split, const char *group,
              const char *quantity, double value) {
    if (!report->csv)
        return;
    /* a list's split is its path, which may hold anything */
    bool quoted = strpbrk(split, ",\"\n") != NULL;
    fprintf(report->csv, quoted ? "%s,\"" : "%s,", report->dataset);
    for (; *split; split++)
        fprintf(report->csv, *split == '"' ? "\"%c" : "%c", *split);
    fprintf(report->csv, "%s,%s,%s,%.9g\n", quoted ? "\"" : "", group, quantity, value);
}

void data_counts(struct data_report *report, const char *split, const int64_t *counts,
                 int32_t classes, bool groups) {
    int64_t rows = 0, largest = 0, smallest = INT64_MAX, empty = 0;
    int64_t group_rows[BALACT_GROUP_COUNT] = {0}, group_classes[BALACT_GROUP_COUNT] = {0};
    for (int32_t c = 0; c < classes; c++) {
        rows += counts[c];
        largest = counts[c] > largest ? counts[c] : largest;
        smallest = counts[c] < smallest ? counts[c] : smallest;
        empty += counts[c] == 0;
        group_rows[balact_group_of(counts[c])] += counts[c];
        group_classes[balact_group_of(counts[c])]++;
    }
    printf("%-7s %" PRId64 " images, %" PRId32 " classes, %" PRId64 "..%" PRId64 " a class", split,
           rows, classes, largest, smallest);
    if (smallest > 0 && largest > smallest)
        printf(", imbalance %.6g", (double)largest / (double)smallest);
    if (empty > 0)
        printf(", %" PRId64 " classes without an image", empty);
    printf("\n");
    data_row(report, split, "all", "images", (double)rows);
    data_row(report, split, "all", "classes", classes);
    data_row(report, split, "all", "largest", (double)largest);
    data_row(report, split, "all", "smallest", (double)smallest);
    data_row(report, split, "all", "empty_classes", (double)empty);
    if (smallest > 0)
        data_row(report, split, "all", "imbalance", (double)largest / (double)smallest);
    for (int g = 0; g < BALACT_GROUP_COUNT && groups; g++) {
        static const char *const bounds[] = {"> 100", "20..100", "< 20"};
        const char *name = balact_group_name((enum balact_group)g);
        printf("        %-7s %-8s %6" PRId64 " classes %10" PRId64 " images\n", name, bounds[g],
               group_classes[g], group_rows[g]);
        data_row(report, split, name, "classes", (double)group_classes[g]);
        data_row(report, split, name, "images", (double)group_rows[g]);
    }
}

void data_source(const char *path, int64_t bytes, const char *sha256) {
    if (bytes > 0 || sha256[0])
        printf("input   %s  %" PRId64 " bytes  SHA-256 %s\n", path, bytes,
               sha256[0] ? sha256 : "not in this build (it needs libssl-dev)");
    else
        printf("input   %s\n", path);
}

void data_source_file(const char *path) {
    struct balact_error error;
    struct stat what;
    char sha256[65] = "";
    int64_t bytes = 0;
    if (stat(path, &what) == 0 && S_ISREG(what.st_mode)) {
        balact_status status = balact_sha256_file(path, sha256, &bytes, &error);
        if (status != BALACT_ERROR_UNSUPPORTED)
            die_unless_ok(status, &error);
        bytes = (int64_t)what.st_size;
    }
    data_source(path, bytes, sha256);
}

void data_check(struct data_report *report, bool pass, const char *format, ...) {
    va_list arguments;
    printf("%s    ", pass ? "PASS" : "FAIL");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    if (pass)
        report->passed++;
    else
        report->failed++;
}

void data_skip(struct data_report *report, const char *format, ...) {
    va_list arguments;
    printf("SKIP    ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    report->skipped++;
}

static void write_text(const char *path, const char *text, size_t size) {
    struct balact_output output;
    struct balact_error error;
    die_unless_ok(balact_output_open(&output, path, &error), &error);
    fwrite(text, 1, size, output.file); /* a failure shows at commit */
    die_unless_ok(balact_output_commit(&output, &error), &error);
}

void data_write_counts(const char *path, const int64_t *counts, int32_t classes) {
    struct balact_output output;
    struct balact_error error;
    if (!path)
        return;
    die_unless_ok(balact_output_open(&output, path, &error), &error);
    fprintf(output.file, "class_id,image_count\n");
    for (int32_t c = 0; c < classes; c++)
        fprintf(output.file, "%" PRId32 ",%" PRId64 "\n", c, counts[c]);
    die_unless_ok(balact_output_commit(&output, &error), &error);
}

int data_end(struct data_report *report) {
    if (report->csv) {
        bool failed = ferror(report->csv);
        if (fclose(report->csv) != 0 || failed)
            die(EXIT_BAD_INPUT, "%s: out of memory", report->csv_path);
        write_text(report->csv_path, report->csv_text, report->csv_size);
        free(report->csv_text);
    }
    if (report->passed + report->failed + report->skipped > 0)
        printf("%d passed, %d failed, %d skipped\n", report->passed, report->failed,
               report->skipped);
    return report->failed ? EXIT_CHECK_FAILED : EXIT_FINE;
}
