# SPDX-License-Identifier: MIT
# Roofline, a panel a case. One row of data: for each point exponentials a byte and GB/s.
# numbers: panels, exponentials a nanosecond (0: not measured), then for each panel its title, the
# copy and the read bandwidth (GB/s, 0: not measured), then for each point its panel
balact_format = ARG2
balact_output = ARG3
balact_title = ARG5
balact_styles = ARG6
balact_columns = ARG8
data = ARG4
numbers = ARG7
load ARG1
number(i) = real(word(numbers, i))

panels = int(number(1)); exps = number(2)
panel_title(p) = word(numbers, 3 * p)
copy(p) = number(3 * p + 1)
read(p) = number(3 * p + 2)
place(i) = int(number(2 + 3 * panels + i))
columns = panels < 4 ? panels : int(ceil(panels / 2.0))
rows = panels < 4 ? 1 : 2

# One height for all panels, from the data.
bottom = 1e9; top = 0
do for [i = 1:series] {
    stats data using (column(2 * i)) nooutput
    bottom = STATS_min < bottom ? STATS_min : bottom
    top = STATS_max > top ? STATS_max : top
}
do for [p = 1:panels] {
    top = copy(p) > top ? copy(p) : top
    top = read(p) > top ? read(p) : top
}
set title
set multiplot title balact_title layout rows,columns \
    margins 0.1,0.985,0.28,0.85 spacing 0.03,(rows > 1 ? 0.09 : 0)
unset key
set logscale xy
set xrange [0.08:0.4]
set yrange [bottom / 1.6:top * 1.5]
set ytics (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
unset mxtics; unset mytics
set grid noxtics ytics linestyle 21
set samples 2
# open signs stay visible around filled ones
size(s) = s < 3 ? 1.1 : 0.6

do for [p = 1:panels] {
    list = ''
    do for [i = 1:series] { if (place(i) == p) { list = list . sprintf(' %d', i) } }
    which(k) = int(word(list, k))
    set title panel_title(p) offset 0,-0.7
    lowest = p > (rows - 1) * columns || (rows > 1 && p + columns > panels)
    if (p % columns == 1 || columns == 1) { set ylabel 'GB/s' offset 1,0; set format y '%g' } \
        else { unset ylabel; set format y '' }
    if (lowest) { set xtics ('1/8' 0.125, '1/4' 0.25) } else { set xtics ('' 0.125, '' 0.25) }
    if (lowest && (p - 1) % columns == int((columns - 1) / 2)) {
        set xlabel 'exp per byte (beside 1/8: forward left, loss with gradient right)' offset 0,0.4
    } else { unset xlabel }
    plot for [r = 1:(copy(p) > 0 ? 1 : 0)] copy(p) with lines linestyle 20 linewidth 1.6, \
         for [r = 1:(read(p) > 0 ? 1 : 0)] read(p) with lines linestyle 20 linewidth 1.6 \
             dashtype (4,3), \
         for [r = 1:(exps > 0 ? 1 : 0)] exps / x with lines linestyle 12 linewidth 1.8 \
             dashtype solid, \
         for [k = 1:words(list)] data \
             using (column(2 * which(k) - 1)):(column(2 * which(k))) \
             with points linestyle style(which(k)) pointsize size(style(which(k)))
}

# One key for all panels.
set key at screen 0.5,0.015 center bottom horizontal maxcols 4 Left reverse samplen 2 width 0
set lmargin 0; set rmargin 0; set tmargin 0; set bmargin 0
set origin 0,0; set size 1,1
unset border; unset tics; unset title; unset xlabel; unset ylabel; unset grid; unset logscale
set xrange [-2:-1]; set yrange [-2:-1]
name(i) = (i > 2 ? 'Balanced ' : '') . (i % 2 ? 'Softmax' : 'Sigmoid')
plot for [i = 1:4] data using 1:2 with points linestyle i pointsize size(i) title name(i), \
     1 with lines linestyle 20 linewidth 1.6 title 'copy bandwidth', \
     1 with lines linestyle 20 linewidth 1.6 dashtype (4,3) title 'read bandwidth', \
     1 with lines linestyle 12 linewidth 1.8 dashtype solid title 'exp rate'
unset multiplot
