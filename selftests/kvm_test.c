// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that has a buffer as memory. KVM copies entries of the process's page
 * tables into tables of its own, and drops them when it is told that the former
 * change: what ends access of the process ends the guest's.
 *
 * In a machine of its own, which has KVM.
 */
#include "kselftest_harness.h"

#ifndef __x86_64__

#include "kselftest.h"

int main(void)
{
	ksft_exit_skip("the guest of this test is an x86's\n");
}

#else

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/guest.h"
#include "lib/vfio_test.h"

#define BAR	2
#define RW	(PROT_READ | PROT_WRITE)
#define SIZE	VT_MIB(4)
#define NC	VFIO_DMA_BUF_MEMATTR_NC
#define WC	VFIO_DMA_BUF_MEMATTR_WC

/* A buffer of a device, mapped, and a guest that has it. Nobody has touched it. */
struct lent {
	struct vt_device d;
	int fd;
	char *map;
	/* The same memory, past the buffer */
	volatile __u32 *bar;
	enum vpdm_pt_level level;
	struct guest g;
};

struct shape {
	const char *device;
	__u32 memattr;
	enum vpdm_pt_level level;
	unsigned int rounds;
};

static size_t size_of(const struct shape *s)
{
	return s->level == VPDM_PT_PUD ? VT_PUD : SIZE;
}

static size_t skew_of(const struct shape *s)
{
	return s->level == VPDM_PT_PTE ? VT_PAGE : 0;
}

static const struct shape nc_4_kib = {
	"SW_MEM", NC, VPDM_PT_PTE, 200,
};

static const struct shape wc_4_kib = {
	"SW_MEM", WC, VPDM_PT_PTE, 50,
};

static const struct shape nc_2_mib = {
	"SW_MEM", NC, VPDM_PT_PMD, 50,
};

static const struct shape wc_2_mib = {
	"SW_MEM", WC, VPDM_PT_PMD, 50,
};

static const struct shape nc_1_gib = {
	"BIG", NC, VPDM_PT_PUD, 50,
};

static const struct shape wc_1_gib = {
	"BIG", WC, VPDM_PT_PUD, 50,
};

static volatile __u32 *bar_at(struct lent *l, size_t offset)
{
	return l->bar + offset / sizeof(*l->bar);
}

/* In the place of an earlier one, of which the guest's slot does not know. */
static bool lent_again(struct lent *l, const struct shape *s)
{
	close(l->fd);
	l->fd = vt_export_one(l->d.fd, BAR, 0, size_of(s));
	return l->fd >= 0 && !vt_memattr_set(l->d.fd, l->fd, s->memattr) &&
	       mmap(l->map, size_of(s), RW, MAP_SHARED | MAP_FIXED, l->fd, 0) ==
	       l->map;
}

static void lend(struct __test_metadata *_metadata, struct lent *l,
		 const struct shape *s)
{
	l->d = (struct vt_device)VT_DEVICE_INIT;
	l->g.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	/* Of a boot that "make check" makes KVM is a part. */
	if (l->g.kvm < 0 && !getenv("VPDM_BOOT"))
		SKIP(return, "/dev/kvm: %s; boot with --module kvm-amd",
		     strerror(errno));
	ASSERT_LE(0, l->g.kvm);
	if (s->level != VPDM_PT_PTE && !vt_has_huge_entries())
		SKIP(return, VT_NO_HUGE_ENTRIES);
	/* Not all kernels get a split of 1 GiB right; exports have none there. */
	l->level = s->level == VPDM_PT_PUD && !vt_stock_exports() ?
		   VPDM_PT_PMD : s->level;
	ASSERT_EQ(0, guest_create(&l->g));

	ASSERT_EQ(0, vt_open(&l->d, vt_bdf(s->device), VT_DRIVER));
	l->bar = vt_map_bar(&l->d, BAR, 0, size_of(s));
	ASSERT_NE(NULL, l->bar);
	l->fd = vt_export_one(l->d.fd, BAR, 0, size_of(s));
	ASSERT_LE(0, l->fd);
	ASSERT_EQ(0, vt_memattr_set(l->d.fd, l->fd, s->memattr));
	l->map = vt_map(l->fd, size_of(s), RW, 0, VT_PUD, skew_of(s));
	ASSERT_NE(NULL, l->map);
	ASSERT_EQ(0, guest_set_slot(&l->g, GUEST_BUFFER, 0, l->map,
				    size_of(s)));
}

FIXTURE(kvm) {
	struct lent l;
};

FIXTURE_VARIANT(kvm) {
	const struct shape *shape;
};

FIXTURE_VARIANT_ADD(kvm, nc_4_kib) { &nc_4_kib };
FIXTURE_VARIANT_ADD(kvm, wc_4_kib) { &wc_4_kib };
FIXTURE_VARIANT_ADD(kvm, nc_2_mib) { &nc_2_mib };
FIXTURE_VARIANT_ADD(kvm, wc_2_mib) { &wc_2_mib };
FIXTURE_VARIANT_ADD(kvm, nc_1_gib) { &nc_1_gib };
FIXTURE_VARIANT_ADD(kvm, wc_1_gib) { &wc_1_gib };

FIXTURE_SETUP(kvm)
{
	lend(_metadata, &self->l, variant->shape);
}

FIXTURE_TEARDOWN(kvm)
{
	vt_close(&self->l.d);
}

static long long kvm_pages(const char *size)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/pages_%s", size);
	return vt_read_number(path);
}

/* The process's entry is what it is to be, and KVM's as large. */
static void expect_entries(struct __test_metadata *_metadata, struct lent *l,
			   const struct shape *s)
{
	enum vpdm_pt_level level = vt_export_level(s->level);
	struct vpdm_pt_lookup entry = vt_pte(l->map);

	EXPECT_EQ(level, entry.level);
	EXPECT_EQ(s->memattr == WC ? VT_CACHE_WC : VT_CACHE_NC, entry.cache);
	EXPECT_EQ(level == VPDM_PT_PMD, kvm_pages("2m") > 0);
	EXPECT_EQ(level == VPDM_PT_PUD, kvm_pages("1g") > 0);
}

/* Neither has any, but for KVM's of the guest's code. */
static void expect_none(struct __test_metadata *_metadata, struct lent *l,
			const struct shape *s)
{
	EXPECT_EQ(0, vt_present(l->map, size_of(s)));
	EXPECT_GE(1, kvm_pages("4k"));
	EXPECT_EQ(0, kvm_pages("2m"));
	EXPECT_EQ(0, kvm_pages("1g"));
}

TEST_F(kvm, first_access_is_a_write)
{
	size_t last = size_of(variant->shape) - VT_PAGE;
	struct lent *l = &self->l;

	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 11));
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, last, 12));
	EXPECT_EQ(11, *bar_at(l, 0));
	EXPECT_EQ(12, *bar_at(l, last));
	expect_entries(_metadata, l, variant->shape);
}

TEST_F(kvm, write_after_read)
{
	struct lent *l = &self->l;

	*l->bar = 21;
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 21));
	expect_entries(_metadata, l, variant->shape);
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 22));
	EXPECT_EQ(22, *l->bar);
	expect_entries(_metadata, l, variant->shape);
}

TEST_F(kvm, memory_off_and_on)
{
	struct lent *l = &self->l;

	ASSERT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 31));
	ASSERT_EQ(0, vt_memory(&l->d, false));
	expect_none(_metadata, l, variant->shape);
	EXPECT_EQ(-EFAULT, guest_reads(&l->g, 0, 31));
	EXPECT_EQ(-EFAULT, guest_writes(&l->g, 0, 32));
	ASSERT_EQ(0, vt_memory(&l->d, true));
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 31));
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 33));
	EXPECT_EQ(33, *l->bar);
}

TEST_F(kvm, memory_off_and_on_under_a_running_guest)
{
	struct lent *l = &self->l;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(guest_starts(&l->g, l->bar));
		ASSERT_EQ(0, vt_memory(&l->d, false));
		/* The BAR cannot be looked at meanwhile. */
		ASSERT_TRUE(vt_wait_for(guest_has_ended(&l->g)));
		ASSERT_EQ(-EFAULT, l->g.end);
		ASSERT_EQ(0, vt_memory(&l->d, true));
	}
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 34));
	EXPECT_EQ(34, *l->bar);
}

TEST_F(kvm, revoked)
{
	struct lent *l = &self->l;

	ASSERT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 41));
	ASSERT_EQ(0, vt_revoke(l->d.fd, l->fd));
	expect_none(_metadata, l, variant->shape);
	EXPECT_EQ(-EFAULT, guest_reads(&l->g, 0, 41));
	EXPECT_EQ(-EFAULT, guest_writes(&l->g, 0, 42));
	EXPECT_EQ(41, *l->bar);
	/* A new buffer in its place does not need KVM's help. */
	ASSERT_TRUE(lent_again(l, variant->shape));
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 43));
	EXPECT_EQ(43, *l->bar);
}

TEST_F(kvm, revoked_under_a_running_guest)
{
	unsigned int round, rounds = vt_rounds(variant->shape->rounds);
	struct lent *l = &self->l;

	for (round = 0; round < rounds; round++) {
		ASSERT_TRUE(guest_starts(&l->g, l->bar));
		ASSERT_EQ(0, round % 2 ? vt_revoke(l->d.fd, l->fd) :
					 vt_revoke_ioctl(l->d.fd, l->fd));
		ASSERT_EQ(-EFAULT, guest_ends(&l->g, l->bar)) {
			TH_LOG("round %u", round);
		}
		ASSERT_TRUE(lent_again(l, variant->shape));
	}
}

/* The buffer in the guest's slot is replaced by one that cannot be written. */
static void lend_read_only(struct __test_metadata *_metadata, struct lent *l,
			   const struct shape *s, __u32 flags)
{
	struct vfio_region_dma_range r = { 0, size_of(s) };

	ASSERT_EQ(0, munmap(l->map, size_of(s)));
	l->fd = vt_export(l->d.fd, BAR, O_RDONLY, &r, 1);
	ASSERT_LE(0, l->fd);
	ASSERT_EQ(0, vt_memattr_set(l->d.fd, l->fd, s->memattr));
	l->map = vt_map(l->fd, size_of(s), PROT_READ, 0, VT_PUD, skew_of(s));
	ASSERT_NE(NULL, l->map);
	ASSERT_EQ(0, guest_set_slot(&l->g, GUEST_BUFFER, flags, l->map,
				    size_of(s)));
	*l->bar = 51;
}

/*
 * KVM refuses a first access, and takes a write to what it has mapped for one to
 * a device that its user emulates.
 */
TEST_F(kvm, read_only_buffer_under_a_writable_slot)
{
	struct lent *l = &self->l;

	lend_read_only(_metadata, l, variant->shape, 0);
	EXPECT_EQ(-EFAULT, guest_writes(&l->g, 0, 52));
	EXPECT_EQ(51, *l->bar);
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 51));
	EXPECT_EQ(KVM_EXIT_MMIO, guest_writes(&l->g, 0, 53));
	EXPECT_EQ(51, *l->bar);
	EXPECT_EQ(0U, vt_pte(l->map).writable);
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 51));
}

TEST_F(kvm, read_only_buffer_under_a_read_only_slot)
{
	struct lent *l = &self->l;
	int i;

	lend_read_only(_metadata, l, variant->shape, KVM_MEM_READONLY);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(KVM_EXIT_MMIO, guest_writes(&l->g, 0, 54));
		EXPECT_EQ(1, l->g.run->mmio.is_write);
		EXPECT_EQ(GUEST_GPA, l->g.run->mmio.phys_addr);
		EXPECT_EQ(51, *l->bar);
		EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 51));
	}
	ASSERT_EQ(0, vt_revoke(l->d.fd, l->fd));
	EXPECT_EQ(-EFAULT, guest_reads(&l->g, 0, 51));
}

TEST_F(kvm, fork_under_a_running_guest)
{
	struct lent *l = &self->l;
	__u64 value;
	int status;
	pid_t pid;

	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	pid = fork();
	if (!pid)
		_exit(vt_peek(l->map, &value) || !(__u32)value);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(guest_goes_on(&l->g, l->bar));
	ASSERT_EQ(0, vt_revoke(l->d.fd, l->fd));
	EXPECT_EQ(-EFAULT, guest_ends(&l->g, l->bar));
}

/* Of another page than the guest writes to, amid the same entry if it is huge. */
TEST_F(kvm, munmap_of_a_page_under_a_running_guest)
{
	size_t hole = 5 * VT_PAGE, behind = hole + VT_PAGE;
	struct lent *l = &self->l;

	*bar_at(l, hole) = 61;
	*bar_at(l, behind) = 62;
	ASSERT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, hole, 61));
	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	ASSERT_EQ(0, munmap(l->map + hole, VT_PAGE));
	EXPECT_TRUE(guest_goes_on(&l->g, l->bar));
	ASSERT_EQ(-EINTR, guest_stops(&l->g));
	EXPECT_EQ(-EFAULT, guest_reads(&l->g, hole, 61));
	EXPECT_EQ(-EFAULT, guest_writes(&l->g, hole, 63));
	EXPECT_EQ(61, *bar_at(l, hole));
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, behind, 62));
	ASSERT_EQ(0, vt_revoke(l->d.fd, l->fd));
	EXPECT_EQ(-EFAULT, guest_reads(&l->g, behind, 62));
}

TEST_F(kvm, munmap_of_the_page_that_the_guest_writes_to)
{
	struct lent *l = &self->l;

	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	ASSERT_EQ(0, munmap(l->map, VT_PAGE));
	EXPECT_EQ(-EFAULT, guest_ends(&l->g, l->bar));
}

TEST_F(kvm, mremap_under_a_running_guest)
{
	size_t size = size_of(variant->shape);
	struct lent *l = &self->l;
	char *to;

	to = vt_map(l->fd, size, RW, 0, VT_PUD, skew_of(variant->shape));
	ASSERT_NE(NULL, to);
	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	ASSERT_EQ(to, mremap(l->map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to));
	ASSERT_EQ(-EFAULT, guest_ends(&l->g, l->bar));
	ASSERT_EQ(0, guest_set_slot(&l->g, GUEST_BUFFER, 0, to, size));
	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	ASSERT_EQ(0, vt_revoke(l->d.fd, l->fd));
	EXPECT_EQ(-EFAULT, guest_ends(&l->g, l->bar));
}

/* Nothing resets the device with the large BAR. */
FIXTURE(kvm_reset) {
	struct lent l;
};

FIXTURE_VARIANT(kvm_reset) {
	const struct shape *shape;
};

FIXTURE_VARIANT_ADD(kvm_reset, nc_4_kib) { &nc_4_kib };
FIXTURE_VARIANT_ADD(kvm_reset, nc_2_mib) { &nc_2_mib };
FIXTURE_VARIANT_ADD(kvm_reset, wc_2_mib) { &wc_2_mib };

FIXTURE_SETUP(kvm_reset)
{
	lend(_metadata, &self->l, variant->shape);
}

FIXTURE_TEARDOWN(kvm_reset)
{
	vt_close(&self->l.d);
}

/* Faults wait until a reset is over, so the guest does not notice. */
TEST_F(kvm_reset, by_the_user)
{
	struct lent *l = &self->l;

	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	ASSERT_EQ(0, vt_reset(&l->d));
	EXPECT_TRUE(guest_goes_on(&l->g, l->bar));
	ASSERT_EQ(-EINTR, guest_stops(&l->g));
	*l->bar = 71;
	ASSERT_EQ(0, vt_reset(&l->d));
	expect_none(_metadata, l, variant->shape);
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 71));
}

TEST_F(kvm_reset, by_sysfs_under_a_running_guest)
{
	struct lent *l = &self->l;

	ASSERT_TRUE(guest_starts(&l->g, l->bar));
	ASSERT_EQ(0, vt_sysfs_reset(l->d.bdf));
	EXPECT_TRUE(guest_goes_on(&l->g, l->bar));
	ASSERT_EQ(0, vt_revoke(l->d.fd, l->fd));
	EXPECT_EQ(-EFAULT, guest_ends(&l->g, l->bar));
}

TEST_F(kvm_reset, by_sysfs)
{
	struct lent *l = &self->l;

	ASSERT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 72));
	ASSERT_EQ(0, vt_sysfs_reset(l->d.bdf));
	expect_none(_metadata, l, variant->shape);
	EXPECT_EQ(KVM_EXIT_HLT, guest_reads(&l->g, 0, 72));
	EXPECT_EQ(KVM_EXIT_HLT, guest_writes(&l->g, 0, 73));
	EXPECT_EQ(73, *l->bar);
}

TEST_HARNESS_MAIN

#endif /* __x86_64__ */
