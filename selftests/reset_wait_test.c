// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reset that is started through sysfs is waited for, as vfio-pci has its users
 * wait for VFIO_DEVICE_RESET: who touches a mapping meanwhile sleeps and goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/edu.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		(2 * VT_PMD)
#define STAMP		0x5741495400000000ULL
/* What must not happen is given this long to happen. */
#define WATCH_MS	300

static int write_reset(const char *path)
{
	return vt_write_text(path, "1");
}

/* Sleeping, by /proc/PID/stat or /proc/self/task/TID/stat */
static bool is_asleep(const char *task)
{
	char path[64], stat[512], *state;

	snprintf(path, sizeof(path), "/proc/%s/stat", task);
	if (vt_read_text(path, stat, sizeof(stat)))
		return false;
	state = strrchr(stat, ')');
	return state && (state[2] == 'D' || state[2] == 'S');
}

/* One access, in a thread that does nothing else */
struct access {
	pthread_t thread;
	const char *addr;
	atomic_int tid;
	atomic_bool done;
	int sig;
	__u64 value;
};

static void *access_main(void *arg)
{
	struct access *a = arg;

	a->tid = gettid();
	a->sig = vt_peek(a->addr, &a->value);
	a->done = true;
	return NULL;
}

static bool access_start(struct access *a, const char *addr)
{
	*a = (struct access){ .addr = addr };
	return !pthread_create(&a->thread, NULL, access_main, a);
}

static bool thread_is_asleep(int tid)
{
	char task[48];

	snprintf(task, sizeof(task), "self/task/%d", tid);
	return tid && is_asleep(task);
}

/* Waits until it sleeps; false if it came back instead. */
static bool access_sleeps(struct access *a)
{
	if (vt_wait_for(a->done || thread_is_asleep(a->tid)) && !a->done)
		return true;
	vt_log("the access did not wait: signal %d, 0x%llx", a->sig, a->value);
	return false;
}

/* Reads all the time; sees the stamp of the page, or what it counts. */
struct reader {
	pthread_t thread;
	const char *map;
	atomic_int tid;
	atomic_bool stop;
	long right, sigbus, wrong;
	__u64 odd;
};

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	__u64 value, page = 0;

	r->tid = gettid();
	while (!r->stop) {
		page = (page + 1) % (SIZE / VT_PAGE);
		if (vt_peek(r->map + page * VT_PAGE, &value)) {
			r->sigbus++;
		} else if (value == STAMP + page) {
			r->right++;
		} else {
			r->odd = value;
			r->wrong++;
		}
	}
	return NULL;
}

static bool reader_start(struct reader *r, const char *map)
{
	*r = (struct reader){ .map = map };
	return !pthread_create(&r->thread, NULL, reader_main, r);
}

static void reader_stop(struct reader *r)
{
	r->stop = true;
	pthread_join(r->thread, NULL);
	vt_log("%ld reads, %ld SIGBUS, %ld wrong (0x%llx)", r->right, r->sigbus,
	       r->wrong, r->odd);
}

struct resetter {
	pthread_t thread;
	char path[PATH_MAX];
	atomic_bool done;
	int ret;
};

static void *resetter_main(void *arg)
{
	struct resetter *r = arg;

	r->ret = write_reset(r->path);
	r->done = true;
	return NULL;
}

static bool resetter_start(struct resetter *r)
{
	r->done = false;
	return !pthread_create(&r->thread, NULL, resetter_main, r);
}

static bool resetter_ends(struct resetter *r)
{
	return vt_wait_for(r->done) && !pthread_join(r->thread, NULL) && !r->ret;
}

static bool all_right(const char *map)
{
	__u64 value, page;

	for (page = 0; page < SIZE / VT_PAGE; page++) {
		if (vt_peek(map + page * VT_PAGE, &value) ||
		    value != STAMP + page)
			return false;
	}
	return true;
}

/* The ways in: by the device itself, and by the bridge above it */
FIXTURE(sysfs_reset)
{
	struct vt_device d;
	int fd;
	char *map;
	char *bar;
	struct resetter reset;
};

FIXTURE_VARIANT(sysfs_reset)
{
	const char *device;
	const char *file;
};

FIXTURE_VARIANT_ADD(sysfs_reset, of_the_function)
{
	.device = "SW_MEM",
	.file = "reset",
};

FIXTURE_VARIANT_ADD(sysfs_reset, of_the_bus_above)
{
	.device = "SW_MEM",
	.file = "../reset_subordinate",
};

FIXTURE_VARIANT_ADD(sysfs_reset, of_a_bus_with_a_sibling)
{
	.device = "HOT_A",
	.file = "../reset_subordinate",
};

FIXTURE_SETUP(sysfs_reset)
{
	char device[PATH_MAX];

	self->d = (struct vt_device)VT_DEVICE_INIT;
	snprintf(device, sizeof(device), "/sys/bus/pci/devices/%s",
		 vt_bdf(variant->device));
	ASSERT_NE(NULL, realpath(device, self->reset.path));
	snprintf(self->reset.path + strlen(self->reset.path),
		 sizeof(self->reset.path) - strlen(self->reset.path), "/%s",
		 variant->file);
	if (access(self->reset.path, F_OK))
		SKIP(return, "this kernel has no %s", variant->file);

	/* All of a bus have to be with VFIO, or the group is not viable. */
	ASSERT_EQ(0, vt_bind(vt_bdf("HOT_B"), VT_DRIVER));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->device), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	self->bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, SIZE, STAMP);
}

FIXTURE_TEARDOWN(sysfs_reset)
{
	vt_close(&self->d);
}

/*
 * A reset takes tens of milliseconds, and the entries are gone from its beginning.
 * A busy machine may leave its readers no time in one of them, but not in all.
 */
#define MIN_RESETS	5
#define MAX_RESETS	200

TEST_F(sysfs_reset, readers_of_both_mappings_sleep_and_go_on)
{
	unsigned int asleep[2] = {}, i, n;
	struct reader r[2];

	ASSERT_TRUE(reader_start(&r[0], self->map));
	ASSERT_TRUE(reader_start(&r[1], self->bar));
	for (i = 0; i < MIN_RESETS ||
	     (i < MAX_RESETS && (!asleep[0] || !asleep[1])); i++) {
		ASSERT_TRUE(resetter_start(&self->reset));
		while (!self->reset.done) {
			for (n = 0; n < 2; n++)
				asleep[n] += thread_is_asleep(r[n].tid);
			vt_sleep_ms(2);
		}
		ASSERT_TRUE(resetter_ends(&self->reset));
	}
	for (n = 0; n < 2; n++) {
		reader_stop(&r[n]);
		EXPECT_LT(0U, asleep[n]);
		EXPECT_LT(0, r[n].right);
		EXPECT_EQ(0, r[n].sigbus);
		EXPECT_EQ(0, r[n].wrong);
	}
	EXPECT_TRUE(all_right(self->map));
	EXPECT_TRUE(all_right(self->bar));
}

TEST_F(sysfs_reset, with_memory_off_is_sigbus_after_it)
{
	struct access a;
	__u64 value;

	ASSERT_TRUE(all_right(self->map));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_TRUE(resetter_start(&self->reset));
	ASSERT_TRUE(access_start(&a, self->map));
	ASSERT_TRUE(resetter_ends(&self->reset));
	ASSERT_EQ(0, pthread_join(a.thread, NULL));
	EXPECT_EQ(SIGBUS, a.sig);
	EXPECT_EQ(SIGBUS, vt_peek(self->bar, &value));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(all_right(self->map));
	EXPECT_TRUE(all_right(self->bar));
}

/*
 * A reset that lasts for as long as an importer holds on to its mapping. That is
 * another process: it gives up also when a test is stuck and is killed.
 */
struct holder {
	pid_t pid;
	int ask, answer;
};

FIXTURE(long_reset)
{
	struct vt_device d;
	int fd;
	char *map;
	char *bar;
	struct holder holder;
	struct resetter reset;
};

static bool is_pending(int edu, int h)
{
	struct vpdm_edu_stats s;

	return !vt_edu_stats(edu, h, &s) && s.pending;
}

/* Says when it has the buffer mapped, and when it has been told to let it go. */
static void hold(int dmabuf, int in, int out)
{
	int edu, h;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	edu = vt_edu_open(vt_bdf("SW_EDU"));
	h = edu < 0 ? edu : vt_edu_import(edu, dmabuf);
	if (h < 0 || vt_edu_hold(edu, h, true) || write(out, "m", 1) != 1 ||
	    !vt_wait_for(is_pending(edu, h)) || write(out, "p", 1) != 1)
		_exit(1);
	_exit(read(in, &c, 1) != 1);
}

static bool holder_start(struct holder *holder, struct vt_device *d, int dmabuf)
{
	int ask[2], answer[2];

	if (pipe(ask) || pipe(answer))
		return false;
	holder->pid = fork();
	if (!holder->pid) {
		vt_close(d);
		close(ask[1]);
		hold(dmabuf, ask[0], answer[1]);
	}
	holder->ask = ask[1];
	holder->answer = answer[0];
	close(ask[0]);
	close(answer[1]);
	return holder->pid > 0;
}

static bool holder_says(struct holder *holder, char word)
{
	char c;

	return read(holder->answer, &c, 1) == 1 && c == word;
}

FIXTURE_SETUP(long_reset)
{
	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("SW_MEM"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	ASSERT_TRUE(holder_start(&self->holder, &self->d, self->fd));
	ASSERT_TRUE(holder_says(&self->holder, 'm'));
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	self->bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->bar);
	vt_stamp(self->bar, SIZE, STAMP);

	snprintf(self->reset.path, sizeof(self->reset.path),
		 "/sys/bus/pci/devices/%s/reset", self->d.bdf);
	ASSERT_TRUE(resetter_start(&self->reset));
	ASSERT_TRUE(holder_says(&self->holder, 'p'));
}

FIXTURE_TEARDOWN(long_reset)
{
	if (self->holder.pid > 0)
		kill(self->holder.pid, SIGKILL);
	vt_close(&self->d);
}

static bool end_reset(FIXTURE_DATA(long_reset) *self)
{
	return write(self->holder.ask, "", 1) == 1 &&
	       resetter_ends(&self->reset);
}

TEST_F(long_reset, an_access_sleeps_until_it_is_over)
{
	struct access a[2];
	size_t i;

	ASSERT_TRUE(access_start(&a[0], self->map));
	ASSERT_TRUE(access_start(&a[1], self->bar));
	EXPECT_TRUE(access_sleeps(&a[0]));
	EXPECT_TRUE(access_sleeps(&a[1]));
	vt_sleep_ms(WATCH_MS);
	EXPECT_FALSE(self->reset.done);
	for (i = 0; i < VT_ARRAY_SIZE(a); i++)
		EXPECT_FALSE(a[i].done);
	ASSERT_TRUE(end_reset(self));
	for (i = 0; i < VT_ARRAY_SIZE(a); i++) {
		ASSERT_EQ(0, pthread_join(a[i].thread, NULL));
		EXPECT_EQ(0, a[i].sig);
		EXPECT_EQ(STAMP, a[i].value);
	}
}

/* Starts one that touches the mapping once and ends with status 7 if it may. */
static pid_t subordinate(FIXTURE_DATA(long_reset) *self, const char *map)
{
	__u64 value;
	pid_t pid;

	pid = fork();
	if (!pid) {
		vt_close(&self->d);
		_exit(vt_peek(map, &value) ? 1 : value == STAMP ? 7 : 2);
	}
	return pid;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {};

	waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid;
}

static bool child_sleeps(pid_t pid)
{
	char task[16];

	snprintf(task, sizeof(task), "%d", pid);
	return vt_wait_for(has_ended(pid) || is_asleep(task)) &&
	       !has_ended(pid);
}

TEST_F(long_reset, a_process_that_waits_can_be_killed)
{
	int status, i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = subordinate(self, i ? self->bar : self->map);
		ASSERT_LT(0, pid);
		EXPECT_TRUE(child_sleeps(pid));
		/* For it to be in the fault and nowhere else */
		vt_sleep_ms(WATCH_MS);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_TRUE(vt_child_ends(pid, &status));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
	EXPECT_FALSE(self->reset.done);
	ASSERT_TRUE(end_reset(self));
	EXPECT_TRUE(all_right(self->map));
	EXPECT_TRUE(all_right(self->bar));
}

TEST_F(long_reset, all_processes_go_on_after_it)
{
	pid_t pid[8];
	int status;
	size_t i;

	for (i = 0; i < VT_ARRAY_SIZE(pid); i++) {
		pid[i] = subordinate(self, self->map);
		ASSERT_LT(0, pid[i]);
		EXPECT_TRUE(child_sleeps(pid[i]));
	}
	ASSERT_TRUE(end_reset(self));
	for (i = 0; i < VT_ARRAY_SIZE(pid); i++) {
		ASSERT_TRUE(vt_child_ends(pid[i], &status));
		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_EQ(7, WEXITSTATUS(status));
	}
}

/* What sleeps in a fault keeps nobody else of its process from mapping. */
TEST_F(long_reset, others_of_the_process_can_map_and_unmap)
{
	struct access a;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		char *fresh;

		if (!access_start(&a, self->map) || !access_sleeps(&a))
			_exit(1);
		fresh = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*(volatile char *)fresh = 1;
		munmap(fresh, VT_PAGE);
		/* The very mapping that the other one is in */
		munmap((char *)self->map + VT_PAGE, SIZE - VT_PAGE);
		_exit(a.done ? 2 : 7);
	}
	ASSERT_LT(0, pid);
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(7, WEXITSTATUS(status));
	EXPECT_FALSE(self->reset.done);
	ASSERT_TRUE(end_reset(self));
}

TEST_F(long_reset, who_waits_for_a_buffer_that_is_revoked_gets_sigbus)
{
	struct access a;
	char *map;
	int fd;

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	ASSERT_TRUE(access_start(&a, map));
	EXPECT_TRUE(access_sleeps(&a));
	/* It holds nothing that a revoke needs. */
	ASSERT_EQ(0, vt_revoke(self->d.fd, fd));
	EXPECT_TRUE(vt_wait_for(a.done));
	EXPECT_FALSE(self->reset.done);
	ASSERT_TRUE(end_reset(self));
	ASSERT_EQ(0, pthread_join(a.thread, NULL));
	EXPECT_EQ(SIGBUS, a.sig);
}

static void *closer_main(void *arg)
{
	vt_close_fd(arg);
	return NULL;
}

/* The last close waits for the importer, as the reset does; then nobody sleeps. */
TEST_F(long_reset, who_waits_for_a_device_that_is_closed_gets_sigbus)
{
	pthread_t closer;
	struct access a;
	__u64 value;

	ASSERT_EQ(0, munmap(self->bar, SIZE));
	ASSERT_TRUE(access_start(&a, self->map));
	EXPECT_TRUE(access_sleeps(&a));
	ASSERT_EQ(0, pthread_create(&closer, NULL, closer_main, &self->d));
	EXPECT_TRUE(vt_wait_for(a.done));
	ASSERT_TRUE(end_reset(self));
	ASSERT_EQ(0, pthread_join(closer, NULL));
	ASSERT_EQ(0, pthread_join(a.thread, NULL));
	EXPECT_TRUE(a.sig == SIGBUS || (!a.sig && a.value == STAMP));
	EXPECT_EQ(SIGBUS, vt_peek(self->map, &value));
	EXPECT_EQ(0UL, vt_present(self->map, SIZE));
}

struct mapper {
	pthread_t thread;
	int edu, h, ret;
	atomic_bool done;
};

static void *mapper_main(void *arg)
{
	struct mapper *m = arg;

	m->ret = vt_edu_map(m->edu, m->h, VPDM_EDU_BIDIRECTIONAL);
	m->done = true;
	return NULL;
}

/* Refused, as during VFIO_DEVICE_RESET on vfio-pci, or held up: not let in. */
TEST_F(long_reset, an_importer_gets_no_mapping_before_it_is_over)
{
	struct mapper m = { .edu = vt_edu_open(vt_bdf("SW_EDU")) };
	int fd, ms;

	ASSERT_LE(0, m.edu);

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	m.h = vt_edu_attach(m.edu, fd, 0);
	if (m.h == -ENODEV) {
		ASSERT_TRUE(end_reset(self));
		m.h = vt_edu_attach(m.edu, fd, 0);
		ASSERT_LT(0, m.h);
		EXPECT_EQ(0, vt_edu_map(m.edu, m.h, 0));
		return;
	}
	ASSERT_LT(0, m.h);
	ASSERT_EQ(0, pthread_create(&m.thread, NULL, mapper_main, &m));
	for (ms = 0; ms < WATCH_MS && !m.done; ms += 5)
		vt_sleep_ms(5);
	if (m.done)
		EXPECT_EQ(-ENODEV, m.ret);
	EXPECT_FALSE(self->reset.done);
	ASSERT_TRUE(end_reset(self));
	ASSERT_EQ(0, pthread_join(m.thread, NULL));
	if (m.ret)
		EXPECT_EQ(0, vt_edu_map(m.edu, m.h, 0));
}

TEST_HARNESS_MAIN
