// SPDX-License-Identifier: GPL-2.0-only
/*
 * SR-IOV: the PF's driver makes VFs, and a VF is lent like any device.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	0
#define SIZE	VT_KIB(16)
#define NR_VFS	2

static unsigned char token[VT_TOKEN_SIZE] = "0123456789abcde";
static const unsigned char wrong[VT_TOKEN_SIZE] = "0123456789abcdf";

static int set_vfs(unsigned int nr)
{
	return vt_set_vfs(vt_bdf("SRIOV"), nr);
}

static bool vf_bdf(unsigned int vf, char *bdf, size_t size)
{
	return !vt_vf_bdf(vt_bdf("SRIOV"), vf, bdf, size);
}

/* The PF has memory and may have VFs. */
FIXTURE(sriov) {
	struct vt_device pf;
};

FIXTURE_SETUP(sriov)
{
	if (vt_vf_bar_is_small(vt_bdf("SRIOV")))
		SKIP(return, VT_NO_VFS);
	ASSERT_EQ(0, vt_open(&self->pf, vt_bdf("SRIOV"), VT_DRIVER));
	ASSERT_EQ(0, vt_param_set("enable_sriov", "1"));
}

FIXTURE_TEARDOWN(sriov)
{
	vt_close(&self->pf);
	EXPECT_EQ(0, set_vfs(0));
	EXPECT_EQ(0, vt_param_set("enable_sriov", "0"));
}

TEST_F(sriov, needs_the_parameter)
{
	char bdf[16];

	ASSERT_EQ(0, vt_param_set("enable_sriov", "0"));
	EXPECT_EQ(-ENOENT, set_vfs(NR_VFS));
	EXPECT_FALSE(vf_bdf(0, bdf, sizeof(bdf)));
	ASSERT_EQ(0, vt_param_set("enable_sriov", "1"));
	EXPECT_EQ(0, set_vfs(NR_VFS));
	EXPECT_TRUE(vf_bdf(0, bdf, sizeof(bdf)));
}

/* No other driver, which might trust what the PF's user makes of it. */
TEST_F(sriov, vfs_are_bound_to_the_driver_of_their_pf)
{
	char bdf[16], driver[64];
	unsigned int vf;

	ASSERT_EQ(0, set_vfs(NR_VFS));
	for (vf = 0; vf < NR_VFS; vf++) {
		ASSERT_TRUE(vf_bdf(vf, bdf, sizeof(bdf)));
		ASSERT_EQ(0, vt_driver_of(bdf, driver, sizeof(driver)));
		EXPECT_STREQ(vt_driver(), driver);
	}
}

/* The PF's token is set, and VF 0 is open. */
FIXTURE(vf) {
	FIXTURE_DATA(sriov) s;
	struct vt_device d;
	char bdf[16];
	int fd;
	char *map;
};

FIXTURE_SETUP(vf)
{
	if (vt_vf_bar_is_small(vt_bdf("SRIOV")))
		SKIP(return, VT_NO_VFS);
	sriov_setup(_metadata, &self->s, NULL);
	self->d = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_EQ(0, vt_feature(self->s.pf.fd,
				VFIO_DEVICE_FEATURE_PCI_VF_TOKEN |
				VFIO_DEVICE_FEATURE_SET, token, sizeof(token)));
	ASSERT_EQ(0, set_vfs(NR_VFS));
	ASSERT_TRUE(vf_bdf(0, self->bdf, sizeof(self->bdf)));
	ASSERT_EQ(0, vt_open_vf(&self->d, self->bdf, VT_DRIVER, token));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
}

FIXTURE_TEARDOWN(vf)
{
	vt_close(&self->d);
	sriov_teardown(_metadata, &self->s, NULL);
}

TEST_F(vf, needs_the_token_of_its_pf)
{
	vt_close(&self->d);
	EXPECT_EQ(-EACCES, vt_open(&self->d, self->bdf, VT_DRIVER));
	EXPECT_EQ(-EACCES, vt_open_vf(&self->d, self->bdf, VT_DRIVER, wrong));
	EXPECT_EQ(0, vt_open_vf(&self->d, self->bdf, VT_DRIVER, token));
}

static bool lent(const char *map, __u64 pfn)
{
	struct vfio_region_dma_range all = { 0, SIZE };

	vt_touch(map, SIZE);
	return vt_pfns_are(map, &all, 1, pfn);
}

static bool gone(const char *map)
{
	__u64 value;

	return vt_peek(map, &value) == SIGBUS && !vt_present(map, SIZE);
}

TEST_F(vf, bar_is_lent_and_revoked)
{
	__u64 pfn = vt_bar_pfn(self->bdf, BAR);

	ASSERT_NE(0, pfn);
	EXPECT_NE(vt_bar_pfn(vt_bdf("SRIOV"), BAR), pfn);
	EXPECT_TRUE(lent(self->map, pfn));
	EXPECT_EQ(0, vt_revoke(self->d.fd, self->fd));
	EXPECT_TRUE(gone(self->map));
}

/* A VF has no bit for memory of its own. The PF's VF Enable stands in for it. */
TEST_F(vf, memory_stays_on_beside_that_of_the_pf)
{
	__u64 pfn = vt_bar_pfn(self->bdf, BAR);

	ASSERT_TRUE(lent(self->map, pfn));
	ASSERT_EQ(0, vt_memory(&self->s.pf, false));
	EXPECT_TRUE(lent(self->map, pfn));
	ASSERT_EQ(0, vt_memory(&self->s.pf, true));
}

/* Taking VFs away waits for their users, as unbinding does. */
TEST_F(vf, outlives_none_of_its_users)
{
	int status;
	pid_t pid;

	ASSERT_TRUE(lent(self->map, vt_bar_pfn(self->bdf, BAR)));
	pid = fork();
	if (!pid) {
		vt_close(&self->d);
		vt_close(&self->s.pf);
		_exit(set_vfs(0) != 0);
	}
	vt_sleep_ms(300);
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	EXPECT_TRUE(lent(self->map, vt_bar_pfn(self->bdf, BAR)));
	vt_close(&self->d);
	EXPECT_TRUE(gone(self->map));
	ASSERT_TRUE(vt_child_ends(pid, &status));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(vf_bdf(0, self->bdf, sizeof(self->bdf)));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, SIZE, PROT_READ, MAP_SHARED,
				       0));
}

TEST_HARNESS_MAIN
