// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI addresses, as the library and the tool take them from their users: what
 * is no address must not become that of some device.
 */
#include <stdio.h>
#include <string.h>

#include "lib/bdf.c"
#include "tap.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	const char *bdf;
} good[] = {
	{ "0000:01:00.0", "0000:01:00.0" },
	{ "01:00.0", "0000:01:00.0" },
	{ "00:1f.7", "0000:00:1f.7" },
	{ "ff:1F.7", "0000:ff:1f.7" },
	{ "ABCD:Ef:0a.1", "abcd:ef:0a.1" },
	{ "10000:e1:00.0", "10000:e1:00.0" },
	{ "00010000:e1:00.0", "10000:e1:00.0" },
	{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
};

static const char * const bad[] = {
	"", "hello", "0000:01:00", "01:00", "0000:01:00.0 ", " 0000:01:00.0",
	"01:00.0\n", "0000:01:00.0x", "0000:01:00.00", "0000:01:00.",
	/* What the fields cannot hold */
	"00:29.8", "00:20.0", "00:1f.8", "00:1f.f", "0000:00:20.0",
	"0000:100:00.0", "100:00.0", "100000000:00:00.0",
	/* What scanf() takes for a number */
	"-1:00.0", "00:-1.0", "00:01.-1", "+1:00.0", "0x0:00:01.0",
	"0x00:00:01.0", "0000:0x1:00.0", "0x:00.0", "00: 1.0", "00:1 .0",
	"00:01. 0", " 1:00.0", "0000: 1:00.0", "\t1:00.0",
	/* A digit short */
	"1:00.0", "01:0.0", "000:01:00.0", "0:01:00.0",
	/* Other signs and fields */
	"0000.01.00.0", "0000:01:00:0", "0000:01.00.0", "0000:0000:01:00.0",
	":01:00.0", "0000::00.0", "0000:01:.0", ":", ".", "..", "0000:gg:00.0",
	"../0000:01:00.0", "0000:01:00.0/..",
};

static void test_good(void)
{
	char bdf[VD_BDF_LEN], name[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		memset(bdf, 'x', sizeof(bdf));
		snprintf(name, sizeof(name), "%s is %s", good[i].text,
			 good[i].bdf);
		ok(!vd_parse_bdf(good[i].text, bdf) &&
		   !strcmp(bdf, good[i].bdf), name);
	}
}

static void test_bad(void)
{
	bool all = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		char bdf[VD_BDF_LEN] = "untouched";

		if (vd_parse_bdf(bad[i], bdf) != -EINVAL ||
		    strcmp(bdf, "untouched")) {
			printf("# \"%s\" is %s\n", bad[i], bdf);
			all = false;
		}
	}
	ok(all, "EINVAL for what is no address");
}

int main(void)
{
	plan(ARRAY_SIZE(good) + 1);
	test_good();
	test_bad();
	return finish();
}
