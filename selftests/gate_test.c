// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes to config space that take the memory away, or give it back: of every
 * size, at every place, and from memory that is not there when it is read. What
 * the page tables have goes before the memory does, and nothing comes in between.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/userfaultfd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		(2 * VT_PMD)
#define STAMP		0x4741544500000000ULL
#define RW		(PROT_READ | PROT_WRITE)
#define CONFIG_SIZE	PCI_CFG_SPACE_SIZE
#define D0		0
#define D3HOT		3
/* What must not happen is given this long to happen. */
#define WATCH_MS	300

/* A write to config space */
struct part {
	unsigned int off;
	unsigned int size;
};

static const struct part over_command[] = {
	{ PCI_COMMAND, 1 }, { PCI_COMMAND, 2 }, { PCI_COMMAND - 1, 2 },
	{ PCI_COMMAND, 3 }, { PCI_COMMAND - 2, 3 }, { PCI_COMMAND, 4 },
	{ PCI_COMMAND - 2, 4 }, { PCI_COMMAND - 3, 4 }, { PCI_COMMAND - 2, 6 },
	{ PCI_COMMAND, 6 }, { 0, 64 }, { 1, 64 }, { 0, CONFIG_SIZE },
};

static int config_write(const struct vt_device *d, const struct part *part,
			const void *bytes)
{
	struct vfio_region_info info;
	ssize_t n;

	if (vt_region(d, VFIO_PCI_CONFIG_REGION_INDEX, &info))
		return -EIO;
	n = pwrite(d->fd, bytes, part->size, info.offset + part->off);
	return n < 0 ? -errno : n;
}

static __u16 command(const struct vt_device *d)
{
	__u16 value = 0;

	vt_config_read(d, PCI_COMMAND, &value, sizeof(value));
	return value;
}

/* What config space has, but for memory decoding. */
static bool command_bytes(const struct vt_device *d, const struct part *part,
			  bool on, __u8 *bytes)
{
	__u8 *low = bytes + PCI_COMMAND - part->off;

	if (vt_config_read(d, part->off, bytes, part->size))
		return false;
	*low &= ~PCI_COMMAND_MEMORY;
	if (on)
		*low |= PCI_COMMAND_MEMORY;
	return true;
}

/* Bytes in a page that no page table of the caller's has */
static void *in_a_file(const __u8 *bytes, size_t size)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, VT_PAGE) &&
	    pwrite(fd, bytes, size, 0) == (ssize_t)size)
		map = mmap(NULL, VT_PAGE, RW, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static int turn(const struct vt_device *d, const struct part *part, bool on,
		bool missing)
{
	__u8 bytes[CONFIG_SIZE];
	void *from;
	int ret;

	if (!command_bytes(d, part, on, bytes))
		return -EIO;
	if (!missing)
		return config_write(d, part, bytes);
	from = in_a_file(bytes, part->size);
	if (!from)
		return -ENOMEM;
	ret = config_write(d, part, from);
	munmap(from, VT_PAGE);
	return ret;
}

/* A buffer and its BAR, both mapped where huge entries fit, or do not */
FIXTURE(gate)
{
	struct vt_device d;
	int fd;
	char *map;
	char *bar;
	size_t skew;
};

FIXTURE_VARIANT(gate)
{
	bool skewed;
};

FIXTURE_VARIANT_ADD(gate, huge_entries)
{
	.skewed = false,
};

FIXTURE_VARIANT_ADD(gate, small_entries)
{
	.skewed = true,
};

FIXTURE_SETUP(gate)
{
	struct vfio_region_info info;

	self->skew = variant->skewed * VT_PAGE;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_region(&self->d, BAR, &info));
	self->bar = vt_map(self->d.fd, SIZE, RW, info.offset, VT_PMD,
			   self->skew);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, SIZE, STAMP);
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map(self->fd, SIZE, RW, 0, VT_PMD, self->skew);
	ASSERT_NE(NULL, self->map);
	vt_touch(self->map, SIZE);
}

FIXTURE_TEARDOWN(gate)
{
	vt_close(&self->d);
}

static bool page_is(const char *map, size_t page, int sig)
{
	__u64 value;

	return vt_peek(map + page * VT_PAGE, &value) == sig &&
	       (sig || value == STAMP + page);
}

static bool pages_are(const char *map, int sig)
{
	return page_is(map, 0, sig) && page_is(map, 700, sig) &&
	       page_is(map, SIZE / VT_PAGE - 1, sig);
}

static bool is_off(FIXTURE_DATA(gate) *self)
{
	return !vt_present(self->map, SIZE) && !vt_present(self->bar, SIZE) &&
	       pages_are(self->map, SIGBUS) && pages_are(self->bar, SIGBUS) &&
	       !vt_present(self->map, SIZE) && !vt_present(self->bar, SIZE);
}

static bool is_on(FIXTURE_DATA(gate) *self)
{
	return pages_are(self->map, 0) && pages_are(self->bar, 0) &&
	       vt_present(self->map, SIZE) && vt_present(self->bar, SIZE);
}

TEST_F(gate, each_size_turns_memory_off_and_on)
{
	const struct part *part;
	size_t i, missing;

	for (i = 0; i < VT_ARRAY_SIZE(over_command); i++) {
		part = &over_command[i];
		for (missing = 0; missing < 2; missing++) {
			ASSERT_TRUE(is_on(self));
			EXPECT_EQ((int)part->size,
				  turn(&self->d, part, false, missing));
			EXPECT_TRUE(is_off(self))
				TH_LOG("%u bytes at %u", part->size, part->off);
			EXPECT_EQ((int)part->size,
				  turn(&self->d, part, true, missing));
			EXPECT_TRUE(is_on(self))
				TH_LOG("%u bytes at %u", part->size, part->off);
		}
	}
}

/* A page that nobody has written to: COMMAND becomes 0. */
TEST_F(gate, zeroes_that_are_not_there_turn_memory_off)
{
	__u16 on = command(&self->d);
	int size;

	for (size = 1; size <= 2; size++) {
		struct part part = { PCI_COMMAND, size };
		void *zero = mmap(NULL, VT_PAGE, RW,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		ASSERT_NE(MAP_FAILED, zero);
		ASSERT_TRUE(is_on(self));
		EXPECT_EQ(size, config_write(&self->d, &part, zero));
		EXPECT_EQ(0, command(&self->d) & 0xff);
		EXPECT_TRUE(is_off(self));
		ASSERT_EQ(0, vt_config_write(&self->d, PCI_COMMAND, &on,
					     sizeof(on)));
		munmap(zero, VT_PAGE);
	}
	EXPECT_TRUE(is_on(self));
}

/* Where the memory of the device is off or on already, nothing changes. */
TEST_F(gate, twice_is_as_once)
{
	const struct part *part;
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(over_command); i++) {
		part = &over_command[i];
		EXPECT_EQ((int)part->size, turn(&self->d, part, true, false));
		EXPECT_TRUE(is_on(self));
		EXPECT_EQ((int)part->size, turn(&self->d, part, false, false));
		EXPECT_EQ((int)part->size, turn(&self->d, part, false, false));
		EXPECT_TRUE(is_off(self));
		EXPECT_EQ((int)part->size, turn(&self->d, part, true, false));
		EXPECT_TRUE(is_on(self));
	}
}

/* Writes that do not reach the bit do not cost anybody a fault. */
TEST_F(gate, other_writes_leave_the_entries)
{
	static const struct part other[] = {
		{ PCI_COMMAND + 1, 1 }, { PCI_STATUS, 2 },
		{ PCI_CACHE_LINE_SIZE, 1 }, { PCI_INTERRUPT_LINE, 1 },
		{ PCI_COMMAND - 2, 2 }, { PCI_CLASS_REVISION, 56 },
	};
	__u8 bytes[64];
	size_t i;

	vt_touch(self->bar, SIZE);
	for (i = 0; i < VT_ARRAY_SIZE(other); i++) {
		ASSERT_EQ(0, vt_config_read(&self->d, other[i].off, bytes,
					    other[i].size));
		EXPECT_EQ((int)other[i].size,
			  config_write(&self->d, &other[i], bytes));
		EXPECT_EQ(SIZE, vt_present(self->map, SIZE));
		EXPECT_EQ(SIZE, vt_present(self->bar, SIZE));
	}
}

/* A page that a userfaultfd handler has to bring */
struct parked {
	int uffd;
	char *page;
};

static bool park(struct parked *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {};

	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	p->page = mmap(NULL, VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->uffd < 0 || p->page == MAP_FAILED ||
	    ioctl(p->uffd, UFFDIO_API, &api))
		return false;
	reg.range.start = (__u64)p->page;
	reg.range.len = VT_PAGE;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	return !ioctl(p->uffd, UFFDIO_REGISTER, &reg);
}

/* Waits until somebody wants the page. */
static bool is_wanted(struct parked *p)
{
	struct uffd_msg msg;

	return read(p->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

static bool bring(struct parked *p, const __u8 *bytes, size_t size)
{
	struct uffdio_copy copy = { .dst = (__u64)p->page, .len = VT_PAGE };
	void *page = aligned_alloc(VT_PAGE, VT_PAGE);
	bool right;

	if (!page)
		return false;
	memcpy(page, bytes, size);
	copy.src = (__u64)page;
	right = !ioctl(p->uffd, UFFDIO_COPY, &copy);
	free(page);
	return right;
}

struct writer {
	pthread_t thread;
	const struct vt_device *d;
	const struct part *part;
	const void *bytes;
	int ret;
};

static void *writer_main(void *arg)
{
	struct writer *w = arg;

	w->ret = config_write(w->d, w->part, w->bytes);
	return NULL;
}

TEST_F(gate, bytes_behind_userfaultfd)
{
	__u8 bytes[CONFIG_SIZE];
	struct parked p;
	size_t i;
	int fd;

	for (i = 0; i < VT_ARRAY_SIZE(over_command); i++) {
		const struct part *part = &over_command[i];
		struct writer w = { .d = &self->d, .part = part };

		ASSERT_TRUE(park(&p));
		ASSERT_TRUE(command_bytes(&self->d, part, false, bytes));
		w.bytes = p.page;
		ASSERT_EQ(0, pthread_create(&w.thread, NULL, writer_main, &w));
		ASSERT_TRUE(is_wanted(&p));
		/* Who waits for a page keeps nobody from the device. */
		EXPECT_TRUE(is_on(self));
		fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
		EXPECT_LE(0, fd);
		EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
		close(fd);
		EXPECT_EQ(EBUSY, pthread_tryjoin_np(w.thread, NULL));

		ASSERT_TRUE(bring(&p, bytes, part->size));
		ASSERT_EQ(0, pthread_join(w.thread, NULL));
		EXPECT_EQ((int)part->size, w.ret);
		EXPECT_TRUE(is_off(self));
		ASSERT_EQ(0, vt_memory(&self->d, true));
		munmap(p.page, VT_PAGE);
		close(p.uffd);
	}
}

TEST_F(gate, who_waits_for_userfaultfd_can_be_killed)
{
	static const struct part part = { PCI_COMMAND, 2 };
	struct parked p;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (!park(&p))
			_exit(1);
		config_write(&self->d, &part, p.page);
		_exit(2);
	}
	ASSERT_LT(0, pid);
	vt_sleep_ms(WATCH_MS);
	ASSERT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_TRUE(is_on(self));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_TRUE(is_on(self));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_TRUE(is_off(self));
}

/* Off, with bytes that are in the device's own memory */
static int turn_off_from(const struct vt_device *d, const struct part *part,
			 char *map)
{
	__u8 bytes[CONFIG_SIZE];

	if (!command_bytes(d, part, false, bytes))
		return -EIO;
	/* Beside the stamp, and across no page */
	memcpy(map + 64, bytes, part->size);
	return config_write(d, part, map + 64);
}

/*
 * The bytes are in what is about to go. Stock reads those of a step before it does
 * the step; where the driver has to zap before, nothing is written.
 */
TEST_F(gate, bytes_in_a_mapping_of_the_device)
{
	bool must = vt_stock_exports();
	struct vt_device stock;
	char *map, *stock_map;
	int ret, stock_ret;
	size_t i;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(0, vt_open(&stock, vt_bdf("B"), VT_STOCK));
	stock_map = vt_map_bar(&stock, BAR, 0, VT_PAGE);
	ASSERT_NE(NULL, stock_map);
	for (i = 0; i < 2 * VT_ARRAY_SIZE(over_command); i++) {
		const struct part *part = &over_command[i / 2];

		map = i & 1 ? self->bar : self->map;
		stock_ret = turn_off_from(&stock, part, stock_map);
		ret = turn_off_from(&self->d, part, map);
		if (command(&self->d) & PCI_COMMAND_MEMORY) {
			EXPECT_FALSE(must);
			EXPECT_EQ(-EFAULT, ret);
			EXPECT_TRUE(is_on(self));
		} else {
			EXPECT_EQ(stock_ret, ret);
			EXPECT_EQ(command(&stock), command(&self->d));
			EXPECT_TRUE(is_off(self));
		}
		ASSERT_EQ(0, vt_memory(&self->d, false));
		/* Off, it has no bytes for anybody. */
		EXPECT_EQ(-EFAULT, config_write(&self->d, part, map + 64));
		EXPECT_TRUE(is_off(self));
		ASSERT_EQ(0, vt_memory(&self->d, true));
		ASSERT_EQ(0, vt_memory(&stock, true));
		EXPECT_TRUE(is_on(self));
	}
	vt_close(&stock);
}

/* The last @size bytes before a hole */
static char *before_a_hole(const __u8 *bytes, size_t size)
{
	char *map = mmap(NULL, 2 * VT_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);

	if (map == MAP_FAILED || munmap(map + VT_PAGE, VT_PAGE))
		return NULL;
	return memcpy(map + VT_PAGE - size, bytes, size);
}

/*
 * vfio-pci-core writes by steps of 4, 2 and 1 bytes. A step of which a byte is
 * missing has not been, those before it have.
 */
static const struct cut {
	struct part part;
	unsigned int there;
	bool turned;
} cuts[] = {
	{ { PCI_COMMAND, 1 }, 0, false },
	{ { PCI_COMMAND, 2 }, 1, false },
	{ { PCI_COMMAND, 4 }, 2, false },
	{ { PCI_COMMAND, 4 }, 3, false },
	{ { PCI_COMMAND - 2, 6 }, 2, false },
	{ { PCI_COMMAND - 2, 6 }, 5, false },
	{ { PCI_COMMAND - 1, 6 }, 4, false },
	{ { 0, 64 }, 4, false },
	{ { 0, 64 }, 7, false },
	{ { PCI_COMMAND, 3 }, 2, true },
	{ { PCI_COMMAND, 6 }, 4, true },
	{ { PCI_COMMAND, 6 }, 5, true },
	{ { PCI_COMMAND - 1, 6 }, 5, true },
	{ { 0, 64 }, 8, true },
	{ { 0, 64 }, 33, true },
	{ { 0, CONFIG_SIZE }, 255, true },
};

/* Turns memory off as far as the bytes go. */
static int write_cut(const struct vt_device *d, const struct cut *cut)
{
	__u8 bytes[CONFIG_SIZE];
	char *from;

	if (!command_bytes(d, &cut->part, false, bytes))
		return -EIO;
	from = before_a_hole(bytes, cut->there);
	return from ? config_write(d, &cut->part, from) : -ENOMEM;
}

TEST_F(gate, bytes_that_end_in_a_hole)
{
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(cuts); i++) {
		ASSERT_TRUE(is_on(self));
		EXPECT_EQ(-EFAULT, write_cut(&self->d, &cuts[i]));
		EXPECT_EQ(cuts[i].turned,
			  !(command(&self->d) & PCI_COMMAND_MEMORY));
		EXPECT_TRUE(cuts[i].turned ? is_off(self) : is_on(self))
			TH_LOG("%u of %u bytes at %u", cuts[i].there,
			       cuts[i].part.size, cuts[i].part.off);
		ASSERT_EQ(0, vt_memory(&self->d, true));
	}
}

/* A thread that reads all the time */
struct reader {
	pthread_t thread;
	const char *map;
	/* Every page is stamped, or the first word has this value. */
	__u64 pages, value;
	atomic_bool stop;
	atomic_long right, sigbus;
	long wrong;
	__u64 odd;
};

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	__u64 seed = 5, page, value;

	while (!r->stop) {
		page = vt_random(&seed) % r->pages;
		if (vt_peek(r->map + page * VT_PAGE, &value)) {
			r->sigbus++;
		} else if (value == r->value + page) {
			r->right++;
		} else {
			r->odd = value;
			r->wrong++;
		}
	}
	return NULL;
}

static bool reader_start(struct reader *r, const char *map, __u64 pages,
			 __u64 value)
{
	*r = (struct reader){ .map = map, .pages = pages, .value = value };
	return !pthread_create(&r->thread, NULL, reader_main, r);
}

/* The machine may be busy with something else than the readers. */
static bool readers_have_seen_both(struct reader *r)
{
	return r[0].right && r[0].sigbus && r[1].right && r[1].sigbus;
}

static bool may_go_on(struct reader *r, __u64 start)
{
	return !readers_have_seen_both(r) &&
	       vt_now_ns() - start < vt_patience_ms() * 1000000ULL;
}

static bool reader_stop(struct reader *r)
{
	r->stop = true;
	pthread_join(r->thread, NULL);
	vt_log("%ld reads, %ld SIGBUS, %ld wrong (0x%llx)", r->right, r->sigbus,
	       r->wrong, r->odd);
	return !r->wrong;
}

TEST_F(gate, readers_see_the_memory_or_sigbus_but_nothing_else)
{
	unsigned int i, n = VT_ARRAY_SIZE(over_command);
	__u64 start = vt_now_ns();
	struct reader r[2];

	ASSERT_TRUE(reader_start(&r[0], self->map, SIZE / VT_PAGE, STAMP));
	ASSERT_TRUE(reader_start(&r[1], self->bar, SIZE / VT_PAGE, STAMP));
	for (i = 0; i < 100; i++) {
		const struct part *off = &over_command[i % n];
		const struct part *on = &over_command[i / n % n];

		ASSERT_EQ((int)off->size, turn(&self->d, off, false, i & 1));
		if (i % 10 == 0)
			vt_sleep_ms(1);
		ASSERT_EQ((int)on->size, turn(&self->d, on, true, i & 2));
		vt_sleep_ms(1);
	}
	while (may_go_on(r, start)) {
		ASSERT_EQ(0, vt_memory(&self->d, false));
		vt_sleep_ms(20);
		ASSERT_EQ(0, vt_memory(&self->d, true));
		vt_sleep_ms(20);
	}
	EXPECT_TRUE(readers_have_seen_both(r));
	EXPECT_TRUE(reader_stop(&r[0]));
	EXPECT_TRUE(reader_stop(&r[1]));
	EXPECT_TRUE(is_on(self));
}

TEST_F(gate, readers_across_low_power)
{
	__u32 entry = VFIO_DEVICE_FEATURE_SET |
		      VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY;
	__u32 leave = VFIO_DEVICE_FEATURE_SET |
		      VFIO_DEVICE_FEATURE_LOW_POWER_EXIT;
	__u64 start = vt_now_ns();
	struct reader r[2];
	unsigned int i;

	ASSERT_TRUE(reader_start(&r[0], self->map, SIZE / VT_PAGE, STAMP));
	ASSERT_TRUE(reader_start(&r[1], self->bar, SIZE / VT_PAGE, STAMP));
	for (i = 0; i < 50 || may_go_on(r, start); i++) {
		ASSERT_EQ(0, vt_feature(self->d.fd, entry, NULL, 0));
		vt_sleep_ms(1);
		ASSERT_EQ(0, vt_feature(self->d.fd, leave, NULL, 0));
		vt_sleep_ms(1);
	}
	EXPECT_TRUE(readers_have_seen_both(r));
	EXPECT_TRUE(reader_stop(&r[0]));
	EXPECT_TRUE(reader_stop(&r[1]));
	EXPECT_TRUE(is_on(self));
}

/* What stock vfio-pci answers, and what it has written then */
FIXTURE(as_stock)
{
	struct vt_device d;
	struct vt_device stock;
	char *map;
};

FIXTURE_SETUP(as_stock)
{
	int fd;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	self->stock = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_open(&self->stock, vt_bdf("B"), VT_STOCK));
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	self->map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(as_stock)
{
	vt_close(&self->stock);
	vt_close(&self->d);
}

TEST_F(as_stock, whole_writes)
{
	size_t i, on;
	__u64 value;

	for (i = 0; i < VT_ARRAY_SIZE(over_command); i++) {
		for (on = 0; on < 2; on++) {
			vt_peek(self->map, &value);
			EXPECT_EQ(turn(&self->stock, &over_command[i], on, 1),
				  turn(&self->d, &over_command[i], on, 1));
			EXPECT_EQ(command(&self->stock), command(&self->d));
		}
	}
}

TEST_F(as_stock, writes_that_end_in_a_hole)
{
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(cuts); i++) {
		vt_touch(self->map, SIZE);
		EXPECT_EQ(write_cut(&self->stock, &cuts[i]),
			  write_cut(&self->d, &cuts[i]));
		EXPECT_EQ(command(&self->stock), command(&self->d));
		ASSERT_EQ(0, vt_memory(&self->stock, true));
		ASSERT_EQ(0, vt_memory(&self->d, true));
	}
}

/* Beyond the end, and not at all */
TEST_F(as_stock, writes_that_are_refused)
{
	static const struct part parts[] = {
		{ PCI_COMMAND, 0 }, { CONFIG_SIZE - 2, 4 },
		{ PCI_COMMAND, CONFIG_SIZE }, { PCI_COMMAND, 2 * CONFIG_SIZE },
		{ PCI_CFG_SPACE_EXP_SIZE - 2, 4 }, { PCI_CFG_SPACE_EXP_SIZE, 4 },
	};
	static const __u8 bytes[2 * CONFIG_SIZE];
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(parts); i++)
		EXPECT_EQ(config_write(&self->stock, &parts[i], bytes),
			  config_write(&self->d, &parts[i], bytes));
	EXPECT_EQ(config_write(&self->stock, &over_command[1], NULL),
		  config_write(&self->d, &over_command[1], NULL));
	EXPECT_EQ(command(&self->stock), command(&self->d));
}

/* D3hot, where registers are behind BAR 0 */
FIXTURE(power)
{
	struct vt_device d;
	unsigned int ctrl;
	char *map;
	char *bar;
	__u64 value;
};

FIXTURE_SETUP(power)
{
	int fd, pos;

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("PM"), VT_DRIVER));
	pos = vt_find_cap(&self->d, PCI_CAP_ID_PM);
	ASSERT_LT(0, pos);
	self->ctrl = pos + PCI_PM_CTRL;
	fd = vt_export_one(self->d.fd, 0, 0, VT_PAGE);
	ASSERT_LE(0, fd);
	self->map = vt_map_rw(fd, VT_PAGE);
	ASSERT_NE(NULL, self->map);
	self->bar = vt_map_bar(&self->d, 0, 0, VT_PAGE);
	ASSERT_NE(NULL, self->bar);
	ASSERT_EQ(0, vt_peek(self->map, &self->value));
	ASSERT_NE(~0ULL, self->value);
}

FIXTURE_TEARDOWN(power)
{
	vt_close(&self->d);
}

/* Writes that cover the control register's low byte, at @ctrl */
#define POWER_PARTS	10

static struct part over_ctrl(unsigned int ctrl, unsigned int i)
{
	const struct part parts[POWER_PARTS] = {
		{ ctrl, 1 }, { ctrl, 2 }, { ctrl - 1, 2 }, { ctrl, 3 },
		{ ctrl, 4 }, { ctrl - 3, 4 }, { ctrl - 2, 6 },
		{ ctrl - 32, 64 }, { ctrl - 61, 64 }, { 0, CONFIG_SIZE },
	};

	return parts[i];
}

static int set_power(const struct vt_device *d, unsigned int ctrl,
		     const struct part *part, unsigned int state, bool missing)
{
	__u8 bytes[CONFIG_SIZE], *low = bytes + ctrl - part->off;
	void *from;

	if (vt_config_read(d, part->off, bytes, part->size))
		return -EIO;
	*low = (*low & ~PCI_PM_CTRL_STATE_MASK) | state;
	from = missing ? in_a_file(bytes, part->size) : bytes;
	return from ? config_write(d, part, from) : -ENOMEM;
}

static bool power_is_off(FIXTURE_DATA(power) *self)
{
	__u64 value;

	return !vt_present(self->map, VT_PAGE) &&
	       !vt_present(self->bar, VT_PAGE) &&
	       vt_peek(self->map, &value) == SIGBUS &&
	       vt_peek(self->bar, &value) == SIGBUS;
}

static bool power_is_on(FIXTURE_DATA(power) *self)
{
	__u64 map, bar;

	return !vt_peek(self->map, &map) && !vt_peek(self->bar, &bar) &&
	       map == self->value && bar == self->value;
}

TEST_F(power, each_size_goes_to_d3hot_and_back)
{
	unsigned int i;

	for (i = 0; i < 2 * POWER_PARTS; i++) {
		struct part part = over_ctrl(self->ctrl, i / 2);

		ASSERT_TRUE(power_is_on(self));
		EXPECT_EQ((int)part.size, set_power(&self->d, self->ctrl, &part,
						    D3HOT, i & 1));
		EXPECT_TRUE(power_is_off(self))
			TH_LOG("%u bytes at %u", part.size, part.off);
		EXPECT_EQ((int)part.size, set_power(&self->d, self->ctrl, &part,
						    D0, i & 1));
		ASSERT_EQ(0, vt_memory(&self->d, true));
		EXPECT_TRUE(power_is_on(self))
			TH_LOG("%u bytes at %u", part.size, part.off);
	}
}

TEST_F(power, bytes_that_end_in_a_hole_change_nothing)
{
	__u8 d3hot[2] = { D3HOT, 0 };
	struct part part = { self->ctrl, 2 };
	char *from = before_a_hole(d3hot, 1);

	ASSERT_NE(NULL, from);
	EXPECT_EQ(-EFAULT, config_write(&self->d, &part, from));
	EXPECT_TRUE(power_is_on(self));
	part.size = 4;
	EXPECT_EQ(-EFAULT, config_write(&self->d, &part, from));
	EXPECT_TRUE(power_is_on(self));
}

TEST_F(power, readers_see_the_register_or_sigbus_but_nothing_else)
{
	__u64 start = vt_now_ns();
	struct reader r[2];
	unsigned int i;

	ASSERT_TRUE(reader_start(&r[0], self->map, 1, self->value));
	ASSERT_TRUE(reader_start(&r[1], self->bar, 1, self->value));
	for (i = 0; i < 50 || may_go_on(r, start); i++) {
		struct part part = over_ctrl(self->ctrl, i % POWER_PARTS);

		ASSERT_EQ((int)part.size, set_power(&self->d, self->ctrl, &part,
						    D3HOT, i & 1));
		ASSERT_EQ((int)part.size, set_power(&self->d, self->ctrl, &part,
						    D0, i & 1));
		ASSERT_EQ(0, vt_memory(&self->d, true));
		vt_sleep_ms(1);
	}
	EXPECT_TRUE(readers_have_seen_both(r));
	EXPECT_TRUE(reader_stop(&r[0]));
	EXPECT_TRUE(reader_stop(&r[1]));
	EXPECT_TRUE(power_is_on(self));
}

TEST_HARNESS_MAIN
