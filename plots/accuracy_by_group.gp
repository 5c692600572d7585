# SPDX-License-Identifier: MIT
# Accuracy by shot group. Columns of the data: group, then accuracy and deviation (points) a method.
# numbers: groups, top of the axis
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

groups = number(1); top = number(2)
set ylabel 'top-1 accuracy (points)'
set xrange [-0.5:groups - 0.5]
set yrange [0:top]
set xtics scale 0

# The Bayes optimum is the last series, if it is there: a line across the group instead of a bar.
ceiling = style(series) == BAYES
bars = series - ceiling
thick = 0.8 / bars
x(i, group) = group + thick * (i - 0.5 * (bars + 1))
set boxwidth 0.92 * thick
set style fill solid 1.0 border rgb '#303030'
# Sigmoids are hatched: lightness alone tells plain from balanced, not the one family from the other.
hatched(i) = style(i) == 2 || style(i) == 4

plot for [i = 1:bars] data using (x(i, $0)):(column(2 * i)):xtic(1) with boxes linestyle style(i) dashtype solid \
         fillstyle pattern (hatched(i) ? 2 : 3) border rgb '#303030' title columnheader(2 * i), \
     for [i = 1:bars] data using (x(i, $0)):(column(2 * i)):(column(2 * i + 1)) with yerrorbars \
         linecolor rgb '#000000' linewidth 1.2 pointtype 0 notitle, \
     for [i = series:(ceiling ? series : 0)] data using ($0 - 0.46):(column(2 * i)):(0.92):(0) with vectors nohead \
         linestyle BAYES linewidth 2 title columnheader(2 * i)
