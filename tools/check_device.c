// SPDX-License-Identifier: GPL-2.0-only
/*
 * One device: what drives it, what shares its group, who may open it.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define CLASS_BRIDGE	0x06

/* Of Intel's; those that the driver, as vfio-pci, does not bind. */
static const struct {
	unsigned int vendor;
	unsigned int device;
} denied[] = {
	{ 0x8086, 0x19e2 }, { 0x8086, 0x19e3 },	/* QAT C3xxx, its VFs */
	{ 0x8086, 0x37c8 }, { 0x8086, 0x37c9 },	/* QAT C62x */
	{ 0x8086, 0x0435 }, { 0x8086, 0x0443 },	/* QAT DH895xCC */
	{ 0x8086, 0x0b25 }, { 0x8086, 0x0cfe },	/* DSA, IAX */
};

static void check_driver(struct report *r, const char *bdf)
{
	char driver[NAME_LEN], why[1024];

	pci_driver(bdf, driver);
	if (is_ours(driver))
		report(r, "driver", FIT, NULL, "%s", driver);
	else if (guard_mounted(bdf, why, sizeof(why)) ||
		 guard_route(bdf, why, sizeof(why)))
		report(r, "driver", PROBLEM, "this machine needs the device itself",
		       "%s; %s", driver[0] ? driver : "none", why);
	else
		report(r, "driver", WARNING, PROGRAM " bind it", "%s",
		       driver[0] ? driver : "none");
}

/* VFIO opens a group whose other devices have no driver, or one that does no DMA. */
static bool is_harmless(const char *driver)
{
	return !driver[0] || strstr(driver, "vfio") ||
	       !strcmp(driver, "pci-stub") || !strcmp(driver, "pcieport");
}

struct others {
	const char *bdf;
	bool bad;
};

/* Another device than @bdf; "bad" if one keeps VFIO out. */
static bool is_other(const char *bdf, const char *driver, void *arg)
{
	struct others *others = arg;

	if (!strcmp(bdf, others->bdf))
		return false;
	others->bad |= !is_harmless(driver);
	return true;
}

static void check_group(struct report *r, const char *bdf)
{
	struct others others = { .bdf = bdf };
	int group = pci_group(bdf);
	char names[1024];

	if (group < 0) {
		report(r, "group", PROBLEM,
		       "see iommu.on; a device that the IOMMU does not reach cannot be lent",
		       "it is in no IOMMU group");
		return;
	}
	vd_sysfs_group_list(group, is_other, &others, names, sizeof(names));
	if (others.bad)
		report(r, "group", PROBLEM,
		       "unbind these, or move the device to another slot",
		       "group %d is shared with %s", group, names);
	else if (names[0])
		report(r, "group", FIT, NULL, "group %d, with %s", group, names);
	else
		report(r, "group", FIT, NULL, "group %d, alone", group);
}

static unsigned long read_hex(const char *bdf, const char *file)
{
	char text[NAME_LEN];

	return read_text(text, sizeof(text), "/sys/bus/pci/devices/%s/%s", bdf,
			 file) ? 0 : strtoul(text, NULL, 16);
}

static bool is_denied(const char *bdf)
{
	unsigned int vendor = read_hex(bdf, "vendor");
	unsigned int device = read_hex(bdf, "device");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(denied); i++)
		if (denied[i].vendor == vendor && denied[i].device == device)
			return true;
	return false;
}

static void check_kind(struct report *r, const char *bdf)
{
	char text[NAME_LEN] = "";

	read_text(text, sizeof(text),
		  "/sys/module/%s/parameters/disable_denylist",
		  our_module());
	if (read_hex(bdf, "class") >> 16 == CLASS_BRIDGE)
		report(r, "kind", PROBLEM, "name a device behind it",
		       "it is a bridge, which VFIO does not take");
	else if (!is_denied(bdf))
		report(r, "kind", FIT, NULL, "the driver takes it");
	else if (text[0] == 'Y')
		report(r, "kind", WARNING,
		       "lend it to those alone whom you trust with the machine",
		       "its errata make it unsafe; disable_denylist allows it");
	else
		report(r, "kind", PROBLEM,
		       "load the module with disable_denylist=1 if you trust its users with the machine",
		       "it is denied for its errata, as by vfio-pci");
}

static void check_reset(struct report *r, const char *bdf)
{
	char text[NAME_LEN] = "";

	read_text(text, sizeof(text), "/sys/bus/pci/devices/%s/reset_method",
		  bdf);
	if (text[0])
		report(r, "reset", FIT, NULL, "%s", text);
	else
		report(r, "reset", WARNING,
		       "let the next user find nothing secret in it",
		       "it cannot be reset by itself: what one user leaves, another finds");
}

static bool may_open(const char *path)
{
	return !faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS);
}

/* By the cdev, or by the group and the container. */
static bool may_open_device(const char *bdf, char *node, size_t size)
{
	char path[PATH_MAX], cdev[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/iommu", sys_root);
	if (!vd_sysfs_cdev(bdf, cdev, sizeof(cdev)) && may_open(cdev) &&
	    may_open(path)) {
		snprintf(node, size, "%.200s", cdev);
		return true;
	}
	snprintf(node, size, "%s/dev/vfio/%d", sys_root, pci_group(bdf));
	snprintf(path, sizeof(path), "%s/dev/vfio/vfio", sys_root);
	return may_open(node) && may_open(path);
}

static void check_user(struct report *r, const char *bdf)
{
	char driver[NAME_LEN], node[PATH_MAX], remedy[PATH_MAX + 128];

	pci_driver(bdf, driver);
	if (!strstr(driver, "vfio")) {
		if (geteuid())
			report(r, "user", WARNING, "bind it as root",
			       "you are not root, and no VFIO driver has the device");
		else
			report(r, "user", FIT, NULL, "root, who may bind it");
		return;
	}
	if (may_open_device(bdf, node, sizeof(node))) {
		report(r, "user", FIT, NULL, "you may open %s", node);
		return;
	}
	snprintf(remedy, sizeof(remedy),
		 "as root: chown %u %s; a rule of udev for SUBSYSTEM==\"vfio\" makes it last",
		 geteuid(), node);
	report(r, "user", PROBLEM, remedy, "you may not open %s", node);
}

void check_device(struct report *r, const char *bdf)
{
	check_driver(r, bdf);
	check_group(r, bdf);
	check_kind(r, bdf);
	check_reset(r, bdf);
	check_user(r, bdf);
}
