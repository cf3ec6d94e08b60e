// SPDX-License-Identifier: GPL-2.0-only
/*
 * From an address to a device that cannot be opened, and what is said of it, on
 * a machine made of files. Opening one that can be is lib_test's.
 */
#include <errno.h>
#include <string.h>

#include "lib/bdf.c"
#include "lib/cdev.c"
#include "lib/context.c"
#include "lib/fd.c"
#include "lib/group.c"
#include "lib/map.c"
#include "lib/procmaps.c"
#include "lib/open.c"
#include "lib/region.c"
#include "lib/sysfs.c"
#include "lib/token.c"
#include "tap.h"
#include "fake.h"

int vfio_dmabuf_del_memfd(struct vfio_dmabuf_ctx *ctx, int memfd)
{
	(void)ctx;
	(void)memfd;
	return 0;
}

#define VMD	"10000:e1:00.0"
#define NIC	"0000:01:00.0"
#define IDLE	"0000:02:00.0"
#define PCI	"/sys/bus/pci/devices/"
#define DRIVERS	"/sys/bus/pci/drivers/"
#define TOKEN	"14d63f20-8445-11ea-8900-1f9ce7d5650d"

static struct vfio_dmabuf_ctx *ctx;

static void make_machine(void)
{
	vd_root = make_root();
	make_dir(DRIVERS "vfio-pci-dmabuf-mmap");
	make_dir(DRIVERS "igb");
	make_dir("/sys/kernel/iommu_groups/5/devices/" VMD);
	make_dir(PCI VMD);
	make_link(PCI VMD "/driver", DRIVERS "vfio-pci-dmabuf-mmap");
	make_link(PCI VMD "/iommu_group", "/sys/kernel/iommu_groups/5");
	make_dir(PCI VMD "/vfio-dev/vfio7");
	make_dir(PCI NIC);
	make_link(PCI NIC "/driver", DRIVERS "igb");
	make_dir(PCI IDLE);
	make_dir("/dev/vfio");
}

static bool refused(const char *bdf, const char *token, unsigned int flags,
		    int want, const char *text)
{
	struct vfio_dmabuf_device *dev;
	int ret = vfio_dmabuf_open_token(ctx, bdf, token, flags, &dev);

	if (ret == want && strstr(vfio_dmabuf_error(ctx), text) &&
	    !ctx->devices && !ctx->groups)
		return true;
	printf("# %d: %s\n", ret, vfio_dmabuf_error(ctx));
	return false;
}

static void test_open(void)
{
	ok(refused("10000:e1:00", NULL, 0, -EINVAL, "not a PCI address"),
	   "no address");
	ok(refused("0000:e1:00.0", NULL, 0, -ENODEV, "no PCI device 0000:e1"),
	   "an address in another domain");
	ok(refused(IDLE, NULL, 0, -ENODEV, "not bound to any"),
	   "a device without a driver");
	ok(refused(NIC, NULL, 0, -ENODEV, "bound to igb"),
	   "a device of another driver");
	ok(refused(VMD, NULL, 0, -ENOENT, "/dev/vfio/5"),
	   "a group that VFIO has not");
	ok(refused(VMD, NULL, VFIO_DMABUF_OPEN_CDEV, -ENOENT, VMD " has no cdev"),
	   "no cdev");
	make_file("/dev/vfio/noiommu-5", "");
	ok(refused(VMD, NULL, 0, -EOPNOTSUPP, "no IOMMU"), "no IOMMU");
	make_file("/dev/vfio/5", "");
	ok(refused(VMD, NULL, 0, -ENOTTY, "VFIO_GROUP_GET_STATUS"),
	   "what is no group");
}

static void test_sysfs(void)
{
	char text[256], path[PATH_MAX], want[PATH_MAX];
	unsigned int group;

	ok(!vd_sysfs_group(VMD, &group) && group == 5 &&
	   vd_sysfs_group(NIC, &group) == -ENOENT, "groups");
	vd_sysfs_group_others(5, text, sizeof(text));
	ok(!strcmp(text, VMD " (vfio-pci-dmabuf-mmap)"),
	   "who is in a group, by all of the address");
	make_dir("/dev/vfio/devices");
	make_file("/dev/vfio/devices/vfio7", "");
	snprintf(want, sizeof(want), "%s/dev/vfio/devices/vfio7", root);
	ok(!vd_sysfs_cdev(VMD, path, sizeof(path)) && !strcmp(path, want),
	   "a cdev");
}

static bool names(const char *name, unsigned int bar)
{
	struct vfio_dmabuf_device dev = { .bdf = VMD };
	struct vd_vma vma = { .name = name };

	return name_agrees(&dev, &vma, bar);
}

static void test_names(void)
{
	ok(names("/dmabuf:vfio0:" VMD "/2", 2) &&
	   names("anon_inode:[vfio-device]", 2) &&
	   !names("/dmabuf:vfio0:" VMD "/3", 2) &&
	   !names("/dmabuf:vfio0:0000:e1:00.0/2", 2) &&
	   !names("/dmabuf:a buffer", 2), "the names of BAR mappings");
}

static void test_tokens(void)
{
	static const char * const bad[] = {
		"", "hello", "14d63f20-8445-11ea-8900-1f9ce7d5650",
		TOKEN "0", TOKEN " ", " " TOKEN,
		"14d63f20-8445-11ea-89001-f9ce7d5650d",
		"14d63f20844511ea89001f9ce7d5650d0000",
		"14d63f2g-8445-11ea-8900-1f9ce7d5650d",
		"-4d63f20-8445-11ea-8900-1f9ce7d5650d",
		"0xd63f20-8445-11ea-8900-1f9ce7d5650d",
		"14d63f20-8445-11ea-8900-1f9ce7d5650-",
		"{4d63f20-8445-11ea-8900-1f9ce7d5650}",
	};
	static const unsigned char bytes[16] = {
		0x14, 0xd6, 0x3f, 0x20, 0x84, 0x45, 0x11, 0xea,
		0x89, 0x00, 0x1f, 0x9c, 0xe7, 0xd5, 0x65, 0x0d,
	};
	struct vd_token token;
	bool all = true;
	size_t i;

	ok(!vd_token_parse(TOKEN, &token) &&
	   !memcmp(token.uuid, bytes, sizeof(bytes)) &&
	   !strcmp(token.text, TOKEN) &&
	   !vd_token_parse("14D63F20-8445-11EA-8900-1F9CE7D5650D", &token) &&
	   !memcmp(token.uuid, bytes, sizeof(bytes)), "a VF token");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		all &= refused(VMD, bad[i], 0, -EINVAL, "not a VF token");
	ok(all, "what is no VF token");
}

int main(void)
{
	ctx = vfio_dmabuf_new();
	make_machine();
	plan(14);
	test_open();
	test_sysfs();
	test_names();
	test_tokens();
	vfio_dmabuf_free(ctx);
	remove_root();
	return finish();
}
