# SPDX-License-Identifier: MIT
# Accuracy against sample size. Columns of the data: training images (or factor), its label, then
# accuracy and deviation (points) a method.
# numbers: first and last x, bottom and top of the accuracy axis, 1 if x counts images
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

first = number(1); last = number(2); bottom = number(3); top = number(4); counted = int(number(5))
set xlabel (counted ? 'training images' : 'training set, as a factor') . ' (logarithmic)'
set ylabel 'top-1 accuracy (points)'
set logscale x
unset mxtics
edge = (last / first) ** 0.04
set xrange [first / edge:last * edge]
set yrange [bottom:top]

plot for [i = 1:series] data using 1:(column(2 * i + 1)):(column(2 * i + 2)) \
         with yerrorbars linestyle style(i) dashtype solid notitle, \
     for [i = 1:series] data using 1:(column(2 * i + 1)):xtic(2) \
         with linespoints linestyle style(i) title columnheader(2 * i + 1)
