# SPDX-License-Identifier: GPL-2.0-only
# Take the commands, and what they print, out of a reST page: each code block
# with a name becomes a file of that name in the folder "dir". From the table of
# tracepoints comes the file "fields", with a line for each: the event and its
# fields. A block without a name, which nobody would try, is an error.

function complain(text) {
	print FILENAME ":" FNR ": " text > "/dev/stderr"
	bad = 1
}

/^\.\. code-block::/ {
	state = "options"
	name = ""
	next
}

state == "options" && /^   :name: / {
	name = $2
	file = dir "/" name
	printf "" > file
	next
}

state == "options" && /^$/ {
	if (name == "")
		complain("this code block has no :name:")
	state = "block"
	empty = ""
	next
}

state == "block" && /^   / {
	printf "%s%s\n", empty, substr($0, 4) > file
	empty = ""
	next
}

state == "block" && /^$/ {
	empty = empty "\n"
	next
}

state == "block" { state = "" }

!/^\.\. / && /::$/ { complain("this block has no :name:; make it a code-block") }

/^   \* - ``vpdm_/ {
	gsub(/`/, "")
	event = $3
	next
}

event != "" && /^     - / {
	gsub(/[,-]/, "")
	print event, $0 > (dir "/fields")
	event = ""
}

END { exit bad }
