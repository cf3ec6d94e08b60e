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
	self->bdf = vt_bdf("UNPLUG");
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
	EXPECT_EQ(count(self->out, "\"what\":\"load latency\""),
		  count(self->out, "\"memattr\":\"WC\"") ? 2 : 1);
	SAYS("\"what\":\"revoke\"");
	SAYS("\"what\":\"first touch by page\"");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
}

TEST_F(bench, stores_stay_in_the_range)
{
	EXPECT_EQ(RUN_ONE("--json --write --threads 2 %s %d " RANGE, self->bdf, BAR),
		  0);
	EXPECT_GE(count(self->out, "\"reads_back\":true"), 1);
	EXPECT_EQ(count(self->out, "\"reads_back\":false"), 0);
	SAYS("\"what\":\"store latency\"");
	SAYS("\"threads\":2");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, OFFSET));
	EXPECT_TRUE(is_same(self->before, self->after, OFFSET + LENGTH, ROOM));
	EXPECT_FALSE(is_same(self->before, self->after, OFFSET,
			     OFFSET + sizeof(__u64)));
	EXPECT_FALSE(is_same(self->before, self->after,
			     OFFSET + LENGTH - sizeof(__u64), OFFSET + LENGTH));
}

TEST_F(bench, restores_the_range)
{
	EXPECT_EQ(RUN_ONE("--write --restore --reset %s %d " RANGE, self->bdf, BAR),
		  0) TH_LOG("%.2000s", self->out);
	SAYS("loads and stores, restored");
	SAYS("\ncopy to device ");
	SAYS("\nreset ");
	SAYS("\ntouch all after a reset ");
	ASSERT_EQ(access_bar(self->bdf, self->after, false), 0);
	EXPECT_TRUE(is_same(self->before, self->after, 0, ROOM));
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

/* In the midst of its stores, as its progress says. */
TEST_F(bench, restores_the_range_when_it_is_interrupted)
{
	int terminal, slave, status;
	pid_t pid;

	terminal = open_terminal(&slave);
	ASSERT_GE(terminal, 0);
	pid = fork();
	if (!pid) {
		dup2(slave, STDERR_FILENO);
		dup2(slave, STDOUT_FILENO);
		execl(TOOL, TOOL, "bench", "--write", "--restore", "--samples",
		      "5", self->bdf, "2", RANGE, NULL);
		_exit(9);
	}
	close(slave);
	EXPECT_TRUE(wait_for_text(terminal, "copy to device NC", self->out,
				  OUT_SIZE)) TH_LOG("%.2000s", self->out);
	kill(pid, SIGTERM);
	while (wait_for_text(terminal, "restored", self->out, OUT_SIZE))
		;
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 1 << 8);
	close(terminal);
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
	EXPECT_EQ(RUN("--threads 0 %s %d " RANGE, self->bdf, BAR), 2);
	EXPECT_EQ(RUN("%s %d 1+64K", self->bdf, BAR), 1);
	SAYS("multiples of the page size");
	EXPECT_EQ(RUN("%s %d %zu+64K", self->bdf, BAR, VT_BAR), 1);
	SAYS("reaches beyond BAR 2");
	EXPECT_EQ(RUN("%s 0 0+64K", self->bdf), 1);
	SAYS("cannot be mapped");
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
