// SPDX-License-Identifier: GPL-2.0-only
/*
 * The measurements of "make bench", in the test machine: one device is bound to
 * stock vfio-pci, an identical one to this driver, and they take turns.
 *
 * Prints lines "sample SERIES VALUE" and "machine KEY VALUE", separated by tabs;
 * the n-th samples of all series are of the same round. Counts are per touch of a
 * whole mapping, times are nanoseconds. What they are compared with is in ./rows.
 */
#include <cpuid.h>
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vfio_test.h"

#define BAR		2
#define SIZE		VT_MIB(256)
#define RW		(PROT_READ | PROT_WRITE)

/* Every measurement is thrown away that often before it counts. */
#define WARM_UP		2
#define ROUNDS_SLOW	15
#define ROUNDS		41

/* Calls per sample, where one is too short for the clock. */
#define BATCH		64

#define NEIGHBOURS	1024
#define RANDOM_PAGES	4096

/* Other buffers, or mappings of the device fd, that are there at the same time. */
#define CROWD		1000
#define CROWD_MAX	4000
#define CROWD_SIZE	VT_KIB(64)

static struct vt_device stock = VT_DEVICE_INIT, ours = VT_DEVICE_INIT;
static bool warming_up, stock_exports;

static void __attribute__((format(printf, 2, 3)))
sample(__u64 value, const char *fmt, ...)
{
	va_list ap;

	if (warming_up)
		return;

	va_start(ap, fmt);
	printf("sample\t");
	vprintf(fmt, ap);
	printf("\t%llu\n", value);
	va_end(ap);
}

static const char *name_of(const struct vt_device *d)
{
	return d == &stock ? "stock" : "ours";
}

/* An address that is @skew past a multiple of 2 MiB. */
static char *map(int fd, off_t offset, size_t skew)
{
	char *addr = vt_map(fd, SIZE, RW, offset, VT_PMD, skew);

	if (!addr)
		err(1, "mmap");
	return addr;
}

static off_t bar_offset(const struct vt_device *d)
{
	struct vfio_region_info info;

	if (vt_region(d, BAR, &info) || info.size != SIZE)
		errx(1, "%s: BAR %u is not of %lu bytes", d->bdf, BAR, SIZE);
	return info.offset;
}

struct cost {
	__u64 ns;
	long faults;
};

static struct cost touch(const char *addr, size_t size, size_t step)
{
	struct cost cost;
	size_t off;

	cost.faults = vt_faults();
	cost.ns = vt_now_ns();
	for (off = 0; off < size; off += step)
		(void)*(const volatile char *)(addr + off);
	cost.ns = vt_now_ns() - cost.ns;
	cost.faults = vt_faults() - cost.faults;

	return cost;
}

static void timed_munmap(char *addr, size_t size, __u64 *ns)
{
	*ns = vt_now_ns();
	if (munmap(addr, size))
		err(1, "munmap");
	*ns = vt_now_ns() - *ns;
}

static int export(struct vt_device *d, const struct vfio_region_dma_range *ranges,
		  __u32 nr)
{
	int fd = vt_export(d->fd, BAR, O_RDWR | O_CLOEXEC, ranges, nr);

	if (fd < 0)
		errx(1, "export of %u ranges: %s", nr, strerror(-fd));
	return fd;
}

static int export_bar(struct vt_device *d)
{
	struct vfio_region_dma_range all = { 0, SIZE };

	return export(d, &all, 1);
}

/* Touch every page, of a BAR mapping and of a DMABUF; then take it away. */

static void touch_bar(struct vt_device *d, size_t skew, const char *label)
{
	char *addr = map(d->fd, bar_offset(d), skew);
	struct cost cost = touch(addr, SIZE, VT_PAGE);
	__u64 ns;

	timed_munmap(addr, SIZE, &ns);
	sample(cost.faults, "%s.bar.%s.faults", name_of(d), label);
	sample(cost.ns, "%s.bar.%s.touch", name_of(d), label);
	sample(ns, "%s.bar.%s.munmap", name_of(d), label);
}

static void touch_dmabuf(size_t skew, const char *label)
{
	int fd = export_bar(&ours);
	char *addr = map(fd, 0, skew);
	struct cost cost = touch(addr, SIZE, VT_PAGE);
	__u64 ns = vt_now_ns();

	if (vt_revoke_ioctl(ours.fd, fd))
		errx(1, "revoke failed");
	ns = vt_now_ns() - ns;
	if (vt_present(addr, SIZE))
		errx(1, "revoke left page-table entries behind");

	sample(cost.faults, "ours.dmabuf.%s.faults", label);
	sample(cost.ns, "ours.dmabuf.%s.touch", label);
	sample(ns, "ours.dmabuf.%s.revoke", label);
	munmap(addr, SIZE);
	close(fd);
}

static void touch_round(unsigned int i, size_t skew, const char *label)
{
	if (i % 2) {
		touch_bar(&stock, skew, label);
		touch_bar(&ours, skew, label);
		touch_dmabuf(skew, label);
	} else {
		touch_dmabuf(skew, label);
		touch_bar(&ours, skew, label);
		touch_bar(&stock, skew, label);
	}
}

static void touch_unaligned(unsigned int i)
{
	touch_round(i, VT_PAGE, "4k");
}

static void touch_aligned(unsigned int i)
{
	touch_round(i, 0, "2m");
}

/* One range against many that follow each other in the BAR. */

static void touch_exported(const struct vfio_region_dma_range *ranges, __u32 nr,
			   const char *name)
{
	int fd = export(&ours, ranges, nr);
	char *addr = map(fd, 0, 0);
	struct cost cost = touch(addr, SIZE, VT_PAGE);
	struct vpdm_pt_count count = vt_ptes(addr, SIZE);

	sample(cost.faults, "ours.%s.faults", name);
	sample(cost.ns, "ours.%s.touch", name);
	sample(count.leaves[VPDM_PT_PTE] + count.leaves[VPDM_PT_PMD] +
	       count.leaves[VPDM_PT_PUD], "ours.%s.entries", name);
	munmap(addr, SIZE);
	close(fd);
}

static void neighbours(unsigned int i)
{
	static struct vfio_region_dma_range ranges[NEIGHBOURS];
	struct vfio_region_dma_range all = { 0, SIZE };
	size_t n;

	for (n = 0; n < NEIGHBOURS; n++) {
		ranges[n].length = SIZE / NEIGHBOURS;
		ranges[n].offset = n * ranges[n].length;
	}

	if (i % 2)
		touch_exported(&all, 1, "alone");
	touch_exported(ranges, NEIGHBOURS, "neighbours");
	if (!(i % 2))
		touch_exported(&all, 1, "alone");
}

/*
 * Faults in random pages of a buffer. Each page has a mapping of its own, so
 * that a fault maps one page whatever the ranges are.
 */
static void random_faults(int fd, const char *name)
{
	__u64 state = 1;
	size_t stride = 2 * VT_PAGE, size = RANDOM_PAGES * stride, i;
	struct cost cost;
	char *base;

	base = mmap(NULL, size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		err(1, "mmap");
	for (i = 0; i < RANDOM_PAGES; i++) {
		off_t page = vt_random(&state) % (SIZE / VT_PAGE);

		if (mmap(base + i * stride, VT_PAGE, RW, MAP_SHARED | MAP_FIXED,
			 fd, page * VT_PAGE) == MAP_FAILED)
			err(1, "mmap of page %ld", page);
	}

	cost = touch(base, size, stride);
	if (cost.faults != RANDOM_PAGES)
		errx(1, "%ld faults in %d pages", cost.faults, RANDOM_PAGES);
	sample(cost.ns / RANDOM_PAGES, "ours.%s.fault", name);
	munmap(base, size);
}

static int export_scattered(void)
{
	size_t i, nr = SIZE / VT_PAGE;
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));
	int fd;

	if (!ranges)
		err(1, "calloc");
	for (i = 0; i < nr; i++) {
		ranges[i].length = VT_PAGE;
		ranges[i].offset = (nr - 1 - i) * VT_PAGE;
	}
	fd = export(&ours, ranges, nr);
	free(ranges);
	return fd;
}

static void random_pages(unsigned int i)
{
	static int one = -1, many = -1;

	if (one < 0) {
		one = export_bar(&ours);
		many = export_scattered();
	}
	if (i % 2)
		random_faults(one, "one");
	random_faults(many, "scattered");
	if (!(i % 2))
		random_faults(one, "one");
}

/* First touch, one per 2 MiB, uncached and write-combining. */

static void first_touch_of(__u32 memattr, size_t skew, const char *name)
{
	int fd = export_bar(&ours);
	struct cost cost;
	char *addr;

	if (vt_memattr_set(ours.fd, fd, memattr))
		errx(1, "no memory attribute %u", memattr);
	addr = map(fd, 0, skew);
	cost = touch(addr, SIZE, VT_PMD);
	if (vt_present(addr, SIZE - skew) != SIZE - skew)
		errx(1, "%s: the first touch left pages out", name);
	sample(cost.ns / (SIZE / VT_PMD), "ours.%s.first", name);
	munmap(addr, SIZE);
	close(fd);
}

static void first_touch(unsigned int i)
{
	if (i % 2)
		first_touch_of(VFIO_DMA_BUF_MEMATTR_NC, 0, "nc");
	first_touch_of(VFIO_DMA_BUF_MEMATTR_WC, 0, "wc");
	first_touch_of(VFIO_DMA_BUF_MEMATTR_WC, VT_PAGE, "wc.4k");
	if (!(i % 2))
		first_touch_of(VFIO_DMA_BUF_MEMATTR_NC, 0, "nc");
}

/* System calls alone. */

static void export_close_of(struct vt_device *d, const char *label)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_dma_buf get;
		struct vfio_region_dma_range range;
	} req = {
		.head.argsz = sizeof(req),
		.head.flags = VFIO_DEVICE_FEATURE_GET |
			      VFIO_DEVICE_FEATURE_DMA_BUF,
		.get.region_index = BAR,
		.get.open_flags = O_RDWR | O_CLOEXEC,
		.get.nr_ranges = 1,
		.range.length = SIZE,
	};
	__u64 ns = vt_now_ns();
	int i, fd;

	if (d == &stock && !stock_exports)
		return;

	for (i = 0; i < BATCH; i++) {
		fd = ioctl(d->fd, VFIO_DEVICE_FEATURE, &req);
		if (fd < 0)
			err(1, "export");
		close(fd);
	}
	sample((vt_now_ns() - ns) / BATCH, "%s.%s", name_of(d), label);
}

static void mmap_of(struct vt_device *d)
{
	off_t offset = bar_offset(d);
	void *addr[BATCH];
	__u64 ns = vt_now_ns();
	int i;

	for (i = 0; i < BATCH; i++) {
		addr[i] = mmap(NULL, SIZE, RW, MAP_SHARED, d->fd, offset);
		if (addr[i] == MAP_FAILED)
			err(1, "mmap of the device fd");
	}
	sample((vt_now_ns() - ns) / BATCH, "%s.mmap", name_of(d));
	for (i = 0; i < BATCH; i++)
		munmap(addr[i], SIZE);
}

/* Each is the only mapping of the BAR. */
static void mmap_alone(struct vt_device *d)
{
	off_t offset = bar_offset(d);
	__u64 ns = vt_now_ns();
	void *addr;
	int i;

	for (i = 0; i < BATCH; i++) {
		addr = mmap(NULL, SIZE, RW, MAP_SHARED, d->fd, offset);
		if (addr == MAP_FAILED)
			err(1, "mmap of the device fd");
		munmap(addr, SIZE);
	}
	sample((vt_now_ns() - ns) / BATCH, "%s.mmap-alone", name_of(d));
}

static void *idle(void *unused)
{
	pause();
	return unused;
}

/* With threads the kernel has a shared table of files to lock. */
static void export_with_thread(struct vt_device *first,
			       struct vt_device *second)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, NULL))
		errx(1, "no thread");
	export_close_of(first, "export-threaded");
	export_close_of(second, "export-threaded");
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

static void system_calls(unsigned int i)
{
	struct vt_device *first = i % 2 ? &stock : &ours;
	struct vt_device *second = i % 2 ? &ours : &stock;

	export_close_of(first, "export");
	export_close_of(second, "export");
	mmap_of(first);
	mmap_of(second);
	mmap_alone(first);
	mmap_alone(second);
	export_with_thread(first, second);
}

/* A revoke of one of few buffers, and of one of many. */

static void revoke_of_one(const char *name)
{
	struct vfio_region_dma_range range = { 0, CROWD_SIZE };
	__u64 sum = 0, ns;
	char *addr;
	int i, fd;

	for (i = 0; i < BATCH; i++) {
		fd = export(&ours, &range, 1);
		addr = vt_map_rw(fd, CROWD_SIZE);
		if (!addr)
			err(1, "mmap");
		vt_touch(addr, CROWD_SIZE);
		ns = vt_now_ns();
		if (vt_revoke(ours.fd, fd))
			errx(1, "revoke failed");
		sum += vt_now_ns() - ns;
		munmap(addr, CROWD_SIZE);
		close(fd);
	}
	sample(sum / BATCH, "ours.%s.revoke", name);
}

/* The kernel's own part of it: what it costs to drop the entries of as much. */
static void munmap_of_one(const char *name)
{
	off_t offset = bar_offset(&stock);
	__u64 sum = 0, ns;
	char *addr;
	int i;

	for (i = 0; i < BATCH; i++) {
		addr = mmap(NULL, CROWD_SIZE, RW, MAP_SHARED, stock.fd, offset);
		if (addr == MAP_FAILED)
			err(1, "mmap of the device fd");
		vt_touch(addr, CROWD_SIZE);
		timed_munmap(addr, CROWD_SIZE, &ns);
		sum += ns;
	}
	sample(sum / BATCH, "stock.%s.munmap", name);
}

/* @nr buffers, each mapped and touched. The mapping keeps the buffer. */
static void crowd_map(char **addr, int nr)
{
	struct vfio_region_dma_range range = { 0, CROWD_SIZE };
	int n, fd;

	for (n = 0; n < nr; n++, range.offset += CROWD_SIZE) {
		fd = export(&ours, &range, 1);
		addr[n] = vt_map_rw(fd, CROWD_SIZE);
		if (!addr[n])
			err(1, "mmap");
		vt_touch(addr[n], CROWD_SIZE);
		close(fd);
	}
}

static void crowd_unmap(char **addr, int nr)
{
	int n;

	for (n = 0; n < nr; n++)
		munmap(addr[n], CROWD_SIZE);
}

static void crowd(unsigned int i)
{
	static char *addr[CROWD];

	(void)i;
	revoke_of_one("few");
	munmap_of_one("few");
	crowd_map(addr, CROWD);
	revoke_of_one("crowd");
	munmap_of_one("crowd");
	crowd_unmap(addr, CROWD);
}

/* Memory goes off, and with it the entries of every buffer, and on. */

static void transition(unsigned int i)
{
	static const int sizes[] = { 100, CROWD, CROWD_MAX };
	static char *addr[CROWD_MAX];
	unsigned int n;
	__u64 ns;

	(void)i;
	for (n = 0; n < VT_ARRAY_SIZE(sizes); n++) {
		crowd_map(addr, sizes[n]);
		ns = vt_now_ns();
		if (vt_memory(&ours, false) || vt_memory(&ours, true))
			errx(1, "memory off and on failed");
		sample(vt_now_ns() - ns, "ours.transition.%d", sizes[n]);
		if (vt_present(addr[0], CROWD_SIZE) ||
		    vt_present(addr[sizes[n] - 1], CROWD_SIZE))
			errx(1, "entries are left");
		crowd_unmap(addr, sizes[n]);
	}
}

/* A reset ends all mappings of the device before it. */

static void reset_of(struct vt_device *d)
{
	off_t offset = bar_offset(d);
	static char *addr[CROWD];
	__u64 ns;
	int n;

	for (n = 0; n < CROWD; n++) {
		addr[n] = mmap(NULL, VT_PAGE, RW, MAP_SHARED, d->fd, offset);
		if (addr[n] == MAP_FAILED)
			err(1, "mmap of the device fd");
		vt_touch(addr[n], VT_PAGE);
	}
	ns = vt_now_ns();
	if (vt_reset(d))
		errx(1, "reset failed");
	sample(vt_now_ns() - ns, "%s.reset", name_of(d));
	for (n = 0; n < CROWD; n++)
		munmap(addr[n], VT_PAGE);
}

static void resets(unsigned int i)
{
	reset_of(i % 2 ? &stock : &ours);
	reset_of(i % 2 ? &ours : &stock);
}

static void describe(const char *key, const char *value)
{
	printf("machine\t%s\t%s\n", key, value);
}

static void describe_machine(void)
{
	char hypervisor[13] = "", fault_around[16], clock[32];
	struct utsname kernel;
	unsigned int eax;

	uname(&kernel);
	__cpuid(0x40000000, eax, *(unsigned int *)&hypervisor[0],
		*(unsigned int *)&hypervisor[4],
		*(unsigned int *)&hypervisor[8]);
	if (vt_param_get("fault_around_kb", fault_around, sizeof(fault_around)))
		errx(1, "the driver is not loaded");
	vt_read_text("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		     clock, sizeof(clock));

	describe("kernel", kernel.release);
	describe("hypervisor", hypervisor);
	describe("clock", clock);
	describe("fault_around_kb", fault_around);
	describe("huge entries", vt_has_huge_entries() ? "yes" : "no");
	describe("stock exports", stock_exports ? "yes" : "no");
}

static void open_device(struct vt_device *d, const char *name,
			const char *driver)
{
	char *addr;

	if (vt_open(d, vt_bdf(name), driver))
		exit(1);
	/* The host provides the BAR's memory when it is touched first. */
	addr = map(d->fd, bar_offset(d), 0);
	vt_touch(addr, SIZE);
	munmap(addr, SIZE);
}

static void repeat(void (*round)(unsigned int i), unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < WARM_UP + rounds; i++) {
		warming_up = i < WARM_UP;
		round(i);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, VT_MIB(1));
	open_device(&stock, "STOCK", VT_STOCK);
	open_device(&ours, "OURS", VT_DRIVER);
	stock_exports = vt_probe(stock.fd, VFIO_DEVICE_FEATURE_DMA_BUF,
				 VFIO_DEVICE_FEATURE_GET);
	describe_machine();

	repeat(touch_unaligned, ROUNDS_SLOW);
	repeat(touch_aligned, ROUNDS);
	repeat(neighbours, ROUNDS);
	repeat(random_pages, ROUNDS);
	repeat(first_touch, ROUNDS);
	repeat(system_calls, ROUNDS);
	repeat(crowd, ROUNDS);
	repeat(transition, ROUNDS_SLOW);
	repeat(resets, ROUNDS_SLOW);

	return 0;
}
