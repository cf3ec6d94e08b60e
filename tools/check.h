/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of "vfio-dmabuf check" share. A part looks at one thing, and
 * says one line about each fact of it.
 */
#ifndef VFIO_DMABUF_CHECK_H
#define VFIO_DMABUF_CHECK_H

#include "tool.h"

enum verdict {
	FIT,
	WARNING,		/* it works, with less than there could be */
	PROBLEM,		/* it does not work until this is mended */
	NR_VERDICTS,
};

struct report {
	json_t *lines;		/* NULL unless the output is JSON */
	const char *bdf;	/* the device that is looked at, or NULL */
	unsigned int nr[NR_VERDICTS];
};

/* report.c */
void report(struct report *r, const char *check, enum verdict verdict,
	    const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* kconfig.c: what the running kernel was built with */
enum presence {
	PRESENCE_UNKNOWN,
	ABSENT,
	AS_MODULE,
	BUILT_IN,
};

struct kernel {
	char release[NAME_LEN];
	char *config;		/* NULL if there is none to read */
	char *symbols;		/* names, each in a line; NULL as well */
	char *modules;		/* files of /lib/modules, as well */
	char *builtin;
	bool huge_entries;	/* found out by check_kernel() */
};

void kernel_read(struct kernel *k);
void kernel_free(struct kernel *k);
enum presence kernel_option(const struct kernel *k, const char *option);
/*
 * As the configuration says, or else the function @symbol, which is in @module
 * or, with NULL, in the kernel's image.
 */
enum presence kernel_has(const struct kernel *k, const char *option,
			 const char *symbol, const char *module);
/* Whether depmod knows of a module of this file name, without ".ko". */
bool kernel_lists_module(const struct kernel *k, const char *name);

/* check_kernel.c, check_module.c, check_iommu.c, check_device.c, check_bars.c */
void check_kernel(struct report *r, struct kernel *k);
void check_module(struct report *r, const struct kernel *k);
void check_iommu(struct report *r);
void check_device(struct report *r, const char *bdf);
void check_bars(struct report *r, const struct kernel *k, const char *bdf);

#endif /* VFIO_DMABUF_CHECK_H */
