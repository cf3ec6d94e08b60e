// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>

#include "vend.h"

static unsigned int passed, failed;

void say(const char *who, const char *fmt, ...)
{
	va_list ap;

	printf("%-12s", who);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void check(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		passed++;
	else
		failed++;
	printf("  %-10s", ok ? "ok" : "FAILED");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* Exit status. */
int report(void)
{
	printf("\n%u steps held, %u FAILED\n", passed, failed);
	return failed || !passed;
}
