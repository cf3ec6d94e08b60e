// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load our driver, and say why the kernel does not want it.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

#define SIGN_IT	"this kernel takes signed modules only: sign it with a key that the kernel knows; for DKMS's own key, mokutil --import /var/lib/dkms/mok.pub and reboot"

/* What modprobe says, and what to do. */
static const struct {
	const char *words;
	const char *remedy;
} remedies[] = {
	{ "Key was rejected", SIGN_IT },
	{ "Required key not available", SIGN_IT },
	{ "Operation not permitted", SIGN_IT },
	{ "Exec format error", "it was built for another kernel: build it for this one" },
	{ "Invalid module format", "it was built for another kernel: build it for this one" },
	{ "not found", "make modules_install, or insmod it" },
};

bool driver_is_there(const char *driver)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/bus/pci/drivers/%s", sys_root,
		 driver);
	return !access(path, F_OK);
}

/* vfio-pci by name, ours by what it can do. */
static bool has_dropin(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "%s/sys/module/vfio_pci/parameters/dmabuf_mode", sys_root);
	return !access(path, F_OK);
}

const char *our_driver(void)
{
	return !driver_is_there(OUR_DRIVER) && has_dropin() ? DROPIN :
							      OUR_DRIVER;
}

const char *our_module(void)
{
	return strcmp(our_driver(), DROPIN) ? "vfio_pci_dmabuf_mmap" :
					      "vfio_pci";
}

bool is_ours(const char *driver)
{
	return !strcmp(driver, OUR_DRIVER) ||
	       (!strcmp(driver, DROPIN) && has_dropin());
}

/* Its output, on one line. */
static void run_modprobe(char *words, size_t size)
{
	size_t used = 0, n;
	FILE *f;

	fflush(stdout);
	f = popen("modprobe " OUR_DRIVER " 2>&1", "re");
	while (f && (n = fread(words + used, 1, size - 1 - used, f)))
		used += n;
	if (f)
		pclose(f);
	while (used && words[used - 1] == '\n')
		used--;
	words[used] = '\0';
	while (used--)
		if (words[used] == '\n')
			words[used] = ' ';
}

int load_module(void)
{
	const char *remedy = "see the kernel log";
	char words[1024];
	size_t i;

	if (driver_is_there(our_driver()))
		return DONE;
	run_modprobe(words, sizeof(words));
	if (driver_is_there(our_driver()))
		return DONE;
	for (i = 0; i < ARRAY_SIZE(remedies); i++) {
		if (!strstr(words, remedies[i].words))
			continue;
		remedy = remedies[i].remedy;
		break;
	}
	return fail("the module " OUR_DRIVER " does not load: %s; %s",
		    words[0] ? words : "modprobe says nothing", remedy);
}
