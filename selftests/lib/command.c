// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "vfio_test.h"

int vt_run(char *out, size_t size, const char *fmt, ...)
{
	static const char both[] = " 2>&1";
	char command[1024];
	size_t used = 0, n;
	va_list ap;
	int len, ret;
	FILE *f;

	va_start(ap, fmt);
	len = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (len < 0 || len + sizeof(both) > sizeof(command))
		return -1;
	memcpy(command + len, both, sizeof(both));
	f = popen(command, "r");
	if (!f)
		return -1;
	while ((n = fread(out + used, 1, size - 1 - used, f)))
		used += n;
	out[used] = '\0';
	ret = pclose(f);
	return WIFEXITED(ret) ? WEXITSTATUS(ret) : 128 + WTERMSIG(ret);
}
