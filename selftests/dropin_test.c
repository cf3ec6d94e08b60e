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
/* Modules that the machine has, and does not load beside the drop-in. */
#define STOCK_FILE	"/other/vfio-pci.ko"
#define OWN_NAME_FILE	"/other/vfio-pci-dmabuf-mmap.ko"
#define OWN_NAME	"/sys/bus/pci/drivers/vfio-pci-dmabuf-mmap"
#define BAR		2
#define SIZE		VT_MIB(1)

FIXTURE(dropin) {
	struct vt_device d;
	int kmsg;
	char driver[64];
};

FIXTURE_SETUP(dropin)
{
	self->d = (struct vt_device)VT_DEVICE_INIT;
	ASSERT_TRUE(vt_is_dropin());
	self->kmsg = vt_kmsg_open();
	ASSERT_LE(0, self->kmsg);
	vt_unbind(vt_bdf("A"));
	ASSERT_EQ(0, vt_device_write(vt_bdf("A"), "driver_override", "\n"));
}

FIXTURE_TEARDOWN(dropin)
{
	vt_close(&self->d);
	vt_try_write_text(DRIVER "/remove_id", "1af4 1110");
	vt_unbind(vt_bdf("A"));
	close(self->kmsg);
	vt_module_unload_named("vfio_pci_dmabuf_mmap");
	if (!access(DRIVER, F_OK) && vt_has_stock())
		vt_module_unload();
	if (!vt_module_loaded())
		vt_module_load("");
}

static bool is_our_dropin(void)
{
	return !access(DRIVER, F_OK) && !vt_has_stock();
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

	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
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

/*
 * On kernels that have them in vfio-pci-core, too. A device is suspended a while after
 * it was bound, or, with the parameter, never.
 */
TEST_F(dropin, parameters_have_effect)
{
	const char *bdf = vt_bdf("A");
	__u64 begin;

	begin = vt_now_ns();
	ASSERT_EQ(0, vt_bind(bdf, VT_DRIVER));
	ASSERT_TRUE(vt_wait_for(power_is(bdf, "suspended")));
	begin = vt_now_ns() - begin;
	ASSERT_EQ(0, vt_unbind(bdf));
	ASSERT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load("disable_idle_d3=1"));
	ASSERT_EQ(0, vt_bind(bdf, VT_DRIVER));
	vt_sleep_ms(100 + 20 * begin / 1000000);
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

TEST_F(dropin, tool_gives_the_driver_before_back)
{
	const char *bdf = vt_bdf("EDU");

	ASSERT_EQ(0, vt_bind(bdf, "vpdm_test_edu"));
	setenv("BDF", bdf, 1);
	EXPECT_EQ(0, system("vfio-dmabuf bind $BDF | grep -q ': vfio-pci$'"));
	EXPECT_EQ(0, vt_driver_of(bdf, self->driver, sizeof(self->driver)));
	EXPECT_STREQ("vfio-pci", self->driver);
	EXPECT_EQ(0, system("vfio-dmabuf unbind $BDF | grep -q ': vpdm_test_edu$'"));
	EXPECT_EQ(0, vt_driver_of(bdf, self->driver, sizeof(self->driver)));
	EXPECT_STREQ("vpdm_test_edu", self->driver);
}

TEST_F(dropin, ids_are_bound_without_being_told)
{
	const char *bdf = vt_bdf("TESTDEV");

	vt_unbind(bdf);
	ASSERT_EQ(0, vt_device_write(bdf, "driver_override", "\n"));
	ASSERT_EQ(0, vt_module_unload());
	/* QEMU's pci-testdev */
	ASSERT_EQ(0, vt_module_load("ids=nonsense,1b36:0005"));
	EXPECT_TRUE(vt_kmsg_has(self->kmsg, "\"nonsense\" is not vendor:device"));
	ASSERT_EQ(0, vt_driver_of(bdf, self->driver, sizeof(self->driver)));
	EXPECT_STREQ("vfio-pci", self->driver);
	ASSERT_EQ(0, vt_module_unload());
	EXPECT_EQ(-ENOENT, vt_driver_of(bdf, self->driver, sizeof(self->driver)));
}

/* Loaded already, says the kernel, whichever of the two it is. */
TEST_F(dropin, stock_and_it_exclude_each_other)
{
	EXPECT_EQ(-EEXIST, vt_module_load_file(STOCK_FILE, ""));
	EXPECT_TRUE(is_our_dropin());
	ASSERT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load_file(STOCK_FILE, ""));
	EXPECT_TRUE(vt_has_stock());
	EXPECT_EQ(-EEXIST, vt_module_load(""));
	EXPECT_TRUE(vt_has_stock());
}

/* One driver, twice: the second is refused, and the log names the first. */
TEST_F(dropin, both_of_its_names_exclude_each_other)
{
	EXPECT_EQ(-ENOEXEC, vt_module_load_file(OWN_NAME_FILE, ""));
	EXPECT_TRUE(vt_kmsg_has(self->kmsg, "(owned by vfio_pci)"));
	EXPECT_NE(0, access(OWN_NAME, F_OK));
	EXPECT_TRUE(is_our_dropin());

	ASSERT_EQ(0, vt_module_unload());
	ASSERT_EQ(0, vt_module_load_file(OWN_NAME_FILE, ""));
	EXPECT_EQ(-ENOEXEC, vt_module_load(""));
	EXPECT_TRUE(vt_kmsg_has(self->kmsg, "(owned by vfio_pci_dmabuf_mmap)"));
	EXPECT_NE(0, access(DRIVER, F_OK));
	EXPECT_EQ(0, access(OWN_NAME, F_OK));
}

TEST_HARNESS_MAIN
