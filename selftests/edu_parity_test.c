// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same steps of an importer, once with this driver's DMABUFs and once with
 * those of stock vfio-pci, in one boot. Every answer must be the same: errno,
 * DMA addresses, how often the importer was told to unmap.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "kselftest_harness.h"
#include "vfio_test.h"

#define BAR	2
/* IOVAs of this size come from no per-CPU cache, so they repeat. */
#define SIZE	VT_MIB(1)
#define MAX	256

struct answers {
	size_t nr;
	struct {
		char what[56];
		long long value;
	} a[MAX];
};

struct run {
	struct answers *out;
	struct vt_device d;
	int edu;
	int fd;
	int h;
	const char *step;
	/* Invalidations when the step began. */
	__u32 base;
};

static void note(struct run *r, const char *what, long long value)
{
	struct answers *out = r->out;

	if (out->nr == MAX)
		return;
	snprintf(out->a[out->nr].what, sizeof(out->a[0].what), "%s: %s",
		 r->step, what);
	out->a[out->nr++].value = value;
}

static void note_stats(struct run *r)
{
	struct vpdm_edu_stats s;

	note(r, "stats", vt_edu_stats(r->edu, r->h, &s));
	note(r, "mapped", s.mapped);
	note(r, "invalidations", s.invalidations - r->base);
	note(r, "unmaps", s.unmaps);
}

static void note_map(struct run *r)
{
	struct vpdm_edu_sg sg;
	__u32 i;

	note(r, "map", vt_edu_map(r->edu, r->h, VPDM_EDU_BIDIRECTIONAL));
	for (i = 0; !vt_edu_sg(r->edu, r->h, i, &sg); i++) {
		note(r, "nents", sg.nents);
		note(r, "addr", sg.addr);
		note(r, "len", sg.len);
	}
	note_stats(r);
}

static void note_attach(struct run *r)
{
	int h = vt_edu_attach(r->edu, r->fd, 0);

	note(r, "attach", h < 0 ? h : 0);
	if (h > 0)
		note(r, "detach", vt_edu_detach(r->edu, h));
}

static void refused_importers(struct run *r)
{
	note(r, "no p2p", vt_edu_attach(r->edu, r->fd, VPDM_EDU_ATTACH_NO_P2P));
	note(r, "static", vt_edu_attach(r->edu, r->fd, VPDM_EDU_ATTACH_STATIC));
	note(r, "no revoke", vt_edu_attach(r->edu, r->fd,
					   VPDM_EDU_ATTACH_NO_REVOKE));
}

static void refused_importers_while_off(struct run *r)
{
	vt_memory(&r->d, false);
	refused_importers(r);
	note_attach(r);
	vt_memory(&r->d, true);
}

static void attach_and_map(struct run *r)
{
	r->h = vt_edu_attach(r->edu, r->fd, 0);
	note(r, "attach", r->h < 0 ? r->h : 0);
	note_map(r);
	note(r, "unmap", vt_edu_unmap(r->edu, r->h));
	note(r, "to device", vt_edu_map(r->edu, r->h, VPDM_EDU_TO_DEVICE));
	note(r, "unmap", vt_edu_unmap(r->edu, r->h));
	note(r, "from device", vt_edu_map(r->edu, r->h, VPDM_EDU_FROM_DEVICE));
	note(r, "unmap", vt_edu_unmap(r->edu, r->h));
	note_stats(r);
}

static void memory_off_and_on(struct run *r)
{
	note_map(r);
	note(r, "off", vt_memory(&r->d, false));
	note_stats(r);
	note(r, "map", vt_edu_map(r->edu, r->h, VPDM_EDU_BIDIRECTIONAL));
	note_attach(r);
	note(r, "off again", vt_memory(&r->d, false));
	note_stats(r);
	note(r, "on", vt_memory(&r->d, true));
	note_stats(r);
	note(r, "on again", vt_memory(&r->d, true));
	note_map(r);
	note(r, "unmap", vt_edu_unmap(r->edu, r->h));
}

static void reset(struct run *r)
{
	note_map(r);
	note(r, "reset", vt_reset(&r->d));
	note_map(r);
	vt_edu_unmap(r->edu, r->h);
}

static void power_state(struct run *r)
{
	note_map(r);
	note(r, "D3hot", vt_power_state(&r->d, 3));
	note_map(r);
	note(r, "D0", vt_power_state(&r->d, 0));
	note_map(r);
	vt_edu_unmap(r->edu, r->h);
}

static int low_power(struct run *r, __u32 feature)
{
	return vt_feature(r->d.fd, VFIO_DEVICE_FEATURE_SET | feature, NULL, 0);
}

static void runtime_pm(struct run *r)
{
	note_map(r);
	note(r, "entry", low_power(r, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY));
	note_map(r);
	note(r, "exit", low_power(r, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT));
	note_map(r);
	vt_edu_unmap(r->edu, r->h);
}

static void export_while_off(struct run *r)
{
	struct run first = *r;

	r->base = 0;
	note(r, "off", vt_memory(&r->d, false));
	r->fd = vt_export_one(r->d.fd, BAR, 0, SIZE);
	note(r, "export", r->fd < 0 ? r->fd : 0);
	note_attach(r);
	note(r, "on", vt_memory(&r->d, true));
	r->h = vt_edu_attach(r->edu, r->fd, 0);
	note_map(r);
	note(r, "off", vt_memory(&r->d, false));
	note_stats(r);
	note(r, "on", vt_memory(&r->d, true));
	note_map(r);
	note(r, "detach", vt_edu_detach(r->edu, r->h));
	close(r->fd);
	*r = first;
}

static void many_ranges(struct run *r)
{
	struct vfio_region_dma_range ranges[] = {
		{ VT_MIB(32), SIZE },
		{ VT_MIB(4), 2 * SIZE },
		{ VT_MIB(6), SIZE },
		{ VT_MIB(32), SIZE },
	};
	struct run first = *r;

	r->base = 0;
	r->fd = vt_export(r->d.fd, BAR, O_RDWR | O_CLOEXEC, ranges,
			  VT_ARRAY_SIZE(ranges));
	r->h = vt_edu_attach(r->edu, r->fd, 0);
	note_map(r);
	note(r, "detach", vt_edu_detach(r->edu, r->h));
	close(r->fd);
	*r = first;
}

static void close_while_mapped(struct run *r)
{
	note_map(r);
	vt_close(&r->d);
	note_stats(r);
	note_map(r);
	note_attach(r);
	refused_importers(r);
}

static void after_unbind(struct run *r)
{
	note(r, "unbind", vt_unbind(r->d.bdf));
	note_map(r);
	note_attach(r);
	note(r, "detach", vt_edu_detach(r->edu, r->h));
}

#define STEP(s) { #s, s }

static const struct {
	const char *name;
	void (*run)(struct run *r);
} steps[] = {
	STEP(refused_importers),
	STEP(refused_importers_while_off),
	STEP(attach_and_map),
	STEP(memory_off_and_on),
	STEP(reset),
	STEP(power_state),
	STEP(runtime_pm),
	STEP(export_while_off),
	STEP(many_ranges),
	STEP(close_while_mapped),
	STEP(after_unbind),
};

FIXTURE(parity)
{
	struct answers stock;
	struct answers ours;
	struct run run;
};

VT_EDU_PAIRS(parity);

FIXTURE_SETUP(parity)
{
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	if (!vt_stock_exports())
		SKIP(return, VT_NO_IMPORTERS);
	self->run.edu = vt_edu_open(vt_bdf(variant->edu));
	ASSERT_LE(0, self->run.edu);
}

FIXTURE_TEARDOWN(parity)
{
	close(self->run.edu);
	EXPECT_EQ(0, vt_bind(vt_bdf(variant->memory), VT_DRIVER));
}

static int export_as(int dev, __u32 feature)
{
	struct {
		struct vfio_device_feature_dma_buf head;
		struct vfio_region_dma_range range;
	} arg = {
		.head = {
			.region_index = BAR,
			.open_flags = O_RDWR | O_CLOEXEC,
			.nr_ranges = 1,
		},
		.range = { 0, SIZE },
	};

	return vt_feature(dev, VFIO_DEVICE_FEATURE_GET | feature, &arg,
			  sizeof(arg));
}

/* Answers of all steps; false if the device or a first export cannot be had. */
static bool answer(struct run *r, struct answers *out, const char *bdf,
		   const char *driver, __u32 feature)
{
	struct vpdm_edu_stats stats;
	size_t i;

	r->out = out;
	r->h = 0;
	if (vt_open(&r->d, bdf, driver))
		return false;
	r->fd = export_as(r->d.fd, feature);
	if (r->fd < 0) {
		/* Or an unbind would wait for ever. */
		vt_close(&r->d);
		return false;
	}
	for (i = 0; i < VT_ARRAY_SIZE(steps); i++) {
		r->step = steps[i].name;
		r->base = vt_edu_stats(r->edu, r->h, &stats) ? 0 :
			  stats.invalidations;
		steps[i].run(r);
	}
	close(r->fd);
	return true;
}

static size_t differences(const struct answers *stock,
			  const struct answers *ours)
{
	size_t i, bad = 0;

	for (i = 0; i < stock->nr && i < ours->nr; i++) {
		if (!strcmp(stock->a[i].what, ours->a[i].what) &&
		    stock->a[i].value == ours->a[i].value)
			continue;
		vt_log("stock \"%s\" %lld, ours \"%s\" %lld",
		       stock->a[i].what, stock->a[i].value, ours->a[i].what,
		       ours->a[i].value);
		bad++;
	}
	return bad + (stock->nr != ours->nr);
}

TEST_F(parity, an_importer_sees_no_difference_from_vfio_pci)
{
	const char *bdf = vt_bdf(variant->memory);

	ASSERT_TRUE(answer(&self->run, &self->stock, bdf, VT_STOCK,
			   VFIO_DEVICE_FEATURE_DMA_BUF));
	ASSERT_TRUE(answer(&self->run, &self->ours, bdf, VT_DRIVER,
			   VFIO_DEVICE_FEATURE_DMA_BUF));
	TH_LOG("%zu answers compared", self->stock.nr);
	EXPECT_LT(100, self->stock.nr);
	EXPECT_GT(MAX, self->stock.nr);
	EXPECT_EQ(0, differences(&self->stock, &self->ours));
}

FIXTURE(plain)
{
	struct vt_device d;
	int edu;
	bool can;
};

FIXTURE_SETUP(plain)
{
	self->can = vt_stock_exports();
	ASSERT_EQ(0, vt_param_set("plain_export", "1"));
	ASSERT_EQ(0, vt_open(&self->d, vt_bdf("SW_MEM"), VT_DRIVER));
	self->edu = vt_edu_open(vt_bdf("SW_EDU"));
	ASSERT_LE(0, self->edu);
}

FIXTURE_TEARDOWN(plain)
{
	close(self->edu);
	vt_close(&self->d);
	EXPECT_EQ(0, vt_param_set("plain_export", "0"));
}

static int plain_export(int dev)
{
	return export_as(dev, VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN);
}

TEST_F(plain, is_not_there_unless_asked_for)
{
	ASSERT_EQ(0, vt_param_set("plain_export", "0"));
	EXPECT_FALSE(vt_probe(self->d.fd, VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN,
			      VFIO_DEVICE_FEATURE_GET));
	EXPECT_EQ(-ENOTTY, plain_export(self->d.fd));
	ASSERT_EQ(0, vt_param_set("plain_export", "1"));
	EXPECT_EQ(self->can, vt_probe(self->d.fd,
				      VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN,
				      VFIO_DEVICE_FEATURE_GET));
}

TEST_F(plain, is_not_there_if_vfio_pci_core_has_none)
{
	int fd = plain_export(self->d.fd);

	EXPECT_EQ(self->can ? 0 : -ENOTTY, fd < 0 ? fd : 0);
}

TEST_F(plain, is_a_dmabuf_of_vfio_pci_core)
{
	struct vpdm_edu_stats stats;
	int fd, h;

	if (!self->can)
		SKIP(return, VT_NO_IMPORTERS);
	fd = plain_export(self->d.fd);
	ASSERT_LE(0, fd);
	EXPECT_EQ(EINVAL, vt_map_errno(fd, VT_PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-ENODEV, vt_revoke(self->d.fd, fd));
	EXPECT_EQ(-ENODEV, vt_revoke_ioctl(self->d.fd, fd));
	EXPECT_EQ(-ENODEV, vt_memattr_get(self->d.fd, fd));
	EXPECT_EQ(-ENODEV, vt_memattr_set(self->d.fd, fd,
					  VFIO_DMA_BUF_MEMATTR_NC));

	h = vt_edu_import(self->edu, fd);
	ASSERT_LT(0, h);
	ASSERT_EQ(0, vt_memory(&self->d, false));
	ASSERT_EQ(0, vt_edu_stats(self->edu, h, &stats));
	EXPECT_EQ(0, stats.mapped);
	ASSERT_EQ(0, vt_memory(&self->d, true));
	EXPECT_EQ(0, vt_edu_map(self->edu, h, VPDM_EDU_BIDIRECTIONAL));
	close(fd);
}

TEST_F(plain, an_importer_sees_no_difference_from_vfio_pci)
{
	static struct answers stock, ours;
	struct run run = { .edu = self->edu };
	const char *bdf = vt_bdf("SW_MEM");

	if (!self->can)
		SKIP(return, VT_NO_IMPORTERS);
	if (!vt_has_stock())
		SKIP(return, VT_NO_STOCK);
	vt_close(&self->d);
	ASSERT_TRUE(answer(&run, &stock, bdf, VT_STOCK,
			   VFIO_DEVICE_FEATURE_DMA_BUF));
	ASSERT_TRUE(answer(&run, &ours, bdf, VT_DRIVER,
			   VFIO_DEVICE_FEATURE_DMA_BUF_PLAIN));
	EXPECT_EQ(0, differences(&stock, &ours));
	EXPECT_EQ(0, vt_bind(bdf, VT_DRIVER));
}

TEST_HARNESS_MAIN
