# SPDX-License-Identifier: MIT
# Evaluators of LVIS results. Columns of the data: for each series x and y.
# numbers: 1 for logarithmic axes, first and last x, least and most y, names of the axes
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

set xlabel word(numbers, 6)
set ylabel word(numbers, 7)
set format x '%g'
set format y '%g'
if (number(1) == 1) {
    set logscale xy
    set xrange [number(2) / 1.3:number(3) * 1.3]
    set yrange [number(4) / 1.5:number(5) * 1.5]
    set xtics (100, 200, 500, 1000, 2000, 5000, 10000, 20000)
} else {
    set xrange [0:number(3) * 1.05]
    set yrange [0:number(5) * 1.1]
}

# An earlier measurement is points alone: a line would read as another evaluator.
x(i) = 2 * i - 1
y(i) = 2 * i
earlier(i) = style(i) >= 41
plot for [i = 1:series] data using (column(x(i))):(earlier(i) ? NaN : column(y(i))) \
    with linespoints linestyle style(i) title (earlier(i) ? '' : columnheader(y(i))), \
    for [i = 1:series] data using (column(x(i))):(earlier(i) ? column(y(i)) : NaN) \
    with points linestyle style(i) title (earlier(i) ? columnheader(y(i)) : '')
