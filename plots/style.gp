# SPDX-License-Identifier: MIT
# What all figures share: terminals of one look, fonts, lines, colours. Called by every script as
#   load ARG1   after   setting balact_format, _output, _title, _styles and _columns
#
# Colours are those of Okabe and Ito, which colour-blind readers tell apart. A family of activations
# has a hue, its balanced form is darker and drawn solid with filled points, so that a grey print
# still tells them apart by lightness, dashes and points.

set encoding utf8
set datafile separator ','
set datafile columnheaders

if (balact_format eq 'svg') {
    set terminal svg size 520,350 dynamic noenhanced font 'sans-serif,12' background '#ffffff'
}
if (balact_format eq 'png') {
    set terminal pngcairo size 1300,875 noenhanced font 'sans,12' fontscale 1.87 \
        linewidth 2.4 pointscale 2.4
}
if (balact_format eq 'pdf') {
    set terminal pdfcairo size 5.2in,3.5in noenhanced font 'sans,12' fontscale 0.52 \
        linewidth 1.2 pointscale 0.72
}
set output balact_output

set style line  1 linecolor rgb '#56b4e9' linewidth 2 dashtype (8,4)     pt  6 ps 0.8
set style line  2 linecolor rgb '#e69f00' linewidth 2 dashtype (8,4)     pt  4 ps 0.8
set style line  3 linecolor rgb '#0072b2' linewidth 2 dashtype solid     pt  7 ps 0.8
set style line  4 linecolor rgb '#d55e00' linewidth 2 dashtype solid     pt  5 ps 0.8
set style line  5 linecolor rgb '#009e73' linewidth 2 dashtype (2,3)     pt  8 ps 0.9
set style line  6 linecolor rgb '#cc79a7' linewidth 2 dashtype (8,3,2,3) pt 12 ps 0.9
set style line  7 linecolor rgb '#7f7f7f' linewidth 2 dashtype (5,2)     pt 10 ps 0.9
set style line  8 linecolor rgb '#006b4e' linewidth 2 dashtype (2,2,6,2) pt  9 ps 0.9
set style line  9 linecolor rgb '#8c4a75' linewidth 2 dashtype (10,2)    pt 13 ps 0.9
set style line 10 linecolor rgb '#4d4d4d' linewidth 2 dashtype (3,1)     pt 11 ps 0.9
set style line 11 linecolor rgb '#b8a800' linewidth 2 dashtype (1,2)     pt  2 ps 0.9
set style line 12 linecolor rgb '#000000' linewidth 1.6 dashtype (3,3)     pt  1 ps 0.01
# Data sets of one family, smallest first: light to dark.
set style line 31 linecolor rgb '#9ecae1' linewidth 2 dashtype (2,2)
set style line 32 linecolor rgb '#6baed6' linewidth 2 dashtype (5,3)
set style line 33 linecolor rgb '#4292c6' linewidth 2 dashtype (9,3)
set style line 34 linecolor rgb '#2171b5' linewidth 2 dashtype solid
set style line 35 linecolor rgb '#08519c' linewidth 2 dashtype (9,3,2,3)
set style line 36 linecolor rgb '#08306b' linewidth 2 dashtype (5,2)
set style line 37 linecolor rgb '#05204a' linewidth 2 dashtype solid
set style line 38 linecolor rgb '#000000' linewidth 2 dashtype (2,2)
# Points of another day: hollow, in the grey of what only accompanies.
set style line 41 linecolor rgb '#606060' linewidth 1 pt  4 ps 1.1
set style line 42 linecolor rgb '#a0a0a0' linewidth 1 pt  4 ps 0.6
set style line 43 linecolor rgb '#606060' linewidth 1 pt 12 ps 1.2
set style line 44 linecolor rgb '#a0a0a0' linewidth 1 pt 12 ps 0.7
# The frame, the grid and lines that bound something.
set style line 20 linecolor rgb '#606060' linewidth 1
set style line 21 linecolor rgb '#d8d8d8' linewidth 0.6 dashtype solid
set style line 22 linecolor rgb '#606060' linewidth 1 dashtype (4,3)
BAYES = 12

set border 3 linestyle 20
set tics nomirror textcolor rgb '#202020'
set grid ytics linestyle 21
set errorbars 0.6 front linewidth 1.2 linecolor rgb '#000000'

# The line style of series i, and how many series there are.
style(i) = int(word(balact_styles, i))
series = words(balact_styles)

set title balact_title
# The key stands below, balact_columns series to a row, and the plot leaves it the room. The svg
# terminal does not know its font and takes text for wider than it is.
key_columns = int(balact_columns)
key_width = balact_format eq 'svg' ? -3 : 0
set key at screen 0.5,0.015 center bottom horizontal maxcols key_columns \
    Left reverse samplen 3 width key_width textcolor rgb '#202020'
key_rows = ceil(series / real(key_columns))
set bmargin (balact_format eq 'svg' ? 3.9 : 3.6) + 1.15 * key_rows
