# SPDX-License-Identifier: GPL-2.0-only
# The output of guest/run as lines of fields, separated by tabs: kernel, client,
# driver, kind ("test", "value" or "figure"), text, what was found.
#
# usage: awk -v kernel= -v boot= -v items= -v status= -f results.awk BOOT.tap

BEGIN { OFS = "\t" }

/^# client: begin / {
	client = $4
	driver = $5
	plan = -1
	seen = 0
	bad = 0
	begun[client, driver] = 1
	next
}

/^# client: end / {
	whole = plan == seen && plan > 0 && ($4 == 0) == (bad == 0)
	print kernel, client, driver, "test", "ends as planned", whole ? "ok" : "failed"
	ended[client, driver] = 1
	next
}

/^1\.\.[0-9]+$/ { plan = substr($0, 4) + 0 }

/^(not )?ok [0-9]+ - / {
	seen++
	found = /^ok/ ? "ok" : "failed"
	bad += found == "failed"
	text = $0
	sub(/^(not )?ok [0-9]+ - /, "", text)
	if (sub(/ # SKIP.*/, "", text))
		found = "skipped"
	print kernel, client, driver, "test", text, found
}

/^# (value|figure) / {
	text = $0
	sub(/^# (value|figure) /, "", text)
	match(text, /.*: /)
	print kernel, client, driver, $2, substr(text, 1, RLENGTH - 2),
	      substr(text, RLENGTH + 1)
}

# What the machine did not come to.
END {
	n = split(items, list, /[ \n]+/)
	for (i = 1; i <= n; i++) {
		split(list[i], part, ":")
		m = split(part[2], drivers, ",")
		for (j = 1; j <= m; j++) {
			if (!((part[1], drivers[j]) in ended))
				print kernel, part[1], drivers[j], "test",
				      "ends as planned", "failed"
			print kernel, part[1], drivers[j], "test",
			      "machine and kernel log are clean",
			      status == 0 ? "ok" : "failed"
		}
	}
}
