// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device without an IOMMU group cannot be bound. In a machine that has one, see
 * selftests/vm/runs. What others have bound must not notice.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define SIZE	VT_MIB(1)

/* QEMU's pci-testdev, of which the machine has another one with a group */
#define MODALIAS	"pci:v00001B36d00000005"

static bool find_device(char *bdf, size_t size)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	char path[300], text[64];
	struct dirent *e;
	bool found = false;

	while (!found && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/modalias",
			 e->d_name);
		if (vt_read_text(path, text, sizeof(text)) ||
		    strncmp(text, MODALIAS, strlen(MODALIAS)))
			continue;
		snprintf(bdf, size, "%s", e->d_name);
		found = vt_device_link(bdf, "iommu_group", text,
				       sizeof(text)) == -ENOENT;
	}
	closedir(dir);
	return found;
}

FIXTURE(nogroup)
{
	char bdf[NAME_MAX + 1];
	struct vt_device d;
	int fd;
	char *map;
};

static void bind_device_with_a_group(struct __test_metadata *_metadata,
				     FIXTURE_DATA(nogroup) *self)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("SW_MEM"), VT_DRIVER));
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	vt_touch(self->map, SIZE);
}

FIXTURE_SETUP(nogroup)
{
	const char *boot = getenv("VPDM_BOOT");

	self->d = (struct vt_device)VT_DEVICE_INIT;
	if (!boot || strcmp(boot, "nogroup"))
		SKIP(return, "all devices of this machine have an IOMMU group");
	ASSERT_TRUE(find_device(self->bdf, sizeof(self->bdf)));
	ASSERT_EQ(0, vt_device_write(self->bdf, "driver_override", vt_driver()));
}

FIXTURE_TEARDOWN(nogroup)
{
	vt_close(&self->d);
}

static bool bind_fails(const char *bdf)
{
	char driver[64];

	vt_try_write_text("/sys/bus/pci/drivers_probe", bdf);
	return vt_driver_of(bdf, driver, sizeof(driver)) == -ENOENT;
}

static bool is_suspended(const char *bdf)
{
	char path[80], status[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status",
		 bdf);
	return !vt_read_text(path, status, sizeof(status)) &&
	       !strcmp(status, "suspended");
}

/* The device goes to sleep a little later. */
static bool enter_low_power(const struct vt_device *d)
{
	struct vfio_device_low_power_entry_with_wakeup arg = {
		.wakeup_eventfd = eventfd(0, EFD_CLOEXEC),
	};

	return !vt_feature(d->fd, VFIO_DEVICE_FEATURE_SET |
			   VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
			   &arg, sizeof(arg)) &&
	       vt_wait_for(is_suspended(d->bdf));
}

/* An access to config space wakes the device, and with it the buffers. */
static bool wakes_up(FIXTURE_DATA(nogroup) *self)
{
	__u64 value;
	__u16 id;

	return !vt_present(self->map, SIZE) &&
	       !vt_config_read(&self->d, 0, &id, sizeof(id)) &&
	       !vt_peek(self->map, &value);
}

/* First of all: nothing has been bound in this machine yet. */
TEST_F(nogroup, a_bind_that_fails_before_the_first)
{
	ASSERT_TRUE(bind_fails(self->bdf));
	bind_device_with_a_group(_metadata, self);
	ASSERT_TRUE(enter_low_power(&self->d));
	EXPECT_TRUE(wakes_up(self));
}

TEST_F(nogroup, without_a_bind_that_fails)
{
	bind_device_with_a_group(_metadata, self);
	ASSERT_TRUE(enter_low_power(&self->d));
	EXPECT_TRUE(wakes_up(self));
}

TEST_F(nogroup, a_bind_that_fails_between_binding_and_low_power)
{
	bind_device_with_a_group(_metadata, self);
	ASSERT_TRUE(bind_fails(self->bdf));
	ASSERT_TRUE(enter_low_power(&self->d));
	EXPECT_TRUE(wakes_up(self));
}

TEST_F(nogroup, a_bind_that_fails_in_low_power)
{
	bind_device_with_a_group(_metadata, self);
	ASSERT_TRUE(enter_low_power(&self->d));
	ASSERT_TRUE(bind_fails(self->bdf));
	EXPECT_TRUE(wakes_up(self));
}

TEST_F(nogroup, can_be_tried_again_and_again)
{
	int i;

	bind_device_with_a_group(_metadata, self);
	for (i = 0; i < 20; i++)
		ASSERT_TRUE(bind_fails(self->bdf));
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(enter_low_power(&self->d));
		EXPECT_TRUE(wakes_up(self));
	}
}

TEST_HARNESS_MAIN
