// SPDX-License-Identifier: GPL-2.0-only
/*
 * mmap() of a BAR through the device fd. A DMABUF stands behind it; all that
 * users see is as with stock vfio-pci, but for the name of the mapping.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/dma-buf.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define STAMP	0x4241520000000000ULL
#define SIZE	(2 * VT_PMD)
#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(barmap) {
	struct vt_device d;
	struct vt_device stock;
	struct vfio_region_info info;
	char *map;
};

FIXTURE_SETUP(barmap)
{
	self->stock = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	if (vt_has_stock())
		ASSERT_EQ(0, vt_open(&self->stock, vt_bdf("B"), VT_STOCK));
	ASSERT_EQ(0, vt_region(&self->d, BAR, &self->info));
	self->map = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->map);
	vt_stamp(self->map, SIZE, STAMP);
}

FIXTURE_TEARDOWN(barmap)
{
	vt_close(&self->d);
	vt_close(&self->stock);
}

static bool alive(const char *map)
{
	__u64 value = 0;

	return !vt_peek(map + VT_PMD / 2, &value) &&
	       value == STAMP + VT_PMD / 2 / VT_PAGE;
}

/* "/dmabuf:vfio0:0000:00:01.0/2" */
static int expected_name(const char *bdf, unsigned int bar, char *buf,
			 size_t size)
{
	struct dirent *e;
	char path[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	if (!dir)
		return -errno;
	buf[0] = '\0';
	while ((e = readdir(dir))) {
		if (!strncmp(e->d_name, "vfio", 4))
			snprintf(buf, size, "/dmabuf:%.16s:%s/%u", e->d_name,
				 bdf, bar);
	}
	closedir(dir);
	return buf[0] ? 0 : -ENOENT;
}

TEST_F(barmap, name_says_device_address_and_bar)
{
	char expected[256], name[256];
	unsigned long offset;
	char *bar0;

	ASSERT_EQ(0, expected_name(self->d.bdf, BAR, expected,
				   sizeof(expected)));
	ASSERT_EQ(0, vt_maps_entry(self->map, &offset, name, sizeof(name)));
	EXPECT_STREQ(expected, name);

	bar0 = vt_map_bar(&self->d, 0, 0, VT_PAGE);
	ASSERT_NE(NULL, bar0);
	ASSERT_EQ(0, expected_name(self->d.bdf, 0, expected, sizeof(expected)));
	ASSERT_EQ(0, vt_maps_entry(bar0, &offset, name, sizeof(name)));
	EXPECT_STREQ(expected, name);
}

TEST_F(barmap, exported_dmabuf_has_the_same_name)
{
	char expected[256], name[256];
	unsigned long offset;
	char *map;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, VT_PAGE, VT_PAGE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, VT_PAGE);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, expected_name(self->d.bdf, BAR, expected,
				   sizeof(expected)));
	ASSERT_EQ(0, vt_maps_entry(map, &offset, name, sizeof(name)));
	EXPECT_STREQ(expected, name);
}

static int buffers(const struct vt_device *d, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s/buffers",
		 VT_MODULE, d->bdf);
	return vt_read_text(path, text, size);
}

/* The VMAs of each buffer of a BAR, "2 1 " of one with two and one with one. */
static const char *bar_vmas(const struct vt_device *d, unsigned int bar)
{
	static char vmas[256];
	char text[4096], *line, *next = text;
	unsigned int of, nr;

	vmas[0] = '\0';
	if (buffers(d, text, sizeof(text)))
		return NULL;
	while ((line = strsep(&next, "\n"))) {
		if (sscanf(line, "%*u bar %u %*u %*u %*s %*s %u", &of, &nr) == 2 &&
		    of == bar)
			snprintf(vmas + strlen(vmas), sizeof(vmas) - strlen(vmas),
				 "%u ", nr);
	}
	return vmas;
}

TEST_F(barmap, name_forges_no_line_in_debugfs)
{
	char text[4096];
	int fd;

	fd = vt_export_one(self->d.fd, BAR, 0, VT_PAGE);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, DMA_BUF_SET_NAME, "a\nb\\c"));
	ASSERT_EQ(0, buffers(&self->d, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, " a\\012b\\134c"));
}

TEST_F(barmap, offset_in_maps_is_the_one_passed)
{
	char *part = vt_map_bar(&self->d, BAR, 3 * VT_PMD / 2, VT_PMD / 2);
	unsigned long offset = 0;
	char name[256];

	ASSERT_NE(NULL, part);
	ASSERT_EQ(0, vt_maps_entry(part, &offset, name, sizeof(name)));
	EXPECT_EQ(self->info.offset + 3 * VT_PMD / 2, offset);
	ASSERT_EQ(0, vt_maps_entry(self->map, &offset, name, sizeof(name)));
	EXPECT_EQ((unsigned long)self->info.offset, offset);
}

TEST_F(barmap, offset_stays_right_when_the_mapping_is_cut)
{
	unsigned long offset = 0;
	char name[256];

	ASSERT_EQ(0, munmap(self->map + VT_PMD, VT_PAGE));
	ASSERT_EQ(0, vt_maps_entry(self->map + VT_PMD + VT_PAGE, &offset,
				   name, sizeof(name)));
	EXPECT_EQ(self->info.offset + VT_PMD + VT_PAGE, offset);
	EXPECT_TRUE(alive(self->map));
}

TEST_F(barmap, parts_show_their_part)
{
	const size_t at[] = {
		0, VT_PAGE, VT_PMD / 2, VT_PMD, 3 * VT_PMD / 2 + VT_PAGE,
	};
	__u64 value;
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(at); i++) {
		char *part = vt_map_bar(&self->d, BAR, at[i], 3 * VT_PAGE);

		ASSERT_NE(NULL, part);
		ASSERT_EQ(0, vt_peek(part + 2 * VT_PAGE, &value));
		EXPECT_EQ(STAMP + at[i] / VT_PAGE + 2, value);
		EXPECT_EQ(vt_bar_pfn(self->d.bdf, BAR) + at[i] / VT_PAGE + 2,
			  vt_pte(part + 2 * VT_PAGE).pfn);
	}
}

/*
 * Linux before 6.14 marks VMAs of x86 whose PFNs it tracks, which this driver does
 * not need: "ar".
 */
static void drop_flag(char *line, const char *flag)
{
	char *at = strstr(line, flag);

	if (at)
		memmove(at, at + strlen(flag), strlen(at + strlen(flag)) + 1);
}

TEST_F(barmap, smaps_is_as_stocks)
{
	static const char * const keys[] = {
		"Size:", "KernelPageSize:", "MMUPageSize:", "Rss:", "Pss:",
		"Locked:", "VmFlags:",
	};
	char ours_line[512], stock_line[512];
	char *stock;
	size_t i;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	stock = vt_map_bar(&self->stock, BAR, 0, SIZE);
	ASSERT_NE(NULL, stock);
	vt_touch(stock, SIZE);
	vt_touch(self->map, SIZE);
	for (i = 0; i < VT_ARRAY_SIZE(keys); i++) {
		ASSERT_EQ(0, vt_smaps_line(stock, keys[i], stock_line,
					   sizeof(stock_line)));
		ASSERT_EQ(0, vt_smaps_line(self->map, keys[i], ours_line,
					   sizeof(ours_line)));
		drop_flag(stock_line, " ar");
		EXPECT_STREQ(stock_line, ours_line);
	}
}

TEST_F(barmap, map_files_has_the_name)
{
	char path[128], expected[256], target[256];
	ssize_t n;

	ASSERT_EQ(0, expected_name(self->d.bdf, BAR, expected,
				   sizeof(expected)));
	snprintf(path, sizeof(path), "/proc/self/map_files/%zx-%zx",
		 (size_t)self->map, (size_t)self->map + SIZE);
	n = readlink(path, target, sizeof(target) - 1);
	ASSERT_LT(0, n);
	target[n] = '\0';
	EXPECT_STREQ(expected, target);
}

/* The mapping's file is a DMABUF, and nobody can get hold of it from here. */
TEST_F(barmap, map_files_cannot_be_opened)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/map_files/%zx-%zx",
		 (size_t)self->map, (size_t)self->map + SIZE);
	EXPECT_GT(0, open(path, O_RDWR));
	EXPECT_GT(0, open(path, O_RDONLY));
}

/* Whether a process that comes anew can open the device. */
static bool can_be_opened(void)
{
	struct vt_device d;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		char quiet[] = "/dev/null";

		if (!freopen(quiet, "w", stderr))
			_exit(2);
		_exit(vt_open(&d, vt_bdf("A"), VT_DRIVER) != 0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

TEST_F(barmap, mapping_keeps_the_device_open)
{
	vt_close(&self->d);
	EXPECT_TRUE(alive(self->map));
	munmap(self->map, SIZE);
	EXPECT_TRUE(can_be_opened());
}

TEST_F(barmap, part_of_the_mapping_keeps_the_device_open)
{
	vt_close(&self->d);
	munmap(self->map, VT_PMD / 2);
	munmap(self->map + VT_PMD, VT_PMD);
	EXPECT_TRUE(alive(self->map));
}

TEST_F(barmap, mappings_of_a_bar_share_a_buffer)
{
	char *part = vt_map_bar(&self->d, BAR, VT_MIB(1), VT_MIB(1));
	char *other = vt_map_bar(&self->d, 0, 0, VT_PAGE);

	ASSERT_NE(NULL, part);
	ASSERT_NE(NULL, other);
	EXPECT_STREQ("2 ", bar_vmas(&self->d, BAR));
	EXPECT_STREQ("1 ", bar_vmas(&self->d, 0));
	munmap(other, VT_PAGE);
	munmap(self->map, SIZE);
	EXPECT_STREQ("1 ", bar_vmas(&self->d, BAR));
	munmap(part, VT_MIB(1));
	EXPECT_STREQ("", bar_vmas(&self->d, BAR));

	self->map = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->map);
	EXPECT_TRUE(alive(self->map));
	EXPECT_STREQ("1 ", bar_vmas(&self->d, BAR));
	vt_close(&self->d);
	munmap(self->map, SIZE);
	EXPECT_TRUE(can_be_opened());
}

/* Each keeps the fd that it was made of open. */
TEST_F(barmap, mappings_of_two_opens_do_not_share)
{
	char *map;
	int fd;

	if (self->d.group < 0)
		SKIP(return, "a device of iommufd can be opened once");
	fd = ioctl(self->d.group, VFIO_GROUP_GET_DEVICE_FD, self->d.bdf);
	ASSERT_LE(0, fd);
	map = vt_map(fd, SIZE, RW, self->info.offset, 0, 0);
	close(fd);
	ASSERT_NE(NULL, map);
	EXPECT_STREQ("1 1 ", bar_vmas(&self->d, BAR));
	munmap(self->map, SIZE);
	vt_close(&self->d);
	EXPECT_TRUE(alive(map));
	EXPECT_FALSE(can_be_opened());
	munmap(map, SIZE);
	EXPECT_TRUE(can_be_opened());
}

static void map_and_unmap(const struct vt_device *d)
{
	unsigned int i;
	char *map;

	for (i = 0; i < vt_rounds(10000); i++) {
		map = vt_map_bar(d, BAR, 0, SIZE);
		if (!map || (i % 16 == 0 && !alive(map)))
			_exit(1);
		munmap(map, SIZE);
	}
	_exit(0);
}

/* The last VMA goes while another process looks for a buffer to share. */
TEST_F(barmap, processes_that_map_and_unmap)
{
	pid_t pid[3];
	size_t i;
	int status;

	munmap(self->map, SIZE);
	for (i = 0; i < VT_ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		if (!pid[i])
			map_and_unmap(&self->d);
	}
	for (i = 0; i < VT_ARRAY_SIZE(pid); i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_STREQ("", bar_vmas(&self->d, BAR));
	vt_close(&self->d);
	EXPECT_TRUE(can_be_opened());
}

TEST_F(barmap, mapping_keeps_exported_buffers_alive)
{
	int fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	__u64 value;
	char *map;

	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	vt_close(&self->d);
	EXPECT_TRUE(alive(map));
	EXPECT_EQ(0, vt_map_errno(fd, SIZE, RW, MAP_SHARED, 0));
	munmap(self->map, SIZE);
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	EXPECT_EQ(ENODEV, vt_map_errno(fd, SIZE, RW, MAP_SHARED, 0));
}

TEST_F(barmap, mapping_of_a_child_keeps_the_device_open)
{
	int go[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		vt_close(&self->d);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(!alive(self->map));
	}
	munmap(self->map, SIZE);
	vt_close(&self->d);
	EXPECT_FALSE(can_be_opened());
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(can_be_opened());
}

TEST_F(barmap, child_and_mremap_and_mprotect)
{
	char *to = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	__u64 value;
	int status;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, to);
	pid = fork();
	if (!pid)
		_exit(!alive(self->map));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);

	ASSERT_EQ(to, mremap(self->map, SIZE, SIZE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_TRUE(alive(to));
	ASSERT_EQ(0, mprotect(to, VT_PMD, PROT_READ));
	EXPECT_EQ(SIGSEGV, vt_poke(to, 1));
	EXPECT_TRUE(alive(to));
	EXPECT_EQ(MAP_FAILED, mremap(to, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(0, vt_peek(to + 3 * VT_PMD / 2, &value));
}

/*
 * The file of the mapping is a DMABUF, of which remap_file_pages() would make
 * another mapping, after the one that keeps the device open is gone.
 */
TEST_F(barmap, remap_file_pages_is_refused)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	EXPECT_EQ(-1, remap_file_pages(self->map, SIZE, 0, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	munmap(self->map, SIZE);
	EXPECT_EQ(0, ioctl(self->d.fd, VFIO_DEVICE_GET_INFO, &info));
	vt_close(&self->d);
	EXPECT_TRUE(can_be_opened());
}

TEST_F(barmap, remap_file_pages_is_refused_to_the_last_that_has_it_open)
{
	vt_close(&self->d);
	EXPECT_EQ(-1, remap_file_pages(self->map, SIZE, 0, 0, 0));
	EXPECT_EQ(EINVAL, errno);
	munmap(self->map, SIZE);
	EXPECT_TRUE(can_be_opened());
}

TEST_F(barmap, type1_container_maps_its_address)
{
	char *stock;
	int expected;

	if (self->d.container < 0)
		SKIP(return, "no type1 container: VPDM_IOMMU=iommufd");
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	stock = vt_map_bar(&self->stock, BAR, 0, SIZE);
	ASSERT_NE(NULL, stock);
	expected = vt_dma_map(&self->stock, stock, SIZE, VT_GIB(4));
	EXPECT_EQ(0, expected);
	EXPECT_EQ(expected, vt_dma_map(&self->d, self->map, SIZE, VT_GIB(4)));
	EXPECT_TRUE(alive(self->map));
	EXPECT_EQ(0, vt_dma_unmap(&self->d, SIZE, VT_GIB(4)));
	EXPECT_EQ(0, vt_dma_unmap(&self->stock, SIZE, VT_GIB(4)));
	EXPECT_TRUE(alive(self->map));
}

TEST_F(barmap, type1_container_maps_an_untouched_address)
{
	char *fresh = vt_map_bar(&self->d, BAR, 4 * VT_PMD, SIZE);

	if (self->d.container < 0)
		SKIP(return, "no type1 container: VPDM_IOMMU=iommufd");
	ASSERT_NE(NULL, fresh);
	EXPECT_EQ(0, vt_dma_map(&self->d, fresh, SIZE, VT_GIB(4)));
	EXPECT_EQ(0, vt_dma_unmap(&self->d, SIZE, VT_GIB(4)));
}

TEST_F(barmap, read_only_mapping)
{
	char *map = vt_map(self->d.fd, SIZE, PROT_READ, self->info.offset, 0, 0);

	ASSERT_NE(NULL, map);
	EXPECT_TRUE(alive(map));
	EXPECT_EQ(SIGSEGV, vt_poke(map, 1));
	ASSERT_EQ(0, mprotect(map, SIZE, RW));
	EXPECT_EQ(0, vt_poke(map + 8, 1));
}

TEST_F(barmap, read_and_write_of_regions_go_on_as_ever)
{
	__u64 value = 0, word = 0x1234567887654321;

	ASSERT_EQ((ssize_t)sizeof(value),
		  pread(self->d.fd, &value, sizeof(value),
			self->info.offset + 5 * VT_PAGE));
	EXPECT_EQ(STAMP + 5, value);
	ASSERT_EQ((ssize_t)sizeof(word),
		  pwrite(self->d.fd, &word, sizeof(word),
			 self->info.offset + 8));
	ASSERT_EQ(0, vt_peek(self->map + 8, &value));
	EXPECT_EQ(word, value);
}

/* Errnos: the same calls to a device of ours and to one of stock. */
struct call {
	__u64 index;
	__u64 offset;
	size_t size;
	int prot;
	int flags;
};

FIXTURE(mmap_as_stock) {
	struct vt_device d;
	struct vt_device stock;
};

FIXTURE_VARIANT(mmap_as_stock) {
	const char *device;
	const char *stock;
};

FIXTURE_VARIANT_ADD(mmap_as_stock, memory_bars) { "A", "B" };
FIXTURE_VARIANT_ADD(mmap_as_stock, io_bar) { "TESTDEV", "TESTDEV" };
FIXTURE_VARIANT_ADD(mmap_as_stock, bar_of_1_mib) { "EDU", "EDU" };
FIXTURE_VARIANT_ADD(mmap_as_stock, bar_with_msix_vectors) { "PM", "PM" };

FIXTURE_SETUP(mmap_as_stock)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
}

FIXTURE_TEARDOWN(mmap_as_stock)
{
	vt_close(&self->d);
}

#define NR_INDEX	12
#define NR_CALLS	17

/* 0 or the errno of each call, for each region index. */
static int ask(struct vt_device *d, const char *bdf, const char *driver,
	       int result[NR_INDEX][NR_CALLS])
{
	const size_t end = VT_BAR, next = 1ULL << 40;
	const struct call calls[] = {
		{ 0, 0, VT_PAGE, RW, MAP_SHARED },
		{ 0, 0, VT_PAGE, PROT_READ, MAP_SHARED },
		{ 0, 0, VT_PAGE, PROT_READ | PROT_EXEC, MAP_SHARED },
		{ 0, 0, VT_PAGE, RW, MAP_SHARED_VALIDATE },
		{ 0, 0, VT_PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC },
		{ 0, 0, VT_PAGE, RW, MAP_PRIVATE },
		{ 0, 0, VT_PAGE, PROT_READ, MAP_PRIVATE },
		{ 0, 0, 1, RW, MAP_SHARED },
		{ 0, 0, VT_PMD / 2, RW, MAP_SHARED },
		{ 0, 0, end, RW, MAP_SHARED },
		{ 0, 0, end + VT_PAGE, RW, MAP_SHARED },
		{ 0, end - VT_PAGE, VT_PAGE, RW, MAP_SHARED },
		{ 0, end - VT_PAGE, 2 * VT_PAGE, RW, MAP_SHARED },
		{ 0, end, VT_PAGE, RW, MAP_SHARED },
		{ 0, next - VT_PAGE, VT_PAGE, RW, MAP_SHARED },
		{ 0, next - VT_PAGE, 2 * VT_PAGE, RW, MAP_SHARED },
		{ 0, 512, VT_PAGE, RW, MAP_SHARED },
	};
	size_t i;
	int index, ret;

	static_assert(VT_ARRAY_SIZE(calls) == NR_CALLS);
	ret = vt_open(d, bdf, driver);
	if (ret)
		return ret;
	for (index = 0; index < NR_INDEX; index++) {
		for (i = 0; i < VT_ARRAY_SIZE(calls); i++)
			result[index][i] =
				vt_map_errno(d->fd, calls[i].size,
					     calls[i].prot, calls[i].flags,
					     ((off_t)index << 40) +
					     calls[i].offset);
	}
	vt_close(d);
	return 0;
}

TEST_F(mmap_as_stock, every_region_and_kind_of_call)
{
	int ours[NR_INDEX][NR_CALLS];
	int stock[NR_INDEX][NR_CALLS];
	unsigned int succeeded = 0;
	size_t i;
	int index;

	ASSERT_EQ(0, ask(&self->d, vt_bdf(variant->device), VT_DRIVER, ours));
	ASSERT_EQ(0, ask(&self->d, vt_bdf(variant->stock), VT_STOCK, stock));
	for (index = 0; index < NR_INDEX; index++) {
		for (i = 0; i < NR_CALLS; i++) {
			EXPECT_EQ(stock[index][i], ours[index][i])
				TH_LOG("region %d, call %zu", index, i);
			succeeded += !ours[index][i];
		}
	}
	EXPECT_NE(0U, succeeded);
	EXPECT_NE(0, ours[VFIO_PCI_CONFIG_REGION_INDEX][0]);
	EXPECT_NE(0, ours[VFIO_PCI_ROM_REGION_INDEX][0]);
}

TEST_F(mmap_as_stock, offsets_beyond_all_regions)
{
	const off_t offsets[] = {
		0xffffLL << 40, 0x7fffffLL << 40, 1LL << 62, -VT_PAGE,
	};
	int ours[VT_ARRAY_SIZE(offsets)];
	size_t i;

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->device), VT_DRIVER));
	for (i = 0; i < VT_ARRAY_SIZE(offsets); i++)
		ours[i] = vt_map_errno(self->d.fd, VT_PAGE, RW, MAP_SHARED,
				       offsets[i]);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->stock), VT_STOCK));
	for (i = 0; i < VT_ARRAY_SIZE(offsets); i++) {
		EXPECT_NE(0, ours[i]);
		EXPECT_EQ(vt_map_errno(self->d.fd, VT_PAGE, RW, MAP_SHARED,
				       offsets[i]), ours[i]);
	}
}

/* What user programs such as QEMU map BARs by: sizes, flags, capabilities. */
struct description {
	struct vfio_region_info info;
	char caps[4096];
};

static int describe(struct vt_device *d, const char *bdf, const char *driver,
		    struct description *regions)
{
	int index, ret;

	ret = vt_open(d, bdf, driver);
	if (ret)
		return ret;
	for (index = 0; index < NR_INDEX; index++) {
		struct vfio_region_info *info = &regions[index].info;

		info->argsz = sizeof(regions[index]);
		info->index = index;
		/* Refused for a region that is none: recorded by its argsz. */
		if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info))
			info->argsz = errno;
	}
	vt_close(d);
	return 0;
}

TEST_F(mmap_as_stock, region_info_and_its_capabilities)
{
	static struct description ours[NR_INDEX], stock[NR_INDEX];
	int index;

	/* The same device, whose BARs stay where they are. */
	ASSERT_EQ(0, describe(&self->d, vt_bdf(variant->stock), VT_DRIVER,
			      ours));
	ASSERT_EQ(0, describe(&self->d, vt_bdf(variant->stock), VT_STOCK,
			      stock));
	for (index = 0; index < NR_INDEX; index++)
		EXPECT_EQ(0, memcmp(&stock[index], &ours[index],
				    sizeof(ours[index])))
			TH_LOG("region %d", index);
}

TEST_HARNESS_MAIN
