// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vfio_test.h"

#define MODULE_DIR	"/sys/module/" VT_MODULE

/* No message: bad parameters are part of what tests try. */
int vt_module_load(const char *params)
{
	int fd, ret = 0;

	fd = open(VT_MODULE_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		vt_log("open %s: %s", VT_MODULE_FILE, strerror(errno));
		return -errno;
	}
	if (syscall(SYS_finit_module, fd, params, 0))
		ret = -errno;
	close(fd);
	return ret;
}

/* O_NONBLOCK: a module in use is refused at once, with EWOULDBLOCK. */
int vt_module_unload(void)
{
	return syscall(SYS_delete_module, VT_MODULE, O_NONBLOCK) ? -errno : 0;
}

bool vt_module_loaded(void)
{
	return !access(MODULE_DIR, F_OK);
}

int vt_module_refs(void)
{
	return vt_read_number(MODULE_DIR "/refcnt");
}

static void param_path(const char *name, char *path, size_t size)
{
	snprintf(path, size, MODULE_DIR "/parameters/%s", name);
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

bool vt_kernel_has(const char *function)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	bool has = false;

	if (!f)
		abort();
	while (!has && fgets(line, sizeof(line), f))
		has = sscanf(line, "%*s %*s %255s", name) == 1 &&
		      !strcmp(name, function);
	fclose(f);
	return has;
}

bool vt_has_huge_entries(void)
{
	return vt_kernel_has("vfio_pci_mmap_huge_fault");
}

enum vpdm_pt_level vt_export_level(enum vpdm_pt_level level)
{
	if (!vt_has_huge_entries())
		return VPDM_PT_PTE;
	if (level == VPDM_PT_PUD && !vt_kernel_has("vfio_pci_core_feature_dma_buf"))
		return VPDM_PT_PMD;
	return level;
}
