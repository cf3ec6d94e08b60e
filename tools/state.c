// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device had before we took it, in /run, which lives as long as the
 * binding does: until the next boot. Others may bind the device meanwhile. The
 * kernel makes the link to the driver anew each time, so that the link's inode
 * number tells whether the binding is ours.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

#define STATE_DIR	"/run/vfio-dmabuf"

static unsigned long binding(const char *bdf)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver",
		 sys_root, bdf);
	return lstat(path, &st) ? 0 : st.st_ino;
}

static void state_path(char path[PATH_MAX], const char *bdf, const char *end)
{
	snprintf(path, PATH_MAX, "%s" STATE_DIR "/%s%s", sys_root, bdf, end);
}

static int make_state_dir(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run", sys_root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s" STATE_DIR, sys_root);
	if (!mkdir(path, 0755) || errno == EEXIST)
		return DONE;
	return fail("cannot make %s: %s", path, strerror(errno));
}

int state_save(const char *bdf, const struct before *before, enum state state)
{
	unsigned long number = state == STATE_BOUND ? binding(bdf) : 0;
	char path[PATH_MAX], new[PATH_MAX];
	FILE *f;
	int err;

	if (make_state_dir())
		return FAILED;
	state_path(path, bdf, "");
	state_path(new, bdf, ".new");
	f = fopen(new, "we");
	if (!f)
		return fail("cannot write %s: %s", new, strerror(errno));
	fprintf(f, "%s\n%s\n%lu\n", before->driver, before->override, number);
	err = ferror(f);
	if (fclose(f) || err || rename(new, path))
		return fail("cannot write %s", path);
	return DONE;
}

static void take_line(char **text, char line[NAME_LEN])
{
	size_t len = strcspn(*text, "\n");

	snprintf(line, NAME_LEN, "%.*s", (int)len, *text);
	*text += len;
	*text += **text == '\n';
}

enum state state_load(const char *bdf, struct before *before)
{
	char file[4 * NAME_LEN], number[NAME_LEN], *text = file;
	unsigned long bound;

	memset(before, 0, sizeof(*before));
	if (read_text(file, sizeof(file), STATE_DIR "/%s", bdf))
		return STATE_NONE;
	take_line(&text, before->driver);
	take_line(&text, before->override);
	take_line(&text, number);
	bound = strtoul(number, NULL, 10);
	if (!bound)
		return STATE_UNFINISHED;
	if (bound == binding(bdf))
		return STATE_BOUND;
	memset(before, 0, sizeof(*before));
	return STATE_NONE;
}

void state_forget(const char *bdf)
{
	char path[PATH_MAX];

	state_path(path, bdf, "");
	unlink(path);
}
