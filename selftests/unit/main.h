/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * In place of tools/main.c, for tests of the tool's other files. Comes after them.
 */
#ifndef _SELFTESTS_UNIT_MAIN_H
#define _SELFTESTS_UNIT_MAIN_H

bool json;

int next_option(int argc, char **argv, const char *order,
		const struct option *options)
{
	return getopt_long(argc, argv, order, options, NULL);
}

bool is_root(const char *what)
{
	(void)what;
	return true;
}

#endif /* _SELFTESTS_UNIT_MAIN_H */
