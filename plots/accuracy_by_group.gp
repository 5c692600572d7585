# SPDX-License-Identifier: MIT
# Accuracy by shot group. Columns of the data: group, then accuracy and deviation (points) a method.
# numbers: groups, top of the axis, and the axis' name if it is no accuracy
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

groups = number(1); top = number(2)
set ylabel (words(numbers) > 2 ? word(numbers, 3) : 'top-1 accuracy (points)')
set xrange [-0.5:groups - 0.5]
set yrange [0:top]
set xtics scale 0
set bmargin 2.4 + 1.15 * key_rows

# The Bayes optimum is the last series, if it is there: a line across the group instead of a bar.
ceiling = style(series) == BAYES
bars = series - ceiling
thick = 0.8 / bars
x(i, group) = group + thick * (i - 0.5 * (bars + 1))
set boxwidth 0.92 * thick
# Plain and balanced differ in lightness; the sigmoids are hatched, or grey prints would show them
# like the softmaxes.
solid = ''; hatched = ''
do for [i = 1:bars] {
    if (style(i) == 2 || style(i) == 4) {
        hatched = hatched . sprintf(' %d', i)
    } else {
        solid = solid . sprintf(' %d', i)
    }
}
# gnuplot evaluates the parts of a loop that runs no times, too
plain_bar(k) = k <= words(solid) ? int(word(solid, k)) : 1
hatched_bar(k) = k <= words(hatched) ? int(word(hatched, k)) : 1
INVISIBLE = '#ff000000'

mean(i) = column(2 * i)
spread(i) = column(2 * i + 1)
name(i) = columnheader(2 * i)

plot data using 0:(0):xtic(1) with dots linecolor rgb INVISIBLE notitle, \
     for [k = 1:words(solid)] data \
         using (x(plain_bar(k), $0)):(mean(plain_bar(k))):(spread(plain_bar(k))) \
         with boxerrorbars linestyle style(plain_bar(k)) dashtype solid \
         fillstyle solid border rgb '#303030' title name(plain_bar(k)), \
     for [k = 1:words(hatched)] data \
         using (x(hatched_bar(k), $0)):(mean(hatched_bar(k))):(spread(hatched_bar(k))) \
         with boxerrorbars linestyle style(hatched_bar(k)) dashtype solid \
         fillstyle pattern (style(hatched_bar(k)) == 2 ? 4 : 5) border rgb '#303030' \
         title name(hatched_bar(k)), \
     for [i = series:(ceiling ? series : 0)] data using ($0 - 0.46):(mean(i)):(0.92):(0) \
         with vectors nohead linestyle BAYES linewidth 2 title name(i)
