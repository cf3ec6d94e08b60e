// SPDX-License-Identifier: GPL-2.0-only
/* mmap() of an exported DMABUF: what is behind each page, and who may do what */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define STAMP	0x5641524d00000000ULL
#define RW	(PROT_READ | PROT_WRITE)
#define NOBODY	65534

/*
 * Contents. The BAR has memory behind it, each page stamped through the device
 * fd with its number, so that a wrong page is seen. Its PFN is checked as well,
 * in the page tables.
 */
FIXTURE(contents) {
	struct vt_device d;
	size_t size;
	size_t pages;
	__u64 pfn;
	char *bar;
	struct vfio_region_dma_range *r;
	size_t nr;
};

FIXTURE_SETUP(contents)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->size = vt_bar_size(&self->d, BAR);
	self->pages = self->size / VT_PAGE;
	self->pfn = vt_bar_pfn(self->d.bdf, BAR);
	self->bar = vt_map_bar(&self->d, BAR, 0, self->size);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, self->size, STAMP);
	self->r = calloc(65536, sizeof(*self->r));
	ASSERT_NE(NULL, self->r);
}

FIXTURE_TEARDOWN(contents)
{
	free(self->r);
	vt_close(&self->d);
}

static void add(FIXTURE_DATA(contents) *self, __u64 page, __u64 pages)
{
	self->r[self->nr++] = (struct vfio_region_dma_range){
		page * VT_PAGE, pages * VT_PAGE,
	};
}

/* Exports the ranges, reads every page, writes every page, looks at each PFN. */
static void check(struct __test_metadata *_metadata,
		  FIXTURE_DATA(contents) *self)
{
	size_t size = vt_ranges_size(self->r, self->nr);
	char *map;
	int fd;

	fd = vt_export(self->d.fd, BAR, O_RDWR, self->r, self->nr);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, size);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(vt_values_are(map, self->r, self->nr, STAMP));
	EXPECT_TRUE(vt_pfns_are(map, self->r, self->nr, self->pfn));
	munmap(map, size);
	close(fd);
}

TEST_F(contents, one_range_of_the_whole_bar)
{
	add(self, 0, self->pages);
	check(_metadata, self);
}

TEST_F(contents, one_page)
{
	add(self, 77, 1);
	check(_metadata, self);
}

TEST_F(contents, last_page_of_the_bar)
{
	add(self, self->pages - 1, 1);
	check(_metadata, self);
}

TEST_F(contents, two_ranges)
{
	add(self, 16, 3);
	add(self, 1000, 5);
	check(_metadata, self);
}

TEST_F(contents, two_ranges_reversed)
{
	add(self, 1000, 5);
	add(self, 16, 3);
	check(_metadata, self);
}

TEST_F(contents, range_repeated)
{
	add(self, 40, 7);
	add(self, 40, 7);
	add(self, 40, 7);
	check(_metadata, self);
}

TEST_F(contents, ranges_overlapping)
{
	add(self, 100, 20);
	add(self, 110, 20);
	add(self, 105, 1);
	add(self, 90, 40);
	check(_metadata, self);
}

TEST_F(contents, neighbours_that_merge)
{
	add(self, 500, 4);
	add(self, 504, 4);
	add(self, 508, 600);
	add(self, 499, 1);
	check(_metadata, self);
}

TEST_F(contents, ranges_that_end_amid_huge_pages)
{
	add(self, 0, 1024 + 17);
	add(self, 3, 1);
	add(self, 2048 - 1, 1024 + 1);
	add(self, 4096, 512);
	add(self, 5, 600);
	check(_metadata, self);
}

TEST_F(contents, 1000_ranges)
{
	size_t i;

	for (i = 0; i < 1000; i++)
		add(self, i * 16 % self->pages, 1 + i % 5);
	check(_metadata, self);
}

TEST_F(contents, 1000_ranges_reversed)
{
	size_t i;

	for (i = 0; i < 1000; i++)
		add(self, 999 - i, 1);
	check(_metadata, self);
}

TEST_F(contents, random_ranges_of_random_sizes)
{
	__u64 seed = 42, page;
	size_t i;

	for (i = 0; i < 2000; i++) {
		page = vt_random(&seed) % (self->pages - 16);
		add(self, page, 1 + vt_random(&seed) % 16);
	}
	check(_metadata, self);
}

TEST_F(contents, 65536_ranges_reversed)
{
	size_t i;

	for (i = 0; i < 65536; i++)
		add(self, self->pages - 1 - i % self->pages, 1);
	check(_metadata, self);
}

TEST_F(contents, 65536_neighbours)
{
	size_t i;

	for (i = 0; i < 65536; i++)
		add(self, i % self->pages, 1);
	check(_metadata, self);
}

TEST_F(contents, writes_arrive_in_the_bar_and_back)
{
	volatile __u64 *word;
	__u64 value;
	char *map;
	int fd;

	add(self, 9, 2);
	add(self, 3, 2);
	fd = vt_export(self->d.fd, BAR, O_RDWR, self->r, self->nr);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, 4 * VT_PAGE);
	ASSERT_NE(NULL, map);

	ASSERT_EQ(0, vt_poke(map + 2 * VT_PAGE + 8, 0x1122334455667788));
	word = (void *)(self->bar + 3 * VT_PAGE + 8);
	EXPECT_EQ(0x1122334455667788, *word);
	word = (void *)(self->bar + 10 * VT_PAGE + 4088);
	*word = 0xaabbccdd;
	ASSERT_EQ(0, vt_peek(map + VT_PAGE + 4088, &value));
	EXPECT_EQ(0xaabbccddULL, value);
}

/* A mapping of part of the buffer shows that part, wherever it starts and ends. */
TEST_F(contents, any_offset_and_length)
{
	size_t pages, first, len, i;
	__u64 seed = 7, value;
	char *map;
	int fd;

	add(self, 300, 3);
	add(self, 0, 1);
	add(self, 512, 520);
	add(self, 200, 30);
	pages = vt_ranges_size(self->r, self->nr) / VT_PAGE;
	fd = vt_export(self->d.fd, BAR, O_RDWR, self->r, self->nr);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, pages * VT_PAGE);
	ASSERT_NE(NULL, map);

	for (i = 0; i < 300; i++) {
		char *part;
		size_t page;

		first = vt_random(&seed) % pages;
		len = 1 + vt_random(&seed) % (pages - first);
		page = vt_random(&seed) % len;
		part = vt_map(fd, len * VT_PAGE, RW, first * VT_PAGE, 0, 0);
		ASSERT_NE(NULL, part);
		ASSERT_EQ(0, vt_peek(part + page * VT_PAGE, &value));
		EXPECT_EQ(*(volatile __u64 *)(map + (first + page) * VT_PAGE),
			  value);
		ASSERT_EQ(0, munmap(part, len * VT_PAGE));
	}
}

/* BARs of other sizes, with registers behind them: the page tables must do. */
FIXTURE(bar) {
	struct vt_device d;
	size_t size;
};

FIXTURE_VARIANT(bar) {
	const char *device;
	unsigned int bar;
};

FIXTURE_VARIANT_ADD(bar, of_a_page) { "TESTDEV", 0 };
FIXTURE_VARIANT_ADD(bar, of_1_mib) { "EDU", 0 };
FIXTURE_VARIANT_ADD(bar, of_memory) { "A", 2 };

FIXTURE_SETUP(bar)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->device), VT_DRIVER));
	self->size = vt_bar_size(&self->d, variant->bar);
	ASSERT_LE(VT_PAGE, self->size);
}

FIXTURE_TEARDOWN(bar)
{
	vt_close(&self->d);
}

TEST_F(bar, every_page_is_its_own)
{
	struct vfio_region_dma_range r = { 0, self->size };
	__u64 value;
	size_t off;
	char *map;
	int fd;

	fd = vt_export(self->d.fd, variant->bar, O_RDWR, &r, 1);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, self->size);
	ASSERT_NE(NULL, map);
	/* edu's registers take no accesses of a byte: a bus error, on arm64. */
	for (off = 0; off < self->size; off += VT_PAGE)
		ASSERT_EQ(0, vt_peek(map + off, &value));
	EXPECT_TRUE(vt_pfns_are(map, &r, 1,
				vt_bar_pfn(self->d.bdf, variant->bar)));
}

/* One buffer of a few pages out of order: page i of it is page order[i]. */
static const __u64 order[] = { 8, 9, 2, 3, 4, 40, 1, 30 };

#define PAGES	VT_ARRAY_SIZE(order)
#define SIZE	(PAGES * VT_PAGE)

FIXTURE(mapping) {
	struct vt_device d;
	char *bar;
	int fd;
	char *map;
};

static int export_in_order(int device_fd, __u32 open_flags)
{
	struct vfio_region_dma_range r[PAGES];
	size_t i;

	for (i = 0; i < PAGES; i++)
		r[i] = (struct vfio_region_dma_range){
			order[i] * VT_PAGE, VT_PAGE,
		};
	return vt_export(device_fd, BAR, open_flags, r, PAGES);
}

FIXTURE_SETUP(mapping)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->bar = vt_map_bar(&self->d, BAR, 0, 64 * VT_PAGE);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, 64 * VT_PAGE, STAMP);
	self->fd = export_in_order(self->d.fd, O_RDWR);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(mapping)
{
	vt_close(&self->d);
}

/* Whether pages [first, first + nr) of the buffer are at @at. */
static bool shows(const char *at, size_t first, size_t nr)
{
	__u64 value;
	size_t i;

	for (i = 0; i < nr; i++) {
		int sig = vt_peek(at + i * VT_PAGE, &value);

		if (sig || value != STAMP + order[first + i]) {
			vt_log("page %zu: signal %d, value 0x%llx", first + i,
			       sig, value);
			return false;
		}
	}
	return true;
}

TEST_F(mapping, private_is_einval)
{
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, VT_PAGE, RW, MAP_PRIVATE, 0));
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, VT_PAGE, PROT_READ,
				       MAP_PRIVATE, 0));
	EXPECT_EQ(EINVAL, vt_map_errno(export_in_order(self->d.fd, O_RDONLY),
				       VT_PAGE, PROT_READ, MAP_PRIVATE, 0));
}

TEST_F(mapping, beyond_the_end_is_einval)
{
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, SIZE + VT_PAGE, RW, MAP_SHARED,
				       0));
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, SIZE));
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, 2 * VT_PAGE, RW, MAP_SHARED,
				       SIZE - VT_PAGE));
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED,
				       1LL << 40));
	EXPECT_EQ(0, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED,
				  SIZE - VT_PAGE));
}

TEST_F(mapping, offset_that_wraps_is_refused)
{
	EXPECT_NE(0, vt_map_errno(self->fd, 2 * VT_PAGE, RW, MAP_SHARED,
				  -VT_PAGE));
	EXPECT_NE(0, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, -VT_PAGE));
	EXPECT_EQ(EINVAL, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, 512));
}

TEST_F(mapping, read_only_export_maps_readable)
{
	int fd = export_in_order(self->d.fd, O_RDONLY);
	char *map;

	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(shows(map, 0, PAGES));
	EXPECT_EQ(0, vt_map_errno(fd, SIZE, PROT_READ, MAP_SHARED_VALIDATE, 0));
}

TEST_F(mapping, read_only_export_refuses_writes)
{
	int fd = export_in_order(self->d.fd, O_RDONLY);
	__u64 value;
	char *map;
	size_t i;

	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, vt_map_errno(fd, SIZE, RW, MAP_SHARED, 0));
	EXPECT_EQ(EACCES, vt_map_errno(fd, SIZE, PROT_WRITE, MAP_SHARED, 0));

	map = vt_map(fd, SIZE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(SIGSEGV, vt_poke(map, 1));
	EXPECT_EQ(-1, mprotect(map, SIZE, RW));
	EXPECT_EQ(EACCES, errno);
	vt_touch(map, SIZE);
	EXPECT_EQ(-1, mprotect(map, SIZE, PROT_WRITE));
	EXPECT_EQ(SIGSEGV, vt_poke(map, 1));
	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(1U, vt_pte(map + i * VT_PAGE).present);
		EXPECT_EQ(0U, vt_pte(map + i * VT_PAGE).writable);
	}
	ASSERT_EQ(0, vt_peek(self->bar + order[0] * VT_PAGE, &value));
	EXPECT_EQ(STAMP + order[0], value);
}

TEST_F(mapping, read_only_export_cannot_be_reopened_for_writing)
{
	int fd = export_in_order(self->d.fd, O_RDONLY);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_GT(0, open(path, O_RDWR));
}

/* A driver's file is open for writing, and the kernel asks no other. */
TEST_F(mapping, read_only_export_refuses_writes_through_a_driver_too)
{
	int fd = export_in_order(self->d.fd, O_RDONLY);
	int driver = vt_mmap_importer(fd);
	char *map;

	ASSERT_LE(0, driver);
	EXPECT_EQ(EACCES, vt_map_errno(driver, SIZE, RW, MAP_SHARED, 0));
	EXPECT_EQ(EACCES, vt_map_errno(driver, SIZE, PROT_WRITE, MAP_SHARED, 0));

	map = vt_map(driver, SIZE, PROT_READ, 0, 0, 0);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(shows(map, 0, PAGES));
	EXPECT_EQ(0U, vt_pte(map).writable);
	EXPECT_EQ(-1, mprotect(map, SIZE, RW));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, vt_poke(map, STAMP + order[0]));
}

TEST_F(mapping, of_a_driver_is_as_one_of_the_buffer)
{
	int driver = vt_mmap_importer(self->fd);
	__u64 value;
	char *map;

	ASSERT_LE(0, driver);
	map = vt_map(driver, SIZE - VT_PAGE, RW, VT_PAGE, 0, 0);
	ASSERT_NE(NULL, map);
	EXPECT_TRUE(shows(map, 1, PAGES - 1));
	EXPECT_EQ(0, vt_poke(map, STAMP + order[1]));
	ASSERT_EQ(0, vt_revoke(self->d.fd, self->fd));
	EXPECT_EQ(0UL, vt_present(map, SIZE - VT_PAGE));
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	EXPECT_EQ(ENODEV, vt_map_errno(driver, SIZE, RW, MAP_SHARED, 0));
}

TEST_F(mapping, write_only_export_cannot_be_mapped)
{
	int fd = export_in_order(self->d.fd, O_WRONLY);

	ASSERT_LE(0, fd);
	EXPECT_EQ(EACCES, vt_map_errno(fd, SIZE, PROT_WRITE, MAP_SHARED, 0));
	EXPECT_EQ(EACCES, vt_map_errno(fd, SIZE, PROT_READ, MAP_SHARED, 0));
}

TEST_F(mapping, mprotect_takes_write_away_and_gives_it_back)
{
	EXPECT_EQ(0, vt_poke(self->map, STAMP + order[0]));
	ASSERT_EQ(0, mprotect(self->map, SIZE, PROT_READ));
	EXPECT_EQ(SIGSEGV, vt_poke(self->map, 1));
	EXPECT_TRUE(shows(self->map, 0, PAGES));
	ASSERT_EQ(0, mprotect(self->map, SIZE, PROT_NONE));
	EXPECT_EQ(SIGSEGV, vt_poke(self->map, 1));
	ASSERT_EQ(0, mprotect(self->map, SIZE, RW));
	EXPECT_EQ(0, vt_poke(self->map, STAMP + order[0]));
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

/* The mapping splits in three, each part with another first page. */
TEST_F(mapping, mprotect_of_the_middle)
{
	ASSERT_EQ(0, mprotect(self->map + 3 * VT_PAGE, 2 * VT_PAGE, PROT_READ));
	EXPECT_EQ(SIGSEGV, vt_poke(self->map + 3 * VT_PAGE, 1));
	EXPECT_EQ(0, vt_poke(self->map + 2 * VT_PAGE, STAMP + order[2]));
	EXPECT_EQ(0, vt_poke(self->map + 5 * VT_PAGE, STAMP + order[5]));
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

TEST_F(mapping, munmap_of_the_middle_leaves_both_ends)
{
	__u64 value;

	ASSERT_EQ(0, munmap(self->map + 2 * VT_PAGE, 3 * VT_PAGE));
	EXPECT_TRUE(shows(self->map, 0, 2));
	EXPECT_TRUE(shows(self->map + 5 * VT_PAGE, 5, 3));
	EXPECT_EQ(SIGSEGV, vt_peek(self->map + 2 * VT_PAGE, &value));
	EXPECT_EQ(SIGSEGV, vt_peek(self->map + 4 * VT_PAGE, &value));
}

TEST_F(mapping, munmap_of_the_middle_of_touched_pages)
{
	vt_touch(self->map, SIZE);
	ASSERT_EQ(0, munmap(self->map + 2 * VT_PAGE, 3 * VT_PAGE));
	EXPECT_TRUE(shows(self->map, 0, 2));
	EXPECT_TRUE(shows(self->map + 5 * VT_PAGE, 5, 3));
}

TEST_F(mapping, mremap_moves_it)
{
	char *to = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	char *at;

	ASSERT_NE(MAP_FAILED, to);
	ASSERT_TRUE(shows(self->map, 0, 2));
	at = mremap(self->map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, at);
	EXPECT_TRUE(shows(at, 0, PAGES));
}

TEST_F(mapping, mremap_moves_a_part_of_it)
{
	char *to = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	char *at;

	ASSERT_NE(MAP_FAILED, to);
	at = mremap(self->map + 3 * VT_PAGE, 3 * VT_PAGE, 3 * VT_PAGE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_EQ(to, at);
	EXPECT_TRUE(shows(at, 3, 3));
	EXPECT_TRUE(shows(self->map, 0, 3));
	EXPECT_TRUE(shows(self->map + 6 * VT_PAGE, 6, 2));
}

TEST_F(mapping, mremap_shrinks_it)
{
	ASSERT_EQ(self->map, mremap(self->map, SIZE, 3 * VT_PAGE, 0));
	EXPECT_TRUE(shows(self->map, 0, 3));
}

TEST_F(mapping, mremap_cannot_grow_it)
{
	char *part = vt_map_rw(self->fd, 2 * VT_PAGE);

	ASSERT_NE(NULL, part);
	EXPECT_EQ(MAP_FAILED, mremap(part, 2 * VT_PAGE, 3 * VT_PAGE,
				     MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(shows(part, 0, 2));
}

TEST_F(mapping, mremap_of_0_bytes_makes_no_second_mapping_past_the_end)
{
	char *twice = mremap(self->map, 0, SIZE + VT_PAGE, MREMAP_MAYMOVE);

	EXPECT_EQ(MAP_FAILED, twice);
}

TEST_F(mapping, two_mappings_of_one_buffer)
{
	char *second = vt_map_rw(self->fd, SIZE);
	__u64 value;

	ASSERT_NE(NULL, second);
	ASSERT_EQ(0, vt_poke(second + 8, 99));
	ASSERT_EQ(0, vt_peek(self->map + 8, &value));
	EXPECT_EQ(99ULL, value);
	munmap(second, SIZE);
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

TEST_F(mapping, two_buffers_of_one_range)
{
	int fd = export_in_order(self->d.fd, O_RDWR);
	char *second = vt_map_rw(fd, SIZE);
	__u64 value;

	ASSERT_NE(NULL, second);
	ASSERT_EQ(0, vt_poke(second + 16, 77));
	ASSERT_EQ(0, vt_peek(self->map + 16, &value));
	EXPECT_EQ(77ULL, value);
	close(fd);
	munmap(second, SIZE);
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

/* The child's exit status, or its signal with bit 7 set. */
static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 0x80 | WTERMSIG(status) :
				     WEXITSTATUS(status);
}

TEST_F(mapping, child_of_a_fork_has_it)
{
	__u64 value;
	pid_t pid;

	ASSERT_TRUE(shows(self->map, 0, 3));
	pid = fork();
	if (!pid)
		_exit(!shows(self->map, 0, PAGES) ||
		      vt_poke(self->map + 8, 4711));
	EXPECT_EQ(0, wait_for(pid));
	ASSERT_EQ(0, vt_peek(self->map + 8, &value));
	EXPECT_EQ(4711ULL, value);
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

TEST_F(mapping, child_of_a_fork_keeps_it_when_the_parent_unmaps)
{
	int go[2];
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(!shows(self->map, 0, PAGES));
	}
	ASSERT_EQ(0, munmap(self->map, SIZE));
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(1, write(go[1], "", 1));
	EXPECT_EQ(0, wait_for(pid));
}

/* What a subordinate does: another user, with that one fd and no other right. */
static int subordinate(int sock)
{
	__u64 value;
	char *map;
	int fd;

	if (setgid(NOBODY) || setuid(NOBODY))
		return 2;
	fd = vt_recv_fd(sock);
	if (fd < 0)
		return 3;
	map = vt_map_rw(fd, SIZE);
	if (!map)
		return 4;
	if (!shows(map, 0, PAGES))
		return 5;
	if (vt_map_errno(fd, SIZE + VT_PAGE, RW, MAP_SHARED, 0) != EINVAL)
		return 6;
	if (vt_poke(map + VT_PAGE + 8, 0xcafe) ||
	    vt_peek(map + VT_PAGE + 8, &value))
		return 7;
	return 0;
}

TEST_F(mapping, unprivileged_process_that_got_the_fd_over_a_socket)
{
	__u64 value;
	int sv[2];
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	pid = fork();
	if (!pid) {
		munmap(self->map, SIZE);
		close(self->fd);
		close(self->d.fd);
		_exit(subordinate(sv[1]));
	}
	ASSERT_EQ(0, vt_send_fd(sv[0], self->fd));
	EXPECT_EQ(0, wait_for(pid));
	ASSERT_EQ(0, vt_peek(self->bar + order[1] * VT_PAGE + 8, &value));
	EXPECT_EQ(0xcafeULL, value);
}

TEST_F(mapping, process_vm_readv_and_writev_get_nothing)
{
	char buf[64] = "untouched";
	struct iovec local = { buf, sizeof(buf) };
	struct iovec remote = { self->map, sizeof(buf) };
	pid_t pid;

	vt_touch(self->map, SIZE);
	EXPECT_EQ(-1, process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);

	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	EXPECT_EQ(-1, process_vm_readv(pid, &local, 1, &remote, 1, 0));
	EXPECT_EQ(EFAULT, errno);
	kill(pid, SIGKILL);
	wait_for(pid);
	EXPECT_STREQ("untouched", buf);
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

TEST_F(mapping, proc_mem_gets_nothing)
{
	int mem = open("/proc/self/mem", O_RDWR);
	__u64 word = 1;

	ASSERT_LE(0, mem);
	vt_touch(self->map, SIZE);
	EXPECT_EQ(-1, pread(mem, &word, sizeof(word), (size_t)self->map));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, pwrite(mem, &word, sizeof(word), (size_t)self->map));
	EXPECT_EQ(EIO, errno);
	EXPECT_TRUE(shows(self->map, 0, PAGES));
}

TEST_F(mapping, pages_cannot_be_pinned)
{
	struct iovec iov = { self->map, VT_PAGE };
	int p[2];

	ASSERT_EQ(0, pipe(p));
	vt_touch(self->map, SIZE);
	EXPECT_EQ(-1, vmsplice(p[1], &iov, 1, 0));
	EXPECT_EQ(EFAULT, errno);
}

/* As a BAR mapping of stock: no core dump, no growth, no pages to pin. */
TEST_F(mapping, flags_are_those_of_a_bar_mapping)
{
	static const char * const flags[] = {
		" rd ", " wr ", " sh ", " mr ", " mw ", " ms ", " pf ", " io ",
		" de ", " dd ",
	};
	char line[512];
	size_t i;

	ASSERT_EQ(0, vt_smaps_line(self->map, "VmFlags:", line, sizeof(line)));
	for (i = 0; i < VT_ARRAY_SIZE(flags); i++) {
		bool found = strstr(line, flags[i]);

		EXPECT_TRUE(found)
			TH_LOG("no%sin %s", flags[i], line);
	}
}

TEST_F(mapping, offset_in_proc_maps_is_the_one_passed)
{
	char *map = vt_map(self->fd, 2 * VT_PAGE, RW, 3 * VT_PAGE, 0, 0);
	unsigned long offset = 0;
	char path[256];

	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, vt_maps_entry(map, &offset, path, sizeof(path)));
	EXPECT_EQ(3 * VT_PAGE, offset);
}

TEST_F(mapping, populate_and_lock_do_no_harm)
{
	char *map;

	map = mmap(NULL, SIZE, RW, MAP_SHARED | MAP_POPULATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_TRUE(shows(map, 0, PAGES));
	mlock(map, SIZE);
	EXPECT_TRUE(shows(map, 0, PAGES));
}

TEST_HARNESS_MAIN
