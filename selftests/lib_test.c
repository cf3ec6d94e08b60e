// SPDX-License-Identifier: GPL-2.0-only
/*
 * libvfio-dmabuf on a device: open, export, map, send, revoke, and what it says
 * when that cannot be done.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vfio_test.h"
#include "vfio_dmabuf.h"

#define BAR	2

FIXTURE(lib) {
	struct vfio_dmabuf_ctx *ctx;
	struct vfio_dmabuf_device *dev;
	const char *bdf;
	volatile __u64 *bar;
};

FIXTURE_SETUP(lib)
{
	void *addr;

	self->bdf = vt_bdf("A");
	ASSERT_EQ(vt_bind(self->bdf, VT_DRIVER), 0);
	self->ctx = vfio_dmabuf_new();
	ASSERT_NE(self->ctx, NULL);
	ASSERT_EQ(vfio_dmabuf_open(self->ctx, self->bdf, 0, &self->dev), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	ASSERT_EQ(vfio_dmabuf_bar_map(self->dev, BAR, 0, 4 * VT_PMD,
				      PROT_READ | PROT_WRITE, &addr), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	self->bar = addr;
}

FIXTURE_TEARDOWN(lib)
{
	vfio_dmabuf_free(self->ctx);
}

#define HAS_ERROR(text) do {						\
	EXPECT_NE(strstr(vfio_dmabuf_error(self->ctx), text), NULL)	\
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));		\
} while (0)

static int export_one(struct vfio_dmabuf_device *dev, uint64_t offset,
		      uint64_t length)
{
	struct vfio_dmabuf_range range = { offset, length };

	return vfio_dmabuf_export(dev, BAR, &range, 1, O_RDWR | O_CLOEXEC);
}

/* Reads a word through the library: 0, or its error. */
static int peek(const volatile void *addr, __u64 *value)
{
	return vfio_dmabuf_read(value, addr, sizeof(*value));
}

/* Where root gives others vfio-pci-core's own DMABUFs. */
TEST_F(lib, exports_what_can_be_mapped_under_plain_too)
{
	int fd;

	ASSERT_EQ(vt_device_write(self->bdf, "dmabuf_mode", "plain"), 0);
	EXPECT_TRUE(vfio_dmabuf_features(self->dev) & VFIO_DMABUF_CAN_EXPORT);
	fd = export_one(self->dev, 0, VT_PAGE);
	ASSERT_GE(fd, 0);
	EXPECT_NE(vt_map_rw(fd, VT_PAGE), NULL);
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, fd), 0);
	close(fd);
	EXPECT_EQ(vt_device_write(self->bdf, "dmabuf_mode", "mmap"), 0);
}

TEST_F(lib, features_and_bars)
{
	struct vfio_dmabuf_bar info;

	EXPECT_EQ(vfio_dmabuf_features(self->dev),
		  VFIO_DMABUF_CAN_EXPORT | VFIO_DMABUF_CAN_REVOKE |
		  VFIO_DMABUF_CAN_MEMATTR);
	EXPECT_GE(vfio_dmabuf_device_fd(self->dev), 0);
	EXPECT_GE(vfio_dmabuf_iommu_fd(self->dev), 0);
	ASSERT_EQ(vfio_dmabuf_bar_info(self->dev, BAR, &info), 0);
	EXPECT_EQ(info.size, VT_BAR);
	EXPECT_EQ(info.flags, VFIO_DMABUF_BAR_READ | VFIO_DMABUF_BAR_WRITE |
		  VFIO_DMABUF_BAR_MMAP);
	ASSERT_EQ(vfio_dmabuf_bar_info(self->dev, 4, &info), 0);
	EXPECT_EQ(info.size, 0);
	EXPECT_EQ(vfio_dmabuf_bar_info(self->dev, 6, &info), -EINVAL);
	HAS_ERROR("no BAR 6");
}

TEST_F(lib, open_says_what_is_wrong)
{
	struct vfio_dmabuf_device *dev;

	EXPECT_EQ(vfio_dmabuf_open(self->ctx, "hello", 0, &dev), -EINVAL);
	HAS_ERROR("\"hello\" is not a PCI address");
	EXPECT_EQ(vfio_dmabuf_open(self->ctx, "0000:00:1f.7x", 0, &dev),
		  -EINVAL);
	EXPECT_EQ(vfio_dmabuf_open(self->ctx, "0000:77:00.0", 0, &dev),
		  -ENODEV);
	HAS_ERROR("no PCI device 0000:77:00.0");
	EXPECT_EQ(vfio_dmabuf_open(self->ctx, self->bdf, 4, &dev), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_open(self->ctx, self->bdf, 3, &dev), -EINVAL);
	HAS_ERROR("open flags");
	ASSERT_EQ(vt_unbind(vt_bdf("B")), 0);
	EXPECT_EQ(vfio_dmabuf_open(self->ctx, vt_bdf("B"), 0, &dev), -ENODEV);
	HAS_ERROR("not bound to any driver");
	/* q35's AHCI controller or LPC bridge: there, and not for VFIO */
	EXPECT_EQ(vfio_dmabuf_open(self->ctx, "00:1f.0", 0, &dev), -ENODEV);
	HAS_ERROR("bind it to vfio-pci-dmabuf-mmap");
}

TEST_F(lib, second_context_finds_the_group_in_use)
{
	struct vfio_dmabuf_ctx *other = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;

	EXPECT_EQ(vfio_dmabuf_open(other, self->bdf, VFIO_DMABUF_OPEN_GROUP,
				   &dev), -EBUSY);
	EXPECT_NE(strstr(vfio_dmabuf_error(other), "in use"), NULL)
		TH_LOG("%s", vfio_dmabuf_error(other));
	vfio_dmabuf_free(other);
}

TEST_F(lib, cdev_where_the_kernel_has_it)
{
	const char *bdf = vt_bdf("B");
	struct vfio_dmabuf_device *dev;
	int ret;

	ASSERT_EQ(vt_bind(bdf, VT_DRIVER), 0);
	ret = vfio_dmabuf_open(self->ctx, bdf, VFIO_DMABUF_OPEN_CDEV, &dev);
	if (access("/dev/iommu", F_OK)) {
		EXPECT_EQ(ret, -ENOENT);
		HAS_ERROR("cdev");
		return;
	}
	ASSERT_EQ(ret, 0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	EXPECT_GE(export_one(dev, 0, VT_PAGE), 0);
}

TEST_F(lib, two_devices_of_one_group)
{
	struct vfio_dmabuf_device *a, *b;

	ASSERT_EQ(vt_bind(vt_bdf("HOT_A"), VT_DRIVER), 0);
	ASSERT_EQ(vt_bind(vt_bdf("HOT_B"), VT_DRIVER), 0);
	ASSERT_EQ(vfio_dmabuf_open(self->ctx, vt_bdf("HOT_A"),
				   VFIO_DMABUF_OPEN_GROUP, &a), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	ASSERT_EQ(vfio_dmabuf_open(self->ctx, vt_bdf("HOT_B"),
				   VFIO_DMABUF_OPEN_GROUP, &b), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	EXPECT_EQ(vfio_dmabuf_iommu_fd(a), vfio_dmabuf_iommu_fd(b));
	vfio_dmabuf_close(a);
	EXPECT_GE(export_one(b, 0, VT_PAGE), 0);
	vfio_dmabuf_close(b);
	ASSERT_EQ(vfio_dmabuf_open(self->ctx, vt_bdf("HOT_A"),
				   VFIO_DMABUF_OPEN_GROUP, &a), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
}

TEST_F(lib, adopted_device)
{
	int fd = vfio_dmabuf_device_fd(self->dev), dmabuf;
	struct vfio_dmabuf_ctx *other = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;

	ASSERT_EQ(vfio_dmabuf_adopt(other, self->bdf, fd, &dev), 0);
	EXPECT_EQ(vfio_dmabuf_iommu_fd(dev), -ENOENT);
	dmabuf = export_one(dev, 0, VT_PAGE);
	EXPECT_GE(dmabuf, 0);
	vfio_dmabuf_free(other);
	/* The fd, and with it the buffer, lives on. */
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, dmabuf), 0);
	EXPECT_EQ(vfio_dmabuf_adopt(self->ctx, self->bdf, 0, &dev), -ENOTTY);
}

TEST_F(lib, map_has_the_bytes_at_huge_page_alignment)
{
	struct vfio_dmabuf_range ranges[] = {
		{ VT_PMD + VT_PAGE, 2 * VT_PMD },
		{ VT_PAGE, VT_PAGE },
	};
	struct vfio_dmabuf_info info;
	char *map;
	void *addr;
	__u64 got;
	int fd;

	fd = vfio_dmabuf_export(self->dev, BAR, ranges, 2, O_RDWR | O_CLOEXEC);
	ASSERT_GE(fd, 0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	ASSERT_EQ(vfio_dmabuf_describe(self->dev, fd, ranges[0].offset, &info),
		  0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	EXPECT_EQ(info.size, 2 * VT_PMD + VT_PAGE);
	EXPECT_EQ(info.phase, VT_PMD + VT_PAGE);
	EXPECT_EQ(info.memattr, VFIO_DMABUF_NC);
	ASSERT_EQ(vfio_dmabuf_map(self->ctx, fd, 0, info.size,
				  PROT_READ | PROT_WRITE, info.phase, &addr),
		  0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	map = addr;
	EXPECT_EQ((uintptr_t)map % VT_PMD, VT_PAGE);
	self->bar[ranges[0].offset / 8] = 0x1111;
	self->bar[ranges[1].offset / 8] = 0x2222;
	EXPECT_EQ(peek(map, &got), 0);
	EXPECT_EQ(got, 0x1111);
	EXPECT_EQ(peek(map + 2 * VT_PMD, &got), 0);
	EXPECT_EQ(got, 0x2222);
	/* The 2 MiB block in the middle is one entry, where there are such. */
	EXPECT_EQ(peek(map + VT_PMD, &got), 0);
	EXPECT_EQ(vt_pte(map + VT_PMD).level,
		  vt_kernel_before(6, 12) ? VPDM_PT_PTE : VPDM_PT_PMD);
	/* Nothing of the reservation is left around it. */
	EXPECT_EQ(munmap(map, info.size), 0);
	EXPECT_EQ(mmap(map + VT_PMD, VT_PAGE, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0), map + VT_PMD);
}

TEST_F(lib, map_of_a_part)
{
	int fd = export_one(self->dev, VT_PMD, 2 * VT_PMD);
	void *addr;
	__u64 got;

	ASSERT_GE(fd, 0);
	self->bar[(VT_PMD + VT_PMD / 2) / 8] = 0x3333;
	ASSERT_EQ(vfio_dmabuf_map(self->ctx, fd, VT_PMD / 2, 3 * VT_PMD / 2,
				  PROT_READ, VT_PMD, &addr), 0);
	EXPECT_EQ((uintptr_t)addr % VT_PMD, VT_PMD / 2);
	EXPECT_EQ(peek(addr, &got), 0);
	EXPECT_EQ(got, 0x3333);
	EXPECT_EQ(vfio_dmabuf_map(self->ctx, fd, VT_PMD, 3 * VT_PMD / 2,
				  PROT_READ, 0, &addr), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_map(self->ctx, fd, 0, 0, PROT_READ, 0, &addr),
		  -EINVAL);
	EXPECT_EQ(vfio_dmabuf_map(self->ctx, -1, 0, VT_PAGE, PROT_READ, 0,
				  &addr), -EBADF);
	HAS_ERROR("cannot map");
}

TEST_F(lib, attribute_and_name)
{
	int fd = export_one(self->dev, 0, VT_PAGE);
	struct vfio_dmabuf_info info;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(vfio_dmabuf_get_memattr(self->dev, fd), VFIO_DMABUF_NC);
	ASSERT_EQ(vfio_dmabuf_set_memattr(self->dev, fd, VFIO_DMABUF_WC), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	EXPECT_EQ(vfio_dmabuf_get_memattr(self->dev, fd), VFIO_DMABUF_WC);
	EXPECT_EQ(vfio_dmabuf_set_memattr(self->dev, fd, 77), -ENOENT);
	EXPECT_EQ(vfio_dmabuf_get_memattr(self->dev, 0), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_get_memattr(self->dev, -1), -EBADF);
	ASSERT_EQ(vfio_dmabuf_set_name(self->ctx, fd, "doorbells of 7"), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	ASSERT_EQ(vfio_dmabuf_describe(self->dev, fd, 0, &info), 0);
	EXPECT_STREQ(info.name, "doorbells of 7");
	EXPECT_EQ(info.memattr, VFIO_DMABUF_WC);
	EXPECT_EQ(vfio_dmabuf_set_name(self->ctx, fd,
				       "a name that has 32 characters..."),
		  -ENAMETOOLONG);
}

/* Another process, which knows the socket alone. */
static int subordinate(int sock)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_info info;
	__u64 value = 0x4444;
	void *addr;
	char go;
	int fd;

	fd = vfio_dmabuf_recv(ctx, sock, &info);
	if (fd < 0 || info.size != VT_PMD || strcmp(info.name, "lent"))
		return 1;
	if (vfio_dmabuf_map(ctx, fd, 0, info.size, PROT_READ | PROT_WRITE,
			    info.phase, &addr))
		return 2;
	if (vfio_dmabuf_write(addr, &value, sizeof(value)))
		return 3;
	if (write(sock, "w", 1) != 1 || read(sock, &go, 1) != 1)
		return 4;
	return vfio_dmabuf_write(addr, &value, sizeof(value)) == -EFAULT ?
	       0 : 5;
}

TEST_F(lib, send_receive_revoke)
{
	struct vfio_dmabuf_info info;
	int fd, sock[2], status;
	pid_t pid;
	char c;

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sock), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(subordinate(sock[1]));
	close(sock[1]);
	fd = export_one(self->dev, VT_PMD, VT_PMD);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(vfio_dmabuf_set_name(self->ctx, fd, "lent"), 0);
	ASSERT_EQ(vfio_dmabuf_describe(self->dev, fd, VT_PMD, &info), 0);
	ASSERT_EQ(vfio_dmabuf_send(self->ctx, sock[0], fd, &info), 0);
	ASSERT_EQ(read(sock[0], &c, 1), 1);
	EXPECT_EQ(self->bar[VT_PMD / 8], 0x4444);
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, fd), 0);
	ASSERT_EQ(write(sock[0], "r", 1), 1);
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status, 0);
}

TEST_F(lib, receive_wants_a_dmabuf)
{
	struct vfio_dmabuf_info info = { .size = VT_PAGE };
	int fd = memfd_create("not", 0), sock[2];

	ASSERT_EQ(ftruncate(fd, VT_PAGE), 0);
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	ASSERT_EQ(vfio_dmabuf_send(self->ctx, sock[0], fd, &info), 0);
	EXPECT_EQ(vfio_dmabuf_recv(self->ctx, sock[1], &info), -EPROTO);
	HAS_ERROR("not a DMABUF");
}

TEST_F(lib, revoke_and_its_errors)
{
	int a = export_one(self->dev, 0, VT_PAGE);
	int b = export_one(self->dev, 0, VT_PAGE);
	void *map_a, *map_b;
	__u64 got;

	ASSERT_EQ(vfio_dmabuf_map(self->ctx, a, 0, VT_PAGE, PROT_READ, 0,
				  &map_a), 0);
	ASSERT_EQ(vfio_dmabuf_map(self->ctx, b, 0, VT_PAGE, PROT_READ, 0,
				  &map_b), 0);
	EXPECT_EQ(peek(map_a, &got), 0);
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, a), 0);
	EXPECT_EQ(peek(map_a, &got), -EFAULT);
	EXPECT_EQ(peek(map_b, &got), 0);
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, a), -EBADFD);
	HAS_ERROR("revoked already");
	EXPECT_EQ(vfio_dmabuf_map(self->ctx, a, 0, VT_PAGE, PROT_READ, 0,
				  &map_a), -ENODEV);
	HAS_ERROR("revoked");
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, -1), -EBADF);
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, 0), -EINVAL);
}

TEST_F(lib, buffer_of_another_device)
{
	struct vfio_dmabuf_device *other;
	int fd;

	ASSERT_EQ(vt_bind(vt_bdf("B"), VT_DRIVER), 0);
	ASSERT_EQ(vfio_dmabuf_open(self->ctx, vt_bdf("B"), 0, &other), 0)
		TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	fd = export_one(other, 0, VT_PAGE);
	EXPECT_EQ(vfio_dmabuf_revoke(self->dev, fd), -ENODEV);
	HAS_ERROR("another device");
}

TEST_F(lib, close_ends_every_buffer)
{
	int fd = export_one(self->dev, 0, VT_PAGE);
	void *addr;
	__u64 got;

	ASSERT_EQ(vfio_dmabuf_map(self->ctx, fd, 0, VT_PAGE, PROT_READ, 0,
				  &addr), 0);
	EXPECT_EQ(peek(addr, &got), 0);
	ASSERT_EQ(vfio_dmabuf_bar_unmap(self->dev, (void *)self->bar), 0);
	EXPECT_EQ(vfio_dmabuf_bar_unmap(self->dev, (void *)self->bar),
		  -ENOENT);
	vfio_dmabuf_close(self->dev);
	EXPECT_EQ(peek(addr, &got), -EFAULT);
}

TEST_F(lib, bar_map_is_checked)
{
	void *addr;

	EXPECT_EQ(vfio_dmabuf_bar_map(self->dev, BAR, VT_BAR, VT_PAGE,
				      PROT_READ, &addr), -EINVAL);
	HAS_ERROR("past the end");
	EXPECT_EQ(vfio_dmabuf_bar_map(self->dev, BAR, VT_PAGE, -VT_PAGE,
				      PROT_READ, &addr), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_bar_map(self->dev, 4, 0, VT_PAGE, PROT_READ,
				      &addr), -EINVAL);
	EXPECT_EQ(vfio_dmabuf_bar_map(self->dev, 9, 0, VT_PAGE, PROT_READ,
				      &addr), -EINVAL);
}

static unsigned char token_bytes[VT_TOKEN_SIZE] = "0123456789abcde";

#define TOKEN		"30313233-3435-3637-3839-616263646500"
#define OTHER_TOKEN	"30313233-3435-3637-3839-616263646501"

/* The user of a PF has set a token; a VF of it is opened by the library. */
FIXTURE(lib_vf) {
	struct vt_device pf;
	struct vfio_dmabuf_ctx *ctx;
	char bdf[16];
};

FIXTURE_SETUP(lib_vf)
{
	if (vt_vf_bar_is_small(vt_bdf("SRIOV")))
		SKIP(return, VT_NO_VFS);
	self->ctx = vfio_dmabuf_new();
	ASSERT_EQ(vt_open(&self->pf, vt_bdf("SRIOV"), VT_DRIVER), 0);
	ASSERT_EQ(vt_param_set("enable_sriov", "1"), 0);
	ASSERT_EQ(vt_set_vfs(self->pf.bdf, 1), 0);
	ASSERT_EQ(vt_vf_bdf(self->pf.bdf, 0, self->bdf, sizeof(self->bdf)), 0);
	ASSERT_EQ(vt_feature(self->pf.fd, VFIO_DEVICE_FEATURE_PCI_VF_TOKEN |
			     VFIO_DEVICE_FEATURE_SET, token_bytes,
			     sizeof(token_bytes)), 0);
}

FIXTURE_TEARDOWN(lib_vf)
{
	vfio_dmabuf_free(self->ctx);
	vt_close(&self->pf);
	EXPECT_EQ(vt_set_vfs(vt_bdf("SRIOV"), 0), 0);
	EXPECT_EQ(vt_param_set("enable_sriov", "0"), 0);
}

TEST_F(lib_vf, vf_opens_with_the_token)
{
	struct vfio_dmabuf_range range = { 0, VT_PAGE };
	struct vfio_dmabuf_device *dev;

	EXPECT_EQ(vfio_dmabuf_open(self->ctx, self->bdf, 0, &dev), -EACCES);
	HAS_ERROR("shares a VF token");
	EXPECT_EQ(vfio_dmabuf_open_token(self->ctx, self->bdf, NULL, 0, &dev),
		  -EACCES);
	EXPECT_EQ(vfio_dmabuf_open_token(self->ctx, self->bdf, OTHER_TOKEN, 0,
					 &dev), -EACCES);
	HAS_ERROR("token is another");
	EXPECT_EQ(vfio_dmabuf_open_token(self->ctx, self->bdf, "hello", 0,
					 &dev), -EINVAL);
	HAS_ERROR("\"hello\" is not a VF token");
	ASSERT_EQ(vfio_dmabuf_open_token(self->ctx, self->bdf, TOKEN, 0, &dev),
		  0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	EXPECT_GE(vfio_dmabuf_export(dev, 0, &range, 1, O_RDWR | O_CLOEXEC),
		  0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
}

/* Which sets it, and is refused with another one while a VF is open. */
TEST_F(lib_vf, pf_opens_with_a_token)
{
	struct vfio_dmabuf_ctx *other = vfio_dmabuf_new();
	struct vfio_dmabuf_device *pf, *vf;
	const char *bdf = vt_bdf("SRIOV");

	vt_close(&self->pf);
	ASSERT_EQ(vfio_dmabuf_open_token(self->ctx, bdf, OTHER_TOKEN, 0, &pf),
		  0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	ASSERT_EQ(vt_set_vfs(bdf, 1), 0);
	ASSERT_EQ(vfio_dmabuf_open_token(other, self->bdf, OTHER_TOKEN, 0,
					 &vf), 0)
		TH_LOG("%s", vfio_dmabuf_error(other));
	vfio_dmabuf_close(pf);
	EXPECT_EQ(vfio_dmabuf_open_token(self->ctx, bdf, TOKEN, 0, &pf),
		  -EACCES);
	EXPECT_EQ(vfio_dmabuf_open_token(self->ctx, bdf, OTHER_TOKEN, 0, &pf),
		  0) TH_LOG("%s", vfio_dmabuf_error(self->ctx));
	vfio_dmabuf_free(other);
}

TEST_F(lib, device_without_vfs_takes_no_token)
{
	struct vfio_dmabuf_device *dev;

	ASSERT_EQ(vt_bind(vt_bdf("B"), VT_DRIVER), 0);
	EXPECT_EQ(vfio_dmabuf_open_token(self->ctx, vt_bdf("B"), TOKEN, 0,
					 &dev), -EINVAL);
	HAS_ERROR("takes no VF token");
}

static bool stdio_is_closed(void)
{
	return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 &&
	       fcntl(2, F_GETFD) < 0;
}

/* A DMABUF of each kind, in a process whose fds 0 to 2 are closed. */
static int without_stdio(const char *bdf, unsigned int flags)
{
	int memfd = memfd_create("ram", MFD_CLOEXEC | MFD_ALLOW_SEALING), fd;
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;
	struct iovec iov;
	void *ram, *bar;

	if (ftruncate(memfd, VT_PAGE) ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		return 1;
	ram = mmap(NULL, VT_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (close_range(0, 2, 0))
		return 1;
	if (vfio_dmabuf_open(ctx, bdf, flags, &dev) || !stdio_is_closed() ||
	    vfio_dmabuf_device_fd(dev) < 3 || vfio_dmabuf_iommu_fd(dev) < 3)
		return 2;
	if (export_one(dev, 0, VT_PAGE) < 3 || !stdio_is_closed())
		return 3;
	iov = (struct iovec){ ram, VT_PAGE };
	/* Debian's 6.1 has no udmabuf. */
	if ((!access("/dev/udmabuf", F_OK) || !vt_kernel_before(6, 10)) &&
	    (vfio_dmabuf_add_memfd(ctx, memfd) ||
	     vfio_dmabuf_create_fd_udmabuf(ctx, &iov, 1, &fd) || fd < 3 ||
	     !stdio_is_closed()))
		return 4;
	if (vfio_dmabuf_bar_map(dev, BAR, 0, VT_PAGE, PROT_READ, &bar))
		return 5;
	iov.iov_base = bar;
	if (vfio_dmabuf_create_fd_bar(ctx, &iov, 1, &fd) || fd < 3 ||
	    !stdio_is_closed())
		return 6;
	vfio_dmabuf_free(ctx);
	return stdio_is_closed() ? 0 : 7;
}

TEST(no_fd_takes_the_place_of_stdio)
{
	static const unsigned int ways[] = {
		VFIO_DMABUF_OPEN_GROUP, VFIO_DMABUF_OPEN_CDEV,
	};
	int status;
	pid_t pid;
	size_t i;

	ASSERT_EQ(vt_bind(vt_bdf("A"), VT_DRIVER), 0);
	for (i = 0; i < 2; i++) {
		if (ways[i] == VFIO_DMABUF_OPEN_CDEV &&
		    access("/dev/iommu", F_OK))
			continue;
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			_exit(without_stdio(vt_bdf("A"), ways[i]));
		ASSERT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT_EQ(status, 0) TH_LOG("way %zu", i);
	}
}

TEST(stock_driver)
{
	struct vfio_dmabuf_ctx *ctx = vfio_dmabuf_new();
	struct vfio_dmabuf_device *dev;
	struct vfio_dmabuf_info info;
	int fd, features;

	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	ASSERT_EQ(vt_bind(vt_bdf("A"), VT_STOCK), 0);
	ASSERT_EQ(vfio_dmabuf_open(ctx, vt_bdf("A"), 0, &dev), 0)
		TH_LOG("%s", vfio_dmabuf_error(ctx));
	features = vfio_dmabuf_features(dev);
	EXPECT_EQ(features & ~VFIO_DMABUF_CAN_EXPORT, 0);
	fd = export_one(dev, 0, VT_PAGE);
	if (!(features & VFIO_DMABUF_CAN_EXPORT)) {
		EXPECT_EQ(fd, -ENOTTY);
		return;
	}
	ASSERT_GE(fd, 0);
	EXPECT_EQ(vfio_dmabuf_revoke(dev, fd), -ENOTTY);
	EXPECT_NE(strstr(vfio_dmabuf_error(ctx), "vfio-pci-dmabuf-mmap"),
		  NULL);
	EXPECT_EQ(vfio_dmabuf_describe(dev, fd, 0, &info), 0);
	EXPECT_EQ(info.memattr, VFIO_DMABUF_NC);
	vfio_dmabuf_free(ctx);
}

TEST_HARNESS_MAIN
