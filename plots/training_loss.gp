# SPDX-License-Identifier: MIT
# Training loss by epoch, the softmax family and the sigmoid family each in a panel of its own,
# since their losses are sums of different things. Columns of the data: epoch and loss a method.
# numbers: series of the softmax family, last epoch, top of the left and the right loss axis
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

left = int(number(1)); last = number(2); top_left = number(3); top_right = number(4)
both = left > 0 && left < series
set xlabel 'epoch'
set xrange [0:last]
if (last < 4) { set xtics 0.5 }
set key inside top right vertical noreverse Right
set title
if (both) {
    set multiplot title balact_title layout 1,2 margins 0.09,0.98,0.15,0.85 spacing 0.1
} else {
    set multiplot title balact_title layout 1,1 margins 0.09,0.98,0.15,0.85
}
if (left > 0) {
    set ylabel 'training loss (nats per sample)' offset 1,0
    set title 'softmax family' offset 0,-0.7
    set yrange [0:top_left]
    plot for [i = 1:left] data using (column(2 * i - 1)):(column(2 * i)) \
        with lines linestyle style(i) title columnheader(2 * i)
}
if (left < series) {
    if (both) { unset ylabel } else { set ylabel 'training loss (nats per sample)' offset 1,0 }
    set title 'sigmoid family' offset 0,-0.7
    set yrange [0:top_right]
    plot for [i = left + 1:series] data using (column(2 * i - 1)):(column(2 * i)) \
        with lines linestyle style(i) title columnheader(2 * i)
}
unset multiplot
