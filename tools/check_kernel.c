// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel: its version, and what it was built with and started with.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define OLDEST_MAJOR	6
#define OLDEST_MINOR	1
#define VFIO_MODULE	"vfio-pci-core"

/* What is in a kernel or is not. */
struct feature {
	const char *check;
	const char *option;
	const char *symbol;
	const char *module;
	const char *present;
	enum verdict without;
	const char *absent;
	const char *remedy;
};

static const struct feature vfio_pci = {
	"kernel.vfio_pci", "VFIO_PCI_CORE", "vfio_pci_core_register_device",
	VFIO_MODULE, "vfio-pci-core", PROBLEM, "no vfio-pci-core",
	"take a kernel with CONFIG_VFIO_PCI",
};

static const struct feature huge_entries = {
	"kernel.huge_pfnmap", "ARCH_SUPPORTS_HUGE_PFNMAP",
	"vfio_pci_mmap_huge_fault", VFIO_MODULE,
	"huge page-table entries for BARs", WARNING,
	"page-table entries of one page only: more faults and TLB misses",
	"take Linux 6.12 or later, on x86-64 or arm64",
};

static const struct feature others[] = {
	{
		"kernel.dmabuf", "VFIO_PCI_DMABUF",
		"vfio_pci_core_feature_dma_buf", VFIO_MODULE,
		"devices can import buffers", WARNING,
		"no importers: buffers are for mmap() alone",
		"take Linux 6.19 or later with CONFIG_VFIO_PCI_DMABUF",
	},
	{
		"kernel.p2pdma", "PCI_P2PDMA", "pci_p2pdma_distance_many", NULL,
		"peer-to-peer DMA", WARNING,
		"no peer-to-peer DMA, so no importers",
		"take a kernel with CONFIG_PCI_P2PDMA",
	},
	{
		"kernel.iommufd", "IOMMUFD", "iommufd_ctx_from_file", "iommufd",
		"iommufd", FIT, "no iommufd: devices are opened by their groups",
		NULL,
	},
};

static enum presence check_feature(struct report *r, const struct kernel *k,
				   const struct feature *f)
{
	enum presence has = kernel_has(k, f->option, f->symbol, f->module);

	switch (has) {
	case PRESENCE_UNKNOWN:
		report(r, f->check, WARNING,
		       "see kernel.config, or load " VFIO_MODULE " and ask again",
		       "CONFIG_%s is not known", f->option);
		break;
	case ABSENT:
		report(r, f->check, f->without, f->remedy, "%s", f->absent);
		break;
	default:
		report(r, f->check, FIT, NULL, "%s (%s)", f->present,
		       has == AS_MODULE ? "module" : "built in");
	}
	return has;
}

static void check_version(struct report *r, const struct kernel *k)
{
	unsigned int major = 0, minor = 0;

	if (sscanf(k->release, "%u.%u", &major, &minor) == 2 &&
	    (major > OLDEST_MAJOR ||
	     (major == OLDEST_MAJOR && minor >= OLDEST_MINOR)))
		report(r, "kernel.version", FIT, NULL, "Linux %s", k->release);
	else
		report(r, "kernel.version", PROBLEM, "take Linux 6.1 or later",
		       "Linux %s is too old", k->release);
}

static void check_config(struct report *r, const struct kernel *k)
{
	if (k->config)
		report(r, "kernel.config", FIT, NULL, "its configuration is known");
	else if (k->symbols)
		report(r, "kernel.config", FIT, NULL,
		       "no file has its configuration; its functions are known");
	else
		report(r, "kernel.config", WARNING,
		       "mount /proc, or put the configuration into /boot",
		       "neither its configuration nor its functions can be read");
}

/* Without options unused by the kernel itself a module of others' cannot load. */
static void check_trim(struct report *r, const struct kernel *k)
{
	enum presence trim = kernel_option(k, "TRIM_UNUSED_KSYMS");

	if (driver_is_there(our_driver()) || trim == ABSENT)
		report(r, "kernel.trim_unused_ksyms", FIT, NULL,
		       "modules find the kernel's functions");
	else if (trim == PRESENCE_UNKNOWN)
		report(r, "kernel.trim_unused_ksyms", WARNING,
		       "load the module to find out",
		       "CONFIG_TRIM_UNUSED_KSYMS is not known");
	else
		report(r, "kernel.trim_unused_ksyms", PROBLEM,
		       "take a kernel without CONFIG_TRIM_UNUSED_KSYMS",
		       "functions that the module needs may be left out");
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at;

	for (at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == ' ') &&
		    (!at[len] || isspace((unsigned char)at[len])))
			return true;
	return false;
}

/* Only x86 has "flags" there, and PAT. */
static void check_pat(struct report *r)
{
	char cpu[8192], line[4096], *flags, *end;

	if (read_text(cpu, sizeof(cpu), "/proc/cpuinfo"))
		cpu[0] = '\0';
	if (read_text(line, sizeof(line), "/proc/cmdline"))
		line[0] = '\0';
	flags = strstr(cpu, "\nflags");
	if (!flags) {
		report(r, "kernel.pat", FIT, NULL,
		       "write-combining needs no PAT here");
		return;
	}
	end = strchr(flags + 1, '\n');
	if (end)
		*end = '\0';
	if (!has_word(flags, "pat"))
		report(r, "kernel.pat", WARNING, NULL,
		       "the processor has no PAT: no write-combining");
	else if (has_word(line, "nopat"))
		report(r, "kernel.pat", WARNING,
		       "boot without \"nopat\"", "PAT is off: no write-combining");
	else
		report(r, "kernel.pat", FIT, NULL, "write-combining by PAT");
}

static void check_lockdown(struct report *r)
{
	char text[NAME_LEN];

	if (read_text(text, sizeof(text), "/sys/kernel/security/lockdown"))
		report(r, "kernel.lockdown", FIT, NULL, "none to be seen");
	else if (strstr(text, "[none]"))
		report(r, "kernel.lockdown", FIT, NULL, "off");
	else
		report(r, "kernel.lockdown", WARNING,
		       "sign the module, or turn Secure Boot off",
		       "on: %s; only signed modules load, and debugfs is closed",
		       text);
}

static void check_sig_enforce(struct report *r)
{
	char text[NAME_LEN];

	if (!read_text(text, sizeof(text),
		       "/sys/module/module/parameters/sig_enforce") &&
	    text[0] == 'Y')
		report(r, "kernel.sig_enforce", WARNING,
		       "sign the module with a key that the kernel knows",
		       "only signed modules load");
	else
		report(r, "kernel.sig_enforce", FIT, NULL, "off");
}

void check_kernel(struct report *r, struct kernel *k)
{
	size_t i;

	check_version(r, k);
	check_config(r, k);
	check_feature(r, k, &vfio_pci);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		check_feature(r, k, &others[i]);
	k->huge_entries = check_feature(r, k, &huge_entries) >= AS_MODULE;
	check_trim(r, k);
	check_pat(r);
	check_lockdown(r);
	check_sig_enforce(r);
}
