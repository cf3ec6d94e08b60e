// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sysfs.h"

static const char hex[] = "0123456789abcdefABCDEF";

/* Steps over the number and over @end. */
static bool number(const char **text, size_t min, size_t max, char end,
		   unsigned int *value)
{
	size_t digits = strspn(*text, hex);

	if (digits < min || digits > max || (*text)[digits] != end)
		return false;
	*value = strtoul(*text, NULL, 16);
	*text += digits + 1;
	return true;
}

/*
 * "0000:01:00.0", or "01:00.0" in domain 0. With all its digits, as the kernel
 * and lspci write it: without one it may be another device's address.
 */
int vd_parse_bdf(const char *text, char bdf[VD_BDF_LEN])
{
	unsigned int domain = 0, bus, slot, func;

	if (strspn(text, hex) > 2 && !number(&text, 4, 8, ':', &domain))
		return -EINVAL;
	if (!number(&text, 2, 2, ':', &bus) ||
	    !number(&text, 2, 2, '.', &slot) ||
	    !number(&text, 1, 1, '\0', &func) || slot > 0x1f || func > 7)
		return -EINVAL;
	snprintf(bdf, VD_BDF_LEN, "%04x:%02x:%02x.%x", domain, bus, slot,
		 func);
	return 0;
}
