// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random but type-aware sequences of all calls of the interface, and of those
 * that its file descriptors and mappings allow, from several processes on the
 * same devices. What it looks for is found by the kernel: run it on one with
 * KASAN and lockdep. By itself it finds errnos that userspace must not see, hangs,
 * buffers that outlive all that referred to them, and devices left unusable.
 *
 *	fuzz_test [CALLS [SEED [PROCESSES]]]
 *
 * A process's sequence depends on the seed alone, not on results; only how the
 * processes interleave differs from run to run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/pci_regs.h>
#include <linux/udmabuf.h>

#include "kselftest.h"
#include "lib/vfio_test.h"
#include "modules/vpdm_test_edu.h"

/* The calls have one type; not each needs all that it is given. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define CALLS		20000
#define PROCESSES	4
#define GENERATION	20000	/* calls of a process before the devices are closed */

#define NR_DEVICES	4
#define NR_FDS		12
#define NR_HANDLES	4
#define NR_RANDOM	8

/* Mappings are made here at addresses of our choice, over one another. */
#define ARENA		((char *)(64UL << 30))
#define ARENA_SIZE	(8 * VT_PMD)

/* What a process knows. */
struct process {
	struct vt_device *devices;
	__u64 config[NR_DEVICES];
	int fds[NR_FDS];
	int odd[4];
	ino_t udmabuf_ino;
	int sock[2];
	int edu;
	__u32 handles[NR_HANDLES];
};

/* What they all know, in shared memory. */
struct shared {
	unsigned long calls;
	unsigned long done[64];
	unsigned long succeeded[64];
	__u64 ns[64];
	unsigned long bad;
};

static struct shared *shared;

static __u64 pages(__u64 r)
{
	static const unsigned short usual[] = { 1, 2, 3, 4, 8, 16, 512, 513 };

	return (r & 15 ? usual[(r >> 4) % VT_ARRAY_SIZE(usual)] :
			 (r >> 4) % 2048) * VT_PAGE;
}

/* One in sixteen is not a multiple of the page size. */
static __u64 roughly(__u64 value, __u64 r)
{
	return r % 16 ? value : value + (r >> 4) % VT_PAGE;
}

static char *address(__u64 r)
{
	__u64 unit = r & 1 ? VT_PMD : VT_PAGE;

	return ARENA + (r >> 1) % (ARENA_SIZE / unit) * unit;
}

static int device(struct process *p, __u64 r)
{
	return p->devices[r % NR_DEVICES].fd;
}

/* Mostly a DMABUF, sometimes another file, sometimes none. */
static int some_fd(struct process *p, __u64 r)
{
	switch (r % 16) {
	case 0:
		return p->odd[(r >> 4) % VT_ARRAY_SIZE(p->odd)];
	case 1:
		return device(p, r >> 4);
	case 2:
		return (int)(r >> 4);
	default:
		return p->fds[(r >> 4) % NR_FDS];
	}
}

static long keep_fd(struct process *p, __u64 r, int fd)
{
	int *slot = &p->fds[r % NR_FDS];

	if (fd < 0)
		return fd;
	if (*slot >= 0)
		close(*slot);
	*slot = fd;
	return 0;
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* The device's features */

static long do_export(struct process *p, const __u64 *r)
{
	static const __u32 access[] = {
		O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY, 0xffff,
	};
	bool wrong = !(r[6] % 16);
	struct vfio_region_dma_range ranges[16];
	__u32 nr = 1 + r[0] % VT_ARRAY_SIZE(ranges);
	__u64 at = r[1];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		at = vt_random(&at);
		ranges[i].offset = roughly(pages(at >> 8), wrong ? r[2] : 1);
		ranges[i].length = roughly(pages(at >> 32), wrong ? r[3] : 1);
	}
	return keep_fd(p, r[4],
		       vt_export(device(p, r[5]), wrong ? (r[6] >> 4) % 9 : 2,
				 access[r[7] % VT_ARRAY_SIZE(access)] | O_CLOEXEC,
				 ranges, nr));
}

static long do_export_badly(struct process *p, const __u64 *r)
{
	struct {
		struct vfio_device_feature_dma_buf head;
		struct vfio_region_dma_range range[4];
	} arg = {
		.head = { r[0] % 9, r[1] % 8, !(r[2] % 4), r[3] % 6 },
		.range = { { r[4], r[5] }, { 0, VT_PAGE }, { 0, r[6] } },
	};
	int ret = vt_feature_argsz(device(p, r[7]), r[7] >> 8 & 127,
				   VFIO_DEVICE_FEATURE_GET |
				   VFIO_DEVICE_FEATURE_DMA_BUF, &arg,
				   sizeof(arg));

	return keep_fd(p, r[2], ret);
}

/* The numbers of low power, where the device sleeps until it is used. */
static long do_feature(struct process *p, const __u64 *r)
{
	static const __u16 numbers[] = {
		3, 5, VFIO_DEVICE_FEATURE_DMA_BUF,
		VFIO_PCI_DMABUF_MMAP_FEATURE_REVOKE,
		VFIO_PCI_DMABUF_MMAP_FEATURE_MEMATTR,
		VFIO_PCI_DMABUF_MMAP_FEATURE_PLAIN,
		VFIO_PCI_DMABUF_MMAP_FEATURE_MMAP, 0xfd04, 0xffff,
	};
	__u64 data[4] = { r[2], r[3], r[4], r[5] };

	return vt_feature(device(p, r[0]),
			  numbers[r[1] % VT_ARRAY_SIZE(numbers)] |
			  (r[1] >> 8 & 7) << 16, data, r[6] % sizeof(data));
}

static long do_revoke(struct process *p, const __u64 *r)
{
	return vt_revoke(device(p, r[0]), some_fd(p, r[1]));
}

static long do_revoke_ioctl(struct process *p, const __u64 *r)
{
	return vt_revoke_ioctl(device(p, r[0]), some_fd(p, r[1]));
}

static long do_memattr_set(struct process *p, const __u64 *r)
{
	return vt_memattr_set(device(p, r[0]), some_fd(p, r[1]),
			      r[2] % 16 ? r[2] >> 4 & 1 : r[2]);
}

static long do_memattr_get(struct process *p, const __u64 *r)
{
	return vt_memattr_get(device(p, r[0]), some_fd(p, r[1]));
}

/* What ends access for a time. Memory is on again most of the time. */

static long config_write(struct process *p, __u64 r, unsigned int off,
			 const void *value, size_t size)
{
	return result(pwrite(device(p, r), value, size,
			     p->config[r % NR_DEVICES] + off));
}

static long do_memory(struct process *p, const __u64 *r)
{
	__u16 command = PCI_COMMAND_MASTER |
			(r[1] % 4 ? PCI_COMMAND_MEMORY : 0);

	return config_write(p, r[0], PCI_COMMAND, &command, sizeof(command));
}

static long do_config(struct process *p, const __u64 *r)
{
	return config_write(p, r[0], r[1] % 256, &r[2], 1 << r[3] % 3);
}

static long do_reset(struct process *p, const __u64 *r)
{
	struct vt_device *d = &p->devices[r[0] % NR_DEVICES];

	return r[1] % 2 ? vt_reset(d) : vt_hot_reset(d);
}

static long do_sysfs_reset(struct process *p, const __u64 *r)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset",
		 p->devices[r[0] % NR_DEVICES].bdf);
	return vt_try_write_text(path, "1");
}

/* Mappings */

static long do_mmap(struct process *p, const __u64 *r)
{
	static const int flags[] = { MAP_SHARED, MAP_SHARED_VALIDATE, MAP_PRIVATE };
	void *map = mmap(address(r[0]), roughly(pages(r[1]), r[2]),
			 r[3] % 4 ? PROT_READ | PROT_WRITE : r[3] >> 2 & 7,
			 flags[r[4] % 16 / 7] | MAP_FIXED |
			 (r[4] >> 8 & 15 ? 0 : MAP_POPULATE | MAP_LOCKED),
			 some_fd(p, r[5]), r[6] % 4 ? 0 : pages(r[7]));

	return map == MAP_FAILED ? -errno : 0;
}

static long do_mmap_bar(struct process *p, const __u64 *r)
{
	__u64 bar = r[6] % 16 ? 2 : (r[6] >> 4) % 9;
	void *map = mmap(address(r[0]), pages(r[1]),
			 r[3] & (PROT_READ | PROT_WRITE),
			 (r[4] % 8 ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED,
			 device(p, r[5]), (bar << 40) + pages(r[7]));

	return map == MAP_FAILED ? -errno : 0;
}

static long do_munmap(struct process *p, const __u64 *r)
{
	return result(munmap(address(r[0]), pages(r[1])));
}

static long do_mremap(struct process *p, const __u64 *r)
{
	int move = r[3] % 2 ? MREMAP_MAYMOVE | MREMAP_FIXED : 0;
	void *map = mremap(address(r[0]), pages(r[1]), pages(r[2]), move,
			   address(r[4]));

	return map == MAP_FAILED ? -errno : 0;
}

static long do_mprotect(struct process *p, const __u64 *r)
{
	return result(mprotect(address(r[0]), pages(r[1]),
			       r[2] & (PROT_READ | PROT_WRITE)));
}

static long do_madvise(struct process *p, const __u64 *r)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_WILLNEED, MADV_DONTFORK, MADV_DOFORK,
		MADV_HUGEPAGE, MADV_COLD, MADV_POPULATE_READ,
	};

	return result(madvise(address(r[0]), pages(r[1]),
			      advice[r[2] % VT_ARRAY_SIZE(advice)]));
}

static long do_touch(struct process *p, const __u64 *r)
{
	char *map = address(r[0]);
	__u64 value;
	int i, ret = 0;

	for (i = 0; i < 4; i++) {
		char *at = map + (r[1] >> i * 8) % 512 * VT_PAGE;

		if (r[2] >> i & 1)
			ret |= vt_poke(at, r[3]);
		else
			ret |= vt_peek(at, &value);
	}
	return ret ? -EFAULT : 0;
}

static long do_other_mm(struct process *p, const __u64 *r)
{
	char data[64];
	struct iovec local = { data, sizeof(data) };
	struct iovec remote = { address(r[0]), sizeof(data) };

	return result(process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
}

static long do_fork(struct process *p, const __u64 *r)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid) {
		do_touch(p, r);
		do_munmap(p, r + 1);
		do_touch(p, r + 2);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		shared->bad++;
	return 0;
}

/* Files */

static long do_close(struct process *p, const __u64 *r)
{
	int *fd = &p->fds[r[0] % NR_FDS];

	if (*fd < 0)
		return -EBADF;
	close(*fd);
	*fd = -1;
	return 0;
}

static long do_dup(struct process *p, const __u64 *r)
{
	return keep_fd(p, r[0], result(dup(p->fds[r[1] % NR_FDS])));
}

static long do_path(struct process *p, const __u64 *r)
{
	static const int flags[] = { O_PATH, O_RDONLY, O_RDWR };
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->fds[r[0] % NR_FDS]);
	return keep_fd(p, r[1], result(open(path, flags[r[2] % 3] | O_CLOEXEC)));
}

static long do_send(struct process *p, const __u64 *r)
{
	return vt_send_fd(p->sock[r[0] & 1], p->fds[r[1] % NR_FDS]);
}

static long do_receive(struct process *p, const __u64 *r)
{
	return keep_fd(p, r[0], vt_recv_fd(p->sock[r[1] & 1]));
}

static long do_poll(struct process *p, const __u64 *r)
{
	struct pollfd pfd = { .fd = some_fd(p, r[0]), .events = r[1] };

	return result(poll(&pfd, 1, 0));
}

/*
 * Not of the udmabuf, by whichever descriptor: it syncs in another direction than
 * it has mapped, of which a kernel with DMA_API_DEBUG warns.
 */
static long do_sync(struct process *p, const __u64 *r)
{
	struct dma_buf_sync sync = { r[1] % 16 ? r[1] >> 4 & 7 : r[1] };
	int fd = some_fd(p, r[0]);
	struct stat st;

	if (!fstat(fd, &st) && st.st_ino == p->udmabuf_ino)
		return -EOPNOTSUPP;
	return result(ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync));
}

static long do_sync_file(struct process *p, const __u64 *r)
{
	struct dma_buf_export_sync_file export = { r[1] & 3, -1 };
	int fd = some_fd(p, r[0]);
	long ret;

	ret = result(ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export));
	if (!ret && r[2] & 1)
		ret = result(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &export));
	if (export.fd >= 0)
		close(export.fd);
	return ret;
}

static long do_name(struct process *p, const __u64 *r)
{
	char name[48];

	memset(name, 'a' + r[1] % 26, sizeof(name));
	name[r[2] % sizeof(name)] = '\0';
	name[sizeof(name) - 1] = '\0';
	return result(ioctl(some_fd(p, r[0]), DMA_BUF_SET_NAME, name));
}

static long do_lseek(struct process *p, const __u64 *r)
{
	return result(lseek(some_fd(p, r[0]), r[1] % 4 ? 0 : r[2], r[1] >> 8 & 3));
}

static long do_read(struct process *p, const __u64 *r)
{
	char data[64] = "";
	int fd = p->fds[r[0] % NR_FDS];

	return result(r[1] & 1 ? read(fd, data, sizeof(data)) :
				 write(fd, data, sizeof(data)));
}

static long read_all(const char *path)
{
	char data[4096];
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, data, sizeof(data));
	} while (n > 0);
	close(fd);
	return n;
}

static long do_look(struct process *p, const __u64 *r)
{
	char path[96];

	switch (r[0] % 3) {
	case 0:
		return read_all("/proc/self/smaps");
	case 1:
		return read_all("/sys/kernel/debug/dma_buf/bufinfo");
	default:
		snprintf(path, sizeof(path),
			 "/sys/kernel/debug/" VT_MODULE "/%s/buffers",
			 p->devices[r[1] % NR_DEVICES].bdf);
		return read_all(path);
	}
}

/* The importer */

static long do_attach(struct process *p, const __u64 *r)
{
	struct vpdm_edu_attach attach = {
		.fd = some_fd(p, r[0]), .flags = r[1] % 4 ? 0 : r[1] >> 4 & 7,
	};
	long ret = result(ioctl(p->edu, VPDM_EDU_ATTACH, &attach));

	if (!ret)
		p->handles[r[2] % NR_HANDLES] = attach.handle;
	return ret;
}

static long do_import(struct process *p, const __u64 *r)
{
	struct vpdm_edu_map map = { p->handles[r[0] % NR_HANDLES], r[1] % 3 };

	switch (r[2] % 4) {
	case 0:
		return result(ioctl(p->edu, VPDM_EDU_DETACH, &map.handle));
	case 1:
		return result(ioctl(p->edu, VPDM_EDU_UNMAP, &map.handle));
	default:
		return result(ioctl(p->edu, VPDM_EDU_MAP, &map));
	}
}

/* Ends without closing anything, as a crash does. */
static long do_die(struct process *p, const __u64 *r)
{
	raise(SIGKILL);
	return 0;
}

static const struct {
	const char *name;
	long (*call)(struct process *p, const __u64 *r);
	unsigned int weight;
} calls[] = {
	{ "export", do_export, 400 },
	{ "export badly", do_export_badly, 100 },
	{ "feature", do_feature, 60 },
	{ "revoke", do_revoke, 100 },
	{ "revoke ioctl", do_revoke_ioctl, 50 },
	{ "set memory attribute", do_memattr_set, 200 },
	{ "get memory attribute", do_memattr_get, 100 },
	{ "memory on or off", do_memory, 200 },
	{ "config write", do_config, 20 },
	{ "reset", do_reset, 4 },
	{ "sysfs reset", do_sysfs_reset, 2 },
	{ "mmap", do_mmap, 1500 },
	{ "mmap of a BAR", do_mmap_bar, 400 },
	{ "munmap", do_munmap, 300 },
	{ "mremap", do_mremap, 300 },
	{ "mprotect", do_mprotect, 400 },
	{ "madvise", do_madvise, 200 },
	{ "access", do_touch, 2500 },
	{ "process_vm_readv", do_other_mm, 50 },
	{ "fork", do_fork, 20 },
	{ "close", do_close, 200 },
	{ "dup", do_dup, 100 },
	{ "open again", do_path, 100 },
	{ "send", do_send, 200 },
	{ "receive", do_receive, 250 },
	{ "poll", do_poll, 100 },
	{ "sync", do_sync, 150 },
	{ "sync file", do_sync_file, 100 },
	{ "name", do_name, 100 },
	{ "lseek", do_lseek, 100 },
	{ "read or write", do_read, 50 },
	{ "look", do_look, 10 },
	{ "attach", do_attach, 150 },
	{ "import", do_import, 250 },
	{ "die", do_die, 1 },
};

static unsigned int pick_call(__u64 r)
{
	static unsigned int sum;
	unsigned int i;

	if (!sum) {
		for (i = 0; i < VT_ARRAY_SIZE(calls); i++)
			sum += calls[i].weight;
	}
	r %= sum;
	for (i = 0; r >= calls[i].weight; i++)
		r -= calls[i].weight;
	return i;
}

/* Numbers above are between the kernel's own parts, such as ENOTSUPP. */
static void count(unsigned int i, long ret, __u64 ns)
{
	__atomic_add_fetch(&shared->ns[i], ns, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->done[i], 1, __ATOMIC_RELAXED);
	if (ret >= 0)
		__atomic_add_fetch(&shared->succeeded[i], 1, __ATOMIC_RELAXED);
	if (ret < -EHWPOISON) {
		__atomic_add_fetch(&shared->bad, 1, __ATOMIC_RELAXED);
		ksft_print_msg("%s: errno %ld\n", calls[i].name, -ret);
	}
}

static int make_udmabuf(void)
{
	struct udmabuf_create create = { .size = VT_KIB(64) };
	int fd, dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);

	create.memfd = memfd_create("fuzz", MFD_ALLOW_SEALING);
	if (ftruncate(create.memfd, create.size) ||
	    fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -1;
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	close(dev);
	close(create.memfd);
	return fd;
}

static void run_process(struct process *p, __u64 seed, unsigned long limit)
{
	__u64 r[NR_RANDOM];
	unsigned long n;
	unsigned int i;
	__u64 start;
	long ret;

	p->edu = open(VPDM_EDU_PATH_PREFIX "0", O_RDWR | O_CLOEXEC);
	p->odd[0] = -1;
	p->odd[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	p->odd[3] = p->edu;

	for (n = 0; n < limit; n++) {
		i = pick_call(vt_random(&seed));
		for (size_t j = 0; j < NR_RANDOM; j++)
			r[j] = vt_random(&seed) >> 8;
		start = vt_now_ns();
		ret = calls[i].call(p, r);
		count(i, ret, vt_now_ns() - start);
	}
	_exit(0);
}

/*
 * Devices opened, several processes at work on them, all closed again. Buffers
 * that are in p->fds afterwards are dead, and the next processes have them.
 */
static bool open_devices(struct process *p)
{
	static const char * const names[] = { "A", "HOT_A", "B" };
	struct vfio_region_info info;
	int i;

	for (i = 0; i < 3; i++) {
		if (vt_open(&p->devices[i], vt_bdf(names[i]), VT_DRIVER))
			return false;
		if (i == 1 && (vt_bind(vt_bdf("HOT_B"), VT_DRIVER) ||
			       vt_open_sibling(&p->devices[3], &p->devices[1],
					       vt_bdf("HOT_B"))))
			return false;
	}
	for (i = 0; i < NR_DEVICES; i++) {
		if (vt_region(&p->devices[i], VFIO_PCI_CONFIG_REGION_INDEX,
			      &info))
			return false;
		p->config[i] = info.offset;
	}
	return true;
}

static void close_devices(struct process *p)
{
	vt_close(&p->devices[3]);
	vt_close(&p->devices[2]);
	vt_close(&p->devices[1]);
	vt_close(&p->devices[0]);
}

static bool generation(struct process *p, __u64 *seed, unsigned int processes,
		       unsigned long limit)
{
	unsigned int i;
	int status;

	if (!open_devices(p) ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       p->sock))
		return false;
	for (i = 0; i < processes; i++) {
		__u64 own = vt_random(seed);

		if (!fork())
			run_process(p, own, limit);
	}
	for (i = 0; i < processes; i++) {
		wait(&status);
		if (!WIFEXITED(status) && WTERMSIG(status) != SIGKILL) {
			ksft_print_msg("a process ended with signal %d\n",
				       WTERMSIG(status));
			shared->bad++;
		}
	}
	for (i = 0; i < NR_FDS; i++)
		keep_fd(p, i, vt_recv_fd(p->sock[i & 1]));
	close(p->sock[0]);
	close(p->sock[1]);
	close_devices(p);
	return true;
}

/* All is closed: no buffer is left, and the devices work. */
static bool all_is_well(struct process *p)
{
	unsigned int i;
	bool works;
	__u64 value;
	void *map;

	for (i = 0; i < NR_FDS; i++) {
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	}
	if (!vt_wait_for(!vt_module_refs())) {
		ksft_print_msg("%d references to the module are left\n",
			       vt_module_refs());
		return false;
	}
	if (!open_devices(p))
		return false;
	p->fds[0] = vt_export_one(p->devices[0].fd, 2, 0, 512 * VT_PAGE);
	map = mmap(NULL, 512 * VT_PAGE, PROT_READ, MAP_SHARED, p->fds[0], 0);
	works = map != MAP_FAILED && try_read64(map, &value);
	close_devices(p);
	return works;
}

/* The kernel's log then has the stacks of the tasks that wait. */
static void on_alarm(int sig)
{
	static const char text[] = "not ok 1 fuzz: it does not end\n";
	int fd = open("/proc/sysrq-trigger", O_WRONLY);

	if (write(fd, "w", 1) == 1 &&
	    write(STDOUT_FILENO, text, sizeof(text) - 1) > 0)
		_exit(KSFT_FAIL);
	abort();
}

int main(int argc, char **argv)
{
	unsigned long wanted = argc > 1 ? strtoul(argv[1], NULL, 0) :
					  vt_rounds(CALLS);
	__u64 seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	unsigned int i, processes = argc > 3 ? atoi(argv[3]) : PROCESSES;
	struct vt_device devices[NR_DEVICES] = {};
	struct process p = { .devices = devices };
	unsigned long limit, left;
	bool well = true;
	struct stat st;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(1);
	ksft_print_msg("seed %llu, %u processes\n", seed, processes);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!processes || !seed || shared == MAP_FAILED)
		ksft_exit_fail_msg("usage: fuzz_test [CALLS [SEED [PROCESSES]]]\n");
	memset(p.fds, -1, sizeof(p.fds));
	p.odd[2] = make_udmabuf();
	if (!fstat(p.odd[2], &st))
		p.udmabuf_ino = st.st_ino;
	signal(SIGALRM, on_alarm);

	while (well && shared->calls < wanted) {
		left = (wanted - shared->calls + processes - 1) / processes;
		limit = left < GENERATION ? left : GENERATION;
		alarm(vt_patience_ms() / 1000);
		well = generation(&p, &seed, processes, limit);
		alarm(0);
	}
	well = well && all_is_well(&p) && !shared->bad;

	for (i = 0; i < VT_ARRAY_SIZE(calls); i++)
		ksft_print_msg("%-22s %8lu calls, %8lu succeeded, %6llu us each\n",
			       calls[i].name, shared->done[i],
			       shared->succeeded[i],
			       shared->ns[i] / 1000 / (shared->done[i] + 1));
	ksft_print_msg("calls: %lu\n", shared->calls);
	ksft_test_result(well, "fuzz\n");
	ksft_finished();
}
