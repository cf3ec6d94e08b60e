// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that is gone for the kernel while it is in use. In a machine of its
 * own: the devices behind the switch do not come back.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define TRACING		"/sys/kernel/tracing"
#define BAR		2
#define SIZE		(2 * VT_PMD)

static bool is_reached(const char *map, bool want)
{
	__u64 value;

	return vt_wait_for((vt_peek(map, &value) != SIGBUS) == want);
}

/* How often the kernel has told a driver of vfio-pci-core's of an error. */
static bool count_errors(void)
{
	return !vt_write_text(TRACING "/kprobe_events",
			      "p:told vfio_pci_core_aer_err_detected") &&
	       !vt_write_text(TRACING "/events/kprobes/told/enable", "1");
}

static int nr_errors(void)
{
	char text[256];
	int nr;

	return !vt_read_text(TRACING "/kprobe_profile", text, sizeof(text)) &&
	       sscanf(text, " told %d", &nr) == 1 ? nr : -1;
}

/*
 * After a fatal error the kernel gives up all devices of a subtree if one of their
 * drivers cannot handle errors. Where it says so, a reset lets the user of such a
 * device try, who then has it until letting go, also if it is being removed.
 * Elsewhere the error might as well not be over.
 */
TEST(a_lost_device_is_its_users_after_a_reset)
{
	int fd, status, log = vt_kmsg_open();
	bool says_so;
	int errors;
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

	ASSERT_TRUE(count_errors());
	ASSERT_TRUE(vt_ask_host("pcie_aer_inject_error sw-up DLP"));
	ASSERT_TRUE(is_reached(map, false));
	ASSERT_TRUE(vt_kmsg_has(log, "device recovery failed"));
	close(log);
	ASSERT_EQ(SIGBUS, vt_peek(map, &(__u64){ 0 }));
	errors = nr_errors();
	ASSERT_LE(1, errors);
	says_so = errors == 2;
	ASSERT_EQ(0, vt_reset(&d));
	ASSERT_EQ(says_so ? 0 : SIGBUS, vt_peek(map, &(__u64){ 0 }));

	pid = fork();
	if (!pid) {
		vt_close(&d);
		_exit(vt_device_write(vt_bdf("SW_MEM"), "remove", "1") != 0);
	}
	vt_sleep_ms(300);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(says_so ? 0 : SIGBUS, vt_peek(map, &(__u64){ 0 }));
	vt_close(&d);
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_EQ(0, status);
	EXPECT_EQ(SIGBUS, vt_peek(map, &(__u64){ 0 }));
}

TEST_HARNESS_MAIN
