# SPDX-License-Identifier: MIT
# Accuracy by class-frequency rank. Columns of the data: rank, one accuracy (points) a method.
# numbers: classes, how many of them are many, how many are many or medium, top of the axis; and,
# where it is about something else, the names of the axes and of the three groups
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
named = words(numbers) > 4
set xlabel (named ? word(numbers, 5) : 'class rank by training images (1 = most frequent)')
set ylabel (named ? word(numbers, 6) : 'top-1 accuracy (points)')
group_names = named ? word(numbers, 7).' '.word(numbers, 8).' '.word(numbers, 9) : 'many medium few'
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
        set label word(group_names, g) at 0.5 * (begin + end) + 0.5, top center \
            offset 0,0.5 textcolor rgb '#606060'
    }
}

plot for [i = 1:series] data using 1:(column(i + 1)) with linespoints linestyle style(i) \
    title columnheader(i + 1)
