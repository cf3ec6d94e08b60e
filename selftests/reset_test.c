// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device can lose its memory from many directions: low power, resets that the
 * user, a sibling, sysfs or an error starts, removal, the end of its user. From
 * each: no access and no importer while it lasts, the same mapping alive after.
 * A reset is waited for, everything else is SIGBUS.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/edu.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		VT_MIB(1)
#define STAMP		0x5265736574000000ULL
#define RW		(PROT_READ | PROT_WRITE)
#define D0		0
#define D3HOT		3

/* A device with memory, and one that imports it */
struct place {
	const char *memory;
	const char *edu;
	/* Whether they reach each other is up to the host bridge. */
	bool over_bridge;
};

/* Nothing resets this one when it is closed. */
static const struct place root_bus = {
	.memory = "A",
	.edu = "EDU",
	.over_bridge = true,
};

static const struct place behind_a_switch = {
	.memory = "SW_MEM",
	.edu = "SW_EDU",
};

static const struct place reset_set = {
	.memory = "HOT_A",
	.edu = "SW_EDU",
};

static const struct place hotplug_port = {
	.memory = "UNPLUG",
	.edu = "EDU",
	.over_bridge = true,
};

/*
 * A buffer of a device with a CPU mapping and an importer, both in use. No
 * importer where the kernel refuses it: then @refusal is the errno.
 */
struct user {
	const struct place *at;
	int refusal;
	struct vt_device d;
	int fd;
	char *map;
	int edu;
	int h;
};

/* Nobody may have the device open: stock vfio-pci is asked about it. */
static void user_init(struct user *u, const struct place *at)
{
	*u = (struct user){ .at = at, .d = VT_DEVICE_INIT };
	if (!vt_stock_exports())
		u->refusal = EOPNOTSUPP;
	else if (at->over_bridge &&
		 !vt_edu_reaches(vt_bdf(at->edu), vt_bdf(at->memory)))
		u->refusal = EINVAL;
}

static int user_open(struct user *u)
{
	return vt_open(&u->d, vt_bdf(u->at->memory), VT_DRIVER);
}

static bool user_export(struct user *u)
{
	u->fd = vt_export_one(u->d.fd, BAR, 0, SIZE);
	if (u->fd < 0)
		return false;
	u->map = vt_map_rw(u->fd, SIZE);
	if (!u->map)
		return false;
	vt_stamp(u->map, SIZE, STAMP);
	return vt_present(u->map, SIZE) == SIZE;
}

static bool user_import(struct user *u)
{
	int h;

	u->edu = vt_edu_open(vt_bdf(u->at->edu));
	if (u->edu < 0)
		return false;
	h = vt_edu_import(u->edu, u->fd);
	if (!u->refusal) {
		u->h = h;
		return h > 0;
	}
	close(u->edu);
	return h == -u->refusal;
}

static bool user_detach(struct user *u)
{
	int h = u->h;

	if (!h)
		return true;
	u->h = 0;
	if (vt_edu_detach(u->edu, h))
		return false;
	close(u->edu);
	return true;
}

static void user_end(struct user *u)
{
	if (u->map)
		munmap(u->map, SIZE);
	if (u->h)
		close(u->edu);
	if (u->fd > 0)
		close(u->fd);
	vt_close(&u->d);
}

static bool no_import(struct user *u)
{
	struct vpdm_edu_stats s;

	return !u->h || (!vt_edu_stats(u->edu, u->h, &s) && !s.mapped);
}

/* There was access, and it has ended; this changes nothing. */
static bool lost_all(struct user *u)
{
	return !vt_present(u->map, SIZE) && no_import(u);
}

static bool is_down(struct user *u)
{
	__u64 value;

	return lost_all(u) && vt_peek(u->map, &value) == SIGBUS &&
	       vt_peek(u->map + SIZE - VT_PAGE, &value) == SIGBUS &&
	       !vt_present(u->map, SIZE) &&
	       (!u->h || vt_edu_map(u->edu, u->h, 0) == -ENODEV);
}

static bool is_up(struct user *u)
{
	__u64 value, page;

	for (page = 0; page < SIZE / VT_PAGE; page++) {
		if (vt_peek(u->map + page * VT_PAGE, &value) ||
		    value != STAMP + page)
			return false;
	}
	return !u->h || !no_import(u) || !vt_edu_map(u->edu, u->h, 0);
}

static bool is_dead(struct user *u)
{
	return is_down(u) && (!u->h || (vt_edu_attach(u->edu, u->fd, 0) ==
					-ENODEV)) &&
	       vt_map_errno(u->fd, SIZE, RW, MAP_SHARED, 0) == ENODEV;
}

/* Hammers a mapping until told to stop: memory or SIGBUS, nothing else. */
struct hammer {
	pthread_t thread;
	const char *map;
	bool stop;
	long good, sigbus, bad;
	__u64 odd;
};

static void *hammer_main(void *arg)
{
	struct hammer *h = arg;
	__u64 value, page = 0;

	while (!__atomic_load_n(&h->stop, __ATOMIC_RELAXED)) {
		page = (page + 1) % (SIZE / VT_PAGE);
		if (vt_peek(h->map + page * VT_PAGE, &value)) {
			h->sigbus++;
		} else if (value == STAMP + page) {
			h->good++;
		} else {
			h->odd = value;
			h->bad++;
		}
	}
	return NULL;
}

static bool hammer_start(struct hammer *h, const char *map)
{
	*h = (struct hammer){ .map = map };
	return !pthread_create(&h->thread, NULL, hammer_main, h);
}

static bool hammer_stop(struct hammer *h)
{
	vt_wait_for(__atomic_load_n(&h->good, __ATOMIC_RELAXED));
	__atomic_store_n(&h->stop, true, __ATOMIC_RELAXED);
	pthread_join(h->thread, NULL);
	if (h->bad)
		vt_log("%ld reads of neither memory nor SIGBUS, as 0x%llx",
		       h->bad, h->odd);
	return h->good && !h->bad;
}

/* States that the user of the device chooses and leaves */
FIXTURE(low_power)
{
	struct user u;
	int event;
};

FIXTURE_VARIANT(low_power)
{
	const struct place *at;
};

FIXTURE_VARIANT_ADD(low_power, root_bus)
{
	.at = &root_bus,
};

FIXTURE_VARIANT_ADD(low_power, behind_a_switch)
{
	.at = &behind_a_switch,
};

FIXTURE_SETUP(low_power)
{
	user_init(&self->u, variant->at);
	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(user_export(&self->u));
	ASSERT_TRUE(user_import(&self->u));
	self->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
}

FIXTURE_TEARDOWN(low_power)
{
	user_end(&self->u);
}

static int low_power_set(struct user *u, __u32 feature, void *arg, size_t size)
{
	return vt_feature(u->d.fd, VFIO_DEVICE_FEATURE_SET | feature, arg, size);
}

static int low_power_exit(struct user *u)
{
	return low_power_set(u, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

TEST_F(low_power, entry_and_exit)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, low_power_set(&self->u,
					   VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
					   NULL, 0));
		EXPECT_TRUE(is_down(&self->u));
		ASSERT_EQ(0, low_power_exit(&self->u));
		EXPECT_TRUE(is_up(&self->u));
	}
}

TEST_F(low_power, entry_with_wakeup_and_exit)
{
	struct vfio_device_low_power_entry_with_wakeup arg = {
		.wakeup_eventfd = self->event,
	};
	__u32 wakeup = VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;

	ASSERT_EQ(0, low_power_set(&self->u, wakeup, &arg, sizeof(arg)));
	EXPECT_TRUE(lost_all(&self->u));
	ASSERT_EQ(0, low_power_exit(&self->u));
	EXPECT_TRUE(is_up(&self->u));
}

/*
 * Between the wakeup and the exit vfio-pci-core keeps its DMABUFs revoked, and
 * would not revoke them again: pages mapped then could not be taken away.
 */
TEST_F(low_power, after_a_wakeup_memory_off_still_ends_access)
{
	struct vfio_device_low_power_entry_with_wakeup arg = {
		.wakeup_eventfd = self->event,
	};
	__u32 wakeup = VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;
	__u64 value;
	__u16 id;

	ASSERT_EQ(0, low_power_set(&self->u, wakeup, &arg, sizeof(arg)));
	/* An access wakes the device. */
	ASSERT_EQ(0, vt_config_read(&self->u.d, 0, &id, sizeof(id)));
	/* It may answer SIGBUS, as the buffer is still revoked. */
	vt_peek(self->u.map, &value);
	ASSERT_EQ(0, vt_memory(&self->u.d, false));
	EXPECT_TRUE(is_down(&self->u));
	ASSERT_EQ(0, vt_memory(&self->u.d, true));
	ASSERT_EQ(0, low_power_exit(&self->u));
	EXPECT_EQ(0, vt_peek(self->u.map, &value));
	EXPECT_TRUE(is_up(&self->u));
}

/* The same where no call of the user wakes it, but the system. */
TEST_F(low_power, woken_by_sysfs_memory_off_still_ends_access)
{
	struct vfio_device_low_power_entry_with_wakeup arg = {
		.wakeup_eventfd = self->event,
	};
	__u32 wakeup = VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP;
	char path[80];
	__u64 value;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/control",
		 self->u.d.bdf);
	ASSERT_EQ(0, low_power_set(&self->u, wakeup, &arg, sizeof(arg)));
	ASSERT_EQ(0, vt_write_text(path, "on"));
	vt_sleep_ms(100);
	/* SIGBUS or not, it must not last. */
	vt_peek(self->u.map, &value);
	ASSERT_EQ(0, vt_memory(&self->u.d, false));
	EXPECT_TRUE(is_down(&self->u));
	ASSERT_EQ(0, vt_memory(&self->u.d, true));
	ASSERT_EQ(0, low_power_exit(&self->u));
	EXPECT_TRUE(is_up(&self->u));
	EXPECT_EQ(0, vt_write_text(path, "auto"));
}

TEST_F(low_power, close_in_low_power)
{
	ASSERT_EQ(0, low_power_set(&self->u,
				   VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL,
				   0));
	vt_close(&self->u.d);
	EXPECT_TRUE(is_dead(&self->u));
}

TEST_F(low_power, revoke_in_low_power)
{
	ASSERT_EQ(0, low_power_set(&self->u,
				   VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, NULL,
				   0));
	ASSERT_EQ(0, vt_revoke(self->u.d.fd, self->u.fd));
	ASSERT_EQ(0, low_power_exit(&self->u));
	EXPECT_TRUE(is_dead(&self->u));
}

/* The power management capability's D3hot, where registers are behind BAR 0 */
TEST(d3hot_and_d0)
{
	__u64 before, value;
	struct vt_device d;
	char *map;
	int fd;

	ASSERT_EQ(0, vt_open(&d, vt_bdf("PM"), VT_DRIVER));
	fd = vt_export_one(d.fd, 0, 0, VT_PAGE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, VT_PAGE);
	ASSERT_NE(NULL, map);
	ASSERT_EQ(0, vt_peek(map, &before));
	/* What a read gives when the memory does not answer. */
	ASSERT_NE(~0ULL, before);
	ASSERT_EQ(0, vt_power_state(&d, D3HOT));
	EXPECT_EQ(0, vt_present(map, VT_PAGE));
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	ASSERT_EQ(0, vt_power_state(&d, D0));
	ASSERT_EQ(0, vt_memory(&d, true));
	ASSERT_EQ(0, vt_peek(map, &value));
	EXPECT_EQ(before, value);
	vt_close(&d);
}

/* A device of its own behind a switch: reset of its bus works as its own */
FIXTURE(function_reset)
{
	struct user u;
};

FIXTURE_SETUP(function_reset)
{
	user_init(&self->u, &behind_a_switch);
	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(vt_can_reset(&self->u.d));
	ASSERT_TRUE(user_export(&self->u));
	ASSERT_TRUE(user_import(&self->u));
}

FIXTURE_TEARDOWN(function_reset)
{
	user_end(&self->u);
}

TEST_F(function_reset, by_the_user)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_reset(&self->u.d));
		EXPECT_TRUE(lost_all(&self->u));
		EXPECT_TRUE(is_up(&self->u));
	}
}

TEST_F(function_reset, by_sysfs)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_sysfs_reset(self->u.d.bdf));
		EXPECT_TRUE(lost_all(&self->u));
		EXPECT_TRUE(is_up(&self->u));
	}
}

TEST_F(function_reset, by_sysfs_takes_the_bar_mapping_too)
{
	char *bar = vt_map_bar(&self->u.d, BAR, 0, SIZE);
	__u64 value;

	ASSERT_NE(NULL, bar);
	vt_touch(bar, SIZE);
	ASSERT_EQ(0, vt_sysfs_reset(self->u.d.bdf));
	EXPECT_EQ(0, vt_present(bar, SIZE));
	ASSERT_EQ(0, vt_peek(bar, &value));
	EXPECT_EQ(STAMP, value);
	munmap(bar, SIZE);
}

TEST_F(function_reset, by_sysfs_with_memory_off)
{
	ASSERT_EQ(0, vt_memory(&self->u.d, false));
	ASSERT_EQ(0, vt_sysfs_reset(self->u.d.bdf));
	EXPECT_TRUE(is_down(&self->u));
	ASSERT_EQ(0, vt_memory(&self->u.d, true));
	EXPECT_TRUE(is_up(&self->u));
}

TEST_F(function_reset, a_revoked_buffer_stays_so)
{
	ASSERT_EQ(0, vt_revoke(self->u.d.fd, self->u.fd));
	ASSERT_EQ(0, vt_sysfs_reset(self->u.d.bdf));
	EXPECT_TRUE(is_dead(&self->u));
	ASSERT_EQ(0, vt_reset(&self->u.d));
	EXPECT_TRUE(is_dead(&self->u));
}

TEST_F(function_reset, by_sysfs_while_hammered)
{
	struct hammer h[2];
	int i;

	ASSERT_TRUE(hammer_start(&h[0], self->u.map));
	ASSERT_TRUE(hammer_start(&h[1], self->u.map));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, vt_sysfs_reset(self->u.d.bdf));
	EXPECT_TRUE(hammer_stop(&h[0]));
	EXPECT_TRUE(hammer_stop(&h[1]));
	EXPECT_EQ(0, h[0].sigbus + h[1].sigbus);
	EXPECT_TRUE(is_up(&self->u));
}

TEST_F(function_reset, by_the_user_while_hammered)
{
	struct hammer h;
	int i;

	ASSERT_TRUE(hammer_start(&h, self->u.map));
	for (i = 0; i < 10; i++)
		EXPECT_EQ(0, vt_reset(&self->u.d));
	EXPECT_TRUE(hammer_stop(&h));
	EXPECT_EQ(0, h.sigbus);
	EXPECT_TRUE(is_up(&self->u));
}

struct resetter {
	pthread_t thread;
	const char *bdf;
	int ret;
};

static void *resetter_main(void *arg)
{
	struct resetter *r = arg;

	r->ret = vt_sysfs_reset(r->bdf);
	return NULL;
}

TEST_F(function_reset, by_sysfs_waits_for_the_importer)
{
	struct resetter r = { .bdf = self->u.d.bdf };
	struct vpdm_edu_stats s;

	if (!self->u.h)
		SKIP(return, VT_NO_IMPORTERS);
	ASSERT_EQ(0, vt_edu_hold(self->u.edu, self->u.h, true));
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, resetter_main, &r));
	EXPECT_TRUE(vt_wait_for(vt_edu_stats(self->u.edu, self->u.h, &s) ||
				s.pending));
	EXPECT_TRUE(s.pending);
	vt_sleep_ms(300);
	/* The reset waits, and nobody sees the device that is to be reset. */
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(r.thread, NULL));
	EXPECT_EQ(0, vt_present(self->u.map, SIZE));
	ASSERT_EQ(0, vt_edu_hold(self->u.edu, self->u.h, false));
	ASSERT_EQ(0, pthread_join(r.thread, NULL));
	EXPECT_EQ(0, r.ret);
	EXPECT_TRUE(is_up(&self->u));
}

/* Two devices on one conventional bus: reset as one, started from either */
FIXTURE(hot_reset)
{
	struct user a;
	struct user b;
};

FIXTURE_VARIANT(hot_reset)
{
	const char *b_driver;
	bool from_b;
};

FIXTURE_VARIANT_ADD(hot_reset, both_ours_from_a)
{
	.b_driver = VT_DRIVER,
};

FIXTURE_VARIANT_ADD(hot_reset, both_ours_from_b)
{
	.b_driver = VT_DRIVER,
	.from_b = true,
};

FIXTURE_VARIANT_ADD(hot_reset, sibling_stock_from_ours)
{
	.b_driver = VT_STOCK,
};

FIXTURE_VARIANT_ADD(hot_reset, sibling_stock_from_stock)
{
	.b_driver = VT_STOCK,
	.from_b = true,
};

FIXTURE_SETUP(hot_reset)
{
	if (!strcmp(variant->b_driver, VT_STOCK) && !vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	user_init(&self->a, &reset_set);
	ASSERT_EQ(0, vt_bind(vt_bdf("HOT_B"), variant->b_driver));
	ASSERT_EQ(0, user_open(&self->a));
	ASSERT_EQ(0, vt_open_sibling(&self->b.d, &self->a.d, vt_bdf("HOT_B")));
	ASSERT_TRUE(user_export(&self->a));
	ASSERT_TRUE(user_import(&self->a));
	if (!strcmp(variant->b_driver, VT_DRIVER))
		ASSERT_TRUE(user_export(&self->b));
}

FIXTURE_TEARDOWN(hot_reset)
{
	user_end(&self->b);
	user_end(&self->a);
	EXPECT_EQ(0, vt_bind(vt_bdf("HOT_B"), VT_DRIVER));
}

TEST_F(hot_reset, reaches_all_devices_of_the_set)
{
	struct vt_device *from = variant->from_b ? &self->b.d : &self->a.d;
	int i;

	/* The group is known to the first device. */
	from->group = self->a.d.group;
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, vt_hot_reset(from));
		EXPECT_TRUE(lost_all(&self->a));
		if (self->b.map)
			EXPECT_TRUE(lost_all(&self->b));
		EXPECT_TRUE(is_up(&self->a));
		if (self->b.map)
			EXPECT_TRUE(is_up(&self->b));
	}
}

TEST_F(hot_reset, while_hammered)
{
	struct vt_device *from = variant->from_b ? &self->b.d : &self->a.d;
	int i, ret, done = 0;
	struct hammer h;

	ASSERT_TRUE(hammer_start(&h, self->a.map));
	for (i = 0; i < 10; i++) {
		/* EBUSY: a fault held the lock that is only tried. */
		ret = vt_hot_reset(from);
		EXPECT_TRUE(!ret || ret == -EBUSY);
		done += !ret;
	}
	EXPECT_TRUE(hammer_stop(&h));
	EXPECT_EQ(0, h.sigbus);
	EXPECT_LT(0, done);
	EXPECT_TRUE(is_up(&self->a));
}

/* The end of the device's user */
FIXTURE(last_close)
{
	struct user u;
};

FIXTURE_VARIANT(last_close)
{
	const struct place *at;
};

FIXTURE_VARIANT_ADD(last_close, root_bus)
{
	.at = &root_bus,
};

FIXTURE_VARIANT_ADD(last_close, behind_a_switch)
{
	.at = &behind_a_switch,
};

FIXTURE_SETUP(last_close)
{
	user_init(&self->u, variant->at);
}

FIXTURE_TEARDOWN(last_close)
{
	user_end(&self->u);
}

struct unbinder {
	pthread_t thread;
	const char *bdf;
	bool done;
	int ret;
};

static void *unbinder_main(void *arg)
{
	struct unbinder *u = arg;

	u->ret = vt_unbind(u->bdf);
	__atomic_store_n(&u->done, true, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(last_close, unbind_while_open_waits_for_close)
{
	struct unbinder u = { .bdf = vt_bdf(variant->at->memory) };

	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(user_export(&self->u));
	ASSERT_TRUE(user_import(&self->u));
	ASSERT_EQ(0, pthread_create(&u.thread, NULL, unbinder_main, &u));
	vt_sleep_ms(300);
	EXPECT_FALSE(__atomic_load_n(&u.done, __ATOMIC_ACQUIRE));
	vt_close(&self->u.d);
	ASSERT_EQ(0, pthread_join(u.thread, NULL));
	EXPECT_EQ(0, u.ret);
	EXPECT_TRUE(is_dead(&self->u));
	EXPECT_TRUE(user_detach(&self->u));
	ASSERT_EQ(0, vt_bind(u.bdf, VT_DRIVER));
}

TEST_F(last_close, close_leaves_dead_buffers)
{
	struct vt_device again;
	void *other;
	int fd;

	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(user_export(&self->u));
	ASSERT_TRUE(user_import(&self->u));
	vt_close(&self->u.d);
	EXPECT_TRUE(is_dead(&self->u));

	/* The next user of the device does not wake them. */
	ASSERT_EQ(0, vt_open(&again, self->u.d.bdf, VT_DRIVER));
	EXPECT_TRUE(is_dead(&self->u));
	fd = vt_export_one(again.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	other = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, other);
	vt_touch(other, SIZE);
	EXPECT_TRUE(is_dead(&self->u));
	close(fd);
	munmap(other, SIZE);
	vt_close(&again);
}

TEST_F(last_close, the_bar_mapping_keeps_the_device_open)
{
	__u64 value;
	char *bar;

	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(user_export(&self->u));
	bar = vt_map_bar(&self->u.d, BAR, 0, SIZE);
	ASSERT_NE(NULL, bar);
	vt_close_fd(&self->u.d);
	EXPECT_EQ(0, vt_peek(bar, &value));
	EXPECT_TRUE(is_up(&self->u));
	munmap(bar, SIZE);
	EXPECT_TRUE(is_dead(&self->u));
}

#define SUBORDINATES	3

/* Gets a buffer from the primary, uses it, and reports what is left of it. */
static void subordinate(struct user u, int sock, int up, bool import)
{
	u.fd = vt_recv_fd(sock);
	u.map = u.fd < 0 ? NULL : vt_map_rw(u.fd, SIZE);
	if (!u.map || !is_up(&u) || (import && !user_import(&u)) ||
	    write(up, "m", 1) != 1)
		_exit(1);
	/* The importer goes a little later than the entries. */
	_exit(vt_wait_for(lost_all(&u)) && is_dead(&u) ? 0 : 2);
}

static void primary(struct user u, int sock)
{
	int i;

	if (user_open(&u) || !user_export(&u))
		_exit(1);
	for (i = 0; i < SUBORDINATES; i++) {
		if (vt_send_fd(sock, u.fd))
			_exit(1);
	}
	pause();
	_exit(1);
}

TEST_F(last_close, primary_killed_with_three_subordinates)
{
	int sock[2], up[2], i, status;
	pid_t pid;
	char word;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock));
	ASSERT_EQ(0, pipe(up));
	for (i = 0; i < SUBORDINATES; i++) {
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			subordinate(self->u, sock[1], up[1], !i);
	}
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		primary(self->u, sock[0]);
	for (i = 0; i < SUBORDINATES; i++)
		ASSERT_EQ(1, read(up[0], &word, 1));

	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	for (i = 0; i < SUBORDINATES; i++) {
		ASSERT_LT(0, wait(&status));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(0, user_open(&self->u));
}

static bool event(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, vt_patience_ms()) == 1;
}

/* The end of the device, for a while or for good */
FIXTURE(end)
{
	struct user u;
};

FIXTURE_SETUP(end)
{
}

FIXTURE_TEARDOWN(end)
{
	user_end(&self->u);
}

/* The last test with this device: it does not come back. */
TEST_F(end, hot_unplug_while_mapped)
{
	const char *bdf = vt_bdf("UNPLUG");
	char path[64];
	int request;

	user_init(&self->u, &hotplug_port);
	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(user_export(&self->u));
	ASSERT_TRUE(user_import(&self->u));
	request = vt_eventfd(&self->u.d, VFIO_PCI_REQ_IRQ_INDEX);
	ASSERT_LE(0, request);

	ASSERT_TRUE(vt_ask_host("device_del ivshmem-unplug"));
	ASSERT_TRUE(event(request));
	/* The user was asked to let go and has not done so yet. */
	EXPECT_TRUE(is_up(&self->u));
	vt_close(&self->u.d);
	EXPECT_TRUE(is_dead(&self->u));

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	EXPECT_TRUE(vt_wait_for(access(path, F_OK)));
	EXPECT_TRUE(is_dead(&self->u));
	EXPECT_TRUE(user_detach(&self->u));
}

/*
 * A fatal error at the switch's port: the link below is reset, and with it the
 * device's BARs, until the user turns memory on again.
 */
TEST_F(end, fatal_error_on_the_link)
{
	int log = vt_kmsg_open();

	ASSERT_LE(0, log);
	user_init(&self->u, &behind_a_switch);
	ASSERT_EQ(0, user_open(&self->u));
	ASSERT_TRUE(user_export(&self->u));
	ASSERT_TRUE(user_import(&self->u));

	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error sw-down0 DLP"));
	EXPECT_TRUE(vt_wait_for(lost_all(&self->u)));
	/* Recovery ends, then the user brings the device back. */
	EXPECT_TRUE(vt_kmsg_has(log, "device recovery successful"));
	close(log);
	ASSERT_EQ(0, vt_memory(&self->u.d, false));
	EXPECT_TRUE(is_down(&self->u));
	ASSERT_EQ(0, vt_memory(&self->u.d, true));
	EXPECT_TRUE(is_up(&self->u));
}

TEST_HARNESS_MAIN
