/* SPDX-License-Identifier: MIT
 *
 * Text escaped for the notations of the tables. See table.h.
 */
#include <string.h>

#include "plots/table.h"

struct replacement {
    const char *from, *to;
};

/* Writes text with every `from` replaced. Lists end with a NULL; the first match counts. */
static void write_replaced(FILE *file, const char *text, const struct replacement *list) {
    while (*text) {
        const struct replacement *found = list;
        while (found->from && strncmp(text, found->from, strlen(found->from)))
            found++;
        if (found->from) {
            fputs(found->to, file);
            text += strlen(found->from);
        } else {
            fputc(*text++, file);
        }
    }
}

void write_csv_text(FILE *file, const char *text) {
    static const struct replacement list[] = {
        {"\"", "\"\""}, {"\n", " "}, {"\r", " "}, {NULL, NULL}};
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    write_replaced(file, text, list);
    fputc('"', file);
}

void write_html_text(FILE *file, const char *text) {
    static const struct replacement list[] = {{"&", "&amp;"},  {"<", "&lt;"},  {">", "&gt;"},
                                              {"\"", "&quot;"}, {"'", "&#39;"}, {NULL, NULL}};
    write_replaced(file, text, list);
}

void write_latex_text(FILE *file, const char *text) {
    static const struct replacement list[] = {
        {"\\", "\\textbackslash{}"},
        {"{", "\\{"},
        {"}", "\\}"},
        {"$", "\\$"},
        {"&", "\\&"},
        {"#", "\\#"},
        {"%", "\\%"},
        {"_", "\\_"},
        {"^", "\\textasciicircum{}"},
        {"~", "\\textasciitilde{}"},
        {"<", "\\textless{}"},
        {">", "\\textgreater{}"},
        {"\xe2\x80\x93", "--"},           /* en dash */
        {"\xc2\xb1", "$\\pm$"},           /* plus-minus */
        {"\xe2\x88\x92", "$-$"},          /* minus */
        {"\xc3\x97", "$\\times$"},        /* times */
        {"\xe2\x89\xa4", "$\\leq$"},      /* at most */
        {"\xe2\x89\xa5", "$\\geq$"},      /* at least */
        {NULL, NULL}};
    write_replaced(file, text, list);
}

void write_markdown_text(FILE *file, const char *text) {
    static const struct replacement list[] = {
        {"\\", "\\\\"}, {"|", "\\|"}, {"*", "\\*"}, {"_", "\\_"},     {"`", "\\`"},
        {"[", "\\["},   {"]", "\\]"}, {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"},
        {NULL, NULL}};
    write_replaced(file, text, list);
}
