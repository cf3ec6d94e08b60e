// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM with a BAR, mapped through the device fd, as its guest's memory: the cases of
 * selftests/kvm_test.c that need no buffer. The device is VPDM_DEV_MEM of the
 * environment, with the driver that it is bound to.
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "vfio_test.h"

#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	VT_MIB(4)

FIXTURE(kvm) {
	struct vt_device d;
	struct vfio_region_info region;
	char *map;
	/* The same memory, past KVM */
	volatile __u32 *bar;
	struct guest g;
};

FIXTURE_VARIANT(kvm) {
	/* Of the address, to the BAR's: large entries cannot be had if it is odd. */
	unsigned int skew_pages;
};

FIXTURE_VARIANT_ADD(kvm, small_entries) { 1 };
FIXTURE_VARIANT_ADD(kvm, large_entries) { 0 };

static char *map_bar(int device_fd, __u64 offset, unsigned int skew_pages)
{
	return vt_map(device_fd, SIZE, RW, offset, VT_PUD, skew_pages * VT_PAGE);
}

FIXTURE_SETUP(kvm)
{
	self->g.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->g.kvm);
	ASSERT_EQ(0, guest_create(&self->g));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("MEM"), NULL));
	ASSERT_EQ(0, vt_region(&self->d, BAR, &self->region));
	self->bar = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, self->bar);
	self->map = map_bar(self->d.fd, self->region.offset,
			    variant->skew_pages);
	ASSERT_NE(NULL, self->map);
	ASSERT_EQ(0, guest_set_slot(&self->g, GUEST_BUFFER, 0, self->map, SIZE));
}

FIXTURE_TEARDOWN(kvm)
{
	vt_close(&self->d);
}

static long long kvm_pages(const char *size)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/pages_%s", size);
	return vt_read_number(path);
}

/* To be compared: the sizes of the process's and of KVM's entries. */
static void show_entries(const char *when, const char *shape, const char *map)
{
	static const char *const size[] = {
		[VPDM_PT_PTE] = "4 KiB",
		[VPDM_PT_PMD] = "2 MiB",
		[VPDM_PT_PUD] = "1 GiB",
	};
	struct vpdm_pt_lookup entry = vt_pte(map);
	const char *kvm = kvm_pages("1g") ? "1 GiB" : kvm_pages("2m") ? "2 MiB" :
			  kvm_pages("4k") > 1 ? "4 KiB" : "none";

	printf("# value %s entries %s: process %s, KVM %s\n", shape, when,
	       entry.present ? size[entry.level] : "none", kvm);
}

#define SHOW(when) \
	show_entries(when, variant->skew_pages ? "small" : "large", \
		     self->map)

TEST_F(kvm, first_access_is_a_write)
{
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, 0, 11));
	SHOW("after a write");
	EXPECT_EQ(11, *self->bar);
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, SIZE - VT_PAGE, 12));
	EXPECT_EQ(12, self->bar[(SIZE - VT_PAGE) / 4]);
}

TEST_F(kvm, write_after_read)
{
	*self->bar = 21;
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&self->g, 0, 21));
	SHOW("after a read");
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, 0, 22));
	EXPECT_EQ(22, *self->bar);
}

TEST_F(kvm, memory_off_and_on)
{
	ASSERT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, 0, 31));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	SHOW("while memory is off");
	EXPECT_EQ(-EFAULT, guest_reads(&self->g, 0, 31));
	EXPECT_EQ(-EFAULT, guest_writes(&self->g, 0, 32));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&self->g, 0, 31));
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, 0, 33));
	EXPECT_EQ(33, *self->bar);
	SHOW("when memory is on again");
}

TEST_F(kvm, memory_off_under_a_running_guest)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(guest_starts(&self->g, self->bar));
		ASSERT_EQ(0, vt_memory(&self->d, false));
		ASSERT_TRUE(vt_wait_for(guest_has_ended(&self->g)));
		ASSERT_EQ(-EFAULT, self->g.end);
		ASSERT_EQ(0, vt_memory(&self->d, true));
	}
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, 0, 34));
	EXPECT_EQ(34, *self->bar);
}

TEST_F(kvm, fork_under_a_running_guest)
{
	__u64 value;
	int status;
	pid_t pid;

	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	pid = fork();
	if (!pid)
		_exit(vt_peek(self->map, &value) || !(__u32)value);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(guest_goes_on(&self->g, self->bar));
	EXPECT_EQ(-EINTR, guest_stops(&self->g));
}

TEST_F(kvm, munmap_of_a_page_under_a_running_guest)
{
	size_t hole = 5 * VT_PAGE, behind = hole + VT_PAGE;

	self->bar[hole / 4] = 61;
	self->bar[behind / 4] = 62;
	ASSERT_EQ(KVM_EXIT_HLT, guest_reads(&self->g, hole, 61));
	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	ASSERT_EQ(0, munmap(self->map + hole, VT_PAGE));
	EXPECT_TRUE(guest_goes_on(&self->g, self->bar));
	ASSERT_EQ(-EINTR, guest_stops(&self->g));
	EXPECT_EQ(-EFAULT, guest_reads(&self->g, hole, 61));
	EXPECT_EQ(-EFAULT, guest_writes(&self->g, hole, 63));
	EXPECT_EQ(61, self->bar[hole / 4]);
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&self->g, behind, 62));
	SHOW("around a hole");
}

TEST_F(kvm, munmap_of_the_page_that_the_guest_writes_to)
{
	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	ASSERT_EQ(0, munmap(self->map, VT_PAGE));
	EXPECT_EQ(-EFAULT, guest_ends(&self->g, self->bar));
}

TEST_F(kvm, mremap_under_a_running_guest)
{
	char *to = map_bar(self->d.fd, self->region.offset,
			   variant->skew_pages);

	ASSERT_NE(NULL, to);
	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	ASSERT_EQ(to, mremap(self->map, SIZE, SIZE,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	ASSERT_EQ(-EFAULT, guest_ends(&self->g, self->bar));
	ASSERT_EQ(0, guest_set_slot(&self->g, GUEST_BUFFER, 0, to, SIZE));
	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	EXPECT_EQ(-EINTR, guest_stops(&self->g));
}

TEST_F(kvm, reset_by_the_user_under_a_running_guest)
{
	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	ASSERT_EQ(0, vt_reset(&self->d));
	EXPECT_TRUE(guest_goes_on(&self->g, self->bar));
	EXPECT_EQ(-EINTR, guest_stops(&self->g));
}

TEST_F(kvm, reset_by_the_user)
{
	ASSERT_EQ(KVM_EXIT_HLT, guest_writes(&self->g, 0, 71));
	ASSERT_EQ(0, vt_reset(&self->d));
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&self->g, 0, 71));
	SHOW("after a reset and a read");
}

/* By the device's sysfs attribute. vfio-pci lets accesses through meanwhile. */
TEST_F(kvm, reset_by_sysfs_under_a_running_guest)
{
	ASSERT_TRUE(guest_starts(&self->g, self->bar));
	ASSERT_EQ(0, vt_sysfs_reset(self->d.bdf));
	EXPECT_TRUE(guest_goes_on(&self->g, self->bar));
	EXPECT_EQ(-EINTR, guest_stops(&self->g));
}

TEST_HARNESS_MAIN
