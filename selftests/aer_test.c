// SPDX-License-Identifier: GPL-2.0-only
/*
 * Errors of the link from which the kernel recovers: who is told when, and what a
 * user can do meanwhile. In a machine that has a switch for it: behind the first
 * port a device that tells its user of errors, behind the second an edu.
 */
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/edu.h"
#include "lib/vfio_test.h"

/* Of an NVMe controller, which begins with a constant */
#define BAR		0
#define SIZE		VT_PAGE
#define RECOVERY	"/sys/module/vpdm_test_edu/parameters/recovery"
#define CAN_RECOVER	"1"
#define KEEP_RECOVERING	"2"
/* What must not happen is given this long to happen. */
#define WATCH_MS	300

FIXTURE(aer)
{
	struct vt_device d;
	int fd;
	char *map;
	__u64 value;
	int event;
	int log;
};

/* The errors are called out in the order of the ports. */
FIXTURE_SETUP(aer)
{
	ASSERT_EQ(0, vt_bind(vt_bdf("AER_EDU"), "vpdm_test_edu"));
	ASSERT_EQ(0, vt_write_text(RECOVERY, CAN_RECOVER));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("AER"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	ASSERT_EQ(0, vt_peek(self->map, &self->value));
	ASSERT_NE(~0ULL, self->value);
	self->event = vt_eventfd(&self->d, VFIO_PCI_ERR_IRQ_INDEX);
	ASSERT_LE(0, self->event);
	self->log = vt_kmsg_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(aer)
{
	vt_write_text(RECOVERY, CAN_RECOVER);
	vt_close(&self->d);
}

static bool is_told(FIXTURE_DATA(aer) *self)
{
	struct pollfd p = { .fd = self->event, .events = POLLIN };

	return poll(&p, 1, vt_patience_ms()) == 1;
}

static bool is_down(FIXTURE_DATA(aer) *self)
{
	__u64 value;

	return !vt_present(self->map, SIZE) &&
	       vt_peek(self->map, &value) == SIGBUS;
}

/* The user is told first, and can be here before access ends. */
static bool is_told_and_down(FIXTURE_DATA(aer) *self)
{
	return is_told(self) && vt_wait_for(is_down(self));
}

/* A reset of the link leaves the BARs as they are after power-on. */
static bool comes_back(FIXTURE_DATA(aer) *self)
{
	__u64 value;

	return !vt_memory(&self->d, false) && is_down(self) &&
	       !vt_memory(&self->d, true) && !vt_peek(self->map, &value) &&
	       value == self->value;
}

TEST_F(aer, no_access_from_the_error_to_the_end_of_recovery)
{
	ASSERT_EQ(0, vt_write_text(RECOVERY, KEEP_RECOVERING));
	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error aer-up DLP"));
	EXPECT_TRUE(is_told_and_down(self));
	vt_sleep_ms(WATCH_MS);
	EXPECT_TRUE(is_down(self));
	ASSERT_EQ(0, vt_write_text(RECOVERY, CAN_RECOVER));
	ASSERT_TRUE(vt_kmsg_has(self->log, "device recovery successful"));
	EXPECT_TRUE(comes_back(self));
}

/*
 * The link is still to be reset: what the user does before does not count. The reset by
 * sysfs waits until the kernel has told the driver, which is when access ends; that of
 * the user would not, and fail with EAGAIN.
 */
TEST_F(aer, a_reset_by_the_user_does_not_end_a_recovery)
{
	ASSERT_EQ(0, vt_write_text(RECOVERY, KEEP_RECOVERING));
	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error aer-up DLP"));
	EXPECT_TRUE(is_told_and_down(self));
	ASSERT_EQ(0, vt_sysfs_reset(self->d.bdf));
	EXPECT_TRUE(is_down(self));
	ASSERT_EQ(0, vt_reset(&self->d));
	EXPECT_TRUE(is_down(self));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_TRUE(is_down(self));
	ASSERT_EQ(0, vt_write_text(RECOVERY, CAN_RECOVER));
	ASSERT_TRUE(vt_kmsg_has(self->log, "device recovery successful"));
	EXPECT_TRUE(comes_back(self));
}

TEST_F(aer, a_reset_by_the_user_after_a_recovery)
{
	__u64 value;

	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error aer-up DLP"));
	EXPECT_TRUE(is_told(self));
	ASSERT_TRUE(vt_kmsg_has(self->log, "device recovery successful"));
	ASSERT_TRUE(comes_back(self));
	ASSERT_EQ(0, vt_reset(&self->d));
	EXPECT_EQ(0, vt_peek(self->map, &value));
	EXPECT_EQ(self->value, value);
}

/*
 * A reset of the link takes the BARs away. Where no driver has the device by then,
 * nobody need give them back: arm64's kernel does not. It finds the device anew.
 */
static bool find_again(const char *bdf)
{
	return !vt_device_write(bdf, "remove", "1") &&
	       !vt_write_text("/sys/bus/pci/rescan", "1");
}

/* An unbind that comes amid a recovery waits for the user, who closes. */
TEST_F(aer, unbind_during_a_recovery)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, vt_write_text(RECOVERY, KEEP_RECOVERING));
	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error aer-up DLP"));
	EXPECT_TRUE(is_told_and_down(self));
	pid = fork();
	if (!pid) {
		vt_close(&self->d);
		_exit(vt_unbind(vt_bdf("AER")) != 0);
	}
	vt_sleep_ms(WATCH_MS);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_TRUE(is_down(self));
	vt_close(&self->d);
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(is_down(self));
	ASSERT_EQ(0, vt_write_text(RECOVERY, CAN_RECOVER));
	ASSERT_TRUE(vt_kmsg_has(self->log, "device recovery"));
	EXPECT_TRUE(find_again(vt_bdf("AER")));
}

/*
 * The user hears of the error at once, and the kernel does not wait for an importer
 * that does not let go: it holds a lock of all PCI devices.
 */
TEST_F(aer, an_importer_holds_nobody_up)
{
	struct vpdm_edu_stats s;
	int edu, h;

	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	edu = vt_edu_open(vt_bdf("AER_EDU"));
	ASSERT_LE(0, edu);
	h = vt_edu_import(edu, self->fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_hold(edu, h, true));

	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error aer-down0 DLP"));
	EXPECT_TRUE(is_told_and_down(self));
	EXPECT_TRUE(vt_kmsg_has(self->log, "device recovery successful"));
	/* It has been told to let go all the same. */
	ASSERT_EQ(0, vt_edu_stats(edu, h, &s));
	EXPECT_EQ(1, s.pending);
	EXPECT_EQ(1, s.mapped);
	ASSERT_EQ(0, vt_edu_hold(edu, h, false));
	EXPECT_TRUE(comes_back(self));
	close(edu);
}

TEST_HARNESS_MAIN
