# SPDX-License-Identifier: GPL-2.0-only
# Judge the samples by the rows. Exit status 1 if a row misses its limit.
#
# usage: awk -f judge.awk rows samples.tsv [SAMPLES-OF-THE-NEWEST-KERNEL] >results.tsv
#
# Output, a line per row: what, unit, with, then quartile, median, quartile of
# base, of ours and of their ratio, then must, limit, verdict (ok, missed, shown). In
# place of the median, counts have the worst round.

BEGIN {
	FS = OFS = "\t"
	print "what", "unit", "with", "base_q1", "base", "base_q3",
	      "ours_q1", "ours", "ours_q3", "ratio_q1", "ratio", "ratio_q3",
	      "must", "limit", "verdict"
}

# Insertion sort of v[1..n].
function sort(v, n,    i, j, x)
{
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j >= 1 && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
}

# The value below which share p of the sorted v[1..n] lies, interpolated.
function quantile(v, n, p,    at, low)
{
	at = 1 + (n - 1) * p
	low = int(at)
	if (low == n)
		return v[n]
	return v[low] + (at - low) * (v[low + 1] - v[low])
}

# The samples of a series into s; returns their number.
function series(name, s,    i)
{
	split("", s)
	for (i = 1; i <= count[name]; i++)
		s[i] = sample[name, i]
	return count[name] + 0
}

# Quartile, median or worst, quartile of v[1..n], and the one to be judged.
function summary(v, n, worst)
{
	sort(v, n)
	judged = quantile(v, n, 0.5)
	if (worst == "least")
		judged = v[1]
	if (worst == "most")
		judged = v[n]
	return sprintf("%.6g\t%.6g\t%.6g", quantile(v, n, 0.25), judged,
		       quantile(v, n, 0.75))
}

FILENAME == ARGV[1] {
	if (!/^#/ && NF == 8)
		row[++rows] = $0
	next
}

FILENAME == ARGV[2] && $1 == "machine" {
	machine[$2] = $3
}

$1 == "sample" {
	name = (FILENAME == ARGV[2] ? "" : "newest:") $2
	sample[name, ++count[name]] = $3
}

END {
	if (!rows) {
		print "judge: no rows" >"/dev/stderr"
		exit 1
	}
	for (r = 1; r <= rows; r++)
		if (is_there(row[r]))
			missed += judge(row[r])
	exit missed > 0
}

# Whether the kernel has what the row is about.
function is_there(line,    f)
{
	split(line, f, FS)
	if (f[8] == "small")
		return machine["huge entries"] == "no"
	if (f[8] == "exports")
		return machine["stock exports"] == "yes"
	return 1
}

function judge(line,    f, o, b, q, n, i, counts, base, ours, ratio, value,
	       missing, verdict)
{
	split(line, f, FS)
	if (f[8] == "huge" && machine["huge entries"] != "yes")
		f[6] = "none"
	n = series(f[3], o)
	if (!n || n != series(f[4], b)) {
		print "judge: no samples for: " f[1] >"/dev/stderr"
		return 1
	}
	for (i = 1; i <= n; i++)
		q[i] = o[i] / b[i]

	counts = f[2] != "ns"
	base = summary(b, n, counts ? "least" : "")
	ours = summary(o, n, counts ? "most" : "")
	value = judged
	ratio = summary(q, n, counts ? "most" : "")
	if (f[6] == "ratio")
		value = judged
	missing = f[6] != "none" && value > f[7] + 0
	verdict = missing ? "missed" : f[6] == "none" ? "shown" : "ok"
	print f[1], f[2], f[5], base, ours, ratio, f[6], f[7], verdict
	return missing
}
