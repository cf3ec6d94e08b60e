// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each line of "vfio-dmabuf check", in all that it can say: a machine made of
 * files that is fit, and what is said when one thing of it is not.
 */
#include <sys/wait.h>

#include "lib/bdf.c"
#include "lib/sysfs.c"
#include "tools/text.c"
#include "tools/print.c"
#include "tools/json.c"
#include "tools/nonames.c"
#include "tools/pci.c"
#include "tools/buffers.c"
#include "tools/procs.c"
#include "tools/users.c"
#include "tools/guards.c"
#include "tools/module.c"
#include "tools/report.c"
#include "tools/kconfig.c"
#include "tools/check_kernel.c"
#include "tools/check_module.c"
#include "tools/check_iommu.c"
#include "tools/check_device.c"
#include "tools/check_bars.c"
#include "tools/check.c"
#include "main.h"
#include "tap.h"
#include "fake.h"

#define DEV		"0000:00:10.0"
#define PEER		"0000:00:11.0"
#define PATH_OF		"/sys/bus/pci/devices/" DEV
#define RELEASE		"7.2.1-test"
#define LIB_MODULES	"/lib/modules/" RELEASE
#define DRIVER_DIR	"/sys/bus/pci/drivers/" OUR_DRIVER
#define MODULE		"/sys/module/vfio_pci_dmabuf_mmap"
#define NOBODY		65534

#define CONFIG		"CONFIG_VFIO_PCI_CORE=m\nCONFIG_VFIO_PCI_DMABUF=y\n" \
			"CONFIG_PCI_P2PDMA=y\nCONFIG_IOMMUFD=m\n" \
			"CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP=y\n"

#define BAR_MEM64	"0x0000000000142204"
#define BAR_IO		"0x0000000000040101"
#define NO_BAR		"0x0 0x0 0x0\n"

static char said[16384];
static int status;

/* The command, as a process; as nobody if @user. */
static void run_as(uid_t user, const char *a)
{
	char *argv[3] = { PROGRAM, (char *)a, NULL };
	pid_t pid = fork_saying();
	int ret;

	if (!pid) {
		if (user && seteuid(user))
			_exit(9);
		optind = 0;
		ret = flushed(cmd_check(1 + !!a, argv));
		/* LeakSanitizer does not work with changed credentials. */
		fflush(stdout);
		if (user)
			_exit(ret);
		exit(ret);
	}
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_text(said, sizeof(said), "/said");
}

static bool has_problem(void)
{
	return !strncmp(said, "problem ", 8) || strstr(said, "\nproblem ");
}

static bool says(const char *line)
{
	bool found;

	run_as(0, DEV);
	found = strstr(said, line);
	if (!found)
		printf("# no \"%s\" in \"%s\"\n", line, said);
	return found && status == (has_problem() ? FAILED : DONE);
}

/* What it says with this file so; the file is as it was afterwards. */
static bool with(const char *path, const char *text, const char *line)
{
	char before[8192];
	bool right;
	int gone;

	gone = read_text(before, sizeof(before) - 1, "%s", path);
	if (text)
		make_file(path, text);
	else
		remove_file(path);
	right = says(line);
	if (gone)
		remove_file(path);
	else
		make_file(path, strcat(before, "\n"));
	return right;
}

static void make_link_of(const char *bdf, const char *link, const char *to)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, link);
	remove_file(path);
	if (to)
		make_link(path, to);
}

static void make_modinfo(const char *vermagic, const char *signer)
{
	char text[512], path[PATH_MAX];

	snprintf(text, sizeof(text),
		 "#!/bin/sh\ncase $2 in vermagic) echo '%s';; signer) echo '%s';; esac\n",
		 vermagic, signer);
	make_file("/bin/modinfo", text);
	snprintf(path, sizeof(path), "%s/bin/modinfo", root);
	chmod(path, 0755);
}

static void make_machine(void)
{
	static const char * const dirs[] = {
		"/proc/self", "/proc/net", "/proc/sys/kernel", "/boot", "/bin",
		"/dev/vfio", LIB_MODULES, "/sys/class/iommu/dmar0", PATH_OF,
		"/sys/bus/pci/devices/" PEER, "/sys/bus/pci/drivers/nvme",
		"/sys/bus/pci/drivers/vfio-pci", DRIVER_DIR, MODULE "/parameters",
		"/sys/kernel/security", "/sys/kernel/iommu_groups/5/devices/" DEV,
		"/sys/module/module/parameters", "/sys/dev/block",
		"/sys/module/vfio/parameters",
		"/sys/module/vfio_iommu_type1/parameters",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(dirs[i]);
	make_file("/proc/self/mountinfo", "");
	make_file("/proc/net/route", "");
	make_file("/proc/net/ipv6_route", "");
	make_file("/proc/sys/kernel/osrelease", RELEASE "\n");
	make_file("/proc/sys/kernel/tainted", "4096\n");
	make_file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu pat sse2\nbugs\t:\n");
	make_file("/proc/cmdline", "root=/dev/sda1 quiet\n");
	make_file("/proc/iomem",
		  "e0000000-ffffffff : PCI Bus 0000:00\n"
		  "  e0000000-e3ffffff : " DEV "\n"
		  "    e0000000-e3ffffff : vfio-pci\n");
	make_file("/boot/config-" RELEASE, CONFIG);
	make_file(LIB_MODULES "/modules.dep",
		  "kernel/drivers/vfio/pci/vfio-pci-core.ko.xz:\n"
		  "updates/dkms/vfio-pci-dmabuf-mmap.ko: kernel/drivers/vfio/pci/vfio-pci-core.ko.xz\n"
		  "kernel/drivers/iommu/iommufd/iommufd.ko.xz:\n");
	make_file(MODULE "/taint", "OE\n");
	make_file(PATH_OF "/vendor", "0x1af4\n");
	make_file(PATH_OF "/device", "0x1110\n");
	make_file(PATH_OF "/class", "0x050000\n");
	make_file(PATH_OF "/reset_method", "flr bus\n");
	make_file(PATH_OF "/resource",
		  "0x00000000e0000000 0x00000000e3ffffff " BAR_MEM64 "\n");
	make_link_of(DEV, "driver", DRIVER_DIR);
	make_link_of(DEV, "iommu_group", "/sys/kernel/iommu_groups/5");
	make_file("/dev/vfio/5", "");
	make_file("/dev/vfio/vfio", "");
	make_modinfo(RELEASE " SMP preempt", "");
}

static void test_fit(void)
{
	size_t lines = 0;
	const char *at;

	ok(says("0 warnings, 0 problems") && !status, "a machine that is fit");
	for (at = said; (at = strstr(at, "ok      ")); at++)
		lines++;
	ok(lines == 23, "one line for each thing");
	run_as(0, NULL);
	ok(!status && !strstr(said, DEV), "without a device, of the machine");
	run_as(0, "0000:00:1f.0");
	ok(status == FAILED && strstr(said, "no PCI device 0000:00:1f.0"),
	   "a device that is not there");
	run_as(0, "hello");
	ok(status == USAGE, "what is no address");
}

static void test_json(void)
{
	json_t *all, *one;
	size_t i, right = 0;

	make_file("/proc/sys/kernel/osrelease", "5.15.0\n");
	json = true;
	run_as(0, DEV);
	json = false;
	make_file("/proc/sys/kernel/osrelease", RELEASE "\n");
	all = json_loads(said, 0, NULL);
	json_array_foreach(json_object_get(all, "checks"), i, one) {
		const char *check, *verdict, *remedy = "", *bdf = "";

		if (json_unpack(one, "{s:s, s:s, s?s, s?s}", "check", &check,
				"verdict", &verdict, "remedy", &remedy,
				"device", &bdf))
			continue;
		right += !strcmp(check, "kernel.version") &&
			 !strcmp(verdict, "problem") &&
			 !strcmp(remedy, "take Linux 6.1 or later") && !*bdf;
		right += !strcmp(check, "bar0") && !strcmp(verdict, "ok") &&
			 !*remedy && !strcmp(bdf, DEV);
	}
	ok(right == 2 && status == FAILED &&
	   json_integer_value(json_object_get(all, "problems")) == 1, "as JSON");
	json_decref(all);
}

#define RELEASE_FILE "/proc/sys/kernel/osrelease"
#define CONFIG_FILE "/boot/config-" RELEASE

static void test_kernel(void)
{
	ok(says("ok      kernel.version: Linux " RELEASE "\n"), "a version");
	ok(with(RELEASE_FILE, "6.0.9\n", "problem kernel.version: Linux 6.0.9 is too old; take") &&
	   with(RELEASE_FILE, "5.19\n", "problem kernel.version") &&
	   with(RELEASE_FILE, "6.1.0-50\n", "ok      kernel.version") &&
	   with(RELEASE_FILE, "7.0\n", "ok      kernel.version"),
	   "the oldest version");
	ok(with(CONFIG_FILE, "CONFIG_VFIO_PCI_CORE=y\n",
		"ok      kernel.vfio_pci: vfio-pci-core (built in)") &&
	   says("kernel.vfio_pci: vfio-pci-core (module)"), "vfio-pci-core");
	ok(with(CONFIG_FILE, "# CONFIG_VFIO_PCI_CORE is not set\n",
		"problem kernel.vfio_pci: no vfio-pci-core; take a kernel with"),
	   "and without");
	ok(with(CONFIG_FILE, "CONFIG_VFIO_PCI_CORE=y\n",
		"warning kernel.dmabuf: no importers") &&
	   says("ok      kernel.dmabuf: devices can import"), "importers");
	ok(with(CONFIG_FILE, "CONFIG_VFIO_PCI_CORE=y\n",
		"warning kernel.p2pdma: no peer-to-peer") &&
	   says("ok      kernel.p2pdma: "), "peer-to-peer DMA");
	ok(with(CONFIG_FILE, "CONFIG_VFIO_PCI_CORE=y\n",
		"ok      kernel.iommufd: no iommufd: devices are opened by") &&
	   says("ok      kernel.iommufd: iommufd (module)"), "iommufd");
	ok(with(CONFIG_FILE, "CONFIG_VFIO_PCI_CORE=y\n",
		"warning kernel.huge_pfnmap: page-table entries of one page") &&
	   says("ok      kernel.huge_pfnmap: huge"), "huge entries");
}

/* No configuration to read: what the kernel's functions tell. */
static void test_symbols(void)
{
	remove_file(CONFIG_FILE);
	ok(says("warning kernel.config: neither") &&
	   says("warning kernel.vfio_pci: CONFIG_VFIO_PCI_CORE is not known; see kernel.config"),
	   "a kernel that tells nothing");
	make_file("/proc/kallsyms",
		  "0000000000000000 T pci_p2pdma_distance_many\n"
		  "0000000000000000 T vfio_pci_core_register_device\t[vfio_pci_core]\n");
	ok(says("ok      kernel.config: no file") &&
	   says("ok      kernel.vfio_pci: vfio-pci-core (module)") &&
	   says("ok      kernel.p2pdma: peer-to-peer DMA (built in)"),
	   "one that names its functions");
	ok(says("warning kernel.iommufd: CONFIG_IOMMUFD is not known; see") &&
	   with(LIB_MODULES "/modules.dep", "kernel/x.ko:\n",
		"ok      kernel.iommufd: no iommufd"),
	   "of modules that are not loaded none are known");
	make_file(LIB_MODULES "/modules.builtin",
		  "kernel/drivers/vfio/pci/vfio_pci_core.ko\n");
	ok(with(LIB_MODULES "/modules.dep", "kernel/x.ko:\n",
		"ok      kernel.vfio_pci: vfio-pci-core (built in)") &&
	   with(LIB_MODULES "/modules.dep", "kernel/x.ko:\n",
		"warning kernel.dmabuf: no importers"),
	   "of those that are built in all are");
	remove_file(LIB_MODULES "/modules.builtin");
	remove_file("/proc/kallsyms");
	make_file("/proc/config", CONFIG);
	snprintf(said, sizeof(said), "gzip <%s/proc/config >%s/proc/config.gz",
		 root, root);
	ok(!system(said) && says("ok      kernel.config: its configuration") &&
	   says("kernel.vfio_pci: vfio-pci-core (module)"), "config.gz");
	remove_file("/proc/config.gz");
	make_file(CONFIG_FILE, CONFIG);
}

#define CPU "processor\t: 0\nflags\t\t: "
#define LOCKDOWN "/sys/kernel/security/lockdown"
#define SIG_ENFORCE "/sys/module/module/parameters/sig_enforce"

static void test_start(void)
{
	ok(with("/proc/cpuinfo", CPU "fpu pats sse2\nbugs\t: pat\n",
		"warning kernel.pat: the processor has no PAT") &&
	   with("/proc/cmdline", "quiet nopat\n",
		"warning kernel.pat: PAT is off: no write-combining; boot without") &&
	   with("/proc/cmdline", "quiet nopatch=1 xnopat\n",
		"ok      kernel.pat: write-combining by PAT") &&
	   with("/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp\n",
		"ok      kernel.pat: write-combining needs no PAT"), "PAT");
	ok(with(LOCKDOWN, "none [integrity] confidentiality\n",
		"warning kernel.lockdown: on: none [integrity]") &&
	   with(LOCKDOWN, "[none] integrity confidentiality\n",
		"ok      kernel.lockdown: off") &&
	   says("ok      kernel.lockdown: none to be seen"), "lockdown");
	ok(with(SIG_ENFORCE, "Y\n",
		"warning kernel.sig_enforce: only signed modules load; sign") &&
	   with(SIG_ENFORCE, "N\n", "ok      kernel.sig_enforce: off"),
	   "signatures");
	ok(with("/proc/sys/kernel/tainted", "4608\n",
		"warning kernel.taint: it has had a warning since boot; read") &&
	   with("/proc/sys/kernel/tainted", "16512\n",
		"kernel.taint: it has had an oops a lockup") &&
	   says("ok      kernel.taint: no oops"), "what has happened since boot");
}

static void test_module(void)
{
	char driver[PATH_MAX];

	ok(says("ok      module.found: loaded") &&
	   says("ok      module.loads: it did") &&
	   says("ok      module.taint: OE: a module from out of the tree") &&
	   with(CONFIG_FILE, CONFIG "CONFIG_TRIM_UNUSED_KSYMS=y\n",
		"ok      kernel.trim_unused_ksyms"), "a module that is loaded");
	ok(with(MODULE "/taint", "OFE\n",
		"problem module.taint: it was loaded by force (OFE); reboot"),
	   "by force");
	snprintf(driver, sizeof(driver), "%s" DRIVER_DIR, root);
	rmdir(driver);
	ok(says("ok      module.found: installed") &&
	   says("ok      module.loads: not loaded; it was built for this") &&
	   says("ok      module.taint: none"), "a module that is installed");
	ok(with(LIB_MODULES "/modules.dep", "kernel/vfio-pci.ko:\n",
		"problem module.found: vfio-pci-dmabuf-mmap is not there for Linux "
		RELEASE "; make"), "one that is not");
	ok(with(CONFIG_FILE, CONFIG "CONFIG_TRIM_UNUSED_KSYMS=y\n",
		"problem kernel.trim_unused_ksyms: functions that") &&
	   says("ok      kernel.trim_unused_ksyms") &&
	   with(CONFIG_FILE, NULL,
		"warning kernel.trim_unused_ksyms: CONFIG_TRIM"),
	   "functions that were left out");
	ok(with(SIG_ENFORCE, "Y\n",
		"problem module.loads: it is not signed, and") &&
	   with(LOCKDOWN, "none [integrity]\n",
		"problem module.loads: it is not signed, and"), "a missing signature");
	make_modinfo(RELEASE " SMP", "me");
	ok(with(SIG_ENFORCE, "Y\n", "ok      module.loads: not loaded"),
	   "a signature");
	make_modinfo(RELEASE "+ SMP preempt", "");
	ok(says("problem module.loads: it was built for " RELEASE "+; build it"),
	   "another kernel's");
	make_modinfo("", "");
	ok(says("warning module.loads: modinfo does not tell"),
	   "a module that nothing is known of");
	make_modinfo(RELEASE " SMP", "");
	make_dir(DRIVER_DIR);
}

static void test_iommu(void)
{
	char group[PATH_MAX], away[PATH_MAX];

	ok(says("ok      iommu.on: 1 unit, 1 group\n"), "an IOMMU");
	snprintf(group, sizeof(group), "%s/sys/kernel/iommu_groups", root);
	snprintf(away, sizeof(away), "%s/away", root);
	rename(group, away);
	ok(says("problem iommu.on: there are no IOMMU groups; turn VT-d"),
	   "none");
	rename(away, group);
	ok(with("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n",
		"warning iommu.unsafe: VFIO opens devices without") &&
	   with("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
		"Y\n", "warning iommu.unsafe: users of devices can forge") &&
	   says("ok      iommu.unsafe: no unsafe"), "unsafe modes");
}

static void test_driver(void)
{
	ok(says("ok      " DEV " driver: " OUR_DRIVER "\n"), "our driver");
	make_link_of(DEV, "driver", "/sys/bus/pci/drivers/nvme");
	ok(says("warning " DEV " driver: nvme; vfio-dmabuf bind it"),
	   "another driver");
	make_dir(PATH_OF "/block");
	make_link("/sys/dev/block/8:2", PATH_OF "/block");
	make_file("/proc/self/mountinfo",
		  "36 1 8:2 / /home rw,x shared:1 - ext4 none rw\n");
	ok(says("problem " DEV " driver: nvme; ") && strstr(said, "/home"),
	   "that a file system stands on");
	make_file("/proc/self/mountinfo", "");
	make_link_of(DEV, "driver", NULL);
	ok(says("warning " DEV " driver: none; "), "no driver");
	make_link_of(DEV, "driver", DRIVER_DIR);
}

static void test_group(void)
{
	ok(says("ok      " DEV " group: group 5, alone"), "a group of its own");
	make_dir("/sys/kernel/iommu_groups/5/devices/" PEER);
	ok(says("ok      " DEV " group: group 5, with " PEER " (no driver)"),
	   "a neighbour without a driver");
	make_link_of(PEER, "driver", "/sys/bus/pci/drivers/vfio-pci");
	ok(says("ok      " DEV " group: group 5, with " PEER " (vfio-pci)"),
	   "with VFIO's");
	make_link_of(PEER, "driver", "/sys/bus/pci/drivers/nvme");
	ok(says("problem " DEV " group: group 5 is shared with " PEER
		" (nvme); unbind these"), "with another");
	make_link_of(DEV, "iommu_group", NULL);
	ok(says("problem " DEV " group: it is in no IOMMU group"), "no group");
	make_link_of(DEV, "iommu_group", "/sys/kernel/iommu_groups/5");
	make_link_of(PEER, "driver", NULL);
}

static void test_kind(void)
{
	make_file(PATH_OF "/vendor", "0x8086\n");
	make_file(PATH_OF "/device", "0x0b25\n");
	ok(says("problem " DEV " kind: it is denied for its errata") &&
	   with(MODULE "/parameters/disable_denylist", "Y\n",
		"warning " DEV " kind: its errata make it unsafe; disable"),
	   "a device with errata");
	make_file(PATH_OF "/vendor", "0x1af4\n");
	ok(says("ok      " DEV " kind: the driver takes it"),
	   "not another vendor's");
	ok(with(PATH_OF "/class", "0x060400\n",
		"problem " DEV " kind: it is a bridge"), "a bridge");
	ok(says("ok      " DEV " reset: flr bus") &&
	   with(PATH_OF "/reset_method", NULL,
		"warning " DEV " reset: it cannot be reset"), "resets");
}

static bool user_says(const char *line)
{
	run_as(NOBODY, DEV);
	if (!strstr(said, line))
		printf("# no \"%s\" in \"%s\"\n", line, said);
	return strstr(said, line);
}

static int open_to_all(const char *path, const struct stat *st, int type,
		       struct FTW *ftw)
{
	(void)ftw;
	return type == FTW_SL ? 0 : chmod(path, st->st_mode | 0755);
}

static void test_user(void)
{
	char group[PATH_MAX], container[PATH_MAX];

	ok(says("ok      " DEV " user: you may open "), "root");
	nftw(root, open_to_all, 16, FTW_PHYS);
	snprintf(group, sizeof(group), "%s/dev/vfio/5", root);
	snprintf(container, sizeof(container), "%s/dev/vfio/vfio", root);
	ok(user_says("problem " DEV " user: you may not open ") &&
	   strstr(said, "/dev/vfio/5; as root: chown 65534 "),
	   "a user without rights");
	chmod(group, 0666);
	ok(user_says("problem " DEV " user: you may not open "),
	   "nor to the container");
	chmod(container, 0666);
	ok(user_says("ok      " DEV " user: you may open "), "with rights");
	make_link_of(DEV, "driver", "/sys/bus/pci/drivers/nvme");
	ok(user_says("warning " DEV " user: you are not root, and no VFIO") &&
	   says("ok      " DEV " user: root, who may bind it"),
	   "who may bind it");
	make_link_of(DEV, "driver", DRIVER_DIR);
}

static bool bars(const char *resource, const char *line)
{
	char before[256];
	bool right;

	read_text(before, sizeof(before), PATH_OF "/resource");
	make_file(PATH_OF "/resource", resource);
	right = says(line);
	make_file(PATH_OF "/resource", before);
	return right;
}

static void test_entries(void)
{
	struct kernel k = { .huge_entries = true };
	uint64_t page = sysconf(_SC_PAGESIZE), pmd = page * page / 8;
	struct bar bar = { .start = 4 * pmd - page, .size = 2 * pmd };
	char two[64], text[64], a[32], b[32];

	snprintf(two, sizeof(two), "%s, %s", size_text(page, a),
		 size_text(pmd, b));
	entry_sizes(&k, &bar, text, sizeof(text));
	ok(!strcmp(text, two), "a block of the larger size");
	bar.size = page + pmd - 1;
	entry_sizes(&k, &bar, text, sizeof(text));
	ok(!strcmp(text, a), "one byte less");
	bar = (struct bar){ .start = pmd, .size = pmd };
	k.huge_entries = false;
	entry_sizes(&k, &bar, text, sizeof(text));
	ok(!strcmp(text, a), "a kernel without");
	k.huge_entries = true;
	bar = (struct bar){ .start = -pmd, .size = pmd };
	entry_sizes(&k, &bar, text, sizeof(text));
	ok(!strcmp(text, two), "the last of the address space");
}

static void test_bars(void)
{
	ok(says("ok      " DEV " bar0: 64M at 0xe0000000, exportable by") &&
	   strstr(said, ", prefetchable, claimed by vfio-pci"), "a BAR");
	ok(bars("0xe0000000 0xe00000ff 0x40200\n",
		"warning " DEV " bar0: 256, not exportable: it is smaller than a page"),
	   "a small one");
	ok(bars("0xe0000100 0xe00fffff 0x40200\n",
		"not exportable: it does not begin at a page"), "a crooked one");
	ok(bars("0xc000 0xc03f " BAR_IO "\n",
		"warning " DEV " bar0: 64, not exportable: I/O space"), "I/O space");
	ok(bars("0x0 0x3ffffff 0x20142204\n",
		"warning " DEV " bar0: 64M, not exportable: it has no address; boot with"),
	   "one without an address");
	ok(bars(NO_BAR NO_BAR "0xe0000000 0xe3ffffff 0x40200\n",
		"ok      " DEV " bar2: 64M") && strstr(said, ", not prefetchable") &&
	   !strstr(said, "bar0"), "its number");
	ok(bars(NO_BAR, "problem " DEV " bars: it has no BARs"), "no BAR");
	ok(with("/proc/iomem",
		"e0000000-e3ffffff : " DEV "\n  e0000000-e0ffffff : BOOTFB\n",
		"problem " DEV " bar0: 64M, not exportable: claimed by BOOTFB; find"),
	   "one that another has claimed");
	ok(with("/proc/iomem", "e0000000-e3ffffff : " DEV "\n"
		"e4000000-e4ffffff : other\n", "claimed by nobody") &&
	   with("/proc/iomem", "00000000-00000000 : " DEV "\n",
		"claimed by whom root can see"), "one that nobody has");
	make_link_of(DEV, "driver", "/sys/bus/pci/drivers/nvme");
	ok(with("/proc/iomem", "e0000000-e3ffffff : " DEV "\n"
		"  e0000000-e3ffffff : nvme\n",
		"ok      " DEV " bar0") && strstr(said, "claimed by nvme"),
	   "its driver goes, and its claim with it");
	make_link_of(DEV, "driver", DRIVER_DIR);
}

int main(void)
{
	char path[2 * PATH_MAX];

	sys_root = make_root();
	vd_root = sys_root;
	make_machine();
	snprintf(path, sizeof(path), "%s/bin:%s", root, getenv("PATH"));
	setenv("PATH", path, 1);
	plan(67);
	test_fit();
	test_json();
	test_kernel();
	test_symbols();
	test_start();
	test_module();
	test_iommu();
	test_driver();
	test_group();
	test_kind();
	test_user();
	test_entries();
	test_bars();
	remove_root();
	return finish();
}
