/* SPDX-License-Identifier: GPL-2.0-only */
/* Page tables of this process, as vpdm_test_pt.ko reads them */
#ifndef _SELFTESTS_PT_H
#define _SELFTESTS_PT_H

#include <stddef.h>

#include <linux/types.h>

#include "../modules/vpdm_test_pt.h"

/* 0 or -errno, with a message. */
int vt_pt_lookup(const void *addr, struct vpdm_pt_lookup *lookup);
int vt_pt_count(const void *addr, size_t len, struct vpdm_pt_count *count);
/* Present leaf entries of all levels, or -errno. */
long vt_pt_leaves(const void *addr, size_t len);

#endif
