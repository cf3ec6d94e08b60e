// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose DMABUF VFIO_DEVICE_FEATURE_DMA_BUF returns: the setting dmabuf_mode of each
 * device, and the module parameter that it begins with.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/iommufd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"

#define BAR	2
#define SIZE	VT_MIB(1)

FIXTURE(setting) {
	struct vt_device d;
	bool stock_exports;
};

FIXTURE_SETUP(setting)
{
	self->stock_exports = vt_stock_exports();
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "mmap"));
}

FIXTURE_TEARDOWN(setting)
{
	vt_device_write(self->d.bdf, "dmabuf_mode", "mmap");
	vt_close(&self->d);
	EXPECT_EQ(0, vt_param_set("dmabuf_mode", "mmap"));
}

static int export_by(const struct vt_device *d, __u32 number)
{
	struct {
		struct vfio_device_feature_dma_buf get;
		struct vfio_region_dma_range range;
	} arg = {
		.get = {
			.region_index = BAR,
			.open_flags = O_RDWR | O_CLOEXEC,
			.nr_ranges = 1,
		},
		.range = { 0, SIZE },
	};

	return vt_feature(d->fd, VFIO_DEVICE_FEATURE_GET | number, &arg,
			  sizeof(arg));
}

static bool mode_is(const struct vt_device *d, const char *mode)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/dmabuf_mode",
		 d->bdf);
	return !vt_read_text(path, text, sizeof(text)) && !strcmp(mode, text);
}

/* Of ours it can be told by revoking it. Takes the fd. */
static bool is_ours(const struct vt_device *d, int fd)
{
	int errno_of_mmap = vt_map_errno(fd, SIZE, PROT_READ, MAP_SHARED, 0);
	int ret = vt_revoke(d->fd, fd);

	close(fd);
	return !errno_of_mmap && !ret;
}

/* As stock's is. Takes the fd. */
static bool is_stocks(const struct vt_device *d, int fd)
{
	int errno_of_mmap = vt_map_errno(fd, SIZE, PROT_READ, MAP_SHARED, 0);
	int ret = vt_revoke(d->fd, fd);

	close(fd);
	return errno_of_mmap == EINVAL && ret == -ENODEV;
}

TEST_F(setting, begins_with_ours)
{
	char text[32];

	ASSERT_EQ(0, vt_param_get("dmabuf_mode", text, sizeof(text)));
	EXPECT_STREQ("mmap", text);
	EXPECT_TRUE(mode_is(&self->d, "mmap"));
	EXPECT_TRUE(is_ours(&self->d, export_by(&self->d,
						VFIO_DEVICE_FEATURE_DMA_BUF)));
	EXPECT_TRUE(is_ours(&self->d,
			    export_by(&self->d,
				      VFIO_DEVICE_FEATURE_DMA_BUF_MMAP)));
}

TEST_F(setting, plain_is_what_stock_returns)
{
	int fd;

	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "plain"));
	EXPECT_TRUE(mode_is(&self->d, "plain"));
	EXPECT_EQ(self->stock_exports, vt_exports(self->d.fd));
	fd = export_by(&self->d, VFIO_DEVICE_FEATURE_DMA_BUF);
	EXPECT_TRUE(self->stock_exports ? is_stocks(&self->d, fd) :
					  fd == -ENOTTY);
	fd = export_by(&self->d, VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN);
	EXPECT_TRUE(self->stock_exports ? is_stocks(&self->d, fd) :
					  fd == -ENOTTY);
}

TEST_F(setting, ours_has_a_number_that_works_under_both)
{
	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "plain"));
	EXPECT_TRUE(vt_probe(self->d.fd, VFIO_DEVICE_FEATURE_DMA_BUF_MMAP,
			     VFIO_DEVICE_FEATURE_GET));
	EXPECT_TRUE(is_ours(&self->d,
			    export_by(&self->d,
				      VFIO_DEVICE_FEATURE_DMA_BUF_MMAP)));
	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "mmap"));
	EXPECT_TRUE(is_ours(&self->d, export_by(&self->d,
						VFIO_DEVICE_FEATURE_DMA_BUF)));
	EXPECT_EQ(-ENOTTY, export_by(&self->d,
				     VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN));
}

TEST_F(setting, buffers_stay_what_they_are)
{
	int fd = export_by(&self->d, VFIO_DEVICE_FEATURE_DMA_BUF);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "plain"));
	EXPECT_TRUE(is_ours(&self->d, fd));
}

TEST_F(setting, is_of_one_device)
{
	struct vt_device b = VT_DEVICE_INIT;

	ASSERT_EQ(0, vt_open(&b, vt_bdf("B"), VT_DRIVER));
	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "plain"));
	EXPECT_TRUE(mode_is(&b, "mmap"));
	EXPECT_TRUE(is_ours(&b, export_by(&b, VFIO_DEVICE_FEATURE_DMA_BUF)));
	vt_close(&b);
}

TEST_F(setting, begins_with_the_parameter)
{
	const char *bdf = vt_bdf("A");

	ASSERT_EQ(0, vt_param_set("dmabuf_mode", "plain"));
	EXPECT_TRUE(mode_is(&self->d, "mmap"));
	vt_close(&self->d);
	ASSERT_EQ(0, vt_unbind(bdf));
	ASSERT_EQ(0, vt_open(&self->d, bdf, VT_DRIVER));
	EXPECT_TRUE(mode_is(&self->d, "plain"));
	ASSERT_EQ(0, vt_param_set("dmabuf_mode", "mmap"));
	EXPECT_TRUE(mode_is(&self->d, "plain"));
}

TEST_F(setting, takes_no_other_word)
{
	static const char * const words[] = { "MMAP", "mmap ", "1", "plainer" };
	char path[128];
	size_t i;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/dmabuf_mode",
		 self->d.bdf);
	for (i = 0; i < VT_ARRAY_SIZE(words); i++)
		EXPECT_EQ(-EINVAL, vt_try_write_text(path, words[i]));
	EXPECT_EQ(-EINVAL, vt_param_set("dmabuf_mode", "x"));
	EXPECT_TRUE(mode_is(&self->d, "mmap"));
	EXPECT_EQ(0, vt_try_write_text(path, "plain\n"));
}

TEST_F(setting, is_roots)
{
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/dmabuf_mode",
		 self->d.bdf);
	ASSERT_EQ(0, stat(path, &st));
	EXPECT_EQ(0644, st.st_mode & 0777);
	EXPECT_EQ(0, st.st_uid);
}

TEST_F(setting, goes_with_the_driver)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/dmabuf_mode",
		 self->d.bdf);
	EXPECT_EQ(0, access(path, F_OK));
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_bind(vt_bdf("A"), VT_STOCK));
	EXPECT_EQ(-1, access(path, F_OK));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("A"), VT_DRIVER));
}

/* IOMMU_IOAS_MAP_FILE of Linux 6.14, which the C library's headers need not have. */
struct ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

#define IOAS_MAP_FILE	_IO(IOMMUFD_TYPE, 0x8f)

static int iommufd_map(const struct vt_device *d, int fd)
{
	struct ioas_map_file map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE,
		.ioas_id = d->ioas,
		.fd = fd,
		.length = SIZE,
	};

	return ioctl(d->iommufd, IOAS_MAP_FILE, &map) ? errno : 0;
}

TEST_F(setting, iommufd_takes_plain_and_is_said_to_refuse_ours)
{
	int log, fd;

	if (self->d.iommufd < 0)
		SKIP(return, "the device is not opened through iommufd");
	log = vt_kmsg_open();
	ASSERT_LE(0, log);
	fd = export_by(&self->d, VFIO_DEVICE_FEATURE_DMA_BUF);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EOPNOTSUPP, iommufd_map(&self->d, fd));
	EXPECT_TRUE(vt_kmsg_has(log, "see dmabuf_mode"));
	close(fd);

	ASSERT_EQ(0, vt_device_write(self->d.bdf, "dmabuf_mode", "plain"));
	fd = export_by(&self->d, VFIO_DEVICE_FEATURE_DMA_BUF);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, iommufd_map(&self->d, fd));
	close(fd);
}

/*
 * With an alias management tools would take it for the driver of every device. As vfio-pci
 * it is just that.
 */
TEST(module_has_no_alias)
{
	EXPECT_TRUE(vt_module_says("license=GPL"));
	EXPECT_EQ(vt_is_dropin(), vt_module_says("alias="));
}

TEST_HARNESS_MAIN
