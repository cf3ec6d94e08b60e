// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vfio_test.h"

bool vt_ask_host(const char *command)
{
	char reply[256] = "";
	size_t n = 0;
	int fd;

	fd = open("/dev/ttyS2", O_RDWR | O_NOCTTY);
	if (fd < 0 || dprintf(fd, "%s\n", command) < 0)
		return false;
	while (n < sizeof(reply) - 1 && read(fd, reply + n, 1) == 1 &&
	       reply[n] != '\n')
		n++;
	reply[n] = '\0';
	close(fd);
	if (!strncmp(reply, "ok", 2))
		return true;
	vt_log("host: %s: %s", command, reply);
	return false;
}

bool vt_kernel_before(unsigned int major, unsigned int minor)
{
	unsigned int m = 0, n = 0;
	struct utsname name;

	if (!uname(&name))
		sscanf(name.release, "%u.%u", &m, &n);
	return m < major || (m == major && n < minor);
}
