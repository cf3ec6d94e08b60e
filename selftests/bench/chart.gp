# SPDX-License-Identifier: GPL-2.0-only
# The ratios of results.tsv and what they must reach, as SVG.
#
# usage: gnuplot -c chart.gp results.tsv chart.svg

set terminal svg size 1040, 640 font "sans-serif,13" background "white"
set output ARG2
set datafile separator "\t"
set xlabel "ratio: median and quartiles; less is better"
set logscale x 10
set xrange [0.001:20]
set yrange [-1:*] reverse
set grid xtics lc rgb "#dddddd"
set lmargin 60
set tics nomirror noenhanced
set key bottom left reverse Left noenhanced
set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb "#888888"
set style data points

# A limit on a count becomes one on the ratio.
limit(kind, x, base) = kind eq "none" ? NaN : kind eq "value" ? x / base : x

plot ARG1 every ::1 using (limit(strcol(13), $14, $5)):0:(0.3) \
	with yerrorbars pt 0 ps 0 lw 2 lc rgb "#c0392b" title "must reach", \
     "" every ::1 using 11:0:10:12:ytic(sprintf("%s / %s", \
	strcol(1), strcol(3))) with xerrorbars \
	pt 7 ps 0.7 lw 2 lc rgb "#2c5d8a" title "reached"
