/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel differences that the test modules meet; Kbuild probes for them. */
#ifndef VPDM_TEST_COMPAT_H
#define VPDM_TEST_COMPAT_H

#include <linux/dma-buf.h>
#include <linux/module.h>

/* MODULE_IMPORT_NS() takes an identifier up to 6.12 and a string later. */
#define VPDM_IMPORT_DMA_BUF	MODULE_INFO(import_ns, "DMA_BUF")

#ifdef VPDM_HAVE_INVALIDATE_MAPPINGS
#define VPDM_INVALIDATE_OPTIONAL	true
#else
/* The older name; dma-buf.c of that time warns of an importer without it. */
#define invalidate_mappings	move_notify
#define VPDM_INVALIDATE_OPTIONAL	false
#endif

#endif /* VPDM_TEST_COMPAT_H */
