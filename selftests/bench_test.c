// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio-dmabuf bench, the command: that it touches what it may and puts back what
 * it must. Its figures mean nothing on an emulated processor.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define TOOL	"/tools/vfio-dmabuf"
#define BAR	2
/* What is looked at, and the part of it that the tool is given. */
#define ROOM	VT_MIB(8)
#define OFFSET	VT_MIB(2)
#define LENGTH	VT_KIB(64)
#define RANGE	"2M+64K"
#define BASE	0x5a5a000000000000ULL

FIXTURE(bench) {
	const char *bdf;
	__u64 *before;
	__u64 *after;
	char *out;
};

#define OUT_SIZE	VT_MIB(1)

/* All of the room, by a mapping that ends with the call. */
static int access_bar(const char *bdf, __u64 *words, bool store)
{
	size_t i, nr = ROOM / sizeof(*words);
	struct vt_device d;
	volatile __u64 *map;

	if (vt_open(&d, bdf, VT_DRIVER))
		return -1;
	map = vt_map_bar(&d, BAR, 0, ROOM);
	for (i = 0; map && i < nr; i++)
		if (store)
			map[i] = words[i];
		else
			words[i] = map[i];
	if (map)
		munmap((void *)map, ROOM);
	vt_close(&d);
	return map ? 0 : -1;
}

FIXTURE_SETUP(bench)
{
	__u64 state = BASE;
	size_t i;

	/* It has a bus of its own, so that it can be reset. */
	self->bdf = vt_bdf("SW_MEM");
	self->before = malloc(ROOM);
	self->after = malloc(ROOM);
	self->out = malloc(OUT_SIZE);
	ASSERT_TRUE(self->before && self->after && self->out);
	for (i = 0; i < ROOM / sizeof(*self->before); i++)
		self->before[i] = vt_random(&state);
	ASSERT_EQ(access_bar(self->bdf, self->before, true), 0);
}

FIXTURE_TEARDOWN(bench)
{
	free(self->before);
	free(self->after);
	free(self->out);
}

#define RUN(...) vt_run(self->out, OUT_SIZE, TOOL " bench " __VA_ARGS__)
/* How often a copy is measured makes no difference to what it may touch. */
#define RUN_ONE(...) RUN("--samples 1 " __VA_ARGS__)
#define SAYS(text) EXPECT_NE(strstr(self->out, text), NULL)		\
	TH_LOG("no \"%s\" in: %.2000s", text, self->out)

/* FNV-1a of words, as the tool has it of what it read. */
static __u64 hash(const __u64 *words, size_t size)
{
	__u64 value = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < size / sizeof(*words); i++)
		value = (value ^ words[i]) * 0x100000001b3ULL;
	return value;
}

static int count(const char *text, const char *part)
{
	int nr = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		nr++;
	}
	return nr;
}

static bool is_same(const __u64 *a, const __u64 *b, size_t from, size_t to)
{
	return !memcmp((const char *)a + from, (const char *)b + from,
		       to - from);
}

/* The first access's copies: from 64 bytes to the range by powers of two. */
static bool has_sizes(const char *text)
{
	char row[128];
	size_t size;

	for (size = 64; size <= LENGTH; size *= 2) {
		snprintf(row, sizeof(row),
			 "\"what\":\"copy from device\",\"unit\":\"MB/s\",\"size\":%zu,\"threads\":1,",
			 size);
		if (!strstr(text, row))
			return false;
	}
	return true;
}

TEST_F(bench, reads_the_range_and_stores_nothing)
{
	char want[64];

	snprintf(want, sizeof(want), "\"hash\":\"%016llx\"",
		 hash(self->before + OFFSET / sizeof(__u64), LENGTH));
	EXPECT_EQ(RUN_ONE("--json %s %d " RANGE, self->bdf, BAR), 0);
	/* By each access, by both attributes; x86 has three at least here. */
	EXPECT_GE(count(self->out, want), 2);
	EXPECT_EQ(count(self->out, want), count(self->out, "\"hash\":"))
		TH_LOG("%.3000s", self->out);
	EXPECT_EQ(count(self->out, "copy to device"), 0);
	EXPECT_EQ(count(self->out, "store latency"), 0);
	EXPECT_EQ(count(self->out, "reset"), 0);
	EXPECT_EQ(count(self->out, "\"what\":\"load latency\""),
		  count(self->out, "\"memattr\":\"WC\"") ? 2 : 1);
	SAYS("\"what\":\"revoke\"");
	SAYS("\"what\":\"first touch by page\"");
	SAYS("\"what\":\"export and close\"");
	SAYS("\"what\":\"mmap and munmap\"");
	EXPECT_TRUE(has_sizes(self->out)) TH_LOG("%.3000s", self->out);
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
}

static bool has_row(char *text, const char *what, int threads)
{
	char start[64], want[32], *row = text, *end;
	bool has = false;

	snprintf(start, sizeof(start), "{\"what\":\"%s\",", what);
	snprintf(want, sizeof(want), "\"threads\":%d,", threads);
	while (!has && (row = strstr(row, start))) {
		end = strchr(row, '}');
		*end = '\0';
		has = strstr(row, want);
		*end = '}';
		row = end;
	}
	return has;
}

TEST_F(bench, stores_stay_in_the_range)
{
	int threads;

	EXPECT_EQ(RUN_ONE("--json --write --threads 2 %s %d " RANGE, self->bdf, BAR),
		  0);
	EXPECT_GE(count(self->out, "\"reads_back\":true"), 1);
	EXPECT_EQ(count(self->out, "\"reads_back\":false"), 0);
	SAYS("\"what\":\"store latency\"");
	for (threads = 1; threads <= 2; threads++) {
		EXPECT_TRUE(has_row(self->out, "copy from device", threads));
		EXPECT_TRUE(has_row(self->out, "copy to device", threads));
		EXPECT_TRUE(has_row(self->out, "first touch by page", threads));
	}
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, OFFSET));
	EXPECT_TRUE(is_same(self->before, self->after, OFFSET + LENGTH, ROOM));
	EXPECT_FALSE(is_same(self->before, self->after, OFFSET,
			     OFFSET + sizeof(__u64)));
	EXPECT_FALSE(is_same(self->before, self->after,
			     OFFSET + LENGTH - sizeof(__u64), OFFSET + LENGTH));
}

#define HOST_NAME	"a-name-of-nobodys-business"
#define CHART		"/tmp/chart.svg"
#define DRAWN		"/tmp/drawn"

/* In the place of gnuplot, which keeps what it is told. */
static int make_gnuplot(void)
{
	static const char script[] = "#!/bin/sh\ncat >" DRAWN "\n";
	int fd = open("/tmp/gnuplot", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	if (fd < 0 || write(fd, script, sizeof(script) - 1) < 0)
		return -1;
	return close(fd);
}

/*
 * Names of the kernel, the machine and the processor. Kernels without DMI cannot tell
 * the machine's.
 */
static void read_head(char names[3][256])
{
	struct utsname kernel;

	uname(&kernel);
	snprintf(names[0], 256, "%s", kernel.release);
	if (vt_read_text("/sys/class/dmi/id/product_name", names[1], 256) &&
	    vt_read_text("/sys/firmware/devicetree/base/model", names[1], 256))
		snprintf(names[1], 256, "unknown machine");
	vt_run(names[2], 256, "sed -n 's/^model name.*: //p' /proc/cpuinfo");
	names[2][strcspn(names[2], "\n")] = '\0';
	if (!names[2][0])
		vt_read_text("/sys/devices/system/cpu/cpu0/regs/identification/midr_el1",
			     names[2], 256);
}

TEST_F(bench, restores_the_range)
{
	char names[3][256] = { };
	int i;

	ASSERT_EQ(make_gnuplot(), 0);
	ASSERT_EQ(sethostname(HOST_NAME, strlen(HOST_NAME)), 0);
	ASSERT_EQ(setenv("PATH", "/tmp:/bin", 1), 0);
	EXPECT_EQ(RUN_ONE("--write --restore --reset --plot " CHART " %s %d " RANGE,
			  self->bdf, BAR), 0) TH_LOG("%.2000s", self->out);
	read_head(names);
	for (i = 0; i < 3; i++) {
		EXPECT_NE(names[i][0], '\0');
		SAYS(names[i]);
	}
	EXPECT_EQ(strstr(self->out, HOST_NAME), NULL);
	/* Progress is for terminals. */
	EXPECT_EQ(strchr(self->out, '\r'), NULL);
	SAYS("loads and stores, restored");
	SAYS("\ncopy to device ");
	SAYS("\nreset ");
	SAYS("\ntouch all after a reset ");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
	ASSERT_EQ(vt_read_text(DRAWN, self->out, OUT_SIZE), 0);
	SAYS("set output '" CHART "'");
	SAYS("copy from device, NC");
	SAYS("copy to device, NC");
}

/* A terminal of which we have the other end. */
static int open_terminal(int *slave)
{
	int fd;

	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666");
	fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY);
	if (fd < 0 || grantpt(fd) || unlockpt(fd))
		return -1;
	*slave = open(ptsname(fd), O_RDWR | O_NOCTTY);
	return *slave < 0 ? -1 : fd;
}

static bool wait_for_text(int fd, const char *text, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 &&
	       (n = read(fd, buf + used, size - 1 - used)) > 0) {
		used += n;
		buf[used] = '\0';
		if (strstr(buf, text))
			return true;
	}
	return false;
}

/* What the command has said so far, without waiting for more. */
static void read_rest(int terminal, char *buf, size_t size)
{
	size_t used = strlen(buf);
	ssize_t n;

	fcntl(terminal, F_SETFL, O_NONBLOCK);
	while (used < size - 1 &&
	       (n = read(terminal, buf + used, size - 1 - used)) > 0)
		used += n;
	buf[used] = '\0';
	fcntl(terminal, F_SETFL, 0);
}

/* After the stores to the NC mapping come its first touches. */
static bool is_storing(const char *said)
{
	return strstr(said, "copy to device NC") && !strstr(said, "first touch");
}

/*
 * The command, stopped in the midst of its stores, as its progress says, and our
 * end of its terminal.
 */
static pid_t stop_in_stores(const char *bdf, char *out, int *terminal)
{
	int slave, status;
	pid_t pid;

	*terminal = open_terminal(&slave);
	if (*terminal < 0)
		return -1;
	pid = fork();
	if (!pid) {
		dup2(slave, STDERR_FILENO);
		dup2(slave, STDOUT_FILENO);
		execl(TOOL, TOOL, "bench", "--write", "--restore", "--samples",
		      "2", bdf, "2", RANGE, NULL);
		_exit(9);
	}
	close(slave);
	/* When it begins with the second figure, it has stored for the first. */
	wait_for_text(*terminal, "copy to device NC", out, OUT_SIZE);
	wait_for_text(*terminal, "copy to device NC", out, OUT_SIZE);
	kill(pid, SIGSTOP);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return -1;
	read_rest(*terminal, out, OUT_SIZE);
	if (is_storing(out))
		return pid;
	vt_log("%.2000s", out);
	kill(pid, SIGKILL);
	return -1;
}

/* Lets it go on. Its status, and the rest of what it said. */
static int wait_for_end(pid_t pid, int terminal, char *out)
{
	int status;

	kill(pid, SIGCONT);
	out[0] = '\0';
	wait_for_text(terminal, "no such text", out, OUT_SIZE);
	close(terminal);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

TEST_F(bench, restores_the_range_when_it_is_interrupted)
{
	int terminal;
	pid_t pid;

	pid = stop_in_stores(self->bdf, self->out, &terminal);
	ASSERT_GT(pid, 0);
	kill(pid, SIGTERM);
	EXPECT_EQ(wait_for_end(pid, terminal, self->out), 1 << 8);
	SAYS("interrupted");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
}

/* A copy of the fd whose link in /proc begins with @kind. */
static int borrow_fd(pid_t pid, const char *kind)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), fd, ret = -1;
	char path[64], target[64];

	for (fd = 3; ret < 0 && fd < 64; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n >= (ssize_t)strlen(kind) &&
		    !strncmp(target, kind, strlen(kind)))
			ret = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	}
	close(pidfd);
	return ret;
}

/* By its group or by a device file of its own. */
static int borrow_device(pid_t pid)
{
	int fd = borrow_fd(pid, "anon_inode:[vfio-device]");

	return fd < 0 ? borrow_fd(pid, "/dev/vfio/devices/") : fd;
}

/* Another process takes the buffer back. */
TEST_F(bench, restores_the_range_when_the_buffer_is_revoked)
{
	int terminal, device, buffer;
	pid_t pid;

	pid = stop_in_stores(self->bdf, self->out, &terminal);
	ASSERT_GT(pid, 0);
	device = borrow_device(pid);
	buffer = borrow_fd(pid, "/dmabuf:");
	ASSERT_GE(device, 0);
	ASSERT_GE(buffer, 0);
	EXPECT_EQ(vt_revoke(device, buffer), 0);
	close(buffer);
	close(device);
	EXPECT_EQ(wait_for_end(pid, terminal, self->out), 1 << 8);
	SAYS("the device's memory went away: Bad address");
	EXPECT_EQ(strstr(self->out, "not restored"), NULL);
	EXPECT_EQ(strstr(self->out, "quartiles"), NULL);
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
}

/* While it stays off nothing can be restored, and it has to say so. */
TEST_F(bench, says_that_memory_is_off)
{
	struct vt_device d = VT_DEVICE_INIT;
	int terminal;
	pid_t pid;

	pid = stop_in_stores(self->bdf, self->out, &terminal);
	ASSERT_GT(pid, 0);
	d.fd = borrow_device(pid);
	ASSERT_GE(d.fd, 0);
	EXPECT_EQ(vt_memory(&d, false), 0);
	EXPECT_EQ(wait_for_end(pid, terminal, self->out), 1 << 8);
	close(d.fd);
	SAYS("the device's memory went away: Bad address");
	SAYS("the range is not restored: Bad address");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, OFFSET));
	EXPECT_TRUE(is_same(self->before, self->after, OFFSET + LENGTH, ROOM));
}

/* Accesses wait for it. */
TEST_F(bench, goes_on_after_a_reset)
{
	struct vt_device d = VT_DEVICE_INIT;
	int terminal;
	pid_t pid;

	pid = stop_in_stores(self->bdf, self->out, &terminal);
	ASSERT_GT(pid, 0);
	d.fd = borrow_device(pid);
	ASSERT_GE(d.fd, 0);
	EXPECT_EQ(vt_reset(&d), 0);
	close(d.fd);
	EXPECT_EQ(wait_for_end(pid, terminal, self->out), 0);
	SAYS("loads and stores, restored");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
}

TEST_F(bench, larger_entries_are_touched_where_they_fit)
{
	size_t page = sysconf(_SC_PAGESIZE), pmd = page * (page / 8);

	if (pmd > VT_MIB(32))
		SKIP(return, "a larger entry maps more than the BAR has");
	EXPECT_EQ(RUN_ONE("--threads 2 %s %d %zu+%zu", self->bdf, BAR, pmd, pmd),
		  0);
	SAYS("\nfirst touch, aligned ");
	SAYS("\nfirst touch by page ");
}

TEST_F(bench, says_what_is_wrong)
{
	EXPECT_EQ(RUN("%s %d", self->bdf, BAR), 2);
	EXPECT_EQ(RUN("%s 6 " RANGE, self->bdf), 2);
	EXPECT_EQ(RUN("%s %d 64K", self->bdf, BAR), 2);
	SAYS("a range is OFFSET+LENGTH");
	EXPECT_EQ(RUN("--restore %s %d " RANGE, self->bdf, BAR), 2);
	SAYS("needs --write");
	EXPECT_EQ(RUN("--threads 1000 %s %d " RANGE, self->bdf, BAR), 2);
	SAYS("1000 threads need as many processors");
	EXPECT_EQ(RUN("--samples 1001 %s %d " RANGE, self->bdf, BAR), 2);
	SAYS("\"1001\" is no number of samples");
	EXPECT_EQ(RUN("--plot " CHART " %s %d " RANGE, self->bdf, BAR), 1);
	SAYS("--plot needs gnuplot");
	EXPECT_EQ(RUN("--threads 0 %s %d " RANGE, self->bdf, BAR), 2);
	EXPECT_EQ(RUN("%s %d 1+64K", self->bdf, BAR), 1);
	SAYS("multiples of the page size");
	EXPECT_EQ(RUN("%s %d %zu+64K", self->bdf, BAR, VT_BAR), 1);
	SAYS("reaches beyond BAR 2");
	EXPECT_EQ(RUN("%s 0 0+64K", self->bdf), 1);
	SAYS("cannot be mapped");
}

/* On the root bus nothing resets it alone. */
TEST_F(bench, says_that_it_cannot_be_reset)
{
	struct vt_device d;
	const char *bdf = vt_bdf("A");

	ASSERT_EQ(vt_open(&d, bdf, VT_DRIVER), 0);
	EXPECT_FALSE(vt_can_reset(&d));
	vt_close(&d);
	EXPECT_EQ(RUN("--reset %s %d " RANGE, bdf, BAR), 1);
	SAYS("cannot be reset by itself");
}

TEST_F(bench, says_who_has_the_device)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_bind(self->bdf, VT_STOCK), 0);
	EXPECT_EQ(RUN("%s %d " RANGE, self->bdf, BAR), 1);
	SAYS("is bound to vfio-pci; first: vfio-dmabuf bind ");
}

TEST_HARNESS_MAIN
