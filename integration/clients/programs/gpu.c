// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtio-gpu as an importer of a part of a BAR. Without blobs it attaches as one that
 * cannot do peer-to-peer DMA; with them it makes a blob of the buffer, and lets go of it
 * when it is told that the memory goes away.
 *
 * usage: gpu, with the cards' device nodes in CARD_PLAIN and CARD_BLOB, and a bound
 * device in VPDM_DEV_MEM
 */
#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>

#include "vfio_test.h"

#define BAR	2
#define SIZE	VT_MIB(1)

FIXTURE(gpu) {
	struct vt_device d;
	int buf;
	int card;
};

FIXTURE_SETUP(gpu)
{
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("MEM"), NULL));
	self->buf = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->buf);
	self->card = -1;
}

FIXTURE_TEARDOWN(gpu)
{
	close(self->card);
	close(self->buf);
	vt_close(&self->d);
}

/*
 * The handle of the buffer, or an error. A card that is open gives the handle that it
 * gave before, so each import opens it anew.
 */
static int import(int *card, const char *node, int buf)
{
	struct drm_prime_handle prime = { .fd = buf };

	close(*card);
	*card = open(node, O_RDWR | O_CLOEXEC);
	if (*card < 0)
		return -errno;
	if (ioctl(*card, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime))
		return -errno;
	return prime.handle;
}

static int import_blob(int *card, int buf)
{
	return import(card, getenv("CARD_BLOB"), buf);
}

/* For good: this driver by revoking the buffer, vfio-pci when the device is closed. */
static int end_access(struct vt_device *d, int buf)
{
	if (vt_probe(d->fd, VFIO_DEVICE_FEATURE_DMA_BUF_REVOKE,
		     VFIO_DEVICE_FEATURE_SET))
		return vt_revoke(d->fd, buf);
	vt_close_fd(d);
	return 0;
}

TEST_F(gpu, without_blobs_the_import_is_refused)
{
	EXPECT_EQ(-EOPNOTSUPP,
		  import(&self->card, getenv("CARD_PLAIN"), self->buf));
}

TEST_F(gpu, a_blob_of_the_buffer)
{
	EXPECT_LT(0, import_blob(&self->card, self->buf));
}

TEST_F(gpu, memory_off_while_a_blob_is_held)
{
	ASSERT_LT(0, import_blob(&self->card, self->buf));
	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(-ENODEV, import_blob(&self->card, self->buf));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_LT(0, import_blob(&self->card, self->buf));
}

TEST_F(gpu, reset_while_a_blob_is_held)
{
	ASSERT_LT(0, import_blob(&self->card, self->buf));
	ASSERT_EQ(0, vt_reset(&self->d));
	EXPECT_LT(0, import_blob(&self->card, self->buf));
}

TEST_F(gpu, access_ends_while_a_blob_is_held)
{
	ASSERT_LT(0, import_blob(&self->card, self->buf));
	ASSERT_EQ(0, end_access(&self->d, self->buf));
	EXPECT_EQ(-ENODEV, import_blob(&self->card, self->buf));
}

TEST_HARNESS_MAIN
