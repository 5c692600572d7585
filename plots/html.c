/* SPDX-License-Identifier: MIT
 *
 * report.html: one file that shows claims, tables, figures and provenance, with nothing to load
 * from elsewhere. See report.h.
 */
#include <stdlib.h>
#include <string.h>

#include "datasets/output.h"
#include "plots/html.h"
#include "plots/report.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1a1a1a;--dim:#5a5a5a;--line:#d5d5d5;--paper:#fff;"
    "--pass:#00664a;--fail:#b03a00;--skip:#5a5a5a}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--dim:#a8a8a8;--line:#444;"
    "--paper:#161616;--pass:#4cc9a0;--fail:#ff9a5c;--skip:#a8a8a8}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:68rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;"
    "color:var(--ink);background:var(--paper);overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;line-height:1.2}\n"
    "h2{font-size:1.25rem;margin-top:2.5rem;padding-top:.75rem;border-top:1px solid var(--line)}\n"
    "figure{margin:1.75rem 0}\n"
    "figcaption{font-size:.875rem;color:var(--dim);margin-bottom:.5rem}\n"
    ".scroll{overflow-x:auto;overflow-wrap:normal}\n"
    "table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}\n"
    "th,td{text-align:left;padding:.25rem .6rem;vertical-align:top}\n"
    "thead th{border-bottom:1.5px solid var(--ink);white-space:nowrap}\n"
    "tbody tr:last-child td{border-bottom:1.5px solid var(--ink)}\n"
    "tr.rule td{border-top:1px solid var(--line)}\n"
    ".n{text-align:right;white-space:nowrap}\n"
    ".table td{white-space:nowrap}\n"
    ".plot svg{display:block;width:100%;height:auto;max-width:40rem;background:#fff}\n"
    ".claims{list-style:none;padding:0}\n"
    ".claims li{display:grid;grid-template-columns:3.2rem 1fr;gap:0 .5rem;padding:.5rem 0;"
    "border-top:1px solid var(--line)}\n"
    ".verdict{font-weight:700;font-size:.875rem;line-height:1.5rem}\n"
    ".PASS{color:var(--pass)}.FAIL{color:var(--fail)}.SKIP{color:var(--skip)}\n"
    ".more{font-size:.875rem;color:var(--dim)}\n"
    "dl{font-size:.875rem;display:grid;grid-template-columns:minmax(6rem,max-content) 1fr;"
    "gap:.15rem 1rem}\n"
    "dt{color:var(--dim)}dd{margin:0}\n"
    "code,pre{font-size:.8125rem}pre{overflow-x:auto}\n"
    "nav{font-size:.875rem}nav a{display:inline-block;margin-right:1rem}a{color:inherit}\n"
    "summary{cursor:pointer;padding:.25rem 0}\n";

static void write_claims(struct arena *arena, const struct claims *claims, FILE *file) {
    fprintf(
        file,
        "<h2 id=\"claims\">Claims</h2>\n<p>%zu hold, %zu do not, %zu cannot be judged from this "
        "run.</p>\n<ul class=\"claims\">\n",
        claims_count(claims, VERDICT_PASS), claims_count(claims, VERDICT_FAIL),
        claims_count(claims, VERDICT_SKIP));
    for (size_t i = 0; i < claims->count; i++) {
        const struct claim *claim = &claims->list[i];
        const char *verdict = verdict_name(claim->verdict);
        fprintf(file, "<li><span class=\"verdict %s\">%s</span><div>", verdict, verdict);
        write_html_text(file, claim->text);
        fputs("<div class=\"more\">", file);
        if (claim->verdict != VERDICT_SKIP) {
            fputs("found ", file);
            write_html_text(file, claim_found_text(arena, claim));
            fputs("; wanted ", file);
            write_html_text(file, claim_wanted_text(arena, claim));
        }
        if (claim->detail[0]) {
            fputs(claim->verdict != VERDICT_SKIP ? "; " : "", file);
            write_html_text(file, claim->detail);
        }
        fputs(claim->source[0] ? " (" : "", file);
        write_html_text(file, claim->source);
        fprintf(file, "%s</div></div></li>\n", claim->source[0] ? ")" : "");
    }
    fputs("</ul>\n", file);
}

/* The SVG of a figure for use inside the page: from its <svg> element on, with every id and every
 * reference to one made its own, since all figures share the page's name space. */
static void inline_svg(const char *svg, const char *title, size_t number, FILE *file) {
    static const char named[] = "<title>Gnuplot</title>"; /* what a pointer over the figure shows */
    static const char *const marks[] = {"id=\"", "id='",    "id = \"",  "id = '",
                                        "url(#", "href='#", "href=\"#", NULL};
    const char *at = strstr(svg, "<svg");
    while (at && *at) {
        size_t i = 0;
        while (marks[i] && strncmp(at, marks[i], strlen(marks[i])))
            i++;
        if (marks[i]) {
            fprintf(file, "%sf%zu-", marks[i], number);
            at += strlen(marks[i]);
        } else if (!strncmp(at, named, sizeof named - 1)) {
            fputs("<title>", file);
            write_html_text(file, title);
            fputs("</title>", file);
            at += sizeof named - 1;
        } else {
            fputc(*at++, file);
        }
    }
}

static char *read_svg(struct arena *arena, const char *path) {
    char *text = NULL, buffer[4096];
    size_t size = 0, got;
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0)
        size += got;
    rewind(file);
    text = arena_array(arena, size + 1, 1);
    size = fread(text, 1, size, file);
    fclose(file);
    return text;
}

static void write_figure(struct arena *arena, const struct report_figure *figure, size_t number,
                         const char *folder, FILE *file) {
    char *svg = read_svg(arena, arena_format(arena, "%s/%s.svg", folder, figure->id));
    if (!svg)
        return;
    fprintf(file, "<figure class=\"plot\" id=\"%s\">\n<figcaption>", figure->id);
    write_html_text(file, figure->caption);
    fputs("</figcaption>\n", file);
    inline_svg(svg, figure->title, number, file);
    fputs("</figure>\n", file);
}

/* Tables and figures of one experiment, or with NULL those of the whole run. */
static void write_parts(struct arena *arena, const struct report_tables *tables,
                        const struct report_figures *figures, const char *folder,
                        const struct experiment *experiment, FILE *file) {
    size_t folded = 0;
    for (size_t i = 0; i < tables->count; i++)
        if (tables->list[i].experiment == experiment && !tables->list[i].secondary)
            table_write_html(tables->list[i].table, file);
    for (size_t i = 0; i < figures->count; i++)
        if (figures->list[i].drawn && figures->list[i].experiment == experiment)
            write_figure(arena, &figures->list[i], i, folder, file);
    for (size_t i = 0; i < tables->count; i++)
        if (tables->list[i].experiment == experiment && tables->list[i].secondary) {
            fputs(folded++ ? "" : "<details><summary>Further tables</summary>\n", file);
            table_write_html(tables->list[i].table, file);
        }
    fputs(folded ? "</details>\n" : "", file);
}

static void write_page(struct arena *arena, const struct run_results *results,
                       const struct report_tables *tables, const struct report_figures *figures,
                       const char *folder, const struct claims *claims, FILE *file) {
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<title>balact: results of a run</title>\n<style>\n",
          file);
    fprintf(file,
            "%s</style>\n</head>\n<body>\n<h1>Output activations for long-tailed recognition: "
            "results of a run</h1>\n<nav><a href=\"#claims\">Claims</a>",
            style);
    for (size_t i = 0; i < results->experiment_count; i++)
        fprintf(file, "<a href=\"#%s\">%s</a>", results->experiments[i].name,
                results->experiments[i].name);
    fprintf(file, "%s<a href=\"#provenance\">Provenance</a></nav>\n",
            results->verify_count ? "<a href=\"#verify\">Verification</a>" : "");
    write_claims(arena, claims, file);
    for (size_t i = 0; i < results->experiment_count; i++) {
        const struct experiment *experiment = &results->experiments[i];
        fprintf(file, "<h2 id=\"%s\">%s</h2>\n", experiment->name, experiment->name);
        write_parts(arena, tables, figures, folder, experiment, file);
    }
    if (results->verify_count) {
        fputs("<h2 id=\"verify\">Verification</h2>\n", file);
        write_parts(arena, tables, figures, folder, NULL, file);
    }
    fputs("<h2 id=\"provenance\">Provenance</h2>\n", file);
    for (size_t i = 0; i < results->experiment_count; i++)
        write_provenance(&results->experiments[i], file);
    fputs("</body>\n</html>\n", file);
}

balact_status report_write_html(struct arena *arena, const struct run_results *results,
                                const struct report_tables *tables,
                                const struct report_figures *figures, const char *figures_folder,
                                const struct claims *claims, const char *path,
                                struct balact_error *error) {
    struct balact_output output;
    balact_status status = balact_output_open(&output, path, error);
    if (status != BALACT_OK)
        return status;
    write_page(arena, results, tables, figures, figures_folder, claims, output.file);
    return balact_output_commit(&output, error);
}
