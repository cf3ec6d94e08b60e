// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that is gone for the kernel while it is in use. In a machine of its
 * own: the devices behind the switch do not come back.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR		2
#define SIZE		VT_MIB(4)

static bool is_reached(const char *map, bool want)
{
	__u64 value;

	return vt_wait_for((vt_peek(map, &value) != SIGBUS) == want);
}

/*
 * After a fatal error the kernel gives up all devices of a subtree if one of their
 * drivers cannot handle errors. It takes the others away when asked to, which
 * waits for their users: meanwhile there is no access.
 */
TEST(no_access_while_a_lost_device_is_removed)
{
	int fd, status, log = vt_kmsg_open();
	struct vt_device d;
	pid_t pid;
	char *map;

	/*
	 * Recovery wakes the devices of the subtree with pci_bus_sem held. Of one
	 * that is bound to VFIO and idle lockdep then says that its memory_lock,
	 * which a reset takes before pci_bus_sem, comes after it.
	 */
	ASSERT_EQ(0, vt_unbind(vt_bdf("HOT_A")));
	ASSERT_EQ(0, vt_unbind(vt_bdf("HOT_B")));
	ASSERT_EQ(0, vt_bind(vt_bdf("SW_EDU"), "vpdm_test_edu"));
	ASSERT_EQ(0, vt_open(&d, vt_bdf("SW_MEM"), VT_DRIVER));
	fd = vt_export_one(d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	ASSERT_TRUE(is_reached(map, true));

	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error sw-up DLP"));
	ASSERT_TRUE(is_reached(map, false));
	ASSERT_TRUE(vt_kmsg_has(log, "device recovery failed"));
	close(log);
	ASSERT_EQ(SIGBUS, vt_peek(map, &(__u64){ 0 }));
	/* A reset lets its user try. */
	ASSERT_EQ(0, vt_reset(&d));
	ASSERT_TRUE(is_reached(map, true));

	pid = fork();
	if (!pid) {
		vt_close(&d);
		_exit(vt_device_write(vt_bdf("SW_MEM"), "remove", "1") != 0);
	}
	EXPECT_TRUE(is_reached(map, false));
	EXPECT_EQ(0, vt_present(map, SIZE));
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	vt_close(&d);
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(SIGBUS, vt_peek(map, &(__u64){ 0 }));
}

TEST_HARNESS_MAIN
