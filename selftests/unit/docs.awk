# SPDX-License-Identifier: GPL-2.0-only
# Take the C out of README.md, reST and man pages: each snippet becomes a file
# FILE-LINE.c in the folder "dir", each SYNOPSIS a file FILE-synopsis.c with the
# declarations that it stands for. C in a block that is not said to be C is an
# error, since nothing would compile it.

function complain(text) {
	print FILENAME ":" FNR ": " text >"/dev/stderr"
	bad = 1
}

function begin_snippet(indent) {
	in_c = 1
	margin = indent
	base = FILENAME
	gsub("/", "-", base)
	out = dir "/" base "-" FNR ".c"
	print "#line " FNR + 1 " \"" FILENAME "\"" >out
}

function end_snippet() {
	if (in_c)
		close(out)
	in_c = in_other = 0
}

function looks_like_c(line) {
	return line ~ /[);][ \t]*(\/\*.*)?$/ && line ~ /;/ ||
	       line ~ /^[ \t]*#(include|define) / ||
	       line ~ /^[ \t]*(struct|union|enum) ?[a-z_]* ?\{$/
}

function other(line) {
	if (in_other && looks_like_c(line))
		complain("C in a block that is not said to be C")
}

FNR == 1 {
	end_snippet()
	ft = fn = args = synopsis = ""
	is_man = FILENAME ~ /\.[0-9]$/
	is_md = FILENAME ~ /\.md$/
}

# Markdown: fences
is_md && /^```/ {
	if (in_c || in_other)
		end_snippet()
	else if ($0 == "```c")
		begin_snippet(0)
	else
		in_other = $0 == "```"
	next
}
is_md && in_c { print >out }
is_md { other($0); next }

# reST: what is indented after "code-block" or "::"
!is_man && (in_c || in_other) && /^[^ ]/ { end_snippet() }
!is_man && /^\.\. code-block:: c$/ { begin_snippet(4); next }
!is_man && /::$/ && !/^\.\. / { in_other = 1; next }
!is_man && in_c { print substr($0, margin + 1) >out }
!is_man { other($0); next }

# man pages of section 3: displays, and the synopsis
FILENAME !~ /\.3$/ { next }
/^\.Bd -literal/ { begin_snippet(0); next }
/^\.Ed/ { end_snippet(); next }
in_c {
	gsub(/\\e/, "\\")
	gsub(/\\-/, "-")
	print >out
	next
}

function declare(type, name, list) {
	if (!synopsis) {
		synopsis = FILENAME
		gsub("/", "-", synopsis)
		synopsis = dir "/" synopsis "-synopsis.c"
		print "#include <vfio_dmabuf.h>" >synopsis
		print "#ifdef __cplusplus\nextern \"C\" {\n#endif" >synopsis
	}
	print "#line " FNR " \"" FILENAME "\"" >synopsis
	print type " " name "(" list ");" >synopsis
}

# The words of a macro's line, in which quotes hold words together.
function words(line,	n, parts, i, list) {
	sub(/^\.[A-Z][a-z] [^ ]* ?/, "", line)
	if (line !~ /"/)
		return line
	n = split(line, parts, "\"")
	for (i = 2; i <= n; i += 2)
		list = list (list ? ", " : "") parts[i]
	return list
}

/^\.Sh / { in_synopsis = $2 == "SYNOPSIS" }
/^\.Sh / && synopsis {
	print "#ifdef __cplusplus\n}\n#endif" >synopsis
	close(synopsis)
	synopsis = ""
}
in_synopsis && /^\.Ft / { ft = substr($0, 5) }
in_synopsis && /^\.Fn / { declare(ft, $2, words($0)) }
in_synopsis && /^\.Fo / { fn = $2; args = "" }
in_synopsis && /^\.Fa / {
	arg = substr($0, 5)
	gsub(/"/, "", arg)
	args = args (args ? ", " : "") arg
}
in_synopsis && /^\.Fc/ { declare(ft, fn, args) }

END { exit bad }
