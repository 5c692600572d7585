# SPDX-License-Identifier: MIT
# Worst errors against the reference. Columns of the data: activation, then for each of the three
# panels (probabilities, gradients, losses) the bound and one worst error a backend.
# numbers: activations, top of each panel's axis
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

activations = number(1)
set xrange [-0.6:activations - 0.4]
set xtics scale 0 rotate by 35 right offset 0.8,0
set title
set multiplot title balact_title layout 1,3 margins 0.115,0.985,0.3,0.85 spacing 0.12
unset key

panel_title(p) = word('probabilities gradients losses', p)
panel_label(p) = p < 3 ? 'error (ULP)' : 'relative error (10⁻⁶)'
spread = 0.5 / series
x(i, row) = row + spread * (i - 0.5 * (series + 1))
INVISIBLE = '#ff000000'

do for [p = 1:3] {
    bound = 2 + (p - 1) * (series + 1)
    set title panel_title(p) offset 0,-0.7
    set ylabel panel_label(p) offset 1,0
    set yrange [0:number(1 + p)]
    # points on stalks, a sign for each backend; the bound is a line across its activation
    plot data using 0:(0):xtic(1) with dots linecolor rgb INVISIBLE notitle, \
         for [i = 1:series] data using (x(i, $0)):(column(bound + i)) \
             with impulses linestyle style(i) dashtype solid notitle, \
         for [i = 1:series] data using (x(i, $0)):(column(bound + i)) \
             with points linestyle style(i) pointsize 1.1 notitle, \
         data using ($0 - 0.4):(column(bound)):(0.8):(0) \
             with vectors nohead linestyle 12 linewidth 2 notitle
}

# One key for all panels: the same series once more, in a plot as wide as the page and out of its
# range.
set key at screen 0.5,0.015 center bottom horizontal maxcols 6 Left reverse samplen 3 width 0
set lmargin 0; set rmargin 0; set tmargin 0; set bmargin 0
set origin 0,0; set size 1,1
unset border; unset tics; unset title; unset ylabel; unset grid
set yrange [-2:-1]
plot for [i = 1:series] data using 0:(column(2 + i)) \
         with points linestyle style(i) pointsize 1.1 title columnheader(2 + i), \
     data using 0:2 with lines linestyle 12 linewidth 2 title 'bound'
unset multiplot
