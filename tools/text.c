// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

const char *sys_root = "";

static void make_path(char path[PATH_MAX], const char *fmt, va_list ap)
{
	size_t used = snprintf(path, PATH_MAX, "%s", sys_root);

	if (used < PATH_MAX)
		vsnprintf(path + used, PATH_MAX - used, fmt, ap);
}

/* A small file, without the newline at its end. 0 or a negative errno. */
int read_text(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	ssize_t n;
	int fd;

	va_start(ap, fmt);
	make_path(path, fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	while (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

int write_text(const char *text, const char *fmt, ...)
{
	char path[PATH_MAX];
	int fd, ret = 0;
	va_list ap;

	va_start(ap, fmt);
	make_path(path, fmt, ap);
	va_end(ap);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* The target of a link. */
int read_link(char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	make_path(path, fmt, ap);
	va_end(ap);
	n = readlink(path, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_octal(const char *text)
{
	return text[0] == '\\' && strspn(text + 1, "01234567") >= 3;
}

/* The rest of a line in which the kernel has written "\012" and the like. */
void unescape(char *out, size_t size, const char *text)
{
	while (*text && *text != '\n' && size-- > 1) {
		if (is_octal(text)) {
			*out++ = (text[1] - '0') << 6 | (text[2] - '0') << 3 |
				 (text[3] - '0');
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* "4096", "0x1000", "4K", "2M", "1G" */
int parse_size(const char *text, uint64_t *value)
{
	static const char units[] = "KMG";
	const char *unit;
	unsigned int shift;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno)
		return -errno;
	if (!*end)
		return 0;
	unit = strchr(units, *end);
	if (!unit || end[1])
		return -EINVAL;
	shift = 10 * (unit - units + 1);
	if (*value >> (64 - shift))
		return -ERANGE;
	*value <<= shift;
	return 0;
}

const char *size_text(uint64_t size, char buf[32])
{
	static const char units[] = " KMGT";
	unsigned int unit = 0;

	while (unit < 4 && size && !(size & 1023)) {
		size >>= 10;
		unit++;
	}
	snprintf(buf, 32, "%llu%.*s", (unsigned long long)size, unit ? 1 : 0,
		 units + unit);
	return buf;
}
