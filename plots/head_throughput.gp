# SPDX-License-Identifier: MIT
# Throughput of a training step, a panel a case. One row of data: for each series samples a second,
# by the median, the 90th and the 10th percentile of the time.
# numbers: panels, then the title of each, then for each series its panel
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1

panels = int(word(numbers, 1))
panel_title(p) = word(numbers, 1 + p)
place(i) = int(word(numbers, 1 + panels + i))
columns = panels < 4 ? panels : int(ceil(panels / 2.0))
rows = panels < 4 ? 1 : 2
MARKER = 12

set title
set multiplot title balact_title layout rows,columns \
    margins 0.115,0.985,0.2,0.85 spacing 0.09,(rows > 1 ? 0.12 : 0)
unset key
set border 3
unset xtics
set format y '%.0s%c'
# about four numbers on an axis: 1, 2 or 5 times a power of ten apart
decade(x) = 10 ** floor(log10(x))
step(x) = x / decade(x) < 2 ? decade(x) : x / decade(x) < 5 ? 2 * decade(x) : 5 * decade(x)

do for [p = 1:panels] {
    bars = ''; marks = ''; top = 0
    do for [i = 1:series] {
        if (place(i) == p) {
            stats data using (column(3 * i)) nooutput
            top = STATS_max > top ? STATS_max : top
            if (style(i) == MARKER) { marks = marks . sprintf(' %d', i) } \
                else { bars = bars . sprintf(' %d', i) }
        }
    }
    # gnuplot evaluates the parts of a loop that runs no times, too
    bar(k) = k <= words(bars) ? int(word(bars, k)) : 1
    mark(k) = k <= words(marks) ? int(word(marks, k)) : 1
    set title panel_title(p) offset 0,-0.7 font ',9'
    if (p % columns == 1 || columns == 1) { set ylabel 'samples per second' offset 0.5,0 } \
        else { unset ylabel }
    set xrange [0.4:words(bars) + 0.6]
    set yrange [0:1.08 * top]
    set ytics step(0.4 * top)
    plot for [k = 1:words(bars)] data \
             using (k):(column(3 * bar(k) - 2)):(column(3 * bar(k) - 1)):(column(3 * bar(k))):(0.8) \
             with boxerrorbars linestyle style(bar(k)) dashtype solid \
             fillstyle solid border rgb '#303030', \
         for [k = 1:words(marks)] data \
             using (0.4):(column(3 * mark(k) - 2)):(words(bars) + 0.2):(0) \
             with vectors nohead linestyle MARKER linewidth 2
}

# One key for all panels: every style once.
keys = ''; used = sprintf(' %d ', MARKER)
do for [i = 1:series] {
    if (strstrt(used, sprintf(' %d ', style(i))) == 0) {
        keys = keys . sprintf(' %d', i)
        used = used . sprintf('%d ', style(i))
    }
}
entry(k) = int(word(keys, k))
set key at screen 0.5,0.015 center bottom horizontal maxcols 4 Left reverse samplen 1.5 width 0
set lmargin 0; set rmargin 0; set tmargin 0; set bmargin 0
set origin 0,0; set size 1,1
unset border; unset tics; unset title; unset ylabel; unset grid
set xrange [-2:-1]; set yrange [-2:-1]
plot for [k = 1:words(keys)] data using 0:(column(3 * entry(k) - 2)) \
         with boxes linestyle style(entry(k)) \
         dashtype solid fillstyle solid border rgb '#303030' \
         title columnheader(3 * entry(k) - 2), \
     -9 with lines linestyle MARKER linewidth 2 title 'GEMM alone'
unset multiplot
