// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver as vfio-pci.ko: it has the names and parameters of the kernel's, and
 * programs that know these find it; and it does what the driver does.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define DRIVER		"/sys/bus/pci/drivers/vfio-pci"
#define BAR		2
#define SIZE		VT_MIB(1)

FIXTURE(dropin) {
	struct vt_device d;
	char driver[64];
};

FIXTURE_SETUP(dropin)
{
	self->d = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_TRUE(vt_is_dropin());
	vt_unbind(vt_bdf("A"));
	ASSERT_EQ(0, vt_device_write(vt_bdf("A"), "driver_override", "\n"));
}

FIXTURE_TEARDOWN(dropin)
{
	vt_close(&self->d);
	vt_try_write_text(DRIVER "/remove_id", "1af4 1110");
	vt_unbind(vt_bdf("A"));
	if (!vt_module_loaded())
		vt_module_load("");
}

TEST_F(dropin, module_and_driver_have_the_names_of_stock)
{
	static const char * const parameters[] = {
		"nointxmask", "disable_vga", "disable_idle_d3", "enable_sriov",
		"disable_denylist", "dmabuf_mode",
	};
	char path[PATH_MAX], real[PATH_MAX];
	size_t i;

	ASSERT_NE(NULL, realpath(DRIVER "/module", real));
	EXPECT_STREQ("/sys/module/vfio_pci", real);
	EXPECT_NE(0, access("/sys/module/vfio_pci_dmabuf_mmap", F_OK));
	for (i = 0; i < VT_ARRAY_SIZE(parameters); i++) {
		snprintf(path, sizeof(path), "/sys/module/vfio_pci/parameters/%s",
			 parameters[i]);
		EXPECT_EQ(0, access(path, F_OK)) TH_LOG("%s", path);
	}
}

TEST_F(dropin, aliases_are_that_of_stock_and_the_other_name)
{
	EXPECT_TRUE(vt_module_says("alias=vfio_pci:v*d*sv*sd*bc*sc*i*"));
	EXPECT_TRUE(vt_module_says("alias=vfio-pci-dmabuf-mmap"));
}

TEST_F(dropin, driver_override_of_vfio_pci_gives_buffers)
{
	int fd;

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_STOCK));
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
	EXPECT_EQ(-EBADFD, vt_revoke(self->d.fd, fd));
	close(fd);
}

TEST_F(dropin, new_id_works_as_on_stock)
{
	const char *bdf = vt_bdf("A");

	ASSERT_NE(0, vt_driver_of(bdf, self->driver, sizeof(self->driver)));
	ASSERT_EQ(0, vt_write_text(DRIVER "/new_id", "1af4 1110"));
	ASSERT_EQ(0, vt_driver_of(bdf, self->driver, sizeof(self->driver)));
	EXPECT_STREQ("vfio-pci", self->driver);
	ASSERT_EQ(0, vt_write_text(DRIVER "/remove_id", "1af4 1110"));
}

static bool power_is(const char *bdf, const char *want)
{
	char path[128], text[32];

	snprintf(path, sizeof(path),
		 "/sys/bus/pci/devices/%s/power/runtime_status", bdf);
	return !vt_read_text(path, text, sizeof(text)) && !strcmp(text, want);
}

/* On kernels that have them in vfio-pci-core, too. */
TEST_F(dropin, parameters_have_effect)
{
	const char *bdf = vt_bdf("A");

	ASSERT_EQ(0, vt_bind(bdf, VT_STOCK));
	vt_wait_for(power_is(bdf, "suspended"));
	ASSERT_EQ(0, vt_unbind(bdf));
	ASSERT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load("disable_idle_d3=1"));
	ASSERT_EQ(0, vt_bind(bdf, VT_STOCK));
	EXPECT_TRUE(power_is(bdf, "active"));
	ASSERT_EQ(0, vt_unbind(bdf));
	ASSERT_EQ(0, vt_module_unload());
}

TEST_F(dropin, tool_knows_it)
{
	setenv("BDF", vt_bdf("A"), 1);
	EXPECT_EQ(0, system("vfio-dmabuf bind $BDF | grep -q ': vfio-pci$'"));
	EXPECT_EQ(0, system("vfio-dmabuf check $BDF | grep -q 'ok .* driver: vfio-pci$'"));
	EXPECT_EQ(0, system("vfio-dmabuf unbind $BDF | grep -q ': no driver$'"));
}

TEST_HARNESS_MAIN
