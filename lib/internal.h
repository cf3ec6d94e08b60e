/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VFIO_DMABUF_INTERNAL_H
#define VFIO_DMABUF_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sysfs.h"
#include "vfio_dmabuf.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define VD_NR_BARS	6
#define VD_TOKEN_TEXT	sizeof("14d63f20-8445-11ea-8900-1f9ce7d5650d")

/* A VFIO group can be opened once, so the devices of one share it. */
struct vd_group {
	struct vd_group *next;
	unsigned int refs;
	unsigned int id;
	int fd;
	int container_fd;
};

/* A BAR mapping of this process. */
struct vd_mapping {
	struct vd_mapping *next;
	struct vfio_dmabuf_device *dev;
	uintptr_t addr;
	size_t length;
	unsigned int bar;
	uint64_t offset;
	/* As maps shows it: tells whether something else took its place. */
	uint64_t shown;
	dev_t st_dev;
	ino_t st_ino;
	bool ours;
};

struct vd_memfd {
	struct vd_memfd *next;
	int fd;
	dev_t st_dev;
	ino_t st_ino;
};

/* Without one, @text is empty. */
struct vd_token {
	char text[VD_TOKEN_TEXT];
	uint8_t uuid[16];
};

struct vfio_dmabuf_device {
	struct vfio_dmabuf_device *next;
	struct vfio_dmabuf_ctx *ctx;
	char bdf[VD_BDF_LEN];
	struct vd_token token;
	int fd;
	bool adopted;
	struct vd_group *group;
	struct {
		uint64_t offset;
		uint64_t size;
		uint32_t flags;
	} bar[VD_NR_BARS];
};

struct vfio_dmabuf_ctx {
	struct vfio_dmabuf_device *devices;
	struct vd_group *groups;
	struct vd_mapping *mappings;
	struct vd_memfd *memfds;
	int iommufd;
	char error[512];
};

/* context.c */
int vd_error(struct vfio_dmabuf_ctx *ctx, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int vd_last_error(struct vfio_dmabuf_ctx *ctx, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* feature.c: 0, an fd, or a negative errno; the payload @data is read and written */
int vd_feature(struct vfio_dmabuf_device *dev, uint32_t flags, void *data,
	       size_t size);

/* token.c */
int vd_token_parse(const char *text, struct vd_token *token);
/* Says what may be the matter with it, after a failed open. */
const char *vd_token_hint(const struct vfio_dmabuf_device *dev, int err);

/* group.c, cdev.c */
int vd_group_open(struct vfio_dmabuf_device *dev);
void vd_group_put(struct vfio_dmabuf_ctx *ctx, struct vd_group *group);
int vd_cdev_open(struct vfio_dmabuf_device *dev, const char *path);

/* region.c */
int vd_read_bars(struct vfio_dmabuf_device *dev);
void vd_forget_mappings(struct vfio_dmabuf_device *dev);

/* map.c */
uint64_t vd_page_size(void);
int vd_map_aligned(int fd, uint64_t file_offset, uint64_t phase, size_t length,
		   int prot, void **addr);

/* A line of /proc/self/maps. */
struct vd_vma {
	uintptr_t start;
	uintptr_t end;
	uint64_t offset;
	dev_t st_dev;
	ino_t st_ino;
	bool shared;
	const char *name;
};

struct vd_maps {
	struct vd_vma *vma;
	size_t nr;
	char *text;
};

/* procmaps.c */
int vd_maps_parse(char *text, struct vd_maps *maps);
int vd_maps_read(struct vd_maps *maps);
void vd_maps_free(struct vd_maps *maps);
const struct vd_vma *vd_maps_find(const struct vd_maps *maps, uintptr_t addr);
bool vd_vma_is_vfio(const struct vd_vma *vma);

/* One piece of memory: @length bytes at @offset of object @key. */
struct vd_slice {
	const void *key;
	uint64_t offset;
	uint64_t length;
};

struct vd_slices {
	struct vd_slice *slice;
	size_t nr;
};

/*
 * What lies at an address: fills in @slice, with a length of at most @length.
 * Returns 0, VFIO_DMABUF_WRONG_MEMORY or a negative errno.
 */
typedef int (*vd_lookup_fn)(struct vfio_dmabuf_ctx *ctx,
			    const struct vd_maps *maps, uintptr_t addr,
			    size_t length, struct vd_slice *slice);

/* resolve.c */
int vd_resolve(struct vfio_dmabuf_ctx *ctx, const struct vd_maps *maps,
	       vd_lookup_fn lookup, const struct iovec *iov,
	       unsigned int iov_cnt, struct vd_slices *slices);

#endif /* VFIO_DMABUF_INTERNAL_H */
