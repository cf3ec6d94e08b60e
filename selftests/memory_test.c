// SPDX-License-Identifier: GPL-2.0-only
/*
 * Revocation that comes and goes: memory decoding, and reset together with it. While
 * it lasts an access gives SIGBUS; afterwards the same mapping works again.
 * reset_test has power states and what a reset does to importers.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define STAMP	0x4d454d0000000000ULL
#define SIZE	(2 * VT_PMD)

/* A DMABUF and the BAR, mapped where huge entries fit and where they do not. */
FIXTURE(memory) {
	struct vt_device d;
	int fd;
	char *bar;
	char *map;
	size_t skew;
};

FIXTURE_VARIANT(memory) {
	bool skewed;
};

FIXTURE_VARIANT_ADD(memory, huge_entries) { .skewed = false };
FIXTURE_VARIANT_ADD(memory, small_entries) { .skewed = true };

static void *map_skewed(int fd, off_t offset, size_t skew)
{
	return vt_map(fd, SIZE, PROT_READ | PROT_WRITE, offset, VT_PMD, skew);
}

FIXTURE_SETUP(memory)
{
	struct vfio_region_info info;

	self->skew = variant->skewed * VT_PAGE;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_region(&self->d, BAR, &info));
	self->bar = map_skewed(self->d.fd, info.offset, self->skew);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, SIZE, STAMP);
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = map_skewed(self->fd, 0, self->skew);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(memory)
{
	vt_close(&self->d);
}

/* Every page, by the signal that reading it gives. */
static size_t pages_with(const char *map, size_t size, int signal)
{
	size_t off, nr = 0;
	__u64 value;

	for (off = 0; off < size; off += VT_PAGE) {
		int sig = vt_peek(map + off, &value);

		nr += sig == signal &&
		      (sig || value == STAMP + off / VT_PAGE);
	}
	return nr;
}

static bool all_right(const char *map)
{
	return pages_with(map, SIZE, 0) == SIZE / VT_PAGE;
}

static bool all_sigbus(const char *map)
{
	return !vt_present(map, SIZE) &&
	       pages_with(map, SIZE, SIGBUS) == SIZE / VT_PAGE &&
	       !vt_present(map, SIZE);
}

TEST_F(memory, off_is_sigbus_and_on_works_again)
{
	int i;

	for (i = 0; i < 3; i++) {
		EXPECT_TRUE(all_right(self->map));
		ASSERT_EQ(0, vt_memory(&self->d, false));
		EXPECT_TRUE(all_sigbus(self->map));
		ASSERT_EQ(0, vt_memory(&self->d, true));
	}
	EXPECT_TRUE(all_right(self->map));
}

TEST_F(memory, off_is_sigbus_for_a_write)
{
	__u64 value;

	ASSERT_EQ(0, vt_poke(self->map + 8, 1));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(SIGBUS, vt_poke(self->map + 8, 2));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_peek(self->map + 8, &value));
	EXPECT_EQ(1ULL, value);
}

TEST_F(memory, off_reaches_the_bar_mapping_too)
{
	EXPECT_TRUE(all_right(self->bar));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(all_sigbus(self->bar));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(self->bar));
}

TEST_F(memory, off_twice_and_on_twice)
{
	ASSERT_TRUE(all_right(self->map));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(all_sigbus(self->map));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(self->map));
}

/* The only chance to hear of it is gone: the kernel refuses to attach then. */
TEST_F(memory, export_while_off_then_on_then_off)
{
	char *map;
	int fd;

	ASSERT_EQ(0, vt_memory(&self->d, false));
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = map_skewed(fd, 0, self->skew);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(all_sigbus(map));

	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(map));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(all_sigbus(map));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(map));
}

TEST_F(memory, export_while_off_and_mapped_after_on)
{
	char *map;
	int fd;

	ASSERT_EQ(0, vt_memory(&self->d, false));
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_memory(&self->d, true));
	map = map_skewed(fd, 0, self->skew);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(all_right(map));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(all_sigbus(map));
}

TEST_F(memory, mmap_while_off_succeeds)
{
	struct vfio_region_info info;
	char *map, *bar;

	ASSERT_EQ(0, vt_region(&self->d, BAR, &info));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	map = map_skewed(self->fd, 0, self->skew);
	bar = map_skewed(self->d.fd, info.offset, self->skew);
	ASSERT_NE(NULL, map);
	ASSERT_NE(NULL, bar);
	EXPECT_TRUE(all_sigbus(map));
	EXPECT_TRUE(all_sigbus(bar));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(map));
	EXPECT_TRUE(all_right(bar));
}

TEST_F(memory, off_reaches_every_buffer)
{
	char *map[64];
	size_t i;
	int fd;

	for (i = 0; i < VT_ARRAY_SIZE(map); i++) {
		fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
		ASSERT_LE(0, fd);
		map[i] = map_skewed(fd, 0, self->skew);
		ASSERT_NE(NULL, map[i]);
		close(fd);
		vt_touch(map[i], SIZE);
	}
	ASSERT_EQ(0, vt_memory(&self->d, false));
	for (i = 0; i < VT_ARRAY_SIZE(map); i++)
		EXPECT_EQ(0UL, vt_present(map[i], SIZE));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	for (i = 0; i < VT_ARRAY_SIZE(map); i += 21)
		EXPECT_TRUE(all_right(map[i]));
}

/* A child that reports, on each byte from the parent, how its mapping does. */
static void report_on_request(int from, int to, const char *map)
{
	char answer, c;

	while (read(from, &c, 1) == 1) {
		answer = all_right(map) ? 'r' : all_sigbus(map) ? 's' : '?';
		if (write(to, &answer, 1) != 1)
			break;
	}
	_exit(0);
}

static char ask(int to, int from)
{
	char answer = 0;

	if (write(to, "", 1) != 1 || read(from, &answer, 1) != 1)
		return 0;
	return answer;
}

TEST_F(memory, off_reaches_other_processes)
{
	int to[2][2], from[2][2], i;
	pid_t pid[2];

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pipe(to[i]));
		ASSERT_EQ(0, pipe(from[i]));
		pid[i] = fork();
		if (!pid[i]) {
			close(to[i][1]);
			if (i)
				vt_close(&self->d);
			report_on_request(to[i][0], from[i][1], self->map);
		}
	}
	for (i = 0; i < 2; i++)
		EXPECT_EQ('r', ask(to[i][1], from[i][0]));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	for (i = 0; i < 2; i++)
		EXPECT_EQ('s', ask(to[i][1], from[i][0]));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	for (i = 0; i < 2; i++)
		EXPECT_EQ('r', ask(to[i][1], from[i][0]));
	for (i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

/*
 * Where buffers are mapped by the device fd's offsets, vfio-pci-core takes away
 * what lies below that of the ROM, and a buffer can be larger: ranges repeat.
 */
#define SLICE	VT_BAR

static int export_repeated(const struct vt_device *d, size_t nr)
{
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));
	size_t i;
	int fd;

	if (!ranges)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		ranges[i].length = SLICE;
	fd = vt_export(d->fd, BAR, O_RDWR | O_CLOEXEC, ranges, nr);
	free(ranges);
	return fd;
}

static bool off_reaches(const struct vt_device *d, int fd, off_t offset)
{
	char *map = vt_map(fd, SLICE, PROT_READ, offset, 0, 0);
	__u64 value;
	bool ok;

	if (!map || vt_peek(map, &value) || !vt_present(map, SLICE))
		return false;
	ok = !vt_memory(d, false) && !vt_present(map, SLICE) &&
	     vt_peek(map, &value) == SIGBUS && !vt_memory(d, true) &&
	     !vt_peek(map, &value);
	munmap(map, SLICE);
	return ok;
}

TEST(off_reaches_the_end_of_the_largest_buffer)
{
	struct vfio_region_info rom;
	struct vt_device d;
	int fd;

	ASSERT_EQ(0, vt_open(&d, vt_bdf("A"), VT_DRIVER));
	rom.offset = 0;
	vt_region(&d, VFIO_PCI_ROM_REGION_INDEX, &rom);
	ASSERT_NE(0, rom.offset);

	fd = export_repeated(&d, rom.offset / SLICE);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(off_reaches(&d, fd, rom.offset - SLICE));
	close(fd);

	/* vfio-pci-core zaps the device's address_space up to here. */
	fd = export_repeated(&d, rom.offset / SLICE + 1);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(off_reaches(&d, fd, rom.offset));
	close(fd);
	vt_close(&d);
}

/* A thread that reads all the time; what it sees is the stamp or SIGBUS. */
struct reader {
	pthread_t thread;
	const char *map;
	atomic_bool stop;
	unsigned long right;
	unsigned long sigbus;
	unsigned long wrong;
	__u64 wrong_value;
};

static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;
	__u64 value, seed = 3;

	while (!r->stop) {
		size_t page = vt_random(&seed) % (SIZE / VT_PAGE);
		int sig = vt_peek(r->map + page * VT_PAGE, &value);

		if (sig == SIGBUS) {
			r->sigbus++;
		} else if (!sig && value == STAMP + page) {
			r->right++;
		} else {
			r->wrong++;
			r->wrong_value = value;
		}
	}
	return NULL;
}

static int reader_start(struct reader *r, const char *map)
{
	*r = (struct reader){ .map = map };
	return pthread_create(&r->thread, NULL, read_all_the_time, r);
}

/* Waits until it has read once more and counted it there. */
static bool reader_adds_to(unsigned long *count)
{
	unsigned long before = __atomic_load_n(count, __ATOMIC_RELAXED);

	return vt_wait_for(__atomic_load_n(count, __ATOMIC_RELAXED) != before);
}

static void reader_stop(struct reader *r)
{
	r->stop = true;
	pthread_join(r->thread, NULL);
	vt_log("%lu reads, %lu SIGBUS, %lu wrong", r->right, r->sigbus,
	       r->wrong);
}

TEST_F(memory, reader_sees_the_memory_or_sigbus_but_nothing_else)
{
	struct reader r;
	int i;

	ASSERT_EQ(0, reader_start(&r, self->map));
	/* Most rounds are in its midst, some give it the time to see them. */
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(0, vt_memory(&self->d, false));
		if (i % 8 == 0)
			ASSERT_TRUE(reader_adds_to(&r.sigbus));
		ASSERT_EQ(0, vt_memory(&self->d, true));
		if (i % 4 == 0)
			ASSERT_TRUE(reader_adds_to(&r.right));
	}
	reader_stop(&r);
	EXPECT_EQ(0UL, r.wrong)
		TH_LOG("0x%llx", r.wrong_value);
	EXPECT_TRUE(all_right(self->map));
}

/* Devices that can be reset: the only one on the bus below a port. */
FIXTURE(reset) {
	struct vt_device d;
	int fd;
	char *bar;
	char *map;
};

FIXTURE_SETUP(reset)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("SW_MEM"), VT_DRIVER));
	ASSERT_TRUE(vt_can_reset(&self->d));
	self->bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, SIZE, STAMP);
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(reset)
{
	vt_close(&self->d);
}

TEST_F(reset, drops_the_entries_and_the_mapping_works_again)
{
	ASSERT_TRUE(all_right(self->map));
	ASSERT_TRUE(all_right(self->bar));
	ASSERT_EQ(0, vt_reset(&self->d));
	EXPECT_EQ(0UL, vt_present(self->map, SIZE));
	EXPECT_EQ(0UL, vt_present(self->bar, SIZE));
	EXPECT_TRUE(all_right(self->map));
	EXPECT_TRUE(all_right(self->bar));
}

TEST_F(reset, reader_sees_the_memory_or_sigbus_but_nothing_else)
{
	struct reader r;
	int i;

	ASSERT_EQ(0, reader_start(&r, self->map));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, vt_reset(&self->d));
		ASSERT_TRUE(reader_adds_to(&r.right));
	}
	reader_stop(&r);
	EXPECT_EQ(0UL, r.wrong)
		TH_LOG("0x%llx", r.wrong_value);
	EXPECT_TRUE(all_right(self->map));
}

TEST_F(reset, while_memory_is_off)
{
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(all_sigbus(self->map));
	ASSERT_EQ(0, vt_reset(&self->d));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(self->map));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(all_sigbus(self->map));
}

TEST_F(reset, export_works_afterwards)
{
	char *map;
	int fd;

	ASSERT_EQ(0, vt_reset(&self->d));
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(all_right(map));
}

TEST_HARNESS_MAIN
