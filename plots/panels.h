/* SPDX-License-Identifier: MIT
 *
 * Figures of several panels: what their data is made of and how it goes to a script, see
 * panel_figures.c.
 */
#ifndef BALACT_PLOTS_PANELS_H
#define BALACT_PLOTS_PANELS_H

#include "plots/arena.h"

/* A text as one word of a figure's numbers: its blanks become no-break spaces. */
const char *panel_word(struct arena *arena, const char *text);

#endif
