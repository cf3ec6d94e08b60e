/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine made of files: /sys, /proc and /dev below a folder of the test's own.
 * Needs tap.h.
 */
#ifndef _SELFTESTS_UNIT_FAKE_H
#define _SELFTESTS_UNIT_FAKE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/unit.XXXXXX";

static inline const char *make_root(void)
{
	if (!mkdtemp(root))
		bail_out("mkdtemp");
	return root;
}

static inline int take_away(const char *path, const struct stat *st, int type,
			    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void remove_root(void)
{
	nftw(root, take_away, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void make_dir(const char *path)
{
	char full[PATH_MAX], *slash;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		mkdir(full, 0700);
		*slash = '/';
	}
	mkdir(full, 0700);
}

/* A link to what is not in this machine, or to nothing. */
static inline void make_raw_link(const char *path, const char *target)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	if (symlink(target, full))
		bail_out("symlink");
}

static inline void make_link(const char *path, const char *target)
{
	char to[PATH_MAX];

	snprintf(to, sizeof(to), "%s%s", root, target);
	make_raw_link(path, to);
}

static inline void make_file(const char *path, const char *text)
{
	char full[PATH_MAX];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	f = fopen(full, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		bail_out("file");
}

static inline void remove_file(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	unlink(full);
}

/* fork(); what the child prints becomes the file /said of this machine. */
static inline pid_t fork_saying(void)
{
	char out[PATH_MAX];
	pid_t pid;
	int fd;

	snprintf(out, sizeof(out), "%s/said", root);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
		if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(9);
	}
	return pid;
}

#endif /* _SELFTESTS_UNIT_FAKE_H */
