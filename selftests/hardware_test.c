// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be tested on any device: with a range of a BAR that the environment names,
 * and nothing outside it. An emulated device by default. From the environment:
 *   VPDM_DEV_HW		the device; it has to be bound to the driver
 *   VPDM_HW_BAR, VPDM_HW_RANGE	the BAR, and OFFSET+LENGTH in bytes
 *   VPDM_HW_WRITE=1		the range is memory; it is written to, and restored
 *   VPDM_HW_RESET=1		the device may be reset, and its memory turned off
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define NOBODY	65534

struct place {
	const char *bdf;
	unsigned int bar;
	unsigned long long offset, length;
	bool write, reset;
};

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && !strcmp(value, "1");
}

static struct place find_place(void)
{
	const char *bar = getenv("VPDM_HW_BAR"), *range = getenv("VPDM_HW_RANGE");
	struct place p;

	if (!vt_has_device("HW"))
		return (struct place){ vt_bdf("SW_MEM"), 2, 2 * VT_PMD,
				       16 * VT_PAGE, true, true };
	p = (struct place){
		.bdf = vt_bdf("HW"),
		.bar = bar ? atoi(bar) : 6,
		.write = is_set("VPDM_HW_WRITE"),
		.reset = is_set("VPDM_HW_RESET"),
	};
	if (!range || sscanf(range, "%lli+%lli", (long long *)&p.offset,
			     (long long *)&p.length) != 2) {
		vt_log("VPDM_HW_RANGE is OFFSET+LENGTH in bytes");
		abort();
	}
	return p;
}

/* On hardware nothing is taken away from another driver. */
static bool is_ours(const struct place *p)
{
	char driver[64];

	return !vt_has_device("HW") ||
	       (!vt_driver_of(p->bdf, driver, sizeof(driver)) &&
		!strcmp(driver, vt_driver()));
}

FIXTURE(hardware) {
	struct place p;
	struct vt_device d;
	int fd;
	char *map;
};

FIXTURE_SETUP(hardware)
{
	self->p = find_place();
	ASSERT_TRUE(is_ours(&self->p))
		TH_LOG("%s is not bound to %s", self->p.bdf, vt_driver());
	ASSERT_EQ(0, vt_open(&self->d, self->p.bdf, VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, self->p.bar, self->p.offset,
				 self->p.length);
	ASSERT_LE(0, self->fd)
		TH_LOG("export of %#llx+%#llx of BAR %u: %s", self->p.offset,
		       self->p.length, self->p.bar, strerror(-self->fd));
	self->map = vt_map_rw(self->fd, self->p.length);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(hardware)
{
	vt_close(&self->d);
}

/* The first word of each page, 4 bytes as any register allows. */
static __u32 word(const char *map, size_t at)
{
	return *(const volatile __u32 *)(map + at);
}

static bool can_be_read(char *map)
{
	__u64 value;

	return !vt_peek(map, &value);
}

/* Pages that can be told from each other, if the range is memory. */
static void mark(const struct place *p, char *bar, __u32 *before)
{
	size_t at;

	for (at = 0; p->write && at < p->length; at += VT_PAGE) {
		before[at / VT_PAGE] = word(bar, at);
		*(volatile __u32 *)(bar + at) = ~at;
	}
}

static void unmark(const struct place *p, char *bar, const __u32 *before)
{
	size_t at;

	for (at = 0; p->write && at < p->length; at += VT_PAGE)
		*(volatile __u32 *)(bar + at) = before[at / VT_PAGE];
}

TEST_F(hardware, reads_what_the_bar_has)
{
	size_t at, seen = 0;
	__u32 *marked;
	char *bar;

	bar = vt_map_bar(&self->d, self->p.bar, self->p.offset, self->p.length);
	marked = calloc(self->p.length / VT_PAGE, sizeof(*marked));
	ASSERT_TRUE(bar && marked);
	mark(&self->p, bar, marked);
	for (at = 0; at < self->p.length; at += VT_PAGE) {
		__u32 before = word(bar, at), ours = word(self->map, at);

		/* A register may count. */
		if (before != word(bar, at))
			continue;
		EXPECT_EQ(before, ours) TH_LOG("at %#zx of the range", at);
		seen++;
	}
	unmark(&self->p, bar, marked);
	free(marked);
	if (!seen)
		SKIP(return, "all words of the range change by themselves");
}

/* The last page before the first one: a buffer is its ranges, in the order given. */
TEST_F(hardware, ranges_in_the_order_given)
{
	size_t last = self->p.length - VT_PAGE, seen = 0, i;
	struct vfio_region_dma_range ranges[] = {
		{ self->p.offset + last, VT_PAGE },
		{ self->p.offset, VT_PAGE },
	};
	const size_t at[] = { last, 0 };
	__u32 *marked;
	char *map;
	int fd;

	if (!last)
		SKIP(return, "a range of one page has no second one");
	marked = calloc(self->p.length / VT_PAGE, sizeof(*marked));
	ASSERT_NE(NULL, marked);
	fd = vt_export(self->d.fd, self->p.bar, O_RDWR, ranges, 2);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, 2 * VT_PAGE);
	ASSERT_NE(NULL, map);
	mark(&self->p, self->map, marked);
	for (i = 0; i < 2; i++) {
		__u32 before = word(self->map, at[i]);
		__u32 ours = word(map, i * VT_PAGE);

		if (before != word(self->map, at[i]))
			continue;
		EXPECT_EQ(before, ours);
		seen++;
	}
	unmark(&self->p, self->map, marked);
	free(marked);
	if (!seen)
		SKIP(return, "both words change by themselves");
}

TEST_F(hardware, nothing_beyond_the_range)
{
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, self->p.length + VT_PAGE,
				       PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, VT_PAGE, PROT_READ, MAP_SHARED,
				       self->p.length));
	EXPECT_EQ(-EINVAL,
		  vt_export_one(self->d.fd, self->p.bar,
				vt_bar_size(&self->d, self->p.bar), VT_PAGE));
}

TEST_F(hardware, read_only_stays_so)
{
	struct vfio_region_dma_range range = { self->p.offset, self->p.length };
	char *map;
	int fd;

	fd = vt_export(self->d.fd, self->p.bar, O_RDONLY, &range, 1);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, vt_map_errno(fd, VT_PAGE, PROT_WRITE, MAP_SHARED, 0));
	map = vt_map(fd, VT_PAGE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, map);
	EXPECT_NE(0, mprotect(map, VT_PAGE, PROT_READ | PROT_WRITE));
}

TEST_F(hardware, revoke_ends_one_buffer)
{
	int other = vt_export_one(self->d.fd, self->p.bar, self->p.offset,
				  VT_PAGE);
	char *map;

	ASSERT_LE(0, other);
	map = vt_map(other, VT_PAGE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(can_be_read(self->map));
	EXPECT_EQ(0, vt_revoke(self->d.fd, self->fd));
	EXPECT_FALSE(can_be_read(self->map));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, PROT_READ, MAP_SHARED,
				       0));
	EXPECT_TRUE(can_be_read(map));
}

TEST_F(hardware, ends_with_the_device)
{
	EXPECT_TRUE(can_be_read(self->map));
	vt_close_fd(&self->d);
	EXPECT_FALSE(can_be_read(self->map));
}

TEST_F(hardware, write_combining)
{
	int ret = vt_memattr_set(self->d.fd, self->fd, VFIO_DMA_BUF_MEMATTR_WC);
	char *map;

	if (ret == -ENOENT)
		SKIP(return, "this machine has no write-combining");
	ASSERT_EQ(0, ret);
	EXPECT_EQ(VFIO_DMA_BUF_MEMATTR_WC,
		  vt_memattr_get(self->d.fd, self->fd));
	map = vt_map_rw(self->fd, self->p.length);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(can_be_read(map));
	/* Elsewhere than in the test machine there is the driver's word alone. */
	if (!access(VPDM_PT_PATH, F_OK))
		EXPECT_EQ(VT_CACHE_WC, vt_pte(map).cache);
}

/* 0 if it could map and read what it was sent. */
static int subordinate(int sock, size_t size)
{
	int fd = vt_recv_fd(sock);
	char *map;

	if (setgid(NOBODY) || setuid(NOBODY))
		return 2;
	map = fd < 0 ? NULL : vt_map(fd, size, PROT_READ, 0, 0, 0);
	return map && can_be_read(map) ? 0 : 1;
}

TEST_F(hardware, lent_to_another_user)
{
	int sock[2], status;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(subordinate(sock[1], self->p.length));
	EXPECT_EQ(0, vt_send_fd(sock[0], self->fd));
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_EQ(0, status);
}

/* Each word of it, then as it was. */
TEST_F(hardware, writes_arrive)
{
	volatile __u32 *bar, *map = (volatile __u32 *)self->map;
	size_t i, nr = self->p.length / sizeof(*map), wrong = 0;
	__u32 *before;

	if (!self->p.write)
		SKIP(return, "VPDM_HW_WRITE=1 says that the range is memory");
	bar = vt_map_bar(&self->d, self->p.bar, self->p.offset, self->p.length);
	before = malloc(self->p.length);
	ASSERT_TRUE(bar && before);
	for (i = 0; i < nr; i++)
		before[i] = bar[i];
	for (i = 0; i < nr; i++)
		map[i] = ~i;
	for (i = 0; i < nr; i++)
		wrong += bar[i] != (__u32)~i;
	for (i = 0; i < nr; i++)
		map[i] = before[i];
	for (i = 0; i < nr; i++)
		wrong += bar[i] != before[i];
	EXPECT_EQ(0UL, wrong);
	free(before);
}

TEST_F(hardware, is_gone_while_memory_is_off)
{
	if (!self->p.reset)
		SKIP(return, "VPDM_HW_RESET=1 says that the device may be reset");
	EXPECT_TRUE(can_be_read(self->map));
	EXPECT_EQ(0, vt_memory(&self->d, false));
	EXPECT_FALSE(can_be_read(self->map));
	EXPECT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(can_be_read(self->map));
}

TEST_F(hardware, comes_back_after_a_reset)
{
	if (!self->p.reset)
		SKIP(return, "VPDM_HW_RESET=1 says that the device may be reset");
	if (!vt_can_reset(&self->d))
		SKIP(return, "the device cannot be reset");
	EXPECT_TRUE(can_be_read(self->map));
	EXPECT_EQ(0, vt_reset(&self->d));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(can_be_read(self->map));
}

TEST_HARNESS_MAIN
