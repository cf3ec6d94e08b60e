// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-dmabuf, the tool, as a user runs it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define TOOL	"/tools/vfio-dmabuf "
#define NOBODY	65534
#define EVENTS_ARE_ON \
	"cat /sys/kernel/tracing/instances/vfio-dmabuf.*/events/vfio_pci_dmabuf_mmap/enable 2>/dev/null | grep -q 1"

FIXTURE(tool) {
	const char *bdf;
	char me[64];
	char driver[64];
	char out[16384];
};

FIXTURE_SETUP(tool)
{
	self->bdf = vt_bdf("A");
	snprintf(self->me, sizeof(self->me), "tool_test (pid %d)", getpid());
	ASSERT_EQ(vt_bind(self->bdf, VT_DRIVER), 0);
}

FIXTURE_TEARDOWN(tool)
{
}

#define RUN(...) vt_run(self->out, sizeof(self->out), TOOL __VA_ARGS__)
#define SAYS(text) EXPECT_NE(strstr(self->out, text), NULL)		\
	TH_LOG("no \"%s\" in: %s", text, self->out)
#define SAYS_NOT(text) EXPECT_EQ(strstr(self->out, text), NULL)	\
	TH_LOG("\"%s\" in: %s", text, self->out)

static unsigned long inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static void vfio_group_node(const char *bdf, char *node, size_t size)
{
	char group[16] = "none";

	vt_device_link(bdf, "iommu_group", group, sizeof(group));
	snprintf(node, size, "/dev/vfio/%s", group);
}

#define NO_GROUPS	"this kernel has no VFIO groups"

/* By it VFIO can be asked whether a device is open, as a cdev too. */
static bool has_group_node(const char *bdf)
{
	char node[64];

	vfio_group_node(bdf, node, sizeof(node));
	return !access(node, F_OK);
}

TEST_F(tool, usage)
{
	EXPECT_EQ(RUN(""), 2);
	SAYS("usage:");
	EXPECT_EQ(RUN("--help"), 0);
	SAYS("revoke INODE");
	EXPECT_EQ(RUN("dance"), 2);
	SAYS("no command \"dance\"");
	EXPECT_EQ(RUN("bind"), 2);
	EXPECT_EQ(RUN("bind hello"), 2);
	SAYS("not a PCI address");
	EXPECT_EQ(RUN("bind 0000:77:00.0"), 1);
	SAYS("no PCI device 0000:77:00.0");
	EXPECT_EQ(RUN("list 0000:77:00.0"), 1);
	EXPECT_EQ(RUN("export %s", self->bdf), 2);
	EXPECT_EQ(RUN("export --bar 9 %s true", self->bdf), 2);
	EXPECT_EQ(RUN("export --range 4K %s true", self->bdf), 2);
	EXPECT_EQ(RUN("export --range 4X+4K %s true", self->bdf), 2);
	EXPECT_EQ(RUN("revoke me"), 2);
	EXPECT_EQ(RUN("watch --count x"), 2);
}

TEST_F(tool, help_and_version)
{
	static const char * const commands[] = {
		"list", "bind", "unbind", "export", "revoke", "watch",
		"check", "bench",
	};
	size_t i, k;

	EXPECT_EQ(RUN("--version"), 0);
	EXPECT_EQ(strncmp(self->out, "vfio-dmabuf 1.", 14), 0);
	for (i = 0; i < VT_ARRAY_SIZE(commands); i++) {
		char line[32];

		EXPECT_EQ(RUN("%s --help", commands[i]), 0);
		for (k = 0; k < VT_ARRAY_SIZE(commands); k++) {
			snprintf(line, sizeof(line), "\n  %s ", commands[k]);
			EXPECT_EQ(!!strstr(self->out, line), i == k)
				TH_LOG("%s: %s", commands[i], self->out);
		}
		EXPECT_EQ(RUN("%s --dance", commands[i]), 2);
		SAYS("vfio-dmabuf: unrecognized option");
	}
	EXPECT_EQ(RUN("list -- %s", self->bdf), 0);
	SAYS(self->bdf);
	EXPECT_EQ(RUN("-- list"), 0);
	EXPECT_EQ(RUN("export -- %s -- sh -c 'exit 5'", self->bdf), 5);
}

TEST_F(tool, addresses_are_taken_strictly)
{
	static const char * const bad[] = {
		"00:29.8", "00:01.8", "-1:00.0", "0x0:00:01.0", "'00: 1.0'",
		"'0000:00:01.0 '", "0:1.0", "000:00:01.0", "00:20.0",
	};
	static const char * const commands[] = {
		"list", "bind", "unbind", "watch", "check",
	};
	char driver[64];
	size_t i, k;

	for (i = 0; i < VT_ARRAY_SIZE(bad); i++)
		for (k = 0; k < VT_ARRAY_SIZE(commands); k++) {
			EXPECT_EQ(RUN("%s -- %s", commands[k], bad[i]), 2)
				TH_LOG("%s %s: %s", commands[k], bad[i],
				       self->out);
			SAYS("not a PCI address");
			/* And nothing of this machine. */
			EXPECT_EQ(strstr(self->out, "ok "), NULL);
		}
	EXPECT_EQ(RUN("list 10000:e1:00.0"), 1);
	SAYS("no PCI device 10000:e1:00.0");
	EXPECT_EQ(RUN("list %s", self->bdf + 5), 0);
	SAYS(self->bdf);
	ASSERT_EQ(vt_driver_of(self->bdf, driver, sizeof(driver)), 0);
	EXPECT_STREQ(driver, vt_driver());
}

TEST_F(tool, output_that_is_lost_is_a_failure)
{
	static const char * const commands[] = {
		"list", "--json list --all", "--help", "list --help",
		"--version",
	};
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(commands); i++) {
		EXPECT_EQ(vt_run(self->out, sizeof(self->out),
				 "(" TOOL "%s >/dev/full)", commands[i]), 1);
		SAYS("vfio-dmabuf: cannot write the output: No space left");
		EXPECT_EQ(vt_run(self->out, sizeof(self->out),
				 "(" TOOL "%s >&-)", commands[i]), 1);
		SAYS("cannot write the output: Bad file descriptor");
	}
}

/* What the tool calls VT_BAR */
static const char *bar_2(void)
{
	static char text[32];

	if (!(VT_BAR >> 30))
		snprintf(text, sizeof(text), "BAR 2: %zuM", VT_BAR >> 20);
	else
		snprintf(text, sizeof(text), "BAR 2: %zuG", VT_BAR >> 30);
	return text;
}

TEST_F(tool, list_shows_device_and_bars)
{
	char want[128];

	EXPECT_EQ(RUN("list"), 0);
	SAYS(self->bdf);
	SAYS(vt_driver());
	SAYS("  group ");
	SAYS("1af4:1110");
	snprintf(want, sizeof(want), "%s 64-bit prefetchable", bar_2());
	SAYS(want);
	SAYS_NOT("in use by");
	SAYS_NOT("0000:00:1f.0");
	EXPECT_EQ(RUN("list --all"), 0);
	SAYS("0000:00:1f.0");
	EXPECT_EQ(RUN("--json list %s", self->bdf), 0);
	SAYS("\"bars\":[");
	snprintf(want, sizeof(want),
		 "{\"index\":2,\"size\":%zu,\"io\":false,\"prefetchable\":true,\"64bit\":true}",
		 VT_BAR);
	SAYS(want);
	SAYS("\"buffers\":[]");
	SAYS("\"vendor_id\":\"1af4\",\"device_id\":\"1110\"");
	/* Those that are there, all the same. */
	EXPECT_EQ(RUN("list 0000:77:00.0 %s", self->bdf), 1);
	SAYS("no PCI device 0000:77:00.0");
	SAYS(bar_2());
}

/* A name goes to root's terminal, and into what reads JSON. */
TEST_F(tool, names_are_escaped)
{
	struct vt_device d;
	const char *c;
	int fd;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	ASSERT_EQ(prctl(PR_SET_NAME, "a\x1b[31m\xe4\xb8"), 0);
	fd = vt_export_one(d.fd, 2, 0, VT_PAGE);
	ASSERT_EQ(ioctl(fd, DMA_BUF_SET_NAME, "\x1b]0;x\a\xff\n\\"), 0);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	SAYS("\"\\x1b]0;x\\x07\\xff\\x0a\\\\\"");
	SAYS("open in a\\x1b[31m\\xe4\\xb8 (");
	/* The longest, all of which is escaped. */
	ASSERT_EQ(ioctl(fd, DMA_BUF_SET_NAME,
			"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\x1b"), 0);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	SAYS("\\x0a\\x0a\\x1b\"");
	ASSERT_EQ(ioctl(fd, DMA_BUF_SET_NAME, "\x1b]0;x\a\xff\n\\"), 0);
	EXPECT_EQ(RUN("--json list %s", self->bdf), 0);
	SAYS("\"name\":\"\\u001B]0;x\\u0007\\uFFFD\\n\\\\\"");
	SAYS("\"comm\":\"a\\u001B[31m\\uFFFD\\uFFFD\"");
	for (c = self->out; *c; c++)
		EXPECT_TRUE(*c == '\n' || (*c >= ' ' && *c < 127));
	EXPECT_EQ(RUN("unbind %s", self->bdf), 1);
	SAYS("a\\x1b[31m\\xe4\\xb8 (pid ");
	vt_close(&d);
}

TEST_F(tool, list_shows_who_holds_and_maps)
{
	struct vt_device d;
	char want[128];
	int fd;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	fd = vt_export_one(d.fd, 2, VT_MIB(1), VT_KIB(64));
	ASSERT_GE(fd, 0);
	ASSERT_NE(vt_map_rw(fd, VT_KIB(64)), NULL);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	snprintf(want, sizeof(want),
		 "buffer %lu: export of BAR 2, 64K in 1 range, NC, live, 1 VMAs",
		 inode(fd));
	SAYS(want);
	snprintf(want, sizeof(want), "open in tool_test (%d)", getpid());
	SAYS(want);
	snprintf(want, sizeof(want), "mapped by tool_test (%d)", getpid());
	SAYS(want);
	snprintf(want, sizeof(want), "in use by tool_test (%d)", getpid());
	SAYS(want);
	EXPECT_EQ(RUN("--json list %s", self->bdf), 0);
	snprintf(want, sizeof(want),
		 "\"holders\":[{\"pid\":%d,\"comm\":\"tool_test\"}],\"mappers\":[{\"pid\":%d,",
		 getpid(), getpid());
	SAYS(want);
	vt_close(&d);
}

TEST_F(tool, bind_and_back_to_the_driver_before)
{
	char driver[64], override[64];

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	EXPECT_EQ(RUN("bind %s", self->bdf), 0) TH_LOG("%s", self->out);
	ASSERT_EQ(vt_driver_of(self->bdf, driver, sizeof(driver)), 0);
	EXPECT_STREQ(driver, vt_driver());
	/* Again: nothing to do, and nothing forgotten. */
	EXPECT_EQ(RUN("bind %s", self->bdf), 0);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0) TH_LOG("%s", self->out);
	ASSERT_EQ(vt_driver_of(self->bdf, driver, sizeof(driver)), 0);
	EXPECT_STREQ(driver, VT_STOCK);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 1);
	SAYS("is bound to vfio-pci, not to");

	/* No driver and no override before: none after. */
	ASSERT_EQ(vt_unbind(self->bdf), 0);
	snprintf(driver, sizeof(driver),
		 "/sys/bus/pci/devices/%s/driver_override", self->bdf);
	ASSERT_EQ(vt_write_text(driver, "\n"), 0);
	EXPECT_EQ(RUN("--json bind %s", self->bdf), 0);
	SAYS("{\"bdf\":\"");
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0) TH_LOG("%s", self->out);
	SAYS("no driver");
	ASSERT_EQ(vt_read_text(driver, override, sizeof(override)), 0);
	EXPECT_EQ(strncmp(override, "(null)", 6), 0) TH_LOG("%s", override);
}

TEST_F(tool, bind_sets_whose_dmabufs_it_exports)
{
	char path[128], mode[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/dmabuf_mode",
		 self->bdf);
	EXPECT_EQ(RUN("bind --dmabuf=core %s", self->bdf), 2);
	SAYS("mmap or plain");
	ASSERT_EQ(RUN("bind --dmabuf=plain %s", self->bdf), 0);
	ASSERT_EQ(vt_read_text(path, mode, sizeof(mode)), 0);
	EXPECT_STREQ(mode, "plain");
	/* Of one that is bound. */
	ASSERT_EQ(RUN("bind --dmabuf mmap %s", self->bdf), 0);
	ASSERT_EQ(vt_read_text(path, mode, sizeof(mode)), 0);
	EXPECT_STREQ(mode, "mmap");
	ASSERT_EQ(RUN("bind %s", self->bdf), 0);
	ASSERT_EQ(vt_read_text(path, mode, sizeof(mode)), 0);
	EXPECT_STREQ(mode, "mmap");
}

TEST_F(tool, unbind_refuses_a_device_in_use)
{
	struct vt_device d;
	char want[64];

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 1);
	snprintf(want, sizeof(want), "tool_test (pid %d)", getpid());
	SAYS(want);
	vt_close(&d);
}

TEST_F(tool, bind_refuses_a_device_in_use)
{
	struct vt_device d;
	char want[64];

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_open(&d, self->bdf, VT_STOCK), 0);
	EXPECT_EQ(RUN("bind --force %s", self->bdf), 1);
	snprintf(want, sizeof(want), "tool_test (pid %d)", getpid());
	SAYS(want);
	vt_close(&d);
	EXPECT_EQ(RUN("bind %s", self->bdf), 0) TH_LOG("%s", self->out);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0);
}

/* Refused, by both commands, with a word on who it is. */
#define REFUSED(by) do {						\
	EXPECT_EQ(RUN("unbind %s", self->bdf), 1);			\
	SAYS(by);							\
	EXPECT_EQ(vt_driver_of(self->bdf, self->driver,			\
			       sizeof(self->driver)), 0);		\
	EXPECT_STREQ(self->driver, vt_driver());				\
} while (0)

TEST_F(tool, a_device_fd_alone_is_use)
{
	struct vt_device d = VT_DEVICE_INIT;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	/* The rest is what older kernels know a user by. */
	close(d.group);
	close(d.container);
	d.group = -1;
	d.container = -1;
	REFUSED(self->me);
	vt_close(&d);
}

TEST_F(tool, a_group_under_another_name_is_use)
{
	const char *path = "/tmp/group-of-a-container";
	struct stat st;
	char node[64];
	int fd;

	vfio_group_node(self->bdf, node, sizeof(node));
	if (stat(node, &st))
		SKIP(return, NO_GROUPS);
	ASSERT_EQ(mknod(path, S_IFCHR | 0600, st.st_rdev), 0);
	fd = open(path, O_RDWR);
	ASSERT_GE(fd, 0);
	unlink(path);
	REFUSED(self->me);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	SAYS("in use by tool_test (");
	close(fd);
}

TEST_F(tool, a_bar_mapping_is_use)
{
	struct vt_device d;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	ASSERT_NE(vt_map_bar(&d, 2, 0, VT_PAGE), NULL);
	vt_close(&d);
	REFUSED(self->me);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	SAYS("in use by tool_test (");
}

TEST_F(tool, a_bar_mapping_of_stock_is_use)
{
	struct vt_device d;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_open(&d, self->bdf, VT_STOCK), 0);
	if (!has_group_node(self->bdf))
		SKIP(return, NO_GROUPS);
	ASSERT_NE(vt_map_bar(&d, 2, 0, VT_PAGE), NULL);
	vt_close(&d);
	EXPECT_EQ(RUN("bind --force %s", self->bdf), 1);
	SAYS(self->me);
	EXPECT_EQ(vt_driver_of(self->bdf, self->driver, sizeof(self->driver)),
		  0);
	EXPECT_STREQ(self->driver, VT_STOCK);
}

TEST_F(tool, a_mapping_of_the_resource_is_use)
{
	char path[128];
	void *map;
	int fd;

	ASSERT_EQ(vt_unbind(self->bdf), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2",
		 self->bdf);
	fd = open(path, O_RDWR);
	map = mmap(NULL, VT_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		SKIP(return, "no mmap() of PCI resources here");
	EXPECT_EQ(RUN("bind %s", self->bdf), 1);
	SAYS(self->me);
	EXPECT_EQ(RUN("bind --force %s", self->bdf), 0);
}

/* The device's fd is in a socket, so that no process has it. */
static int open_in_flight(const char *bdf, int pair[2])
{
	struct vt_device d;

	if (vt_open(&d, bdf, VT_DRIVER) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
	    vt_send_fd(pair[0], d.fd))
		return -1;
	vt_close(&d);
	return 0;
}

TEST_F(tool, an_fd_in_flight_is_use)
{
	int pair[2];

	if (!has_group_node(self->bdf))
		SKIP(return, NO_GROUPS);
	ASSERT_EQ(open_in_flight(self->bdf, pair), 0);
	REFUSED("by no process that can be seen");
	close(pair[0]);
	close(pair[1]);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0);
}

/* Who waits in the kernel for a VFIO device's users to go. */
static pid_t find_blocked(void)
{
	struct dirent *entry;
	char path[300], text[64];
	pid_t pid = 0;
	DIR *d;

	d = opendir("/proc");
	while (!pid && (entry = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/wchan", entry->d_name);
		if (*entry->d_name >= '0' && *entry->d_name <= '9' &&
		    !vt_read_text(path, text, sizeof(text)) &&
		    !strcmp(text, "vfio_unregister_group_dev"))
			pid = atoi(entry->d_name);
	}
	closedir(d);
	return pid;
}

static pid_t start(const char *command, const char *bdf)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/tools/vfio-dmabuf", "vfio-dmabuf", command, bdf, NULL);
		_exit(9);
	}
	return pid;
}

/*
 * The driver had a user that the tool could not know of, and waits for it; then
 * the tool is killed, and after that the user goes.
 */
static int kill_blocked_unbind(const char *bdf, char *out, bool all)
{
	char node[64], hidden[80], driver[64];
	pid_t pid, blocked = 0;
	int pair[2];

	vfio_group_node(bdf, node, sizeof(node));
	snprintf(hidden, sizeof(hidden), "%s-hidden", node);
	if (open_in_flight(bdf, pair) || rename(node, hidden))
		return -1;
	/* What outlives its parent is ours to wait for. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = start("unbind", bdf);
	vt_wait_for((blocked = find_blocked()) != 0);
	if (!blocked ||
	    vt_run(out, 1024, TOOL "unbind %s", bdf) != 1 ||
	    !strstr(out, "another vfio-dmabuf is at work on it"))
		return -2;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (all)
		kill(blocked, SIGKILL);
	close(pair[0]);
	close(pair[1]);
	waitpid(blocked, NULL, 0);
	rename(hidden, node);
	return vt_driver_of(bdf, driver, sizeof(driver)) ? 1 :
	       strcmp(driver, VT_STOCK) ? -3 : 0;
}

TEST_F(tool, unbind_goes_on_when_it_is_killed)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	if (!has_group_node(self->bdf))
		SKIP(return, NO_GROUPS);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	ASSERT_EQ(RUN("bind %s", self->bdf), 0);
	EXPECT_EQ(kill_blocked_unbind(self->bdf, self->out, false), 0);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 1);
	SAYS("is bound to vfio-pci, not to");
}

TEST_F(tool, another_unbind_finishes_what_was_killed)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	if (!has_group_node(self->bdf))
		SKIP(return, NO_GROUPS);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	ASSERT_EQ(RUN("bind %s", self->bdf), 0);
	EXPECT_EQ(kill_blocked_unbind(self->bdf, self->out, true), 1);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0);
	SAYS(": vfio-pci\n");
	ASSERT_EQ(vt_driver_of(self->bdf, self->driver, sizeof(self->driver)),
		  0);
	EXPECT_STREQ(self->driver, VT_STOCK);
}

TEST_F(tool, bindings_by_others_are_seen)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	ASSERT_EQ(RUN("bind %s", self->bdf), 0);
	/* Somebody takes it away, and back. */
	ASSERT_EQ(vt_unbind(self->bdf), 0);
	ASSERT_EQ(vt_bind(self->bdf, VT_DRIVER), 0);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0);
	SAYS("no driver");

	/* An override to our driver, made by hand, does not stay. */
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	ASSERT_EQ(vt_device_write(self->bdf, "driver_override", vt_driver()), 0);
	EXPECT_EQ(RUN("bind %s", self->bdf), 0);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0);
	SAYS(": vfio-pci\n");
	ASSERT_EQ(vt_driver_of(self->bdf, self->driver, sizeof(self->driver)),
		  0);
	EXPECT_STREQ(self->driver, VT_STOCK);
}

TEST_F(tool, bind_goes_on_after_a_failure)
{
	const char *b = vt_bdf("B");

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	ASSERT_EQ(vt_bind(b, VT_STOCK), 0);
	EXPECT_EQ(RUN("bind %s 0000:77:00.0 %s", self->bdf, b), 1);
	SAYS("no PCI device 0000:77:00.0");
	EXPECT_EQ(RUN("list"), 0);
	SAYS(self->bdf);
	SAYS(b);
	EXPECT_EQ(RUN("unbind 0000:77:00.0 %s hello %s", self->bdf, b), 1);
	ASSERT_EQ(vt_driver_of(b, self->driver, sizeof(self->driver)), 0);
	EXPECT_STREQ(self->driver, VT_STOCK);
	ASSERT_EQ(vt_driver_of(self->bdf, self->driver, sizeof(self->driver)),
		  0);
	EXPECT_STREQ(self->driver, VT_STOCK);
}

TEST_F(tool, only_root)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setuid(NOBODY))
			_exit(9);
		if (RUN("bind %s", self->bdf) != 1 ||
		    !strstr(self->out, "bind needs root"))
			_exit(1);
		if (RUN("unbind %s", self->bdf) != 1 ||
		    !strstr(self->out, "unbind needs root"))
			_exit(2);
		if (RUN("revoke 1") != 1 ||
		    !strstr(self->out, "revoke needs root"))
			_exit(3);
		if (RUN("watch") != 1 ||
		    !strstr(self->out, "watch needs root"))
			_exit(4);
		if (RUN("list") ||
		    !strstr(self->out, bar_2()) ||
		    !strstr(self->out, "buffers are not shown") ||
		    !strstr(self->out, "run as root to see"))
			_exit(5);
		if (RUN("export %s true", self->bdf) != 1 ||
		    !strstr(self->out, "ermission denied"))
			_exit(6);
		_exit(0);
	}
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* The program is the shell: what it has open, and what it was told. */
TEST_F(tool, export_to_a_program)
{
	char size[24];

	EXPECT_EQ(RUN("export --range 1M+128K --range 0x10000+64K --name lent --wc %s sh -c 'echo fd $VFIO_DMABUF_FD size $VFIO_DMABUF_SIZE phase $VFIO_DMABUF_PHASE $VFIO_DMABUF_MEMATTR $VFIO_DMABUF_NAME $VFIO_DMABUF_DEVICE; ls -l /proc/self/fd; cat /proc/self/fdinfo/3'",
		      self->bdf), 0);
	SAYS("fd 3 size 196608 phase 1048576 WC lent 0000:00:01.0");
	SAYS("3 -> /dmabuf:lent");
	SAYS("size:\t196608");
	SAYS_NOT("vfio-device");
	SAYS_NOT("/dev/vfio");

	EXPECT_EQ(RUN("export %s sh -c 'echo $VFIO_DMABUF_SIZE; exit 5'",
		      self->bdf), 5);
	snprintf(size, sizeof(size), "%zu", VT_BAR);
	SAYS(size);
	EXPECT_EQ(RUN("export %s sh -c 'kill -9 $$'", self->bdf), 137);
	EXPECT_EQ(RUN("export %s no-such-program", self->bdf), 127);
	EXPECT_EQ(RUN("export --bar 4 %s true", self->bdf), 1);
	SAYS("has no BAR 4");
}

TEST_F(tool, export_says_what_is_wrong)
{
	static const struct {
		const char *options;
		const char *says;
	} wrong[] = {
		{ "--range 1+4K", "multiples of the page size" },
		{ "--range 4K+17", "multiples of the page size" },
		{ "--range 0+0", "length 0" },
		{ "--vf-token hello", "not a VF token" },
	};
	struct vt_device d;
	bool small;
	size_t i;

	EXPECT_EQ(RUN("export --range %zu+64K %s true", VT_BAR, self->bdf), 1);
	SAYS("reaches beyond BAR 2");
	EXPECT_EQ(RUN("export --range 64K+%zu %s true", VT_BAR, self->bdf), 1);
	SAYS("which has ");
	SAYS(bar_2() + strlen("BAR 2: "));
	for (i = 0; i < VT_ARRAY_SIZE(wrong); i++) {
		EXPECT_EQ(RUN("export %s %s true", wrong[i].options,
			      self->bdf), 1);
		SAYS(wrong[i].says);
	}
	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	small = vt_bar_size(&d, 0) < VT_PAGE;
	vt_close(&d);
	/* Where the kernel was told to, it has made the BAR as large as a page. */
	EXPECT_EQ(RUN("export --bar 0 %s true", self->bdf), small);
	if (small)
		SAYS("cannot be mapped");
	ASSERT_EQ(vt_bind(vt_bdf("TESTDEV"), VT_DRIVER), 0);
	EXPECT_EQ(RUN("export --bar 1 %s true", vt_bdf("TESTDEV")), 1);
	SAYS("is I/O space");
	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	EXPECT_EQ(RUN("export %s true", self->bdf), 1);
	SAYS(self->me);
	vt_close(&d);
}

/* What is written there must not go to a file that was opened since. */
TEST_F(tool, closed_stdio_is_filled)
{
	EXPECT_EQ(vt_run(self->out, sizeof(self->out),
			 TOOL "export %s sh -c 'for fd in 0 1 2; do readlink /proc/$PPID/fd/$fd; done >&9' 9>/tmp/stdio <&- >&- 2>&-; cat /tmp/stdio; rm /tmp/stdio",
			 self->bdf), 0);
	EXPECT_STREQ(self->out, "/dev/null\n/dev/null\n/dev/null\n");
}

TEST_F(tool, revoke_a_buffer_of_another_process)
{
	struct vt_device d;
	void *lent, *kept;
	unsigned long ino;
	int fd, other;
	__u64 value;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	fd = vt_export_one(d.fd, 2, 0, VT_PAGE);
	other = vt_export_one(d.fd, 2, 0, VT_PAGE);
	lent = vt_map_rw(fd, VT_PAGE);
	kept = vt_map_rw(other, VT_PAGE);
	EXPECT_EQ(vt_peek(lent, &value), 0);
	EXPECT_EQ(RUN("revoke %lu", inode(fd)), 0) TH_LOG("%s", self->out);
	EXPECT_EQ(vt_peek(lent, &value), SIGBUS);
	EXPECT_EQ(vt_peek(kept, &value), 0);
	EXPECT_EQ(RUN("revoke %lu", inode(fd)), 1);
	SAYS("revoked already");
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	SAYS("NC, revoked,");
	EXPECT_EQ(RUN("revoke 99999999"), 1);
	SAYS("no buffer 99999999");
	/* Mapped, but open nowhere: nothing names it to the driver. */
	ino = inode(other);
	close(other);
	EXPECT_EQ(RUN("revoke %lu", ino), 1);
	SAYS("no process has buffer");
	EXPECT_EQ(vt_peek(kept, &value), 0);
	vt_close(&d);
}

TEST_F(tool, bar_mapping_cannot_be_revoked)
{
	unsigned long ino;
	struct vt_device d;
	const char *at;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	ASSERT_NE(vt_map_bar(&d, 2, 0, VT_PAGE), NULL);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	at = strstr(self->out, "  buffer ");
	ASSERT_NE(at, NULL);
	ASSERT_EQ(sscanf(at, "  buffer %lu: bar of BAR 2", &ino), 1);
	EXPECT_EQ(RUN("revoke %lu", ino), 1);
	SAYS("only exports can be revoked");
	vt_close(&d);
}

TEST_F(tool, watch_shows_the_events)
{
	static const char * const events[] = {
		"\"event\":\"export\"", "\"event\":\"mmap\"",
		"\"event\":\"fault\"", "\"event\":\"",
	};
	struct vt_device d;
	char want[64];
	__u64 value;
	void *map;
	FILE *f;
	int fd, i;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	snprintf(self->out, sizeof(self->out),
		 TOOL "--json watch --count 4 %s", self->bdf);
	f = popen(self->out, "r");
	ASSERT_NE(f, NULL);
	/* The events are on as soon as its instance is there and enabled. */
	EXPECT_TRUE(vt_wait_for(!system(EVENTS_ARE_ON)));
	fd = vt_export_one(d.fd, 2, 0, VT_PAGE);
	map = vt_map_rw(fd, VT_PAGE);
	EXPECT_EQ(vt_peek(map, &value), 0);
	EXPECT_EQ(vt_revoke(d.fd, fd), 0);
	snprintf(want, sizeof(want), "\"ino\":%lu", inode(fd));
	for (i = 0; i < 4; i++) {
		ASSERT_NE(fgets(self->out, sizeof(self->out), f), NULL);
		SAYS(events[i]);
		SAYS(want);
		SAYS("\"device\":\"0000:00:01.0\"");
		SAYS("\"comm\":\"tool_test\"");
	}
	EXPECT_EQ(pclose(f), 0);
	EXPECT_NE(system("ls /sys/kernel/tracing/instances | grep -q ."), 0);
	vt_close(&d);
}

static void instance_of(pid_t pid, char *path, size_t size)
{
	snprintf(path, size, "/sys/kernel/tracing/instances/vfio-dmabuf.%d",
		 pid);
}

static pid_t start_watch(const char *bdf)
{
	char path[128], on[8] = "";
	pid_t pid = start("watch", bdf);
	size_t used;

	instance_of(pid, path, sizeof(path));
	used = strlen(path);
	snprintf(path + used, sizeof(path) - used, "/events/%s/enable",
		 VT_MODULE);
	vt_wait_for(!vt_read_text(path, on, sizeof(on)) && !strcmp(on, "1"));
	return pid;
}

TEST_F(tool, watch_ends_on_a_signal)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	char path[128];
	size_t i;
	int status;
	pid_t pid;

	for (i = 0; i < VT_ARRAY_SIZE(signals); i++) {
		pid = start_watch(self->bdf);
		kill(pid, signals[i]);
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_EQ(status, 0);
		instance_of(pid, path, sizeof(path));
		EXPECT_NE(access(path, F_OK), 0)
			TH_LOG("signal %d leaves %s", signals[i], path);
	}
}

TEST_F(tool, watch_removes_what_a_killed_one_left)
{
	char left[128], kept[128];
	pid_t killed, other, pid;
	int status;

	killed = start_watch(self->bdf);
	instance_of(killed, left, sizeof(left));
	kill(killed, SIGKILL);
	ASSERT_EQ(waitpid(killed, &status, 0), killed);
	ASSERT_EQ(access(left, F_OK), 0);
	other = start_watch(self->bdf);
	EXPECT_NE(access(left, F_OK), 0);
	/* Not that of one that lives. */
	pid = start_watch(self->bdf);
	instance_of(other, kept, sizeof(kept));
	EXPECT_EQ(access(kept, F_OK), 0);
	kill(pid, SIGTERM);
	kill(other, SIGTERM);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	ASSERT_EQ(waitpid(other, &status, 0), other);
	EXPECT_NE(access(kept, F_OK), 0);
}

/* What each line can say is a matter of tool_check_test. */
TEST_F(tool, check_finds_this_machine_fit)
{
	char entries[64], bar[64];
	struct vt_device d;
	size_t small;
	pid_t pid;
	int status;

	EXPECT_EQ(RUN("check %s", self->bdf), 0) TH_LOG("%s", self->out);
	SAYS("ok      kernel.config: its configuration is known");
	SAYS("ok      kernel.vfio_pci: vfio-pci-core");
	SAYS("ok      kernel.pat: write-combining");
	SAYS("ok      module.loads: it did");
	SAYS("ok      iommu.on: ");
	SAYS(vt_is_dropin() ? "driver: vfio-pci\n" :
			      "driver: vfio-pci-dmabuf-mmap\n");
	snprintf(bar, sizeof(bar), "bar2: %s at 0x", bar_2() + strlen("BAR 2: "));
	SAYS(bar);
	snprintf(entries, sizeof(entries), "exportable by entries of %zuK, %s",
		 VT_PAGE >> 10, vt_has_huge_entries() ? "" : "prefetch");
	SAYS(entries);
	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	small = vt_bar_size(&d, 0);
	vt_close(&d);
	/* Where the kernel was told to, it has made the BAR as large as a page. */
	if (small < VT_PAGE)
		SAYS("bar0: 256, not exportable: it is smaller than a page");
	SAYS(", 0 problems");
	EXPECT_EQ(!strstr(self->out, "ok      kernel.dmabuf: "),
		  !vt_kernel_has(VT_CORE_DMABUF));
	EXPECT_EQ(RUN("check --json %s", self->bdf), 0);
	SAYS("{\"check\":\"bar2\",\"verdict\":\"ok\"");
	/* It takes nothing from who has the device. */
	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	ASSERT_GE(vt_export_one(d.fd, 2, 0, VT_PAGE), 0);
	EXPECT_EQ(RUN("check %s", self->bdf), 0);
	SAYS("claimed by vfio");
	vt_close(&d);
	pid = fork();
	if (!pid)
		_exit(setuid(NOBODY) || RUN("check %s", self->bdf) != 1 ||
		      !strstr(self->out, "user: you may not open /dev/vfio/"));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

/* As above: what a configuration does not tell the kernel's functions do. */
TEST_F(tool, check_asks_a_kernel_without_a_configuration)
{
	static const char away[] = "/boot/away";
	struct utsname kernel;
	char config[128];

	if (!access("/proc/config.gz", F_OK))
		SKIP(return, "this kernel has its configuration in /proc");
	ASSERT_EQ(uname(&kernel), 0);
	snprintf(config, sizeof(config), "/boot/config-%s", kernel.release);
	ASSERT_EQ(rename(config, away), 0);
	EXPECT_EQ(RUN("check %s", self->bdf), 0) TH_LOG("%s", self->out);
	ASSERT_EQ(rename(away, config), 0);
	EXPECT_EQ(!strstr(self->out, "ok      kernel.dmabuf: "),
		  !vt_kernel_has(VT_CORE_DMABUF));
	SAYS("ok      kernel.config: no file has its configuration");
}

TEST_F(tool, check_binds_nothing)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	EXPECT_EQ(RUN("check %s", self->bdf), 0);
	SAYS("driver: vfio-pci; vfio-dmabuf bind it");
	ASSERT_EQ(vt_driver_of(self->bdf, self->driver, sizeof(self->driver)), 0);
	EXPECT_STREQ(self->driver, VT_STOCK);
}

TEST_F(tool, watch_needs_a_device)
{
	EXPECT_EQ(RUN("watch 0000:77:00.0"), 1);
	SAYS("no PCI device 0000:77:00.0");
}

/* The user of a PF has set a token. */
FIXTURE(tool_vf) {
	struct vt_device pf;
	char bdf[16];
	char out[1024];
};

FIXTURE_SETUP(tool_vf)
{
	static unsigned char token[VT_TOKEN_SIZE] = "0123456789abcde";

	if (vt_vf_bar_is_small(vt_bdf("SRIOV")))
		SKIP(return, VT_NO_VFS);
	ASSERT_EQ(vt_open(&self->pf, vt_bdf("SRIOV"), VT_DRIVER), 0);
	ASSERT_EQ(vt_param_set("enable_sriov", "1"), 0);
	ASSERT_EQ(vt_set_vfs(self->pf.bdf, 1), 0);
	ASSERT_EQ(vt_vf_bdf(self->pf.bdf, 0, self->bdf, sizeof(self->bdf)), 0);
	ASSERT_EQ(vt_feature(self->pf.fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN |
			     VFIO_DEVICE_FEATURE_SET, token, sizeof(token)), 0);
	ASSERT_EQ(vt_bind(self->bdf, VT_DRIVER), 0);
}

FIXTURE_TEARDOWN(tool_vf)
{
	vt_close(&self->pf);
	EXPECT_EQ(vt_set_vfs(vt_bdf("SRIOV"), 0), 0);
	EXPECT_EQ(vt_param_set("enable_sriov", "0"), 0);
}

TEST_F(tool_vf, export_takes_a_token)
{
	EXPECT_EQ(RUN("export --bar 0 %s true", self->bdf), 1);
	SAYS("VF token");
	EXPECT_EQ(RUN("export --bar 0 --vf-token 30313233-3435-3637-3839-616263646500 %s sh -c 'exit 5'",
		      self->bdf), 5) TH_LOG("%s", self->out);
}

TEST_HARNESS_MAIN
