// SPDX-License-Identifier: GPL-2.0-only
/*
 * Is this machine, and this device, fit; and what to do if not. It reads, and
 * changes nothing: it loads no module and opens no device.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"

static int finish_report(struct report *r)
{
	int ret = DONE;

	if (json)
		ret = json_print(json_pack("{s:o, s:i, s:i}", "checks", r->lines,
					   "warnings", r->nr[WARNING],
					   "problems", r->nr[PROBLEM]));
	else
		print("%u warning%s, %u problem%s\n", r->nr[WARNING],
		      r->nr[WARNING] == 1 ? "" : "s", r->nr[PROBLEM],
		      r->nr[PROBLEM] == 1 ? "" : "s");
	return ret || !r->nr[PROBLEM] ? ret : FAILED;
}

static int check(char **texts, int nr)
{
	struct report r = { .lines = json ? json_array() : NULL };
	char bdf[BDF_LEN];
	struct kernel k;
	int i, one, ret = DONE;

	/* Before the report, not at the end of it. */
	for (i = 0; i < nr; i++)
		if (parse_address(texts[i], bdf))
			ret = USAGE;
	if (ret)
		return ret;
	kernel_read(&k);
	check_kernel(&r, &k);
	check_module(&r, &k);
	check_iommu(&r);
	for (i = 0; i < nr; i++) {
		one = parse_device(texts[i], bdf);
		if (one) {
			ret = ret ? ret : one;
			continue;
		}
		r.bdf = bdf;
		check_device(&r, bdf);
		check_bars(&r, &k, bdf);
	}
	kernel_free(&k);
	one = finish_report(&r);
	return ret ? ret : one;
}

int cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_JSON,
		OPTION_HELP,
		{ }
	};

	if (next_option(argc, argv, "hj", options) != -1)
		return USAGE;
	return check(argv + optind, argc - optind);
}
