// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who outlives whom: DMABUF fd, mapping, device fd, binding, module. Nothing
 * leaks, and a neighbour that is bound to stock vfio-pci notices nothing.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define STAMP	0x4c49464500000000ULL
#define SIZE	(2 * VT_PMD)
#define RW	(PROT_READ | PROT_WRITE)

FIXTURE(lifetime) {
	struct vt_device d;
	int refs;
	int fd;
	char *map;
};

static int open_and_export(FIXTURE_DATA(lifetime) *self)
{
	char *bar;
	int ret;

	ret = vt_open(&self->d, vt_bdf("A"), VT_DRIVER);
	if (ret)
		return ret;
	bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	if (!bar)
		return -EINVAL;
	vt_stamp(bar, SIZE, STAMP);
	munmap(bar, SIZE);
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	if (self->fd < 0)
		return self->fd;
	self->map = vt_map(self->fd, SIZE, RW, 0, VT_PMD, VT_PAGE);
	return self->map ? 0 : -ENOMEM;
}

FIXTURE_SETUP(lifetime)
{
	self->d = (struct vt_device)VT_DEVICE_INIT;
	self->fd = -1;
	if (!vt_module_loaded())
		ASSERT_EQ(0, vt_module_load(""));
	ASSERT_EQ(0, vt_bind(vt_bdf("A"), VT_DRIVER));
	self->refs = vt_module_refs();
	ASSERT_EQ(0, open_and_export(self));
}

FIXTURE_TEARDOWN(lifetime)
{
	vt_close(&self->d);
}

static bool alive(const char *map)
{
	__u64 value = 0;

	return !vt_peek(map + 3 * VT_PMD / 2, &value) &&
	       value == STAMP + 3 * VT_PMD / 2 / VT_PAGE;
}

static bool dead(const char *map)
{
	__u64 value;

	return !vt_present(map, SIZE) && vt_peek(map, &value) == SIGBUS &&
	       vt_peek(map + 3 * VT_PMD / 2, &value) == SIGBUS &&
	       vt_poke((char *)map + 8, 1) == SIGBUS &&
	       !vt_present(map, SIZE);
}

static void drop_fd(FIXTURE_DATA(lifetime) *self)
{
	close(self->fd);
	self->fd = -1;
}

static void drop_map(FIXTURE_DATA(lifetime) *self)
{
	munmap(self->map, SIZE);
	self->map = NULL;
}

/* What must hold, whichever of the three are gone. */
static bool consistent(FIXTURE_DATA(lifetime) *self)
{
	bool open = self->d.fd >= 0;

	if (self->map && !(open ? alive(self->map) : dead(self->map)))
		return false;
	return self->fd < 0 ||
	       vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, 0) ==
	       (open ? 0 : ENODEV);
}

/* DMABUF fd, mapping and device go in every order. */
FIXTURE(order) {
	FIXTURE_DATA(lifetime) l;
};

FIXTURE_VARIANT(order) {
	const char *letters;
};

FIXTURE_VARIANT_ADD(order, fd_mapping_device) { "fmd" };
FIXTURE_VARIANT_ADD(order, fd_device_mapping) { "fdm" };
FIXTURE_VARIANT_ADD(order, mapping_fd_device) { "mfd" };
FIXTURE_VARIANT_ADD(order, mapping_device_fd) { "mdf" };
FIXTURE_VARIANT_ADD(order, device_fd_mapping) { "dfm" };
FIXTURE_VARIANT_ADD(order, device_mapping_fd) { "dmf" };

FIXTURE_SETUP(order)
{
	lifetime_setup(_metadata, &self->l, NULL);
}

FIXTURE_TEARDOWN(order)
{
	vt_close(&self->l.d);
}

TEST_F(order, each_step_leaves_the_rest_right)
{
	const char *step;

	ASSERT_TRUE(consistent(&self->l));
	for (step = variant->letters; *step; step++) {
		if (*step == 'f')
			drop_fd(&self->l);
		else if (*step == 'm')
			drop_map(&self->l);
		else
			vt_close(&self->l.d);
		EXPECT_TRUE(consistent(&self->l))
			TH_LOG("after step %c", *step);
	}
	EXPECT_EQ(self->l.refs, vt_module_refs());
}

TEST_F(lifetime, a_second_device_fd_keeps_it_alive)
{
	int second = dup(self->d.fd);

	ASSERT_LE(0, second);
	vt_close(&self->d);
	EXPECT_TRUE(alive(self->map));
	close(second);
	EXPECT_TRUE(dead(self->map));
}

TEST_F(lifetime, dead_stays_dead_when_the_device_is_opened_again)
{
	int fd;

	vt_close(&self->d);
	EXPECT_TRUE(dead(self->map));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	EXPECT_TRUE(dead(self->map));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, 0));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(dead(self->map));

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(alive(vt_map_rw(fd, SIZE)));
	EXPECT_TRUE(dead(self->map));
}

TEST_F(lifetime, close_reaches_other_processes)
{
	int go[2], up[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(up));
	ASSERT_TRUE(alive(self->map));
	pid = fork();
	if (!pid) {
		vt_close(&self->d);
		if (!alive(self->map) || write(up[1], "", 1) != 1)
			_exit(1);
		if (read(go[0], &c, 1) != 1)
			_exit(2);
		_exit(!dead(self->map));
	}
	close(up[1]);
	ASSERT_EQ(1, read(up[0], &c, 1));
	vt_close(&self->d);
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* Opens the device, sends a DMABUF of it, and waits to be killed. */
static void primary(int sock)
{
	struct vt_device d;
	int fd;

	if (vt_open(&d, vt_bdf("A"), VT_DRIVER))
		_exit(1);
	fd = vt_export_one(d.fd, BAR, 0, SIZE);
	if (fd < 0 || vt_send_fd(sock, fd))
		_exit(2);
	pause();
	_exit(3);
}

TEST_F(lifetime, killed_primary_leaves_sigbus_behind)
{
	int status, sv[2], fd;
	pid_t pid;

	vt_close(&self->d);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv));
	pid = fork();
	if (!pid)
		primary(sv[1]);
	fd = vt_recv_fd(sv[0]);
	ASSERT_LE(0, fd);
	self->map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, self->map);
	EXPECT_TRUE(alive(self->map));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(dead(self->map));
	EXPECT_EQ(ENODEV, vt_map_errno(fd, VT_PAGE, RW, MAP_SHARED, 0));
}

/* Unbinding waits for the user of the device, as with stock. */
TEST_F(lifetime, unbind_while_mapped_waits_for_the_device_fd)
{
	int status;
	pid_t pid;

	ASSERT_TRUE(alive(self->map));
	pid = fork();
	if (!pid) {
		vt_close(&self->d);
		_exit(vt_unbind(vt_bdf("A")) != 0);
	}
	vt_sleep_ms(500);
	EXPECT_EQ(0, waitpid(pid, &status, WNOHANG));
	EXPECT_TRUE(alive(self->map));
	vt_close(&self->d);
	EXPECT_TRUE(dead(self->map));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(dead(self->map));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, 0));
}

TEST_F(lifetime, fd_and_mapping_outlive_the_binding)
{
	vt_close(&self->d);
	ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
	EXPECT_TRUE(consistent(self));
	drop_fd(self);
	EXPECT_TRUE(consistent(self));
	drop_map(self);
	EXPECT_EQ(self->refs, vt_module_refs());
}

TEST_F(lifetime, device_goes_to_stock_while_a_dead_buffer_remains)
{
	char *bar;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_STOCK));
	bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, bar);
	EXPECT_TRUE(alive(bar));
	EXPECT_TRUE(dead(self->map));
	drop_map(self);
	drop_fd(self);
	EXPECT_TRUE(alive(bar));
}

static size_t lines_of(const char *path)
{
	size_t nr = 0;
	FILE *f;
	int c;

	f = fopen(path, "r");
	if (!f)
		return 0;
	while ((c = fgetc(f)) != EOF)
		nr += c == '\n';
	fclose(f);
	return nr;
}

/* One header, one line for each buffer: BAR mappings are buffers too. */
TEST_F(lifetime, debugfs_lists_what_exists_and_nothing_else)
{
	char path[128], *bar;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s/buffers",
		 VT_MODULE, self->d.bdf);
	EXPECT_EQ(2UL, lines_of(path));
	bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, bar);
	EXPECT_EQ(3UL, lines_of(path));
	munmap(bar, SIZE);
	EXPECT_EQ(2UL, lines_of(path));
	drop_fd(self);
	EXPECT_EQ(2UL, lines_of(path));
	drop_map(self);
	EXPECT_EQ(1UL, lines_of(path));
}

/*
 * Leaks: counters of the kernel before and after many rounds. The first rounds
 * fill what caches keep.
 */

/* Bytes that caches and free lists of an idle kernel come and go by. */
#define NOISE	(256 * 1024LL)

struct usage {
	struct vt_slabs *slabs;
	long long bytes;
	int refs;
};

static struct usage usage(void)
{
	struct usage u;

	u.slabs = vt_slabs_read();
	u.bytes = vt_kernel_bytes();
	u.refs = vt_module_refs();
	return u;
}

static long long growth(const struct usage *before)
{
	return vt_kernel_bytes() - before->bytes;
}

static void expect_no_leak(struct __test_metadata *_metadata,
			   const struct usage *before, unsigned int rounds)
{
	long long bytes;

	EXPECT_FALSE(vt_slabs_leak(before->slabs, rounds));
	EXPECT_TRUE(vt_wait_for((bytes = growth(before)) <
				NOISE + rounds * 8LL));
	TH_LOG("%u rounds: %+lld bytes", rounds, bytes);
	EXPECT_EQ(before->refs, vt_module_refs());
}

static void export_rounds(struct __test_metadata *_metadata, int device_fd,
			  unsigned int rounds)
{
	struct vfio_region_dma_range r[] = {
		{ VT_PMD / 2, VT_PAGE }, { 0, VT_PAGE }, { VT_PMD, VT_PMD },
	};
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		int fd = vt_export(device_fd, BAR, O_RDWR, r, i % 3 + 1);

		ASSERT_LE(0, fd);
		if (i % 4 == 0) {
			char *map = vt_map_rw(fd, VT_PAGE);

			ASSERT_NE(NULL, map);
			vt_touch(map, VT_PAGE);
			munmap(map, VT_PAGE);
		}
		close(fd);
	}
}

TEST_F(lifetime, exports_leak_nothing)
{
	unsigned int rounds = vt_rounds(300);
	struct usage before;

	export_rounds(_metadata, self->d.fd, rounds / 5);
	before = usage();
	export_rounds(_metadata, self->d.fd, rounds);
	expect_no_leak(_metadata, &before, rounds);
}

static void bar_rounds(struct __test_metadata *_metadata,
		       const struct vt_device *d, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		char *map = vt_map_bar(d, BAR, 0, SIZE);

		ASSERT_NE(NULL, map);
		vt_touch(map, VT_PAGE);
		munmap(map, SIZE);
	}
}

TEST_F(lifetime, bar_mappings_leak_nothing)
{
	unsigned int rounds = vt_rounds(300);
	struct usage before;

	bar_rounds(_metadata, &self->d, rounds / 5);
	before = usage();
	bar_rounds(_metadata, &self->d, rounds);
	expect_no_leak(_metadata, &before, rounds);
}

static void failing_rounds(struct __test_metadata *_metadata, int device_fd,
			   unsigned int rounds)
{
	struct vfio_region_dma_range r[] = {
		{ 0, VT_PAGE }, { VT_BAR, VT_PAGE },
	};
	unsigned int i;

	for (i = 0; i < rounds; i++)
		ASSERT_EQ(-EINVAL, vt_export(device_fd, BAR, O_RDWR, r, 2));
}

TEST_F(lifetime, failed_exports_leak_nothing)
{
	unsigned int rounds = vt_rounds(300);
	struct usage before;

	failing_rounds(_metadata, self->d.fd, rounds / 5);
	before = usage();
	failing_rounds(_metadata, self->d.fd, rounds);
	expect_no_leak(_metadata, &before, rounds);
}

static void open_rounds(struct __test_metadata *_metadata,
			FIXTURE_DATA(lifetime) *self, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		vt_close(&self->d);
		drop_map(self);
		drop_fd(self);
		ASSERT_EQ(0, open_and_export(self));
		vt_touch(self->map, SIZE);
	}
}

TEST_F(lifetime, opens_that_end_with_a_live_buffer_leak_nothing)
{
	unsigned int rounds = vt_rounds(150);
	struct usage before;

	open_rounds(_metadata, self, rounds / 5);
	before = usage();
	open_rounds(_metadata, self, rounds);
	expect_no_leak(_metadata, &before, rounds);
}

static void bind_rounds(struct __test_metadata *_metadata,
			FIXTURE_DATA(lifetime) *self, unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		vt_close(&self->d);
		ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
		drop_map(self);
		drop_fd(self);
		ASSERT_EQ(0, open_and_export(self));
	}
}

/* A dead buffer is the last to let go of what belongs to the binding. */
TEST_F(lifetime, bindings_that_a_buffer_outlives_leak_nothing)
{
	unsigned int rounds = vt_rounds(150);
	struct usage before;

	bind_rounds(_metadata, self, rounds / 4);
	before = usage();
	bind_rounds(_metadata, self, rounds);
	expect_no_leak(_metadata, &before, rounds);
}

/* The module */

TEST_F(lifetime, module_stays_while_a_buffer_lives)
{
	EXPECT_EQ(-EWOULDBLOCK, vt_module_unload());
	vt_close(&self->d);
	ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
	EXPECT_EQ(-EWOULDBLOCK, vt_module_unload());
	drop_fd(self);
	EXPECT_EQ(-EWOULDBLOCK, vt_module_unload());
	EXPECT_TRUE(dead(self->map));
	drop_map(self);
	EXPECT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load(""));
	EXPECT_EQ(0, vt_bind(vt_bdf("A"), VT_DRIVER));
}

TEST_F(lifetime, module_stays_while_an_fd_alone_lives)
{
	drop_map(self);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
	EXPECT_EQ(-EWOULDBLOCK, vt_module_unload());
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, RW, MAP_SHARED, 0));
	drop_fd(self);
	EXPECT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load(""));
	EXPECT_EQ(0, vt_bind(vt_bdf("A"), VT_DRIVER));
}

TEST_F(lifetime, module_binds_devices_by_ids)
{
	const char *bdf = vt_bdf("TESTDEV");
	char driver[64];

	ASSERT_EQ(0, vt_unbind(bdf));
	ASSERT_EQ(0, vt_device_write(bdf, "driver_override", "\n"));
	drop_map(self);
	drop_fd(self);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_module_unload());

	/* QEMU's pci-testdev */
	ASSERT_EQ(0, vt_module_load("ids=nonsense,1b36:0005"));
	EXPECT_EQ(0, vt_driver_of(bdf, driver, sizeof(driver)));
	EXPECT_STREQ(vt_driver(), driver);
	ASSERT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load(""));
	EXPECT_EQ(-ENOENT, vt_driver_of(bdf, driver, sizeof(driver)));
}

/* Unloading unbinds the devices that nobody uses. */
TEST_F(lifetime, module_unloads_with_an_idle_device_bound)
{
	char driver[64];

	drop_map(self);
	drop_fd(self);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_module_unload());
	EXPECT_EQ(-ENOENT, vt_driver_of(vt_bdf("A"), driver, sizeof(driver)));
	ASSERT_EQ(0, vt_module_load(""));
	ASSERT_EQ(0, open_and_export(self));
	EXPECT_TRUE(alive(self->map));
}

/* Beside ours a device of stock vfio-pci, open and mapped. */
FIXTURE(neighbour) {
	FIXTURE_DATA(lifetime) l;
	struct vt_device stock;
	char *map;
	struct vpdm_pt_count entries;
};

FIXTURE_SETUP(neighbour)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	self->stock = (struct vt_device)VT_DEVICE_INIT;
	lifetime_setup(_metadata, &self->l, NULL);
	ASSERT_EQ(0, vt_open(&self->stock, vt_bdf("B"), VT_STOCK));
	self->map = vt_map_bar(&self->stock, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->map);
	vt_stamp(self->map, SIZE, STAMP);
	self->entries = vt_ptes(self->map, SIZE);
	ASSERT_EQ(SIZE, vt_present(self->map, SIZE));
}

FIXTURE_TEARDOWN(neighbour)
{
	vt_close(&self->l.d);
	vt_close(&self->stock);
}

/* Not one entry of the neighbour was dropped, and its memory is its own. */
static bool untouched(FIXTURE_DATA(neighbour) *self)
{
	struct vpdm_pt_count now = vt_ptes(self->map, SIZE);

	return !memcmp(&now, &self->entries, sizeof(now)) && alive(self->map);
}

TEST_F(neighbour, does_not_notice_memory_off_and_close)
{
	ASSERT_TRUE(alive(self->l.map));
	ASSERT_EQ(0, vt_memory(&self->l.d, false));
	EXPECT_TRUE(untouched(self));
	ASSERT_EQ(0, vt_memory(&self->l.d, true));
	ASSERT_EQ(0, vt_poke(self->l.map + 3 * VT_PMD / 2, ~STAMP));
	EXPECT_TRUE(untouched(self));
	vt_close(&self->l.d);
	EXPECT_TRUE(untouched(self));
}

TEST_F(neighbour, does_not_notice_unbind_and_unload)
{
	vt_close(&self->l.d);
	drop_map(&self->l);
	drop_fd(&self->l);
	ASSERT_EQ(0, vt_unbind(vt_bdf("A")));
	EXPECT_TRUE(untouched(self));
	ASSERT_EQ(0, vt_module_unload());
	EXPECT_TRUE(untouched(self));
	ASSERT_EQ(0, vt_module_load(""));
	EXPECT_TRUE(untouched(self));
}

TEST_F(neighbour, has_no_mmap_of_its_dmabufs_as_ever)
{
	int fd;

	if (!vt_exports(self->stock.fd))
		SKIP(return, "stock vfio-pci of this kernel exports no DMABUFs");
	fd = vt_export_one(self->stock.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EINVAL, vt_map_errno(fd, SIZE, RW, MAP_SHARED, 0));
}

TEST_HARNESS_MAIN
