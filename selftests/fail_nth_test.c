// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every copy of user memory in the driver fails once: the
 * first in the first call, the second in the next, until a call gets by without
 * a failure. Each failed call must give the right errno and leave nothing
 * behind, and the next one must succeed.
 *
 * The kernel injects failures by /proc/PID/fail-nth (CONFIG_FAULT_INJECTION). Its
 * stack filter picks what happens inside the driver, or in what it calls. That
 * also makes it possible to hit the work item that asks vfio-pci-core for a
 * DMABUF where threads share files: all kernel workers are armed, and none but
 * that one counts.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"
#include "modules/vpdm_test_edu.h"

#define BAR		2
#define MAX_POINTS	500
#define MAX_WORKERS	256

#define DEBUGFS		"/sys/kernel/debug/"

/* What fails, in debugfs; and whether it does so outside of the driver too. */
struct failure {
	const char *what;
	int error;
	bool anywhere;
};

struct data {
	struct vt_device d;
	struct vt_device again;
	int edu;
	int dmabuf;
	void *map;
	__u32 handle;
	int nth;
	pid_t pids[MAX_WORKERS];
	int workers[MAX_WORKERS];
	unsigned int nr_workers;
};

static int set(const char *what, const char *file, const char *format, ...)
{
	char path[128], value[64];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	snprintf(path, sizeof(path), DEBUGFS "%s/%s", what, file);
	return vt_write_text(path, value);
}

/* Failures happen only with a stack that passes through this range. */
static int set_stack(const char *what, unsigned long start, unsigned long end)
{
	return set(what, "require-start", "%lu", start) ?:
	       set(what, "require-end", "%lu", end) ?:
	       set(what, "stacktrace-depth", "32");
}

/* What the stack filters get: the driver's code, and what is spared of vfio's. */
struct code {
	char loaded[32];
	unsigned long start;
	unsigned long end;
	unsigned long spared_start;
	unsigned long spared_end;
};

/* A debug kernel takes a second to print its symbols: read once for all tests. */
static struct code *code;

static void __attribute__((constructor)) share_code(void)
{
	code = mmap(NULL, sizeof(*code), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		abort();
}

/* Pages of code belong to one module alone. */
static void add_driver_text(struct code *c, unsigned long addr)
{
	if (addr < c->start)
		c->start = addr;
	if (addr >= c->end)
		c->end = (addr & -VT_PAGE) + VT_PAGE;
}

/*
 * A line is "ADDRESS TYPE NAME\t[MODULE]". The kernel warns, by mistake, when an
 * allocation in vfio_create_group() fails: it is spared.
 */
static void read_symbol(struct code *c, const char *line)
{
	char type, name[256], module[64] = "";
	unsigned long addr;

	if (sscanf(line, "%lx %c %255s [%63[^]]", &addr, &type, name, module) < 3)
		return;
	if (module[0] && !strcmp(module, vt_module()) && (type | 0x20) == 't')
		add_driver_text(c, addr);
	if (!strcmp(name, "vfio_create_group"))
		c->spared_start = addr;
}

/* @text has been cut into strings. */
static void find_end_of_spared(struct code *c, const char *text, size_t len)
{
	const char *line;
	unsigned long addr;

	for (line = text; line < text + len; line += strlen(line) + 1) {
		addr = strtoul(line, NULL, 16);
		if (addr > c->spared_start && addr < c->spared_end)
			c->spared_end = addr;
	}
}

static int read_symbols(struct code *c)
{
	char *text = NULL, *rest, *line;
	size_t size = 0;
	ssize_t len;
	FILE *f;

	f = fopen("/proc/kallsyms", "r");
	if (!f)
		return -errno;
	len = getdelim(&text, &size, '\0', f);
	fclose(f);
	if (len > 0) {
		rest = text;
		while ((line = strsep(&rest, "\n")))
			read_symbol(c, line);
		find_end_of_spared(c, text, len);
	}
	free(text);
	return c->end && c->spared_start ? 0 : -ENOENT;
}

/* Read again if the driver has been loaded anew. */
static int find_code(void)
{
	char path[128], loaded[sizeof(code->loaded)];
	int ret;

	snprintf(path, sizeof(path), "/sys/module/%s/sections/.text", vt_module());
	ret = vt_read_text(path, loaded, sizeof(loaded));
	if (ret < 0)
		return ret;
	if (!strcmp(loaded, code->loaded))
		return 0;
	*code = (struct code) { .start = ~0UL, .spared_end = ~0UL };
	ret = read_symbols(code);
	if (!ret)
		memcpy(code->loaded, loaded, sizeof(loaded));
	return ret;
}

static int select_failures(const struct failure *failure)
{
	static const char * const all[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	const char *what = failure->what;
	size_t i;
	int ret;

	ret = find_code();
	for (i = 0; !ret && i < VT_ARRAY_SIZE(all); i++) {
		ret = set(all[i], "verbose", "0") ?:
		      set_stack(all[i], 1, 2);
	}
	if (!ret)
		ret = set(what, "reject-start", "%lu", code->spared_start) ?:
		      set(what, "reject-end", "%lu", code->spared_end) ?:
		      set_stack(what, failure->anywhere ? 0 : code->start,
				failure->anywhere ? ~0UL : code->end);
	if (!ret && strcmp(what, "fail_usercopy"))
		ret = set(what, "ignore-gfp-wait", "N");
	if (!ret && !strcmp(what, "fail_page_alloc"))
		ret = set(what, "ignore-gfp-highmem", "N") ?:
		      set(what, "min-order", "0");
	return ret;
}

/* DMABUFs of the whole system: also those that no fd of ours holds. */
static int count_dmabufs(void)
{
	char line[256];
	int nr = -ENOENT;
	FILE *f;

	f = fopen(DEBUGFS "dma_buf/bufinfo", "r");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Total %d objects", &nr);
	fclose(f);
	return nr;
}

/* A kernel worker's last reference is dropped a little later. */
static bool is_back_at(int refs, int dmabufs)
{
	if (vt_wait_for(vt_module_refs() == refs &&
			count_dmabufs() == dmabufs))
		return true;
	vt_log("references to the module: %d, before: %d; DMABUFs: %d, before: %d",
	       vt_module_refs(), refs, count_dmabufs(), dmabufs);
	return false;
}

/* Arming: a counter for each task that may fail, none for the others. */

static unsigned int find_workers(pid_t *pids)
{
	char path[600], comm[32];
	unsigned int nr = 0;
	struct dirent *e;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (e = readdir(dir)) && nr < MAX_WORKERS) {
		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' &&
		    vt_read_text(path, comm, sizeof(comm)) >= 0 &&
		    !strncmp(comm, "kworker", 7))
			pids[nr++] = atoi(e->d_name);
	}
	if (dir)
		closedir(dir);
	return nr;
}

static void open_workers(struct data *self)
{
	unsigned int i, nr = find_workers(self->pids);
	char path[64];
	int fd;

	self->nr_workers = 0;
	for (i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth",
			 self->pids[i], self->pids[i]);
		fd = open(path, O_RDWR | O_CLOEXEC);
		/* It may have ended. */
		if (fd < 0)
			continue;
		self->pids[self->nr_workers] = self->pids[i];
		self->workers[self->nr_workers++] = fd;
	}
}

/* Whether a worker was started since the others were armed. */
static bool has_new_worker(const struct data *self)
{
	pid_t pids[MAX_WORKERS];
	unsigned int i, j, nr = find_workers(pids);

	for (i = 0; i < nr; i++) {
		for (j = 0; j < self->nr_workers; j++) {
			if (pids[i] == self->pids[j])
				break;
		}
		if (j == self->nr_workers)
			return true;
	}
	return false;
}

static void close_workers(struct data *self)
{
	while (self->nr_workers)
		close(self->workers[--self->nr_workers]);
}

static void arm(int fd, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fd, text, len, 0) != len)
		_exit(KSFT_FAIL);
}

static unsigned int left(int fd, unsigned int n)
{
	char text[16] = "";

	/* A worker may have ended. */
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return n;
	return strtoul(text, NULL, 10);
}

/*
 * One operation. prepare() is not failed, and all but run() may assume that
 * nothing fails. run() undoes what it did when it fails half way.
 */
struct operation {
	const char *name;
	bool allocates;
	int (*prepare)(struct data *self);
	int (*run)(struct data *self);
	void (*undo)(struct data *self);
};

static int run_in_caller(struct data *self, const struct operation *op,
			 unsigned int n, unsigned int *remain)
{
	int ret;

	arm(self->nth, n);
	ret = op->run(self);
	*remain = left(self->nth, n);
	arm(self->nth, 0);
	return ret;
}

/* Where a worker that was started later may have run it, @remain is ~0. */
static int run_in_worker(struct data *self, const struct operation *op,
			 unsigned int n, unsigned int *remain)
{
	unsigned int i, one;
	int ret;

	open_workers(self);
	for (i = 0; i < self->nr_workers; i++)
		arm(self->workers[i], n);
	ret = op->run(self);
	*remain = n;
	for (i = 0; i < self->nr_workers; i++) {
		one = left(self->workers[i], n);
		if (one < *remain)
			*remain = one;
		arm(self->workers[i], 0);
	}
	if (*remain && has_new_worker(self))
		*remain = ~0U;
	close_workers(self);
	return ret;
}

typedef int (*runner)(struct data *self, const struct operation *op,
		      unsigned int n, unsigned int *remain);

static int try_once(struct data *self, const struct operation *op, runner run,
		    unsigned int n, unsigned int *remain)
{
	int ret;

	ret = op->prepare ? op->prepare(self) : 0;
	if (ret)
		_exit(KSFT_FAIL);
	ret = run(self, op, n, remain);
	if (!ret)
		op->undo(self);
	return ret;
}

static void inject(struct __test_metadata *_metadata, struct data *self,
		   const struct failure *failure,
		   const struct operation *op, runner run)
{
	unsigned int n, remain, failed = 0, missed = 0;
	int ret, refs, dmabufs;

	/* What is made once and kept, such as a cache's first slab. */
	ASSERT_EQ(0, try_once(self, op, run_in_caller, 0, &remain));
	refs = vt_module_refs();
	dmabufs = count_dmabufs();
	ASSERT_LE(0, dmabufs);

	for (n = 1; n < MAX_POINTS; n++) {
		ret = try_once(self, op, run, n, &remain);
		if (remain) {
			ASSERT_EQ(0, ret);
			if (remain != ~0U)
				break;
			ASSERT_LT(missed, MAX_POINTS);
			missed++;
			n--;
			continue;
		}
		if (ret) {
			failed++;
			EXPECT_EQ(-failure->error, ret) {
				TH_LOG("point %u", n);
			}
		}
		EXPECT_TRUE(is_back_at(refs, dmabufs));
		ASSERT_EQ(0, try_once(self, op, run_in_caller, 0, &remain));
		EXPECT_TRUE(is_back_at(refs, dmabufs));
	}
	EXPECT_LT(n, MAX_POINTS);
	if (op->allocates && !strcmp(failure->what, "failslab"))
		EXPECT_LT(1, n);
	TH_LOG("injection points: %u in %s, %s, %s: %u failed it, %u did not",
	       n - 1, op->name, run == run_in_worker ? "worker" : "caller",
	       failure->what, failed, n - 1 - failed);
}

static void setup(struct __test_metadata *_metadata, struct data *self,
		  const struct failure *failure)
{
	*self = (struct data) {
		.d = VT_DEVICE_INIT, .again = VT_DEVICE_INIT,
		.edu = -1, .dmabuf = -1, .nth = -1,
	};
	if (access("/proc/self/fail-nth", F_OK))
		SKIP(return, "no CONFIG_FAULT_INJECTION in this kernel");
	if (access(DEBUGFS "failslab/require-start", F_OK))
		SKIP(return, "no CONFIG_FAULT_INJECTION_STACKTRACE_FILTER in this kernel");
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, select_failures(failure));
	self->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->nth);
}

static void teardown(struct data *self)
{
	if (self->edu >= 0)
		close(self->edu);
	vt_close(&self->d);
	if (self->nth >= 0)
		close(self->nth);
}

/* Failures in the driver, and in what it calls. */

FIXTURE(inside) {
	struct data data;
};

FIXTURE_VARIANT(inside) {
	struct failure failure;
};

FIXTURE_VARIANT_ADD(inside, slab) {
	.failure = { "failslab", ENOMEM },
};

FIXTURE_VARIANT_ADD(inside, pages) {
	.failure = { "fail_page_alloc", ENOMEM },
};

FIXTURE_VARIANT_ADD(inside, usercopy) {
	.failure = { "fail_usercopy", EFAULT },
};

FIXTURE_SETUP(inside)
{
	setup(_metadata, &self->data, &variant->failure);
}

FIXTURE_TEARDOWN(inside)
{
	teardown(&self->data);
}

/* Failures around it too, when it has done its part, or has yet to. */

FIXTURE(around) {
	struct data data;
};

FIXTURE_VARIANT(around) {
	struct failure failure;
};

FIXTURE_VARIANT_ADD(around, slab) {
	.failure = { "failslab", ENOMEM, true },
};

FIXTURE_VARIANT_ADD(around, pages) {
	.failure = { "fail_page_alloc", ENOMEM, true },
};

FIXTURE_SETUP(around)
{
	setup(_metadata, &self->data, &variant->failure);
}

FIXTURE_TEARDOWN(around)
{
	teardown(&self->data);
}

#define TEST_INSIDE(name, function)				\
	TEST_F(inside, name)			\
	{							\
		function(_metadata, &self->data, &variant->failure); \
	}
#define TEST_BOTH(name, function)				\
	TEST_INSIDE(name, function)				\
	TEST_F(around, name)			\
	{							\
		function(_metadata, &self->data, &variant->failure); \
	}
#define TEST_ARGS	struct __test_metadata *_metadata,	\
			struct data *self, const struct failure *failure

/* Export: ranges that do not merge, so that the range table is an array. */

static int export_run(struct data *self)
{
	const struct vfio_region_dma_range ranges[] = {
		{ 2 * VT_PMD, VT_PMD }, { 0, VT_PAGE }, { VT_PMD, VT_PAGE },
	};

	self->dmabuf = vt_export(self->d.fd, BAR, O_RDWR | O_CLOEXEC, ranges,
				 VT_ARRAY_SIZE(ranges));
	return self->dmabuf < 0 ? self->dmabuf : 0;
}

static int export_prepare(struct data *self)
{
	return export_run(self);
}

static void close_dmabuf(struct data *self)
{
	close(self->dmabuf);
	self->dmabuf = -1;
}

static const struct operation export_op = {
	.name = "export", .allocates = true,
	.run = export_run, .undo = close_dmabuf,
};

static void test_export(TEST_ARGS)
{
	inject(_metadata, self, failure, &export_op, run_in_caller);
}

TEST_BOTH(export, test_export)

static void *sleep_forever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* The driver needs a worker when another thread shares the caller's files. */
static void test_export_in_worker(TEST_ARGS)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_forever, NULL));
	inject(_metadata, self, failure, &export_op, run_in_worker);
}

TEST_INSIDE(export_in_worker, test_export_in_worker)

/*
 * mmap() and access. An access that finds no memory for page tables is repeated
 * by the kernel, so it succeeds. The DMABUF's first range is accessed by a huge
 * entry, the others by filled ones.
 */
static int touch(struct data *self, size_t size)
{
	__u64 value;
	size_t off;

	for (off = 0; off < size; off += VT_PAGE) {
		if (vt_peek(self->map + off, &value)) {
			munmap(self->map, size);
			return -EIO;
		}
	}
	return 0;
}

#define DMABUF_SIZE	(VT_PMD + 2 * VT_PAGE)

static int mmap_dmabuf_run(struct data *self)
{
	self->map = mmap((void *)VT_GIB(4), DMABUF_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED_NOREPLACE, self->dmabuf, 0);
	return self->map == MAP_FAILED ? -errno : touch(self, DMABUF_SIZE);
}

static void mmap_dmabuf_undo(struct data *self)
{
	munmap(self->map, DMABUF_SIZE);
}

static const struct operation mmap_dmabuf_op = {
	.name = "mmap of a DMABUF and access",
	.run = mmap_dmabuf_run, .undo = mmap_dmabuf_undo,
};

static void test_mmap_dmabuf(TEST_ARGS)
{
	ASSERT_EQ(0, export_prepare(self));
	inject(_metadata, self, failure, &mmap_dmabuf_op, run_in_caller);
	close_dmabuf(self);
}

TEST_BOTH(mmap_dmabuf, test_mmap_dmabuf)

/* Exported while memory is off, it attaches its listener at the first fault. */
static int late_prepare(struct data *self)
{
	return vt_memory(&self->d, false) ?: export_run(self) ?:
	       vt_memory(&self->d, true);
}

static int late_run(struct data *self)
{
	int ret = mmap_dmabuf_run(self);

	if (ret)
		close_dmabuf(self);
	return ret;
}

static void late_undo(struct data *self)
{
	mmap_dmabuf_undo(self);
	close_dmabuf(self);
}

static const struct operation late_op = {
	.name = "access that starts listening", .allocates = true,
	.prepare = late_prepare, .run = late_run, .undo = late_undo,
};

static void test_late_listener(TEST_ARGS)
{
	inject(_metadata, self, failure, &late_op, run_in_caller);
}

TEST_BOTH(late_listener, test_late_listener)

#define BAR_SIZE	VT_PMD

static int mmap_bar_run(struct data *self)
{
	struct vfio_region_info info;
	int ret;

	ret = vt_region(&self->d, BAR, &info);
	if (ret)
		return ret;
	self->map = mmap(NULL, BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 self->d.fd, info.offset);
	return self->map == MAP_FAILED ? -errno : touch(self, BAR_SIZE);
}

static void mmap_bar_undo(struct data *self)
{
	munmap(self->map, BAR_SIZE);
}

static const struct operation mmap_bar_op = {
	.name = "mmap of a BAR and access", .allocates = true,
	.run = mmap_bar_run, .undo = mmap_bar_undo,
};

static void test_mmap_bar(TEST_ARGS)
{
	inject(_metadata, self, failure, &mmap_bar_op, run_in_caller);
}

TEST_BOTH(mmap_bar, test_mmap_bar)

/*
 * Importers. Of one range: the kernel cannot map more for a device behind an
 * IOMMU (EADDRINUSE, with stock vfio-pci too).
 */

static int export_one(struct data *self)
{
	self->dmabuf = vt_export_one(self->d.fd, BAR, 0, VT_PMD);
	return self->dmabuf < 0 ? self->dmabuf : 0;
}

static int attach_run(struct data *self)
{
	struct vpdm_edu_attach attach = { .fd = self->dmabuf };

	if (ioctl(self->edu, VPDM_EDU_ATTACH, &attach))
		return -errno;
	self->handle = attach.handle;
	return 0;
}

static void attach_undo(struct data *self)
{
	ioctl(self->edu, VPDM_EDU_DETACH, &self->handle);
}

static const struct operation attach_op = {
	.name = "attach", .allocates = true,
	.run = attach_run, .undo = attach_undo,
};

static int map_run(struct data *self)
{
	struct vpdm_edu_map map = {
		.handle = self->handle,
		.dir = VPDM_EDU_BIDIRECTIONAL,
	};

	return ioctl(self->edu, VPDM_EDU_MAP, &map) ? -errno : 0;
}

static void map_undo(struct data *self)
{
	ioctl(self->edu, VPDM_EDU_UNMAP, &self->handle);
}

static const struct operation map_op = {
	.name = "map for an importer", .allocates = true,
	.run = map_run, .undo = map_undo,
};

static void test_importer(TEST_ARGS)
{
	ASSERT_EQ(0, export_one(self));
	self->edu = open(VPDM_EDU_PATH_PREFIX "0", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->edu);

	inject(_metadata, self, failure, &attach_op, run_in_caller);
	ASSERT_EQ(0, attach_run(self));
	inject(_metadata, self, failure, &map_op, run_in_caller);
	attach_undo(self);
	close_dmabuf(self);
}

TEST_BOTH(importer, test_importer)

/* Revoke and the memory attribute read user memory, and allocate nothing. */

static int memattr_run(struct data *self)
{
	int ret = vt_memattr_set(self->d.fd, self->dmabuf,
				 VFIO_DMA_BUF_MEMATTR_WC);

	if (!ret)
		ret = vt_memattr_get(self->d.fd, self->dmabuf);
	return ret == VFIO_DMA_BUF_MEMATTR_WC ? 0 : ret;
}

static void memattr_undo(struct data *self)
{
	vt_memattr_set(self->d.fd, self->dmabuf, VFIO_DMA_BUF_MEMATTR_NC);
}

static const struct operation memattr_op = {
	.name = "memory attribute",
	.run = memattr_run, .undo = memattr_undo,
};

static int revoke_run(struct data *self)
{
	int ret = vt_revoke(self->d.fd, self->dmabuf);

	/* A failed call must not have revoked it. */
	if (ret) {
		if (vt_revoke(self->d.fd, self->dmabuf))
			ret = -EIO;
		close_dmabuf(self);
	}
	return ret;
}

static const struct operation revoke_op = {
	.name = "revoke",
	.prepare = export_prepare, .run = revoke_run, .undo = close_dmabuf,
};

static void test_memattr_and_revoke(TEST_ARGS)
{
	ASSERT_EQ(0, export_prepare(self));
	inject(_metadata, self, failure, &memattr_op, run_in_caller);
	close_dmabuf(self);
	inject(_metadata, self, failure, &revoke_op, run_in_caller);
}

TEST_INSIDE(memattr_and_revoke, test_memattr_and_revoke)

/* Opening the device; group and container, or iommufd, stay open. */

static int reopen_run(struct data *self)
{
	return vt_open_sibling(&self->again, &self->d, self->d.bdf);
}

static void reopen_undo(struct data *self)
{
	vt_close(&self->again);
}

static const struct operation reopen_op = {
	.name = "open", .allocates = true,
	.run = reopen_run, .undo = reopen_undo,
};

static void test_open_device(TEST_ARGS)
{
	vt_close_fd(&self->d);
	inject(_metadata, self, failure, &reopen_op, run_in_caller);
}

TEST_BOTH(open_device, test_open_device)

/* Binding the driver to a device, with the sysfs file that tells the errno. */

static int bind_run(struct data *self)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", vt_driver());
	return vt_try_write_text(path, self->d.bdf);
}

static void bind_undo(struct data *self)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/unbind",
		 vt_driver());
	vt_write_text(path, self->d.bdf);
}

static const struct operation bind_op = {
	.name = "probe", .allocates = true,
	.run = bind_run, .undo = bind_undo,
};

static void test_bind(TEST_ARGS)
{
	vt_close(&self->d);
	bind_undo(self);
	inject(_metadata, self, failure, &bind_op, run_in_caller);
}

TEST_INSIDE(bind, test_bind)

TEST_HARNESS_MAIN
