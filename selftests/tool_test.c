// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-dmabuf, the tool, as a user runs it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define TOOL	"/tools/vfio-dmabuf "
#define NOBODY	65534
#define EVENTS_ARE_ON \
	"cat /sys/kernel/tracing/instances/vfio-dmabuf.*/events/vfio_pci_dmabuf_mmap/enable 2>/dev/null | grep -q 1"

FIXTURE(tool) {
	const char *bdf;
	char out[16384];
};

FIXTURE_SETUP(tool)
{
	self->bdf = vt_bdf("A");
	ASSERT_EQ(vt_bind(self->bdf, VT_DRIVER), 0);
}

FIXTURE_TEARDOWN(tool)
{
}

/* Runs the command; its exit status, and both outputs in @out. */
static int run(char *out, size_t size, const char *fmt, ...)
{
	char command[1024];
	size_t used = 0, n;
	va_list ap;
	FILE *f;
	int ret;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	strcat(command, " 2>&1");
	f = popen(command, "r");
	if (!f)
		return -1;
	while ((n = fread(out + used, 1, size - 1 - used, f)))
		used += n;
	out[used] = '\0';
	ret = pclose(f);
	return WIFEXITED(ret) ? WEXITSTATUS(ret) : 128 + WTERMSIG(ret);
}

#define RUN(...) run(self->out, sizeof(self->out), TOOL __VA_ARGS__)
#define SAYS(text) EXPECT_NE(strstr(self->out, text), NULL)		\
	TH_LOG("no \"%s\" in: %s", text, self->out)
#define SAYS_NOT(text) EXPECT_EQ(strstr(self->out, text), NULL)	\
	TH_LOG("\"%s\" in: %s", text, self->out)

static unsigned long inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
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

TEST_F(tool, list_shows_device_and_bars)
{
	EXPECT_EQ(RUN("list"), 0);
	SAYS(self->bdf);
	SAYS("vfio-pci-dmabuf-mmap  group ");
	SAYS("BAR 2: 64M 64-bit prefetchable");
	SAYS_NOT("in use by");
	SAYS_NOT("0000:00:1f.0");
	EXPECT_EQ(RUN("list --all"), 0);
	SAYS("0000:00:1f.0");
	EXPECT_EQ(RUN("--json list %s", self->bdf), 0);
	SAYS("\"bars\":[");
	SAYS("{\"index\":2,\"size\":67108864,\"io\":false,\"prefetchable\":true,\"64bit\":true}");
	SAYS("\"buffers\":[]");
}

TEST_F(tool, list_shows_who_holds_and_maps)
{
	struct vt_device d;
	char want[128];
	int fd;

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	fd = vt_export_one(d.fd, 2, VT_MIB(1), VT_KIB(8));
	ASSERT_GE(fd, 0);
	ASSERT_NE(vt_map_rw(fd, VT_KIB(8)), NULL);
	EXPECT_EQ(RUN("list %s", self->bdf), 0);
	snprintf(want, sizeof(want),
		 "buffer %lu: export of BAR 2, 8K in 1 range, NC, live, 1 VMAs",
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

	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	EXPECT_EQ(RUN("bind %s", self->bdf), 0) TH_LOG("%s", self->out);
	ASSERT_EQ(vt_driver_of(self->bdf, driver, sizeof(driver)), 0);
	EXPECT_STREQ(driver, VT_DRIVER);
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

TEST_F(tool, unbind_refuses_a_device_in_use)
{
	struct vt_device d;
	char want[64];

	ASSERT_EQ(vt_open(&d, self->bdf, VT_DRIVER), 0);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 1);
	snprintf(want, sizeof(want), "tool_test (pid %d) has it", getpid());
	SAYS(want);
	vt_close(&d);
	ASSERT_EQ(vt_open(&d, self->bdf, VT_STOCK), 0);
	EXPECT_EQ(RUN("bind --force %s", self->bdf), 1);
	SAYS(want);
	vt_close(&d);
	EXPECT_EQ(RUN("bind %s", self->bdf), 0) TH_LOG("%s", self->out);
	EXPECT_EQ(RUN("unbind %s", self->bdf), 0);
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
		    !strstr(self->out, "BAR 2: 64M") ||
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
	EXPECT_EQ(RUN("export --range 1M+8K --range 0x1000+4K --name lent --wc %s sh -c 'echo fd $VFIO_DMABUF_FD size $VFIO_DMABUF_SIZE phase $VFIO_DMABUF_PHASE $VFIO_DMABUF_MEMATTR $VFIO_DMABUF_NAME $VFIO_DMABUF_DEVICE; ls -l /proc/self/fd; cat /proc/self/fdinfo/3'",
		      self->bdf), 0);
	SAYS("fd 3 size 12288 phase 1048576 WC lent 0000:00:01.0");
	SAYS("3 -> /dmabuf:lent");
	SAYS("size:\t12288");
	SAYS_NOT("vfio-device");
	SAYS_NOT("/dev/vfio");

	EXPECT_EQ(RUN("export %s sh -c 'echo $VFIO_DMABUF_SIZE; exit 5'",
		      self->bdf), 5);
	SAYS("67108864");
	EXPECT_EQ(RUN("export %s sh -c 'kill -9 $$'", self->bdf), 137);
	EXPECT_EQ(RUN("export %s no-such-program", self->bdf), 127);
	EXPECT_EQ(RUN("export --bar 4 %s true", self->bdf), 1);
	SAYS("has no BAR 4");
	EXPECT_EQ(RUN("export --range 64M+4K %s true", self->bdf), 1);
	SAYS("Invalid argument");
}

/* What is written there must not go to a file that was opened since. */
TEST_F(tool, closed_stdio_is_filled)
{
	EXPECT_EQ(run(self->out, sizeof(self->out),
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

TEST_F(tool, watch_ends_on_a_signal)
{
	EXPECT_EQ(run(self->out, sizeof(self->out), TOOL
		      "watch %s >/tmp/watch 2>&1 & p=$!; "
		      "until grep -q watching /tmp/watch || ! kill -0 $p;"
		      "do sleep 0.1; done; kill -INT $p; kill -TERM $p; wait $p",
		      self->bdf), 0);
	EXPECT_NE(system("ls /sys/kernel/tracing/instances | grep -q ."), 0);
}

TEST_HARNESS_MAIN
