// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importers: edu devices attach to a DMABUF and move real bytes.
 *
 * edu takes 100 ms for each step of a DMA, so a DMA is under way for long enough
 * to be met by a revocation.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edu.h"
#include "kselftest_harness.h"
#include "vfio_test.h"

#define BAR		2
#define SIZE		VT_MIB(1)
/* What blocks is seen to block for this long. */
#define BLOCKED_MS	400

static void fill(unsigned char *p, size_t len, unsigned int seed)
{
	while (len--)
		*p++ = seed++ * 7 + 3;
}

static __u64 word_at(const void *map, size_t offset)
{
	__u64 value;

	return vt_peek((const char *)map + offset, &value) ? ~0ULL : value;
}

static bool bar_has(const void *map, const void *bytes, size_t len)
{
	__u64 want, seen;
	size_t i;

	for (i = 0; i < len; i += sizeof(want)) {
		memcpy(&want, (const char *)bytes + i, sizeof(want));
		if (vt_peek((const char *)map + i, &seen) || seen != want)
			return false;
	}
	return true;
}

static bool wait_stats(int edu, int handle, bool (*ok)(struct vpdm_edu_stats *))
{
	struct vpdm_edu_stats s;
	int ret;

	return vt_wait_for((ret = vt_edu_stats(edu, handle, &s)) || ok(&s)) &&
	       !ret;
}

static bool is_pending(struct vpdm_edu_stats *s)
{
	return s->pending;
}

static bool has_begun_dma(struct vpdm_edu_stats *s)
{
	return s->dmas;
}

static bool is_unmapped(struct vpdm_edu_stats *s)
{
	return !s->mapped;
}

/* Something that may block, in a thread or a process of its own. */
struct job {
	pthread_t thread;
	int (*run)(struct job *job);
	int dev, fd, edu, handle;
	const struct vt_device *d;
	void *data;
	int ret;
	bool done;
};

static void *job_main(void *arg)
{
	struct job *job = arg;

	job->ret = job->run(job);
	__atomic_store_n(&job->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool job_start(struct job *job)
{
	return !pthread_create(&job->thread, NULL, job_main, job);
}

static bool job_done(struct job *job)
{
	return __atomic_load_n(&job->done, __ATOMIC_ACQUIRE);
}

static bool job_ends(struct job *job)
{
	return vt_wait_for(job_done(job)) && !pthread_join(job->thread, NULL);
}

static int do_revoke(struct job *job)
{
	return vt_revoke(job->dev, job->fd);
}

static int do_memory_off(struct job *job)
{
	return vt_memory(job->d, false);
}

static int do_close(struct job *job)
{
	close(job->dev);
	return 0;
}

static int do_sysfs_reset(struct job *job)
{
	return vt_sysfs_reset(job->d->bdf);
}

static int do_write(struct job *job)
{
	return vt_edu_dma(job->edu, job->handle, VPDM_EDU_DMA_WRITE, 0,
			  job->data, VPDM_EDU_DMA_MAX);
}

FIXTURE(edu)
{
	struct vt_device d;
	int edu;
	int fd;
	void *map;
	unsigned char out[VPDM_EDU_DMA_MAX];
	unsigned char in[VPDM_EDU_DMA_MAX];
};

FIXTURE_VARIANT(edu)
{
	const char *memory;
	const char *edu;
	const char *domain;
};

FIXTURE_VARIANT_ADD(edu, root_bus)
{
	.memory = "A",
	.edu = "EDU",
	.domain = "DMA",
};

FIXTURE_VARIANT_ADD(edu, behind_a_switch)
{
	.memory = "SW_MEM",
	.edu = "SW_EDU",
	/* A switch routes bus addresses itself; QEMU's asks the IOMMU. */
	.domain = "identity",
};

FIXTURE_SETUP(edu)
{
	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	if (!vt_edu_reaches(vt_bdf(variant->edu), vt_bdf(variant->memory)))
		SKIP(return, VT_NO_P2P);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->memory), VT_DRIVER));
	ASSERT_EQ(0, vt_edu_domain(vt_bdf(variant->edu), variant->domain));
	self->edu = vt_edu_open(vt_bdf(variant->edu));
	ASSERT_LE(0, self->edu);
	self->fd = vt_export_one(self->d.fd, BAR, SIZE, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	fill(self->out, sizeof(self->out), 1);
}

FIXTURE_TEARDOWN(edu)
{
	munmap(self->map, SIZE);
	close(self->edu);
	close(self->fd);
	vt_close(&self->d);
}

TEST_F(edu, engine_writes_into_the_bar_and_reads_from_it)
{
	const size_t offset = 5 * VT_PAGE;
	int h;

	h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, h);

	vt_stamp(self->map, SIZE, 0x1000);
	ASSERT_EQ(0, vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE, offset,
				self->out, sizeof(self->out)));
	EXPECT_TRUE(bar_has((char *)self->map + offset, self->out,
			    sizeof(self->out)));
	/* The pages beside it kept what the CPU wrote. */
	EXPECT_EQ(0x1004, word_at(self->map, 4 * VT_PAGE));
	EXPECT_EQ(0x1006, word_at(self->map, 6 * VT_PAGE));

	ASSERT_EQ(0, vt_edu_dma(self->edu, h, 0, offset, self->in,
				sizeof(self->in)));
	EXPECT_EQ(0, memcmp(self->in, self->out, sizeof(self->in)));
	EXPECT_EQ(0, vt_edu_unmap(self->edu, h));
	EXPECT_EQ(0, vt_edu_detach(self->edu, h));
}

TEST_F(edu, engine_does_not_write_into_a_read_only_buffer)
{
	struct vfio_region_dma_range range = { SIZE, SIZE };
	struct vpdm_edu_sg sg;
	int fd, h;

	vt_stamp(self->map, SIZE, 0x1000);
	fd = vt_export(self->d.fd, BAR, O_RDONLY | O_CLOEXEC, &range, 1);
	ASSERT_LE(0, fd);
	h = vt_edu_attach(self->edu, fd, 0);
	ASSERT_LT(0, h);
	EXPECT_EQ(-EACCES, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	EXPECT_EQ(-EACCES, vt_edu_map(self->edu, h, VPDM_EDU_FROM_DEVICE));

	/* Refused, it leaves nothing behind, and reading stays allowed. */
	ASSERT_EQ(0, vt_edu_map(self->edu, h, VPDM_EDU_TO_DEVICE));
	ASSERT_EQ(0, vt_edu_dma(self->edu, h, 0, 0, self->in,
				sizeof(self->in)));
	EXPECT_EQ(0x1000, word_at(self->in, 0));
	/* The IOMMU, if one is there, holds the device to what was asked for. */
	ASSERT_EQ(0, vt_edu_sg(self->edu, h, 0, &sg));
	if (sg.addr != vt_bar_pfn(self->d.bdf, BAR) * VT_PAGE + SIZE) {
		vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE, 0, self->out,
			   sizeof(self->out));
		EXPECT_EQ(0x1000, word_at(self->map, 0));
	}
	ASSERT_EQ(0, vt_revoke(self->d.fd, fd));
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, h, VPDM_EDU_TO_DEVICE));
	EXPECT_EQ(0, vt_edu_detach(self->edu, h));
	close(fd);
}

/*
 * Revokes a new buffer while an engine writes to it. All or nothing arrives before
 * the revoke returns, and the bytes that the CPU writes to @bar after it stay.
 * Returns 1 if so, 0 if the DMA was over before the revoke began, else -1.
 */
static int revoke_under_dma(FIXTURE_DATA(edu) *self, void *bar,
			    const unsigned char *cpu)
{
	struct job dma = {
		.run = do_write, .edu = self->edu, .data = self->out,
	};
	struct vpdm_edu_stats stats;
	int fd, h;
	bool ok;

	fd = vt_export_one(self->d.fd, BAR, SIZE, SIZE);
	h = fd < 0 ? fd : vt_edu_import(self->edu, fd);
	if (h < 0)
		return -1;
	dma.handle = h;
	ok = job_start(&dma) && wait_stats(self->edu, h, has_begun_dma) &&
	     !vt_revoke(self->d.fd, fd);
	memcpy(bar, cpu, VPDM_EDU_DMA_MAX);
	ok = ok && job_ends(&dma) && !dma.ret &&
	     !vt_edu_stats(self->edu, h, &stats);
	vt_sleep_ms(BLOCKED_MS);
	ok = ok && bar_has(bar, cpu, VPDM_EDU_DMA_MAX) &&
	     !vt_edu_detach(self->edu, h);
	close(fd);
	return ok ? !!stats.met_dma : -1;
}

TEST_F(edu, a_dma_under_way_ends_before_revoke_returns)
{
	unsigned char other[VPDM_EDU_DMA_MAX];
	void *again;
	int fd, ret;

	fd = vt_export_one(self->d.fd, BAR, SIZE, SIZE);
	ASSERT_LE(0, fd);
	again = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, again);
	fill(other, sizeof(other), 99);
	vt_stamp(again, VT_PAGE, 0x3000);
	EXPECT_TRUE(vt_wait_for((ret = revoke_under_dma(self, again, other))));
	EXPECT_EQ(1, ret);
	munmap(again, SIZE);
	close(fd);
}

TEST_F(edu, no_byte_moves_after_revoke_returned)
{
	struct vpdm_edu_stats stats;
	struct vpdm_edu_sg sg;
	void *again;
	int fd, h;

	h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_sg(self->edu, h, 0, &sg));
	ASSERT_EQ(0, vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE, 0, self->out,
				sizeof(self->out)));
	ASSERT_TRUE(bar_has(self->map, self->out, sizeof(self->out)));

	ASSERT_EQ(0, vt_revoke(self->d.fd, self->fd));
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	EXPECT_EQ(1, stats.unmaps);
	EXPECT_LE(1, stats.invalidations);

	fd = vt_export_one(self->d.fd, BAR, SIZE, SIZE);
	ASSERT_LE(0, fd);
	again = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, again);
	vt_stamp(again, VT_PAGE, 0x4000);
	/* An importer that keeps the address: the IOMMU stops it, if one is there. */
	if (sg.addr != vt_bar_pfn(self->d.bdf, BAR) * VT_PAGE + SIZE) {
		vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE | VPDM_EDU_DMA_RAW,
			   sg.addr, self->out, sizeof(self->out));
		EXPECT_EQ(0x4000, word_at(again, 0));
	}
	EXPECT_EQ(-ENXIO, vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE, 0,
				     self->out, sizeof(self->out)));
	EXPECT_EQ(0x4000, word_at(again, 0));
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	EXPECT_EQ(-ENODEV, vt_edu_attach(self->edu, self->fd, 0));
	EXPECT_EQ(0, vt_edu_detach(self->edu, h));
	munmap(again, SIZE);
	close(fd);
}

TEST_F(edu, a_revocation_for_a_time_waits_for_the_importer)
{
	struct job off = { .run = do_memory_off, .d = &self->d };
	struct vpdm_edu_stats stats;
	__u64 value;
	int h;

	h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_hold(self->edu, h, true));
	vt_touch(self->map, SIZE);

	ASSERT_TRUE(job_start(&off));
	EXPECT_TRUE(wait_stats(self->edu, h, is_pending));
	vt_sleep_ms(BLOCKED_MS);
	EXPECT_FALSE(job_done(&off));
	ASSERT_EQ(0, vt_edu_hold(self->edu, h, false));
	ASSERT_TRUE(job_ends(&off));
	EXPECT_EQ(0, off.ret);
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	EXPECT_EQ(1, stats.unmaps);
	EXPECT_EQ(SIGBUS, vt_peek(self->map, &value));
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	EXPECT_EQ(-ENODEV, vt_edu_attach(self->edu, self->fd, 0));

	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_peek(self->map, &value));
	ASSERT_EQ(0, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	ASSERT_EQ(0, vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE, 0, self->out,
				sizeof(self->out)));
	EXPECT_TRUE(bar_has(self->map, self->out, sizeof(self->out)));
}

TEST_F(edu, an_export_with_memory_off_is_revoked_like_any_other)
{
	struct vpdm_edu_stats stats;
	int fd, h;

	ASSERT_EQ(0, vt_memory(&self->d, false));
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	EXPECT_EQ(-ENODEV, vt_edu_attach(self->edu, fd, 0));
	ASSERT_EQ(0, vt_memory(&self->d, true));

	/* No fault comes before the importer. */
	h = vt_edu_import(self->edu, fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	EXPECT_EQ(1, stats.unmaps);
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	close(fd);
}

TEST_F(edu, closing_the_device_takes_the_mapping_away)
{
	struct job end = { .run = do_close, .dev = self->d.fd };
	struct vpdm_edu_stats stats;
	__u64 value;
	int h;

	h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_hold(self->edu, h, true));
	vt_touch(self->map, SIZE);

	self->d.fd = -1;
	ASSERT_TRUE(job_start(&end));
	EXPECT_TRUE(wait_stats(self->edu, h, is_pending));
	vt_sleep_ms(BLOCKED_MS);
	EXPECT_FALSE(job_done(&end));
	ASSERT_EQ(0, vt_edu_hold(self->edu, h, false));
	ASSERT_TRUE(job_ends(&end));

	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	EXPECT_EQ(SIGBUS, vt_peek(self->map, &value));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, PROT_READ, MAP_SHARED,
				       0));
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	EXPECT_EQ(-ENODEV, vt_edu_attach(self->edu, self->fd, 0));
	EXPECT_EQ(0, vt_edu_detach(self->edu, h));
}

TEST_F(edu, an_importer_outlives_buffer_fd_and_device)
{
	struct vpdm_edu_stats stats;
	int h;

	h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, h);
	munmap(self->map, SIZE);
	close(self->fd);
	vt_close(&self->d);
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	ASSERT_EQ(0, vt_unbind(vt_bdf(variant->memory)));
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	EXPECT_EQ(0, vt_edu_detach(self->edu, h));
	ASSERT_EQ(0, vt_bind(vt_bdf(variant->memory), VT_DRIVER));

	/* For the teardown. */
	self->fd = -1;
}

/* On the root bus nothing resets the device. */
TEST_F(edu, who_is_attached_hears_that_a_sysfs_reset_is_over)
{
	struct vpdm_edu_stats before, after;
	int h;

	if (!vt_can_reset(&self->d))
		SKIP(return, "this device cannot be reset");
	h = vt_edu_attach(self->edu, self->fd, 0);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &before));
	ASSERT_EQ(0, vt_sysfs_reset(self->d.bdf));
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &after));
	EXPECT_EQ(before.invalidations + 1, after.invalidations);
	EXPECT_EQ(0, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));

	/* Told to let go, and that it is over. */
	ASSERT_EQ(0, vt_sysfs_reset(self->d.bdf));
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &after));
	EXPECT_EQ(before.invalidations + 3, after.invalidations);
	EXPECT_EQ(1, after.unmaps);
}

static void import_rounds(struct __test_metadata *_metadata, int edu, int fd,
			  unsigned int rounds)
{
	while (rounds--) {
		int h = vt_edu_import(edu, fd);

		ASSERT_LT(0, h);
		ASSERT_EQ(0, vt_edu_unmap(edu, h));
		ASSERT_EQ(0, vt_edu_detach(edu, h));
	}
}

TEST_F(edu, imports_leak_nothing)
{
	unsigned int rounds = vt_rounds(1000);
	struct vt_slabs *before;

	/* What caches keep, which is all that few rounds would show. */
	import_rounds(_metadata, self->edu, self->fd, rounds / 5);
	before = vt_slabs_read();
	import_rounds(_metadata, self->edu, self->fd, rounds);
	EXPECT_FALSE(vt_slabs_leak(before, rounds));
}

TEST_F(edu, an_importer_that_goes_away_lets_revoke_finish)
{
	struct job revoke = {
		.run = do_revoke, .dev = self->d.fd, .fd = self->fd,
	};
	int h;

	h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_edu_hold(self->edu, h, true));
	ASSERT_TRUE(job_start(&revoke));
	EXPECT_TRUE(wait_stats(self->edu, h, is_pending));
	ASSERT_EQ(0, vt_unbind(vt_bdf(variant->edu)));
	ASSERT_TRUE(job_ends(&revoke));
	EXPECT_EQ(0, revoke.ret);
	EXPECT_EQ(-ENOENT, vt_edu_unmap(self->edu, h));
	ASSERT_EQ(0, vt_bind(vt_bdf(variant->edu), "vpdm_test_edu"));
}

/* Who may attach, on every kernel */
FIXTURE(attach)
{
	struct vt_device d;
	bool can;
	int edu;
	int fd;
};

VT_EDU_PAIRS(attach);

FIXTURE_SETUP(attach)
{
	self->can = vt_stock_exports();
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->memory), VT_DRIVER));
	self->edu = vt_edu_open(vt_bdf(variant->edu));
	ASSERT_LE(0, self->edu);
	self->fd = vt_export_one(self->d.fd, BAR, SIZE, SIZE);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(attach)
{
	close(self->edu);
	close(self->fd);
	vt_close(&self->d);
}

TEST_F(attach, importers_that_cannot_be_revoked_are_refused)
{
	EXPECT_EQ(-EOPNOTSUPP, vt_edu_attach(self->edu, self->fd,
					     VPDM_EDU_ATTACH_NO_P2P));
	EXPECT_EQ(-EOPNOTSUPP, vt_edu_attach(self->edu, self->fd,
					     VPDM_EDU_ATTACH_NO_REVOKE));
	EXPECT_EQ(-EOPNOTSUPP, vt_edu_attach(self->edu, self->fd,
					     VPDM_EDU_ATTACH_STATIC));
}

TEST_F(attach, needs_dmabufs_of_vfio_pci_core)
{
	int no = self->can ? -ENODEV : -EOPNOTSUPP;
	char *map = vt_map_rw(self->fd, SIZE);
	__u64 value;
	int h;

	ASSERT_NE(NULL, map);
	vt_stamp(map, SIZE, 1);
	h = vt_edu_attach(self->edu, self->fd, 0);
	EXPECT_EQ(self->can ? 0 : -EOPNOTSUPP, h < 0 ? h : 0);
	/* Refused or not, it takes nothing from others. */
	EXPECT_EQ(SIZE, vt_present(map, SIZE));

	ASSERT_EQ(0, vt_memory(&self->d, false));
	EXPECT_EQ(no, vt_edu_attach(self->edu, self->fd, 0));
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_peek(map, &value));
	EXPECT_EQ(1, value);
	ASSERT_EQ(0, vt_revoke(self->d.fd, self->fd));
	EXPECT_EQ(no, vt_edu_attach(self->edu, self->fd, 0));
	vt_close(&self->d);
	EXPECT_EQ(no, vt_edu_attach(self->edu, self->fd, 0));
	munmap(map, SIZE);
}

/*
 * Buffers of many ranges, with addresses that no IOMMU translates: up to 7.3
 * dma_buf_phys_vec_to_sgt() links every range at offset 0 of the IOVA, so that
 * mapping the second fails with EADDRINUSE, in stock's DMABUF as in ours.
 */
FIXTURE(edu_ranges)
{
	struct vt_device d;
	int edu;
};

VT_EDU_PAIRS(edu_ranges);

FIXTURE_SETUP(edu_ranges)
{
	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	if (!vt_edu_reaches(vt_bdf(variant->edu), vt_bdf(variant->memory)))
		SKIP(return, VT_NO_P2P);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf(variant->memory), VT_DRIVER));
	ASSERT_EQ(0, vt_edu_domain(vt_bdf(variant->edu), "identity"));
	self->edu = vt_edu_open(vt_bdf(variant->edu));
	ASSERT_LE(0, self->edu);
}

FIXTURE_TEARDOWN(edu_ranges)
{
	close(self->edu);
	vt_close(&self->d);
	EXPECT_EQ(0, vt_edu_domain(vt_bdf(variant->edu), "DMA"));
}

TEST_F(edu_ranges, are_reached_in_their_order)
{
	struct vfio_region_dma_range ranges[] = {
		{ VT_MIB(8), 4 * VT_PAGE },
		{ VT_MIB(2), 2 * VT_PAGE },
		{ VT_MIB(8), VT_PAGE },
	};
	const size_t second = 4 * VT_PAGE + VT_PAGE;
	unsigned char out[VPDM_EDU_DMA_MAX];
	void *bar;
	int fd, h;

	bar = vt_map_bar(&self->d, BAR, VT_MIB(2), 2 * VT_PAGE);
	ASSERT_NE(NULL, bar);
	fd = vt_export(self->d.fd, BAR, O_RDWR | O_CLOEXEC, ranges,
		       VT_ARRAY_SIZE(ranges));
	ASSERT_LE(0, fd);
	h = vt_edu_import(self->edu, fd);
	ASSERT_LT(0, h);

	fill(out, sizeof(out), 1);
	vt_stamp(bar, 2 * VT_PAGE, 0x2000);
	ASSERT_EQ(0, vt_edu_dma(self->edu, h, VPDM_EDU_DMA_WRITE, second,
				out, sizeof(out)));
	EXPECT_EQ(0x2000, word_at(bar, 0));
	EXPECT_TRUE(bar_has((char *)bar + VT_PAGE, out,
			    sizeof(out)));
	munmap(bar, 2 * VT_PAGE);
	close(fd);
}

/*
 * A revoke that waits: a child process does it, so that it can be killed. What
 * makes it wait is either a mapping or a fence.
 */
FIXTURE(waiting_revoke)
{
	struct vt_device d;
	int edu;
	int fd;
	void *map;
	int h;
	pid_t child;
};

FIXTURE_VARIANT(waiting_revoke)
{
	int (*keep)(int edu, __u32 handle, bool on);
};

FIXTURE_VARIANT_ADD(waiting_revoke, for_a_mapping)
{
	.keep = vt_edu_hold,
};

FIXTURE_VARIANT_ADD(waiting_revoke, for_a_fence)
{
	.keep = vt_edu_fence,
};

FIXTURE_SETUP(waiting_revoke)
{
	__u64 value;

	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("SW_MEM"), VT_DRIVER));
	self->edu = vt_edu_open(vt_bdf("SW_EDU"));
	ASSERT_LE(0, self->edu);
	self->fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, self->fd);
	self->map = vt_map_rw(self->fd, SIZE);
	ASSERT_NE(NULL, self->map);
	vt_touch(self->map, SIZE);
	self->h = vt_edu_import(self->edu, self->fd);
	ASSERT_LT(0, self->h);
	ASSERT_EQ(0, variant->keep(self->edu, self->h, true));

	self->child = fork();
	ASSERT_LE(0, self->child);
	if (!self->child)
		_exit(-vt_revoke(self->d.fd, self->fd));
	EXPECT_TRUE(vt_wait_for(vt_peek(self->map, &value) == SIGBUS));
	vt_sleep_ms(BLOCKED_MS);
	ASSERT_EQ(0, waitpid(self->child, NULL, WNOHANG));
}

FIXTURE_TEARDOWN(waiting_revoke)
{
	int status;

	/* Its copy of the device fd has to go, too. */
	if (self->child > 0)
		kill(self->child, SIGKILL);
	variant->keep(self->edu, self->h, false);
	if (self->child > 0)
		EXPECT_TRUE(vt_child_ends(self->child, &status));
	munmap(self->map, SIZE);
	close(self->edu);
	close(self->fd);
	vt_close(&self->d);
}

TEST_F(waiting_revoke, ends_when_the_importer_lets_go)
{
	struct vpdm_edu_stats stats;
	int status;

	ASSERT_EQ(0, variant->keep(self->edu, self->h, false));
	ASSERT_TRUE(vt_child_ends(self->child, &status));
	self->child = 0;
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	ASSERT_EQ(0, vt_edu_stats(self->edu, self->h, &stats));
	EXPECT_EQ(0, stats.mapped);
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, self->h, 0));
	EXPECT_EQ(-EBADFD, vt_revoke(self->d.fd, self->fd));
}

TEST_F(waiting_revoke, is_killable_and_the_buffer_stays_revoked)
{
	__u64 value;
	int status;

	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_TRUE(vt_child_ends(self->child, &status));
	self->child = 0;
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));

	EXPECT_EQ(-EBADFD, vt_revoke(self->d.fd, self->fd));
	EXPECT_EQ(-EBADFD, vt_revoke_ioctl(self->d.fd, self->fd));
	EXPECT_EQ(SIGBUS, vt_peek(self->map, &value));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, PROT_READ, MAP_SHARED,
				       0));
	EXPECT_EQ(-ENODEV, vt_edu_attach(self->edu, self->fd, 0));

	ASSERT_EQ(0, variant->keep(self->edu, self->h, false));
	EXPECT_TRUE(wait_stats(self->edu, self->h, is_unmapped));
	EXPECT_EQ(-ENODEV, vt_edu_map(self->edu, self->h, 0));
	EXPECT_EQ(0, vt_edu_detach(self->edu, self->h));
}

#define TRACING	"/sys/kernel/tracing"
#define EVENT	TRACING "/events/vfio_pci_dmabuf_mmap/vpdm_revoke/enable"

/* Nobody else sees what a call returned that did not return. */
TEST_F(waiting_revoke, when_killed_is_traced_as_eintr)
{
	char trace[4096] = "";
	int status, fd;

	fd = open(TRACING "/trace", O_WRONLY | O_TRUNC);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, vt_write_text(EVENT, "1"));
	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_TRUE(vt_child_ends(self->child, &status));
	self->child = 0;
	EXPECT_EQ(0, vt_write_text(EVENT, "0"));
	ASSERT_EQ(0, vt_read_text(TRACING "/trace", trace, sizeof(trace)));
	EXPECT_NE(NULL, strstr(trace, " ret=-4"))
		TH_LOG("%s", trace);
}

TEST_F(waiting_revoke, leaves_other_buffers_alone)
{
	__u64 value;
	int old, fd, h;
	void *map;

	/* Nothing here may wait for the importer of the first buffer: it stays. */
	old = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, old);
	map = vt_map_rw(old, SIZE);
	ASSERT_NE(NULL, map);
	vt_stamp(map, SIZE, 7);
	h = vt_edu_import(self->edu, old);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_revoke(self->d.fd, old));
	EXPECT_EQ(SIGBUS, vt_peek(map, &value));
	munmap(map, SIZE);
	close(old);

	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	ASSERT_LE(0, fd);
	map = vt_map_rw(fd, SIZE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_peek(map, &value));
	EXPECT_EQ(7, value);
	munmap(map, SIZE);
	map = vt_map_bar(&self->d, BAR, 0, SIZE);
	ASSERT_NE(NULL, map);
	EXPECT_EQ(0, vt_peek(map, &value));
	munmap(map, SIZE);

	/* Nor does the buffer itself. */
	EXPECT_EQ(SIGBUS, vt_peek(self->map, &value));
	EXPECT_EQ(ENODEV, vt_map_errno(self->fd, VT_PAGE, PROT_READ, MAP_SHARED,
				       0));
	ASSERT_EQ(0, waitpid(self->child, NULL, WNOHANG));
	close(fd);
}

/* A reset that sysfs starts; vfio-pci-core's own revocation does not see it. */
TEST_F(waiting_revoke, a_sysfs_reset_waits_for_the_importer_too)
{
	struct job reset = { .run = do_sysfs_reset, .d = &self->d };
	int status, fd;

	ASSERT_TRUE(job_start(&reset));
	vt_sleep_ms(BLOCKED_MS);
	EXPECT_FALSE(job_done(&reset));

	/* Who waits for the importer keeps nobody else from the device. */
	fd = vt_export_one(self->d.fd, BAR, 0, SIZE);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, vt_revoke(self->d.fd, fd));
	close(fd);
	EXPECT_FALSE(job_done(&reset));

	ASSERT_EQ(0, variant->keep(self->edu, self->h, false));
	ASSERT_TRUE(vt_child_ends(self->child, &status));
	self->child = 0;
	EXPECT_EQ(0, status);
	ASSERT_TRUE(job_ends(&reset));
	EXPECT_EQ(0, reset.ret);
}

TEST_F(waiting_revoke, a_sysfs_reset_waits_after_the_revoke_was_killed)
{
	struct job reset = { .run = do_sysfs_reset, .d = &self->d };
	struct vpdm_edu_stats stats;
	int status;

	ASSERT_EQ(0, kill(self->child, SIGKILL));
	ASSERT_TRUE(vt_child_ends(self->child, &status));
	self->child = 0;

	ASSERT_TRUE(job_start(&reset));
	vt_sleep_ms(BLOCKED_MS);
	/* Who was kept by a fence alone has unmapped when the revoke was gone. */
	if (variant->keep == vt_edu_hold)
		EXPECT_FALSE(job_done(&reset));
	ASSERT_EQ(0, variant->keep(self->edu, self->h, false));
	ASSERT_TRUE(job_ends(&reset));
	EXPECT_EQ(0, reset.ret);
	ASSERT_EQ(0, vt_edu_stats(self->edu, self->h, &stats));
	EXPECT_EQ(0, stats.mapped);
}

TEST_HARNESS_MAIN
