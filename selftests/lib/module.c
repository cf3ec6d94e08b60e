// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vfio_test.h"

#define DROPIN_FILE	"/modules/vfio-pci.ko"
#define MODULE_FILE	"/modules/vfio-pci-dmabuf-mmap.ko"

/*
 * The machine has one or the other; tests unload what is loaded. On hardware there is
 * neither file, and tests use the driver by its own name.
 */
bool vt_is_dropin(void)
{
	return access(MODULE_FILE, F_OK) && !access(DROPIN_FILE, F_OK);
}

bool vt_has_stock(void)
{
	return !access("/sys/bus/pci/drivers/" VT_STOCK, F_OK) &&
	       access("/sys/module/vfio_pci/parameters/dmabuf_mode", F_OK);
}

const char *vt_driver(void)
{
	return vt_is_dropin() ? VT_STOCK : VT_DRIVER;
}

const char *vt_module(void)
{
	return vt_is_dropin() ? "vfio_pci" : VT_MODULE;
}

static const char *module_file(void)
{
	return vt_is_dropin() ? DROPIN_FILE : MODULE_FILE;
}

bool vt_module_says(const char *entry)
{
	static char text[VT_MIB(8)];
	FILE *f = fopen(module_file(), "re");
	char word[128];
	size_t size;

	if (!f)
		abort();
	size = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (size == sizeof(text))
		abort();
	/* The entry before it ends with a 0. */
	word[0] = '\0';
	snprintf(word + 1, sizeof(word) - 1, "%s", entry);
	return memmem(text, size, word, strlen(entry) + 1);
}

static void module_path(const char *file, char *path, size_t size)
{
	snprintf(path, size, "/sys/module/%s/%s", vt_module(), file);
}

int vt_module_load(const char *params)
{
	return vt_module_load_file(module_file(), params);
}

/* No message: bad parameters are part of what tests try. */
int vt_module_load_file(const char *file, const char *params)
{
	int fd, ret = 0;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		vt_log("open %s: %s", file, strerror(errno));
		return -errno;
	}
	if (syscall(SYS_finit_module, fd, params, 0))
		ret = -errno;
	close(fd);
	return ret;
}

int vt_module_unload(void)
{
	return vt_module_unload_named(vt_module());
}

/* O_NONBLOCK: a module in use is refused at once, with EWOULDBLOCK. */
int vt_module_unload_named(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

bool vt_module_loaded(void)
{
	char path[128];

	module_path("", path, sizeof(path));
	return !access(path, F_OK);
}

int vt_module_refs(void)
{
	char path[128];

	module_path("refcnt", path, sizeof(path));
	return vt_read_number(path);
}

static void param_path(const char *name, char *path, size_t size)
{
	snprintf(path, size, "/sys/module/%s/parameters/%s", vt_module(), name);
}

int vt_param_get(const char *name, char *buf, size_t size)
{
	char path[128];

	param_path(name, path, sizeof(path));
	return vt_read_text(path, buf, size);
}

int vt_param_set(const char *name, const char *value)
{
	char path[128];

	param_path(name, path, sizeof(path));
	return vt_try_write_text(path, value);
}
