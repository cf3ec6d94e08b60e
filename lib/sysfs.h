/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI devices by their addresses, and what sysfs says of them. The tool uses
 * these too: they are in libvfio-dmabuf.a, and no symbols of the shared library.
 */
#ifndef VFIO_DMABUF_SYSFS_H
#define VFIO_DMABUF_SYSFS_H

#include <stdbool.h>
#include <stddef.h>

/* A domain has four digits or more: Intel VMD's start at 10000. */
#define VD_BDF_LEN	sizeof("ffffffff:ff:1f.7")

/* Before every path in /sys and /dev; a test has its own. */
extern const char *vd_root;

/* bdf.c */
int vd_parse_bdf(const char *text, char bdf[VD_BDF_LEN]);

/* sysfs.c */
int vd_sysfs_driver(const char *bdf, char *name, size_t size);
int vd_sysfs_group(const char *bdf, unsigned int *group);
int vd_sysfs_cdev(const char *bdf, char *path, size_t size);
/* Whether a list has a member of a group, whose driver may be "". */
typedef bool vd_member_fn(const char *bdf, const char *driver, void *arg);
/* "0000:01:00.1 (nvme), ...", cut where it does not fit */
void vd_sysfs_group_list(unsigned int group, vd_member_fn *is_wanted, void *arg,
			 char *text, size_t size);
void vd_sysfs_group_others(unsigned int group, char *text, size_t size);

#endif /* VFIO_DMABUF_SYSFS_H */
