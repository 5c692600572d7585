# SPDX-License-Identifier: MIT
# Fraction of the limit, a panel an activation, horizontal bars. Columns of the data: case, then for
# every activation one fraction a backend.
# numbers: cases, right end of the axis, panels, then for each panel its activation's number (from 0)
# and its title
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

cases = number(1); right = number(2); panels = int(number(3))
block(p) = int(number(2 + 2 * p))
panel_title(p) = word(numbers, 3 + 2 * p)
set title
set multiplot title balact_title layout 1,panels margins 0.2,0.975,0.25,0.84 spacing 0.025
unset key
set border 1
set grid noytics xtics linestyle 21
set xrange [0:right]
set xtics 0.5
set mxtics 2
set yrange [cases - 0.5:-0.5]
set ytics scale 0
thick = 0.8 / series
INVISIBLE = '#ff000000'
middle(i, row) = row + thick * (i - 0.5 * (series + 1))
low(i, row) = middle(i, row) - 0.46 * thick
high(i, row) = middle(i, row) + 0.46 * thick
bar(i) = column(first + i)

do for [p = 1:panels] {
    set title panel_title(p) offset 0,-0.7 font ',9'
    if (p > 1) { unset ytics }
    set xlabel 'limit / time' offset 0,0.4
    set arrow 1 from 1,graph 0 to 1,graph 1 nohead linestyle 12 front
    first = 1 + block(p) * series
    # the names of the cases stand at the first panel alone
    if (p == 1) {
        plot data using (0):0:ytic(1) with dots linecolor rgb INVISIBLE, for [i = 1:series] \
            data using (bar(i)):(middle(i, $0)):(0):(bar(i)):(low(i, $0)):(high(i, $0)) \
            with boxxyerror linestyle style(i) dashtype solid linewidth 0.6 \
            fillstyle solid border rgb '#303030'
    } else {
        plot for [i = 1:series] \
            data using (bar(i)):(middle(i, $0)):(0):(bar(i)):(low(i, $0)):(high(i, $0)) \
            with boxxyerror linestyle style(i) dashtype solid linewidth 0.6 \
            fillstyle solid border rgb '#303030'
    }
}

# One key for all panels: the same series once more, out of the range of a plot as wide as the page.
set key at screen 0.5,0.015 center bottom horizontal maxcols 4 Left reverse samplen 1.5 width 0
set lmargin 0; set rmargin 0; set tmargin 0; set bmargin 0
set origin 0,0; set size 1,1
unset arrow 1
unset border; unset tics; unset title; unset xlabel; unset grid
set yrange [-2:-1]
set xrange [-2:-1]
plot for [i = 1:series] data using 0:(column(1 + i)) with boxes linestyle style(i) dashtype solid \
         fillstyle solid border rgb '#303030' title columnheader(1 + i), \
     data using 0:0 with lines linestyle 12 title 'limit'
unset multiplot
