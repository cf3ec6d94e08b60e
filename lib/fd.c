// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fd.h"

/*
 * For each fd that the library makes. A program whose standard error is closed
 * may write its messages to whatever has become fd 2: a device's BAR, if that is
 * a VFIO device.
 */
int vd_above_stdio(int fd)
{
	int flags, high, err;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	flags = fcntl(fd, F_GETFD);
	high = fcntl(fd, flags & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD,
		     STDERR_FILENO + 1);
	err = errno;
	close(fd);
	errno = err;
	return high;
}

int vd_open(const char *path, int flags)
{
	return vd_above_stdio(open(path, flags | O_CLOEXEC));
}

/*
 * For a program, before it opens anything. As the C library does for setuid
 * programs: what writes to standard output, or reads standard input, still gets
 * EBADF.
 */
int vd_fill_stdio(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY :
							   O_RDONLY) < 0)
			return -errno;
	return 0;
}
