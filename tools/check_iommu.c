// SPDX-License-Identifier: GPL-2.0-only
/*
 * The IOMMU, without which VFIO lends nothing.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "check.h"

/* Entries of a folder. */
static unsigned int count(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s%s", sys_root, dir);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		nr += entry->d_name[0] != '.';
	if (d)
		closedir(d);
	return nr;
}

static bool param_is_set(const char *module, const char *param)
{
	char text[NAME_LEN];

	return !read_text(text, sizeof(text), "/sys/module/%s/parameters/%s",
			  module, param) && text[0] == 'Y';
}

void check_iommu(struct report *r)
{
	unsigned int units = count("/sys/class/iommu");
	unsigned int groups = count("/sys/kernel/iommu_groups");

	if (groups)
		report(r, "iommu.on", FIT, NULL, "%u unit%s, %u group%s", units,
		       units == 1 ? "" : "s", groups, groups == 1 ? "" : "s");
	else
		report(r, "iommu.on", PROBLEM,
		       "turn VT-d, AMD-Vi or the SMMU on in the firmware, and on Intel boot with intel_iommu=on",
		       "there are no IOMMU groups");
	if (param_is_set("vfio", "enable_unsafe_noiommu_mode"))
		report(r, "iommu.unsafe", WARNING,
		       "turn vfio's enable_unsafe_noiommu_mode off",
		       "VFIO opens devices without an IOMMU, whose DMA reaches all memory");
	else if (param_is_set("vfio_iommu_type1", "allow_unsafe_interrupts"))
		report(r, "iommu.unsafe", WARNING,
		       "turn vfio_iommu_type1's allow_unsafe_interrupts off, with interrupt remapping on in the firmware",
		       "users of devices can forge interrupts");
	else
		report(r, "iommu.unsafe", FIT, NULL, "no unsafe mode is on");
}
