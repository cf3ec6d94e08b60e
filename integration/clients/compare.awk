# SPDX-License-Identifier: GPL-2.0-only
# Compare what each driver gave: a line per test and value, and the totals. Exit
# status 1 if one failed.
#
# usage: awk -f compare.awk BOOT.tsv...

BEGIN { FS = "\t" }

{
	key = $1 FS $2 FS $4 FS $5
	if (!(key in order)) {
		order[key] = ++keys
		name[keys] = key
	}
	found[key, $3] = $6
	if (!(($1, $2, $3) in seen)) {
		seen[$1, $2, $3] = 1
		drivers[$1, $2] = drivers[$1, $2] " " $3
	}
}

END {
	for (k = 1; k <= keys; k++)
		judge(name[k])
	printf "\n%d passed, %d failed, %d skipped\n", count["passed"],
	       count["failed"], count["skipped"]
	exit count["failed"] > 0 || count["passed"] == 0
}

# A figure is only shown. What one driver did not come to is no match.
function judge(key,    part, list, n, i, is, first, verdict, text)
{
	split(key, part, FS)
	n = split(drivers[part[1], part[2]], list, " ")
	verdict = part[3] == "figure" ? "shown" : "passed"
	for (i = 1; i <= n; i++) {
		is = (key, list[i]) in found ? found[key, list[i]] : "nothing"
		text = text (i > 1 ? ", " : "") list[i] " " is
		if (i == 1)
			first = is
		if (verdict == "shown")
			continue
		if (is != first || is == "failed" || is == "nothing")
			verdict = "failed"
		else if (is == "skipped" && part[3] == "test")
			verdict = "skipped"
	}
	count[verdict]++
	printf "%-8s %-7s %s: %s (%s)\n", part[1], verdict, part[2], part[4], text
}
