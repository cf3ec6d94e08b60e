# SPDX-License-Identifier: GPL-2.0-only
# The results as a table, for the terminal or in reST.
#
# usage: awk [-v rst=1] -f table.awk results.tsv

BEGIN {
	FS = "\t"
	if (rst) {
		print ".. list-table::"
		print "   :header-rows: 1"
		print "   :widths: 36 12 12 12 18 10"
		print ""
	}
	line("what", "compared with", "base", "ours", "ratio (quartiles)",
	     "at most", "")
}

FNR > 1 {
	line($1, $3, amount($5, $2), amount($8, $2),
	     spread($2 == "ns"),
	     bound(), $15)
}

function bound()
{
	if ($13 == "none")
		return "-"
	if ($13 == "ratio")
		return number($14)
	return amount($14, $2) ($2 == "ns" ? "" : " " $2)
}

function spread(is_time)
{
	if (!is_time)
		return number($11)
	return number($11) " (" number($10) " to " number($12) ")"
}

function number(x)
{
	return sprintf(x < 0.1 ? "%.4f" : "%.2f", x)
}

function amount(x, unit)
{
	if (unit != "ns")
		return sprintf("%d", x)
	if (x < 1e3)
		return sprintf("%.0f ns", x)
	if (x < 1e6)
		return sprintf("%.1f us", x / 1e3)
	return sprintf("%.1f ms", x / 1e6)
}

function line(what, with, base, ours, ratio, limit, verdict)
{
	if (rst) {
		print "   * - " what
		print "     - " with
		print "     - " base
		print "     - " ours
		print "     - " ratio
		print "     - " limit
	} else {
		printf "%-46s %-14s %10s %10s  %-25s %-10s %s\n",
		       what, with, base, ours, ratio, limit, verdict
	}
}
