# SPDX-License-Identifier: MIT
# Training images per class, sorted. Columns of the data: rank, one count a data set.
# numbers: classes, bottom and top of the count axis
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

classes = number(1); bottom = number(2); top = number(3)
set xlabel 'class rank by training images (1 = most frequent)'
set ylabel 'training images (logarithmic)'
set logscale y
set format y '%g'
set xrange [0.5:classes + 0.5]
if (classes <= 20) { set xtics 1 }
set yrange [bottom:top]
if (series == 1) { unset key; unset bmargin }

# The shot groups of a single data set: many above 100, few below 20.
if (series == 1 && bottom < 100 && top > 100) {
    set arrow from graph 0, first 100 to graph 1, first 100 nohead linestyle 22 back
    set label 'many > 100' at graph 0.99, first 100 right offset 0,0.6 textcolor rgb '#606060'
}
if (series == 1 && bottom < 20 && top > 20) {
    set arrow from graph 0, first 20 to graph 1, first 20 nohead linestyle 22 back
    set label 'few < 20' at graph 0.03, first 20 left offset 0,-0.7 textcolor rgb '#606060'
}

# Few classes are points on a line, many are a line.
if (classes <= 40) {
    plot for [i = 1:series] data using 1:(column(i + 1)) \
        with linespoints linestyle style(i) pointtype 7 pointsize 0.6 title columnheader(i + 1)
} else {
    plot for [i = 1:series] data using 1:(column(i + 1)) \
        with lines linestyle style(i) title columnheader(i + 1)
}
