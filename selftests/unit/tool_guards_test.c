// SPDX-License-Identifier: GPL-2.0-only
/*
 * When the tool leaves a device with its driver: a machine made of files, with
 * a disk, a RAID on it, an NVMe disk of many paths, and a bond of NICs.
 */
#include <string.h>

#include "lib/bdf.c"
#include "tools/text.c"
#include "tools/print.c"
#include "tools/nonames.c"
#include "tools/pci.c"
#include "tools/buffers.c"
#include "tools/procs.c"
#include "tools/users.c"
#include "tools/guards.c"
#include "tap.h"
#include "fake.h"

#define DISK	"0000:00:10.0"
#define NVME	"0000:00:11.0"
#define NIC	"0000:00:12.0"
#define IDLE	"0000:00:13.0"

#define PCI	"/sys/devices/pci0000:00/"
#define SDA	PCI DISK "/ata1/block/sda"
#define MD	"/sys/devices/virtual/block/md0"
#define SUBSYS	"/sys/devices/virtual/nvme-subsystem/nvme-subsys0"
#define BOND	"/sys/devices/virtual/net/bond0"
#define BRIDGE	"/sys/devices/virtual/net/br0"

static void make_machine(void)
{
	make_dir("/proc/self");
	make_dir("/proc/net");
	make_dir("/sys/dev/block");
	make_dir("/sys/class/net");
	make_dir(SDA "/sda1");
	make_link("/sys/dev/block/8:1", SDA "/sda1");
	make_dir(MD "/slaves");
	make_link("/sys/dev/block/9:0", MD);
	make_link(MD "/slaves/sda1", SDA "/sda1");
	make_dir(MD "/md0p1");
	make_link("/sys/dev/block/259:9", MD "/md0p1");
	make_dir(PCI NVME "/nvme/nvme0");
	make_dir(SUBSYS "/nvme0n1/nvme0n1p1");
	make_link(SUBSYS "/nvme0", PCI NVME "/nvme/nvme0");
	make_link(SUBSYS "/nvme0n1/device", SUBSYS);
	make_link("/sys/dev/block/259:1", SUBSYS "/nvme0n1/nvme0n1p1");
	make_dir(PCI NIC "/net/eth0");
	make_link("/sys/class/net/eth0", PCI NIC "/net/eth0");
	make_dir(BOND);
	make_link("/sys/class/net/bond0", BOND);
	make_link(BOND "/lower_eth0", PCI NIC "/net/eth0");
	make_dir(BRIDGE);
	make_link("/sys/class/net/br0", BRIDGE);
	make_link(BRIDGE "/lower_bond0", BOND);
	make_dir(PCI IDLE);
	/* Of a domain with more digits, as Intel VMD has */
	make_dir("/sys/devices/pci10000:00/1" DISK "/block/sdb");
	make_link("/sys/dev/block/8:16",
		  "/sys/devices/pci10000:00/1" DISK "/block/sdb");
}

static char why[512];

static bool mounted(const char *bdf, const char *numbers)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "22 1 0:21 / /proc rw - proc proc rw\n36 1 %s / /home\\040x rw,x shared:1 - ext4 none rw\n",
		 numbers);
	make_file("/proc/self/mountinfo", text);
	why[0] = '\0';
	return guard_mounted(bdf, why, sizeof(why)) == -EBUSY &&
	       strstr(why, "at /home x is");
}

static void test_disks(void)
{
	ok(mounted(DISK, "8:1"), "a partition of a disk");
	ok(mounted(DISK, "9:0"), "a RAID on it");
	ok(mounted(DISK, "259:9"), "a partition of the RAID");
	ok(mounted(NVME, "259:1"), "a multipath NVMe disk");
	ok(!mounted(IDLE, "8:1") && !mounted(NVME, "9:0") &&
	   !mounted(DISK, "259:1") && !mounted(DISK, "0:33") &&
	   !mounted(DISK, "8:16"),
	   "not of the others");
}

#define HEADER "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n"

static bool routed(const char *bdf, const char *v4, const char *v6)
{
	make_file("/proc/net/route", v4);
	make_file("/proc/net/ipv6_route", v6);
	why[0] = '\0';
	return guard_route(bdf, why, sizeof(why)) == -EBUSY;
}

#define V6(dest, len, dev) \
	dest " " len " " ZERO " 00 fe800000000000000000000000000001" \
	" 00000400 00000001 00000000 00000003 " dev "\n"
#define ZERO "00000000000000000000000000000000"
#define FE80 "fe800000000000000000000000000000"

static void test_routes(void)
{
	static const char subnet[] = HEADER
		"eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n";

	ok(routed(NIC, HEADER "eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\n", ""),
	   "the NIC of the default route");
	ok(routed(NIC, HEADER "bond0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\n", ""),
	   "a NIC in a bond of it");
	ok(routed(NIC, HEADER "br0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\n", "") &&
	   strstr(why, "br0"), "in a bond in a bridge of it");
	ok(!routed(NIC, subnet, ""), "not for a route to a network");
	ok(!routed(IDLE, HEADER "br0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\n", ""),
	   "not for another device");
	ok(routed(NIC, subnet, V6(FE80, "40", "lo") V6(ZERO, "00", "eth0")),
	   "for IPv6");
	ok(!routed(NIC, subnet, V6(FE80, "00", "eth0") V6(ZERO, "40", "eth0")),
	   "not for another IPv6 route");
}

static bool used(const char *bdf, const char *by)
{
	why[0] = '\0';
	return guard_in_use(bdf, why, sizeof(why)) == -EBUSY && strstr(why, by);
}

static bool unused(const char *bdf)
{
	return !guard_in_use(bdf, why, sizeof(why));
}

static void make_process(int pid, const char *comm)
{
	static const char * const dirs[] = { "fd", "fdinfo" };
	char path[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, dirs[i]);
		make_dir(path);
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	make_file(path, comm);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	make_file(path, "");
}

static void make_device(const char *bdf, const char *group)
{
	char path[PATH_MAX], dir[PATH_MAX], to[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	snprintf(dir, sizeof(dir), PCI "%s", bdf);
	make_link(path, dir);
	if (!group)
		return;
	snprintf(path, sizeof(path), PCI "%s/iommu_group", bdf);
	snprintf(to, sizeof(to), "/sys/kernel/iommu_groups/%s", group);
	make_dir(to);
	make_link(path, to);
}

/* Nodes that every machine has play VFIO's: the numbers decide, not the names. */
static void test_nodes(void)
{
	make_dir("/sys/dev/char");
	make_link("/sys/dev/char/1:3", "/sys/devices/virtual/vfio/5");
	make_link("/sys/dev/char/1:5", PCI NIC "/vfio-dev/vfio0");
	make_link("/sys/dev/char/1:7", PCI NVME "/nvme/nvme0");
	ok(unused(DISK) && unused(NIC), "nobody uses it");
	make_raw_link("/proc/17/fd/3", "/dev/null");
	ok(used(DISK, "a driver (pid 17)"), "a process has its group open");
	ok(unused(NIC), "not of a device without");
	make_raw_link("/proc/17/fd/4", "/dev/zero");
	ok(used(NIC, "a driver (pid 17)"), "a process has its cdev open");
	make_raw_link("/proc/17/fd/5", "/dev/full");
	ok(used(NVME, "a driver (pid 17)"), "or a node of its old driver's");
	make_link("/sys/dev/char/1:8", "/sys/devices/virtual/vfio/noiommu-6");
	make_raw_link("/proc/18/fd/3", "/dev/random");
	ok(used(IDLE, "another (pid 18)"), "a group without an IOMMU");
	remove_file("/proc/17/fd/3");
	remove_file("/proc/17/fd/4");
	remove_file("/proc/17/fd/5");
	remove_file("/proc/18/fd/3");
}

static void test_device_fds(void)
{
	make_raw_link("/proc/17/fd/4", "anon_inode:[vfio-device]");
	make_file("/proc/17/fdinfo/4",
		  "pos:\t0\nvfio-device-syspath: /sys" PCI "0000:00:1c.0/" NIC "\n");
	ok(used(NIC, "a driver (pid 17)"), "a process has the device open");
	ok(unused("0000:00:1c.0") && unused(DISK), "no other's");
	remove_file("/proc/17/fd/4");
}

#define MAPS(file)	"7f1c2000-7f1c3000 r--p 00000000 08:01 1043 /usr/lib/x.so\n" \
			"7f1c4000-7f1c5000 rw-s 00000000 00:0e 77      " file "\n"
#define BUFFERS	"inode kind bar size ranges memattr state vmas attachments mappings name\n"

static void test_mappings(void)
{
	make_file("/proc/17/maps", MAPS("/dmabuf:vfio0:" NIC "/2"));
	make_dir(OUR_DEBUGFS "/" NIC);
	make_file(OUR_DEBUGFS "/" NIC "/buffers",
		  BUFFERS "77 export 2 4096 1 NC live 1 0 0 vfio0:" NIC "/2\n");
	ok(unused(NIC), "a mapping of an export keeps no device open");
	make_file(OUR_DEBUGFS "/" NIC "/buffers",
		  BUFFERS "77 bar 2 4096 1 NC live 1 0 0 vfio0:" NIC "/2\n");
	ok(used(NIC, "a driver (pid 17)"), "a mapping of the BAR does");
	ok(unused(DISK), "not another device");
	make_file("/proc/17/maps", MAPS("/sys" PCI NIC "/resource2_wc"));
	ok(used(NIC, "a driver (pid 17)"), "a mapping of a file in /sys");
	make_file("/proc/17/maps", "");
}

static void test_users(void)
{
	make_dir("/sys/bus/pci/devices");
	make_device(DISK, "5");
	make_device(IDLE, "6");
	make_device(NIC, NULL);
	make_device(NVME, NULL);
	make_process(17, "a driver\n");
	make_process(18, "another\n");
	test_nodes();
	test_device_fds();
	test_mappings();
}

static void test_sizes(void)
{
	static const char * const bad[] = {
		"", "K", "-1", "4KB", "4 K", "0x", "20000000000G", "1T",
	};
	uint64_t value;
	char buf[32];
	bool all = true;
	size_t i;

	ok(!parse_size("0x1000", &value) && value == 0x1000 &&
	   !parse_size("64K", &value) && value == 65536 &&
	   !parse_size("3G", &value) && value == 3ULL << 30 &&
	   !parse_size("0", &value) && !value, "sizes that are right");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (!parse_size(bad[i], &value)) {
			printf("# \"%s\" is %llu\n", bad[i],
			       (unsigned long long)value);
			all = false;
		}
	ok(all, "sizes that are wrong");
	ok(!strcmp(size_text(65536, buf), "64K") &&
	   !strcmp(size_text(4097, buf), "4097") &&
	   !strcmp(size_text(0, buf), "0") &&
	   !strcmp(size_text(1ULL << 40, buf), "1T"), "sizes as text");
}

int main(void)
{
	sys_root = make_root();
	make_machine();
	plan(27);
	test_disks();
	test_routes();
	test_users();
	test_sizes();
	remove_root();
	return finish();
}
