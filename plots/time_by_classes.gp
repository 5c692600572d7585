# SPDX-License-Identifier: MIT
# Time an element against classes. Columns of the data: for each series classes, median, p10 and p90
# (nanoseconds an element).
# numbers: first and last classes, bottom and top of the time axis, 1 if the last series is the limit
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

lines = series - int(number(5))
set xlabel 'classes (logarithmic)'
set ylabel 'ns per element (logarithmic)'
set logscale xy
set format x '%.0f'
set format y '%g'
edge = (number(2) / number(1)) ** 0.04
if (edge == 1) { edge = 1.5 }
set xrange [number(1) / edge:number(2) * edge]
set yrange [number(3):number(4)]
# decades alone would leave the axis almost without numbers
if (number(4) / number(3) < 1000) {
    set ytics (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
}

plot for [i = series:(lines < series ? series : 0)] data \
         using (column(4 * i - 3)):(column(4 * i - 2)) \
         with linespoints linestyle style(i) pointtype 7 pointsize 0.3 \
         title columnheader(4 * i - 2), \
     for [i = 1:lines] data \
         using (column(4 * i - 3)):(column(4 * i - 2)):(column(4 * i - 1)):(column(4 * i)) \
         with yerrorbars linestyle style(i) dashtype solid notitle, \
     for [i = 1:lines] data using (column(4 * i - 3)):(column(4 * i - 2)) \
         with linespoints linestyle style(i) title columnheader(4 * i - 2)
