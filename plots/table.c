/* SPDX-License-Identifier: MIT
 *
 * See table.h.
 */
#include "plots/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/program.h"
#include "datasets/output.h"

#define EN_DASH "\xe2\x80\x93"
#define MINUS "\xe2\x88\x92"
#define PLUS_MINUS "\xc2\xb1"

struct table *table_new(struct arena *arena, const char *id, const char *caption,
                        const struct table_column *columns, size_t column_count) {
    struct table *table = arena_array(arena, 1, sizeof *table);
    *table = (struct table){.arena = arena,
                            .id = arena_copy(arena, id),
                            .caption = arena_copy(arena, caption),
                            .columns = columns,
                            .column_count = column_count};
    return table;
}

struct table_cell *table_add(struct table *table, bool rule) {
    if (table->row_count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 8;
        struct table_row *larger = arena_array(table->arena, capacity, sizeof *larger);
        if (table->row_count)
            memcpy(larger, table->rows, table->row_count * sizeof *larger);
        table->rows = larger;
        table->capacity = capacity;
    }
    struct table_row *row = &table->rows[table->row_count++];
    row->rule = rule;
    row->cells = arena_array(table->arena, table->column_count, sizeof *row->cells);
    return row->cells;
}

/* A number as readers see it, with a true minus sign. */
static char *format_number(struct arena *arena, const struct table_column *column, double value) {
    double shown = value * column->scale;
    char number[64];
    if (column->digits < 0)
        snprintf(number, sizeof number, "%.*g", -column->digits, fabs(shown));
    else
        snprintf(number, sizeof number, "%.*f", column->digits, fabs(shown));
    bool zero = strpbrk(number, "123456789ni") == NULL; /* no "-0.0"; inf and nan are not zero */
    const char *sign = zero ? "" : shown < 0 ? MINUS : column->sign ? "+" : "";
    return arena_format(arena, "%s%s", sign, number);
}

/* What readers see in a cell, as plain UTF-8 that every notation then escapes. */
static const char *format_cell(const struct table *table, size_t column_index,
                               const struct table_cell *cell) {
    const struct table_column *column = &table->columns[column_index];
    if (column->kind == COLUMN_TEXT)
        return cell->text ? cell->text : EN_DASH;
    if (cell->value.count == 0)
        return EN_DASH;
    char *mean = format_number(table->arena, column, cell->value.mean);
    if (column->kind == COLUMN_NUMBER || cell->value.count < 2)
        return mean;
    struct table_column plain = *column;
    plain.sign = false;
    return arena_format(table->arena, "%s " PLUS_MINUS " %s", mean,
                        format_number(table->arena, &plain, summary_deviation(&cell->value)));
}

void table_mark_best(struct table *table, size_t column, size_t first, size_t end,
                     const bool *skip) {
    enum column_better better = table->columns[column].better;
    const struct table_cell *best = NULL;
    size_t candidates = 0;
    if (better == BETTER_NONE)
        return;
    for (size_t i = first; i < end; i++) {
        const struct table_cell *cell = &table->rows[i].cells[column];
        if (cell->value.count == 0 || (skip && skip[i]))
            continue;
        candidates++;
        if (!best || (better == BETTER_HIGH ? cell->value.mean > best->value.mean
                                            : cell->value.mean < best->value.mean))
            best = cell;
    }
    if (candidates < 2) /* the only one is not the best of anything */
        return;
    const char *shown = format_number(table->arena, &table->columns[column], best->value.mean);
    for (size_t i = first; i < end; i++) {
        struct table_cell *cell = &table->rows[i].cells[column];
        if (cell->value.count && !(skip && skip[i]) &&
            !strcmp(shown, format_number(table->arena, &table->columns[column], cell->value.mean)))
            cell->best = true;
    }
}

static void write_csv_header(const struct table *table, FILE *file) {
    const char *before = "";
    for (size_t j = 0; j < table->column_count; j++) {
        const struct table_column *column = &table->columns[j];
        if (!column->name)
            continue;
        fputs(before, file);
        if (column->kind == COLUMN_SPREAD)
            fprintf(file, "%s_mean,%s_std", column->name, column->name);
        else
            fputs(column->name, file);
        before = ",";
    }
    fputc('\n', file);
}

static void write_csv_cell(const struct table_column *column, const struct table_cell *cell,
                           FILE *file) {
    if (column->kind == COLUMN_TEXT)
        write_csv_text(file, cell->text ? cell->text : "");
    else if (cell->value.count)
        fprintf(file, "%.9g", cell->value.mean);
    if (column->kind == COLUMN_SPREAD)
        fputc(',', file);
    if (column->kind == COLUMN_SPREAD && cell->value.count > 1)
        fprintf(file, "%.9g", summary_deviation(&cell->value));
}

void table_write_csv(const struct table *table, FILE *file) {
    write_csv_header(table, file);
    for (size_t i = 0; i < table->row_count; i++) {
        const char *before = "";
        for (size_t j = 0; j < table->column_count; j++) {
            if (!table->columns[j].name)
                continue;
            fputs(before, file);
            write_csv_cell(&table->columns[j], &table->rows[i].cells[j], file);
            before = ",";
        }
        fputc('\n', file);
    }
}

void table_write_markdown(const struct table *table, FILE *file) {
    write_markdown_text(file, table->caption);
    fputs("\n\n|", file);
    for (size_t j = 0; j < table->column_count; j++)
        if (table->columns[j].title) {
            fputc(' ', file);
            write_markdown_text(file, table->columns[j].title);
            fputs(" |", file);
        }
    fputs("\n|", file);
    for (size_t j = 0; j < table->column_count; j++)
        if (table->columns[j].title)
            fputs(table->columns[j].kind == COLUMN_TEXT ? "---|" : "---:|", file);
    fputc('\n', file);
    for (size_t i = 0; i < table->row_count; i++) {
        fputc('|', file);
        for (size_t j = 0; j < table->column_count; j++) {
            const struct table_cell *cell = &table->rows[i].cells[j];
            if (!table->columns[j].title)
                continue;
            fputs(cell->best ? " **" : " ", file);
            write_markdown_text(file, format_cell(table, j, cell));
            fputs(cell->best ? "** |" : " |", file);
        }
        fputc('\n', file);
    }
}

void table_write_latex(const struct table *table, FILE *file) {
    fputs("% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n\\caption{", file);
    write_latex_text(file, table->caption);
    fprintf(file, "}\n\\label{tab:%s}\n\\begin{tabular}{@{}", table->id);
    for (size_t j = 0; j < table->column_count; j++)
        if (table->columns[j].title)
            fputc(table->columns[j].kind == COLUMN_TEXT ? 'l' : 'r', file);
    fputs("@{}}\n\\toprule\n", file);
    const char *before = "";
    for (size_t j = 0; j < table->column_count; j++)
        if (table->columns[j].title) {
            fputs(before, file);
            write_latex_text(file, table->columns[j].title);
            before = " & ";
        }
    fputs(" \\\\\n\\midrule\n", file);
    for (size_t i = 0; i < table->row_count; i++) {
        fputs(table->rows[i].rule && i ? "\\midrule\n" : "", file);
        before = "";
        for (size_t j = 0; j < table->column_count; j++) {
            const struct table_cell *cell = &table->rows[i].cells[j];
            if (!table->columns[j].title)
                continue;
            fputs(before, file);
            fputs(cell->best ? "\\textbf{" : "", file);
            write_latex_text(file, format_cell(table, j, cell));
            fputs(cell->best ? "}" : "", file);
            before = " & ";
        }
        fputs(" \\\\\n", file);
    }
    fputs("\\bottomrule\n\\end{tabular}\n\\end{table}\n", file);
}

void table_write_html(const struct table *table, FILE *file) {
    fprintf(file, "<figure class=\"table\" id=\"%s\">\n<figcaption>", table->id);
    write_html_text(file, table->caption);
    fputs("</figcaption>\n<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>", file);
    for (size_t j = 0; j < table->column_count; j++)
        if (table->columns[j].title) {
            fprintf(file, "<th%s>",
                    table->columns[j].kind == COLUMN_TEXT ? "" : " class=\"n\"");
            write_html_text(file, table->columns[j].title);
            fputs("</th>", file);
        }
    fputs("</tr></thead>\n<tbody>\n", file);
    for (size_t i = 0; i < table->row_count; i++) {
        fputs(table->rows[i].rule && i ? "<tr class=\"rule\">" : "<tr>", file);
        for (size_t j = 0; j < table->column_count; j++) {
            const struct table_cell *cell = &table->rows[i].cells[j];
            if (!table->columns[j].title)
                continue;
            fprintf(file, "<td%s>%s",
                    table->columns[j].kind == COLUMN_TEXT ? "" : " class=\"n\"",
                    cell->best ? "<b>" : "");
            write_html_text(file, format_cell(table, j, cell));
            fputs(cell->best ? "</b></td>" : "</td>", file);
        }
        fputs("</tr>\n", file);
    }
    fputs("</tbody>\n</table></div>\n</figure>\n", file);
}

/* Characters, not bytes: continuation bytes of UTF-8 take no room. */
static size_t display_width(const char *text) {
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* Breaks text into lines of at most 96 characters. */
static void write_wrapped(FILE *file, const char *text) {
    size_t column = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        char *word = malloc(length + 1);
        if (!word)
            die(EXIT_BAD_INPUT, "report: out of memory");
        memcpy(word, text, length);
        word[length] = '\0';
        size_t width = display_width(word);
        if (column > 0 && column + 1 + width > 96) {
            fputc('\n', file);
            column = 0;
        }
        fprintf(file, "%s%s", column > 0 ? " " : "", word);
        column += width + (column > 0 ? 1 : 0);
        free(word);
        text += length;
        text += strspn(text, " ");
    }
}

/* The width of a column: of its title and its widest cell. A star marks a best cell and takes a
 * character in every cell of its column, so that numbers stay aligned. */
struct text_column {
    size_t width;
    bool starred;
};

static struct text_column measure_column(const struct table *table, size_t j) {
    struct text_column column = {display_width(table->columns[j].title), false};
    for (size_t i = 0; i < table->row_count; i++) {
        const struct table_cell *cell = &table->rows[i].cells[j];
        size_t own = display_width(format_cell(table, j, cell));
        column.width = own > column.width ? own : column.width;
        column.starred = column.starred || cell->best;
    }
    return column;
}

/* row -1 is the header. Blanks at the end of a line are held back until something follows them. */
static void write_text_row(const struct table *table, const struct text_column *measures,
                           int64_t row, FILE *file) {
    size_t blanks = 0;
    for (size_t j = 0; j < table->column_count; j++) {
        const struct table_column *column = &table->columns[j];
        if (!column->title)
            continue;
        bool right = column->kind != COLUMN_TEXT;
        const struct table_cell *cell = row < 0 ? NULL : &table->rows[row].cells[j];
        const char *text = cell ? format_cell(table, j, cell) : column->title;
        size_t pad = measures[j].width - display_width(text);
        blanks += 2 + (right ? pad : 0);
        fprintf(file, "%*s%s", (int)blanks, "", text);
        blanks = right ? 0 : pad;
        if (cell && cell->best)
            fputc('*', file);
        else
            blanks += measures[j].starred;
    }
    fputc('\n', file);
}

void table_write_text(const struct table *table, FILE *file) {
    write_wrapped(file, table->caption);
    fputs("\n\n", file);
    struct text_column *measures =
        arena_array(table->arena, table->column_count, sizeof *measures);
    for (size_t j = 0; j < table->column_count; j++)
        if (table->columns[j].title)
            measures[j] = measure_column(table, j);
    write_text_row(table, measures, -1, file);
    for (size_t i = 0; i < table->row_count; i++) {
        if (i == 0 || table->rows[i].rule)
            fputc('\n', file);
        write_text_row(table, measures, (int64_t)i, file);
    }
}

balact_status table_save(const struct table *table, const char *folder,
                         struct balact_error *error) {
    static const struct {
        const char *suffix;
        void (*write)(const struct table *table, FILE *file);
    } forms[] = {
        {"csv", table_write_csv}, {"md", table_write_markdown}, {"tex", table_write_latex}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct balact_output output;
        char *path = arena_format(table->arena, "%s/%s.%s", folder, table->id, forms[i].suffix);
        balact_status status = balact_output_open(&output, path, error);
        if (status != BALACT_OK)
            return status;
        forms[i].write(table, output.file);
        status = balact_output_commit(&output, error);
        if (status != BALACT_OK)
            return status;
    }
    return BALACT_OK;
}
