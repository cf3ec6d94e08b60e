// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfio_test.h"

void vt_log(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* One call, so that lines of several processes do not mix. */
	fprintf(stderr, "# %s\n", line);
}

int vt_kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 || lseek(fd, 0, SEEK_END) < 0 ? -errno : fd;
}

/* EPIPE: messages were overwritten before they were read. */
static bool kmsg_has_now(int fd, const char *text)
{
	char record[8192];
	ssize_t n;

	do {
		n = read(fd, record, sizeof(record) - 1);
		if (n > 0) {
			record[n] = '\0';
			if (strstr(record, text))
				return true;
		}
	} while (n > 0 || errno == EPIPE);
	return false;
}

bool vt_kmsg_has(int fd, const char *text)
{
	return vt_wait_for(kmsg_has_now(fd, text));
}
