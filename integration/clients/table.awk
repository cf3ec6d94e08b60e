# SPDX-License-Identifier: GPL-2.0-only
# Results as tables in reST, one for each client.
#
# usage: awk -f table.awk BOOT.tsv...

BEGIN { FS = "\t" }

{
	client = $2 ", Linux " $1
	if (!(client in rows)) {
		name[++clients] = client
		rows[client] = 0
	}
	if (!((client, $5) in known)) {
		known[client, $5] = 1
		text[client, ++rows[client]] = $5
	}
	found[client, $5, $3] = $6
	has[client, $3] = 1
}

END {
	n = split("stock own dropin", drivers, " ")
	title["stock"] = "vfio-pci"
	title["own"] = "this driver"
	title["dropin"] = "as vfio-pci.ko"
	for (c = 1; c <= clients; c++)
		table(name[c])
}

function table(client,    r)
{
	print client
	line = client
	gsub(/./, "-", line)
	print line "\n"
	print ".. list-table::\n   :header-rows: 1\n"
	row(client, "")
	for (r = 1; r <= rows[client]; r++)
		row(client, text[client, r])
	print ""
}

function row(client, what,    d, cell)
{
	print "   * -" (what == "" ? "" : " " what)
	for (d = 1; d <= n; d++) {
		if (!((client, drivers[d]) in has))
			continue
		cell = what == "" ? title[drivers[d]] : found[client, what, drivers[d]]
		print "     -" (cell == "" ? "" : " " cell)
	}
}
