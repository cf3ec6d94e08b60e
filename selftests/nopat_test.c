// SPDX-License-Identifier: GPL-2.0-only
/*
 * A machine that cannot give a page write-combining: x86 booted with "nopat". It
 * is refused there, never accepted and mapped as something else.
 */
#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define SIZE	(2 * VT_PMD)

FIXTURE(nopat) {
	struct vt_device d;
	int fd;
};

FIXTURE_SETUP(nopat)
{
	char cmdline[4096];

	ASSERT_EQ(0, vt_read_text("/proc/cmdline", cmdline, sizeof(cmdline)));
	if (!strstr(cmdline, "nopat"))
		SKIP(return, "this machine has a PAT: boot it with nopat");
	if (VT_CACHE_NC != VPDM_PT_UC_MINUS)
		SKIP(return, "only x86 has a PAT");
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(nopat)
{
	vt_close(&self->d);
}

TEST_F(nopat, wc_is_refused_with_enoent)
{
	EXPECT_EQ(-ENOENT, vt_memattr_set(self->d.fd, self->fd,
					  VFIO_DMA_BUF_MEMATTR_WC));
	EXPECT_EQ(VFIO_DMA_BUF_MEMATTR_NC,
		  vt_memattr_get(self->d.fd, self->fd));
}

TEST_F(nopat, nc_still_works)
{
	const size_t skew[] = { 0, VT_PAGE };
	size_t i;
	char *map;

	ASSERT_EQ(0, vt_memattr_set(self->d.fd, self->fd,
				    VFIO_DMA_BUF_MEMATTR_NC));
	for (i = 0; i < VT_ARRAY_SIZE(skew); i++) {
		map = vt_map(self->fd, SIZE, PROT_READ | PROT_WRITE, 0, VT_PMD,
			     skew[i]);
		ASSERT_NE(NULL, map);
		vt_touch(map, SIZE);
		EXPECT_EQ(SIZE, vt_present(map, SIZE));
		EXPECT_EQ((__u32)VPDM_PT_UC_MINUS, vt_pte(map).cache);
		EXPECT_EQ(0, vt_poke(map, 1));
	}
}

TEST_F(nopat, refused_attribute_leaves_mappings_as_they_are)
{
	char *map = vt_map_rw(self->fd, SIZE);

	ASSERT_NE(NULL, map);
	vt_touch(map, SIZE);
	EXPECT_EQ(-ENOENT, vt_memattr_set(self->d.fd, self->fd,
					  VFIO_DMA_BUF_MEMATTR_WC));
	EXPECT_EQ(SIZE, vt_present(map, SIZE));
	EXPECT_EQ((__u32)VPDM_PT_UC_MINUS, vt_pte(map).cache);
}

TEST_HARNESS_MAIN
