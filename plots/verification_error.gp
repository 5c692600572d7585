# SPDX-License-Identifier: MIT
# Worst errors against the reference. Columns of the data: activation, then for each of the three
# panels (probabilities, gradients, losses) the bound and one worst error a backend.
# numbers: activations, top of each panel's axis
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

activations = number(1)
set xrange [-0.6:activations - 0.4]
set xtics scale 0 rotate by 40 right offset 0.6,0
set title
set multiplot title balact_title layout 1,3 margins 0.07,0.985,0.27,0.8 spacing 0.075
set key at screen 0.5,0.93 center top horizontal

panel_title(p) = word('probabilities gradients losses', p)
panel_label(p) = p < 3 ? 'error (ULP)' : 'relative error (10⁻⁶)'
spread = 0.5 / series
x(i, row) = row + spread * (i - 0.5 * (series + 1))

do for [p = 1:3] {
    bound = 2 + (p - 1) * (series + 1)
    set title panel_title(p) offset 0,-0.7
    set ylabel panel_label(p) offset 1.5,0
    set yrange [0:number(1 + p)]
    # points on stalks, a sign for each backend; the bound is a line across its activation
    plot for [i = 1:series] data using (x(i, $0)):(column(bound + i)):xtic(1) with impulses linestyle style(i) dashtype solid linewidth 1.5 notitle, \
         for [i = 1:series] data using (x(i, $0)):(column(bound + i)) with points linestyle style(i) pointsize 1.1 title (p == 2 ? columnheader(bound + i) : ''), \
         data using ($0 - 0.4):(column(bound)):(0.8):(0) with vectors nohead linestyle 12 linewidth 2 title (p == 2 ? 'bound' : '')
    set key off
    if (p == 1) { set key on at screen 0.5,0.93 center top horizontal }
}
unset multiplot
