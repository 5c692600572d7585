# SPDX-License-Identifier: MIT
# Accuracy by class-frequency rank. Columns of the data: rank, one accuracy (points) a method.
# numbers: classes, how many of them are many, how many are many or medium, top of the axis
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

classes = number(1); many = number(2); medium = number(3); top = number(4)
set xlabel 'class rank by training images (1 = most frequent)'
set ylabel 'top-1 accuracy (points)'
set xrange [0.5:classes + 0.5]
if (classes <= 20) { set xtics 1 }
set yrange [0:top]
set title offset 0,0.8

# Where the shot groups meet, each named at the upper edge if there is room for its name.
if (many > 0 && many < classes) {
    set arrow from many + 0.5, 0 to many + 0.5, top nohead linestyle 22 back
}
if (medium > many && medium < classes) {
    set arrow from medium + 0.5, 0 to medium + 0.5, top nohead linestyle 22 back
}
do for [g = 1:3] {
    begin = g == 1 ? 0 : g == 2 ? many : medium
    end = g == 1 ? many : g == 2 ? medium : classes
    if (end - begin > 0.08 * classes) {
        set label word('many medium few', g) at 0.5 * (begin + end) + 0.5, top center \
            offset 0,0.5 textcolor rgb '#606060'
    }
}

plot for [i = 1:series] data using 1:(column(i + 1)) with linespoints linestyle style(i) \
    title columnheader(i + 1)
